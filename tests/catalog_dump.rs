//! Settings and catalog across dump, reload and clone (decisions 2, 3 and 36).

use std::path::{Path, PathBuf};

use crate::security::{files, refused, run, text};
use crate::support::{Cluster, Database};
use postgres::Client;

/// The rows of all tables that a dump carries, as one text.
fn rows(client: &mut Client) -> String {
    let row = client.query_one(
        "SELECT jsonb_pretty(jsonb_build_array(
             (SELECT jsonb_agg(s) FROM paliad_backup.settings s),
             (SELECT jsonb_agg(e ORDER BY e.schema_name, e.relation_name) FROM paliad_backup.exclusions e),
             (SELECT jsonb_agg(s ORDER BY s.id) FROM paliad_backup.sheets s),
             (SELECT jsonb_agg(b ORDER BY b.id) FROM paliad_backup.backups b),
             (SELECT jsonb_agg(a ORDER BY a.id) FROM paliad_backup.system_audit_log a)))",
        &[],
    );
    row.unwrap().get(0)
}

fn storage_uri(client: &mut Client) -> String {
    client.query_one("SELECT storage_uri FROM paliad_backup.latest()", &[]).unwrap().get(0)
}

/// Where a bundle lies.
fn path(uri: &str) -> PathBuf {
    uri.strip_prefix("file://").unwrap().into()
}

#[test]
fn settings_can_be_changed_from_the_first_moment() {
    let database = Cluster::shared().empty_database("");
    let mut postgres = database.connect();
    postgres
        .batch_execute(
            "CREATE EXTENSION paliad_backup;
             UPDATE paliad_backup.settings SET xlsx_time_zone = 'Europe/Berlin', schemas = '{public}'",
        )
        .unwrap();
    let row =
        postgres.query_one("SELECT xlsx_time_zone, schemas::text, count(*) OVER () FROM paliad_backup.settings", &[]);
    let row = row.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("Europe/Berlin", "{public}", 1_i64));
}

#[test]
fn the_hint_of_an_unconfigured_database_is_the_command_to_type() {
    let database = Cluster::shared().empty_database("");
    database.connect().batch_execute("CREATE EXTENSION paliad_backup; CREATE TABLE t (n int)").unwrap();
    let (state, _, hint) = refused(&mut database.connect(), "SELECT paliad_backup.run()");
    assert_eq!(state, "55000");
    let command = hint.split("As a superuser: ").nth(1).and_then(|rest| rest.split_inclusive(';').next()).unwrap();
    let example = command.split('\'').nth(1).unwrap();
    assert!(example.starts_with('/'), "{hint}");
    // In a session that has not loaded the library.
    let directory = database.directory().display().to_string();
    database.connect().batch_execute(&command.replace(example, &directory)).unwrap();
    run(&mut database.connect());
}

/// A database whose catalog differs from a fresh one in every table; returns the id of a backup that is done.
fn lived_in(database: &Database<'_>) -> String {
    let mut postgres = database.connect();
    postgres
        .batch_execute(
            "CREATE SCHEMA app; CREATE TABLE app.t (n int); INSERT INTO app.t VALUES (1), (2);
             CREATE FUNCTION app.is_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true';
             UPDATE paliad_backup.settings
                SET schemas = '{app}', xlsx_time_zone = 'Europe/Berlin', admin_function = 'app.is_admin', audit_settings = '{\"app.reason\": \"backup\"}';
             UPDATE paliad_backup.exclusions SET excluded = false, reason = 'wanted here' WHERE relation_name = 'paliadin_turns';
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('app', 'secret', 'by the test');
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, sheet_name) VALUES ('app', 'gone', 'gone'), ('app', 't', 'Numbers');
             DELETE FROM paliad_backup.sheets WHERE sheet_name = 'gone'",
        )
        .unwrap();
    let id = run(&mut postgres);
    let failing = "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name, enabled) VALUES ('SELECT 1/0', 'postgres', 'failing', $1)";
    postgres.execute(failing, &[&true]).unwrap();
    assert_eq!(refused(&mut postgres, "SELECT paliad_backup.run()").0, "22012");
    postgres.batch_execute("UPDATE paliad_backup.sheets SET enabled = false WHERE sheet_name = 'failing'").unwrap();
    files(&mut postgres, &id);
    id
}

#[test]
fn a_dump_keeps_everything_and_old_bundles_stay_readable() {
    let cluster = Cluster::shared();
    let source = cluster.database();
    let id = lived_in(&source);
    let mut before = source.connect();
    let kept = rows(&mut before);
    let uri = storage_uri(&mut before);
    let dump = source.directory().with_extension("sql");
    // As a script that is read in one go, and with the triggers of the target off, as some tools have it.
    for settings in ["", "SET session_replication_role = replica;"] {
        source.client_program("pg_dump", &["-f", dump.to_str().unwrap()]);
        let script = format!("{settings}\n{}", std::fs::read_to_string(&dump).unwrap());
        std::fs::write(&dump, script).unwrap();
        let target = cluster.empty_database("");
        target.psql(&["-f", dump.to_str().unwrap()]);
        let mut after = target.connect();
        assert_eq!(rows(&mut after), kept, "after {settings:?}");

        // The same directory: the old bundles are found in the other database's folder, and left alone.
        let directory = source.directory();
        after
            .batch_execute(&format!(
                "ALTER DATABASE {} SET paliad_backup.directory = '{}'",
                target.name(),
                directory.display()
            ))
            .unwrap();
        let mut after = target.connect();
        assert_eq!(text(&files(&mut after, &id), "csv/Numbers.csv"), "n\n1\n2\n");
        assert_eq!(refused(&mut after, &format!("SELECT paliad_backup.delete('{id}')")).0, "42501");
        assert!(path(&uri).exists());
        let new = run(&mut after);
        assert_eq!(text(&files(&mut after, &new), "csv/Numbers.csv"), "n\n1\n2\n");
        after
            .batch_execute(
                "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('app', 'another')",
            )
            .expect("the identity column goes on where the dump left it");
        after.batch_execute(&format!("SELECT paliad_backup.delete('{new}')")).unwrap();
    }
    std::fs::remove_file(dump).unwrap();
}

/// What works and what does not while the store is read-only, and that adopting it puts an end to that.
fn assert_read_only_until_adopted(client: &mut Client, directory: &Path, id: &str) {
    let uri: String =
        client.query_one(&format!("SELECT storage_uri FROM paliad_backup.get('{id}')"), &[]).unwrap().get(0);
    for call in ["run()".to_owned(), format!("delete('{id}')")] {
        let (state, message, hint) = refused(client, &format!("SELECT paliad_backup.{call}"));
        assert_eq!(state, "55000", "{call}: {message}");
        assert!(hint.contains("SELECT paliad_backup.adopt_directory();"), "{call}: {hint}");
        assert!(path(&uri).exists(), "{call}");
    }
    let row = client.query_one("SELECT deleted_at IS NULL FROM paliad_backup.backups WHERE id::text = $1", &[&id]);
    assert!(row.unwrap().get::<_, bool>(0));
    assert!(!files(client, id).is_empty());
    assert!(!client.query(&format!("SELECT paliad_backup.list_files('{id}')"), &[]).unwrap().is_empty());

    let mut adopt = || client.query_one("SELECT paliad_backup.adopt_directory()", &[]).unwrap().get::<_, bool>(0);
    assert!(adopt(), "it was not ours");
    assert!(!adopt(), "now it is");
    let audited = client.query(
        "SELECT metadata ->> 'directory' FROM paliad_backup.system_audit_log WHERE event_type = 'directory_adopted'",
        &[],
    );
    let audited: Vec<String> = audited.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(audited, [directory.display().to_string()]);
    run(client);
    client.batch_execute(&format!("SELECT paliad_backup.delete('{id}')")).unwrap();
    assert!(!path(&uri).exists());
}

#[test]
fn a_marker_of_another_host_makes_the_store_read_only() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let id = run(&mut postgres);
    let marker = path(&storage_uri(&mut postgres)).with_file_name("paliad_backup.marker");
    let mut content: serde_json::Value = serde_json::from_slice(&std::fs::read(&marker).unwrap()).unwrap();
    assert!(content["host"].is_string(), "{content}");
    content["host"] = "another.example.org".into();
    // In place, for the file belongs to the server's user.
    std::fs::write(&marker, content.to_string()).unwrap();
    assert_read_only_until_adopted(&mut postgres, &database.directory(), &id);
}

/// CREATE DATABASE … TEMPLATE: the copy has the catalog, and a folder of its own.
#[test]
fn a_copy_of_the_database_leaves_the_originals_files_alone() {
    let cluster = Cluster::shared();
    let original = cluster.database();
    let (id, uri) = {
        let mut postgres = original.connect();
        (run(&mut postgres), storage_uri(&mut postgres))
    };
    let copy = cluster.empty_database(&format!("TEMPLATE {}", original.name()));
    let set =
        format!("ALTER DATABASE {} SET paliad_backup.directory = '{}'", copy.name(), original.directory().display());
    copy.connect().batch_execute(&set).unwrap();
    let mut client = copy.connect();
    assert_eq!(refused(&mut client, &format!("SELECT paliad_backup.delete('{id}')")).0, "42501");
    assert!(!files(&mut client, &id).is_empty());
    let new = run(&mut client);
    client.batch_execute(&format!("SELECT paliad_backup.delete('{new}')")).unwrap();
    assert!(path(&uri).exists());
    let mut postgres = original.connect();
    run(&mut postgres);
    postgres.batch_execute(&format!("SELECT paliad_backup.delete('{id}')")).unwrap();
}

/// What pg_basebackup makes: the same system identifier and database, in another data directory.
#[test]
fn a_copy_of_the_cluster_is_read_only_until_it_adopts_the_directory() {
    let original = Cluster::own(&[]);
    let database = original.database();
    let id = run(&mut database.connect());
    let clone = original.copy();
    let mut client = database.connect();
    run(&mut client);
    assert_read_only_until_adopted(&mut clone.connect(database.name(), "postgres"), &database.directory(), &id);
    // One of the two owns the files.
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "55000");
}
