//! Makes the catalog true: runs that say running though their process is gone, and bundles whose file is gone.

use std::collections::HashSet;

use super::background::Task;
use super::digests::{self, AuditTable};
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::bundle::verification::hash;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::backups::{self, Backup, CatalogedArtifact, Outcome};
use crate::catalog::extension::Extension;
use crate::catalog::settings::Settings;
use crate::config;
use crate::error::Result;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Artifact, Key, Store, StoreError};

/// What was put right about one backup.
pub struct Reconciled {
    /// The backup.
    pub id: String,
    /// A stale run: done or failed. A bundle's file: missing or found.
    pub status: &'static str,
}

/// Takes the run lock and puts right whatever earlier runs left behind.
///
/// # Errors
/// [`crate::error::Error::RunActive`] while a run is active: nothing is stale then.
pub fn reconcile(extension: Extension) -> Result<Vec<Reconciled>> {
    let store = storage::open()?;
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        put_right(recorder, &store)
    })
}

/// As [`reconcile`], for a recorder that holds the run lock.
///
/// # Errors
/// Of the recorder and the store: the first, after everything else was put right.
pub fn put_right(recorder: &mut Recorder, store: &dyn Store) -> Result<Vec<Reconciled>> {
    let settled: Vec<_> = backups::running()?.iter().map(|run| settle(recorder, store, run)).collect();
    let files = missing_files(recorder, store)?;
    let mut reconciled = settled.into_iter().collect::<Result<Vec<Reconciled>>>()?;
    reconciled.extend(files);
    Ok(reconciled)
}

/// Compares the catalog with what lies in the folder, by name alone: the files that are missing or back, and which of both.
///
/// # Errors
/// The server's and the store's.
pub fn misplaced(store: &dyn Store) -> Result<Vec<(CatalogedArtifact, bool)>> {
    let present: HashSet<String> =
        store.list()?.into_iter().filter(|file| !file.partial).map(|file| store.uri(&file.key)).collect();
    let compared = backups::artifacts(&store.folder_uri())?.into_iter().map(|artifact| {
        let missing = !present.contains(&artifact.storage_uri);
        (artifact, missing)
    });
    Ok(compared.filter(|(artifact, missing)| *missing != artifact.missing).collect())
}

fn missing_files(recorder: &mut Recorder, store: &dyn Store) -> Result<Vec<Reconciled>> {
    let mut reconciled = Vec::new();
    for (artifact, missing) in misplaced(store)? {
        recorder.ask(&Request::Missing { id: artifact.id.clone(), missing })?;
        reconciled.push(Reconciled { id: artifact.id, status: if missing { "missing" } else { "found" } });
    }
    Ok(reconciled)
}

/// The run's files lie in the directory that was configured when it began.
fn settle(recorder: &mut Recorder, store: &dyn Store, stale: &Backup) -> Result<Reconciled> {
    let elsewhere = match &stale.directory {
        Some(directory) if Some(directory) != config::directory().as_ref() => match storage::open_existing(directory) {
            Ok(store) => Some(store),
            Err(StoreError::BadDirectory { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    let store = elsewhere.as_ref().map_or(store, |elsewhere| elsewhere as &dyn Store);
    let key = Key::parse(&format!("{}.zip", stale.id))?;
    let uri = store.uri(&key);
    match published(store, &uri, &stale.id)? {
        Ok(Some(outcome)) => {
            recorder.ask(&Request::Finish { id: stale.id.clone(), outcome })?;
            return Ok(Reconciled { id: stale.id.clone(), status: "done" });
        }
        Ok(None) => {}
        Err(error @ (BundleError::Io(_) | BundleError::UnknownFormat(_))) => return Err(error.into()),
        // A file that is no whole bundle of this run is not worth keeping.
        Err(_) => {
            store.remove(&uri)?;
        }
    }
    store.remove_partial(&key)?;
    let error = "interrupted: the server or the session ended before the backup was complete".to_owned();
    recorder.ask(&Request::Fail { id: stale.id.clone(), error, sqlstate: "57P01".into() })?;
    Ok(Reconciled { id: stale.id.clone(), status: "failed" })
}

/// What the row would say, when the run died between the rename and its last word; `None` without a file.
///
/// The bundle is read on a thread: a large one takes its time, and the session stays answerable.
fn published(store: &dyn Store, uri: &str, id: &str) -> Result<BundleResult<Option<Outcome>>> {
    let artifact = match store.open(uri) {
        Ok(artifact) => artifact,
        Err(StoreError::NotFound { .. }) => return Ok(Ok(None)),
        Err(StoreError::Io { source, .. }) => return Ok(Err(BundleError::Io(source))),
        Err(error) => return Ok(Err(BundleError::Damaged(error.to_string()))),
    };
    let abort = Abort::default();
    let (uri, id, stop) = (uri.to_owned(), id.to_owned(), abort.clone());
    let audit_table = digests::audit_table(&Settings::read()?)?;
    let look = move || whole(artifact, uri, &id, audit_table.as_ref(), &stop).map(Some);
    Task::start("paliad reconcile", abort, look)?.join(|| Ok(()))
}

/// What a bundle says of itself, once it is found whole and the run's own.
fn whole(
    artifact: Artifact,
    uri: String,
    id: &str,
    audit_table: Option<&AuditTable>,
    abort: &Abort,
) -> BundleResult<Outcome> {
    let (_, sha256) = hash(&artifact.file, abort)?;
    let reader = BundleReader::open(artifact.file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    if manifest.run.id != id {
        return Err(BundleError::Damaged("the bundle is another run's".into()));
    }
    reader.verify_content(&manifest.files(), abort)?;
    let digests = digests::of_manifest(audit_table, &manifest);
    Ok(digests::record(digests, Outcome::of(&manifest, uri, artifact.size, sha256)))
}
