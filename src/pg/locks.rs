//! Table locks by oid, and the one lock that says 'a run is active in this database'.

use std::panic::AssertUnwindSafe;

use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};

/// What came of locking a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// The lock is held until the end of the transaction.
    Held,
    /// The relation is gone.
    Gone,
    /// lock_timeout passed.
    TimedOut,
}

/// What a table lock keeps out (docs: "Table-Level Locks").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// DDL alone.
    AccessShare,
    /// Writers.
    Share,
    /// Writers, and others who hold this lock.
    ShareRowExclusive,
    /// Everybody.
    AccessExclusive,
}

impl Mode {
    fn lock_mode(self) -> pg_sys::LOCKMODE {
        let mode = match self {
            Mode::AccessShare => pg_sys::AccessShareLock,
            Mode::Share => pg_sys::ShareLock,
            Mode::ShareRowExclusive => pg_sys::ShareRowExclusiveLock,
            Mode::AccessExclusive => pg_sys::AccessExclusiveLock,
        };
        mode as pg_sys::LOCKMODE
    }
}

/// Takes a lock on a relation and keeps it until the transaction ends.
///
/// By oid, for a name could mean another table by now; `LOCK TABLE` isn't possible in a read-only SPI call.
///
/// # Errors
/// A deadlock (40P01) or a cancel is raised by the server.
pub fn lock_relation(oid: pg_sys::Oid, mode: Mode) -> Locked {
    PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: inside a transaction; a relation that was opened is closed again, which keeps its lock.
        unsafe {
            let relation = pg_sys::try_relation_open(oid, mode.lock_mode());
            if relation.is_null() {
                return Locked::Gone;
            }
            pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
            Locked::Held
        }
    }))
    // The caller raises its own error at once, which ends the transaction that this error has left half-way.
    .catch_when(PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE, |_| Locked::TimedOut)
    .execute()
}

/// Keeps DROP EXTENSION waiting until the caller's transaction ends.
pub fn lock_extension(extension: pg_sys::Oid) {
    // SAFETY: inside a transaction; the lock is released at its end.
    unsafe {
        pg_sys::LockDatabaseObject(
            pg_sys::ExtensionRelationId,
            extension,
            0,
            pg_sys::AccessShareLock as pg_sys::LOCKMODE,
        );
    }
}

/// The tag of the database's one run: the extension as an object, with a sub-object number that no SQL command locks.
/// (An advisory lock could be taken by any user, and would block every run.)
///
/// Of the lock method of advisory locks all the same: a session lock of the default method is lost when any transaction of the
/// session aborts, and outlives a process that exits between transactions (proc.c, ProcReleaseLocks; postinit.c, ShutdownPostgres).
fn run_tag(extension: pg_sys::Oid) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: reads a backend-local variable, set at connection.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: pg_sys::ExtensionRelationId.to_u32(),
        locktag_field3: extension.to_u32(),
        locktag_field4: 1,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// Takes the run lock for this session until it ends, without waiting; false when another process has it.
pub fn try_lock_run(extension: pg_sys::Oid) -> bool {
    let tag = run_tag(extension);
    // SAFETY: a valid tag; a session lock is released with the process, however it dies.
    let result = unsafe { pg_sys::LockAcquire(&tag, pg_sys::ExclusiveLock as pg_sys::LOCKMODE, true, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// Gives the run lock back that this session holds.
pub fn unlock_run(extension: pg_sys::Oid) {
    let tag = run_tag(extension);
    // SAFETY: a valid tag; a lock that this session doesn't hold is a WARNING.
    unsafe { pg_sys::LockRelease(&tag, pg_sys::ExclusiveLock as pg_sys::LOCKMODE, true) };
}
