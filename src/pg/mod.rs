//! PostgreSQL's C interface, made safe: the only room with unsafe code.
//!
//! Every unsafe block names the invariant that makes it sound. Nothing in here knows what a backup is.
#![allow(unsafe_code)]

pub mod channel;
pub mod dependencies;
pub mod identity;
pub mod locks;
pub mod query;
pub mod read_guard;
pub mod scan;
pub mod session;
pub mod text;
pub mod threads;
pub mod worker;
