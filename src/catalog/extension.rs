//! The extension's own row in pg_extension.

use pgrx::pg_sys::Oid;

use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, select};

/// Who owns the extension, and under which oid it is installed.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    /// The extension's oid.
    pub oid: Oid,
    /// Its owner: a superuser, for the control file demands one.
    pub owner: Oid,
}

/// Looks the extension up in the current database.
///
/// # Errors
/// [`Error::Internal`] when it is not installed (a library function called by hand).
pub fn lookup() -> Result<Extension> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid, extowner FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'paliad_backup'",
        &[],
    )?;
    let mut oids = rows.into_iter().flatten().flatten().filter_map(|text| text.parse::<u32>().ok()).map(Oid::from);
    match (oids.next(), oids.next()) {
        (Some(oid), Some(owner)) => Ok(Extension { oid, owner }),
        _ => Err(Error::internal("extension paliad_backup is not installed in this database")),
    }
}
