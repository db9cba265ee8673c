//! Counts the rows of csv and json files as they stream by, without reading their values.

use super::objects::Position;

/// Counts the rows of one file; chunks may end anywhere.
#[derive(Debug)]
pub enum RowCounter {
    /// RFC 4180 as COPY writes it: line feeds outside of quotes end rows, the first one is the header's.
    Csv {
        /// Rows so far, the header included.
        lines: u64,
        /// Within quotes. A doubled quote leaves and enters again.
        quoted: bool,
    },
    /// One array of objects (RFC 8259).
    Json {
        /// Objects that have begun in the array.
        objects: u64,
        /// Where the text has come to.
        position: Position,
    },
}

impl RowCounter {
    /// The counter for the file at `path`; none for files that have no rows.
    pub fn for_path(path: &str) -> Option<RowCounter> {
        if path.starts_with("csv/") {
            Some(RowCounter::Csv { lines: 0, quoted: false })
        } else if path.starts_with("json/") {
            Some(RowCounter::Json { objects: 0, position: Position::default() })
        } else {
            None
        }
    }

    /// Takes the file's next bytes.
    pub fn see(&mut self, chunk: &[u8]) {
        match self {
            RowCounter::Csv { lines, quoted } => {
                for byte in chunk {
                    match byte {
                        b'"' => *quoted = !*quoted,
                        b'\n' if !*quoted => *lines += 1,
                        _ => {}
                    }
                }
            }
            RowCounter::Json { objects, position } => {
                let mut rest = chunk;
                while let Some((byte, behind)) = position.skip_string(rest).split_first() {
                    let opens = position.step(*byte);
                    *objects += u64::from(opens && *byte == b'{' && position.depth == 2);
                    rest = behind;
                }
            }
        }
    }

    /// The rows seen; none where the file has ended within a value or has no header.
    pub fn rows(&self) -> Option<u64> {
        match self {
            RowCounter::Csv { lines, quoted: false } => lines.checked_sub(1),
            RowCounter::Json { objects, position } if position.depth == 0 && !position.string => Some(*objects),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(path: &str, text: &[u8], chunk: usize) -> Option<u64> {
        let mut counter = RowCounter::for_path(path).unwrap();
        text.chunks(chunk).for_each(|chunk| counter.see(chunk));
        counter.rows()
    }

    #[test]
    fn line_breaks_and_brackets_in_values_are_no_rows() {
        assert_eq!(count("csv/a.csv", b"a,b\n\"x\ny\",\"\"\"\n\"\n1,\n", 2), Some(2));
        assert_eq!(count("csv/a.csv", b"\n\n\n", 1), Some(2));
        assert_eq!(count("json/a.json", br#"[{"a":"}{[\"","b":[{}]},{}]"#, 1), Some(2));
        assert_eq!(count("json/a.json", b"[\n]\n", 3), Some(0));
        assert!(RowCounter::for_path("manifest.json").is_none());
    }

    #[test]
    fn a_file_that_is_cut_off_has_no_count() {
        assert_eq!(count("csv/a.csv", b"", 1), None);
        assert_eq!(count("csv/a.csv", b"a\n\"x\n", 1), None);
        assert_eq!(count("json/a.json", b"[{", 1), None);
        assert_eq!(count("json/a.json", b"[\"", 1), None);
    }

    proptest! {
        #[test]
        fn counts_what_was_written(rows in prop::collection::vec(prop::collection::vec("[a\"\\\\\n\r,{}\\[\\]]{0,6}", 2), 0..8), chunk in 1usize..9) {
            let mut csv = String::from("one,two\n");
            for row in &rows {
                let fields: Vec<_> = row.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
                csv += &(fields.join(",") + "\n");
            }
            prop_assert_eq!(count("csv/a.csv", csv.as_bytes(), chunk), Some(rows.len() as u64));
            let objects: Vec<_> = rows.iter().map(|row| serde_json::json!({ "a": row[0], "b": [row[1]] })).collect();
            let json = serde_json::to_vec(&objects).unwrap();
            prop_assert_eq!(count("json/a.json", &json, chunk), Some(rows.len() as u64));
        }
    }
}
