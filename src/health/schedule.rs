//! Automatic backups: whether anything makes them.

use super::{Finding, Level, duration};

/// A job that settings ask for.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// False: it is switched off; none: it is not there.
    pub active: Option<bool>,
    /// Whether its last runs succeeded, the newest first.
    pub succeeded: Vec<bool>,
    /// What the last run said.
    pub message: Option<String>,
    /// What makes it as it should be, where it is not.
    pub next: Option<String>,
}

/// What is known of the schedule.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Automatic backups are wanted.
    pub enabled: bool,
    /// At fixed times, by interval, or on change.
    pub chosen: bool,
    /// pg_cron's process runs.
    pub launcher: bool,
    /// pg_cron keeps its jobs in another database.
    pub elsewhere: bool,
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Age of the newest automatic backup in seconds.
    pub scheduled_age: Option<f64>,
    /// How old a backup may be.
    pub max_age: f64,
}

const CHECK: &str = "schedule";
const STATUS: &str = "SELECT * FROM paliad_backup.schedule_status();";

/// Whether automatic backups are made, as far as this database can tell.
pub fn schedule(facts: &Schedule) -> Vec<Finding> {
    if !facts.enabled {
        return vec![Finding::ok(CHECK, "automatic backups are not enabled")];
    }
    if !facts.chosen {
        let message = "automatic backups are enabled, but neither at fixed times, nor by interval, nor on change";
        return vec![Finding::new(CHECK, Level::Critical, message).next("SELECT * FROM paliad_backup.schedule();")];
    }
    if !facts.launcher {
        let message = "automatic backups are enabled, but pg_cron does not run in this server";
        return vec![Finding::new(CHECK, Level::Critical, message).next("SHOW shared_preload_libraries;")];
    }
    if facts.elsewhere {
        return vec![elsewhere(facts)];
    }
    facts.jobs.iter().map(job).collect()
}

/// The jobs are in the one database that pg_cron keeps them in: backups tell that they work.
fn elsewhere(facts: &Schedule) -> Finding {
    match facts.scheduled_age {
        Some(age) if age <= facts.max_age => {
            let age = duration(age);
            Finding::ok(CHECK, format!("the newest automatic backup is {age} old; its job is in another database"))
        }
        _ => {
            let message = "automatic backups are enabled, the jobs are not in this database, and no automatic backup is \
                           younger than settings.max_age";
            Finding::new(CHECK, Level::Warning, message).next(STATUS)
        }
    }
}

fn job(job: &Job) -> Finding {
    let failed = job.succeeded.iter().take_while(|succeeded| !**succeeded).count();
    let said = job.message.as_deref().unwrap_or_default().trim();
    let next = job.next.as_deref().unwrap_or(STATUS);
    let finding = |level, message: String| Finding::new(CHECK, level, message).next(next);
    let finding = match (job.active, failed) {
        (None, _) => finding(Level::Critical, "pg_cron does not have the job".into()),
        (Some(false), _) => finding(Level::Critical, "the job is switched off".into()),
        _ if job.next.is_some() => finding(Level::Warning, "the job is not what settings say".into()),
        (_, 0) if job.succeeded.is_empty() => Finding::ok(CHECK, "the job has not run yet"),
        (_, 0) => Finding::ok(CHECK, "the job's last run succeeded"),
        (_, 1..=2) => finding(Level::Warning, format!("the job's last run failed: {said}")),
        _ => finding(Level::Critical, format!("the job's last {failed} runs failed: {said}")),
    };
    finding.about(&job.name)
}
