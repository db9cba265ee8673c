//! Acting as another role for a while, inside a GUC nest level of its own.

use std::ffi::CString;

use pgrx::pg_sys;

/// Who the work runs as.
#[derive(Clone, Copy, Debug)]
pub enum As {
    /// The extension's owner: for our own catalogs.
    ExtensionOwner(pg_sys::Oid),
    /// A table's owner, security-restricted and seeing all rows also under FORCE ROW SECURITY: for user code and user data.
    TableOwner(pg_sys::Oid),
}

/// Runs `work` as the given role with `settings` in force; role and settings are as before afterwards.
///
/// After an ERROR the server's own abort handling restores both, so nothing is done while unwinding.
pub fn act_as<R>(role: As, settings: &[(&str, &str)], work: impl FnOnce() -> R) -> R {
    let mut user = pg_sys::InvalidOid;
    let mut context = 0;
    let (acting, flags) = match role {
        As::ExtensionOwner(owner) => (owner, pg_sys::SECURITY_LOCAL_USERID_CHANGE),
        As::TableOwner(owner) => (
            owner,
            pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION | pg_sys::SECURITY_NOFORCE_RLS,
        ),
    };
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
