//! Hands a bundle's bytes to a client, after the audit row that says so is committed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde_json::json;

use crate::catalog::audit::Actor;
use crate::catalog::backups::{self, Backup};
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Artifact, Store};

/// The server's limit on one value, less its header (memutils.h, MaxAllocSize).
pub(super) const MAX_VALUE: u64 = 0x3fff_ffff - 4096;

/// The whole bundle as one value.
///
/// # Errors
/// [`Error::Unsupported`] above 1 GB; as [`open`].
pub fn download(extension: Extension, id: &str, actor: &Actor) -> Result<Vec<u8>> {
    let backup = backups::find(id)?;
    if backup.size_bytes.is_some_and(|size| size > MAX_VALUE) {
        return Err(Error::Unsupported {
            message: format!("backup {id} is larger than one value may be (1 GB)"),
            hint: format!("SELECT * FROM paliad_backup.download_chunks('{id}', …) returns it in pieces."),
        });
    }
    let mut artifact = open_downloaded(extension, &backup, actor)?;
    let mut bytes = buffer(artifact.size)?;
    artifact.file.read_to_end(&mut bytes).map_err(crate::bundle::BundleError::Io)?;
    Ok(bytes)
}

/// An empty buffer for a value of `size` bytes. Where the system has no memory for it, that is an error and not the end of the server.
///
/// # Errors
/// 53200.
pub(super) fn buffer(size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(size as usize);
    reserved.map_err(|_| crate::bundle::BundleError::Io(std::io::ErrorKind::OutOfMemory.into()))?;
    Ok(bytes)
}

/// The bundle's file in pieces of `size` bytes.
///
/// # Errors
/// As [`open`].
pub fn chunks(extension: Extension, id: &str, actor: &Actor, size: usize) -> Result<Chunks> {
    let artifact = open_downloaded(extension, &backups::find(id)?, actor)?;
    Ok(Chunks { file: artifact.file, offset: 0, end: artifact.size, size })
}

/// An iterator over a file's pieces; each is read when it is asked for.
pub struct Chunks {
    file: File,
    offset: u64,
    end: u64,
    size: usize,
}

impl Iterator for Chunks {
    type Item = Result<(i64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.end {
            return None;
        }
        let length = (self.end - self.offset).min(self.size as u64);
        let start = self.offset;
        let mut bytes = match buffer(length) {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        bytes.resize(length as usize, 0);
        self.offset += length;
        let read = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        Some(read.map(|()| (start as i64, bytes)).map_err(|error| crate::bundle::BundleError::Io(error).into()))
    }
}

/// Opens the file of a backup that is done and still there.
///
/// # Errors
/// [`Error::WrongState`] when it isn't; the store's errors.
pub fn open(backup: &Backup) -> Result<Artifact> {
    let id = &backup.id;
    let unavailable = |state: &str| Error::WrongState {
        message: format!("backup {id} {state}"),
        hint: "SELECT id, started_at, status, deleted_at FROM paliad_backup.list(); shows the others.".into(),
    };
    let uri = match (&backup.deleted_at, &backup.storage_uri) {
        (Some(_), _) => return Err(unavailable("was deleted")),
        (None, Some(uri)) if backup.status == "done" => uri,
        _ => return Err(unavailable(&format!("is not done: it is {}", backup.status))),
    };
    let artifact = storage::open_for_reading()?.open(uri)?;
    if backup.size_bytes.is_some_and(|size| size != artifact.size) {
        let message = format!(
            "the file of backup {id} has {} bytes, the catalog says {}",
            artifact.size,
            backup.size_bytes.unwrap_or_default()
        );
        return Err(Error::Damaged { message, hint: damage_hint(id)? });
    }
    Ok(artifact)
}

/// What helps where a bundle is not the one that was made: how to learn more, and which other is good.
///
/// # Errors
/// The server's.
pub fn damage_hint(id: &str) -> Result<String> {
    let other = backups::newest_good_but(id)?;
    let other = other.map(|other| format!(" The newest backup that was not found damaged is {other}."));
    let verify = format!("SELECT * FROM paliad_backup.verify('{id}'); tells what is wrong with it.");
    Ok(verify + &other.unwrap_or_default())
}

fn open_downloaded(extension: Extension, backup: &Backup, actor: &Actor) -> Result<Artifact> {
    let metadata = json!({ "backup_id": backup.id, "downloaded_by_email": actor.email });
    open_audited(extension, backup, "backup_downloaded", actor, metadata, "downloaded_at")
}

/// Opens the file, and commits the audit row before a byte of it is handed out.
///
/// # Errors
/// As [`open`], and the recorder's.
pub fn open_audited(
    extension: Extension,
    backup: &Backup,
    event: &str,
    actor: &Actor,
    metadata: serde_json::Value,
    stamp: &str,
) -> Result<Artifact> {
    let artifact = open(backup)?;
    let mut recorder = Recorder::start(extension)?;
    recorder.ask(&Request::Audit { event: event.into(), actor: actor.clone(), metadata, stamp: stamp.into() })?;
    recorder.close();
    Ok(artifact)
}
