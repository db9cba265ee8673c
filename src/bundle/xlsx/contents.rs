//! The contents sheet: what this is, its sheets with links, warnings and notes. All that varies between runs stands here.

use std::fmt::Write;

use super::cell::{letters, push_string};
use super::package::{HEAD, MAIN, escaped, quoted, w3c_time};
use super::styles::Style;
use super::wrap::{MOST_LINES, lines, push_height};
use super::{About, SheetEntry, page};
use crate::bundle::encoder::Warning;
use crate::bundle::sheet::SheetKind;

/// The part's XML; `found` are the warnings met while the table sheets were written.
pub fn part(about: &About, sheets: &[SheetEntry], found: &[Warning]) -> Vec<u8> {
    let labelled = sheets.iter().any(|sheet| sheet.label.is_some());
    let mut page = Page::new(if labelled { &WIDTHS_WITH_LABELS } else { &WIDTHS });
    page.row(&[Cell::Text(Style::Title, &format!("Backup of {}", about.database))]);
    page.blank();
    facts(&mut page, about, sheets);
    page.blank();
    table(&mut page, sheets, labelled);
    let warnings: Vec<&Warning> = about.warnings.iter().chain(found).collect();
    if !warnings.is_empty() {
        page.blank();
        let left: &[&str] = if labelled { &["Warning about", "Column", ""] } else { &["Warning about", "Column"] };
        page.header(left, "Values", "What the reader should know");
        for warning in warnings {
            let mut row = vec![
                Cell::Text(Style::Wrapped, warning.sheet.as_deref().unwrap_or("the backup")),
                Cell::Text(Style::Wrapped, warning.column.as_deref().unwrap_or("")),
            ];
            row.extend(labelled.then_some(GAP));
            row.extend([Cell::Number(warning.count), GAP, Cell::Text(Style::Wrapped, &warning.detail)]);
            page.row(&row);
        }
    }
    if !about.notes.is_empty() {
        page.blank();
        let left: &[&str] = if labelled { &["Notes", "", ""] } else { &["Notes", ""] };
        page.header(left, "", "");
        for note in &about.notes {
            page.row(&[Cell::Text(Style::General, note)]);
        }
    }
    page.finish()
}

fn facts(page: &mut Page, about: &About, sheets: &[SheetEntry]) {
    let by = match &about.requested_by_label {
        Some(label) => format!("{label} ({})", about.requested_by_email),
        None => about.requested_by_email.clone(),
    };
    let started = w3c_time(&about.started_at)
        .map_or_else(|| about.started_at.clone(), |time| time.replace('T', " ").replace('Z', " UTC"));
    let rows = counted(sheets.iter().map(|sheet| sheet.rows).sum(), "row");
    let content = format!("{rows} in {}", counted(sheets.len() as u64, "table"));
    for (label, value) in [
        ("Started", started.as_str()),
        ("Requested by", &by),
        ("Kind", &about.kind),
        ("Scope", &about.scope),
        ("Content", &content),
        ("Times with a zone", &format!("shown in {}", about.time_zone)),
        ("Backup id", &about.id),
    ] {
        page.row(&[Cell::Text(Style::Label, label), Cell::Text(Style::General, value)]);
    }
}

fn table(page: &mut Page, sheets: &[SheetEntry], labelled: bool) {
    let sheet = "Sheet in this workbook";
    let left: &[&str] = if labelled { &["Table", "What it holds", sheet] } else { &["Table", sheet] };
    page.header(left, "Rows", "Kind");
    for sheet in sheets {
        let kind = match sheet.kind {
            SheetKind::Entity => "records",
            SheetKind::Ref => "reference data",
        };
        let mut row = |excel, rows| {
            let mut row = vec![Cell::Text(Style::Wrapped, &sheet.name)];
            row.extend(labelled.then(|| Cell::Text(Style::Wrapped, sheet.label.as_deref().unwrap_or_default())));
            row.extend([excel, Cell::Number(rows), GAP, Cell::Text(Style::General, kind)]);
            page.row(&row);
        };
        match sheet.excel.as_slice() {
            [] => row(Cell::Text(Style::General, "left out, see the warning"), sheet.rows),
            // A table without columns has rows all the same; its Excel sheet cannot show them.
            [only] => row(Cell::Link(&only.name), sheet.rows),
            several => several.iter().for_each(|excel| row(Cell::Link(&excel.name), excel.rows)),
        }
    }
}

/// `count` things, in words, with separators between thousands.
fn counted(count: u64, thing: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The columns' widths in characters: names and sheets, counts, the gap, what else there is.
const WIDTHS: [usize; 5] = [36, 36, 14, 2, 72];
/// The same where tables have labels.
const WIDTHS_WITH_LABELS: [usize; 6] = [36, 48, 36, 14, 2, 72];

/// The narrow column between numbers and the text on their right.
const GAP: Cell = Cell::Text(Style::General, "");

enum Cell<'a> {
    /// Nothing is written for an empty text.
    Text(Style, &'a str),
    Number(u64),
    /// A link to the sheet of this name.
    Link(&'a str),
}

struct Page {
    widths: &'static [usize],
    rows: Vec<u8>,
    links: String,
    row: usize,
}

impl Page {
    fn new(widths: &'static [usize]) -> Self {
        Page { widths, rows: Vec::new(), links: String::new(), row: 0 }
    }

    fn blank(&mut self) {
        self.row += 1;
    }

    /// A header row: `left` labels, one above numbers, and one above the text on their right.
    fn header(&mut self, left: &[&str], number: &str, right: &str) {
        self.row += 1;
        self.open_row();
        let left = left.iter().map(|label| (Style::Header, *label));
        let others = [(Style::HeaderRight, number), (Style::Header, ""), (Style::Header, right)];
        for (at, (style, label)) in left.chain(others).enumerate() {
            self.open_cell(at, style);
            push_string(&mut self.rows, label.as_bytes());
        }
        self.rows.extend_from_slice(b"</row>");
    }

    fn row(&mut self, cells: &[Cell]) {
        self.row += 1;
        let tag = self.open_row();
        let mut most = 1;
        for (at, cell) in cells.iter().enumerate() {
            match cell {
                Cell::Text(_, "") => {}
                Cell::Text(style, text) => {
                    if *style == Style::Wrapped {
                        most = most.max(lines(text.as_bytes(), self.widths[at], MOST_LINES));
                    }
                    self.open_cell(at, *style);
                    push_string(&mut self.rows, text.as_bytes());
                }
                Cell::Number(number) => {
                    self.open_cell(at, Style::Decimals(0));
                    self.rows.extend_from_slice(format!("><v>{number}</v></c>").as_bytes());
                }
                Cell::Link(sheet) => {
                    self.open_cell(at, Style::Link);
                    push_string(&mut self.rows, sheet.as_bytes());
                    let target = escaped(&format!("{}!A1", quoted(sheet)));
                    // Writing to a String cannot fail.
                    let _ = write!(
                        self.links,
                        "<hyperlink ref=\"{}{}\" location=\"{target}\" display=\"{}\"/>",
                        letters(at),
                        self.row,
                        escaped(sheet)
                    );
                }
            }
        }
        self.rows.extend_from_slice(b"</row>");
        if most > 1 {
            push_height(&mut self.rows, tag, most, MOST_LINES);
        }
    }

    /// Returns where the row's tag ends.
    fn open_row(&mut self) -> usize {
        self.rows.extend_from_slice(format!("<row r=\"{}\">", self.row).as_bytes());
        self.rows.len() - 1
    }

    fn open_cell(&mut self, column: usize, style: Style) {
        let cell = format!("<c r=\"{}{}\" s=\"{}\"", letters(column), self.row, style.index());
        self.rows.extend_from_slice(cell.as_bytes());
    }

    fn finish(self) -> Vec<u8> {
        let mut xml = format!(
            "{HEAD}<worksheet xmlns=\"{MAIN}\">{}\
             <sheetViews><sheetView showGridLines=\"0\" tabSelected=\"1\" workbookViewId=\"0\"/></sheetViews>{}<cols>",
            page::FIT,
            page::HEIGHTS
        )
        .into_bytes();
        for (at, width) in self.widths.iter().enumerate() {
            let column = at + 1;
            let tag = format!("<col min=\"{column}\" max=\"{column}\" width=\"{width}.7109375\" customWidth=\"1\"/>");
            xml.extend_from_slice(tag.as_bytes());
        }
        xml.extend_from_slice(b"</cols><sheetData>");
        xml.extend_from_slice(&self.rows);
        xml.extend_from_slice(b"</sheetData>");
        if !self.links.is_empty() {
            xml.extend_from_slice(format!("<hyperlinks>{}</hyperlinks>", self.links).as_bytes());
        }
        xml.extend_from_slice(page::setup(self.widths.iter().sum(), false).as_bytes());
        xml.extend_from_slice(b"</worksheet>");
        xml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_words() {
        for (count, words) in
            [(0, "0 rows"), (1, "1 row"), (999, "999 rows"), (1000, "1,000 rows"), (1234567, "1,234,567 rows")]
        {
            assert_eq!(counted(count, "row"), words);
        }
    }
}
