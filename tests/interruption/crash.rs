//! S8: the server or a backend dies without a word; decision 13: what the next reconcile makes of it.

use std::fs;

use postgres::Client;

use super::state::{Run, assert_settled, assert_whole, create_table, files, run, run_beside, runs, wait_for_phase};
use crate::runs::{folder, reconcile};
use crate::support::{Cluster, Database, kill_9};

#[test]
fn s8_kill_9_of_the_backend_is_settled_by_reconcile() {
    let cluster = Cluster::own(&[]);
    let database = cluster.database();
    let older = older_backup(&database);
    let (pid, thread) = run_beside(&cluster, &database);
    wait_for_phase(&mut database.connect(), "scan");
    kill_9(pid);
    thread.join().unwrap().0.unwrap_err();
    cluster.wait_until_ready();

    let mut client = database.connect();
    let stale = runs(&mut client).swap_remove(1);
    assert_eq!(stale.status, "running", "nobody was left to record it");
    // What a file system without O_TMPFILE would have kept.
    fs::write(folder(&database).join(format!("{}.zip.partial", stale.id)), "half").unwrap();
    assert_eq!(reconcile(&mut client), [(stale.id, "failed".to_owned())]);
    assert_interrupted(&database, &mut client, &older);
    assert_eq!(reconcile(&mut client), []);
}

#[test]
fn s8_immediate_shutdown_is_settled_by_the_next_run() {
    let cluster = Cluster::own(&[]);
    let database = cluster.database();
    let older = older_backup(&database);
    let (_, thread) = run_beside(&cluster, &database);
    wait_for_phase(&mut database.connect(), "scan");
    cluster.stop("immediate");
    thread.join().unwrap().0.unwrap_err();
    cluster.start();

    let mut client = database.connect();
    assert_eq!(runs(&mut client)[1].status, "running");
    run(&mut client).unwrap();
    assert_interrupted(&database, &mut client, &older);
}

#[test]
fn s8_fast_shutdown_lets_the_recorder_speak() {
    let cluster = Cluster::own(&[]);
    let database = cluster.database();
    let older = older_backup(&database);
    let (_, thread) = run_beside(&cluster, &database);
    wait_for_phase(&mut database.connect(), "scan");
    cluster.stop("fast");
    thread.join().unwrap().0.unwrap_err();
    cluster.start();
    assert_interrupted(&database, &mut database.connect(), &older);
}

/// The window between rename and 'done' is too short to hit; setting the row back is the same state.
#[test]
fn d13_a_published_bundle_is_done_after_reconcile_and_a_damaged_one_is_not() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    create_table(&mut client, 1_000);
    run(&mut client).unwrap();
    let before = runs(&mut client).swap_remove(0);
    let details = "SELECT to_jsonb(b) - 'finished_at' FROM paliad_backup.backups AS b";
    let row: serde_json::Value = client.query_one(details, &[]).unwrap().get(0);
    set_back(&mut client);
    assert_eq!(reconcile(&mut client), [(before.id.clone(), "done".to_owned())]);
    assert_eq!(assert_settled(&database, &mut client), std::slice::from_ref(&before));
    assert_eq!(client.query_one(details, &[]).unwrap().get::<_, serde_json::Value>(0), row);

    let path = folder(&database).join(format!("{}.zip", before.id));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    set_back(&mut client);
    assert_eq!(reconcile(&mut client), [(before.id, "failed".to_owned())]);
    let runs = assert_settled(&database, &mut client);
    assert!(runs[0].error.as_ref().unwrap().starts_with("interrupted: "), "{runs:?}");
    assert_eq!(files(&database), [""; 0]);
}

/// A database with a backup that is done, and a larger table for the run that will die.
fn older_backup(database: &Database<'_>) -> Run {
    let mut client = database.connect();
    run(&mut client).unwrap();
    create_table(&mut client, 400_000);
    runs(&mut client).swap_remove(0)
}

/// The second run has failed as interrupted, the older one is as it was, and the next works.
fn assert_interrupted(database: &Database<'_>, client: &mut Client, older: &Run) {
    let runs = assert_settled(database, client);
    assert_eq!(runs[0], *older);
    assert_whole(database, older);
    let failed = &runs[1];
    assert_eq!((failed.status.as_str(), failed.event.as_deref()), ("failed", Some("backup_failed")));
    assert!(failed.error.as_ref().unwrap().starts_with("interrupted: "), "{failed:?}");
    run(client).unwrap();
    assert_settled(database, client);
}

/// Makes a done row what it was before its last update.
fn set_back(client: &mut Client) {
    client
        .batch_execute(
            "UPDATE paliad_backup.backups SET status = 'running', storage_uri = NULL, size_bytes = NULL, sha256 = NULL, \
             row_counts = NULL, sheet_count = NULL, warnings = '[]', finished_at = NULL",
        )
        .unwrap();
}
