//! What is done with one case: exported, damaged, restored, filled in, undone.

use std::process::Command;

use postgres::Client;

use crate::behaviour::OWNERS;
use crate::case::Case;
use crate::damage::{self, Table};
use crate::definitions;
use crate::digest::Digest;
use crate::names::{literal, quoted};
use crate::restores::{OVERWRITE, Restored, call, restore};
use crate::rng::Rng;
use crate::runs::{Backup, run_with};
use crate::sequences::Sequence;
use crate::setup::SETUP;
use crate::support::{Cluster, Database, checked};

/// The sessions that the cases of one database share.
pub struct Sessions {
    /// Calls the extension.
    pub caller: Client,
    /// Breaks what it wants.
    pub vandal: Client,
    /// Reads digests.
    pub reader: Client,
    /// A database without the extension.
    elsewhere: Database<'static>,
}

impl Sessions {
    pub fn of(database: &Database<'_>) -> Sessions {
        let mut vandal = database.connect();
        damage::session(&mut vandal);
        let elsewhere = Cluster::shared().empty_database("");
        // A value that names a type, as those of regtype do, needs it there.
        let extensions: Vec<&str> = SETUP.split(';').filter(|sql| sql.contains("EXTENSION")).collect();
        elsewhere.connect().batch_execute(&extensions.join(";")).expect("contrib is installed");
        Sessions { caller: database.connect(), vandal, reader: database.connect(), elsewhere }
    }
}

/// The roles that own tables; they belong to the cluster.
pub fn owners() -> String {
    let make = |role: &str| {
        format!(
            "DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;"
        )
    };
    OWNERS.map(make).join(" ")
}

/// What one case was good for.
#[derive(Default)]
pub struct Journey {
    pub tables: usize,
    /// How many facts the damage had changed.
    pub damaged: usize,
    pub filled_in: i64,
}

/// Takes a case all the way, and removes its schemas.
pub fn travel(sessions: &mut Sessions, case: &Case) -> Result<Journey, String> {
    let result = build(sessions, case).and_then(|traveller| traveller.travel());
    remove(sessions, case).and(result)
}

/// Drops the schemas of a case.
pub fn remove(sessions: &mut Sessions, case: &Case) -> Result<(), String> {
    for schema in &case.schemas {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(schema));
        sessions.vandal.batch_execute(&drop).map_err(|error| told("the end", &error))?;
    }
    Ok(())
}

/// A case in a database, with its backup.
pub struct Traveller<'a> {
    pub sessions: &'a mut Sessions,
    pub case: &'a Case,
    pub backup: Backup,
    pub tables: Vec<Table>,
    /// The state that was exported.
    exported: Digest,
    pub rng: Rng,
    journey: Journey,
}

/// Makes the tables of a case, and their backup.
pub fn build<'a>(sessions: &'a mut Sessions, case: &'a Case) -> Result<Traveller<'a>, String> {
    let caller = &mut sessions.caller;
    // In one transaction deferred triggers of the rows would stand in the way of ALTER TABLE.
    for sql in &case.sql {
        caller.batch_execute(sql).map_err(|error| format!("{sql}: {}", told("the case's own SQL", &error)))?;
    }
    caller
        .execute("UPDATE paliad_backup.settings SET schemas = $1", &[&case.schemas])
        .map_err(|error| told("settings", &error))?;
    let exported = Digest::of_schemas(&mut sessions.reader, &case.schemas);
    let backup = run_with(caller, "formats => '{csv}'").map_err(|error| told("run()", &error))?;
    let tables = damage::tables(caller, &case.schemas);
    let journey = Journey { tables: tables.len(), ..Journey::default() };
    Ok(Traveller { sessions, case, backup, tables, exported, rng: Rng::new(case.seed ^ 0xdead), journey })
}

impl Traveller<'_> {
    fn travel(mut self) -> Result<Journey, String> {
        self.overwrite()?;
        self.fill_in()?;
        self.undo()?;
        self.empty_database()?;
        self.create_missing()?;
        Ok(self.journey)
    }

    fn digest(&mut self) -> Digest {
        Digest::of_schemas(&mut self.sessions.reader, &self.case.schemas)
    }

    fn restore(&mut self, what: &str, arguments: &str) -> Result<Restored, String> {
        restore(&mut self.sessions.caller, &self.backup.id, arguments).map_err(|error| told(what, &error))
    }

    fn expect(&mut self, expected: &Digest, what: &str) -> Result<(), String> {
        let differences = expected.differences(&self.digest());
        if differences.is_empty() {
            Ok(())
        } else {
            Err(format!("{what} (expected | found):\n{}", differences.join("\n")))
        }
    }

    /// Whatever was done to the data, it is as it was exported.
    fn overwrite(&mut self) -> Result<(), String> {
        damage::wreck(&mut self.sessions.vandal, &mut self.rng, self.case, &self.tables);
        let damaged = self.digest();
        self.journey.damaged = self.exported.differences(&damaged).len();
        self.restore("restore() with overwrite", OVERWRITE)?;
        self.expect(&self.exported.clone(), "after restore() with overwrite")
    }

    /// Rows that were deleted are there again; those that were added or changed since stay; no sequence goes backwards.
    fn fill_in(&mut self) -> Result<(), String> {
        damage::work(&mut self.sessions.vandal, &mut self.rng, self.case, &[], 200);
        // Which value of a sequence is further, where it cycles, nothing tells: those stay.
        damage::move_sequences(&mut self.sessions.vandal, &mut self.rng, self.case, |sequence| !sequence.cycle);
        let mut expected = self.digest();
        let keyed: Vec<&Table> = self.tables.iter().filter(|table| table.has_key).collect();
        let all = keyed.len() == self.tables.len();
        for table in &keyed {
            if !self.case.enforced.iter().any(|at| damage::same_name(&self.case.linked[*at].name, table)) {
                // The rows that were added since are in no backup.
                let old = self.case.linked.iter().find(|linked| damage::same_name(&linked.name, table));
                let condition = old.map_or("true".into(), |linked| linked.untouched_up_to(linked.rows));
                damage::delete_where(&mut self.sessions.vandal, &mut self.rng, table, &condition);
            }
        }
        let manifest = self.backup.manifest();
        let sheet = |table: &&Table| {
            let of = |relation: &paliad_backup::bundle::sheet::Relation| {
                (&relation.schema, &relation.table) == (&table.relation.0, &table.relation.1)
            };
            let entry = manifest.sheets.iter().find(|entry| entry.relation.as_ref().is_some_and(of));
            literal(&entry.expect("every table is exported").name)
        };
        let sheets: Vec<String> = keyed.iter().map(sheet).collect();
        let chosen = if all { "NULL".into() } else { format!("ARRAY[{}]::text[]", sheets.join(", ")) };
        for sequence in &self.case.sequences {
            self.further(&mut expected, sequence)?;
        }
        let arguments = format!("sheets => {chosen}, overwrite => false, dry_run => false, checkpoint => false");
        let restored = self.restore("restore() without overwrite", &arguments)?;
        self.journey.filled_in = restored.total.restored.unwrap_or_default();
        self.expect(&expected, "after restore() without overwrite")
    }

    /// A sequence is expected where it stands, or where it stood, whichever is further.
    fn further(&mut self, expected: &mut Digest, sequence: &Sequence) -> Result<(), String> {
        let name = format!("SELECT 'next value of ' || '{}'::regclass", sequence.name.replace('\'', "''"));
        let row = self.sessions.reader.query_one(&name, &[]).map_err(|error| told("regclass", &error))?;
        let fact: String = row.get(0);
        // Where there is no next value, it is at its end.
        let place = |next: &str| next.parse().map_or(i64::MAX, |next: i64| next * sequence.increment.signum());
        if place(self.exported.fact(&fact)) > place(expected.fact(&fact)) {
            expected.take(&fact, &self.exported);
        }
        Ok(())
    }

    /// What a restore with a checkpoint has overwritten comes back.
    fn undo(&mut self) -> Result<(), String> {
        damage::work(&mut self.sessions.vandal, &mut self.rng, self.case, &self.tables, 300);
        damage::move_sequences(&mut self.sessions.vandal, &mut self.rng, self.case, |_| true);
        let before = self.digest();
        let restored = self.restore("restore() with a checkpoint", "overwrite => true, dry_run => false")?;
        self.expect(&self.exported.clone(), "after restore() with a checkpoint")?;
        let undo =
            format!("paliad_backup.undo_restore('{}', checkpoint => false, dry_run => false)", restored.audit_id());
        call(&mut self.sessions.caller, &undo).map_err(|error| told("undo_restore()", &error))?;
        self.expect(&before, "after undo_restore()")
    }

    /// What schema.sql covers: neither triggers nor checks that call the case's own functions.
    fn covered(&self) -> Digest {
        self.exported.contents().where_value(|value| !value.contains(".small(") && !value.starts_with("TRIGGER"))
    }

    /// The extension itself makes what is gone.
    fn create_missing(&mut self) -> Result<(), String> {
        for schema in &self.case.schemas {
            let drop = format!("DROP SCHEMA {} CASCADE", quoted(schema));
            self.sessions.vandal.batch_execute(&drop).map_err(|error| told("DROP SCHEMA", &error))?;
        }
        self.restore("restore() with create_missing", &format!("create_missing => true, {OVERWRITE}"))?;
        let differences = self.covered().differences(&self.digest().contents());
        if differences.is_empty() {
            Ok(())
        } else {
            Err(format!("after create_missing (expected | found):\n{}", differences.join("\n")))
        }
    }

    /// Unzip and psql alone bring what schema.sql covers into an empty database.
    fn empty_database(&mut self) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        checked(Command::new("unzip").arg("-q").arg(self.backup.path()).arg("-d").arg(folder.path()));
        let elsewhere = &self.sessions.elsewhere;
        let psql = format!("{} -X -q -v ON_ERROR_STOP=1 -f restore.sql", elsewhere.psql_command());
        let output = Command::new("sh").arg("-c").arg(psql).current_dir(folder.path()).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("restore.sql: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let covered = self.covered();
        let found = Digest::of_schemas(&mut elsewhere.connect(), &self.case.schemas).contents();
        let differences = covered.differences(&found);
        if !differences.is_empty() {
            return Err(format!("after restore.sql (expected | found):\n{}", differences.join("\n")));
        }
        let was = definitions::of_schemas(&mut self.sessions.reader, &self.case.schemas);
        let is = definitions::of_schemas(&mut elsewhere.connect(), &self.case.schemas);
        // The case's functions; inherited columns that stand elsewhere than INHERITS would put them; schemas without tables.
        let other = ["own definitions of ", "schema ", "comment on schema "];
        let is_covered = |line: &String| {
            let calls = [".small(", ".half("].iter().any(|function| line.contains(function));
            !calls && !other.iter().any(|fact| line.starts_with(fact))
        };
        let differences: Vec<String> = definitions::differences(&was, &is).into_iter().filter(is_covered).collect();
        if !differences.is_empty() {
            return Err(format!("definitions after restore.sql (was <> is):\n{}", differences.join("\n")));
        }
        let schemas: Vec<String> = self.case.schemas.iter().map(|schema| quoted(schema)).collect();
        let drop = format!(
            "DROP SCHEMA IF EXISTS {} CASCADE; DROP COLLATION IF EXISTS public.without_case",
            schemas.join(", ")
        );
        elsewhere.connect().batch_execute(&drop).map_err(|error| told("the other database", &error))
    }
}

/// An error with all that the server says of it.
pub fn told(what: &str, error: &postgres::Error) -> String {
    let Some(error) = error.as_db_error() else { return format!("{what}: {error}") };
    let (detail, context) = (error.detail().unwrap_or_default(), error.where_().unwrap_or_default());
    format!("{what}: {} {}\n{detail}\n{context}", error.code().code(), error.message())
}
