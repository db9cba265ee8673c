//! Which store this server's current database uses.

use std::path::{Path, PathBuf};

use crate::catalog::backups;
use crate::config;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::session;
use crate::store::{LocalDisk, LocalDiskConfig, StoreError};

/// The configured store. Its folder is made where it is missing, unless the catalog has artifacts in it: a file system that isn't
/// mounted must not be taken for an empty store.
///
/// # Errors
/// [`Error::NotConfigured`] with the command to type, or why the directory can't be used.
pub fn open() -> Result<LocalDisk> {
    let open = if backups::lie_in(&folder_uri()?)? { LocalDisk::open_in_use } else { LocalDisk::open };
    with_directory(|directory| with_config(directory, open))
}

/// The configured store for looking at it: nothing is created. `None` before the first run, if that can make the folder.
///
/// # Errors
/// As [`open`].
pub fn look() -> Result<Option<LocalDisk>> {
    let folder = with_directory(|directory| with_config(directory, LocalDisk::folder_uri_of))?;
    if backups::lie_in(&folder)? {
        return with_directory(|directory| with_config(directory, LocalDisk::open_in_use)).map(Some);
    }
    with_directory(|directory| with_config(directory, LocalDisk::open_unless_new))
}

/// As [`open`], where nothing is made.
///
/// # Errors
/// As [`open`].
pub fn open_unchanged() -> Result<LocalDisk> {
    let open = if backups::lie_in(&folder_uri()?)? { LocalDisk::open_in_use } else { LocalDisk::open_existing };
    with_directory(|directory| with_config(directory, open))
}

/// What the URIs of this database's artifacts begin with, by the settings alone.
///
/// # Errors
/// As [`open`], for the path alone.
pub fn folder_uri() -> Result<String> {
    with_directory(|directory| with_config(directory, LocalDisk::folder_uri_of))
}

/// The configured store, with its folder made where it is missing, whatever the catalog says.
///
/// # Errors
/// As [`open`].
pub fn open_anew() -> Result<LocalDisk> {
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

/// The configured directory, which need not be there.
///
/// # Errors
/// [`Error::NotConfigured`].
pub fn directory() -> Result<PathBuf> {
    if let Some(directory) = config::directory() {
        return Ok(directory);
    }
    let database = scalar(select(Snapshot::Latest, "SELECT pg_catalog.current_database()", &[])?);
    Err(Error::NotConfigured { database: database.unwrap_or_default() })
}

fn with_directory<R>(open: impl FnOnce(&Path) -> std::result::Result<R, StoreError>) -> Result<R> {
    Ok(open(&directory()?)?)
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
