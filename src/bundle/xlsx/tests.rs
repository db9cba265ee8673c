//! Whole workbooks, opened again as a zip.

use std::collections::BTreeMap;
use std::io::Read;

use super::*;
use crate::bundle::encoder::FileInfo;
use crate::bundle::sheet::{Column, Reference, Relation, Shape};

pub fn column(name: &str, shape: Shape, type_name: &str, slot: usize) -> Column {
    Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        type_oid: 0,
        type_schema: "pg_catalog".to_owned(),
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

fn sheet(name: &str, columns: Vec<Column>) -> Arc<Sheet> {
    Arc::new(Sheet {
        name: name.to_owned(),
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

fn about(started_at: &str) -> About {
    About {
        database: "app".to_owned(),
        id: "1c9f".to_owned(),
        kind: "on_demand".to_owned(),
        requested_by_email: "a@example.org".to_owned(),
        requested_by_label: None,
        started_at: started_at.to_owned(),
        scope: "full".to_owned(),
        time_zone: "UTC".to_owned(),
        notes: vec!["app.secret was left out: it is excluded.".to_owned()],
        warnings: Vec::new(),
    }
}

type Rows<'a> = &'a [&'a [Option<&'a str>]];

fn encode(sheets: &[(Arc<Sheet>, Rows)], started_at: &str, abort: Abort) -> Result<Encoded> {
    let scratch = || tempfile::tempfile().unwrap();
    let mut encoder = Box::new(XlsxEncoder::new(scratch(), scratch(), 1, abort, about(started_at)));
    for (sheet, rows) in sheets {
        encoder.begin_sheet(sheet)?;
        for rows in rows.chunks(100) {
            let mut batch = Batch::new(Arc::clone(sheet), 0);
            for row in rows {
                row.iter().for_each(|value| batch.push(value.map(str::as_bytes)));
                batch.end_row();
            }
            encoder.rows(&batch)?;
        }
        encoder.end_sheet()?;
    }
    encoder.finish()
}

fn opened(encoded: Encoded) -> (Vec<String>, BTreeMap<String, String>) {
    let mut zip = zip::ZipArchive::new(encoded.spool).unwrap();
    let mut order = Vec::new();
    let mut parts = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        assert_eq!(file.last_modified(), Some(zip::DateTime::DEFAULT));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let path = file.name().unwrap().into_owned();
        order.push(path.clone());
        parts.insert(path, text);
    }
    (order, parts)
}

#[test]
fn a_workbook_has_its_parts_in_order() {
    let columns = vec![column("id", Shape::Integer, "integer", 0), column("name", Shape::Text, "text", 1)];
    let rows: Rows = &[&[Some("1"), Some("a<b")], &[Some("2"), None], &[None, Some("")]];
    let encoded = encode(&[(sheet("matter", columns), rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    assert_eq!(encoded.sheet_names, [("matter".to_owned(), vec!["matter".to_owned()])]);
    let (order, parts) = opened(encoded);
    assert_eq!(
        order,
        [
            "[Content_Types].xml",
            "_rels/.rels",
            "docProps/app.xml",
            "docProps/core.xml",
            "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels",
            "xl/styles.xml",
            "xl/worksheets/sheet1.xml",
            "xl/worksheets/sheet2.xml"
        ]
    );
    let xml = &parts["xl/worksheets/sheet2.xml"];
    let data = &xml[xml.find("<row r=\"2\">").unwrap()..];
    assert_eq!(
        data,
        "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\" t=\"inlineStr\"><is><t>a&lt;b</t></is></c></row>\
         <row r=\"3\"><c r=\"A3\"><v>2</v></c></row>\
         <row r=\"4\"><c r=\"B4\" t=\"inlineStr\"><is><t></t></is></c></row></sheetData>\
         <autoFilter ref=\"A1:B4\"/>"
            .to_owned()
            + &page::setup(13, true)
            + "</worksheet>"
    );
    assert!(parts["xl/worksheets/sheet1.xml"].contains("location=\"'matter'!A1\""));
    assert!(parts["xl/worksheets/sheet1.xml"].contains("app.secret was left out"));
}

#[test]
fn hash_and_size_are_those_of_the_file() {
    use sha2::{Digest, Sha256};
    let mut encoded = encode(&[], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    let mut bytes = Vec::new();
    encoded.spool.read_to_end(&mut bytes).unwrap();
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = FileInfo { path: "paliad-backup.xlsx".to_owned(), size: bytes.len() as u64, sha256 };
    assert_eq!(encoded.files, [file]);
}

#[test]
fn runs_differ_in_contents_and_properties_alone() {
    let columns = || vec![column("id", Shape::Integer, "integer", 0)];
    let rows: Rows = &[&[Some("1")], &[Some("2")]];
    let sheets = [(sheet("a", columns()), rows), (sheet("b", columns()), &[] as Rows)];
    let (_, first) = opened(encode(&sheets, "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let (_, second) = opened(encode(&sheets, "2026-11-22T03:00:00Z", Abort::default()).unwrap());
    let differing: Vec<&String> = first.keys().filter(|path| first[*path] != second[*path]).collect();
    assert_eq!(differing, ["docProps/core.xml", "xl/worksheets/sheet1.xml"]);
}

#[test]
fn rows_beyond_an_excel_sheet_continue_on_another() {
    let sheet = sheet("many", vec![column("id", Shape::Integer, "integer", 0)]);
    let rows = vec![&[Some("7")] as &[Option<&str>]; 1_048_577];
    let encoded = encode(&[(sheet, &rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    assert_eq!(encoded.sheet_names[0].1, ["many", "many (2)"]);
    assert_eq!((encoded.warnings[0].code.as_str(), encoded.warnings[0].count), ("xlsx_sheet_continued", 2));
    let (_, parts) = opened(encoded);
    assert!(parts["xl/worksheets/sheet2.xml"].contains(
        "<row r=\"1048576\"><c r=\"A1048576\"><v>7</v></c></row></sheetData><autoFilter ref=\"A1:A1048576\"/><printOptions"
    ));
    assert!(parts["xl/worksheets/sheet3.xml"].contains(
        "<sheetData><row r=\"1\"><c r=\"A1\" s=\"1\" t=\"inlineStr\"><is><t>id</t></is></c></row>\
         <row r=\"2\"><c r=\"A2\"><v>7</v></c></row><row r=\"3\"><c r=\"A3\"><v>7</v></c></row></sheetData>\
         <autoFilter ref=\"A1:A3\"/><printOptions"
    ));
}

/// A sheet `s` of a column `id` with the label `Nummer`, and beside it the label of what it refers to.
fn labelled() -> Sheet {
    let mut sheet = Arc::unwrap_or_clone(sheet("s", vec![column("id", Shape::Integer, "integer", 0)]));
    sheet.captions.table = Some("Akten".to_owned());
    sheet.captions.columns = vec![Some("Nummer".to_owned())];
    sheet.captions.references.push(Reference {
        name: "id (name)".to_owned(),
        label: None,
        column: 0,
        relation: Relation { schema: "app".to_owned(), table: "t".to_owned() },
        label_column: "name".to_owned(),
        slot: 1,
    });
    sheet.slots = 2;
    sheet
}

#[test]
fn labels_are_a_second_header_row_that_is_frozen_and_not_sorted() {
    let rows: Rows = &[&[Some("7"), Some("007")], &[None, None]];
    let (_, parts) = opened(encode(&[(Arc::new(labelled()), rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let xml = &parts["xl/worksheets/sheet2.xml"];
    assert!(
        xml.contains("<pane ySplit=\"2\" topLeftCell=\"A3\" activePane=\"bottomLeft\" state=\"frozen\"/>"),
        "{xml}"
    );
    assert!(
        xml.contains(
            "<sheetData><row r=\"1\"><c r=\"A1\" s=\"27\" t=\"inlineStr\"><is><t>id</t></is></c>\
             <c r=\"B1\" s=\"27\" t=\"inlineStr\"><is><t>id (name)</t></is></c></row>\
             <row r=\"2\"><c r=\"A2\" s=\"28\" t=\"inlineStr\"><is><t>Nummer</t></is></c><c r=\"B2\" s=\"28\"/></row>\
             <row r=\"3\"><c r=\"A3\"><v>7</v></c><c r=\"B3\" t=\"inlineStr\"><is><t>007</t></is></c></row>\
             <row r=\"4\"></row></sheetData><autoFilter ref=\"A2:B4\"/>"
        ),
        "{xml}"
    );
    let book = &parts["xl/workbook.xml"];
    assert!(book.contains(">'s'!$A$2:$B$4<") && book.contains(">'s'!$1:$2<"), "{book}");
    assert!(parts["xl/worksheets/sheet1.xml"].contains("<is><t>Akten</t></is>"));
}

#[test]
fn a_second_header_row_takes_the_place_of_a_row() {
    let rows = vec![&[Some("7"), None] as &[Option<&str>]; 1_048_575];
    let encoded = encode(&[(Arc::new(labelled()), &rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    assert_eq!(encoded.sheet_names[0].1, ["s", "s (2)"]);
    assert_eq!((encoded.warnings[0].code.as_str(), encoded.warnings[0].count), ("xlsx_sheet_continued", 1));
    let (_, parts) = opened(encoded);
    assert!(parts["xl/worksheets/sheet3.xml"].contains("<t>Nummer</t>"));
    assert!(parts["xl/worksheets/sheet3.xml"].contains("<autoFilter ref=\"A2:B3\"/>"));
}

#[test]
fn no_row_is_taller_than_ten_lines() {
    let columns = vec![column("id", Shape::Integer, "integer", 0), column("note", Shape::Text, "text", 1)];
    let (ten, eleven, long) = ("x\n".repeat(9) + "x", "x\n".repeat(10) + "x", "long ".repeat(200));
    let rows: Rows =
        &[&[Some("1"), Some(&ten)], &[Some("2"), Some(&eleven)], &[Some("3"), Some(&long)], &[Some("4"), Some("one")]];
    let (_, parts) = opened(encode(&[(sheet("s", columns), rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let xml = &parts["xl/worksheets/sheet2.xml"];
    let height = |row: usize, height: &str| {
        let tag = format!("<row r=\"{row}\"{height}><c r=\"A{row}\">");
        assert!(xml.contains(&tag), "{tag} in {xml}");
    };
    height(2, " ht=\"150\"");
    height(5, "");
    height(3, " ht=\"150\" customHeight=\"1\"");
    height(4, " ht=\"150\" customHeight=\"1\"");
}

/// The width is settled after 200 rows; what comes later is measured against it.
#[test]
fn text_that_comes_late_is_wrapped_in_its_column() {
    let mut rows = vec![&[Some("short")] as &[Option<&str>]; 300];
    rows.push(&[Some("longer than eight")]);
    let sheet = sheet("s", vec![column("c", Shape::Text, "text", 0)]);
    let (_, parts) = opened(encode(&[(sheet, &rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let xml = &parts["xl/worksheets/sheet2.xml"];
    assert!(xml.contains("width=\"6.7109375\"") && xml.contains("<c r=\"A302\" s=\"26\" t=\"inlineStr\">"), "{xml}");
    assert!(!xml.contains("<c r=\"A301\" s="), "{xml}");
}

#[test]
fn the_first_column_is_printed_on_each_page_of_a_wide_sheet() {
    let columns = |count: usize| (0..count).map(|at| column(&format!("c{at}"), Shape::Text, "text", at)).collect();
    let sheets = [(sheet("wide", columns(50)), &[] as Rows), (sheet("narrow", columns(5)), &[])];
    let (_, parts) = opened(encode(&sheets, "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let book = &parts["xl/workbook.xml"];
    assert!(book.contains(">'wide'!$A:$A,'wide'!$1:$1<") && book.contains(">'narrow'!$1:$1<"), "{book}");
}

#[test]
fn why_a_label_is_missing_is_told() {
    let mut sheet = Arc::unwrap_or_clone(sheet("s", vec![column("id", Shape::Integer, "integer", 0)]));
    sheet.captions.warnings.push(Warning {
        code: "xlsx_label_not_available".to_owned(),
        sheet: None,
        column: Some("id".to_owned()),
        count: 1,
        detail: "A sentence.".to_owned(),
    });
    let encoded = encode(&[(Arc::new(sheet), &[])], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    assert_eq!(encoded.warnings[0].sheet.as_deref(), Some("s"));
    assert!(opened(encoded).1["xl/worksheets/sheet1.xml"].contains("A sentence."));
}

#[test]
fn columns_beyond_excel_leave_the_sheet_out() {
    let wide = (0..16_385).map(|index| column(&format!("c{index}"), Shape::Text, "text", index)).collect();
    let encoded = encode(&[(sheet("wide", wide), &[])], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    assert_eq!(encoded.sheet_names, [("wide".to_owned(), Vec::new())]);
    assert_eq!((encoded.warnings[0].code.as_str(), encoded.warnings[0].count), ("xlsx_too_many_columns", 16_385));
    assert!(!opened(encoded).1.contains_key("xl/worksheets/sheet2.xml"));
}

#[test]
fn a_table_without_columns_is_an_empty_sheet() {
    let encoded =
        encode(&[(sheet("none", Vec::new()), &[&[], &[]])], "2026-11-21T03:00:00Z", Abort::default()).unwrap();
    let (_, parts) = opened(encoded);
    assert!(parts["xl/worksheets/sheet2.xml"].ends_with("<sheetData></sheetData></worksheet>"));
    assert!(parts["xl/worksheets/sheet1.xml"].contains("2 rows in 1 table<"));
}

#[test]
fn a_moment_is_shown_in_local_time_and_outside_excels_calendar_as_the_value() {
    let mut zoned = column("at", Shape::TimestampTz, "timestamp with time zone", 0);
    zoned.xlsx_slot = Some(1);
    let mut sheet = Arc::unwrap_or_clone(sheet("s", vec![zoned]));
    sheet.slots = 2;
    let rows: Rows = &[
        &[Some("2026-11-21 12:00:00+00"), Some("2026-11-21 18:00:00")],
        &[Some("9999-12-31 23:30:00+00"), Some("10000-01-01 00:30:00")],
        &[Some("294276-12-31 23:59:59+00"), None],
        &[None, None],
    ];
    let (_, parts) = opened(encode(&[(Arc::new(sheet), rows)], "2026-11-21T03:00:00Z", Abort::default()).unwrap());
    let xml = &parts["xl/worksheets/sheet2.xml"];
    assert!(xml.contains(
        "<c r=\"A2\" s=\"3\"><v>46347.75</v></c></row>\
         <row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>9999-12-31 23:30:00+00</t></is></c></row>\
         <row r=\"4\"><c r=\"A4\" t=\"inlineStr\"><is><t>294276-12-31 23:59:59+00</t></is></c></row>\
         <row r=\"5\"></row>"
    ));
}

#[test]
fn a_stop_ends_the_encoder() {
    let abort = Abort::default();
    abort.raise();
    let encoded = encode(&[(sheet("none", Vec::new()), &[])], "2026-11-21T03:00:00Z", abort);
    assert!(matches!(encoded, Err(crate::bundle::BundleError::Aborted)));
}
