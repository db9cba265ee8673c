//! Which jobs the settings ask for.

use crate::catalog::settings::Settings;

/// Of `cron.job`: a name has no more bytes in pg_cron 1.4.
const LONGEST_NAME: usize = 63;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A backup at fixed times.
    Run,
    /// Looks each minute whether a backup is due by age or after changes.
    Tick,
    /// When the server has started.
    StartUp,
}

/// All kinds, in the order in which they are shown.
pub const KINDS: [Kind; 3] = [Kind::Run, Kind::Tick, Kind::StartUp];

/// A job as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it does.
    pub kind: Kind,
    /// Its name in pg_cron.
    pub name: String,
    /// A cron expression.
    pub schedule: String,
    /// What is executed.
    pub command: &'static str,
}

impl Kind {
    /// Jobs of several databases lie in one table: the name has the database's, or its oid where that is too long.
    pub fn name(self, database: &str, oid: u32) -> String {
        let word = match self {
            Kind::Run => "run",
            Kind::Tick => "tick",
            Kind::StartUp => "start_up",
        };
        let name = format!("paliad_backup_{word}_{database}");
        if name.len() <= LONGEST_NAME { name } else { format!("paliad_backup_{word}_{oid}") }
    }

    /// What pg_cron executes.
    pub fn command(self) -> &'static str {
        match self {
            Kind::Run => "SELECT paliad_backup.run('scheduled', formats => s.formats) FROM paliad_backup.settings AS s",
            Kind::Tick => "SELECT paliad_backup.auto_backup_tick()",
            Kind::StartUp => "SELECT paliad_backup.start_up()",
        }
    }
}

/// The jobs that the settings ask for.
pub fn wanted(settings: &Settings, database: &str, oid: u32) -> Vec<Job> {
    let schedule = |kind| match kind {
        _ if !settings.enabled => None,
        Kind::Run => settings.schedule.clone(),
        Kind::Tick => (settings.auto_on_change || settings.interval_hours.is_some()).then(|| "* * * * *".to_owned()),
        Kind::StartUp => Some("@reboot".to_owned()),
    };
    KINDS
        .into_iter()
        .filter_map(|kind| {
            Some(Job { kind, name: kind.name(database, oid), schedule: schedule(kind)?, command: kind.command() })
        })
        .collect()
}
