//! The spool of csv and json: a zip of its own, whose entries are deflated while rows arrive and copied as they are later.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use sha2::{Digest, Sha256};

use super::super::encoder::{Abort, Encoded, FileInfo};
use super::super::{BundleError, Result};
use super::container::{Entry, Method, directory};
use super::hex;

/// Bytes gathered before they are hashed, deflated and written.
pub const BLOCK: usize = 64 << 10;

/// Writes one entry after the other into an unlinked file.
///
/// Encoders append to [`Spool::text`] and call [`Spool::spill`] now and then.
pub struct Spool {
    file: File,
    position: u64,
    abort: Abort,
    compress: Compress,
    text: Vec<u8>,
    deflated: Box<[u8]>,
    sha256: Sha256,
    crc: Crc,
    open: Option<Entry>,
    entries: Vec<Entry>,
    files: Vec<FileInfo>,
}

impl Spool {
    /// An empty spool in `file`, which is empty too. `level` is deflate's, 0 to 9; more counts as 9.
    pub fn new(file: File, level: u32, abort: Abort) -> Self {
        Spool {
            file,
            position: 0,
            abort,
            compress: Compress::new(Compression::new(level.min(9)), false),
            text: Vec::with_capacity(2 * BLOCK),
            deflated: vec![0; BLOCK].into_boxed_slice(),
            sha256: Sha256::new(),
            crc: Crc::new(),
            open: None,
            entries: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Starts the entry at `path`.
    pub fn begin(&mut self, path: String) -> Result<()> {
        if self.open.is_some() {
            return Err(BundleError::Damaged(format!("{path} begins before the entry before it has ended")));
        }
        let entry =
            Entry { path, method: Method::Deflated, crc32: 0, size: 0, compressed_size: 0, offset: self.position };
        let header = entry.local_header(true);
        self.file.write_all(&header)?;
        self.position += header.len() as u64;
        self.compress.reset();
        self.crc.reset();
        self.sha256 = Sha256::new();
        self.open = Some(entry);
        Ok(())
    }

    /// Where the entry's next bytes go.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Writes the text out once it is a block or more.
    pub fn spill(&mut self) -> Result<()> {
        if self.text.len() < BLOCK { Ok(()) } else { self.write_text(FlushCompress::None) }
    }

    /// Ends the entry; its local header gets the sizes known now.
    pub fn end(&mut self) -> Result<()> {
        let Some(mut entry) = self.open.take() else {
            return Err(BundleError::Damaged("an entry ends that has not begun".to_owned()));
        };
        self.write_text(FlushCompress::Finish)?;
        entry.crc32 = self.crc.sum();
        entry.size = self.compress.total_in();
        entry.compressed_size = self.compress.total_out();
        self.file.seek(SeekFrom::Start(entry.offset))?;
        self.file.write_all(&entry.local_header(true))?;
        self.file.seek(SeekFrom::Start(self.position))?;
        let sha256 = hex(self.sha256.finalize_reset());
        self.files.push(FileInfo { path: entry.path.clone(), size: entry.size, sha256 });
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the spool: the zip is complete, rewound, and its files are listed in their order.
    pub fn finish(mut self) -> Result<Encoded> {
        if let Some(entry) = &self.open {
            return Err(BundleError::Damaged(format!("{} has not ended", entry.path)));
        }
        self.file.write_all(&directory(&self.entries, self.position)?)?;
        self.file.rewind()?;
        Ok(Encoded {
            spool: self.file,
            files: self.files,
            sheet_names: Vec::new(),
            warnings: Vec::new(),
            end_marks: Vec::new(),
        })
    }

    fn write_text(&mut self, flush: FlushCompress) -> Result<()> {
        self.abort.check()?;
        self.sha256.update(&self.text);
        self.crc.update(&self.text);
        let mut rest = self.text.as_slice();
        loop {
            let (read, written) = (self.compress.total_in(), self.compress.total_out());
            let status = self
                .compress
                .compress(rest, &mut self.deflated, flush)
                .map_err(|error| BundleError::Io(error.into()))?;
            rest = &rest[(self.compress.total_in() - read) as usize..];
            let produced = (self.compress.total_out() - written) as usize;
            self.file.write_all(&self.deflated[..produced])?;
            self.position += produced as u64;
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => rest.is_empty(),
            };
            if done {
                break;
            }
            if produced == 0 && self.compress.total_in() == read {
                return Err(BundleError::Io(std::io::Error::other("deflate makes no progress")));
            }
        }
        self.text.clear();
        Ok(())
    }
}
