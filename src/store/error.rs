//! What can go wrong in a store, in the server's words.

use std::io;
use std::path::{Path, PathBuf};

/// Result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused; see [`StoreError::is_disk_full`] for the one case with a SQLSTATE of its own.
    #[error("could not {action} \"{}\": {source}", path.display())]
    Io {
        /// What was attempted, as in "open file".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A key, URI or file that this store does not touch.
    #[error("\"{what}\" is refused: {reason}")]
    Refused {
        /// The key, URI or path as given.
        what: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The directory setting is blank.
    #[error("no backup directory is configured")]
    NotConfigured,
    /// The directory, or this database's folder in it, breaks one of the rules of [`super::LocalDisk::open`].
    #[error("backup directory \"{}\" cannot be used: {reason}", path.display())]
    BadDirectory {
        /// The directory.
        path: PathBuf,
        /// The rule it breaks, and the command that helps where there is one.
        reason: String,
    },
    /// The folder's marker file is not this database's: it may be read but not written until it is adopted.
    #[error("backup folder \"{}\" belongs to another database or server: {details}", path.display())]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// How the marker differs.
        details: String,
    },
    /// The catalog has artifacts in a folder that is not there, or empty: a file system that isn't mounted, most likely.
    #[error("backup folder \"{}\" is gone, though the catalog has bundles in it", path.display())]
    Lost {
        /// The folder, or the directory it should lie in.
        path: PathBuf,
    },
    /// There is no artifact, or no folder, of that name.
    #[error("\"{}\" does not exist", path.display())]
    NotFound {
        /// Where it should have been.
        path: PathBuf,
    },
}

impl StoreError {
    /// True when the file system or the user's quota is full: SQLSTATE 53100 rather than 58030.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_disk_full(source))
    }

    /// For `map_err`: `action` on `path` failed.
    pub(super) fn io<E: Into<io::Error>>(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { action, path: path.as_ref().to_owned(), source: source.into() }
    }

    pub(super) fn refused(what: impl AsRef<Path>, reason: &'static str) -> Self {
        Self::Refused { what: what.as_ref().to_string_lossy().into_owned(), reason }
    }

    pub(super) fn bad_directory(path: &Path, reason: impl Into<String>) -> Self {
        Self::BadDirectory { path: path.to_owned(), reason: reason.into() }
    }
}

/// True for ENOSPC and EDQUOT; for errors met while writing through the file of a [`super::Pending`].
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
