//! Looks into a bundle: one file as it is, or the rows of one sheet.

use std::io::{BufReader, ErrorKind};

use serde_json::json;

use super::download::{MAX_VALUE, buffer, open_audited};
use super::sheet_names;
use crate::bundle::BundleError;
use crate::bundle::manifest::{Manifest, SheetEntry};
use crate::bundle::objects::Objects;
use crate::bundle::reader::{BundleReader, EntryReader, read_error};
use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};

/// One file of a bundle, unpacked. The read is audited.
///
/// # Errors
/// [`Error::UnknownObject`] for a path that the bundle hasn't, [`Error::Unsupported`] above 1 GB, damage; as
/// [`super::download::open`].
pub fn file(extension: Extension, id: &str, path: &str, actor: &Actor) -> Result<Vec<u8>> {
    let reader = open(extension, id, path, actor)?;
    let Some(entry) = reader.entries().iter().find(|entry| entry.path == path) else {
        return Err(Error::UnknownObject {
            message: format!("there is no file \"{path}\" in backup {id}"),
            hint: format!("SELECT path FROM paliad_backup.list_files('{id}'); shows them."),
        });
    };
    if entry.size > MAX_VALUE {
        return Err(Error::Unsupported {
            message: format!("file \"{path}\" is larger than one value may be (1 GB)"),
            hint: format!("SELECT * FROM paliad_backup.download_chunks('{id}', …) returns the bundle in pieces."),
        });
    }
    let mut bytes = buffer(entry.size)?;
    reader.copy(path, &mut bytes)?;
    Ok(bytes)
}

/// The rows of one sheet, each as the text of a JSON object. The read is audited.
///
/// # Errors
/// [`Error::UnknownObject`] for a sheet that the bundle hasn't, [`Error::WrongState`] for a bundle without json; as
/// [`super::download::open`].
pub fn rows(extension: Extension, id: &str, sheet: &str, actor: &Actor) -> Result<Rows> {
    let reader = open(extension, id, sheet, actor)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    let entry = sheet_of(&manifest, sheet)?;
    let Some(file) = entry.files.json else {
        return Err(Error::WrongState {
            message: format!("backup {id} has no json files"),
            hint: "Rows are read from json: make backups with formats => '{json, …}'.".into(),
        });
    };
    let source = BufReader::new(reader.read(&file.path)?);
    Ok(Rows { objects: Objects::new(source, MAX_VALUE as usize), path: file.path })
}

/// One sheet of a bundle, by its name or its table's.
///
/// # Errors
/// [`Error::UnknownObject`].
pub(super) fn sheet_of(manifest: &Manifest, name: &str) -> Result<SheetEntry> {
    match sheet_names::named(manifest, name) {
        Some(sheet) => Ok(sheet.clone()),
        None => Err(sheet_names::unknown(manifest, &[name])?),
    }
}

/// Opens a bundle to look for `what` in it; the read is audited.
pub(super) fn open(extension: Extension, id: &str, what: &str, actor: &Actor) -> Result<BundleReader> {
    let metadata = json!({ "backup_id": id, "read": what, "read_by_email": actor.email });
    let artifact = open_audited(extension, &backups::find(id)?, "backup_read", actor, metadata, "read_at")?;
    Ok(BundleReader::open(artifact.file)?)
}

/// An iterator over a json file's rows; each is read when it is asked for.
pub struct Rows {
    objects: Objects<BufReader<EntryReader>>,
    path: String,
}

impl Iterator for Rows {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let damaged = |what: &str| Error::from(BundleError::Damaged(format!("{} {what}", self.path)));
        match self.objects.next_object() {
            Ok(object) => object.map(|object| String::from_utf8(object).map_err(|_| damaged("is not UTF-8"))),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => Some(Err(Error::Unsupported {
                message: format!("a row of {} is larger than one value may be (1 GB)", self.path),
                hint: "Download the bundle: its csv and json files hold rows of any size.".into(),
            })),
            Err(error) => Some(Err(read_error(error).into())),
        }
    }
}
