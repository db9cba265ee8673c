//! Takes over a folder whose marker names another server or database, or begins a new one where the old one is gone.

use serde_json::json;

use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::StoreError;

/// Writes this database's marker; false when the folder was its own already and there.
///
/// # Errors
/// The store's.
pub fn adopt_directory(extension: Extension, actor: &Actor) -> Result<bool> {
    let lost = matches!(storage::open(), Err(Error::Store(StoreError::Lost { .. })));
    let store = storage::open_anew()?;
    if !lost && store.is_ours()? {
        return Ok(false);
    }
    // The audit row first: a folder that changes hands unseen would be worse than a row about one that didn't.
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Audit {
            event: "directory_adopted".into(),
            actor: actor.clone(),
            metadata: json!({ "directory": crate::config::directory() }),
            stamp: "adopted_at".into(),
        })
    })?;
    store.adopt()?;
    Ok(true)
}
