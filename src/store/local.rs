//! The store on a local disk.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::Stat;
use rustix::io::Errno;

use super::directory::{Directory, is_regular};
use super::error::{Result, StoreError};
use super::key::Key;
use super::marker::{Marker, path_text};
use super::pending::{Folder, Pending, Temporary, scratch};
use super::uri::{self, FolderName};
use super::{Artifact, Listed, Store, is_import_name};

/// Where a [`LocalDisk`] lies, and for which database.
#[derive(Debug, Clone)]
pub struct LocalDiskConfig<'a> {
    /// The configured directory, common to all databases.
    pub directory: &'a Path,
    /// The server's data directory.
    pub data_directory: &'a Path,
    /// The server's system identifier, as in `pg_control_system()`.
    pub system_identifier: u64,
    /// Oid of the database.
    pub database_oid: u32,
    /// Name of the host.
    pub host: String,
}

impl LocalDiskConfig<'_> {
    fn folder_name(&self) -> FolderName {
        FolderName { system_identifier: self.system_identifier, database_oid: self.database_oid }
    }
}

/// Name of the folder for bundles to import, in a database's folder.
const IMPORT: &str = "import";

/// Artifacts on a local disk: `<directory>/<system identifier>.<database oid>/<id>.zip`.
///
/// Directories are held by handle from the moment they were checked; a component of the path that is swapped later has
/// no effect.
#[derive(Debug)]
pub struct LocalDisk {
    directory: Directory,
    name: FolderName,
    /// None when opened without creating, and no folder exists yet.
    folder: Option<Arc<Folder>>,
}

/// Whether what is missing is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Leave,
    /// What should be there is [`StoreError::Lost`].
    Report,
}

impl LocalDisk {
    /// Opens the store for writing; makes the directory's last component and this database's folder, mode 0700, where
    /// they are missing, and marks a new folder as this database's. A foreign folder is opened as well: reads work.
    ///
    /// # Errors
    /// [`StoreError::NotConfigured`] for a blank directory. [`StoreError::BadDirectory`] when it is relative, contains
    /// `..`, is a symbolic link, lies in the data directory or around it, has no parent, belongs to another user, or
    /// when group or others may write to it. [`StoreError::Refused`] when the folder is a symbolic link.
    pub fn open(config: &LocalDiskConfig<'_>) -> Result<Self> {
        Self::open_with(config, Missing::Create)
    }

    /// Opens the store without making or marking anything, by the same rules as [`LocalDisk::open`]; a directory that
    /// does not exist is [`StoreError::BadDirectory`]. While the folder does not exist the store is empty.
    pub fn open_existing(config: &LocalDiskConfig<'_>) -> Result<Self> {
        Self::open_with(config, Missing::Leave)
    }

    /// Opens the store for writing, by the same rules as [`LocalDisk::open`], where the folder is known to hold artifacts.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when directory or folder is gone, or the folder is as a new one.
    pub fn open_in_use(config: &LocalDiskConfig<'_>) -> Result<Self> {
        Self::open_with(config, Missing::Report)
    }

    /// As [`LocalDisk::open_existing`]; None where neither directory nor folder exist yet, and [`LocalDisk::open`] could make them.
    pub fn open_unless_new(config: &LocalDiskConfig<'_>) -> Result<Option<Self>> {
        let path = normalise(config.directory)?;
        let is_absent =
            std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        let parent = path.parent().filter(|_| is_absent).and_then(|parent| Directory::open(parent).ok());
        match parent {
            Some(parent) => parent.check_writable().map(|()| None),
            None => Self::open_existing(config).map(|store| store.folder.is_some().then_some(store)),
        }
    }

    /// What the URIs of this database's artifacts begin with.
    ///
    /// # Errors
    /// Of [`LocalDisk::open`], for the path alone.
    pub fn folder_uri_of(config: &LocalDiskConfig<'_>) -> Result<String> {
        Ok(uri::render_folder(&normalise(config.directory)?, config.folder_name()))
    }

    fn open_with(config: &LocalDiskConfig<'_>, missing: Missing) -> Result<Self> {
        let path = normalise(config.directory)?;
        let (parent, directory) = open_directory(&path, config.data_directory, missing)?;
        let name = config.folder_name();
        let Some(own) = open_folder(&directory, &name.to_string(), missing)? else {
            return Ok(Self { directory, name, folder: None });
        };
        let identity = Marker {
            system_identifier: config.system_identifier.to_string(),
            database_oid: config.database_oid,
            host: config.host.clone(),
            // Resolved, so that another spelling of the same directory doesn't look like another server.
            data_directory: path_text(
                &std::fs::canonicalize(config.data_directory)
                    .map_err(StoreError::io("resolve data directory", config.data_directory))?,
            ),
        };
        match missing {
            Missing::Create => identity.claim(&own, &[&parent, &directory])?,
            Missing::Report if identity.is_unused(&own)? => {
                return Err(StoreError::Lost { path: own.path().to_owned() });
            }
            Missing::Report | Missing::Leave => {}
        }
        Ok(Self { directory, name, folder: Some(Arc::new(Folder { directory: own, identity })) })
    }

    /// Whether the folder is marked as this database's own.
    ///
    /// # Errors
    /// What keeps the marker from being read.
    pub fn is_ours(&self) -> Result<bool> {
        match self.folder()?.check_ours() {
            Ok(()) => Ok(true),
            Err(StoreError::ForeignFolder { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether artifacts can be made here.
    ///
    /// # Errors
    /// [`StoreError::Io`] where this process may not write to the folder, [`StoreError::ForeignFolder`].
    pub fn check_writable(&self) -> Result<()> {
        let folder = self.folder()?;
        folder.directory.check_writable()?;
        folder.check_ours()
    }

    /// Succeeds where the folder is marked as this database's own, or is not there.
    ///
    /// # Errors
    /// [`StoreError::ForeignFolder`]; what keeps the marker from being read.
    pub fn check_ours(&self) -> Result<()> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.check_ours())
    }

    /// Where a file of this database's folder lies, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder_path().join(name)
    }

    /// Makes a foreign folder this database's own, by rewriting its marker. False when it was already.
    pub fn adopt(&self) -> Result<bool> {
        let folder = self.folder()?;
        folder.identity.adopt(&folder.directory)
    }

    pub(super) fn create_with(&self, key: &Key, temporary: Temporary) -> Result<Pending> {
        Pending::create(Arc::clone(self.folder()?), *key, self.uri(key), temporary)
    }

    pub(super) fn scratch_with(&self, temporary: Temporary) -> Result<File> {
        let folder = self.folder()?;
        folder.check_ours()?;
        scratch(&folder.directory, temporary)
    }

    /// The folder and key of an artifact of ours; None while there is no folder.
    fn removable(&self, uri: &str) -> Result<Option<(&Folder, Key)>> {
        let (name, key) = uri::parse(uri, self.directory.path())?;
        if name != self.name {
            return Err(StoreError::refused(uri, "it is an artifact of another database"));
        }
        let Some(folder) = &self.folder else { return Ok(None) };
        folder.check_ours()?;
        Ok(Some((folder, key)))
    }

    fn folder(&self) -> Result<&Arc<Folder>> {
        self.folder.as_ref().ok_or_else(|| StoreError::NotFound { path: self.folder_path() })
    }

    fn folder_path(&self) -> PathBuf {
        self.directory.path().join(self.name.to_string())
    }
}

impl Store for LocalDisk {
    fn create(&self, key: &Key) -> Result<Pending> {
        self.create_with(key, Temporary::Unnamed)
    }

    fn scratch(&self) -> Result<File> {
        self.scratch_with(Temporary::Unnamed)
    }

    fn open(&self, uri: &str) -> Result<Artifact> {
        let (name, key) = uri::parse(uri, self.directory.path())?;
        let absent =
            || StoreError::NotFound { path: self.directory.path().join(name.to_string()).join(key.to_string()) };
        let other;
        let folder = match &self.folder {
            Some(own) if name == self.name => &own.directory,
            _ => {
                other = open_folder(&self.directory, &name.to_string(), Missing::Leave)?.ok_or_else(absent)?;
                &other
            }
        };
        let (file, stat) = folder.open_file(&key.to_string())?.ok_or_else(absent)?;
        Ok(Artifact { file, size: size(&stat) })
    }

    fn open_import(&self, name: &str) -> Result<Artifact> {
        if !is_import_name(name) {
            return Err(StoreError::refused(name, "it is not the name of one file"));
        }
        let absent = || StoreError::NotFound { path: self.import_folder().join(name) };
        let import = open_folder(&self.folder()?.directory, IMPORT, Missing::Create)?.ok_or_else(absent)?;
        let (file, stat) = import.open_file(name)?.ok_or_else(absent)?;
        Ok(Artifact { file, size: size(&stat) })
    }

    fn import_folder(&self) -> PathBuf {
        self.folder_path().join(IMPORT)
    }

    fn check_removable(&self, uri: &str) -> Result<()> {
        self.removable(uri).map(drop)
    }

    fn remove(&self, uri: &str) -> Result<bool> {
        let Some((folder, key)) = self.removable(uri)? else { return Ok(false) };
        let removed = folder.directory.remove_file(&key.to_string())?;
        if removed {
            folder.directory.sync()?;
        }
        Ok(removed)
    }

    fn list(&self) -> Result<Vec<Listed>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for name in folder.directory.names()? {
            let published = Key::from_name(&name);
            let Some(key) = published.or_else(|| Key::from_partial_name(&name)) else { continue };
            // A file may go between the two looks.
            let Some(stat) = folder.directory.stat_entry(&name)?.filter(is_regular) else { continue };
            let (size, modified) = (size(&stat), modified(&stat));
            listed.push(Listed { key, name, size, modified, partial: published.is_none() });
        }
        Ok(listed)
    }

    fn remove_partial(&self, key: &Key) -> Result<bool> {
        let Some(folder) = &self.folder else { return Ok(false) };
        folder.check_ours()?;
        folder.directory.remove_file(&key.partial_name())
    }

    fn free_bytes(&self) -> Result<u64> {
        self.folder.as_ref().map_or(&self.directory, |folder| &folder.directory).free_bytes()
    }

    fn uri(&self, key: &Key) -> String {
        uri::render(self.directory.path(), self.name, key)
    }

    fn folder_uri(&self) -> String {
        uri::render_folder(self.directory.path(), self.name)
    }
}

/// The configured directory without `.` and doubled or trailing separators.
fn normalise(configured: &Path) -> Result<PathBuf> {
    if configured.as_os_str().as_bytes().trim_ascii().is_empty() {
        return Err(StoreError::NotConfigured);
    }
    if !configured.is_absolute() {
        return Err(StoreError::bad_directory(configured, "it must be an absolute path"));
    }
    if configured.components().any(|component| component == Component::ParentDir) {
        return Err(StoreError::bad_directory(configured, "\"..\" is not allowed in it"));
    }
    Ok(configured.components().collect())
}

/// Opens the store's directory and its parent.
fn open_directory(path: &Path, data_directory: &Path, missing: Missing) -> Result<(Directory, Directory)> {
    let bad = |reason: &str| StoreError::bad_directory(path, reason);
    let (Some(above), Some(name)) = (path.parent(), path.file_name().map(Path::new)) else {
        return Err(bad("it is the root directory"));
    };
    let parent = match Directory::open(above) {
        Ok(parent) => parent,
        Err(Errno::NOENT | Errno::NOTDIR) => {
            return Err(StoreError::bad_directory(path, format!("there is no directory \"{}\"", above.display())));
        }
        Err(errno) => return Err(StoreError::io("open directory", above)(errno)),
    };
    let data = Directory::open(data_directory).map_err(StoreError::io("open data directory", data_directory))?;
    // Before anything is made: the data directory must not gain a stray entry.
    if parent.is_within(&data)? {
        return Err(bad("it lies in the data directory"));
    }
    if missing == Missing::Create {
        parent.make_subdirectory(name)?;
    }
    let directory = match parent.subdirectory(name) {
        Ok(directory) => directory,
        Err(Errno::NOENT) if missing == Missing::Report => return Err(StoreError::Lost { path: path.to_owned() }),
        Err(Errno::NOENT) => return Err(bad("it does not exist")),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(bad("it is a symbolic link, or not a directory")),
        Err(errno) => return Err(StoreError::io("open directory", path)(errno)),
    };
    if data.is_within(&directory)? {
        return Err(bad("the data directory lies in it"));
    }
    check_owner_and_mode(&directory)?;
    Ok((parent, directory))
}

/// Opens a folder of the server's own; None when it does not exist and is not to be made.
fn open_folder(directory: &Directory, name: &str, missing: Missing) -> Result<Option<Directory>> {
    let name = Path::new(name);
    if missing == Missing::Create {
        directory.make_subdirectory(name)?;
    }
    let path = || directory.path().join(name);
    let folder = match directory.subdirectory(name) {
        Ok(folder) => folder,
        Err(Errno::NOENT) if missing == Missing::Leave => return Ok(None),
        Err(Errno::NOENT) if missing == Missing::Report => return Err(StoreError::Lost { path: path() }),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Err(StoreError::refused(path(), "it is a symbolic link, or not a directory"));
        }
        Err(errno) => return Err(StoreError::io("open directory", path())(errno)),
    };
    check_owner_and_mode(&folder)?;
    Ok(Some(folder))
}

/// Nobody but the server's own user may put files there.
fn check_owner_and_mode(directory: &Directory) -> Result<()> {
    let stat = directory.stat()?;
    let path = directory.path();
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        let reason = format!("its owner is user {}, not the server's user {user}", stat.st_uid);
        return Err(StoreError::bad_directory(path, reason));
    }
    if stat.st_mode & 0o022 != 0 {
        let reason = format!(
            "its mode is {:04o}, group or others may write to it; run: chmod 0700 \"{}\"",
            stat.st_mode & 0o7777,
            path.display()
        );
        return Err(StoreError::bad_directory(path, reason));
    }
    Ok(())
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn modified(stat: &Stat) -> SystemTime {
    // Times before 1970 are no times of a backup.
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}
