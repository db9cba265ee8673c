//! Keeps a backup from deletion and retention, or allows both again.

use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;

/// Sets or clears the pin; a backup whose file is gone can't be pinned.
///
/// # Errors
/// [`Error::WrongState`], [`Error::UnknownBackup`].
pub fn set_pinned(extension: Extension, id: &str, pinned: bool, actor: &Actor) -> Result<()> {
    let backup = backups::find(id)?;
    if pinned && (backup.deleted_at.is_some() || backup.status != "done") {
        return Err(Error::WrongState {
            message: format!("backup {id} has no file to keep"),
            hint: "SELECT id, status, deleted_at FROM paliad_backup.list(); shows the others.".into(),
        });
    }
    if backup.pinned == pinned {
        return Ok(());
    }
    let mut recorder = Recorder::start(extension)?;
    recorder.ask(&Request::Pin { id: id.to_owned(), pinned, actor: actor.clone() })?;
    recorder.close();
    Ok(())
}
