//! pg_cron in this server: where it is, and its table of jobs.

use serde::Deserialize;

use super::jobs::Job;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select, write};

/// Where pg_cron keeps its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this database.
    Here,
    /// In another one.
    Elsewhere(String),
    /// Not usable.
    Absent {
        /// What is missing.
        message: String,
        /// How to get it.
        hint: String,
    },
}

/// A row of `cron.job`.
#[derive(Clone, Debug, Deserialize)]
pub struct Present {
    /// Its key.
    pub jobid: i64,
    /// Ours begin with `paliad_backup_`.
    pub jobname: String,
    /// A cron expression.
    pub schedule: String,
    /// What is executed.
    pub command: String,
    /// Where.
    pub database: String,
    /// As whom.
    pub username: String,
    /// Paused otherwise.
    pub active: bool,
    /// Its database is still there under this name.
    pub has_database: bool,
}

/// The name of the current database and its oid, and of the current role.
///
/// # Errors
/// The server's.
pub fn here() -> Result<(String, String)> {
    let rows = select(Snapshot::Caller, "SELECT current_database(), current_user", &[])?;
    let mut facts = rows.into_iter().flatten().flatten();
    let mut fact = || facts.next().unwrap_or_default();
    Ok((fact(), fact()))
}

/// Finds pg_cron. `pg_settings` shows what a loaded library has defined, and not what somebody has only SET.
///
/// # Errors
/// The server's.
pub fn place(database: &str) -> Result<Place> {
    let rows = select(
        Snapshot::Latest,
        "SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'cron.database_name'), \
         EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'), \
         EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_cron'), \
         (SELECT pg_catalog.string_agg(pg_catalog.btrim(library) || ',', '') \
          FROM pg_catalog.regexp_split_to_table(pg_catalog.current_setting('shared_preload_libraries'), ',') AS library \
          WHERE pg_catalog.btrim(library) <> '')",
        &[],
    )?;
    let row = rows.into_iter().next().unwrap_or_default();
    let text = |index: usize| row.get(index).cloned().flatten();
    let is = |index: usize| text(index).as_deref() == Some("t");
    let preloaded = text(3).unwrap_or_default();
    Ok(match text(0) {
        None if !is(2) => Place::Absent {
            message: "pg_cron is not installed".into(),
            hint: format!(
                "Install it (Debian: apt install postgresql-15-cron), have shared_preload_libraries = '{preloaded}pg_cron' and \
                 cron.database_name = '{database}' in postgresql.conf, restart the server, CREATE EXTENSION pg_cron; then call \
                 this again."
            ),
        },
        None => Place::Absent {
            message: "pg_cron is not in shared_preload_libraries".into(),
            hint: format!(
                "Have shared_preload_libraries = '{preloaded}pg_cron' and cron.database_name = '{database}' in postgresql.conf, \
                 restart the server, CREATE EXTENSION IF NOT EXISTS pg_cron; then call this again."
            ),
        },
        Some(name) if name != database => Place::Elsewhere(name),
        Some(_) if !is(1) => Place::Absent {
            message: "extension pg_cron is not created in this database".into(),
            hint: "As a superuser: CREATE EXTENSION pg_cron; then call this again.".into(),
        },
        Some(_) => Place::Here,
    })
}

impl Place {
    /// That pg_cron is to be had.
    ///
    /// # Errors
    /// [`Error::WrongState`] where it is not.
    pub fn usable(self) -> Result<Place> {
        match self {
            Place::Absent { message, hint } => Err(Error::WrongState { message, hint }),
            place => Ok(place),
        }
    }
}

/// The jobs whose names begin as ours. Only where pg_cron is [`Place::Here`].
///
/// # Errors
/// The server's.
pub fn jobs() -> Result<Vec<Present>> {
    // Not read-only: jobs that this call has made are to be seen.
    let rows = write(
        "SELECT pg_catalog.jsonb_build_object('jobid', j.jobid, 'jobname', j.jobname::text, 'schedule', j.schedule, \
         'command', j.command, 'database', j.database, 'username', j.username, 'active', j.active, \
         'has_database', EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = j.database)) \
         FROM cron.job AS j WHERE j.jobname::text ^@ 'paliad_backup_' ORDER BY j.jobid",
        &[],
    )?;
    rows.into_iter().flatten().flatten().map(|row| serde_json::from_str(&row).map_err(Error::internal)).collect()
}

/// Makes a job, or changes the current role's job of that name.
///
/// # Errors
/// The server's, and pg_cron's.
pub fn make(job: &Job) -> Result<()> {
    write("SELECT cron.schedule($1, $2, $3)", &[Some(&job.name), Some(&job.schedule), Some(job.command)])?;
    Ok(())
}

/// Removes a job.
///
/// # Errors
/// The server's.
pub fn remove(jobid: i64) -> Result<()> {
    write("SELECT cron.unschedule($1::bigint)", &[Some(&jobid.to_string())])?;
    Ok(())
}

/// Lets a paused job run again.
///
/// # Errors
/// The server's.
pub fn resume(jobid: i64) -> Result<()> {
    write("SELECT cron.alter_job($1::bigint, active => true)", &[Some(&jobid.to_string())])?;
    Ok(())
}

/// A statement to be typed, made by `format()` of the server.
///
/// # Errors
/// The server's.
pub fn typed(format: &str, values: &[&str]) -> Result<String> {
    let places: Vec<String> = (2..values.len() + 2).map(|number| format!("${number}::text")).collect();
    let sql = format!("SELECT pg_catalog.format($1, {})", places.join(", "));
    let parameters: Vec<Option<&str>> = std::iter::once(Some(format)).chain(values.iter().copied().map(Some)).collect();
    scalar(select(Snapshot::Caller, &sql, &parameters)?).ok_or_else(|| Error::internal("format() gave nothing"))
}
