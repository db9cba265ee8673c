//! A directory held by handle. Whatever happens to the path afterwards, files are made, opened and removed in the
//! directory that was checked.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, Access, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::error::{Result, StoreError};

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIRECTORY_MODE: Mode = Mode::RWXU;

/// An open directory; the path serves messages only.
#[derive(Debug)]
pub(super) struct Directory {
    handle: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens `path`, symbolic links included.
    pub(super) fn open(path: &Path) -> std::result::Result<Self, Errno> {
        Self::open_at(CWD, path, OFlags::empty(), path.to_owned())
    }

    /// Opens the directory `name` in this one; ENOTDIR when it is a symbolic link.
    pub(super) fn subdirectory(&self, name: &Path) -> std::result::Result<Self, Errno> {
        Self::open_at(self.handle.as_fd(), name, OFlags::NOFOLLOW, self.path.join(name))
    }

    fn open_at(at: BorrowedFd<'_>, name: &Path, flags: OFlags, path: PathBuf) -> std::result::Result<Self, Errno> {
        // PATH asks for no right to read: a parent directory need only be searchable.
        let flags = flags | OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| fs::openat(at, name, flags, Mode::empty()))?;
        Ok(Self { handle, path })
    }

    /// Makes the directory `name` in this one, mode 0700; one that is there already stays as it is.
    pub(super) fn make_subdirectory(&self, name: &Path) -> Result<()> {
        match retry_on_intr(|| fs::mkdirat(&self.handle, name, DIRECTORY_MODE)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(StoreError::io("create directory", self.path.join(name))(errno)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn stat(&self) -> Result<Stat> {
        retry_on_intr(|| fs::fstat(&self.handle)).map_err(StoreError::io("stat directory", &self.path))
    }

    /// Succeeds when this process may list the directory and make files in it.
    pub(super) fn check_writable(&self) -> Result<()> {
        let wanted = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        retry_on_intr(|| fs::accessat(&self.handle, ".", wanted, AtFlags::empty()))
            .map_err(StoreError::io("write to directory", &self.path))
    }

    /// What lies under `name`, links not followed; None when nothing does.
    pub(super) fn stat_entry(&self, name: &str) -> Result<Option<Stat>> {
        match retry_on_intr(|| fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(StoreError::io("stat file", self.path.join(name))(errno)),
        }
    }

    /// True when this directory is `other` or lies anywhere beneath it. It climbs by handle and compares inodes, so
    /// neither symbolic links nor bind mounts of `other` itself deceive it.
    pub(super) fn is_within(&self, other: &Directory) -> Result<bool> {
        let identity = |directory: &Directory| directory.stat().map(|stat| (stat.st_dev, stat.st_ino));
        let wanted = identity(other)?;
        let mut here = identity(self)?;
        let mut above = self.subdirectory(Path::new("."));
        loop {
            if here == wanted {
                return Ok(true);
            }
            let parent = above
                .and_then(|directory| directory.subdirectory(Path::new("..")))
                .map_err(StoreError::io("open the parents of directory", &self.path))?;
            let next = identity(&parent)?;
            if next == here {
                return Ok(false);
            }
            here = next;
            above = Ok(parent);
        }
    }

    /// Creates the file `name`, mode 0600, for reading and writing; it must not exist.
    pub(super) fn create_file(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        retry_on_intr(|| fs::openat(&self.handle, name, flags, FILE_MODE))
            .map(File::from)
            .map_err(StoreError::io("create file", self.path.join(name)))
    }

    /// Creates a file without a name in this directory, mode 0600 (`O_TMPFILE`, open(2)). None where the file system or
    /// the kernel has no such files.
    pub(super) fn create_unnamed_file(&self) -> Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry_on_intr(|| fs::openat(&self.handle, ".", flags, FILE_MODE)) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
            Err(errno) => Err(StoreError::io("create temporary file in", &self.path)(errno)),
        }
    }

    /// Gives a file made by [`Directory::create_unnamed_file`] the name `name`, which must be free.
    pub(super) fn name_file(&self, file: &File, name: &str) -> Result<()> {
        let link = descriptor_path(file);
        retry_on_intr(|| fs::linkat(CWD, &link, &self.handle, name, AtFlags::SYMLINK_FOLLOW))
            .map_err(StoreError::io("link file", self.path.join(name)))
    }

    /// Gives the file `from` the further name `to`, which must be free.
    pub(super) fn link(&self, from: &str, to: &str) -> std::result::Result<(), Errno> {
        retry_on_intr(|| fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty()))
    }

    /// Renames the file `from` to `to`, in place of what had that name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        retry_on_intr(|| fs::renameat(&self.handle, from, &self.handle, to))
            .map_err(StoreError::io("rename file to", self.path.join(to)))
    }

    /// Opens the regular file `name` for reading; None when nothing has that name.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<(File, Stat)>> {
        // NONBLOCK, or a FIFO would hold the session until somebody writes to it; it means nothing to regular files.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let path = || self.path.join(name);
        let file = match retry_on_intr(|| fs::openat(&self.handle, name, flags, Mode::empty())) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            // A socket answers ENXIO.
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_regular(&path())),
            Err(errno) => return Err(StoreError::io("open file", path())(errno)),
        };
        let stat = retry_on_intr(|| fs::fstat(&file)).map_err(StoreError::io("stat file", path()))?;
        if !is_regular(&stat) {
            return Err(not_regular(&path()));
        }
        Ok(Some((File::from(file), stat)))
    }

    /// Removes the regular file `name`; false when nothing has that name.
    pub(super) fn remove_file(&self, name: &str) -> Result<bool> {
        match self.stat_entry(name)? {
            None => Ok(false),
            Some(stat) if !is_regular(&stat) => Err(not_regular(&self.path.join(name))),
            Some(_) => self.unlink(name),
        }
    }

    /// Removes the name `name`, whatever bears it; false when nothing does.
    pub(super) fn unlink(&self, name: &str) -> Result<bool> {
        match retry_on_intr(|| fs::unlinkat(&self.handle, name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(StoreError::io("remove file", self.path.join(name))(errno)),
        }
    }

    /// The names of all entries, sorted. Names that are not UTF-8 appear with replacement characters.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let failed = || StoreError::io("read directory", &self.path);
        let mut names = Vec::new();
        for entry in self.readable().and_then(fs::Dir::new).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the directory's entries durable. As in PostgreSQL's `fsync_fname_ext` (fd.c), a directory that may not be
    /// read and a file system that cannot sync directories are passed over.
    pub(super) fn sync(&self) -> Result<()> {
        match self.readable().and_then(|directory| retry_on_intr(|| fs::fsync(&directory))) {
            Ok(()) | Err(Errno::ACCESS | Errno::BADF | Errno::INVAL) => Ok(()),
            Err(errno) => Err(StoreError::io("fsync directory", &self.path)(errno)),
        }
    }

    /// The same directory under a handle that may be listed and synced.
    fn readable(&self) -> std::result::Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        retry_on_intr(|| fs::openat(&self.handle, ".", flags, Mode::empty()))
    }

    /// Bytes that the process's user may still write to this file system.
    pub(super) fn free_bytes(&self) -> Result<u64> {
        let statistics = retry_on_intr(|| fs::fstatvfs(&self.handle))
            .map_err(StoreError::io("get free space of directory", &self.path))?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }
}

pub(super) fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// True when [`Directory::name_file`] will work: linkat(2) reaches an unnamed file through /proc, which some sandboxes
/// lack. Known before the work rather than after it.
pub(super) fn can_be_named(file: &File) -> bool {
    let same = |a: Stat, b: Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
    matches!((fs::fstat(file), fs::stat(descriptor_path(file))), (Ok(a), Ok(b)) if same(a, b))
}

fn descriptor_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn not_regular(path: &Path) -> StoreError {
    StoreError::refused(path, "it is a symbolic link, or not a regular file")
}

/// Syncs a file's content, with its path in the error.
pub(super) fn sync_file(file: &File, path: &Path) -> Result<()> {
    file.sync_all().map_err(StoreError::io::<io::Error>("fsync file", path))
}
