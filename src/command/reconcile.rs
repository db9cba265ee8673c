//! Runs that say running though their process is gone: done if their bundle is whole, failed otherwise.

use crate::bundle::BundleError;
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::catalog::backups::{self, Backup, Outcome};
use crate::catalog::extension::Extension;
use crate::error::Result;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Key, Store, StoreError};
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
    let mut recorder = Recorder::start(extension)?;
    recorder.ask(&Request::Acquire)?;
    let reconciled = stale_runs(&mut recorder, &store)?;
    recorder.tell(&Request::Release)?;
    recorder.close();
    Ok(reconciled)
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
    match published(store, &uri, &stale.id) {
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
fn published(store: &dyn Store, uri: &str, id: &str) -> std::result::Result<Option<Outcome>, BundleError> {
    let artifact = match store.open(uri) {
        Ok(artifact) => artifact,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(StoreError::Io { source, .. }) => return Err(BundleError::Io(source)),
        Err(error) => return Err(BundleError::Damaged(error.to_string())),
    };
    let sha256 = hash(artifact.file.try_clone()?)?;
    let reader = BundleReader::open(artifact.file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    if manifest.run.id != id {
        return Err(BundleError::Damaged("the bundle is another run's".into()));
    }
    reader.verify_content(&manifest.files(), &Abort::default())?;
    let counts = manifest.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.row_count.into())).collect();
    Ok(Some(Outcome {
        storage_uri: uri.to_owned(),
        size_bytes: artifact.size,
        sha256,
        row_counts: serde_json::Value::Object(counts),
        sheet_count: manifest.sheets.len(),
        warnings: serde_json::json!(manifest.warnings),
    }))
}

fn hash(mut file: File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
    }
    file.rewind()?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
