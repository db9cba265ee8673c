//! What is large: rows, columns, tables and values (TRAPS S15, V6, X1, X2), and the memory that they take.

mod columns;
#[path = "../support/compare.rs"]
mod compare;
mod memory;
mod rows;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/spreadsheet.rs"]
mod spreadsheet;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod values;

use std::process::{Command, Output};

use runs::Backup;
use support::{checked, python};

/// Whether to try what takes minutes, too: `PALIAD_BACKUP_TEST_LONG=1`.
fn long() -> bool {
    std::env::var("PALIAD_BACKUP_TEST_LONG").is_ok_and(|value| value == "1")
}

/// Info-ZIP finds every file whole.
fn unzips(backup: &Backup) {
    checked(Command::new("unzip").arg("-tqq").arg(backup.path()));
}

/// Runs a Python program over the bundle's path and `arguments`; it may import what tests/oracle has.
fn check_in_python(backup: &Backup, program: &str, arguments: &[&str]) -> Output {
    let oracle = support::repository("tests/oracle");
    checked(python().args(["-B", "-c", program]).arg(backup.path()).args(arguments).env("PYTHONPATH", oracle))
}
