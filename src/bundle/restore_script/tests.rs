use super::super::manifest::tests::{entry, sample};
use super::*;

/// Both tables of the sample manifest and its sequence.
fn definitions() -> Definitions {
    let of = |table: &str| Relation { schema: "paliad".into(), table: table.into() };
    Definitions {
        schema: "CREATE TABLE …;\n".into(),
        tables: [of("matters"), of("deadlines")].into(),
        sequences: [of("matters_id_seq")].into(),
        behind_rows: vec!["ALTER TABLE a ADD CONSTRAINT b FOREIGN KEY …;".into()],
    }
}

fn position(script: &str, line: &str) -> usize {
    script.find(&format!("\n{line}\n")).unwrap_or_else(|| panic!("no {line:?} in:\n{script}"))
}

#[test]
fn rows_stand_between_definitions_and_foreign_keys() {
    let script = restore_script(&sample(), &definitions(), &[]);
    let lines = [
        r"\set ON_ERROR_STOP on",
        "BEGIN;",
        r"\ir schema.sql",
        r#"\copy "paliad"."matters" ("id", "Ti""tle") FROM 'csv/matters.csv' WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"#,
        r#"\copy "paliad"."deadlines" ("id", "Ti""tle") FROM 'csv/deadlines.csv' WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"#,
        "ALTER TABLE a ADD CONSTRAINT b FOREIGN KEY …;",
        r#"SELECT pg_catalog.setval('"paliad"."matters_id_seq"', 9223372036854775807, true) AS position \gset"#,
        "COMMIT;",
    ];
    let positions: Vec<usize> = lines.iter().map(|line| position(&script, line)).collect();
    assert!(positions.is_sorted(), "{script}");
    assert!(!script.contains("lo_import"));
}

#[test]
fn what_the_schema_lacks_is_not_loaded() {
    let mut known = definitions();
    known.tables.pop_last();
    known.sequences.clear();
    let script = restore_script(&sample(), &known, &[]);
    position(&script, "-- Not loaded: matters, which schema.sql does not have.");
    assert_eq!(script.matches("\\copy ").count(), 1);
    assert!(!script.contains("setval"));
}

#[test]
fn files_that_copy_cannot_read_come_as_large_objects() {
    let script = restore_script(&sample(), &definitions(), &["csv/matters.csv".into()]);
    assert!(script.contains("\n\\lo_import 'csv/matters.csv'\n") && !script.contains("lo_import 'csv/deadlines.csv'"));
    assert!(script.contains("\\copy \"paliad\".\"deadlines\" ") && !script.contains("\\copy \"paliad\".\"matters\" "));
    let mut manifest = sample();
    manifest.sheets = vec![entry("a", "paliad", "line\nbreak")];
    let mut known = definitions();
    known.tables.insert(Relation { schema: "paliad".into(), table: "line\nbreak".into() });
    let script = restore_script(&manifest, &known, &[]);
    assert!(script.contains("\n\\lo_import 'csv/a.csv'\n"), "{script}");
}
