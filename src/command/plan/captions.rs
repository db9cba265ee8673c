//! Labels for people: of a table for the workbook's contents, of its columns for a second header row.

use std::collections::HashMap;

use super::columns::Description;
use super::discover::Found;
use super::registration;
use crate::bundle::sheet::{Captions, Column};
use crate::catalog::registry::Registered;
use crate::catalog::settings::Settings;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, select};

/// Gives each table its labels: the registered ones, else with `xlsx_labels` the comments.
///
/// # Errors
/// The server's.
pub fn describe(
    tables: &[&Found],
    registered: &[Registered],
    settings: &Settings,
    described: &mut HashMap<u32, Description>,
) -> Result<()> {
    let comments = if settings.xlsx_labels { comments(tables)? } else { HashMap::new() };
    for table in tables {
        let Some(description) = described.get_mut(&table.oid) else { continue };
        let comment = |column: &str| comments.get(&(table.oid, column.to_owned())).cloned();
        description.captions = captions(registration(registered, table), &description.columns, settings, comment);
    }
    Ok(())
}

/// The labels of a query sheet, which has no comments.
pub fn of_query(entry: &Registered, columns: &[Column], settings: &Settings) -> Captions {
    captions(Some(entry), columns, settings, |_| None)
}

/// `comment` of a column, or of the table by the empty name.
fn captions(
    entry: Option<&Registered>,
    columns: &[Column],
    settings: &Settings,
    comment: impl Fn(&str) -> Option<String>,
) -> Captions {
    // A registered label that is blank hides the comment.
    let shown = |label: Option<&String>, name: &str| {
        label.cloned().or_else(|| comment(name)).filter(|label| !label.trim().is_empty())
    };
    let table = shown(entry.and_then(|entry| entry.label.as_ref()), "");
    let registered = entry.and_then(|entry| entry.column_labels.as_ref());
    let label = |column: &Column| shown(registered.and_then(|labels| labels.get(&column.name)), &column.name);
    let labels: Vec<_> = if settings.xlsx_labels { columns.iter().map(label).collect() } else { Vec::new() };
    let columns = if labels.iter().any(Option::is_some) { labels } else { Vec::new() };
    Captions { table, columns, ..Captions::default() }
}

/// By table and column; the table's own by the empty name.
fn comments(tables: &[&Found]) -> Result<HashMap<(u32, String), String>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT d.objoid, coalesce(a.attname, ''), d.description FROM pg_catalog.pg_description AS d \
         LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 \
         WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = ANY ($1::oid[])",
        &[Some(&oid_array(tables.iter().map(|table| table.oid)))],
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [table, Some(column), Some(text)] => Some(((number(table)?, column.clone()), text.clone())),
            _ => None,
        })
        .collect())
}
