//! The marker file tells to which database a folder belongs.
//!
//! A clone of a server, made by pg_basebackup or by copying a virtual machine, has the original's catalog, settings and
//! system identifier. Its retention would delete the original's bundles. Host and data directory tell the two apart.

use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::directory::{Directory, sync_file};
use super::error::{Result, StoreError};

/// Name of the marker file in a database's folder.
pub(super) const NAME: &str = "paliad_backup.marker";

/// A marker is a few hundred bytes; what is larger is not one.
const MAX_BYTES: u64 = 64 * 1024;

/// Whose folder it is: the content of the marker file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// As text: many JSON readers lose digits of 64-bit numbers.
    pub(super) system_identifier: String,
    pub(super) database_oid: u32,
    pub(super) host: String,
    pub(super) data_directory: String,
}

/// What a look at the marker file shows.
enum Found {
    Ours,
    Absent,
    Foreign(String),
}

impl Marker {
    /// Succeeds when the folder's marker is this one.
    ///
    /// # Errors
    /// [`StoreError::ForeignFolder`] for a marker that differs, is damaged or missing.
    pub(super) fn check(&self, folder: &Directory) -> Result<()> {
        let details = match self.look(folder)? {
            Found::Ours => return Ok(()),
            Found::Absent => format!("it has no file {NAME}"),
            Found::Foreign(details) => details,
        };
        Err(StoreError::ForeignFolder { path: folder.path().to_owned(), details })
    }

    /// Whether the folder is as a new one: without marker and without files.
    pub(super) fn is_unused(&self, folder: &Directory) -> Result<bool> {
        // Another session may be claiming as well: its unfinished marker is no sign of use.
        Ok(matches!(self.look(folder)?, Found::Absent) && folder.names()?.iter().all(|name| name.starts_with(NAME)))
    }

    /// Marks a folder that nobody has used yet; one with a marker, or with files, stays as it is.
    ///
    /// `above` are the directories in which the folder's path may be new, outermost first: they become durable before
    /// the marker appears, so that whoever finds a marker may rely on the path.
    pub(super) fn claim(&self, folder: &Directory, above: &[&Directory]) -> Result<()> {
        if !self.is_unused(folder)? {
            return Ok(());
        }
        above.iter().try_for_each(|directory| directory.sync())?;
        self.write(folder, |draft| match folder.link(draft, NAME) {
            // Somebody was quicker: theirs stands.
            Ok(()) | Err(rustix::io::Errno::EXIST) => folder.unlink(draft).map(drop),
            // A file system without hard links.
            Err(_) => folder.rename(draft, NAME),
        })
    }

    /// Marks the folder as ours, whatever its marker said. False when it was ours already.
    pub(super) fn adopt(&self, folder: &Directory) -> Result<bool> {
        if matches!(self.look(folder)?, Found::Ours) {
            return Ok(false);
        }
        self.write(folder, |draft| folder.rename(draft, NAME))?;
        Ok(true)
    }

    /// Writes the marker durably under a name of its own, which `place` then turns into [`NAME`].
    fn write(&self, folder: &Directory, place: impl FnOnce(&str) -> Result<()>) -> Result<()> {
        let draft = format!("{NAME}.{}", Uuid::new_v4());
        let path = folder.path().join(&draft);
        let json = serde_json::to_vec_pretty(self).map_err(|error| StoreError::Io {
            action: "write file",
            path: path.clone(),
            source: error.into(),
        })?;
        let mut file = folder.create_file(&draft)?;
        let placed = (file.write_all(&json).map_err(StoreError::io("write file", &path)))
            .and_then(|()| sync_file(&file, &path))
            .and_then(|()| place(&draft));
        if placed.is_err() {
            // The first error is the one to report.
            let _ = folder.unlink(&draft);
        }
        placed?;
        folder.sync()
    }

    fn look(&self, folder: &Directory) -> Result<Found> {
        let file = match folder.open_file(NAME) {
            Ok(Some((file, _))) => file,
            Ok(None) => return Ok(Found::Absent),
            Err(StoreError::Refused { reason, .. }) => return Ok(Found::Foreign(format!("{NAME}: {reason}"))),
            Err(error) => return Err(error),
        };
        let mut json = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut json).map_err(StoreError::io("read file", folder.path().join(NAME)))?;
        Ok(match serde_json::from_slice::<Marker>(&json) {
            Err(error) => Found::Foreign(format!("{NAME} cannot be read: {error}")),
            Ok(found) if found == *self => Found::Ours,
            Ok(found) => Found::Foreign(self.differences(&found)),
        })
    }

    fn differences(&self, found: &Marker) -> String {
        [
            ("system identifier", &found.system_identifier, &self.system_identifier),
            ("database oid", &found.database_oid.to_string(), &self.database_oid.to_string()),
            ("host", &found.host, &self.host),
            ("data directory", &found.data_directory, &self.data_directory),
        ]
        .into_iter()
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(what, theirs, ours)| format!("{what} \"{theirs}\" in its marker, \"{ours}\" here"))
        .collect::<Vec<_>>()
        .join("; ")
    }
}

/// The text of a path in a marker.
pub(super) fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
