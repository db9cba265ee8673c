//! The types of single values that a column may have.

use crate::rng::Rng;
use crate::values::{
    backslashed, bytea, date, float, integer, interval, json_text, numeric, pick, point, text, time, timestamp,
};

/// A type of a single value.
pub struct Scalar {
    /// As a column declares it.
    pub sql: &'static str,
    /// Whether a key may hold it.
    pub ordered: bool,
    /// In ascending order, for ranges; empty where none are made.
    pub bounds: &'static [&'static str],
    /// Makes a value; a short one where a key must hold it.
    pub value: fn(&mut Rng, bool) -> String,
}

const fn scalar(
    sql: &'static str,
    ordered: bool,
    bounds: &'static [&'static str],
    value: fn(&mut Rng, bool) -> String,
) -> Scalar {
    Scalar { sql, ordered, bounds, value }
}

const NUMBERS: &[&str] = &["-Infinity", "-10.50", "-1", "0", "0.00", "1", "99999999999999999999.5", "Infinity", "NaN"];
const DATES: &[&str] =
    &["-infinity", "0044-03-15 BC", "1900-02-28", "1900-03-01", "2024-02-29", "10000-01-01", "infinity"];
const TEXTS: &[&str] = &["", " ", "\"", "(", ")", ",", "B", "[a", "\\", "a\nb", "ä", "😀"];

pub const SCALARS: &[Scalar] = &[
    scalar("boolean", true, &[], |rng, _| pick(rng, &["t", "f"])),
    scalar("smallint", true, &["-32768", "-1", "0", "7"], |rng, _| (rng.next() as i16).to_string()),
    scalar("integer", true, &["-2147483648", "-5", "0", "5", "1000"], |rng, _| integer(rng, 32)),
    scalar("bigint", true, &["-9223372036854775808", "-1", "0", "10000000000000000"], |rng, _| integer(rng, 64)),
    scalar("numeric", true, NUMBERS, numeric),
    scalar("numeric(20,4)", true, &[], |rng, _| {
        format!("{}.{}", rng.between(-999_999_999_999_999, 999_999_999_999_999), rng.below(10_000))
    }),
    scalar("real", true, &["-Infinity", "-0", "1.5", "NaN"], |rng, _| float(rng, true)),
    scalar("double precision", true, NUMBERS, |rng, _| float(rng, false)),
    scalar("text", true, TEXTS, text),
    scalar("text", true, TEXTS, text),
    scalar("text COLLATE \"C\"", true, &[], text),
    scalar("text COLLATE \"ucs_basic\"", true, &[], text),
    scalar("text COLLATE public.without_case", true, &[], text),
    scalar("character varying", true, &[], text),
    scalar("character varying(7)", true, &[], |rng, short| text(rng, short).chars().take(7).collect()),
    scalar("character(4)", true, &[], |rng, short| text(rng, short).chars().take(4).collect()),
    scalar("name", true, &["", "A", "a", "z\""], |rng, _| text(rng, true).chars().take(15).collect()),
    scalar("\"char\"", true, &[], |rng, _| pick(rng, &["", " ", "x", "\"", "\\", "\n", ",", "\\377"])),
    scalar("bytea", true, &["\\x", "\\x00", "\\x5c", "\\xff"], bytea),
    scalar("date", true, DATES, |rng, _| date(rng)),
    scalar("time", true, &["00:00", "00:00:00.000001", "24:00"], |rng, _| time(rng)),
    scalar("timetz", true, &[], |rng, _| {
        format!("{}{}", time(rng), pick(rng, &["+00", "-15:59", "+05:30", "+01:02:03"]))
    }),
    scalar("timestamp", true, DATES, |rng, _| timestamp(rng, "")),
    scalar("timestamp(2)", true, &[], |rng, _| timestamp(rng, "")),
    scalar("timestamptz", true, DATES, |rng, _| timestamp(rng, "+00")),
    scalar("timestamptz", true, DATES, |rng, _| timestamp(rng, "+00")),
    scalar("interval", true, &["-1 mon", "0", "30 days", "178000000 years"], |rng, _| interval(rng)),
    scalar("json", false, &[], json_text),
    scalar("jsonb", false, &[], json_text),
    scalar("jsonpath", false, &[], |rng, _| {
        pick(rng, &["$", "strict $.\"a b\"[*] ? (@ > 1)", "($[last] + 1.50) / -2"])
    }),
    scalar("uuid", true, &[], |rng, _| format!("{:016x}{:016x}", rng.next(), rng.next())),
    scalar("inet", true, &["0.0.0.0", "10.0.0.1/8", "::1"], |rng, _| {
        pick(rng, &["0.0.0.0/0", "192.168.0.1/24", "::", "ffff::1/1", "::ffff:1.2.3.4"])
    }),
    scalar("cidr", true, &[], |rng, _| pick(rng, &["10.0.0.0/8", "::/0", "2001:db8::/32"])),
    scalar("macaddr", true, &[], |rng, _| format!("{:012x}", rng.next() >> 16)),
    scalar("bit(5)", true, &[], |rng, _| format!("{:05b}", rng.below(32))),
    scalar("bit varying", true, &[], |rng, _| format!("{:b}", rng.next() >> rng.below(64))),
    scalar("money", true, &["-92233720368547758.08", "0", "0.01"], |rng, _| {
        format!("{}.{:02}", rng.between(-92_233_720_368_547_757, 92_233_720_368_547_757), rng.below(100))
    }),
    scalar("xml", false, &[], |rng, _| {
        pick(rng, &["", "<a b=\"1\">ü &amp; x</a>", " text &lt; ", "<!-- c --><a>\n</a>"])
    }),
    scalar("tsvector", false, &[], |rng, _| pick(rng, &["", "a:1A fat:2B,4C", "'Joe''s' 'a b':16383 '\\\\' ü:3"])),
    scalar("tsquery", false, &[], |rng, _| pick(rng, &["a & (b | !c)", "'a b':AB <-> c:* <5> !!d"])),
    scalar("point", false, &[], |rng, _| point(rng)),
    scalar("box", false, &[], |rng, _| format!("{},{}", point(rng), point(rng))),
    scalar("path", false, &[], |rng, _| format!("{}{},{}{}", "[", point(rng), point(rng), "]")),
    scalar("circle", false, &[], |rng, _| format!("<{},{}>", point(rng), rng.below(100))),
    scalar("pg_lsn", true, &["0/0", "1/0", "FFFFFFFF/FFFFFFFF"], |rng, _| {
        format!("{:X}/{:X}", rng.next() >> 40, rng.next() >> 32)
    }),
    scalar("oid", true, &[], |rng, _| (rng.next() >> 32).to_string()),
    scalar("regtype", true, &[], |rng, _| pick(rng, &["text", "character varying", "public.hstore[]", "4294967295"])),
    scalar("xid8", true, &[], |rng, _| rng.next().to_string()),
    scalar("int2vector", false, &[], |rng, _| pick(rng, &["", "1", "1 -32768 32767"])),
    scalar("public.citext", true, &["", "a", "B", "c\"d", "E"], text),
    scalar("public.hstore", true, &[], |rng, short| {
        format!(
            "{}=>{},{}=>NULL",
            backslashed(&text(rng, short)),
            backslashed(&text(rng, short)),
            backslashed(&text(rng, true))
        )
    }),
    scalar("public.ltree", true, &["", "A", "Top.a"], |rng, _| pick(rng, &["", "Top", "Top.Äpfel.a_1"])),
    scalar("public.cube", true, &[], |rng, _| format!("({},{})", float(rng, false), float(rng, false))),
];
