//! verify(): one row a check, for a good bundle, for each kind of damage, and for a bundle that is gone; the verdict stays.

use std::fs::{self, OpenOptions};

use crate::runs;
use crate::runs::{Backup, run};
use crate::security::{login, refused};
use crate::support::{Cluster, Database};
use postgres::Client;

const CHECKS: [&str; 9] = ["present", "size", "sha256", "zip", "manifest", "contents", "checksums", "rows", "catalog"];

fn application() -> (Database<'static>, Client, Backup) {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE matters (id int PRIMARY KEY, title text);
             INSERT INTO matters SELECT n, E'line\\nbreak \"' || n FROM generate_series(1, 500) n; CREATE TABLE empty (n int)",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    (database, client, backup)
}

/// Name and verdict of each check.
fn verify(client: &mut Client, backup: &Backup) -> Vec<(String, Option<bool>)> {
    let sql = format!("SELECT check_name, ok, detail FROM paliad_backup.verify('{}', 'anna@example.org')", backup.id);
    let rows = client.query(&sql, &[]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn failed(checks: &[(String, Option<bool>)]) -> Vec<&str> {
    checks.iter().filter(|(_, ok)| *ok == Some(false)).map(|(name, _)| name.as_str()).collect()
}

/// verify_ok and the number of checks kept on the row.
fn kept(client: &mut Client, backup: &Backup) -> (Option<bool>, i32) {
    let sql = format!(
        "SELECT verify_ok, coalesce(jsonb_array_length(verify_result), 0) FROM paliad_backup.get('{}') WHERE (verified_at IS NULL) = (verify_ok IS NULL)",
        backup.id
    );
    let row = client.query_one(&sql, &[]).unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn a_good_bundle_passes_and_its_row_says_so() {
    let (_database, mut client, backup) = application();
    assert_eq!(kept(&mut client, &backup), (None, 0));
    // Also where the caller takes everything back.
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let checks = verify(&mut client, &backup);
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(checks, CHECKS.map(|name| (name.to_owned(), Some(true))));
    assert_eq!(kept(&mut client, &backup), (Some(true), 9));
    let audited = "SELECT actor_email, metadata ->> 'ok' FROM paliad_backup.system_audit_log WHERE event_type = 'backup_verified'";
    let row = client.query_one(audited, &[]).unwrap();
    assert_eq!((row.get(0), row.get(1)), ("anna@example.org", "true"));
    let all = client.query_one("SELECT id::text, ok, fault FROM paliad_backup.verify_all()", &[]).unwrap();
    assert_eq!((all.get::<_, String>(0), all.get(1), all.get(2)), (backup.id, true, None::<String>));
}

#[test]
fn damage_is_a_verdict_and_no_error() {
    let (_database, mut client, backup) = application();
    let size = fs::metadata(backup.path()).unwrap().len();
    let mut missed = Vec::new();
    for at in (0..size).step_by(97) {
        backup.flip(at);
        let checks = verify(&mut client, &backup);
        if failed(&checks).first() != Some(&"sha256") || checks.len() != 9 {
            missed.push((at, checks));
        }
        backup.flip(at);
    }
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(failed(&verify(&mut client, &backup)), Vec::<&str>::new());
    // A shorter file, and none at all.
    fs::copy(backup.path(), backup.path().with_extension("copy")).unwrap();
    OpenOptions::new().write(true).open(backup.path()).unwrap().set_len(size / 2).unwrap();
    assert_eq!(failed(&verify(&mut client, &backup)), ["size", "sha256", "zip"]);
    assert_eq!(kept(&mut client, &backup), (Some(false), 9));
    let damaged: i64 = client.query_one("SELECT artifacts_damaged FROM paliad_backup.status", &[]).unwrap().get(0);
    assert_eq!(damaged, 1);
    fs::remove_file(backup.path()).unwrap();
    let checks = verify(&mut client, &backup);
    assert_eq!((failed(&checks), checks[1].1), (vec!["present"], None));
    let fault: String = client.query_one("SELECT fault FROM paliad_backup.verify_all()", &[]).unwrap().get(0);
    assert!(fault.starts_with("present: ") && fault.ends_with("does not exist"), "{fault}");
}

#[test]
fn the_catalog_is_compared_with_the_bundle() {
    let (_database, mut client, backup) = application();
    let set = |client: &mut Client, change: &str| {
        client.batch_execute(&format!("UPDATE paliad_backup.backups SET {change} WHERE id = '{}'", backup.id)).unwrap();
    };
    set(&mut client, "row_counts = row_counts || '{\"matters\": 499}'");
    assert_eq!(failed(&verify(&mut client, &backup)), ["catalog"]);
    set(
        &mut client,
        "row_counts = row_counts || '{\"matters\": 500}', size_bytes = size_bytes + 1, sha256 = repeat('0', 64)",
    );
    assert_eq!(failed(&verify(&mut client, &backup)), ["size", "sha256"]);
    // The bundle proves itself from inside: its own checksum may be put on the row.
    let repair = format!("SELECT sha256 FROM paliad_backup.repair_checksum('{}', 'anna@example.org')", backup.id);
    let sha256: String = client.query_one(&repair, &[]).unwrap().get(0);
    assert_ne!(sha256, "0".repeat(64));
    assert_eq!(failed(&verify(&mut client, &backup)), Vec::<&str>::new());
    let audited = "SELECT metadata #>> '{old,sha256}', metadata #>> '{new,sha256}' FROM paliad_backup.system_audit_log WHERE event_type = 'checksum_repaired'";
    let row = client.query_one(audited, &[]).unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("0".repeat(64), sha256));
    // Nothing to repair is no event; a damaged bundle is not made good by its own checksum.
    client.query_one(&repair, &[]).unwrap();
    assert_eq!(client.query(audited, &[]).unwrap().len(), 1);
    backup.flip(300);
    let (state, message, _) = refused(&mut client, &repair);
    assert_eq!(state, "XX001");
    assert!(message.contains("does not prove itself: "), "{message}");
}

#[test]
fn what_has_no_bundle_is_an_error_and_a_deleted_one_a_verdict() {
    let (database, mut client, backup) = application();
    let unknown = "SELECT * FROM paliad_backup.verify('00000000-0000-0000-0000-000000000000')";
    assert_eq!(refused(&mut client, unknown).0, "42704");
    client.batch_execute("SET lock_timeout = '10ms'").unwrap();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE matters").unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "55P03");
    holder.batch_execute("COMMIT").unwrap();
    let failed_run: String =
        client.query_one("SELECT id::text FROM paliad_backup.list(1) WHERE status = 'failed'", &[]).unwrap().get(0);
    assert_eq!(refused(&mut client, &format!("SELECT paliad_backup.verify('{failed_run}')")).0, "55000");
    client.batch_execute(&format!("SELECT paliad_backup.delete('{}')", backup.id)).unwrap();
    assert_eq!(failed(&verify(&mut client, &backup)), ["present"]);
    assert_eq!(client.query("SELECT FROM paliad_backup.verify_all()", &[]).unwrap().len(), 0);
    // Readers verify, and see no contents.
    let reader = login(&database, "reader", &["paliad_backup_reader"]);
    let mut reader = database.connect_as(&reader);
    assert_eq!(verify(&mut reader, &backup).len(), 9);
    assert_eq!(refused(&mut reader, &format!("SELECT paliad_backup.repair_checksum('{}')", backup.id)).0, "42501");
}

/// Who restores the latest does not want one that is known to be damaged, and hears which one is good.
#[test]
fn a_damaged_bundle_is_not_the_latest_and_its_errors_name_a_good_one() {
    let (_database, mut client, good) = application();
    let damaged = run(&mut client).unwrap();
    let latest = "SELECT id::text FROM paliad_backup.latest()";
    let found = |client: &mut Client| client.query_one(latest, &[]).unwrap().get::<_, Option<String>>(0);
    assert_eq!(found(&mut client), Some(damaged.id.clone()));
    damaged.damage("csv/matters.csv");
    let refusals = |client: &mut Client| {
        let calls = ["restore($)", "restore($, overwrite => true)", "repair_checksum($)", "rehearse_restore($)"];
        calls.map(|call| {
            let call = format!("SELECT paliad_backup.{}", call.replace('$', &format!("'{}'", damaged.id)));
            let (state, _, hint) = refused(client, &call);
            assert_eq!(state, "XX001", "{call}");
            hint
        })
    };
    let verify_it = format!("SELECT * FROM paliad_backup.verify('{}'); tells what is wrong with it.", damaged.id);
    let another = format!("{verify_it} The newest backup that was not found damaged is {}.", good.id);
    assert_eq!(refusals(&mut client), [(); 4].map(|()| another.clone()));
    assert_eq!(failed(&verify(&mut client, &damaged)), ["sha256", "contents", "checksums", "rows"]);
    assert_eq!(found(&mut client), Some(good.id.clone()));
    // A damaged manifest and a shorter file are noticed before the checksum is.
    damaged.damage("manifest.json");
    assert_eq!(refusals(&mut client), [(); 4].map(|()| another.clone()));
    OpenOptions::new().write(true).open(damaged.path()).unwrap().set_len(1000).unwrap();
    assert_eq!(refusals(&mut client), [(); 4].map(|()| another.clone()));
    // No other is good.
    good.damage("csv/matters.csv");
    verify(&mut client, &good);
    assert_eq!(found(&mut client), None);
    assert_eq!(refusals(&mut client), [(); 4].map(|()| verify_it.clone()));
}

#[test]
fn what_has_no_file_has_no_name_to_download_it_by() {
    let (database, mut client, deleted) = application();
    let named = "SELECT coalesce(string_agg(id::text, ' ' ORDER BY started_at), 'none') FROM paliad_backup.list()
                 WHERE download_name IS NOT NULL";
    let named = |client: &mut Client| client.query_one(named, &[]).unwrap().get::<_, String>(0);
    let there = run(&mut client).unwrap();
    assert_eq!(named(&mut client), format!("{} {}", deleted.id, there.id));
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE matters").unwrap();
    client.batch_execute("SET lock_timeout = '10ms'").unwrap();
    assert_eq!(refused(&mut client, "SELECT paliad_backup.run()").0, "55P03");
    client.batch_execute(&format!("SELECT paliad_backup.delete('{}')", deleted.id)).unwrap();
    assert_eq!(named(&mut client), there.id, "neither failed nor deleted ones");
    fs::remove_file(there.path()).unwrap();
    assert_eq!(runs::reconcile(&mut client), [(there.id, "missing".to_owned())]);
    assert_eq!(named(&mut client), "none");
}
