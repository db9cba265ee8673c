//! import_bundle(): a bundle from elsewhere, or one put back, is registered after it was proven whole, and nothing else is.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::imports::{forged, import_folder, put};
use crate::runs::{Backup, Gate, run, run_with};
use crate::security::{login, refused};
use crate::support::{Cluster, Database, checked, skip, sqlstate};
use postgres::Client;

/// A database with one backup of each kind of row, and the bundle's bytes.
fn source() -> (Database<'static>, Backup, Vec<u8>) {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE matters (id int PRIMARY KEY, title text); INSERT INTO matters VALUES (1, 'ü'), (2, NULL)",
        )
        .unwrap();
    let backup = run_with(
        &mut client,
        "'on_demand', '00000000-0000-0000-0000-000000000001', 'anna@example.org', 'Anna', note => 'before'",
    )
    .unwrap();
    let bytes = fs::read(backup.path()).unwrap();
    (database, backup, bytes)
}

fn import(client: &mut Client, name: &str) -> Result<String, postgres::Error> {
    let sql = format!("SELECT storage_uri FROM paliad_backup.import_bundle('{name}', 'olaf@example.org')");
    Ok(client.query_one(&sql, &[])?.get(0))
}

/// The zips in the folder that holds `import`, and the number of catalog rows.
fn state(client: &mut Client, import: &Path) -> (Vec<String>, i64) {
    let names = fs::read_dir(import.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.contains(".zip"));
    names.sort();
    (names, client.query_one("SELECT count(*) FROM paliad_backup.backups", &[]).unwrap().get(0))
}

fn verified(client: &mut Client, id: &str) -> bool {
    client.query_one(&format!("SELECT bool_and(ok) FROM paliad_backup.verify('{id}')"), &[]).unwrap().get(0)
}

/// What the manifest knows of a row.
fn described(client: &mut Client, id: &str) -> serde_json::Value {
    let sql = format!(
        "SELECT to_jsonb(b) - '{{storage_uri,finished_at,imported_at,verified_at,verify_ok,verify_result,audit_id,directory,backend_pid}}'::text[]
         FROM paliad_backup.get('{id}') AS b"
    );
    client.query_one(&sql, &[]).unwrap().get(0)
}

#[test]
fn a_bundle_of_another_database_is_registered_as_it_was() {
    let (origin, backup, bytes) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    put(&folder, "from elsewhere.zip", &bytes);
    // Whatever becomes of the caller's transaction.
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let uri = import(&mut client, "from elsewhere.zip").unwrap();
    client.batch_execute("ROLLBACK").unwrap();

    let id = &backup.id;
    let file = folder.parent().unwrap().join(format!("{id}.zip"));
    assert_eq!(uri, format!("file://{}", file.display()));
    assert_eq!((fs::read(&file).unwrap() == bytes, fs::metadata(&file).unwrap().mode() & 0o7777), (true, 0o600));
    assert!(folder.join("from elsewhere.zip").exists(), "the file stays where it was put");
    assert_eq!(described(&mut client, id), described(&mut origin.connect(), id));
    let marks =
        format!("SELECT imported_at IS NOT NULL, verify_ok, finished_at = started_at FROM paliad_backup.get('{id}')");
    let row = client.query_one(&marks, &[]).unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (true, Some(true), true));
    let audited = "SELECT actor_email, metadata - 'imported_at' FROM paliad_backup.system_audit_log WHERE event_type = 'backup_imported'";
    let row = client.query_one(audited, &[]).unwrap();
    let sha256: String =
        client.query_one(&format!("SELECT sha256 FROM paliad_backup.get('{id}')"), &[]).unwrap().get(0);
    let expected = serde_json::json!({
        "backup_id": id, "file": "from elsewhere.zip", "sha256": sha256, "size_bytes": bytes.len(),
        "database": origin.name(), "put_back": false,
    });
    assert_eq!((row.get(0), row.get::<_, serde_json::Value>(1)), ("olaf@example.org", expected));
    assert!(verified(&mut client, id));
    let title = format!("SELECT r ->> 'title' FROM paliad_backup.read_sheet('{id}', 'matters') AS r LIMIT 1");
    assert_eq!(client.query_one(&title, &[]).unwrap().get::<_, String>(0), "ü");
    // It is no success of this database's own backups.
    let success: Option<String> =
        client.query_one("SELECT last_success_id::text FROM paliad_backup.status", &[]).unwrap().get(0);
    assert_eq!(success, None);
    // Once only.
    assert_eq!(sqlstate(&import(&mut client, "from elsewhere.zip").unwrap_err()), "55000");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_bundle_whose_file_is_gone_can_be_put_back() {
    let (database, backup, bytes) = source();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let before = described(&mut client, &backup.id);
    let other = forged(&backup.open(), |manifest| manifest.replace("\"before\"", "\"after\""));
    assert_ne!(other, bytes);
    put(&folder, "same.zip", &bytes);
    put(&folder, "other.zip", &other);
    let in_place = "SELECT imported_at IS NULL AND deleted_at IS NULL AND missing_at IS NULL AND verify_ok FROM paliad_backup.backups";
    for loss in ["deleted", "missing", "missing and noticed"] {
        if loss == "deleted" {
            client.batch_execute(&format!("SELECT paliad_backup.delete('{}')", backup.id)).unwrap();
        } else {
            fs::remove_file(backup.path()).unwrap();
        }
        if loss == "missing and noticed" {
            client.batch_execute("SELECT paliad_backup.reconcile()").unwrap();
            assert!(!verified(&mut client, &backup.id));
        }
        let (state, message, hint) = refused(&mut client, "SELECT paliad_backup.import_bundle('other.zip')");
        assert_eq!(state, "55000", "{loss}");
        assert!(message.contains("another SHA-256") && !hint.is_empty(), "{message}");
        assert!(!backup.path().exists(), "{loss}");
        import(&mut client, "same.zip").unwrap();
        assert_eq!(fs::read(backup.path()).unwrap(), bytes, "{loss}");
        assert!(client.query_one(in_place, &[]).unwrap().get::<_, bool>(0), "{loss}");
    }
    assert_eq!(described(&mut client, &backup.id), before);
    let put_back = "SELECT count(*) FROM paliad_backup.system_audit_log WHERE event_type = 'backup_imported' AND metadata @> '{\"put_back\": true}'";
    assert_eq!(client.query_one(put_back, &[]).unwrap().get::<_, i64>(0), 3);
    // A row that says something else is not overwritten: neither a run that failed nor one whose bundle is there.
    client
        .batch_execute("UPDATE paliad_backup.backups SET status = 'failed', error = 'x', storage_uri = NULL")
        .unwrap();
    fs::remove_file(backup.path()).unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.import_bundle('same.zip')").0, "55000");
    assert!(!backup.path().exists());
}

/// A file that lies where the bundle would go is nobody's to replace.
#[test]
fn a_file_without_a_row_is_not_replaced() {
    let (database, backup, bytes) = source();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    put(&folder, "same.zip", &bytes);
    client.batch_execute("DELETE FROM paliad_backup.backups").unwrap();
    let (state, _, hint) = refused(&mut client, "SELECT paliad_backup.import_bundle('same.zip')");
    assert_eq!(state, "55000");
    assert!(hint.contains("rebuild_catalog"), "{hint}");
    assert_eq!(fs::read(backup.path()).unwrap(), bytes);
}

#[test]
fn only_plain_files_of_the_folder_are_read() {
    let (_origin, _backup, bytes) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let before = state(&mut client, &folder);
    put(&folder, "good.zip", &bytes);
    put(folder.parent().unwrap(), "outside", &bytes);
    symlink("good.zip", folder.join("link.zip")).unwrap();
    fs::create_dir(folder.join("directory.zip")).unwrap();
    checked(Command::new("mkfifo").arg(folder.join("fifo.zip")));
    client.batch_execute("SET statement_timeout = '20s'").unwrap();
    for (name, state) in [
        ("NULL", "22023"),
        ("''", "22023"),
        ("'.'", "22023"),
        ("'..'", "22023"),
        ("'.hidden.zip'", "22023"),
        ("'../outside'", "22023"),
        ("'import/good.zip'", "22023"),
        ("'/etc/passwd'", "22023"),
        ("E'good.zip\\n'", "22023"),
        ("repeat('x', 300)", "22023"),
        ("'link.zip'", "42501"),
        ("'directory.zip'", "42501"),
        ("'fifo.zip'", "42501"),
        ("'absent.zip'", "42704"),
    ] {
        let (found, _, hint) = refused(&mut client, &format!("SELECT paliad_backup.import_bundle({name})"));
        assert_eq!(found, state, "{name}");
        assert!(!hint.is_empty(), "{name}");
    }
    assert_eq!(self::state(&mut client, &folder), before);
    import(&mut client, "good.zip").unwrap();
}

#[test]
fn who_may_import_and_when() {
    let (_origin, _backup, bytes) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    put(&folder, "a.zip", &bytes);
    let reader = login(&database, "reader", &["paliad_backup_reader"]);
    let mut reader = database.connect_as(&reader);
    assert_eq!(refused(&mut reader, "SELECT paliad_backup.import_bundle('a.zip')").0, "42501");
    assert_eq!(refused(&mut reader, "SELECT paliad_backup.rebuild_catalog()").0, "42501");
    // One operation at a time.
    let mut gate = Gate::close(&database, 1);
    thread::scope(|scope| {
        let mut runner = database.connect();
        let running = scope.spawn(move || run(&mut runner).unwrap());
        gate.wait_for_run();
        // The run ends before anything here can fail.
        let calls = ["import_bundle('a.zip')", "rebuild_catalog()"].map(|call| format!("SELECT paliad_backup.{call}"));
        let answers = calls.map(|call| client.batch_execute(&call));
        gate.open();
        running.join().unwrap();
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_err_and(|error| sqlstate(error) == "55006")),
            "{answers:?}"
        );
    });
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    import(&mut database.connect_as(&admin), "a.zip").unwrap();
}

/// Bundles that say what no run says, each whole by its own checksums.
#[test]
fn hostile_manifests_are_refused() {
    let (_origin, backup, _) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let before = state(&mut client, &folder);
    let bundle = backup.open();
    let id = &backup.id;
    let replaced = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        forged(&bundle, move |manifest| {
            assert!(manifest.contains(&from), "{from}");
            manifest.replace(&from, &to)
        })
    };
    let counted = "\"row_count\": 2";
    let relation = "\"schema\": \"public\"";
    let csv = "\"path\": \"csv/matters.csv\"";
    let started = {
        let manifest = backup.manifest();
        format!("\"started_at\": \"{}\"", manifest.run.started_at)
    };
    for (from, to) in [
        (id.as_str(), "../../../tmp/x"),
        (id.as_str(), "not a uuid"),
        ("\"kind\": \"on_demand\"", "\"kind\": \"nightly\""),
        ("\"kind\": \"on_demand\"", "\"kind\": null"),
        ("\"scope\": \"full\"", "\"scope\": \"everything\""),
        ("\"anna@example.org\"", "\"  \""),
        ("00000000-0000-0000-0000-000000000001", "nobody"),
        ("\"before\"", "\"be\\u0000fore\""),
        ("\"Anna\"", "\"\\ud800\""),
        (&started, "\"started_at\": \"infinity\""),
        (&started, "\"started_at\": \"2026-02-30T00:00:00Z\""),
        (&started, "\"started_at\": \"9999-01-01T00:00:00Z\""),
        (counted, "\"row_count\": 3"),
        (counted, "\"row_count\": -2"),
        (counted, "\"row_count\": 9223372036854775808"),
        (counted, "\"row_count\": 1e300"),
        (relation, "\"schema\": \"paliad_backup\""),
        (relation, "\"schema\": \"pg_catalog\""),
        (csv, "\"path\": \"csv/other.csv\""),
        (csv, "\"path\": \"json/matters.json\""),
        ("\"name\": \"matters\"", "\"name\": \"other\""),
        ("\"name\": \"title\"", "\"name\": \"id\""),
        ("\"formats\": [", "\"formats\": [\"csv\","),
        ("\"sheets\": [", "\"sheets\": [{},"),
    ] {
        put(&folder, "hostile.zip", &replaced(from, to));
        let (found, message, _) = refused(&mut client, "SELECT paliad_backup.import_bundle('hostile.zip')");
        assert_eq!(found, "XX001", "{from} → {to}: {message}");
        assert!(message.len() < 2000, "{message}");
    }
    put(&folder, "newer.zip", &replaced("\"format_version\": 1,", "\"format_version\": 2,"));
    assert_eq!(refused(&mut client, "SELECT paliad_backup.import_bundle('newer.zip')").0, "0A000");
    assert_eq!(state(&mut client, &folder), before);
    // Long, or odd, but harmless: it stands in the row as it is.
    let note = "x\\n\\u0001\\\"'; DROP TABLE backups; --".repeat(100_000);
    put(&folder, "long.zip", &replaced("\"before\"", &format!("\"{note}\"")));
    import(&mut client, "long.zip").unwrap();
    let sql = "SELECT note = repeat(E'x\\n\\x01\"''; DROP TABLE backups; --', 100000) FROM paliad_backup.backups";
    assert!(client.query_one(sql, &[]).unwrap().get::<_, bool>(0));
    assert!(verified(&mut client, id));
}

/// A person unpacked it and zipped it again.
#[test]
fn a_bundle_zipped_by_another_tool_is_refused_with_the_reason() {
    let (_origin, backup, _) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let work = tempfile::tempdir().unwrap();
    checked(Command::new("unzip").arg("-q").arg(backup.path()).arg("-d").arg(work.path().join("x")));
    checked(Command::new("python3").current_dir(work.path().join("x")).args([
        "-m",
        "zipfile",
        "-c",
        "../again.zip",
        ".",
    ]));
    put(&folder, "again.zip", &fs::read(work.path().join("again.zip")).unwrap());
    put(&folder, "text.zip", b"no zip at all");
    put(&folder, "empty.zip", b"");
    for name in ["again.zip", "text.zip", "empty.zip"] {
        let (found, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.import_bundle('{name}')"));
        assert_eq!(found, "XX001", "{message}");
        assert!(message.contains(name) && hint.contains("as it was written"), "{message} {hint}");
        assert!(hint.contains("unzip") && hint.ends_with("-f restore.sql"), "{hint}");
    }
}

/// As root has copied it there, with a umask of 077.
#[test]
fn a_file_that_the_server_may_not_read_is_given_to_it_as_the_hint_says() {
    let (_origin, _backup, bytes) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let name = "Peter''s copy.zip";
    let file = folder.join(name.replace("''", "'"));
    fs::write(&file, &bytes).unwrap();
    if fs::metadata(&folder).unwrap().uid() == fs::metadata(&file).unwrap().uid() {
        return skip(
            "a_file_that_the_server_may_not_read_is_given_to_it_as_the_hint_says",
            "only root has files that the server may not read",
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (state, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.import_bundle('{name}')"));
    assert!(state == "58030" && message.contains("Peter's copy.zip"), "{state} {message}");
    let command = hint.strip_prefix("The server's user must own the file. As root: ").expect(&hint);
    checked(Command::new("sh").args(["-c", command]));
    import(&mut client, name).unwrap();
}

/// The file is published before its row is committed: where that fails, it goes again.
#[test]
fn what_cannot_be_registered_leaves_no_file() {
    let (_origin, backup, bytes) = source();
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    let before = state(&mut client, &folder);
    put(&folder, "a.zip", &bytes);
    let log = "ALTER TABLE paliad_backup.system_audit_log";
    client.batch_execute(&format!("{log} ADD CONSTRAINT closed CHECK (event_type <> 'backup_imported')")).unwrap();
    assert_eq!(sqlstate(&import(&mut client, "a.zip").unwrap_err()), "23514");
    assert_eq!(state(&mut client, &folder), before);
    client.batch_execute(&format!("{log} DROP CONSTRAINT closed")).unwrap();
    import(&mut client, "a.zip").unwrap();
    // Neither does one that is put back: its row stays as it is.
    client.batch_execute(&format!("SELECT paliad_backup.delete('{}')", backup.id)).unwrap();
    client
        .batch_execute(&format!("{log} ADD CONSTRAINT closed CHECK (event_type <> 'backup_imported') NOT VALID"))
        .unwrap();
    assert_eq!(sqlstate(&import(&mut client, "a.zip").unwrap_err()), "23514");
    assert_eq!(state(&mut client, &folder), (before.0, 1));
    let deleted = "SELECT deleted_at IS NOT NULL FROM paliad_backup.backups";
    assert!(client.query_one(deleted, &[]).unwrap().get::<_, bool>(0));
}

#[test]
fn remarks_that_the_encoding_lacks_are_no_obstacle() {
    let (_origin, backup, _) = source();
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let mut client = database.connect();
    let folder = import_folder(&mut client);
    put(&folder, "a.zip", &forged(&backup.open(), |manifest| manifest.replace("\"before\"", "\"Zürich \u{1F600}\"")));
    import(&mut client, "a.zip").unwrap();
    let note: String = client.query_one("SELECT note FROM paliad_backup.backups", &[]).unwrap().get(0);
    assert_eq!(note, "Zürich ?");
    assert!(verified(&mut client, &backup.id));
}

/// id, action and detail.
fn rebuild(client: &mut Client, dry_run: bool) -> Vec<(String, String, String)> {
    let sql = format!("SELECT id::text, action, detail FROM paliad_backup.rebuild_catalog({dry_run}) ORDER BY 2, 3");
    client.query(&sql, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[test]
fn lost_rows_are_made_again_from_the_files() {
    let (database, first, bytes) = source();
    let mut client = database.connect();
    // Without csv a bundle does not tell the digests of its contents.
    let second = run_with(&mut client, "'scheduled', formats => '{csv}'").unwrap();
    let kept = run(&mut client).unwrap();
    let folder = import_folder(&mut client).parent().unwrap().to_owned();
    let before = [&first, &second].map(|backup| described(&mut client, &backup.id));
    // Also in the folder: a bundle under another's name, one that is cut off, and what is no bundle at all.
    let (misnamed, cut) = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
    put(&folder, &format!("{misnamed}.zip"), &bytes);
    put(&folder, &format!("{cut}.zip"), &bytes[..bytes.len() - 1]);
    put(&folder, &format!("{cut}.zip.partial"), &bytes);
    put(&folder, "notes.zip", &bytes);
    let lose = format!("DELETE FROM paliad_backup.backups WHERE id <> '{}'", kept.id);
    client.batch_execute(&lose).unwrap();

    let listed = rebuild(&mut client, true);
    let actions: Vec<_> = listed.iter().map(|(id, action, _)| (id.as_str(), action.as_str())).collect();
    assert_eq!(actions[..2].iter().filter(|(_, action)| *action == "add").count(), 2, "{listed:?}");
    let skipped: Vec<_> =
        listed[2..].iter().map(|(id, action, detail)| (id.as_str(), action.as_str(), detail.as_str())).collect();
    assert!(
        skipped
            .iter()
            .any(|(id, _, detail)| *id == misnamed && *detail == format!("it is the bundle of backup {}", first.id))
    );
    assert!(skipped.iter().any(|(id, action, _)| *id == cut && *action == "skip"), "{skipped:?}");
    assert_eq!(listed.len(), 4);
    let rows = "SELECT count(*) FROM paliad_backup.backups";
    assert_eq!(client.query_one(rows, &[]).unwrap().get::<_, i64>(0), 1, "a dry run registers nothing");

    assert_eq!(rebuild(&mut client, false), listed, "the dry run told what is done");
    assert_eq!([&first, &second].map(|backup| described(&mut client, &backup.id)), before);
    let own = "SELECT bool_and(imported_at IS NULL AND verify_ok IS NOT FALSE), count(*) FROM paliad_backup.backups";
    let row = client.query_one(own, &[]).unwrap();
    assert_eq!((row.get(0), row.get(1)), (true, 3_i64));
    let audited =
        "SELECT metadata ->> 'backup_id' FROM paliad_backup.system_audit_log WHERE event_type = 'catalog_rebuilt'";
    let mut audited: Vec<String> = client.query(audited, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    let mut expected = [first.id.clone(), second.id.clone()];
    audited.sort();
    expected.sort();
    assert_eq!(audited, expected);
    assert!(verified(&mut client, &first.id) && verified(&mut client, &second.id));
    assert_eq!(rebuild(&mut client, false).len(), 2, "what was skipped is told again, and nothing else");
}
