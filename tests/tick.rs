//! auto_backup_tick(), called directly: what is a change, and what is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::runs;
use crate::runs::{Gate, run};
use crate::support::{Cluster, Database, column, kill_9, sqlstate};
use postgres::Client;

/// What a tick returned.
#[derive(Debug)]
pub struct Ticked {
    pub action: String,
    pub reason: String,
    pub backup: Option<String>,
}

pub fn tick(client: &mut Client) -> Result<Ticked, postgres::Error> {
    let row = client.query_one("SELECT action, reason, backup_id::text FROM paliad_backup.auto_backup_tick()", &[])?;
    Ok(Ticked { action: row.get(0), reason: row.get(1), backup: row.get(2) })
}

/// A database that is backed up after changes, with one table and its backup.
fn watched<'a>(cluster: &'a Cluster, sql: &str) -> (Database<'a>, Client) {
    let database = cluster.database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1);
             UPDATE paliad_backup.settings SET auto_on_change = true, change_poll = '1 second', change_debounce = '0'",
        )
        .unwrap();
    client.batch_execute(sql).unwrap();
    report(&mut client);
    backs_up(&mut client, "there is none yet");
    rests(&mut client, "it was just made");
    (database, client)
}

/// Has the session report what it has counted; it does so by itself within seconds.
fn report(client: &mut Client) {
    client.batch_execute("SELECT pg_stat_force_next_flush()").unwrap();
    client.batch_execute("SELECT 1").unwrap();
}

/// The next look, however soon after the last one.
fn look(client: &mut Client) -> Ticked {
    client.batch_execute("UPDATE paliad_backup.change_watch SET looked_at = looked_at - interval '1 minute'").unwrap();
    tick(client).unwrap()
}

/// What was done makes a backup, and only one.
fn backs_up(client: &mut Client, why: &str) -> String {
    let ticked = look(client);
    assert_eq!(ticked.action, "backup", "{why}: {ticked:?}");
    let id = ticked.backup.expect("its id");
    let sql = "SELECT concat_ws(' ', status, kind, trigger, requested_by_email) FROM paliad_backup.backups WHERE id::text = $1";
    let row: String = client.query_one(sql, &[&id]).unwrap().get(0);
    assert_eq!(row, "done scheduled change system@paliad");
    let again = look(client);
    assert_eq!((again.action.as_str(), again.backup), ("none", None), "{why}: {}", again.reason);
    id
}

/// What was done makes none.
fn rests(client: &mut Client, why: &str) -> String {
    let ticked = look(client);
    assert_eq!((ticked.action.as_str(), ticked.backup), ("none", None), "{why}: {}", ticked.reason);
    ticked.reason
}

fn backups(client: &mut Client) -> i64 {
    client.query_one("SELECT count(*) FROM paliad_backup.backups", &[]).unwrap().get(0)
}

/// No backup while it writes, one after the debounce, none when nothing has changed.
#[test]
fn a_tick_beside_a_writer_waits_until_it_is_quiet() {
    let (database, mut client) = watched(Cluster::shared(), "UPDATE paliad_backup.settings SET change_debounce = '0'");
    client.batch_execute("UPDATE paliad_backup.settings SET change_debounce = '4 seconds'").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (mut client, stop) = (database.connect(), stop.clone());
        std::thread::spawn(move || {
            let mut id = 1000;
            while !stop.load(Ordering::Relaxed) {
                client.execute("INSERT INTO t VALUES ($1, 0)", &[&id]).unwrap();
                id += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            id - 1000
        })
    };
    let begin = Instant::now();
    let mut waited = 0;
    while begin.elapsed() < Duration::from_secs(9) {
        std::thread::sleep(Duration::from_millis(1000));
        let ticked = tick(&mut client).unwrap();
        assert_eq!(ticked.action, "none", "{ticked:?}");
        waited += usize::from(ticked.reason.contains("nothing else does"));
    }
    assert!(waited > 3, "it has seen the writer {waited} times");
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    let end = Instant::now();
    let backup = loop {
        std::thread::sleep(Duration::from_millis(1000));
        assert!(end.elapsed() < Duration::from_secs(30), "no backup in 30 s");
        if let Some(backup) = tick(&mut client).unwrap().backup {
            break backup;
        }
    };
    assert!(end.elapsed() > Duration::from_secs(3), "it waited for the debounce");
    let rows: i64 = client
        .query_one("SELECT (row_counts ->> 't')::bigint FROM paliad_backup.backups WHERE id::text = $1", &[&backup])
        .unwrap()
        .get(0);
    assert_eq!(rows, 1 + i64::from(written));
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(1000));
        assert_eq!(tick(&mut client).unwrap().action, "none");
    }
}

#[test]
fn whatever_changes_the_contents_makes_a_backup() {
    let (database, mut client) = watched(
        Cluster::shared(),
        "CREATE TABLE p (n int) PARTITION BY LIST (n); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
         CREATE TABLE loose (n int); INSERT INTO loose VALUES (2); CREATE SEQUENCE s; CREATE TABLE leaves (n int);
         CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.read (n int); CREATE TABLE elsewhere.p3 PARTITION OF p FOR VALUES IN (3)",
    );
    for change in [
        "INSERT INTO t VALUES (2, 2)",
        "UPDATE t SET n = 3 WHERE id = 1",
        "DELETE FROM t WHERE id = 2",
        "COPY t FROM PROGRAM 'echo 7,7' WITH (FORMAT csv)",
        "TRUNCATE t",
        "ALTER TABLE t ADD COLUMN added int DEFAULT 5",
        "ALTER TABLE t RENAME COLUMN added TO renamed",
        "INSERT INTO p VALUES (1)",
        "INSERT INTO elsewhere.p3 VALUES (3)",
        "ALTER TABLE p ATTACH PARTITION loose FOR VALUES IN (2)",
        "ALTER TABLE p DETACH PARTITION p1",
        "SELECT nextval('s')",
        "DROP TABLE leaves",
        "CREATE TABLE comes (n int)",
        "INSERT INTO paliad_backup.sheets (sheet_name, query, run_as) VALUES ('q', 'SELECT n FROM elsewhere.read', 'postgres'); UPDATE paliad_backup.settings SET schemas = '{public}'",
        // Only the query reads it.
        "INSERT INTO elsewhere.read VALUES (1)",
        "SELECT pg_stat_reset(); INSERT INTO t VALUES (8, 8, 8)",
        "SELECT pg_stat_reset_single_table_counters('t'::regclass); INSERT INTO t VALUES (9, 9, 9)",
    ] {
        for statement in change.split("; ") {
            client.batch_execute(statement).unwrap();
        }
        report(&mut client);
        backs_up(&mut client, change);
    }
    drop(database);
}

/// One operation again after the counters were reset: they are what they were.
#[test]
fn counters_that_are_equal_again_hide_nothing() {
    let (_database, mut client) = watched(Cluster::shared(), "");
    for id in [2, 3] {
        client.batch_execute("SELECT pg_stat_reset()").unwrap();
        client.execute("INSERT INTO t VALUES ($1, 0)", &[&id]).unwrap();
        report(&mut client);
        backs_up(&mut client, "the same number of rows were inserted");
        let counted =
            "SELECT concat_ws(' ', n_tup_ins, n_tup_upd, n_tup_del) FROM pg_stat_user_tables WHERE relname = 't'";
        assert_eq!(column(&mut client, counted), ["1 0 0"]);
    }
}

/// Committed after the snapshot of the backup that is being made: not in it, and not taken for being in it.
#[test]
fn what_changes_during_the_run_is_seen_by_the_next_look() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, n int);
             UPDATE paliad_backup.settings SET auto_on_change = true, change_poll = '1 second', change_debounce = '0'",
        )
        .unwrap();
    report(&mut client);
    let mut gate = Gate::close(&database, 1);
    let first = {
        let mut client = database.connect();
        std::thread::spawn(move || tick(&mut client).unwrap())
    };
    gate.wait_for_run();
    client.batch_execute("INSERT INTO t VALUES (1, 1)").unwrap();
    report(&mut client);
    gate.open();
    let rows = |client: &mut Client, id: &str| {
        let sql = "SELECT (row_counts ->> 't')::int FROM paliad_backup.backups WHERE id::text = $1";
        client.query_one(sql, &[&id]).unwrap().get::<_, i32>(0)
    };
    let first = first.join().unwrap().backup.expect("there was none");
    assert_eq!(rows(&mut client, &first), 0);
    let second = backs_up(&mut client, "a row was inserted after the snapshot");
    assert_eq!(rows(&mut client, &second), 1);
}

#[test]
fn what_leaves_the_contents_as_they_are_makes_none() {
    let (_database, mut client) = watched(
        Cluster::shared(),
        "CREATE TABLE paliadin_turns (n int); CREATE TABLE other (n int); CREATE TABLE wide (n int);
         INSERT INTO paliad_backup.exclusions (relation_name, reason) VALUES ('other', 'test')",
    );
    for (change, reason) in [
        ("UPDATE t SET n = n", "contents are those of backup"),
        ("INSERT INTO t VALUES (5, 5); DELETE FROM t WHERE id = 5", "contents are those of backup"),
        ("VACUUM FULL t", "contents are those of backup"),
        ("SELECT pg_stat_reset()", "contents are those of backup"),
        ("CREATE INDEX ON t (n)", ""),
        ("VACUUM ANALYZE t", ""),
        ("INSERT INTO paliadin_turns VALUES (1)", "nothing has changed"),
        ("INSERT INTO other VALUES (1)", "nothing has changed"),
        ("CREATE TEMPORARY TABLE mine (n int); INSERT INTO mine VALUES (1)", "nothing has changed"),
        ("SELECT count(*) FROM t", "nothing has changed"),
    ] {
        for statement in change.split("; ") {
            client.batch_execute(statement).unwrap();
        }
        report(&mut client);
        let told = rests(&mut client, change);
        assert!(told.contains(reason), "{change}: {told}");
        rests(&mut client, change);
    }
    // A backup by somebody else has the change.
    client.batch_execute("INSERT INTO t VALUES (6, 6)").unwrap();
    report(&mut client);
    let id = run(&mut client).unwrap().id;
    assert!(rests(&mut client, "it is backed up").contains(&id));
    // And where that is gone, the change is not backed up.
    client.batch_execute(&format!("SELECT paliad_backup.delete('{id}')")).unwrap();
    backs_up(&mut client, "the backup was deleted");
}

/// Each backup writes to it.
#[test]
fn the_applications_audit_log_is_no_change() {
    let (_database, mut client) = watched(
        Cluster::shared(),
        "CREATE TABLE audit (LIKE paliad_backup.system_audit_log INCLUDING ALL);
         UPDATE paliad_backup.settings SET audit_table = 'public.audit'",
    );
    let rows: i64 = client.query_one("SELECT count(*) FROM audit", &[]).unwrap().get(0);
    assert!(rows > 0);
    report(&mut client);
    assert!(rests(&mut client, "its own audit row").contains("nothing has changed"));
    client.batch_execute("INSERT INTO t VALUES (2, 2)").unwrap();
    report(&mut client);
    backs_up(&mut client, "t has changed");
    report(&mut client);
    rests(&mut client, "its own audit row");
}

/// After a crash the counters begin at zero, twice, so that they are equal.
#[test]
fn a_crash_hides_no_change() {
    let cluster = Cluster::own(&[]);
    let (database, _client) = watched(&cluster, "");
    for id in [2, 3] {
        kill_9(runs::pid(&mut database.connect()));
        cluster.wait_until_ready();
        let mut client = database.connect();
        client.execute("INSERT INTO t VALUES ($1, 0)", &[&id]).unwrap();
        report(&mut client);
        backs_up(&mut client, "a row was inserted after the crash");
    }
    // And a restart loses nothing.
    cluster.stop("fast");
    cluster.start();
    let mut client = database.connect();
    rests(&mut client, "the server was restarted");
    client.batch_execute("INSERT INTO t VALUES (4, 4)").unwrap();
    report(&mut client);
    backs_up(&mut client, "a row was inserted after the restart");
}

/// A comparison that fails leaves no row in the catalog, and backs off all the same; what is polled survives the error.
#[test]
fn a_comparison_that_fails_backs_off() {
    let (database, mut client) = watched(Cluster::shared(), "");
    let role = format!("{}_poor", database.name());
    let before = backups(&mut client);
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; CREATE TABLE u (n int); ALTER TABLE u OWNER TO {role}; REVOKE ALL ON u FROM {role}"
        ))
        .unwrap();
    client.batch_execute("UPDATE paliad_backup.change_watch SET looked_at = looked_at - interval '1 minute'").unwrap();
    assert_eq!(sqlstate(&tick(&mut client).unwrap_err()), "42501");
    let waiting = tick(&mut client).unwrap();
    assert!(waiting.reason.contains("could not be compared"), "{waiting:?}");
    assert_eq!(backups(&mut client), before);
    client.batch_execute(&format!("GRANT SELECT ON u TO {role}")).unwrap();
    client.batch_execute("UPDATE paliad_backup.change_watch SET looked_at = looked_at - interval '2 minutes'").unwrap();
    assert_eq!(tick(&mut client).unwrap().action, "backup");
    client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

/// A look leaves the row of progress, and the caller's transaction, as they are; READ ONLY and rolled back it is kept.
#[test]
fn a_look_is_kept_whatever_becomes_of_the_transaction() {
    let (_database, mut client) = watched(Cluster::shared(), "");
    let progress = "SELECT to_jsonb(p)::text FROM paliad_backup.progress p";
    let before = column(&mut client, progress);
    client.batch_execute("UPDATE t SET n = n").unwrap();
    report(&mut client);
    client.batch_execute("UPDATE paliad_backup.change_watch SET looked_at = looked_at - interval '1 minute'").unwrap();
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let ticked = tick(&mut client).unwrap();
    assert!(ticked.reason.contains("contents are those"), "{ticked:?}");
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(column(&mut client, progress), before);
    assert!(tick(&mut client).unwrap().reason.contains("less than change_poll ago"));
    assert!(rests(&mut client, "it was settled").contains("nothing has changed"));
}

/// Another session's open transaction must not hold the tick up: what can be read is read, else the next look comes to it.
#[test]
fn a_locked_sequence_lets_no_tick_wait() {
    let (database, mut client) = watched(Cluster::shared(), "CREATE SEQUENCE s; SELECT nextval('s')");
    client.batch_execute("SET statement_timeout = '10s'").unwrap();
    let mut other = database.connect();
    other.batch_execute("BEGIN; ALTER SEQUENCE s MAXVALUE 1000").unwrap();
    assert!(rests(&mut client, "an ALTER that is not committed").contains("nothing has changed"));
    other.batch_execute("ROLLBACK; BEGIN; ALTER SEQUENCE s RENAME TO r").unwrap();
    assert!(rests(&mut client, "nobody may read it").contains("public.s is locked"));
    other.batch_execute("COMMIT; SELECT nextval('r')").unwrap();
    backs_up(&mut client, "it has another name and value");
}

/// A comparison takes as long as a backup: a run that is due meanwhile is made, and what it has is not backed up again.
#[test]
fn a_comparison_keeps_no_run_from_being_made() {
    let (database, mut client) = watched(Cluster::shared(), "");
    client.batch_execute("INSERT INTO t VALUES (2, 2)").unwrap();
    report(&mut client);
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").unwrap();
    let mut sessions = [database.connect(), database.connect()];
    let processes = sessions.each_mut().map(runs::pid);
    let [mut comparing, mut running] = sessions;
    let comparing = std::thread::spawn(move || look(&mut comparing));
    runs::wait_until_blocked(&mut client, processes[0]);
    let running = std::thread::spawn(move || runs::run_with(&mut running, "'scheduled', formats => '{csv}'"));
    runs::wait_until_blocked(&mut client, processes[1]);
    holder.batch_execute("COMMIT").unwrap();
    let made = running.join().unwrap().expect("the comparison does not stand in its way");
    let ticked = comparing.join().unwrap();
    assert_eq!(made.status, "done");
    assert!(ticked.action == "none" && ticked.reason.contains(&made.id), "{ticked:?}");
    rests(&mut client, "the run has it");
}

/// The recorder writes what a look has seen, in a session with settings of its own.
#[test]
fn any_style_of_dates_will_do() {
    let (_database, mut client) = watched(Cluster::shared(), "");
    for (id, style) in ["German", "SQL, DMY", "Postgres, MDY"].into_iter().enumerate() {
        client.batch_execute(&format!("SET DateStyle = '{style}'; SET TimeZone = 'Asia/Kolkata'")).unwrap();
        client.batch_execute(&format!("INSERT INTO t VALUES ({id} + 100, 0)")).unwrap();
        report(&mut client);
        backs_up(&mut client, style);
        let seen =
            "SELECT (looked_at BETWEEN now() - interval '10 minutes' AND now())::text FROM paliad_backup.change_watch";
        assert_eq!(column(&mut client, seen), ["true"], "{style}");
    }
}

/// What a clock that ran ahead has left behind: no look, and no quiet, for as long as that.
#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let (_database, mut client) = watched(Cluster::shared(), "");
    let ahead = |client: &mut Client, column: &str| {
        client
            .batch_execute(&format!("UPDATE paliad_backup.change_watch SET {column} = now() + interval '1 year'"))
            .unwrap();
    };
    client
        .batch_execute("UPDATE paliad_backup.settings SET change_debounce = '1 hour'; INSERT INTO t VALUES (2, 2)")
        .unwrap();
    report(&mut client);
    ahead(&mut client, "looked_at");
    let waits = tick(&mut client).unwrap();
    assert!(waits.reason.contains("nothing else does for 3600 s"), "{waits:?}");
    ahead(&mut client, "looked_at");
    ahead(&mut client, "changed_at");
    let waits = tick(&mut client).unwrap();
    assert!(waits.reason.contains("nothing else does for 3600 s"), "{waits:?}");
    client.batch_execute("UPDATE paliad_backup.settings SET change_debounce = '0'").unwrap();
    backs_up(&mut client, "it is quiet since the clock was set back");
}

/// Sequences that a backup has though they are in another schema, and a position that is set twice without being used.
#[test]
fn whatever_moves_a_sequence_or_a_type_makes_a_backup() {
    let (_database, mut client) = watched(
        Cluster::shared(),
        "CREATE SCHEMA elsewhere; CREATE SEQUENCE elsewhere.s; CREATE SEQUENCE unused;
         CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b int);
         CREATE TABLE u (n bigint DEFAULT nextval('elsewhere.s'), m mood, p pair); INSERT INTO u VALUES (0, 'sad', (1, 2));
         UPDATE paliad_backup.settings SET schemas = '{public}'",
    );
    for change in [
        "SELECT nextval('elsewhere.s')",
        "SELECT setval('unused', 5, false)",
        "SELECT setval('unused', 6, false)",
        "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'",
        "ALTER TYPE pair ADD ATTRIBUTE c int",
    ] {
        client.batch_execute(change).unwrap();
        report(&mut client);
        backs_up(&mut client, change);
    }
}
