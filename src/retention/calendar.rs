//! Days, weeks, months and years of UTC, by number.

use super::{DAY, Moment};
use crate::calendar::date;

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
            Period::Year => date(day).year,
        }
    }
}

/// Months from the year 0 on to that of a day.
fn month(day: i64) -> i64 {
    let date = date(day);
    date.year * 12 + i64::from(date.month) - 1
}
