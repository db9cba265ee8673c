use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::bundle::sheet::{Column, Shape, SheetKind};

fn column(name: &str, slot: usize, generated: bool) -> Column {
    Column {
        name: name.to_owned(),
        type_name: "text".to_owned(),
        type_oid: 25,
        type_schema: "pg_catalog".to_owned(),
        not_null: false,
        generated,
        identity: None,
        collation: None,
        shape: Shape::Text,
        slot,
        json_slot: None,
        xlsx_slot: None,
    }
}

fn sheet(columns: Vec<Column>) -> Arc<Sheet> {
    Arc::new(Sheet {
        name: "t".to_owned(),
        kind: SheetKind::Entity,
        relation: None,
        relation_kind: None,
        query: None,
        slots: columns.len(),
        columns,
        primary_key: Vec::new(),
        order_by: Vec::new(),
        captions: Default::default(),
        estimated_rows: 0,
    })
}

/// A sheet of text columns.
pub(in crate::bundle) fn names(names: &[&str]) -> Arc<Sheet> {
    sheet(names.iter().enumerate().map(|(slot, name)| column(name, slot, false)).collect())
}

/// The csv of `rows`.
pub(in crate::bundle) fn encode(sheet: &Arc<Sheet>, rows: &[&[Option<&[u8]>]]) -> Vec<u8> {
    let mut encoder = Box::new(CsvEncoder::new(tempfile::tempfile().unwrap(), 1, Abort::default()));
    encoder.begin_sheet(sheet).unwrap();
    let mut batch = Batch::new(Arc::clone(sheet), 64);
    for row in rows {
        row.iter().for_each(|value| batch.push(*value));
        batch.end_row();
    }
    encoder.rows(&batch).unwrap();
    encoder.end_sheet().unwrap();
    let encoded = encoder.finish().unwrap();
    assert_eq!(encoded.files[0].path, "csv/t.csv");
    let mut text = Vec::new();
    zip::ZipArchive::new(encoded.spool).unwrap().by_index(0).unwrap().read_to_end(&mut text).unwrap();
    assert_eq!(encoded.files[0].size, text.len() as u64);
    text
}

/// One column of one value.
fn alone(value: Option<&str>) -> String {
    let text = encode(&names(&["c"]), &[&[value.map(str::as_bytes)]]);
    String::from_utf8(text).unwrap().strip_prefix("c\n").unwrap().to_owned()
}

/// The expected text is what PostgreSQL 15 prints.
#[test]
fn values_as_copy_writes_them() {
    for (value, text) in [
        (None, "\n"),
        (Some(""), "\"\"\n"),
        (Some("NULL"), "NULL\n"),
        (Some("\\N"), "\\N\n"),
        (Some("\\."), "\"\\.\"\n"),
        (Some("\\.x"), "\\.x\n"),
        (Some(" a b "), " a b \n"),
        (Some("a,b"), "\"a,b\"\n"),
        (Some("\"\""), "\"\"\"\"\"\"\n"),
        (Some("a\"b"), "\"a\"\"b\"\n"),
        (Some("a\nb"), "\"a\nb\"\n"),
        (Some("a\rb"), "\"a\rb\"\n"),
        (Some("a\tb;c'd\\\u{b}\u{85}\u{2028}ä😀"), "a\tb;c'd\\\u{b}\u{85}\u{2028}ä😀\n"),
    ] {
        assert_eq!(alone(value), text, "{value:?}");
    }
}

#[test]
fn end_of_data_is_quoted_only_alone() {
    let text = encode(&names(&["\\.", "b"]), &[&[Some(b"\\."), None], &[None, None]]);
    assert_eq!(text, b"\\.,b\n\\.,\n,\n");
    assert_eq!(encode(&names(&["\\."]), &[]), b"\"\\.\"\n");
}

#[test]
fn header_follows_the_rules_of_values() {
    assert_eq!(encode(&names(&["a,b", "T\"x", "n\nl", "plain"]), &[]), b"\"a,b\",\"T\"\"x\",\"n\nl\",plain\n");
}

#[test]
fn no_columns_give_empty_lines() {
    assert_eq!(encode(&names(&[]), &[&[], &[]]), b"\n\n\n");
}

#[test]
fn generated_columns_are_left_out() {
    let sheet = sheet(vec![column("a", 0, false), column("g", 1, true)]);
    assert_eq!(encode(&sheet, &[&[Some(b"\\."), Some(b"2")]]), b"a\n\"\\.\"\n");
}

#[test]
fn values_longer_than_a_block() {
    let value = "a\"".repeat(3 * BLOCK / 2 + 1);
    assert_eq!(alone(Some(&value)), format!("\"{}\"\n", value.replace('"', "\"\"")));
    let value = "x".repeat(5 * BLOCK);
    assert_eq!(alone(Some(&value)), format!("{value}\n"));
}

#[test]
fn abort_stops_at_the_next_write() {
    let abort = Abort::default();
    let sheet = names(&["c"]);
    let mut encoder = CsvEncoder::new(tempfile::tempfile().unwrap(), 1, abort.clone());
    encoder.begin_sheet(&sheet).unwrap();
    abort.raise();
    let mut batch = Batch::new(sheet, 0);
    batch.push(Some(&vec![b'x'; 2 * BLOCK]));
    batch.end_row();
    assert!(matches!(encoder.rows(&batch), Err(crate::bundle::BundleError::Aborted)));
}

/// RFC 4180 with PostgreSQL's difference between an unquoted empty field (NULL) and a quoted one.
fn parse(text: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let mut field = String::new();
        let quoted = chars.next_if_eq(&'"').is_some();
        if quoted {
            while let Some(char) = chars.next() {
                if char == '"' && chars.next_if_eq(&'"').is_none() {
                    break;
                }
                field.push(char);
            }
        } else {
            while let Some(char) = chars.next_if(|char| !matches!(char, ',' | '\n')) {
                assert!(char != '"' && char != '\r');
                field.push(char);
            }
        }
        row.push((quoted || !field.is_empty()).then_some(field));
        if chars.next() == Some('\n') {
            rows.push(std::mem::take(&mut row));
        }
    }
    rows
}

proptest! {
    #[test]
    fn reads_back(rows in prop::collection::vec(prop::collection::vec(prop::option::of("[a\"\\\\.,\n\r ä]{0,5}"), 2), 0..5)) {
        let bytes: Vec<Vec<Option<&[u8]>>> =
            rows.iter().map(|row| row.iter().map(|value| value.as_ref().map(|text| text.as_bytes())).collect()).collect();
        let slices: Vec<&[Option<&[u8]>]> = bytes.iter().map(Vec::as_slice).collect();
        let text = String::from_utf8(encode(&names(&["a", "b"]), &slices)).unwrap();
        prop_assert_eq!(&parse(&text)[1..], &rows[..]);
    }
}

/// What psql 15 takes for the end of the data: a line that is only `\.`, wherever it stands.
#[test]
fn lines_that_psql_takes_for_the_end_are_noticed() {
    let marks = |header: &str, value: &str| {
        let sheet = names(&[header, "other"]);
        let mut encoder = Box::new(CsvEncoder::new(tempfile::tempfile().unwrap(), 1, Abort::default()));
        encoder.begin_sheet(&sheet).unwrap();
        let mut batch = Batch::new(Arc::clone(&sheet), 64);
        for _ in 0..2 {
            batch.push(Some(value.as_bytes()));
            batch.push(None);
            batch.end_row();
        }
        encoder.rows(&batch).unwrap();
        encoder.end_sheet().unwrap();
        encoder.finish().unwrap().end_marks.len()
    };
    for (value, expected) in [
        ("a\n\\.\nb", 1),
        ("\n\\.\n", 1),
        ("a\r\n\\.\r\nb", 1),
        ("\"\n\\.\n,", 1),
        ("a\n\n\\.\n\\.\n", 1),
        ("\\.", 0),
        ("\\.\nb", 0),
        ("a\n\\.", 0),
        ("a\n\\. \nb", 0),
        ("a\r\\.\rb", 0),
        ("a\n\\.\rb\n", 0),
    ] {
        assert_eq!(marks("c", value), expected, "{value:?}");
        assert_eq!(marks(value, "c"), expected, "{value:?} in the header");
    }
}
