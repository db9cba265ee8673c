//! What a query reads and calls, as parsing and rewriting tell: nothing is planned or executed.

use std::collections::HashSet;

use pgrx::pg_sys;

use super::text::to_server;
use crate::error::{Error, Result};

/// Relations and functions of one query, those inside its views included.
pub struct Dependencies {
    /// Oids of the relations. Partitions and inheritance children are not among them.
    pub relations: Vec<u32>,
    /// As `pg_proc`'s cache hashes their oids: the server keeps no more of them.
    functions: HashSet<u32>,
}

impl Dependencies {
    /// Looks at one statement, without parameters. Names are resolved with the present role and search_path.
    ///
    /// # Errors
    /// The server's own errors are raised by the server.
    pub fn of(sql: &str) -> Result<Dependencies> {
        let sql = to_server(sql)?;
        // SAFETY: connect and finish are paired (an error in between is cleaned up by AtEOXact_SPI); the plan, its sources and
        // their lists live until SPI_finish, and everything is copied before; the lists' cells are of the types that
        // plancache.h names: CachedPlanSource, oid and PlanInvalItem.
        unsafe {
            pg_sys::SPI_connect();
            let plan = pg_sys::SPI_prepare(sql.as_ptr(), 0, std::ptr::null_mut());
            if plan.is_null() {
                let status = pg_sys::SPI_result;
                return Err(Error::internal(format!("SPI status {status}")));
            }
            let mut found = Dependencies { relations: Vec::new(), functions: HashSet::new() };
            for source in cells(pg_sys::SPI_plan_get_plan_sources(plan)) {
                let source = &*(source.ptr_value as *const pg_sys::CachedPlanSource);
                found.relations.extend(cells(source.relationOids).iter().map(|cell| cell.oid_value.to_u32()));
                found.functions.extend(
                    cells(source.invalItems)
                        .iter()
                        .map(|cell| &*(cell.ptr_value as *const pg_sys::PlanInvalItem))
                        .filter(|item| item.cacheId == pg_sys::SysCacheIdentifier::PROCOID as i32)
                        .map(|item| item.hashValue),
                );
            }
            pg_sys::SPI_finish();
            Ok(found)
        }
    }

    /// Whether the query calls a function; one that merely shares its hash counts as well.
    pub fn calls(&self, function: u32) -> bool {
        let none = pg_sys::Datum::from(0);
        // SAFETY: computes a hash; pg_proc's cache has one key, an oid.
        let hash = unsafe {
            pg_sys::GetSysCacheHashValue(
                pg_sys::SysCacheIdentifier::PROCOID as i32,
                pg_sys::Datum::from(function),
                none,
                none,
                none,
            )
        };
        self.functions.contains(&hash)
    }
}

/// # Safety
/// `list` is null or a list of the server's that outlives the result.
unsafe fn cells<'a>(list: *mut pg_sys::List) -> &'a [pg_sys::ListCell] {
    if list.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; `elements` has `length` cells.
    unsafe { std::slice::from_raw_parts((*list).elements, (*list).length as usize) }
}
