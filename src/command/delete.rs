//! Removes a bundle's file. The row stays: it is evidence.

use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Store, StoreError};

/// Stamps the row first and unlinks then: a file without a row is found by cleanup, a row without its file would lie.
/// Not transactional: ROLLBACK doesn't bring the file back.
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
    if backup.pinned {
        return Err(Error::WrongState {
            message: format!("backup {id} is pinned"),
            hint: format!("SELECT paliad_backup.unpin('{id}'); allows its deletion."),
        });
    }
    if backup.deleted_at.is_some() {
        // An earlier call may have been stopped between the stamp and the file.
        if let Some(uri) = &backup.storage_uri {
            storage::open()?.remove(uri)?;
        }
        return Ok(());
    }
    let mut recorder = Recorder::start(extension)?;
    // Refused URIs and foreign folders are errors before the row is touched.
    let store = backup.storage_uri.as_ref().map(|_| storage::open()).transpose()?;
    if let (Some(store), Some(uri)) = (&store, &backup.storage_uri) {
        store.check_removable(uri)?;
        match store.open(uri) {
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    recorder.ask(&Request::MarkDeleted {
        id: id.to_owned(),
        reason: "deleted by hand".into(),
        actor: actor.clone(),
    })?;
    recorder.close();
    if let (Some(store), Some(uri)) = (store, &backup.storage_uri) {
        store.remove(uri)?;
    }
    Ok(())
}
