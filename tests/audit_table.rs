//! The audit trail in a table of the application's own (decisions 5 and 7).

use crate::security;
use crate::security::{refused, run};
use crate::support::{Cluster, Database};
use postgres::Client;

/// A database with the application's audit table and its owner, who is not a superuser. `$reason` guards the table.
fn application() -> (Database<'static>, String) {
    security::application(
        "CREATE TABLE app.t (n int);
         CREATE TABLE app.audit (
             id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type varchar(40) NOT NULL, actor_id uuid, actor_email varchar(200),
             scope varchar(10) NOT NULL, scope_root uuid, metadata jsonb NOT NULL, created_at timestamptz NOT NULL,
             updated_at timestamptz NOT NULL, written_by name DEFAULT current_user, reason text)",
    )
}

const SET_TABLE: &str = "UPDATE paliad_backup.settings SET audit_table = 'app.audit'";

fn count(client: &mut Client, query: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {query}"), &[]).unwrap().get(0)
}

#[test]
fn rows_go_to_the_applications_table_as_its_owner() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    postgres
        .batch_execute(
            "ALTER TABLE app.audit ENABLE ROW LEVEL SECURITY; ALTER TABLE app.audit FORCE ROW LEVEL SECURITY",
        )
        .unwrap();
    postgres.batch_execute(SET_TABLE).unwrap();
    assert_eq!(count(&mut postgres, "app.audit"), 0, "what was tried was rolled back");
    let id = run(&mut postgres);
    postgres.batch_execute(&format!("SELECT paliad_backup.download('{id}', 'anna@example.org')")).unwrap();
    let rows = postgres.query("SELECT event_type, written_by::text FROM app.audit ORDER BY created_at", &[]).unwrap();
    let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows, [("backup_created".into(), owner.clone()), ("backup_downloaded".into(), owner)]);
    assert_eq!(count(&mut postgres, "paliad_backup.system_audit_log"), 0);
    let linked = "app.audit a JOIN paliad_backup.backups b ON b.audit_id = a.id WHERE a.metadata ? 'completed_at'";
    assert_eq!(count(&mut postgres, linked), 1);
    postgres.batch_execute("UPDATE paliad_backup.settings SET audit_table = NULL").unwrap();
    run(&mut postgres);
    assert_eq!(count(&mut postgres, "paliad_backup.system_audit_log"), 1);
}

#[test]
fn a_table_that_would_not_take_the_rows_is_refused_when_it_is_set() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    for (change, state, named) in [
        ("ADD CONSTRAINT events CHECK (event_type IN ('backup_created', 'backup_failed'))", "23514", "events"),
        ("ALTER event_type TYPE varchar(10)", "22001", "character varying(10)"),
        ("ADD COLUMN tenant uuid NOT NULL", "23502", "tenant"),
        ("DROP COLUMN scope_root", "42703", "scope_root"),
        ("ALTER id DROP DEFAULT", "23502", "id"),
        ("ALTER metadata TYPE text", "42883", "jsonb_concat(text, jsonb)"),
        ("ADD CONSTRAINT mail CHECK (actor_email LIKE '%@example.org')", "23514", "mail"),
        (&format!("OWNER TO {owner}; REVOKE INSERT ON app.audit FROM {owner}"), "42501", "audit"),
    ] {
        let (found, message, _) =
            refused(&mut postgres, &format!("BEGIN; ALTER TABLE app.audit {change}; {SET_TABLE}"));
        postgres.batch_execute("ROLLBACK").unwrap();
        assert_eq!(found, state, "{change}: {message}");
        assert!(message.contains(named), "{change}: {message}");
    }
    let table = postgres.query_one("SELECT audit_table FROM paliad_backup.settings", &[]).unwrap();
    assert_eq!(table.get::<_, Option<&str>>(0), None);
}

/// The server queues no deferred trigger in a security-restricted operation: the check happens with the row.
#[test]
fn a_deferred_constraint_is_checked_with_the_row() {
    let (database, owner) = application();
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "SET ROLE {owner};
             CREATE TABLE app.scopes (name varchar(10) PRIMARY KEY);
             INSERT INTO app.scopes VALUES ('org');
             ALTER TABLE app.audit ADD CONSTRAINT \"a; scope\" FOREIGN KEY (scope) REFERENCES app.scopes DEFERRABLE INITIALLY DEFERRED;
             RESET ROLE"
        ))
        .unwrap();
    postgres.batch_execute(SET_TABLE).unwrap();
    run(&mut postgres);
    assert_eq!(count(&mut postgres, "app.audit"), 1);
    postgres.batch_execute("TRUNCATE app.audit, app.scopes").unwrap();
    assert_eq!(refused(&mut postgres, "SELECT paliad_backup.run()").0, "23503");
    postgres.batch_execute("UPDATE paliad_backup.settings SET audit_table = NULL").unwrap();
    assert_eq!(refused(&mut postgres, SET_TABLE).0, "23503");
}

#[test]
fn audit_settings_are_in_force_for_audit_rows_and_nowhere_else() {
    let (database, _) = application();
    let mut postgres = database.connect();
    postgres
        .batch_execute(
            "CREATE FUNCTION app.demand_reason() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 NEW.reason := current_setting('paliad.audit_reason');
                 RETURN NEW;
             END $$;
             CREATE TRIGGER demand_reason BEFORE INSERT OR UPDATE ON app.audit FOR EACH ROW EXECUTE FUNCTION app.demand_reason()",
        )
        .unwrap();
    let (state, message, _) = refused(&mut postgres, SET_TABLE);
    assert_eq!((state.as_str(), message.contains("paliad.audit_reason")), ("42704", true), "{message}");
    postgres
        .batch_execute(&format!("{SET_TABLE}, audit_settings = '{{\"paliad.audit_reason\": \"a backup''s\"}}'"))
        .unwrap();
    run(&mut postgres);
    assert_eq!(count(&mut postgres, "app.audit WHERE reason = 'a backup''s'"), 1);
    let after = postgres.query_one("SELECT current_setting('paliad.audit_reason', true)", &[]).unwrap();
    assert_eq!(after.get::<_, Option<&str>>(0).unwrap_or_default(), "");
}

#[test]
fn a_failing_audit_insert_fails_the_run() {
    let (database, _) = application();
    let mut postgres = database.connect();
    postgres.batch_execute(SET_TABLE).unwrap();
    for (change, state) in [
        ("ALTER TABLE app.audit ADD CONSTRAINT closed CHECK (false) NOT VALID", "23514"),
        ("ALTER TABLE app.audit DROP COLUMN metadata", "42703"),
        ("DROP TABLE app.audit", "42704"),
    ] {
        postgres.batch_execute(change).unwrap();
        let (found, message, _) = refused(&mut postgres, "SELECT paliad_backup.run()");
        assert_eq!(found, state, "{message}");
        let row = postgres
            .query_one("SELECT status, error, error_code, audit_id IS NULL FROM paliad_backup.backups ORDER BY started_at DESC LIMIT 1", &[])
            .unwrap();
        assert_eq!((row.get(0), row.get(2), row.get(3)), ("failed", state, true), "{change}");
        assert_eq!(row.get::<_, String>(1), format!("audit insert: {message}"), "{change}");
    }
    let mut left = Vec::new();
    for folder in std::fs::read_dir(database.directory()).unwrap() {
        left.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().file_name()));
    }
    assert_eq!(left, ["paliad_backup.marker"]);
}

/// The catalog rules: the bundle is there.
#[test]
fn a_failing_final_patch_is_only_a_warning() {
    let (database, _) = application();
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
             {SET_TABLE};
             CREATE TRIGGER append_only BEFORE UPDATE ON app.audit FOR EACH ROW EXECUTE FUNCTION app.refuse()"
        ))
        .unwrap();
    let id = run(&mut postgres);
    let row = postgres.query_one("SELECT status, error FROM paliad_backup.backups", &[]).unwrap();
    assert_eq!((row.get(0), row.get(1)), ("done", None::<&str>));
    assert_eq!(count(&mut postgres, "app.audit WHERE NOT metadata ? 'completed_at'"), 1);
    let said = format!("the audit row of backup {id} could not be completed: append only");
    assert!(Cluster::shared().log().contains(&said), "the log says so");

    // A failure stays the run's own.
    let broken =
        "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT 1 / 0', 'postgres', 'q')";
    postgres.batch_execute(broken).unwrap();
    let (state, message, _) = refused(&mut postgres, "SELECT paliad_backup.run()");
    assert_eq!((state.as_str(), message.as_str()), ("22012", "division by zero"));
    assert_eq!(
        count(
            &mut postgres,
            "paliad_backup.backups WHERE status = 'failed' AND error = 'generate: sheet q: division by zero'"
        ),
        1
    );
}

#[test]
fn the_extensions_own_table_takes_every_event_type() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    postgres.batch_execute("BEGIN; SELECT paliad_backup.check_audit_table('paliad_backup.system_audit_log')").unwrap();
    let tried = count(&mut postgres, "(SELECT DISTINCT event_type FROM paliad_backup.system_audit_log) AS e");
    let known = postgres.query_one(
        "SELECT count(*) FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g')
         WHERE c.conname = 'system_audit_log_event_type_known'",
        &[],
    );
    assert_eq!(tried, known.unwrap().get::<_, i64>(0));
}
