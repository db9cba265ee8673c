//! The artifact store: where finished bundles lie, and the only code that touches them by name.
//!
//! A catalog row is not trusted: its URI must name a bundle inside the configured directory, and everything is opened
//! relative to directory handles without following symbolic links. No pgrx here, so all of it is tested without a server.

mod directory;
mod error;
mod key;
mod local;
mod marker;
mod pending;
#[cfg(test)]
mod tests;
mod uri;

use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

pub use error::{Result, StoreError, is_disk_full};
pub use key::Key;
pub use local::{LocalDisk, LocalDiskConfig};
pub use pending::Pending;

/// A place that keeps artifacts under a [`Key`] and names each by a URI.
///
/// Every method that writes fails with [`StoreError::ForeignFolder`] while the folder's marker names another database
/// or server; the methods that read work on.
pub trait Store {
    /// Begins a new artifact, which becomes visible under `key` only by [`Pending::publish`].
    ///
    /// One writer per key: a partial file left under this key is an [`StoreError::Io`] of kind `AlreadyExists`, until
    /// [`Store::remove_partial`] takes it away.
    fn create(&self, key: &Key) -> Result<Pending>;

    /// A temporary file on the store's own file system, readable and writable, mode 0600, which has no name: it is
    /// gone when its last handle is, however the process ends.
    fn scratch(&self) -> Result<File>;

    /// Opens the artifact that `uri` names, for reading; also one of another database in the same directory.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when `uri` is not exactly one this store would issue, or names something other than a
    /// regular file; [`StoreError::NotFound`] when nothing is there.
    fn open(&self, uri: &str) -> Result<Artifact>;

    /// Opens the file `name` of the import folder, for reading: where bundles lie that were made elsewhere. The folder is made where
    /// it is missing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for what [`is_import_name`] does not take, and for anything but a regular file;
    /// [`StoreError::BadDirectory`] while others may write to the folder; [`StoreError::NotFound`] when nothing is there.
    fn open_import(&self, name: &str) -> Result<Artifact>;

    /// Where the import folder lies, for messages.
    fn import_folder(&self) -> PathBuf;

    /// Whether [`Store::remove`] would be allowed to, whether the artifact is there or not: to be asked before anything says that
    /// it is removed.
    ///
    /// # Errors
    /// As [`Store::remove`].
    fn check_removable(&self, uri: &str) -> Result<()>;

    /// Removes the artifact that `uri` names, durably. False when it was absent already.
    ///
    /// # Errors
    /// [`StoreError::Refused`] as in [`Store::open`], and for an artifact of another database.
    fn remove(&self, uri: &str) -> Result<bool>;

    /// Artifacts and partial files of this database, by name. Anything else that lies there is passed over.
    fn list(&self) -> Result<Vec<Listed>>;

    /// Removes the partial file that an interrupted run left under `key`. False when there was none.
    fn remove_partial(&self, key: &Key) -> Result<bool>;

    /// Bytes that this process's user may still write to the store's file system.
    fn free_bytes(&self) -> Result<u64>;

    /// The URI under which this store publishes `key`.
    fn uri(&self, key: &Key) -> String;

    /// What the URIs of this database's artifacts begin with.
    fn folder_uri(&self) -> String;
}

/// Whether `name` is one plain file's in the import folder: no separator of any system, no leading dot, no control character.
pub fn is_import_name(name: &str) -> bool {
    let forbidden = |character: char| matches!(character, '/' | '\\') || character.is_control();
    (1..=255).contains(&name.len()) && !name.starts_with('.') && !name.contains(forbidden)
}

/// An artifact opened for reading.
#[derive(Debug)]
pub struct Artifact {
    /// The file, at its beginning.
    pub file: File,
    /// Its size in bytes when it was opened.
    pub size: u64,
}

/// A file that [`Store::list`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key it has, or would have had once published.
    pub key: Key,
    /// Its name in the folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last write.
    pub modified: SystemTime,
    /// True for a file that was not published.
    pub partial: bool,
}
