//! Tables like the live ones in a schema that is never committed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pgrx::pg_sys::Oid;
use pgrx::spi::{quote_identifier, quote_qualified_identifier};

use super::create::execute;
use super::fit::{columns_of, misfits};
use super::owners::role_name;
use super::targets::Target;
use crate::bundle::BundleError;
use crate::bundle::manifest::SheetEntry;
use crate::catalog::extension;
use crate::catalog::registry;
use crate::catalog::settings::Settings;
use crate::command::plan::{self, Found};
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, number, oid_array, scalar, select};

/// The schema, and what has been made in it.
pub struct Scratch {
    schema: String,
    owner: Oid,
    live: HashMap<(String, String), Found>,
    /// By the live table's oid.
    made: BTreeMap<u32, (String, Target)>,
    names: HashSet<String>,
}

/// A table of the schema.
pub struct ScratchTable {
    /// Where rows are loaded.
    pub target: Target,
    /// From what it was made, as a sentence.
    pub made: String,
    /// It has all of the sheet's columns, generated ones included, in their order.
    pub is_whole: bool,
    live: Option<u32>,
}

/// A foreign key between two tables of the schema.
pub struct ForeignKey {
    sql: String,
    owner: Oid,
    /// A table of the schema, quoted.
    refers_to: String,
}

impl Scratch {
    /// Makes the schema.
    ///
    /// # Errors
    /// The server's.
    pub fn create(id: &str) -> Result<Scratch> {
        let schema = format!("paliad_backup_rehearsal_{}", id.get(..8).unwrap_or_default());
        let owner = extension::lookup()?.owner;
        let live = plan::tables(&Settings::read()?, &registry::sheets()?)?;
        execute(owner, &format!("CREATE SCHEMA {}", quote_identifier(&schema)))?;
        let live = live.into_iter().map(|table| ((table.schema.clone(), table.name.clone()), table)).collect();
        Ok(Scratch { schema, owner, live, made: BTreeMap::new(), names: HashSet::new() })
    }

    /// Makes a table for a sheet: like the live table, with its constraints and indexes, as its owner; or, where that is gone or doesn't
    /// fit, by the manifest alone.
    ///
    /// # Errors
    /// The server's.
    pub fn table(&mut self, sheet: &SheetEntry) -> Result<ScratchTable> {
        // The server names constraints after it: messages should show the live table's name, where no other schema has it too.
        let own =
            sheet.relation.as_ref().map(|relation| relation.table.clone()).filter(|name| !self.names.contains(name));
        let name = own.unwrap_or_else(|| format!("table {}", self.names.len()));
        self.names.insert(name.clone());
        let name = quote_qualified_identifier(&self.schema, &name);
        let relation = sheet.relation.as_ref().map(|at| (at.schema.clone(), at.table.clone()));
        let live = relation.and_then(|relation| self.live.get(&relation)).cloned();
        let columns = match &live {
            Some(live) => columns_of(&[live.oid])?.remove(&live.oid).unwrap_or_default(),
            None => Vec::new(),
        };
        let problems = misfits(sheet, &columns);
        let (owner, made) = match &live {
            Some(live) if problems.is_empty() => {
                self.admit(live.owner)?;
                let like = format!(
                    "CREATE TABLE {name} (LIKE {} INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE)",
                    live.qualified()
                );
                execute(live.owner, &like)?;
                for extra in columns.iter().filter(|column| !sheet.columns.iter().any(|own| own.name == column.name)) {
                    let drop = format!("ALTER TABLE {name} DROP COLUMN {} CASCADE", quote_identifier(&extra.name));
                    execute(live.owner, &drop)?;
                }
                (live.owner, "made like the live table".to_owned())
            }
            _ => {
                let statement = by_manifest(&name, sheet)
                    .map_err(|error| if live.is_some() { differing(error, &problems) } else { error })?;
                execute(self.owner, &statement)?;
                let why = if live.is_some() { problems.join(", ") } else { "there is no live table".into() };
                (self.owner, format!("made by the manifest alone ({why})"))
            }
        };
        let like_live = live.filter(|_| problems.is_empty());
        let oid = scalar(select(Snapshot::Latest, "SELECT pg_catalog.to_regclass($1)::oid", &[Some(&name)])?);
        let oid = number(&oid).ok_or_else(|| Error::internal("a scratch table is gone"))?;
        Ok(ScratchTable {
            is_whole: like_live.is_some() || sheet.columns.iter().all(|column| !column.generated),
            live: like_live.map(|live| live.oid),
            made,
            target: Target {
                sheet: sheet.clone(),
                oid: Oid::from(oid),
                qualified: name,
                is_partitioned: false,
                owner,
                columns: sheet.csv_columns().map(|column| column.name.clone()).collect(),
                members: BTreeSet::from([oid]),
                excluded: BTreeSet::new(),
                made: true,
                problems: Vec::new(),
            },
        })
    }

    /// Remembers a table that was loaded, for the foreign keys.
    pub fn keep(&mut self, table: ScratchTable) {
        if let Some(live) = table.live {
            self.made.insert(live, (table.target.sheet.name.clone(), table.target));
        }
    }

    /// The valid foreign keys of the live tables, between their images; with the sheet that has the key.
    ///
    /// # Errors
    /// The server's.
    pub fn foreign_keys(&self) -> Result<Vec<(String, ForeignKey)>> {
        let rows = select(
            Snapshot::Latest,
            "SELECT k.conrelid, k.confrelid, k.conname, \
             (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY c.place) \
                FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS c (number, place) \
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.number), \
             (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY c.place) \
                FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS c (number, place) \
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = c.number), \
             CASE k.confmatchtype WHEN 'f' THEN ' MATCH FULL' ELSE '' END \
             FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 \
             AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($1::oid[]) ORDER BY k.oid",
            &[Some(&oid_array(self.made.keys().copied()))],
        )?;
        let key = |row: Vec<Option<String>>| {
            let (sheet, from) = self.made.get(&number(&row[0])?)?;
            let (_, to) = self.made.get(&number(&row[1])?)?;
            let text = |index: usize| row[index].as_deref().unwrap_or_default();
            let sql = format!(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
                from.qualified,
                quote_identifier(text(2)),
                text(3),
                to.qualified,
                text(4),
                text(5)
            );
            Some((sheet.clone(), ForeignKey { sql, owner: from.owner, refers_to: to.qualified.clone() }))
        };
        Ok(rows.into_iter().filter_map(key).collect())
    }

    /// Adds a foreign key, which checks all rows. Its owner may refer to the other's table for that, and not read it: code of one owner
    /// runs beside the rows of all.
    ///
    /// # Errors
    /// 23503 with the constraint and a key is raised by the server.
    pub fn add(&self, key: &ForeignKey) -> Result<()> {
        execute(self.owner, &format!("GRANT REFERENCES ON {} TO {}", key.refers_to, role_name(key.owner)?))?;
        execute(key.owner, &key.sql)
    }

    fn admit(&self, owner: Oid) -> Result<()> {
        let grant = format!("GRANT ALL ON SCHEMA {} TO {}", quote_identifier(&self.schema), role_name(owner)?);
        execute(self.owner, &grant)
    }
}

/// The manifest is anybody's text: names are quoted, types and collations are those that the server finds under their names.
fn by_manifest(name: &str, sheet: &SheetEntry) -> Result<String> {
    let mut columns = Vec::new();
    for column in sheet.csv_columns() {
        let type_name = &column.type_name;
        // A comment would hide what follows; the server's parser takes nothing else for one type's name.
        if ["--", "/*"].iter().any(|comment| type_name.contains(comment)) {
            return Err(BundleError::Damaged(format!("{type_name:?} is no name of a type")).into());
        }
        found("pg_catalog.to_regtype", type_name, "type")?;
        let collation = match &column.collation {
            Some(collation) => format!(" COLLATE {}", found("pg_catalog.to_regcollation", collation, "collation")?),
            None => String::new(),
        };
        let not_null = if column.not_null { " NOT NULL" } else { "" };
        columns.push(format!("{} {type_name}{collation}{not_null}", quote_identifier(&column.name)));
    }
    if !sheet.primary_key.is_empty() {
        let key: Vec<String> = sheet.primary_key.iter().map(quote_identifier).collect();
        columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    Ok(format!("CREATE TABLE {name} ({})", columns.join(", ")))
}

/// The object of that name, as the server writes it: an unquoted name of a collation may hold any SQL without blanks.
fn found(lookup: &str, name: &str, what: &str) -> Result<String> {
    let found = scalar(select(Snapshot::Latest, &format!("SELECT {lookup}($1)::text"), &[Some(name)])?);
    found.ok_or_else(|| Error::UnknownObject {
        message: format!("there is no {what} {name}"),
        hint: "restore(create_missing => true) makes it by the bundle's schema.sql, where that has it; else create it, or the \
               extension that it belongs to."
            .into(),
    })
}

/// Where a live table stays, no restore makes what it lacks.
fn differing(error: Error, problems: &[String]) -> Error {
    let Error::UnknownObject { message, hint } = error else { return error };
    let problems = problems.join(", ");
    let hint = format!("{hint} The live table differs, and restore() would refuse it: {problems}.");
    Error::UnknownObject { message, hint }
}
