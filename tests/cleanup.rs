//! cleanup(): files that the catalog does not account for, whose they are, and what becomes of it all when the call ends badly.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::cleanups::{Immutable, NO_RULE, age, backup, cleanup, done, fate, files, foreseen, set_rules, with};
use crate::runs::{folder, run, run_with};
use crate::security::refused;
use crate::support::{Cluster, column, skip, sqlstate};
use postgres::Client;

const CSV: &str = "formats => '{csv}'";

/// Writes a file as the server's user would, an hour ago or now.
fn put(folder: &Path, name: &str, bytes: &[u8], old: bool) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let owner = fs::metadata(folder).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    if old {
        age(&path);
    }
    path
}

fn zip(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}.zip")
}

/// All names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Rows of catalog and audit log.
fn rows(client: &mut Client) -> Vec<String> {
    column(
        client,
        "SELECT to_jsonb(b)::text FROM paliad_backup.backups b UNION ALL SELECT to_jsonb(a)::text FROM paliad_backup.system_audit_log a",
    )
}

#[test]
fn files_without_a_backup_go_after_an_hour() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let id = backup(&mut client, CSV);
    let own = folder(&database);
    let bundle = fs::read(own.join(format!("{id}.zip"))).unwrap();
    let gone = [
        put(&own, &zip(1), b"no zip at all", true),
        put(&own, &zip(2), &bundle[..bundle.len() - 1], true), // cut off
        put(&own, &format!("{}.partial", zip(3)), b"", true),
        put(&own, &format!("{id}.zip.partial"), b"PK", true),
    ];
    put(&own, &zip(4), b"no zip at all", false);
    put(&own, &format!("{}.partial", zip(5)), b"", false);
    put(&own, "notes.txt", b"of the administrator", true);
    put(&own, &zip(6).to_uppercase(), b"not of our naming", true);
    fs::create_dir(own.join(zip(7))).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", own.join(zip(8))).unwrap();
    // Touched at a time that is still to come.
    let future = fs::File::options().write(true).open(put(&own, &zip(9), b"", false)).unwrap();
    future.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1_000_000)).unwrap();
    let before = (names(&own), rows(&mut client));
    let expected = foreseen(&mut client);
    assert_eq!((names(&own), rows(&mut client)), before, "a dry run changes nothing");
    let found = done(&mut client);
    assert_eq!(found, expected.into_iter().filter(|action| action.action != "keep").collect::<Vec<_>>());
    let told: Vec<_> = found
        .iter()
        .map(|action| (action.action.as_str(), action.reason.as_str(), action.bytes, action.path.clone()))
        .collect();
    let path = |place: usize| Some(gone[place].display().to_string());
    let (alien, partial) = ("no backup of the catalog, and no bundle", "left behind by a run that did not end");
    let mut expected = vec![
        ("remove file", alien, Some(13), path(0)),
        ("remove file", alien, Some(bundle.len() as i64 - 1), path(1)),
        ("remove file", partial, Some(0), path(2)),
        ("remove file", partial, Some(2), path(3)),
    ];
    expected.sort_by(|a, b| a.3.cmp(&b.3));
    assert_eq!(told, expected);
    let ids: Vec<Option<&str>> = found.iter().map(|action| action.id.as_deref()).collect();
    assert_eq!(
        ids.iter().filter(|found| **found == Some(id.as_str())).count(),
        1,
        "the catalog has one of them: {ids:?}"
    );
    assert_eq!(ids.iter().filter(|found| found.is_none()).count(), 3);
    let mut left = before.0;
    left.retain(|name| !gone.iter().any(|path| path.ends_with(name)));
    assert_eq!(names(&own), left);
    let audited = "SELECT concat_ws(' ', a.metadata ->> 'file', a.metadata ->> 'bytes', a.metadata ->> 'reason', a.metadata ? 'removed_at', actor_email)
                   FROM paliad_backup.system_audit_log a WHERE event_type = 'orphan_removed' ORDER BY a.metadata ->> 'file'";
    let expected: Vec<String> = expected
        .iter()
        .map(|(_, reason, bytes, path)| format!("{} {} {reason} t postgres", path.as_ref().unwrap(), bytes.unwrap()))
        .collect();
    let mut audited = column(&mut client, audited);
    audited.sort();
    assert_eq!(audited, expected);
    fs::remove_file(own.join(zip(8))).unwrap();
}

/// After DROP EXTENSION, or when the database was restored to an earlier time, bundles are all that is left.
#[test]
fn a_bundle_whose_row_is_lost_stays() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let ids: Vec<String> = (0..2).map(|_| backup(&mut client, CSV)).collect();
    let own = folder(&database);
    names(&own).iter().filter(|name| name.ends_with(".zip")).for_each(|name| age(&own.join(name)));
    client.batch_execute("DROP EXTENSION paliad_backup; CREATE EXTENSION paliad_backup").unwrap();
    let told = foreseen(&mut client);
    assert_eq!(told.len(), 2);
    for action in &told {
        assert_eq!((action.id.as_deref(), action.action.as_str()), (None, "keep"));
        assert!(action.reason.contains("rebuild_catalog(dry_run => false)"), "{action:?}");
    }
    assert_eq!(done(&mut client), []);
    assert_eq!(files(&own).len(), 2);
    client.batch_execute("SELECT paliad_backup.rebuild_catalog(dry_run => false)").unwrap();
    set_rules(&mut client, "retention_count = 1");
    assert_eq!(with(&done(&mut client), "remove"), [ids[0].clone()], "they are backups again");
}

/// It may be all that is left of a backup, whatever its name, and though nobody can read what it is.
#[test]
fn a_bundle_without_a_row_stays_under_another_name_and_with_a_damaged_manifest() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let id = backup(&mut client, CSV);
    let own = folder(&database);
    let mut bundle = fs::read(own.join(format!("{id}.zip"))).unwrap();
    put(&own, &zip(1), &bundle, true);
    // A local header has 30 bytes before its name; behind it are the manifest's own.
    let name = b"manifest.json";
    let header =
        bundle.windows(30 + name.len()).position(|window| window.starts_with(b"PK\x03\x04") && window.ends_with(name));
    let extra =
        header.map(|header| usize::from(u16::from_le_bytes([bundle[header + 28], bundle[header + 29]]))).unwrap();
    let content = header.unwrap() + 30 + name.len() + extra;
    bundle[content..content + 40].iter_mut().for_each(|byte| *byte ^= 0xff);
    put(&own, &zip(2), &bundle, true);
    let mut kept: Vec<_> = foreseen(&mut client).into_iter().filter(|action| action.id.is_none()).collect();
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    let [renamed, damaged] = &kept[..] else { panic!("{kept:#?}") };
    assert_eq!((renamed.action.as_str(), damaged.action.as_str()), ("keep", "keep"));
    assert!(renamed.reason.starts_with(&format!("the bundle of backup {id} by another name")), "{renamed:?}");
    assert!(damaged.reason.starts_with("a bundle whose manifest cannot be read (manifest.json"), "{damaged:?}");
    assert_eq!(done(&mut client), []);
    assert_eq!(files(&own).len(), 3);
}

/// The server died between the stamp on the row and the file; or the system refused.
#[test]
fn what_was_stamped_and_not_removed_goes_with_the_next() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(NO_RULE).unwrap();
    let ids: Vec<String> = (0..2).map(|_| backup(&mut client, CSV)).collect();
    let stamp = "UPDATE paliad_backup.backups SET deleted_at = now(), deleted_reason = 'retention' WHERE id = ";
    client.batch_execute(&format!("{stamp}'{}'", ids[0])).unwrap();
    let expected = ("remove file".to_owned(), "its backup is deleted".to_owned());
    assert_eq!(fate(&foreseen(&mut client), &ids[0]), expected);
    assert_eq!(fate(&done(&mut client), &ids[0]), expected);
    assert_eq!(files(&folder(&database)), [format!("{}.zip", ids[1])]);
    assert_eq!(done(&mut client), []);
}

#[test]
fn one_file_that_cannot_be_removed_does_not_save_the_others() {
    const TEST: &str = "one_file_that_cannot_be_removed_does_not_save_the_others";
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(NO_RULE).unwrap();
    let ids: Vec<String> = (0..4).map(|_| backup(&mut client, CSV)).collect();
    let own = folder(&database);
    let path = |place: usize| own.join(format!("{}.zip", ids[place]));
    set_rules(&mut client, "retention_count = 1");
    // A directory in the way is no bundle: its row stays as it is.
    fs::rename(path(0), own.join("aside")).unwrap();
    fs::create_dir(path(0)).unwrap();
    let Some(immutable) = Immutable::new(&path(1)) else { return skip(TEST, "chattr +i is refused here") };
    let error = cleanup(&mut client, "dry_run => false").unwrap_err();
    let told = error.as_db_error().unwrap();
    assert_eq!(sqlstate(&error), "58030", "{error}");
    let all = format!("{} {}", told.message(), told.detail().unwrap());
    assert!(all.contains(&path(0).display().to_string()) && all.contains(&path(1).display().to_string()), "{all}");
    assert!(told.message().ends_with("(and 1 more)") && all.ends_with("1 others were removed."), "{all}");
    assert!(told.hint().unwrap().contains("paliad_backup.cleanup(dry_run => false)"));
    assert!(!path(2).exists() && path(3).exists());
    let deleted = "SELECT id::text FROM paliad_backup.backups WHERE deleted_at IS NOT NULL ORDER BY started_at";
    assert_eq!(column(&mut client, deleted), [ids[1].clone(), ids[2].clone()]);
    // Put right.
    drop(immutable);
    fs::remove_dir(path(0)).unwrap();
    fs::rename(own.join("aside"), path(0)).unwrap();
    let actions = done(&mut client);
    assert_eq!((with(&actions, "remove"), with(&actions, "remove file")), (vec![ids[0].clone()], vec![ids[1].clone()]));
    assert_eq!(files(&own), [format!("{}.zip", ids[3])]);
}

/// The rows are written by the recorder.
#[test]
fn it_is_not_transactional() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(NO_RULE).unwrap();
    let ids: Vec<String> = (0..4).map(|_| backup(&mut client, CSV)).collect();
    let stamped =
        |client: &mut Client| column(client, "SELECT count(deleted_at)::text FROM paliad_backup.backups")[0].clone();
    set_rules(&mut client, "retention_count = 3");
    client.batch_execute("BEGIN READ ONLY").unwrap();
    assert_eq!(with(&done(&mut client), "remove"), [ids[0].clone()]);
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(stamped(&mut client), "1");
    set_rules(&mut client, "retention_count = 2");
    client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM paliad_backup.backups").unwrap();
    assert_eq!(with(&done(&mut client), "remove"), [ids[1].clone()]);
    assert_eq!(done(&mut client), [], "it sees what it has done itself");
    assert!(client.batch_execute("SELECT 1 / 0").is_err());
    assert_eq!(sqlstate(&cleanup(&mut client, "").unwrap_err()), "25P02");
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(stamped(&mut client), "2");
    assert_eq!(files(&folder(&database)).len(), 2);
    // Rules that are not committed are not in force.
    client.batch_execute("BEGIN; UPDATE paliad_backup.settings SET retention_count = 1").unwrap();
    let others = &mut database.connect();
    assert_eq!(done(others), []);
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(files(&folder(&database)).len(), 2);
}

/// What reconcile() does, it does first.
#[test]
fn it_puts_the_catalog_right() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(NO_RULE).unwrap();
    let [ended, missing] = [(); 2].map(|()| backup(&mut client, CSV));
    let aside = database.directory().join("aside");
    let path = folder(&database).join(format!("{missing}.zip"));
    fs::rename(&path, &aside).unwrap();
    let stale = "INSERT INTO paliad_backup.backups (id, kind, status, requested_by_email, started_at)
                 VALUES (gen_random_uuid(), 'on_demand', 'running', 'a@example.org', now()) RETURNING id::text";
    let dead = column(&mut client, stale).remove(0);
    client
        .batch_execute(&format!(
            "UPDATE paliad_backup.backups SET status = 'running', finished_at = NULL, storage_uri = NULL WHERE id = '{ended}'"
        ))
        .unwrap();
    let pair = |action: &str, reason: &str| (action.to_owned(), reason.to_owned());
    let actions = foreseen(&mut client);
    assert_eq!(fate(&actions, &missing), pair("mark missing", "its file is gone"));
    assert_eq!(fate(&actions, &dead), pair("settle", "its session has ended"));
    let actions = done(&mut client);
    assert_eq!(actions.len(), 3);
    assert_eq!(fate(&actions, &missing), pair("mark missing", "its file is gone"));
    assert_eq!(fate(&actions, &dead), pair("settle", "its session ended before its bundle was complete"));
    assert_eq!(fate(&actions, &ended), pair("settle", "its session ended after its bundle was complete"));
    let states = "SELECT concat_ws(' ', status, missing_at IS NOT NULL) FROM paliad_backup.backups ORDER BY started_at";
    assert_eq!(column(&mut client, states), ["done f", "done t", "failed f"]);
    fs::rename(&aside, &path).unwrap();
    assert_eq!(fate(&foreseen(&mut client), &missing), pair("mark found", "its file is back"));
    assert_eq!(fate(&done(&mut client), &missing), pair("mark found", "its file is back"));
}

/// A file system that is not mounted is no folder to clean up.
#[test]
fn a_folder_that_is_gone_is_no_empty_one() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let id = backup(&mut client, CSV);
    let (own, aside) = (folder(&database), database.directory().join("aside"));
    fs::rename(&own, &aside).unwrap();
    for arguments in ["", "dry_run => false"] {
        assert_eq!(refused(&mut client, &format!("SELECT paliad_backup.cleanup({arguments})")).0, "55000");
    }
    assert!(!own.exists());
    fs::rename(&aside, &own).unwrap();
    assert_eq!(fate(&foreseen(&mut client), &id).0, "keep");
    for nothing in ["NULL", "dry_run => NULL"] {
        assert_eq!(fate(&cleanup(&mut client, nothing).unwrap(), &id).0, "keep", "a dry run unless told otherwise");
    }
}

/// Makes three backups with a rule for one, and an old file that is nobody's.
fn untidy(client: &mut Client) -> (PathBuf, [String; 3]) {
    client.batch_execute(NO_RULE).unwrap();
    let backups = [(); 3].map(|()| run_with(client, CSV).unwrap());
    set_rules(client, "retention_count = 1");
    let own = backups[0].path().parent().unwrap().to_owned();
    put(&own, &zip(1), b"nobody's", true);
    (own, backups.map(|backup| backup.id))
}

/// Cleans up, and looks at what is left.
fn assert_tidied(client: &mut Client, own: &Path, ids: &[String; 3]) {
    let actions = done(client);
    assert_eq!(with(&actions, "remove"), [ids[1].clone(), ids[0].clone()]);
    assert_eq!(actions.len(), 3);
    assert_eq!(files(own), [format!("{}.zip", ids[2])]);
}

#[test]
fn two_databases_in_one_directory_leave_each_other_alone() {
    let cluster = Cluster::shared();
    let (one, other) = (cluster.database(), cluster.empty_database(""));
    let mut first = one.connect();
    let (first_own, first_ids) = untidy(&mut first);
    let share =
        format!("ALTER DATABASE {} SET paliad_backup.directory = '{}'", other.name(), one.directory().display());
    other.connect().batch_execute(&format!("CREATE EXTENSION paliad_backup; {share}")).unwrap();
    let mut second = other.connect();
    let (second_own, second_ids) = untidy(&mut second);
    assert_ne!(first_own, second_own);
    assert_tidied(&mut first, &first_own, &first_ids);
    assert_eq!(files(&second_own).len(), 4);
    assert_tidied(&mut second, &second_own, &second_ids);
    assert_eq!(files(&first_own).len(), 1);
}

#[test]
fn two_servers_in_one_directory_leave_each_other_alone() {
    let (here, there) = (Cluster::own(&[]), Cluster::another());
    let (one, other) = (here.database(), there.database());
    let directory = one.directory();
    let share = format!("ALTER DATABASE {} SET paliad_backup.directory = '{}'", other.name(), directory.display());
    other.connect().batch_execute(&share).unwrap();
    let (mut first, mut second) = (one.connect(), other.connect());
    let (first_own, first_ids) = untidy(&mut first);
    let (second_own, second_ids) = untidy(&mut second);
    assert_eq!((first_own.parent(), second_own.parent()), (Some(directory.as_path()), Some(directory.as_path())));
    assert_ne!(first_own, second_own);
    assert_tidied(&mut second, &second_own, &second_ids);
    assert_eq!(files(&first_own).len(), 4);
    assert_tidied(&mut first, &first_own, &first_ids);
    assert_eq!(files(&second_own).len(), 1);
}

/// Decision 3: the copy has the same catalog and takes the folder for its own, but for the marker.
#[test]
fn a_copy_of_the_cluster_cleans_up_nothing_until_it_adopts_the_directory() {
    let original = Cluster::own(&[]);
    let database = original.database();
    let (own, ids) = untidy(&mut database.connect());
    let copy = original.copy();
    let mut copied = copy.connect(database.name(), "postgres");
    let before = names(&own);
    for call in ["cleanup()", "cleanup(dry_run => false)", "cleanup_auto_keep_latest()"] {
        let (state, message, hint) = refused(&mut copied, &format!("SELECT paliad_backup.{call}"));
        assert_eq!(state, "55000", "{call}: {message}");
        assert!(hint.contains("SELECT paliad_backup.adopt_directory();"), "{call}: {hint}");
    }
    assert_eq!(refused(&mut copied, "SELECT paliad_backup.run()").0, "55000");
    assert_eq!(names(&own), before);
    assert_eq!(column(&mut copied, "SELECT count(deleted_at)::text FROM paliad_backup.backups"), ["0"]);
    // A backup that the copy does not know.
    let mut client = database.connect();
    let newer = backup(&mut client, CSV);
    assert_eq!(files(&own), {
        let mut left = vec![zip(1), format!("{newer}.zip")];
        left.sort();
        left
    });
    age(&own.join(format!("{newer}.zip")));
    copied.batch_execute("SELECT paliad_backup.adopt_directory()").unwrap();
    let actions = done(&mut copied);
    assert_eq!(with(&actions, "mark missing").len(), 3, "{ids:?}");
    assert_eq!(files(&own), [format!("{newer}.zip")], "it is a bundle, whoever has made it");
    // One of the two owns the files.
    assert_eq!(refused(&mut client, "SELECT paliad_backup.cleanup(dry_run => false)").0, "55000");
    run(&mut copied).unwrap();
}
