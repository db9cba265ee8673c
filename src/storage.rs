//! Which store this server's current database uses.

use std::path::Path;

use crate::config;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::session;
use crate::store::{LocalDisk, LocalDiskConfig, StoreError};

/// The configured store, with its folder made where it is missing.
///
/// # Errors
/// [`Error::NotConfigured`] with the command to type, or why the directory can't be used.
pub fn open() -> Result<LocalDisk> {
    with_directory(|directory| with_config(directory, LocalDisk::open))
}

/// The configured store for reading: nothing is created.
///
/// # Errors
/// As [`open`].
pub fn open_for_reading() -> Result<LocalDisk> {
    with_directory(|directory| with_config(directory, LocalDisk::open_existing))
}

/// The store in a directory that another process of this server was configured with.
///
/// # Errors
/// As [`crate::store::LocalDisk::open_existing`].
pub fn open_existing(directory: &Path) -> std::result::Result<LocalDisk, StoreError> {
    with_config(directory, LocalDisk::open_existing)
}

fn with_directory<R>(open: impl FnOnce(&Path) -> std::result::Result<R, StoreError>) -> Result<R> {
    let Some(directory) = config::directory() else {
        let database = scalar(select(Snapshot::Latest, "SELECT pg_catalog.current_database()", &[])?);
        return Err(Error::NotConfigured { database: database.unwrap_or_default() });
    };
    Ok(open(&directory)?)
}

fn with_config<R>(directory: &Path, open: impl FnOnce(&LocalDiskConfig<'_>) -> R) -> R {
    open(&LocalDiskConfig {
        directory,
        data_directory: &session::data_directory(),
        system_identifier: session::system_identifier(),
        database_oid: session::database_oid(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    })
}
