//! The SQL functions: each checks its arguments, calls one use case and returns rows. Declared in `sql/50_…` to `sql/53_…`.
//!
//! They are SECURITY INVOKER: the admin function is asked with the caller's rights, and only then do they act as the
//! extension's owner. Who may execute them is a matter of GRANT.
// `#[pg_extern]` expands to the unsafe functions that PostgreSQL's function manager calls.
#![allow(unsafe_code)]

mod arguments;
mod backups;
mod contents;
mod health;
mod import;
mod maintenance;
mod restore;
mod schedule;
mod verification;

use crate::catalog::extension::{self, Extension};
use crate::catalog::settings::Settings;
use crate::command::{CATALOG_SETTINGS, authorize};
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};

/// Asks the admin function, then runs `work` with the rights of the extension's owner; an error is raised to the caller.
fn authorized<R>(work: impl FnOnce(Extension) -> Result<R>) -> R {
    authorized_unless(false, work)
}

/// As [`authorized`], without asking the admin function when the call is `exempt`.
fn authorized_unless<R>(exempt: bool, work: impl FnOnce(Extension) -> Result<R>) -> R {
    let answer = extension::lookup().and_then(|extension| {
        if exempt {
            return as_owner(extension, || work(extension));
        }
        let settings = as_owner(extension, Settings::read)?;
        match authorize::refusal(&settings)? {
            Some(admin_function) => Err(Error::NotAuthorized { admin_function }),
            None => as_owner(extension, || work(extension)),
        }
    });
    answer.unwrap_or_else(|error| error.raise())
}

/// For functions that superusers alone may execute, so that there is nobody to ask.
fn as_superuser<R>(work: impl FnOnce(Extension) -> Result<R>) -> R {
    let answer = extension::lookup().and_then(|extension| as_owner(extension, || work(extension)));
    answer.unwrap_or_else(|error| error.raise())
}

fn as_owner<R>(extension: Extension, work: impl FnOnce() -> R) -> R {
    act_as(As::ExtensionOwner(extension.owner), &CATALOG_SETTINGS, work)
}
