//! schema.sql: the definitions of the exported tables and of what they need, one statement for each object, and what restore.sql
//! adds behind the rows. All text is the server's own (`pg_get_constraintdef` and its like), with qualified names.
//!
//! What cannot be in a database without the application's functions is left out, and listed by name at the head of the script: then
//! the script always runs.

mod catalog;
mod columns;
mod comments;
mod constraints;
mod domains;
mod inheritance;
mod keys;
mod left_out;
mod selection;
mod sequences;
mod table_sql;
mod tables;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use crate::bundle::manifest::Format;
use crate::bundle::psql::{printable, without_variables};
use crate::bundle::restore_script::Definitions;
use crate::bundle::sheet::{Relation, RelationKind};
use crate::error::Result;
use catalog::{Catalog, Class, Object, Place, Unit};
use columns::Columns;
use constraints::Constraint;
use inheritance::Link;
use left_out::LeftOut;
use selection::Selection;
use tables::Table;

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
        let indexes = constraints::indexes(&catalog.tables)?;
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
        let schemas = self.schemas();
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
        keys::write(&mut self, &links)?;
        keys::foreign_keys(&mut self, &links, forbidden)?;
        self.comments(&schemas)?;
        self.finish(&schemas, forbidden)
    }

    /// A section, where there is anything in it.
    fn section(&mut self, title: &str, statements: Vec<String>) {
        if !statements.is_empty() {
            self.script.push(format!("-- {title}.\n{}\n", statements.join("\n")));
        }
    }

    /// What is not made at all, and what is made as something else.
    fn note_dropped(&mut self) -> Result<()> {
        for (unit, missing) in self.selection.dropped.clone() {
            self.left_out.add_because(self.catalog, &self.described(unit), missing)?;
        }
        for oid in self.selection.types() {
            let relation = self.catalog.types.get(&oid).and_then(|found| found.relation);
            if relation.and_then(|oid| self.catalog.relations.get(&oid)).is_some_and(|relation| relation.kind != 'c') {
                self.left_out.add(format!("{}: only its row type is here", self.described(Unit::Type(oid))));
            }
        }
        for table in tables::read(&self.catalog.of_extensions)?.values() {
            self.left_out.add(format!("table {} and its rows: it belongs to an extension", table.name));
        }
        for table in self.tables.values().filter(|table| table.kind == 'f') {
            self.left_out.add(format!("foreign table {}: it is an ordinary table here", table.name));
        }
        Ok(())
    }

    /// Inheritance that is not what it was.
    fn note_inheritance(&mut self, links: &BTreeMap<u32, Link>) {
        for (oid, link) in links {
            let Some(table) = self.tables.get(oid) else { continue };
            let lacks_parent = table.bound.is_none() && link.parents().len() < table.parents.len();
            for (applies, what) in [
                (
                    matches!(link, Link::InheritsLater(_)),
                    "what it inherits is its own as well, to keep the columns' order",
                ),
                (lacks_parent, "from a table that this script does not make"),
            ] {
                if applies {
                    self.left_out.add(format!("inheritance of {}: {what}", table.name));
                }
            }
        }
    }

    /// Kind and name of a type or table.
    fn described(&self, unit: Unit) -> String {
        match unit {
            Unit::Table(_) => format!("table {}", self.name(unit)),
            _ => format!("type {}", self.name(unit)),
        }
    }

    fn name(&self, unit: Unit) -> String {
        let name = match unit {
            Unit::Table(oid) => self.tables.get(&oid).map(|table| &table.name),
            Unit::Type(oid) => self.catalog.types.get(&oid).map(|found| &found.name),
            _ => None,
        };
        name.cloned().unwrap_or_default()
    }

    /// The keys of the tables that stay partitioned. Where a key calls what is not there, the table becomes an ordinary one, and its
    /// partitions go.
    fn partition_keys(&mut self) -> Result<BTreeMap<u32, String>> {
        let mut keys = BTreeMap::new();
        for table in self.tables.values() {
            let Some(key) = &table.partition_key else { continue };
            let method = pgrx::pg_sys::AccessMethodRelationId.to_u32();
            let of_key = self.catalog.references(Object::relation(table.oid)).iter().filter(|reference| {
                reference.of_column == 0
                    && !matches!(reference.to.class, Class::Relation | Class::Schema | Class::Type)
                    && reference.to.class != Class::Other(method)
            });
            match of_key.map(|reference| reference.to).find(|to| !self.selection.has(*to)) {
                Some(missing) => {
                    let what = format!("partitions of {}, which is an ordinary table here", table.name);
                    self.left_out.add_because(self.catalog, &what, missing)?;
                }
                None => {
                    keys.insert(table.oid, key.clone());
                }
            }
        }
        let is_lost =
            |table: &&Table| table.bound.is_some() && table.parents.first().is_some_and(|p| !keys.contains_key(p));
        let mut lost: BTreeSet<u32> = self.tables.values().filter(is_lost).map(|table| table.oid).collect();
        loop {
            let below =
                |table: &&Table| table.bound.is_some() && table.parents.first().is_some_and(|p| lost.contains(p));
            let more: Vec<u32> = self.tables.values().filter(below).map(|table| table.oid).collect();
            let before = lost.len();
            lost.extend(more);
            if lost.len() == before {
                break;
            }
        }
        // A partition whose DETACH was not finished has a bound, and no parent that is looked at.
        self.selection.remove_tables(&lost);
        Ok(keys)
    }

    /// The schemas in which anything is made, but those that an extension or the server makes.
    fn schemas(&mut self) -> BTreeMap<u32, String> {
        let catalog = self.catalog;
        let tables = self.tables.values().filter(|table| self.selection.makes(Unit::Table(table.oid)));
        let mut oids: BTreeSet<u32> = tables.map(|table| table.schema).collect();
        oids.extend(self.selection.types().iter().filter_map(|oid| catalog.types.get(oid)).map(|found| found.schema));
        oids.extend(self.sequences.values().map(|sequence| sequence.schema));
        let collations = types::collations(&self.selection.collations()).unwrap_or_default();
        oids.extend(collations.values().map(|(schema, ..)| *schema));
        oids.retain(|oid| catalog.extension_of(Object { class: Class::Schema, oid: *oid }).is_none());
        oids.iter().for_each(|oid| self.selection.add(Unit::Schema(*oid)));
        oids.into_iter().filter_map(|oid| Some((oid, catalog.schemas.get(&oid)?.clone()))).collect()
    }

    fn types_and_tables(
        &mut self,
        partition_keys: &BTreeMap<u32, String>,
        links: &BTreeMap<u32, Link>,
        columns: &Columns,
    ) -> Result<()> {
        let types = self.selection.types();
        let bodies = types::bodies(&types)?;
        let domains = domains::read(self, &types)?;
        let ranges = self.ranges(&types)?;
        let needs_more = |unit: Unit| match unit {
            Unit::Table(oid) => self.inline_needs(oid, links, columns),
            Unit::Type(oid) => domains.get(&oid).map(|domain| domain.needs.clone()).unwrap_or_default(),
            _ => Vec::new(),
        };
        let (order, circular) = self.selection.in_order(|unit| self.name(unit), needs_more);
        let mut statements = Vec::new();
        for unit in order {
            match unit {
                Unit::Type(oid) => {
                    let Some(body) = bodies.get(&oid) else { continue };
                    let name = self.name(unit);
                    statements.push(match (domains.get(&oid), ranges.get(&oid)) {
                        (Some(domain), _) => format!("CREATE DOMAIN {name} AS {body}{};", domain.rest),
                        (None, Some(functions)) => format!("CREATE TYPE {name} AS {body}{functions});"),
                        (None, None) => format!("CREATE TYPE {name} AS {body};"),
                    });
                }
                Unit::Table(oid) => {
                    let Some((table, link)) = self.tables.get(&oid).zip(links.get(&oid)) else { continue };
                    let parts = table_sql::Parts {
                        link,
                        checks: keys::inline_checks(self, table, links),
                        partition_key: partition_keys.get(&oid).map(String::as_str),
                        access_method: self.access_method(table),
                        of_type: table.of_type.as_deref().filter(|_| self.has_type_of(table)),
                    };
                    statements.extend(table_sql::statements(table, &parts, &self.tables, columns));
                }
                _ => {}
            }
        }
        for domain in domains.into_values() {
            self.constrained.extend(domain.constraints);
            self.late.extend(domain.late);
            self.behind_rows.extend(domain.behind_rows);
        }
        let inline = keys::inline_check_objects(self, links);
        self.constrained.extend(inline);
        self.section("Types and tables", statements);
        let circular: BTreeSet<u32> = circular
            .into_iter()
            .filter_map(|unit| {
                self.left_out.add(format!("{}: needs itself", self.described(unit)));
                if let Unit::Table(oid) = unit { Some(oid) } else { None }
            })
            .collect();
        self.selection.remove_tables(&circular);
        Ok(())
    }

    /// SUBTYPE_DIFF and CANONICAL of ranges. Without them values are kept as they are.
    fn ranges(&mut self, types: &BTreeSet<u32>) -> Result<BTreeMap<u32, String>> {
        let mut parts: BTreeMap<u32, String> = BTreeMap::new();
        for oid in types.iter().filter(|oid| self.catalog.types.get(oid).is_some_and(|found| found.kind == 'r')) {
            parts.insert(*oid, String::new());
        }
        for function in types::range_functions(types)? {
            let object = Object { class: Class::Other(pgrx::pg_sys::ProcedureRelationId.to_u32()), oid: function.oid };
            if self.selection.has(object) {
                *parts.entry(function.range).or_default() += &format!(", {} = {}", function.role, function.name);
            } else {
                let what = format!("{} of {}", function.role, self.described(Unit::Type(function.range)));
                self.left_out.add_because(self.catalog, &what, object)?;
            }
        }
        Ok(parts)
    }

    /// What the expressions in a table's own statement need, and the parents.
    fn inline_needs(&self, oid: u32, links: &BTreeMap<u32, Link>, columns: &Columns) -> Vec<Object> {
        let Some(table) = self.tables.get(&oid) else { return Vec::new() };
        let mut needs: Vec<Object> = Vec::new();
        let expressions = table.columns.iter().filter_map(|column| {
            let settled = columns.get(&(oid, column.number))?;
            let inline = settled.default.is_some() || settled.generated.is_some();
            column.default.as_ref().filter(|_| inline).map(|(default, _)| columns::default_object(*default))
        });
        for expression in expressions.chain(keys::inline_check_objects_of(self, table, links)) {
            needs.extend(self.catalog.references(expression).iter().map(|reference| reference.to));
        }
        if let Some(link @ (Link::Inherits(_) | Link::InheritsLater(_))) = links.get(&oid) {
            needs.extend(link.parents().iter().map(|parent| Object::relation(*parent)));
        }
        if self.has_type_of(table) {
            needs.extend(self.references_of_whole(table).filter(|to| to.class == Class::Type));
        }
        needs
    }

    fn references_of_whole(&self, table: &Table) -> impl Iterator<Item = Object> {
        let references = self.catalog.references(Object::relation(table.oid)).iter();
        references.filter(|reference| reference.of_column == 0).map(|reference| reference.to)
    }

    fn has_type_of(&self, table: &Table) -> bool {
        table.of_type.is_some()
            && self.references_of_whole(table).filter(|to| to.class == Class::Type).all(|to| self.selection.has(to))
    }

    fn access_method<'t>(&self, table: &'t Table) -> Option<&'t str> {
        let (oid, name) = table.access_method.as_ref()?;
        let object = Object { class: Class::Other(pgrx::pg_sys::AccessMethodRelationId.to_u32()), oid: *oid };
        self.selection.has(object).then_some(name)
    }

    fn late_defaults(&mut self, columns: &Columns) {
        let mut statements = Vec::new();
        for table in self.tables.values().filter(|table| self.selection.makes(Unit::Table(table.oid))) {
            for column in &table.columns {
                let Some(default) = columns.get(&(table.oid, column.number)).and_then(|s| s.late_default.as_ref())
                else {
                    continue;
                };
                let alter = format!("ALTER TABLE ONLY {} ALTER COLUMN {}", table.name, column.name);
                statements.push(format!("{alter} SET DEFAULT {default};"));
            }
        }
        statements.sort_unstable();
        self.section("Defaults that name tables", statements);
    }

    fn owners(&self, made: &BTreeSet<u32>) -> Vec<String> {
        let owned = self.sequences.values().filter_map(|sequence| {
            let (table, _, column) = sequence.owner.as_ref().filter(|(table, ..)| made.contains(table))?;
            sequence.definition.as_ref()?;
            let owner = format!("{}.{column}", self.tables.get(table)?.name);
            Some((sequence.name.clone(), format!("ALTER SEQUENCE {} OWNED BY {owner};", sequence.name)))
        });
        by_name(owned)
    }

    fn comments(&mut self, schemas: &BTreeMap<u32, String>) -> Result<()> {
        let mut objects = std::mem::take(&mut self.constrained);
        objects.extend(schemas.keys().map(|oid| Object { class: Class::Schema, oid: *oid }));
        objects.extend(self.selection.collations().into_iter().map(|oid| Object { class: Class::Collation, oid }));
        objects.extend(self.sequences.keys().map(|oid| Object::relation(*oid)));
        for oid in self.selection.types() {
            objects.push(Object::of_type(oid));
            let relation = self.catalog.types.get(&oid).and_then(|found| found.relation);
            let stands_alone = |oid: &u32| self.catalog.relations.get(oid).is_some_and(|relation| relation.kind == 'c');
            objects.extend(relation.filter(stands_alone).map(Object::relation));
        }
        let tables = self.tables.keys().filter(|oid| self.selection.makes(Unit::Table(**oid)));
        let indexes = self.indexes.iter().map(|index| index.oid).filter(|oid| self.selection.makes(Unit::Index(*oid)));
        objects.extend(tables.copied().chain(indexes).map(Object::relation));
        let (late, early): (Vec<_>, Vec<_>) =
            comments::read(&objects)?.into_iter().partition(|comment| self.late.contains(&comment.of));
        self.section("Comments", early.into_iter().map(|comment| comment.statement).collect());
        self.behind_rows.extend(late.into_iter().map(|comment| comment.statement));
        Ok(())
    }

    fn finish(mut self, schemas: &BTreeMap<u32, String>, forbidden: &BTreeSet<u32>) -> Result<Definitions> {
        let made: Vec<u32> =
            self.tables.keys().copied().filter(|oid| self.selection.makes(Unit::Table(*oid))).collect();
        let with_sequences: Vec<u32> = made.iter().copied().chain(self.sequences.keys().copied()).collect();
        let schema_oids: Vec<u32> = schemas.keys().copied().collect();
        let forbidden: Vec<u32> = forbidden.iter().copied().collect();
        self.left_out.add_kinds(&schema_oids, &with_sequences, &forbidden)?;

        let extensions: Vec<&catalog::Extension> = self
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
            let statement = |extension: &&catalog::Extension| {
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
        let is_made = |sequence: &&sequences::Sequence| {
            sequence.definition.is_some() || sequence.owner.as_ref().is_some_and(|(table, ..)| made.contains(table))
        };
        let sequences = self.sequences.values().filter(is_made).map(|sequence| sequence.relation.clone()).collect();
        Ok(Definitions { schema, tables, sequences, behind_rows })
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

/// Statements in the order of their objects' names.
fn by_name(statements: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let sorted: BTreeMap<String, String> = statements.collect();
    sorted.into_values().collect()
}
