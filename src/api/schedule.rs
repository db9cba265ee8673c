//! Automatic backups.

use pgrx::Uuid;
use pgrx::prelude::*;

use super::{arguments, as_superuser, authorized};
use crate::command::schedule::{self, JobStatus, Schedule};
use crate::command::tick;
use crate::error::Error;

type JobRows = TableIterator<
    'static,
    (
        name!(job, String),
        name!(schedule, String),
        name!(active, Option<bool>),
        name!(command, String),
        name!(next_run, Option<TimestampWithTimeZone>),
        name!(last_run, Option<TimestampWithTimeZone>),
        name!(last_result, Option<String>),
        name!(last_message, Option<String>),
        name!(backs_off_until, Option<TimestampWithTimeZone>),
        name!(in_database, Option<String>),
        name!(next_command, Option<String>),
    ),
>;

/// `paliad_backup.schedule(schedule, interval_hours, auto_on_change)`: makes the jobs; a row for each.
#[pg_extern(sql = false)]
fn schedule(expression: Option<&[u8]>, interval_hours: Option<i32>, auto_on_change: Option<bool>) -> JobRows {
    job_rows(authorized(|_| {
        let schedule = arguments::text(expression);
        schedule::schedule(&Schedule { schedule, interval_hours, auto_on_change: auto_on_change.unwrap_or(false) })
    }))
}

/// `paliad_backup.schedule_status()`: a row for each job.
#[pg_extern(sql = false)]
fn schedule_status() -> JobRows {
    job_rows(authorized(|_| schedule::status()))
}

fn job_rows(jobs: Vec<JobStatus>) -> JobRows {
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    TableIterator::new(jobs.into_iter().map(move |job| {
        (
            job.job,
            job.schedule,
            job.active,
            job.command,
            time(job.next_run),
            time(job.last.at),
            job.last.result,
            job.last.message,
            time(job.backs_off_until),
            job.in_database,
            job.next_command,
        )
    }))
}

/// `paliad_backup.unschedule()`: a row for each job that was removed, or has to be.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn unschedule() -> TableIterator<
    'static,
    (
        name!(job, String),
        name!(action, String),
        name!(in_database, Option<String>),
        name!(next_command, Option<String>),
    ),
> {
    let jobs = authorized(|_| schedule::unschedule());
    TableIterator::new(jobs.into_iter().map(|job| (job.job, job.action.to_owned(), job.in_database, job.next_command)))
}

/// `paliad_backup.next_runs(schedule, after, max_rows)`: the next times.
#[pg_extern(sql = false)]
fn next_runs(
    expression: Option<&[u8]>,
    after: Option<TimestampWithTimeZone>,
    max_rows: Option<i32>,
) -> SetOfIterator<'static, TimestampWithTimeZone> {
    let times = authorized(|_| {
        let text = arguments::text(expression).unwrap_or_default();
        let expression = schedule::expression(&text)?;
        let after = after.filter(|after| !after.is_infinity() && !after.is_neg_infinity());
        let after = after.ok_or_else(|| Error::BadArgument {
            message: "after must be a time".into(),
            hint: "Leave it out for now().".into(),
        })?;
        schedule::next_runs(
            &expression,
            &after.to_string(),
            max_rows.unwrap_or(5).clamp(0, 1000).unsigned_abs() as usize,
        )
    });
    SetOfIterator::new(times.into_iter().filter_map(|time| time.parse().ok()))
}

/// `paliad_backup.sync_jobs()`: makes pg_cron's jobs what the settings say.
#[pg_extern(sql = false)]
fn sync_jobs() {
    as_superuser(|_| schedule::sync());
}

/// `paliad_backup.auto_backup_tick()`: action, reason and backup_id.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn auto_backup_tick()
-> TableIterator<'static, (name!(action, String), name!(reason, String), name!(backup_id, Option<Uuid>))> {
    let ticked = authorized(tick::tick);
    let id = ticked.backup_id.and_then(|id| uuid::Uuid::parse_str(&id).ok());
    let action = if id.is_some() { "backup" } else { "none" };
    TableIterator::once((action.to_owned(), ticked.reason, id.map(|id| Uuid::from_bytes(*id.as_bytes()))))
}
