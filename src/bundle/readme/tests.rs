use super::super::manifest::tests::{entry, sample};
use super::super::manifest::{Manifest, SheetFiles};
use super::super::sheet::RelationKind;
use super::page::WIDTH;
use super::*;

/// The lines of a text that are wider than the page, commands and names apart.
fn wide_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.chars().count() > WIDTH && !line.starts_with("    ")).collect()
}

#[test]
fn says_what_when_who_and_how_in_both_languages() {
    let text = readme(&sample());
    let (english, german) = text.split_once("\nSicherung einer PostgreSQL-Datenbank\n").unwrap();
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "These changes are included, although they were not committed yet",
        "garble accented letters; what it saves afterwards is no longer the backup. Open the workbook instead.",
        "obwohl sie noch nicht mit COMMIT bestätigt waren",
        "Was sie danach speichert, ist nicht mehr die Sicherung. Öffnen Sie stattdessen die Arbeitsmappe.",
        "Views, materialized views, foreign tables and tables of extensions, unless they are registered for export.",
    ] {
        assert!(flowing.contains(expected), "{expected:?} not in:\n{flowing}");
    }
    for expected in [
        "\nBackup of a PostgreSQL database\n===============================\n",
        "\nDatabase:        kanzlei (PostgreSQL 15.14, LATIN1)\n",
        "\nMade at:         2026-11-21 03:00:00 UTC\n",
        "\nRequested by:    Anna Müller <anna@example.com>\n",
        "\nOccasion:        on demand\n",
        "\nScope:           full (all tables)\n",
        "\nNote:            before the move\n",
        "\nSnapshot:        742:745:742\n",
        "\nTables:          2\n",
        "\nRows:            2469134\n",
        "\npaliad-backup.xlsx  all tables as one workbook",
        "\n    sha256sum -c SHA256SUMS\n",
        "\n    certutil -hashfile paliad-backup.xlsx SHA256\n",
    ] {
        assert!(english.contains(expected), "{expected:?} not in:\n{english}");
    }
    for expected in [
        "\nErstellt:        2026-11-21 03:00:00 UTC\n",
        "\nAngefordert von: Anna Müller <anna@example.com>\n",
        "\nAnlass:          auf Anforderung\n",
        "\n     1234567  matters\n     1234567  deadlines\n",
        "\n- paliad.paliadin_turns\n  AI chat is never exported.\n",
        "\n- matters / Ti\"tle: xlsx_text_shortened, 3 x\n  Text over 32,767 characters",
    ] {
        assert!(german.contains(expected), "{expected:?} not in:\n{german}");
    }
    assert_eq!(wide_lines(&text), Vec::<&str>::new());
    assert!(text.ends_with('\n') && !text.contains('\r') && !text.contains('\u{feff}'));
}

/// The lines of the commands without their indentation.
fn commands(manifest: &Manifest) -> Vec<String> {
    let text = readme(manifest);
    let from_begin = text.lines().skip_while(|line| *line != "    BEGIN;");
    from_begin.map(|line| line.trim_start().to_owned()).collect()
}

#[test]
fn every_table_and_sequence_has_a_command() {
    let mut manifest = sample();
    manifest.sheets = vec![entry("o", "s", "O'Brien \"x\""), entry("deadlines", "paliad", "deadlines")];
    manifest.sequences[0].name = "O'Brien".into();
    assert_eq!(
        commands(&manifest),
        [
            "BEGIN;",
            "-- SET LOCAL session_replication_role = replica;",
            "SET LOCAL client_encoding = 'UTF8'; SET LOCAL standard_conforming_strings = on;",
            "SET LOCAL array_nulls = on; SET LOCAL xmloption = content;",
            "SET LOCAL IntervalStyle = postgres; SET LOCAL lc_monetary = 'C';",
            r#"\copy "s"."O'Brien ""x""" ("id", "Ti""tle") FROM 'csv/o.csv' WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"#,
            r#"\copy "paliad"."deadlines" ("id", "Ti""tle") FROM 'csv/deadlines.csv' WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"#,
            r#"SELECT pg_catalog.setval('"paliad"."O''Brien"', 9223372036854775807, true);"#,
            "COMMIT;",
        ]
    );
    assert_eq!(readme(&manifest).matches("sed -n '/^    BEGIN;$/,/^    COMMIT;$/p' README.txt > load.sql").count(), 2);
}

#[test]
fn what_takes_more_than_a_line_is_a_comment() {
    let mut manifest = sample();
    manifest.sheets = vec![entry("a\nb", "s", "line\nbreak"), entry("b", "s", "nothing"), entry("c", "s", "t")];
    manifest.sheets[1].columns.clear();
    manifest.sequences[0].name = "b\r\nCOMMIT;".into();
    let lines = commands(&manifest);
    let without_columns = r#"\copy "s"."nothing" FROM 'csv/b.csv' WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"#;
    assert_eq!(lines[5..7], ["-- by hand / von Hand: a\\nb", without_columns]);
    assert!(lines[7].starts_with(r#"\copy "s"."t" ("id", "#));
    assert_eq!(lines[8..], ["-- by hand / von Hand: b\\r\\nCOMMIT;", "COMMIT;"]);
    manifest.sheets.truncate(1);
    assert!(!readme(&manifest).contains("BEGIN"));
}

#[test]
fn only_tables_are_loaded() {
    let mut manifest = sample();
    let others = "Files that were read from views, foreign tables or queries are not loaded.";
    let flowing = |manifest: &Manifest| readme(manifest).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!flowing(&manifest).contains(others));
    for kind in [Some(RelationKind::View), Some(RelationKind::MaterializedView), Some(RelationKind::ForeignTable), None]
    {
        manifest.sheets[0].relation_kind = kind;
        assert_eq!(commands(&manifest).iter().filter(|line| line.starts_with("\\copy")).count(), 1);
        assert!(flowing(&manifest).contains(others));
    }
}

#[test]
fn names_cannot_disturb_the_page() {
    let mut manifest = sample();
    manifest.run.note = Some("two\nlines\u{202e}".into());
    manifest.sheets[0].name = "a\r\nb".into();
    let text = readme(&manifest);
    assert!(text.contains("\nNote:            two\\nlines\\u{202e}\n"), "{text}");
    assert!(text.contains("\n     1234567  a\\r\\nb  (matters)\n"), "{text}");
}

#[test]
fn a_bundle_without_tables_says_so() {
    let mut manifest = sample();
    manifest.sheets.clear();
    manifest.excluded.clear();
    manifest.warnings.clear();
    let text = readme(&manifest);
    assert!(text.contains("There was no table to export") && text.contains("Es gab keine Tabelle"), "{text}");
    assert!(text.contains("\npaliad-backup.xlsx ") && !text.contains("csv") && !text.contains("\njson/"), "{text}");
    assert_eq!(text.matches("(none / keine)").count(), 2);
}

#[test]
fn formats_that_are_not_in_the_bundle_are_not_mentioned() {
    let only = |formats: Vec<Format>, csv: bool, json: bool| {
        let mut manifest: Manifest = sample();
        manifest.formats = formats;
        manifest.warnings.clear();
        for sheet in &mut manifest.sheets {
            let SheetFiles { csv: a, json: b } = std::mem::take(&mut sheet.files);
            sheet.files = SheetFiles { csv: a.filter(|_| csv), json: b.filter(|_| json) };
        }
        readme(&manifest)
    };
    let text = only(vec![Format::Csv], true, false);
    assert!(!text.contains("xlsx") && !text.contains("workbook") && !text.contains("Arbeitsmappe"), "{text}");
    assert!(!text.contains("json/") && !text.contains("json files") && text.contains("From Text/CSV"), "{text}");
    let text = only(vec![Format::Json], false, true);
    assert!(!text.contains("csv") && !text.contains("xlsx") && text.contains("\njson/ "), "{text}");
    let text = only(vec![Format::Xlsx], false, false);
    assert!(!text.contains("csv") && !text.contains("json/") && !text.contains("other formats"), "{text}");
}

#[test]
fn an_unknown_kind_is_shown_as_it_is() {
    let mut manifest = sample();
    manifest.run.kind = "imported".into();
    assert!(readme(&manifest).contains("\nOccasion:        imported\n"));
}
