//! Makes lost catalog rows again, from the manifests of the files that lie in this database's folder.

use super::register::{prove, register};
use crate::bundle::verification::Proven;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::catalog::registration::Entry;
use crate::error::{Error, Result};
use crate::pg::locks::lock_extension;
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{LocalDisk, Store, StoreError};

/// What becomes of a file without a row.
pub struct Rebuilt {
    /// As in the file's name.
    pub id: String,
    /// `add` or `skip`.
    pub action: &'static str,
    /// What the bundle is, or why it is skipped.
    pub detail: String,
}

/// Proves every file without a row, in a dry run as well: it tells what the real one would do. The run lock is held meanwhile.
///
/// # Errors
/// Of the store and the recorder; a file at fault is skipped.
pub fn rebuild_catalog(extension: Extension, dry_run: bool, actor: &Actor) -> Result<Vec<Rebuilt>> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    lock_extension(extension.oid);
    let store = if dry_run { storage::open_for_reading()? } else { storage::open()? };
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        let known = backups::ids()?;
        let mut rebuilt = Vec::new();
        for file in store.list()?.into_iter().filter(|file| !file.partial) {
            let id = file.key.id().to_string();
            if known.contains(&id) {
                continue;
            }
            let uri = store.uri(&file.key);
            rebuilt.push(match whole(&store, &uri, &id)? {
                Ok(proven) => {
                    if !dry_run {
                        register(recorder, &proven, &uri, Entry::Rebuilt, &file.name, actor)?;
                    }
                    Rebuilt { id, action: "add", detail: description(&proven) }
                }
                Err(error) => Rebuilt { id, action: "skip", detail: error.to_string() },
            });
        }
        Ok(rebuilt)
    })
}

/// The bundle, if it is whole and has the name of its run.
fn whole(store: &LocalDisk, uri: &str, id: &str) -> Result<BundleResult<Proven>> {
    let artifact = match store.open(uri) {
        Ok(artifact) => artifact,
        Err(StoreError::Io { source, .. }) => return Ok(Err(BundleError::Io(source))),
        Err(error) => return Ok(Err(BundleError::Damaged(error.to_string()))),
    };
    Ok(prove(artifact.file)?.and_then(|proven| match proven.manifest.run.id.as_str() {
        found if found == id => Ok(proven),
        found => Err(BundleError::Damaged(format!("it is the bundle of backup {found}"))),
    }))
}

fn description(proven: &Proven) -> String {
    let manifest = &proven.manifest;
    format!(
        "{} backup of database {}, started at {}, {} sheets, {} bytes",
        manifest.run.kind,
        manifest.database,
        manifest.run.started_at,
        manifest.sheets.len(),
        proven.size
    )
}
