//! One sheet as a stream of worksheet XML (ECMA-376 part 1, 18.3.1.99), continued on further Excel sheets where rows exceed one.

use std::io::Write;

use super::cell::{Column, columns, letters};
use super::names::Names;
use super::number::Digits;
use super::package::{ExcelSheet, HEAD, MAIN};
use super::page;
use super::parts::Parts;
use super::styles::Style;
use super::widths::{WIDEST, Widths};
use super::wrap::{MOST_HEADER_LINES, MOST_LINES, lines, push_height};
use crate::bundle::Result;
use crate::bundle::batch::Batch;
use crate::bundle::encoder::Warning;
use crate::bundle::sheet::Sheet;

/// Most rows of an Excel sheet, its header included ("Excel specifications and limits").
const MAX_ROWS: u32 = 1_048_576;
/// Most columns of an Excel sheet.
pub const MAX_COLUMNS: usize = 16_384;
/// Bytes of XML gathered before they are deflated.
const BLOCK: usize = 64 << 10;
/// Widths are settled after this many rows, or bytes: `cols` stands before the rows, so these must wait.
const SAMPLE_ROWS: u32 = 200;
const SAMPLE_BYTES: usize = 1 << 20;

/// Writes one sheet.
pub struct SheetWriter {
    name: String,
    columns: Vec<Column>,
    /// XML not yet deflated.
    out: Vec<u8>,
    header_rows: u32,
    /// Rows of the Excel sheet under way, its header included.
    row: u32,
    /// While the widths are not settled.
    sample: Option<Widths>,
    /// Of all columns together, once settled.
    width: usize,
    excel: Vec<ExcelSheet>,
}

impl SheetWriter {
    /// Starts `sheet`, which has at most [`MAX_COLUMNS`] columns, on a new Excel sheet.
    pub fn begin(sheet: &Sheet, parts: &mut Parts, names: &mut Names) -> Result<Self> {
        let mut writer = SheetWriter {
            name: sheet.name.clone(),
            columns: columns(sheet),
            header_rows: sheet.header_rows(),
            out: Vec::with_capacity(2 * BLOCK),
            row: 0,
            sample: None,
            width: 0,
            excel: Vec::new(),
        };
        writer.begin_part(parts, names)?;
        Ok(writer)
    }

    /// Writes the rows of `batch`.
    pub fn rows(&mut self, batch: &Batch, parts: &mut Parts, names: &mut Names) -> Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        for row in 0..batch.rows() {
            if self.row == MAX_ROWS {
                self.end_part(parts)?;
                self.begin_part(parts, names)?;
            }
            self.push_row(batch, row);
            if self.sample.is_some() && (self.row > SAMPLE_ROWS || self.out.len() > SAMPLE_BYTES) {
                self.settle_widths(parts)?;
            }
            if self.sample.is_none() && self.out.len() >= BLOCK {
                self.flush(parts)?;
            }
        }
        Ok(())
    }

    /// Ends the sheet: the Excel sheets it has become, and what could not be shown as it is.
    pub fn end(mut self, parts: &mut Parts) -> Result<(Vec<ExcelSheet>, Vec<Warning>)> {
        self.end_part(parts)?;
        let mut warnings: Vec<Warning> = self.columns.iter().flat_map(|column| column.warnings(&self.name)).collect();
        if let [_, more @ ..] = self.excel.as_slice()
            && !more.is_empty()
        {
            warnings.push(Warning {
                code: "xlsx_sheet_continued".to_owned(),
                sheet: Some(self.name),
                column: None,
                count: more.iter().map(|sheet| sheet.rows).sum(),
                detail: "The workbook continues the sheet on further ones: Excel holds 1,048,576 rows on each."
                    .to_owned(),
            });
        }
        Ok((self.excel, warnings))
    }

    fn begin_part(&mut self, parts: &mut Parts, names: &mut Names) -> Result<()> {
        let name = names.claim(&self.name, self.excel.len() + 1);
        self.excel.push(ExcelSheet { name, rows: 0, header_rows: self.header_rows, is_wide: false, range: None });
        self.row = 0;
        if self.columns.is_empty() {
            return parts.write(format!("{HEAD}<worksheet xmlns=\"{MAIN}\"><sheetData>").as_bytes());
        }
        let widths = Widths::of_headers(&self.columns);
        let header: &[Style] =
            if self.header_rows > 1 { &[Style::HeaderAbove, Style::ColumnLabel] } else { &[Style::Header] };
        header.iter().for_each(|style| self.push_header(*style, &widths));
        self.sample = Some(widths);
        // No column of the sample is narrower in the end than its text is long, WIDEST apart.
        self.columns.iter_mut().for_each(|column| column.set_width(WIDEST));
        Ok(())
    }

    fn push_header(&mut self, style: Style, widths: &Widths) {
        self.row += 1;
        let digits = Digits::of(self.row.into());
        let tag = self.begin_row(&digits);
        let mut most = 1;
        for (column, width) in self.columns.iter().zip(widths.all()) {
            column.push_heading(&mut self.out, &digits, style);
            let text = column.heading(style).unwrap_or_default();
            most = most.max(lines(text.as_bytes(), width, MOST_HEADER_LINES));
        }
        self.end_row(tag, most, MOST_HEADER_LINES);
    }

    fn push_row(&mut self, batch: &Batch, row: usize) {
        self.row += 1;
        let digits = Digits::of(self.row.into());
        let tag = self.begin_row(&digits);
        let mut most = 1;
        for column in &mut self.columns {
            if let Some(value) = batch.value(row, column.slot()) {
                let local = column.local_slot().and_then(|slot| batch.value(row, slot));
                most = most.max(column.push(&mut self.out, &digits, value, local));
            }
        }
        self.end_row(tag, most, MOST_LINES);
        if let Some(widths) = &mut self.sample {
            widths.see(self.columns.iter().map(|column| batch.value(row, column.slot())));
        }
    }

    /// Returns where the row's tag ends.
    fn begin_row(&mut self, digits: &Digits) -> usize {
        self.out.extend_from_slice(b"<row r=\"");
        self.out.extend_from_slice(digits.as_bytes());
        self.out.extend_from_slice(b"\">");
        self.out.len() - 1
    }

    /// Ends the row whose tag ends at `tag`; it gets as tall as it has lines, up to `limit` of them.
    fn end_row(&mut self, tag: usize, lines: usize, limit: usize) {
        self.out.extend_from_slice(b"</row>");
        if lines > 1 {
            push_height(&mut self.out, tag, lines, limit);
        }
    }

    /// Writes what stands before the rows, now that the widths are known.
    fn settle_widths(&mut self, parts: &mut Parts) -> Result<()> {
        let Some(widths) = self.sample.take() else { return Ok(()) };
        self.width = widths.all().sum();
        self.columns.iter_mut().zip(widths.all()).for_each(|(column, width)| column.set_width(width));
        let (frozen, first) = (self.header_rows, self.header_rows + 1);
        let mut head = Vec::new();
        write!(
            head,
            "{HEAD}<worksheet xmlns=\"{MAIN}\">{}<sheetViews><sheetView workbookViewId=\"0\">\
             <pane ySplit=\"{frozen}\" topLeftCell=\"A{first}\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             <selection pane=\"bottomLeft\" activeCell=\"A{first}\" sqref=\"A{first}\"/></sheetView></sheetViews>{}",
            page::FIT,
            page::HEIGHTS
        )?;
        widths.push(&mut head);
        head.extend_from_slice(b"<sheetData>");
        parts.write(&head)
    }

    fn end_part(&mut self, parts: &mut Parts) -> Result<()> {
        self.settle_widths(parts)?;
        self.out.extend_from_slice(b"</sheetData>");
        if let (Some(last), Some(sheet)) = (self.columns.len().checked_sub(1), self.excel.last_mut()) {
            sheet.rows = u64::from(self.row - self.header_rows);
            // From the last header row on, so that sorting moves no labels.
            let (first, column) = (self.header_rows, letters(last));
            write!(self.out, "<autoFilter ref=\"A{first}:{column}{}\"/>", self.row)?;
            sheet.range = Some(format!("$A${first}:${column}${}", self.row));
            sheet.is_wide = page::pages(self.width) > 1;
            self.out.extend_from_slice(page::setup(self.width, true).as_bytes());
        }
        self.out.extend_from_slice(b"</worksheet>");
        self.flush(parts)?;
        parts.end()
    }

    fn flush(&mut self, parts: &mut Parts) -> Result<()> {
        parts.write(&self.out)?;
        self.out.clear();
        // One giant row must not keep its room for the rest of the run.
        self.out.shrink_to(SAMPLE_BYTES + BLOCK);
        Ok(())
    }
}
