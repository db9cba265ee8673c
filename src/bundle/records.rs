//! The records of a csv file, one at a time: the csv that [`super::csv`] writes, with NULL and the empty text told apart.
//!
//! A record's bytes can be passed on to COPY as they are. For that the reader takes only what COPY reads in the same way, whatever
//! the values are: a field is quoted as a whole or not at all, records end with a line feed and nothing else, and `\.`, alone in
//! a line, is refused, for COPY would stop there. That the bytes are UTF-8 is left to who uses them.

use std::borrow::Cow;
use std::io::{self, BufRead};

use memchr::memchr;

/// Reads records, of which the header is the first.
#[derive(Debug)]
pub struct Records<R> {
    source: R,
    most: usize,
    scanner: Scanner,
    /// A record that does not lie in the source's buffer as a whole.
    carried: Vec<u8>,
    /// Bytes of the source's buffer that belong to the record given out last.
    given: usize,
    number: u64,
}

impl<R: BufRead> Records<R> {
    /// The records in `source`, each of `columns` fields and none of more than `most` bytes, quotes and line end included.
    pub fn new(source: R, columns: usize, most: usize) -> Self {
        let scanner = Scanner { columns, ..Scanner::default() };
        Records { source, most, scanner, carried: Vec::new(), given: 0, number: 0 }
    }

    /// The next record; none at the end. Nothing is to be read after an error.
    ///
    /// # Errors
    /// Those of the source; of kind `InvalidData` where a record has another number of fields, is cut off or is not as COPY writes
    /// it, `FileTooLarge` for one that is too long.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        self.source.consume(std::mem::take(&mut self.given));
        self.carried.clear();
        self.scanner.begin();
        self.number += 1;
        loop {
            let buffer = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let length = buffer.len();
            if length == 0 {
                let inside = self.scanner.length > 0;
                return if inside { Err(invalid(self.number, "is cut off")) } else { Ok(None) };
            }
            let end = self.scanner.scan(buffer).map_err(|fault| invalid(self.number, fault))?;
            if self.scanner.length > self.most {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            match end {
                Some(end) if self.carried.is_empty() => {
                    self.given = end;
                    break;
                }
                Some(end) => {
                    append(&mut self.carried, &buffer[..end])?;
                    self.source.consume(end);
                    break;
                }
                None => {
                    append(&mut self.carried, buffer)?;
                    self.source.consume(length);
                }
            }
        }
        // The buffer is not empty, so this reads nothing.
        let bytes = if self.given > 0 { &self.source.fill_buf()?[..self.given] } else { &self.carried };
        if bytes == b"\\.\n" {
            return Err(invalid(self.number, "would end the data"));
        }
        Ok(Some(Record { bytes, fields: &self.scanner.fields }))
    }
}

/// Appends to a value that may be as long as memory allows.
///
/// # Errors
/// Of kind `OutOfMemory`.
pub(super) fn append(value: &mut Vec<u8>, more: &[u8]) -> io::Result<()> {
    value.try_reserve(more.len()).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    value.extend_from_slice(more);
    Ok(())
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
}

impl<'a> Record<'a> {
    /// The record as it stands in the file, line end included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The values; `None` is NULL.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Option<Cow<'a, [u8]>>> + use<'a> {
        let bytes = self.bytes;
        self.fields.iter().map(move |field| field.value(bytes))
    }

    /// The value of the column at `index`, counted from 0; `None` is NULL.
    ///
    /// # Panics
    /// Where there is no such column.
    pub fn field(&self, index: usize) -> Option<Cow<'a, [u8]>> {
        self.fields[index].value(self.bytes)
    }
}

/// Where a field lies in its record, without its quotes.
#[derive(Debug)]
struct Field {
    start: usize,
    end: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Plain,
    Quoted,
    /// Quoted, with doubled quotes in it.
    Doubled,
}

impl Field {
    fn value<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let text = &record[self.start..self.end];
        match self.form {
            Form::Plain if text.is_empty() => None,
            Form::Plain | Form::Quoted => Some(Cow::Borrowed(text)),
            Form::Doubled => Some(Cow::Owned(without_doubles(text))),
        }
    }
}

/// `text` with one quote for two.
fn without_doubles(mut text: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    while let Some(quote) = memchr(b'"', text) {
        value.extend_from_slice(&text[..=quote]);
        text = &text[quote + 2..];
    }
    value.extend_from_slice(text);
    value
}

/// Finds a record's fields and its end; its bytes may come in pieces.
#[derive(Debug, Default)]
struct Scanner {
    columns: usize,
    fields: Vec<Field>,
    state: State,
    /// Bytes of the record so far.
    length: usize,
    /// Where in the record the present field's text begins.
    start: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    FieldBegins,
    Plain,
    Quoted {
        doubled: bool,
    },
    /// Behind a quote within a quoted field: its end, or the first of two.
    AfterQuote {
        doubled: bool,
    },
}

impl Scanner {
    fn begin(&mut self) {
        self.fields.clear();
        (self.state, self.length, self.start) = (State::FieldBegins, 0, 0);
    }

    /// Takes the record's next bytes; where in them it ends, if it does.
    fn scan(&mut self, piece: &[u8]) -> Result<Option<usize>, &'static str> {
        let before = self.length;
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            match (self.state, byte) {
                (State::FieldBegins, b'"') => {
                    self.start = before + at + 1;
                    self.state = State::Quoted { doubled: false };
                }
                // A table without columns has rows too: empty lines.
                (State::FieldBegins, b'\n') if self.columns == 0 && before + at == 0 => return Ok(Some(self.end(1))),
                (State::FieldBegins | State::Plain, b',' | b'\n') => self.end_field(before + at, Form::Plain)?,
                (State::Plain, b'"') => return Err("has a quote within a field that is not quoted"),
                (State::FieldBegins | State::Plain, b'\r') => return Err("has a carriage return outside of quotes"),
                (State::FieldBegins | State::Plain, _) => {
                    self.state = State::Plain;
                    let rest = &piece[at + 1..];
                    at +=
                        rest.iter().position(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')).unwrap_or(rest.len());
                }
                (State::Quoted { doubled }, _) => match memchr(b'"', &piece[at..]) {
                    Some(quote) => {
                        at += quote;
                        self.state = State::AfterQuote { doubled };
                    }
                    None => at = piece.len() - 1,
                },
                (State::AfterQuote { .. }, b'"') => self.state = State::Quoted { doubled: true },
                (State::AfterQuote { doubled }, b',' | b'\n') => {
                    self.end_field(before + at, if doubled { Form::Doubled } else { Form::Quoted })?;
                }
                (State::AfterQuote { .. }, _) => return Err("goes on behind the quote that ends a field"),
            }
            at += 1;
            if byte == b'\n' && matches!(self.state, State::FieldBegins) {
                return if self.fields.len() == self.columns {
                    Ok(Some(self.end(at)))
                } else {
                    Err("has too few fields")
                };
            }
        }
        self.length = before + at;
        Ok(None)
    }

    /// Ends the field under way, whose separator (or line end) is at `separator`.
    fn end_field(&mut self, separator: usize, form: Form) -> Result<(), &'static str> {
        if self.fields.len() == self.columns {
            return Err("has too many fields");
        }
        let end = if matches!(form, Form::Plain) { separator } else { separator - 1 };
        self.fields.push(Field { start: self.start, end, form });
        self.start = separator + 1;
        self.state = State::FieldBegins;
        Ok(())
    }

    /// Ends the record `end` bytes into the present piece.
    fn end(&mut self, end: usize) -> usize {
        self.length += end;
        end
    }
}

fn invalid(number: u64, fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("record {number} {fault}"))
}

#[cfg(test)]
mod tests;
