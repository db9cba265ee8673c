//! Types and tables in an order in which they can be made, and what of them waits until all are there.

use std::collections::{BTreeMap, BTreeSet};

use pgrx::pg_sys;

use super::columns::Columns;
use super::inheritance::Link;
use super::objects::{Class, Object, Unit};
use super::tables::Table;
use super::{Writer, by_name, checks, columns, domains, table_sql, types};
use crate::error::Result;

impl Writer<'_> {
    /// The statements of types and tables, each behind what it needs.
    pub(super) fn types_and_tables(
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
                        checks: checks::inline_checks(self, table, links),
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
        let inline = checks::inline_check_objects(self, links);
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
            let object = Object { class: Class::Other(pg_sys::ProcedureRelationId.to_u32()), oid: function.oid };
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
        for expression in expressions.chain(checks::inline_check_objects_of(self, table, links)) {
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
        let object = Object { class: Class::Other(pg_sys::AccessMethodRelationId.to_u32()), oid: *oid };
        self.selection.has(object).then_some(name)
    }

    /// Defaults that had to wait for tables.
    pub(super) fn late_defaults(&mut self, columns: &Columns) {
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

    /// ALTER SEQUENCE … OWNED BY.
    pub(super) fn owners(&self, made: &BTreeSet<u32>) -> Vec<String> {
        let owned = self.sequences.values().filter_map(|sequence| {
            let (table, _, column) = sequence.owner.as_ref().filter(|(table, ..)| made.contains(table))?;
            sequence.definition.as_ref()?;
            let owner = format!("{}.{column}", self.tables.get(table)?.name);
            Some((sequence.name.clone(), format!("ALTER SEQUENCE {} OWNED BY {owner};", sequence.name)))
        });
        by_name(owned)
    }
}
