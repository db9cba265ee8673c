//! What of each column's default, generation and NOT NULL the script can keep.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::left_out::LeftOut;
use super::objects::{Class, Object, Unit};
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
            let emptied = selection.emptied.contains_key(&(table.oid, column.number));
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
    for table in tables.values() {
        for column in table.columns.iter().filter(|column| column.generated) {
            let Some(object) = column.default.as_ref().map(|(oid, _)| default_object(*oid)) else { continue };
            // The table itself, as a constant of type regclass, is not there yet when its columns are made.
            let own = catalog.references(object).iter().find(|r| r.to == Object::relation(table.oid) && r.column == 0);
            let missing = selection.missing(object, table.oid).or(own.map(|reference| reference.to));
            if let Some(missing) = missing.filter(|_| selection.makes(Unit::Table(table.oid))) {
                let what = format!("expression of the generated column {}.{}", table.name, column.name);
                left_out.add_because(catalog, &what, missing)?;
                selection.emptied.insert((table.oid, column.number), object);
            }
        }
    }
    while let Some((key, object)) = unlike_relatives(tables, selection) {
        selection.emptied.insert(key, object);
    }
    Ok(())
}

/// A generated column that is kept, though that of a parent or child is not.
fn unlike_relatives(tables: &BTreeMap<u32, Table>, selection: &Selection<'_>) -> Option<((u32, i32), Object)> {
    let is_emptied = |of: &Table, column: &Column| selection.emptied.contains_key(&(of.oid, column.number));
    let kept = |of: &Table, column: &Column| {
        let object = column.default.as_ref().filter(|_| column.generated).map(|(oid, _)| default_object(*oid))?;
        Some(((of.oid, column.number), object))
    };
    for table in tables.values() {
        for parent in table.parents.iter().filter_map(|oid| tables.get(oid)) {
            for column in &table.columns {
                let Some(inherited) = parent.columns.iter().find(|other| other.name == column.name) else { continue };
                let found = match (is_emptied(table, column), is_emptied(parent, inherited)) {
                    (true, false) => kept(parent, inherited),
                    (false, true) => kept(table, column),
                    _ => None,
                };
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}
