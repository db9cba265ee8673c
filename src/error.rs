//! Every error that a caller can see: SQLSTATE, message, DETAIL (the object) and HINT (the next command), in one place.

use pgrx::PgSqlErrorCode::{self, *};
use std::panic::AssertUnwindSafe;

use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::{PgLogLevel, PgTryBuilder, function_name};

use serde::{Deserialize, Serialize};

use crate::bundle::BundleError;
use crate::store::StoreError;

/// The result of every use case.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, named by what the caller has to know.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument is not acceptable.
    #[error("{message}")]
    BadArgument {
        /// What is wrong, with the value.
        message: String,
        /// What is allowed.
        hint: String,
    },
    /// `paliad_backup.directory` is not set.
    #[error("no backup directory is configured")]
    NotConfigured {
        /// The current database, for the command in the hint.
        database: String,
    },
    /// The application's admin function says no.
    #[error("permission denied for paliad_backup")]
    NotAuthorized {
        /// The function that was asked.
        admin_function: String,
    },
    /// A right is missing that the extension doesn't take for itself.
    #[error("{message}")]
    Rights {
        /// What was refused to whom.
        message: String,
        /// The GRANT that helps.
        hint: String,
    },
    /// No such backup.
    #[error("backup {id} does not exist")]
    UnknownBackup {
        /// The id that was asked for.
        id: String,
    },
    /// No such file in a bundle, no such relation, role or function in a setting.
    #[error("{message}")]
    UnknownObject {
        /// What is missing.
        message: String,
        /// Where to look.
        hint: String,
    },
    /// The backup exists but is not in the state that the call needs.
    #[error("{message}")]
    WrongState {
        /// The state and what was wanted.
        message: String,
        /// The next command.
        hint: String,
    },
    /// Another run holds the database's one place.
    #[error("another backup operation is active in this database")]
    RunActive {
        /// The active backup and the process that runs it, as far as known.
        detail: String,
    },
    /// ACCESS EXCLUSIVE on a table was held for longer than lock_timeout.
    #[error("could not obtain a lock on table {table} within lock_timeout")]
    LockNotAvailable {
        /// The table, qualified.
        table: String,
    },
    /// A table changed its storage or its partitions between the snapshot and the lock.
    #[error("{message}")]
    ChangedAfterSnapshot {
        /// Which table, and what happened to it.
        message: String,
    },
    /// The transaction's snapshot is older than the locks would be.
    #[error("restore() needs a READ COMMITTED transaction")]
    Isolation,
    /// Tables differ from what the bundle has.
    #[error("{}", problems.join("; "))]
    Incompatible {
        /// One sentence per table.
        problems: Vec<String>,
    },
    /// A text value is not valid in the database's encoding.
    #[error("invalid text in column {column} of {table}")]
    InvalidText {
        /// The table, qualified.
        table: String,
        /// The column.
        column: String,
        /// Which row.
        detail: String,
    },
    /// A value's text exceeds what the server can hold in one piece.
    #[error("a value of column {column} of {table} is too large to be exported")]
    ValueTooLarge {
        /// The table, qualified.
        table: String,
        /// The column.
        column: String,
        /// Which row, and what the server says.
        detail: String,
    },
    /// A row's text, by which a sheet without a primary key is ordered, exceeds what the server can hold in one piece.
    #[error("a row of {table} is too large to be exported")]
    RowTooLarge {
        /// The table, qualified.
        table: String,
        /// What the server says.
        detail: String,
    },
    /// The server is in recovery.
    #[error("this server is a standby: neither catalog nor audit log can be written")]
    Standby,
    /// No background worker could be registered.
    #[error("no background worker slot is free for the recorder")]
    NoWorkerSlot,
    /// The recorder process ended or did not answer.
    #[error("the recorder process {message}")]
    Recorder {
        /// What happened.
        message: String,
    },
    /// The recorder reports an error of its own or of the server's.
    #[error("{}", .0.message)]
    Told(Told),
    /// The store refused or failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The bundle could not be written or read.
    #[error("{0}")]
    Bundle(#[from] BundleError),
    /// The store refused to remove some of the files that were to go.
    #[error("{}", not_removed(causes))]
    NotRemoved {
        /// How many went.
        removed: usize,
        /// A sentence per file that did not.
        causes: Vec<String>,
    },
    /// A bundle is not the one that was made.
    #[error("{message}")]
    Damaged {
        /// What is wrong with it.
        message: String,
        /// How to learn more, and which bundle is good.
        hint: String,
    },
    /// Something the server or a format can't do.
    #[error("{message}")]
    Unsupported {
        /// What.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// An invariant of this extension is broken.
    #[error("{0}")]
    Internal(String),
}

/// An error as one process tells it to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Five characters.
    pub sqlstate: String,
    /// The message.
    pub message: String,
    /// The DETAIL.
    pub detail: Option<String>,
    /// The HINT.
    pub hint: Option<String>,
}

impl Error {
    /// An [`Error::Internal`] from anything that can be shown.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Error::Internal(cause.to_string())
    }

    /// The SQLSTATE.
    pub fn sqlstate(&self) -> PgSqlErrorCode {
        match self {
            Error::BadArgument { .. } => ERRCODE_INVALID_PARAMETER_VALUE,
            Error::NotConfigured { .. } | Error::WrongState { .. } | Error::Incompatible { .. } => {
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
            }
            Error::Isolation => ERRCODE_ACTIVE_SQL_TRANSACTION,
            Error::NotAuthorized { .. } | Error::Rights { .. } => ERRCODE_INSUFFICIENT_PRIVILEGE,
            Error::UnknownBackup { .. } | Error::UnknownObject { .. } => ERRCODE_UNDEFINED_OBJECT,
            Error::RunActive { .. } => ERRCODE_OBJECT_IN_USE,
            Error::LockNotAvailable { .. } => ERRCODE_LOCK_NOT_AVAILABLE,
            Error::ChangedAfterSnapshot { .. } => ERRCODE_T_R_SERIALIZATION_FAILURE,
            Error::InvalidText { .. } => ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
            Error::ValueTooLarge { .. } | Error::RowTooLarge { .. } => ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Error::Standby => ERRCODE_READ_ONLY_SQL_TRANSACTION,
            Error::NoWorkerSlot => ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            Error::Recorder { .. } => ERRCODE_SYSTEM_ERROR,
            Error::Told(told) => sqlstate_from_text(&told.sqlstate),
            Error::Store(error) => match error {
                StoreError::Io { source, .. } => io_sqlstate(source),
                StoreError::Refused { .. } => ERRCODE_INSUFFICIENT_PRIVILEGE,
                StoreError::NotFound { .. } => ERRCODE_IO_ERROR,
                StoreError::BadDirectory { .. }
                | StoreError::ForeignFolder { .. }
                | StoreError::Lost { .. }
                | StoreError::NotConfigured => ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            },
            Error::NotRemoved { .. } => ERRCODE_IO_ERROR,
            Error::Bundle(BundleError::Io(source)) => io_sqlstate(source),
            Error::Bundle(BundleError::Aborted) => ERRCODE_QUERY_CANCELED,
            Error::Bundle(BundleError::UnknownFormat(_)) | Error::Unsupported { .. } => ERRCODE_FEATURE_NOT_SUPPORTED,
            Error::Bundle(BundleError::Damaged(_)) | Error::Damaged { .. } => ERRCODE_DATA_CORRUPTED,
            Error::Internal(_) => ERRCODE_INTERNAL_ERROR,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Error::RunActive { detail } | Error::InvalidText { detail, .. } | Error::ValueTooLarge { detail, .. } => {
                Some(detail.clone())
            }
            Error::NotAuthorized { admin_function } => {
                Some(format!("The application's admin function {admin_function}() did not say true for this session."))
            }
            Error::RowTooLarge { detail, .. } => {
                Some(format!("Without a primary key the rows are ordered by their text, and the server says: {detail}"))
            }
            Error::Told(told) => told.detail.clone(),
            Error::NotRemoved { removed, causes } => {
                let others = causes.iter().skip(1).map(|cause| format!("{cause}\n"));
                Some(format!("{}{removed} others were removed.", others.collect::<String>()))
            }
            Error::NotConfigured { .. } => Some("The setting paliad_backup.directory is empty.".into()),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::BadArgument { hint, .. }
            | Error::Rights { hint, .. }
            | Error::UnknownObject { hint, .. }
            | Error::WrongState { hint, .. }
            | Error::Damaged { hint, .. }
            | Error::Unsupported { hint, .. } => hint.clone(),
            Error::NotConfigured { database } => format!(
                "As a superuser: ALTER DATABASE {} SET paliad_backup.directory = '/var/lib/postgresql/paliad_backup'; \
                 then reconnect. The directory lies outside the data directory; its parent must exist.",
                pgrx::spi::quote_identifier(database)
            ),
            Error::NotAuthorized { .. } => "Sign in to the application as somebody for whom it says true, or ask an administrator of the application.".into(),
            Error::UnknownBackup { .. } => "SELECT id, started_at, status FROM paliad_backup.list(); shows them.".into(),
            Error::RunActive { .. } => {
                "Wait for it, watching SELECT * FROM paliad_backup.progress; or end it with pg_cancel_backend().".into()
            }
            Error::LockNotAvailable { .. } => {
                "SELECT * FROM pg_locks shows who holds it. Try again, or raise lock_timeout.".into()
            }
            Error::ChangedAfterSnapshot { .. } => "Run it again.".into(),
            Error::Isolation => {
                "Its snapshot must not be older than its locks: BEGIN ISOLATION LEVEL READ COMMITTED, or no BEGIN at all.".into()
            }
            Error::Incompatible { .. } => "Nothing was touched. Change the tables, leave the sheets out (sheets => …), or restore them into \
                                           tables that fit with restore_sheet()."
                .into(),
            Error::InvalidText { .. } => "Correct the value, or exclude the table.".into(),
            Error::ValueTooLarge { .. } => {
                "PostgreSQL makes no text of 1 GB or more. Exclude the table, or register a view without the value.".into()
            }
            Error::RowTooLarge { .. } => {
                "PostgreSQL makes no text of 1 GB or more. Add a primary key, exclude the table, or register a view without the \
                 large values."
                    .into()
            }
            Error::NotRemoved { .. } => {
                "Correct what keeps the files, then: SELECT * FROM paliad_backup.cleanup(dry_run => false);".into()
            }
            Error::Standby => "Run it on the primary server.".into(),
            Error::NoWorkerSlot => "Raise max_worker_processes and restart the server, or try again later.".into(),
            Error::Recorder { .. } => "The server's log says why.".into(),
            Error::Told(told) => return told.hint.clone(),
            Error::Store(StoreError::ForeignFolder { .. }) => {
                "If this server now owns the files: SELECT paliad_backup.adopt_directory();".into()
            }
            Error::Store(StoreError::Lost { .. }) => {
                "Mount its file system, or put the folder back. If the bundles are gone for good: \
                 SELECT paliad_backup.adopt_directory();"
                    .into()
            }
            Error::Store(StoreError::BadDirectory { .. }) => {
                "The directory is absolute, lies outside the data directory, belongs to the server's user, and nobody else may \
                 write to it; its parent exists. Correct it or the setting paliad_backup.directory."
                    .into()
            }
            Error::Store(StoreError::Io { source, .. }) | Error::Bundle(BundleError::Io(source))
                if io_sqlstate(source) == ERRCODE_DISK_FULL =>
            {
                "Free space in the backup directory; SELECT * FROM paliad_backup.list() shows what lies there.".into()
            }
            Error::Store(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "The server's user must own the backup directory and be able to reach it: mode 0700.".into()
            }
            Error::Store(StoreError::Refused { .. }) => {
                "Only bundles in the backup directory's own folders are touched, and no links. Look at storage_uri in \
                 paliad_backup.backups, and at what lies in the directory."
                    .into()
            }
            Error::Store(StoreError::NotFound { .. }) => {
                "The file was moved or removed; the catalog row stays as evidence.".into()
            }
            _ => return None,
        })
    }

    /// The error for another process, or for another place in this one.
    pub fn told(&self) -> Told {
        Told {
            sqlstate: sqlstate_text(self.sqlstate()),
            message: self.to_string(),
            detail: self.detail(),
            hint: self.hint(),
        }
    }

    /// Puts a stage in front of the message, as the catalog stores it (`generate: …`, `store: …`).
    pub fn at_stage(&self, stage: &str) -> String {
        format!("{stage}: {self}")
    }

    /// Raises the error to the caller. Never returns.
    pub fn raise(self) -> ! {
        let mut report = ErrorReport::new(self.sqlstate(), self.to_string(), function_name!());
        if let Some(detail) = self.detail() {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint() {
            report = report.set_hint(hint);
        }
        report.report(PgLogLevel::ERROR);
        unreachable!("a report at level ERROR does not return")
    }
}

/// The first, and how many more.
fn not_removed(causes: &[String]) -> String {
    let first = causes.first().map(String::as_str).unwrap_or_default();
    match causes.len() {
        0 | 1 => first.to_owned(),
        many => format!("{first} (and {} more)", many - 1),
    }
}

impl Told {
    /// Tells the caller as a WARNING, with what it is about in front: the work itself has succeeded.
    pub fn warn(self, about: &str) {
        let code = sqlstate_from_text(&self.sqlstate);
        let mut report = ErrorReport::new(code, format!("{about}: {}", self.message), function_name!());
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(PgLogLevel::WARNING);
    }
}

/// Runs `work`; an error that PostgreSQL raised in it, or a panic, is returned. The transaction can't go on after one: rethrow it.
pub fn caught<R>(work: impl FnOnce() -> R) -> std::result::Result<R, Box<CaughtError>> {
    PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(|cause| Err(Box::new(cause)))
        .catch_rust_panic(|cause| Err(Box::new(cause)))
        .execute()
}

/// Disk full and out of memory are told apart from every other refusal of the operating system.
fn io_sqlstate(error: &std::io::Error) -> PgSqlErrorCode {
    use std::io::ErrorKind::{OutOfMemory, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => ERRCODE_DISK_FULL,
        OutOfMemory => ERRCODE_OUT_OF_MEMORY,
        _ => ERRCODE_IO_ERROR,
    }
}

/// Five characters of SQLSTATE for a code, as `unpack_sql_state` of elog.c does.
pub fn sqlstate_text(code: PgSqlErrorCode) -> String {
    let mut packed = code as i32;
    (0..5)
        .map(|_| {
            let character = char::from((packed & 0x3F) as u8 + b'0');
            packed >>= 6;
            character
        })
        .collect()
}

fn sqlstate_from_text(text: &str) -> PgSqlErrorCode {
    let packed = text
        .bytes()
        .take(5)
        .enumerate()
        .fold(0i32, |packed, (index, byte)| packed | (i32::from(byte.wrapping_sub(b'0')) & 0x3F) << (6 * index));
    PgSqlErrorCode::from(packed)
}

/// An error that PostgreSQL raised.
pub fn describe(error: &CaughtError) -> Told {
    let report = match error {
        CaughtError::PostgresError(report)
        | CaughtError::ErrorReport(report)
        | CaughtError::RustPanic { ereport: report, .. } => report,
    };
    Told {
        sqlstate: sqlstate_text(report.sql_error_code()),
        message: report.message().to_owned(),
        detail: report.detail().map(str::to_owned),
        hint: report.hint().map(str::to_owned),
    }
}
