//! Bundles that the catalog does not know.

use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use super::backups::{row, session_user};
use super::{arguments, authorized};
use crate::command::{import, rebuild};
use crate::error::Error;
use crate::store::is_import_name;

/// `paliad_backup.import_bundle(name, by_email)`: registers a file of the import folder, and returns its row.
#[pg_extern(sql = false)]
fn import_bundle(name: Option<&[u8]>, by_email: Option<&[u8]>) -> Option<AnyElement> {
    authorized(|extension| {
        let name = arguments::text(name).unwrap_or_default();
        if !is_import_name(&name) {
            return Err(Error::BadArgument {
                message: format!("{name:?} is not the name of a file to import"),
                hint: "Name one file of the folder \"import\" in this database's backup folder, without its path."
                    .into(),
            });
        }
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        row(&import::import_bundle(extension, &name, &actor)?)
    })
}

/// `paliad_backup.rebuild_catalog(dry_run)`: id, action and detail of each file without a row.
#[pg_extern(sql = false)]
fn rebuild_catalog(
    dry_run: Option<bool>,
) -> TableIterator<'static, (name!(id, Uuid), name!(action, String), name!(detail, String))> {
    let rebuilt = authorized(|extension| {
        let actor = arguments::actor(None, None, &session_user()?);
        rebuild::rebuild_catalog(extension, dry_run.unwrap_or(true), &actor)
    });
    TableIterator::new(rebuilt.into_iter().filter_map(|file| {
        let id = uuid::Uuid::parse_str(&file.id).ok()?;
        Some((Uuid::from_bytes(*id.as_bytes()), file.action.to_owned(), file.detail))
    }))
}
