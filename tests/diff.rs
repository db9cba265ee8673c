//! diff(): what has become of a table's rows since a backup.

use crate::runs::{run, run_with};
use crate::security::{is_superuser, login, refused};
use crate::support::Cluster;
use postgres::Client;
use serde_json::{Value, json};

type Difference = (Option<Value>, String, Option<Vec<String>>, Option<Value>, Option<Value>);

fn diff(client: &mut Client, id: &str, sheet: &str) -> Vec<Difference> {
    let sql = format!("SELECT key, change, columns, old, new FROM paliad_backup.diff('{id}', $1, 'anna@example.org')");
    let rows = client.query(&sql, &[&sheet]).unwrap_or_else(|error| panic!("{sheet}: {error:?}"));
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
}

fn changed(key: Value, columns: &[&str], old: Value, new: Value) -> Difference {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    (Some(key), "changed".into(), Some(columns), Some(old), Some(new))
}

#[test]
fn rows_are_told_apart_by_the_primary_key() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (a text, n numeric, region text, id int, g text GENERATED ALWAYS AS (upper(a)) STORED,
                 PRIMARY KEY (region, id));
             INSERT INTO t SELECT 'a' || id, id, region, id FROM generate_series(1, 6) AS id, (VALUES ('de'), ('fr')) AS r (region)",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    assert_eq!(diff(&mut client, &backup.id, "t"), []);
    client
        .batch_execute(
            "UPDATE t SET a = '', n = NULL WHERE id = 2 AND region = 'fr';
             UPDATE t SET a = NULL WHERE id = 3 AND region = 'de';
             UPDATE t SET n = 4.0 WHERE id = 4 AND region = 'de';
             DELETE FROM t WHERE id = 5 AND region = 'de';
             UPDATE t SET id = 7 WHERE id = 6 AND region = 'fr';
             INSERT INTO t VALUES (E'x\\n\"', 0, 'at', 1)",
        )
        .unwrap();
    let row = |a: &str, n: &str, region: &str, id: &str| json!({ "a": a, "n": n, "region": region, "id": id });
    let key = |region: &str, id: &str| json!({ "region": region, "id": id });
    let expected = [
        changed(key("de", "3"), &["a"], json!({ "a": "a3" }), json!({ "a": null })),
        changed(key("de", "4"), &["n"], json!({ "n": "4" }), json!({ "n": "4.0" })),
        (Some(key("de", "5")), "removed".into(), None, Some(row("a5", "5", "de", "5")), None),
        changed(key("fr", "2"), &["a", "n"], json!({ "a": "a2", "n": "2" }), json!({ "a": "", "n": null })),
        (Some(key("fr", "6")), "removed".into(), None, Some(row("a6", "6", "fr", "6")), None),
        (Some(key("at", "1")), "added".into(), None, None, Some(row("x\n\"", "0", "at", "1"))),
        (Some(key("fr", "7")), "added".into(), None, None, Some(row("a6", "6", "fr", "7"))),
    ];
    assert_eq!(diff(&mut client, &backup.id, "t"), expected);
    let audited = "SELECT count(*) FROM paliad_backup.system_audit_log
                   WHERE event_type = 'backup_read' AND actor_email = 'anna@example.org' AND metadata ->> 'read' = 't'";
    assert_eq!(client.query_one(audited, &[]).unwrap().get::<_, i64>(0), 2);
    // What the session has set makes no difference, nor do columns that only one side has.
    client.batch_execute("SET extra_float_digits = 0; SET search_path = ''; ALTER TABLE public.t DROP COLUMN g, DROP COLUMN n, ADD COLUMN later int").unwrap();
    let without_n: Vec<Difference> = diff(&mut client, &backup.id, "t");
    assert_eq!(without_n.len(), 6, "{without_n:?}");
    assert_eq!(without_n[2], changed(key("fr", "2"), &["a"], json!({ "a": "a2" }), json!({ "a": "" })));
}

#[test]
fn without_a_key_rows_are_counted() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (a text, b json); INSERT INTO t VALUES ('x', NULL), ('x', NULL), ('x', NULL), ('', '{}'), (NULL, NULL), ('gone', '[1]')",
        )
        .unwrap();
    let backup = run_with(&mut client, "formats => '{csv}'").unwrap();
    assert_eq!(diff(&mut client, &backup.id, "t"), []);
    client
        .batch_execute(
            "DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE a = 'x' LIMIT 2); DELETE FROM t WHERE a = 'gone';
             INSERT INTO t VALUES (NULL, NULL), (NULL, NULL), ('', '{ }')",
        )
        .unwrap();
    let row = |a: Option<&str>, b: Option<&str>| Some(json!({ "a": a, "b": b }));
    let removed = |old: Option<Value>| (None, "removed".to_owned(), None, old, None);
    let added = |new: Option<Value>| (None, "added".to_owned(), None, None, new);
    let found = diff(&mut client, &backup.id, "t");
    let expected = [
        removed(row(Some("gone"), Some("[1]"))),
        removed(row(Some("x"), None)),
        removed(row(Some("x"), None)),
        added(row(None, None)),
        added(row(None, None)),
        added(row(Some(""), Some("{ }"))),
    ];
    let sorted = |mut rows: Vec<Difference>| {
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    assert_eq!(sorted(found.clone()), sorted(expected.to_vec()));
    assert!(
        found.iter().map(|row| row.1.as_str()).is_sorted_by(|a, b| a >= b),
        "what was removed comes first: {found:?}"
    );
}

#[test]
fn every_type_is_equal_to_itself() {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    database.load("tests/oracle/zoo.sql");
    let mut client = database.connect();
    let backup = run_with(&mut client, "formats => '{csv}'").unwrap();
    client
        .batch_execute("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = 'iso_8601'")
        .unwrap();
    let mut compared = 0;
    for sheet in backup.manifest().sheets.iter().filter(|sheet| sheet.columns.iter().any(|column| !column.generated)) {
        assert_eq!(diff(&mut client, &backup.id, &sheet.name), [], "{}", sheet.name);
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
    // And the comparison sees what is not.
    let sheets = backup.manifest().sheets;
    let sheet = sheets.iter().find(|sheet| sheet.relation.as_ref().unwrap().table == "timestamptz").unwrap();
    client.batch_execute("DELETE FROM zoo.timestamptz").unwrap();
    assert_eq!(diff(&mut client, &backup.id, &sheet.name).len() as u64, sheet.row_count);
}

#[test]
fn partitions_and_inheritance_are_read_as_they_were_exported() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
             CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
             INSERT INTO p VALUES (1), (11); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2);
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('public', 'p2', 'secret')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    for sheet in ["p", "parent", "child"] {
        assert_eq!(diff(&mut client, &backup.id, sheet), [], "{sheet}");
    }
    client.batch_execute("INSERT INTO p VALUES (2), (12); DELETE FROM child").unwrap();
    assert_eq!(diff(&mut client, &backup.id, "p").len(), 1, "excluded partitions are not read");
    assert_eq!(diff(&mut client, &backup.id, "parent"), []);
    assert_eq!(diff(&mut client, &backup.id, "child").len(), 1);
}

#[test]
fn a_latin1_database_compares_its_own_characters() {
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (\"größe\" text PRIMARY KEY, v text); INSERT INTO t VALUES ('Zürich', 'ä'), ('Köln', 'ö')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    client.batch_execute("UPDATE t SET v = 'ü' WHERE \"größe\" = 'Köln'").unwrap();
    let expected = [changed(json!({ "größe": "Köln" }), &["v"], json!({ "v": "ö" }), json!({ "v": "ü" }))];
    assert_eq!(diff(&mut client, &backup.id, "t"), expected);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (a int); CREATE TABLE gone (a int); CREATE TABLE secret (a int); CREATE TABLE other (a int); CREATE TABLE hidden (a int);
             CREATE VIEW v AS SELECT * FROM t;
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'v');
             INSERT INTO paliad_backup.sheets (sheet_name, query, run_as) VALUES ('q', 'SELECT 1 AS a', 'postgres')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let json = run_with(&mut client, "formats => '{json}'").unwrap();
    client
        .batch_execute(
            "DROP TABLE gone; ALTER TABLE other RENAME a TO b;
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, enabled) VALUES ('public', 'hidden', false);
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('public', 'secret', 'now')",
        )
        .unwrap();
    let (id, json) = (&backup.id, &json.id);
    for (call, state) in [
        (format!("'{id}', 'none'"), "42704"),
        (format!("'{id}', 'gone'"), "42704"),
        (format!("'{id}', 'hidden'"), "42704"),
        (format!("'{id}', 'v'"), "55000"),
        (format!("'{id}', 'q'"), "55000"),
        (format!("'{id}', 'other'"), "22023"),
        (format!("'{id}', 'secret'"), "42501"),
        (format!("'{json}', 't'"), "55000"),
        ("NULL, 't'".to_owned(), "22023"),
    ] {
        let (found, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.diff({call})"));
        assert_eq!(found, state, "{call}: {message}");
        assert!(!hint.is_empty(), "{call}: {message}");
    }
    client.batch_execute("SET lock_timeout = '10ms'").unwrap();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE t").unwrap();
    assert_eq!(refused(&mut client, &format!("SELECT paliad_backup.diff('{id}', 't')")).0, "55P03");
}

/// P4: what planning and reading the live table runs has its owner's rights.
#[test]
fn p4_code_of_the_live_table_has_its_owners_rights_alone() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "attacker", &[]);
    postgres.batch_execute(&format!("CREATE SCHEMA m AUTHORIZATION {role}")).unwrap();
    let mut attacker = database.connect_as(&role);
    attacker
        .batch_execute(
            "CREATE TABLE m.witness (role text);
             CREATE FUNCTION m.f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
             CREATE TABLE m.t (a int); INSERT INTO m.t SELECT generate_series(1, 9);
             CREATE INDEX ON m.t ((a + m.f(1))); ANALYZE m.t",
        )
        .unwrap();
    let backup = run(&mut postgres).unwrap();
    attacker
        .batch_execute(&format!(
            "CREATE FUNCTION m.strike() RETURNS void VOLATILE LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO m.witness VALUES (current_user);
                 BEGIN ALTER ROLE {role} SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
             END $$;
             CREATE OR REPLACE FUNCTION m.f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM m.strike(); RETURN $1; END'"
        ))
        .unwrap();
    let mut fresh = database.connect();
    assert_eq!(diff(&mut fresh, &backup.id, "t"), []);
    assert!(!is_superuser(&database, &role));
    let witnesses = fresh.query("SELECT DISTINCT role FROM m.witness", &[]).unwrap();
    assert!(witnesses.iter().map(|row| row.get::<_, String>(0)).eq([role]), "the attack was real");
}

/// Both sets, the join and the sort go to disk above work_mem.
#[test]
fn memory_is_bounded_by_work_mem() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t AS SELECT n AS id, repeat('x', 500) AS a FROM generate_series(1, 40000) AS n; ALTER TABLE t ADD PRIMARY KEY (id)",
        )
        .unwrap();
    let backup = run_with(&mut client, "formats => '{csv}'").unwrap();
    client
        .batch_execute("SET work_mem = '256kB'; UPDATE t SET a = 'y' WHERE id % 1000 = 0; DELETE FROM t WHERE id = 7")
        .unwrap();
    let found = diff(&mut client, &backup.id, "t");
    assert_eq!(found.len(), 41);
    let keys: Vec<i64> =
        found.iter().map(|row| row.0.as_ref().unwrap()["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(keys.is_sorted(), "in the bundle's order: {keys:?}");
    let plan = format!(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT count(*) FROM paliad_backup.diff('{}', 't')",
        backup.id
    );
    let plan: Value = client.query_one(&plan, &[]).unwrap().get(0);
    let written = plan[0]["Plan"]["Temp Written Blocks"].as_i64().unwrap();
    assert!(written * 8192 > 2 * 20_000_000, "{written} blocks");
}
