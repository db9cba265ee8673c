//! The bundle that is restored: opened, and compared with what the catalog says of it, before anything is touched.

use std::sync::Arc;

use crate::bundle::BundleError;
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::{Manifest, Scope, SheetEntry};
use crate::bundle::reader::BundleReader;
use crate::bundle::sheet::Relation;
use crate::bundle::verification::hash;
use crate::catalog::backups::Backup;
use crate::command::background::Task;
use crate::command::download;
use crate::error::{Error, Result};

/// Longest script that is taken apart, in bytes.
const MOST_TEXT: usize = 256 << 20;

/// A bundle whose container and manifest are sound. Each file is compared with the manifest while it is read.
pub struct Source {
    /// Read by threads.
    pub reader: Arc<BundleReader>,
    /// What is in it.
    pub manifest: Manifest,
}

impl Source {
    /// Opens the bundle; `meanwhile` is called now and then while the file is hashed.
    ///
    /// # Errors
    /// As [`download::open`]; [`Error::Bundle`] for a file that isn't the one that the catalog knows, or is damaged.
    pub fn open(backup: &Backup, skip_verify: bool, meanwhile: impl FnMut() -> Result<()>) -> Result<Source> {
        let artifact = download::open(backup)?;
        if skip_verify {
            pgrx::log!("paliad_backup: the bundle of backup {} is restored without comparing its checksum", backup.id);
        } else {
            let mut file = artifact.file.try_clone().map_err(BundleError::Io)?;
            let abort = Abort::default();
            let stop = abort.clone();
            let (_, sha256) = Task::start("paliad hash", abort, move || hash(&mut file, &stop))?.join(meanwhile)??;
            if backup.sha256.as_ref() != Some(&sha256) {
                return Err(BundleError::Damaged(format!(
                    "the file of backup {} is not the one that was made: its SHA-256 is {sha256}",
                    backup.id
                ))
                .into());
            }
        }
        let reader = BundleReader::open(artifact.file)?;
        let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
        if manifest.run.id != backup.id {
            return Err(BundleError::Damaged(format!(
                "the file of backup {} is that of {}",
                backup.id, manifest.run.id
            ))
            .into());
        }
        Ok(Source { reader: Arc::new(reader), manifest })
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
        let id = &self.manifest.run.id;
        if let Some(wanted) = sheets {
            let unknown: Vec<&str> = wanted
                .iter()
                .filter(|name| !self.manifest.sheets.iter().any(|sheet| is_named(sheet, name)))
                .map(String::as_str)
                .collect();
            if !unknown.is_empty() {
                return Err(Error::UnknownObject {
                    message: format!("there is no sheet {} in backup {id}", unknown.join(", ")),
                    hint: format!("SELECT jsonb_object_keys(row_counts) FROM paliad_backup.get('{id}'); shows them."),
                });
            }
        }
        let is_wanted = |sheet: &&SheetEntry| {
            scope.includes(sheet.kind) && sheets.is_none_or(|wanted| wanted.iter().any(|name| is_named(sheet, name)))
        };
        Ok(self.manifest.sheets.iter().filter(is_wanted).collect())
    }
}

/// By the sheet's name, or its table's, quoted where it must be or not.
fn is_named(sheet: &SheetEntry, name: &str) -> bool {
    let of_table = |Relation { schema, table }: &Relation| {
        format!("{schema}.{table}") == name || pgrx::spi::quote_qualified_identifier(schema, table) == name
    };
    sheet.name == name || sheet.relation.as_ref().is_some_and(of_table)
}
