//! Many tables.

use std::fs;
use std::process::Command;

use crate::memory::{TOLERANCE_KIB, run_measured};
use crate::runs::pid;
use crate::support::{Cluster, checked, repository};
use crate::unzips;

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
