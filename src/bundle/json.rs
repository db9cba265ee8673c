//! JSON: one array per sheet, one object per line, each byte for byte what PostgreSQL's `row_to_json(row)` gives.
//!
//! The rules are those of `datum_to_json`, `composite_to_json` and `escape_json` in PostgreSQL 15's `json.c`. A `json` value keeps its
//! text, line breaks included, so a line may hold less than an object where the data does.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use super::Result;
use super::archive::{BLOCK, Spool};
use super::batch::Batch;
use super::encoder::{Abort, Encoded, Encoder};
use super::names::file_stem;
use super::sheet::{Shape, Sheet};

/// Writes `json/<stem>.json` for each sheet: `[`, the rows joined by commas on lines of their own, `]`.
pub struct JsonEncoder {
    spool: Spool,
    members: Vec<Member>,
    first_row: bool,
}

/// How one column becomes a member of an object.
struct Member {
    /// The comma before all but the first, the escaped name, and the colon.
    key: Vec<u8>,
    slot: usize,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Raw,
    Bool,
    Number,
    Timestamp,
    Text,
}

impl JsonEncoder {
    /// An encoder that deflates into `spool`, an empty unlinked file, with `level` 0 to 9.
    pub fn new(spool: File, level: u32, abort: Abort) -> Self {
        JsonEncoder { spool: Spool::new(spool, level, abort), members: Vec::new(), first_row: true }
    }
}

impl Encoder for JsonEncoder {
    fn begin_sheet(&mut self, sheet: &Arc<Sheet>) -> Result<()> {
        self.spool.begin(format!("json/{}.json", file_stem(&sheet.name)))?;
        self.members = members(sheet);
        self.first_row = true;
        self.spool.text().push(b'[');
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        for row in 0..batch.rows() {
            self.spool.text().extend_from_slice(if self.first_row { b"\n{" } else { b",\n{" });
            self.first_row = false;
            for member in &self.members {
                self.spool.text().extend_from_slice(&member.key);
                match batch.value(row, member.slot) {
                    Some(value) => write_value(&mut self.spool, value, member.form)?,
                    None => self.spool.text().extend_from_slice(b"null"),
                }
            }
            self.spool.text().push(b'}');
            self.spool.spill()?;
        }
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<()> {
        self.spool.text().extend_from_slice(b"\n]\n");
        self.spool.end()
    }

    fn finish(self: Box<Self>) -> Result<Encoded> {
        self.spool.finish()
    }
}

fn members(sheet: &Sheet) -> Vec<Member> {
    let member = |(index, column): (usize, &super::sheet::Column)| {
        let mut key = Vec::new();
        if index > 0 {
            key.push(b',');
        }
        key.push(b'"');
        escape(&mut key, column.name.as_bytes());
        key.extend_from_slice(b"\":");
        let (slot, form) = match (column.json_slot, column.shape) {
            (Some(slot), _) => (slot, Form::Raw),
            (None, Shape::Json) => (column.slot, Form::Raw),
            (None, Shape::Bool) => (column.slot, Form::Bool),
            (None, Shape::Integer | Shape::Numeric | Shape::Float) => (column.slot, Form::Number),
            (None, Shape::Timestamp | Shape::TimestampTz) => (column.slot, Form::Timestamp),
            (None, Shape::Date | Shape::Time | Shape::Text) => (column.slot, Form::Text),
        };
        Member { key, slot, form }
    };
    sheet.columns.iter().enumerate().map(member).collect()
}

fn write_value(spool: &mut Spool, value: &[u8], form: Form) -> Result<()> {
    match form {
        Form::Raw => {
            for block in value.chunks(BLOCK) {
                spool.text().extend_from_slice(block);
                spool.spill()?;
            }
        }
        Form::Bool => spool.text().extend_from_slice(if value == b"t" { b"true" } else { b"false" }),
        Form::Number if is_json_number(value) => spool.text().extend_from_slice(value),
        Form::Timestamp => write_timestamp(spool.text(), value),
        Form::Number | Form::Text => {
            spool.text().push(b'"');
            for block in value.chunks(BLOCK) {
                escape(spool.text(), block);
                spool.spill()?;
            }
            spool.text().push(b'"');
        }
    }
    Ok(())
}

/// Turns the ISO style's `2026-11-21 03:00:00+00 BC` into the XSD style's `2026-11-21T03:00:00+00:00 BC`; `infinity` stays.
fn write_timestamp(text: &mut Vec<u8>, value: &[u8]) {
    let (value, era) = match value.strip_suffix(b" BC") {
        Some(before) => (before, b" BC".as_slice()),
        None => (value, b"".as_slice()),
    };
    text.push(b'"');
    match value.iter().position(|&byte| byte == b' ') {
        Some(space) => {
            escape(text, &value[..space]);
            text.push(b'T');
            escape(text, &value[space + 1..]);
            // A timestamptz: the session's zone is UTC, of which the ISO style shows hours alone.
            if value.ends_with(b"+00") {
                text.extend_from_slice(b":00");
            }
        }
        None => escape(text, value),
    }
    text.extend_from_slice(era);
    text.push(b'"');
}

/// `number` of RFC 8259, section 6; what PostgreSQL's `IsValidJsonNumber` accepts.
fn is_json_number(value: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count, &text[count..])
    }
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let (count, mut rest) = digits(unsigned);
    if count == 0 || (count > 1 && unsigned[0] == b'0') {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (count, after) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let (count, after) = digits(unsigned);
        return count > 0 && after.is_empty();
    }
    rest.is_empty()
}

/// The inside of a JSON string, escaped as `escape_json` does: short escapes, `\u00xx` for other control characters, all else as it
/// is. Works byte by byte, so a value may come in pieces.
fn escape(text: &mut Vec<u8>, value: &[u8]) {
    // No early exit: without one the loop is vectorised.
    if !value.iter().fold(false, |found, &byte| found | is_special(byte)) {
        text.extend_from_slice(value);
        return;
    }
    for piece in value.split_inclusive(|&byte| is_special(byte)) {
        let Some((&last, plain)) = piece.split_last().filter(|(last, _)| is_special(**last)) else {
            text.extend_from_slice(piece);
            continue;
        };
        text.extend_from_slice(plain);
        match last {
            b'"' => text.extend_from_slice(b"\\\""),
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            0x08 => text.extend_from_slice(b"\\b"),
            0x0c => text.extend_from_slice(b"\\f"),
            // Writing to a Vec cannot fail.
            control => drop(write!(text, "\\u{control:04x}")),
        }
    }
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests;
