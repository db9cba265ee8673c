//! The objects of a json file, one at a time, as they stand there: only strings and brackets are looked at (RFC 8259).

use std::io::{self, BufRead};

use super::records::append;

/// Where in a JSON text a byte stands.
#[derive(Debug, Default)]
pub struct Position {
    /// Arrays and objects that are open.
    pub depth: u64,
    /// Within a string.
    pub string: bool,
    /// Behind a backslash in it.
    escaped: bool,
}

impl Position {
    /// Leaves out what stands within a string, where the text is in one, up to a quote or backslash.
    pub fn skip_string<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        if !self.string || self.escaped {
            return text;
        }
        &text[memchr::memchr2(b'"', b'\\', text).unwrap_or(text.len())..]
    }

    /// Takes the next byte; true where it opens an object or array.
    pub fn step(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.string => self.escaped = true,
            b'"' => self.string = !self.string,
            _ if self.string => {}
            b'[' | b'{' => {
                self.depth += 1;
                return true;
            }
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

/// Splits an array of objects; values may have line breaks and blanks wherever JSON allows them.
#[derive(Debug)]
pub struct Objects<R> {
    source: R,
    position: Position,
    most: usize,
}

impl<R: BufRead> Objects<R> {
    /// The objects in `source`, none of which may have more than `most` bytes.
    pub fn new(source: R, most: usize) -> Self {
        Objects { source, position: Position::default(), most }
    }

    /// The next object's bytes; none at the end of the array.
    ///
    /// # Errors
    /// Those of the source; of kind `InvalidData` where the text ends within an object, `FileTooLarge` for one that is too long.
    pub fn next_object(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut object = Vec::new();
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                let ended = object.is_empty() && self.position.depth == 0;
                return if ended {
                    Ok(None)
                } else {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "it ends within a value"))
                };
            }
            let mut inside = !object.is_empty();
            let mut begin = 0;
            let mut end = None;
            for (at, byte) in buffer.iter().enumerate() {
                let opens = self.position.step(*byte);
                if opens && *byte == b'{' && self.position.depth == 2 && !inside {
                    (inside, begin) = (true, at);
                } else if inside && self.position.depth == 1 && !self.position.string {
                    end = Some(at + 1);
                    break;
                }
            }
            let used = end.unwrap_or(buffer.len());
            if inside {
                append(&mut object, &buffer[begin..used])?;
            }
            self.source.consume(used);
            if object.len() > self.most {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            if end.is_some() {
                return Ok(Some(object));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn split(text: &str, buffer: usize) -> io::Result<Vec<String>> {
        let mut objects = Objects::new(BufReader::with_capacity(buffer, text.as_bytes()), 50);
        let mut all = Vec::new();
        while let Some(object) = objects.next_object()? {
            all.push(String::from_utf8(object).unwrap());
        }
        Ok(all)
    }

    #[test]
    fn values_keep_their_brackets_and_line_breaks() {
        let text = "[\n{\"a\":{\n \"b\": [\n1\n]\n}},\n{\"c\":\"}],\\\"{\"},\n{}\n]\n";
        for buffer in 1..text.len() {
            assert_eq!(split(text, buffer).unwrap(), ["{\"a\":{\n \"b\": [\n1\n]\n}}", "{\"c\":\"}],\\\"{\"}", "{}"]);
        }
        assert!(split("[\n]\n", 1).unwrap().is_empty());
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        for text in ["[{\"a\":1}", "[{\"a\":1", "["] {
            assert_eq!(split(text, 3).unwrap_err().kind(), io::ErrorKind::InvalidData, "{text}");
        }
        let long = format!("[{{\"a\":\"{}\"}}]", "x".repeat(60));
        assert_eq!(split(&long, 8).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    proptest! {
        #[test]
        fn gives_back_what_was_joined(values in prop::collection::vec("[a\"\\\\\n{}\\[\\],:]{0,8}", 0..6), buffer in 1usize..20) {
            let objects: Vec<String> = values.iter().map(|value| serde_json::to_string_pretty(&serde_json::json!({ "v": value })).unwrap()).collect();
            prop_assume!(objects.iter().all(|object| object.len() <= 50));
            prop_assert_eq!(split(&format!("[\n{}\n]\n", objects.join(",\n")), buffer).unwrap(), objects);
        }
    }
}
