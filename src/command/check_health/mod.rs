//! Looks at everything that backups depend on, and says what is wrong with it and what to type next.

mod files;
mod tables;

use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::catalog::health;
use crate::catalog::settings::Settings;
use crate::command::schedule::JobStatus;
use crate::error::{Error, Result, Told};
use crate::health::{Finding, Job, Level, Schedule, backup_age, failures, interrupted, page_checksums, schedule};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::subtransaction::{Then, attempt};

/// What a quick check reads of bundles at most, and the same of tables.
const QUICK: u64 = 256 << 20;

/// All checks, in a fixed order. `deep` reads all tables and bundles, where otherwise a part must do.
///
/// An error in a check is a row of it; a cancel or the server's shutdown ends the call.
pub fn check_health(extension: Extension, deep: bool, actor: &Actor) -> Vec<Finding> {
    let budget = if deep { u64::MAX } else { QUICK };
    let overview = attempt(Then::RollBack, health::overview);
    let mut findings = guarded("backup_age", || {
        let overview = overview.as_ref().map_err(|told| Error::Told(told.clone()))?;
        Ok(vec![
            backup_age(overview.age, overview.max_age, Settings::read()?.enabled),
            failures(overview.failures, overview.last_error.as_deref()),
        ])
    });
    let last = overview.ok();
    findings.extend(guarded("interrupted_runs", || Ok(interrupted(&health::interrupted(extension)?))));
    findings.extend(guarded("schedule", || {
        let (age, max_age) = last.as_ref().map_or((None, 0.0), |last| (last.scheduled_age, last.max_age));
        Ok(schedule(&facts(age, max_age)?))
    }));
    findings.extend(files::checks(extension, budget, last.as_ref().and_then(|last| last.last_size), actor));
    findings.extend(guarded("page_checksums", || {
        let (failures, last) = health::page_checksums()?;
        Ok(vec![page_checksums(failures, last.as_deref())])
    }));
    let good = last.and_then(|last| last.last_id);
    findings.extend(guarded("tables", || tables::check(budget, good.as_deref())));
    findings
}

fn facts(scheduled_age: Option<f64>, max_age: f64) -> Result<Schedule> {
    let settings = Settings::read()?;
    let mut facts = Schedule {
        enabled: settings.enabled,
        chosen: settings.schedule.is_some() || settings.auto_on_change || settings.interval_hours.is_some(),
        launcher: health::pg_cron_runs()?,
        scheduled_age,
        max_age,
        ..Schedule::default()
    };
    if !facts.enabled || !facts.launcher {
        return Ok(facts);
    }
    let database = scalar(select(Snapshot::Latest, "SELECT current_database()", &[])?);
    let jobs = crate::command::schedule::status()?;
    facts.elsewhere = jobs.iter().any(|job| job.in_database.is_some() && job.in_database != database);
    let ran = if facts.elsewhere { Vec::new() } else { health::job_runs()? };
    let of = |status: JobStatus| {
        let ran = ran.iter().find(|ran| ran.name == status.job);
        Job {
            active: status.active,
            succeeded: ran.map(|ran| ran.succeeded.clone()).unwrap_or_default(),
            message: ran.and_then(|ran| ran.message.clone()),
            next: status.next_command,
            name: status.job,
        }
    };
    facts.jobs = jobs.into_iter().map(of).collect();
    Ok(facts)
}

/// Runs one check. What goes wrong in it is its finding.
fn guarded(check: &'static str, work: impl FnOnce() -> Result<Vec<Finding>>) -> Vec<Finding> {
    attempt(Then::RollBack, work).unwrap_or_else(|told| vec![failed(check, &told)])
}

/// The finding of a check that could not be made.
fn failed(check: &'static str, told: &Told) -> Finding {
    let detail = told.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let message = format!("this could not be checked: {}{detail} ({})", told.message, told.sqlstate);
    Finding { next: told.hint.clone(), ..Finding::new(check, Level::Critical, message) }
}
