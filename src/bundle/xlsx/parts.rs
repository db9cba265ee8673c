//! The table sheets on their way: deflated into a scratch file while they are written, one stream behind the other.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::bundle::Result;
use crate::bundle::archive::container::{Entry, Method};
use crate::bundle::encoder::Abort;

/// The parts `xl/worksheets/sheet2.xml` and following, one under way at a time.
pub struct Parts {
    spool: Arc<File>,
    deflate: DeflateEncoder<Arc<File>>,
    crc: Crc,
    abort: Abort,
    position: u64,
    entries: Vec<Entry>,
}

impl Parts {
    /// Writes to `spool`, an empty file, with deflate level `level` (0 to 9; more counts as 9).
    pub fn new(spool: File, level: u32, abort: Abort) -> Self {
        let spool = Arc::new(spool);
        Parts {
            deflate: DeflateEncoder::new(Arc::clone(&spool), Compression::new(level.min(9))),
            spool,
            crc: Crc::new(),
            abort,
            position: 0,
            entries: Vec::new(),
        }
    }

    /// Appends to the part under way.
    pub fn write(&mut self, xml: &[u8]) -> Result<()> {
        self.abort.check()?;
        self.crc.update(xml);
        Ok(self.deflate.write_all(xml)?)
    }

    /// Ends the part under way; what is written next belongs to the next one.
    pub fn end(&mut self) -> Result<()> {
        self.deflate.try_finish()?;
        let entry = Entry {
            path: path(self.entries.len() + 1),
            method: Method::Deflated,
            crc32: self.crc.sum(),
            size: self.deflate.total_in(),
            compressed_size: self.deflate.total_out(),
            offset: self.position,
        };
        self.position += entry.compressed_size;
        self.entries.push(entry);
        self.deflate.reset(Arc::clone(&self.spool))?;
        self.crc.reset();
        Ok(())
    }

    /// The file and what lies in it: the entries' offsets are those of their deflate streams, which follow each other from byte 0.
    pub fn finish(self) -> (Arc<File>, Vec<Entry>) {
        (self.spool, self.entries)
    }
}

/// The path of an Excel sheet's part; `position` is its position in the workbook from 0, where the contents sheet stands.
pub fn path(position: usize) -> String {
    format!("xl/worksheets/sheet{}.xml", position + 1)
}
