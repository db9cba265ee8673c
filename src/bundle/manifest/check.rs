//! What a manifest must not say, whoever wrote it: nobody may have made the bundle but a forger.
//!
//! Types and lists are checked by reading them; here is what the types cannot tell. Whatever passes can be put into the catalog as it
//! is: no NUL, which no text of the server's holds, and numbers that fit into bigint.

use std::collections::HashSet;

use memchr::memmem;
use uuid::Uuid;

use super::super::encoder::FileInfo;
use super::super::names::{MANIFEST, SINGLE_FILES, WORKBOOK, file_stem};
use super::super::{BundleError, Result, excerpt};
use super::{Format, Manifest, Run, SheetEntry};

/// Checks a manifest and the text that it was read from.
pub(super) fn check(manifest: &Manifest, text: &[u8]) -> Result<()> {
    if has_nul(text) {
        return Err(damaged("a text has a NUL character"));
    }
    check_run(&manifest.run)?;
    check_formats(&manifest.formats, &manifest.run.files)?;
    let [_, _, _, schema, restore, _] = SINGLE_FILES;
    if !manifest.scripts.iter().all(|file| [schema, restore].contains(&file.path.as_str())) {
        return Err(damaged("scripts are not those of a bundle"));
    }
    let mut names = HashSet::new();
    let mut rows = 0_u64;
    for sheet in &manifest.sheets {
        if !names.insert(sheet.name.to_lowercase()) {
            return Err(in_sheet(sheet, "has the name of another sheet"));
        }
        check_sheet(sheet, &manifest.formats)?;
        rows = rows.saturating_add(sheet.row_count);
    }
    if i64::try_from(rows).is_err() {
        return Err(damaged("it has more rows than there can be"));
    }
    Ok(())
}

fn check_run(run: &Run) -> Result<()> {
    let wrong = [
        ("id", is_uuid(&run.id)),
        ("kind", matches!(run.kind.as_str(), "on_demand" | "scheduled" | "checkpoint")),
        ("requested_by", run.requested_by.as_deref().is_none_or(is_uuid)),
        ("requested_by_email", !run.requested_by_email.trim().is_empty()),
        ("started_at", is_time(&run.started_at)),
        ("snapshot", run.snapshot.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b','))),
        ("wal_lsn", is_lsn(&run.wal_lsn)),
    ];
    match wrong.iter().find(|(_, good)| !good) {
        Some((member, _)) => Err(damaged(&format!("run.{member} is not of its form"))),
        None => Ok(()),
    }
}

/// The formats are listed once and in their order; README.txt is there, and the workbook exactly if it is among them.
fn check_formats(formats: &[Format], files: &[FileInfo]) -> Result<()> {
    if formats.is_empty() || !formats.is_sorted_by(|a, b| a < b) {
        return Err(damaged("formats is not of its form"));
    }
    let workbook = formats.contains(&Format::Xlsx).then_some(WORKBOOK);
    if !files.iter().map(|file| file.path.as_str()).eq([SINGLE_FILES[0]].into_iter().chain(workbook)) {
        return Err(damaged("run.files are not those of its formats"));
    }
    Ok(())
}

fn check_sheet(sheet: &SheetEntry, formats: &[Format]) -> Result<()> {
    if sheet.name.is_empty() {
        return Err(damaged("a sheet has no name"));
    }
    if sheet.relation.is_some() == sheet.query.is_some() {
        return Err(in_sheet(sheet, "is not of either a relation or a query"));
    }
    if sheet.relation.as_ref().is_some_and(|relation| is_of_the_server(&relation.schema)) {
        return Err(in_sheet(sheet, "is of a relation that is never exported"));
    }
    let mut columns = HashSet::new();
    if !sheet.columns.iter().all(|column| columns.insert(column.name.as_str())) {
        return Err(in_sheet(sheet, "has a column twice"));
    }
    if !sheet.primary_key.iter().all(|name| columns.contains(name.as_str())) {
        return Err(in_sheet(sheet, "has a primary key of other columns than its own"));
    }
    let stem = file_stem(&sheet.name);
    let expected =
        |format: Format, extension: &str| formats.contains(&format).then(|| format!("{extension}/{stem}.{extension}"));
    let path = |file: &Option<FileInfo>| file.as_ref().map(|file| file.path.clone());
    if path(&sheet.files.csv) != expected(Format::Csv, "csv")
        || path(&sheet.files.json) != expected(Format::Json, "json")
    {
        return Err(in_sheet(sheet, "does not have its own files"));
    }
    Ok(())
}

/// No run exports these, and no bundle may lead a restore into them.
fn is_of_the_server(schema: &str) -> bool {
    schema.starts_with("pg_") || matches!(schema, "information_schema" | "paliad_backup")
}

/// Lower-case and hyphenated, as in the file's name.
fn is_uuid(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

/// RFC 3339 in UTC, as the run writes it, of a day that there is.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else { return false };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (Some([year, month, day]), Some([hour, minute, second])) =
        (numbers(date, '-', [4, 2, 2]), numbers(time, ':', [2, 2, 2]))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let digits = (1..=6).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    year > 0 && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60 && digits
}

/// Three numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// As type pg_lsn reads it: two hexadecimal numbers of 32 bits.
fn is_lsn(text: &str) -> bool {
    let is_half = |half: &str| (1..=8).contains(&half.len()) && half.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once('/').is_some_and(|(high, low)| is_half(high) && is_half(low))
}

/// Whether a string of a valid JSON text has a NUL: it can stand there as an escape only.
fn has_nul(json: &[u8]) -> bool {
    memmem::find_iter(json, b"u0000").any(|at| {
        let backslashes = json[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        backslashes % 2 == 1
    })
}

fn in_sheet(sheet: &SheetEntry, fault: &str) -> BundleError {
    damaged(&format!("sheet \"{}\" {fault}", excerpt(&sheet.name)))
}

fn damaged(fault: &str) -> BundleError {
    BundleError::Damaged(format!("{MANIFEST}: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    /// What reading the sample says after `change`.
    fn fault(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = sample();
        change(&mut manifest);
        match Manifest::parse(&manifest.to_bytes().unwrap()) {
            Ok(_) => "none".to_owned(),
            Err(BundleError::Damaged(fault)) => fault.strip_prefix("manifest.json: ").unwrap().to_owned(),
            Err(other) => panic!("{other}"),
        }
    }

    fn run(change: impl FnOnce(&mut Run)) -> String {
        fault(|manifest| change(&mut manifest.run))
    }

    fn sheet(change: impl FnOnce(&mut SheetEntry)) -> String {
        fault(|manifest| change(&mut manifest.sheets[1]))
    }

    #[test]
    fn the_run_is_of_its_form() {
        assert_eq!(fault(|_| {}), "none");
        assert_eq!(run(|run| run.requested_by = None), "none");
        for id in ["", "../../etc/passwd", "6B0F4C1E-8a53-4a0e-9d0b-0d6f5f0f8f11", "6b0f4c1e8a534a0e9d0b0d6f5f0f8f11"] {
            assert_eq!(run(|run| run.id = id.into()), "run.id is not of its form", "{id}");
        }
        assert_eq!(run(|run| run.kind = "nightly".into()), "run.kind is not of its form");
        assert_eq!(run(|run| run.requested_by = Some("anna".into())), "run.requested_by is not of its form");
        assert_eq!(run(|run| run.requested_by_email = " \t".into()), "run.requested_by_email is not of its form");
        assert_eq!(run(|run| run.snapshot = "now".into()), "run.snapshot is not of its form");
        for lsn in ["", "0", "0/", "/0", "0/123456789", "g/0", "-1/0", "0/0/0"] {
            assert_eq!(run(|run| run.wal_lsn = lsn.into()), "run.wal_lsn is not of its form", "{lsn}");
        }
        assert_eq!(run(|run| run.wal_lsn = "FFFFFFFF/a".into()), "none");
    }

    #[test]
    fn the_time_is_one_that_there_is() {
        for good in ["2024-02-29T23:59:59.123456Z", "2000-02-29T00:00:00Z", "9999-12-31T00:00:00.1Z"] {
            assert_eq!(run(|run| run.started_at = good.into()), "none", "{good}");
        }
        for bad in [
            "",
            "now",
            "infinity",
            "2026-11-21",
            "2026-11-21T03:00:00",
            "2026-11-21 03:00:00Z",
            "2026-11-21T03:00:00+01:00",
            "2026-02-29T03:00:00Z",
            "1900-02-29T03:00:00Z",
            "2026-13-01T03:00:00Z",
            "2026-00-01T03:00:00Z",
            "2026-11-00T03:00:00Z",
            "2026-11-31T03:00:00Z",
            "0000-01-01T03:00:00Z",
            "12026-11-21T03:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T03:60:00Z",
            "2026-11-21T03:00:60Z",
            "2026-11-21T03:00:00.Z",
            "2026-11-21T03:00:00.1234567Z",
            "2026-11-21T+3:00:00Z",
            "2026-11-21-01T03:00:00Z",
        ] {
            assert_eq!(run(|run| run.started_at = bad.into()), "run.started_at is not of its form", "{bad}");
        }
    }

    #[test]
    fn formats_and_files_agree() {
        let formats = "formats is not of its form";
        assert_eq!(fault(|manifest| manifest.formats.clear()), formats);
        assert_eq!(fault(|manifest| manifest.formats.reverse()), formats);
        assert_eq!(fault(|manifest| manifest.formats.push(Format::Json)), formats);
        let files = "run.files are not those of its formats";
        assert_eq!(run(|run| drop(run.files.pop())), files);
        assert_eq!(run(|run| run.files.clear()), files);
        assert_eq!(fault(|manifest| _ = manifest.formats.remove(0)), files);
        assert_eq!(fault(|manifest| _ = manifest.formats.pop()), "sheet \"matters\" does not have its own files");
    }

    #[test]
    fn scripts_are_those_of_a_bundle() {
        let script = |path: &str| fault(|manifest| manifest.scripts[0].path = path.into());
        for path in ["manifest.json", "SHA256SUMS", "README.txt", "csv/matters.csv", "../evil.sql"] {
            assert_eq!(script(path), "scripts are not those of a bundle", "{path}");
        }
    }

    #[test]
    fn a_sheet_has_its_own_name_and_files() {
        assert_eq!(sheet(|sheet| sheet.name = "MATTERS".into()), "sheet \"MATTERS\" has the name of another sheet");
        assert_eq!(sheet(|sheet| sheet.name = String::new()), "a sheet has no name");
        let files = "sheet \"deadlines\" does not have its own files";
        assert_eq!(sheet(|sheet| sheet.files.csv = None), files);
        assert_eq!(sheet(|sheet| sheet.files.json.as_mut().unwrap().path = "json/matters.json".into()), files);
        assert_eq!(sheet(|sheet| sheet.files.csv.as_mut().unwrap().path = "csv/../deadlines.csv".into()), files);
        assert_eq!(sheet(|sheet| sheet.name = "other".into()), "sheet \"other\" does not have its own files");
    }

    #[test]
    fn a_sheet_is_of_one_relation_of_a_user() {
        let schema = |schema: &str| sheet(|sheet| sheet.relation.as_mut().unwrap().schema = schema.into());
        for server in ["pg_catalog", "pg_temp_3", "pg_toast", "information_schema", "paliad_backup"] {
            assert_eq!(schema(server), "sheet \"deadlines\" is of a relation that is never exported", "{server}");
        }
        assert_eq!(schema("Paliad_backup"), "none");
        let either = "sheet \"deadlines\" is not of either a relation or a query";
        assert_eq!(sheet(|sheet| sheet.relation = None), either);
        assert_eq!(sheet(|sheet| sheet.query = Some("SELECT 1".into())), either);
        assert_eq!(
            sheet(|sheet| sheet.columns[1].name = sheet.columns[0].name.clone()),
            "sheet \"deadlines\" has a column twice"
        );
        assert_eq!(
            sheet(|sheet| sheet.primary_key.push("none".into())),
            "sheet \"deadlines\" has a primary key of other columns than its own"
        );
    }

    #[test]
    fn rows_fit_into_a_bigint() {
        let rows = "it has more rows than there can be";
        assert_eq!(sheet(|sheet| sheet.row_count = u64::MAX), rows);
        assert_eq!(fault(|manifest| manifest.sheets.iter_mut().for_each(|sheet| sheet.row_count = 1 << 62)), rows);
        let text = String::from_utf8(sample().to_bytes().unwrap()).unwrap();
        for count in ["-1", "1.5", "1e3", "18446744073709551616", "\"1\""] {
            let text = text.replace("\"row_count\": 1234567", &format!("\"row_count\": {count}"));
            assert!(matches!(Manifest::parse(text.as_bytes()), Err(BundleError::Damaged(_))), "{count}");
        }
    }

    #[test]
    fn no_text_has_a_nul() {
        let nul = "a text has a NUL character";
        assert_eq!(run(|run| run.note = Some("a\0b".into())), nul);
        assert_eq!(run(|run| run.note = Some("a\\\0b".into())), nul);
        assert_eq!(run(|run| run.note = Some("\\u0000".into())), "none");
        assert_eq!(run(|run| run.note = Some("\\\\u0000 u0000 \u{1}".into())), "none");
        assert_eq!(fault(|manifest| manifest.warnings[0].detail.push('\0')), nul);
    }

    #[test]
    fn a_message_is_short_whatever_is_said() {
        let long = run(|run| run.kind = "x".repeat(1 << 20));
        assert!(long.len() < 1000, "{}", long.len());
        let long = sheet(|sheet| sheet.name = "x\n".repeat(1 << 20));
        assert!(long.len() < 1000 && !long.contains('\n'), "{long}");
        let text = String::from_utf8(sample().to_bytes().unwrap()).unwrap();
        let text = text.replace("\"scope\": \"full\"", &format!("\"scope\": \"{}\"", "y".repeat(1 << 20)));
        let Err(BundleError::Damaged(long)) = Manifest::parse(text.as_bytes()) else { panic!() };
        assert!(long.len() < 1000, "{}", long.len());
    }
}
