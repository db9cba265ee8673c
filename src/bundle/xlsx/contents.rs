//! The contents sheet: what this is, its sheets with links, warnings and notes. All that varies between runs stands here.

use std::fmt::Write;

use super::cell::{letters, push_string};
use super::package::{HEAD, MAIN, escaped, quoted, w3c_time};
use super::styles::Style;
use super::{About, SheetEntry};
use crate::bundle::encoder::Warning;
use crate::bundle::sheet::SheetKind;

/// The part's XML; `found` are the warnings met while the table sheets were written.
pub fn part(about: &About, sheets: &[SheetEntry], found: &[Warning]) -> Vec<u8> {
    let mut page = Page::default();
    page.row(&[Cell::Text(Style::Title, &format!("Backup of {}", about.database))]);
    page.blank();
    facts(&mut page, about, sheets);
    page.blank();
    table(&mut page, sheets);
    let warnings: Vec<&Warning> = about.warnings.iter().chain(found).collect();
    if !warnings.is_empty() {
        page.blank();
        page.header(&["Warning about", "Column"], "Values", "What the reader should know");
        for warning in warnings {
            page.row(&[
                Cell::Text(Style::General, warning.sheet.as_deref().unwrap_or("the backup")),
                Cell::Text(Style::General, warning.column.as_deref().unwrap_or("")),
                Cell::Number(warning.count),
                GAP,
                Cell::Text(Style::General, &warning.detail),
            ]);
        }
    }
    if !about.notes.is_empty() {
        page.blank();
        page.header(&["Notes", ""], "", "");
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

fn table(page: &mut Page, sheets: &[SheetEntry]) {
    page.header(&["Table", "Sheet in this workbook"], "Rows", "Kind");
    for sheet in sheets {
        let kind = match sheet.kind {
            SheetKind::Entity => "records",
            SheetKind::Ref => "reference data",
        };
        let mut row = |excel, rows| {
            let name = Cell::Text(Style::General, &sheet.name);
            page.row(&[name, excel, Cell::Number(rows), GAP, Cell::Text(Style::General, kind)]);
        };
        match sheet.excel.as_slice() {
            [] => row(Cell::Text(Style::General, "left out, see the warning"), sheet.rows),
            // A table without columns has rows all the same; its Excel sheet cannot show them.
            [only] => row(Cell::Link(&only.name), sheet.rows),
            several => several.iter().for_each(|excel| row(Cell::Link(&excel.name), excel.rows)),
        }
    }
}

/// `count` things, in words.
fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The narrow column between numbers and the text on their right.
const GAP: Cell = Cell::Text(Style::General, "");

enum Cell<'a> {
    /// Nothing is written for an empty text.
    Text(Style, &'a str),
    Number(u64),
    /// A link to the sheet of this name.
    Link(&'a str),
}

#[derive(Default)]
struct Page {
    rows: Vec<u8>,
    links: String,
    row: usize,
}

impl Page {
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
        self.open_row();
        for (at, cell) in cells.iter().enumerate() {
            match cell {
                Cell::Text(_, "") => {}
                Cell::Text(style, text) => {
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
    }

    fn open_row(&mut self) {
        self.rows.extend_from_slice(format!("<row r=\"{}\">", self.row).as_bytes());
    }

    fn open_cell(&mut self, column: usize, style: Style) {
        let cell = format!("<c r=\"{}{}\" s=\"{}\"", letters(column), self.row, style.index());
        self.rows.extend_from_slice(cell.as_bytes());
    }

    fn finish(self) -> Vec<u8> {
        let mut xml = format!(
            "{HEAD}<worksheet xmlns=\"{MAIN}\"><sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr>\
             <sheetViews><sheetView showGridLines=\"0\" tabSelected=\"1\" workbookViewId=\"0\"/></sheetViews>\
             <cols><col min=\"1\" max=\"2\" width=\"36.7109375\" customWidth=\"1\"/>\
             <col min=\"3\" max=\"3\" width=\"14.7109375\" customWidth=\"1\"/>\
             <col min=\"4\" max=\"4\" width=\"2.7109375\" customWidth=\"1\"/>\
             <col min=\"5\" max=\"5\" width=\"72.7109375\" customWidth=\"1\"/></cols><sheetData>"
        )
        .into_bytes();
        xml.extend_from_slice(&self.rows);
        xml.extend_from_slice(b"</sheetData>");
        if !self.links.is_empty() {
            xml.extend_from_slice(format!("<hyperlinks>{}</hyperlinks>", self.links).as_bytes());
        }
        xml.extend_from_slice(b"<pageSetup orientation=\"landscape\" fitToHeight=\"0\"/></worksheet>");
        xml
    }
}
