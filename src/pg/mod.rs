//! PostgreSQL's C interface, made safe: the only room with unsafe code.
//!
//! Every unsafe block names the invariant that makes it sound. It knows sheets, as what is read, and nothing of runs, bundles or the catalog.
#![allow(unsafe_code)]

pub mod channel;
pub mod check;
pub mod companions;
pub mod copy_in;
pub mod ddl;
pub mod dependencies;
pub mod empty;
pub mod files;
pub mod function_guard;
pub mod identity;
pub mod index;
pub mod locks;
pub mod name_guard;
pub mod panics;
pub mod query;
pub mod read_guard;
pub mod readable;
pub mod referential;
pub mod relcache;
pub mod row_set;
pub mod scan;
pub mod sequence;
pub mod session;
pub mod subtransaction;
pub mod text;
pub mod text_sets;
pub mod threads;
pub mod worker;
