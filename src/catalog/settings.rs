//! The one row of table `settings`.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};

/// What an application's owner has chosen (server-wide choices are in [`crate::config`]).
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The schemas to export; `None` means all user schemas.
    pub schemas: Option<Vec<String>>,
    /// A function without arguments that must say true for the caller, schema-qualified.
    pub admin_function: Option<String>,
    /// The application's own audit table, schema-qualified; `None` means ours.
    pub audit_table: Option<String>,
    /// Settings in force while an audit row is written.
    pub audit_settings: Option<BTreeMap<String, String>>,
    /// Time zone of timestamptz cells in the workbook.
    pub xlsx_time_zone: String,
    /// The workbook shows the columns' labels below their names.
    pub xlsx_labels: bool,
}

impl Settings {
    /// Reads the row as it is committed now.
    ///
    /// # Errors
    /// [`Error::Internal`] when the row is gone.
    pub fn read() -> Result<Settings> {
        let text =
            scalar(select(Snapshot::Latest, "SELECT pg_catalog.to_jsonb(s) FROM paliad_backup.settings AS s", &[])?)
                .ok_or_else(|| Error::internal("table paliad_backup.settings has no row"))?;
        serde_json::from_str(&text).map_err(Error::internal)
    }
}
