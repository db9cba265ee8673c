//! README.txt: the bundle explained, in English and in German, to a person who never heard of it.

mod load;
mod page;
#[cfg(test)]
mod tests;
mod words;

use super::encoder::Warning;
use super::manifest::{Format, Manifest, Scope};
use super::names::{CHECKSUMS, MANIFEST, RESTORE, SCHEMA, WORKBOOK};
use super::psql::printable;
use page::Page;
use words::{ENGLISH, GERMAN, Words};

/// README.txt's path in the bundle.
pub const README_PATH: &str = "README.txt";

/// The text of README.txt: UTF-8 without a byte order mark, lines ended by a line feed.
///
/// Of the manifest all is used but `run.files`, where README.txt's own checksum is to be entered. Formats that are not
/// in the bundle are not mentioned.
pub fn readme(manifest: &Manifest) -> String {
    let mut page = Page::default();
    page.line("English first. Deutsch: weiter unten.");
    for words in [&ENGLISH, &GERMAN] {
        page.heading(words.title, '=');
        about(&mut page, manifest, words);
        files(&mut page, manifest, words);
        opening(&mut page, manifest, words);
        loading(&mut page, manifest, words);
        page.heading(words.left_out, '-');
        page.fill("", words.left_out_text);
        checking(&mut page, manifest, words);
    }
    sheets(&mut page, manifest);
    excluded(&mut page, manifest);
    warnings(&mut page, manifest);
    if load::has_commands(manifest) {
        page.heading("Commands that load the csv files / Befehle zum Laden der csv-Dateien", '=');
        load::commands(&mut page, manifest);
    }
    page.into_text()
}

fn has_xlsx(manifest: &Manifest) -> bool {
    manifest.formats.contains(&Format::Xlsx)
}

fn has_csv(manifest: &Manifest) -> bool {
    manifest.sheets.iter().any(|sheet| sheet.files.csv.is_some())
}

fn has_json(manifest: &Manifest) -> bool {
    manifest.sheets.iter().any(|sheet| sheet.files.json.is_some())
}

fn about(page: &mut Page, manifest: &Manifest, words: &Words) {
    let run = &manifest.run;
    page.fill("", words.intro);
    page.line("");
    let server = format!("PostgreSQL {}, {}", manifest.server_version, manifest.encoding);
    let facts = [
        (words.database, Some(format!("{} ({server})", manifest.database))),
        (words.started_at, Some(moment(&run.started_at))),
        (words.requested_by, Some(requester(run.requested_by_label.as_deref(), &run.requested_by_email))),
        (words.kind, Some(kind(&run.kind, words).to_owned())),
        (words.scope, Some(scope(manifest.scope, words).to_owned())),
        (words.note, run.note.clone()),
        (words.id, Some(run.id.clone())),
        (words.snapshot, Some(run.snapshot.clone())),
        (words.wal, Some(run.wal_lsn.clone())),
        (words.sheets, Some(manifest.sheets.len().to_string())),
        (words.rows, Some(manifest.sheets.iter().map(|sheet| sheet.row_count).sum::<u64>().to_string())),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            page.fill(&format!("{:<17}", format!("{label}:")), &printable(&value));
        }
    }
    page.line("");
    let first = if manifest.sheets.is_empty() { words.no_sheets } else { words.one_snapshot };
    let uncommitted = if run.includes_uncommitted { words.uncommitted } else { "" };
    page.fill("", &[first, uncommitted, words.lists_follow].join(" "));
}

/// RFC 3339 as a person writes it: `2026-11-21 03:00:00 UTC`.
fn moment(rfc_3339: &str) -> String {
    let utc = rfc_3339.strip_suffix('Z').or_else(|| rfc_3339.strip_suffix("+00:00"));
    utc.map_or_else(|| rfc_3339.to_owned(), |utc| format!("{utc} UTC")).replacen('T', " ", 1)
}

fn requester(label: Option<&str>, email: &str) -> String {
    label.map_or_else(|| email.to_owned(), |label| format!("{label} <{email}>"))
}

fn kind<'a>(kind: &'a str, words: &Words) -> &'a str {
    let [on_demand, scheduled, checkpoint] = words.kinds;
    match kind {
        "on_demand" => on_demand,
        "scheduled" => scheduled,
        "checkpoint" => checkpoint,
        other => other,
    }
}

fn scope(scope: Scope, words: &Words) -> &'static str {
    let [full, config, data] = words.scopes;
    match scope {
        Scope::Full => full,
        Scope::Config => config,
        Scope::Data => data,
    }
}

fn files(page: &mut Page, manifest: &Manifest, words: &Words) {
    page.heading(words.files, '-');
    let entries = [
        (README_PATH, true, words.file_readme),
        (MANIFEST, true, words.file_manifest),
        (WORKBOOK, has_xlsx(manifest), words.file_xlsx),
        ("csv/", has_csv(manifest), words.file_csv),
        ("json/", has_json(manifest), words.file_json),
        (SCHEMA, !manifest.scripts.is_empty(), words.file_schema),
        (RESTORE, !manifest.scripts.is_empty(), words.file_restore),
        (CHECKSUMS, true, words.file_sums),
    ];
    for (path, present, purpose) in entries {
        if present {
            page.fill(&format!("{path:<20}"), purpose);
        }
    }
}

fn opening(page: &mut Page, manifest: &Manifest, words: &Words) {
    let (xlsx, csv, json) = (has_xlsx(manifest), has_csv(manifest), has_json(manifest));
    if xlsx {
        page.heading(words.open_xlsx, '-');
        let elsewhere = if csv || json { words.xlsx_exact_elsewhere } else { "" };
        page.fill("", &[words.xlsx_text, elsewhere].join(" "));
    }
    if csv {
        page.heading(words.open_csv, '-');
        page.fill("", words.csv_text);
        page.line("");
        let instead = if xlsx { words.csv_use_workbook } else { words.csv_import };
        page.fill("", &[words.csv_caution, instead].join(" "));
    }
    if json {
        page.heading(words.open_json, '-');
        page.fill("", words.json_text);
    }
}

fn loading(page: &mut Page, manifest: &Manifest, words: &Words) {
    if !load::has_commands(manifest) {
        return;
    }
    page.heading(words.load, '-');
    if !manifest.scripts.is_empty() {
        page.fill("", words.load_empty);
        page.line("");
        page.line("    createdb DATABASE");
        page.line("    psql -X -d DATABASE -v ON_ERROR_STOP=1 -f restore.sql");
        page.line("");
        page.fill("", words.load_limits);
        page.line("");
    }
    let others = if load::has_other_files(manifest) { words.load_others } else { "" };
    page.fill("", &[words.load_tables, others].join(" "));
    page.line("");
    page.fill("", words.load_commands);
    page.line("");
    page.line(&format!("    {}", load::CUT_OUT));
    page.line("");
    page.fill("", words.load_between);
    page.line("");
    page.line("    pg_restore -d DATABASE --section=pre-data schema.dump");
    page.line("    psql -X -d DATABASE -v ON_ERROR_STOP=1 -f load.sql");
    page.line("    pg_restore -d DATABASE --section=post-data schema.dump");
    page.line("");
    page.fill("", words.load_existing);
}

fn checking(page: &mut Page, manifest: &Manifest, words: &Words) {
    page.heading(words.check, '-');
    page.fill("", words.check_unix);
    page.line("");
    page.line("    sha256sum -c SHA256SUMS");
    page.line("    shasum -a 256 -c SHA256SUMS");
    page.line("");
    page.fill("", words.check_powershell);
    page.line("");
    page.line("    Get-Content SHA256SUMS | ForEach-Object { $sum, $file = $_ -split '  ', 2");
    page.line("        if ((Get-FileHash $file).Hash -ne $sum) { \"damaged: $file\" } }");
    page.line("");
    page.fill("", words.check_certutil);
    page.line("");
    let file = if has_xlsx(manifest) { WORKBOOK } else { MANIFEST };
    page.line(&format!("    certutil -hashfile {file} SHA256"));
}

/// Row count and name of every sheet, and its file's name where that is written differently.
fn sheets(page: &mut Page, manifest: &Manifest) {
    page.heading("Tables and their rows / Tabellen und ihre Zeilen", '=');
    if manifest.sheets.is_empty() {
        page.line("(none / keine)");
    }
    for sheet in &manifest.sheets {
        let file = sheet.files.csv.as_ref().or(sheet.files.json.as_ref());
        let stem = file.and_then(|file| file.path.split_once('/')?.1.rsplit_once('.')).map(|(stem, _)| stem);
        let written_as = match stem {
            Some(stem) if stem != sheet.name => format!("  ({stem})"),
            _ => String::new(),
        };
        page.line(&format!("{:>12}  {}{written_as}", sheet.row_count, printable(&sheet.name)));
    }
}

fn excluded(page: &mut Page, manifest: &Manifest) {
    page.heading("Excluded / Ausgeschlossen", '=');
    if manifest.excluded.is_empty() {
        page.line("(none / nichts)");
    }
    for table in &manifest.excluded {
        page.line(&format!("- {}.{}", printable(&table.schema), printable(&table.table)));
        page.fill("  ", &printable(&table.reason));
    }
}

fn warnings(page: &mut Page, manifest: &Manifest) {
    page.heading("Warnings / Warnungen", '=');
    if manifest.warnings.is_empty() {
        page.line("(none / keine)");
    }
    for Warning { code, sheet, column, count, detail } in &manifest.warnings {
        let place: Vec<String> = [sheet, column].into_iter().flatten().map(|name| printable(name)).collect();
        let place = if place.is_empty() { String::new() } else { format!(" {}", place.join(" / ")) };
        page.line(&format!("-{place}: {code}, {count} x"));
        page.fill("  ", &printable(detail));
    }
}
