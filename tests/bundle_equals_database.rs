//! Every sheet of real bundles equals the live database, in csv, json and xlsx, column by column and byte for byte.

use crate::compare::{compare, compare_all};
use crate::runs::{run, run_with};
use crate::support::{Cluster, repository, skip, sqlstate};
use paliad_backup::bundle::manifest::Manifest;

fn sheet_of<'a>(manifest: &'a Manifest, schema: &str, table: &str) -> &'a str {
    let is_it = |sheet: &&paliad_backup::bundle::manifest::SheetEntry| {
        sheet.relation.as_ref().is_some_and(|relation| relation.schema == schema && relation.table == table)
    };
    &manifest.sheets.iter().find(is_it).unwrap_or_else(|| panic!("no sheet of {schema}.{table}")).name
}

#[test]
fn the_demo_application_equals_its_bundle() {
    let database = Cluster::shared().database();
    database.load("tests/demo/load.sql");
    database.load("tests/demo/register.sql");
    // The run writes into the audit log, which is one of the sheets: the application's own must stay as the snapshot saw it.
    database.psql(&["-c", "UPDATE paliad_backup.settings SET audit_table = NULL"]);
    let manifest = compare_all(&database, &[]);
    assert_eq!(manifest.sheets.len(), 49);
    let sheets: Vec<&str> = manifest.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    assert_eq!(sheets.iter().filter(|name| name.starts_with("ref__")).count(), 12);
    assert!(!sheets.iter().any(|name| name.starts_with("paliadin_")), "{sheets:?}");
    let excluded: Vec<&str> = manifest.excluded.iter().map(|entry| entry.table.as_str()).collect();
    assert!(
        ["paliadin_turns", "paliadin_aichat_conversation"].iter().all(|name| excluded.contains(name)),
        "{excluded:?}"
    );
}

#[test]
fn chinook_equals_its_bundle() {
    let Ok(script) = std::fs::read_to_string(repository("../shared/data/chinook.sql")) else {
        return skip("chinook_equals_its_bundle", "../shared/data/chinook.sql is not there");
    };
    let database = Cluster::shared().database();
    let makes_a_database =
        |line: &&str| ["DROP DATABASE", "CREATE DATABASE", "\\c "].iter().any(|start| line.starts_with(start));
    let contents: Vec<&str> = script.lines().filter(|line| !makes_a_database(line)).collect();
    database.connect().batch_execute(&contents.join("\n")).unwrap();
    assert_eq!(compare_all(&database, &[]).sheets.len(), 11);
}

/// D1, D3, D4, D5, X4, decision 11.
#[test]
fn odd_names_keys_and_kinds_of_tables_are_exact() {
    let database = Cluster::shared().database();
    database.load("tests/exact/shapes.sql");
    let manifest = compare_all(&database, &[]);
    assert_eq!(sheet_of(&manifest, "one", "same"), "one.same");
    assert_eq!(sheet_of(&manifest, "Two \".;--", "same"), "Two \".;--.same");
    let of_case = [sheet_of(&manifest, "one", "Case"), sheet_of(&manifest, "one", "case")];
    assert_eq!(of_case, ["one.Case", "one.case (2)"]);
    let roots = |name: &str| manifest.sheets.iter().filter(|sheet| sheet.name.contains(name)).count();
    assert_eq!([roots("measured"), roots("without_key"), roots("child")], [1, 1, 2]);
}

#[test]
fn scopes_and_formats_limit_the_bundle() {
    let database = Cluster::shared().database();
    database.load("tests/oracle/zoo.sql");
    let mut client = database.connect();
    client
        .batch_execute(
            "INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind)
                 VALUES ('oracle_zoo', 'one', 'ref'), ('oracle_zoo', 'parts', 'ref')",
        )
        .unwrap();
    for (scope, formats, sheets) in
        [("config", "csv", 2), ("data", "json", 5), ("full", "xlsx", 7), ("full", "csv,json", 7)]
    {
        let backup = run_with(&mut client, &format!("scope => '{scope}', formats => '{{{formats}}}'")).unwrap();
        let equal = format!("compare: {sheets} sheets, 0 differences");
        assert_eq!(compare(&database, &backup, &["--formats", formats]), equal, "{scope} {formats}");
        let manifest = backup.manifest();
        let has = |format: &str| formats.split(',').any(|name| name == format);
        for sheet in &manifest.sheets {
            let found = [sheet.files.csv.is_some(), sheet.files.json.is_some(), !sheet.xlsx_sheets.is_empty()];
            assert_eq!(found, [has("csv"), has("json"), has("xlsx")], "{}", sheet.name);
            assert_eq!(sheet.name.starts_with("ref__"), ["ref__one", "ref__parts"].contains(&sheet.name.as_str()));
        }
    }
}

/// V9: names, values, remarks and json in another encoding than UTF-8.
#[test]
fn v9_a_latin1_database_is_utf8_in_the_bundle() {
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let mut client = database.connect();
    client
        .batch_execute(
            r#"CREATE SCHEMA "Größe"; CREATE DOMAIN "Größe"."Maß" AS text;
               CREATE TABLE "Größe"."Gebühr" ("Straße" text PRIMARY KEY, j json, a text[], m "Größe"."Maß");
               INSERT INTO "Größe"."Gebühr" VALUES ('Zürich ÿ', '{"ä":  "ö"}', '{"Ü",NULL}', 'ß'), ('Äpfel', 'null', '{}', '');
               CREATE TABLE plain (t text); INSERT INTO plain VALUES ('ascii'), ('é')"#,
        )
        .unwrap();
    assert_eq!(compare_all(&database, &[]).encoding, "LATIN1");
    let query = r#"SELECT g."Straße" AS "Länge" FROM "Größe"."Gebühr" AS g"#;
    client
        .execute(
            "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ($1, 'postgres', 'Übersicht')",
            &[&query],
        )
        .unwrap();
    let backup = run_with(&mut client, "note => 'für später', requested_by_label => 'Jörg'").unwrap();
    assert_eq!(backup.manifest().run.note.as_deref(), Some("für später"));
    assert_eq!(backup.csv("%C3%9Cbersicht"), ["Zürich ÿ", "Äpfel"]);
    let note: String = client.query_one("SELECT note FROM paliad_backup.latest()", &[]).unwrap().get(0);
    assert_eq!(note, "für später");
    // Where an error's text cannot be kept exactly, the failure is recorded all the same.
    client.batch_execute(r#"ALTER TABLE "Größe"."Gebühr" RENAME "Straße" TO "Weg""#).unwrap();
    let error = run(&mut client).err().expect("the query fails");
    assert_eq!(sqlstate(&error), "42703");
    let row = client.query_one("SELECT status, error FROM paliad_backup.list() LIMIT 1", &[]).unwrap();
    let (status, error): (String, String) = (row.get(0), row.get(1));
    assert_eq!(status, "failed");
    assert!(error.starts_with("generate: sheet Übersicht: column g.Stra"), "{error}");
}

/// V9, decision 16.
#[test]
fn v9_invalid_text_in_an_sql_ascii_database_is_named() {
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    let mut client = database.connect();
    client
        .batch_execute(
            r#"CREATE SCHEMA app; CREATE TABLE app."Order" (id int PRIMARY KEY, note text, tags text[]);
               INSERT INTO app."Order" VALUES (10, 'für', '{ü}'), (20, '', NULL)"#,
        )
        .unwrap();
    compare_all(&database, &[]);
    for (bad, column) in [(r"note = E'caf\xe9'", "note"), (r"note = NULL, tags = ARRAY[E'\xff']", "tags")] {
        client.batch_execute(&format!(r#"UPDATE app."Order" SET {bad} WHERE id = 20"#)).unwrap();
        let error = run(&mut client).err().expect("the run is refused");
        assert_eq!(sqlstate(&error), "22021");
        let error = error.as_db_error().unwrap();
        assert_eq!(error.message(), format!(r#"invalid text in column {column} of app."Order""#));
        assert!(error.detail().unwrap().starts_with("Row 2 in the order of the export: "), "{:?}", error.detail());
    }
    let stored: String = client.query_one("SELECT error FROM paliad_backup.list() LIMIT 1", &[]).unwrap().get(0);
    assert!(stored.starts_with("generate: invalid text in column tags"), "{stored}");
}
