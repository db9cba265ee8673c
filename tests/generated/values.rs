//! Nasty values, as the types' input functions take them.

use serde_json::{Value, json};

use crate::rng::Rng;

pub fn pick(rng: &mut Rng, from: &[&str]) -> String {
    rng.pick(from).to_string()
}

/// In double quotes, as arrays, ranges and hstore take it.
pub fn backslashed(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub fn integer(rng: &mut Rng, bits: u32) -> String {
    let limit = i64::MAX >> (64 - bits);
    match rng.below(6) {
        0 => limit.to_string(),
        1 => (-limit - 1).to_string(),
        2 => 0.to_string(),
        // Around 15 digits.
        3 => (999_999_999_999_999_i64.min(limit - 2) + rng.between(0, 2)).to_string(),
        _ => (rng.next() as i64 >> (64 - bits) >> rng.below(bits as usize)).to_string(),
    }
}

fn digits(rng: &mut Rng, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + rng.below(10) as u8)).collect()
}

/// About as many digits as Excel keeps.
fn around_fifteen(rng: &mut Rng) -> String {
    let count = 14 + rng.below(4);
    digits(rng, count)
}

pub fn numeric(rng: &mut Rng, short: bool) -> String {
    let sign = pick(rng, &["", "-"]);
    match rng.below(9) {
        0 => pick(rng, &["NaN", "Infinity", "-Infinity", "0", "0.00", "1.0", "1.00"]),
        1 => format!("{sign}{}e{}", rng.below(1_000_000), rng.between(-400, 400)),
        2 if !short => format!("{sign}9{}.{}", digits(rng, 499), digits(rng, 500)),
        3 => format!("{sign}{}{}", around_fifteen(rng), "0".repeat(rng.below(5))),
        4 => format!("{sign}0.{}{}", "0".repeat(rng.below(20)), around_fifteen(rng)),
        _ => {
            let (before, after) = (1 + rng.below(12), 1 + rng.below(10));
            format!("{sign}{}.{}", digits(rng, before), digits(rng, after))
        }
    }
}

pub fn float(rng: &mut Rng, single: bool) -> String {
    let known =
        ["0", "-0", "NaN", "Infinity", "-Infinity", "1e-5", "0.1", "1e15", "1e16", "123456.789", "1e-37", "3.4e38"];
    match (rng.chance(40), single) {
        (true, _) => pick(rng, &known),
        // The shortest text that is this number; PostgreSQL has another word for infinity.
        (_, true) => format!("{:e}", f32::from_bits(rng.next() as u32)).replace("inf", "Infinity"),
        _ => format!("{:e}", f64::from_bits(rng.next())).replace("inf", "Infinity"),
    }
}

pub fn date(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => pick(
            rng,
            &[
                "infinity",
                "-infinity",
                "4713-01-01 BC",
                "0001-01-01",
                "1900-02-28",
                "1900-03-01",
                "9999-12-31",
                "10000-01-01",
                "294276-12-31",
            ],
        ),
        1 => format!("{:04}-{:02}-{:02} BC", rng.between(1, 4700), rng.between(1, 12), rng.between(1, 28)),
        2 => format!("{:04}-{:02}-{:02}", rng.between(1, 12_000), rng.between(1, 12), rng.between(1, 28)),
        _ => format!("{:04}-{:02}-{:02}", rng.between(1890, 2100), rng.between(1, 12), rng.between(1, 28)),
    }
}

pub fn time(rng: &mut Rng) -> String {
    if rng.chance(20) {
        return pick(rng, &["00:00:00", "24:00:00", "23:59:59.999999", "23:59:59.9996", "00:00:00.0005"]);
    }
    let fraction = rng.below(7);
    let point = if fraction == 0 { "" } else { "." };
    format!("{:02}:{:02}:{:02}{point}{}", rng.below(24), rng.below(60), rng.below(60), digits(rng, fraction))
}

pub fn timestamp(rng: &mut Rng, zone: &str) -> String {
    let date = date(rng);
    match date.strip_suffix(" BC") {
        _ if date.ends_with("infinity") => date,
        // The end of the calendar is a day away.
        _ if date.starts_with("4713") || date.starts_with("294276") => date,
        Some(date) => format!("{date} {}{zone} BC", time(rng)),
        None => format!("{date} {}{zone}", time(rng)),
    }
}

pub fn interval(rng: &mut Rng) -> String {
    if rng.chance(30) {
        return pick(rng, &["0", "-178000000 years", "2147483647 days", "-00:00:00.000001", "1 mon -1 day +25:00"]);
    }
    format!(
        "{} mons {} days {} secs",
        rng.between(-30, 30),
        rng.between(-40, 40),
        rng.between(-200_000_000, 200_000_000) as f64 / 1000.0
    )
}

pub fn bytea(rng: &mut Rng, short: bool) -> String {
    let length = if short || rng.chance(95) { rng.below(20) } else { 16_382 + rng.below(4) };
    format!("\\x{}", (0..length).map(|_| format!("{:02x}", rng.next() as u8)).collect::<String>())
}

pub fn point(rng: &mut Rng) -> String {
    format!("({},{})", float(rng, false), float(rng, false))
}

/// Texts that one of the formats, or a program that reads them, could take for something else.
const NASTY: [&str; 56] = [
    "",
    " ",
    "\\N",
    "\\.",
    "NULL",
    "null",
    "\"",
    "\"\"",
    ",",
    ";",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "a\r\n\r\nb",
    "line\nbreak\n",
    " lead",
    "trail ",
    "=cmd|'/c calc'!A1",
    "+1",
    "-1+1",
    "@x",
    "=1+1",
    "https://example.org",
    "'quoted",
    "#REF!",
    "\\",
    "\\x41",
    "\u{a0}nbsp\u{a0}",
    "\u{3000}",
    "\u{202e}rtl",
    "\u{1}\u{2}\u{8}\u{b}\u{c}\u{1f}",
    "\u{7f}\u{85}\u{9f}",
    "\u{2028}\u{2029}",
    "\u{feff}bom",
    "\u{fffe}\u{ffff}",
    "\u{10ffff}",
    "_x000D_",
    "_x0041_",
    "_x0041_x0042_",
    "_x005F_",
    "_x00e4_",
    "_x0041",
    "שלום عليكم",
    "👩‍👩‍👧‍👦",
    "é",
    "ﬁ",
    "ß",
    "<a>&amp;\"'</a>",
    "]]>",
    "true",
    "2024-02-29",
    "00123",
    "1e5",
    "{\"a\": 1}",
    "(,)",
];

/// Most UTF-16 units in a cell.
const CELL: usize = 32_767;

pub fn text(rng: &mut Rng, short: bool) -> String {
    if short {
        return long_text(rng, true).chars().take(30).collect();
    }
    long_text(rng, false)
}

fn long_text(rng: &mut Rng, short: bool) -> String {
    match rng.below(100) {
        0..50 => pick(rng, &NASTY),
        50..75 => (0..1 + rng.below(4)).map(|_| *rng.pick(&NASTY)).collect(),
        75..78 if !short => {
            // Around the limit: in units, characters and bytes.
            let (unit, units) = *rng.pick(&[("x", 1), ("ä", 1), ("😀", 2), ("\n", 1), ("_x0041_", 7), ("\"", 1)]);
            let end = rng.pick(&["", "x", "😀", " "]);
            format!("{}{end}", unit.repeat(CELL / units - 1 + rng.below(3)))
        }
        _ => (0..rng.below(12)).filter_map(|_| char_of(rng)).collect(),
    }
}

/// Any character that PostgreSQL takes.
fn char_of(rng: &mut Rng) -> Option<char> {
    let end = *rng.pick(&[0x80, 0x80, 0x300, 0x10000, 0x11_0000]);
    char::from_u32(1 + rng.below(end - 1) as u32)
}

pub fn json_text(rng: &mut Rng, short: bool) -> String {
    let value = json_value(rng, short, 3);
    match rng.below(4) {
        0 => serde_json::to_string_pretty(&value).expect("a value can be written"),
        // What serde_json's values cannot hold: repeated keys, numbers of any length, odd spacing.
        1 => format!(" {{ \"a\" :{value} ,\"a\":\t1.00,\"b\": [1e400 , -0 ] }}\n"),
        _ => value.to_string(),
    }
}

fn json_value(rng: &mut Rng, short: bool, depth: usize) -> Value {
    match rng.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(rng.chance(50)),
        2 => json!(rng.next() as i64),
        3 | 4 => json!(text(rng, short)),
        5 => (0..rng.below(4)).map(|_| json_value(rng, short, depth - 1)).collect(),
        _ => Value::Object((0..rng.below(4)).map(|_| (text(rng, true), json_value(rng, short, depth - 1))).collect()),
    }
}
