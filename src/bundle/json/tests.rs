use std::io::Read;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::bundle::sheet::{Column, SheetKind};

fn column(name: &str, shape: Shape, slot: usize) -> Column {
    Column {
        name: name.to_owned(),
        type_name: String::new(),
        type_oid: 0,
        type_schema: String::new(),
        not_null: false,
        generated: false,
        identity: None,
        collation: None,
        shape,
        slot,
        json_slot: None,
        xlsx_slot: None,
    }
}

fn sheet(columns: Vec<Column>, slots: usize) -> Arc<Sheet> {
    Arc::new(Sheet {
        name: "t".to_owned(),
        kind: SheetKind::Entity,
        relation: None,
        relation_kind: None,
        query: None,
        columns,
        primary_key: Vec::new(),
        order_by: Vec::new(),
        slots,
        captions: Default::default(),
        estimated_rows: 0,
    })
}

fn encode(sheet: &Arc<Sheet>, rows: &[&[Option<&str>]]) -> String {
    let mut encoder = Box::new(JsonEncoder::new(tempfile::tempfile().unwrap(), 1, Abort::default()));
    encoder.begin_sheet(sheet).unwrap();
    for row in rows {
        let mut batch = Batch::new(Arc::clone(sheet), 64);
        row.iter().for_each(|value| batch.push(value.map(str::as_bytes)));
        batch.end_row();
        encoder.rows(&batch).unwrap();
    }
    encoder.end_sheet().unwrap();
    let encoded = encoder.finish().unwrap();
    assert_eq!(encoded.files[0].path, "json/t.json");
    let mut text = String::new();
    zip::ZipArchive::new(encoded.spool).unwrap().by_index(0).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// One column of one value.
fn one(shape: Shape, value: &str) -> String {
    let text = encode(&sheet(vec![column("c", shape, 0)], 1), &[&[Some(value)]]);
    text.strip_prefix("[\n{\"c\":").unwrap().strip_suffix("}\n]\n").unwrap().to_owned()
}

/// The expected text is what PostgreSQL 15's `row_to_json` prints.
#[test]
fn values_as_row_to_json_writes_them() {
    for (shape, value, json) in [
        (Shape::Bool, "t", "true"),
        (Shape::Bool, "f", "false"),
        (Shape::Integer, "-9223372036854775808", "-9223372036854775808"),
        (Shape::Numeric, "1.00", "1.00"),
        (Shape::Numeric, "NaN", "\"NaN\""),
        (Shape::Numeric, "-Infinity", "\"-Infinity\""),
        (Shape::Float, "1e-07", "1e-07"),
        (Shape::Float, "1.7976931348623157e+308", "1.7976931348623157e+308"),
        (Shape::Float, "-0", "-0"),
        (Shape::Float, "Infinity", "\"Infinity\""),
        (Shape::Date, "2026-11-21", "\"2026-11-21\""),
        (Shape::Date, "0044-03-15 BC", "\"0044-03-15 BC\""),
        (Shape::Date, "infinity", "\"infinity\""),
        (Shape::Timestamp, "2026-11-21 03:00:00.123456", "\"2026-11-21T03:00:00.123456\""),
        (Shape::Timestamp, "0044-03-15 12:00:00 BC", "\"0044-03-15T12:00:00 BC\""),
        (Shape::Timestamp, "-infinity", "\"-infinity\""),
        (Shape::TimestampTz, "2026-11-21 03:00:00+00", "\"2026-11-21T03:00:00+00:00\""),
        (Shape::TimestampTz, "294276-12-31 23:59:59.5+00", "\"294276-12-31T23:59:59.5+00:00\""),
        (Shape::TimestampTz, "0044-03-15 12:00:00+00 BC", "\"0044-03-15T12:00:00+00:00 BC\""),
        (Shape::TimestampTz, "infinity", "\"infinity\""),
        (Shape::Time, "03:00:00", "\"03:00:00\""),
        (Shape::Json, "{\"b\" : 1,\n \"b\":2}", "{\"b\" : 1,\n \"b\":2}"),
        (Shape::Text, "", "\"\""),
        (
            Shape::Text,
            "\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\"\\/ä😀",
            "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\\\"\\\\/ä😀\"",
        ),
    ] {
        assert_eq!(one(shape, value), json);
    }
}

#[test]
fn lines() {
    let columns = sheet(vec![column("a", Shape::Integer, 0), column("T\"x\n", Shape::Text, 1)], 2);
    assert_eq!(encode(&columns, &[]), "[\n]\n");
    assert_eq!(
        encode(&columns, &[&[Some("1"), None], &[None, Some("x")]]),
        "[\n{\"a\":1,\"T\\\"x\\n\":null},\n{\"a\":null,\"T\\\"x\\n\":\"x\"}\n]\n"
    );
    assert_eq!(encode(&sheet(Vec::new(), 0), &[&[], &[]]), "[\n{},\n{}\n]\n");
}

#[test]
fn companions_are_taken_as_they_are() {
    let mut array = column("a", Shape::Text, 0);
    array.json_slot = Some(1);
    assert_eq!(encode(&sheet(vec![array], 2), &[&[Some("{1,2}"), Some("[1,2]")]]), "[\n{\"a\":[1,2]}\n]\n");
}

#[test]
fn numbers() {
    for good in ["0", "-0", "10", "0.5", "1e5", "1E+5", "1.5e-07", "-12.0"] {
        assert!(is_json_number(good.as_bytes()), "{good}");
    }
    for bad in ["", "-", "01", "-01", ".5", "5.", "1e", "1e+", "+1", "1x", "0x1", "NaN", "-Infinity", " 1", "1 "] {
        assert!(!is_json_number(bad.as_bytes()), "{bad}");
    }
}

#[test]
fn values_longer_than_a_block() {
    let value = "a\"\n".repeat(BLOCK);
    assert_eq!(serde_json::from_str::<String>(&one(Shape::Text, &value)).unwrap(), value);
    let value = format!("[{}]", "1,".repeat(BLOCK) + "1");
    assert_eq!(one(Shape::Json, &value), value);
}

proptest! {
    #[test]
    fn text_reads_back(name in any::<String>(), value in any::<String>()) {
        let text = encode(&sheet(vec![column(&name, Shape::Text, 0)], 1), &[&[Some(&value)]]);
        let parsed: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(parsed[0][&name].as_str(), Some(value.as_str()));
    }

    #[test]
    fn numbers_are_those_of_serde_json(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?") {
        prop_assert_eq!(is_json_number(text.as_bytes()), serde_json::from_str::<serde_json::Number>(&text).is_ok()
            || serde_json::from_str::<f64>(&text).is_err_and(|error| error.to_string().contains("out of range")));
    }
}
