//! The Gregorian calendar, by days counted from 1970-01-01, a Thursday. Pure.

/// A day's year, month and day of month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Of the calendar.
    pub year: i64,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

/// The date of a day: the calendar has a cycle of 400 years, and years that begin in March have the leap day last.
pub fn date(day: i64) -> Date {
    let since = day + 719_468;
    let (cycle, day) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let day_of_month = day - (153 * from_march + 2) / 5 + 1;
    let (year_later, month) = if from_march < 10 { (0, from_march + 3) } else { (1, from_march - 9) };
    Date { year: cycle * 400 + year + year_later, month: month as u32, day: day_of_month as u32 }
}

/// 0 is Sunday.
pub fn weekday(day: i64) -> u32 {
    (day + 4).rem_euclid(7) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_found_before_and_after_leap_days() {
        for (day, year, month, day_of_month, of_week) in [
            (0, 1970, 1, 1, 4),
            (-1, 1969, 12, 31, 3),
            (11_016, 2000, 2, 29, 2),
            (11_017, 2000, 3, 1, 3),
            (20_778, 2026, 11, 21, 6),
            (47_540, 2100, 2, 28, 0),
            (47_541, 2100, 3, 1, 1),
            (-719_468, 0, 3, 1, 3),
            (-719_469, 0, 2, 29, 2),
        ] {
            assert_eq!(date(day), Date { year, month, day: day_of_month }, "day {day}");
            assert_eq!(weekday(day), of_week, "day {day}");
        }
    }
}
