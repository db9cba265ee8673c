//! What a CHECK constraint may call.

use pgrx::pg_sys;

/// pg_constraint (catalog/pg_constraint.h).
const CONSTRAINTS: pg_sys::Oid = pg_sys::Oid::from_u32(2606);

/// Whether a table's or a domain's CHECK calls anything that is not immutable, so that it could read or write; what domains inside of it
/// check is not looked at. Not, for a constraint without expression, or that is gone.
pub fn calls_what_is_not_immutable(constraint: pg_sys::Oid) -> bool {
    // SAFETY: inside a transaction. The catalog's row is held until it is released; conbin is an expression that the server wrote, so
    // stringToNode can read it, and what the walker gets is what the planner would give it.
    unsafe {
        let tuple =
            pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::CONSTROID as i32, pg_sys::Datum::from(constraint));
        if tuple.is_null() {
            return false;
        }
        let mut is_null = false;
        let tree = pg_sys::SysCacheGetAttr(
            pg_sys::SysCacheIdentifier::CONSTROID as i32,
            tuple,
            pg_sys::get_attnum(CONSTRAINTS, c"conbin".as_ptr()),
            &mut is_null,
        );
        let found = !is_null && {
            let text = pg_sys::text_to_cstring(pg_sys::pg_detoast_datum(tree.cast_mut_ptr()).cast());
            pg_sys::contain_mutable_functions(pg_sys::stringToNode(text).cast())
        };
        pg_sys::ReleaseSysCache(tuple);
        found
    }
}
