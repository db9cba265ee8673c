//! Automatic backups: pg_cron's jobs follow the settings.

mod jobs;
mod next;
mod pg_cron;
mod status;

pub use next::{expression, next_runs};
pub use status::{JobStatus, status};

use jobs::{KINDS, Kind};
use pg_cron::{Place, Present};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, function_name};

use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::write;
use crate::pg::session;

/// What is to be done automatically.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// A cron expression; none: no run at fixed times.
    pub schedule: Option<String>,
    /// The most that the newest good backup may be old.
    pub interval_hours: Option<i32>,
    /// After changes.
    pub auto_on_change: bool,
}

/// What became of a job that is wanted no longer.
pub struct Unscheduled {
    /// Its name.
    pub job: String,
    /// removed or left.
    pub action: &'static str,
    /// Where it has to be removed by hand.
    pub in_database: Option<String>,
    /// The statement.
    pub next_command: Option<String>,
}

/// Stores the settings and makes the jobs; returns how they stand.
///
/// # Errors
/// [`Error::BadArgument`], [`Error::WrongState`] without pg_cron, 23514 of settings' checks.
pub fn schedule(wanted: &Schedule) -> Result<Vec<JobStatus>> {
    let text = wanted.schedule.as_deref().map(|text| expression(text).map(|parsed| parsed.to_string())).transpose()?;
    if text.is_none() && wanted.interval_hours.is_none() && !wanted.auto_on_change {
        return Err(Error::BadArgument {
            message: "there is nothing to schedule".into(),
            hint:
                "Give a cron expression, interval_hours or auto_on_change => true; unschedule() ends what is automatic."
                    .into(),
        });
    }
    let place = pg_cron::place(&pg_cron::here()?.0)?.usable()?;
    write(
        "UPDATE paliad_backup.settings SET enabled = true, schedule = $1, interval_hours = $2::integer, auto_on_change = $3::boolean",
        &[
            text.as_deref(),
            wanted.interval_hours.map(|hours| hours.to_string()).as_deref(),
            Some(if wanted.auto_on_change { "true" } else { "false" }),
        ],
    )?;
    if place == Place::Here {
        follow_settings(Paused::Resumed)?;
    }
    status()
}

/// Switches everything automatic off.
///
/// # Errors
/// The server's.
pub fn unschedule() -> Result<Vec<Unscheduled>> {
    write("UPDATE paliad_backup.settings SET enabled = false WHERE enabled", &[])?;
    let (database, _) = pg_cron::here()?;
    match pg_cron::place(&database)? {
        Place::Here => {
            let removed = follow_settings(Paused::Left)?;
            Ok(removed
                .into_iter()
                .map(|job| Unscheduled { job, action: "removed", in_database: None, next_command: None })
                .collect())
        }
        Place::Elsewhere(other) => KINDS
            .into_iter()
            .map(|kind| {
                let job = kind.name(&database, session::database_oid());
                let next_command =
                    pg_cron::typed("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;", &[&job])?;
                Ok(Unscheduled {
                    job,
                    action: "left",
                    in_database: Some(other.clone()),
                    next_command: Some(next_command),
                })
            })
            .collect(),
        Place::Absent { .. } => Ok(Vec::new()),
    }
}

/// A change of settings: makes the jobs follow, or tells who has to.
///
/// # Errors
/// [`Error::WrongState`] where jobs are wanted and pg_cron is not there.
pub fn sync() -> Result<()> {
    let enabled = Settings::read()?.enabled;
    match pg_cron::place(&pg_cron::here()?.0)? {
        Place::Here => follow_settings(Paused::Left).map(drop),
        Place::Elsewhere(other) => {
            let call = if enabled { "schedule_status()" } else { "unschedule()" };
            let message =
                format!("pg_cron's jobs are in database \"{other}\", where this change has to be made by hand");
            ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message, function_name!())
                .set_hint(format!("SELECT job, next_command FROM paliad_backup.{call}; says what to type there."))
                .report(PgLogLevel::WARNING);
            Ok(())
        }
        absent if enabled => absent.usable().map(drop),
        Place::Absent { .. } => Ok(()),
    }
}

/// What becomes of jobs that somebody has paused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paused {
    /// They are wanted again.
    Resumed,
    /// They stay so.
    Left,
}

/// Makes and changes the jobs that are wanted, removes the others of ours; returns the removed ones' names. Jobs whose database was
/// dropped or renamed could only fail, and go too.
fn follow_settings(paused: Paused) -> Result<Vec<String>> {
    let (database, owner) = pg_cron::here()?;
    let oid = session::database_oid();
    let wanted = jobs::wanted(&Settings::read()?, &database, oid);
    let ours: Vec<String> = KINDS.into_iter().map(|kind| kind.name(&database, oid)).collect();
    let mut removed = Vec::new();
    let mut present = Vec::new();
    for job in pg_cron::jobs()? {
        let is_wanted = wanted.iter().any(|wanted| wanted.name == job.jobname) && job.username == owner;
        if (ours.contains(&job.jobname) && !is_wanted) || !job.has_database {
            pg_cron::remove(job.jobid)?;
            removed.push(job.jobname);
        } else {
            present.push(job);
        }
    }
    for job in &wanted {
        match present.iter().find(|present| present.jobname == job.name) {
            Some(found) if is_as_wanted(found, job, &database) => {
                if !found.active && paused == Paused::Resumed {
                    pg_cron::resume(found.jobid)?;
                }
            }
            Some(found) => {
                pg_cron::remove(found.jobid)?;
                pg_cron::make(job)?;
            }
            None => pg_cron::make(job)?,
        }
    }
    Ok(removed)
}

fn is_as_wanted(present: &Present, wanted: &jobs::Job, database: &str) -> bool {
    (present.schedule.as_str(), present.command.as_str(), present.database.as_str())
        == (wanted.schedule.as_str(), wanted.command, database)
}

/// For [`status`]: the row's kind by the job's name.
fn kind_of(name: &str, database: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.name(database, session::database_oid()) == name)
}
