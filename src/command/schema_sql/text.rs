//! The text of the script: its head with the list of what is left out, schemas and extensions, then the sections.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Extension;
use super::constraints::Constraint;
use super::objects::{Class, Object, Unit};
use super::sequences::Sequence;
use super::{Writer, columns, types};
use crate::bundle::psql::{printable, without_variables};
use crate::bundle::restore_script::Definitions;
use crate::bundle::sheet::Relation;
use crate::error::Result;

/// What the head of the script says before the list.
const HEAD: &str = "\
-- Tables and what they need: schemas, extensions, types, sequences, constraints, indexes, comments. Foreign keys stand in
-- restore.sql, which executes this script, loads the rows and adds the foreign keys. Everything belongs to who executes it.
";

const SETTINGS: &str = "
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET search_path = pg_catalog;
";

impl Writer<'_> {
    /// The schemas in which anything is made, but those that an extension or the server makes.
    pub(super) fn schemas(&mut self) -> Result<BTreeMap<u32, String>> {
        let catalog = self.catalog;
        let tables = self.tables.values().filter(|table| self.selection.makes(Unit::Table(table.oid)));
        let mut oids: BTreeSet<u32> = tables.map(|table| table.schema).collect();
        oids.extend(self.selection.types().iter().filter_map(|oid| catalog.types.get(oid)).map(|found| found.schema));
        oids.extend(self.sequences.values().map(|sequence| sequence.schema));
        let collations = types::collations(&self.selection.collations())?;
        oids.extend(collations.values().map(|(schema, ..)| *schema));
        oids.retain(|oid| catalog.extension_of(Object { class: Class::Schema, oid: *oid }).is_none());
        oids.iter().for_each(|oid| self.selection.add(Unit::Schema(*oid)));
        Ok(oids.into_iter().filter_map(|oid| Some((oid, catalog.schemas.get(&oid)?.clone()))).collect())
    }

    /// The scripts.
    pub(super) fn finish(mut self, schemas: &BTreeMap<u32, String>, forbidden: &BTreeSet<u32>) -> Result<Definitions> {
        let made: Vec<u32> =
            self.tables.keys().copied().filter(|oid| self.selection.makes(Unit::Table(*oid))).collect();
        let with_sequences: Vec<u32> = made.iter().copied().chain(self.sequences.keys().copied()).collect();
        let schema_oids: Vec<u32> = schemas.keys().copied().collect();
        let forbidden: Vec<u32> = forbidden.iter().copied().collect();
        self.left_out.add_kinds(&schema_oids, &with_sequences, &forbidden)?;

        let extensions: Vec<&Extension> = self
            .selection
            .extensions(&expressions_made(&self))
            .into_iter()
            .filter_map(|oid| self.catalog.extensions.get(&oid))
            .collect();
        let mut names: BTreeSet<&str> = schemas.values().map(String::as_str).collect();
        let is_apart = |oid: u32| self.catalog.extension_of(Object { class: Class::Schema, oid }).is_none();
        let of_extensions = extensions.iter().filter(|extension| is_apart(extension.schema));
        names.extend(
            of_extensions.filter_map(|extension| self.catalog.schemas.get(&extension.schema)).map(String::as_str),
        );
        names.retain(|name| !name.starts_with("pg_") && *name != "information_schema");
        let quoted = |name: &str| pgrx::spi::quote_identifier(name);
        let mut head: Vec<String> = Vec::new();
        if !names.is_empty() {
            let statements: Vec<String> =
                names.iter().map(|name| format!("CREATE SCHEMA IF NOT EXISTS {};", quoted(name))).collect();
            head.push(format!("-- Schemas.\n{}\n", statements.join("\n")));
        }
        if !extensions.is_empty() {
            let statement = |extension: &&Extension| {
                let schema = self.catalog.schemas.get(&extension.schema).map(|name| quoted(name)).unwrap_or_default();
                format!("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {schema};", extension.name)
            };
            let statements: Vec<String> = extensions.iter().map(statement).collect();
            head.push(format!("-- Extensions.\n{}\n", statements.join("\n")));
        }
        let mut schema = HEAD.to_owned();
        let lines: Vec<String> = self.left_out.lines().map(|line| format!("--   {}\n", printable(line))).collect();
        schema += if lines.is_empty() { "-- Nothing is left out.\n" } else { "-- Left out:\n" };
        schema += &lines.concat();
        schema += SETTINGS;
        for section in head.iter().chain(&self.script) {
            schema += &format!("\n{}", without_variables(section));
        }
        let behind_rows = self.behind_rows.iter().map(|statement| without_variables(statement)).collect();
        let tables: BTreeSet<Relation> =
            made.iter().filter_map(|oid| self.tables.get(oid)).map(|table| table.relation.clone()).collect();
        let is_made = |sequence: &&Sequence| {
            sequence.definition.is_some() || sequence.owner.as_ref().is_some_and(|(table, ..)| made.contains(table))
        };
        let sequences = self.sequences.values().filter(is_made).map(|sequence| sequence.relation.clone()).collect();
        Ok(Definitions { schema, tables, sequences, behind_rows })
    }
}

/// The expressions that the script has.
fn expressions_made(writer: &Writer<'_>) -> Vec<Object> {
    let made = writer.tables.values().filter(|table| writer.selection.makes(Unit::Table(table.oid)));
    let mut objects = Vec::new();
    for table in made {
        let defaults = table.columns.iter().filter_map(|column| column.default.as_ref());
        let defaults = defaults.map(|(oid, _)| columns::default_object(*oid));
        objects.extend(defaults.filter(|object| writer.selection.missing(*object, table.oid).is_none()));
    }
    let kept = |constraint: &&Constraint| {
        writer.selection.missing(Object::constraint(constraint.oid), constraint.table).is_none()
            && (constraint.domain == 0 || writer.selection.makes(Unit::Type(constraint.domain)))
            && (constraint.table == 0 || writer.selection.makes(Unit::Table(constraint.table)))
    };
    objects.extend(writer.constraints.iter().filter(kept).map(|found| Object::constraint(found.oid)));
    objects
}
