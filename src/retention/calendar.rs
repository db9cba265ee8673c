//! Days, weeks, months and years of UTC, by number.

use super::{DAY, Moment};

/// A stretch of time of which retention keeps one backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// Of the calendar.
    Month,
    /// Of the calendar.
    Year,
}

impl Period {
    /// The setting that says how many are kept.
    pub fn setting(self) -> &'static str {
        match self {
            Period::Day => "keep_daily",
            Period::Week => "keep_weekly",
            Period::Month => "keep_monthly",
            Period::Year => "keep_yearly",
        }
    }

    /// Which one a moment lies in: equal numbers are the same period, greater ones later.
    pub fn number(self, moment: Moment) -> i64 {
        let day = moment.div_euclid(DAY);
        match self {
            Period::Day => day,
            // 1970-01-01 was a Thursday.
            Period::Week => (day + 3).div_euclid(7),
            Period::Month => month(day),
            Period::Year => month(day).div_euclid(12),
        }
    }
}

/// Months from the year 0 to that of a day, which counts from 1970-01-01: the calendar has a cycle of 400 years, and years that begin in March
/// have the leap day last.
fn month(day: i64) -> i64 {
    let since = day + 719_468;
    let (cycle, day) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    (cycle * 400 + year) * 12 + from_march + 2
}
