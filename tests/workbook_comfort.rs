//! What the workbook shows for people beside names and values: labels of tables and columns, and of what foreign keys refer to.
//! tests/oracle/compare.py reads each cell of it; here stands what must come of it, and that csv and json know nothing of it.

use crate::compare::{compare, compare_all};
use crate::runs::{Backup, run, run_with};
use crate::security::{files, login, paths_with};
use crate::support::{Cluster, Database};
use paliad_backup::bundle::encoder::Warning;
use paliad_backup::bundle::manifest::{Manifest, SheetEntry};

/// A database after `script`.
fn database(script: &str) -> Database<'static> {
    let database = Cluster::shared().database();
    database.connect().batch_execute(script).unwrap();
    database
}

/// Registers the label columns of tables of schema `app`.
fn register(database: &Database<'_>, labels: &[(&str, &str)]) {
    for (table, column) in labels {
        let sql = "INSERT INTO paliad_backup.sheets (relation_schema, relation_name, label_column) VALUES ('app', $1::text, $2::text)";
        database.connect().execute(sql, &[table, column]).unwrap();
    }
}

fn sheet<'a>(manifest: &'a Manifest, name: &str) -> &'a SheetEntry {
    manifest.sheets.iter().find(|sheet| sheet.name == name).unwrap_or_else(|| panic!("no sheet {name}"))
}

/// The names of a sheet's label columns.
fn labels(manifest: &Manifest, name: &str) -> Vec<String> {
    sheet(manifest, name).xlsx_labels.iter().map(|label| label.name.clone()).collect()
}

/// Sheet, column, count and sentence of the warnings about labels.
fn missing(manifest: &Manifest) -> Vec<(&str, Option<&str>, u64, &str)> {
    let told = |warning: &&Warning| warning.code == "xlsx_label_not_available";
    manifest
        .warnings
        .iter()
        .filter(told)
        .map(|w| (w.sheet.as_deref().unwrap_or_default(), w.column.as_deref(), w.count, w.detail.as_str()))
        .collect()
}

/// The checksums of all csv and json files.
fn sums(backup: &Backup) -> Vec<String> {
    let manifest = backup.manifest();
    let files = manifest.sheets.iter().flat_map(|sheet| [sheet.files.csv.clone(), sheet.files.json.clone()]);
    files.flatten().map(|file| format!("{} {}", file.path, file.sha256)).collect()
}

const COMMENTED: &str = r#"
    CREATE SCHEMA app;
    CREATE TABLE app.matter (id int PRIMARY KEY, title text, at timestamptz, opened date);
    COMMENT ON TABLE app.matter IS 'Akten der Kanzlei';
    COMMENT ON COLUMN app.matter.id IS 'Aktenzeichen';
    COMMENT ON COLUMN app.matter.title IS 'a comment that the registry hides';
    COMMENT ON COLUMN app.matter.opened IS E'Angelegt am\n(a label of two lines, and of more than fits into the width of its column in one)';
    INSERT INTO app.matter VALUES (1, E'one\ntwo', '2026-11-21 03:00+00', '2026-11-21'), (2, NULL, NULL, NULL);
    CREATE TABLE app.plain (id int, note text); INSERT INTO app.plain VALUES (1, 'without a label');
    CREATE TABLE app.empty (id int); COMMENT ON COLUMN app.empty.id IS 'Nummer';
    CREATE TABLE app.bare (); COMMENT ON TABLE app.bare IS 'Ohne Spalten';
    CREATE VIEW app.shown AS SELECT id, title FROM app.matter; COMMENT ON COLUMN app.shown.title IS 'Titel';
    INSERT INTO paliad_backup.sheets (relation_schema, relation_name, label, column_labels)
        VALUES ('app', 'matter', NULL, '{"title": "Bezeichnung", "at": "  ", "gone": "Spalte, die es nicht gibt"}'),
               ('app', 'plain', 'Notizen', NULL), ('app', 'shown', '', NULL);
    INSERT INTO paliad_backup.sheets (query, run_as, sheet_name, label, column_labels)
        VALUES ('SELECT 1 AS a, 3 AS b', 'postgres', 'sums', 'Summen', '{"a": "Anzahl"}'),
               ('SELECT 1 AS a', 'postgres', 'unnamed', NULL, NULL)"#;

#[test]
fn labels_stand_below_the_names_where_the_setting_says_so() {
    let database = database(COMMENTED);
    let header_rows = |manifest: &Manifest| -> Vec<(String, u32)> {
        manifest.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.xlsx_header_rows)).collect()
    };
    let expect = |rows: [u32; 7]| -> Vec<(String, u32)> {
        let names = ["bare", "empty", "matter", "plain", "shown", "sums", "unnamed"];
        let mut expected: Vec<_> = names.map(str::to_owned).into_iter().zip(rows).collect();
        expected.rotate_right(2);
        expected
    };
    assert_eq!(header_rows(&compare_all(&database, &[])), expect([0, 1, 1, 1, 1, 1, 1]));
    let before = sums(&run(&mut database.connect()).unwrap());
    database.psql(&["-c", "UPDATE paliad_backup.settings SET xlsx_labels = true, xlsx_time_zone = 'Europe/Berlin'"]);
    let with_labels = compare_all(&database, &["--time-zone", "Europe/Berlin"]);
    assert_eq!(header_rows(&with_labels), expect([0, 2, 2, 1, 2, 2, 1]));
    assert_eq!(sums(&run(&mut database.connect()).unwrap()), before);
    // In a bundle without a workbook nothing is said of it.
    let backup = run_with(&mut database.connect(), "formats => '{csv}'").unwrap();
    assert!(backup.manifest().sheets.iter().all(|sheet| sheet.xlsx_header_rows == 0));
}

const REFERRED: &str = r#"
    CREATE SCHEMA app; CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
    CREATE TABLE app.person (id int PRIMARY KEY, name text, email ext.citext UNIQUE);
    INSERT INTO app.person VALUES (1, 'Anna', 'A@x'), (2, NULL, 'b@x'), (3, E' two\nlines ', 'c@X');
    -- Not referred to: a key refers to rows of the table alone.
    CREATE TABLE app.heir () INHERITS (app.person); INSERT INTO app.heir VALUES (4, 'nobody', 'd@x');
    CREATE TYPE app.colour AS ENUM ('red', 'blue');
    CREATE DOMAIN app.code AS varchar(4);
    CREATE TABLE app.hue (colour app.colour PRIMARY KEY, price numeric); INSERT INTO app.hue VALUES ('red', 1.50), ('blue', 'NaN');
    CREATE TABLE app.place (code app.code COLLATE "C" PRIMARY KEY, "The ""name""" varchar(20)); INSERT INTO app.place VALUES ('b', 'Bonn');
    CREATE TABLE app.kind (id bigint PRIMARY KEY, done boolean); INSERT INTO app.kind VALUES (1, true), (2, false);
    CREATE TABLE app.office (id int, region text, town text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE app.office_1 PARTITION OF app.office FOR VALUES FROM (0) TO (10);
    CREATE TABLE app.office_2 (town text, gone int, id int NOT NULL, region text);
    ALTER TABLE app.office_2 DROP COLUMN gone; ALTER TABLE app.office ATTACH PARTITION app.office_2 DEFAULT;
    INSERT INTO app.office VALUES (1, 'n', 'Kiel'), (10, 's', 'Ulm');
    CREATE TABLE app.pair (a int, b int, name text, PRIMARY KEY (a, b)); INSERT INTO app.pair VALUES (1, 1, 'one');
    CREATE TABLE app.task (
        tags text[], id int PRIMARY KEY, at timestamptz,
        owner int REFERENCES app.person, "owner (name)" text,
        owner_email ext.citext REFERENCES app.person (email),
        parent int REFERENCES app.task, colour app.colour REFERENCES app.hue,
        place varchar(8) COLLATE "POSIX" REFERENCES app.place,
        kind smallint NOT NULL REFERENCES app.kind REFERENCES app.kind,
        office int REFERENCES app.office,
        a int, b int, doubled int GENERATED ALWAYS AS (id * 2) STORED, j jsonb, title text,
        FOREIGN KEY (a, b) REFERENCES app.pair, FOREIGN KEY (kind) REFERENCES app.person);
    INSERT INTO app.task VALUES
        ('{a,b}', 1, '2026-11-21 03:00+00', 1, 'x', 'a@X', NULL, 'red', 'b', 1, 1, 1, 1, DEFAULT, '{"a": [1]}', 'first'),
        (NULL, 2, NULL, 2, NULL, 'B@X', 1, 'blue', NULL, 2, 10, NULL, NULL, DEFAULT, NULL, 'second'),
        ('{}', 3, 'infinity', 3, '', NULL, 2, NULL, NULL, 1, NULL, NULL, NULL, DEFAULT, 'null', '=third');
    CREATE TABLE app.note (at date, person int REFERENCES app.person, amount numeric(8, 2)) PARTITION BY RANGE (at);
    CREATE TABLE app.note_1 PARTITION OF app.note FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO app.note VALUES ('2026-03-01', 1, 1.5), ('2026-02-01', NULL, 2), ('2026-01-01', 3, NULL);
    INSERT INTO app.note SELECT '2026-06-01', 1 + n % 3, n FROM generate_series(1, 5000) AS n;
    -- A key without its row, as a restore may leave it.
    SET session_replication_role = replica; INSERT INTO app.note VALUES ('2026-12-01', 4, 4); RESET session_replication_role"#;

const LABELS: [(&str, &str); 8] = [
    ("person", "name"),
    ("hue", "price"),
    ("place", "The \"name\""),
    ("kind", "done"),
    ("office", "town"),
    ("pair", "name"),
    ("task", "title"),
    ("note", "amount"),
];

/// Each kind of key, of table and of type; the order of the rows, csv and json stay as they are.
#[test]
fn a_foreign_key_has_its_label_beside_it() {
    let database = database(REFERRED);
    let before = sums(&run(&mut database.connect()).unwrap());
    register(&database, &LABELS);
    for (labels_on, zone) in [(false, "UTC"), (true, "Europe/Berlin")] {
        database.psql(&[
            "-c",
            &format!("UPDATE paliad_backup.settings SET xlsx_labels = {labels_on}, xlsx_time_zone = '{zone}'"),
            "-c",
            "COMMENT ON COLUMN app.person.name IS 'Name der Person'",
        ]);
        let manifest = compare_all(&database, &["--time-zone", zone]);
        assert_eq!(
            labels(&manifest, "task"),
            [
                "owner (name) (2)",
                "owner_email (name)",
                "parent (title)",
                "colour (price)",
                "place (The \"name\")",
                "kind (done)",
                "kind (name)",
                "office (town)"
            ]
        );
        assert_eq!(labels(&manifest, "note"), ["person (name)"]);
        assert_eq!(missing(&manifest), []);
        // The label's own label makes a second header row, too.
        assert_eq!(sheet(&manifest, "note").xlsx_header_rows, 1 + u32::from(labels_on));
        assert_eq!(sums(&run(&mut database.connect()).unwrap()), before);
    }
    let manifest = run(&mut database.connect()).unwrap().manifest();
    assert_eq!(sheet(&manifest, "task").order_by, ["t.id"]);
    assert_eq!(sheet(&manifest, "task").xlsx_labels[5].relation.table, "kind");
}

/// A label that cannot be shown is a warning and no error; all else is as it would be.
#[test]
fn why_a_label_is_not_available_is_told() {
    let database = database(
        "CREATE SCHEMA app;
         CREATE TABLE app.paliadin_turns (id int PRIMARY KEY, name text); INSERT INTO app.paliadin_turns VALUES (1, 'SECRET');
         CREATE TABLE app.alien (id int PRIMARY KEY, name text);
         CREATE TABLE app.renamed (id int PRIMARY KEY, name text);
         CREATE TABLE app.dropped (id int PRIMARY KEY, name text);
         CREATE TABLE app.off (id int PRIMARY KEY, name text);
         CREATE TABLE app.good (id int PRIMARY KEY, name text); INSERT INTO app.good VALUES (1, 'shown');
         CREATE TABLE app.pair (a int, b int, name text, PRIMARY KEY (a, b));
         CREATE TABLE app.t (id int PRIMARY KEY, excluded int REFERENCES app.paliadin_turns, owned int REFERENCES app.alien,
             renamed int REFERENCES app.renamed, dropped int REFERENCES app.dropped, off int REFERENCES app.off,
             good int REFERENCES app.good, a int, b int, FOREIGN KEY (a, b) REFERENCES app.pair);
         INSERT INTO app.t VALUES (1, 1, NULL, NULL, NULL, NULL, 1)",
    );
    let owner = login(&database, "owner", &[]);
    let tables = ["paliadin_turns", "alien", "renamed", "dropped", "off", "good", "pair"];
    register(&database, &tables.map(|table| (table, "name")));
    database.psql(&[
        "-c",
        &format!("GRANT USAGE ON SCHEMA app TO {owner}; ALTER TABLE app.alien OWNER TO {owner}"),
        "-c",
        "ALTER TABLE app.renamed RENAME name TO title",
        "-c",
        "ALTER TABLE app.dropped DROP COLUMN name",
        "-c",
        "UPDATE paliad_backup.sheets SET enabled = false WHERE relation_name = 'off'",
    ]);
    let backup = run(&mut database.connect()).unwrap();
    let manifest = backup.manifest();
    assert_eq!(labels(&manifest, "t"), ["good (name)"]);
    let told = |column: &'static str, reason: &str| {
        ("t", Some(column), 1, format!("The workbook shows no label beside the column: {reason}."))
    };
    let expected = [
        told("excluded", "table app.paliadin_turns is not exported"),
        told("owned", "table app.alien belongs to another owner"),
        told("renamed", "table app.renamed has no column name"),
        told("dropped", "table app.dropped has no column name"),
        told("off", "table app.off is not exported"),
    ];
    let expected: Vec<_> = expected.iter().map(|(s, c, n, detail)| (*s, *c, *n, detail.as_str())).collect();
    assert_eq!(missing(&manifest), expected);
    let mut client = database.connect();
    assert_eq!(paths_with(&files(&mut client, &backup.id), "SECRET"), Vec::<String>::new());
    assert_eq!(compare(&database, &backup, &[]), "compare: 6 sheets, 0 differences");
    // Without a workbook nobody misses its labels.
    assert_eq!(missing(&run_with(&mut client, "formats => '{csv,json}'").unwrap().manifest()), []);
}

/// P9: rows of an excluded partition stay away from labels as well.
#[test]
fn rows_of_an_excluded_partition_give_no_label() {
    let database = database(
        "CREATE SCHEMA app;
         CREATE TABLE app.root (id int PRIMARY KEY, name text) PARTITION BY LIST (id);
         CREATE TABLE app.good PARTITION OF app.root FOR VALUES IN (1);
         CREATE TABLE app.bad PARTITION OF app.root DEFAULT;
         INSERT INTO app.root VALUES (1, 'to be seen'), (2, 'SECRET');
         CREATE TABLE app.t (id int PRIMARY KEY, root int REFERENCES app.root); INSERT INTO app.t VALUES (1, 1), (2, 2);
         INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('app', 'bad', 'by the test')",
    );
    register(&database, &[("root", "name")]);
    let mut client = database.connect();
    let backup = run(&mut client).unwrap();
    let found = files(&mut client, &backup.id);
    assert_eq!(paths_with(&found, "SECRET"), Vec::<String>::new());
    let shown = paths_with(&found, "to be seen");
    assert!(shown.contains(&"paliad-backup.xlsx/xl/worksheets/sheet3.xml".to_owned()), "{shown:?}");
    assert_eq!(backup.csv("t"), ["1,1", "2,2"]);
}

/// Reference data is handed around by itself: its workbook has no names of the records it refers to. Records may show reference data.
#[test]
fn labels_of_records_stay_out_of_a_config_bundle() {
    let database = database(
        "CREATE SCHEMA app;
         CREATE TABLE app.person (id int PRIMARY KEY, name text, land int); INSERT INTO app.person VALUES (1, 'Anna', 1);
         CREATE TABLE app.land (id int PRIMARY KEY, name text, warden int REFERENCES app.person, next int REFERENCES app.land);
         INSERT INTO app.land VALUES (1, 'Hessen', 1, 1);
         ALTER TABLE app.person ADD FOREIGN KEY (land) REFERENCES app.land",
    );
    register(&database, &[("person", "name"), ("land", "name")]);
    database.psql(&["-c", "UPDATE paliad_backup.sheets SET kind = 'ref' WHERE relation_name = 'land'"]);
    let mut client = database.connect();
    let config = run_with(&mut client, "scope => 'config'").unwrap();
    assert_eq!(labels(&config.manifest(), "ref__land"), ["next (name)"]);
    let sentence =
        "The workbook shows no label beside the column: table app.person holds records, and the scope is config.";
    assert_eq!(missing(&config.manifest()), [("ref__land", Some("warden"), 1, sentence)]);
    assert_eq!(paths_with(&files(&mut client, &config.id), "Anna"), Vec::<String>::new());
    assert_eq!(compare(&database, &config, &[]), "compare: 1 sheets, 0 differences");
    let data = run_with(&mut client, "scope => 'data'").unwrap();
    assert_eq!(labels(&data.manifest(), "person"), ["land (name)"]);
    assert_eq!(compare(&database, &data, &[]), "compare: 1 sheets, 0 differences");
}

/// The most columns that a table has: with 64 labels the query's values are 1,664, with more there are none.
#[test]
fn a_table_of_1600_columns_has_labels_while_the_query_has_room() {
    let columns = |from: u32| (from..1600).map(|n| format!("c{n} smallint")).collect::<Vec<_>>().join(", ");
    let keys = |count: u32| {
        (1..=count).map(|n| format!("ADD FOREIGN KEY (c{n}) REFERENCES app.kind")).collect::<Vec<_>>().join(", ")
    };
    let database = database(&format!(
        "CREATE SCHEMA app; CREATE TABLE app.kind (id smallint PRIMARY KEY, name text); INSERT INTO app.kind VALUES (1, 'one'), (2, 'two');
         CREATE TABLE app.fits (c0 int PRIMARY KEY, {0}); ALTER TABLE app.fits {1};
         CREATE TABLE app.more (c0 int PRIMARY KEY, {0}); ALTER TABLE app.more {2};
         CREATE TABLE app.no_key (c0 int, {0}); ALTER TABLE app.no_key {1};
         INSERT INTO app.fits (c0, c1, c64, c1599) VALUES (2, 1, 2, 3), (1, 2, NULL, 4);
         INSERT INTO app.more (c0, c1, c65, c1599) VALUES (2, 1, 2, 3); INSERT INTO app.no_key (c1, c64) VALUES (2, 2), (1, 1)",
        columns(1),
        keys(64),
        keys(65),
    ));
    register(&database, &[("kind", "name")]);
    let manifest = compare_all(&database, &[]);
    assert_eq!(labels(&manifest, "fits").len(), 64);
    assert_eq!((labels(&manifest, "more").len(), labels(&manifest, "no_key").len()), (0, 0));
    let sentence = "The workbook shows no labels beside the foreign keys: a query has at most 1,664 values.";
    assert_eq!(missing(&manifest), [("more", None, 65, sentence), ("no_key", None, 64, sentence)]);
}

/// A key that stands twice in a table with a damaged index doubles no row of the tables that refer to it.
#[test]
fn a_damaged_index_doubles_no_row() {
    let database = database(
        "CREATE SCHEMA app;
         CREATE TABLE app.person (id int PRIMARY KEY, name text); INSERT INTO app.person VALUES (1, 'Anna'), (2, 'Bert');
         CREATE TABLE app.t (id int PRIMARY KEY, person int REFERENCES app.person); INSERT INTO app.t VALUES (1, 1), (2, 2), (3, 1);
         UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'app.person_pkey'::regclass;
         INSERT INTO app.person VALUES (1, 'Anna again')",
    );
    register(&database, &[("person", "name")]);
    let backup = run(&mut database.connect()).unwrap();
    assert_eq!(labels(&backup.manifest(), "t"), ["person (name)"]);
    assert_eq!(backup.csv("person").len(), 3);
    assert_eq!(backup.csv("t"), ["1,1", "2,2", "3,1"]);
    assert_eq!(sheet(&backup.manifest(), "t").row_count, 3);
}

/// The owner may have lost the right to name the operator: the table is exported without the label.
#[test]
fn an_operator_out_of_reach_is_a_warning() {
    let database = database(
        "CREATE SCHEMA app; CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
         CREATE TABLE app.person (email ext.citext PRIMARY KEY, name text); INSERT INTO app.person VALUES ('a@x', 'Anna');
         CREATE TABLE app.t (id int PRIMARY KEY, person ext.citext REFERENCES app.person); INSERT INTO app.t VALUES (1, 'A@x')",
    );
    let owner = login(&database, "owner", &[]);
    register(&database, &[("person", "name")]);
    database.psql(&[
        "-c",
        &format!(
            "GRANT USAGE ON SCHEMA app TO {owner}; ALTER TABLE app.person OWNER TO {owner}; ALTER TABLE app.t OWNER TO {owner}"
        ),
    ]);
    let manifest = run(&mut database.connect()).unwrap().manifest();
    let sentence = "The workbook shows no label beside the column: who reads the sheet may not use the operator that compares it with table app.person.";
    assert_eq!(missing(&manifest), [("t", Some("person"), 1, sentence)]);
    database.psql(&["-c", &format!("GRANT USAGE ON SCHEMA ext TO {owner}")]);
    assert_eq!(labels(&compare_all(&database, &[]), "t"), ["person (name)"]);
    // In a superuser's place somebody reads who has no right to all functions, and calls none of other people.
    database.psql(&["-c", "ALTER TABLE app.person OWNER TO postgres; ALTER TABLE app.t OWNER TO postgres"]);
    assert_eq!(labels(&compare_all(&database, &[]), "t"), ["person (name)"]);
    for (forbid, allow) in [
        ("REVOKE EXECUTE ON FUNCTION ext.citext_eq FROM PUBLIC", "GRANT EXECUTE ON FUNCTION ext.citext_eq TO PUBLIC"),
        (&format!("ALTER FUNCTION ext.citext_eq OWNER TO {owner}"), "ALTER FUNCTION ext.citext_eq OWNER TO postgres"),
    ] {
        database.psql(&["-c", forbid]);
        let manifest = run(&mut database.connect()).unwrap().manifest();
        assert_eq!(missing(&manifest), [("t", Some("person"), 1, sentence)], "{forbid}");
        database.psql(&["-c", allow]);
    }
}

/// V8, X3: a label is text like any other, and a warning about it names its column.
#[test]
fn labels_are_text_like_any_other() {
    let database = database(
        r"CREATE SCHEMA app;
          CREATE TABLE app.person (id int PRIMARY KEY, name text);
          INSERT INTO app.person VALUES (1, '=cmd|'), (2, repeat('x', 40000)), (3, E'_x0041_\r\n\x01😀'), (4, repeat(E'line\n', 20));
          CREATE TABLE app.t (id int PRIMARY KEY, person int REFERENCES app.person);
          INSERT INTO app.t SELECT n, 1 + n % 4 FROM generate_series(1, 1000) AS n",
    );
    register(&database, &[("person", "name")]);
    let manifest = compare_all(&database, &[]);
    let shortened: Vec<_> = manifest
        .warnings
        .iter()
        .filter(|warning| warning.code == "xlsx_text_shortened")
        .map(|warning| (warning.sheet.as_deref().unwrap(), warning.column.as_deref().unwrap(), warning.count))
        .collect();
    assert_eq!(shortened, [("person", "name", 1), ("t", "person (name)", 250)]);
}

/// A query has no rows to refer to, so no column of it can be a label.
#[test]
fn only_a_table_has_a_label_column() {
    let database = Cluster::shared().database();
    let sql = "INSERT INTO paliad_backup.sheets (sheet_name, query, run_as, label_column) VALUES ('q', 'SELECT 1 AS a', 'postgres', 'a')";
    let error = database.connect().batch_execute(sql).unwrap_err();
    assert_eq!(error.as_db_error().unwrap().constraint(), Some("sheets_label_column_relation"));
}
