//! What every session keeps of a relation's description.

use pgrx::pg_sys;

/// Makes this session look at the relation's catalog rows again, and the others once the transaction is committed.
pub fn invalidate(relation: pg_sys::Oid) {
    // SAFETY: inside a transaction; the relation is locked by the caller, so that it is there.
    unsafe {
        pg_sys::CacheInvalidateRelcacheByRelid(relation);
        pg_sys::CommandCounterIncrement();
    }
}
