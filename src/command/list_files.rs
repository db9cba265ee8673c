//! The files in a bundle.

use super::download;
use crate::bundle::manifest::Manifest;
use crate::bundle::reader::BundleReader;
use crate::catalog::backups;
use crate::error::Result;

/// One file of a bundle.
pub struct ListedFile {
    /// Path in the bundle.
    pub path: String,
    /// Bytes, unpacked.
    pub size: u64,
    /// Bytes in the zip.
    pub compressed_size: u64,
    /// From the manifest; none for manifest.json and SHA256SUMS.
    pub sha256: Option<String>,
}

/// Reads the bundle's directory and manifest; contents are not checked.
///
/// # Errors
/// As [`download::open`]; damage of the container or the manifest.
pub fn list_files(id: &str) -> Result<Vec<ListedFile>> {
    let reader = BundleReader::open(download::open(&backups::find(id)?)?.file)?;
    let known = Manifest::parse(&reader.manifest_bytes()?)?.files();
    let listed = reader.entries().iter().map(|entry| ListedFile {
        path: entry.path.clone(),
        size: entry.size,
        compressed_size: entry.compressed_size,
        sha256: known.iter().find(|file| file.path == entry.path).map(|file| file.sha256.clone()),
    });
    Ok(listed.collect())
}
