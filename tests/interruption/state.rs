//! What is looked at after each death: catalog, audit log and directory together.

use std::fs;
use std::thread::JoinHandle;
use std::time::Instant;

use paliad_backup::bundle::encoder::Abort;
use paliad_backup::bundle::manifest::Manifest;
use paliad_backup::bundle::reader::BundleReader;
use postgres::{Client, NoTls};

use crate::runs::{folder, pid};
use crate::support::{Cluster, Database, wait_for};

/// The error of a call, and when it came.
pub type Ended = (Result<(), postgres::Error>, Instant);

/// A row of the catalog with its audit row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub status: String,
    pub error: Option<String>,
    pub error_code: Option<String>,
    pub sha256: Option<String>,
    pub event: Option<String>,
    /// Retention has removed its bundle.
    pub deleted: bool,
}

/// All runs, oldest first.
pub fn runs(client: &mut Client) -> Vec<Run> {
    let sql = "SELECT b.id::text, b.status, b.error, b.error_code, b.sha256, a.event_type, b.deleted_at IS NOT NULL \
               FROM paliad_backup.backups AS b \
               LEFT JOIN paliad_backup.system_audit_log AS a ON a.id = b.audit_id ORDER BY b.started_at";
    let run = |row: postgres::Row| Run {
        id: row.get(0),
        status: row.get(1),
        error: row.get(2),
        error_code: row.get(3),
        sha256: row.get(4),
        event: row.get(5),
        deleted: row.get(6),
    };
    client.query(sql, &[]).unwrap().into_iter().map(run).collect()
}

/// The names in the folder, but for the marker.
pub fn files(database: &Database<'_>) -> Vec<String> {
    let names = fs::read_dir(folder(database)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "paliad_backup.marker").collect();
    names.sort();
    names
}

/// Every run is either done, with a bundle whose checksum the row has unless retention has removed it, or failed on both rows; nothing else
/// lies in the folder.
/// Returns the runs.
pub fn assert_settled(database: &Database<'_>, client: &mut Client) -> Vec<Run> {
    let runs = runs(client);
    let folder = folder(database);
    let mut expected = Vec::new();
    for run in &runs {
        match run.status.as_str() {
            // Stamped, so removed, whatever the cancel came between.
            "done" if run.deleted => {}
            "done" => {
                let name = format!("{}.zip", run.id);
                let path = folder.join(&name).display().to_string();
                let sha256 = "SELECT encode(sha256(pg_read_binary_file($1)), 'hex')";
                assert_eq!(Some(client.query_one(sha256, &[&path]).unwrap().get(0)), run.sha256);
                assert_eq!(run.event.as_deref(), Some("backup_created"), "{run:?}");
                expected.push(name);
            }
            "failed" => {
                // Only a death before the audit row was written leaves none.
                assert_ne!(run.event.as_deref(), Some("backup_created"), "{run:?}");
                assert!(run.error.is_some() && run.error_code.is_some(), "{run:?}");
            }
            _ => panic!("not settled: {run:?}"),
        }
    }
    expected.sort();
    assert_eq!(files(database), expected, "{runs:?}");
    runs
}

/// The bundle is the one that the catalog row describes, and each of its files is whole.
pub fn assert_whole(database: &Database<'_>, run: &Run) {
    let path = folder(database).join(format!("{}.zip", run.id));
    let reader = BundleReader::open(fs::File::open(&path).unwrap()).unwrap();
    let manifest = Manifest::parse(&reader.manifest_bytes().unwrap()).unwrap();
    assert_eq!(manifest.run.id, run.id);
    reader.verify_content(&manifest.files(), &Abort::default()).unwrap();
}

/// A table of `rows` rows of about 200 bytes.
pub fn create_table(client: &mut Client, rows: u32) {
    let sql = format!(
        "CREATE TABLE t AS SELECT i, md5(i::text) AS a, repeat(md5((-i)::text), 4) AS b, i * 1.25 AS c \
         FROM generate_series(1, {rows}) AS i; ALTER TABLE t ADD PRIMARY KEY (i)"
    );
    client.batch_execute(&sql).unwrap();
}

/// Makes a backup in this session.
pub fn run(client: &mut Client) -> Result<(), postgres::Error> {
    client.execute("SELECT paliad_backup.run()", &[]).map(drop)
}

/// Makes a backup in a session of its own; gives its process id at once and its end later.
pub fn run_beside(cluster: &Cluster, database: &Database<'_>) -> (i32, JoinHandle<Ended>) {
    let mut client = cluster.config(database.name(), "postgres").connect(NoTls).unwrap();
    let pid = pid(&mut client);
    let thread = std::thread::spawn(move || {
        let result = run(&mut client);
        (result, Instant::now())
    });
    (pid, thread)
}

/// Waits until the run under way has reached a phase, as another session sees it.
pub fn wait_for_phase(client: &mut Client, phase: &str) {
    let sql = "SELECT count(*) FROM paliad_backup.run_progress WHERE phase = $1 AND finished_at IS NULL";
    wait_for(&format!("the run is in phase {phase}"), || {
        client.query_one(sql, &[&phase]).unwrap().get::<_, i64>(0) > 0
    });
}

/// Waits until no row says running: the recorder has had its last word.
pub fn wait_until_recorded(client: &mut Client) {
    let sql = "SELECT count(*) FROM paliad_backup.backups WHERE status = 'running'";
    wait_for("no run is running", || client.query_one(sql, &[]).unwrap().get::<_, i64>(0) == 0);
}
