//! The bundle, format 1: one zip with a workbook, JSON, CSV, a manifest and checksums (`docs/bundle-format.md`).
//!
//! Pure Rust: no PostgreSQL, no unsafe code. Rows come in as [`batch::Batch`]es of text values, one [`encoder::Encoder`] per
//! format turns them into entries of a spool, [`archive`] joins the spools into the bundle and [`reader`] opens it again.

pub mod archive;
pub mod batch;
pub mod csv;
pub mod encoder;
pub mod json;
pub mod manifest;
pub mod names;
pub mod objects;
pub mod psql;
pub mod reader;
pub mod readme;
pub mod records;
pub mod restore_script;
pub mod row_count;
pub mod sheet;
pub mod verification;
pub mod xlsx;

use std::io;

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The operating system refused a read or a write; `ENOSPC` arrives here.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bundle, or a value that goes into it, is not what the format demands. The text says where.
    #[error("{0}")]
    Damaged(String),
    /// The bundle's format version is not known to this release.
    #[error("bundle format {0} is not known to this release")]
    UnknownFormat(u64),
    /// The run was given up; encoders stop at the next write.
    #[error("the run was given up")]
    Aborted,
}

/// The result of everything in this room.
pub type Result<T> = std::result::Result<T, BundleError>;

/// The beginning of a text that a hostile bundle may have made as long as it likes, for a message.
fn excerpt(text: &str) -> String {
    const MOST: usize = 200;
    let visible = |character: char| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
    let mut excerpt: String = text.chars().take(MOST).map(visible).collect();
    if text.chars().nth(MOST).is_some() {
        excerpt.push('…');
    }
    excerpt
}
