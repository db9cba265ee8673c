//! The bundle that is restored: opened, and compared with what the catalog says of it.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use crate::bundle::encoder::Abort;
use crate::bundle::manifest::{Manifest, Scope, SheetEntry};
use crate::bundle::reader::BundleReader;
use crate::bundle::verification::hash;
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::backups::Backup;
use crate::command::background::Task;
use crate::command::{download, sheet_names};
use crate::error::{Error, Result};

/// Longest script that is taken apart, in bytes.
const MOST_TEXT: usize = 256 << 20;

/// A bundle whose container and manifest are sound. Each file is compared with the manifest while it is read.
pub struct Source {
    /// Read by threads.
    pub reader: Arc<BundleReader>,
    /// What is in it.
    pub manifest: Manifest,
    proof: Option<Proof>,
}

/// The file's hash on its way, and what it must become.
struct Proof {
    task: Task<BundleResult<(u64, String)>>,
    expected: Option<String>,
    /// Where it becomes another; after an error of the load nothing can be looked up.
    hint: String,
}

impl Source {
    /// Opens the bundle and begins to hash its file; see [`Source::prove`].
    ///
    /// # Errors
    /// As [`download::open`]; [`Error::Damaged`] for a damaged file.
    pub fn open(backup: &Backup, skip_verify: bool) -> Result<Source> {
        let artifact = download::open(backup)?;
        let hint = download::damage_hint(&backup.id)?;
        let mut proof = None;
        if skip_verify {
            pgrx::log!("paliad_backup: the bundle of backup {} is restored without comparing its checksum", backup.id);
        } else {
            let file = artifact.file.try_clone().map_err(BundleError::Io)?;
            let abort = Abort::default();
            let stop = abort.clone();
            let task = Task::start("paliad hash", abort, move || hash(&file, &stop))?;
            proof = Some(Proof { task, expected: backup.sha256.clone(), hint: hint.clone() });
        }
        match opened(artifact.file, &backup.id) {
            Ok((reader, manifest)) => Ok(Source { reader: Arc::new(reader), manifest, proof }),
            Err(BundleError::Damaged(message)) => Err(Error::Damaged { message, hint }),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it is known that the file is the one that was made. Until then nothing may be done that no ROLLBACK takes back, and
    /// no statement of the file executed. `meanwhile` is called now and then.
    ///
    /// # Errors
    /// [`Error::Damaged`] for another file.
    pub fn prove(&mut self, meanwhile: impl FnMut() -> Result<()>) -> Result<()> {
        let Some(Proof { task, expected, hint }) = self.proof.take() else { return Ok(()) };
        let (_, sha256) = task.join(meanwhile)??;
        if expected.as_ref() == Some(&sha256) {
            return Ok(());
        }
        let id = &self.manifest.run.id;
        let message = format!("the file of backup {id} is not the one that was made: its SHA-256 is {sha256}");
        Err(Error::Damaged { message, hint })
    }

    /// A file of the bundle as text; none where there is no such file.
    ///
    /// # Errors
    /// [`Error::Bundle`] where it is damaged.
    pub fn text(&self, path: &str) -> Result<Option<String>> {
        let Some(expected) = self.manifest.files().into_iter().find(|file| file.path == path) else { return Ok(None) };
        let damaged = |what: &str| BundleError::Damaged(format!("{path} {what}"));
        let mut bytes = Vec::new();
        let found = self.reader.digest_of(path, &Abort::default(), |piece| {
            bytes.extend_from_slice(piece);
            if bytes.len() > MOST_TEXT { Err(damaged("is too long")) } else { Ok(()) }
        })?;
        if found != expected {
            return Err(damaged("is not what the manifest says").into());
        }
        Ok(Some(String::from_utf8(bytes).map_err(|_| damaged("is not UTF-8"))?))
    }

    /// The sheets that are asked for, in the bundle's order.
    ///
    /// # Errors
    /// [`Error::UnknownObject`] naming those that the bundle hasn't.
    pub fn chosen(&self, sheets: Option<&[String]>, scope: Scope) -> Result<Vec<&SheetEntry>> {
        let mut wanted: HashSet<&str> = HashSet::new();
        let mut unknown: Vec<&str> = Vec::new();
        for name in sheets.unwrap_or_default() {
            match sheet_names::named(&self.manifest, name) {
                Some(sheet) => {
                    wanted.insert(&sheet.name);
                }
                None => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            return Err(sheet_names::unknown(&self.manifest, &unknown)?);
        }
        let is_wanted = |sheet: &&SheetEntry| {
            scope.includes(sheet.kind) && (sheets.is_none() || wanted.contains(sheet.name.as_str()))
        };
        Ok(self.manifest.sheets.iter().filter(is_wanted).collect())
    }
}

fn opened(file: File, id: &str) -> BundleResult<(BundleReader, Manifest)> {
    let reader = BundleReader::open(file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    if manifest.run.id != id {
        return Err(BundleError::Damaged(format!("the file of backup {id} is that of {}", manifest.run.id)));
    }
    Ok((reader, manifest))
}
