//! Makes the tables that a bundle has and the database hasn't, from the bundle's schema.sql.
//!
//! A script is code. Each statement is taken apart by the server's grammar, executed only where what it makes is missing, and as
//! who owned the object, or owns the schema. For a bundle from elsewhere the schema's owner must not be a superuser.

use std::collections::{BTreeSet, HashSet};

use pgrx::pg_sys::Oid;

use super::RestoreRequest;
use super::owners::{self, Owners};
use super::source::Source;
use crate::bundle::manifest::Sequence;
use crate::bundle::names::SCHEMA;
use crate::bundle::sheet::Relation;
use crate::catalog::backups::Backup;
use crate::command::LOAD_SETTINGS;
use crate::error::{Error, Result};
use crate::pg::ddl::{Name, Statement, Subject, parse};
use crate::pg::function_guard::{Trusted, trusting};
use crate::pg::identity::{As, act_as};
use crate::pg::query::{Snapshot, scalar, select, write};

/// What was made.
#[derive(Default)]
pub struct Created {
    /// Tables, sequences and indexes.
    relations: HashSet<Name>,
    types: HashSet<Name>,
    tables: Vec<Name>,
    /// Sequences of tables that are not made.
    not_wanted: HashSet<Name>,
    /// What waits for the rows.
    pub(super) behind: Vec<Statement>,
    owners: Owners,
}

impl Created {
    /// Makes what is missing for the chosen sheets: their tables with partitions, and all types and sequences of the script but sequences
    /// of other tables.
    ///
    /// # Errors
    /// [`Error::WrongState`] for a bundle without schema.sql, where an extension is missing, or where a script from elsewhere would run
    /// as a superuser; the server's.
    pub fn make(source: &Source, backup: &Backup, request: &RestoreRequest) -> Result<Created> {
        // A row that was made again from a file, after it was lost, has no run's audit row: it may have been imported as well.
        let imported = backup.imported_at.is_some() || backup.audit_id.is_none();
        let owners = Owners::new(source.manifest.owners.clone(), imported);
        let mut created = Created { owners, ..Created::default() };
        let Some(script) = source.text(SCHEMA)? else {
            return Err(Error::WrongState {
                message: format!("backup {} has no {SCHEMA}", backup.id),
                hint: "Bundles with csv have it: make backups with formats => '{csv, …}'.".into(),
            });
        };
        let statements = parse(&script)?;
        let mut gone: BTreeSet<Name> = BTreeSet::new();
        for sheet in source.chosen(request.sheets.as_deref(), request.scope)? {
            if let Some(Relation { schema, table }) = sheet.relation.clone()
                && !is_relation(&(schema.clone(), table.clone()))?
            {
                gone.insert((schema, table));
            }
        }
        let wanted = with_partitions(gone, &statements);
        created.not_wanted = owned_by_others(&source.manifest.sequences, &statements, &wanted);
        created.owners.relate(&statements, &source.manifest.sequences);
        for statement in &statements {
            if created.is_due(&statement.subject, &wanted)? {
                created.execute(statement)?;
                created.remember(&statement.subject);
            }
        }
        created.owners.hand_over(&created.tables)?;
        created.behind = parse(&source.manifest.behind_rows.join("\n"))?;
        Ok(created)
    }

    /// Foreign keys and whatever else was to wait for the rows, of what was made.
    ///
    /// # Errors
    /// 23503 and others are raised by the server.
    pub fn finish(&mut self) -> Result<()> {
        let behind = std::mem::take(&mut self.behind);
        self.owners.take_back(&self.tables)?;
        for statement in &behind {
            if self.is_due(&statement.subject, &BTreeSet::new())? {
                self.execute(statement)?;
            }
        }
        self.owners.hand_over(&self.tables)?;
        self.owners.call_in()
    }

    /// Whether the table was made.
    pub fn has(&self, relation: &Relation) -> bool {
        self.made(&(relation.schema.clone(), relation.table.clone()))
    }

    /// The same, by its name.
    pub fn made(&self, table: &Name) -> bool {
        self.relations.contains(table)
    }

    fn is_due(&self, subject: &Subject, wanted: &BTreeSet<Name>) -> Result<bool> {
        Ok(match subject {
            Subject::Schema(name) => !exists("pg_namespace WHERE nspname = $1", &[name])?,
            Subject::Extension(name) => {
                if !exists("pg_extension WHERE extname = $1", &[name])? {
                    return Err(Error::WrongState {
                        message: format!("extension {name} is not installed in this database"),
                        hint: format!("CREATE EXTENSION {};", pgrx::spi::quote_identifier(name)),
                    });
                }
                false
            }
            Subject::Type(name) => !in_schema("pg_type AS o", "typnamespace", "typname", name)?,
            Subject::Collation(name) => !in_schema("pg_collation AS o", "collnamespace", "collname", name)?,
            Subject::Sequence(name) => !self.not_wanted.contains(name) && !is_relation(name)?,
            Subject::Table(name) => wanted.contains(name) && !is_relation(name)?,
            // A table that was there before is nobody's to attach: it would be emptied with the rest.
            Subject::OfTable { table, attaches, .. } => {
                self.relations.contains(table)
                    && attaches.as_ref().is_none_or(|partition| self.relations.contains(partition))
            }
            Subject::OfIndex(name) | Subject::OfSequence(name) => self.relations.contains(name),
            Subject::OfType(name) => self.types.contains(name),
            Subject::Other => false,
        })
    }

    fn remember(&mut self, subject: &Subject) {
        match subject {
            Subject::Type(name) => {
                self.types.insert(name.clone());
            }
            Subject::Sequence(name) => {
                self.relations.insert(name.clone());
            }
            Subject::Table(name) => {
                self.relations.insert(name.clone());
                self.tables.push(name.clone());
            }
            Subject::OfTable { table, adds: Some(index), .. } => {
                self.relations.insert((table.0.clone(), index.clone()));
            }
            _ => {}
        }
    }

    fn execute(&mut self, statement: &Statement) -> Result<()> {
        match &statement.subject {
            Subject::Schema(name) => self.owners.make_schema(name, &statement.text),
            Subject::Type(name) | Subject::Collation(name) | Subject::Sequence(name) | Subject::Table(name) => {
                self.owners.make(name, statement)
            }
            Subject::OfTable { table: name, .. }
            | Subject::OfIndex(name)
            | Subject::OfSequence(name)
            | Subject::OfType(name) => self.owners.change(owners::of(name)?, statement),
            Subject::Extension(_) | Subject::Other => Ok(()),
        }
    }
}

/// Executes a definition as a role.
pub fn execute(role: Oid, statement: &str) -> Result<()> {
    act_as(As::Writer(role), &LOAD_SETTINGS, || {
        trusting(Trusted::SuperusersForSuperusers, || write(statement, &[]).map(drop))
    })
}

/// The tables, and the partitions that the script attaches to them, at any depth.
fn with_partitions(mut tables: BTreeSet<Name>, statements: &[Statement]) -> BTreeSet<Name> {
    loop {
        let before = tables.len();
        for statement in statements {
            if let Subject::OfTable { table, attaches: Some(partition), .. } = &statement.subject
                && tables.contains(table)
            {
                tables.insert(partition.clone());
            }
        }
        if tables.len() == before {
            return tables;
        }
    }
}

/// The script's sequences whose tables it makes, but not now: they could not be given to them.
fn owned_by_others<'a>(sequences: &[Sequence], statements: &'a [Statement], wanted: &BTreeSet<Name>) -> HashSet<Name> {
    let table =
        |statement: &'a Statement| if let Subject::Table(name) = &statement.subject { Some(name) } else { None };
    let made: HashSet<&Name> = statements.iter().filter_map(table).collect();
    let is_apart = |sequence: &&Sequence| {
        let owner = sequence.owned_by.as_ref().map(|owner| (owner.schema.clone(), owner.table.clone()));
        owner.is_some_and(|owner| !wanted.contains(&owner) && made.contains(&owner))
    };
    sequences.iter().filter(is_apart).map(|sequence| (sequence.schema.clone(), sequence.name.clone())).collect()
}

/// Whether there is such a relation.
///
/// # Errors
/// The server's.
pub fn is_relation(name: &Name) -> Result<bool> {
    in_schema("pg_class AS o", "relnamespace", "relname", name)
}

fn in_schema(catalog: &str, namespace: &str, column: &str, name: &Name) -> Result<bool> {
    let from = format!(
        "{catalog} JOIN pg_catalog.pg_namespace AS n ON n.oid = o.{namespace} WHERE n.nspname = $1 AND o.{column} = $2"
    );
    exists(&from, &[&name.0, &name.1])
}

/// Whether a query over the catalog that `from` begins with finds anything.
///
/// # Errors
/// The server's.
pub fn exists(from: &str, parameters: &[&String]) -> Result<bool> {
    let parameters: Vec<Option<&str>> = parameters.iter().map(|parameter| Some(parameter.as_str())).collect();
    let sql = format!("SELECT EXISTS (SELECT FROM pg_catalog.{from})");
    Ok(scalar(select(Snapshot::Latest, &sql, &parameters)?).as_deref() == Some("t"))
}
