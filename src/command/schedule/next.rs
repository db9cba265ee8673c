//! When a cron expression comes next, on pg_cron's clock.

use crate::cron::Expression;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};

/// Understands a cron expression.
///
/// # Errors
/// [`Error::BadArgument`].
pub fn expression(text: &str) -> Result<Expression> {
    Expression::parse(text).map_err(|fault| Error::BadArgument { message: fault.message, hint: fault.hint })
}

/// The next times after a time (text of a timestamptz), as texts of timestamptz. pg_cron 1.4 counts in GMT, newer ones in the time zone of
/// a setting.
///
/// # Errors
/// The server's.
pub fn next_runs(expression: &Expression, after: &str, rows: usize) -> Result<Vec<String>> {
    let zone = scalar(select(
        Snapshot::Caller,
        "SELECT coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'cron.timezone'), 'GMT')",
        &[],
    )?)
    .unwrap_or_default();
    let local = scalar(select(
        Snapshot::Caller,
        "SELECT floor(extract(epoch FROM $1::timestamptz AT TIME ZONE $2) / 60)::bigint",
        &[Some(after), Some(&zone)],
    )?);
    let mut minute: i64 = local
        .and_then(|minute| minute.parse().ok())
        .ok_or_else(|| Error::internal(format!("{after} is not a time")))?;
    let mut times = Vec::new();
    while times.len() < rows {
        let Some(next) = expression.next_after(minute) else { break };
        minute = next;
        // A local time that summer time leaves out is another one when it is converted back, and pg_cron passes over it.
        let time = scalar(select(
            Snapshot::Caller,
            "SELECT t.absolute FROM (SELECT l.local, l.local AT TIME ZONE $2 AS absolute \
             FROM (SELECT to_timestamp($1::bigint * 60) AT TIME ZONE 'GMT' AS local) AS l) AS t \
             WHERE t.absolute AT TIME ZONE $2 = t.local AND t.absolute > $3::timestamptz",
            &[Some(&next.to_string()), Some(&zone), Some(after)],
        )?);
        times.extend(time);
    }
    Ok(times)
}
