//! What a run leaves behind when it is cancelled, timed out, terminated or killed: whole bundles or failed rows, nothing between.

mod cancel;
mod crash;
#[path = "../support/runs.rs"]
mod runs;
mod state;
#[path = "../support/mod.rs"]
mod support;
mod terminate;
