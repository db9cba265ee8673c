//! The workbook (ECMA-376): a contents sheet, then one sheet per table.
//!
//! The sheets' XML is written here and not by a library: any number of sheets goes through one scratch file, deflated as it comes,
//! and memory stays flat. Rows flow `sheet` → `cell` → `parts`; `assemble` joins them with `contents` and the `package`'s small parts.

mod assemble;
mod cell;
mod contents;
mod dates;
mod names;
mod number;
mod package;
mod page;
mod parts;
mod sheet;
mod styles;
mod text;
mod widths;
mod wrap;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::Arc;

use names::Names;
use package::ExcelSheet;
use parts::Parts;
use sheet::{MAX_COLUMNS, SheetWriter};

use super::Result;
use super::batch::Batch;
use super::encoder::{Abort, Encoded, Encoder, Warning};
use super::sheet::{Sheet, SheetKind};

/// What the contents sheet says about the run. Nothing of it reaches the table sheets.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The database's name.
    pub database: String,
    /// The backup's id.
    pub id: String,
    /// The run's kind, e.g. `on_demand`.
    pub kind: String,
    /// Who asked for the run.
    pub requested_by_email: String,
    /// A name for that person or job, where there is one.
    pub requested_by_label: Option<String>,
    /// When the run started, RFC 3339 in UTC.
    pub started_at: String,
    /// `full`, `data` or `config`.
    pub scope: String,
    /// The zone in which columns with time zone are shown.
    pub time_zone: String,
    /// Sentences about what else a reader should know, such as the tables left out.
    pub notes: Vec<String>,
    /// Warnings known before the rows are read.
    pub warnings: Vec<Warning>,
}

/// A sheet of the bundle and what it has become in the workbook.
struct SheetEntry {
    name: String,
    label: Option<String>,
    kind: SheetKind,
    rows: u64,
    /// Empty where it was left out.
    excel: Vec<ExcelSheet>,
}

/// Writes the workbook.
pub struct XlsxEncoder {
    parts: Parts,
    workbook: File,
    abort: Abort,
    about: About,
    names: Names,
    sheets: Vec<SheetEntry>,
    writer: Option<SheetWriter>,
    warnings: Vec<Warning>,
}

impl XlsxEncoder {
    /// An encoder that uses two empty scratch files, open for reading and writing: `spool` for the table sheets, `workbook` for the
    /// result. `level` is deflate's, 0 to 9.
    pub fn new(spool: File, workbook: File, level: u32, abort: Abort, about: About) -> Self {
        XlsxEncoder {
            parts: Parts::new(spool, level, abort.clone()),
            workbook,
            abort,
            about,
            names: Names::default(),
            sheets: Vec::new(),
            writer: None,
            warnings: Vec::new(),
        }
    }
}

impl Encoder for XlsxEncoder {
    fn begin_sheet(&mut self, sheet: &Arc<Sheet>) -> Result<()> {
        let label = sheet.captions.table.clone();
        self.sheets.push(SheetEntry { name: sheet.name.clone(), label, kind: sheet.kind, rows: 0, excel: Vec::new() });
        let named = |warning: &Warning| Warning { sheet: Some(sheet.name.clone()), ..warning.clone() };
        self.warnings.extend(sheet.captions.warnings.iter().map(named));
        if sheet.columns.len() + sheet.captions.references.len() > MAX_COLUMNS {
            self.warnings.push(Warning {
                code: "xlsx_too_many_columns".to_owned(),
                sheet: Some(sheet.name.clone()),
                column: None,
                count: sheet.columns.len() as u64,
                detail: "The workbook leaves the sheet out: Excel holds 16,384 columns on one.".to_owned(),
            });
            return Ok(());
        }
        self.writer = Some(SheetWriter::begin(sheet, &mut self.parts, &mut self.names)?);
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        if let Some(entry) = self.sheets.last_mut() {
            entry.rows += batch.rows() as u64;
        }
        match &mut self.writer {
            Some(writer) => writer.rows(batch, &mut self.parts, &mut self.names),
            None => self.abort.check(),
        }
    }

    fn end_sheet(&mut self) -> Result<()> {
        if let (Some(writer), Some(entry)) = (self.writer.take(), self.sheets.last_mut()) {
            let (excel, warnings) = writer.end(&mut self.parts)?;
            entry.excel = excel;
            self.warnings.extend(warnings);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Encoded> {
        let XlsxEncoder { parts, workbook, abort, about, sheets, warnings, .. } = *self;
        let excel: Vec<&ExcelSheet> = sheets.iter().flat_map(|sheet| &sheet.excel).collect();
        let small = [
            ("[Content_Types].xml", package::content_types(excel.len()).into_bytes()),
            ("_rels/.rels", package::package_relationships().into_bytes()),
            ("docProps/app.xml", package::application().into_bytes()),
            ("docProps/core.xml", package::properties(&about).into_bytes()),
            ("xl/workbook.xml", package::workbook(&excel).into_bytes()),
            ("xl/_rels/workbook.xml.rels", package::workbook_relationships(excel.len()).into_bytes()),
            ("xl/styles.xml", styles::part().into_bytes()),
            (&parts::path(0), contents::part(&about, &sheets, &warnings)),
        ];
        let small = small.map(|(path, content)| (path.to_owned(), content)).into();
        let workbook = assemble::assemble(small, parts, workbook, &abort)?;
        let named = |sheet: SheetEntry| (sheet.name, sheet.excel.into_iter().map(|excel| excel.name).collect());
        Ok(Encoded {
            spool: workbook.file,
            crc32: Some(workbook.crc32),
            files: vec![workbook.info],
            warnings,
            sheet_names: sheets.into_iter().map(named).collect(),
            end_marks: Vec::new(),
        })
    }
}
