//! P6: a run on a disk that is full at any point fails with 53100 and leaves everything as it was.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::runs::run;
use crate::support::{Cluster, checked, skip, sqlstate};
use postgres::Client;

/// Of the small file system: enough for one bundle of [`fill`]'s table and the making of another.
const SIZE: u64 = 12 << 20;

/// The unit in which a tmpfs gives away space.
const PAGE: u64 = 4096;

/// A small file system of the server's user, mounted until it goes out of scope.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None`, said visibly, where this process may not mount.
    fn mount(test: &str, path: PathBuf) -> Option<SmallDisk> {
        let user = fs::metadata(path.parent().unwrap()).unwrap();
        fs::create_dir(&path).unwrap();
        let options = format!("size={SIZE},mode=0700,uid={},gid={}", user.uid(), user.gid());
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        if !output.is_ok_and(|output| output.status.success()) {
            skip(test, "only root may mount a tmpfs");
            return None;
        }
        Some(SmallDisk { path })
    }

    fn free(&self) -> u64 {
        let statistics = rustix::fs::statvfs(&self.path).unwrap();
        statistics.f_bfree * statistics.f_frsize
    }

    /// Takes all space but `left` bytes, rounded down to pages.
    fn leave(&self, left: u64) {
        let _ = fs::remove_file(self.path.join("other"));
        let taken = self.free().saturating_sub(left / PAGE * PAGE);
        let bytes = vec![0; usize::try_from(taken).unwrap()];
        File::create(self.path.join("other")).unwrap().write_all(&bytes).unwrap();
        assert_eq!(self.free(), left / PAGE * PAGE);
    }

    /// Gives back what [`SmallDisk::leave`] took.
    fn give_back(&self) {
        fs::remove_file(self.path.join("other")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a test that fails may leave a session with open files.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

/// All paths below a directory.
fn paths(directory: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(self::paths(&path));
        }
        paths.push(path);
    }
    paths.sort();
    paths
}

/// Makes a table whose bundle has about 2 MB.
fn fill(client: &mut Client) {
    let sql = "CREATE TABLE noise AS SELECT n, (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 8) i) AS t \
               FROM generate_series(1, 3000) n";
    client.batch_execute(sql).unwrap();
}

/// A run fails as on a full disk.
fn expect_disk_full(client: &mut Client, case: &str) {
    let error = run(client).err().unwrap_or_else(|| panic!("{case}: there is not enough space"));
    assert_eq!(sqlstate(&error), "53100", "{case}: {error}");
    let hint = error.as_db_error().unwrap().hint().unwrap_or_default();
    assert!(hint.contains("Free space in the backup directory"), "{case}: {hint}");
}

/// P6
#[test]
fn p6_a_full_disk_fails_the_run_and_nothing_else() {
    let database = Cluster::shared().database();
    let Some(disk) = SmallDisk::mount("p6_a_full_disk_fails_the_run_and_nothing_else", database.directory()) else {
        return;
    };
    let mut client = database.connect();
    fill(&mut client);
    let older = run(&mut client).unwrap();

    let mut stages = Vec::new();
    let bundle = fs::metadata(older.path()).unwrap().len();
    // The formats' spools need as much as the bundle, or a little more, and it is made beside them.
    for percent in [0, 1, 5, 10, 25, 40, 55, 70, 85, 95, 105, 115, 130, 145, 160, 175, 190] {
        let case = format!("space for {percent} % of the bundle");
        disk.leave(bundle * percent / 100);
        let before = (paths(&disk.path), disk.free());
        expect_disk_full(&mut client, &case);
        assert_eq!((paths(&disk.path), disk.free()), before, "{case}: files, open ones included");

        let sql = "SELECT b.status, b.error_code, split_part(b.error, ':', 1), b.storage_uri, a.event_type \
                   FROM paliad_backup.list(1) l JOIN paliad_backup.backups b USING (id) \
                   JOIN paliad_backup.system_audit_log a ON a.id = b.audit_id";
        let row = client.query_one(sql, &[]).unwrap();
        let stored: (&str, &str, Option<&str>, &str) = (row.get(0), row.get(1), row.get(3), row.get(4));
        assert_eq!(stored, ("failed", "53100", None, "backup_failed"), "{case}");
        stages.push(row.get::<_, String>(2));

        // On the full disk, too: reading needs no space there.
        let sql = "SELECT encode(sha256(paliad_backup.download(id, 'test@example.org')), 'hex') = sha256 \
                   FROM paliad_backup.backups WHERE id::text = $1";
        assert!(client.query_one(sql, &[&older.id]).unwrap().get::<_, bool>(0), "{case}: the older bundle");
        disk.give_back();
    }
    // In which stage the space ends depends on how far each encoder's thread has come: near the limit both occur.
    let stages: BTreeSet<String> = stages.into_iter().collect();
    assert_eq!(stages, ["generate", "store"].map(String::from).into(), "the levels reach into both stages");

    run(&mut client).expect("there is space again").manifest();
    older.manifest();
    checked(Command::new("unzip").arg("-tq").arg(older.path()));
}

/// P6: a bundle that there is no room for is not imported, and nothing of it stays.
#[test]
fn p6_a_full_disk_fails_the_import_and_nothing_else() {
    let database = Cluster::shared().database();
    let test = "p6_a_full_disk_fails_the_import_and_nothing_else";
    let Some(disk) = SmallDisk::mount(test, database.directory()) else { return };
    let mut client = database.connect();
    fill(&mut client);
    let bundle = run(&mut client).unwrap();
    let size = fs::metadata(bundle.path()).unwrap().len();
    client.batch_execute("SELECT paliad_backup.import_bundle('none')").unwrap_err();
    let import = bundle.path().with_file_name("import");
    fs::rename(bundle.path(), import.join("a.zip")).unwrap();
    client.batch_execute("DELETE FROM paliad_backup.backups").unwrap();
    for percent in [0, 10, 50, 90] {
        disk.leave(size * percent / 100);
        let before = (paths(&disk.path), disk.free());
        let error = client.batch_execute("SELECT paliad_backup.import_bundle('a.zip')").unwrap_err();
        assert_eq!(sqlstate(&error), "53100", "{percent} %: {error}");
        let hint = error.as_db_error().unwrap().hint().unwrap_or_default();
        assert!(hint.contains("Free space in the backup directory"), "{percent} %: {hint}");
        assert_eq!((paths(&disk.path), disk.free()), before, "{percent} %");
        disk.give_back();
    }
    client.batch_execute("SELECT paliad_backup.import_bundle('a.zip')").expect("there is space again");
    bundle.manifest();
}

/// P6: the folder and its marker are made by the first run; one that finds no space for them stands in no later run's way.
#[test]
fn p6_a_first_run_on_a_full_disk_leaves_no_trace() {
    for left in [0, PAGE] {
        let database = Cluster::shared().database();
        let Some(disk) = SmallDisk::mount("p6_a_first_run_on_a_full_disk_leaves_no_trace", database.directory()) else {
            return;
        };
        let mut client = database.connect();
        client.batch_execute("CREATE TABLE small AS SELECT 1 AS n").unwrap();
        disk.leave(left);
        expect_disk_full(&mut client, &format!("{left} bytes left"));
        let stray = paths(&disk.path).into_iter().filter(|path| path.is_file() && !path.ends_with("other"));
        let stray: Vec<_> = stray.filter(|path| !path.ends_with("paliad_backup.marker")).collect();
        assert!(stray.is_empty(), "{stray:?}");
        disk.give_back();
        run(&mut client).expect("there is space again").manifest();
    }
}
