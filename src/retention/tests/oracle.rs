//! The rules once more, each from its definition and without a thought for speed; shares nothing with the code under test but its types.

use crate::retention::{Backup, Kind, Moment, Policy, Standing};

const DAY: Moment = 24 * 60 * 60 * 1_000_000;

/// Whether the policy keeps `backup`, one of `history`.
pub fn keeps(history: &[Backup], backup: &Backup, policy: &Policy, now: Moment) -> bool {
    if protected(backup, now) {
        return true;
    }
    let checkpoint = backup.kind == Kind::Checkpoint;
    let mut candidates: Vec<&Backup> = Vec::new();
    for other in history {
        let counts = other.standing == Standing::Good && other.started_at <= now;
        let rival = other.series == backup.series && (other.kind == Kind::Checkpoint) == checkpoint;
        // A doubtful one is judged as if it were the one more that is good.
        if other.id == backup.id || (counts && rival) {
            candidates.push(other);
        }
    }
    if checkpoint {
        return policy.checkpoint_count.is_none_or(|count| among_newest(&candidates, backup, count));
    }
    let Policy { retention_count, retention_days, keep_daily, keep_weekly, keep_monthly, keep_yearly, .. } = policy;
    let numbers = [retention_count, retention_days, keep_daily, keep_weekly, keep_monthly, keep_yearly];
    if numbers.iter().all(|number| number.is_none()) {
        return true;
    }
    let periods: [(&Option<u32>, Naming); 4] = [
        (keep_daily, |date| (date.year, date.month, date.day)),
        (keep_weekly, |date| (0, 0, date.monday)),
        (keep_monthly, |date| (date.year, date.month, 0)),
        (keep_yearly, |date| (date.year, 0, 0)),
    ];
    among_newest(&candidates, backup, policy.minimum_redundancy)
        || retention_count.is_some_and(|count| among_newest(&candidates, backup, count))
        || retention_days.is_some_and(|days| behind_newest(&candidates, backup) <= i128::from(days) * i128::from(DAY))
        || periods
            .iter()
            .any(|(number, of)| number.is_some_and(|number| newest_of_last(&candidates, backup, number, *of)))
}

/// Whether cleanup_auto_keep_latest() leaves an automatic backup.
pub fn keeps_automatic(history: &[Backup], backup: &Backup, policy: &Policy, now: Moment) -> bool {
    let automatic: Vec<Backup> = history.iter().filter(|other| other.kind == Kind::Scheduled).cloned().collect();
    let one = Policy { retention_count: Some(1), ..Policy::default() };
    let redundant = Policy { retention_count: Some(policy.minimum_redundancy), ..Policy::default() };
    keeps(&automatic, backup, &one, now) || keeps(history, backup, &redundant, now)
}

/// What no rule touches.
pub fn protected(backup: &Backup, now: Moment) -> bool {
    !matches!(backup.standing, Standing::Good | Standing::Doubtful)
        || backup.pinned
        || backup.guards_open_restore
        || backup.started_at > now
}

fn newer(a: &Backup, b: &Backup) -> bool {
    a.started_at > b.started_at || (a.started_at == b.started_at && a.id < b.id)
}

fn among_newest(candidates: &[&Backup], backup: &Backup, count: u32) -> bool {
    let before = candidates.iter().filter(|other| newer(other, backup)).count();
    before < count as usize
}

/// Microseconds.
fn behind_newest(candidates: &[&Backup], backup: &Backup) -> i128 {
    let mut newest = backup.started_at;
    for other in candidates {
        newest = newest.max(other.started_at);
    }
    i128::from(newest) - i128::from(backup.started_at)
}

/// What a period goes by: year, month, and the day or the week's Monday; 0 where it has none.
type Named = (i64, i64, i64);
type Naming = fn(Date) -> Named;

/// For each of the last `number` periods that have one, the newest is kept.
fn newest_of_last(candidates: &[&Backup], backup: &Backup, number: u32, of: Naming) -> bool {
    let mut periods: Vec<Named> = candidates.iter().map(|other| of(date(other.started_at))).collect();
    periods.sort();
    periods.dedup();
    periods.reverse();
    periods.truncate(number as usize);
    periods.iter().any(|period| {
        let mut newest: Option<&Backup> = None;
        for other in candidates.iter().filter(|other| of(date(other.started_at)) == *period) {
            if newest.is_none_or(|newest| newer(other, newest)) {
                newest = Some(other);
            }
        }
        newest.is_some_and(|newest| newest.id == backup.id)
    })
}

/// A date, and the day of its week's Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub monday: i64,
}

/// By counting days from 1970-01-01, a Thursday, in either direction.
pub fn date(moment: Moment) -> Date {
    let wanted = moment.div_euclid(DAY);
    let (mut year, mut first) = (1970, 0);
    while wanted < first {
        year -= 1;
        first -= days_of_year(year);
    }
    while wanted >= first + days_of_year(year) {
        first += days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while wanted >= first + days_of_month(year, month) {
        first += days_of_month(year, month);
        month += 1;
    }
    let mut monday = wanted;
    while (monday + 3).rem_euclid(7) != 0 {
        monday -= 1;
    }
    Date { year, month, day: wanted - first + 1, monday }
}

fn is_leap(year: i64) -> bool {
    year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
}

fn days_of_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
