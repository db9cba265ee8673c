//! A run's memory does not depend on the number of rows (S15).

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use postgres::Client;

use crate::runs::{Backup, pid, run, run_with};
use crate::support::Cluster;
use crate::unzips;

/// What the peaks of two runs over the same kind of rows may differ by.
pub const TOLERANCE_KIB: usize = 10 << 10;

/// The private memory of a process in KiB, as proc_pid_status(5) tells it.
fn private_memory(pid: i32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Does `work` in the client's backend; returns its result with the peak of the backend's private memory meanwhile, in KiB.
pub fn measured<R>(client: &mut Client, work: impl FnOnce(&mut Client) -> R) -> (R, usize) {
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
        let result = work(client);
        ended.store(true, Ordering::Relaxed);
        (result, sampler.join().unwrap())
    })
}

/// Makes a backup; returns it with the peak of the backend's private memory meanwhile, in KiB.
pub fn run_measured(client: &mut Client) -> (Backup, usize) {
    let (backup, peak) = measured(client, run);
    (backup.expect("the run succeeds"), peak)
}

/// Sorted runs as well as those by an index: without a key, the server sorts within work_mem. The larger run reads some 60 MB.
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

/// A bundle's rows are read, compared with the table's and handed out within work_mem.
#[test]
fn looking_at_ten_times_the_rows_needs_no_more_memory() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    for look in ["diff($, 'rows')", "read_sheet_as(NULL::rows, $, 'rows')"] {
        let peaks = [30_000, 300_000].map(|rows| {
            let table = format!(
                "DROP TABLE IF EXISTS rows; CREATE TABLE rows (n int PRIMARY KEY, a text, b text);
                 INSERT INTO rows SELECT n, repeat(md5(n::text), 3), repeat(md5((-n)::text), 3) FROM generate_series(1, {rows}) n"
            );
            postgres.batch_execute(&table).unwrap();
            let backup = run_with(&mut postgres, "formats => '{csv}'").unwrap();
            postgres.batch_execute("UPDATE rows SET a = 'x'").unwrap();
            let call = look.replace('$', &format!("'{}'", backup.id));
            let sql = format!("SET work_mem = '1MB'; SELECT count(*) FROM paliad_backup.{call}");
            let (_, peak) = measured(&mut database.connect(), |client| client.batch_execute(&sql).unwrap());
            peak
        });
        println!("{look}: {peaks:?} KiB");
        assert!(peaks[1] < peaks[0] + TOLERANCE_KIB, "{look}: the peaks are {peaks:?} KiB");
    }
}
