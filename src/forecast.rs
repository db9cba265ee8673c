//! What a backup would be like: how large, how long. From earlier ones of the same formats, or from what is usual. No PostgreSQL here.

use std::collections::BTreeMap;

use crate::bundle::manifest::Format;

/// A sheet as it is at present.
#[derive(Clone, Debug)]
pub struct SheetNow {
    /// Its name.
    pub name: String,
    /// As the server's statistics estimate them; none where they do not know.
    pub rows: Option<u64>,
    /// Of the table on disk, without indexes; 0 for a view or a query.
    pub table_bytes: u64,
}

/// An earlier backup.
#[derive(Clone, Debug)]
pub struct Past {
    /// Of the bundle, in bytes.
    pub size: u64,
    /// From its start to its end.
    pub seconds: f64,
    /// Of each sheet.
    pub rows: BTreeMap<String, u64>,
    /// What each sheet's files take in the bundle; empty where that is not known.
    pub packed: BTreeMap<String, u64>,
}

/// What is expected of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Rows, where anything is known of them.
    pub rows: Option<u64>,
    /// Bytes in the bundle.
    pub bytes: u64,
    /// Its share of the run's time.
    pub seconds: f64,
}

/// Bytes in a bundle for each byte of a table on disk, and seconds for each million of these bytes, as usual: with all formats as much as
/// the tables take, and 20 seconds for a GB. What compresses well takes much less.
fn usual(format: Format) -> (f64, f64) {
    match format {
        Format::Csv => (0.25, 0.006),
        Format::Json => (0.30, 0.004),
        Format::Xlsx => (0.45, 0.010),
    }
}

/// What each sheet would take; `past` begins with the newest.
pub fn forecast(sheets: &[SheetNow], formats: &[Format], past: &[Past]) -> Vec<Expected> {
    let Some(last) = past.first() else { return sheets.iter().map(|sheet| usual_of(sheet, formats)).collect() };
    let shares = shares(last);
    let known: Vec<Option<f64>> =
        sheets.iter().map(|sheet| Some(shares.get(&sheet.name)? * growth(sheet, last)?)).collect();
    // What is new is packed as the rest is.
    let (mut packed, mut on_disk) = (0.0, 0.0);
    for (bytes, sheet) in known.iter().zip(sheets).filter_map(|(bytes, sheet)| Some(((*bytes)?, sheet))) {
        (packed, on_disk) = (packed + bytes, on_disk + sheet.table_bytes as f64);
    }
    let usual_ratio: f64 = formats.iter().map(|format| usual(*format).0).sum();
    let ratio = if on_disk > 0.0 { packed / on_disk } else { usual_ratio };
    let pace = pace(past);
    let expected = |(sheet, bytes): (&SheetNow, Option<f64>)| {
        let bytes = bytes.unwrap_or(sheet.table_bytes as f64 * ratio);
        let rows = sheet.rows.or_else(|| last.rows.get(&sheet.name).copied());
        Expected { rows, bytes: bytes.round() as u64, seconds: bytes * pace }
    };
    sheets.iter().zip(known).map(expected).collect()
}

fn usual_of(sheet: &SheetNow, formats: &[Format]) -> Expected {
    let size = sheet.table_bytes as f64;
    let sum = |figure: fn(Format) -> f64| formats.iter().map(|format| figure(*format)).sum::<f64>();
    Expected {
        rows: sheet.rows,
        bytes: (size * sum(|format| usual(format).0)).round() as u64,
        seconds: size / 1e6 * sum(|format| usual(format).1),
    }
}

/// The bundle's bytes by sheet: by what their files take in it, or else by their rows.
fn shares(last: &Past) -> BTreeMap<String, f64> {
    let by = if last.packed.values().any(|bytes| *bytes > 0) { &last.packed } else { &last.rows };
    let sum: u64 = by.values().sum();
    let share = |part: u64| if sum == 0 { 0.0 } else { last.size as f64 * part as f64 / sum as f64 };
    by.iter().map(|(name, part)| (name.clone(), share(*part))).collect()
}

/// How much more rows than then there are; none where there was none, which says nothing of those that there are.
fn growth(sheet: &SheetNow, last: &Past) -> Option<f64> {
    match (sheet.rows, last.rows.get(&sheet.name)) {
        (Some(now), Some(0)) => (now == 0).then_some(1.0),
        (Some(now), Some(then)) => Some(now as f64 / *then as f64),
        _ => Some(1.0),
    }
}

/// Seconds for a byte of the bundle: the median, for some runs met a busy machine.
fn pace(past: &[Past]) -> f64 {
    let mut paces: Vec<f64> =
        past.iter().filter(|past| past.size > 0).map(|past| past.seconds.max(0.0) / past.size as f64).collect();
    paces.sort_by(f64::total_cmp);
    paces.get(paces.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(name: &str, rows: Option<u64>, table_bytes: u64) -> SheetNow {
        SheetNow { name: name.into(), rows, table_bytes }
    }

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn an_equal_database_gives_an_equal_bundle() {
        let last = Past {
            size: 1000,
            seconds: 2.0,
            rows: counts(&[("a", 10), ("b", 90)]),
            packed: counts(&[("a", 30), ("b", 10)]),
        };
        let sheets = [sheet("a", Some(10), 500), sheet("b", Some(90), 1500)];
        let expected = forecast(&sheets, &[Format::Csv], std::slice::from_ref(&last));
        assert_eq!((expected[0].bytes, expected[1].bytes), (750, 250));
        assert!((expected[0].seconds - 1.5).abs() < 1e-9 && (expected[1].seconds - 0.5).abs() < 1e-9);
        // By rows where the files are not known.
        let expected = forecast(&sheets, &[Format::Csv], &[Past { packed: BTreeMap::new(), ..last }]);
        assert_eq!((expected[0].bytes, expected[1].bytes), (100, 900));
    }

    #[test]
    fn what_has_grown_and_what_is_new_is_counted() {
        let last = Past {
            size: 1000,
            seconds: 1.0,
            rows: counts(&[("a", 10), ("gone", 10)]),
            packed: counts(&[("a", 1), ("gone", 1)]),
        };
        let sheets = [sheet("a", Some(30), 3000), sheet("new", Some(5), 600), sheet("view", None, 0)];
        let expected = forecast(&sheets, &[Format::Csv], &[last]);
        assert_eq!(expected.iter().map(|sheet| sheet.bytes).collect::<Vec<_>>(), [1500, 300, 0]);
        assert_eq!(expected.iter().map(|sheet| sheet.rows).collect::<Vec<_>>(), [Some(30), Some(5), None]);
    }

    /// Its share of the last bundle was a header, or nothing at all.
    #[test]
    fn a_table_that_was_empty_is_counted_as_a_new_one() {
        let rows = counts(&[("a", 10), ("filled", 0), ("empty", 0)]);
        let packed = counts(&[("a", 998), ("filled", 1), ("empty", 1)]);
        let last = Past { size: 1000, seconds: 1.0, rows, packed };
        let sheets = [sheet("a", Some(10), 998), sheet("filled", Some(5), 4000), sheet("empty", Some(0), 0)];
        let bytes =
            |last: Past| forecast(&sheets, &[Format::Csv], &[last]).iter().map(|sheet| sheet.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(last.clone()), [998, 4004, 1]);
        // By rows its share is none.
        assert_eq!(bytes(Past { packed: BTreeMap::new(), ..last }), [1000, 4008, 0]);
    }

    #[test]
    fn rows_that_the_server_does_not_know_are_those_of_the_last_backup() {
        let last = Past { size: 1000, seconds: 1.0, rows: counts(&[("a", 10)]), packed: BTreeMap::new() };
        let expected = forecast(&[sheet("a", None, 3000)], &[Format::Csv], &[last]);
        assert_eq!(expected, [Expected { rows: Some(10), bytes: 1000, seconds: 1.0 }]);
    }

    #[test]
    fn one_slow_run_is_an_accident() {
        let past = |seconds| Past { size: 100, seconds, rows: counts(&[("a", 1)]), packed: BTreeMap::new() };
        let expected = forecast(&[sheet("a", Some(1), 10)], &[Format::Csv], &[past(90.0), past(1.0), past(2.0)]);
        assert!((expected[0].seconds - 2.0).abs() < 1e-9);
    }

    #[test]
    fn without_a_past_each_format_adds_to_it() {
        let size = |formats: &[Format]| forecast(&[sheet("a", None, 1 << 20)], formats, &[])[0].clone();
        let (one, all) = (size(&[Format::Csv]), size(&[Format::Xlsx, Format::Json, Format::Csv]));
        assert!(0 < one.bytes && one.bytes < all.bytes && one.seconds < all.seconds && one.rows.is_none());
        // An empty bundle says nothing of sizes.
        let empty = Past { size: 0, seconds: 0.1, rows: BTreeMap::new(), packed: BTreeMap::new() };
        assert!(forecast(&[sheet("a", None, 1 << 20)], &[Format::Csv], &[empty])[0].bytes > 0);
    }
}
