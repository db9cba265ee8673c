//! Opens a bundle that anybody may have made: nothing in it is believed before it is checked.
//!
//! Only the container of [`super::archive::container`] passes, so what hostile zips are made of (overlaps, gaps, symlinks,
//! folders, duplicates, foreign paths, headers that disagree) is refused when the file is opened; memory is bounded by the
//! directory's length. What an entry inflates to is bounded by the size that the directory gives.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::bufread::DeflateDecoder;

use super::archive::container::{Entry, Method, check_local_headers, read_directory};
use super::archive::{Digested, for_each_chunk};
use super::encoder::{Abort, FileInfo};
use super::names::{CHECKSUMS, MANIFEST, SINGLE_FILES, WORKBOOK, is_bundle_path};
use super::{BundleError, Result, excerpt};

/// One entry of a bundle; `offset` is where its local header begins.
pub type EntryInfo = Entry;

/// Longest manifest, and longest SHA256SUMS, that is taken into memory, in bytes.
const MAX_IN_MEMORY: u64 = 256 << 20;
/// Deflate packs at most 258 bytes into 2 bits, roughly (zlib's technical notes give 1032:1).
const MAX_RATIO: u64 = 1032;
/// Bytes of the file read at a time.
const CHUNK: usize = 64 << 10;

/// An open bundle.
#[derive(Debug)]
pub struct BundleReader {
    file: Arc<File>,
    entries: Vec<EntryInfo>,
    by_path: HashMap<String, usize>,
}

impl BundleReader {
    /// Opens the bundle in `file` and checks its container; contents are checked as they are read.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where the file is cut off or is no zip of a bundle's form and paths.
    pub fn open(file: File) -> Result<BundleReader> {
        let (entries, start) = read_directory(&file)?;
        let mut by_path = HashMap::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if !is_bundle_path(&entry.path) {
                return Err(BundleError::Damaged(format!("\"{}\" is no path of a bundle", excerpt(&entry.path))));
            }
            if by_path.insert(entry.path.clone(), index).is_some() {
                return Err(BundleError::Damaged(format!("{} is in the bundle twice", entry.path)));
            }
            let possible = match entry.method {
                Method::Stored => entry.size == entry.compressed_size,
                Method::Deflated => entry.size / MAX_RATIO <= entry.compressed_size,
            };
            if !possible {
                return Err(BundleError::Damaged(format!("{} cannot have the size that it claims", entry.path)));
            }
        }
        check_local_headers(&file, &entries, start)?;
        Ok(BundleReader { file: Arc::new(file), entries, by_path })
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[EntryInfo] {
        &self.entries
    }

    /// The unpacked bytes of the entry at `path`. Size and CRC-32 are checked at the end: until the reader has returned 0, what it
    /// gave may be damaged. Its errors are of kind `InvalidData` for damage; [`read_error`] tells them apart.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where there is no such entry.
    pub fn read(&self, path: &str) -> Result<EntryReader> {
        let entry = self.entry(path)?;
        let start = entry.offset + entry.local_length(entry.is_large());
        let span = Span { file: Arc::clone(&self.file), position: start, end: start + entry.compressed_size };
        let source = match entry.method {
            Method::Stored => Source::Stored(span),
            Method::Deflated => Source::Deflated(DeflateDecoder::new(BufReader::with_capacity(CHUNK, span))),
        };
        Ok(EntryReader { entry: entry.clone(), source, crc: crc32fast::Hasher::new(), left: entry.size })
    }

    /// Writes the unpacked bytes of the entry at `path` to `out` and returns their number.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where the entry is missing or damaged (`out` then has a part of it), [`BundleError::Io`] where `out`
    /// refuses.
    pub fn copy(&self, path: &str, out: &mut dyn Write) -> Result<u64> {
        let mut reader = self.read(path)?;
        for_each_chunk(&mut reader, &Abort::default(), |chunk| Ok(out.write_all(chunk)?)).map_err(from_read)?;
        Ok(reader.entry.size)
    }

    /// The manifest's text.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where it is missing, damaged or longer than 256 MiB.
    pub fn manifest_bytes(&self) -> Result<Vec<u8>> {
        self.in_memory(MANIFEST)
    }

    /// Inflates every entry once and compares size and SHA-256 with `files`, the manifest's list, and with SHA256SUMS.
    ///
    /// `files` must name every sheet's file and the workbook, if the bundle has one; of the files that are there once it may
    /// leave any others out, for a manifest cannot list itself. SHA256SUMS must name every file but itself.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] naming the first file at fault; [`BundleError::Aborted`] after `abort`.
    pub fn verify_content(&self, files: &[FileInfo], abort: &Abort) -> Result<()> {
        let (faults, _) = self.examine(files, abort, |_| (), |(), _| {})?;
        match faults.contents.into_iter().chain(faults.checksums).next() {
            Some(fault) => Err(BundleError::Damaged(fault)),
            None => Ok(()),
        }
    }

    /// As [`BundleReader::verify_content`], but finds all faults. `begin` makes a watcher for each entry's path, `see` shows it the unpacked
    /// bytes as they come, whole or not; the watchers are returned in the order of the entries. Two entries are read at a time.
    ///
    /// # Errors
    /// [`BundleError::Io`] where the operating system refuses a read; [`BundleError::Aborted`] after `abort`.
    pub fn examine<W: Send>(
        &self,
        files: &[FileInfo],
        abort: &Abort,
        begin: impl Fn(&str) -> W + Sync,
        see: impl Fn(&mut W, &[u8]) + Sync,
    ) -> Result<(Faults, Vec<W>)> {
        let mut faults = Faults::default();
        let mut listed = BTreeMap::new();
        for file in files {
            if listed.insert(file.path.as_str(), file).is_some() {
                faults.contents.push(format!("the manifest lists {} twice", file.path));
            }
        }
        let text = match self.in_memory(CHECKSUMS) {
            Err(BundleError::Damaged(fault)) => {
                faults.checksums.push(fault);
                Vec::new()
            }
            other => other?,
        };
        let mut sums = parse_checksums(&text).unwrap_or_else(|fault| {
            faults.checksums.push(fault.to_string());
            BTreeMap::new()
        });
        let mut watchers = Vec::with_capacity(self.entries.len());
        for (entry, (seen, watcher)) in self.entries.iter().zip(self.digests(abort, begin, see)) {
            watchers.push(watcher);
            let found = match seen {
                Ok(found) => found,
                Err(BundleError::Damaged(fault)) => {
                    faults.contents.push(fault);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let optional = entry.path != WORKBOOK && SINGLE_FILES.contains(&entry.path.as_str());
            match listed.remove(entry.path.as_str()) {
                Some(file) if *file == found => {}
                None if optional => {}
                Some(_) => faults.contents.push(format!("{} is not what the manifest says", entry.path)),
                None => faults.contents.push(format!("the manifest does not list {}", entry.path)),
            }
            if entry.path != CHECKSUMS && sums.remove(entry.path.as_str()) != Some(found.sha256.as_str()) {
                faults.checksums.push(format!("{} is not what {CHECKSUMS} says", entry.path));
            }
        }
        faults.contents.extend(listed.keys().map(|path| format!("{path} is missing in the bundle")));
        faults.checksums.extend(sums.keys().map(|path| format!("{path} is missing in the bundle")));
        Ok((faults, watchers))
    }

    /// What every entry was, with its watcher, in the order of the entries. This thread and another one take the next entry in turns.
    fn digests<W: Send>(
        &self,
        abort: &Abort,
        begin: impl Fn(&str) -> W + Sync,
        see: impl Fn(&mut W, &[u8]) + Sync,
    ) -> Vec<(Result<FileInfo>, W)> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((at, entry)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                self.entries.get(at).map(|entry| (at, entry))
            } {
                let mut watcher = begin(&entry.path);
                let seen = self.digest_of(&entry.path, abort, |chunk| {
                    see(&mut watcher, chunk);
                    Ok(())
                });
                done.push((at, (seen, watcher)));
            }
            done
        };
        let mut done = std::thread::scope(|scope| {
            // It inherits the signals that this one blocks. Without it, all is done here.
            let other = std::thread::Builder::new().name("paliad unpack".to_owned()).spawn_scoped(scope, work);
            let mut done = work();
            if let Ok(other) = other {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, found)| found).collect()
    }

    /// Hands the unpacked bytes of the entry at `path` to `see` as they come; what the entry was, to be compared with the manifest.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where the entry is missing or damaged; [`BundleError::Aborted`] after `abort`; what `see` returns.
    pub fn digest_of(&self, path: &str, abort: &Abort, mut see: impl FnMut(&[u8]) -> Result<()>) -> Result<FileInfo> {
        let mut digest = Digested::default();
        for_each_chunk(&mut self.read(path)?, abort, |chunk| {
            digest.update(chunk);
            see(chunk)
        })
        .map_err(from_read)?;
        Ok(digest.into_info(path))
    }

    fn in_memory(&self, path: &str) -> Result<Vec<u8>> {
        if self.entry(path)?.size > MAX_IN_MEMORY {
            return Err(BundleError::Damaged(format!("{path} is too long")));
        }
        let mut bytes = Vec::new();
        self.copy(path, &mut bytes)?;
        Ok(bytes)
    }

    fn entry(&self, path: &str) -> Result<&EntryInfo> {
        let index = self.by_path.get(path);
        let entry = index.and_then(|&index| self.entries.get(index));
        entry.ok_or_else(|| BundleError::Damaged(format!("{path} is missing in the bundle")))
    }
}

/// What is wrong with a bundle's contents, in the order of the entries; empty where nothing is.
#[derive(Debug, Default)]
pub struct Faults {
    /// By the zip's CRC-32 and the manifest.
    pub contents: Vec<String>,
    /// By SHA256SUMS.
    pub checksums: Vec<String>,
}

/// The unpacked bytes of one entry; see [`BundleReader::read`].
pub struct EntryReader {
    entry: EntryInfo,
    source: Source,
    crc: crc32fast::Hasher,
    left: u64,
}

impl EntryReader {
    fn invalid(&self, what: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("{} {what}", self.entry.path))
    }

    /// Whether the packed bytes were used up, as well as the unpacked ones.
    fn is_at_end(&mut self) -> bool {
        match &mut self.source {
            Source::Stored(_) => true,
            Source::Deflated(decoder) => decoder.total_in() == self.entry.compressed_size,
        }
    }
}

impl Read for EntryReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let result = match &mut self.source {
            Source::Stored(span) => span.read(out),
            Source::Deflated(decoder) => decoder.read(out),
        };
        let length = match result {
            Ok(length) => length,
            Err(error) if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted => {
                return Err(error);
            }
            Err(_) => return Err(self.invalid("does not inflate")),
        };
        let Some(left) = self.left.checked_sub(length as u64) else {
            return Err(self.invalid("is longer than the zip says"));
        };
        self.left = left;
        self.crc.update(&out[..length]);
        if length == 0 {
            if left > 0 || !self.is_at_end() {
                return Err(self.invalid("has another length than the zip says"));
            }
            if self.crc.clone().finalize() != self.entry.crc32 {
                return Err(self.invalid("does not have the CRC-32 that the zip says"));
            }
        }
        Ok(length)
    }
}

enum Source {
    Stored(Span),
    Deflated(DeflateDecoder<BufReader<Span>>),
}

/// A part of a file, read by position: readers of one bundle don't disturb each other.
struct Span {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Read for Span {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.end - self.position).min(out.len() as u64) as usize;
        let length = self.file.read_at(&mut out[..wanted], self.position)?;
        self.position += length as u64;
        Ok(length)
    }
}

/// What an error of an [`EntryReader`] means: damage of the bundle, or a read that the operating system refused.
pub fn read_error(error: io::Error) -> BundleError {
    match error.kind() {
        io::ErrorKind::InvalidData => BundleError::Damaged(error.to_string()),
        _ => BundleError::Io(error),
    }
}

fn from_read(error: BundleError) -> BundleError {
    match error {
        BundleError::Io(error) => read_error(error),
        other => other,
    }
}

/// Path to digest, from the lines that [`super::archive::sha256sums`] writes.
fn parse_checksums(text: &[u8]) -> Result<BTreeMap<&str, &str>> {
    let damaged = || BundleError::Damaged(format!("{CHECKSUMS} is not in the format of sha256sum"));
    let text = std::str::from_utf8(text).map_err(|_| damaged())?;
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let (digest, path) = line.split_once("  ").ok_or_else(damaged)?;
        if sums.insert(path, digest).is_some() {
            return Err(damaged());
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests;
