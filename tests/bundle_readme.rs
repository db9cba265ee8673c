//! A bundle's README.txt is true: its commands, run as they stand, bring every row and sequence into another database.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::runs::run;
use crate::support::{Cluster, Database, bindir, checked};
use paliad_backup::bundle::manifest::Manifest;
use paliad_backup::bundle::sheet::RelationKind;
use tempfile::TempDir;

/// An unpacked bundle beside a dump of its database's schema, `schema.dump`.
struct Unpacked {
    folder: TempDir,
    manifest: Manifest,
}

impl Unpacked {
    fn of(database: &Database<'_>) -> Unpacked {
        let folder = tempfile::tempdir().unwrap();
        let backup = run(&mut database.connect()).unwrap();
        checked(Command::new("unzip").arg("-q").arg(backup.path()).arg("-d").arg(folder.path()));
        let dump = folder.path().join("schema.dump");
        database.client_program("pg_dump", &["-Fc", "--schema-only", "-f", dump.to_str().unwrap()]);
        Unpacked { folder, manifest: backup.manifest() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command lines of the English half that begin with `program`, for the database.
    fn commands(&self, program: &str, database: &Database<'_>) -> Vec<String> {
        let readme = std::fs::read_to_string(self.path("README.txt")).unwrap();
        let (english, _) = readme.split_once("\nSicherung einer PostgreSQL-Datenbank\n").unwrap();
        let lines = english.lines().filter_map(|line| line.strip_prefix("    "));
        let found: Vec<_> = lines.filter(|line| line.split(' ').next() == Some(program)).collect();
        assert!(!found.is_empty(), "README.txt has no command of {program}");
        found.into_iter().map(|line| line.replace("DATABASE", database.name())).collect()
    }

    /// The command of the English half that loads the rows alone.
    fn load(&self, database: &Database<'_>) -> Vec<String> {
        let mut commands = self.commands("psql", database);
        commands.retain(|line| line.ends_with(" -f load.sql"));
        assert_eq!(commands.len(), 1);
        commands
    }

    /// Runs command lines in the unpacked folder, each of which must succeed.
    fn shell(&self, cluster: &Cluster, lines: &[String]) {
        let path = format!("{}:{}", bindir().display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euc", &lines.join("\n")]).current_dir(self.folder.path());
        bash.env("PATH", path)
            .env("PGHOST", cluster.dir().join("socket"))
            .env("PGPORT", "54329")
            .env("PGUSER", "postgres");
        checked(&mut bash);
    }
}

/// Backs up a database that was loaded from csv files.
fn backed_up(database: &Database<'_>) -> Manifest {
    let directory = database.directory().display().to_string();
    let sql = format!("ALTER DATABASE {} SET paliad_backup.directory = '{directory}'", database.name());
    database.connect().batch_execute(&sql).unwrap();
    run(&mut database.connect()).unwrap().manifest()
}

/// The checksum of each table's csv file.
fn tables(manifest: &Manifest) -> BTreeMap<&str, &str> {
    let tables = manifest.sheets.iter().filter(|sheet| sheet.relation_kind == Some(RelationKind::Table));
    tables.map(|sheet| (sheet.name.as_str(), sheet.files.csv.as_ref().unwrap().sha256.as_str())).collect()
}

fn count(database: &Database<'_>, what: &str) -> i64 {
    database.connect().query_one(&format!("SELECT count(*) FROM {what}"), &[]).unwrap().get(0)
}

/// With foreign keys and triggers made afterwards, and by a superuser where they are there already.
#[test]
fn its_commands_bring_back_the_demo_application() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.load("tests/demo/load.sql");
    database.load("tests/demo/register.sql");
    let unpacked = Unpacked::of(&database);
    let foreign_keys = "pg_constraint WHERE contype = 'f' AND convalidated";

    let first = cluster.empty_database("");
    unpacked.shell(cluster, &unpacked.commands("sed", &first));
    let [before, after] = &unpacked.commands("pg_restore", &first)[..] else { panic!("before and after the rows") };
    unpacked.shell(cluster, &[vec![before.clone()], unpacked.load(&first), vec![after.clone()]].concat());
    assert!(count(&database, foreign_keys) > 50);
    assert_eq!(count(&first, foreign_keys), count(&database, foreign_keys));

    let second = cluster.empty_database("");
    second.client_program("pg_restore", &[unpacked.path("schema.dump").to_str().unwrap()]);
    let commands = std::fs::read_to_string(unpacked.path("load.sql")).unwrap();
    let as_superuser = commands.replace("-- SET LOCAL session_replication_role", "SET LOCAL session_replication_role");
    assert_ne!(as_superuser, commands);
    std::fs::write(unpacked.path("load.sql"), as_superuser).unwrap();
    unpacked.shell(cluster, &unpacked.load(&second));

    for target in [first, second] {
        target.load("tests/demo/register.sql");
        let manifest = backed_up(&target);
        assert_eq!(tables(&manifest).len(), 49);
        assert_eq!(tables(&manifest), tables(&unpacked.manifest));
        assert_eq!(manifest.sequences, unpacked.manifest.sequences);
    }
}

/// Types whose input functions refuse every text, also what their output functions have written.
const NOT_READ_BACK: [&str; 4] = ["pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"];

/// Rows of every type, in tables of every name that fits on a line; sheets that are no tables are passed over.
#[test]
fn its_commands_load_every_type_and_name() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.load("tests/exact/zoo");
    database.load("tests/exact/shapes.sql");
    database.load("tests/oracle/zoo.sql");
    let others = "CREATE MATERIALIZED VIEW zoo.kept AS SELECT 1 AS n; CREATE VIEW zoo.seen AS SELECT 1 AS n;
         INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('zoo', 'kept'), ('zoo', 'seen');
         INSERT INTO paliad_backup.sheets (sheet_name, query, run_as) VALUES ('asked', 'SELECT 1 AS n', 'postgres')";
    database.connect().batch_execute(others).unwrap();
    let unpacked = Unpacked::of(&database);

    let target = cluster.empty_database("");
    unpacked.shell(cluster, &unpacked.commands("sed", &target));
    let commands = std::fs::read_to_string(unpacked.path("load.sql")).unwrap();
    // Lines of tables that are not wanted are deleted, as README.txt says.
    let refused = |line: &&str| NOT_READ_BACK.iter().any(|name| line.contains(&format!("\"zoo\".\"{name}\"")));
    let wanted: Vec<&str> = commands.lines().filter(|line| !refused(line)).collect();
    assert_eq!(commands.lines().count() - wanted.len(), NOT_READ_BACK.len());
    std::fs::write(unpacked.path("load.sql"), wanted.join("\n")).unwrap();
    let [before, after] = &unpacked.commands("pg_restore", &target)[..] else { panic!("before and after the rows") };
    unpacked.shell(cluster, &[vec![before.clone()], unpacked.load(&target), vec![after.clone()]].concat());
    let manifest = backed_up(&target);
    let by_hand: Vec<_> =
        commands.lines().filter_map(|line| line.trim().strip_prefix("-- by hand / von Hand: ")).collect();
    assert_eq!(by_hand, ["line\\nbreak\\ttab", "T\"x/../😀"]);
    let (loaded, expected) = (tables(&manifest), tables(&unpacked.manifest));
    assert_eq!(loaded.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for sheet in &unpacked.manifest.sheets {
        // A line break in a name.
        let in_csv = sheet.columns.iter().filter(|column| !column.generated).map(|column| &column.name);
        let by_hand = in_csv.chain([&sheet.name]).any(|name| name.contains('\n'));
        let name = sheet.name.as_str();
        assert!(by_hand || NOT_READ_BACK.contains(&name) || loaded.get(name) == expected.get(name), "{name}");
    }
    assert_eq!(manifest.sequences, unpacked.manifest.sequences);
}
