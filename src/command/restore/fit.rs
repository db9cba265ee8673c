//! How a table differs from a sheet in what matters to loading it.

use std::collections::BTreeMap;

use crate::bundle::manifest::SheetEntry;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, select};

/// A column of a table.
pub struct Column {
    /// Its name.
    pub name: String,
    type_name: String,
    generated: bool,
    /// NOT NULL, and nothing gives it a value.
    required: bool,
}

/// The columns of tables, by oid.
///
/// # Errors
/// The server's.
pub fn columns_of(tables: &[u32]) -> Result<BTreeMap<u32, Vec<Column>>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attgenerated <> '', \
         a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefaultbin IS NULL \
         FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
         WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    let mut columns: BTreeMap<u32, Vec<Column>> = BTreeMap::new();
    for row in rows {
        let text = |index: usize| row[index].clone().unwrap_or_default();
        columns.entry(number(&row[0]).unwrap_or_default()).or_default().push(Column {
            name: text(1),
            type_name: text(2),
            generated: text(3) == "t",
            required: text(4) == "t",
        });
    }
    Ok(columns)
}

/// How a table differs from the sheet in what matters to loading it.
pub fn misfits(sheet: &SheetEntry, columns: &[Column]) -> Vec<String> {
    let there = |name: &str| columns.iter().find(|column| column.name == name);
    let mut problems = Vec::new();
    for wanted in sheet.csv_columns() {
        match there(&wanted.name) {
            None => problems.push(format!("it has no column \"{}\"", wanted.name)),
            Some(column) if column.generated => {
                problems.push(format!("its column \"{}\" is generated", wanted.name));
            }
            Some(column) if column.type_name != wanted.type_name => problems.push(format!(
                "its column \"{}\" is of type {}, in the bundle of {}",
                wanted.name, column.type_name, wanted.type_name
            )),
            Some(_) => {}
        }
    }
    for column in columns.iter().filter(|column| column.required) {
        if !sheet.csv_columns().any(|wanted| wanted.name == column.name) {
            problems.push(format!("its column \"{}\" must not be null and has no default", column.name));
        }
    }
    problems
}
