//! Looks into a bundle: one file as it is, or the rows of one sheet.

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use super::download::open_audited;
use crate::bundle::BundleError;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::{BundleReader, EntryReader, read_error};
use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};

/// The server's limit on one value, less its header (memutils.h, MaxAllocSize).
const MAX_VALUE: u64 = 0x3fff_ffff - 4096;

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
    let mut bytes = Vec::with_capacity(entry.size as usize);
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
    let Some(entry) = manifest.sheets.into_iter().find(|entry| entry.name == sheet) else {
        return Err(Error::UnknownObject {
            message: format!("there is no sheet \"{sheet}\" in backup {id}"),
            hint: format!("SELECT jsonb_object_keys(row_counts) FROM paliad_backup.get('{id}'); shows them."),
        });
    };
    let Some(file) = entry.files.json else {
        return Err(Error::WrongState {
            message: format!("backup {id} has no json files"),
            hint: "Rows are read from json: make backups with formats => '{json, …}'.".into(),
        });
    };
    Ok(Rows { lines: BufReader::new(reader.read(&file.path)?), path: file.path })
}

fn open(extension: Extension, id: &str, what: &str, actor: &Actor) -> Result<BundleReader> {
    let metadata = json!({ "backup_id": id, "read": what, "read_by_email": actor.email });
    let artifact = open_audited(extension, &backups::find(id)?, "backup_read", actor, metadata, "read_at")?;
    Ok(BundleReader::open(artifact.file)?)
}

/// An iterator over a json file's rows; each is read when it is asked for.
pub struct Rows {
    lines: BufReader<EntryReader>,
    path: String,
}

impl Rows {
    /// The next line, without what joins it to the others; none at the end.
    fn line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read = self.lines.by_ref().take(MAX_VALUE).read_until(b'\n', &mut line).map_err(read_error)?;
        let whole = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b",").unwrap_or(line));
        match (read, whole) {
            (0, _) => Ok(None),
            (_, Some(line)) => String::from_utf8(line.to_vec()).map(Some).map_err(|_| self.damaged().into()),
            (_, None) => Err(self.damaged().into()),
        }
    }

    fn damaged(&self) -> BundleError {
        BundleError::Damaged(format!("{} does not have an object of up to 1 GB on each line", self.path))
    }
}

impl Iterator for Rows {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.line() {
                Ok(Some(line)) if line == "[" || line == "]" => {}
                Ok(Some(line)) if line.starts_with('{') => return Some(Ok(line)),
                Ok(Some(_)) => return Some(Err(self.damaged().into())),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
