//! Checks a foreign key over all rows, as ALTER TABLE … VALIDATE CONSTRAINT does.

use std::ffi::CString;
use std::mem::MaybeUninit;

use pgrx::pg_sys;

use super::text::to_server;
use crate::error::Result;

/// A foreign key of pg_constraint.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The constraint.
    pub oid: pg_sys::Oid,
    /// Its name.
    pub name: String,
    /// The table that has it.
    pub table: pg_sys::Oid,
    /// The table that it refers to.
    pub referenced: pg_sys::Oid,
    /// The index that keeps what it refers to unique.
    pub index: pg_sys::Oid,
}

/// Checks all rows by one query as the present role, which is the owner of [`ForeignKey::table`]; false where that role may not read
/// both tables: then [`check_each_row`] can.
///
/// # Errors
/// 23503 with the constraint and a key is raised by the server.
pub fn check(key: &ForeignKey) -> Result<bool> {
    with_trigger(key, |trigger, table| {
        let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
        // SAFETY: the caller holds locks on both tables; the trigger is complete as far as validateForeignKeyConstraint (tablecmds.c)
        // fills it.
        unsafe {
            let referenced = pg_sys::table_open(key.referenced, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
            let checked = pg_sys::RI_Initial_Check(trigger, table, referenced);
            pg_sys::table_close(referenced, no_lock);
            checked
        }
    })
}

/// Checks the rows of an ordinary table one after the other: the server looks each key up as the owner of the table referred to.
///
/// # Errors
/// As [`check`].
pub fn check_each_row(key: &ForeignKey) -> Result<()> {
    with_trigger(key, |trigger, table| {
        // SAFETY: as validateForeignKeyConstraint: each row is passed to the trigger function as if it had been inserted; scan, slot and
        // snapshot are released below, or by the transaction's abort.
        unsafe {
            let row_context = pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                c"paliad_backup key".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            );
            let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
            let slot = pg_sys::table_slot_create(table, std::ptr::null_mut());
            let scan = pg_sys::table_beginscan(table, snapshot, 0, std::ptr::null_mut());
            while pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot) {
                pgrx::check_for_interrupts!();
                let before = pg_sys::MemoryContextSwitchTo(row_context);
                let mut data = pg_sys::TriggerData {
                    type_: pg_sys::NodeTag::T_TriggerData,
                    tg_event: pg_sys::TRIGGER_EVENT_INSERT | pg_sys::TRIGGER_EVENT_ROW,
                    tg_relation: table,
                    tg_trigtuple: pg_sys::ExecFetchSlotHeapTuple(slot, false, std::ptr::null_mut()),
                    tg_trigslot: slot,
                    tg_trigger: trigger,
                    ..pg_sys::TriggerData::default()
                };
                let mut call = MaybeUninit::<pg_sys::FunctionCallInfoBaseData>::zeroed().assume_init();
                call.context = (&raw mut data).cast();
                pg_sys::RI_FKey_check_ins(&mut call);
                pg_sys::MemoryContextSwitchTo(before);
                pg_sys::MemoryContextReset(row_context);
            }
            pg_sys::MemoryContextDelete(row_context);
            pg_sys::table_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::UnregisterSnapshot(snapshot);
        }
    })
}

fn with_trigger<R>(key: &ForeignKey, work: impl FnOnce(*mut pg_sys::Trigger, pg_sys::Relation) -> R) -> Result<R> {
    let name: CString = to_server(&key.name)?;
    let mut trigger = pg_sys::Trigger {
        tgname: name.as_ptr().cast_mut(),
        tgenabled: pg_sys::TRIGGER_FIRES_ON_ORIGIN as std::ffi::c_char,
        tgisinternal: true,
        tgconstrrelid: key.referenced,
        tgconstrindid: key.index,
        tgconstraint: key.oid,
        ..pg_sys::Trigger::default()
    };
    let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
    // SAFETY: the relation is opened with a lock that is kept until the transaction ends, and closed; the name outlives the work.
    unsafe {
        let table = pg_sys::table_open(key.table, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let result = work(&raw mut trigger, table);
        pg_sys::table_close(table, no_lock);
        Ok(result)
    }
}
