//! Into an empty database without the extension, by unzip and psql alone: schema.sql and restore.sql bring back every definition, row
//! and position, and name what they leave out.

#[path = "../support/digest.rs"]
mod digest;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/mod.rs"]
mod support;

mod definitions;
mod left_out;
mod sessions;
mod values;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use digest::Digest;
use runs::run_with;
use support::{Cluster, Database, bindir, checked};
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
