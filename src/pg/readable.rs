//! Reads relations from their first page to the last, in physical order, and runs nobody's code: no query is planned, no output function
//! is called.
//!
//! Pages are looked at as copies. The server follows nothing that is in them: neither rows nor index entries, which damaged ones lead
//! anywhere, and it prunes none. Pages that are in the server's cache are not read from disk.

use pgrx::pg_sys;

use super::session::check_for_interrupts;
use crate::error::Result;
use crate::health::page::{Column, PAGE, Shape, packed_values};

/// The relation's own pages (relpath.h).
const MAIN: pg_sys::ForkNumber::Type = pg_sys::ForkNumber::MAIN_FORKNUM;
/// pg_am.dat.
const HEAP: pg_sys::Oid = pg_sys::Oid::from_u32(2);

/// Reads all pages; of a table also those of its values out of line, each row's bounds, and what is packed in rows. The first thing that is
/// wrong, and `None` for a sound relation and one that is gone.
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
    // SAFETY: the caller's promise; a relation's descriptor has `natts` attributes; the memory is given back, or by the abort of the
    // subtransaction. A packed value lies wholly on the page, which is aligned as the server's are.
    unsafe {
        let descriptor = (*relation).rd_att;
        let attributes = (*descriptor).attrs.as_slice((*descriptor).natts as usize);
        let column = |attribute: &pg_sys::FormData_pg_attribute| Column {
            length: attribute.attlen,
            alignment: alignment(attribute.attalign),
        };
        let columns = attributes.iter().map(column).collect();
        let shape = Shape { columns, toast: (*(*relation).rd_rel).reltoastrelid.to_u32() };
        let context = pg_sys::AllocSetContextCreateInternal(
            pg_sys::CurrentMemoryContext,
            c"paliad_backup values".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let ring = pg_sys::GetAccessStrategy(pg_sys::BufferAccessStrategyType::BAS_BULKREAD);
        let mut page = Page([0; PAGE]);
        let mut fault = None;
        for block in 0..pg_sys::RelationGetNumberOfBlocksInFork(relation, MAIN) {
            check_for_interrupts();
            copy(relation, block, ring, &mut page);
            match packed_values(&page.0, &shape) {
                Ok(places) => unpack(&mut page, &places, context),
                Err(wrong) => {
                    fault = Some(format!("block {block}: {wrong}"));
                    break;
                }
            }
        }
        pg_sys::FreeAccessStrategy(ring);
        pg_sys::MemoryContextDelete(context);
        fault
    }
}

/// A page's copy, aligned as in the server's buffers.
#[repr(align(8))]
struct Page([u8; PAGE]);

/// # Safety
/// As [`read_heap`].
unsafe fn copy(relation: pg_sys::Relation, block: u32, ring: pg_sys::BufferAccessStrategy, page: &mut Page) {
    // SAFETY: the caller's promise; a buffer holds one page of the server's block size, which pgrx's constant is compared with below,
    // and nobody changes it while it is locked.
    unsafe {
        let mode = pg_sys::ReadBufferMode::RBM_NORMAL;
        let buffer = pg_sys::ReadBufferExtended(relation, MAIN, block, mode, ring);
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_SHARE as i32);
        std::ptr::copy_nonoverlapping(pg_sys::BufferGetPage(buffer).cast::<u8>(), page.0.as_mut_ptr(), PAGE);
        pg_sys::LockBuffer(buffer, pg_sys::BUFFER_LOCK_UNLOCK as i32);
        pg_sys::ReleaseBuffer(buffer);
    }
}

const _: () = assert!(PAGE == pg_sys::BLCKSZ as usize);

/// # Safety
/// A packed value with its header lies at each place, wholly on the page.
unsafe fn unpack(page: &mut Page, places: &[usize], context: pg_sys::MemoryContext) {
    // SAFETY: the caller's promise; the server's decompression keeps to the sizes of what it reads and writes.
    unsafe {
        let before = pg_sys::MemoryContextSwitchTo(context);
        for place in places {
            check_for_interrupts();
            pg_sys::detoast_attr(page.0.as_mut_ptr().add(*place).cast());
            pg_sys::MemoryContextReset(context);
        }
        pg_sys::MemoryContextSwitchTo(before);
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
