//! The table sheets on their way: deflated into a scratch file while they are written, one stream behind the other.

use std::fs::File;

use crate::bundle::Result;
use crate::bundle::archive::Deflater;
use crate::bundle::archive::container::{Entry, Method};
use crate::bundle::encoder::Abort;

/// The parts `xl/worksheets/sheet2.xml` and following, one under way at a time.
pub struct Parts {
    spool: File,
    deflater: Deflater,
    crc: crc32fast::Hasher,
    abort: Abort,
    /// Bytes of the part under way, and in the file.
    size: u64,
    position: u64,
    entries: Vec<Entry>,
}

impl Parts {
    /// Writes to `spool`, an empty file, with deflate level `level` (0 to 9; more counts as 9).
    pub fn new(spool: File, level: u32, abort: Abort) -> Self {
        let deflater = Deflater::new(level);
        Parts { spool, deflater, crc: crc32fast::Hasher::new(), abort, size: 0, position: 0, entries: Vec::new() }
    }

    /// Appends to the part under way.
    pub fn write(&mut self, xml: &[u8]) -> Result<()> {
        self.abort.check()?;
        self.crc.update(xml);
        self.size += xml.len() as u64;
        self.position += self.deflater.write(xml, &mut self.spool)?;
        Ok(())
    }

    /// Ends the part under way; what is written next belongs to the next one.
    pub fn end(&mut self) -> Result<()> {
        self.position += self.deflater.finish(&mut self.spool)?;
        let offset = self.entries.last().map_or(0, |entry| entry.offset + entry.compressed_size);
        self.entries.push(Entry {
            path: path(self.entries.len() + 1),
            method: Method::Deflated,
            crc32: self.crc.clone().finalize(),
            size: self.size,
            compressed_size: self.position - offset,
            offset,
        });
        self.crc.reset();
        self.size = 0;
        Ok(())
    }

    /// The file and what lies in it: the entries' offsets are those of their deflate streams, which follow each other from byte 0.
    pub fn finish(self) -> (File, Vec<Entry>) {
        (self.spool, self.entries)
    }
}

/// The path of an Excel sheet's part; `position` is its position in the workbook from 0, where the contents sheet stands.
pub fn path(position: usize) -> String {
    format!("xl/worksheets/sheet{}.xml", position + 1)
}
