//! The catalog says what is in the directory, and a directory that is not what it was is never taken for an empty one.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::runs::{Gate, folder, reconcile, run, run_with};
use crate::security::refused;
use crate::support::{Cluster, sqlstate};
use postgres::Client;

fn missing(client: &mut Client) -> i64 {
    client.query_one("SELECT artifacts_missing FROM paliad_backup.status", &[]).unwrap().get(0)
}

fn latest(client: &mut Client) -> Option<String> {
    client.query_one("SELECT id::text FROM paliad_backup.latest()", &[]).unwrap().get(0)
}

/// Warnings of the kind `code` that the next run gives.
fn warned(client: &mut Client, arguments: &str, code: &str) -> Vec<String> {
    let backup = run_with(client, arguments).unwrap();
    let warnings = backup.warnings.as_array().unwrap();
    let details = warnings.iter().filter(|warning| warning["code"] == code);
    details.map(|warning| warning["detail"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_bundle_that_was_moved_away_is_missing_until_it_is_back() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let older = run(&mut client).unwrap();
    let newer = run(&mut client).unwrap();
    let aside = database.directory().join("aside");
    fs::rename(newer.path(), &aside).unwrap();
    assert_eq!(reconcile(&mut client), [(newer.id.clone(), "missing".to_owned())]);
    assert_eq!(reconcile(&mut client), []);
    assert_eq!((missing(&mut client), latest(&mut client)), (1, Some(older.id.clone())));
    fs::rename(&aside, newer.path()).unwrap();
    assert_eq!(reconcile(&mut client), [(newer.id.clone(), "found".to_owned())]);
    assert_eq!((missing(&mut client), latest(&mut client)), (0, Some(newer.id)));
    // A run looks as well.
    fs::remove_file(older.path()).unwrap();
    run(&mut client).unwrap();
    assert_eq!(missing(&mut client), 1);
}

#[test]
fn a_directory_that_is_gone_is_no_empty_one() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let backup = run(&mut client).unwrap();
    let aside = database.directory().with_extension("aside");
    fs::rename(database.directory(), &aside).unwrap();
    let failures = "SELECT failures_since_success FROM paliad_backup.status";
    for (number, call) in ["run()", "run('scheduled')"].into_iter().enumerate() {
        let (state, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.{call}"));
        assert_eq!(state, "55000");
        assert!(message.ends_with("is gone, though the catalog has bundles in it"), "{message}");
        assert!(hint.starts_with("Mount its file system"), "{hint}");
        assert_eq!(client.query_one(failures, &[]).unwrap().get::<_, i64>(0), number as i64 + 1);
    }
    let (state, ..) = refused(&mut client, &format!("SELECT paliad_backup.delete('{}')", backup.id));
    assert_eq!(state, "55000");
    assert!(!database.directory().exists(), "nothing was made in its place");
    // An empty directory, as below a file system that isn't mounted.
    let owner = fs::metadata(&aside).unwrap();
    fs::create_dir(database.directory()).unwrap();
    std::os::unix::fs::chown(database.directory(), Some(std::os::unix::fs::MetadataExt::uid(&owner)), None).unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "55000");
    assert_eq!(refused(&mut client, "SELECT paliad_backup.reconcile()").0, "55000");
    assert_eq!(fs::read_dir(database.directory()).unwrap().count(), 0);
    // Mounted again.
    fs::remove_dir(database.directory()).unwrap();
    fs::rename(&aside, database.directory()).unwrap();
    run(&mut client).unwrap();
    assert_eq!(missing(&mut client), 0);
    // Gone for good.
    fs::remove_dir_all(folder(&database)).unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "55000");
    let adopted: bool = client.query_one("SELECT paliad_backup.adopt_directory()", &[]).unwrap().get(0);
    assert!(adopted);
    run(&mut client).unwrap();
    assert_eq!(missing(&mut client), 2);
}

#[test]
fn a_folder_that_is_moved_during_the_run_fails_it() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let mut gate = Gate::close(&database, 1);
    let own = folder(&database);
    let error = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        fs::rename(&own, own.with_extension("aside")).unwrap();
        gate.open();
        run.join().unwrap().err().expect("the bundle is not where it should be")
    });
    assert_eq!(sqlstate(&error), "58030", "{error:?}");
    assert_eq!(names(&own.with_extension("aside")).len(), 2, "the first bundle and the marker");
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The leftover of a run that died is no reason for the next one to fail.
#[test]
fn what_cannot_be_settled_does_not_stop_a_run() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let stale = "INSERT INTO paliad_backup.backups (id, kind, status, requested_by_email, started_at)
                 VALUES (gen_random_uuid(), 'on_demand', 'running', 'a@example.org', now()) RETURNING id::text";
    let id: String = client.query_one(stale, &[]).unwrap().get(0);
    let bundle = folder(&database).join(format!("{id}.zip"));
    std::os::unix::fs::symlink("/etc/passwd", &bundle).unwrap();
    run(&mut client).unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.reconcile()").0, "42501");
    fs::remove_file(&bundle).unwrap();
    assert_eq!(reconcile(&mut client), [(id, "failed".to_owned())]);
}

/// A run's files are looked for where they were to be, also when the setting has changed meanwhile.
#[test]
fn a_stale_run_is_settled_in_its_own_directory() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let backup = run(&mut client).unwrap();
    client
        .batch_execute(&format!(
            "UPDATE paliad_backup.backups SET status = 'running', finished_at = NULL, storage_uri = NULL WHERE id = '{}';
             SET paliad_backup.directory = '{}'",
            backup.id,
            database.directory().with_extension("other").display()
        ))
        .unwrap();
    assert_eq!(reconcile(&mut client), [(backup.id.clone(), "done".to_owned())]);
    let uri: String =
        client.query_one("SELECT storage_uri FROM paliad_backup.get($1::text::uuid)", &[&backup.id]).unwrap().get(0);
    assert_eq!(uri, backup.storage_uri);
}

/// A call that was stopped between the stamp on the row and the file.
#[test]
fn a_delete_that_was_interrupted_is_completed_by_the_next() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let backup = run(&mut client).unwrap();
    let stamp = format!("UPDATE paliad_backup.backups SET deleted_at = now() WHERE id = '{}'", backup.id);
    client.batch_execute(&stamp).unwrap();
    assert!(backup.path().exists());
    client.batch_execute(&format!("SELECT paliad_backup.delete('{}')", backup.id)).unwrap();
    assert!(!backup.path().exists());
}

/// What a DBA has mistyped, or what has been renamed since.
#[test]
fn what_is_registered_and_not_there_is_said() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    assert_eq!(
        warned(&mut client, "'on_demand'", "no_sheets"),
        ["There is no table to export: the bundle holds no data."]
    );
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE TABLE app.\"Salary\" (n int); CREATE TABLE app.t (n int);
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('app', 'gone');
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, enabled) VALUES ('app', 'off', false);
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES
                 ('app', 'salary', 'secret'), ('*', 'nowhere', 'secret'), ('app', 't', 'secret')",
        )
        .unwrap();
    assert_eq!(
        warned(&mut client, "'on_demand'", "registered_relation_missing"),
        ["Registered in paliad_backup.sheets, but not there to be exported: app.gone."]
    );
    assert_eq!(
        warned(&mut client, "'on_demand'", "exclusion_matches_nothing"),
        ["Excluded in paliad_backup.exclusions, but there is no such relation: nowhere, app.salary."]
    );
    let no_sheets = warned(&mut client, "scope => 'config'", "no_sheets");
    assert!(no_sheets[0].starts_with("No table is registered with kind 'ref'"), "{no_sheets:?}");
    // A whole schema.
    client
        .batch_execute(
            "INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('app', '*', 'all')",
        )
        .unwrap();
    assert!(run(&mut client).unwrap().manifest().sheets.is_empty());
    let everything = "INSERT INTO paliad_backup.exclusions (relation_name, reason) VALUES ('*', 'all')";
    assert_eq!(refused(&mut client, everything).0, "23514");
}

/// User code can raise a message of any length.
#[test]
fn a_long_message_is_kept_in_part() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE '%', repeat('ä', 10000000); END $$;
             CREATE VIEW v AS SELECT f();
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'v')",
        )
        .unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "P0001");
    let error: String = client.query_one("SELECT error FROM paliad_backup.list(1)", &[]).unwrap().get(0);
    assert!(error.starts_with("generate: sheet v: ää") && error.ends_with("ä…"), "{}", error.len());
    assert!(error.len() < 9000);
}
