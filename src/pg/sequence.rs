//! Puts sequences where they were.

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

unsafe extern "C-unwind" {
    /// commands/sequence.h: the sequence as it was made, in a new file, so that a ROLLBACK brings the old state back.
    fn ResetSequence(sequence: pg_sys::Oid);
}

/// Gives a sequence a state that ROLLBACK takes back, unlike setval() alone. The caller holds ACCESS EXCLUSIVE on it.
///
/// # Errors
/// 22003 for a value outside the sequence's bounds: raised by the server.
pub fn set(sequence: pg_sys::Oid, last_value: i64, is_called: bool) {
    // SAFETY: a sequence that is locked; setval takes an oid, a bigint and a boolean.
    unsafe {
        pg_guard_ffi_boundary(|| ResetSequence(sequence));
        pg_sys::CommandCounterIncrement();
        pg_sys::OidFunctionCall3Coll(
            pg_sys::Oid::from(pg_sys::F_SETVAL_REGCLASS_INT8_BOOL),
            pg_sys::InvalidOid,
            pg_sys::Datum::from(sequence.to_u32()),
            pg_sys::Datum::from(last_value),
            pg_sys::Datum::from(is_called),
        );
        pg_sys::CommandCounterIncrement();
    }
}
