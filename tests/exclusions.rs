//! P9: what is excluded never leaves the database, whichever way a sheet goes: refused with 42501, or absent.

use crate::security;
use crate::security::{files, paths_with, refused, run};
use crate::support::{Cluster, Database};

/// Stands in rows of excluded tables only.
const SECRET: &str = "SECRET-7f3a";

/// A database where `$owner` owns schema `app` with an excluded table, everything that can lead to it, and a table to keep.
fn application() -> (Database<'static>, String) {
    security::application(&format!(
        "CREATE TABLE app.kept (id int PRIMARY KEY, body text);
         INSERT INTO app.kept VALUES (1, 'to be kept');
         CREATE TABLE app.paliadin_turns (id int PRIMARY KEY, body text);
         INSERT INTO app.paliadin_turns VALUES (1, '{SECRET} one');
         CREATE VIEW app.v AS SELECT * FROM app.paliadin_turns;
         CREATE VIEW app.vv AS SELECT k.id, (SELECT max(body) FROM app.v) AS body FROM app.kept AS k;
         CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.vv;
         CREATE VIEW app.over_m AS SELECT * FROM app.m;
         CREATE FUNCTION app.inlined() RETURNS SETOF text STABLE LANGUAGE sql AS 'SELECT body FROM app.paliadin_turns';
         CREATE FUNCTION app.folded() RETURNS text IMMUTABLE LANGUAGE plpgsql
             AS 'BEGIN RETURN (SELECT max(body) FROM app.paliadin_turns); END';
         CREATE FUNCTION app.dynamic(source text) RETURNS SETOF text VOLATILE LANGUAGE plpgsql
             AS 'BEGIN RETURN QUERY EXECUTE format(''SELECT body FROM %s'', source); END';
         CREATE VIEW app.over_function AS SELECT * FROM app.inlined();
         CREATE TABLE app.heir (extra int) INHERITS (app.paliadin_turns);
         INSERT INTO app.heir VALUES (2, '{SECRET} two', 0);
         CREATE TABLE app.ancestor (id int, body text);
         INSERT INTO app.ancestor VALUES (1, 'ancestor');
         ALTER TABLE app.paliadin_turns INHERIT app.ancestor;
         CREATE TABLE app.paliadin_aichat_conversation (id int, body text) PARTITION BY LIST (id);
         CREATE TABLE app.part PARTITION OF app.paliadin_aichat_conversation DEFAULT;
         INSERT INTO app.part VALUES (3, '{SECRET} three');
         CREATE TABLE app.root (id int PRIMARY KEY, body text) PARTITION BY LIST (id);
         CREATE TABLE app.good PARTITION OF app.root FOR VALUES IN (1);
         CREATE TABLE app.bad PARTITION OF app.root DEFAULT;
         INSERT INTO app.root VALUES (1, 'good'), (2, '{SECRET} four');
         CREATE VIEW app.over_root AS SELECT * FROM app.root;
         RESET ROLE;
         INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('app', 'bad', 'by the test')",
    ))
}

#[test]
fn p9_excluded_relations_are_absent_and_nothing_else_is() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "CREATE SCHEMA other AUTHORIZATION {owner}; SET ROLE {owner};
             CREATE TABLE other.paliadin_turns (body text, id serial); INSERT INTO other.paliadin_turns VALUES ('{SECRET} five');
             CREATE TABLE other.\"PALIADIN_TURNS\" (body text); INSERT INTO other.\"PALIADIN_TURNS\" VALUES ('another name');
             RESET ROLE;
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, sheet_name, position)
                 VALUES ('app', 'paliadin_turns', 'chat', 1), ('app', 'heir', 'heir', 2), ('app', 'part', 'part', 3), ('app', 'bad', 'bad', 4)"
        ))
        .unwrap();
    let id = run(&mut postgres);
    let found = files(&mut postgres, &id);
    assert_eq!(paths_with(&found, SECRET), Vec::<String>::new());
    let counts = postgres.query_one("SELECT row_counts::text FROM paliad_backup.latest()", &[]).unwrap();
    let counts: serde_json::Value = serde_json::from_str(counts.get(0)).unwrap();
    assert_eq!(counts, serde_json::json!({"kept": 1, "ancestor": 1, "root": 1, "PALIADIN_TURNS": 1}));
    // The names stand where the bundle says what it leaves out.
    let named = paths_with(&found, "paliadin_turns");
    assert_eq!(named, ["README.txt", "manifest.json", "paliad-backup.xlsx/xl/worksheets/sheet1.xml"]);
}

/// Queries, each the whole of a sheet, that reach an excluded table.
const QUERIES: [&str; 22] = [
    "SELECT * FROM app.paliadin_turns",
    "TABLE ONLY app.paliadin_turns",
    "SELECT count(*) FROM app.paliadin_turns",
    "SELECT 1 WHERE EXISTS (SELECT FROM app.paliadin_turns)",
    "WITH c AS (SELECT * FROM app.paliadin_turns) SELECT k.id FROM app.kept AS k, LATERAL (SELECT FROM c WHERE c.id = k.id) AS l",
    "SELECT id FROM app.kept UNION ALL SELECT id FROM app.paliadin_turns WHERE false IS NULL",
    "SELECT * FROM app.paliadin_turns TABLESAMPLE SYSTEM (100)",
    "SELECT * FROM app.v",
    "SELECT * FROM app.vv",
    "SELECT * FROM app.m",
    "SELECT * FROM app.over_m",
    "SELECT * FROM app.over_function",
    "SELECT * FROM app.inlined()",
    "SELECT app.folded()",
    "SELECT app.dynamic('app.paliadin_turns')",
    "SELECT app.dynamic('app.over_m')",
    "SELECT query_to_xml('SELECT * FROM app.paliadin_turns', true, false, '')",
    "SELECT table_to_xml('app.paliadin_turns', true, false, '')",
    "SELECT * FROM app.heir",
    "SELECT * FROM app.ancestor",
    "SELECT * FROM app.part",
    "SELECT * FROM app.root",
];

#[test]
fn p9_queries_that_read_an_excluded_relation_are_refused() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    for query in QUERIES {
        postgres.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
        let insert = "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ($1, $2::text::name, 'q')";
        postgres.execute(insert, &[&query, &owner]).unwrap();
        let (state, message, _) = refused(&mut postgres, "SELECT paliad_backup.run()");
        assert_eq!(state, "42501", "{query}: {message}");
        assert!(message.contains("excluded"), "{query}: {message}");
    }
    let left = postgres.query_one("SELECT count(*) FROM paliad_backup.backups WHERE status <> 'failed'", &[]).unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    postgres
        .batch_execute(
            "UPDATE paliad_backup.sheets SET query = 'SELECT a.id, g.body FROM ONLY app.ancestor AS a, app.good AS g'",
        )
        .unwrap();
    run(&mut postgres);
}

#[test]
fn p9_registered_views_that_read_an_excluded_relation_are_refused() {
    let (database, _) = application();
    let mut postgres = database.connect();
    for view in ["v", "vv", "m", "over_m", "over_function", "over_root"] {
        postgres.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
        let insert = "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('app', $1::text::name)";
        postgres.execute(insert, &[&view]).unwrap();
        let (state, message, _) = refused(&mut postgres, "SELECT paliad_backup.run()");
        assert_eq!(state, "42501", "{view}: {message}");
        assert!(message.contains("excluded"), "{view}: {message}");
    }
}

/// A long value lies in the TOAST table, which a superuser may read by its name.
#[test]
fn p9_toasted_values_of_an_excluded_table_are_refused() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "CREATE TABLE paliadin_turns (body text); ALTER TABLE paliadin_turns ALTER body SET STORAGE EXTERNAL;
             INSERT INTO paliadin_turns VALUES (repeat('{SECRET}', 1000));
             INSERT INTO paliad_backup.sheets (query, run_as, sheet_name)
             SELECT format('SELECT chunk_data FROM %s', reltoastrelid::regclass), 'postgres', 'q'
             FROM pg_class WHERE oid = 'paliadin_turns'::regclass"
        ))
        .unwrap();
    let (state, message, _) = refused(&mut postgres, "SELECT paliad_backup.run()");
    assert_eq!(state, "42501");
    assert!(message.contains("excluded"), "{message}");
}

/// Switched off, an exclusion has no effect; the guard of one run doesn't outlive it.
#[test]
fn p9_an_exclusion_that_is_switched_off_is_none() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    let sheet =
        format!("INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('TABLE app.v', '{owner}', 'q')");
    postgres.batch_execute(&sheet).unwrap();
    let (state, ..) = refused(&mut postgres, "SELECT paliad_backup.run()");
    assert_eq!(state, "42501");
    let rows = postgres.query("SELECT FROM app.paliadin_turns", &[]).unwrap();
    assert_eq!(rows.len(), 2, "the session that was refused may read the table as before");
    postgres.batch_execute("UPDATE paliad_backup.exclusions SET excluded = false").unwrap();
    let id = run(&mut postgres);
    assert!(paths_with(&files(&mut postgres, &id), SECRET).contains(&"csv/q.csv".to_owned()));
}
