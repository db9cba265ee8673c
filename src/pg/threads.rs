//! Threads beside the backend. They never call PostgreSQL, and no signal is ever delivered to them.

use std::thread::{Builder, JoinHandle};

/// Starts a thread with all signals blocked: the server's handlers must run in the backend's own thread alone.
///
/// # Errors
/// The operating system has no thread to give.
pub fn spawn<T, F>(name: &str, work: F) -> std::io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: plain POSIX calls on local sets; a new thread inherits the mask of the one that creates it, and the mask of this
    // thread is restored below whatever came of the spawn.
    unsafe {
        let mut all = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let thread = Builder::new().name(name.to_owned()).spawn(work);
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        thread
    }
}
