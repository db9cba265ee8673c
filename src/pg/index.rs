//! Building indexes anew.

use pgrx::pg_sys;

/// Builds an index from its table's rows, as the table's owner; it is ready and valid then, and its constraint was checked. The caller holds
/// the table's ACCESS EXCLUSIVE lock.
///
/// # Errors
/// 23505 and 23P01 are raised by the server.
pub fn rebuild(index: pg_sys::Oid) {
    // SAFETY: inside a transaction; the relation is an index, as its row in pg_index says, and keeps its persistence.
    unsafe {
        let relation = pg_sys::index_open(index, pg_sys::AccessExclusiveLock as i32);
        let persistence = (*(*relation).rd_rel).relpersistence;
        pg_sys::index_close(relation, pg_sys::NoLock as i32);
        let mut parameters = pg_sys::ReindexParams::default();
        pg_sys::reindex_index(index, false, persistence, &mut parameters);
        pg_sys::CommandCounterIncrement();
    }
}
