//! An artifact that is being written, and its durable publication.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::directory::{Directory, can_be_named, sync_file};
use super::error::{Result, StoreError};
use super::key::Key;
use super::marker::Marker;

/// This database's folder, and what its marker must say before anything in it is changed.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) directory: Directory,
    pub(super) identity: Marker,
}

impl Folder {
    pub(super) fn check_ours(&self) -> Result<()> {
        self.identity.check(&self.directory)
    }
}

/// How a file is made that nobody shall see yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temporary {
    /// Without a name (`O_TMPFILE`), where the file system can: nothing is left even by kill -9.
    Unnamed,
    /// Under the partial name.
    Named,
}

/// An artifact being written. Dropped unpublished, it leaves nothing behind.
#[derive(Debug)]
pub struct Pending {
    file: File,
    key: Key,
    uri: String,
    folder: Arc<Folder>,
    /// The file bears the key's partial name.
    named: bool,
}

impl Pending {
    pub(super) fn create(folder: Arc<Folder>, key: Key, uri: String, temporary: Temporary) -> Result<Self> {
        folder.check_ours()?;
        let directory = &folder.directory;
        let partial = key.partial_name();
        if directory.stat_entry(&partial)?.is_some() {
            let source = std::io::ErrorKind::AlreadyExists;
            return Err(StoreError::io("create file", directory.path().join(&partial))(source));
        }
        let (file, made) = create_temporary(directory, &partial, temporary)?;
        let named = made == Temporary::Named;
        Ok(Self { file, key, uri, folder, named })
    }

    /// The file to write, readable as well, mode 0600. `&File` is `Write`, `Read` and `Seek`; `File::try_clone` gives
    /// an owned handle with the same position.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes the content durable. [`Pending::publish`] does so as well; after this call it has little left to wait for.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn sync(&self) -> Result<()> {
        sync_file(&self.file, &self.folder.directory.path().join(self.key.partial_name()))
    }

    /// Makes the content durable and visible under its key, in place of an older artifact of that key; returns its URI.
    ///
    /// Content first, then the name, then the directory: after a crash there is the whole artifact or none.
    ///
    /// # Errors
    /// [`StoreError::ForeignFolder`] when another server took the folder meanwhile; [`StoreError::Io`]. Nothing is left
    /// behind, unless the last step, the fsync of the directory, is the one that failed: then the artifact is in place,
    /// but a crash may still lose it.
    pub fn publish(mut self) -> Result<String> {
        let folder = Arc::clone(&self.folder);
        let directory = &folder.directory;
        let partial = self.key.partial_name();
        folder.check_ours()?;
        self.sync()?;
        if !self.named {
            // linkat(2) cannot replace an older artifact, rename(2) can: hence the step in between.
            directory.name_file(&self.file, &partial)?;
            self.named = true;
        }
        directory.rename(&partial, &self.key.to_string())?;
        self.named = false;
        directory.sync()?;
        self.check_place()?;
        Ok(std::mem::take(&mut self.uri))
    }

    /// The folder is held by its handle: it may have been moved away under us, and the URI would then name nothing.
    fn check_place(&self) -> Result<()> {
        let path = self.folder.directory.path().join(self.key.to_string());
        let found = std::fs::symlink_metadata(&path).map_err(StoreError::io("find the published file", &path))?;
        let own = self.file.metadata().map_err(StoreError::io("look at file", &path))?;
        if (found.dev(), found.ino()) != (own.dev(), own.ino()) {
            let moved = std::io::Error::new(std::io::ErrorKind::NotFound, "the folder was moved or replaced");
            return Err(StoreError::io("find the published file", &path)(moved));
        }
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.named {
            // Nobody to tell; what could not be removed is listed as partial, for the next clean-up.
            let _ = self.folder.directory.unlink(&self.key.partial_name());
        }
    }
}

/// A file in `directory` that has no name, or has lost it at once.
pub(super) fn scratch(directory: &Directory, temporary: Temporary) -> Result<File> {
    // A crash between creating and unlinking leaves what looks like the partial file of a run, and is cleaned up as one.
    let name = Key::new(uuid::Uuid::new_v4()).partial_name();
    let (file, made) = create_temporary(directory, &name, temporary)?;
    if made == Temporary::Named {
        directory.unlink(&name)?;
    }
    Ok(file)
}

/// Creates a file in the wanted way, or as `name` where unnamed ones are not to be had; tells which way it was.
fn create_temporary(directory: &Directory, name: &str, wanted: Temporary) -> Result<(File, Temporary)> {
    if wanted == Temporary::Unnamed
        && let Some(file) = directory.create_unnamed_file()?.filter(can_be_named)
    {
        return Ok((file, Temporary::Unnamed));
    }
    Ok((directory.create_file(name)?, Temporary::Named))
}
