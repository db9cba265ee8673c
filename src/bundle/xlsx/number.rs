//! Which numbers Excel holds as they are, and digits without allocation.

use std::ops::RangeInclusive;

/// Digits that survive the way through Excel's binary double and back ("Excel specifications and limits").
const DIGITS: usize = 15;
/// Excel's range, without sign: from the smallest normal double on, which the specification gives as 2.2251E-308.
const RANGE: RangeInclusive<f64> = f64::MIN_POSITIVE..=9.99999999999999E307;

/// The text of a finite integer or numeric as a number cell holds it, without superfluous zeros at the end of a long fraction; none
/// where it has more than 15 significant digits or is out of Excel's range. `text` is as PostgreSQL writes it, without exponent.
pub fn exact(text: &[u8]) -> Option<&[u8]> {
    if text.len() <= DIGITS {
        return Some(text);
    }
    let digits = &text[usize::from(text[0] == b'-')..];
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let significant = |byte: &u8| matches!(byte, b'1'..=b'9');
    let (Some(first), Some(last)) = (digits.iter().position(significant), digits.iter().rposition(significant)) else {
        return Some(b"0");
    };
    let spans_point = first < point && point < last;
    if last - first + 1 - usize::from(spans_point) > DIGITS || !in_range(digits) {
        return None;
    }
    let end = if last < point { point } else { last + 1 };
    Some(&text[..text.len() - digits.len() + end])
}

fn in_range(digits: &[u8]) -> bool {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.is_some_and(|number: f64| RANGE.contains(&number))
}

/// A number's decimal digits in a buffer on the stack.
pub struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    /// The digits of `number`.
    pub fn of(mut number: u64) -> Self {
        let mut digits = Digits { bytes: [b'0'; 20], start: 20 };
        loop {
            digits.start -= 1;
            digits.bytes[digits.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return digits;
            }
        }
    }

    /// The digits as ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fifteen_significant_digits_are_a_number() {
        for (text, number) in [
            ("0", Some("0")),
            ("-0.00", Some("-0.00")),
            ("123456789012345", Some("123456789012345")),
            ("-123456789012345", Some("-123456789012345")),
            ("1234567890123456", None),
            ("9223372036854775807", None),
            ("1000000000000000000", Some("1000000000000000000")),
            ("1234567890123.45", Some("1234567890123.45")),
            ("12345678901234.56", None),
            ("0.00000000000000000012", Some("0.00000000000000000012")),
            ("12.5000000000000000000", Some("12.5")),
            ("120.000000000000000000", Some("120")),
            ("0.00000000000000000000", Some("0")),
        ] {
            assert_eq!(exact(text.as_bytes()), number.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn excels_range_is_that_of_normal_doubles_below_1e308() {
        let large = |digits: &str, zeros: usize| format!("{digits}{}", "0".repeat(zeros));
        let small = |digits: &str, zeros: usize| format!("-0.{}{digits}", "0".repeat(zeros));
        for (text, is_number) in [
            (large("1", 307), true),
            (large("999999999999999", 293), true),
            (large("1", 308), false),
            (small("1", 306), true),
            (small("222507385850721", 307), true),
            (small("222507385850720", 307), false),
            (small("1", 320), false),
        ] {
            assert_eq!(exact(text.as_bytes()).is_some(), is_number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn digits_are_those_of_display(number: u64) {
            let text = number.to_string();
            let digits = Digits::of(number);
            prop_assert_eq!(digits.as_bytes(), text.as_bytes());
        }

        #[test]
        fn an_exact_number_survives_a_double(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?") {
            if let Some(kept) = exact(text.as_bytes()) {
                let double: f64 = std::str::from_utf8(kept).unwrap().parse().unwrap();
                let mantissa = format!("{double:.14e}");
                let shown: f64 = mantissa.parse().unwrap();
                prop_assert_eq!(shown, text.parse::<f64>().unwrap());
            }
        }
    }
}
