//! Locks: what a run waits for, what waits for a run, and what is refused at once.

use std::thread;
use std::time::{Duration, Instant};

use crate::runs::{Gate, pid, run, wait_until_blocked};
use crate::support::{Cluster, Database, sqlstate, wait_for};
use postgres::Client;

const TABLES: &str = "
    CREATE TABLE one (id int PRIMARY KEY);
    CREATE TABLE two (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE two_part PARTITION OF two FOR VALUES FROM (0) TO (10);
    CREATE TABLE three (id int PRIMARY KEY)";

/// The newest catalog row: status, SQLSTATE, error.
fn newest(client: &mut Client) -> (String, Option<String>, Option<String>) {
    let row = client.query_one("SELECT status, error_code, error FROM paliad_backup.list(1)", &[]).unwrap();
    (row.get(0), row.get(1), row.get(2))
}

fn count(client: &mut Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM paliad_backup.{table}"), &[]).unwrap().get(0)
}

/// S3
#[test]
fn s3_a_locked_table_is_waited_for_until_lock_timeout() {
    let database = Cluster::shared().database();
    let (mut caller, mut other) = (database.connect(), database.connect());
    other.batch_execute(TABLES).unwrap();
    caller.batch_execute("SET lock_timeout = '300ms'").unwrap();
    for (table, named) in [("one", "table public.one"), ("two", "table public.two"), ("two_part", "table public.two")] {
        other.batch_execute(&format!("BEGIN; LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")).unwrap();
        let begin = Instant::now();
        let error = run(&mut caller).err().expect("the table is locked");
        let waited = begin.elapsed();
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(sqlstate(&error), "55P03", "{error}");
        let error = error.as_db_error().unwrap();
        assert!(error.message().contains(named), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("pg_locks")), "{error:?}");
        assert!(waited > Duration::from_millis(300) && waited < Duration::from_secs(10), "{waited:?}");
        let (status, code, stored) = newest(&mut caller);
        assert_eq!((status.as_str(), code.as_deref()), ("failed", Some("55P03")));
        assert_eq!(stored.unwrap(), format!("generate: {}", error.message()));
    }
    run(&mut caller).expect("the tables are free");
}

/// S3: without a timeout the run goes on when the lock is given back; a weaker lock doesn't hold it up.
#[test]
fn s3_the_run_goes_on_when_the_lock_is_given_back() {
    let database = Cluster::shared().database();
    let (mut caller, mut other) = (database.connect(), database.connect());
    other.batch_execute(TABLES).unwrap();
    other.batch_execute("BEGIN; LOCK TABLE one IN EXCLUSIVE MODE; LOCK TABLE three IN ACCESS EXCLUSIVE MODE").unwrap();
    let caller_pid = pid(&mut caller);
    thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut caller));
        wait_until_blocked(&mut database.connect(), caller_pid);
        other.batch_execute("COMMIT").unwrap();
        run.join().unwrap().expect("the lock was given back");
    });
}

/// S4: a run that waits for a table holds those that were made before it, partitions included, and none made after it.
#[test]
fn s4_locks_are_taken_before_the_first_scan_in_the_order_of_creation() {
    let database = Cluster::shared().database();
    let (mut caller, mut other) = (database.connect(), database.connect());
    other.batch_execute(TABLES).unwrap();
    let caller_pid = pid(&mut caller);
    let order = ["one", "two", "two_part", "three"];
    for (index, table) in order.iter().enumerate() {
        other.batch_execute(&format!("BEGIN; LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")).unwrap();
        let held = thread::scope(|scope| {
            let run = scope.spawn(|| run(&mut caller));
            wait_until_blocked(&mut other, caller_pid);
            let held = locks_held(&mut other, caller_pid);
            let phase = other.query_one("SELECT phase, rows_done FROM paliad_backup.progress", &[]).unwrap();
            assert_eq!((phase.get(0), phase.get(1)), ("plan", 0i64));
            other.batch_execute("ROLLBACK").unwrap();
            run.join().unwrap().expect("the lock was given back");
            held
        });
        assert_eq!(held, order[..index], "while {table} is locked");
    }
    let mut gate = Gate::close(&database, 1);
    thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut caller));
        gate.wait_for_run();
        assert_eq!(locks_held(&mut other, caller_pid), order, "during the first scan");
        gate.open();
        run.join().unwrap().unwrap();
    });
}

/// The application's tables that a process has locked, in the order of their creation.
fn locks_held(observer: &mut Client, pid: i32) -> Vec<String> {
    let sql = "SELECT c.relname::text FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation \
               WHERE l.pid = $1 AND l.granted AND l.mode = 'AccessShareLock' AND c.relkind IN ('r', 'p') \
               AND c.relnamespace = 'public'::regnamespace ORDER BY c.oid";
    observer.query(sql, &[&pid]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// S4
#[test]
fn s4_a_deadlock_with_ddl_is_passed_on() {
    let database = Cluster::shared().database();
    let (mut caller, mut other) = (database.connect(), database.connect());
    other.batch_execute(TABLES).unwrap();
    // The run is to be the one that finds the deadlock.
    other.batch_execute("SET deadlock_timeout = '10min'; BEGIN; LOCK TABLE three IN ACCESS EXCLUSIVE MODE").unwrap();
    caller.batch_execute("BEGIN; SELECT FROM one").unwrap();
    let other_pid = pid(&mut other);
    let mut observer = database.connect();
    thread::scope(|scope| {
        let ddl = scope.spawn(move || other.batch_execute("DROP TABLE one"));
        wait_until_blocked(&mut observer, other_pid);
        let error = run(&mut caller).err().expect("a deadlock");
        assert_eq!(sqlstate(&error), "40P01", "{error}");
        caller.batch_execute("ROLLBACK").unwrap();
        ddl.join().unwrap().expect("the way is free");
    });
    let (status, code, _) = newest(&mut observer);
    assert_eq!((status.as_str(), code.as_deref()), ("failed", Some("40P01")));
}

/// S5
#[test]
fn s5_a_second_run_is_refused_naming_the_active_one() {
    let database = Cluster::shared().database();
    let (mut caller, mut second) = (database.connect(), database.connect());
    let mut gate = Gate::close(&database, 1);
    let caller_pid = pid(&mut caller);
    let first = thread::scope(|scope| {
        let first = scope.spawn(|| run(&mut caller));
        gate.wait_for_run();
        let id: String =
            second.query_one("SELECT id::text FROM paliad_backup.list() WHERE status = 'running'", &[]).unwrap().get(0);
        for call in ["SELECT paliad_backup.run('on_demand')", "SELECT paliad_backup.reconcile()"] {
            let begin = Instant::now();
            let error = second.batch_execute(call).expect_err("a run is active");
            assert!(begin.elapsed() < Duration::from_secs(5), "{call} waited");
            assert_eq!(sqlstate(&error), "55006", "{call}: {error}");
            let detail = error.as_db_error().unwrap().detail().unwrap_or_default();
            assert!(detail.contains(&id) && detail.contains(&caller_pid.to_string()), "{call}: {detail}");
        }
        assert_eq!(count(&mut second, "backups"), 1, "a refused run leaves no row");
        assert_eq!(count(&mut second, "system_audit_log"), 1);
        gate.open();
        first.join().unwrap()
    });
    assert_eq!(first.unwrap().status, "done");
    run(&mut second).expect("no run is active any more");
}

/// S5 is about one database: runs of two databases go on side by side.
#[test]
fn s5_another_database_is_no_obstacle() {
    let (database, neighbour) = (Cluster::shared().database(), Cluster::shared().database());
    let mut gate = Gate::close(&database, 1);
    let mut caller = database.connect();
    thread::scope(|scope| {
        let first = scope.spawn(|| run(&mut caller));
        gate.wait_for_run();
        run(&mut neighbour.connect()).expect("a run in another database");
        gate.open();
        first.join().unwrap().unwrap();
    });
}

/// S11: the recorder would wait for its own caller; the server can't see that deadlock.
#[test]
fn s11_a_caller_who_has_locked_the_catalog_gets_an_error() {
    let database = Cluster::shared().database();
    let mut caller = database.connect();
    for table in ["backups", "system_audit_log", "run_progress", "settings"] {
        caller.batch_execute(&format!("BEGIN; LOCK TABLE paliad_backup.{table} IN ACCESS EXCLUSIVE MODE")).unwrap();
        let begin = Instant::now();
        let error = run(&mut caller).err().expect("the recorder can't do its work");
        assert_eq!(sqlstate(&error), "55P03", "{table}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(15), "{table}: {:?}", begin.elapsed());
        caller.batch_execute("ROLLBACK").unwrap();
        no_run_is_left(&database);
    }
    run(&mut caller).expect("the catalog is free");
}

/// A row whose failure could not be recorded at once is settled by the next reconcile().
fn no_run_is_left(database: &Database<'_>) {
    let mut client = database.connect();
    wait_for("the recorder has gone", || client.batch_execute("SELECT paliad_backup.reconcile()").is_ok());
    let running: i64 =
        client.query_one("SELECT count(*) FROM paliad_backup.backups WHERE status = 'running'", &[]).unwrap().get(0);
    assert_eq!(running, 0);
}
