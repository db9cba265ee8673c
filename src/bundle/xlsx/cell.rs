//! One column's cells: PostgreSQL's text in, a typed cell's XML out, with a tally of what could not be shown as it is.

use super::number::{Digits, exact};
use super::styles::Style;
use super::text::Met;
use super::widths::WIDEST;
use super::wrap::{MOST_LINES, insert, is_short, lines};
use super::{dates, text};
use crate::bundle::encoder::Warning;
use crate::bundle::sheet::{self, Reference, Shape, Sheet};

/// What happened to a value that Excel cannot hold.
#[derive(Clone, Copy)]
enum Case {
    NumberAsText,
    NotANumber,
    DateOutOfRange,
    TimeRounded,
    TextShortened,
}

impl Case {
    const ALL: [Case; 5] =
        [Case::NumberAsText, Case::NotANumber, Case::DateOutOfRange, Case::TimeRounded, Case::TextShortened];

    /// The warning's code and its sentence.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Case::NumberAsText => (
                "xlsx_number_as_text",
                "The workbook shows numbers with more than 15 significant digits, outside Excel's range, or negative zero as text.",
            ),
            Case::NotANumber => ("xlsx_not_a_number", "The workbook shows NaN and infinities as text."),
            Case::DateOutOfRange => (
                "xlsx_date_out_of_range",
                "The workbook shows dates and times outside Excel's calendar (1900-03-01 to 9999-12-31, 00:00 to 23:59) as text.",
            ),
            Case::TimeRounded => ("xlsx_time_rounded", "The workbook shows times rounded to milliseconds."),
            Case::TextShortened => {
                ("xlsx_text_shortened", "The workbook shows only the beginning of texts longer than 32,767 characters.")
            }
        }
    }
}

/// [`Style::Wrapped`], from the quote that ends the attribute before it up to its own, which follows.
const WRAPPED: &[u8] = b"\" s=\"26";

/// Writes the cells of one column.
pub struct Column {
    name: String,
    label: Option<String>,
    slot: usize,
    local_slot: Option<usize>,
    shape: Shape,
    /// `<c r="` and the column's letters; the row's digits follow.
    open: Vec<u8>,
    /// From the quote that ends the attribute before it up to a number or logical value.
    number: Vec<u8>,
    /// The column's width in characters: longer text is wrapped.
    room: usize,
    tally: [u64; Case::ALL.len()],
}

/// Writers for all columns of `sheet` in the workbook, those beside foreign keys included.
pub fn columns(sheet: &Sheet) -> Vec<Column> {
    let mut columns = Vec::with_capacity(sheet.columns.len() + sheet.captions.references.len());
    for (at, column) in sheet.columns.iter().enumerate() {
        let label = sheet.captions.columns.get(at).cloned().flatten();
        columns.push(Column { label, ..Column::new(columns.len(), column) });
        for reference in sheet.captions.references.iter().filter(|reference| reference.column == at) {
            columns.push(Column::of_reference(columns.len(), reference));
        }
    }
    columns
}

impl Column {
    /// A writer for `column`, the `index`-th of its sheet, from 0.
    pub fn new(index: usize, column: &sheet::Column) -> Self {
        let number = match Style::of(column).index() {
            0 => "\"><v>".to_owned(),
            style => format!("\" s=\"{style}\"><v>"),
        };
        Column {
            name: column.name.clone(),
            label: None,
            slot: column.slot,
            local_slot: column.xlsx_slot,
            shape: column.shape,
            open: format!("<c r=\"{}", letters(index)).into_bytes(),
            number: number.into_bytes(),
            room: WIDEST,
            tally: [0; Case::ALL.len()],
        }
    }

    fn of_reference(index: usize, reference: &Reference) -> Self {
        Column {
            name: reference.name.clone(),
            label: reference.label.clone(),
            slot: reference.slot,
            local_slot: None,
            shape: Shape::Text,
            open: format!("<c r=\"{}", letters(index)).into_bytes(),
            number: Vec::new(),
            room: WIDEST,
            tally: [0; Case::ALL.len()],
        }
    }

    /// What stands in the header row of this style: the name, or the label if there is one.
    pub fn heading(&self, style: Style) -> Option<&str> {
        if style == Style::ColumnLabel { self.label.as_deref() } else { Some(&self.name) }
    }

    /// How its values are treated.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Tells how wide the column is; before, it is taken for one of [`WIDEST`].
    pub fn set_width(&mut self, characters: usize) {
        self.room = characters;
    }

    /// Index of the value in a row of a batch.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// Index of the same moment as a local time of the zone in which it is shown, where that is not the value itself.
    pub fn local_slot(&self) -> Option<usize> {
        self.local_slot
    }

    /// Appends the cell of the header row of this style.
    pub fn push_heading(&self, out: &mut Vec<u8>, row: &Digits, style: Style) {
        self.push_open(out, row);
        out.extend_from_slice(format!("\" s=\"{}\"", style.index()).as_bytes());
        match self.heading(style) {
            Some(text) => {
                push_string(out, text.as_bytes());
            }
            None => out.extend_from_slice(b"/>"),
        }
    }

    /// Appends the cell of a value that is not NULL, `value` being its text in UTF-8 and `local` that of [`Column::local_slot`].
    /// Returns the lines that it takes, counted until there are more than [`MOST_LINES`].
    pub fn push(&mut self, out: &mut Vec<u8>, row: &Digits, value: &[u8], local: Option<&[u8]>) -> usize {
        self.push_open(out, row);
        let moment = match self.shape {
            Shape::Bool => {
                out.extend_from_slice(b"\" t=\"b");
                return self.push_number(out, |out| out.push(b'0' + u8::from(value == b"t")));
            }
            Shape::Integer | Shape::Numeric | Shape::Float => {
                // NaN, Infinity and -Infinity are the only texts of these types that end in a letter. Excel takes -0 for 0.
                let number = match value.last() {
                    Some(b'0'..=b'9') if self.shape == Shape::Float => {
                        self.noted((value != b"-0").then_some(value), Case::NumberAsText)
                    }
                    Some(b'0'..=b'9') => self.noted(exact(value), Case::NumberAsText),
                    _ => self.noted(None, Case::NotANumber),
                };
                return match number {
                    Some(number) => self.push_number(out, |out| out.extend_from_slice(number)),
                    None => self.push_text(out, value),
                };
            }
            Shape::Json | Shape::Text => return self.push_text(out, value),
            Shape::Date => dates::date(value),
            // Without a local time the value lies far outside Excel's calendar; what is text is the value, which tells its zone.
            Shape::Timestamp | Shape::TimestampTz => dates::timestamp(local.unwrap_or(value)),
            Shape::Time => dates::time(value),
        };
        match self.noted(moment, Case::DateOutOfRange) {
            Some(serial) => {
                self.tally[Case::TimeRounded as usize] += u64::from(serial.rounded);
                self.push_number(out, |out| serial.push(out))
            }
            None => self.push_text(out, value),
        }
    }

    /// What could not be shown as it is, for `sheet`.
    pub fn warnings(&self, sheet: &str) -> impl Iterator<Item = Warning> {
        Case::ALL.into_iter().filter(|case| self.tally[*case as usize] > 0).map(move |case| {
            let (code, detail) = case.words();
            Warning {
                code: code.to_owned(),
                sheet: Some(sheet.to_owned()),
                column: Some(self.name.clone()),
                count: self.tally[case as usize],
                detail: detail.to_owned(),
            }
        })
    }

    fn noted<T>(&mut self, value: Option<T>, otherwise: Case) -> Option<T> {
        self.tally[otherwise as usize] += u64::from(value.is_none());
        value
    }

    fn push_open(&self, out: &mut Vec<u8>, row: &Digits) {
        out.extend_from_slice(&self.open);
        out.extend_from_slice(row.as_bytes());
    }

    fn push_number(&self, out: &mut Vec<u8>, digits: impl FnOnce(&mut Vec<u8>)) -> usize {
        out.extend_from_slice(&self.number);
        digits(out);
        out.extend_from_slice(b"</v></c>");
        1
    }

    fn push_text(&mut self, out: &mut Vec<u8>, value: &[u8]) -> usize {
        let mut needed = if is_short(value, self.room) { 1 } else { lines(value, self.room, MOST_LINES) };
        if needed > 1 {
            out.extend_from_slice(WRAPPED);
        }
        out.push(b'"');
        let tag = out.len() - 1;
        let met = push_string(out, value);
        self.tally[Case::TextShortened as usize] += u64::from(met.cut);
        // Whether a short text has line breaks turns out while it is written.
        if met.breaks && needed == 1 {
            insert(out, tag, WRAPPED);
            needed = lines(value, self.room, MOST_LINES);
        }
        needed
    }
}

/// Appends the rest of a cell's tag and an inline string, which no reader takes for a formula or a link.
pub fn push_string(out: &mut Vec<u8>, value: &[u8]) -> Met {
    out.extend_from_slice(if text::has_edge_blank(value) {
        b" t=\"inlineStr\"><is><t xml:space=\"preserve\">".as_slice()
    } else {
        b" t=\"inlineStr\"><is><t>"
    });
    let met = text::push_cell(out, value);
    out.extend_from_slice(b"</t></is></c>");
    met
}

/// The letters of the `index`-th column, from 0: A to Z, AA and so on.
pub fn letters(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(shape: Shape, type_name: &str, value: &str) -> (String, Vec<(String, u64)>) {
        let mut column = Column::new(27, &super::super::tests::column("c", shape, type_name, 0));
        let mut out = Vec::new();
        column.push(&mut out, &Digits::of(12), value.as_bytes(), None);
        let warnings = column.warnings("s").map(|warning| (warning.code, warning.count)).collect();
        (String::from_utf8(out).unwrap(), warnings)
    }

    #[test]
    fn values_become_typed_cells() {
        for (shape, type_name, value, rest) in [
            (Shape::Bool, "boolean", "t", " t=\"b\" s=\"9\"><v>1</v>"),
            (Shape::Bool, "boolean", "f", " t=\"b\" s=\"9\"><v>0</v>"),
            (Shape::Integer, "bigint", "-42", "><v>-42</v>"),
            (Shape::Numeric, "numeric(12,2)", "1234.50", " s=\"12\"><v>1234.50</v>"),
            (Shape::Numeric, "numeric", "1234.50", "><v>1234.50</v>"),
            (Shape::Float, "real", "-0.5", "><v>-0.5</v>"),
            (Shape::Float, "double precision", "0.30000000000000004", "><v>0.30000000000000004</v>"),
            (Shape::Float, "double precision", "1e+20", "><v>1e+20</v>"),
            (Shape::Date, "date", "2026-11-21", " s=\"2\"><v>46347</v>"),
            (Shape::Timestamp, "timestamp", "2026-11-21 12:00:00", " s=\"3\"><v>46347.5</v>"),
            (Shape::TimestampTz, "timestamptz", "2026-11-21 12:00:00+00", " s=\"3\"><v>46347.5</v>"),
            (Shape::Time, "time", "06:00:00", " s=\"4\"><v>0.25</v>"),
            (Shape::Text, "text", "", " t=\"inlineStr\"><is><t></t></is>"),
            (Shape::Text, "text", "=1+1", " t=\"inlineStr\"><is><t>=1+1</t></is>"),
            (Shape::Text, "text", " a", " t=\"inlineStr\"><is><t xml:space=\"preserve\"> a</t></is>"),
            (Shape::Json, "json", "{\"a\":1}", " t=\"inlineStr\"><is><t>{&quot;a&quot;:1}</t></is>"),
        ] {
            assert_eq!(cell(shape, type_name, value), (format!("<c r=\"AB12\"{rest}</c>"), vec![]), "{value}");
        }
    }

    #[test]
    fn text_longer_than_the_column_or_with_line_breaks_is_wrapped() {
        assert_eq!(WRAPPED, format!("\" s=\"{}", Style::Wrapped.index()).as_bytes());
        let mut column = Column::new(0, &super::super::tests::column("c", Shape::Text, "text", 0));
        let pushed = |column: &mut Column, value: &str| {
            let mut out = Vec::new();
            let lines = column.push(&mut out, &Digits::of(2), value.as_bytes(), None);
            (String::from_utf8(out).unwrap().starts_with("<c r=\"A2\" s=\"26\" t=\"inlineStr\">"), lines)
        };
        assert_eq!(pushed(&mut column, &"x".repeat(WIDEST)), (false, 1));
        assert_eq!(pushed(&mut column, &"x".repeat(WIDEST + WIDEST / 8 + 1)), (true, 2));
        assert_eq!(pushed(&mut column, "a\nb"), (true, 2));
        column.set_width(8);
        assert_eq!(pushed(&mut column, "123456789"), (false, 1));
        assert_eq!(pushed(&mut column, "1234567890"), (true, 2));
        assert_eq!(pushed(&mut column, &"123456789".repeat(100)), (true, MOST_LINES + 1));
    }

    #[test]
    fn what_excel_cannot_hold_is_text_and_counted() {
        for (shape, value, code) in [
            (Shape::Integer, "9223372036854775807", "xlsx_number_as_text"),
            (Shape::Numeric, "0.1234567890123456", "xlsx_number_as_text"),
            (Shape::Numeric, "NaN", "xlsx_not_a_number"),
            (Shape::Float, "-Infinity", "xlsx_not_a_number"),
            (Shape::Float, "-0", "xlsx_number_as_text"),
            (Shape::Date, "infinity", "xlsx_date_out_of_range"),
            (Shape::TimestampTz, "0044-03-15 00:00:00+00 BC", "xlsx_date_out_of_range"),
            (Shape::Time, "24:00:00", "xlsx_date_out_of_range"),
        ] {
            let text = format!("<c r=\"AB12\" t=\"inlineStr\"><is><t>{value}</t></is></c>");
            assert_eq!(cell(shape, "", value), (text, vec![(code.to_owned(), 1)]));
        }
        let (_, warnings) = cell(Shape::Time, "time", "00:00:00.0001");
        assert_eq!(warnings, [("xlsx_time_rounded".to_owned(), 1)]);
        let (_, warnings) = cell(Shape::Text, "text", &"x".repeat(40_000));
        assert_eq!(warnings, [("xlsx_text_shortened".to_owned(), 1)]);
    }

    #[test]
    fn columns_have_letters() {
        for (index, expected) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(letters(index), expected);
        }
    }
}
