//! Removes a bundle's file. The row stays: it is evidence.

use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::{Reply, Request};
use crate::storage;
use crate::store::{LocalDisk, Store, StoreError};

/// Why the row says deleted.
const BY_HAND: &str = "deleted by hand";

/// Removes one backup's file. Not transactional: ROLLBACK doesn't bring the file back.
///
/// # Errors
/// [`Error::WrongState`] for a pinned or running backup; the store's errors.
pub fn delete(extension: Extension, id: &str, actor: &Actor) -> Result<()> {
    let backup = backups::find(id)?;
    if backup.status == "running" {
        return Err(Error::WrongState {
            message: format!("backup {id} is still running"),
            hint: "Wait for it, or cancel its session; SELECT * FROM paliad_backup.progress shows it.".into(),
        });
    }
    let pinned = || Error::WrongState {
        message: format!("backup {id} is pinned"),
        hint: format!("SELECT paliad_backup.unpin('{id}'); allows its deletion."),
    };
    if backup.pinned {
        return Err(pinned());
    }
    if backup.deleted_at.is_some() {
        // An earlier call may have been stopped between the stamp and the file.
        if let Some(uri) = &backup.storage_uri {
            storage::open()?.remove(uri)?;
        }
        return Ok(());
    }
    let deleted = Recorder::with(extension, |recorder| match &backup.storage_uri {
        Some(uri) => invalidate_and_remove(recorder, &storage::open()?, id, uri, BY_HAND, actor),
        None => invalidate(recorder, id, BY_HAND, actor),
    })?;
    if deleted { Ok(()) } else { Err(pinned()) }
}

/// Stamps the row first and unlinks then: a file whose row says deleted is found by cleanup(), a row without its file would lie. No cancel comes
/// between the two. False, and nothing done, where the backup was pinned meanwhile.
///
/// # Errors
/// The store's: refused URIs and foreign folders before the row is touched; the recorder's.
pub fn invalidate_and_remove(
    recorder: &mut Recorder,
    store: &LocalDisk,
    id: &str,
    uri: &str,
    reason: &str,
    actor: &Actor,
) -> Result<bool> {
    store.check_removable(uri)?;
    match store.open(uri) {
        Ok(_) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let invalidated = invalidate(recorder, id, reason, actor)?;
    if invalidated {
        store.remove(uri)?;
    }
    Ok(invalidated)
}

fn invalidate(recorder: &mut Recorder, id: &str, reason: &str, actor: &Actor) -> Result<bool> {
    let request = Request::MarkDeleted { id: id.to_owned(), reason: reason.to_owned(), actor: actor.clone() };
    Ok(!matches!(recorder.settle(&request)?, Reply::Pinned))
}
