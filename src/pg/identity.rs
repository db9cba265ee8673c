//! Acting as another role for a while, inside a GUC nest level of its own.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

use super::function_guard::{Trusted, trusting};

/// Reads what belongs to superusers: it sees every row and may do nothing else.
const SCAN_ROLE: &CStr = c"paliad_backup_scan";

/// Who the work runs as.
#[derive(Clone, Copy, Debug)]
pub enum As {
    /// The extension's owner: for our own catalogs.
    ExtensionOwner(pg_sys::Oid),
    /// For reading user data, and for COPY, which asks for no right to write: its owner, security-restricted and seeing all rows also
    /// under FORCE ROW SECURITY. In place of a superuser the role `paliad_backup_scan`, and superusers' functions only: user code gets no
    /// superuser's rights, whatever calls it.
    Reader(pg_sys::Oid),
    /// For definitions, and for rows of an audit table: their owner, security-restricted. With a superuser's rights superusers' functions
    /// only; what is built into the server is not held back then.
    Writer(pg_sys::Oid),
}

/// Runs `work` as the given role with `settings` in force; role and settings are as before afterwards.
///
/// After an ERROR the server's own abort handling restores both, so nothing is done while unwinding.
///
/// # Errors
/// 42704 when `paliad_backup_scan` is needed and gone; 42501 for functions that must not run: both are raised by the server.
pub fn act_as<R>(role: As, settings: &[(&str, &str)], work: impl FnOnce() -> R) -> R {
    const RESTRICTED: u32 =
        pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION | pg_sys::SECURITY_NOFORCE_RLS;
    // SAFETY: both look into the catalogs inside a transaction.
    let is_superuser = |role| unsafe { pg_sys::superuser_arg(role) };
    let scan_role = || unsafe { pg_sys::get_role_oid(SCAN_ROLE.as_ptr(), false) };
    match role {
        As::ExtensionOwner(owner) => act_with(owner, pg_sys::SECURITY_LOCAL_USERID_CHANGE, settings, work),
        As::Reader(owner) if is_superuser(owner) => {
            let reader = scan_role();
            trusting(Trusted::Superusers, || act_with(reader, RESTRICTED, settings, work))
        }
        As::Writer(owner) if is_superuser(owner) => {
            trusting(Trusted::Superusers, || act_with(owner, RESTRICTED, settings, work))
        }
        As::Reader(owner) | As::Writer(owner) => act_with(owner, RESTRICTED, settings, work),
    }
}

/// Runs `work` as the current role with `settings` in force; they are as before afterwards, also after an ERROR.
pub fn with_settings<R>(settings: &[(&str, &str)], work: impl FnOnce() -> R) -> R {
    act_with(current_role(), 0, settings, work)
}

fn act_with<R>(acting: pg_sys::Oid, flags: u32, settings: &[(&str, &str)], work: impl FnOnce() -> R) -> R {
    let mut user = pg_sys::InvalidOid;
    let mut context = 0;
    // SAFETY: called inside a transaction; the previous identity and nest level are put back below in reverse order, or by
    // AbortTransaction when `work` raises.
    let nest_level = unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let nest_level = pg_sys::NewGUCNestLevel();
        for (name, value) in settings {
            set_local(name, value);
        }
        pg_sys::SetUserIdAndSecContext(acting, context | flags as i32);
        nest_level
    };
    let result = work();
    // SAFETY: as above.
    unsafe {
        pg_sys::AtEOXact_GUC(false, nest_level);
        pg_sys::SetUserIdAndSecContext(user, context);
    }
    result
}

/// # Safety
/// Inside a GUC nest level that the caller ends.
unsafe fn set_local(name: &str, value: &str) {
    let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else { return };
    // SAFETY: both strings outlive the call; GUC_ACTION_SAVE ties the change to the current nest level.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Whether the current role is a superuser.
pub fn is_superuser() -> bool {
    // SAFETY: reads the catalogs inside a transaction.
    unsafe { pg_sys::superuser() }
}

/// Who the current role is.
pub fn current_role() -> pg_sys::Oid {
    // SAFETY: reads a backend-local variable.
    unsafe { pg_sys::GetUserId() }
}
