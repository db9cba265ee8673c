//! Reads relations from their first page to the last, in physical order, and runs nobody's code: no query is planned, no output function
//! is called.
//!
//! Pages are looked at as copies before the server follows what is in them, so that damage is found and not stumbled over. Pages that
//! are in the server's cache are not read from disk.

use pgrx::pg_sys;

use super::session::check_for_interrupts;
use crate::error::Result;
use crate::health::page::{self, Column, PAGE};

/// Pages that are looked at before their rows are read: fewer than the ring of buffers that they are read into holds.
const CHUNK: u32 = 16;
/// The relation's own pages (relpath.h).
const MAIN: pg_sys::ForkNumber::Type = pg_sys::ForkNumber::MAIN_FORKNUM;
/// pg_am.dat.
const HEAP: pg_sys::Oid = pg_sys::Oid::from_u32(2);

/// Reads all pages; of a table also its rows' values, out of line or packed ones included. The first thing that is wrong, and `None` for a
/// sound relation and one that is gone.
///
/// # Errors
/// What the server finds wrong is raised by the server: XX001, XX002, 58030 and others.
pub fn first_fault(relation: pg_sys::Oid) -> Result<Option<String>> {
    // SAFETY: inside a transaction; the relation is closed again, which keeps its lock, or by the abort of the subtransaction.
    unsafe {
        let opened = pg_sys::try_relation_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        if opened.is_null() {
            return Ok(None);
        }
        let form = &*(*opened).rd_rel;
        let fault = if form.relam != HEAP {
            read_pages(opened);
            None
        } else {
            let toast = form.reltoastrelid;
            let in_toast = if toast == pg_sys::InvalidOid { None } else { first_fault(toast)? };
            match in_toast {
                Some(fault) => Some(format!("in its values out of line: {fault}")),
                None => read_heap(opened),
            }
        };
        pg_sys::relation_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
        Ok(fault)
    }
}

/// # Safety
/// The relation is open and locked, and has storage.
unsafe fn read_pages(relation: pg_sys::Relation) {
    // SAFETY: the caller's promise; each buffer is released.
    unsafe {
        let ring = pg_sys::GetAccessStrategy(pg_sys::BufferAccessStrategyType::BAS_BULKREAD);
        for block in 0..pg_sys::RelationGetNumberOfBlocksInFork(relation, MAIN) {
            check_for_interrupts();
            let mode = pg_sys::ReadBufferMode::RBM_NORMAL;
            pg_sys::ReleaseBuffer(pg_sys::ReadBufferExtended(relation, MAIN, block, mode, ring));
        }
        pg_sys::FreeAccessStrategy(ring);
    }
}

/// # Safety
/// The relation is open and locked, and of the server's own table access method.
unsafe fn read_heap(relation: pg_sys::Relation) -> Option<String> {
    // SAFETY: the caller's promise; a relation's descriptor has `natts` attributes.
    unsafe {
        let descriptor = (*relation).rd_att;
        let attributes = (*descriptor).attrs.as_slice((*descriptor).natts as usize);
        let columns: Vec<Column> = attributes
            .iter()
            .map(|attribute| Column { length: attribute.attlen, alignment: alignment(attribute.attalign) })
            .collect();
        let packed: Vec<usize> = (0..attributes.len())
            .filter(|index| attributes[*index].attlen == -1 && !attributes[*index].attisdropped)
            .collect();
        let ring = pg_sys::GetAccessStrategy(pg_sys::BufferAccessStrategyType::BAS_BULKREAD);
        let blocks = pg_sys::RelationGetNumberOfBlocksInFork(relation, MAIN);
        let mut begin = 0;
        while begin < blocks {
            let end = blocks.min(begin + CHUNK);
            for block in begin..end {
                check_for_interrupts();
                if let Some(fault) = page::fault(&copy(relation, block, ring), &columns) {
                    return Some(format!("block {block}: {fault}"));
                }
            }
            read_rows(relation, begin, end - begin, &packed);
            begin = end;
        }
        pg_sys::FreeAccessStrategy(ring);
        None
    }
}

/// # Safety
/// As [`read_heap`].
unsafe fn copy(relation: pg_sys::Relation, block: u32, ring: pg_sys::BufferAccessStrategy) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    // SAFETY: the caller's promise; a buffer holds one page of the server's block size, which pgrx's constant is compared with below,
    // and nobody changes it while it is locked.
    unsafe {
        let mode = pg_sys::ReadBufferMode::RBM_NORMAL;
        let buffer = pg_sys::ReadBufferExtended(relation, MAIN, block, mode, ring);
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_SHARE as i32);
        std::ptr::copy_nonoverlapping(pg_sys::BufferGetPage(buffer).cast::<u8>(), page.as_mut_ptr(), PAGE);
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_UNLOCK as i32);
        pg_sys::ReleaseBuffer(buffer);
    }
    page
}

const _: () = assert!(PAGE == pg_sys::BLCKSZ as usize);

/// Unpacks the values of the rows that are seen.
///
/// # Safety
/// As [`read_heap`]; the structure of the pages was found sound.
unsafe fn read_rows(relation: pg_sys::Relation, first: u32, count: u32, packed: &[usize]) {
    // SAFETY: the caller's promise; a snapshot is active in every function call; the scan, the memory and the snapshot are given back. The
    // scan is of no type that the statistics count.
    unsafe {
        let context = pg_sys::AllocSetContextCreateInternal(
            pg_sys::CurrentMemoryContext,
            c"paliad_backup values".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let descriptor = (*relation).rd_att;
        let mut values = vec![pg_sys::Datum::from(0); (*descriptor).natts as usize];
        let mut nulls = vec![false; values.len()];
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let nothing = std::ptr::null_mut();
        let flags = pg_sys::ScanOptions::SO_ALLOW_PAGEMODE;
        let scan = pg_sys::heap_beginscan(relation, snapshot, 0, nothing, std::ptr::null_mut(), flags);
        pg_sys::heap_setscanlimits(scan, first, count);
        loop {
            let row = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if row.is_null() {
                break;
            }
            pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            let before = pg_sys::MemoryContextSwitchTo(context);
            for index in packed.iter().filter(|index| !nulls[**index]) {
                let value = values[*index].cast_mut_ptr::<pg_sys::varlena>();
                if pgrx::varatt_is_1b_e(value) || pgrx::varatt_is_4b_c(value) {
                    check_for_interrupts();
                    pg_sys::detoast_attr(value);
                    pg_sys::MemoryContextReset(context);
                }
            }
            pg_sys::MemoryContextSwitchTo(before);
        }
        pg_sys::heap_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::MemoryContextDelete(context);
    }
}

/// In bytes (pg_type.h, `TYPALIGN_…`).
fn alignment(code: std::ffi::c_char) -> usize {
    match code as u8 {
        b'c' => 1,
        b's' => 2,
        b'i' => 4,
        _ => 8,
    }
}
