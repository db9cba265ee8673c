//! Which backups stay and which go, in a real catalog; and that runs clean up behind them.

use std::sync::{Arc, Mutex};

use crate::cleanups::{Immutable, NO_RULE, backup, begin_at, cleanup, done, fate, files, foreseen, set_rules, with};
use crate::restores::restore;
use crate::runs::{Gate, exported, folder, run};
use crate::support::{Cluster, Database, column, skip, sqlstate};
use crate::{runs, security};
use postgres::{Client, NoTls};

const CSV: &str = "formats => '{csv}'";

/// A database with so many backups and no rule; their ids, oldest first.
fn with_backups(count: usize) -> (Database<'static>, Client, Vec<String>) {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(NO_RULE).unwrap();
    let ids = (0..count).map(|_| backup(&mut client, CSV)).collect();
    (database, client, ids)
}

/// The places, in `ids`, of those that a dry run keeps.
fn kept(client: &mut Client, ids: &[String]) -> Vec<usize> {
    let actions = foreseen(client);
    assert_eq!(actions.len(), ids.len(), "one row a backup: {actions:#?}");
    (0..ids.len()).filter(|place| fate(&actions, &ids[*place]).0 == "keep").collect()
}

fn bundle(id: &str) -> String {
    format!("{id}.zip")
}

#[test]
fn the_eleventh_goes_after_the_run() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let ids: Vec<String> = (0..11).map(|_| backup(&mut client, CSV)).collect();
    let gone = "SELECT concat_ws(' | ', b.status, b.deleted_reason, a.actor_email, a.metadata ->> 'reason', a.metadata ? 'deleted_at')
                FROM paliad_backup.backups b JOIN paliad_backup.system_audit_log a
                ON a.event_type = 'backup_deleted' AND a.metadata ->> 'backup_id' = b.id::text WHERE b.deleted_at IS NOT NULL";
    let reason = "retention: not kept by retention_count 10";
    assert_eq!(column(&mut client, gone), [format!("done | {reason} | system@paliad | {reason} | t")]);
    let left =
        column(&mut client, "SELECT id::text FROM paliad_backup.list() WHERE deleted_at IS NULL ORDER BY started_at");
    assert_eq!(left, ids[1..]);
    let mut expected: Vec<String> = left.iter().map(|id| bundle(id)).collect();
    expected.sort();
    assert_eq!(files(&folder(&database)), expected);
    // Whoever wants it to stay pins it.
    client.batch_execute(&format!("SELECT paliad_backup.pin('{}')", ids[1])).unwrap();
    backup(&mut client, CSV);
    assert!(folder(&database).join(bundle(&ids[1])).exists());
    assert!(folder(&database).join(bundle(&ids[2])).exists(), "ten are there beside it, and it has a place itself");
}

#[test]
fn without_rules_nothing_goes() {
    let (database, mut client, ids) = with_backups(12);
    client.batch_execute("SELECT paliad_backup.create_checkpoint(); SELECT paliad_backup.create_checkpoint()").unwrap();
    assert_eq!(done(&mut client), []);
    assert_eq!(files(&folder(&database)).len(), 14);
    assert_eq!(fate(&foreseen(&mut client), &ids[0]), ("keep".into(), "no rule is set".into()));
}

/// Two today, one yesterday, then last week, last month (twice), last year.
#[test]
fn each_rule_keeps_what_it_says() {
    let (database, mut client, ids) = with_backups(7);
    client.batch_execute("SET TimeZone = 'UTC'").unwrap();
    let noon = "date_trunc('day', now()) + '1 minute'";
    let starts = [
        format!("date_trunc('year', {noon}) - '1 second'::interval"),
        format!("date_trunc('month', {noon}) - '2 days'::interval"),
        format!("date_trunc('month', {noon}) - '1 day'::interval"),
        format!("date_trunc('week', {noon}) - '1 second'::interval"),
        format!("{noon} - '1 day'::interval"),
        noon.to_owned(),
        format!("{noon} + '1 second'::interval"),
    ];
    for (id, start) in ids.iter().zip(&starts) {
        begin_at(&mut client, id, start);
    }
    // The calendar decides which of these fall together: the server tells by its own functions.
    let newest_of = |client: &mut Client, unit: &str, most: usize| -> Vec<usize> {
        let sql = format!(
            "SELECT id::text FROM (SELECT DISTINCT ON (date_trunc('{unit}', started_at)) id, started_at FROM paliad_backup.backups
             ORDER BY date_trunc('{unit}', started_at) DESC, started_at DESC) AS newest ORDER BY started_at DESC LIMIT {most}"
        );
        let mut places: Vec<usize> =
            column(client, &sql).iter().map(|id| ids.iter().position(|known| known == id).unwrap()).collect();
        places.sort_unstable();
        places
    };
    for (rule, unit) in [("daily", "day"), ("weekly", "week"), ("monthly", "month"), ("yearly", "year")] {
        for most in 1..=3 {
            set_rules(&mut client, &format!("keep_{rule} = {most}"));
            let expected = newest_of(&mut client, unit, most);
            assert_eq!(kept(&mut client, &ids), expected, "keep_{rule} {most}");
        }
    }
    set_rules(&mut client, "retention_count = 3");
    let mut by_start: Vec<usize> = (0..7).collect();
    let order = column(&mut client, "SELECT id::text FROM paliad_backup.backups ORDER BY started_at DESC");
    by_start.sort_by_key(|place| order.iter().position(|id| *id == ids[*place]));
    let mut newest = by_start[..3].to_vec();
    newest.sort_unstable();
    assert_eq!(kept(&mut client, &ids), newest);
    set_rules(&mut client, "retention_days = 1");
    let recent = "SELECT id::text FROM paliad_backup.backups
                  WHERE started_at >= (SELECT max(started_at) FROM paliad_backup.backups) - '24 hours'::interval";
    let recent = column(&mut client, recent);
    assert_eq!(kept(&mut client, &ids), (0..7).filter(|place| recent.contains(&ids[*place])).collect::<Vec<_>>());
    // Two rules keep what either keeps, and the first is told.
    set_rules(&mut client, "retention_count = 1, keep_yearly = 2");
    let actions = foreseen(&mut client);
    assert_eq!(fate(&actions, &ids[6]), ("keep".into(), "retention_count 1".into()));
    assert_eq!(fate(&actions, &ids[0]), ("keep".into(), "keep_yearly 2".into()));
    assert_eq!(fate(&actions, &ids[5]), ("remove".into(), "not kept by retention_count 1, keep_yearly 2".into()));
    // A real one does what the dry run says, and tells it in the same words.
    let mut expected: Vec<_> = actions.into_iter().filter(|action| action.action != "keep").collect();
    assert_eq!(expected.len(), 5);
    assert!(expected.iter().all(|action| action.bytes > Some(0) && action.path.is_some()), "{expected:#?}");
    let mut found = done(&mut client);
    for actions in [&mut expected, &mut found] {
        actions.sort_by(|a, b| a.id.cmp(&b.id));
    }
    assert_eq!(found, expected);
    let mut left = vec![bundle(&ids[0]), bundle(&ids[6])];
    left.sort();
    assert_eq!(files(&folder(&database)), left);
    assert_eq!(done(&mut client), []);
}

#[test]
fn the_last_good_ones_stay_and_what_is_not_good_does_not_count() {
    let (database, mut client, ids) = with_backups(6);
    for (place, id) in ids.iter().enumerate() {
        begin_at(&mut client, id, &format!("started_at - {} * '40 days'::interval", ids.len() - place));
    }
    // The newest three: damaged, missing, and a run that failed.
    let path = |id: &String| folder(&database).join(bundle(id));
    std::fs::write(path(&ids[5]), "PK").unwrap();
    assert_eq!(
        column(&mut client, &format!("SELECT bool_and(ok)::text FROM paliad_backup.verify('{}')", ids[5])),
        ["false"]
    );
    std::fs::rename(path(&ids[4]), database.directory().join("aside")).unwrap();
    client.batch_execute("CREATE VIEW v AS SELECT 1 / 0 AS n; INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'v')").unwrap();
    assert_eq!(sqlstate(&run(&mut client).err().unwrap()), "22012");
    set_rules(&mut client, "retention_days = 30, minimum_redundancy = 2");
    let actions = foreseen(&mut client);
    // Days count from the newest good one, however long ago that was.
    for kept in [&ids[3], &ids[4], &ids[5]] {
        assert_eq!(fate(&actions, kept), ("keep".into(), "retention_days 30".into()), "{actions:#?}");
    }
    assert_eq!(fate(&actions, &ids[2]), ("keep".into(), "minimum_redundancy 2".into()), "{actions:#?}");
    assert_eq!(with(&actions, "remove"), [ids[1].clone(), ids[0].clone()]);
    assert_eq!(with(&done(&mut client), "remove"), [ids[1].clone(), ids[0].clone()]);
    assert_eq!(column(&mut client, "SELECT artifacts_missing::text FROM paliad_backup.status"), ["1"]);
    // With a good new one the damaged one is as old as it is; it goes when a good one in its place would.
    client.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
    backup(&mut client, CSV);
    assert!(path(&ids[5]).exists() && path(&ids[3]).exists() && !path(&ids[2]).exists());
    set_rules(&mut client, "retention_days = 30, minimum_redundancy = 0");
    assert_eq!(with(&done(&mut client), "remove"), [ids[5].clone(), ids[4].clone(), ids[3].clone()]);
}

#[test]
fn pinned_imported_running_and_future_ones_stay() {
    let (database, mut client, ids) = with_backups(4);
    client
        .batch_execute(&format!(
            "SELECT paliad_backup.pin('{}'); UPDATE paliad_backup.backups SET imported_at = now() WHERE id = '{}'",
            ids[0], ids[1]
        ))
        .unwrap();
    begin_at(&mut client, &ids[2], "now() + '10 years'::interval");
    set_rules(&mut client, "retention_count = 1, minimum_redundancy = 0");
    let newest = backup(&mut client, CSV);
    let actions = foreseen(&mut client);
    let reasons = [&ids[0], &ids[1], &ids[2], &newest].map(|id| fate(&actions, id));
    let reason = |text: &str| ("keep".to_owned(), text.to_owned());
    assert_eq!(
        reasons,
        [
            reason("it is pinned"),
            reason("it was imported"),
            reason("its start lies in the future"),
            reason("retention_count 1")
        ]
    );
    assert!(!folder(&database).join(bundle(&ids[3])).exists(), "the run has removed it");
    begin_at(&mut client, &ids[2], "'infinity'");
    assert_eq!(fate(&foreseen(&mut client), &ids[2]), reason("its start lies in the future"));
    begin_at(&mut client, &ids[2], "'-infinity'");
    assert_eq!(fate(&foreseen(&mut client), &ids[2]).0, "remove");

    let mut gate = Gate::close(&database, 1);
    let (refusals, actions, running) = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        let calls = ["cleanup(dry_run => false)", "cleanup_auto_keep_latest()"];
        let refusals = calls.map(|call| client.batch_execute(&format!("SELECT paliad_backup.{call}")));
        let actions = cleanup(&mut client, "");
        let running = column(&mut client, "SELECT id::text FROM paliad_backup.backups WHERE status = 'running'");
        gate.open();
        run.join().unwrap().unwrap();
        (refusals, actions, running)
    });
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert_eq!(sqlstate(&error), "55006", "{error}");
        assert!(error.as_db_error().unwrap().hint().unwrap().contains("paliad_backup.progress"), "{error}");
    }
    assert_eq!(fate(&actions.unwrap(), &running[0]), reason("it is running"));
}

/// Exports of a part, and those that no restore can read, are counted by themselves.
#[test]
fn parts_push_no_backup_out() {
    let (_database, mut client, ids) = with_backups(1);
    set_rules(&mut client, "retention_count = 2");
    let parts: Vec<String> = (0..3).map(|_| backup(&mut client, "scope => 'config', formats => '{csv}'")).collect();
    let sheets: Vec<String> = (0..3).map(|_| backup(&mut client, "formats => '{xlsx}'")).collect();
    let gone = column(
        &mut client,
        "SELECT id::text FROM paliad_backup.backups WHERE deleted_at IS NOT NULL ORDER BY started_at",
    );
    assert_eq!(gone, [parts[0].clone(), sheets[0].clone()]);
    assert_eq!(fate(&foreseen(&mut client), &ids[0]), ("keep".into(), "retention_count 2".into()));
}

/// What was written to another directory is neither counted nor touched.
#[test]
fn bundles_of_another_directory_stay() {
    let (database, mut client, ids) = with_backups(2);
    set_rules(&mut client, "retention_count = 1");
    let other = database.directory().with_extension("other");
    client.batch_execute(&format!("SET paliad_backup.directory = '{}'", other.display())).unwrap();
    let new = backup(&mut client, CSV);
    let actions = foreseen(&mut client);
    let elsewhere = "its file lies in another directory than the present one";
    assert_eq!(fate(&actions, &ids[0]), ("keep".into(), elsewhere.into()));
    assert_eq!(fate(&actions, &ids[1]), ("keep".into(), elsewhere.into()));
    assert_eq!(fate(&actions, &new), ("keep".into(), "retention_count 1".into()));
    assert_eq!(files(&folder(&database)).len(), 2);
    std::fs::remove_dir_all(other).unwrap();
}

#[test]
fn checkpoints_have_a_count_of_their_own() {
    let (database, mut client, ids) = with_backups(3);
    set_rules(&mut client, "checkpoint_count = 2");
    let checkpoint =
        |client: &mut Client| column(client, "SELECT id::text FROM paliad_backup.create_checkpoint()").remove(0);
    let checkpoints: Vec<String> = (0..3).map(|_| checkpoint(&mut client)).collect();
    assert!(!folder(&database).join(bundle(&checkpoints[0])).exists());
    assert_eq!(files(&folder(&database)).len(), 5);
    assert_eq!(fate(&foreseen(&mut client), &ids[0]), ("keep".into(), "no rule is set".into()));
    // They take no places from backups either, nor are they what is there to fall back on.
    set_rules(&mut client, "retention_count = 3, minimum_redundancy = 3, checkpoint_count = 2");
    assert_eq!(done(&mut client), []);
}

/// The checkpoint of a restore that is not committed yet may be needed to undo it.
#[test]
fn the_checkpoint_of_an_open_restore_stays() {
    let (database, mut client, id) = exported("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)");
    set_rules(&mut client, "checkpoint_count = 1, retention_count = 1");
    let mut restoring = database.connect();
    restoring.batch_execute("BEGIN").unwrap();
    // Without overwrite: others may read the table meanwhile.
    let restored = restore(&mut restoring, &id, "dry_run => false").unwrap();
    let checkpoint = restored.total.checkpoint_id.clone().unwrap();
    client.batch_execute("SELECT paliad_backup.create_checkpoint(); SELECT paliad_backup.create_checkpoint()").unwrap();
    let reason = "its restore is not committed yet";
    let with_process = |client: &mut Client, pid: &str| {
        let sql = format!("UPDATE paliad_backup.backups SET backend_pid = {pid} WHERE id = '{checkpoint}'");
        client.batch_execute(&sql).unwrap();
        fate(&foreseen(client), &checkpoint)
    };
    // By its audit row alone, as after PREPARE TRANSACTION.
    assert_eq!(with_process(&mut client, "0"), ("keep".into(), reason.into()));
    assert_eq!(with_process(&mut client, &runs::pid(&mut restoring).to_string()), ("keep".into(), reason.into()));
    // Also where its audit row is not to be found.
    client.batch_execute("BEGIN; DELETE FROM paliad_backup.system_audit_log").unwrap();
    client.batch_execute("COMMIT").unwrap();
    assert_eq!(fate(&foreseen(&mut client), &checkpoint), ("keep".into(), reason.into()));
    assert_eq!(done(&mut client), []);
    restoring.batch_execute("COMMIT").unwrap();
    assert_eq!(with(&done(&mut client), "remove"), [checkpoint]);
}

/// A restore's checkpoint is made while its bundle is about to be read.
#[test]
fn a_restore_does_not_push_out_what_it_restores() {
    let (database, mut client, id) = exported("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)");
    set_rules(&mut client, "retention_count = 1");
    let checkpoint = column(&mut client, "SELECT id::text FROM paliad_backup.create_checkpoint()").remove(0);
    set_rules(&mut client, "retention_count = 1, checkpoint_count = 1");
    restore(&mut client, &checkpoint, "overwrite => true, dry_run => false").unwrap();
    assert_eq!(files(&folder(&database)).len(), 3, "the backup and both checkpoints");
    backup(&mut client, CSV);
    assert!(!folder(&database).join(bundle(&checkpoint)).exists(), "the next run looks");
    assert!(!folder(&database).join(bundle(&id)).exists());
}

#[test]
fn of_automatic_backups_the_newest_good_one_stays() {
    let (database, mut client, ids) = with_backups(2);
    let automatic: Vec<String> = (0..5).map(|_| backup(&mut client, "'scheduled', formats => '{csv}'")).collect();
    let by_hand = backup(&mut client, CSV);
    client.batch_execute(&format!("SELECT paliad_backup.pin('{}')", automatic[0])).unwrap();
    std::fs::write(folder(&database).join(bundle(&automatic[4])), "PK").unwrap();
    client.batch_execute(&format!("SELECT paliad_backup.verify('{}')", automatic[4])).unwrap();
    let keep_latest = |client: &mut Client| {
        client.query_one("SELECT paliad_backup.cleanup_auto_keep_latest()", &[]).unwrap().get::<_, i64>(0)
    };
    assert_eq!(keep_latest(&mut client), 2);
    let left =
        column(&mut client, "SELECT id::text FROM paliad_backup.backups WHERE deleted_at IS NULL ORDER BY started_at");
    let [ref a, ref b] = ids[..] else { panic!() };
    assert_eq!(left, [a, b, &automatic[0], &automatic[3], &automatic[4], &by_hand].map(String::clone));
    assert_eq!(files(&folder(&database)).len(), 6);
    let reason = "SELECT DISTINCT deleted_reason FROM paliad_backup.backups WHERE deleted_at IS NOT NULL";
    assert_eq!(column(&mut client, reason), ["retention: not kept by the newest automatic backup"]);
    assert_eq!(keep_latest(&mut client), 0);
    // What is not there is not what stays.
    let last = backup(&mut client, "'scheduled', formats => '{csv}'");
    std::fs::remove_file(folder(&database).join(bundle(&last))).unwrap();
    assert_eq!(keep_latest(&mut client), 0);
    assert!(folder(&database).join(bundle(&automatic[3])).exists());
    // Nor what is not whole, though nobody has verified it.
    let last = backup(&mut client, "'scheduled', formats => '{csv}'");
    std::fs::write(folder(&database).join(bundle(&last)), "").unwrap();
    assert_eq!(keep_latest(&mut client), 0);
    assert!(folder(&database).join(bundle(&automatic[3])).exists());
}

/// A bundle of another size than its row says takes no place, in a dry run, in a real one and behind a run.
#[test]
fn a_bundle_that_was_cut_off_pushes_no_good_one_out() {
    let (database, mut client, ids) = with_backups(4);
    let path = |id: &String| folder(&database).join(bundle(id));
    std::fs::write(path(&ids[3]), "").unwrap();
    set_rules(&mut client, "retention_count = 1");
    let actions = foreseen(&mut client);
    for kept in [&ids[2], &ids[3]] {
        assert_eq!(fate(&actions, kept), ("keep".into(), "retention_count 1".into()), "{actions:#?}");
    }
    assert_eq!(with(&done(&mut client), "remove"), [ids[1].clone(), ids[0].clone()]);
    set_rules(&mut client, "retention_count = 2");
    // The new one and the one before it; the damaged one is judged as if it were good.
    backup(&mut client, CSV);
    assert!(path(&ids[2]).exists() && path(&ids[3]).exists());
}

/// Files come back by no ROLLBACK: what goes is decided by what is committed.
#[test]
fn rules_that_are_not_committed_remove_nothing() {
    let (database, mut client, mut ids) = with_backups(3);
    set_rules(&mut client, "minimum_redundancy = 9");
    ids.extend((0..2).map(|_| backup(&mut client, "'scheduled', formats => '{csv}'")));
    let rules = "UPDATE paliad_backup.settings SET retention_count = 1, minimum_redundancy = 0";
    client.batch_execute(&format!("BEGIN; {rules}")).unwrap();
    let actions = foreseen(&mut client);
    assert_eq!(with(&actions, "remove").len(), 4, "a dry run shows what they would do: {actions:#?}");
    backup(&mut client, CSV);
    assert_eq!(done(&mut client), []);
    client.batch_execute("SELECT paliad_backup.cleanup_auto_keep_latest(); ROLLBACK").unwrap();
    assert_eq!(files(&folder(&database)).len(), 6);
    client.batch_execute(rules).unwrap();
    ids.reverse();
    assert_eq!(with(&done(&mut client), "remove"), ids);
}

/// Decision 14: the backup is there whatever becomes of the old ones.
#[test]
fn what_cannot_be_removed_behind_a_run_is_a_warning() {
    let (database, mut client, ids) = with_backups(3);
    set_rules(&mut client, "retention_count = 1");
    let path = folder(&database).join(bundle(&ids[2]));
    let Some(immutable) = Immutable::new(&path) else {
        return skip("what_cannot_be_removed_behind_a_run_is_a_warning", "chattr +i is refused here");
    };
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    let mut config = Cluster::shared().config(database.name(), "postgres");
    config.notice_callback(move |notice| heard.lock().unwrap().push(notice));
    let new = runs::run_with(&mut config.connect(NoTls).unwrap(), CSV).unwrap();
    assert_eq!(new.status, "done");
    let notices = notices.lock().unwrap();
    let [warning] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!((warning.severity(), warning.code().code()), ("WARNING", "58030"));
    assert!(
        warning.message().contains("is complete, but older ones could not be removed: could not remove file"),
        "{warning}"
    );
    assert!(warning.message().contains(&ids[2]) && warning.hint().unwrap().contains("cleanup(dry_run => false)"));
    assert_eq!(files(&folder(&database)).len(), 2, "the others went");
    // Its row says deleted: the next clean-up completes that.
    assert_eq!(column(&mut client, "SELECT count(deleted_at)::text FROM paliad_backup.backups"), ["3"]);
    drop(immutable);
    let actions = done(&mut client);
    assert_eq!(fate(&actions, &ids[2]), ("remove file".into(), "its backup is deleted".into()));
    assert!(!path.exists());
}

/// A member of paliad_backup_admin sets the rules, and cleans up.
#[test]
fn an_administrator_sets_the_rules() {
    let (database, mut client, ids) = with_backups(2);
    let role = security::login(&database, "admin", &["paliad_backup_admin"]);
    let mut admin = database.connect_as(&role);
    admin.batch_execute("UPDATE paliad_backup.settings SET retention_count = 1").unwrap();
    let actions = cleanup(&mut admin, "dry_run => false").unwrap();
    assert_eq!(with(&actions, "remove"), [ids[0].clone()]);
    let actor = "SELECT actor_email FROM paliad_backup.system_audit_log WHERE event_type = 'backup_deleted'";
    assert_eq!(column(&mut client, actor), [role]);
}
