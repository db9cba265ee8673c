//! Tables `sheets` and `exclusions`: what an installation says about the tables that a run discovers.

use std::collections::HashMap;

use serde::Deserialize;

use crate::bundle::sheet::SheetKind;
use crate::error::{Error, Result};
use crate::pg::query::{Row, Snapshot, select};

/// A registered sheet: overrides for a relation, or a query of its own.
#[derive(Clone, Debug, Deserialize)]
pub struct Registered {
    /// Schema and name of the relation, or neither.
    pub relation_schema: Option<String>,
    /// See `relation_schema`.
    pub relation_name: Option<String>,
    /// The query of a query sheet.
    pub query: Option<String>,
    /// The role that a query sheet is planned and executed as.
    pub run_as: Option<String>,
    /// The sheet's name, where the default isn't wanted.
    pub sheet_name: Option<String>,
    /// Entity or ref.
    pub kind: SheetKind,
    /// Sheets with a position come first, in its order.
    pub position: Option<i32>,
    /// A name for people.
    pub label: Option<String>,
    /// The same for columns, by name.
    pub column_labels: Option<HashMap<String, String>>,
    /// The column whose value tells people what a row is.
    pub label_column: Option<String>,
    /// False leaves the sheet out.
    pub enabled: bool,
    /// Columns that order a view or query sheet.
    pub order_by: Option<Vec<String>>,
}

/// A relation that no bundle may contain.
#[derive(Clone, Debug, Deserialize)]
pub struct Exclusion {
    /// A schema, or `*` for any.
    pub schema_name: String,
    /// The relation's name, or `*` for any.
    pub relation_name: String,
    /// Shown in the manifest.
    pub reason: String,
    /// It came with the extension.
    pub seeded: bool,
}

/// All registered sheets, in the order of their names.
///
/// # Errors
/// The server's.
pub fn sheets() -> Result<Vec<Registered>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.to_jsonb(s) FROM paliad_backup.sheets AS s \
         ORDER BY s.relation_schema, s.relation_name, s.sheet_name COLLATE \"C\"",
        &[],
    )?;
    parse(rows)
}

/// All exclusions in force.
///
/// # Errors
/// The server's.
pub fn exclusions() -> Result<Vec<Exclusion>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.to_jsonb(e) FROM paliad_backup.exclusions AS e WHERE e.excluded \
         ORDER BY e.schema_name COLLATE \"C\", e.relation_name COLLATE \"C\"",
        &[],
    )?;
    parse(rows)
}

fn parse<T: for<'a> Deserialize<'a>>(rows: Vec<Row>) -> Result<Vec<T>> {
    rows.into_iter().flatten().flatten().map(|text| serde_json::from_str(&text).map_err(Error::internal)).collect()
}
