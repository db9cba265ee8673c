//! The recorder: rows that outlive the caller's transaction, servers that give it no place, progress for other sessions.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::runs::{Gate, pid, run, run_with};
use crate::support::{Cluster, Database, sqlstate, wait_for};
use crate::{runs, support};
use postgres::Client;

/// S9
#[test]
fn s9_bundle_catalog_and_audit_rows_stay_after_rollback() {
    let database = Cluster::shared().database();
    let mut caller = database.connect();
    caller.batch_execute("CREATE TABLE plain (id int PRIMARY KEY); INSERT INTO plain VALUES (1)").unwrap();
    for begin in [
        "BEGIN; INSERT INTO plain VALUES (2)",
        "BEGIN READ ONLY",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
        "BEGIN; SAVEPOINT inner_one",
    ] {
        caller.batch_execute(&format!("{begin}; SELECT count(*) FROM paliad_backup.backups")).unwrap();
        let backup = run(&mut caller).unwrap_or_else(|error| panic!("{begin}: {error}"));
        assert_eq!(backup.status, "done", "{begin}: the caller sees its row, whatever its snapshot");
        caller.batch_execute("ROLLBACK").unwrap();
        let row = caller
            .query_one(
                "SELECT b.status, a.event_type, a.metadata ->> 'catalog_id', a.metadata ? 'completed_at' \
                 FROM paliad_backup.backups AS b JOIN paliad_backup.system_audit_log AS a ON a.id = b.audit_id \
                 WHERE b.id::text = $1",
                &[&backup.id],
            )
            .unwrap_or_else(|error| panic!("{begin}: {error}"));
        let stored: (&str, &str, &str, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(stored, ("done", "backup_created", backup.id.as_str(), true), "{begin}");
        assert_eq!(backup.manifest().run.id, backup.id, "{begin}");
    }
    assert_eq!(caller.query("SELECT FROM plain", &[]).unwrap().len(), 1);
}

/// A caller who catches the error of a run can go on, and run again, in the same transaction.
#[test]
fn a_failed_run_that_is_caught_leaves_the_session_whole() {
    let database = Cluster::shared().database();
    let (mut caller, mut other) = (database.connect(), database.connect());
    other.batch_execute("CREATE TABLE plain (id int)").unwrap();
    other.batch_execute("BEGIN; LOCK TABLE plain IN ACCESS EXCLUSIVE MODE").unwrap();
    caller
        .batch_execute(
            "BEGIN; SET LOCAL lock_timeout = '100ms';
             DO $$ BEGIN PERFORM paliad_backup.run('on_demand'); EXCEPTION WHEN lock_not_available THEN NULL; END $$",
        )
        .unwrap();
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(run(&mut caller).unwrap().status, "done");
    caller.batch_execute("COMMIT").unwrap();
    assert_eq!(statuses(&mut other), ["done", "failed"]);
}

fn statuses(client: &mut Client) -> Vec<String> {
    let rows = client.query("SELECT status FROM paliad_backup.list()", &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a run leaves behind: catalog rows, audit rows, artifacts.
fn left_behind(database: &Database<'_>) -> (i64, i64, usize) {
    let sql =
        "SELECT (SELECT count(*) FROM paliad_backup.backups), (SELECT count(*) FROM paliad_backup.system_audit_log)";
    let row = database.connect().query_one(sql, &[]).unwrap();
    let folders = std::fs::read_dir(database.directory()).into_iter().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let artifacts = files.filter(|file| file.as_ref().unwrap().file_name() != "paliad_backup.marker").count();
    (row.get(0), row.get(1), artifacts)
}

/// S12
#[test]
fn s12_a_standby_refuses_with_a_hint() {
    let primary = Cluster::own(&[]);
    let database = primary.database();
    run(&mut database.connect()).expect("the primary makes backups");
    let standby = primary.standby();
    let mut client = standby.connect(database.name(), "postgres");
    wait_for("the standby has replayed the catalog", || {
        !client.query("SELECT FROM paliad_backup.list() WHERE status = 'done'", &[]).unwrap().is_empty()
    });
    let error = run(&mut client).err().expect("a standby");
    assert_eq!(sqlstate(&error), "25006", "{error}");
    assert_eq!(error.as_db_error().unwrap().hint(), Some("Run it on the primary server."));
    // A worker would never start there: no call waits for one.
    let id: String = client.query_one("SELECT id::text FROM paliad_backup.latest()", &[]).unwrap().get(0);
    client.batch_execute("SET statement_timeout = '5s'").unwrap();
    let calls = [
        "download($, 'a@example.org')",
        "pin($)",
        "delete($)",
        "reconcile()",
        "import_bundle('x')",
        "rebuild_catalog()",
    ];
    for call in calls.map(|call| call.replace('$', &format!("'{id}'"))) {
        let error = client.batch_execute(&format!("SELECT paliad_backup.{call}")).unwrap_err();
        assert_eq!(sqlstate(&error), "25006", "{call}: {error}");
    }
    run(&mut database.connect()).expect("the primary still makes backups");
}

/// S13: the only slot is another database's, then the worker dies at its start; nothing is half-done, and the next run works.
#[test]
fn s13_without_a_worker_a_run_is_refused_with_a_hint() {
    let cluster = Cluster::own(&[
        "shared_preload_libraries = ''",
        "max_logical_replication_workers = 0",
        "max_worker_processes = 1",
    ]);
    let (busy, database) = (cluster.database(), cluster.database());
    let mut gate = Gate::close(&busy, 1);
    let (mut holder, mut caller) = (busy.connect(), database.connect());
    thread::scope(|scope| {
        let held = scope.spawn(|| run(&mut holder));
        gate.wait_for_run();
        let error = run(&mut caller).err().expect("no slot is free");
        assert_eq!(sqlstate(&error), "53400", "{error}");
        let hint = error.as_db_error().unwrap().hint().unwrap_or_default();
        assert!(hint.contains("max_worker_processes"), "{hint}");
        assert_eq!(left_behind(&database), (0, 0, 0));
        gate.open();
        held.join().unwrap().unwrap();
    });
    drop((gate, holder));

    // Only the worker looks for the library there: a function's path begins with $libdir.
    set_library_path(&mut caller, "'/nowhere'");
    let begin = Instant::now();
    let mut outcome = run(&mut caller);
    // The slot is free when the postmaster has seen the other recorder end.
    wait_for("a worker can be started", || {
        if outcome.as_ref().is_err_and(|error| sqlstate(error) == "53400") {
            outcome = run(&mut caller);
        }
        outcome.as_ref().is_err_and(|error| sqlstate(error) != "53400")
    });
    let error = outcome.err().expect("the worker can't be loaded");
    assert_eq!(sqlstate(&error), "58000", "{error}");
    assert_eq!(error.as_db_error().unwrap().hint(), Some("The server's log says why."));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(left_behind(&database), (0, 0, 0));

    set_library_path(&mut caller, "DEFAULT");
    wait_for("the slot is free", || run(&mut caller).is_ok());
    assert_eq!(left_behind(&database), (1, 1, 1));
}

/// For all processes that the postmaster starts from now on: it takes in its configuration before it tells its children.
fn set_library_path(client: &mut Client, value: &str) {
    let before: String = client.query_one("SHOW dynamic_library_path", &[]).unwrap().get(0);
    client.batch_execute(&format!("ALTER SYSTEM SET dynamic_library_path = {value}")).unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    wait_for("the configuration is taken in", || {
        client.query_one("SHOW dynamic_library_path", &[]).unwrap().get::<_, String>(0) != before
    });
}

/// S13: settings of the database that the recorder inherits neither stop nor hang it.
#[test]
fn s13_database_settings_do_not_stop_the_recorder() {
    let database = Cluster::shared().database();
    let mut server = Cluster::shared().connect("postgres", "postgres");
    for setting in [
        "SET default_transaction_read_only = on",
        "SET default_transaction_isolation = 'serializable'",
        "SET role = 'pg_monitor'",
        "SET session_preload_libraries = 'does_not_exist'",
        "SET statement_timeout = '1ms'",
        "SET search_path = 'nowhere'",
        "SET DateStyle = 'German'",
        "SET standard_conforming_strings = off",
        "CONNECTION LIMIT 0",
        "ALLOW_CONNECTIONS false",
    ] {
        // The caller's own session is older than the setting: the recorder alone has it.
        let mut caller = database.connect();
        server.batch_execute(&format!("ALTER DATABASE {} {setting}", database.name())).unwrap();
        let backup = run(&mut caller);
        let undo = match setting.split_once(" = ") {
            Some((set, _)) => set.replace("SET", "RESET"),
            None => "CONNECTION LIMIT -1 ALLOW_CONNECTIONS true".into(),
        };
        server.batch_execute(&format!("ALTER DATABASE {} {undo}", database.name())).unwrap();
        assert_eq!(backup.unwrap_or_else(|error| panic!("{setting}: {error}")).status, "done");
    }
}

/// S13: a session of such a database works as well.
#[test]
fn s13_a_read_only_database_can_be_backed_up() {
    let database = Cluster::shared().database();
    let alter = format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name());
    database.connect().batch_execute(&alter).unwrap();
    assert_eq!(run(&mut database.connect()).unwrap().status, "done");
}

/// S13: no lock that an ordinary user can take holds up a run; it takes no advisory lock at all.
#[test]
fn s13_advisory_locks_of_others_do_not_block() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    other
        .batch_execute(
            "SET ROLE pg_monitor;
             SELECT pg_advisory_lock(d.oid::bigint), pg_advisory_lock(e.oid::bigint), pg_advisory_lock(d.oid::int, e.oid::int),
                    pg_advisory_lock(3079, e.oid::int), pg_advisory_lock(0, 0)
             FROM pg_database AS d, pg_extension AS e WHERE d.datname = current_database()",
        )
        .unwrap();
    let mut gate = Gate::close(&database, 1);
    let mut caller = database.connect();
    let caller_pid = pid(&mut caller);
    thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut caller));
        gate.wait_for_run();
        let taken: i64 = other
            .query_one(
                "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database \
                 WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted \
                 AND (l.pid = $1 OR l.pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'paliad_backup recorder'))",
                &[&caller_pid],
            )
            .unwrap()
            .get(0);
        assert_eq!(taken, 0);
        gate.open();
        run.join().unwrap().unwrap();
    });
}

/// S14
#[test]
fn s14_a_database_without_tables_and_a_table_without_rows_give_valid_bundles() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let backup = run(&mut client).unwrap();
    assert!(backup.manifest().sheets.is_empty());
    let readme = backup.file("README.txt");
    assert!(readme.contains("\nTables:          0\n") && readme.contains("\nRows:            0\n"), "{readme}");
    assert_eq!(workbook_sheets(&backup), 1, "the contents sheet alone");

    client.batch_execute("CREATE TABLE empty (id int PRIMARY KEY, v text)").unwrap();
    let backup = run(&mut client).unwrap();
    let manifest = backup.manifest();
    assert_eq!(manifest.sheets.iter().map(|sheet| (&*sheet.name, sheet.row_count)).collect::<Vec<_>>(), [("empty", 0)]);
    assert_eq!(backup.file("csv/empty.csv"), "id,v\n");
    let json: Vec<serde_json::Value> = serde_json::from_str(&backup.file("json/empty.json")).unwrap();
    assert!(json.is_empty());
    assert!(backup.file("README.txt").contains("\nTables:          1\n"));
    assert_eq!(workbook_sheets(&backup), 2);
}

/// The number of sheets that openpyxl finds; it refuses a workbook without any.
fn workbook_sheets(backup: &runs::Backup) -> usize {
    let code = "import io, sys, zipfile, openpyxl\n\
                book = zipfile.ZipFile(sys.argv[1]).read('paliad-backup.xlsx')\n\
                print(len(openpyxl.load_workbook(io.BytesIO(book)).sheetnames))";
    let output = support::checked(support::python().args(["-c", code]).arg(backup.path()));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// The view `progress`, from another session, while twelve slow sheets follow a table of 1,000 rows.
#[test]
fn progress_is_shown_to_other_sessions_about_once_a_second() {
    let database = Cluster::shared().database();
    let mut observer = database.connect();
    observer
        .batch_execute(
            "CREATE TABLE quick (id int PRIMARY KEY); INSERT INTO quick SELECT generate_series(1, 1000); ANALYZE quick;
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, position) VALUES ('public', 'quick', 0);
             INSERT INTO paliad_backup.sheets (query, run_as, sheet_name, position)
                 SELECT 'SELECT pg_sleep(0.4)::text AS slept', 'postgres', 'slow' || n, n FROM generate_series(1, 12) AS n",
        )
        .unwrap();
    let progress = "SELECT in_progress, operation, phase, sheet, sheets_done, sheets_total, rows_done, rows_total, bytes_done, \
                    bytes_total, percent::float8, extract(epoch FROM updated_at)::float8, pid, backup_id::text, \
                    started_at <= updated_at, error FROM paliad_backup.progress";
    let before = observer.query_one(progress, &[]).unwrap();
    assert!(!before.get::<_, bool>(0) && before.get::<_, Option<String>>(1).is_none(), "nothing has run yet");

    let mut caller = database.connect();
    let caller_pid = pid(&mut caller);
    let (backup, seen) = thread::scope(|scope| {
        let run = scope.spawn(|| run_with(&mut caller, "formats => '{csv}'"));
        // Keyed by the time of the update, in microseconds.
        let mut seen = BTreeMap::new();
        while !run.is_finished() {
            let row = observer.query_one(progress, &[]).unwrap();
            if row.get(0) && row.get::<_, i32>(4) > 0 && row.get::<_, &str>(2) == "scan" {
                seen.insert((row.get::<_, f64>(11) * 1e6) as u64, row);
            }
            thread::sleep(Duration::from_millis(50));
        }
        (run.join().unwrap().unwrap(), seen)
    });

    let times: Vec<u64> = seen.keys().copied().collect();
    assert!(times.len() >= 3, "{} updates in twelve times 0.4 s", times.len());
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] > 900_000), "more than one a second: {times:?}");
    let mut done_before = 0;
    for row in seen.values() {
        assert_eq!((row.get(1), row.get(5)), ("backup", 13));
        let (sheets, rows, estimate): (i32, i64, i64) = (row.get(4), row.get(6), row.get(7));
        assert!(sheets > done_before && sheets <= 13, "{sheets} sheets after {done_before}");
        assert!((0..=1).contains(&(rows - 999 - i64::from(sheets))) && estimate == 1000, "{rows} rows of {estimate}");
        assert_eq!(row.get::<_, &str>(3), format!("slow{sheets}"));
        let (bytes, size): (i64, i64) = (row.get(8), row.get(9));
        assert!((2_893..50_000).contains(&bytes) && size >= 32_768, "{bytes} bytes of {size}");
        assert_eq!(row.get::<_, f64>(10), 99.9, "the file is not complete");
        assert_eq!((row.get(12), row.get(13)), (caller_pid, backup.id.as_str()));
        assert!(row.get::<_, bool>(14) && row.get::<_, Option<&str>>(15).is_none());
        done_before = sheets;
    }
    let after = observer.query_one(progress, &[]).unwrap();
    assert!(!after.get::<_, bool>(0));
    assert_eq!((after.get(2), after.get(4), after.get(6)), ("done", 13, 1012i64));
    assert_eq!(after.get::<_, f64>(10), 100.0);
}

/// DROP DATABASE waits until every process of the server has closed its files: also one that waits itself.
#[test]
fn a_run_that_waits_does_not_hold_up_who_drops_another_database() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let mut gate = Gate::close(&database, 1);
    let dropped = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        let mut postgres = Cluster::shared().connect("postgres", "postgres");
        let other = format!("{}_other", database.name());
        postgres.batch_execute(&format!("CREATE DATABASE {other}")).unwrap();
        postgres.batch_execute("SET statement_timeout = '10s'").unwrap();
        let dropped = postgres.batch_execute(&format!("DROP DATABASE {other}"));
        gate.open();
        run.join().unwrap().unwrap();
        dropped
    });
    dropped.unwrap();
}
