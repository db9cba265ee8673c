//! Workbooks as LibreOffice reads them. Included beside `support`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::checked;

/// One row of a csv file.
pub type Record = Vec<String>;

/// Has LibreOffice open each of `workbooks` and write all its worksheets into `folder`, one csv file each: see [`worksheet`].
pub fn convert(workbooks: &[&Path], folder: &Path) {
    // Comma, quotes, UTF-8, from the first line, values as they are shown, formulas as their results, every sheet (-1).
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";
    let output = checked(
        Command::new("soffice")
            // No display, and a profile of its own: another LibreOffice that runs would take the work over.
            .arg(format!("-env:UserInstallation=file://{}", folder.join("profile").display()))
            .args(["--headless", "--convert-to", filter, "--outdir"])
            .arg(folder)
            .args(workbooks)
            .env("HOME", folder),
    );
    // It ends with success also where it could not open a file.
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(!complaints.contains("Error"), "{complaints}");
}

/// What [`convert`] has made of a worksheet: its text.
pub fn worksheet(folder: &Path, workbook: &Path, name: &str) -> String {
    let stem = workbook.file_stem().expect("a file has a name").to_string_lossy();
    let path = folder.join(format!("{stem}-{name}.csv"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The records of a csv file. NULL and the empty text are alike here.
pub fn records(csv: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut record = Record::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    assert!(!quoted && record.is_empty() && field.is_empty(), "the file ends within a record");
    records
}
