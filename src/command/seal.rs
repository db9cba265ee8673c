//! Joins what the encoders made into one bundle and reads it back. Runs on a thread, without PostgreSQL.

use crate::bundle::archive::{BundleWriter, Finished, described, read_back, sha256sums};
use crate::bundle::encoder::{Abort, Encoded};
use crate::bundle::manifest::{Format, Manifest, SheetEntry, SheetFiles};
use crate::bundle::names::{CHECKSUMS, MANIFEST, RESTORE, SCHEMA};
use crate::bundle::readme::{README_PATH, readme};
use crate::bundle::restore_script::{Definitions, restore_script};
use crate::bundle::sheet::Sheet;
use crate::error::{Error, Result};
use crate::store::Pending;
use std::collections::HashMap;
use std::sync::Arc;

/// A bundle that is whole and durable, and not yet visible.
#[derive(Debug)]
pub struct Sealed {
    /// Its file.
    pub pending: Pending,
    /// Of the file, in bytes.
    pub size: u64,
    /// Of the file.
    pub sha256: String,
}

/// Fills the sheets of `manifest` with what each format has made of them.
pub fn describe_sheets(
    manifest: &mut Manifest,
    sheets: &[Arc<Sheet>],
    row_counts: &[u64],
    formats: &[(Format, Encoded)],
) {
    let files = |wanted: Format| {
        let encoded = formats.iter().find(|(format, _)| *format == wanted);
        encoded.map(|(_, encoded)| encoded.files.as_slice()).unwrap_or_default()
    };
    let (csv, json) = (files(Format::Csv), files(Format::Json));
    let workbook_names: HashMap<&str, &Vec<String>> = formats
        .iter()
        .flat_map(|(_, encoded)| &encoded.sheet_names)
        .map(|(name, excel)| (name.as_str(), excel))
        .collect();
    manifest.sheets = sheets
        .iter()
        .zip(row_counts)
        .enumerate()
        .map(|(index, (sheet, rows))| {
            let files = SheetFiles { csv: csv.get(index).cloned(), json: json.get(index).cloned() };
            let excel = workbook_names.get(sheet.name.as_str()).map(|names| names.to_vec()).unwrap_or_default();
            SheetEntry::from_sheet(sheet, *rows, files, excel)
        })
        .collect();
    manifest.warnings.extend(formats.iter().flat_map(|(_, encoded)| encoded.warnings.iter().cloned()));
}

/// Writes README.txt, manifest.json, the workbook, csv, json, the scripts of `definitions` and SHA256SUMS into `pending`, reads the file back and syncs it.
///
/// Publishing is left to the backend's own thread: a backend that is terminated exits without waiting for this one.
///
/// # Errors
/// [`Error::Bundle`]; [`Error::Store`] when the file can't be synced.
pub fn seal(
    pending: Pending,
    mut manifest: Manifest,
    mut formats: Vec<(Format, Encoded)>,
    definitions: Option<Definitions>,
    abort: &Abort,
) -> Result<Sealed> {
    formats.sort_by_key(|(format, _)| *format);
    let end_marks: Vec<String> = formats.iter().flat_map(|(_, encoded)| encoded.end_marks.iter().cloned()).collect();
    let scripts: Vec<(&str, String)> = definitions
        .map(|definitions| {
            let restore = restore_script(&manifest, &definitions, &end_marks);
            vec![(SCHEMA, definitions.schema), (RESTORE, restore)]
        })
        .unwrap_or_default();
    manifest.scripts = scripts.iter().map(|(path, text)| described(path, text.as_bytes())).collect();
    let file = pending.file().try_clone().map_err(crate::bundle::BundleError::from)?;
    let mut writer = BundleWriter::new(file, abort.clone());
    let text = readme(&manifest);
    manifest.run.files = vec![writer.add_bytes(README_PATH, text.as_bytes())?];
    for (_, encoded) in formats.iter().filter(|(format, _)| *format == Format::Xlsx) {
        manifest.run.files.extend(encoded.files.iter().cloned());
    }
    let manifest_bytes = manifest.to_bytes()?;
    let manifest_info = writer.add_bytes(MANIFEST, &manifest_bytes)?;
    for (_, encoded) in &mut formats {
        match (encoded.files.as_slice(), encoded.crc32) {
            ([workbook], Some(crc32)) => writer.add_stored(workbook, crc32, &mut encoded.spool)?,
            _ => writer.append_spool(&mut encoded.spool)?,
        }
    }
    for (path, text) in &scripts {
        writer.add_bytes(path, text.as_bytes())?;
    }
    let mut summed = manifest.files();
    summed.push(manifest_info);
    writer.add_bytes(CHECKSUMS, sha256sums(&summed).as_bytes())?;
    let finished = writer.finish()?;
    read_back(&finished.file, &finished, abort)?;
    let Finished { size, sha256, .. } = finished;
    pending.sync().map_err(Error::Store)?;
    Ok(Sealed { pending, size, sha256 })
}
