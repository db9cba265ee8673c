//! estimate(): what a run would export and take, before it is made.

use crate::runs::{run, run_with};
use crate::security::refused;
use crate::support::{Cluster, Database};
use postgres::Client;

/// A row of estimate().
#[derive(Debug, Clone)]
struct Sheet {
    name: Option<String>,
    relation: Option<String>,
    rows: Option<i64>,
    table_bytes: i64,
    bytes: i64,
    seconds: f64,
    free: Option<i64>,
    fits: Option<bool>,
    basis: Option<String>,
}

/// The sheets, and the total.
fn estimate(client: &mut Client, arguments: &str) -> (Vec<Sheet>, Sheet) {
    let sql = format!(
        "SELECT sheet, relation, estimated_rows, table_bytes, expected_bytes, expected_seconds::float8, free_bytes, fits, basis \
         FROM paliad_backup.estimate({arguments})"
    );
    let rows = client.query(&sql, &[]).unwrap_or_else(|error| panic!("{error:?}"));
    let sheet = |row: &postgres::Row| Sheet {
        name: row.get(0),
        relation: row.get(1),
        rows: row.get(2),
        table_bytes: row.get(3),
        bytes: row.get(4),
        seconds: row.get(5),
        free: row.get(6),
        fits: row.get(7),
        basis: row.get(8),
    };
    let mut sheets: Vec<Sheet> = rows.iter().map(sheet).collect();
    let total = sheets.pop().expect("there is a total");
    assert!(total.name.is_none() && sheets.iter().all(|sheet| sheet.name.is_some() && sheet.basis.is_none()));
    let sum = |figure: fn(&Sheet) -> i64| sheets.iter().map(figure).sum::<i64>();
    assert_eq!((total.bytes, total.table_bytes), (sum(|sheet| sheet.bytes), sum(|sheet| sheet.table_bytes)));
    assert_eq!(total.rows, Some(sum(|sheet| sheet.rows.unwrap_or(0))));
    assert!((total.seconds - sheets.iter().map(|sheet| sheet.seconds).sum::<f64>()).abs() < 0.001 * rows.len() as f64);
    (sheets, total)
}

fn demo() -> Database<'static> {
    let database = Cluster::shared().database();
    database.load("tests/demo/load.sql");
    database.load("tests/demo/register.sql");
    database.connect().batch_execute("ANALYZE").unwrap();
    database
}

fn real_size(client: &mut Client, id: &str) -> i64 {
    let sql = "SELECT size_bytes FROM paliad_backup.backups WHERE id::text = $1";
    client.query_one(sql, &[&id]).unwrap().get(0)
}

#[test]
fn the_plan_says_the_sheets_and_the_last_run_their_size() {
    let database = demo();
    let mut client = database.connect();
    let (before, guess) = estimate(&mut client, "");
    assert!(guess.basis.unwrap().starts_with("no earlier backup"));
    assert!(!database.directory().exists(), "nothing is made");
    let backup = run(&mut client).unwrap();
    let size = real_size(&mut client, &backup.id);
    eprintln!("guessed {} of {size} bytes in {:.1} s", guess.bytes, guess.seconds);
    assert!(guess.bytes > size / 4 && guess.bytes < size * 4, "usual figures: {} of {size}", guess.bytes);

    let (sheets, total) = estimate(&mut client, "");
    let manifest = backup.manifest();
    let names: Vec<&str> = manifest.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    assert_eq!(sheets.iter().map(|sheet| sheet.name.as_deref().unwrap()).collect::<Vec<_>>(), names);
    assert_eq!(before.len(), names.len());
    for (sheet, made) in sheets.iter().zip(&manifest.sheets) {
        let relation = made.relation.as_ref().map(|relation| format!("{}.{}", relation.schema, relation.table));
        assert_eq!((&sheet.relation, sheet.rows), (&relation, Some(made.row_count as i64)), "{:?}", sheet.name);
    }
    // The same data once more.
    assert!((total.bytes - size).abs() <= size / 100, "{} of {size}", total.bytes);
    let seconds = "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM paliad_backup.latest()";
    let seconds: f64 = client.query_one(seconds, &[]).unwrap().get(0);
    assert!((total.seconds - seconds).abs() < 0.02 * seconds + 0.05, "{} of {seconds} s", total.seconds);
    assert_eq!((total.fits, total.basis.as_deref()), (Some(true), Some("from the last backup in these formats")));
    assert!(total.free.unwrap() > 0);
    // Other formats, and a part of the sheets.
    assert!(estimate(&mut client, "formats => '{csv}'").1.basis.unwrap().starts_with("no earlier"));
    let (references, part) = estimate(&mut client, "'config'");
    assert!(references.iter().all(|sheet| sheet.name.as_ref().unwrap().starts_with("ref__")));
    assert!(part.bytes < total.bytes && part.bytes > 0 && part.basis.unwrap().starts_with("from the last"));
}

#[test]
fn growth_is_followed_table_by_table() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE grows (id int PRIMARY KEY, t text); CREATE TABLE stays (id int PRIMARY KEY, t text); \
             INSERT INTO grows SELECT i, md5(i::text) FROM generate_series(1, 10000) AS i; \
             INSERT INTO stays SELECT i, md5(i::text) FROM generate_series(1, 5000) AS i; ANALYZE",
        )
        .unwrap();
    run_with(&mut client, "formats => '{csv,json}'").unwrap();
    client
        .batch_execute("INSERT INTO grows SELECT i, md5(i::text) FROM generate_series(10001, 40000) AS i; ANALYZE")
        .unwrap();
    let (sheets, total) = estimate(&mut client, "formats => '{json,csv}'");
    assert_eq!(sheets.iter().map(|sheet| sheet.rows.unwrap()).collect::<Vec<_>>(), [40_000, 5_000]);
    let backup = run_with(&mut client, "formats => '{csv,json}'").unwrap();
    let size = real_size(&mut client, &backup.id);
    assert!((total.bytes - size).abs() < size / 10, "{} of {size}", total.bytes);
    // A failed, a damaged and an imported one say nothing.
    client.batch_execute("UPDATE paliad_backup.backups SET verified_at = now(), verify_ok = false").unwrap();
    assert!(estimate(&mut client, "formats => '{json,csv}'").1.basis.unwrap().starts_with("no earlier"));
}

/// Not a row is read, no lock is kept, nothing is written; and a table whose rows nobody has counted is said to be so.
#[test]
fn nothing_is_read_kept_or_written() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int); ALTER TABLE t SET (autovacuum_enabled = off); INSERT INTO t SELECT generate_series(1, 1000); \
             CREATE VIEW v AS SELECT 1 / 0 AS broken FROM t; \
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'v')",
        )
        .unwrap();
    let scans = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname = 't'";
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let (sheets, _) = estimate(&mut client, "");
    assert_eq!(sheets.iter().map(|sheet| sheet.rows).collect::<Vec<_>>(), [None, None]);
    assert_eq!(client.query_one(scans, &[]).unwrap().get::<_, i64>(0), 0);
    let locks = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 't'::regclass";
    assert_eq!(client.query_one(locks, &[]).unwrap().get::<_, i64>(0), 0);
    client.batch_execute("COMMIT").unwrap();
    let written =
        "SELECT (SELECT count(*) FROM paliad_backup.backups) + (SELECT count(*) FROM paliad_backup.system_audit_log)";
    assert_eq!(client.query_one(written, &[]).unwrap().get::<_, i64>(0), 0);
}

#[test]
fn without_a_directory_only_the_room_is_not_known_and_bad_arguments_are_refused() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t AS SELECT 1 AS n; SET paliad_backup.directory = ''").unwrap();
    let (sheets, total) = estimate(&mut client, "");
    assert_eq!((sheets.len(), total.free, total.fits), (1, None, None));
    assert!(total.basis.unwrap().ends_with("free space is not known: no backup directory is configured"));
    assert_eq!(refused(&mut client, "SELECT paliad_backup.estimate('all')").0, "22023");
    assert_eq!(refused(&mut client, "SELECT paliad_backup.estimate(formats => '{pdf}')").0, "22023");
}

/// A disk of 1 MB, and a table that needs more.
#[test]
fn a_bundle_that_is_larger_than_the_disk_does_not_fit() {
    use std::os::unix::fs::MetadataExt;
    let database = Cluster::shared().database();
    let user = std::fs::metadata(database.directory().parent().unwrap()).unwrap();
    std::fs::create_dir(database.directory()).unwrap();
    let options = format!("size=1m,mode=0700,uid={},gid={}", user.uid(), user.gid());
    let mut mount = std::process::Command::new("mount");
    let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(database.directory()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        crate::support::skip("a_bundle_that_is_larger_than_the_disk_does_not_fit", "only root may mount a tmpfs");
        return;
    }
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t AS SELECT i, md5(i::text) AS t FROM generate_series(1, 50000) AS i; ANALYZE")
        .unwrap();
    let begin = run_with(&mut client, "scope => 'config'").map(|backup| backup.status);
    let total = estimate(&mut client, "").1;
    let run = run(&mut client).map(|backup| backup.status);
    let _ = std::process::Command::new("umount").arg("-l").arg(database.directory()).output();
    assert_eq!(begin.ok().as_deref(), Some("done"), "there is room for nothing but the table");
    assert!(total.free.unwrap() < 1 << 20 && total.fits == Some(false), "{total:?}");
    assert_eq!(crate::support::sqlstate(&run.expect_err("it does not fit")), "53100");
}
