//! schema.sql: the definitions of the exported tables and of what they need, one statement for each object, and what restore.sql
//! adds behind the rows. All text is the server's own (`pg_get_constraintdef` and its like), with qualified names.
//!
//! What cannot be in a database without the application's functions is left out, and listed by name at the head of the script: then
//! the script always runs.

mod catalog;
mod checks;
mod columns;
mod comments;
mod constraints;
mod domains;
mod foreign_keys;
mod inheritance;
mod keys;
mod left_out;
mod notes;
mod objects;
pub mod owners;
mod partitions;
mod selection;
mod sequences;
mod table_sql;
mod tables;
mod text;
mod types;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use crate::bundle::manifest::Format;
use crate::bundle::restore_script::Definitions;
use crate::bundle::sheet::RelationKind;
use crate::error::Result;
use catalog::Catalog;
use constraints::Constraint;
use left_out::LeftOut;
use objects::{Class, Object, Place, Unit};
use selection::Selection;
use tables::Table;

/// Describes the tables of the plan, their partitions, and these sequences; none where there is no csv.
///
/// # Errors
/// The server's.
pub fn definitions(
    plan: &Plan,
    formats: &[Format],
    sequences: &[super::sequences::Planned],
) -> Result<Option<Definitions>> {
    if !formats.contains(&Format::Csv) {
        return Ok(None);
    }
    let forbidden: BTreeSet<u32> = plan.forbidden.iter().copied().collect();
    let is_table = |planned: &&super::plan::PlannedSheet| planned.sheet.relation_kind == Some(RelationKind::Table);
    let roots = plan.sheets.iter().filter(is_table).filter_map(|planned| planned.names.first().copied()).collect();
    let members = tables::with_partitions(&roots, &forbidden)?;
    let sequences = sequences.iter().map(super::sequences::Planned::oid).collect();
    let catalog = Catalog::read(members, sequences, forbidden.iter().copied())?;
    Writer::new(&catalog)?.write(&forbidden).map(Some)
}

/// The script under construction.
struct Writer<'a> {
    catalog: &'a Catalog,
    tables: BTreeMap<u32, Table>,
    constraints: Vec<Constraint>,
    indexes: Vec<constraints::Index>,
    sequences: BTreeMap<u32, sequences::Sequence>,
    selection: Selection<'a>,
    left_out: LeftOut,
    /// Sections of statements in their order.
    script: Vec<String>,
    behind_rows: Vec<String>,
    /// Constraints that the script or the statements behind the rows make.
    constrained: Vec<Object>,
    /// Those that stand behind the rows.
    late: BTreeSet<Object>,
}

impl<'a> Writer<'a> {
    fn new(catalog: &'a Catalog) -> Result<Writer<'a>> {
        let tables = tables::read(&catalog.tables)?;
        let constraints = constraints::constraints(&catalog.tables)?;
        let indexes = constraints::indexes(&catalog.tables, &constraints)?;
        let sequences = sequences::read(&catalog.sequences)?;
        let schemas: BTreeSet<u32> = tables.values().map(|table| table.schema).collect();
        // Composite types that are some relation's rows come with that relation.
        let own = catalog.types.iter().filter(|(oid, found)| {
            found.of.is_none()
                && schemas.contains(&found.schema)
                && matches!(catalog.place(Object::of_type(**oid)), Place::Unit(Unit::Type(_)))
        });
        let stands_alone =
            |relation: u32| catalog.relations.get(&relation).is_some_and(|relation| relation.kind == 'c');
        let types =
            own.filter(|(_, found)| found.relation.is_none_or(stands_alone)).map(|(oid, _)| Object::of_type(*oid));
        let collations = types::collations_in(&schemas)?;
        let collations = collations.into_iter().map(|oid| Object { class: Class::Collation, oid });
        let selection = Selection::of(catalog, types.chain(collations), &expressions(&tables, &constraints, &indexes));
        Ok(Writer {
            catalog,
            tables,
            constraints,
            indexes,
            sequences,
            selection,
            left_out: LeftOut::default(),
            script: Vec::new(),
            behind_rows: Vec::new(),
            constrained: Vec::new(),
            late: BTreeSet::new(),
        })
    }

    fn write(mut self, forbidden: &BTreeSet<u32>) -> Result<Definitions> {
        let partition_keys = self.partition_keys()?;
        self.note_dropped()?;
        let schemas = self.schemas()?;
        let columns = columns::settle(self.catalog, &self.tables, &mut self.selection, &mut self.left_out)?;
        let made: BTreeSet<u32> =
            self.tables.keys().copied().filter(|oid| self.selection.makes(Unit::Table(*oid))).collect();
        let links = inheritance::links(&self.tables, &made, &columns);
        self.note_inheritance(&links);

        let collations = types::collations(&self.selection.collations())?;
        self.section("Collations", by_name(collations.into_values().map(|(_, name, statement)| (name, statement))));
        let sequences =
            self.sequences.values().filter_map(|found| Some((found.name.clone(), found.definition.clone()?)));
        let sequences = by_name(sequences);
        self.section("Sequences", sequences);
        self.types_and_tables(&partition_keys, &links, &columns)?;
        self.late_defaults(&columns);
        let owners = self.owners(&made);
        self.section("Owners of sequences", owners);
        self.attach_partitions(&links);
        checks::write_late(&mut self, &links)?;
        keys::write(&mut self, &links)?;
        foreign_keys::write(&mut self, &links, forbidden)?;
        self.comments(&schemas)?;
        self.finish(&schemas, forbidden)
    }

    /// A section, where there is anything in it.
    fn section(&mut self, title: &str, statements: Vec<String>) {
        if !statements.is_empty() {
            self.script.push(format!("-- {title}.\n{}\n", statements.join("\n")));
        }
    }
}

/// All expressions of tables and domains, by which they can need types.
fn expressions(
    tables: &BTreeMap<u32, Table>,
    constraints: &[Constraint],
    indexes: &[constraints::Index],
) -> Vec<Object> {
    let defaults = tables.values().flat_map(|table| &table.columns).filter_map(|column| column.default.as_ref());
    let defaults = defaults.map(|(oid, _)| columns::default_object(*oid));
    let checks =
        constraints.iter().filter(|constraint| constraint.table != 0).map(|found| Object::constraint(found.oid));
    let indexes = indexes.iter().map(|index| Object::relation(index.oid));
    defaults.chain(checks).chain(indexes).collect()
}

/// Statements in the order of their objects' names.
fn by_name(statements: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let sorted: BTreeMap<String, String> = statements.collect();
    sorted.into_values().collect()
}
