//! Which backups are kept, and by which rule: facts in, verdicts out. No pgrx here, so all of it is tested without a server.
//!
//! A backup is kept if any rule keeps it. Only good ones take places: what was found damaged or missing is judged as if it were good,
//! but pushes nothing else out, so that it is not removed for being damaged, nor anything good for its sake. A start in the future is
//! a clock's mistake, one way or the other: such a backup is kept and takes no place either, until its time has come.

mod calendar;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use uuid::Uuid;

pub use calendar::Period;

/// A time: microseconds since 1970-01-01 UTC.
pub type Moment = i64;

const DAY: Moment = 86_400_000_000;

/// The rules; `None` is one that is not used. The members are columns of `settings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Policy {
    /// The newest so many.
    pub retention_count: Option<u32>,
    /// Those that began in the last so many times 24 hours before the newest good one.
    pub retention_days: Option<u32>,
    /// The newest of each of the last so many days (UTC) that have a backup.
    pub keep_daily: Option<u32>,
    /// The same of weeks, which begin on Monday.
    pub keep_weekly: Option<u32>,
    /// The same of months.
    pub keep_monthly: Option<u32>,
    /// The same of years.
    pub keep_yearly: Option<u32>,
    /// The newest so many checkpoints, to which no other rule applies.
    pub checkpoint_count: Option<u32>,
    /// The newest so many are kept whatever the other rules say. It is no rule by itself: without another one all are kept.
    pub minimum_redundancy: u32,
}

/// What made a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody.
    OnDemand,
    /// The schedule.
    Scheduled,
    /// A restore, before it replaces anything.
    Checkpoint,
}

/// What a backup is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Done, and whole as far as anybody knows: it takes a place.
    Good,
    /// Found damaged or missing when last looked.
    Doubtful,
    /// Not done yet.
    Running,
    /// Failed: it has no file.
    Failed,
    /// Made elsewhere and registered by somebody.
    Imported,
    /// In another directory than the present one, out of reach.
    Elsewhere,
}

/// A backup that is not deleted, as far as retention looks at it.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its id.
    pub id: Uuid,
    /// What made it.
    pub kind: Kind,
    /// What it is a backup of. Those of one series take places from each other, and not from those of another: ten exports of the
    /// reference data must not push out the last backup of everything.
    pub series: String,
    /// What it is worth.
    pub standing: Standing,
    /// Somebody wants to keep it.
    pub pinned: bool,
    /// The checkpoint of a restore whose transaction goes on.
    pub guards_open_restore: bool,
    /// Start of the run.
    pub started_at: Moment,
}

/// What keeps a backup, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is not done yet.
    Running,
    /// It has no file.
    Failed,
    /// Registering it was somebody's deliberate act.
    Imported,
    /// Its file is out of reach.
    Elsewhere,
    /// Somebody has pinned it.
    Pinned,
    /// Its restore may yet be committed, and then be undone.
    OpenRestore,
    /// It begins in the future.
    Future,
    /// The policy has no rule for its kind.
    NoRule,
    /// [`Policy::retention_count`].
    RetentionCount(u32),
    /// [`Policy::retention_days`].
    RetentionDays(u32),
    /// [`Policy::keep_daily`] and its like.
    Newest(Period, u32),
    /// [`Policy::checkpoint_count`].
    CheckpointCount(u32),
    /// [`Policy::minimum_redundancy`].
    MinimumRedundancy(u32),
    /// Of automatic backups the newest stays: see [`all_but_newest_automatic`].
    NewestAutomatic,
}

/// What becomes of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays; the first rule that keeps it.
    Keep(Rule),
    /// It goes; the rules, none of which keeps it.
    Remove(Vec<Rule>),
}

/// Judges backups by the policy, in the order in which they are given.
pub fn select(backups: &[Backup], policy: &Policy, now: Moment) -> Vec<(Uuid, Verdict)> {
    let places = Places::of(backups.iter(), now);
    let judge = |backup: &Backup| {
        let rules = policy.rules(backup.kind);
        if rules.is_empty() {
            return Verdict::Keep(Rule::NoRule);
        }
        let redundancy = policy.redundancy(backup.kind);
        match rules.iter().chain(&redundancy).find(|rule| places.spare(backup, rule)) {
            Some(rule) => Verdict::Keep(rule.clone()),
            None => Verdict::Remove(rules),
        }
    };
    backups.iter().map(|backup| (backup.id, untouchable(backup, now).unwrap_or_else(|| judge(backup)))).collect()
}

/// Judges automatic backups alone, whatever the policy: the newest good one stays, and as many good ones of any kind as
/// [`Policy::minimum_redundancy`] says.
pub fn all_but_newest_automatic(backups: &[Backup], policy: &Policy, now: Moment) -> Vec<(Uuid, Verdict)> {
    let automatic = || backups.iter().filter(|backup| backup.kind == Kind::Scheduled);
    let (places, among_all) = (Places::of(automatic(), now), Places::of(backups.iter(), now));
    let judge = |backup: &Backup| {
        let redundancy = policy.redundancy(backup.kind).filter(|rule| among_all.spare(backup, rule));
        let newest = places.newer(backup).is_empty().then_some(Rule::NewestAutomatic);
        newest.or(redundancy).map_or(Verdict::Remove(vec![Rule::NewestAutomatic]), Verdict::Keep)
    };
    automatic().map(|backup| (backup.id, untouchable(backup, now).unwrap_or_else(|| judge(backup)))).collect()
}

/// What is kept whatever the rules say.
fn untouchable(backup: &Backup, now: Moment) -> Option<Verdict> {
    let rule = match backup.standing {
        Standing::Running => Rule::Running,
        Standing::Failed => Rule::Failed,
        Standing::Imported => Rule::Imported,
        Standing::Elsewhere => Rule::Elsewhere,
        _ if backup.pinned => Rule::Pinned,
        _ if backup.guards_open_restore => Rule::OpenRestore,
        _ if backup.started_at > now => Rule::Future,
        _ => return None,
    };
    Some(Verdict::Keep(rule))
}

impl Policy {
    fn rules(&self, kind: Kind) -> Vec<Rule> {
        if kind == Kind::Checkpoint {
            return self.checkpoint_count.map(Rule::CheckpointCount).into_iter().collect();
        }
        let newest = |period, number: Option<u32>| number.map(|number| Rule::Newest(period, number));
        [
            self.retention_count.map(Rule::RetentionCount),
            self.retention_days.map(Rule::RetentionDays),
            newest(Period::Day, self.keep_daily),
            newest(Period::Week, self.keep_weekly),
            newest(Period::Month, self.keep_monthly),
            newest(Period::Year, self.keep_yearly),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Checkpoints are no backups to fall back on: they show the data as they were before a restore.
    fn redundancy(&self, kind: Kind) -> Option<Rule> {
        (kind != Kind::Checkpoint).then_some(Rule::MinimumRedundancy(self.minimum_redundancy))
    }
}

/// The good ones, newest first: those that take places, from others of their series and no checkpoint from a backup that is none.
struct Places<'a>(HashMap<(bool, &'a str), Vec<&'a Backup>>);

impl<'a> Places<'a> {
    fn of(backups: impl Iterator<Item = &'a Backup>, now: Moment) -> Places<'a> {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for backup in backups.filter(|backup| backup.standing == Standing::Good && backup.started_at <= now) {
            places.entry(series(backup)).or_default().push(backup);
        }
        places.values_mut().for_each(|taken| taken.sort_unstable_by_key(|backup| age(backup)));
        Places(places)
    }

    /// Those before it.
    fn newer<'b>(&'b self, backup: &'b Backup) -> &'b [&'b Backup] {
        let taken = self.0.get(&series(backup)).map(Vec::as_slice).unwrap_or_default();
        &taken[..taken.partition_point(|other| age(other) < age(backup))]
    }

    /// Whether the rule keeps a backup, were it good.
    fn spare(&self, backup: &Backup, rule: &Rule) -> bool {
        let newer = self.newer(backup);
        match rule {
            Rule::RetentionCount(most) | Rule::CheckpointCount(most) | Rule::MinimumRedundancy(most) => {
                newer.len() < *most as usize
            }
            // Not from now: a long pause, or a clock that is ahead, is no reason to remove anything.
            Rule::RetentionDays(days) => newer.first().is_none_or(|newest| {
                let span = DAY.saturating_mul(Moment::from(*days));
                backup.started_at >= newest.started_at.saturating_sub(span)
            }),
            Rule::Newest(period, most) => {
                let number = |backup: &Backup| period.number(backup.started_at);
                newer.last().is_none_or(|next| number(next) != number(backup))
                    && newer.chunk_by(|a, b| number(a) == number(b)).take(*most as usize).count() < *most as usize
            }
            _ => false,
        }
    }
}

fn series(backup: &Backup) -> (bool, &str) {
    (backup.kind == Kind::Checkpoint, &backup.series)
}

/// Sorts by age, as latest() does: of equal starts the lower id is the newer.
fn age(backup: &Backup) -> (Reverse<Moment>, Uuid) {
    (Reverse(backup.started_at), backup.id)
}

/// What a person reads in `reason`; rules of the policy go by the name of their setting.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Running => f.write_str("it is running"),
            Rule::Failed => f.write_str("it failed and has no file"),
            Rule::Imported => f.write_str("it was imported"),
            Rule::Elsewhere => f.write_str("its file lies in another directory than the present one"),
            Rule::Pinned => f.write_str("it is pinned"),
            Rule::OpenRestore => f.write_str("its restore is not committed yet"),
            Rule::Future => f.write_str("its start lies in the future"),
            Rule::NoRule => f.write_str("no rule is set"),
            Rule::RetentionCount(most) => write!(f, "retention_count {most}"),
            Rule::RetentionDays(days) => write!(f, "retention_days {days}"),
            Rule::Newest(period, most) => write!(f, "{} {most}", period.setting()),
            Rule::CheckpointCount(most) => write!(f, "checkpoint_count {most}"),
            Rule::MinimumRedundancy(most) => write!(f, "minimum_redundancy {most}"),
            Rule::NewestAutomatic => f.write_str("the newest automatic backup"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Keep(rule) => rule.fmt(f),
            Verdict::Remove(rules) => {
                let rules: Vec<String> = rules.iter().map(Rule::to_string).collect();
                write!(f, "not kept by {}", rules.join(", "))
            }
        }
    }
}
