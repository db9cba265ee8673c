//! Tells the listeners of settings.notify_channel what has failed, in the transaction that records it: they hear of it when the row is there
//! to be read, and whatever becomes of the caller's transaction.

use std::cell::Cell;

use serde_json::Value;

use crate::catalog::settings::Settings;
use crate::error::Result;
use crate::health::notice::Notice;
use crate::pg::query::{Snapshot, scalar, select, write};
use crate::pg::text::to_server;
use crate::pg::worker::transaction;

/// Runs `work` in a transaction of its own, and NOTIFY with what `notice` makes of its result. A record is worth more than a notice: where the
/// server has no room for the notice, `work` is done again without it.
///
/// # Errors
/// Those of `work`.
pub fn told<R>(notice: impl Fn(&R) -> Option<Notice>, work: impl Fn() -> Result<R>) -> Result<R> {
    let sent = Cell::new(false);
    let result = transaction(|| {
        let done = work()?;
        if let Some(notice) = notice(&done)
            && let Some(channel) = Settings::read()?.notify_channel
        {
            sent.set(true);
            send(&channel, &notice)?;
        }
        Ok(done)
    });
    match result {
        Err(error) if sent.get() => {
            pgrx::log!("paliad_backup: nobody could be notified: {error}");
            transaction(work)
        }
        result => result,
    }
}

/// A run has failed.
pub fn failed(id: &str, error: &str, sqlstate: &str) -> Notice {
    let (backup_id, error_code) = (id.to_owned(), Some(sqlstate.to_owned()));
    Notice { event: "backup_failed", backup_id, error_code, error: error.to_owned() }
}

/// A bundle's file is gone.
pub fn missing(id: &str) -> Notice {
    Notice {
        event: "backup_missing",
        backup_id: id.to_owned(),
        error_code: None,
        error: "the file of the bundle is gone".into(),
    }
}

/// What a verification that failed found first: no file, or what is wrong with it.
pub fn not_good(id: &str, checks: &Value) -> Notice {
    let fault = checks.as_array().into_iter().flatten().find(|check| check["ok"] != Value::Bool(true));
    let text = |name: &str| fault.and_then(|fault| fault[name].as_str()).unwrap_or_default();
    Notice {
        event: if text("check") == "present" { "backup_missing" } else { "backup_damaged" },
        backup_id: id.to_owned(),
        error_code: None,
        error: format!("{}: {}", text("check"), text("detail")),
    }
}

fn send(channel: &str, notice: &Notice) -> Result<()> {
    let database = scalar(select(Snapshot::Latest, "SELECT pg_catalog.current_database()", &[])?).unwrap_or_default();
    let fits = |text: &str| to_server(text).is_ok_and(|text| text.as_bytes().len() < Notice::LIMIT);
    let payload = notice.payload(&database, fits);
    write("SELECT pg_catalog.pg_notify($1, $2)", &[Some(channel), Some(&payload)])?;
    Ok(())
}
