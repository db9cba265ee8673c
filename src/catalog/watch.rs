//! Table `change_watch`: what was seen when changes were last looked for.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select, write};

/// The one row. Times are texts of timestamptz.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The last look.
    pub looked_at: String,
    /// What it saw.
    pub fingerprint: String,
    /// The first look that saw this.
    pub changed_at: String,
    /// What is known to be backed up.
    pub settled_fingerprint: Option<String>,
    /// By which backup.
    pub settled_backup: Option<String>,
    /// Comparisons of contents that did not come to an end.
    pub attempts: i32,
}

impl Watch {
    /// The row; none before the first look.
    ///
    /// # Errors
    /// The server's.
    pub fn read() -> Result<Option<Watch>> {
        let sql = "SELECT pg_catalog.to_jsonb(w) FROM paliad_backup.change_watch AS w";
        let row = scalar(select(Snapshot::Latest, sql, &[])?);
        row.map(|row| serde_json::from_str(&row).map_err(Error::internal)).transpose()
    }

    /// Writes the row. Recorder only.
    ///
    /// # Errors
    /// The server's.
    pub fn write(&self) -> Result<()> {
        write(
            "INSERT INTO paliad_backup.change_watch AS w \
             (looked_at, fingerprint, changed_at, settled_fingerprint, settled_backup, attempts) \
             SELECT n.looked_at, n.fingerprint, n.changed_at, n.settled_fingerprint, n.settled_backup, n.attempts \
             FROM jsonb_populate_record(NULL::paliad_backup.change_watch, $1::jsonb) AS n \
             ON CONFLICT (id) DO UPDATE SET looked_at = EXCLUDED.looked_at, fingerprint = EXCLUDED.fingerprint, \
             changed_at = EXCLUDED.changed_at, settled_fingerprint = EXCLUDED.settled_fingerprint, \
             settled_backup = EXCLUDED.settled_backup, attempts = EXCLUDED.attempts",
            &[Some(&serde_json::to_string(self).map_err(Error::internal)?)],
        )?;
        Ok(())
    }
}
