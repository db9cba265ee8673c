//! Work on threads while the backend stays answerable: it waits in short slices and looks for interrupts between them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::bundle::encoder::Abort;
use crate::error::{Error, Result};
use crate::pg::{session, threads};

/// A cancel is answered within this time while threads are busy.
const SLICE: Duration = Duration::from_millis(20);

/// A thread at work. Dropped before its end (an error unwinds), it is told to stop and waited for, so that none outlives the
/// call that started it.
pub struct Task<T> {
    thread: Option<JoinHandle<T>>,
    finished: Arc<Signal>,
    abort: Abort,
}

impl<T: Send + 'static> Task<T> {
    /// Starts `work`, which looks at `abort` as it goes.
    ///
    /// # Errors
    /// The operating system has no thread to give.
    pub fn start(name: &str, abort: Abort, work: impl FnOnce() -> T + Send + 'static) -> Result<Task<T>> {
        let finished = Arc::new(Signal::default());
        let signal = finished.clone();
        let thread = threads::spawn(name, move || {
            let result = work();
            signal.raise();
            result
        });
        let thread = thread.map_err(|error| Error::internal(format!("could not start thread {name}: {error}")))?;
        Ok(Task { thread: Some(thread), finished, abort })
    }

    /// Waits for the end; `meanwhile` is called about every 20 ms.
    ///
    /// # Errors
    /// What `meanwhile` returns, or [`Error::Internal`] when the thread panicked. A cancel is raised by the server.
    pub fn join(mut self, mut meanwhile: impl FnMut() -> Result<()>) -> Result<T> {
        while !self.finished.wait(SLICE) && !self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            session::check_for_interrupts();
            meanwhile()?;
        }
        let thread = self.thread.take().ok_or_else(|| Error::internal("a thread was joined twice"))?;
        thread.join().map_err(|_| Error::internal("a thread of the backup panicked"))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.abort.raise();
            // A panic in the thread has nobody left to be told to: an error is on its way already.
            let _ = thread.join();
        }
    }
}

/// Something that becomes true once.
#[derive(Default)]
pub struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// Makes it true and wakes the waiter.
    pub fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it is true, or `timeout` has passed; returns whether it is.
    pub fn wait(&self, timeout: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(raised, timeout, |raised| !*raised);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
