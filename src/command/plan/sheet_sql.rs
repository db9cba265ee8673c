//! The query that reads one sheet.

use super::columns::Description;
use super::discover::Found;
use crate::error::{Error, Result};
use crate::pg::query::oid_array;

/// Orders rows that have no primary key (1.0 and 1.00 tie otherwise). A row of no named type: on the table's own somebody may have
/// created a cast to text.
pub const ROW_TEXT: &str = "ROW(t.*)::pg_catalog.text COLLATE pg_catalog.\"C\"";

/// A sheet's query and its order, as the manifest shows it.
pub struct Query {
    /// Complete; its target list is [`Description::values`].
    pub sql: String,
    /// The ORDER BY expressions.
    pub order_by: Vec<String>,
}

/// Over a relation. `skipped` partitions give no rows; `registered_order` comes before the key.
///
/// # Errors
/// [`Error::UnknownObject`] when `registered_order` names a column that isn't there.
pub fn table_query(
    table: &Found,
    description: &Description,
    registered_order: Option<&[String]>,
    skipped: &[u32],
) -> Result<Query> {
    // Rows of inheritance children are in their own sheets; a partition's are in its root's alone.
    let only = if table.kind == 'r' { "ONLY " } else { "" };
    let condition = if skipped.is_empty() {
        String::new()
    } else {
        format!(" WHERE t.tableoid <> ALL ('{}'::pg_catalog.oid[])", oid_array(skipped.iter().copied()))
    };
    let source = format!("{only}{} AS t{}{condition}", table.qualified(), description.joins);
    query(&source, description, registered_order, &table.qualified())
}

/// Over a registered query.
///
/// # Errors
/// As [`table_query`].
pub fn over_query(
    text: &str,
    description: &Description,
    registered_order: Option<&[String]>,
    name: &str,
) -> Result<Query> {
    query(&format!("({text}\n) AS t"), description, registered_order, name)
}

fn query(source: &str, description: &Description, registered_order: Option<&[String]>, name: &str) -> Result<Query> {
    let order_by = order(description, registered_order, name)?;
    let mut sql = format!("SELECT {} FROM {source}", description.values.join(", "));
    if !order_by.is_empty() {
        sql.push_str(" ORDER BY ");
        sql.push_str(&order_by.join(", "));
    }
    Ok(Query { sql, order_by })
}

/// The registered columns, then the primary key; without one the row's text.
fn order(description: &Description, registered: Option<&[String]>, name: &str) -> Result<Vec<String>> {
    let column = |wanted: &String| format!("t.{}", pgrx::spi::quote_identifier(wanted));
    for wanted in registered.into_iter().flatten() {
        if !description.columns.iter().any(|column| column.name == *wanted) {
            return Err(Error::UnknownObject {
                message: format!("column \"{wanted}\", which orders sheet {name}, does not exist"),
                hint: "Correct order_by in paliad_backup.sheets.".into(),
            });
        }
    }
    let mut order: Vec<String> = registered.into_iter().flatten().map(column).collect();
    if !description.primary_key.is_empty() {
        order.extend(description.primary_key.iter().map(column));
    } else if !description.columns.is_empty() {
        order.push(ROW_TEXT.into());
    }
    Ok(order)
}
