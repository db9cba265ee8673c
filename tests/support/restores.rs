//! Restores and what they tell. Included beside `support`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use postgres::{Client, Row};
use serde_json::Value;

use crate::support::sqlstate;

/// Arguments of a restore that is committed, overwrites, and makes no checkpoint.
pub const OVERWRITE: &str = "overwrite => true, dry_run => false, checkpoint => false";

/// Arguments of a restore that is committed, fills in, and makes no checkpoint.
pub const FILL_IN: &str = "dry_run => false, checkpoint => false";

/// One row of what `restore()` returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub sheet: Option<String>,
    pub relation: Option<String>,
    pub action: String,
    pub restored: Option<i64>,
    pub skipped: Option<i64>,
    pub removed: Option<i64>,
    pub errors: Option<Value>,
    pub message: Option<String>,
    pub checkpoint_id: Option<String>,
    pub audit_id: Option<String>,
}

/// What `restore()` returns.
#[derive(Debug)]
pub struct Restored {
    pub sheets: Vec<Outcome>,
    pub total: Outcome,
}

impl Restored {
    /// The row of a sheet.
    pub fn sheet(&self, name: &str) -> &Outcome {
        let found = self.sheets.iter().find(|outcome| outcome.sheet.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("no sheet {name} in {self:#?}"))
    }

    /// The names of the sheets with this action.
    pub fn names(&self, action: &str) -> Vec<&str> {
        let of = |outcome: &&Outcome| outcome.action == action;
        self.sheets.iter().filter(of).map(|outcome| outcome.sheet.as_deref().expect("it is a sheet")).collect()
    }

    /// The id by which the restore is known in the audit log.
    pub fn audit_id(&self) -> &str {
        self.total.audit_id.as_deref().expect("every restore is audited")
    }

    /// What a dry run says that a real one would raise.
    pub fn errors(&self) -> Vec<Value> {
        let all = self.sheets.iter().chain([&self.total]).flat_map(|outcome| &outcome.errors);
        all.flat_map(|errors| errors.as_array().expect("a list").clone()).collect()
    }
}

/// Calls `restore()` with these arguments after the backup's id, as SQL writes them.
pub fn restore(client: &mut Client, id: &str, arguments: &str) -> Result<Restored, postgres::Error> {
    call(client, &format!("paliad_backup.restore('{id}', {arguments})"))
}

/// Calls a function that returns what `restore()` does.
pub fn call(client: &mut Client, call: &str) -> Result<Restored, postgres::Error> {
    let sql = format!(
        "SELECT sheet, relation, action, rows_restored, rows_skipped, rows_removed, errors, message,
                checkpoint_id::text, audit_id::text FROM {call}"
    );
    let mut all: Vec<Outcome> = client.query(&sql, &[])?.iter().map(outcome).collect();
    let total = all.pop().expect("the last row is the total");
    assert!(total.sheet.is_none() && total.action == "total", "{call} ends with {total:?}");
    Ok(Restored { sheets: all, total })
}

/// SQLSTATE and all texts of a restore's error.
pub fn refusal(result: Result<Restored, postgres::Error>) -> (String, String) {
    let error = result.expect_err("it should be refused");
    let told = error.as_db_error().unwrap_or_else(|| panic!("{error}"));
    let (detail, hint) = (told.detail().unwrap_or_default(), told.hint().unwrap_or_default());
    (sqlstate(&error).to_owned(), format!("{}\n{detail}\n{hint}", told.message()))
}

fn outcome(row: &Row) -> Outcome {
    Outcome {
        sheet: row.get(0),
        relation: row.get(1),
        action: row.get(2),
        restored: row.get(3),
        skipped: row.get(4),
        removed: row.get(5),
        errors: row.get(6),
        message: row.get(7),
        checkpoint_id: row.get(8),
        audit_id: row.get(9),
    }
}
