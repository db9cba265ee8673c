//! The finished workbook: small parts first, then the table sheets as they were deflated, hashed on the way.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

use super::parts::Parts;
use crate::bundle::archive::container::{Entry, Method, directory};
use crate::bundle::archive::{for_each_chunk, hex};
use crate::bundle::encoder::{Abort, FileInfo};
use crate::bundle::{BundleError, Result};

/// The workbook's path in the bundle.
const PATH: &str = "paliad-backup.xlsx";

/// Writes the workbook into `file`, which is empty: `small` parts (path, content) in their order, then the table sheets. Gives the file
/// back, rewound.
pub fn assemble(small: Vec<(String, Vec<u8>)>, sheets: Parts, file: File, abort: &Abort) -> Result<(File, FileInfo)> {
    let mut package = Package { out: BufWriter::new(file), sha256: Sha256::new(), position: 0, entries: Vec::new() };
    for (path, content) in small {
        package.add(path, &content)?;
    }
    let (spool, entries) = sheets.finish();
    let mut spool = spool.as_ref();
    spool.rewind()?;
    for entry in entries {
        package.copy(entry, &mut spool, abort)?;
    }
    package.finish()
}

/// A zip written front to back, so that its hash can run along.
struct Package {
    out: BufWriter<File>,
    sha256: Sha256,
    position: u64,
    entries: Vec<Entry>,
}

impl Package {
    fn add(&mut self, path: String, content: &[u8]) -> Result<()> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(content)?;
        let deflated = deflate.finish()?;
        let mut crc = Crc::new();
        crc.update(content);
        self.begin(Entry {
            path,
            method: Method::Deflated,
            crc32: crc.sum(),
            size: content.len() as u64,
            compressed_size: deflated.len() as u64,
            offset: 0,
        })?;
        self.write(&deflated)
    }

    /// Adds `entry`, whose deflated bytes `source` gives next.
    fn copy(&mut self, entry: Entry, source: &mut impl Read, abort: &Abort) -> Result<()> {
        let length = entry.compressed_size;
        self.begin(entry)?;
        let end = self.position + length;
        for_each_chunk(&mut source.take(length), abort, |chunk| self.write(chunk))?;
        if self.position == end {
            Ok(())
        } else {
            Err(BundleError::Damaged("a spool is shorter than it was".to_owned()))
        }
    }

    fn begin(&mut self, entry: Entry) -> Result<()> {
        let entry = Entry { offset: self.position, ..entry };
        // Some readers of workbooks refuse zip64 fields, so they stand only where a size needs them.
        self.write(&entry.local_header(entry.is_large()))?;
        self.entries.push(entry);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.sha256.update(bytes);
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<(File, FileInfo)> {
        let end = directory(&self.entries, self.position)?;
        self.write(&end)?;
        let mut file = self.out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        Ok((file, FileInfo { path: PATH.to_owned(), size: self.position, sha256: hex(self.sha256.finalize()) }))
    }
}
