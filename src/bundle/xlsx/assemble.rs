//! The finished workbook: small parts first, then the table sheets as they were deflated, hashed on the way.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::parts::Parts;
use crate::bundle::archive::container::{Entry, Method, directory};
use crate::bundle::archive::{Digested, Draining, for_each_chunk};
use crate::bundle::encoder::{Abort, FileInfo};
use crate::bundle::{BundleError, Result};

/// The workbook's path in the bundle.
const PATH: &str = "paliad-backup.xlsx";

/// The workbook, rewound.
pub struct Workbook {
    pub file: File,
    pub info: FileInfo,
    pub crc32: u32,
}

/// Writes the workbook into `file`, which is empty: `small` parts (path, content) in their order, then the table sheets.
pub fn assemble(small: Vec<(String, Vec<u8>)>, sheets: Parts, file: File, abort: &Abort) -> Result<Workbook> {
    let mut package = Package { out: BufWriter::new(file), digest: Digested::default(), entries: Vec::new() };
    for (path, content) in small {
        package.add(path, &content)?;
    }
    let (mut spool, entries) = sheets.finish();
    spool.rewind()?;
    let mut spool = Draining::new(&mut spool)?;
    for entry in entries {
        package.copy(entry, &mut spool, abort)?;
    }
    package.finish()
}

/// A zip written front to back, so that its hash can run along.
struct Package {
    out: BufWriter<File>,
    digest: Digested,
    entries: Vec<Entry>,
}

impl Package {
    fn add(&mut self, path: String, content: &[u8]) -> Result<()> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(content)?;
        let deflated = deflate.finish()?;
        self.begin(Entry {
            path,
            method: Method::Deflated,
            crc32: crc32fast::hash(content),
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
        let end = self.digest.size() + length;
        for_each_chunk(&mut source.take(length), abort, |chunk| self.write(chunk))?;
        if self.digest.size() == end {
            Ok(())
        } else {
            Err(BundleError::Damaged("a spool is shorter than it was".to_owned()))
        }
    }

    fn begin(&mut self, entry: Entry) -> Result<()> {
        let entry = Entry { offset: self.digest.size(), ..entry };
        // Some readers of workbooks refuse zip64 fields, so they stand only where a size needs them.
        self.write(&entry.local_header(entry.is_large()))?;
        self.entries.push(entry);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    fn finish(mut self) -> Result<Workbook> {
        let end = directory(&self.entries, self.digest.size())?;
        self.write(&end)?;
        let mut file = self.out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        Ok(Workbook { file, crc32: self.digest.crc32(), info: self.digest.into_info(PATH) })
    }
}
