//! The one shape that csv, json and xlsx share: sheets and batches in, a finished spool out.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::sheet::Sheet;
use super::{BundleError, Result};

/// Turns rows into one format. Each is made and runs on a thread of its own and never touches PostgreSQL.
pub trait Encoder {
    /// Starts the next sheet.
    fn begin_sheet(&mut self, sheet: &Arc<Sheet>) -> Result<()>;
    /// Writes some rows of the sheet that was started.
    fn rows(&mut self, batch: &Batch) -> Result<()>;
    /// Ends the sheet that was started.
    fn end_sheet(&mut self) -> Result<()>;
    /// Ends the format; nothing is written afterwards.
    fn finish(self: Box<Self>) -> Result<Encoded>;
}

/// What an encoder leaves behind.
pub struct Encoded {
    /// An unlinked file: a zip whose entries go into the bundle as they are (csv, json), or the workbook itself (xlsx).
    pub spool: File,
    /// Of the whole spool, where that is a file of the bundle (xlsx).
    pub crc32: Option<u32>,
    /// The files, in the order of the sheets.
    pub files: Vec<FileInfo>,
    /// What could not be shown as it is.
    pub warnings: Vec<Warning>,
    /// For each sheet the names it has in the workbook, none if it was left out (xlsx); empty (csv, json).
    pub sheet_names: Vec<(String, Vec<String>)>,
    /// Paths of files with a line that is only `\.` (csv): psql takes it for the end of the data, also inside a quoted value.
    pub end_marks: Vec<String>,
}

/// One file of the bundle, as manifest and SHA256SUMS name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Path in the bundle, `/` between folders.
    pub path: String,
    /// Bytes, unpacked.
    pub size: u64,
    /// SHA-256 of the unpacked bytes, lower-case hex.
    pub sha256: String,
}

/// One thing the reader of the bundle should know: one per sheet, column and code, with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable word, e.g. `xlsx_text_shortened`.
    pub code: String,
    /// The sheet, where the warning is about one.
    pub sheet: Option<String>,
    /// The column, where the warning is about one.
    pub column: Option<String>,
    /// How many values (or objects) are concerned.
    pub count: u64,
    /// One sentence for a person.
    pub detail: String,
}

/// Raised by the leader to make encoders stop at their next write.
#[derive(Clone, Debug, Default)]
pub struct Abort(Arc<AtomicBool>);

impl Abort {
    /// Asks for the stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// [`BundleError::Aborted`] once the stop was asked for.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(BundleError::Aborted) } else { Ok(()) }
    }
}
