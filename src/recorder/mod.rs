//! The recorder: a background worker that commits catalog, audit and progress rows whatever becomes of the caller.
//!
//! A backend talks to a recorder of its own ([`leader::Recorder`]); each request is acknowledged once it is committed, progress
//! alone is not. When the backend goes away without a word, the recorder marks its run failed by itself.

pub mod leader;
mod notice;
pub mod protocol;
pub mod worker;
