//! The commands that load all tables and set all sequences, for psql in the unpacked folder.

use super::page::Page;
use crate::bundle::manifest::{Manifest, Sequence, SheetEntry};
use crate::bundle::psql::{copy_command, is_printable, is_table, printable, setval};

/// First and last line of the commands, by which a reader cuts them out of the page.
const FIRST: &str = "    BEGIN;";
const LAST: &str = "    COMMIT;";

/// What a shell takes to write the commands into `load.sql`.
pub(super) const CUT_OUT: &str = "sed -n '/^    BEGIN;$/,/^    COMMIT;$/p' README.txt > load.sql";

/// Settings under which the text of values means what it meant when it was written: of names and literals in the commands, of NULL
/// in arrays, of xml, intervals and money.
const SETTINGS: [&str; 3] = [
    "SET LOCAL client_encoding = 'UTF8'; SET LOCAL standard_conforming_strings = on;",
    "SET LOCAL array_nulls = on; SET LOCAL xmloption = content;",
    "SET LOCAL IntervalStyle = postgres; SET LOCAL lc_monetary = 'C';",
];

/// Whether there are rows that commands can load.
pub(super) fn has_commands(manifest: &Manifest) -> bool {
    tables(manifest).any(|table| copy_command(table).is_some())
}

/// Whether a csv file holds rows that belong to no table.
pub(super) fn has_other_files(manifest: &Manifest) -> bool {
    manifest.sheets.iter().any(|sheet| sheet.files.csv.is_some() && !is_table(sheet))
}

/// Appends the commands: one transaction, one line for each table and sequence. What takes more than a line of psql is a comment.
pub(super) fn commands(page: &mut Page, manifest: &Manifest) {
    page.line(FIRST);
    page.line("    -- SET LOCAL session_replication_role = replica;");
    SETTINGS.iter().for_each(|line| page.line(&format!("    {line}")));
    for table in tables(manifest) {
        let command = copy_command(table).unwrap_or_else(|| by_hand(&table.name));
        page.line(&format!("    {command}"));
    }
    for sequence in &manifest.sequences {
        let command = setval_command(sequence).unwrap_or_else(|| by_hand(&sequence.name));
        page.line(&format!("    {command}"));
    }
    page.line(LAST);
}

/// The tables with a csv file.
fn tables(manifest: &Manifest) -> impl Iterator<Item = &SheetEntry> {
    manifest.sheets.iter().filter(|sheet| is_table(sheet))
}

/// The command that brings a sequence to the state it had.
fn setval_command(sequence: &Sequence) -> Option<String> {
    let command = format!("SELECT {};", setval(sequence));
    is_printable(&command).then_some(command)
}

fn by_hand(name: &str) -> String {
    format!("-- by hand / von Hand: {}", printable(name))
}
