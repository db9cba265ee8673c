//! Facts about this session, its transaction and its server.

use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::time::Duration;

use pgrx::pg_sys;

use crate::error::{Error, Result};

/// From now on a misspelt setting of this extension is an error, not a placeholder that nobody reads.
pub fn reserve_setting_prefix() {
    // SAFETY: called from _PG_init, after the settings are defined; the name is a literal.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"paliad_backup".as_ptr()) };
}

/// The server is replaying WAL (a standby).
pub fn in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// The caller's transaction has written already.
pub fn has_written() -> bool {
    // SAFETY: reads backend-local transaction state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// The snapshot of the transaction's first statement is that of all: REPEATABLE READ or SERIALIZABLE.
pub fn has_fixed_snapshot() -> bool {
    // SAFETY: reads backend-local transaction state.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// A READ ONLY transaction must stay one.
///
/// # Errors
/// 25006 naming `command` is raised by the server.
pub fn refuse_read_only(command: &str) {
    let Ok(command) = CString::new(command) else { return };
    // SAFETY: the string outlives the call.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        pg_sys::PreventCommandDuringRecovery(command.as_ptr());
    }
}

/// The id of this transaction, or within a savepoint of that subtransaction, which gets one if it has none: `ROLLBACK TO` ends the one
/// and not the other.
pub fn transaction_id() -> String {
    // SAFETY: inside a transaction.
    unsafe { pg_sys::GetCurrentFullTransactionId().value }.to_string()
}

/// The server's data directory.
pub fn data_directory() -> PathBuf {
    // SAFETY: DataDir is set before any backend starts and never freed.
    PathBuf::from(unsafe { CStr::from_ptr(pg_sys::DataDir) }.to_string_lossy().into_owned())
}

/// The cluster's system identifier, as `pg_control_system()` shows it.
pub fn system_identifier() -> u64 {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::GetSystemIdentifier() }
}

/// The oid of the current database.
pub fn database_oid() -> u32 {
    // SAFETY: reads a backend-local variable, set at connection.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

/// The process id of this backend.
pub fn process_id() -> i32 {
    // SAFETY: reads a process-local variable.
    unsafe { pg_sys::MyProcPid }
}

/// Whether a process of this server with this id works for a client or is a background worker. (Ids are used again.)
pub fn is_backend(process_id: i32) -> bool {
    // SAFETY: looks the id up in shared memory under the lock that guards it; the entry itself isn't touched.
    unsafe { !pg_sys::BackendPidGetProc(process_id).is_null() }
}

/// This session is one of pg_cron's background workers. (A client that calls itself pg_cron is not.)
pub fn is_pg_cron_worker() -> bool {
    // SAFETY: MyBgworkerEntry is null or points to this worker's own entry, whose names are NUL-terminated.
    unsafe {
        let entry = pg_sys::MyBgworkerEntry;
        !entry.is_null() && CStr::from_ptr((*entry).bgw_library_name.as_ptr()).to_bytes() == b"pg_cron"
    }
}

/// The text of `database`'s encoding is UTF-8 already.
pub fn encoding() -> Encoding {
    // SAFETY: reads a backend-local variable, set at connection.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        encoding if encoding == pg_sys::pg_enc::PG_UTF8 => Encoding::Utf8,
        encoding if encoding == pg_sys::pg_enc::PG_SQL_ASCII => Encoding::SqlAscii,
        _ => Encoding::Other,
    }
}

/// Makes sure that settings have the values that were given them for a while.
///
/// # Errors
/// [`Error::WrongState`] naming one that user code has changed.
pub fn check_settings(settings: &[(&str, &str)]) -> Result<()> {
    for (name, wanted) in settings {
        let c_name = CString::new(*name).map_err(Error::internal)?;
        // SAFETY: null for an unknown setting, else a NUL-terminated string that is compared at once.
        let changed = unsafe {
            let value = pg_sys::GetConfigOption(c_name.as_ptr(), true, false);
            !value.is_null() && CStr::from_ptr(value).to_bytes() != wanted.as_bytes()
        };
        if changed {
            return Err(Error::WrongState {
                message: format!("a function called on the way has changed the setting {name}"),
                hint: "What values mean would depend on it. Correct the function.".into(),
            });
        }
    }
    Ok(())
}

/// What has to be done to the server's text to make it UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Nothing: the server has checked it.
    Utf8,
    /// Checked byte by byte: the server takes anything.
    SqlAscii,
    /// Converted.
    Other,
}

/// Answers a pending cancel or termination now.
///
/// # Errors
/// 57014, 57P01: raised by the server.
pub fn check_for_interrupts() {
    pgrx::check_for_interrupts!();
}

/// Does what DROP DATABASE and its like wait for in every process of the server (files are closed), and nothing else that is pending.
///
/// # Errors
/// The server's, from closing files.
pub fn absorb_barriers() {
    // SAFETY: reads a flag of this process, and does what CHECK_FOR_INTERRUPTS would do about it; outside of it no file of a relation is in use.
    unsafe {
        if pg_sys::ProcSignalBarrierPending != 0 {
            pg_sys::ProcessProcSignalBarrier();
        }
    }
}

/// Sleeps until the latch is set or `timeout` has passed; doesn't answer interrupts itself.
pub fn wait_latch(timeout: Duration) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: MyLatch is this process's own latch, owned since start-up.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            events as i32,
            timeout.as_millis() as std::ffi::c_long,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}
