//! One file of the bundle, unpacked on a thread of its own and compared with the manifest at its end.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::bundle::encoder::{Abort, FileInfo};
use crate::bundle::reader::BundleReader;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::command::background::Task;
use crate::error::Result;
use crate::pg::session;

/// Pieces that may wait to be read.
const AHEAD: usize = 16;
const SLICE: Duration = Duration::from_millis(20);

/// The file's bytes as they are read. Until it has returned 0, what it gave may be damaged.
pub struct Feed {
    // Dropped before the task, which would wait for ever to send otherwise.
    receiver: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    task: Option<Task<BundleResult<FileInfo>>>,
    expected: FileInfo,
}

impl Feed {
    /// Starts to unpack `file`.
    ///
    /// # Errors
    /// The operating system has no thread to give.
    pub fn start(reader: &Arc<BundleReader>, file: &FileInfo) -> Result<Feed> {
        let (sender, receiver) = sync_channel(AHEAD);
        let abort = Abort::default();
        let (stop, reader, path) = (abort.clone(), Arc::clone(reader), file.path.clone());
        let task = Task::start("paliad unpack", abort, move || {
            reader.digest_of(&path, &stop, |piece| sender.send(piece.to_vec()).map_err(|_| BundleError::Aborted))
        })?;
        Ok(Feed { receiver, piece: Vec::new(), at: 0, task: Some(task), expected: file.clone() })
    }

    /// The next piece; false at the end.
    fn next_piece(&mut self) -> io::Result<bool> {
        loop {
            session::check_for_interrupts();
            match self.receiver.recv_timeout(SLICE) {
                Ok(piece) => {
                    (self.piece, self.at) = (piece, 0);
                    return Ok(true);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end().map(|()| false),
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(task) = self.task.take() else { return Ok(()) };
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        match task.join(|| Ok(())).map_err(io::Error::other)? {
            Ok(found) if found == self.expected => Ok(()),
            Ok(found) => Err(damaged(format!("{} is not what the manifest says", found.path))),
            Err(BundleError::Io(error)) => Err(error),
            Err(error) => Err(damaged(error.to_string())),
        }
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.next_piece()? {
            return Ok(0);
        }
        let length = out.len().min(self.piece.len() - self.at);
        out[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
