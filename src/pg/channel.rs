//! Two message queues between a backend and a background worker of its own, in one dynamic shared memory segment.

use std::ffi::c_void;
use std::time::{Duration, Instant};

use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys;

use super::session;
use crate::error::{Error, Result};

/// Bytes of each of the two queues; longer messages go through in pieces.
const QUEUE: usize = 32 * 1024;
/// How often a wait looks for interrupts and its deadline, should a latch be missed.
const SLICE: Duration = Duration::from_millis(100);
/// How long [`Channel::close`] waits for the worker: longer than a worker takes to record what became of an abandoned run.
const FAREWELL: Duration = Duration::from_secs(5);

/// One end of the conversation.
pub struct Channel {
    segment: *mut pg_sys::dsm_segment,
    outgoing: *mut pg_sys::shm_mq_handle,
    incoming: *mut pg_sys::shm_mq_handle,
    /// Null at the worker's end.
    worker: *mut pg_sys::BackgroundWorkerHandle,
    /// A message has gone in part: nothing else can follow it.
    cut: bool,
}

/// Whether a wait may be ended by the caller's cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// Answered at once: the wait is part of normal work.
    Answered,
    /// Left pending: an error is on its way already, and what is sent is its record.
    Held,
}

/// The other side has gone.
#[derive(Debug)]
pub struct Detached;

impl Channel {
    /// Starts a worker of this library with entry point `function` and opens the channel to it.
    ///
    /// The segment lives until [`Channel::close`], or the end of the transaction when the caller fails.
    ///
    /// # Errors
    /// [`Error::NoWorkerSlot`].
    pub fn start_worker(function: &str, kind: &str, extra: &str) -> Result<Channel> {
        // SAFETY: a fresh segment of 2 × QUEUE bytes holds two queues at MAXALIGNed offsets; this process is the sender of the
        // first and the receiver of the second; the worker's handle goes to shm_mq_attach, so that a worker that dies before
        // it attaches counts as detached instead of leaving this backend waiting for ever.
        unsafe {
            let segment = pg_sys::dsm_create(2 * QUEUE, 0);
            let base = pg_sys::dsm_segment_address(segment);
            let outgoing = pg_sys::shm_mq_create(base, QUEUE);
            let incoming = pg_sys::shm_mq_create(base.add(QUEUE), QUEUE);
            pg_sys::shm_mq_set_sender(outgoing, pg_sys::MyProc);
            pg_sys::shm_mq_set_receiver(incoming, pg_sys::MyProc);

            let builder = BackgroundWorkerBuilder::new(kind)
                .set_type(kind)
                .set_library("paliad_backup")
                .set_function(function)
                .set_argument(Some(pg_sys::Datum::from(pg_sys::dsm_segment_handle(segment))))
                .set_extra(extra)
                .set_notify_pid(pg_sys::MyProcPid)
                .enable_spi_access();
            let mut worker: pg_sys::BackgroundWorker = (&builder).into();
            let mut handle = std::ptr::null_mut();
            if !pg_sys::RegisterDynamicBackgroundWorker(&mut worker, &mut handle) {
                pg_sys::dsm_detach(segment);
                return Err(Error::NoWorkerSlot);
            }
            Ok(Channel {
                segment,
                outgoing: pg_sys::shm_mq_attach(outgoing, segment, handle),
                incoming: pg_sys::shm_mq_attach(incoming, segment, handle),
                worker: handle,
                cut: false,
            })
        }
    }

    /// The worker's end; `None` when the backend has gone before the worker came.
    pub fn join(argument: pg_sys::Datum) -> Option<Channel> {
        // SAFETY: the handle comes from `start_worker`; dsm_attach gives null when the segment is gone; the layout is that of
        // `start_worker`, with the roles exchanged.
        unsafe {
            let segment = pg_sys::dsm_attach(argument.value() as pg_sys::dsm_handle);
            if segment.is_null() {
                return None;
            }
            let base = pg_sys::dsm_segment_address(segment);
            let incoming = base as *mut pg_sys::shm_mq;
            let outgoing = base.add(QUEUE) as *mut pg_sys::shm_mq;
            pg_sys::shm_mq_set_receiver(incoming, pg_sys::MyProc);
            pg_sys::shm_mq_set_sender(outgoing, pg_sys::MyProc);
            Some(Channel {
                segment,
                outgoing: pg_sys::shm_mq_attach(outgoing, segment, std::ptr::null_mut()),
                incoming: pg_sys::shm_mq_attach(incoming, segment, std::ptr::null_mut()),
                worker: std::ptr::null_mut(),
                cut: false,
            })
        }
    }

    /// Sends one message, waiting while the queue is full; `None` when `deadline` passed. After that, or a cancel during the
    /// wait, every further message is refused as [`Detached`]: the queue would join the two.
    pub fn send(
        &mut self,
        message: &[u8],
        interrupts: Interrupts,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<()>, Detached> {
        if std::mem::replace(&mut self.cut, true) {
            return Err(Detached);
        }
        let sent = self.wait_until(interrupts, deadline, |channel| {
            // SAFETY: the handle is live until `close`; a repeated call after WOULD_BLOCK passes the same message, as
            // shm_mq.c demands.
            unsafe {
                pg_sys::shm_mq_send(channel.outgoing, message.len(), message.as_ptr() as *const c_void, true, true)
            }
        })?;
        self.cut = sent.is_none();
        Ok(sent)
    }

    /// Receives one message, waiting for it; `None` when `deadline` passed.
    pub fn receive(
        &mut self,
        interrupts: Interrupts,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<Vec<u8>>, Detached> {
        let mut length: pg_sys::Size = 0;
        let mut data: *mut c_void = std::ptr::null_mut();
        let arrived = self.wait_until(interrupts, deadline, |channel| {
            // SAFETY: as in `send`.
            unsafe { pg_sys::shm_mq_receive(channel.incoming, &mut length, &mut data, true) }
        })?;
        // SAFETY: after SUCCESS `data` points to `length` bytes that stay valid until the next receive.
        Ok(arrived.map(|()| unsafe { std::slice::from_raw_parts(data as *const u8, length) }.to_vec()))
    }

    fn wait_until(
        &mut self,
        interrupts: Interrupts,
        deadline: Option<Instant>,
        mut attempt: impl FnMut(&mut Channel) -> pg_sys::shm_mq_result::Type,
    ) -> std::result::Result<Option<()>, Detached> {
        loop {
            match attempt(self) {
                pg_sys::shm_mq_result::SHM_MQ_SUCCESS => return Ok(Some(())),
                pg_sys::shm_mq_result::SHM_MQ_DETACHED => return Err(Detached),
                _ => {}
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            session::wait_latch(SLICE);
            match interrupts {
                Interrupts::Answered => session::check_for_interrupts(),
                // A recorder may wait as long as its backend does: whoever drops another database must not wait for that.
                Interrupts::Held => session::absorb_barriers(),
            }
        }
    }

    /// Ends the conversation; the other side sees that it is alone. Then waits up to 5 s until the worker has ended, and with
    /// it its locks and its slot.
    ///
    /// Not in `Drop`: while an error unwinds, PostgreSQL must not be called, and its abort handling detaches by itself.
    pub fn close(self) {
        // SAFETY: detaching the segment runs the queues' on_dsm_detach callbacks; `self` is consumed, so no queue is used again.
        unsafe { pg_sys::dsm_detach(self.segment) };
        let deadline = Instant::now() + FAREWELL;
        while self.worker_lives() && Instant::now() < deadline {
            session::wait_latch(SLICE);
        }
    }

    fn worker_lives(&self) -> bool {
        let mut pid = 0;
        // SAFETY: not null: the handle of `start_worker`, allocated in the memory context of the call that opened the channel.
        !self.worker.is_null()
            && matches!(
                unsafe { pg_sys::GetBackgroundWorkerPid(self.worker, &mut pid) },
                pg_sys::BgwHandleStatus::BGWH_STARTED | pg_sys::BgwHandleStatus::BGWH_NOT_YET_STARTED
            )
    }
}
