//! What `check_health()` concludes from facts: a level, in words, and the next command to type. No PostgreSQL here.

mod files;
pub mod notice;
pub mod page;
mod schedule;
#[cfg(test)]
mod tests;

pub use files::{Bundle, Fault, Stray, bundles, free_space, run_needs, stray_files};
pub use schedule::{Job, Schedule, schedule};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Somebody should look at it by daylight.
    Warning,
    /// Data or backups are at risk.
    Critical,
}

impl Level {
    /// As the rows have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

/// A row of `check_health()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is about: a file, table, job or backup; none where it is about all of them.
    pub object: Option<String>,
    /// In words.
    pub message: String,
    /// What to type.
    pub next: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Finding {
        Finding { check, level: Level::Ok, object: None, message: message.into(), next: None }
    }

    /// Of any level.
    pub fn new(check: &'static str, level: Level, message: impl Into<String>) -> Finding {
        Finding { level, ..Finding::ok(check, message) }
    }

    /// What it is about.
    pub fn about(self, object: impl Into<String>) -> Finding {
        Finding { object: Some(object.into()), ..self }
    }

    /// What to type.
    pub fn next(self, command: impl Into<String>) -> Finding {
        Finding { next: Some(command.into()), ..self }
    }
}

/// Failed runs in a row from which on it is no accident.
const MANY_FAILURES: u64 = 3;

/// The commands that more than one finding names.
pub(crate) const RUN: &str = "SELECT * FROM paliad_backup.run();";
pub(crate) const RECONCILE: &str = "SELECT * FROM paliad_backup.reconcile();";

/// How old the newest good backup is, in seconds, and how old it may be.
pub fn backup_age(age: Option<f64>, max_age: f64, automatic: bool) -> Finding {
    const CHECK: &str = "backup_age";
    match age {
        None if automatic => {
            Finding::new(CHECK, Level::Critical, "automatic backups are enabled, and there is no good one").next(RUN)
        }
        None => Finding::new(CHECK, Level::Warning, "there is no good backup").next(RUN),
        Some(age) if age > max_age => {
            let message = format!(
                "the newest good backup is {} old, and settings.max_age is {}",
                duration(age),
                duration(max_age)
            );
            Finding::new(CHECK, Level::Critical, message).next(RUN)
        }
        Some(age) => Finding::ok(CHECK, format!("the newest good backup is {} old", duration(age))),
    }
}

/// Runs that have failed since the last good one, and what the last of them said.
pub fn failures(count: u64, last_error: Option<&str>) -> Finding {
    const CHECK: &str = "failures";
    if count == 0 {
        return Finding::ok(CHECK, "no run has failed since the newest good backup");
    }
    let level = if count >= MANY_FAILURES { Level::Critical } else { Level::Warning };
    let message = format!(
        "{} failed since the newest good backup; the last: {}",
        counted(count, "run", "runs"),
        last_error.unwrap_or("unknown")
    );
    let next = "SELECT started_at, kind, error_code, error FROM paliad_backup.list() WHERE status = 'failed';";
    Finding::new(CHECK, level, message).next(next)
}

/// Runs whose row says running though no process works at them.
pub fn interrupted(ids: &[String]) -> Vec<Finding> {
    const CHECK: &str = "interrupted_runs";
    if ids.is_empty() {
        return vec![Finding::ok(CHECK, "no interrupted run waits to be settled")];
    }
    let message = "the run says running, but its process is gone";
    ids.iter().map(|id| Finding::new(CHECK, Level::Warning, message).about(id).next(RECONCILE)).collect()
}

/// What the server has counted in this database and in what all share; `None` where checksums are off.
pub fn page_checksums(failures: Option<u64>, last: Option<&str>) -> Finding {
    const CHECK: &str = "page_checksums";
    match failures {
        None => Finding::ok(CHECK, "the server keeps no checksums of its pages, so that it cannot notice all damage"),
        Some(0) => Finding::ok(CHECK, "the server has met no page with a wrong checksum"),
        Some(count) => {
            let last = last.map(|at| format!(", the last at {at}")).unwrap_or_default();
            let times = counted(count, "time", "times");
            let message = format!("the server has met pages with a wrong checksum {times}{last}");
            Finding::new(CHECK, Level::Critical, message)
                .next("SELECT * FROM paliad_backup.check_health(deep => true) WHERE check_name = 'tables';")
        }
    }
}

/// How bad it is that a relation could not be read to its end, by the error's SQLSTATE: critical where it is damaged, a file that is gone
/// or cannot be read included. What else keeps us from looking is no damage.
pub fn unread(sqlstate: &str) -> Level {
    match sqlstate {
        "XX000" | "XX001" | "XX002" | "58030" | "58P01" => Level::Critical,
        _ => Level::Warning,
    }
}

/// Seconds as people say them, in the two largest units.
pub fn duration(seconds: f64) -> String {
    // Negative where the clock was set back.
    let whole = seconds.max(0.0).round() as u64;
    let parts = [
        (whole / 86_400, "day", "days"),
        (whole / 3600 % 24, "hour", "hours"),
        (whole / 60 % 60, "minute", "minutes"),
        (whole % 60, "second", "seconds"),
    ];
    let first = parts.iter().position(|part| part.0 > 0).unwrap_or(parts.len() - 1);
    let said = parts.iter().skip(first).take(2).filter(|part| part.0 > 0);
    let said: Vec<String> = said.map(|(count, one, more)| counted(*count, one, more)).collect();
    if said.is_empty() { "0 seconds".into() } else { said.join(" ") }
}

/// Bytes as people say them.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 10 * 1024 {
        return counted(count, "byte", "bytes");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 10.0 * 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.0} {}", UNITS[unit])
}

pub(crate) fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
