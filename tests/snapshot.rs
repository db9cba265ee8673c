//! One snapshot: what commits during a run is absent from every sheet, and no sheet is silently empty or another's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::runs::{Backup, Gate, pid, run, run_with, wait_until_blocked};
use crate::support::{Cluster, Database, sqlstate, wait_for};
use postgres::Client;

/// S1, with the moment of the commit under control: between two tables of the run.
#[test]
fn s1_commits_between_tables_are_absent() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    other
        .batch_execute(
            "CREATE TABLE written (n int);
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, position)
                 VALUES ('public', 'first', 1), ('public', 'last', 3)",
        )
        .unwrap();
    let mut gate = Gate::close(&database, 2);
    for begin in [
        "",
        "BEGIN; INSERT INTO written VALUES (1)",
        "BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO written VALUES (1)",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
    ] {
        other
            .batch_execute(
                "DROP TABLE IF EXISTS first, last;
                 CREATE TABLE first (id int PRIMARY KEY, v text); INSERT INTO first VALUES (1, 'a'), (2, 'b');
                 CREATE TABLE last (id int PRIMARY KEY, v text); INSERT INTO last VALUES (1, 'a'), (2, 'b')",
            )
            .unwrap();
        let mut caller = database.connect();
        caller.batch_execute(begin).unwrap();
        let backup = thread::scope(|scope| {
            let run = scope.spawn(|| run_with(&mut caller, "formats => '{csv}'").unwrap());
            gate.wait_for_run();
            other
                .batch_execute(
                    "BEGIN; UPDATE first SET v = 'late'; DELETE FROM first WHERE id = 2; INSERT INTO first VALUES (3, 'late');
                     UPDATE last SET v = 'late'; DELETE FROM last WHERE id = 2; INSERT INTO last VALUES (3, 'late'); COMMIT",
                )
                .unwrap();
            gate.open();
            run.join().unwrap()
        });
        gate.close_again();
        assert_eq!(backup.csv("first"), ["1,a", "2,b"], "{begin}");
        assert_eq!(backup.csv("last"), ["1,a", "2,b"], "{begin}");
    }
}

/// Rows of each of the two tables of [`s1_sums_hold_under_concurrent_transfers`]: a scan then lasts for hundreds of transfers.
const ACCOUNTS: u64 = 150_000;
const BALANCE: u64 = 1_000;

/// S1 under load: the caller has written before in its READ COMMITTED transaction, which is where a query that takes a snapshot
/// of its own would see the transfers committed meanwhile.
#[test]
fn s1_sums_hold_under_concurrent_transfers() {
    let database = Cluster::shared().database();
    let mut caller = database.connect();
    // The sheets between the tables say when each scan began and ended.
    caller
        .batch_execute(&format!(
            "CREATE TABLE giro (id int PRIMARY KEY, balance bigint NOT NULL, owner text NOT NULL) WITH (fillfactor = 80);
             CREATE TABLE savings (LIKE giro INCLUDING ALL) WITH (fillfactor = 80);
             INSERT INTO giro SELECT i, {BALANCE}, repeat('giro ', 20) FROM generate_series(1, {ACCOUNTS}) AS i;
             INSERT INTO savings SELECT i, {BALANCE}, repeat('savings ', 20) FROM generate_series(1, {ACCOUNTS}) AS i;
             CREATE TABLE written (n int);
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, position)
                 VALUES ('public', 'giro', 2), ('public', 'savings', 4);
             INSERT INTO paliad_backup.sheets (query, run_as, sheet_name, position)
                 SELECT 'SELECT extract(epoch FROM clock_timestamp()) AS at', 'postgres', 'clock' || n, n FROM unnest('{{1, 3, 5}}'::int[]) AS n"
        ))
        .unwrap();
    let stop = AtomicBool::new(false);
    let (backup, commits) = thread::scope(|scope| {
        let (database, stop) = (&database, &stop);
        let writers: Vec<_> =
            (0..4).map(|seed| scope.spawn(move || transfer(database.connect(), seed, stop))).collect();
        let moved = "SELECT FROM giro WHERE balance < $1 LIMIT 1";
        wait_for("transfers go on", || !caller.query(moved, &[&(BALANCE as i64)]).unwrap().is_empty());
        caller.batch_execute("BEGIN; INSERT INTO written VALUES (1)").unwrap();
        let backup = run_with(&mut caller, "'on_demand'");
        stop.store(true, Ordering::Relaxed);
        let commits: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        (backup.unwrap(), commits)
    });
    let clock: Vec<f64> = [1, 3, 5].map(|n| backup.csv(&format!("clock{n}"))[0].parse().unwrap()).to_vec();
    for (sheet, scan) in ["giro", "savings"].iter().zip(clock.windows(2)) {
        let inside = commits.iter().filter(|(begin, end)| *begin > scan[0] && *end < scan[1]).count();
        assert!(inside >= 100, "{inside} commits fell into the scan of {sheet}: too few to show anything");
    }
    let (giro, savings) = (balances(&backup, "giro"), balances(&backup, "savings"));
    assert_ne!(giro, ACCOUNTS * BALANCE, "transfers were committed before the run");
    assert_eq!(giro + savings, 2 * ACCOUNTS * BALANCE);
}

/// Transfers until told to stop; returns when each transfer began and when its commit was confirmed, in seconds since 1970.
fn transfer(mut client: Client, seed: u64, stop: &AtomicBool) -> Vec<(f64, f64)> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let mut transfers = Vec::new();
    let mut random = seed;
    let mut account = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % ACCOUNTS + 1
    };
    while !stop.load(Ordering::Relaxed) {
        let begin = now();
        let sql = format!(
            "BEGIN; UPDATE giro SET balance = balance - 1 WHERE id = {};
             UPDATE savings SET balance = balance + 1 WHERE id = {}; COMMIT",
            account(),
            account()
        );
        client.batch_execute(&sql).unwrap();
        transfers.push((begin, now()));
    }
    transfers
}

fn balances(backup: &Backup, sheet: &str) -> u64 {
    let rows = backup.csv(sheet);
    assert_eq!(rows.len() as u64, ACCOUNTS);
    rows.iter().map(|row| row.split(',').nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

const APPLICATION: &str = "
    DROP SCHEMA IF EXISTS app, attic CASCADE;
    CREATE SCHEMA app;
    CREATE SCHEMA attic;
    CREATE TABLE app.plain (id int PRIMARY KEY, v text);
    INSERT INTO app.plain VALUES (1, 'a'), (2, 'b');
    CREATE TABLE app.other (id int PRIMARY KEY, v text);
    INSERT INTO app.other VALUES (1, 'other');
    CREATE TABLE app.parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE app.part1 PARTITION OF app.parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE app.part2 PARTITION OF app.parts FOR VALUES FROM (10) TO (20);
    INSERT INTO app.parts VALUES (1, 'one'), (11, 'two');
    CREATE TABLE app.loose (id int PRIMARY KEY, v text);
    INSERT INTO app.loose VALUES (21, 'three')";

/// Makes the application anew; then a run whose snapshot is older than `ddl`, which another session commits before the locks.
fn run_after(database: &Database<'_>, ddl: &str) -> Result<Backup, postgres::Error> {
    let mut other = database.connect();
    other.batch_execute(APPLICATION).unwrap();
    let mut caller = database.connect();
    caller.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    for statement in ddl.split(';') {
        other.batch_execute(statement).unwrap();
    }
    run(&mut caller)
}

/// S2
#[test]
fn s2_tables_changed_after_the_snapshot_are_refused() {
    let database = Cluster::shared().database();
    for ddl in [
        "TRUNCATE app.plain",
        "VACUUM FULL app.plain",
        "CLUSTER app.plain USING plain_pkey",
        "ALTER TABLE app.plain ALTER v TYPE varchar(9)",
        "DROP TABLE app.plain",
        "DROP TABLE app.plain; CREATE TABLE app.plain (id int PRIMARY KEY, v text)",
        "ALTER TABLE app.plain RENAME TO old; ALTER TABLE app.other RENAME TO plain",
        "CREATE TABLE app.new (LIKE app.plain); ALTER TABLE app.plain RENAME TO old; ALTER TABLE app.new RENAME TO plain",
        "ALTER TABLE app.plain SET SCHEMA attic",
        "ALTER SCHEMA app RENAME TO old; CREATE SCHEMA app; ALTER TABLE old.plain SET SCHEMA app",
        "TRUNCATE app.part1",
        "DROP TABLE app.part1",
        "ALTER TABLE app.parts ATTACH PARTITION app.loose FOR VALUES FROM (20) TO (30)",
        "ALTER TABLE app.parts DETACH PARTITION app.part1",
        "ALTER TABLE app.parts DETACH PARTITION app.part1 CONCURRENTLY",
    ] {
        let error = run_after(&database, ddl).err().unwrap_or_else(|| panic!("{ddl}: not refused"));
        assert_eq!(sqlstate(&error), "40001", "{ddl}: {error}");
        assert_eq!(error.as_db_error().unwrap().hint(), Some("Run it again."), "{ddl}");
        let last = database.connect().query_one("SELECT * FROM paliad_backup.list(1)", &[]).unwrap();
        assert_eq!((last.get("status"), last.get("error_code")), ("failed", Some("40001")), "{ddl}");
        database.connect().batch_execute("DROP SCHEMA IF EXISTS old CASCADE").unwrap();
    }
}

/// S2
#[test]
fn s2_harmless_changes_after_the_snapshot_are_no_error() {
    let database = Cluster::shared().database();
    for (ddl, header) in [
        ("GRANT SELECT ON app.plain TO PUBLIC", "id,v"),
        ("UPDATE app.plain SET v = 'late'; CREATE INDEX ON app.plain (v); ANALYZE app.plain", "id,v"),
        ("DELETE FROM app.plain; VACUUM app.plain", "id,v"),
        ("ALTER TABLE app.plain RENAME v TO w", "id,w"),
        ("ALTER TABLE app.plain ADD u text; ALTER TABLE app.plain DROP u; COMMENT ON TABLE app.plain IS 'x'", "id,v"),
        ("ALTER TABLE app.plain DROP CONSTRAINT plain_pkey; ALTER TABLE app.plain ADD PRIMARY KEY (v)", "id,v"),
    ] {
        let late = format!("INSERT INTO app.plain VALUES (3, 'c'); INSERT INTO app.parts VALUES (2, 'late'); {ddl}");
        let backup = run_after(&database, &late).unwrap_or_else(|error| panic!("{ddl}: {error}"));
        assert_eq!(backup.file("csv/plain.csv"), format!("{header}\n1,a\n2,b\n"), "{ddl}");
        assert_eq!(backup.csv("parts"), ["1,one", "11,two"], "{ddl}");
        assert_eq!(backup.csv("loose"), ["21,three"], "{ddl}");
    }
}

/// S2 for tables that are read through a view or a query without being sheets themselves.
#[test]
fn s2_tables_below_views_and_queries_are_compared_too() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    other.batch_execute("CREATE SCHEMA app; UPDATE paliad_backup.settings SET schemas = '{app}'").unwrap();
    for (sheet, source) in [
        ("(relation_schema, relation_name) VALUES ('app', 'seen')", "hidden.plain"),
        ("(query, run_as, sheet_name) VALUES ('SELECT * FROM hidden.parts', 'postgres', 'seen')", "hidden.part1"),
    ] {
        for (ddl, refused) in [("TRUNCATE", true), ("VACUUM FULL", true), ("ANALYZE", false), ("DELETE FROM", false)] {
            other.batch_execute(APPLICATION).unwrap();
            other
                .batch_execute(&format!(
                    "DROP SCHEMA IF EXISTS hidden CASCADE; ALTER SCHEMA app RENAME TO hidden; CREATE SCHEMA app;
                     CREATE VIEW app.seen AS SELECT * FROM hidden.plain;
                     DELETE FROM paliad_backup.sheets; INSERT INTO paliad_backup.sheets {sheet}"
                ))
                .unwrap();
            let mut caller = database.connect();
            caller.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
            other.batch_execute(&format!("{ddl} {source}")).unwrap();
            match run(&mut caller) {
                Ok(backup) => assert!(!refused && backup.csv("seen").len() == 2, "{ddl} {source}"),
                Err(error) => assert!(refused && sqlstate(&error) == "40001", "{ddl} {source}: {error}"),
            }
        }
    }
}

/// S2 as it happens: the run waits for the lock of a session that then commits its TRUNCATE, or rolls it back.
#[test]
fn s2_a_truncate_that_the_run_waits_for() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    for end in ["COMMIT", "ROLLBACK"] {
        other.batch_execute(APPLICATION).unwrap();
        let mut caller = database.connect();
        let caller_pid = pid(&mut caller);
        other.batch_execute("BEGIN; TRUNCATE app.plain").unwrap();
        let outcome = thread::scope(|scope| {
            let run = scope.spawn(|| run(&mut caller));
            wait_until_blocked(&mut database.connect(), caller_pid);
            other.batch_execute(end).unwrap();
            run.join().unwrap()
        });
        match (end, outcome) {
            ("COMMIT", Err(error)) => assert_eq!(sqlstate(&error), "40001", "{error}"),
            ("ROLLBACK", Ok(backup)) => assert_eq!(backup.csv("plain"), ["1,a", "2,b"]),
            (end, outcome) => panic!("{end}: {:?}", outcome.map(|backup| backup.id)),
        }
    }
}

/// S2: once the run has its locks, such commands wait for it.
#[test]
fn s2_truncate_waits_for_a_run_under_way() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    other.batch_execute(APPLICATION).unwrap();
    let mut gate = Gate::close(&database, 1);
    let mut caller = database.connect();
    let backup = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut caller));
        gate.wait_for_run();
        let other_pid = pid(&mut other);
        let truncate = scope.spawn(move || other.batch_execute("TRUNCATE app.plain, app.parts"));
        wait_until_blocked(&mut database.connect(), other_pid);
        gate.open();
        truncate.join().unwrap().unwrap();
        run.join().unwrap()
    });
    let backup = backup.unwrap();
    assert_eq!(backup.csv("plain"), ["1,a", "2,b"]);
    assert_eq!(backup.csv("parts"), ["1,one", "11,two"]);
}

/// S10
#[test]
fn s10_uncommitted_writes_of_the_caller_are_included_and_said() {
    let database = Cluster::shared().database();
    let mut caller = database.connect();
    caller.batch_execute(APPLICATION).unwrap();
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        caller
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL {level};
                 INSERT INTO app.plain VALUES (3, 'mine'); DELETE FROM app.plain WHERE id = 1;
                 TRUNCATE app.loose; DROP TABLE app.other; ALTER TABLE app.parts DETACH PARTITION app.part1;
                 CREATE TABLE app.new (id int PRIMARY KEY); INSERT INTO app.new VALUES (7)"
            ))
            .unwrap();
        let backup = run(&mut caller).unwrap_or_else(|error| panic!("{level}: {error}"));
        caller.batch_execute("ROLLBACK").unwrap();
        assert_eq!(backup.csv("plain"), ["2,b", "3,mine"], "{level}");
        assert_eq!(
            (backup.csv("parts"), backup.csv("part1")),
            (vec!["11,two".into()], vec!["1,one".into()]),
            "{level}"
        );
        assert_eq!(backup.csv("new"), ["7"], "{level}");
        let manifest = backup.manifest();
        let rows: Vec<_> = manifest.sheets.iter().map(|sheet| (sheet.name.as_str(), sheet.row_count)).collect();
        assert_eq!(rows, [("loose", 0), ("new", 1), ("part1", 1), ("parts", 1), ("plain", 2)], "{level}");
        assert!(manifest.run.includes_uncommitted, "{level}");
        assert_eq!(backup.warnings[0]["code"], "includes_uncommitted", "{level}");
    }
    let backup = run(&mut caller).unwrap();
    assert_eq!(backup.csv("plain"), ["1,a", "2,b"]);
    assert!(!backup.manifest().run.includes_uncommitted);
    assert_eq!(backup.warnings, serde_json::json!([]));
}

/// S2 behind the locks: ATTACH needs none that a reader's stands in the way of.
#[test]
fn s2_a_partition_attached_below_a_view_during_the_run_is_noticed() {
    let database = Cluster::shared().database();
    let mut other = database.connect();
    other
        .batch_execute(
            "CREATE SCHEMA hidden; CREATE TABLE hidden.p (id int) PARTITION BY LIST (id);
             CREATE TABLE hidden.p1 PARTITION OF hidden.p FOR VALUES IN (1); INSERT INTO hidden.p VALUES (1);
             CREATE TABLE hidden.p2 (id int); INSERT INTO hidden.p2 VALUES (2);
             CREATE VIEW seen AS SELECT * FROM hidden.p;
             UPDATE paliad_backup.settings SET schemas = '{public}';
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'seen')",
        )
        .unwrap();
    let mut gate = Gate::close(&database, 1);
    let error = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        other.batch_execute("ALTER TABLE hidden.p ATTACH PARTITION hidden.p2 FOR VALUES IN (2)").unwrap();
        gate.open();
        run.join().unwrap().err().expect("the view shows another row than the snapshot")
    });
    assert_eq!(sqlstate(&error), "40001");
}

/// The root shows the rows of such a partition no more, and nobody else does: it is a table of its own, as for pg_dump.
#[test]
fn d3_a_partition_whose_detach_is_pending_is_exported_by_itself() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id);
             CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
             INSERT INTO p VALUES (1), (2)",
        )
        .unwrap();
    let mut reader = database.connect();
    reader.batch_execute("BEGIN; SELECT count(*) FROM p").unwrap();
    client.batch_execute("SET statement_timeout = '300ms'").unwrap();
    let detached = client.batch_execute("ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY").unwrap_err();
    assert_eq!(sqlstate(&detached), "57014");
    reader.batch_execute("COMMIT").unwrap();
    client.batch_execute("RESET statement_timeout").unwrap();
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    assert_eq!(client.query_one(pending, &[]).unwrap().get::<_, i64>(0), 1);
    let backup = run(&mut client).unwrap();
    assert_eq!((backup.csv("p"), backup.csv("p2")), (vec!["1".to_owned()], vec!["2".to_owned()]));
}

/// S1 ends where a function takes snapshots of its own: that is said.
#[test]
fn s1_volatile_functions_in_views_are_warned_of() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION stable_one() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
             CREATE FUNCTION volatile_one() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
             CREATE VIEW calm AS SELECT stable_one(), clock_timestamp()::text AS at; CREATE VIEW wild AS SELECT volatile_one();
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'calm'), ('public', 'wild')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let warned: Vec<_> = backup.manifest().warnings.into_iter().map(|warning| (warning.code, warning.sheet)).collect();
    assert_eq!(warned, [("volatile_function".to_owned(), Some("wild".to_owned()))]);
}
