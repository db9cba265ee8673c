//! The one row of table `settings`.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::bundle::manifest::Format;
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
    /// Whether pg_cron has jobs of ours.
    pub enabled: bool,
    /// A cron expression; none: no run at fixed times.
    pub schedule: Option<String>,
    /// The most that the newest good backup may be old.
    pub interval_hours: Option<u32>,
    /// Whether a backup is made after changes.
    pub auto_on_change: bool,
    /// Seconds between two looks for changes.
    pub change_poll: f64,
    /// Seconds that the data must be quiet.
    pub change_debounce: f64,
    /// Of automatic backups: xlsx, json, csv.
    pub formats: Vec<String>,
    /// The channel of NOTIFY that failures are sent to.
    pub notify_channel: Option<String>,
}

impl Settings {
    /// What automatic backups contain, in the bundle's order.
    pub fn formats(&self) -> Vec<Format> {
        Format::ALL.into_iter().filter(|format| self.formats.iter().any(|name| name == format.name())).collect()
    }

    /// Reads the row as it is committed now.
    ///
    /// # Errors
    /// [`Error::Internal`] when the row is gone.
    pub fn read() -> Result<Settings> {
        let row = scalar(select(
            Snapshot::Latest,
            "SELECT pg_catalog.to_jsonb(s) || pg_catalog.jsonb_build_object(\
             'change_poll', extract(epoch FROM s.change_poll), 'change_debounce', extract(epoch FROM s.change_debounce)) \
             FROM paliad_backup.settings AS s",
            &[],
        )?);
        let text = row.ok_or_else(|| Error::internal("table paliad_backup.settings has no row"))?;
        serde_json::from_str(&text).map_err(Error::internal)
    }
}
