//! Work that can be taken back while the transaction goes on.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;

use crate::error::{Error, Result, Told, caught, describe};

/// What becomes of the changes of work that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// They belong to the transaction.
    Keep,
    /// They are taken back, with the locks.
    RollBack,
}

/// Runs `work` in a subtransaction; an error in it takes back what it did and is returned.
///
/// # Errors
/// A cancel, a shutdown or a panic goes on to the caller.
pub fn attempt<R>(then: Then, work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Told> {
    // SAFETY: inside a transaction; as in pl_exec.c (exec_stmt_block) context and resource owner are put back after the end of the
    // subtransaction, which ends exactly once.
    let (context, owner) = unsafe {
        let before = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(before.0);
        before
    };
    let result = caught(work);
    // SAFETY: as above.
    unsafe {
        if then == Then::Keep && matches!(result, Ok(Ok(_))) {
            pg_sys::ReleaseCurrentSubTransaction();
        } else {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
    }
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.told()),
        Err(cause) => {
            let told = describe(&cause);
            let ends_all = told.sqlstate.starts_with("57") || matches!(*cause, CaughtError::RustPanic { .. });
            if ends_all { cause.rethrow() } else { Err(told) }
        }
    }
}

/// As [`attempt`], where the caller has no use for the error but to pass it on.
///
/// # Errors
/// That of `work`.
pub fn attempt_or_raise<R>(then: Then, work: impl FnOnce() -> Result<R>) -> Result<R> {
    attempt(then, work).map_err(Error::Told)
}
