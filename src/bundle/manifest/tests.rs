use std::collections::BTreeSet;

use serde_json::Value;

use super::super::sheet::{Captions, Reference, Shape};
use super::*;

fn file(path: &str) -> FileInfo {
    FileInfo { path: path.into(), size: 42, sha256: "0123456789abcdef".repeat(4) }
}

fn column(name: &str, type_name: &str, generated: bool) -> Column {
    Column {
        name: name.into(),
        type_name: type_name.into(),
        type_oid: 25,
        type_schema: "pg_catalog".into(),
        not_null: true,
        generated,
        identity: Some("always"),
        collation: Some("pg_catalog.\"C\"".into()),
        shape: Shape::Text,
        slot: 0,
        json_slot: None,
        xlsx_slot: None,
    }
}

/// A sheet of the table `schema.table` with three columns, the last of them generated.
pub(in crate::bundle) fn entry(name: &str, schema: &str, table: &str) -> SheetEntry {
    let sheet = Sheet {
        name: name.into(),
        kind: SheetKind::Entity,
        relation: Some(Relation { schema: schema.into(), table: table.into() }),
        relation_kind: Some(RelationKind::Table),
        query: None,
        columns: vec![column("id", "bigint", false), column("Ti\"tle", "text", false), column("sum", "numeric", true)],
        primary_key: vec!["id".into()],
        order_by: vec!["id".into()],
        slots: 3,
        captions: Captions {
            references: vec![Reference {
                name: "id (name)".into(),
                label: Some("Person".into()),
                column: 0,
                relation: Relation { schema: schema.into(), table: "people".into() },
                label_column: "name".into(),
                slot: 3,
            }],
            ..Captions::default()
        },
        estimated_rows: 0,
    };
    let files =
        SheetFiles { csv: Some(file(&format!("csv/{name}.csv"))), json: Some(file(&format!("json/{name}.json"))) };
    SheetEntry::from_sheet(&sheet, 1234567, files, vec![name.into(), format!("{name} (2)")])
}

/// A manifest in which no list is empty and no member null.
pub(in crate::bundle) fn sample() -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        extension_version: "0.1.0".into(),
        server_version: "15.14".into(),
        encoding: "LATIN1".into(),
        database: "kanzlei".into(),
        scope: Scope::Full,
        formats: vec![Format::Xlsx, Format::Csv, Format::Json],
        run: Run {
            id: "6b0f4c1e-8a53-4a0e-9d0b-0d6f5f0f8f11".into(),
            kind: "on_demand".into(),
            requested_by: Some("11111111-2222-3333-4444-555555555555".into()),
            requested_by_email: "anna@example.com".into(),
            requested_by_label: Some("Anna Müller".into()),
            note: Some("before the move".into()),
            started_at: "2026-11-21T03:00:00Z".into(),
            snapshot: "742:745:742".into(),
            wal_lsn: "0/1A2B3C8".into(),
            includes_uncommitted: true,
            audit_head: Some("ab".repeat(32)),
            files: vec![file("README.txt"), file("paliad-backup.xlsx")],
        },
        excluded: vec![Excluded {
            schema: "paliad".into(),
            table: "paliadin_turns".into(),
            reason: "AI chat is never exported.".into(),
        }],
        warnings: vec![Warning {
            code: "xlsx_text_shortened".into(),
            sheet: Some("matters".into()),
            column: Some("Ti\"tle".into()),
            count: 3,
            detail: "Text over 32,767 characters was shortened in the workbook.".into(),
        }],
        sequences: vec![Sequence {
            schema: "paliad".into(),
            name: "matters_id_seq".into(),
            last_value: i64::MAX,
            is_called: true,
            owned_by: Some(OwnedBy { schema: "paliad".into(), table: "matters".into(), column: "id".into() }),
        }],
        behind_rows: Vec::new(),
        owners: vec![Owner { schema: "paliad".into(), name: None, owner: "paliad_owner".into() }],
        scripts: vec![file("schema.sql"), file("restore.sql")],
        migration_version: Some("20261101".into()),
        sheets: vec![entry("matters", "paliad", "matters"), entry("deadlines", "paliad", "deadlines")],
    }
}

#[test]
fn round_trip_is_exact_and_stable() {
    let bytes = sample().to_bytes().unwrap();
    let parsed = Manifest::parse(&bytes).unwrap();
    assert_eq!(parsed, sample());
    assert_eq!(parsed.to_bytes().unwrap(), bytes);
    assert!(bytes.starts_with(b"{\n  \"format_version\": 1,\n") && bytes.ends_with(b"\n}\n"));
}

#[test]
fn runs_over_equal_data_differ_in_run_alone() {
    let mut other = sample();
    other.run.id = "another".into();
    other.run.files[0].sha256 = "f".repeat(64);
    let without_run = |manifest: &Manifest| {
        let mut value = serde_json::to_value(manifest).unwrap();
        value.as_object_mut().unwrap().shift_remove("run").unwrap();
        value
    };
    assert_ne!(other, sample());
    assert_eq!(without_run(&other), without_run(&sample()));
}

#[test]
fn another_version_is_refused_before_anything_else() {
    let refused = Manifest::parse(br#"{"sheets": "new shape", "format_version": 2}"#);
    assert!(matches!(refused, Err(BundleError::UnknownFormat(2))), "{refused:?}");
}

#[test]
fn what_is_no_manifest_is_damaged() {
    let whole = sample().to_bytes().unwrap();
    let cut = &whole[..whole.len() - 3];
    for bytes in [b"" as &[u8], b"[]", b"{}", br#"{"format_version": "1"}"#, br#"{"format_version": 1}"#, b"\xff", cut]
    {
        let refused = Manifest::parse(bytes);
        assert!(
            matches!(&refused, Err(BundleError::Damaged(text)) if text.starts_with("manifest.json: ")),
            "{refused:?}"
        );
    }
}

#[test]
fn unknown_members_are_skipped() {
    let mut value = serde_json::to_value(sample()).unwrap();
    value["new"] = Value::from(1);
    value["run"]["new"] = Value::from(1);
    value["sheets"][0]["columns"][0]["new"] = Value::from(1);
    assert_eq!(Manifest::parse(value.to_string().as_bytes()).unwrap(), sample());
}

#[test]
fn a_sheet_without_files_has_no_members_for_them() {
    let mut manifest = sample();
    manifest.formats = vec![Format::Xlsx];
    manifest.sheets.iter_mut().for_each(|sheet| sheet.files = SheetFiles::default());
    let value = serde_json::to_value(&manifest).unwrap();
    assert_eq!(value["sheets"][1]["files"], serde_json::json!({}));
    assert_eq!(Manifest::parse(&manifest.to_bytes().unwrap()).unwrap(), manifest);
}

#[test]
fn files_come_in_bundle_order() {
    let paths: Vec<String> = sample().files().into_iter().map(|file| file.path).collect();
    let expected = [
        "README.txt",
        "paliad-backup.xlsx",
        "csv/matters.csv",
        "csv/deadlines.csv",
        "json/matters.json",
        "json/deadlines.json",
        "schema.sql",
        "restore.sql",
    ];
    assert_eq!(paths, expected);
}

/// Compares the members of every object in `value` with `properties` and `required` in the schema, where `optional`
/// members may be missing from the latter.
fn compare_members(schema: &Value, node: &Value, value: &Value, path: &str) {
    let node = match node["$ref"].as_str() {
        Some(reference) => schema.pointer(&reference[1..]).unwrap(),
        None => node,
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| compare_members(schema, &node["items"], item, path)),
        Value::Object(members) => {
            let node = node["anyOf"].as_array().map_or(node, |either| &either[0]);
            let node = node["$ref"].as_str().map_or(node, |reference| schema.pointer(&reference[1..]).unwrap());
            let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
            let properties: BTreeSet<&str> =
                node["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, properties, "properties of {path}");
            if !path.ends_with("/files") {
                let required = node["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                assert_eq!(names, required, "required of {path}");
            }
            members.iter().for_each(|(name, member)| {
                compare_members(schema, &node["properties"][name], member, &format!("{path}/{name}"));
            });
        }
        _ => {}
    }
}

#[test]
fn the_json_schema_names_the_same_members() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/manifest.schema.json")).unwrap();
    compare_members(&schema, &schema, &serde_json::to_value(sample()).unwrap(), "");
}
