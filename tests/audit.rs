//! The audit trail: what its rows say, in the extension's own table or the application's (PRODUCT.md, ancestor 1; decisions 5 and 7).

use crate::security::{login, refused, run};
use crate::support::{Cluster, Database, sqlstate};
use postgres::Client;
use serde_json::Value;
use uuid::Uuid;

const OWN: &str = "paliad_backup.system_audit_log";
const USER: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

/// One row of an audit table.
#[derive(Debug)]
struct Event {
    event: String,
    actor_id: Option<Uuid>,
    actor_email: Option<String>,
    metadata: Value,
}

/// All rows, oldest first. What never varies is checked on the way.
fn events(client: &mut Client, table: &str) -> Vec<Event> {
    let sql = format!(
        "SELECT event_type::text, actor_id, actor_email::text, metadata, scope = 'org' AND scope_root IS NULL
             AND created_at <= updated_at AND updated_at <= clock_timestamp()
         FROM {table} ORDER BY created_at"
    );
    let event = |row: postgres::Row| {
        assert!(row.get::<_, bool>(4), "scope and times");
        Event { event: row.get(0), actor_id: row.get(1), actor_email: row.get(2), metadata: row.get(3) }
    };
    client.query(&sql, &[]).unwrap().into_iter().map(event).collect()
}

/// The rows of one type.
fn events_of(client: &mut Client, table: &str, event: &str) -> Vec<Event> {
    events(client, table).into_iter().filter(|row| row.event == event).collect()
}

/// Asserts that the metadata has exactly these keys, and that those named …_at are RFC 3339 in UTC.
fn assert_keys(metadata: &Value, expected: &[&str]) {
    let object = metadata.as_object().unwrap();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    for (key, value) in object.iter().filter(|(key, _)| key.ends_with("_at")) {
        let time = value.as_str().unwrap();
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{key}: {time}");
    }
}

/// The catalog row of a backup, or of the only one that failed.
fn catalog_row(client: &mut Client, condition: &str) -> Value {
    let sql = format!("SELECT to_jsonb(b) FROM paliad_backup.backups b WHERE {condition}");
    client.query_one(&sql, &[]).unwrap().get(0)
}

fn database_with_a_table() -> Database<'static> {
    let database = Cluster::shared().database();
    database.connect().batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").unwrap();
    database
}

#[test]
fn a_run_is_one_row_with_the_keys_that_the_application_reads() {
    let database = database_with_a_table();
    let mut postgres = database.connect();
    postgres.batch_execute("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'").unwrap();
    let sql = format!("SELECT id::text FROM paliad_backup.run('on_demand', '{USER}', ' anna@example.org ', 'Anna')");
    let id: String = postgres.query_one(&sql, &[]).unwrap().get(0);
    let found = events(&mut postgres, OWN);
    let [Event { event, actor_id, actor_email, metadata }] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(event, "backup_created");
    assert_eq!(actor_id.unwrap().to_string(), USER);
    assert_eq!(actor_email.as_deref(), Some("anna@example.org"));
    assert_keys(
        metadata,
        &[
            "kind",
            "catalog_id",
            "requested_by_email",
            "requested_at",
            "row_counts",
            "file_size_bytes",
            "sheet_count",
            "storage_uri",
            "warnings",
            "completed_at",
        ],
    );
    let row = catalog_row(&mut postgres, "true");
    for (key, column) in [
        ("kind", "kind"),
        ("catalog_id", "id"),
        ("requested_by_email", "requested_by_email"),
        ("row_counts", "row_counts"),
        ("file_size_bytes", "size_bytes"),
        ("sheet_count", "sheet_count"),
        ("storage_uri", "storage_uri"),
        ("warnings", "warnings"),
    ] {
        assert_eq!(metadata[key], row[column], "{key}");
    }
    assert_eq!(metadata["catalog_id"], id.as_str());
    assert_eq!(metadata["row_counts"], serde_json::json!({ "t": 2 }));
    let linked = format!("SELECT FROM {OWN} WHERE id = '{}'", row["audit_id"].as_str().unwrap());
    assert_eq!(postgres.query(&linked, &[]).unwrap().len(), 1);
}

#[test]
fn a_failed_run_turns_its_row_into_backup_failed() {
    let database = database_with_a_table();
    let mut postgres = database.connect();
    let broken = "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT 1 / n FROM generate_series(0, 1) n', 'postgres', 'q')";
    postgres.batch_execute(broken).unwrap();
    assert_eq!(refused(&mut postgres, "SELECT paliad_backup.run()").0, "22012");
    let found = events(&mut postgres, OWN);
    let [failed] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(failed.event, "backup_failed");
    assert_keys(&failed.metadata, &["kind", "catalog_id", "requested_by_email", "requested_at", "error", "failed_at"]);
    let row = catalog_row(&mut postgres, "status = 'failed'");
    assert_eq!(failed.metadata["error"], "generate: sheet q: division by zero");
    assert_eq!((&row["error"], &row["error_code"]), (&failed.metadata["error"], &Value::from("22012")));
    assert_eq!(row["storage_uri"], Value::Null);
}

#[test]
fn who_acts_is_the_session_user_the_scheduler_or_whom_the_caller_names() {
    let database = database_with_a_table();
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    let mut caller = database.connect_as(&admin);
    let mut postgres = database.connect();
    for (arguments, email, label, id) in [
        ("'on_demand'", admin.as_str(), None, None),
        ("'scheduled'", "system@paliad", Some("Paliad Backup System"), None),
        ("'scheduled', requested_by_email => 'cron@example.org'", "cron@example.org", None, None),
        (
            &format!(
                "requested_by => '{USER}', requested_by_email => 'anna@example.org', requested_by_label => 'Anna'"
            ),
            "anna@example.org",
            Some("Anna"),
            Some(USER),
        ),
    ] {
        let sql = format!(
            "SELECT requested_by_email, requested_by_label, requested_by::text FROM paliad_backup.run({arguments}, formats => '{{csv}}')"
        );
        let row = caller.query_one(&sql, &[]).unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(2)), (email, label, id), "{arguments}");
        let event = events(&mut postgres, OWN).pop().unwrap();
        assert_eq!(event.actor_email.as_deref(), Some(email), "{arguments}");
        assert_eq!(event.actor_id.map(|id| id.to_string()).as_deref(), id, "{arguments}");
    }
    let id: String = caller.query_one("SELECT id::text FROM paliad_backup.latest()", &[]).unwrap().get(0);
    for (call, event, email, keys) in [
        ("pin('$id')", "backup_pinned", admin.as_str(), vec!["backup_id", "pinned_at"]),
        ("unpin('$id', 'anna@example.org')", "backup_unpinned", "anna@example.org", vec!["backup_id", "unpinned_at"]),
        (
            "delete('$id', 'anna@example.org')",
            "backup_deleted",
            "anna@example.org",
            vec!["backup_id", "deleted_at", "reason"],
        ),
    ] {
        // What is so already is no event.
        for _ in 0..2 {
            caller.batch_execute(&format!("SELECT paliad_backup.{}", call.replace("$id", &id))).unwrap();
        }
        let found = events_of(&mut postgres, OWN, event);
        let [row] = found.as_slice() else { panic!("{event}: {found:?}") };
        assert_eq!(row.actor_email.as_deref(), Some(email), "{event}");
        assert_keys(&row.metadata, &keys);
        assert_eq!(row.metadata["backup_id"], id.as_str());
    }
}

#[test]
fn every_download_is_audited_rolled_back_or_not() {
    let database = database_with_a_table();
    let mut postgres = database.connect();
    let id = run(&mut postgres);
    let audited = |client: &mut Client| events_of(client, OWN, "backup_downloaded");
    let mut expected = 0;
    for begin in ["BEGIN", "BEGIN READ ONLY", "BEGIN ISOLATION LEVEL SERIALIZABLE"] {
        for call in [
            "download('$id', 'anna@example.org', '$user')",
            "download_chunks('$id', 'anna@example.org', '$user', 1024)",
        ] {
            let call = call.replace("$id", &id).replace("$user", USER);
            postgres.batch_execute(&format!("{begin}; SELECT * FROM paliad_backup.{call}; ROLLBACK")).unwrap();
            expected += 1;
            let found = audited(&mut postgres);
            assert_eq!(found.len(), expected, "{begin}; {call}");
            let row = found.last().unwrap();
            assert_keys(&row.metadata, &["backup_id", "downloaded_by_email", "downloaded_at"]);
            assert_eq!(
                (&row.metadata["backup_id"], &row.metadata["downloaded_by_email"]),
                (&id.as_str().into(), &"anna@example.org".into())
            );
            assert_eq!(row.actor_id.unwrap().to_string(), USER);
            assert_eq!(row.actor_email.as_deref(), Some("anna@example.org"));
        }
    }
    // Whoever gets nothing has downloaded nothing.
    for (call, state) in [
        (format!("download('{id}', NULL)"), "22023"),
        (format!("download('{id}', ' ')"), "22023"),
        (format!("download_chunks('{id}', '')"), "22023"),
        ("download('00000000-0000-0000-0000-000000000000', 'anna@example.org')".to_owned(), "42704"),
    ] {
        assert_eq!(refused(&mut postgres, &format!("SELECT paliad_backup.{call}")).0, state, "{call}");
    }
    postgres.batch_execute(&format!("SELECT paliad_backup.delete('{id}')")).unwrap();
    assert_eq!(refused(&mut postgres, &format!("SELECT paliad_backup.download('{id}', 'a@b.c')")).0, "55000");
    assert_eq!(audited(&mut postgres).len(), expected);
    // What can't be audited is not handed out.
    let id = run(&mut postgres);
    let sql = format!("ALTER TABLE {OWN} ADD CONSTRAINT full_up CHECK (event_type <> 'backup_downloaded') NOT VALID");
    postgres.batch_execute(&sql).unwrap();
    for function in ["download", "download_chunks"] {
        let error = postgres.query(&format!("SELECT paliad_backup.{function}('{id}', 'a@b.c')"), &[]).unwrap_err();
        assert_eq!(sqlstate(&error), "23514");
    }
}
