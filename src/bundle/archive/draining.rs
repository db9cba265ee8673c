//! Reading a scratch file for the last time.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

use rustix::fs::{FallocateFlags, fallocate};

/// Bytes that are given back at a time.
const PIECE: u64 = 8 << 20;

/// Reads a scratch file and gives its space back behind itself: a run then needs room on the disk for its bundle once and not twice, and
/// what has been copied needs not be written out any more. (Large runs were slowed by that: the kernel stops writers that leave too
/// many pages unwritten.)
pub struct Draining<'a> {
    file: &'a mut File,
    /// Everything before has been given back, or passed over.
    from: u64,
    position: u64,
}

impl<'a> Draining<'a> {
    /// Reads on from the file's present position.
    pub fn new(file: &'a mut File) -> Result<Self> {
        let position = file.stream_position()?;
        Ok(Draining { file, from: position, position })
    }

    /// Goes on at `position`, which lies ahead.
    pub fn skip_to(&mut self, position: u64) -> Result<()> {
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    fn give_back(&mut self) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Not every file system can; then the space is free when the file is closed.
        let _ = fallocate(&self.file, flags, self.from, self.position - self.from);
        self.from = self.position;
    }
}

impl Read for Draining<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.file.read(buffer)?;
        self.position += length as u64;
        if self.position - self.from >= PIECE {
            self.give_back();
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_was_read_takes_no_space_and_what_was_not_stays() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..PIECE + 100_000).map(|n| (n % 251) as u8 + 1).collect();
        file.write_all(&content).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
        let before = file.metadata().unwrap().blocks() * 512;
        let mut head = vec![0; PIECE as usize + 5];
        let mut tail = Vec::new();
        let mut draining = Draining::new(&mut file).unwrap();
        draining.read_exact(&mut head).unwrap();
        draining.skip_to(PIECE + 100).unwrap();
        draining.read_to_end(&mut tail).unwrap();
        assert_eq!(head, content[..head.len()]);
        assert_eq!(tail, content[PIECE as usize + 100..]);
        assert!(file.metadata().unwrap().blocks() * 512 <= before - PIECE + 4096);
    }
}
