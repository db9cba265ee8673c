//! What cleanup() says and does. Included beside `support` and `runs`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use postgres::Client;

use crate::support::column;

/// One row of what `cleanup()` returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub id: Option<String>,
    pub action: String,
    pub reason: String,
    pub bytes: Option<i64>,
    pub path: Option<String>,
}

/// Calls `cleanup()` with these arguments.
pub fn cleanup(client: &mut Client, arguments: &str) -> Result<Vec<Action>, postgres::Error> {
    let sql = format!("SELECT id::text, action, reason, bytes, path FROM paliad_backup.cleanup({arguments})");
    let action = |row: &postgres::Row| Action {
        id: row.get(0),
        action: row.get(1),
        reason: row.get(2),
        bytes: row.get(3),
        path: row.get(4),
    };
    Ok(client.query(&sql, &[])?.iter().map(action).collect())
}

/// What a dry run says.
pub fn foreseen(client: &mut Client) -> Vec<Action> {
    cleanup(client, "").expect("a dry run")
}

/// What a real one did.
pub fn done(client: &mut Client) -> Vec<Action> {
    cleanup(client, "dry_run => false").expect("it cleans up")
}

/// Action and reason for a backup.
pub fn fate(actions: &[Action], id: &str) -> (String, String) {
    let found = actions.iter().find(|action| action.id.as_deref() == Some(id));
    let found = found.unwrap_or_else(|| panic!("nothing about {id} in {actions:#?}"));
    (found.action.clone(), found.reason.clone())
}

/// The ids of the backups with this action.
pub fn with(actions: &[Action], action: &str) -> Vec<String> {
    actions.iter().filter(|found| found.action == action).filter_map(|found| found.id.clone()).collect()
}

/// No rule at all, beside minimum_redundancy 1.
pub const NO_RULE: &str =
    "UPDATE paliad_backup.settings SET retention_count = NULL, retention_days = NULL, keep_daily = NULL,
    keep_weekly = NULL, keep_monthly = NULL, keep_yearly = NULL, checkpoint_count = NULL, minimum_redundancy = 1";

/// Sets rules, and those only.
pub fn set_rules(client: &mut Client, rules: &str) {
    client.batch_execute(NO_RULE).expect("the rules are taken away");
    client.batch_execute(&format!("UPDATE paliad_backup.settings SET {rules}")).expect("the rules are set");
}

/// Makes a small backup; returns its id.
pub fn backup(client: &mut Client, arguments: &str) -> String {
    let sql = format!("SELECT id::text FROM paliad_backup.run({arguments})");
    column(client, &sql).remove(0)
}

/// Gives a backup another start.
pub fn begin_at(client: &mut Client, id: &str, moment: &str) {
    let sql = format!("UPDATE paliad_backup.backups SET started_at = {moment} WHERE id = '{id}'");
    client.batch_execute(&sql).expect("a superuser may");
}

/// Makes a file look old enough for cleanup().
pub fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).expect("the file is there");
    file.set_modified(SystemTime::now() - Duration::from_secs(3_700)).expect("its time can be set");
}

/// The names of a folder's files that are bundles, or were to be.
pub fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name.contains(".zip"));
    names.sort();
    names
}

/// A file that nobody can remove while this lives.
pub struct Immutable(PathBuf);

impl Immutable {
    /// None where the file system or the user can't.
    pub fn new(path: &Path) -> Option<Immutable> {
        let output = Command::new("chattr").arg("+i").arg(path).output();
        output.is_ok_and(|output| output.status.success()).then(|| Immutable(path.to_owned()))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(&self.0).output();
    }
}
