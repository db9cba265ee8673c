//! Runs and their bundles; ways to stop a run at a known point. Included beside `support` by the tests of concurrency.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use paliad_backup::bundle::encoder::Abort;
use paliad_backup::bundle::manifest::Manifest;
use paliad_backup::bundle::reader::BundleReader;
use postgres::Client;

use crate::support::{Cluster, Database, wait_for};

/// What `run()` returned.
pub struct Backup {
    pub id: String,
    pub status: String,
    pub storage_uri: String,
    pub warnings: serde_json::Value,
}

/// Makes a backup with all formats.
pub fn run(client: &mut Client) -> Result<Backup, postgres::Error> {
    run_with(client, "'on_demand'")
}

/// Makes a backup with the given arguments of `run()`.
pub fn run_with(client: &mut Client, arguments: &str) -> Result<Backup, postgres::Error> {
    let sql = format!("SELECT id::text, status, storage_uri, warnings FROM paliad_backup.run({arguments})");
    let row = client.query_one(&sql, &[])?;
    Ok(Backup { id: row.get(0), status: row.get(1), storage_uri: row.get(2), warnings: row.get(3) })
}

/// A database with what this SQL makes, and the id of its backup.
pub fn exported(sql: &str) -> (Database<'static>, Client, String) {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(sql).expect("the tables can be made");
    let id = run(&mut client).expect("the run succeeds").id;
    (database, client, id)
}

impl Backup {
    /// Where the bundle lies.
    pub fn path(&self) -> PathBuf {
        self.storage_uri.strip_prefix("file://").expect("a local bundle").into()
    }

    /// The bundle.
    pub fn open(&self) -> BundleReader {
        BundleReader::open(File::open(self.path()).expect("the bundle is there")).expect("it is a bundle")
    }

    /// The text of one of its files.
    pub fn file(&self, path: &str) -> String {
        let mut bytes = Vec::new();
        self.open().copy(path, &mut bytes).expect("the bundle has the file");
        String::from_utf8(bytes).expect("its files are UTF-8")
    }

    /// The rows of a csv file without the header; for values without line breaks.
    pub fn csv(&self, sheet: &str) -> Vec<String> {
        self.file(&format!("csv/{sheet}.csv")).lines().skip(1).map(str::to_owned).collect()
    }

    /// Damages one of its files, in the middle of the packed bytes.
    pub fn damage(&self, path: &str) {
        let bundle = self.open();
        let entry = bundle.entries().iter().find(|entry| entry.path == path).expect("the bundle has the file");
        self.flip(entry.offset + entry.local_length(entry.is_large()) + entry.compressed_size / 2);
    }

    /// Flips a bit of the byte at `at`; done twice, the bundle is as before.
    pub fn flip(&self, at: u64) {
        let file = File::options().read(true).write(true).open(self.path()).expect("the bundle is there");
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("the bundle can be read");
        file.write_all_at(&[byte[0] ^ 0x20], at).expect("the bundle can be written");
    }

    /// The manifest, after every file was compared with it and with SHA256SUMS.
    pub fn manifest(&self) -> Manifest {
        let bundle = self.open();
        let manifest = Manifest::parse(&bundle.manifest_bytes().expect("there is a manifest")).expect("it is valid");
        bundle.verify_content(&manifest.files(), &Abort::default()).expect("every file is whole");
        manifest
    }
}

/// The folder of the database's bundles.
pub fn folder(database: &Database<'_>) -> PathBuf {
    let entries = std::fs::read_dir(database.directory()).expect("the directory can be read");
    let mut paths = entries.map(|entry| entry.expect("the directory can be read").path());
    paths.find(|path| path.is_dir()).expect("a run has made the folder")
}

/// id and status of what reconcile() has put right.
pub fn reconcile(client: &mut Client) -> Vec<(String, String)> {
    let rows = client.query("SELECT id::text, status FROM paliad_backup.reconcile()", &[]).expect("it reconciles");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The process id of a connection.
pub fn pid(client: &mut Client) -> i32 {
    client.query_one("SELECT pg_catalog.pg_backend_pid()", &[]).expect("connected").get(0)
}

/// Waits until the process waits for a lock.
pub fn wait_until_blocked(observer: &mut Client, pid: i32) {
    let sql = "SELECT FROM pg_catalog.pg_locks WHERE pid = $1 AND NOT granted";
    wait_for("a session waits for a lock", || !observer.query(sql, &[&pid]).expect("connected").is_empty());
}

/// A sheet whose scan waits while the gate is closed: it stops a run between two tables.
pub struct Gate {
    holder: Client,
}

impl Gate {
    const KEY: i64 = 1;

    /// Registers the sheet `gate` at a position among the sheets, and closes the gate.
    pub fn close(database: &Database<'_>, position: i32) -> Gate {
        let mut holder = database.connect();
        let sql = format!(
            "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name, position) \
             VALUES ('SELECT pg_advisory_lock_shared({0})::text, pg_advisory_unlock_shared({0})', 'postgres', 'gate', {position}); \
             SELECT pg_catalog.pg_advisory_lock({0})",
            Gate::KEY
        );
        holder.batch_execute(&sql).expect("the gate can be closed");
        Gate { holder }
    }

    /// Waits until a run stands before the gate.
    pub fn wait_for_run(&mut self) {
        let sql = "SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = \
                   (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
        wait_for("a run stands before the gate", || !self.holder.query(sql, &[]).expect("connected").is_empty());
    }

    /// Lets the run pass, and later ones until [`Gate::close_again`].
    pub fn open(&mut self) {
        self.holder.execute("SELECT pg_catalog.pg_advisory_unlock($1)", &[&Gate::KEY]).expect("the gate is closed");
    }

    /// Closes it for the next run.
    pub fn close_again(&mut self) {
        self.holder.execute("SELECT pg_catalog.pg_advisory_lock($1)", &[&Gate::KEY]).expect("nobody else closes it");
    }
}
