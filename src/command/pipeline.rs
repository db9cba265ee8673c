//! One scan feeds several encoders: each batch goes to every encoder, and no more bytes are under way than the budget.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::background::Task;
use crate::bundle::batch::Batch;
use crate::bundle::encoder::{Abort, Encoded, Encoder};
use crate::bundle::manifest::Format;
use crate::bundle::sheet::Sheet;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::error::Result;
use crate::pg::session;

/// Bytes of text that may wait for the encoders. A single larger value passes alone.
const BUDGET: usize = 4 * 1024 * 1024;
/// Bytes, and messages, that are sent together.
const TOGETHER: usize = 64 * 1024;
const MOST_TOGETHER: usize = 64;
const SLICE: Duration = Duration::from_millis(20);

/// Makes an encoder on its thread: a compressor's state cannot be handed to another one.
pub type MakeEncoder = Box<dyn FnOnce() -> Box<dyn Encoder> + Send>;

#[derive(Clone)]
enum Message {
    Begin(Arc<Sheet>),
    Rows(Arc<Loaded>),
    End,
}

/// A batch that gives its bytes back to the budget when the last encoder is done with it.
struct Loaded {
    batch: Batch,
    budget: Arc<Budget>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.budget.give_back(self.batch.size());
    }
}

/// The encoders of a run, on their threads.
pub struct Pipeline {
    lanes: Vec<Lane>,
    waiting: RefCell<Waiting>,
    budget: Arc<Budget>,
    failed: Arc<AtomicBool>,
}

/// Messages that go to the threads together: waking them for each small table costs more than the table.
#[derive(Default)]
struct Waiting {
    messages: Vec<Message>,
    bytes: usize,
}

/// A thread with one or more encoders.
struct Lane {
    sender: Sender<Vec<Message>>,
    task: Task<BundleResult<Vec<(Format, Encoded)>>>,
}

impl Pipeline {
    /// Starts up to `threads` threads, at least one. The first encoder has the most to do: the last thread takes those that are too many.
    /// An encoder that fails stops the others by `abort`.
    ///
    /// # Errors
    /// The operating system has no thread to give.
    pub fn start(encoders: Vec<(Format, MakeEncoder)>, threads: usize, abort: &Abort) -> Result<Pipeline> {
        let mut shares: Vec<Vec<(Format, MakeEncoder)>> = Vec::new();
        for encoder in encoders {
            let is_full = shares.len() >= threads;
            match shares.last_mut().filter(|_| is_full) {
                Some(last) => last.push(encoder),
                None => shares.push(vec![encoder]),
            }
        }
        let failed = Arc::new(AtomicBool::new(false));
        let mut lanes = Vec::with_capacity(shares.len());
        for share in shares {
            let (sender, receiver) = channel();
            let (failed, stop) = (failed.clone(), abort.clone());
            let task = Task::start("paliad encoder", abort.clone(), move || {
                let result = encode(share, &receiver, &stop);
                if result.is_err() {
                    stop.raise();
                    failed.store(true, Ordering::Release);
                }
                result
            })?;
            lanes.push(Lane { sender, task });
        }
        Ok(Pipeline { lanes, waiting: RefCell::default(), budget: Arc::default(), failed })
    }

    /// Starts a sheet.
    pub fn begin_sheet(&self, sheet: &Arc<Sheet>) {
        self.push(Message::Begin(sheet.clone()), 0);
    }

    /// Passes rows on, waiting while the encoders are behind. False when an encoder has failed: [`Pipeline::finish`] says why.
    pub fn rows(&self, batch: Batch) -> bool {
        let bytes = batch.size();
        self.budget.take(bytes);
        self.push(Message::Rows(Arc::new(Loaded { batch, budget: self.budget.clone() })), bytes);
        while !self.failed.load(Ordering::Acquire) && self.budget.is_exceeded(SLICE) {
            session::check_for_interrupts();
        }
        !self.failed.load(Ordering::Acquire)
    }

    /// Ends the sheet.
    pub fn end_sheet(&self) {
        self.push(Message::End, 0);
    }

    /// Ends all formats and waits for them; `meanwhile` is called now and then.
    ///
    /// # Errors
    /// That of the encoder that failed by itself, not of those that were stopped then.
    pub fn finish(self, mut meanwhile: impl FnMut() -> Result<()>) -> Result<Vec<(Format, Encoded)>> {
        self.send(self.waiting.take());
        let (senders, tasks): (Vec<_>, Vec<_>) = self.lanes.into_iter().map(|lane| (lane.sender, lane.task)).unzip();
        drop(senders);
        let mut finished = Vec::new();
        let mut failures = Vec::new();
        for task in tasks {
            match task.join(&mut meanwhile)? {
                Ok(encoded) => finished.extend(encoded),
                Err(error) => failures.push(error),
            }
        }
        failures.sort_by_key(|error| matches!(error, BundleError::Aborted));
        match failures.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(finished),
        }
    }

    fn push(&self, message: Message, bytes: usize) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.messages.push(message);
        waiting.bytes += bytes;
        if waiting.bytes >= TOGETHER || waiting.messages.len() >= MOST_TOGETHER {
            self.send(std::mem::take(&mut *waiting));
        }
    }

    fn send(&self, waiting: Waiting) {
        for lane in &self.lanes {
            // A lane that has failed no longer listens; `finish` reports it.
            let _ = lane.sender.send(waiting.messages.clone());
        }
    }
}

fn encode(
    share: Vec<(Format, MakeEncoder)>,
    receiver: &Receiver<Vec<Message>>,
    stop: &Abort,
) -> BundleResult<Vec<(Format, Encoded)>> {
    let mut encoders: Vec<_> = share.into_iter().map(|(format, make)| (format, make())).collect();
    for message in receiver.iter().flatten() {
        for (_, encoder) in &mut encoders {
            match &message {
                Message::Begin(sheet) => encoder.begin_sheet(sheet)?,
                Message::Rows(loaded) => encoder.rows(&loaded.batch)?,
                Message::End => encoder.end_sheet()?,
            }
        }
    }
    // The messages may have ended in the middle of a sheet.
    stop.check()?;
    encoders.into_iter().map(|(format, encoder)| Ok((format, encoder.finish()?))).collect()
}

/// Bytes under way between the scan and the encoders.
#[derive(Default)]
struct Budget {
    used: Mutex<usize>,
    returned: Condvar,
}

impl Budget {
    fn take(&self, bytes: usize) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
    }

    fn give_back(&self, bytes: usize) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.returned.notify_one();
    }

    /// Waits up to `timeout` for the encoders to catch up; returns whether they are still behind.
    fn is_exceeded(&self, timeout: Duration) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.returned.wait_timeout_while(used, timeout, |used| *used > BUDGET);
        *waited.unwrap_or_else(PoisonError::into_inner).0 > BUDGET
    }
}
