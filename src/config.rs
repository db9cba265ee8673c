//! Settings of the server (GUCs). What belongs to one application stands in table `settings` instead.

use std::ffi::CString;
use std::path::PathBuf;

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

/// Where bundles are written: a superuser's setting, for whoever sets it decides what files the server writes.
static DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// Deflate level of csv, json and workbook: 1 is fastest, 9 is smallest.
static COMPRESSION_LEVEL: GucSetting<i32> = GucSetting::<i32>::new(1);

/// Threads that encode, beside the backend.
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(3);

/// Makes the settings known to the server; called once when the library is loaded.
pub fn register() {
    GucRegistry::define_string_guc(
        c"paliad_backup.directory",
        c"Directory in which paliad_backup keeps its bundles.",
        c"An absolute path outside the data directory. Empty means that backups are off.",
        &DIRECTORY,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"paliad_backup.compression_level",
        c"Compression level of bundles, 1 (fastest) to 9 (smallest).",
        c"Applies to csv, json and the workbook's parts.",
        &COMPRESSION_LEVEL,
        1,
        9,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"paliad_backup.threads",
        c"Most threads that encode and compress, beside the session that reads the tables.",
        c"One for each of the three formats is the most that are used. 1 leaves most of the machine to others.",
        &THREADS,
        1,
        3,
        GucContext::Userset,
        GucFlags::default(),
    );
}

/// The configured directory; `None` when the setting is empty or blank.
pub fn directory() -> Option<PathBuf> {
    let text = DIRECTORY.get()?.into_string().ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// The deflate level, 1 to 9.
pub fn compression_level() -> u32 {
    COMPRESSION_LEVEL.get().unsigned_abs()
}

/// Most threads that encode, 1 to 3.
pub fn threads() -> usize {
    THREADS.get().unsigned_abs() as usize
}
