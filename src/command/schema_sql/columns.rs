//! What of each column's default, generation and NOT NULL the script can keep.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, Class, Object, Unit};
use super::left_out::LeftOut;
use super::selection::Selection;
use super::tables::{Column, Table};
use crate::error::Result;

/// One column as the script makes it.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// In the table's own statement.
    pub default: Option<String>,
    /// Set once all tables are there.
    pub late_default: Option<String>,
    pub generated: Option<String>,
    pub not_null: bool,
}

/// The columns of all tables, by table and number.
pub type Columns = BTreeMap<(u32, i32), Settled>;

/// Settles the columns. One that has lost what generates it becomes a plain one, without NOT NULL, for no file has values for it.
///
/// # Errors
/// The server's.
pub fn settle(
    catalog: &Catalog,
    tables: &BTreeMap<u32, Table>,
    selection: &mut Selection<'_>,
    left_out: &mut LeftOut,
) -> Result<Columns> {
    empty(tables, selection, left_out, catalog)?;
    let mut settled = Columns::new();
    for table in tables.values() {
        for column in &table.columns {
            let emptied = selection.emptied.contains(&(table.oid, column.number));
            let mut shape = Settled { not_null: column.not_null && !emptied, ..Settled::default() };
            if let Some((oid, text)) = column.default.as_ref().filter(|_| !emptied) {
                let object = default_object(*oid);
                match selection.missing(object, table.oid) {
                    _ if column.generated => shape.generated = Some(text.clone()),
                    Some(missing) => {
                        left_out.add_because(
                            catalog,
                            &format!("default of {}.{}", table.name, column.name),
                            missing,
                        )?;
                    }
                    None if selection.needs_table(object) => shape.late_default = Some(text.clone()),
                    None => shape.default = Some(text.clone()),
                }
            }
            settled.insert((table.oid, column.number), shape);
        }
    }
    Ok(settled)
}

/// The object that a column's default is in pg_depend.
pub fn default_object(oid: u32) -> Object {
    Object { class: Class::Default, oid }
}

/// Finds the generated columns whose expressions cannot be kept; tables that inherit from each other keep them alike.
fn empty(
    tables: &BTreeMap<u32, Table>,
    selection: &mut Selection<'_>,
    left_out: &mut LeftOut,
    catalog: &Catalog,
) -> Result<()> {
    let generated = |table: &Table| -> Vec<(i32, u32)> {
        let default = |column: &Column| Some((column.number, column.default.as_ref().filter(|_| column.generated)?.0));
        table.columns.iter().filter_map(default).collect()
    };
    for table in tables.values() {
        for (number, oid) in generated(table) {
            if !selection.makes(Unit::Table(table.oid)) {
                continue;
            }
            let object = default_object(oid);
            let on_itself =
                catalog.references(object).iter().find(|r| r.to == Object::relation(table.oid) && r.column == 0);
            let mut of_column =
                catalog.references(Object::relation(table.oid)).iter().filter(|r| r.of_column == number).map(|r| r.to);
            let missing = selection
                .missing(object, table.oid)
                .or(on_itself.map(|reference| reference.to))
                .or_else(|| of_column.find(|to| to.class != Class::Relation && !selection.has(*to)));
            if let Some(missing) = missing {
                selection.emptied.insert((table.oid, number));
                let name =
                    table.columns.iter().find(|column| column.number == number).map_or("", |column| &column.name);
                left_out.add_because(
                    catalog,
                    &format!("expression of the generated column {}.{name}", table.name),
                    missing,
                )?;
            }
        }
    }
    // By name, up and down, until nothing changes.
    loop {
        let mut more = BTreeSet::new();
        for table in tables.values() {
            for parent in table.parents.iter().filter_map(|oid| tables.get(oid)) {
                for column in table.columns.iter().filter(|column| column.generated) {
                    let Some(inherited) = parent.columns.iter().find(|other| other.name == column.name) else {
                        continue;
                    };
                    let (own, theirs) = ((table.oid, column.number), (parent.oid, inherited.number));
                    if selection.emptied.contains(&own) != selection.emptied.contains(&theirs) {
                        more.extend([own, theirs]);
                    }
                }
            }
        }
        if more.is_empty() {
            return Ok(());
        }
        selection.emptied.extend(more);
    }
}
