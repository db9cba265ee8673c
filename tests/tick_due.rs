//! auto_backup_tick(), called directly: a backup that is due by its age, after failures, beside another operation.

use crate::runs::{Gate, run, run_with};
use crate::support::{Cluster, column, sqlstate, wait_for};
use crate::tick::tick;

#[test]
fn an_interval_is_caught_up_once() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    assert!(tick(&mut client).unwrap().reason.contains("neither interval_hours nor auto_on_change"));
    client
        .batch_execute(
            "CREATE TABLE t (n int); UPDATE paliad_backup.settings SET interval_hours = 2, formats = '{csv}'",
        )
        .unwrap();
    let first = tick(&mut client).unwrap();
    assert_eq!((first.action.as_str(), first.reason.as_str()), ("backup", "there was no good backup"));
    assert_eq!(tick(&mut client).unwrap().action, "none");
    client.batch_execute("UPDATE paliad_backup.backups SET started_at = now() - interval '119 minutes'").unwrap();
    assert!(tick(&mut client).unwrap().reason.contains("1 hour 59 minutes old, less than 2 hours"));
    // The server was down for a day: one backup, not twelve.
    client.batch_execute("UPDATE paliad_backup.backups SET started_at = now() - interval '26 hours'").unwrap();
    assert!(tick(&mut client).unwrap().reason.contains("1 day 2 hours old"));
    assert_eq!(tick(&mut client).unwrap().action, "none");
    let made = "SELECT concat_ws(' ', trigger, kind, formats) FROM paliad_backup.backups";
    assert_eq!(column(&mut client, made), ["interval scheduled {csv}", "interval scheduled {csv}"]);
    // Damaged ones, checkpoints, parts and those of a clock that was wrong don't count; one of another trigger does.
    for mark in [
        "verified_at = now(), verify_ok = false",
        "missing_at = now()",
        "scope = 'data'",
        "kind = 'checkpoint'",
        "imported_at = now()",
        "started_at = now() + interval '1 year'",
    ] {
        client
            .batch_execute(&format!(
                "UPDATE paliad_backup.backups SET {mark} WHERE started_at > now() - interval '1 day'"
            ))
            .unwrap();
        assert_eq!(tick(&mut client).unwrap().action, "backup", "{mark}");
    }
    client.batch_execute("UPDATE paliad_backup.backups SET started_at = now() - interval '26 hours'").unwrap();
    run_with(&mut client, "formats => '{csv}'").unwrap();
    assert_eq!(tick(&mut client).unwrap().action, "none");
}

#[test]
fn retention_applies_to_what_it_makes() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (n int);
             UPDATE paliad_backup.settings SET interval_hours = 1, auto_on_change = true, change_poll = '1 second', change_debounce = '0',
                                               retention_count = 1, formats = '{csv}'",
        )
        .unwrap();
    let removed = "SELECT id::text FROM paliad_backup.backups WHERE deleted_at IS NOT NULL";
    let first = tick(&mut client).unwrap().backup.expect("there was none");
    assert_eq!(column(&mut client, removed), Vec::<String>::new());
    client.batch_execute("UPDATE paliad_backup.backups SET started_at = now() - interval '2 hours'").unwrap();
    let second = tick(&mut client).unwrap().backup.expect("it is due by age");
    assert_eq!(column(&mut client, removed), [first.as_str()]);
    client.batch_execute("INSERT INTO t VALUES (1); SELECT pg_stat_force_next_flush()").unwrap();
    client.batch_execute("UPDATE paliad_backup.backups SET started_at = now() - interval '1 minute'").unwrap();
    tick(&mut client).unwrap().backup.expect("t has changed");
    let mut both = [first, second];
    both.sort();
    assert_eq!(column(&mut client, &format!("{removed} ORDER BY id")), both);
}

#[test]
fn failures_back_off() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let role = format!("{}_poor", database.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; CREATE TABLE t (n int); ALTER TABLE t OWNER TO {role}; REVOKE ALL ON t FROM {role};
             UPDATE paliad_backup.settings SET interval_hours = 1, enabled = true, formats = '{{csv}}'"
        ))
        .unwrap();
    let waits =
        "SELECT round(extract(epoch FROM backs_off_until - now()) / 60)::text FROM paliad_backup.schedule_status()
                 WHERE job ~ 'tick' AND next_run >= backs_off_until";
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        let error = tick(&mut client).expect_err("its owner may not read it");
        assert_eq!(sqlstate(&error), "42501");
        assert_eq!(column(&mut client, waits), [minutes.to_string()]);
        let waiting = tick(&mut client).unwrap();
        assert!(waiting.action == "none" && waiting.reason.contains("failed"), "{waiting:?}");
        // Later.
        client
            .batch_execute(
                "UPDATE paliad_backup.backups SET started_at = started_at - interval '61 minutes',
                        finished_at = finished_at - interval '61 minutes'",
            )
            .unwrap();
    }
    client.batch_execute(&format!("GRANT SELECT ON t TO {role}")).unwrap();
    assert_eq!(tick(&mut client).unwrap().action, "backup");
    let waits = "SELECT job FROM paliad_backup.schedule_status() WHERE backs_off_until IS NOT NULL";
    assert_eq!(column(&mut client, waits), Vec::<String>::new());
    client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

#[test]
fn an_active_run_is_no_error() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (n int); UPDATE paliad_backup.settings SET interval_hours = 1").unwrap();
    let mut gate = Gate::close(&database, 1);
    let active = {
        let mut client = database.connect();
        std::thread::spawn(move || run(&mut client).map(|backup| backup.id).unwrap())
    };
    gate.wait_for_run();
    let ticked = tick(&mut client).unwrap();
    assert!(ticked.action == "none" && ticked.reason.contains("runs in process"), "{ticked:?}");
    gate.open();
    let id = active.join().unwrap();
    wait_for("the run has ended", || tick(&mut client).unwrap().reason.contains(&id));
}
