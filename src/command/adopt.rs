//! Takes over a folder whose marker names another server or database.

use serde_json::json;

use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::error::Result;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;

/// Writes this database's marker; false when the folder was its own already.
///
/// # Errors
/// The store's.
pub fn adopt_directory(extension: Extension, actor: &Actor) -> Result<bool> {
    let store = storage::open()?;
    let adopted = store.adopt()?;
    if adopted {
        let mut recorder = Recorder::start(extension)?;
        recorder.ask(&Request::Audit {
            event: "directory_adopted".into(),
            actor: actor.clone(),
            metadata: json!({ "directory": crate::config::directory() }),
            stamp: "adopted_at".into(),
        })?;
        recorder.close();
    }
    Ok(adopted)
}
