//! Runs that say running though their process is gone: done if their bundle is whole, failed otherwise.

use super::background::Task;
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::backups::{self, Backup, Outcome};
use crate::catalog::extension::Extension;
use crate::error::Result;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Artifact, Key, Store, StoreError};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek};

/// What became of one stale run.
pub struct Reconciled {
    /// The backup.
    pub id: String,
    /// done or failed.
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
        stale_runs(recorder, &store)
    })
}

/// As [`reconcile`], for a recorder that holds the run lock.
///
/// # Errors
/// Of the recorder and the store.
pub fn stale_runs(recorder: &mut Recorder, store: &dyn Store) -> Result<Vec<Reconciled>> {
    backups::running()?.iter().map(|stale| settle(recorder, store, stale)).collect()
}

fn settle(recorder: &mut Recorder, store: &dyn Store, stale: &Backup) -> Result<Reconciled> {
    let key = Key::parse(&format!("{}.zip", stale.id))?;
    let uri = store.uri(&key);
    match published(store, &uri, &stale.id)? {
        Ok(Some(outcome)) => {
            recorder.ask(&Request::Finish { id: stale.id.clone(), outcome })?;
            return Ok(Reconciled { id: stale.id.clone(), status: "done" });
        }
        Ok(None) => {}
        Err(BundleError::Io(error)) => return Err(BundleError::Io(error).into()),
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
    let task = Task::start("paliad reconcile", abort, move || whole(artifact, uri, &id, &stop).map(Some))?;
    task.join(|| Ok(()))
}

/// What a bundle says of itself, once it is found whole and the run's own.
fn whole(artifact: Artifact, uri: String, id: &str, abort: &Abort) -> BundleResult<Outcome> {
    let sha256 = hash(artifact.file.try_clone()?, abort)?;
    let reader = BundleReader::open(artifact.file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    if manifest.run.id != id {
        return Err(BundleError::Damaged("the bundle is another run's".into()));
    }
    reader.verify_content(&manifest.files(), abort)?;
    let counts = manifest.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.row_count.into())).collect();
    Ok(Outcome {
        storage_uri: uri,
        size_bytes: artifact.size,
        sha256,
        row_counts: serde_json::Value::Object(counts),
        sheet_count: manifest.sheets.len(),
        warnings: serde_json::json!(manifest.warnings),
    })
}

fn hash(mut file: File, abort: &Abort) -> BundleResult<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        abort.check()?;
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
    }
    file.rewind()?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
