//! The comparison of bundles with the live database: tests/oracle/compare.py, which shares no code with the extension and reads the
//! workbook by two readers. Included beside `support` and `runs`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::path::PathBuf;
use std::process::Command;

use paliad_backup::bundle::manifest::Manifest;

use crate::runs::{Backup, run};
use crate::support::{Database, checked, python, repository};

/// The command that compares bundles of `database` with it.
pub fn command(database: &Database<'_>, bundles: &[PathBuf]) -> Command {
    let mut command = python();
    command.arg("-B").arg(repository("tests/oracle/compare.py")).args(["--psql", &database.psql_command()]);
    command.arg("--bundle").args(bundles);
    command
}

/// Compares a backup of `database` with it; returns the comparison's last line.
pub fn compare(database: &Database<'_>, backup: &Backup, options: &[&str]) -> String {
    let output = checked(command(database, &[backup.path()]).args(options));
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

/// Backs `database` up and compares; returns the manifest.
pub fn compare_all(database: &Database<'_>, options: &[&str]) -> Manifest {
    let backup = run(&mut database.connect()).unwrap();
    let manifest = backup.manifest();
    let equal = format!("compare: {} sheets, 0 differences", manifest.sheets.len());
    assert_eq!(compare(database, &backup, options), equal);
    manifest
}
