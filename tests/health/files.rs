//! The directory and what lies in it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use postgres::Client;

use super::rows::{check, of, one, type_next};
use crate::runs::{folder, run, run_with};
use crate::support::{Cluster, skip};

fn levels(client: &mut Client, check: &str) -> Vec<(String, Option<String>)> {
    of(client, check, "").into_iter().map(|row| (row.level, row.object)).collect()
}

#[test]
fn bundles_that_are_missing_short_or_damaged_are_named() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n").unwrap();
    let [moved, short, flipped, sound] = [0; 4].map(|_| run(&mut client).unwrap());
    fs::remove_file(moved.path()).unwrap();
    let length = fs::metadata(short.path()).unwrap().len();
    File::options().write(true).open(short.path()).unwrap().set_len(length - 1).unwrap();
    flipped.damage("csv/t.csv");

    let mut expected =
        vec![("warning".to_owned(), Some(moved.id.clone())), ("critical".into(), Some(short.id.clone()))];
    let mut found = levels(&mut client, "bundles");
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "by their names and sizes alone");
    // That same call has read the others, and kept the verdict.
    let verdicts = "SELECT id::text, verify_ok FROM paliad_backup.backups WHERE verified_at IS NOT NULL";
    let mut verdicts: Vec<(String, bool)> =
        client.query(verdicts, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    verdicts.sort();
    let mut wanted = vec![(flipped.id.clone(), false), (sound.id, true)];
    wanted.sort();
    assert_eq!(verdicts, wanted);
    expected.push(("critical".into(), Some(flipped.id.clone())));
    let mut found = levels(&mut client, "bundles");
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "damage stays known");
    let state = "SELECT state || ': ' || state_reason FROM paliad_backup.status";
    let said: String = client.query_one(state, &[]).unwrap().get(0);
    assert_eq!(said, "critical: 1 bundles are damaged");

    // Each command can be typed; the missing one is noted, then given up.
    for row in of(&mut client, "bundles", "") {
        type_next(&mut client, &row);
    }
    let row = of(&mut client, "bundles", "").into_iter().find(|row| row.object.as_deref() == Some(&moved.id)).unwrap();
    assert!(row.message.contains("accepts the loss"), "{row:?}");
    type_next(&mut client, &row);
    assert!(!levels(&mut client, "bundles").iter().any(|row| row.1.as_deref() == Some(&moved.id)));
}

#[test]
fn a_damaged_bundle_is_told_by_the_call_that_reads_it() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n").unwrap();
    let backup = run(&mut client).unwrap();
    backup.damage("csv/t.csv");
    let row = one(&mut client, "bundle_contents", "critical", "sha256: ");
    assert_eq!(row.object.as_deref(), Some(backup.id.as_str()));
    type_next(&mut client, &row);
}

#[test]
fn each_bundle_is_read_once_a_day_unless_all_are_asked_for() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    for _ in 0..2 {
        run_with(&mut client, "formats => '{csv}'").unwrap();
    }
    one(&mut client, "bundle_contents", "ok", "2 of 2 bundles were read");
    one(&mut client, "bundle_contents", "ok", "0 of 2 bundles were read");
    let old = "UPDATE paliad_backup.backups SET verified_at = now() - interval '25 hours' \
               WHERE id = (SELECT id FROM paliad_backup.list(1))";
    client.batch_execute(old).unwrap();
    one(&mut client, "bundle_contents", "ok", "1 of 2 bundles were read");
    let deep = of(&mut client, "bundle_contents", "deep => true").remove(0);
    assert!(deep.message.starts_with("2 of 2 bundles"), "{deep:?}");
    let events = "SELECT count(*) FROM paliad_backup.system_audit_log WHERE event_type = 'backup_verified'";
    assert_eq!(client.query_one(events, &[]).unwrap().get::<_, i64>(0), 5);
}

#[test]
fn files_that_nobody_knows_are_named_once_they_are_old() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let (gone, kept) = (run(&mut client).unwrap(), run(&mut client).unwrap());
    // Its row is lost; cleanup() leaves it.
    let lost = run(&mut client).unwrap();
    client.batch_execute(&format!("DELETE FROM paliad_backup.backups WHERE id = '{}'", lost.id)).unwrap();
    // No bundle, whatever its name: only cleanup() helps.
    let id = "00000000-0000-4000-8000-000000000001";
    let orphan = folder(&database).join(format!("{id}.zip"));
    fs::write(&orphan, "no bundle").unwrap();
    fs::write(folder(&database).join("notes.txt"), "not ours").unwrap();
    assert_eq!(levels(&mut client, "stray_files"), [("ok".to_owned(), None)], "an hour has not passed");
    // As after a crash between the row and the file.
    let sql = format!("UPDATE paliad_backup.backups SET deleted_at = now() WHERE id = '{}'", gone.id);
    client.batch_execute(&sql).unwrap();
    for path in [&orphan, &gone.path(), &kept.path(), &lost.path()] {
        age(path);
    }
    let mut found: Vec<(String, bool)> = of(&mut client, "stray_files", "")
        .into_iter()
        .map(|row| (row.object.unwrap(), row.next.unwrap().contains("rebuild_catalog")))
        .collect();
    found.sort();
    let mut expected =
        vec![(format!("{id}.zip"), false), (format!("{}.zip", gone.id), false), (format!("{}.zip", lost.id), true)];
    expected.sort();
    assert_eq!(found, expected);
    // What it says to type helps.
    client.batch_execute("SELECT * FROM paliad_backup.rebuild_catalog(dry_run => false)").unwrap();
    client.batch_execute("SELECT * FROM paliad_backup.cleanup(dry_run => false)").unwrap();
    assert_eq!(levels(&mut client, "stray_files"), [("ok".to_owned(), None)]);
}

fn age(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(3700);
    File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

#[test]
fn rights_and_marker_are_looked_at_before_a_run_needs_them() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let own = folder(&database);
    let mode = |mode| fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o770);
    one(&mut client, "directory", "critical", "run: chmod 0700");
    mode(0o500);
    let row = one(&mut client, "directory", "critical", "Permission denied");
    type_next(&mut client, &row);
    mode(0o700);

    let marker = own.join("paliad_backup.marker");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("\"host\": \"", "\"host\": \"another-")).unwrap();
    let row = one(&mut client, "directory", "critical", "belongs to another database or server");
    assert_eq!(check(&mut client, "").len(), 11, "what can be read is looked at");
    type_next(&mut client, &row);
    one(&mut client, "directory", "ok", "this database's");

    // As where the file system is not mounted.
    let aside = database.directory().with_extension("aside");
    fs::rename(database.directory(), &aside).unwrap();
    one(&mut client, "directory", "critical", "Is its file system mounted?");
    fs::rename(&aside, database.directory()).unwrap();
    one(&mut client, "directory", "ok", "");
    // A directory whose parent keeps the server out cannot be made by the first run.
    if rustix::process::geteuid().is_root() {
        let parent = Cluster::shared().dir().join("backups").join(format!("{}_closed", database.name()));
        fs::create_dir(&parent).unwrap();
        let sql = format!("SET paliad_backup.directory = '{}/backups'", parent.display());
        client.batch_execute(&sql).unwrap();
        one(&mut client, "directory", "critical", "Permission denied");
        fs::remove_dir(&parent).unwrap();
    }
}

#[test]
fn free_space_is_compared_with_what_a_run_needs() {
    let database = Cluster::shared().database();
    let user = fs::metadata(database.directory().parent().unwrap()).unwrap();
    fs::create_dir(database.directory()).unwrap();
    use std::os::unix::fs::MetadataExt;
    let options = format!("size={},mode=0700,uid={},gid={}", 16 << 20, user.uid(), user.gid());
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(database.directory()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        skip("free_space_is_compared_with_what_a_run_needs", "only root may mount a tmpfs");
        return;
    }
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        }
    }
    let mounted = Mounted(database.directory());
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE noise AS SELECT n, (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 8) i) AS t \
             FROM generate_series(1, 2000) n",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let size = fs::metadata(backup.path()).unwrap().len();
    one(&mut client, "free_space", "ok", "are free");
    let other = mounted.0.join("other");
    let free = || {
        let statistics = rustix::fs::statvfs(&mounted.0).unwrap();
        statistics.f_bavail * statistics.f_frsize
    };
    for (left, level) in [(4 * size, "warning"), (2 * size, "critical")] {
        let _ = fs::remove_file(&other);
        fs::write(&other, vec![0; (free() - left) as usize]).unwrap();
        one(&mut client, "free_space", level, "a run like the last one needs");
    }
    // It is true: there is no room.
    assert!(run(&mut client).is_err());
    chown(&other, Some(user.uid()), None).unwrap();
}
