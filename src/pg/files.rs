//! File handles that the server's own bookkeeping must leave free.

use pgrx::pg_sys;

/// Handles that this process may open beside the server's virtual ones (fd.c, "Pseudo virtual files"), until it is dropped.
pub struct ReservedHandles(usize);

impl ReservedHandles {
    /// Makes room for `count` handles, closing virtual ones where it must.
    pub fn new(count: usize) -> Self {
        // SAFETY: counts, and closes files that fd.c reopens by itself.
        (0..count).for_each(|_| unsafe { pg_sys::ReserveExternalFD() });
        ReservedHandles(count)
    }
}

impl Drop for ReservedHandles {
    fn drop(&mut self) {
        // SAFETY: only counts, so that it is sound while an error unwinds as well.
        (0..self.0).for_each(|_| unsafe { pg_sys::ReleaseExternalFD() });
    }
}
