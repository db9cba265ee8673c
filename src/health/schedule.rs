//! Automatic backups: whether anything makes them.

use super::{Finding, Level, duration};

/// A job of pg_cron in this database.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// pg_cron's number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// False: it is switched off.
    pub active: bool,
    /// Whether its last runs succeeded, the newest first.
    pub succeeded: Vec<bool>,
    /// What the last run said.
    pub message: Option<String>,
}

/// What is known of the schedule.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Automatic backups are wanted.
    pub enabled: bool,
    /// The cron expression in the settings.
    pub expression: Option<String>,
    /// A tick is wanted, for an interval or for changes.
    pub tick: bool,
    /// pg_cron's extension is in this database.
    pub has_pg_cron: bool,
    /// Its process runs.
    pub launcher: bool,
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
    if facts.expression.is_none() && !facts.tick {
        let message = "automatic backups are enabled, but neither at fixed times, nor by interval, nor on change";
        return vec![Finding::new(CHECK, Level::Critical, message).next("SELECT * FROM paliad_backup.schedule();")];
    }
    if !facts.launcher {
        let message = "automatic backups are enabled, but pg_cron does not run in this server";
        return vec![Finding::new(CHECK, Level::Critical, message).next("SHOW shared_preload_libraries;")];
    }
    if !facts.has_pg_cron {
        return vec![elsewhere(facts)];
    }
    if facts.jobs.is_empty() {
        let next = match &facts.expression {
            Some(expression) => format!("SELECT * FROM paliad_backup.schedule('{}');", expression.replace('\'', "''")),
            None => "UPDATE paliad_backup.settings SET enabled = true;".into(),
        };
        let message = "automatic backups are enabled, but pg_cron has no job for them";
        return vec![Finding::new(CHECK, Level::Critical, message).next(next)];
    }
    facts.jobs.iter().map(job).collect()
}

/// The jobs are in the one database that pg_cron keeps them in: backups tell that they work.
fn elsewhere(facts: &Schedule) -> Finding {
    match facts.scheduled_age {
        Some(age) if age <= facts.max_age => Finding::ok(
            CHECK,
            format!("the newest automatic backup is {} old; its job is in another database", duration(age)),
        ),
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
    let finding = match failed {
        _ if !job.active => Finding::new(CHECK, Level::Critical, "the job is switched off")
            .next(format!("SELECT cron.alter_job({}, active => true);", job.id)),
        0 if job.succeeded.is_empty() => Finding::ok(CHECK, "the job has not run yet"),
        0 => Finding::ok(CHECK, "the job's last run succeeded"),
        1..=2 => Finding::new(CHECK, Level::Warning, format!("the job's last run failed: {said}")).next(STATUS),
        _ => Finding::new(CHECK, Level::Critical, format!("the job's last {failed} runs failed: {said}")).next(STATUS),
    };
    finding.about(&job.name)
}
