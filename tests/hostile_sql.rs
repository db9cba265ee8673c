//! What other people put into the database and into their sessions must neither change a backup nor break it: row security and
//! missing rights (P2), search paths, operators, casts and temporary objects (P3), text that looks like SQL or options (P10).

use crate::security;
use crate::security::{files, login, refused, run, text};
use crate::support::{Cluster, Database};
use postgres::Client;

/// A database where role `owner` has the schema `app` with a table of three rows, and an admin who owns nothing.
fn application() -> (Database<'static>, String, String) {
    let (database, owner) = security::application(
        "CREATE TABLE app.matters (id int PRIMARY KEY, title text);
         INSERT INTO app.matters VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    );
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    (database, owner, admin)
}

const ALL_MATTERS: &str = "id,title\n1,one\n2,two\n3,three\n";

#[test]
fn p2_row_security_never_thins_out_a_backup() {
    let (database, owner, admin) = application();
    database
        .connect()
        .batch_execute(
            "ALTER TABLE app.matters ENABLE ROW LEVEL SECURITY;
             ALTER TABLE app.matters FORCE ROW LEVEL SECURITY;
             CREATE FUNCTION app.refuse() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'asked'; END $$;
             CREATE POLICY nothing ON app.matters USING (app.refuse());
             CREATE POLICY never ON app.matters AS RESTRICTIVE USING (false)",
        )
        .unwrap();
    let mut caller = database.connect_as(&admin);
    for row_security in ["on", "off"] {
        caller.batch_execute(&format!("SET row_security = {row_security}")).unwrap();
        let id = run(&mut caller);
        assert_eq!(text(&files(&mut caller, &id), "csv/matters.csv"), ALL_MATTERS);
    }
    let seen_by_owner = database.connect_as(&owner).query("SELECT FROM app.matters", &[]).unwrap();
    assert!(seen_by_owner.is_empty(), "the policies are in force for the owner itself");
}

/// The reader of a view or query isn't the owner of the tables below: all rows or none.
#[test]
fn p2_a_view_or_query_that_row_security_would_thin_out_is_refused() {
    let (database, owner, admin) = application();
    let other = login(&database, "other", &[]);
    database
        .connect()
        .batch_execute(&format!(
            "ALTER TABLE app.matters ENABLE ROW LEVEL SECURITY;
             CREATE POLICY one ON app.matters USING (id = 1);
             GRANT USAGE ON SCHEMA app TO {other};
             GRANT SELECT ON app.matters TO {other};
             CREATE VIEW app.some AS SELECT * FROM app.matters;
             ALTER VIEW app.some OWNER TO {other};
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('app', 'some')"
        ))
        .unwrap();
    let mut caller = database.connect_as(&admin);
    let (state, message, _) = refused(&mut caller, "SELECT paliad_backup.run()");
    assert_eq!(state, "42501");
    assert!(message.contains("row-level security"), "{message}");

    let mut postgres = database.connect();
    let query = "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT * FROM app.matters', '$role', 'q')";
    postgres.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
    postgres.batch_execute(&query.replace("$role", &other)).unwrap();
    let (state, message, _) = refused(&mut caller, "SELECT paliad_backup.run()");
    assert_eq!(state, "42501");
    assert!(message.contains("row-level security"), "{message}");

    postgres.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
    postgres.batch_execute(&query.replace("$role", &owner)).unwrap();
    let id = run(&mut caller);
    assert_eq!(text(&files(&mut caller, &id), "csv/q.csv"), ALL_MATTERS);
}

#[test]
fn p2_an_owner_without_rights_is_named_with_the_grant_that_helps() {
    let (database, owner, admin) = application();
    let mut postgres = database.connect();
    let mut caller = database.connect_as(&admin);
    let cases = [
        (format!("REVOKE SELECT ON app.matters FROM {owner}"), format!("GRANT SELECT ON app.matters TO {owner};")),
        ("ALTER SCHEMA app OWNER TO postgres".to_owned(), format!("GRANT USAGE ON SCHEMA app TO {owner};")),
        (
            format!(
                "CREATE SEQUENCE app.loose; ALTER SEQUENCE app.loose OWNER TO {owner}; REVOKE ALL ON SEQUENCE app.loose FROM {owner}"
            ),
            format!("GRANT SELECT ON SEQUENCE app.loose TO {owner};"),
        ),
    ];
    for (break_it, grant) in cases {
        postgres.batch_execute(&break_it).unwrap();
        let (state, message, hint) = refused(&mut caller, "SELECT paliad_backup.run()");
        assert_eq!((state.as_str(), hint.as_str()), ("42501", grant.as_str()));
        assert!(message.contains(&owner), "{message}");
        postgres.batch_execute(&hint).unwrap();
        run(&mut caller);
    }
}

/// Objects that a caller finds before ours, or that look like ours: each would raise an error or falsify a result.
const TRAPS: &str = r#"
    CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC;
    CREATE FUNCTION trap.spring() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.text_eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.spring(); SELECT true';
    CREATE FUNCTION trap.name_eq(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.spring(); SELECT true';
    CREATE FUNCTION trap.oid_eq(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT trap.spring(); SELECT true';
    CREATE FUNCTION trap.json_or(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT trap.spring(); SELECT $1';
    CREATE OPERATOR trap.= (FUNCTION = trap.text_eq, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR trap.= (FUNCTION = trap.name_eq, LEFTARG = name, RIGHTARG = text);
    CREATE OPERATOR trap.= (FUNCTION = trap.oid_eq, LEFTARG = oid, RIGHTARG = oid);
    CREATE OPERATOR trap.|| (FUNCTION = trap.json_or, LEFTARG = jsonb, RIGHTARG = jsonb);
    CREATE FUNCTION trap.count() RETURNS bigint LANGUAGE sql AS 'SELECT trap.spring(); SELECT 0::bigint';
    CREATE FUNCTION trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT trap.spring(); SELECT $1';
    CREATE FUNCTION trap.to_json(anyelement) RETURNS json LANGUAGE sql AS $$ SELECT trap.spring(); SELECT '0'::json $$;
    CREATE FUNCTION trap.to_char(timestamp, text) RETURNS text LANGUAGE sql AS 'SELECT trap.spring(); SELECT $2';
    CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT trap.spring(); SELECT now()';
    CREATE FUNCTION trap.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT trap.spring(); SELECT $1';
    CREATE FUNCTION trap.jsonb_build_object(text, text) RETURNS jsonb LANGUAGE sql AS $$ SELECT trap.spring(); SELECT '{}'::jsonb $$;
    CREATE FUNCTION trap.jsonb_array_elements(jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT trap.spring(); SELECT $1';
    CREATE FUNCTION trap.run() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION trap.is_authorized() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE TABLE trap.pg_class (oid oid); CREATE TABLE trap.pg_proc (oid oid); CREATE TABLE trap.pg_extension (oid oid);
    CREATE DOMAIN trap.uuid AS int; CREATE DOMAIN trap.int AS boolean; CREATE DOMAIN trap.jsonb AS boolean;
    "#;

/// In the caller's own temporary schema.
const TEMPORARY_TRAPS: &str = "
    CREATE TEMP TABLE backups (id text); CREATE TEMP TABLE settings (admin_function text); CREATE TEMP TABLE sheets (query text);
    CREATE TEMP TABLE pg_class (oid text); CREATE TEMP TABLE pg_namespace (oid text); CREATE TEMP TABLE pg_extension (oid text);
    CREATE TEMP TABLE pg_proc (oid text); CREATE TEMP TABLE pg_roles (oid text); CREATE TEMP TABLE pg_attribute (oid text);
    CREATE TEMP TABLE uuid (n text); CREATE TEMP TABLE jsonb (n text); CREATE TEMP TABLE regclass (n text);
    CREATE TEMP TABLE timestamptz (n text); CREATE TEMP TABLE oid (n text);
    CREATE FUNCTION pg_temp.format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT 1/0; SELECT $1';
    CREATE FUNCTION pg_temp.is_authorized() RETURNS boolean LANGUAGE sql AS 'SELECT true'";

/// Calls all that an admin may call, with a search path that finds traps first.
fn call_everything(caller: &mut Client, id: &str) {
    for call in [
        "list()",
        "latest()",
        "get('$id')",
        "list_files('$id')",
        "download('$id', 'test@example.org')",
        "download_chunks('$id', 'test@example.org')",
        "pin('$id')",
        "unpin('$id')",
        "reconcile()",
        "is_authorized()",
    ] {
        let sql = format!("SELECT * FROM paliad_backup.{}", call.replace("$id", id));
        let rows = caller.query(&sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(rows.is_empty(), call == "reconcile()", "{sql}");
    }
    for view in ["progress", "status"] {
        assert_eq!(caller.query(&format!("SELECT FROM paliad_backup.{view}"), &[]).unwrap().len(), 1);
    }
}

#[test]
fn p3_a_hostile_search_path_and_temporary_objects_change_nothing() {
    let (database, owner, admin) = application();
    let mut postgres = database.connect();
    postgres.batch_execute(TRAPS).unwrap();
    postgres
        .batch_execute(&format!(
            "SET ROLE {owner};
             CREATE TYPE app.pair AS (a regclass, b regtype);
             CREATE TABLE app.names (id int PRIMARY KEY, c regclass, t regtype, p regproc, pair app.pair, a text[], w timestamptz);
             INSERT INTO app.names VALUES
                 (1, 'pg_catalog.pg_class', 'uuid', 'pg_catalog.now', ('pg_catalog.pg_proc', 'jsonb'), '{{x,NULL}}', '2026-01-02'),
                 (2, 'app.names', 'app.pair', 'trap.run', ('trap.pg_class', 'trap.uuid'), '{{}}', 'infinity');
             RESET ROLE;
             CREATE FUNCTION app.is_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true';
             GRANT USAGE ON SCHEMA app TO PUBLIC;
             UPDATE paliad_backup.settings SET schemas = '{{app}}', admin_function = 'app.is_admin', xlsx_time_zone = 'Europe/Berlin'"
        ))
        .unwrap();
    let mut calm = database.connect_as(&admin);
    let id = run(&mut calm);
    let expected = files(&mut calm, &id);
    assert!(text(&expected, "csv/names.csv").contains("1,pg_class,uuid,now,"), "{}", text(&expected, "csv/names.csv"));

    for role in [admin.as_str(), "postgres"] {
        let mut caller = database.connect_as(role);
        caller.batch_execute(TEMPORARY_TRAPS).unwrap();
        caller.batch_execute("SET search_path = pg_temp, trap, app, public, pg_catalog").unwrap();
        let id = run(&mut caller);
        call_everything(&mut caller, &id);
        let found = files(&mut calm, &id);
        for path in [
            "csv/names.csv",
            "json/names.json",
            "csv/matters.csv",
            "json/matters.json",
            "paliad-backup.xlsx/xl/worksheets/sheet2.xml",
        ] {
            assert_eq!(text(&found, path), text(&expected, path), "{path} by {role}");
        }
    }
}

/// A table named in a query sheet without a schema, or a built-in function, is not one that the caller has brought.
#[test]
fn p3_a_query_sheet_does_not_see_the_callers_temporary_tables() {
    let (database, owner, admin) = application();
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name)
             VALUES ('SELECT relname::text FROM pg_class WHERE oid = 1259', '{owner}', 'q')"
        ))
        .unwrap();
    let mut caller = database.connect_as(&admin);
    caller
        .batch_execute(
            "CREATE TEMP TABLE pg_class (oid oid, relname text); INSERT INTO pg_temp.pg_class VALUES (1259, 'forged');
             GRANT SELECT ON pg_temp.pg_class TO PUBLIC",
        )
        .unwrap();
    let id = run(&mut caller);
    assert_eq!(text(&files(&mut caller, &id), "csv/q.csv"), "relname\npg_class\n");
}

/// Casts that anybody may create on types of their own would be found by assignment and by row_to_json.
#[test]
fn p3_casts_of_a_tables_own_types_are_not_called() {
    let (database, owner, admin) = application();
    database
        .connect()
        .batch_execute(&format!(
            "SET ROLE {owner};
             CREATE TYPE app.mood AS ENUM ('calm', 'wild');
             CREATE TYPE app.span AS (a int, b text);
             CREATE FUNCTION app.mood_text(app.mood) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'forged' $$;
             CREATE FUNCTION app.mood_json(app.mood) RETURNS json IMMUTABLE LANGUAGE sql AS $$ SELECT '\"forged\"'::json $$;
             CREATE FUNCTION app.span_text(app.span) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'forged' $$;
             CREATE CAST (app.mood AS text) WITH FUNCTION app.mood_text(app.mood) AS IMPLICIT;
             CREATE CAST (app.mood AS json) WITH FUNCTION app.mood_json(app.mood) AS IMPLICIT;
             CREATE CAST (app.span AS text) WITH FUNCTION app.span_text(app.span) AS IMPLICIT;
             CREATE TABLE app.moods (mood app.mood, span app.span);
             CREATE FUNCTION app.row_text(app.moods) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT (1 / 0)::text $$;
             CREATE CAST (app.moods AS text) WITH FUNCTION app.row_text(app.moods) AS IMPLICIT;
             INSERT INTO app.moods VALUES ('wild', '(2,b)'), ('calm', '(1,a)')"
        ))
        .unwrap();
    let mut caller = database.connect_as(&admin);
    let id = run(&mut caller);
    let found = files(&mut caller, &id);
    assert_eq!(text(&found, "csv/moods.csv"), "mood,span\ncalm,\"(1,a)\"\nwild,\"(2,b)\"\n");
    assert!(!text(&found, "json/moods.json").contains("forged"));
}

/// P10.
#[test]
fn p10_text_and_names_that_look_like_commands_are_only_text() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let names = [
        "--help",
        "-rf .",
        "$(touch x)",
        "'; DROP TABLE victim; --",
        "\"; DROP TABLE victim; --",
        "../../x",
        "a\nb",
        "%s%n",
        "\\q",
    ];
    postgres.batch_execute("CREATE TABLE victim (n int)").unwrap();
    for name in names {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let value = name.replace('\'', "''");
        postgres
            .batch_execute(&format!(
                "CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} text PRIMARY KEY); INSERT INTO {quoted}.{quoted} VALUES ('{value}')"
            ))
            .unwrap();
    }
    let sql = "SELECT id::text, row_counts, note FROM paliad_backup.run(requested_by_email => $1, requested_by_label => $1, note => $1)";
    let hostile = "'); DELETE FROM paliad_backup.backups; --\n\\! touch x";
    let row = postgres.query_one(sql, &[&hostile]).unwrap();
    let counts: serde_json::Value = row.get(1);
    assert_eq!(row.get::<_, String>(2), hostile);
    let found = files(&mut postgres, row.get(0));
    for name in names {
        assert_eq!(counts[name], 1, "{name:?} in {counts}");
    }
    let csv: Vec<&(String, Vec<u8>)> = found.iter().filter(|(path, _)| path.starts_with("csv/")).collect();
    assert_eq!(csv.len(), names.len() + 1);
    for (path, bytes) in &found {
        let file = path.rsplit('/').next().unwrap();
        assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.%/[]".contains(&byte)), "{path:?}");
        assert!(!path.split('/').any(|part| matches!(part, "" | "." | "..")), "{path:?}");
        if path.starts_with("csv/") && file != "victim.csv" {
            let content = String::from_utf8(bytes.clone()).unwrap();
            assert!(names.iter().any(|name| content.contains(&name.replace('"', "\"\""))), "{path}: {content:?}");
        }
    }
    let audited = postgres.query_one("SELECT actor_email, (SELECT count(*) FROM victim) FROM paliad_backup.system_audit_log WHERE event_type = 'backup_created'", &[]).unwrap();
    assert_eq!(audited.get::<_, String>(0), hostile);
}
