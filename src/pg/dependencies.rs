//! What a query reads, as parsing and rewriting tell: nothing is planned or executed.

use pgrx::pg_sys;

use super::text::to_server;
use crate::error::{Error, Result};

/// Oids of the relations that one statement without parameters reads, those inside its views included; partitions and inheritance
/// children are not among them. Names are resolved with the present role and search_path.
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn relations_read(sql: &str) -> Result<Vec<u32>> {
    let sql = to_server(sql)?;
    // SAFETY: connect and finish are paired (an error in between is cleaned up by AtEOXact_SPI); the plan, its sources and their lists
    // live until SPI_finish, and everything is copied before; the lists' cells are of the types that plancache.h names:
    // CachedPlanSource and oid.
    unsafe {
        pg_sys::SPI_connect();
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), 0, std::ptr::null_mut());
        if plan.is_null() {
            let status = pg_sys::SPI_result;
            return Err(Error::internal(format!("SPI status {status}")));
        }
        let mut relations = Vec::new();
        for source in cells(pg_sys::SPI_plan_get_plan_sources(plan)) {
            let source = &*(source.ptr_value as *const pg_sys::CachedPlanSource);
            relations.extend(cells(source.relationOids).iter().map(|cell| cell.oid_value.to_u32()));
        }
        pg_sys::SPI_finish();
        Ok(relations)
    }
}

/// # Safety
/// `list` is null or a list of the server's that outlives the result.
pub(super) unsafe fn cells<'a>(list: *mut pg_sys::List) -> &'a [pg_sys::ListCell] {
    if list.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; `elements` has `length` cells.
    unsafe { std::slice::from_raw_parts((*list).elements, (*list).length as usize) }
}
