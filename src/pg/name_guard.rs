//! Makes sure that names in a query mean the relations that were planned and locked. Tables are locked by oid but queries are
//! written with names, and a schema can be renamed under any lock: the names would find other relations, silently.
//!
//! The parser's hook sees each analysed query with the oids that its names have found, before anything is planned.

use std::cell::RefCell;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{pg_guard, pg_sys};

use super::dependencies::cells;
use super::text::to_server;
use crate::error::{Error, Result, caught, describe};

/// What to do with the next query that is analysed.
enum Next {
    Ignore,
    Record,
    Recorded(Vec<u32>),
    Expect(Vec<u32>),
}

thread_local! {
    static NEXT: RefCell<Next> = const { RefCell::new(Next::Ignore) };
}

static mut PREVIOUS: pg_sys::post_parse_analyze_hook_type = None;

/// Installs the hook; called once when the library is loaded.
pub fn install() {
    // SAFETY: _PG_init runs once, in the backend's only thread.
    unsafe {
        PREVIOUS = pg_sys::post_parse_analyze_hook;
        pg_sys::post_parse_analyze_hook = Some(analysed);
    }
}

/// The relations that the names of one statement mean at present, in its own order, each as often as it is named. Views are not
/// looked into. Nothing is planned or executed, but the relations are locked.
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn relations_named(sql: &str) -> Result<Vec<u32>> {
    let sql = to_server(sql)?;
    NEXT.replace(Next::Record);
    // SAFETY: connect and finish are paired; an error in between is cleaned up by AtEOXact_SPI.
    let plan = caught(|| unsafe {
        pg_sys::SPI_connect();
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), 0, std::ptr::null_mut());
        pg_sys::SPI_finish();
        plan
    });
    match (NEXT.replace(Next::Ignore), plan) {
        (_, Err(cause)) => cause.rethrow(),
        (Next::Recorded(relations), Ok(plan)) if !plan.is_null() => Ok(relations),
        _ => Err(Error::internal("a query was not analysed")),
    }
}

/// Runs `work`; the first query that is analysed in it must name exactly these relations.
///
/// # Errors
/// 40001 is raised in place of planning another query, and where a name means nothing any more.
pub fn naming<R>(relations: &[u32], work: impl FnOnce() -> R) -> R {
    NEXT.replace(Next::Expect(relations.to_vec()));
    let result = caught(work);
    let still_expected = matches!(NEXT.replace(Next::Ignore), Next::Expect(_));
    match result {
        Ok(result) => result,
        Err(cause) if still_expected && ["42P01", "3F000"].contains(&describe(&cause).sqlstate.as_str()) => replaced(),
        Err(cause) => cause.rethrow(),
    }
}

fn replaced() -> ! {
    Error::ChangedAfterSnapshot { message: "a table was renamed or replaced meanwhile".into() }.raise()
}

#[pg_guard]
unsafe extern "C-unwind" fn analysed(
    state: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jumble: *mut pg_sys::JumbleState,
) {
    match NEXT.replace(Next::Ignore) {
        Next::Record => {
            // SAFETY: the parser passes the query that it has analysed.
            NEXT.replace(Next::Recorded(unsafe { relations_of(query) }));
        }
        Next::Expect(planned) => {
            // SAFETY: as above.
            if unsafe { relations_of(query) } != planned {
                replaced();
            }
        }
        other => {
            NEXT.replace(other);
        }
    }
    // SAFETY: written once in `install`; the previous hook has the same contract as this one.
    if let Some(previous) = unsafe { PREVIOUS } {
        unsafe { pg_guard_ffi_boundary(|| previous(state, query, jumble)) };
    }
}

/// # Safety
/// `query` is an analysed query.
unsafe fn relations_of(query: *mut pg_sys::Query) -> Vec<u32> {
    let mut relations = Vec::new();
    // SAFETY: the caller's promise; the walker gets the context that is passed here.
    unsafe { walk(query.cast(), std::ptr::from_mut(&mut relations).cast()) };
    relations
}

/// Collects the relations of a query and of all queries in it (nodeFuncs.c, `query_tree_walker`).
///
/// # Safety
/// `node` is null or a node of an analysed query, `context` a `Vec<u32>`.
#[pg_guard]
unsafe extern "C-unwind" fn walk(node: *mut pg_sys::Node, context: *mut std::ffi::c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the caller's promise; a node's tag tells its type, a range table's cells hold RangeTblEntry nodes.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_Query {
            return pg_sys::expression_tree_walker(node, Some(walk), context);
        }
        let query = node.cast::<pg_sys::Query>();
        for cell in cells((*query).rtable) {
            let entry = &*(cell.ptr_value as *const pg_sys::RangeTblEntry);
            if entry.rtekind == pg_sys::RTEKind::RTE_RELATION {
                (*context.cast::<Vec<u32>>()).push(entry.relid.to_u32());
            }
        }
        pg_sys::query_tree_walker(query, Some(walk), context, 0)
    }
}
