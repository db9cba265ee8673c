//! A run's memory depends on neither the number of rows nor that of tables (S15).

#[path = "support/runs.rs"]
mod runs;
mod support;

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use postgres::Client;
use runs::{Backup, pid, run};
use support::{Cluster, checked, repository};

/// What the peaks of two runs may differ by. The larger one reads ten times as much, some 60 MB.
const TOLERANCE_KIB: u64 = 10 << 10;

/// The private memory of a process in KiB, as proc_pid_status(5) tells it.
fn private_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Makes a backup; returns it with the peak of the backend's private memory meanwhile, in KiB.
fn run_measured(client: &mut Client) -> (Backup, u64) {
    let pid = pid(client);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = private_memory(pid).max(peak);
                thread::sleep(Duration::from_millis(3));
            }
            peak
        });
        let backup = run(client);
        ended.store(true, Ordering::Relaxed);
        (backup.expect("the run succeeds"), sampler.join().unwrap())
    })
}

fn unzips(backup: &Backup) {
    checked(Command::new("unzip").arg("-tq").arg(backup.path()));
}

/// Sorted runs as well as those by an index: without a key, the server sorts within work_mem.
#[test]
fn ten_times_the_rows_need_no_more_memory() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    for key in ["PRIMARY KEY", ""] {
        let peaks = [30_000, 300_000].map(|rows| {
            postgres.batch_execute("DROP TABLE IF EXISTS rows").unwrap();
            let mut client = database.connect();
            run(&mut client).expect("the first run loads the library and fills the caches");
            let table = format!(
                "CREATE TABLE rows (n int {key}, a text, b text, at timestamptz DEFAULT now());
                 INSERT INTO rows SELECT n, repeat(md5(n::text), 3), repeat(md5((-n)::text), 3) FROM generate_series(1, {rows}) n"
            );
            postgres.batch_execute(&table).unwrap();
            let (backup, peak) = run_measured(&mut client);
            assert_eq!(backup.manifest().sheets.iter().map(|sheet| sheet.row_count).max(), Some(rows));
            unzips(&backup);
            peak
        });
        println!("{key:?}: {peaks:?} KiB");
        assert!(peaks[1] < peaks[0] + TOLERANCE_KIB, "{key:?}: the peaks are {peaks:?} KiB");
    }
}

/// S15: with few files allowed to the server, and with the same memory when the session does it again.
#[test]
fn s15_a_thousand_tables_are_exported() {
    // Started again under `ulimit -n 256`, which every process of the server inherits; each keeps nearly as many files open.
    let cluster = Cluster::own(&[]);
    cluster.stop("fast");
    let mut start = Command::new("bash");
    start.args(["-c", "ulimit -n 256 && exec \"$0\" start \"$1\""]).arg(repository("scripts/cluster.sh"));
    checked(start.arg(cluster.dir().file_name().unwrap()));
    let database = cluster.database();
    let mut client = database.connect();
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid(&mut client))).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(limit.split_whitespace().nth(3), Some("256"));
    // One transaction a table: CREATE TABLE keeps its locks.
    let tables = "CREATE PROCEDURE tables() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..1000 LOOP \
                  EXECUTE format('CREATE TABLE t%s AS SELECT g AS n, %s AS t FROM generate_series(1, 3) g', i, i); \
                  COMMIT; END LOOP; END $$";
    client.batch_execute(tables).unwrap();
    client.batch_execute("CALL tables()").unwrap();
    let (first, peak) = run_measured(&mut client);
    let manifest = first.manifest();
    assert_eq!(manifest.sheets.len(), 1000);
    assert!(manifest.sheets.iter().all(|sheet| sheet.row_count == 3));
    unzips(&first);

    let (_, again) = run_measured(&mut client);
    println!("{peak} KiB, then {again} KiB");
    assert!(again < peak + TOLERANCE_KIB, "the peaks are {peak} KiB, then {again} KiB");
}

/// S15: the server's limit of columns.
#[test]
fn s15_a_table_of_1600_columns_is_exported() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let columns: Vec<_> = (1..=1600).map(|n| format!("c{n}")).collect();
    let table = format!("CREATE TABLE wide ({} int)", columns.join(" int, "));
    client.batch_execute(&table).unwrap();
    let values: Vec<_> = (1..=1600).map(|n| n.to_string()).collect();
    client.batch_execute(&format!("INSERT INTO wide VALUES ({})", values.join(", "))).unwrap();
    let backup = run(&mut client).unwrap();
    assert_eq!(backup.manifest().sheets.len(), 1);
    let sheet = backup.manifest().sheets[0].name.clone();
    assert_eq!(backup.csv(&sheet), [values.join(",")]);
    let header = backup.file(&format!("csv/{sheet}.csv"));
    assert_eq!(header.lines().next().unwrap(), columns.join(","));
    unzips(&backup);
}
