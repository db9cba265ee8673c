//! No backtraces in the DETAIL of errors.

use std::panic;

use pgrx::pg_sys::panic::{CaughtError, ErrorReport, ErrorReportWithLevel};

/// Panics that only carry an error of the server's or of ours pass by pgrx's panic hook, which captures a backtrace of each where
/// RUST_BACKTRACE is in the server's environment, and adds it to the next error of the server's. Panics of another kind are bugs:
/// they keep theirs.
pub fn install() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        if !(payload.is::<CaughtError>() || payload.is::<ErrorReportWithLevel>() || payload.is::<ErrorReport>()) {
            hook(info);
        }
    }));
}
