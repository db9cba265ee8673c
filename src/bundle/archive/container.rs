//! The zip container, as PKWARE's APPNOTE.TXT 6.3.10 defines it, in the one form that this release writes and reads.
//!
//! One disk, no comments, no encryption, no data descriptors; entries stored or deflated, one behind the other from byte 0; time
//! 1980-01-01 00:00, regular files of mode 0644; zip64 only where a number needs it. What varies is an [`Entry`] alone, so a
//! reader can write the headers again and compare: nothing but bundles of this form passes.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::super::{BundleError, Result};

const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const END_SIGNATURE: u32 = 0x0605_4b50;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
/// APPNOTE 4.5.3, "Zip64 Extended Information Extra Field".
const ZIP64_EXTRA: u16 = 1;
/// APPNOTE 4.4.3.2: 2.0 for deflate, 4.5 for zip64.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// APPNOTE 4.4.2.2: attributes are Unix ones.
const MADE_ON_UNIX: u16 = 3 << 8;
/// MS-DOS date of 1980-01-01, the format's first day.
const DOS_DATE: u16 = 0x21;
/// A regular file, rw-r--r--.
const UNIX_MODE: u32 = 0o100_644;
/// Sizes of the end record, and of the zip64 end record with its locator.
const END_LENGTH: usize = 22;
const END64_LENGTH: usize = 56 + 20;
/// Longest directory accepted, in bytes: room for over 500,000 entries, and a bound for the memory that opening takes.
const MAX_DIRECTORY: u64 = 64 << 20;

/// How an entry's bytes lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As they are.
    Stored,
    /// Deflated (RFC 1951).
    Deflated,
}

impl Method {
    /// APPNOTE 4.4.5.
    fn code(self) -> u16 {
        match self {
            Method::Stored => 0,
            Method::Deflated => 8,
        }
    }
}

/// One entry of a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path, ASCII.
    pub path: String,
    /// Stored or deflated.
    pub method: Method,
    /// CRC-32 of the unpacked bytes.
    pub crc32: u32,
    /// Bytes, unpacked.
    pub size: u64,
    /// Bytes in the file.
    pub compressed_size: u64,
    /// Where the local header begins.
    pub offset: u64,
}

impl Entry {
    /// Whether a size does not fit into 32 bits.
    pub fn is_large(&self) -> bool {
        self.size >= u64::from(u32::MAX) || self.compressed_size >= u64::from(u32::MAX)
    }

    /// The local header (APPNOTE 4.3.7). `large` forces the zip64 form: its length does not depend on the sizes, which a spool
    /// learns last.
    pub fn local_header(&self, large: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.local_length(large) as usize);
        out.extend(LOCAL_SIGNATURE.to_le_bytes());
        let (version, size, compressed_size) = if large {
            (VERSION_ZIP64, u32::MAX, u32::MAX)
        } else {
            (VERSION, saturate32(self.size), saturate32(self.compressed_size))
        };
        self.common_fields(&mut out, version, compressed_size, size);
        out.extend(if large { 20_u16 } else { 0 }.to_le_bytes());
        out.extend(self.path.as_bytes());
        if large {
            zip64_extra(&mut out, &[self.size, self.compressed_size]);
        }
        out
    }

    /// Length of [`Entry::local_header`] in bytes.
    pub fn local_length(&self, large: bool) -> u64 {
        30 + self.path.len() as u64 + if large { 20 } else { 0 }
    }

    /// The directory's record (APPNOTE 4.3.12).
    fn central_header(&self, out: &mut Vec<u8>) {
        let wide: Vec<u64> = [self.size, self.compressed_size, self.offset]
            .into_iter()
            .filter(|&value| value >= u64::from(u32::MAX))
            .collect();
        let version = if wide.is_empty() { VERSION } else { VERSION_ZIP64 };
        out.extend(CENTRAL_SIGNATURE.to_le_bytes());
        out.extend((MADE_ON_UNIX | version).to_le_bytes());
        self.common_fields(out, version, saturate32(self.compressed_size), saturate32(self.size));
        out.extend(if wide.is_empty() { 0 } else { 4 + 8 * wide.len() as u16 }.to_le_bytes());
        out.extend([0; 6]); // no comment, disk 0, binary
        out.extend((UNIX_MODE << 16).to_le_bytes());
        out.extend(saturate32(self.offset).to_le_bytes());
        out.extend(self.path.as_bytes());
        if !wide.is_empty() {
            zip64_extra(out, &wide);
        }
    }

    /// The fields that both headers have, from "version needed" to "file name length".
    fn common_fields(&self, out: &mut Vec<u8>, version: u16, compressed_size: u32, size: u32) {
        out.extend(version.to_le_bytes());
        out.extend([0; 2]); // no flags: the path is ASCII
        out.extend(self.method.code().to_le_bytes());
        out.extend([0; 2]); // 00:00:00
        out.extend(DOS_DATE.to_le_bytes());
        out.extend(self.crc32.to_le_bytes());
        out.extend(compressed_size.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend((self.path.len() as u16).to_le_bytes());
    }
}

/// The central directory with its end records (APPNOTE 4.3.12 to 4.3.16), to be written at `start`.
///
/// # Errors
/// [`BundleError::Damaged`] where no reader of this release would take a directory that long.
pub fn directory(entries: &[Entry], start: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for entry in entries {
        entry.central_header(&mut out);
    }
    let (count, length) = (entries.len() as u64, out.len() as u64);
    if count >= u64::from(u16::MAX) || length >= u64::from(u32::MAX) || start >= u64::from(u32::MAX) {
        out.extend(END64_SIGNATURE.to_le_bytes());
        out.extend(44_u64.to_le_bytes()); // length of what follows
        out.extend((MADE_ON_UNIX | VERSION_ZIP64).to_le_bytes());
        out.extend(VERSION_ZIP64.to_le_bytes());
        out.extend([0; 8]); // disk 0, directory on disk 0
        for value in [count, count, length, start] {
            out.extend(value.to_le_bytes());
        }
        out.extend(LOCATOR64_SIGNATURE.to_le_bytes());
        out.extend([0; 4]); // disk 0
        out.extend((start + length).to_le_bytes());
        out.extend(1_u32.to_le_bytes()); // one disk
    }
    out.extend(END_SIGNATURE.to_le_bytes());
    out.extend([0; 4]); // disk 0, directory on disk 0
    out.extend(saturate16(count).to_le_bytes());
    out.extend(saturate16(count).to_le_bytes());
    out.extend(saturate32(length).to_le_bytes());
    out.extend(saturate32(start).to_le_bytes());
    out.extend([0; 2]); // no comment
    if out.len() as u64 > MAX_DIRECTORY {
        return Err(damaged("the zip has too many entries"));
    }
    Ok(out)
}

/// Reads the directory of `file`: its entries in their order, and where the directory begins.
///
/// # Errors
/// [`BundleError::Damaged`] unless the directory is, byte for byte, one that [`directory`] writes.
pub fn read_directory(file: &File) -> Result<(Vec<Entry>, u64)> {
    let length = file.metadata()?.len();
    let tail = read_at(file, length.saturating_sub((END_LENGTH + END64_LENGTH) as u64), length)?;
    let (mut count, mut start) = read_end(tail.len().checked_sub(END_LENGTH).and_then(|at| tail.get(at..)))?;
    if count == u64::from(u16::MAX) || start == u64::from(u32::MAX) {
        (count, start) = read_end64(&tail)?;
    }
    if start > length || length - start > MAX_DIRECTORY {
        return Err(damaged("the zip's directory is not where its end says"));
    }
    let bytes = read_at(file, start, length)?;
    let mut fields = Fields(&bytes);
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(read_central_header(&mut fields)?);
    }
    if directory(&entries, start)? != bytes {
        return Err(damaged("the zip's directory is not of this format"));
    }
    Ok((entries, start))
}

/// Checks that the local headers say what the directory says and that entries follow each other without gap or overlap up to
/// `start`, the directory.
///
/// # Errors
/// [`BundleError::Damaged`] naming the first entry at fault.
pub fn check_local_headers(file: &File, entries: &[Entry], start: u64) -> Result<()> {
    let mut position = 0;
    for entry in entries {
        let large = entry.is_large();
        let data = position + entry.local_length(large);
        let end = data.checked_add(entry.compressed_size).filter(|&end| end <= start);
        let Some(end) = end.filter(|_| entry.offset == position) else {
            return Err(damaged(&format!("{} does not lie where the zip's directory says", entry.path)));
        };
        if read_at(file, position, data)? != entry.local_header(large) {
            return Err(damaged(&format!("the header of {} is damaged", entry.path)));
        }
        position = end;
    }
    if position == start { Ok(()) } else { Err(damaged("the zip has bytes that belong to no entry")) }
}

/// Entry count and directory start from the end record.
fn read_end(record: Option<&[u8]>) -> Result<(u64, u64)> {
    let mut fields = Fields(record.unwrap_or_default());
    if fields.u32()? != END_SIGNATURE {
        return Err(damaged("this is not a complete zip file"));
    }
    fields.skip(6)?;
    let count = fields.u16()?;
    fields.skip(4)?;
    Ok((count.into(), fields.u32()?.into()))
}

/// Entry count and directory start from the zip64 end record, which lies right before locator and end record.
fn read_end64(tail: &[u8]) -> Result<(u64, u64)> {
    let mut fields = Fields(tail);
    if tail.len() != END_LENGTH + END64_LENGTH || fields.u32()? != END64_SIGNATURE {
        return Err(damaged("the zip's zip64 end record is missing"));
    }
    fields.skip(28)?;
    let count = fields.u64()?;
    fields.skip(8)?;
    Ok((count, fields.u64()?))
}

/// Takes over the numbers that vary; the caller's comparison covers the rest.
fn read_central_header(fields: &mut Fields<'_>) -> Result<Entry> {
    fields.skip(10)?;
    let method = match fields.u16()? {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => return Err(damaged(&format!("compression method {other} is not supported"))),
    };
    fields.skip(4)?;
    let crc32 = fields.u32()?;
    let compressed_size = fields.u32()?;
    let size = fields.u32()?;
    let path_length = fields.u16()?;
    let extra_length = fields.u16()?;
    fields.skip(10)?;
    let offset = fields.u32()?;
    let path = fields.take(path_length.into())?;
    let mut extra = Fields(fields.take(extra_length.into())?);
    if extra_length > 0 {
        extra.skip(4)?;
    }
    let mut widen = |value: u32| if value == u32::MAX { extra.u64() } else { Ok(value.into()) };
    let (size, compressed_size, offset) = (widen(size)?, widen(compressed_size)?, widen(offset)?);
    let path = String::from_utf8(path.to_vec()).map_err(|_| damaged("a path in the zip is not ASCII"))?;
    Ok(Entry { path, method, crc32, size, compressed_size, offset })
}

fn read_at(file: &File, start: u64, end: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end - start).map_err(|_| damaged("the zip is too large"))?];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}

fn zip64_extra(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(ZIP64_EXTRA.to_le_bytes());
    out.extend((8 * values.len() as u16).to_le_bytes());
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

/// APPNOTE 4.4.1.4: all bits set stands for "see the zip64 field".
fn saturate32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn saturate16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn damaged(text: &str) -> BundleError {
    BundleError::Damaged(text.to_owned())
}

/// Little-endian numbers from a slice, never past its end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| damaged("the zip's directory is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        self.take(length).map(drop)
    }

    fn number(&mut self, length: usize) -> Result<u64> {
        Ok(self.take(length)?.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(self.number(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(self.number(4)? as u32)
    }

    fn u64(&mut self) -> Result<u64> {
        self.number(8)
    }
}
