//! The catalog's backups, judged.

use std::collections::HashMap;
use std::path::PathBuf;

use uuid::Uuid;

use super::Action;
use crate::catalog::retention::{Artifact, Known};
use crate::command::restore::undo;
use crate::error::Result;
use crate::retention::{Backup, Verdict, all_but_newest_automatic, select};
use crate::store::{Key, LocalDisk, Store};

/// A backup and what becomes of it.
pub struct Judged {
    /// The backup.
    pub artifact: Artifact,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// Judges by the settings. Restores whose checkpoint would go are looked up: one that is not committed yet may have to be undone.
///
/// # Errors
/// The server's; as [`undo::is_open`].
pub fn by_policy(known: &Known, folder: &str) -> Result<Vec<Judged>> {
    let mut facts: Vec<Backup> = known.backups.iter().map(|artifact| artifact.facts(folder, false)).collect();
    let verdicts = select(&facts, &known.policy, known.now);
    let mut guards = false;
    for (index, artifact) in known.backups.iter().enumerate() {
        if let (Verdict::Remove(_), Some(restore)) = (&verdicts[index].1, &artifact.checkpoint_of) {
            facts[index].guards_open_restore = undo::is_open(restore)? || artifact.is_of_open_transaction()?;
            guards |= facts[index].guards_open_restore;
        }
    }
    let verdicts = if guards { select(&facts, &known.policy, known.now) } else { verdicts };
    Ok(judged(known, verdicts))
}

/// Doubts those of the present directory whose file is not there, or has another size: the catalog tells neither before somebody has looked.
///
/// # Errors
/// The store's.
pub fn compare(known: &mut Known, store: &dyn Store) -> Result<()> {
    let files = store.list()?.into_iter().filter(|file| !file.partial);
    let sizes: HashMap<String, u64> = files.map(|file| (store.uri(&file.key), file.size)).collect();
    for artifact in known.backups.iter_mut().filter(|artifact| artifact.status == "done") {
        let found = artifact.storage_uri.as_ref().and_then(|uri| sizes.get(uri)).copied();
        artifact.damaged |= found.is_none() || found != artifact.size_bytes;
    }
    Ok(())
}

/// Judges automatic backups alone: see [`all_but_newest_automatic`].
pub fn automatic(known: &Known, folder: &str) -> Vec<Judged> {
    let facts: Vec<Backup> = known.backups.iter().map(|artifact| artifact.facts(folder, false)).collect();
    judged(known, all_but_newest_automatic(&facts, &known.policy, known.now))
}

fn judged(known: &Known, verdicts: Vec<(Uuid, Verdict)>) -> Vec<Judged> {
    let artifacts: HashMap<Uuid, &Artifact> = known.backups.iter().map(|artifact| (artifact.id, artifact)).collect();
    let judged = |(id, verdict)| artifacts.get(&id).map(|artifact| Judged { artifact: (*artifact).clone(), verdict });
    verdicts.into_iter().filter_map(judged).collect()
}

impl Judged {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        matches!(self.verdict, Verdict::Keep(_))
    }

    /// As it is told.
    pub fn action(&self, store: &LocalDisk) -> Action {
        let artifact = &self.artifact;
        Action {
            id: Some(artifact.id),
            action: if self.is_kept() { "keep" } else { "remove" },
            reason: self.verdict.to_string(),
            bytes: if artifact.missing { Some(0) } else { artifact.size_bytes },
            path: self.path(store),
        }
    }

    /// None where it lies elsewhere, or nowhere yet.
    fn path(&self, store: &LocalDisk) -> Option<PathBuf> {
        let key = Key::new(self.artifact.id);
        (self.artifact.storage_uri.as_deref() == Some(store.uri(&key).as_str())).then(|| store.path(&key.to_string()))
    }
}
