use std::io::{BufReader, ErrorKind};

use proptest::prelude::*;

use super::super::csv::tests::{encode, names};
use super::*;

type Row = Vec<Option<Vec<u8>>>;

/// All records with their bytes, read through a buffer of `buffer` bytes.
fn read(text: &[u8], columns: usize, most: usize, buffer: usize) -> io::Result<Vec<(Vec<u8>, Row)>> {
    let mut records = Records::new(BufReader::with_capacity(buffer, text), columns, most);
    let mut all = Vec::new();
    while let Some(record) = records.next_record()? {
        let row: Row = record.fields().map(|field| field.map(Cow::into_owned)).collect();
        for (index, value) in row.iter().enumerate() {
            assert_eq!(record.field(index).as_deref(), value.as_deref());
        }
        all.push((record.bytes().to_vec(), row));
    }
    Ok(all)
}

fn rows(text: &str, columns: usize) -> Vec<Vec<Option<String>>> {
    let text = text.as_bytes();
    let all = read(text, columns, text.len(), 4096).unwrap();
    let value = |value: Option<Vec<u8>>| value.map(|bytes| String::from_utf8(bytes).unwrap());
    all.into_iter().map(|(_, row)| row.into_iter().map(value).collect()).collect()
}

fn fault(text: &str, columns: usize) -> String {
    let faults: Vec<_> = (1..text.len() + 2)
        .map(|buffer| {
            let error = read(text.as_bytes(), columns, 1000, buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            error.to_string()
        })
        .collect();
    assert!(faults.iter().all(|fault| *fault == faults[0]), "{faults:?}");
    faults[0].clone()
}

#[test]
fn null_and_the_empty_text_are_told_apart() {
    assert_eq!(rows(",\"\"\n", 2), [[None, Some(String::new())]]);
    assert_eq!(rows("\n\"\"\n", 1), [[None], [Some(String::new())]]);
    assert_eq!(rows("NULL,\\N\n", 2), [[Some("NULL".to_owned()), Some("\\N".to_owned())]]);
}

#[test]
fn a_table_without_columns_has_rows() {
    assert_eq!(rows("\n\n\n", 0), [(); 3].map(|()| [None; 0]));
    assert_eq!(fault("\n,\n", 0), "record 2 has too many fields");
    assert_eq!(fault("\n\"\"\n", 0), "record 2 has too many fields");
}

#[test]
fn quotes_hold_separators_and_line_ends() {
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(rows("\"a,\r\n\"\"b\"\"\",\"\"\"\"\n", 2), [[value("a,\r\n\"b\""), value("\"")]]);
    assert_eq!(rows("\"\\.\"\n\"\n\\.\n\"\n", 1), [[value("\\.")], [value("\n\\.\n")]]);
    assert_eq!(rows("\\.,\\.\n", 2), [[value("\\."), value("\\.")]]);
}

#[test]
fn no_text_has_no_records() {
    assert!(rows("", 3).is_empty());
}

#[test]
fn what_copy_would_not_write_is_refused() {
    assert_eq!(fault("a\nb", 1), "record 2 is cut off");
    assert_eq!(fault("\"a\n", 1), "record 1 is cut off");
    assert_eq!(fault("\"a\"", 1), "record 1 is cut off");
    assert_eq!(fault("a,b\nc\n", 2), "record 2 has too few fields");
    assert_eq!(fault("a,b\n\n", 2), "record 2 has too few fields");
    assert_eq!(fault("a,b,c\n", 2), "record 1 has too many fields");
    assert_eq!(fault("a\"b\"\n", 1), "record 1 has a quote within a field that is not quoted");
    assert_eq!(fault("\"a\"b\n", 1), "record 1 goes on behind the quote that ends a field");
    assert_eq!(fault("\"a\"\r\n", 1), "record 1 goes on behind the quote that ends a field");
    assert_eq!(fault("a\r\n", 1), "record 1 has a carriage return outside of quotes");
    assert_eq!(fault("\r\n", 1), "record 1 has a carriage return outside of quotes");
    assert_eq!(fault("a\n\\.\nb\n", 1), "record 2 would end the data");
}

#[test]
fn a_record_has_a_longest_length() {
    let text = b"1234567\n\"234567\"\n";
    for buffer in 1..20 {
        assert_eq!(read(text, 1, 9, buffer).unwrap().len(), 2, "{buffer}");
        assert_eq!(read(text, 1, 8, buffer).unwrap_err().kind(), ErrorKind::FileTooLarge, "{buffer}");
        // Also where its end never comes.
        assert_eq!(read(b"\"2345678", 1, 7, buffer).unwrap_err().kind(), ErrorKind::FileTooLarge, "{buffer}");
    }
}

/// Values of everything that csv treats apart, and of what it does not.
fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let bytes = prop::sample::select(b"a\"\\.,\n\r \0\xC3\xA4\xFF".as_slice());
    prop::option::of(prop::collection::vec(bytes, 0..7))
}

proptest! {
    /// At every size of buffer the records are the rows that were written, and their bytes make up the file.
    #[test]
    fn gives_back_what_was_written(
        (columns, rows) in (0usize..4).prop_flat_map(|columns| {
            (Just(columns), prop::collection::vec(prop::collection::vec(value(), columns), 0..6))
        })
    ) {
        let titles = ["a,\"\n", "\\.", "c"];
        let slices: Vec<Vec<Option<&[u8]>>> = rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
        let slices: Vec<&[Option<&[u8]>]> = slices.iter().map(Vec::as_slice).collect();
        let text = encode(&names(&titles[..columns]), &slices);
        let header: Row = titles[..columns].iter().map(|title| Some(title.as_bytes().to_vec())).collect();
        for buffer in 1..text.len() + 2 {
            let (bytes, read): (Vec<_>, Vec<_>) = read(&text, columns, text.len(), buffer).unwrap().into_iter().unzip();
            prop_assert_eq!(bytes.concat(), &text[..]);
            prop_assert_eq!(&read[0], &header);
            prop_assert_eq!(&read[1..], &rows[..]);
        }
    }

    /// Any text at all: what is read is the same at every size of buffer, and nothing of it is left out.
    #[test]
    fn hostile_text_is_read_alike_or_refused(text in "[a\",\\\\.\r\n]{0,14}", columns in 0usize..3) {
        let whole = read(text.as_bytes(), columns, 100, 100);
        for buffer in 1..text.len() + 2 {
            let pieces = read(text.as_bytes(), columns, 100, buffer);
            prop_assert_eq!(pieces.ok(), whole.as_ref().ok().cloned());
        }
        if let Ok(records) = whole {
            let bytes: Vec<_> = records.into_iter().flat_map(|(bytes, _)| bytes).collect();
            prop_assert_eq!(bytes, text.as_bytes());
        }
    }
}
