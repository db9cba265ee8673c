//! Into an empty database without the extension, by unzip and psql alone: schema.sql and restore.sql bring back every definition, row
//! and position, and name what they leave out.

#[path = "../support/definitions.rs"]
mod definitions;
#[path = "../support/digest.rs"]
mod digest;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/mod.rs"]
mod support;

mod left_out;
mod sessions;
mod values;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use digest::Digest;
use runs::run_with;
use support::{Cluster, Database, bindir, checked, repository, skip};
use tempfile::TempDir;

/// An unpacked bundle.
pub struct Unpacked {
    folder: TempDir,
}

impl Unpacked {
    /// Backs the database up and unpacks the bundle, as anybody would.
    pub fn of(database: &Database<'_>) -> Unpacked {
        Unpacked::of_run(database, "formats => '{csv}'")
    }

    /// As [`Unpacked::of`], with other arguments of `run()`.
    pub fn of_run(database: &Database<'_>, arguments: &str) -> Unpacked {
        let folder = tempfile::tempdir().unwrap();
        let backup = run_with(&mut database.connect(), arguments).unwrap();
        checked(Command::new("unzip").arg("-q").arg(backup.path()).arg("-d").arg(folder.path()));
        Unpacked { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The lines of schema.sql's list of what it leaves out.
    pub fn left_out(&self) -> Vec<String> {
        let schema = self.text("schema.sql");
        let lines = schema.lines().skip_while(|line| *line != "-- Left out:").skip(1);
        lines.map_while(|line| line.strip_prefix("--   ")).map(str::to_owned).collect()
    }

    /// Takes the commands out that load these sheets' files.
    pub fn without_rows_of(&self, sheets: &[&str]) {
        let restore = self.text("restore.sql");
        let is_wanted = |line: &&str| !sheets.iter().any(|sheet| line.contains(&format!(" FROM 'csv/{sheet}.csv' ")));
        let wanted: Vec<&str> = restore.lines().filter(is_wanted).collect();
        assert_eq!(restore.lines().count() - wanted.len(), sheets.len());
        std::fs::write(self.path("restore.sql"), wanted.join("\n") + "\n").unwrap();
    }

    /// What README.txt says, in a database that is there.
    pub fn restore_into(&self, database: &Database<'_>) {
        checked(&mut self.psql(database, "postgres", "restore.sql"));
    }

    /// `psql -f script` in the unpacked folder, with the options that README.txt gives.
    pub fn psql(&self, database: &Database<'_>, role: &str, script: &str) -> Command {
        let mut psql = Command::new(bindir().join("psql"));
        psql.args(["-X", "-d", database.name(), "-v", "ON_ERROR_STOP=1", "-f", script]);
        psql.current_dir(self.folder.path());
        psql.env("PGHOST", Cluster::shared().dir().join("socket")).env("PGPORT", "54329").env("PGUSER", role);
        psql
    }
}

/// An empty database into which the bundle of another was restored.
pub fn restored(unpacked: &Unpacked) -> Database<'static> {
    let target = Cluster::shared().empty_database("");
    unpacked.restore_into(&target);
    target
}

/// Standard output and error as text.
pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A database with the extension, in which these scripts were executed.
pub fn source(scripts: &[&str]) -> Database<'static> {
    let database = Cluster::shared().database();
    scripts.iter().for_each(|script| database.load(script));
    database
}

/// What a database holds and defines.
pub struct Contents {
    digest: Digest,
    definitions: definitions::Definitions,
    /// Facts whose names hold this are not looked at.
    ignored: Option<&'static str>,
}

impl Contents {
    pub fn of(database: &Database<'_>) -> Contents {
        Contents { digest: Digest::of(database).contents(), definitions: definitions::of(database), ignored: None }
    }

    /// Fails unless the other database has the same but for these facts, which are told by their names.
    pub fn assert_restored(&self, target: &Database<'_>, except: &[&str]) {
        let mut is = Contents::of(target);
        if let Some(ignored) = self.ignored {
            is = is.without(ignored);
        }
        let mut differences = self.digest.differences(&is.digest);
        differences.extend(definitions::differences(&self.definitions, &is.definitions));
        let name = |line: &String| line.split(": ").next().unwrap().to_owned();
        let mut names: Vec<String> = differences.iter().map(name).collect();
        names.sort_unstable();
        names.dedup();
        let unexpected: Vec<&String> =
            differences.iter().filter(|line| !except.contains(&name(line).as_str())).collect();
        assert!(unexpected.is_empty(), "{} differences (was <> is):\n{unexpected:#?}", unexpected.len());
        let equal: Vec<&&str> = except.iter().filter(|name| !names.contains(&(**name).to_owned())).collect();
        assert!(equal.is_empty(), "these are equal: {equal:?}");
    }

    /// Without the facts whose names hold `part`.
    pub fn without(mut self, part: &'static str) -> Contents {
        self.ignored = Some(part);
        self.digest = self.digest.only(|fact| !fact.contains(part));
        self.definitions.retain(|fact, _| !fact.contains(part));
        self
    }
}

#[test]
fn every_definition_comes_back() {
    let source = source(&["tests/restore_script/definitions.sql", "tests/exact/shapes.sql"]);
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    // Columns that were added to a parent later stand elsewhere than INHERITS would put them.
    let own = ["own definitions of defs.grown", "own definitions of defs.other_order"];
    was.assert_restored(&restored(&unpacked), &own);
    let list = unpacked.left_out();
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(
        list[0].starts_with("inheritance of defs.grown: ") && list[1].starts_with("inheritance of defs.other_order: ")
    );
}

/// An application as there are many: foreign keys, partitions, composite keys, enums, domains, comments.
#[test]
fn the_demo_comes_back() {
    let source = source(&["tests/demo/load.sql", "tests/demo/register.sql"]);
    // Excluded tables.
    let was = Contents::of(&source).without("paliadin_");
    let unpacked = Unpacked::of(&source);
    let left_out = [
        // They call functions.
        "constraint matters_reference_check of paliad.matters",
        "constraint parties_iban_check of paliad.parties",
        "own definitions of paliad.matters",
        "own definitions of paliad.parties",
        // A schema of functions, and the index of a materialized view.
        "comment on schema auth",
        "schema auth",
        "index paliad.matter_totals_key",
    ];
    was.assert_restored(&restored(&unpacked), &left_out);
    assert!(!unpacked.text("schema.sql").contains("paliadin_") && !unpacked.text("restore.sql").contains("paliadin_"));
}

/// The sample database of https://github.com/lerocha/chinook-database, where it lies beside the repository.
#[test]
fn chinook_comes_back() {
    let Ok(script) = std::fs::read_to_string(repository("../shared/data/chinook.sql")) else {
        return skip("chinook_comes_back", "../shared/data/chinook.sql is not there");
    };
    let source = source(&[]);
    let (_, tables) = script.split_once("\\c chinook;").unwrap();
    source.connect().batch_execute(tables).unwrap();
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    was.assert_restored(&restored(&unpacked), &[]);
    assert_eq!(unpacked.left_out(), [""; 0]);
}

/// A bundle of what was restored is the bundle that it was restored from.
#[test]
fn what_came_back_makes_equal_files() {
    let source = source(&["tests/restore_script/definitions.sql", "tests/exact/shapes.sql"]);
    let unpacked = Unpacked::of(&source);
    let target = restored(&unpacked);
    let directory = target.directory().display().to_string();
    let sql = "CREATE EXTENSION paliad_backup; ALTER DATABASE $ SET paliad_backup.directory = '%'";
    target.connect().batch_execute(&sql.replace('$', target.name()).replace('%', &directory)).unwrap();
    let again = Unpacked::of(&target);
    let sums = |unpacked: &Unpacked| -> Vec<String> {
        let text = unpacked.text("SHA256SUMS");
        text.lines()
            .filter(|line| !line.ends_with("README.txt") && !line.ends_with("manifest.json"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(again.text("schema.sql"), unpacked.text("schema.sql"));
    assert_eq!(again.text("restore.sql"), unpacked.text("restore.sql"));
    assert!(sums(&again).len() > 50 && sums(&again) == sums(&unpacked));
}

/// Reference data alone: tables that refer to what is not in the bundle lose the foreign key.
#[test]
fn a_part_of_the_tables_comes_back() {
    let source = source(&[]);
    let sql = "CREATE SCHEMA s; CREATE TABLE s.entity (id int PRIMARY KEY); CREATE SEQUENCE s.free START 5; CREATE TYPE s.mood AS ENUM ('x');
        CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('y'); CREATE SEQUENCE other.free; CREATE TABLE other.entity (id int);
        CREATE TABLE s.colour (id serial PRIMARY KEY, e int REFERENCES s.entity, parent int REFERENCES s.colour, m other.mood DEFAULT 'y', n int DEFAULT nextval('other.free'));
        INSERT INTO s.entity VALUES (1); INSERT INTO s.colour (e, parent) VALUES (1, NULL), (1, 1); SELECT nextval('s.free');
        INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind) VALUES ('s', 'colour', 'ref')";
    source.connect().batch_execute(sql).unwrap();
    let was = Contents::of(&source).without("entity");
    let unpacked = Unpacked::of_run(&source, "scope => 'config', formats => '{csv}'");
    let target = restored(&unpacked);
    was.assert_restored(&target, &["constraint colour_e_fkey of s.colour", "own definitions of s.colour"]);
    let next = "SELECT concat_ws(' ', nextval('s.free'), nextval('s.colour_id_seq'), nextval('other.free'))";
    assert_eq!(target.connect().query_one(next, &[]).unwrap().get::<_, String>(0), "6 3 3");
    assert_eq!(
        unpacked.left_out(),
        ["foreign key colour_e_fkey on s.colour: refers to a table that this script does not make"]
    );
}

/// A partition whose DETACH CONCURRENTLY was interrupted is a table of its own, as it is when the DETACH is finished.
#[test]
fn a_partition_that_is_half_detached_comes_back_as_a_table() {
    let source = source(&[]);
    let sql = "CREATE TABLE k (k int PRIMARY KEY); INSERT INTO k VALUES (1), (20);
        CREATE TABLE r (k int PRIMARY KEY REFERENCES k CHECK (k > 0)) PARTITION BY RANGE (k); CREATE INDEX ON r (k DESC);
        CREATE TABLE r_1 PARTITION OF r FOR VALUES FROM (0) TO (10); CREATE TABLE r_2 PARTITION OF r FOR VALUES FROM (10) TO (30);
        INSERT INTO r VALUES (1), (20)";
    let mut client = source.connect();
    client.batch_execute(sql).unwrap();
    // What the first half of it leaves behind.
    client.batch_execute("UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'r_1'::regclass").unwrap();
    let target = restored(&Unpacked::of(&source));
    let mut client = target.connect();
    let mut one = |sql: &str| client.query_one(sql, &[]).unwrap().get::<_, String>(0);
    assert_eq!(
        one("SELECT (SELECT string_agg(k::text, ' ') FROM r) || ' ' || (SELECT string_agg(k::text, ' ') FROM r_1)"),
        "20 1"
    );
    assert_eq!(
        one("SELECT string_agg(inhrelid::regclass::text, ' ') FROM pg_inherits WHERE inhparent = 'r'::regclass"),
        "r_2"
    );
    let constraints =
        "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'r_1'::regclass";
    assert_eq!(one(constraints), "r_1_pkey r_k_check r_k_fkey");
    assert_eq!(
        one(
            "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'r_1'::regclass"
        ),
        "r_1_k_idx r_1_pkey"
    );
}

/// The rows of a partition that is a foreign table are in the bundle, so that they need a place.
#[test]
fn a_foreign_partition_comes_back_as_a_table() {
    let source = source(&[]);
    let sql = "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE TABLE r (k int, t text) PARTITION BY LIST (k);
        CREATE TABLE r_1 PARTITION OF r FOR VALUES IN (1); INSERT INTO r VALUES (1, 'here');
        CREATE FOREIGN TABLE r_2 PARTITION OF r FOR VALUES IN (2) SERVER files OPTIONS (program 'echo 2,there', format 'csv')";
    source.connect().batch_execute(sql).unwrap();
    let unpacked = Unpacked::of(&source);
    let target = restored(&unpacked);
    let rows = "SELECT string_agg(tableoid::regclass || ' ' || k || t, ', ' ORDER BY k) FROM r";
    assert_eq!(target.connect().query_one(rows, &[]).unwrap().get::<_, String>(0), "r_1 1here, r_2 2there");
    assert_eq!(unpacked.left_out(), ["foreign table public.r_2: it is an ordinary table here"]);
}

/// `schema.sql` alone is SQL that any client executes: everything but rows and what waits for them.
#[test]
fn schema_sql_stands_by_itself() {
    let source = source(&["tests/restore_script/definitions.sql"]);
    let unpacked = Unpacked::of(&source);
    let target = Cluster::shared().empty_database("");
    target.connect().batch_execute(&unpacked.text("schema.sql")).unwrap();
    let differences = definitions::differences(&definitions::of(&source), &definitions::of(&target));
    let waits = |line: &&String| {
        let names = ["FOREIGN KEY", "NOT VALID", "own definitions", "constraint some_day of "];
        names.iter().any(|name| line.contains(name))
    };
    let unexpected: Vec<&String> = differences.iter().filter(|line| !waits(line)).collect();
    assert!(unexpected.is_empty() && differences.len() > 10, "{unexpected:#?}");
}

#[test]
fn a_bundle_without_csv_has_no_scripts() {
    let source = Cluster::shared().database();
    source.psql(&["-c", "CREATE TABLE t (n int)"]);
    let unpacked = Unpacked::of_run(&source, "formats => '{json,xlsx}'");
    assert!(!unpacked.path("schema.sql").exists() && !unpacked.path("restore.sql").exists());
    assert!(Path::exists(&unpacked.path("json/t.json")));
    let readme = unpacked.text("README.txt");
    assert!(!readme.contains("restore.sql") && !readme.contains("schema.sql"), "{readme}");
}
