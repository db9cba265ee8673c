//! The server's own COPY FROM, fed by a function: the only reader that knows all that COPY TO writes.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};

use pgrx::{pg_guard, pg_sys};

use super::text::to_server;
use crate::error::Result;

/// Fills a buffer from its beginning and returns how many bytes there are; 0 is the end.
pub type Source<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize>;

/// A [`Source`] for as long as its COPY runs.
type Raw = *mut dyn FnMut(&mut [u8]) -> Result<usize>;

thread_local! {
    /// COPY's callback gets no context: what the present call reads from.
    static SOURCE: Cell<Option<Raw>> = const { Cell::new(None) };
}

/// Loads csv in UTF-8, which begins with a header line, into these columns of a table, as the present role; returns the number of rows.
///
/// COPY itself checks neither privileges nor row security here, and no READ ONLY. The caller holds a lock that allows it to write.
///
/// # Errors
/// What `source` returns; the server's own errors, of constraints and of values, are raised by the server.
pub fn copy_in(table: pg_sys::Oid, columns: &[String], source: Source<'_>) -> Result<u64> {
    let names = columns.iter().map(|name| to_server(name)).collect::<Result<Vec<_>>>()?;
    let source: *mut (dyn FnMut(&mut [u8]) -> Result<usize> + '_) = source;
    // SAFETY: only the lifetime is dropped; the callback runs within CopyFrom alone, below, while `source` is borrowed.
    let source: Raw = unsafe { std::mem::transmute(source) };
    let _current = Current(SOURCE.replace(Some(source)));
    // SAFETY: the relation is locked by the caller and stays open until COPY has ended; the nodes live in the current memory context,
    // which outlives the call; the callback matches copy_data_source_cb; an error in between is cleaned up by the transaction's abort.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::NoLock as pg_sys::LOCKMODE);
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        let item = pg_sys::addRangeTableEntryForRelation(
            state,
            relation,
            pg_sys::RowExclusiveLock as c_int,
            std::ptr::null_mut(),
            false,
            false,
        );
        (*(*item).p_rte).requiredPerms = pg_sys::ACL_INSERT as pg_sys::AclMode;
        pg_sys::addNSItemToQuery(state, item, false, false, false);
        let attributes = names.iter().fold(std::ptr::null_mut(), |list, name| {
            pg_sys::lappend(list, pg_sys::makeString(pg_sys::pstrdup(name.as_ptr())).cast())
        });
        let options = [(c"format", c"csv"), (c"header", c"true"), (c"encoding", c"UTF8")];
        let options =
            options.iter().fold(std::ptr::null_mut(), |list, (name, value)| pg_sys::lappend(list, option(name, value)));
        let copy = pg_sys::BeginCopyFrom(
            state,
            relation,
            std::ptr::null_mut(),
            std::ptr::null(),
            false,
            Some(read),
            attributes,
            options,
        );
        let rows = pg_sys::CopyFrom(copy);
        pg_sys::EndCopyFrom(copy);
        pg_sys::free_parsestate(state);
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CommandCounterIncrement();
        Ok(rows)
    }
}

/// Puts back what an outer call reads from.
struct Current(Option<Raw>);

impl Drop for Current {
    fn drop(&mut self) {
        SOURCE.set(self.0);
    }
}

/// # Safety
/// In a memory context that outlives the COPY.
unsafe fn option(name: &CStr, value: &CStr) -> *mut c_void {
    // SAFETY: the names are copied.
    unsafe {
        let value = pg_sys::makeString(pg_sys::pstrdup(value.as_ptr()));
        pg_sys::makeDefElem(pg_sys::pstrdup(name.as_ptr()), value.cast(), -1).cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn read(buffer: *mut c_void, _least: c_int, most: c_int) -> c_int {
    let Some(source) = SOURCE.get() else { return 0 };
    // SAFETY: COPY passes a buffer of its own of at least `most` bytes; the source is alive, as `copy_in` says.
    let read = unsafe { (*source)(std::slice::from_raw_parts_mut(buffer.cast::<u8>(), most as usize)) };
    read.unwrap_or_else(|error| error.raise()) as c_int
}
