//! Lets no function run whose owner isn't trusted: while the rights of a superuser are at work, or those of the role that reads a
//! superuser's tables, that is every function that doesn't belong to a superuser.
//!
//! Whatever calls functions (expressions, triggers, casts, constraints of domains, index expressions that the planner folds) sets
//! them up through fmgr, which asks the first of its hooks whether a function is to be watched, and tells the second one when it is
//! called (fmgr.c, `fmgr_info_cxt_security`, `fmgr_security_definer`). Functions that are built into the server aren't asked about.

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{pg_guard, pg_sys};

use crate::error::Error;

/// Whose functions may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// Superusers'.
    Superusers,
    /// Superusers' and this role's.
    SuperusersAnd(pg_sys::Oid),
    /// Superusers' while the current role is a superuser, else anybody's: where the server itself acts as one owner after the other.
    SuperusersForSuperusers,
}

thread_local! {
    static TRUSTED: Cell<Option<Trusted>> = const { Cell::new(None) };
    /// While it is watched: whether a volatile function was set up.
    static VOLATILE: Cell<Option<bool>> = const { Cell::new(None) };
}

static mut PREVIOUS_NEEDS: pg_sys::needs_fmgr_hook_type = None;
static mut PREVIOUS: pg_sys::fmgr_hook_type = None;

/// Installs the hooks; called once when the library is loaded.
pub fn install() {
    // SAFETY: _PG_init runs once, in the backend's only thread.
    unsafe {
        PREVIOUS_NEEDS = pg_sys::needs_fmgr_hook;
        pg_sys::needs_fmgr_hook = Some(needs_hook);
        PREVIOUS = pg_sys::fmgr_hook;
        pg_sys::fmgr_hook = Some(hook);
    }
}

/// Runs `work` while only `trusted` people's functions may be called; a stricter rule that is in force stays.
///
/// # Errors
/// 42501 is raised in place of a call.
pub fn trusting<R>(trusted: Trusted, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Trusted>);
    impl Drop for Restore {
        fn drop(&mut self) {
            TRUSTED.set(self.0);
        }
    }
    let before = TRUSTED.get();
    let _restore = Restore(before);
    let stays = match before {
        Some(Trusted::Superusers) => true,
        Some(Trusted::SuperusersAnd(_)) => trusted == Trusted::SuperusersForSuperusers,
        Some(Trusted::SuperusersForSuperusers) | None => false,
    };
    if !stays {
        TRUSTED.set(Some(trusted));
    }
    work()
}

/// Runs `work` and tells whether it used a volatile function that isn't the server's own: such a one sees what has been committed
/// since the snapshot (docs: "Function Volatility Categories").
pub fn watching_volatile<R>(work: impl FnOnce() -> R) -> (R, bool) {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            VOLATILE.set(None);
        }
    }
    let _stop = Stop;
    VOLATILE.set(Some(false));
    let result = work();
    (result, VOLATILE.get() == Some(true))
}

/// A function is watched while a rule is in force.
#[pg_guard]
unsafe extern "C-unwind" fn needs_hook(function: pg_sys::Oid) -> bool {
    if VOLATILE.get() == Some(false) && function.to_u32() >= pg_sys::FirstNormalObjectId {
        // SAFETY: inside a transaction; fmgr has just read the function's row.
        let volatility = unsafe { pg_sys::func_volatile(function) } as u8;
        VOLATILE.set(Some(volatility == pg_sys::PROVOLATILE_VOLATILE));
    }
    // SAFETY: written once in `install`; the previous hook has the same contract as this one.
    TRUSTED.get().is_some()
        || unsafe { PREVIOUS_NEEDS }.is_some_and(|previous| unsafe { pg_guard_ffi_boundary(|| previous(function)) })
}

#[pg_guard]
unsafe extern "C-unwind" fn hook(
    event: pg_sys::FmgrHookEventType::Type,
    info: *mut pg_sys::FmgrInfo,
    argument: *mut pg_sys::Datum,
) {
    if event == pg_sys::FmgrHookEventType::FHET_START
        && let Some(trusted) = TRUSTED.get()
    {
        // SAFETY: fmgr passes the function it is about to call.
        refuse_untrusted(unsafe { (*info).fn_oid }, trusted);
    }
    // SAFETY: as in `needs_hook`.
    if let Some(previous) = unsafe { PREVIOUS } {
        unsafe { pg_guard_ffi_boundary(|| previous(event, info, argument)) };
    }
}

fn refuse_untrusted(function: pg_sys::Oid, trusted: Trusted) {
    // SAFETY: reads the catalogs inside a transaction.
    if trusted == Trusted::SuperusersForSuperusers && !unsafe { pg_sys::superuser() } {
        return;
    }
    // SAFETY: inside a transaction; the row of pg_proc is read from the cache and released, names are NUL-terminated copies.
    unsafe {
        let tuple =
            pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, pg_sys::Datum::from(function.to_u32()));
        if tuple.is_null() {
            return;
        }
        let owner = (*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_proc)).proowner;
        pg_sys::ReleaseSysCache(tuple);
        if pg_sys::superuser_arg(owner) || trusted == Trusted::SuperusersAnd(owner) {
            return;
        }
        let name = CStr::from_ptr(pg_sys::format_procedure_qualified(function)).to_string_lossy().into_owned();
        let owner = CStr::from_ptr(pg_sys::GetUserNameFromId(owner, false)).to_string_lossy().into_owned();
        Error::Rights {
            message: format!("function {name} belongs to {owner} and is not called with the rights of others"),
            hint: "What a superuser owns must not call it: ALTER FUNCTION … OWNER TO, or give the table, view or query that \
                   calls it to its owner."
                .into(),
        }
        .raise();
    }
}
