use proptest::prelude::*;

use super::*;

/// A calendar that counts: from 1970-01-01, a Thursday, one minute after the other.
struct Clock {
    minute: u32,
    hour: u32,
    day: u32,
    month: u32,
    year: u32,
    weekday: u32,
}

impl Clock {
    fn at_1970() -> Clock {
        Clock { minute: 0, hour: 0, day: 1, month: 1, year: 1970, weekday: 4 }
    }

    fn month_length(&self) -> u32 {
        let leap = (self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)) || self.year.is_multiple_of(400);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn next_day(&mut self) {
        self.weekday = (self.weekday + 1) % 7;
        self.day += 1;
        if self.day > self.month_length() {
            (self.day, self.month) = (1, self.month + 1);
        }
        if self.month > 12 {
            (self.month, self.year) = (1, self.year + 1);
        }
    }

    fn next_minute(&mut self) {
        self.minute += 1;
        if self.minute == 60 {
            (self.minute, self.hour) = (0, self.hour + 1);
        }
        if self.hour == 24 {
            self.hour = 0;
            self.next_day();
        }
    }

    /// As pg_cron's ShouldRunTask looks at one day, from the text of the expression.
    fn day_is_named_by(&self, fields: &[&str]) -> bool {
        let day = names(fields[2], self.day, 1, 31);
        let weekday = names(fields[4], self.weekday, 0, 7) || (self.weekday == 0 && names(fields[4], 7, 0, 7));
        let any = fields[2].starts_with('*') || fields[4].starts_with('*');
        names(fields[3], self.month, 1, 12) && if any { day && weekday } else { day || weekday }
    }

    fn minute_is_named_by(&self, fields: &[&str]) -> bool {
        names(fields[0], self.minute, 0, 59) && names(fields[1], self.hour, 0, 23)
    }
}

fn names(field: &str, value: u32, low: u32, high: u32) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range {
            "*" => (low, high),
            _ => {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                (first.parse().unwrap(), last.parse().unwrap())
            }
        };
        (first..=last).contains(&value) && (value - first).is_multiple_of(step.parse::<u32>().unwrap())
    })
}

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|number| number.to_string()),
        1 => (1..=high).prop_map(|step| format!("*/{step}")),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (low..=high, low..=high, 1..=high).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.join(","))
}

fn expression() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

proptest! {
    /// Against a clock that is stepped minute by minute on the days that are named, from a day of eight years on.
    #[test]
    fn the_next_minute_is_the_first_that_is_named(text in expression(), day in 0u32..2922, minute in 0u32..1440) {
        let parsed = Expression::parse(&text);
        let mut clock = Clock::at_1970();
        (0..day).for_each(|_| clock.next_day());
        (0..minute).for_each(|_| clock.next_minute());
        let begin = i64::from(day * 1440 + minute);
        let year = begin + 366 * 1440;
        let fields: Vec<&str> = text.split(' ').collect();
        let mut stepped = begin + 1;
        clock.next_minute();
        while stepped <= year && !(clock.day_is_named_by(&fields) && clock.minute_is_named_by(&fields)) {
            if clock.day_is_named_by(&fields) || (clock.hour, clock.minute) != (0, 0) {
                clock.next_minute();
                stepped += 1;
            } else {
                clock.next_day();
                stepped += 1440;
            }
        }
        let stepped = Some(stepped).filter(|stepped| *stepped <= year);
        match parsed {
            Ok(parsed) => prop_assert_eq!(parsed.next_after(begin).filter(|next| *next <= year), stepped),
            Err(fault) => prop_assert!(fault.message.contains("never comes") && stepped.is_none(), "{:?}", fault),
        }
    }
}

/// Days from 1970-01-01 on to the next time, and minutes of that day, after noon of 2026-11-21 (a Saturday).
fn next(text: &str) -> (i64, i64) {
    let noon = 20_778 * MINUTES_OF_A_DAY + 720;
    let next = Expression::parse(text).unwrap().next_after(noon).unwrap();
    (next.div_euclid(MINUTES_OF_A_DAY) - 20_778, next.rem_euclid(MINUTES_OF_A_DAY))
}

#[test]
fn names_and_words_are_understood() {
    assert_eq!(next("0 3 * * *"), (1, 180));
    assert_eq!(next("* * * * *"), (0, 721));
    assert_eq!(next("@hourly"), (0, 780));
    assert_eq!(next("@daily"), (1, 0));
    assert_eq!(next("@midnight"), (1, 0));
    assert_eq!(next("@weekly"), (1, 0));
    assert_eq!(next("@monthly"), (10, 0));
    assert_eq!(next("30 2 * * mon-FRI"), (2, 150));
    assert_eq!(next("0 0 * Dec *"), (10, 0));
    assert_eq!(next("0 0 * * 7"), next("0 0 * * sun"));
    // Both days given: the first of the month, or a Tuesday.
    assert_eq!(next("0 0 1 * 2"), (3, 0));
    // One of them begins with a star: both must hold. A Tuesday with an odd date.
    assert_eq!(next("0 0 */2 * 2"), (10, 0));
    // 2028-02-29.
    assert_eq!(next("0 0 29 2 *"), (465, 0));
}

#[test]
fn blanks_are_made_one() {
    assert_eq!(Expression::parse(" 0\t3  * * * ").unwrap().to_string(), "0 3 * * *");
    assert_eq!(Expression::parse("@daily").unwrap().to_string(), "@daily");
}

#[test]
fn what_pg_cron_passes_over_or_never_does_is_refused() {
    for (text, message) in [
        ("", "has 0 fields"),
        ("0 3 * *", "has 4 fields"),
        ("0 3 * * * *", "has 6 fields"),
        ("0 3 * * *\n", "is no day of week"),
        ("60 3 * * *", "\"60\" is no minute"),
        ("0 24 * * *", "\"24\" is no hour"),
        ("0 3 0 * *", "is no day of month"),
        ("0 3 * 13 *", "is no month"),
        ("0 3 * * 8", "is no day of week"),
        ("0 3 * * monday", "is no day of week"),
        ("0x 3 * * *", "is no minute"),
        ("-1 3 * * *", "is no minute"),
        ("+1 3 * * *", "is no minute"),
        ("0, 3 * * *", "is no minute"),
        ("1-2-3 3 * * *", "is no minute"),
        ("*/0 3 * * *", "is no step"),
        ("*/60 3 * * *", "is no step"),
        ("*/ 3 * * *", "is no step"),
        ("5/10 3 * * *", "is no minute"),
        ("*5 3 * * *", "is no minute"),
        ("0 22-4 * * *", "ends before it begins"),
        ("0 3 * * fri-sun", "ends before it begins"),
        ("0 3 31 2,4 *", "never comes"),
        ("@reboot", "names no time"),
        ("@yearly", "does not run"),
        ("@sometimes", "has 1 fields"),
        ("99999999999 3 * * *", "is no minute"),
    ] {
        let fault = Expression::parse(text).expect_err(text);
        assert!(fault.message.contains(message) && !fault.hint.is_empty(), "{text:?}: {fault:?}");
    }
}
