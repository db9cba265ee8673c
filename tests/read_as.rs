//! read_sheet_as(): the rows of a bundle as rows of a table, with exact values and nobody's rights but those of the table's owner.

use crate::runs::{run, run_with};
use crate::security::{is_superuser, login, refused};
use crate::support::{Cluster, sqlstate};
use postgres::Client;

fn count(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
}

/// Every type, every table: what was exported and what is there are the same rows, in both directions.
#[test]
fn every_type_comes_back_exactly() {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    database.load("tests/oracle/zoo.sql");
    let mut client = database.connect();
    let backup = run_with(&mut client, "formats => '{csv}'").unwrap();
    let (mut values, mut refusing) = (0, 0);
    for sheet in backup.manifest().sheets.iter().filter(|sheet| !sheet.columns.is_empty()) {
        let relation = sheet.relation.as_ref().unwrap();
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let table = format!("{}.{}", quoted(&relation.schema), quoted(&relation.table));
        let name = sheet.name.replace('\'', "''");
        let both = format!(
            "SELECT ROW(r.*)::text AS r FROM paliad_backup.read_sheet_as(NULL::{table}, '{}', '{name}') AS r",
            backup.id
        );
        let only = format!("SELECT ROW(t.*)::text AS r FROM ONLY {table} AS t");
        let only = if is_partitioned(&mut client, &table) { only.replace("ONLY ", "") } else { only };
        let different = format!("(({both}) EXCEPT ALL ({only})) UNION ALL (({only}) EXCEPT ALL ({both}))");
        match client.query_one(&format!("SELECT count(*) FROM ({different}) AS d"), &[]) {
            Ok(row) => assert_eq!(row.get::<_, i64>(0), 0, "{table}"),
            // COPY has no input for these either: the server makes them itself, in its catalogs.
            Err(error) if sqlstate(&error) == "0A000" => {
                let message = error.as_db_error().unwrap().message();
                assert!(message.starts_with("cannot accept a value of type "), "{table}: {message}");
                refusing += 1;
                continue;
            }
            Err(error) => panic!("{table}: {error:?}"),
        }
        values += sheet.row_count * sheet.columns.len() as u64;
    }
    assert!(values > 500 && refusing < 10, "{values} values, {refusing} types without input");
}

/// Whether a table's rows are those of its partitions.
fn is_partitioned(client: &mut Client, table: &str) -> bool {
    let sql = format!("SELECT relkind = 'p' FROM pg_class WHERE oid = $${table}$$::regclass");
    client.query_one(&sql, &[]).unwrap().get(0)
}

#[test]
fn columns_are_matched_by_name() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (gone int, id int PRIMARY KEY, price numeric, title text,
                 twice numeric GENERATED ALWAYS AS (price * 2) STORED, later text);
             ALTER TABLE t DROP COLUMN gone;
             INSERT INTO t (id, price, title, later) VALUES (1, 1.50, '', 'x'), (2, NULL, NULL, NULL), (3, 'NaN', E'a\\nb', 'y')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let equal = format!(
        "SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::t, '{}', 't', 'anna@example.org') WITH ORDINALITY AS r
         FULL JOIN (SELECT row_number() OVER (ORDER BY id) AS ordinality, t.* FROM t) AS t USING (ordinality)
         WHERE ROW(r.id, r.price, r.title, r.twice, r.later) IS NOT DISTINCT FROM ROW(t.id, t.price, t.title, t.twice, t.later)
         AND r.title IS NOT DISTINCT FROM t.title",
        backup.id
    );
    assert_eq!(count(&mut client, &equal), 3, "generated columns are computed, '' is not NULL, rows keep their order");
    let audited = "SELECT count(*) FROM paliad_backup.system_audit_log
                   WHERE event_type = 'backup_read' AND actor_email = 'anna@example.org' AND metadata ->> 'read' = 't'";
    assert_eq!(count(&mut client, audited), 1);
    // The table has changed since: dropped, added and narrowed columns; another table's type, a view's, and one of no table.
    client
        .batch_execute(
            "ALTER TABLE t DROP COLUMN later, ADD COLUMN added int DEFAULT 7;
             CREATE VIEW v AS SELECT title, 1 AS one FROM t;
             CREATE TYPE shape AS (price numeric(3,1), nothing int, title varchar(1))",
        )
        .unwrap();
    let rows = |row_type: &str| {
        format!(
            "SELECT string_agg(r::text, ';') FROM paliad_backup.read_sheet_as(NULL::{row_type}, '{}', 't') AS r",
            backup.id
        )
    };
    let text = |client: &mut Client, sql: &str| client.query_one(sql, &[]).unwrap().get::<_, String>(0);
    assert_eq!(text(&mut client, &rows("t")), "(1,1.50,\"\",3.00,);(2,,,,);(3,NaN,\"a\nb\",NaN,)");
    assert_eq!(text(&mut client, &rows("v")), "(\"\",);(,);(\"a\nb\",)");
    // Type modifiers hold: a text that is too long is the server's error, as COPY's would be.
    assert_eq!(refused(&mut client, &rows("shape")).0, "22001");
    client.batch_execute("ALTER TYPE shape ALTER ATTRIBUTE title TYPE varchar(3)").unwrap();
    assert_eq!(text(&mut client, &rows("shape")), "(1.5,,\"\");(,,);(NaN,,\"a\nb\")");
    client.batch_execute("DROP VIEW v; ALTER TABLE t ALTER COLUMN title TYPE int USING 1").unwrap();
    assert_eq!(refused(&mut client, &rows("t")).0, "22P02");
}

#[test]
fn a_latin1_database_reads_its_own_characters() {
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (\"größe\" text); INSERT INTO t VALUES ('Zürich')").unwrap();
    let backup = run(&mut client).unwrap();
    let read = format!("SELECT r.\"größe\" FROM paliad_backup.read_sheet_as(NULL::t, '{}', 't') AS r", backup.id);
    assert_eq!(client.query_one(&read, &[]).unwrap().get::<_, String>(0), "Zürich");
}

#[test]
fn what_cannot_be_read_is_said() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5000); CREATE TABLE other (z int)",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let json = run_with(&mut client, "formats => '{json}'").unwrap();
    let (id, json) = (&backup.id, &json.id);
    for (call, state) in [
        (format!("NULL::int, '{id}', 't'"), "22023"),
        (format!("NULL::record, '{id}', 't'"), "22023"),
        (format!("NULL::t[], '{id}', 't'"), "22023"),
        (format!("NULL::other, '{id}', 't'"), "22023"),
        (format!("NULL::t, '{id}', 'none'"), "42704"),
        (format!("NULL::t, '{id}', NULL"), "42704"),
        (format!("NULL::t, '{json}', 't'"), "55000"),
        ("NULL::t, NULL, 't'".to_owned(), "22023"),
        ("NULL::t, '00000000-0000-0000-0000-000000000000', 't'".to_owned(), "42704"),
    ] {
        let (found, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.read_sheet_as({call})"));
        assert_eq!(found, state, "{call}: {message}");
        assert!(!hint.is_empty(), "{call}: {message}");
    }
    backup.damage("csv/t.csv");
    let read = format!("SELECT paliad_backup.read_sheet_as(NULL::t, '{id}', 't')");
    assert_eq!(refused(&mut client, &read).0, "XX001");
}

/// P4: a domain's constraint and a generated column run as the table's owner, whoever reads.
#[test]
fn p4_code_of_a_row_type_has_its_owners_rights_alone() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "attacker", &[]);
    postgres
        .batch_execute(&format!("CREATE SCHEMA m AUTHORIZATION {role}; GRANT CREATE ON SCHEMA m TO PUBLIC"))
        .unwrap();
    let mut attacker = database.connect_as(&role);
    let lay = "
        CREATE TABLE m.witness (role text);
        CREATE FUNCTION m.strike(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN a; END';
        CREATE DOMAIN m.d AS int CHECK (m.strike(VALUE) > 0);
        CREATE TABLE m.t (a m.d, g int GENERATED ALWAYS AS (m.strike(1)) STORED);
        INSERT INTO m.t VALUES (1);";
    attacker.batch_execute(lay).unwrap();
    let backup = run(&mut postgres).unwrap();
    let armed = |role: &str| {
        format!(
            "CREATE FUNCTION m.blow(a int) RETURNS int VOLATILE LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO m.witness VALUES (current_user);
                 BEGIN ALTER ROLE {role} SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
                 RETURN a;
             END $$;
             CREATE OR REPLACE FUNCTION m.strike(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN m.blow(a); END'"
        )
    };
    attacker.batch_execute(&armed(&role)).unwrap();
    let read = format!("SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::m.t, '{}', 't')", backup.id);
    let mut fresh = database.connect();
    assert_eq!(count(&mut fresh, &read), 1);
    assert!(!is_superuser(&database, &role));
    let witnesses = fresh.query("SELECT role FROM m.witness", &[]).unwrap();
    assert!(witnesses.len() >= 2, "the domain's constraint and the generated column were computed");
    assert!(witnesses.iter().all(|row| row.get::<_, String>(0) == role));
    // Of a superuser's table nobody else's code runs at all.
    fresh.batch_execute("CREATE TABLE public.t (a m.d)").unwrap();
    let read = format!("SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::public.t, '{}', 't')", backup.id);
    assert_eq!(refused(&mut fresh, &read).0, "42501");
    assert!(!is_superuser(&database, &role));
}

/// A set larger than work_mem goes to disk.
#[test]
fn memory_is_bounded_by_work_mem() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t AS SELECT n AS id, repeat('x', 1000) AS a FROM generate_series(1, 30000) AS n")
        .unwrap();
    let backup = run_with(&mut client, "formats => '{csv}'").unwrap();
    client.batch_execute("SET work_mem = '256kB'").unwrap();
    let read = format!(
        "SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::t, '{}', 't') AS r JOIN t USING (id, a)",
        backup.id
    );
    assert_eq!(count(&mut client, &read), 30_000);
    let plan = format!(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::t, '{}', 't')",
        backup.id
    );
    let plan: serde_json::Value = client.query_one(&plan, &[]).unwrap().get(0);
    let written = plan[0]["Plan"]["Temp Written Blocks"].as_i64().unwrap();
    assert!(written * 8192 > 30_000_000, "{written} blocks");
}

/// One column in common is enough, and a wrong table can have it: whoever reads hears what is missing.
#[test]
fn columns_that_the_sheet_has_not_are_told() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let (notices, heard) = std::sync::mpsc::channel();
    let mut config = cluster.config(database.name(), "postgres");
    config.notice_callback(move |notice| {
        let _ = notices.send((notice.severity().to_owned(), notice.message().to_owned()));
    });
    let mut client = config.connect(postgres::NoTls).unwrap();
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE TABLE app.kunden (id int PRIMARY KEY, name text, gross text GENERATED ALWAYS AS (upper(name)) STORED);
             CREATE TABLE app.auftraege (id int PRIMARY KEY, gone int, \"Preis\" int, kunde int);
             ALTER TABLE app.auftraege DROP COLUMN gone; INSERT INTO app.kunden VALUES (1, 'a'), (2, 'b')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let read = |row_type: &str| {
        format!("SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::{row_type}, '{}', 'kunden')", backup.id)
    };
    heard.try_iter().for_each(drop);
    assert_eq!(count(&mut client, &read("app.kunden")), 2);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [], "it has them all, generated ones too");
    assert_eq!(count(&mut client, &read("app.auftraege")), 2);
    let told =
        "sheet \"kunden\" has no column \"Preis\", \"kunde\" of app.auftraege: null, or computed where it is generated";
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [("NOTICE".to_owned(), told.to_owned())]);
}
