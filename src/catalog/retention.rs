//! What retention has to know, read in one query: each run asks it.

use std::collections::HashMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::retention::{Backup, Kind, Moment, Policy, Standing};

/// Which backups are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Among {
    /// All.
    All,
    /// None where no rule is set: none goes then, however many there are.
    Ruled,
}

/// The policy, and the backups that it is about.
#[derive(Debug, Deserialize)]
pub struct Known {
    /// The server's clock.
    pub now: Moment,
    /// As the settings have it.
    pub policy: Policy,
    /// Those that are neither failed nor deleted.
    pub backups: Vec<Artifact>,
}

/// A row of `backups` as far as retention looks at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Artifact {
    /// The row's key.
    #[serde(deserialize_with = "uuid")]
    pub id: Uuid,
    /// running or done.
    pub status: String,
    kind: Kind,
    scope: String,
    /// It can be restored.
    has_csv: bool,
    pinned: bool,
    imported: bool,
    /// Found missing.
    pub missing: bool,
    /// Found damaged.
    pub damaged: bool,
    started_at: Moment,
    /// Where the file lies; none while it is running.
    pub storage_uri: Option<String>,
    /// Of the file.
    pub size_bytes: Option<u64>,
    /// The audit row of the restore that a checkpoint protects.
    pub checkpoint_of: Option<String>,
    /// The process that runs it or ran it.
    pub backend_pid: Option<i32>,
}

fn uuid<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Uuid, D::Error> {
    Uuid::parse_str(&String::deserialize(value)?).map_err(D::Error::custom)
}

impl Known {
    /// Reads settings and catalog as the caller sees them, with his own uncommitted changes: for a dry run.
    ///
    /// # Errors
    /// [`Error::Internal`] when the settings' row is gone.
    pub fn read() -> Result<Known> {
        Known::parse(&json(Among::All)?)
    }

    /// From what [`json`] gave.
    ///
    /// # Errors
    /// [`Error::Internal`] for anything else.
    pub fn parse(text: &str) -> Result<Known> {
        serde_json::from_str(text).map_err(Error::internal)
    }
}

/// [`Known`] as the recorder sends it, whose transaction sees nothing that the caller may yet take back.
///
/// # Errors
/// [`Error::Internal`] when the settings' row is gone.
pub fn json(among: Among) -> Result<String> {
    let condition = match among {
        Among::All => "true",
        Among::Ruled => {
            "coalesce(s.retention_count, s.retention_days, s.keep_daily, s.keep_weekly, s.keep_monthly, s.keep_yearly, \
                 s.checkpoint_count) IS NOT NULL"
        }
    };
    // Times are kept within what an i64 of microseconds can hold; infinity is one of them.
    let micros = |time: &str| {
        format!(
            "(extract(epoch FROM least(greatest({time}, '0001-01-01 UTC'::timestamptz), '9999-12-31 UTC'::timestamptz)) \
                 * 1000000)::bigint"
        )
    };
    let (now, start) = (micros("clock_timestamp()"), micros("b.started_at"));
    let sql = format!(
        "SELECT jsonb_build_object('now', {now}, 'policy', to_jsonb(s), 'backups', coalesce((\
               SELECT jsonb_agg(jsonb_build_object('id', b.id, 'status', b.status, 'kind', b.kind, 'scope', b.scope, \
                 'has_csv', 'csv' = ANY (b.formats), 'pinned', b.pinned, 'imported', b.imported_at IS NOT NULL, \
                 'missing', b.missing_at IS NOT NULL, 'damaged', b.verify_ok IS FALSE, 'started_at', {start}, \
                 'storage_uri', b.storage_uri, 'size_bytes', b.size_bytes, 'checkpoint_of', b.checkpoint_of, \
                 'backend_pid', b.backend_pid) ORDER BY b.started_at DESC, b.id) \
               FROM paliad_backup.backups AS b WHERE {condition} AND b.status <> 'failed' AND b.deleted_at IS NULL), '[]')) \
             FROM paliad_backup.settings AS s"
    );
    scalar(select(Snapshot::Latest, &sql, &[])?)
        .ok_or_else(|| Error::internal("table paliad_backup.settings has no row"))
}

impl Artifact {
    /// As retention sees it, where the bundles of the present directory have URIs that begin with `folder`.
    pub fn facts(&self, folder: &str, guards_open_restore: bool) -> Backup {
        let is_here = self.storage_uri.as_ref().is_some_and(|uri| uri.starts_with(folder));
        let standing = match self.status.as_str() {
            "running" => Standing::Running,
            "done" if !is_here => Standing::Elsewhere,
            "done" if self.imported => Standing::Imported,
            "done" if self.missing || self.damaged => Standing::Doubtful,
            "done" => Standing::Good,
            _ => Standing::Failed,
        };
        // Exports to look at or to load one by one, which no restore can read, take no places from backups that it can.
        let series = if self.has_csv { self.scope.clone() } else { format!("{} without csv", self.scope) };
        Backup {
            id: self.id,
            kind: self.kind,
            series,
            standing,
            pinned: self.pinned,
            guards_open_restore,
            started_at: self.started_at,
        }
    }

    /// Whether the session that made it is in the same transaction still.
    ///
    /// # Errors
    /// The server's.
    pub fn is_of_open_transaction(&self) -> Result<bool> {
        let found = scalar(select(
            Snapshot::Latest,
            "SELECT EXISTS (SELECT FROM paliad_backup.backups AS b JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.backend_pid \
             WHERE b.id = $1::uuid AND a.xact_start <= b.started_at)",
            &[Some(&self.id.to_string())],
        )?);
        Ok(found.as_deref() == Some("t"))
    }
}

/// What the catalog says of the backup that a file is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Its row says running.
    Running,
    /// Its row says done, and not deleted.
    Done,
    /// Its row says failed.
    Failed,
    /// Its row says deleted.
    Deleted,
}

/// What the catalog says of these backups; nothing of those that it has not.
///
/// # Errors
/// The server's.
pub fn words(ids: &[Uuid]) -> Result<HashMap<Uuid, Word>> {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT b.id, CASE WHEN b.deleted_at IS NOT NULL THEN 'deleted' ELSE b.status END FROM paliad_backup.backups AS b \
         WHERE b.id = ANY ($1::uuid[])",
        &[Some(&format!("{{{}}}", ids.join(",")))],
    )?;
    let word = |row: Vec<Option<String>>| {
        let mut columns = row.into_iter().flatten();
        let id = Uuid::parse_str(&columns.next()?).ok()?;
        Some(match columns.next()?.as_str() {
            "deleted" => (id, Word::Deleted),
            "failed" => (id, Word::Failed),
            "done" => (id, Word::Done),
            _ => (id, Word::Running),
        })
    };
    Ok(rows.into_iter().filter_map(word).collect())
}
