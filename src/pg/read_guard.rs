//! Refuses a query that reads one of a set of relations, however it reaches them: directly, through views, through functions.
//!
//! The executor's permission hook sees the flattened range table of every query that starts, nested ones included, before a
//! row is read. Partitions and inheritance children are in it too.

use std::cell::RefCell;
use std::collections::HashSet;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{pg_guard, pg_sys};

use crate::error::Error;

thread_local! {
    static FORBIDDEN: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
}

static mut PREVIOUS: pg_sys::ExecutorCheckPerms_hook_type = None;

/// Installs the hook; called once when the library is loaded.
pub fn install() {
    // SAFETY: _PG_init runs once, in the backend's only thread.
    unsafe {
        PREVIOUS = pg_sys::ExecutorCheckPerms_hook;
        pg_sys::ExecutorCheckPerms_hook = Some(check_range_table);
    }
}

/// While this lives, no query in this session can read the relations.
pub struct ReadGuard(());

impl ReadGuard {
    /// Forbids the relations with these oids.
    pub fn forbid(relations: impl IntoIterator<Item = u32>) -> Self {
        FORBIDDEN.with_borrow_mut(|set| set.extend(relations));
        ReadGuard(())
    }
}

impl Drop for ReadGuard {
    fn drop(&mut self) {
        FORBIDDEN.with_borrow_mut(HashSet::clear);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_range_table(range_table: *mut pg_sys::List, raise: bool) -> bool {
    if !FORBIDDEN.with_borrow(HashSet::is_empty) {
        // SAFETY: the executor passes a list of RangeTblEntry nodes.
        unsafe { refuse_forbidden(range_table) };
    }
    // SAFETY: written once in `install`, before any query runs; the previous hook has the same contract as this one.
    match unsafe { PREVIOUS } {
        Some(previous) => unsafe { pg_guard_ffi_boundary(|| previous(range_table, raise)) },
        None => true,
    }
}

/// # Safety
/// `range_table` is null or a list of RangeTblEntry nodes.
unsafe fn refuse_forbidden(range_table: *mut pg_sys::List) {
    if range_table.is_null() {
        return;
    }
    // SAFETY: the caller's promise; `elements` has `length` cells.
    let entries = unsafe { std::slice::from_raw_parts((*range_table).elements, (*range_table).length as usize) };
    for entry in entries {
        // SAFETY: each cell holds a pointer to a RangeTblEntry.
        let entry = unsafe { &*(entry.ptr_value as *const pg_sys::RangeTblEntry) };
        if entry.rtekind == pg_sys::RTEKind::RTE_RELATION
            && FORBIDDEN.with_borrow(|set| set.contains(&entry.relid.to_u32()))
        {
            // SAFETY: returns null or a string of the server's, which is copied.
            let name = unsafe { pg_sys::get_rel_name(entry.relid) };
            let name = if name.is_null() {
                entry.relid.to_u32().to_string()
            } else {
                // SAFETY: not null, NUL-terminated.
                unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
            };
            Error::Rights {
                message: format!("the sheet's query reads the excluded table \"{name}\""),
                hint: "Excluded tables never leave the database; SELECT * FROM paliad_backup.exclusions shows them."
                    .into(),
            }
            .raise();
        }
    }
}
