//! Dates and times as serial numbers: days since 1899-12-30, the time of day as a fraction (ECMA-376 part 1, 18.17.4.1).
//!
//! Serials below 61 are left alone: Excel's calendar has a 29 February 1900 that never was, so readers disagree about them.

use std::io::Write;

use super::number::Digits;

const DAY_MS: u32 = 86_400_000;
const MINUTE_US: u64 = 60_000_000;
/// Serial of 1900-03-01.
const FIRST: u32 = 61;

/// A moment in Excel's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial {
    /// Days since 1899-12-30.
    pub days: u32,
    /// Milliseconds of the day.
    pub ms: u32,
    /// The text had parts of a millisecond, which were rounded.
    pub rounded: bool,
}

impl Serial {
    /// Appends the serial number: the smallest double that is not below it, in the fewest digits. LibreOffice cuts seconds off, so it
    /// would show some times a second early if they were the least bit too small.
    pub fn push(self, out: &mut Vec<u8>) {
        if self.ms == 0 {
            out.extend_from_slice(Digits::of(self.days.into()).as_bytes());
            return;
        }
        let day_ms = f64::from(DAY_MS);
        let ms = f64::from(self.days) * day_ms + f64::from(self.ms);
        let nearest = ms / day_ms;
        // The product is exact before the subtraction, so its sign is that of the error.
        let serial = if nearest.mul_add(day_ms, -ms) < 0.0 { nearest.next_up() } else { nearest };
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{serial}");
    }
}

/// A date in ISO style; none outside 1900-03-01 to 9999-12-31 (also BC and infinity).
pub fn date(text: &[u8]) -> Option<Serial> {
    let [a, b, c, d, b'-', m, n, b'-', x, y] = *text else { return None };
    let days = serial_day(two(a, b)? * 100 + two(c, d)?, two(m, n)?, two(x, y)?)?;
    Some(Serial { days, ms: 0, rounded: false })
}

/// A timestamp in ISO style, with `+00` or without a zone; none outside the calendar. What rounds up past 9999 is rounded down.
pub fn timestamp(text: &[u8]) -> Option<Serial> {
    let text = text.strip_suffix(b"+00").unwrap_or(text);
    let (day, clock) = (text.get(..10)?, text.get(11..)?);
    if text[10] != b' ' {
        return None;
    }
    let Serial { days, .. } = date(day)?;
    let (ms, rounded) = milliseconds(clock)?;
    Some(match serial_day(9999, 12, 31) {
        Some(last) if ms == DAY_MS && days == last => Serial { days, ms: DAY_MS - 1, rounded },
        _ if ms == DAY_MS => Serial { days: days + 1, ms: 0, rounded },
        _ => Serial { days, ms, rounded },
    })
}

/// A time of day; none for `24:00:00`. What rounds up to midnight is rounded down.
pub fn time(text: &[u8]) -> Option<Serial> {
    let (ms, rounded) = milliseconds(text)?;
    Some(Serial { days: 0, ms: ms.min(DAY_MS - 1), rounded })
}

/// `HH:MM:SS` with up to six decimals in milliseconds, up to and including a whole day, and whether that was rounded.
fn milliseconds(text: &[u8]) -> Option<(u32, bool)> {
    let (&[h, i, b':', m, n, b':', s, t], fraction) = text.split_first_chunk::<8>()? else { return None };
    let (hours, minutes, seconds) = (two(h, i)?, two(m, n)?, two(s, t)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let mut micros = 0;
    if let Some((point, decimals)) = fraction.split_first() {
        if *point != b'.' || decimals.is_empty() || decimals.len() > 6 {
            return None;
        }
        for place in 0..6 {
            micros = micros * 10 + u64::from(digit(*decimals.get(place).unwrap_or(&b'0'))?);
        }
    }
    let micros = u64::from(hours * 60 + minutes) * MINUTE_US + u64::from(seconds) * 1_000_000 + micros;
    Some((((micros + 500) / 1000) as u32, !micros.is_multiple_of(1000)))
}

/// Days since 1899-12-30 of a day of the Gregorian calendar, from 1900-03-01 on.
fn serial_day(year: u32, month: u32, day: u32) -> Option<u32> {
    if year < 1900 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let since_year_zero = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    // 693,899 days lie between 0000-03-01 and 1899-12-30.
    since_year_zero.checked_sub(693_899).filter(|serial| *serial >= FIRST)
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn digit(byte: u8) -> Option<u32> {
    byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(serial: Option<Serial>) -> Option<String> {
        serial.map(|serial| {
            let mut out = Vec::new();
            serial.push(&mut out);
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn known_dates() {
        for (text, serial) in [
            ("1900-03-01", Some("61")),
            ("1970-01-01", Some("25569")),
            ("2000-02-29", Some("36585")),
            ("2026-11-21", Some("46347")),
            ("9999-12-31", Some("2958465")),
            ("1900-02-28", None),
            ("1899-12-31", None),
            ("0001-01-01", None),
            ("10000-01-01", None),
            ("0044-03-15 BC", None),
            ("infinity", None),
            ("-infinity", None),
        ] {
            assert_eq!(shown(date(text.as_bytes())).as_deref(), serial, "{text}");
        }
    }

    #[test]
    fn known_timestamps() {
        for (text, serial) in [
            ("1970-01-01 00:00:00+00", Some("25569")),
            ("1970-01-01 12:00:00", Some("25569.5")),
            ("2020-01-01 00:00:01", Some("43831.00001157408")),
            ("2020-01-01 23:59:59.9995", Some("43832")),
            ("2020-01-01 06:00:00.000499+00", Some("43831.25")),
            ("9999-12-31 23:59:59.999999", Some("2958465.999999989")),
            ("294276-12-31 23:59:59.999999", None),
            ("0044-03-15 00:00:00+00 BC", None),
            ("1900-02-28 23:59:59.9999", None),
            ("2020-01-01 24:00:00", None),
            ("infinity", None),
            ("2020-01-01", None),
        ] {
            assert_eq!(shown(timestamp(text.as_bytes())).as_deref(), serial, "{text}");
        }
    }

    #[test]
    fn known_times() {
        for (text, serial) in [
            ("00:00:00", Some("0")),
            ("18:00:00", Some("0.75")),
            ("23:59:59.9999", Some("0.999999988425926")),
            ("00:00:00.001", Some("0.000000011574074074074076")),
            ("24:00:00", None),
        ] {
            assert_eq!(shown(time(text.as_bytes())).as_deref(), serial, "{text}");
        }
    }

    #[test]
    fn says_what_was_rounded() {
        assert!(!time(b"01:02:03.456").is_some_and(|serial| serial.rounded));
        assert!(time(b"01:02:03.4561").is_some_and(|serial| serial.rounded));
        assert!(timestamp(b"2020-01-01 00:00:00.000001").is_some_and(|serial| serial.rounded));
    }

    proptest! {
        #[test]
        fn days_follow_each_other(year in 1901u32..=9999, month in 1u32..=12, day in 1u32..=27) {
            let today = serial_day(year, month, day).unwrap();
            prop_assert_eq!(serial_day(year, month, day + 1), Some(today + 1));
            prop_assert_eq!(serial_day(year, 1, 1).unwrap(), serial_day(year - 1, 12, 31).unwrap() + 1);
        }

        #[test]
        fn the_fraction_is_the_time_of_day(ms in 0u32..DAY_MS) {
            let text = shown(Some(Serial { days: 45_000, ms, rounded: false })).unwrap();
            let fraction = text.parse::<f64>().unwrap() - 45_000.0;
            prop_assert!((fraction * f64::from(DAY_MS) - f64::from(ms)).abs() < 0.001);
        }
    }
}
