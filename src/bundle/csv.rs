//! CSV, byte for byte what PostgreSQL's `COPY … WITH (FORMAT csv, HEADER, ENCODING 'UTF8')` writes.
//!
//! The rules are those of `CopyAttributeOutCSV` and `CopyOneRowTo` in PostgreSQL 15's `copyto.c`: comma, double quote doubled,
//! a line feed after each row, NULL as an unquoted empty field; the header line follows the same rules as a row.

use std::fs::File;
use std::sync::Arc;

use super::Result;
use super::archive::{BLOCK, Spool};
use super::batch::Batch;
use super::encoder::{Abort, Encoded, Encoder};
use super::names::file_stem;
use super::sheet::Sheet;

/// Writes `csv/<stem>.csv` for each sheet. Generated columns are left out: COPY cannot load them.
pub struct CsvEncoder {
    out: Output,
    slots: Vec<usize>,
}

/// Where the text goes.
struct Output {
    spool: Spool,
    /// Of the sheet under way.
    path: String,
    /// [`Encoded::end_marks`].
    end_marks: Vec<String>,
}

impl CsvEncoder {
    /// An encoder that deflates into `spool`, an empty unlinked file, with `level` 0 to 9.
    pub fn new(spool: File, level: u32, abort: Abort) -> Self {
        CsvEncoder::into_spool(Spool::new(spool, level, abort))
    }

    /// An encoder that only hashes what it would write; `spool` as above.
    pub fn hashing(spool: File, abort: Abort) -> Self {
        CsvEncoder::into_spool(Spool::hashing(spool, abort))
    }

    fn into_spool(spool: Spool) -> Self {
        CsvEncoder { out: Output { spool, path: String::new(), end_marks: Vec::new() }, slots: Vec::new() }
    }
}

impl Encoder for CsvEncoder {
    fn begin_sheet(&mut self, sheet: &Arc<Sheet>) -> Result<()> {
        self.out.path = format!("csv/{}.csv", file_stem(&sheet.name));
        self.out.spool.begin(self.out.path.clone())?;
        self.slots = sheet.csv_columns().map(|column| column.slot).collect();
        let alone = self.slots.len() == 1;
        for (index, column) in sheet.csv_columns().enumerate() {
            if index > 0 {
                self.out.spool.text().push(b',');
            }
            self.out.write(column.name.as_bytes(), alone)?;
        }
        self.out.spool.text().push(b'\n');
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        let alone = self.slots.len() == 1;
        for row in 0..batch.rows() {
            for (index, &slot) in self.slots.iter().enumerate() {
                if index > 0 {
                    self.out.spool.text().push(b',');
                }
                if let Some(value) = batch.value(row, slot) {
                    self.out.write(value, alone)?;
                }
            }
            self.out.spool.text().push(b'\n');
            self.out.spool.spill()?;
        }
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<()> {
        self.out.spool.end()
    }

    fn finish(self: Box<Self>) -> Result<Encoded> {
        let Output { spool, end_marks, .. } = self.out;
        Ok(Encoded { end_marks, ..spool.finish()? })
    }
}

impl Output {
    /// Writes a value that isn't NULL.
    fn write(&mut self, value: &[u8], alone: bool) -> Result<()> {
        let quoted = write_field(&mut self.spool, value, alone)?;
        if quoted && self.end_marks.last() != Some(&self.path) && has_end_mark(value) {
            self.end_marks.push(self.path.clone());
        }
        Ok(())
    }
}

/// Whether a quoted value makes a line of the file that is only `\.`; such a line begins and ends inside the value.
fn has_end_mark(value: &[u8]) -> bool {
    let mut lines = value.split(|&byte| byte == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_some() && matches!(line, b"\\." | b"\\.\r") {
            return true;
        }
    }
    false
}

/// Writes a value that isn't NULL; returns whether it is quoted. `alone` is true in a sheet of one column, where `\.` would end the
/// data if it weren't.
fn write_field(spool: &mut Spool, value: &[u8], alone: bool) -> Result<bool> {
    let quoted = needs_quotes(value, alone);
    if quoted {
        spool.text().push(b'"');
    }
    for block in value.chunks(BLOCK) {
        if quoted {
            double_quotes(spool.text(), block);
        } else {
            spool.text().extend_from_slice(block);
        }
        spool.spill()?;
    }
    if quoted {
        spool.text().push(b'"');
    }
    Ok(quoted)
}

fn needs_quotes(value: &[u8], alone: bool) -> bool {
    // No early exit: without one the loop is vectorised.
    let special = value.iter().fold(false, |found, &byte| found | matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    special || value.is_empty() || (alone && value == b"\\.")
}

fn double_quotes(text: &mut Vec<u8>, block: &[u8]) {
    for piece in block.split_inclusive(|&byte| byte == b'"') {
        text.extend_from_slice(piece);
        if piece.last() == Some(&b'"') {
            text.push(b'"');
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
