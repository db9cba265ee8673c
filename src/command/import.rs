//! Registers a bundle that lies in the store's import folder: made elsewhere, or put back after its file was gone.
//!
//! Nothing of the file is believed. It is copied from one open descriptor, for its owner may still write to it, and the copy is
//! what is proven, published and registered; the file itself stays where it lies.

use std::io::ErrorKind;
use std::path::Path;

use super::background::Task;
use super::register::{prove, register};
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::bundle::verification::{Proven, copy};
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::audit::Actor;
use crate::catalog::backups::{self, Backup};
use crate::catalog::extension::Extension;
use crate::catalog::registration::Entry;
use crate::error::{Error, Result, Told, sqlstate_text};
use crate::pg::files::ReservedHandles;
use crate::pg::locks::lock_extension;
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Artifact, Key, LocalDisk, Pending, Store, StoreError};

/// Most files open at once: directories, marker, the file, the copy several times.
const HANDLES: usize = 12;

/// Imports the file `name`; returns the backup's id. The run lock is held meanwhile.
///
/// # Errors
/// [`Error::UnknownObject`] where there is no such file; [`Error::WrongState`] for a backup that the catalog has already, unless its
/// file is gone and this one equals it; XX001 for what is no whole bundle of this format; as the store and the recorder.
pub fn import_bundle(extension: Extension, name: &str, actor: &Actor) -> Result<String> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    let _handles = ReservedHandles::new(HANDLES);
    lock_extension(extension.oid);
    let store = storage::open()?;
    let source = open(&store, name)?;
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        let id = id_of(&source).map_err(|error| refused(name, error))?;
        let key = Key::parse(&format!("{id}.zip"))?;
        let known = known(&store, &key, &id)?;
        let pending = store.create(&key)?;
        let (pending, proven) = copy_proven(&store, source, pending, &id)?.map_err(|error| refused(name, error))?;
        let entry = entry(known.as_ref(), &proven)?;
        publish(recorder, &store, pending, &proven, entry, name, actor)?;
        Ok(id)
    })
}

fn open(store: &LocalDisk, name: &str) -> Result<Artifact> {
    match store.open_import(name) {
        Err(StoreError::NotFound { .. }) => Err(Error::UnknownObject {
            message: format!("there is no file \"{name}\" to import"),
            hint: format!("Put it into \"{}\" on the server.", store.import_folder().display()),
        }),
        Err(error) if is_unreadable(&error, name) => {
            let folder = store.import_folder();
            Err(Error::Told(Told {
                hint: Some(format!(
                    "The server's user must own the file. As root: chown --reference={} {}",
                    shell_word(&folder),
                    shell_word(&folder.join(name))
                )),
                ..Error::from(error).told()
            }))
        }
        other => Ok(other?),
    }
}

/// Whether it was the file that the server's user may not read, and not a directory above it.
fn is_unreadable(error: &StoreError, name: &str) -> bool {
    matches!(error, StoreError::Io { path, source, .. }
        if source.kind() == ErrorKind::PermissionDenied && path.file_name().is_some_and(|file| file == name))
}

/// As a shell reads it back.
fn shell_word(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

/// Whose bundle it says it is. What is none at all is refused here, before it is copied.
fn id_of(source: &Artifact) -> BundleResult<String> {
    let reader = BundleReader::open(source.file.try_clone()?)?;
    Ok(Manifest::parse(&reader.manifest_bytes()?)?.run.id)
}

/// The row that the catalog has of this backup: none, or one whose file is gone.
fn known(store: &LocalDisk, key: &Key, id: &str) -> Result<Option<Backup>> {
    let backup = match backups::find(id) {
        Ok(backup) => Some(backup),
        Err(Error::UnknownBackup { .. }) => None,
        Err(error) => return Err(error),
    };
    match &backup {
        None if is_there(store, &store.uri(key))? => Err(Error::WrongState {
            message: format!("the file of backup {id} lies in the backup folder already, without a catalog row"),
            hint: "SELECT * FROM paliad_backup.rebuild_catalog(dry_run => false); makes its row.".into(),
        }),
        None => Ok(None),
        Some(Backup { status, deleted_at, storage_uri: Some(uri), .. })
            if status == "done" && (deleted_at.is_some() || !is_there(store, uri)?) =>
        {
            Ok(backup)
        }
        Some(_) => Err(Error::WrongState {
            message: format!("backup {id} is in the catalog already"),
            hint: format!(
                "SELECT * FROM paliad_backup.get('{id}'); shows it. A bundle whose file is gone can be put back."
            ),
        }),
    }
}

/// An artifact in a directory that is not the configured one is not there either.
fn is_there(store: &LocalDisk, uri: &str) -> Result<bool> {
    match store.open(uri) {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. } | StoreError::Refused { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Copies the file into the store and proves the copy, on threads.
fn copy_proven(
    store: &LocalDisk,
    source: Artifact,
    pending: Pending,
    id: &str,
) -> Result<BundleResult<(Pending, Proven)>> {
    if store.free_bytes()? < source.size {
        return Ok(Err(BundleError::Io(ErrorKind::StorageFull.into())));
    }
    let abort = Abort::default();
    let stop = abort.clone();
    let size = source.size;
    let task = Task::start("paliad import", abort, move || {
        let mut file = source.file;
        std::io::Seek::rewind(&mut file)?;
        let copied = copy(&mut std::io::Read::take(file, size), &mut pending.file(), &stop)?;
        pending.sync().map_err(|error| match error {
            StoreError::Io { source, .. } => BundleError::Io(source),
            other => BundleError::Io(std::io::Error::other(other)),
        })?;
        if copied == size { Ok(pending) } else { Err(changed()) }
    })?;
    let pending = match task.join(|| Ok(()))? {
        Ok(pending) => pending,
        Err(error) => return Ok(Err(error)),
    };
    let copied = pending.file().try_clone().map_err(BundleError::Io)?;
    Ok(prove(copied)?.and_then(
        |proven| {
            if proven.manifest.run.id == id { Ok((pending, proven)) } else { Err(changed()) }
        },
    ))
}

fn changed() -> BundleError {
    BundleError::Damaged("it was changed while it was read".into())
}

fn entry(known: Option<&Backup>, proven: &Proven) -> Result<Entry> {
    match known {
        None => Ok(Entry::Imported),
        Some(backup) if backup.sha256.as_deref() == Some(&proven.sha256) => Ok(Entry::PutBack),
        Some(backup) => Err(Error::WrongState {
            message: format!("backup {} is in the catalog with another SHA-256", backup.id),
            hint: "Only the bundle that was deleted or lost can be put back in its place.".into(),
        }),
    }
}

/// Publishes the file, then registers it; a file that could not be registered does not stay.
fn publish(
    recorder: &mut Recorder,
    store: &LocalDisk,
    pending: Pending,
    proven: &Proven,
    entry: Entry,
    name: &str,
    actor: &Actor,
) -> Result<()> {
    let id = &proven.manifest.run.id;
    let uri = store.uri(&Key::parse(&format!("{id}.zip"))?);
    let registered = match pending.publish() {
        Ok(uri) => register(recorder, proven, &uri, entry, name, actor),
        Err(error) => Err(error.into()),
    };
    if registered.is_err() {
        // The recorder may have ended between the commit and its answer.
        let row = backups::find(id).ok();
        if !row.is_some_and(|row| row.deleted_at.is_none() && row.storage_uri.as_ref() == Some(&uri)) {
            let _ = store.remove(&uri);
        }
    }
    registered
}

/// Why a file is not imported, with its name.
fn refused(name: &str, error: BundleError) -> Error {
    match error {
        BundleError::Damaged(fault) => Error::Told(Told {
            sqlstate: sqlstate_text(pgrx::PgSqlErrorCode::ERRCODE_DATA_CORRUPTED),
            message: format!("\"{name}\" cannot be imported: {fault}"),
            detail: None,
            hint: Some(
                "A bundle is imported as it was written. What was unpacked and zipped again is refused, by whatever tool; its rows \
                 load into an empty database: unzip it, then psql -d DATABASE -v ON_ERROR_STOP=1 -f restore.sql"
                    .into(),
            ),
        }),
        error => error.into(),
    }
}
