//! What a background worker needs to work in the database: a connection, transactions, errors that don't end it.

use std::ffi::CString;
use std::panic::AssertUnwindSafe;

use pgrx::bgworkers::{BackgroundWorker, SignalWakeFlags};
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgTryBuilder, pg_sys};

use crate::error::{Error, Result, describe};

/// Connects this worker to a database as the bootstrap superuser, also where connections are not allowed.
///
/// SIGTERM only raises a flag: a fast shutdown, or pg_terminate_backend on the worker itself, must let it write its last row (it
/// ends when its backend has gone). SIGINT keeps the server's handler, for lock_timeout is a SIGINT to oneself.
pub fn connect(database: pg_sys::Oid, settings: &[(&str, &str)]) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    // SAFETY: called once, first thing in a background worker registered with SPI access.
    unsafe {
        pg_sys::BackgroundWorkerInitializeConnectionByOid(
            database,
            pg_sys::InvalidOid,
            pg_sys::BGWORKER_BYPASS_ALLOWCONN,
        );
    }
    for (name, value) in settings {
        let (Ok(name), Ok(value)) = (CString::new(*name), CString::new(*value)) else { continue };
        // SAFETY: both strings outlive the call.
        unsafe {
            pg_sys::SetConfigOption(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
            );
        }
    }
}

/// Runs `work` in a transaction of its own, committed when it returns `Ok`. An error of its own or of the server's rolls it
/// back and is returned; the worker lives on.
///
/// # Errors
/// What `work` returned, or [`Error::Recorded`] with the server's error.
pub fn transaction<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: a worker has no transaction of its own outside this function; start, snapshot and commit are paired here, and
        // AbortCurrentTransaction undoes them.
        unsafe {
            // A cancel of the worker that came between two transactions would refuse the next one; PostgresMain forgets it as well.
            pg_sys::QueryCancelPending = 0;
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        }
        let result = work();
        // SAFETY: as above.
        unsafe {
            if result.is_ok() {
                pg_sys::PopActiveSnapshot();
                pg_sys::CommitTransactionCommand();
            } else {
                pg_sys::AbortCurrentTransaction();
            }
        }
        result
    }))
    .catch_others(abort)
    .catch_rust_panic(abort)
    .execute()
}

fn abort<R>(cause: CaughtError) -> Result<R> {
    // SAFETY: as `PostgresMain` does after an error: abort, then forget the error's stack entry.
    unsafe {
        pg_sys::AbortCurrentTransaction();
        pg_sys::FlushErrorState();
    }
    Err(Error::Told(describe(&cause)))
}
