//! settings.notify_channel: who listens hears of each failure, once it can be read in the catalog, whatever becomes of the caller.

use std::fs;
use std::time::Duration;

use crate::runs::{Gate, exported, pid, reconcile, run};
use crate::security::refused;
use crate::support::{Cluster, Database, sqlstate};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use serde_json::Value;

const CHANNEL: &str = "UPDATE paliad_backup.settings SET notify_channel = 'Sicherung fehlt'";

/// A session that listens.
struct Listener(Client);

impl Listener {
    fn new(database: &Database<'_>) -> Listener {
        let mut client = database.connect();
        client.batch_execute(&format!("{CHANNEL}; LISTEN \"Sicherung fehlt\"")).unwrap();
        Listener(client)
    }

    /// The next notice, and the row that it is about, as this session reads it at that moment.
    fn next(&mut self) -> (Value, String) {
        let notification =
            self.0.notifications().timeout_iter(Duration::from_secs(10)).next().unwrap().expect("a notice");
        assert_eq!(notification.channel(), "Sicherung fehlt");
        assert!(notification.payload().len() < 8000);
        let notice: Value = serde_json::from_str(notification.payload()).unwrap();
        let database: String = self.0.query_one("SELECT current_database()::text", &[]).unwrap().get(0);
        assert_eq!(notice["database"], database);
        let row = self.0.query_one(
            "SELECT status FROM paliad_backup.backups WHERE id::text = $1",
            &[&notice["backup_id"].as_str().unwrap()],
        );
        (notice, row.unwrap().get(0))
    }

    fn hears_nothing_more(&mut self) {
        let more = self.0.notifications().timeout_iter(Duration::from_millis(300)).next().unwrap();
        assert!(more.is_none(), "{more:?}");
    }

    /// The one notice of a failed run.
    fn failure(&mut self) -> Value {
        let (notice, status) = self.next();
        assert_eq!((notice["event"].as_str(), status.as_str()), (Some("backup_failed"), "failed"));
        let row = self.0.query_one(
            "SELECT error, error_code FROM paliad_backup.backups WHERE id::text = $1",
            &[&notice["backup_id"].as_str().unwrap()],
        );
        let row = row.unwrap();
        assert_eq!((notice["error"].as_str(), notice["error_code"].as_str()), (Some(row.get(0)), Some(row.get(1))));
        self.hears_nothing_more();
        notice
    }
}

#[test]
fn a_failure_is_heard_although_the_caller_rolls_back() {
    let database = Cluster::shared().database();
    let mut listener = Listener::new(&database);
    let mut client = database.connect();
    run(&mut client).unwrap();
    listener.hears_nothing_more();
    client.batch_execute("BEGIN; SET LOCAL paliad_backup.directory = '/nonexistent/place'").unwrap();
    run(&mut client).err().expect("there is no such place");
    // The caller's transaction goes on, and what it says itself is heard by nobody.
    let notice = listener.failure();
    assert_eq!(notice["error_code"], "55000");
    assert!(notice["error"].as_str().unwrap().starts_with("store: backup directory \"/nonexistent/place\""));
    client.batch_execute("ROLLBACK").unwrap();
    listener.hears_nothing_more();
    // Without a channel nobody is told.
    client.batch_execute("UPDATE paliad_backup.settings SET notify_channel = NULL").unwrap();
    client.batch_execute("SET paliad_backup.directory = '/nonexistent/place'").unwrap();
    run(&mut client).err().expect("there is no such place");
    listener.hears_nothing_more();
}

#[test]
fn a_cancelled_and_a_terminated_run_are_heard_of() {
    let database = Cluster::shared().database();
    let mut listener = Listener::new(&database);
    let mut gate = Gate::close(&database, 1);
    for (end, code) in [("pg_cancel_backend", "57014"), ("pg_terminate_backend", "57P01")] {
        let mut client = database.connect();
        let process = pid(&mut client);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| run(&mut client).is_err());
            gate.wait_for_run();
            database.connect().execute(&format!("SELECT {end}($1)"), &[&process]).unwrap();
            assert!(run.join().unwrap());
        });
        assert_eq!(listener.failure()["error_code"], code);
    }
    gate.open();
}

/// Also what is found out later: by whoever settles a run that nobody is left of, reads a bundle, or looks for its file.
#[test]
fn interrupted_damaged_and_missing_backups_are_heard_of() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n").unwrap();
    let backup = run(&mut client).unwrap();
    let mut listener = Listener::new(&database);
    let verify = format!("SELECT * FROM paliad_backup.verify('{}')", backup.id);
    client.batch_execute(&verify).unwrap();
    listener.hears_nothing_more();
    backup.damage("csv/t.csv");
    client.batch_execute(&verify).unwrap();
    let (notice, _) = listener.next();
    assert_eq!((notice["event"].as_str(), notice["error_code"].as_str()), (Some("backup_damaged"), None));
    assert!(notice["error"].as_str().unwrap().starts_with("sha256: "), "{notice}");

    fs::remove_file(backup.path()).unwrap();
    client.batch_execute(&verify).unwrap();
    assert_eq!(listener.next().0["event"], "backup_missing");
    assert_eq!(reconcile(&mut client).len(), 1);
    let (notice, _) = listener.next();
    assert_eq!((notice["event"].as_str(), notice["backup_id"].as_str()), (Some("backup_missing"), Some(&*backup.id)));

    client
        .batch_execute(
            "INSERT INTO paliad_backup.backups (id, kind, status, requested_by_email, backend_pid, started_at) \
             VALUES (gen_random_uuid(), 'on_demand', 'running', 'x', 999999999, now())",
        )
        .unwrap();
    reconcile(&mut client);
    assert!(listener.failure()["error"].as_str().unwrap().starts_with("interrupted: "));
}

#[test]
fn a_message_of_any_length_is_cut_to_what_notify_takes() {
    for encoding in ["UTF8", "LATIN1"] {
        let options = format!("ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        let database = Cluster::shared().database_with(&options);
        let mut listener = Listener::new(&database);
        let mut client = database.connect();
        client
            .batch_execute(
                "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat(E'\"ä\\n', 5000); END $$; \
                 INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT public.f()', 'postgres', 'q')",
            )
            .unwrap();
        run(&mut client).err().expect("the sheet fails");
        let (notice, status) = listener.next();
        let error = notice["error"].as_str().unwrap();
        assert_eq!(status, "failed");
        let sql = "SELECT error FROM paliad_backup.backups WHERE id::text = $1";
        let row = client.query_one(sql, &[&notice["backup_id"].as_str().unwrap()]).unwrap();
        // Not every encoding has the character that tells of the cut.
        let kept = error
            .strip_suffix(if encoding == "UTF8" { '…' } else { '?' })
            .unwrap_or_else(|| panic!("{encoding}: {error}"));
        assert!(row.get::<_, String>(0).starts_with(kept), "{encoding}: {error}");
        // In UTF-8 one of these triples takes six bytes of the payload.
        assert!(error.chars().count() > 3 * 7500 / 6, "{encoding}: {}", error.chars().count());
    }
}

#[test]
fn the_record_is_kept_where_nobody_can_be_told() {
    let (database, mut client, _) = exported("CREATE TABLE t (n int)");
    for name in ["", &"x".repeat(64)] {
        let sql = format!("UPDATE paliad_backup.settings SET notify_channel = '{name}'");
        let (state, _, hint) = refused(&mut client, &sql);
        assert!(state == "23514" && hint.contains("up to 63 bytes"), "{state}: {hint}");
    }
    // What the CHECK keeps out, the server refuses.
    client
        .batch_execute(&format!(
            "ALTER TABLE paliad_backup.settings DROP CONSTRAINT settings_notify_channel_name; \
             UPDATE paliad_backup.settings SET notify_channel = '{}'; SET paliad_backup.directory = '/nonexistent/place'",
            "x".repeat(64)
        ))
        .unwrap();
    let error = run(&mut client).err().expect("there is no such place");
    assert_eq!(sqlstate(&error), "55000");
    let sql = "SELECT b.status || ' ' || a.event_type FROM paliad_backup.list(1) l JOIN paliad_backup.backups b USING (id) \
               JOIN paliad_backup.system_audit_log a ON a.id = b.audit_id";
    assert_eq!(client.query_one(sql, &[]).unwrap().get::<_, String>(0), "failed backup_failed");
    assert!(Cluster::shared().log().contains("nobody could be notified: channel name too long"));
    drop(database);
}
