//! Takes all rows out of tables without running anybody's code: no triggers, no rules, no index expressions as another role.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::error::Error;

/// Whether a query of this session is using the table, or has left events for its triggers: neither would survive the rows' removal.
///
/// # Errors
/// 55006 is raised by the server.
pub fn check_not_in_use(table: pg_sys::Oid) {
    // SAFETY: the caller holds a lock on the table; the relation is closed again.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CheckTableNotInUse(relation, c"restore()".as_ptr());
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
    }
}

/// Truncates tables together, as TRUNCATE ONLY does; partitioned tables are named with those of their partitions that are meant.
///
/// The caller holds ACCESS EXCLUSIVE on them, has disabled triggers that would fire, and knows that no table outside refers to them.
///
/// # Errors
/// 0A000 where one does: raised by the server. 55000 where a trigger would fire after all.
pub fn truncate(tables: &[pg_sys::Oid]) {
    if tables.is_empty() {
        return;
    }
    let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
    // SAFETY: the tables are locked by the caller, opened here and closed after; the three lists are in step. The server rebuilds indexes
    // as the tables' owners (index.c, reindex_index).
    unsafe {
        let mut relations = std::ptr::null_mut();
        let mut oids = std::ptr::null_mut();
        let mut logged = std::ptr::null_mut();
        let opened: Vec<pg_sys::Relation> = tables.iter().map(|table| pg_sys::table_open(*table, no_lock)).collect();
        for (relation, oid) in opened.iter().zip(tables) {
            refuse_triggers(*relation);
            relations = pg_sys::lappend(relations, relation.cast());
            oids = pg_sys::lappend_oid(oids, *oid);
            if is_logically_logged(*relation) {
                logged = pg_sys::lappend_oid(logged, *oid);
            }
        }
        pg_sys::ExecuteTruncateGuts(relations, oids, logged, pg_sys::DropBehavior::DROP_RESTRICT, false);
        for relation in opened {
            pg_sys::table_close(relation, no_lock);
        }
        pg_sys::CommandCounterIncrement();
    }
}

/// Code of an owner that ran since the triggers were disabled may have enabled one, and it would have the caller's rights.
///
/// # Safety
/// `relation` is open.
unsafe fn refuse_triggers(relation: pg_sys::Relation) {
    // SAFETY: the caller's promise; the array has as many triggers as it says; names are NUL-terminated.
    unsafe {
        let Some(triggers) = (*relation).trigdesc.as_ref() else { return };
        let triggers = std::slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize);
        let fires = |trigger: &&pg_sys::Trigger| matches!(trigger.tgenabled as u8, b'A' | b'R');
        if let Some(trigger) = triggers.iter().find(fires) {
            let trigger = CStr::from_ptr(trigger.tgname).to_string_lossy();
            let table = CStr::from_ptr((*(*relation).rd_rel).relname.data.as_ptr()).to_string_lossy();
            Error::WrongState {
                message: format!("trigger {trigger} of table {table} was enabled during the restore"),
                hint:
                    "Look for a function that does so in the indexes, checks and partition keys of its owner's tables."
                        .into(),
            }
            .raise();
        }
    }
}

/// As the macro RelationIsLogicallyLogged of rel.h, for user tables.
///
/// # Safety
/// `relation` is open.
unsafe fn is_logically_logged(relation: pg_sys::Relation) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::wal_level >= pg_sys::WalLevel::WAL_LEVEL_LOGICAL as i32
            && (*(*relation).rd_rel).relpersistence == pg_sys::RELPERSISTENCE_PERMANENT as std::ffi::c_char
    }
}

/// Deletes all rows of one table (not of its children), where others refer to it; returns their number.
///
/// The caller holds a lock that keeps writers out.
///
/// # Errors
/// 55000 for a table that is published and has no replica identity, as of DELETE: raised by the server.
pub fn delete_all(table: pg_sys::Oid) -> u64 {
    let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
    let mut deleted = 0;
    // SAFETY: the table is locked by the caller; relation, slot, scan and snapshot are released below, or by the transaction's abort.
    unsafe {
        let relation = pg_sys::table_open(table, no_lock);
        // Subscribers would keep the rows without a word.
        pg_sys::CheckCmdReplicaIdentity(relation, pg_sys::CmdType::CMD_DELETE);
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
        let scan = pg_sys::table_beginscan(relation, snapshot, 0, std::ptr::null_mut());
        while pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot) {
            pgrx::check_for_interrupts!();
            pg_sys::simple_table_tuple_delete(relation, &raw mut (*slot).tts_tid, snapshot);
            deleted += 1;
        }
        pg_sys::table_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::table_close(relation, no_lock);
        pg_sys::CommandCounterIncrement();
    }
    deleted
}
