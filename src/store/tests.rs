//! Every rule of the store, against real files.

mod artifacts;
mod directories;
mod imports;
mod markers;

use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use uuid::Uuid;

use super::pending::Temporary;
use super::*;

const SYSTEM: u64 = 7_300_000_000_000_000_001;
const DATABASE: u32 = 16384;
const BOTH: [Temporary; 2] = [Temporary::Unnamed, Temporary::Named];

/// A data directory `pgdata` beside the store's directory `backups`, which is not there yet.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { root: tempfile::Builder::new().prefix("store ü").tempdir().unwrap() };
        make_directory(&place.data());
        place
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("pgdata")
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("backups")
    }

    fn folder(&self) -> PathBuf {
        self.directory().join(format!("{SYSTEM}.{DATABASE}"))
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.folder().join(key.to_string())
    }

    fn marker(&self) -> PathBuf {
        self.folder().join(marker::NAME)
    }

    fn open_at(&self, directory: &Path) -> Result<LocalDisk> {
        LocalDisk::open(&config(directory, &self.data()))
    }

    fn store(&self) -> LocalDisk {
        self.open_at(&self.directory()).unwrap()
    }

    /// Names in the folder, the marker apart.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).filter(|name| name != marker::NAME).collect()
    }
}

fn config<'a>(directory: &'a Path, data_directory: &'a Path) -> LocalDiskConfig<'a> {
    let host = "db1.example".to_owned();
    LocalDiskConfig { directory, data_directory, system_identifier: SYSTEM, database_oid: DATABASE, host }
}

/// Explicitly 0700: whether the default would be acceptable to the store depends on the umask.
fn make_directory(path: &Path) {
    DirBuilder::new().mode(0o700).create(path).unwrap();
}

fn key() -> Key {
    Key::new(Uuid::new_v4())
}

fn put(store: &LocalDisk, key: &Key, content: &[u8], temporary: Temporary) -> String {
    let pending = store.create_with(key, temporary).unwrap();
    pending.file().write_all(content).unwrap();
    pending.publish().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the body of the test `name` in a process of its own, where it may change the umask; as the user nobody when
/// `unprivileged` and we are root, for whom permissions mean nothing.
fn in_own_process(name: &str, unprivileged: bool, body: impl FnOnce()) {
    const INSIDE: &str = "STORE_TEST_PROCESS";
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let this_module = module_path!().split_once("::").unwrap().1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{this_module}::{name}"), "--nocapture"]).env(INSIDE, "1");
    if unprivileged && is_root() {
        command.uid(65534).gid(65534).current_dir("/");
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return eprintln!("SKIPPED {name}: the test program cannot be run as nobody: {error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{name} did not run: {text}");
}

macro_rules! assert_error {
    ($result:expr, $kind:ident, $text:expr) => {
        match $result {
            Err(error @ StoreError::$kind { .. }) => {
                assert!(error.to_string().contains($text), "unexpected text: {error}");
            }
            Err(error) => panic!("another kind of error: {error:?}"),
            Ok(_) => panic!("no error"),
        }
    };
}
use assert_error;
