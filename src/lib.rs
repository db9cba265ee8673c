//! paliad_backup: exports all tables of an application, in the caller's one snapshot, as one zip that people can open.
//!
//! The rooms and the way of the data are drawn in `docs/architecture.md`.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod bundle;
pub mod calendar;
pub mod cron;
pub mod forecast;
pub mod health;
pub mod retention;
pub mod store;

#[cfg(feature = "pg15")]
mod api;
#[cfg(feature = "pg15")]
mod catalog;
#[cfg(feature = "pg15")]
mod command;
#[cfg(feature = "pg15")]
mod config;
#[cfg(feature = "pg15")]
mod error;
#[cfg(feature = "pg15")]
mod pg;
#[cfg(feature = "pg15")]
mod recorder;
#[cfg(feature = "pg15")]
mod storage;

#[cfg(feature = "pg15")]
::pgrx::pg_module_magic!(name, version);

/// Called by the server when it loads the library: settings and hooks.
#[cfg(feature = "pg15")]
#[allow(unsafe_code)]
#[pgrx::pg_guard]
extern "C-unwind" fn _PG_init() {
    pg::panics::install();
    config::register();
    pg::session::reserve_setting_prefix();
    pg::read_guard::install();
    pg::name_guard::install();
    pg::function_guard::install();
}
