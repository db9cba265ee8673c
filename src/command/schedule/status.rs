//! How the jobs stand.

use serde::Deserialize;

use super::jobs::{self, Job, Kind};
use super::pg_cron::{self, Place, Present};
use super::{expression, is_as_wanted, kind_of, next_runs};
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::session;

/// One job; times are texts of timestamptz.
#[derive(Clone, Debug, Default)]
pub struct JobStatus {
    /// Its name in pg_cron.
    pub job: String,
    /// A cron expression.
    pub schedule: String,
    /// None: not there, or not to be seen from here.
    pub active: Option<bool>,
    /// What is executed.
    pub command: String,
    /// When it comes next.
    pub next_run: Option<String>,
    /// The last start.
    pub last: LastRun,
    /// Failures let the tick wait until then.
    pub backs_off_until: Option<String>,
    /// Where `next_command` is to be typed.
    pub in_database: Option<String>,
    /// What makes the job as it should be.
    pub next_command: Option<String>,
}

/// What is known of a job's last run.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct LastRun {
    /// When it began.
    pub at: Option<String>,
    /// succeeded, failed, running or starting.
    pub result: Option<String>,
    /// What was returned or raised.
    pub message: Option<String>,
}

/// The jobs that the settings ask for.
///
/// # Errors
/// [`Error::WrongState`] where jobs are wanted and pg_cron is not there.
pub fn status() -> Result<Vec<JobStatus>> {
    let settings = Settings::read()?;
    let (database, owner) = pg_cron::here()?;
    let wanted = jobs::wanted(&settings, &database, session::database_oid());
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let place = pg_cron::place(&database)?.usable()?;
    let present = if place == Place::Here { pg_cron::jobs()? } else { Vec::new() };
    let call = call(&settings)?;
    wanted
        .iter()
        .map(|job| {
            let found = present.iter().find(|present| present.jobname == job.name && present.username == owner);
            let status = match &place {
                Place::Elsewhere(other) => elsewhere(job, &database, other)?,
                _ => here(job, found, &database, &call)?,
            };
            timed(status, &database)
        })
        .collect()
}

/// A job that can be looked at.
fn here(job: &Job, found: Option<&Present>, database: &str, call: &str) -> Result<JobStatus> {
    let Some(found) = found else {
        let next_command = Some(call.to_owned());
        return Ok(JobStatus { next_command, in_database: Some(database.to_owned()), ..of(job) });
    };
    let next_command = if !is_as_wanted(found, job, database) {
        Some(call.to_owned())
    } else if !found.active {
        Some(pg_cron::typed("SELECT cron.alter_job(%s, active => true);", &[&found.jobid.to_string()])?)
    } else {
        None
    };
    Ok(JobStatus {
        schedule: found.schedule.clone(),
        command: found.command.clone(),
        active: Some(found.active),
        last: last_of_job(found.jobid)?,
        in_database: next_command.is_some().then(|| database.to_owned()),
        next_command,
        ..of(job)
    })
}

/// A job that somebody makes by hand, in the database where pg_cron is.
fn elsewhere(job: &Job, database: &str, other: &str) -> Result<JobStatus> {
    let next_command = pg_cron::typed(
        "SELECT cron.schedule_in_database(%L, %L, %L, %L);",
        &[&job.name, &job.schedule, job.command, database],
    )?;
    Ok(JobStatus {
        last: last_backup(job.kind)?,
        in_database: Some(other.to_owned()),
        next_command: Some(next_command),
        ..of(job)
    })
}

fn of(job: &Job) -> JobStatus {
    JobStatus {
        job: job.name.clone(),
        schedule: job.schedule.clone(),
        command: job.command.to_owned(),
        ..JobStatus::default()
    }
}

/// Adds when it comes next.
fn timed(mut status: JobStatus, database: &str) -> Result<JobStatus> {
    if kind_of(&status.job, database) == Some(Kind::Tick) {
        status.backs_off_until = crate::command::tick::backs_off_until()?;
    }
    if status.active != Some(false)
        && let Ok(expression) = expression(&status.schedule)
    {
        let now = scalar(select(Snapshot::Caller, "SELECT clock_timestamp()", &[])?).unwrap_or_default();
        let after = status.backs_off_until.clone().unwrap_or(now);
        status.next_run = next_runs(&expression, &after, 1)?.into_iter().next();
    }
    Ok(status)
}

/// As pg_cron has recorded it.
fn last_of_job(jobid: i64) -> Result<LastRun> {
    last(
        "SELECT jsonb_build_object('at', d.start_time, 'result', d.status, 'message', d.return_message) \
         FROM cron.job_run_details AS d WHERE d.jobid = $1::bigint ORDER BY d.runid DESC LIMIT 1",
        &jobid.to_string(),
    )
}

/// As the catalog has recorded it: pg_cron's table can't be read from here.
fn last_backup(kind: Kind) -> Result<LastRun> {
    let triggers = match kind {
        Kind::Run => "{cron}",
        Kind::Tick => "{interval,change}",
        Kind::StartUp => "{}",
    };
    last(
        "SELECT jsonb_build_object('at', b.started_at, \
         'result', CASE b.status WHEN 'done' THEN 'succeeded' ELSE b.status END, 'message', b.error) \
         FROM paliad_backup.backups AS b WHERE b.kind = 'scheduled' AND b.trigger = ANY ($1::text[]) \
         ORDER BY b.started_at DESC LIMIT 1",
        triggers,
    )
}

fn last(sql: &str, parameter: &str) -> Result<LastRun> {
    let row = scalar(select(Snapshot::Latest, sql, &[Some(parameter)])?);
    row.map_or(Ok(LastRun::default()), |row| serde_json::from_str(&row).map_err(Error::internal))
}

/// The call that makes what the settings say.
fn call(settings: &Settings) -> Result<String> {
    let interval = settings.interval_hours.map_or("NULL".to_owned(), |hours| hours.to_string());
    pg_cron::typed(
        "SELECT * FROM paliad_backup.schedule(%L, interval_hours => %s, auto_on_change => %s);",
        &[
            settings.schedule.as_deref().unwrap_or_default(),
            &interval,
            if settings.auto_on_change { "true" } else { "false" },
        ],
    )
    .map(|call| call.replacen("schedule('',", "schedule(NULL,", 1))
}
