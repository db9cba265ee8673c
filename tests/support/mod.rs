//! What the client tests share: clusters, databases with the extension, server programs.
//!
//! `make test` starts the shared cluster and names it in the environment; `make test SUITE=client FILTER=name` runs one
//! test. Use [`Cluster::shared`] unless the test kills the server or needs settings of its own ([`Cluster::own`]).
//! Clusters and databases go away when they are dropped. All connect as role `postgres`, without a password.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The port of scripts/lib.sh: with no address to listen on it only names the socket file.
const PORT: u16 = 54329;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A running PostgreSQL cluster, reached by its socket.
pub struct Cluster {
    /// Holds `data/`, `socket/`, `backups/` and `log` (see scripts/cluster.sh).
    dir: PathBuf,
    /// The name in scripts/cluster.sh if this process has made the cluster and removes it.
    own: Option<String>,
}

impl Cluster {
    /// The cluster that `make test` has started, with pg_cron for the database `postgres`.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let socket = std::env::var_os("PALIAD_BACKUP_TEST_SOCKET").expect("run the client tests by `make test`");
            let dir = Path::new(&socket).parent().expect("the socket directory lies in the cluster's").to_owned();
            Cluster { dir, own: None }
        })
    }

    /// Starts a cluster of its own. `settings` are lines of postgresql.conf and win over those of scripts/cluster.sh.
    pub fn own(settings: &[&str]) -> Cluster {
        let cluster = Cluster::named();
        script(&[&["start", cluster.own_name()], settings].concat());
        cluster
    }

    /// Starts a cluster of its own that is another server: the others have the same system identifier.
    pub fn another() -> Cluster {
        let cluster = Cluster::named();
        script(&["fresh", cluster.own_name()]);
        cluster
    }

    /// Starts a copy of this cluster as it is on disk, which is one of its own and stopped meanwhile: what pg_basebackup makes.
    pub fn copy(&self) -> Cluster {
        let copy = Cluster::own(&[]);
        copy.stop("fast");
        self.stop("fast");
        let data = |cluster: &Cluster| cluster.dir.join("data");
        let own_settings = std::fs::read(data(&copy).join("postgresql.conf")).expect("it has settings");
        std::fs::remove_dir_all(data(&copy)).expect("its data can be removed");
        checked(Command::new("cp").arg("-a").arg(data(self)).arg(data(&copy)));
        std::fs::write(data(&copy).join("postgresql.conf"), own_settings).expect("its settings can be put back");
        self.start();
        copy.start();
        copy
    }

    /// Starts a hot standby of this cluster, which is one of its own.
    pub fn standby(&self) -> Cluster {
        let standby = Cluster::named();
        script(&["standby", standby.own_name(), self.own_name()]);
        standby
    }

    /// A name and a directory that no other test uses.
    fn named() -> Cluster {
        let name = format!("own-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = PathBuf::from(script(&["path", &name]).trim_end());
        Cluster { dir, own: Some(name) }
    }

    /// Starts a cluster of its own again after [`Cluster::stop`].
    pub fn start(&self) {
        script(&["start", self.own_name()]);
    }

    /// Stops a cluster of its own; `mode` is pg_ctl's: `smart`, `fast` or `immediate`.
    pub fn stop(&self, mode: &str) {
        script(&["stop", self.own_name(), mode]);
    }

    /// Waits until the server takes connections again, as after the crash of a backend.
    pub fn wait_until_ready(&self) {
        wait_for("the server takes connections", || self.config("postgres", "postgres").connect(NoTls).is_ok());
    }

    /// A connection of `role` to `database`.
    pub fn connect(&self, database: &str, role: &str) -> Client {
        self.config(database, role).connect(NoTls).expect("the cluster takes connections")
    }

    /// How to connect, for a test that adds options or expects a refusal.
    pub fn config(&self, database: &str, role: &str) -> Config {
        let mut config = Config::new();
        config.host_path(self.dir.join("socket")).port(PORT).dbname(database).user(role);
        config
    }

    /// A fresh database with the extension created and `paliad_backup.directory` set.
    pub fn database(&self) -> Database<'_> {
        self.database_with("")
    }

    /// As [`Cluster::database`]; `options` as in [`Cluster::empty_database`].
    pub fn database_with(&self, options: &str) -> Database<'_> {
        let database = self.empty_database(options);
        // CREATE EXTENSION makes roles, which belong to the whole cluster: two at a time could collide.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let directory = database.directory().display().to_string();
        let sql = format!(
            "CREATE EXTENSION paliad_backup; ALTER DATABASE {} SET paliad_backup.directory = '{directory}'",
            database.name
        );
        database.connect().batch_execute(&sql).expect("the extension can be created");
        drop(guard);
        database
    }

    /// A fresh database without the extension; `options` follow CREATE DATABASE's WITH, as in `ENCODING 'LATIN1' …`.
    pub fn empty_database(&self, options: &str) -> Database<'_> {
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} WITH {options}");
        self.connect("postgres", "postgres").batch_execute(&sql).expect("the database can be created");
        Database { cluster: self, name }
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.dir.join("log")).expect("the log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The directory that holds `data/`, `socket/`, `backups/` and `log`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn own_name(&self) -> &str {
        self.own.as_deref().expect("only a cluster of its own is stopped and started")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(name) = &self.own {
            script(&["drop", name]);
        }
    }
}

/// A database of one test; dropped with its backups when this goes out of scope.
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Database<'_> {
    /// A connection of the superuser.
    pub fn connect(&self) -> Client {
        self.connect_as("postgres")
    }

    /// A connection of a role that may log in.
    pub fn connect_as(&self, role: &str) -> Client {
        self.cluster.connect(&self.name, role)
    }

    /// The database's name; needs no quotes in SQL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `paliad_backup.directory` in this database.
    pub fn directory(&self) -> PathBuf {
        self.cluster.dir.join("backups").join(&self.name)
    }

    /// Runs a client program of the server (`psql`, `pg_dump`, …) on this database; fails the test if it fails.
    pub fn client_program(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(bindir().join(program));
        command.arg("-h").arg(self.cluster.dir.join("socket")).args(["-p", &PORT.to_string(), "-U", "postgres"]);
        checked(command.args(["-d", &self.name]).args(arguments))
    }

    /// A command line of psql with its connection options, for a program that takes one.
    pub fn psql_command(&self) -> String {
        let (psql, socket) = (bindir().join("psql"), self.cluster.dir.join("socket"));
        format!("{} -h {} -p {PORT} -U postgres -d {}", psql.display(), socket.display(), self.name)
    }

    /// Runs a script of this repository, or all scripts of a folder in the order of their names.
    pub fn load(&self, path: &str) {
        let path = repository(path);
        let mut scripts = vec![path.clone()];
        if path.is_dir() {
            let files = std::fs::read_dir(&path).expect("the folder can be read");
            scripts = files.map(|file| file.expect("the folder can be read").path()).collect();
            scripts.sort();
        }
        let files = scripts.iter().flat_map(|script| ["-f", script.to_str().expect("the path is UTF-8")]);
        self.psql(&files.collect::<Vec<_>>());
    }

    /// Runs psql on this database, stopping at the first error; returns what it printed.
    pub fn psql(&self, arguments: &[&str]) -> String {
        let output = self.client_program("psql", &[&["-X", "-q", "-v", "ON_ERROR_STOP=1"], arguments].concat());
        String::from_utf8(output.stdout).expect("psql prints UTF-8")
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // A test that fails may leave the server down: this must not panic while unwinding.
        if let Ok(mut client) = self.cluster.config("postgres", "postgres").connect(NoTls) {
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
        let _ = std::fs::remove_dir_all(self.directory());
    }
}

/// The SQLSTATE of a server's error, as in `42501`; of any other error the empty text.
pub fn sqlstate(error: &postgres::Error) -> &str {
    error.code().map_or("", |code| code.code())
}

/// The result of a query of one column.
pub fn column(client: &mut Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Where the server's programs are.
pub fn bindir() -> PathBuf {
    std::env::var_os("PALIAD_BACKUP_TEST_BINDIR").expect("run the client tests by `make test`").into()
}

/// A Python that has openpyxl.
pub fn python() -> Command {
    Command::new(std::env::var_os("PALIAD_BACKUP_TEST_PYTHON").expect("run the client tests by `make test`"))
}

/// The path of a file of this repository, as in `tests/demo/load.sql`.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a program; fails the test, showing its output, if it fails.
pub fn checked(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    output
}

/// Sends SIGKILL to a process of the server, such as a backend, and waits until the server has noticed:
/// [`Cluster::wait_until_ready`] then waits for the end of its crash recovery.
pub fn kill_9(pid: i32) {
    let pid = Pid::from_raw(pid).expect("a process id is not 0");
    kill_process(pid, Signal::KILL).expect("the process is there");
    wait_for("the killed process is gone", || test_kill_process(pid).is_err());
}

/// Waits until `condition` holds, up to 30 s; then fails the test, naming `what`.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(30), "waited 30 s in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says visibly that a whole test is skipped; the test returns then. Counted by scripts/test.sh, so print it once a test.
pub fn skip(test: &str, reason: &str) {
    // The macros' output is hidden by the test harness; this is not. The harness may be in the middle of a line.
    let _ = writeln!(std::io::stderr(), "\nskipped: {test}: {reason}");
}

/// Runs scripts/cluster.sh; returns what it printed.
fn script(arguments: &[&str]) -> String {
    let output = checked(Command::new(repository("scripts/cluster.sh")).args(arguments));
    String::from_utf8(output.stdout).expect("paths are UTF-8")
}
