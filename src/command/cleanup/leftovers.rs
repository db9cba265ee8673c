//! Files of this database's folder that no backup of the catalog accounts for.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::Action;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::retention::{Word, words};
use crate::error::Result;
use crate::store::{Key, Listed, LocalDisk, Store, StoreError};

/// A file that was written to more recently may be somebody's work that goes on.
const AT_REST: Duration = Duration::from_secs(60 * 60);

/// A file that should not be there.
pub struct Leftover {
    /// The backup that it is named by.
    pub key: Key,
    /// The catalog has a row of that backup.
    known: bool,
    partial: bool,
    kept: bool,
    /// Why it goes, or stays.
    pub reason: String,
    /// Its size.
    pub bytes: u64,
    /// Where it lies.
    pub path: PathBuf,
}

/// All of them, by name. Under the run lock no partial file is anybody's work; without it, that of the active run is left out.
///
/// # Errors
/// The server's and the store's.
pub fn leftovers(store: &LocalDisk) -> Result<Vec<Leftover>> {
    let files = store.list()?;
    let ids: Vec<Uuid> = files.iter().map(|file| file.key.id()).collect();
    let words = words(&ids)?;
    let found = |file: Listed| {
        let word = words.get(&file.key.id()).copied();
        let (kept, reason) = judge(store, &file, word)?;
        Some(Leftover {
            key: file.key,
            known: word.is_some(),
            partial: file.partial,
            kept,
            reason,
            bytes: file.size,
            path: store.path(&file.name),
        })
    };
    Ok(files.into_iter().filter_map(found).collect())
}

/// Whether a file stays nevertheless, and why; none for one that is in its place.
fn judge(store: &LocalDisk, file: &Listed, word: Option<Word>) -> Option<(bool, String)> {
    let goes = |reason: &str| Some((false, reason.to_owned()));
    let at_rest = SystemTime::now().duration_since(file.modified).is_ok_and(|age| age > AT_REST);
    match word {
        Some(Word::Running) => None,
        Some(Word::Done) if !file.partial => None,
        // Nothing to wait for: the row says what was meant to happen.
        Some(Word::Deleted) if !file.partial => goes("its backup is deleted"),
        _ if !at_rest => None,
        _ if file.partial => goes("left behind by a run that did not end"),
        Some(_) => goes("its run failed"),
        None => match worth(store, &file.key) {
            Ok(Some(reason)) => Some((true, reason)),
            Err(BundleError::Io(error)) => Some((true, format!("it could not be read: {error}"))),
            _ => goes("no backup of the catalog, and no bundle"),
        },
    }
}

/// Why a file without a row is worth keeping; none where it is not. A bundle is no orphan, but may be all that is left of a backup, after a
/// catalog was restored to an earlier time or made anew: also where its manifest is damaged, or its name another's.
fn worth(store: &LocalDisk, key: &Key) -> BundleResult<Option<String>> {
    let artifact = match store.open(&store.uri(key)) {
        Ok(artifact) => artifact,
        Err(StoreError::Io { source, .. }) => return Err(BundleError::Io(source)),
        Err(_) => return Ok(None),
    };
    let bundle = BundleReader::open(artifact.file)?;
    let reason = match bundle.manifest_bytes().and_then(|bytes| Manifest::parse(&bytes)) {
        Ok(manifest) if manifest.run.id != key.id().to_string() => {
            format!("the bundle of backup {} by another name: rename it, or remove it by hand", manifest.run.id)
        }
        Ok(_) | Err(BundleError::UnknownFormat(_)) => {
            "a bundle whose catalog row is lost: SELECT * FROM paliad_backup.rebuild_catalog(dry_run => false); makes it again".into()
        }
        Err(BundleError::Io(error)) => return Err(BundleError::Io(error)),
        Err(error) => format!("a bundle whose manifest cannot be read ({error}): look into it, or remove it by hand"),
    };
    Ok(Some(reason))
}

impl Leftover {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Unlinks it.
    ///
    /// # Errors
    /// The store's.
    pub fn remove(&self, store: &LocalDisk) -> std::result::Result<bool, StoreError> {
        if self.partial { store.remove_partial(&self.key) } else { store.remove(&store.uri(&self.key)) }
    }

    /// As it is told.
    pub fn action(&self) -> Action {
        Action {
            id: self.known.then(|| self.key.id()),
            action: if self.kept { "keep" } else { "remove file" },
            reason: self.reason.clone(),
            bytes: Some(self.bytes),
            path: Some(self.path.clone()),
        }
    }
}
