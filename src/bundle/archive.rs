//! Joins README, manifest, workbook and the spools into the bundle, and reads it back (decision 17).
//!
//! The file is written front to back, never sought, so that the SHA-256 that runs along is the finished file's; sizes and CRC-32
//! therefore stand in front of every entry's bytes.

pub mod container;
mod deflate;
mod draining;
mod spool;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use self::container::{Entry, Method, check_local_headers, directory, read_directory};
pub use self::deflate::Deflater;
pub use self::draining::Draining;
pub use self::spool::{BLOCK, Spool};
use super::encoder::{Abort, FileInfo};
use super::names::is_bundle_path;
use super::{BundleError, Result};

/// Bytes read or written at a time.
const CHUNK: usize = 256 << 10;

/// Writes one bundle.
pub struct BundleWriter {
    out: BufWriter<File>,
    sha256: Sha256,
    position: u64,
    abort: Abort,
    entries: Vec<Entry>,
    paths: HashSet<String>,
}

/// A bundle that is written, but neither synced nor read back.
#[derive(Debug)]
pub struct Finished {
    /// The file; its position is its end.
    pub file: File,
    /// Bytes of the whole file.
    pub size: u64,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
    /// The entries' paths, in their order.
    pub entries: Vec<String>,
}

impl BundleWriter {
    /// A bundle in `out`, which is empty. `abort` is looked at once per 256 KiB.
    pub fn new(out: File, abort: Abort) -> Self {
        BundleWriter {
            out: BufWriter::with_capacity(CHUNK, out),
            sha256: Sha256::new(),
            position: 0,
            abort,
            entries: Vec::new(),
            paths: HashSet::new(),
        }
    }

    /// Adds `bytes`, deflated, at `path`.
    pub fn add_bytes(&mut self, path: &str, bytes: &[u8]) -> Result<FileInfo> {
        let mut deflater = DeflateEncoder::new(Vec::new(), Compression::default());
        deflater.write_all(bytes)?;
        let deflated = deflater.finish()?;
        let mut digest = Digested::default();
        digest.update(bytes);
        self.begin(Entry {
            path: path.to_owned(),
            method: Method::Deflated,
            crc32: digest.crc32(),
            size: digest.size,
            compressed_size: deflated.len() as u64,
            offset: 0,
        })?;
        self.write(&deflated)?;
        Ok(digest.into_info(path))
    }

    /// Adds the whole of `source`, which is known already, as it is: for the workbook, which is a zip itself. `source` is used up.
    pub fn add_stored(&mut self, info: &FileInfo, crc32: u32, source: &mut File) -> Result<()> {
        self.begin(Entry {
            path: info.path.clone(),
            method: Method::Stored,
            crc32,
            size: info.size,
            compressed_size: info.size,
            offset: 0,
        })?;
        source.rewind()?;
        self.copy(&mut Draining::new(source)?.take(info.size), info.size)
    }

    /// Adds every entry of a [`Spool`]'s file, in its order, without inflating it. The file is used up.
    pub fn append_spool(&mut self, spool: &mut File) -> Result<()> {
        let (entries, _) = read_directory(spool)?;
        spool.rewind()?;
        let mut source = Draining::new(spool)?;
        for entry in entries {
            let length = entry.compressed_size;
            source.skip_to(entry.offset + entry.local_length(true))?;
            self.begin(entry)?;
            self.copy(&mut source.by_ref().take(length), length)?;
        }
        Ok(())
    }

    /// Writes the directory and flushes. Without this call the file is no bundle.
    pub fn finish(mut self) -> Result<Finished> {
        let end = directory(&self.entries, self.position)?;
        self.write(&end)?;
        let file = self.out.into_inner().map_err(|error| error.into_error())?;
        Ok(Finished {
            file,
            size: self.position,
            sha256: hex(self.sha256.finalize()),
            entries: self.entries.into_iter().map(|entry| entry.path).collect(),
        })
    }

    fn begin(&mut self, entry: Entry) -> Result<()> {
        if !is_bundle_path(&entry.path) {
            return Err(BundleError::Damaged(format!("{:?} is no path of a bundle", entry.path)));
        }
        if !self.paths.insert(entry.path.clone()) {
            return Err(BundleError::Damaged(format!("{} is in the bundle twice", entry.path)));
        }
        let entry = Entry { offset: self.position, ..entry };
        self.write(&entry.local_header(entry.is_large()))?;
        self.entries.push(entry);
        Ok(())
    }

    fn copy(&mut self, source: &mut impl Read, length: u64) -> Result<()> {
        let end = self.position + length;
        let abort = self.abort.clone();
        for_each_chunk(source, &abort, |chunk| self.write(chunk))?;
        if self.position == end {
            Ok(())
        } else {
            Err(BundleError::Damaged("a spool is shorter than it was".to_owned()))
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.sha256.update(bytes);
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// Reads `file` once more, front to back: its size and SHA-256 are the ones that ran along, its directory parses and names what
/// was written, and every entry's header lies where it says. Entries are not inflated; that is verify's work.
///
/// # Errors
/// [`BundleError::Damaged`] where the file is not what was written; [`BundleError::Aborted`] after `abort`.
pub fn read_back(mut file: &File, finished: &Finished, abort: &Abort) -> Result<()> {
    let mut sha256 = Sha256::new();
    let mut size = 0;
    file.rewind()?;
    for_each_chunk(&mut file, abort, |chunk| {
        sha256.update(chunk);
        size += chunk.len() as u64;
        Ok(())
    })?;
    if size != finished.size || hex(sha256.finalize()) != finished.sha256 {
        return Err(BundleError::Damaged("the file read back is not the one that was written".to_owned()));
    }
    let (entries, start) = read_directory(file)?;
    if !entries.iter().map(|entry| &entry.path).eq(&finished.entries) {
        return Err(BundleError::Damaged("the file read back has other entries than were written".to_owned()));
    }
    check_local_headers(file, &entries, start)
}

/// How manifest and SHA256SUMS name a file of these bytes at `path`.
pub fn described(path: &str, bytes: &[u8]) -> FileInfo {
    let mut digest = Digested::default();
    digest.update(bytes);
    digest.into_info(path)
}

/// The text of SHA256SUMS, in the format of GNU coreutils' `sha256sum`: digest, two spaces, path, line feed. Paths of a bundle never
/// have the characters that coreutils would escape.
pub fn sha256sums(files: &[FileInfo]) -> String {
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "{}  {}", file.sha256, file.path);
    }
    text
}

/// Lower-case hex.
pub(crate) fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Feeds `source` to `take`, one buffer at a time, until it ends or `abort` is raised.
pub(super) fn for_each_chunk(
    source: &mut impl Read,
    abort: &Abort,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        abort.check()?;
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&buffer[..length])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Size, CRC-32 and SHA-256 of bytes as they pass.
#[derive(Default)]
pub(super) struct Digested {
    size: u64,
    crc: crc32fast::Hasher,
    sha256: Sha256,
}

impl Digested {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.crc.update(bytes);
        self.sha256.update(bytes);
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn crc32(&self) -> u32 {
        self.crc.clone().finalize()
    }

    pub(super) fn into_info(self, path: &str) -> FileInfo {
        FileInfo { path: path.to_owned(), size: self.size, sha256: hex(self.sha256.finalize()) }
    }
}

#[cfg(test)]
mod tests;
