//! Typed reads and writes of the extension's own tables. All statements are fixed; values are parameters.

pub mod audit;
pub mod backups;
pub mod extension;
pub mod health;
pub mod progress;
pub mod registration;
pub mod registry;
pub mod retention;
pub mod settings;
pub mod watch;

/// The time now as RFC 3339 in UTC, as a SQL expression.
pub const NOW_RFC3339: &str = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
