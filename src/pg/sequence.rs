//! Puts sequences where they were, and tells where they are.

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

/// Where a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// As its row says.
    At {
        /// The last value, or the one to come.
        last_value: i64,
        /// Whether it was given out.
        is_called: bool,
    },
    /// It was dropped.
    Gone,
    /// Somebody has locked it even against readers.
    Locked,
}

/// Reads a sequence's position, also of one that was never used, and waits for nobody: `pg_sequence_last_value()` takes a lock like a
/// writer's, for which ALTER SEQUENCE in an open transaction lets it wait.
///
/// # Errors
/// The server's, where the file can't be read.
pub fn position(sequence: pg_sys::Oid) -> Position {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: inside a transaction; the relation is a sequence, whose one row has last_value, log_cnt and is_called; scan, relation and lock
    // are given back.
    unsafe {
        if !pg_sys::ConditionalLockRelationOid(sequence, lock) {
            return Position::Locked;
        }
        let relation = pg_sys::try_relation_open(sequence, pg_sys::NoLock as pg_sys::LOCKMODE);
        if relation.is_null() {
            pg_sys::UnlockRelationOid(sequence, lock);
            return Position::Gone;
        }
        let mut position = Position::Gone;
        if (*(*relation).rd_rel).relkind as u8 == pg_sys::RELKIND_SEQUENCE {
            let nothing = std::ptr::null_mut();
            let any = &raw mut pg_sys::SnapshotAnyData;
            let scan = pg_sys::heap_beginscan(relation, any, 0, nothing, std::ptr::null_mut(), 0);
            let row = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if !row.is_null() {
                let (mut values, mut nulls) = ([pg_sys::Datum::from(0); 3], [false; 3]);
                pg_sys::heap_deform_tuple(row, (*relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
                position = Position::At { last_value: values[0].value() as i64, is_called: values[2].value() != 0 };
            }
            pg_sys::heap_endscan(scan);
        }
        pg_sys::relation_close(relation, lock);
        position
    }
}
