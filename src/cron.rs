//! Cron expressions as pg_cron understands them, and when they come next. Pure.
//!
//! pg_cron's parser is vixie cron's, which passes over what it doesn't understand (`0x` is `0`, a sixth field is nothing) and takes
//! expressions that never come. Here these are refused; what is accepted means the same to pg_cron.

use std::fmt::{Display, Formatter};

use crate::calendar::{date, weekday};

/// Minutes since 1970-01-01 00:00, of a clock without leap seconds or daylight saving.
pub type Minute = i64;

const MINUTES_OF_A_DAY: i64 = 24 * 60;
/// A February 29th of a given weekday comes again after 40 years at the latest.
const HORIZON_DAYS: i64 = 41 * 366;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something is to be done. Shown with one blank between its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Day of month and weekday are both given: either will do.
    either_day: bool,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

/// A field's name and bounds.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    // Sunday is 0 and 7.
    Field { name: "day of week", low: 0, high: 7, names: &WEEKDAYS },
];

impl Expression {
    /// Understands a text: five fields (minute, hour, day of month, month, day of week) of numbers, names, ranges, steps and lists, or
    /// @hourly, @daily, @midnight, @weekly, @monthly.
    ///
    /// # Errors
    /// What pg_cron doesn't take, passes over in silence, or would never do.
    pub fn parse(text: &str) -> Result<Expression, Fault> {
        let text = text.trim_matches([' ', '\t']);
        // pg_cron's names, but not its @yearly, which newer versions never run.
        let long = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => {
                return Err(fault(format!("pg_cron does not run {text:?}"), "Write '0 0 1 1 *'."));
            }
            "@reboot" => {
                return Err(fault(
                    "@reboot names no time",
                    "At each start of the server pg_cron does what start_up() does.",
                ));
            }
            other => other,
        };
        let fields: Vec<&str> = long.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(fault(
                format!("cron expression {text:?} has {} fields, not 5", fields.len()),
                "Minute, hour, day of month, month, day of week: '0 3 * * *' is each night at 3.",
            ));
        };
        let mut weekdays = set(&FIELDS[4], weekday)?;
        if weekdays & (1 << 7) != 0 {
            weekdays |= 1;
        }
        let expression = Expression {
            text: if text.starts_with('@') { text.to_owned() } else { fields.join(" ") },
            minutes: set(&FIELDS[0], minute)?,
            hours: set(&FIELDS[1], hour)?,
            days: set(&FIELDS[2], day)?,
            months: set(&FIELDS[3], month)?,
            weekdays,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        match expression.next_after(0) {
            Some(_) => Ok(expression),
            None => Err(fault(
                format!("cron expression {text:?} never comes"),
                "No month that it names has the day that it names.",
            )),
        }
    }

    /// The first minute after `minute` that the expression names.
    pub fn next_after(&self, minute: Minute) -> Option<Minute> {
        let begin = minute + 1;
        let first_day = begin.div_euclid(MINUTES_OF_A_DAY);
        (first_day..=first_day + HORIZON_DAYS).filter(|day| self.has_day(*day)).find_map(|day| {
            let midnight = day * MINUTES_OF_A_DAY;
            self.minute_of_day(u32::try_from(begin - midnight).unwrap_or(0)).map(|minute| midnight + i64::from(minute))
        })
    }

    /// The first minute of a day, from `begin` on.
    fn minute_of_day(&self, begin: u32) -> Option<u32> {
        (begin / 60..24).filter(|hour| has(self.hours, *hour)).find_map(|hour| {
            let first = begin.saturating_sub(hour * 60);
            (first..60).find(|minute| has(self.minutes, *minute)).map(|minute| hour * 60 + minute)
        })
    }

    fn has_day(&self, day: i64) -> bool {
        let date = date(day);
        let (day, weekday) = (has(self.days, date.day), has(self.weekdays, weekday(day)));
        has(self.months, date.month) && if self.either_day { day || weekday } else { day && weekday }
    }
}

impl Display for Expression {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn has(set: u64, number: u32) -> bool {
    set & (1 << number) != 0
}

fn fault(message: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault { message: message.into(), hint: hint.into() }
}

/// The numbers that a field names, as bits.
fn set(field: &Field, text: &str) -> Result<u64, Fault> {
    let mut all = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (field.low, field.high),
            Some((first, last)) => (number(field, first)?, number(field, last)?),
            None if step.is_some() => {
                return Err(fault(
                    format!("{part:?} is no {} of a cron expression", field.name),
                    format!("A step follows * or a range: {range}-{}/{}.", field.high, step.unwrap_or_default()),
                ));
            }
            None => number(field, range).map(|number| (number, number))?,
        };
        if first > last {
            return Err(fault(
                format!("{range:?} ends before it begins"),
                "Write two ranges, as 22-23,0-4; the week ends with Sunday as 7.",
            ));
        }
        let step = match step {
            Some(step) => plain(step).filter(|step| (1..=field.high).contains(step)).ok_or_else(|| {
                fault(format!("{step:?} is no step of a {}", field.name), format!("Steps are 1 to {}.", field.high))
            })?,
            None => 1,
        };
        (first..=last).step_by(step as usize).for_each(|number| all |= 1 << number);
    }
    Ok(all)
}

fn number(field: &Field, text: &str) -> Result<u32, Fault> {
    let name = || field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = plain(text).or_else(|| name().map(|index| index as u32 + field.low));
    number.filter(|number| (field.low..=field.high).contains(number)).ok_or_else(|| {
        let names = match field.names {
            [] => String::new(),
            names => format!(", or {} to {}", names[0], names[names.len() - 1]),
        };
        fault(
            format!("{text:?} is no {} of a cron expression", field.name),
            format!(
                "It is {} to {}{names}, a range (a-b), a list (a,b), or *, with a step (*/n) where you like.",
                field.low, field.high
            ),
        )
    })
}

/// A number of decimal digits alone.
fn plain(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests;
