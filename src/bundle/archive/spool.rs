//! The spool of csv and json: a zip of its own, whose entries are deflated while rows arrive and copied as they are later.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::super::encoder::{Abort, Encoded, FileInfo};
use super::super::{BundleError, Result};
use super::Digested;
use super::container::{Entry, Method, directory};
use super::deflate::Deflater;

/// Bytes gathered before they are hashed, deflated and written.
pub const BLOCK: usize = 64 << 10;

/// Writes one entry after the other into an unlinked file.
///
/// Encoders append to [`Spool::text`] and call [`Spool::spill`] now and then.
pub struct Spool {
    file: File,
    position: u64,
    abort: Abort,
    /// None: the text is hashed and goes nowhere.
    deflater: Option<Deflater>,
    text: Vec<u8>,
    /// Of the open entry's text so far.
    digest: Digested,
    open: Option<Entry>,
    entries: Vec<Entry>,
    files: Vec<FileInfo>,
}

impl Spool {
    /// An empty spool in `file`, which is empty too. `level` is deflate's, 0 to 9; more counts as 9.
    pub fn new(file: File, level: u32, abort: Abort) -> Self {
        Spool { deflater: Some(Deflater::new(level)), ..Spool::hashing(file, abort) }
    }

    /// A spool that only hashes its entries: they are listed, and `file` is a zip of empty ones.
    pub fn hashing(file: File, abort: Abort) -> Self {
        Spool {
            file,
            position: 0,
            abort,
            deflater: None,
            text: Vec::with_capacity(2 * BLOCK),
            digest: Digested::default(),
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
        self.open = Some(entry);
        Ok(())
    }

    /// Where the entry's next bytes go.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Writes the text out once it is a block or more.
    pub fn spill(&mut self) -> Result<()> {
        if self.text.len() < BLOCK { Ok(()) } else { self.write_text() }
    }

    /// Ends the entry; its local header gets the sizes known now.
    pub fn end(&mut self) -> Result<()> {
        let Some(mut entry) = self.open.take() else {
            return Err(BundleError::Damaged("an entry ends that has not begun".to_owned()));
        };
        self.write_text()?;
        if let Some(deflater) = &mut self.deflater {
            self.position += deflater.finish(&mut self.file)?;
        }
        let digest = std::mem::take(&mut self.digest);
        entry.crc32 = digest.crc32();
        entry.size = digest.size();
        entry.compressed_size = self.position - entry.offset - entry.local_length(true);
        self.file.seek(SeekFrom::Start(entry.offset))?;
        self.file.write_all(&entry.local_header(true))?;
        self.file.seek(SeekFrom::Start(self.position))?;
        self.files.push(digest.into_info(&entry.path));
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
            crc32: None,
            sheet_names: Vec::new(),
            warnings: Vec::new(),
            end_marks: Vec::new(),
        })
    }

    fn write_text(&mut self) -> Result<()> {
        self.abort.check()?;
        self.digest.update(&self.text);
        if let Some(deflater) = &mut self.deflater {
            self.position += deflater.write(&self.text, &mut self.file)?;
        }
        self.text.clear();
        Ok(())
    }
}
