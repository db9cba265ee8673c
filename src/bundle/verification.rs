//! Proves a bundle good, from inside and against what the catalog says of it: one verdict per check, and never an error for damage.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use super::archive::{for_each_chunk, hex};
use super::encoder::Abort;
use super::manifest::Manifest;
use super::names::CHECKSUMS;
use super::reader::{BundleReader, Faults};
use super::row_count::RowCounter;
use super::{BundleError, Result};

/// The checks in their order; later ones need the earlier ones.
pub const CHECKS: [&str; 8] = ["present", "size", "sha256", "zip", "manifest", "contents", "checksums", "rows"];
/// The check of the catalog's row against the manifest, which is the last.
pub const CATALOG: &str = "catalog";

/// One check's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// One of [`CHECKS`], or [`CATALOG`].
    pub name: &'static str,
    /// None where an earlier one made it impossible.
    pub ok: Option<bool>,
    /// What was found, one sentence.
    pub detail: String,
}

/// What the catalog says of a bundle.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The backup's id.
    pub id: String,
    /// Bytes of the file.
    pub size: u64,
    /// Of the file, lower-case hex.
    pub sha256: String,
    /// Sheet to rows.
    pub row_counts: BTreeMap<String, u64>,
}

/// What a bundle has proven of itself.
#[derive(Debug, Default)]
pub struct Verdict {
    /// In the order of [`CHECKS`], then [`CATALOG`]; all of them.
    pub checks: Vec<Check>,
    /// Of the file as it is.
    pub sha256: String,
    /// Bytes of the file as it is.
    pub size: u64,
}

impl Verdict {
    /// A verdict on a bundle that could not be looked at.
    pub fn absent(detail: String) -> Verdict {
        let mut verdict = Verdict::default();
        verdict.note("present", false, detail);
        verdict.completed()
    }

    /// Whether every check was made and passed.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.ok == Some(true))
    }

    /// Whether the bundle is whole by all that it carries inside, whatever the catalog says.
    pub fn proves_itself(&self) -> bool {
        let outside = ["size", "sha256"];
        self.checks.iter().filter(|check| !outside.contains(&check.name)).all(|check| check.ok == Some(true))
    }

    fn note(&mut self, name: &'static str, ok: bool, detail: impl Into<String>) {
        self.checks.push(Check { name, ok: Some(ok), detail: detail.into() });
    }

    /// With all checks, in their order.
    fn completed(mut self) -> Verdict {
        let made = std::mem::take(&mut self.checks);
        self.checks = CHECKS
            .into_iter()
            .chain([CATALOG])
            .map(|name| {
                let found = made.iter().find(|check| check.name == name).cloned();
                found.unwrap_or_else(|| Check { name, ok: None, detail: "not checked".to_owned() })
            })
            .collect();
        self
    }
}

/// Reads the whole bundle twice, once as a file and once inflated.
///
/// # Errors
/// [`BundleError::Aborted`] after `abort`.
pub fn verify(file: File, expected: &Expected, abort: &Abort) -> Result<Verdict> {
    let whole = file.try_clone()?;
    std::thread::scope(|scope| {
        // It inherits the signals that this one blocks.
        let hashing = std::thread::Builder::new().spawn_scoped(scope, || hash(&whole, abort))?;
        let mut verdict = inside(file, expected, abort)?;
        let hashed = hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match harmless(hashed)? {
            Ok((size, sha256)) => {
                verdict.note("size", size == expected.size, compared("bytes", &size, &expected.size));
                verdict.note("sha256", sha256 == expected.sha256, compared("SHA-256", &sha256, &expected.sha256));
                (verdict.size, verdict.sha256) = (size, sha256);
            }
            Err(fault) => verdict.note("sha256", false, fault),
        }
        Ok(verdict.completed())
    })
}

/// All checks but those of the file as a whole.
fn inside(file: File, expected: &Expected, abort: &Abort) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    verdict.note("present", true, "the file is there");
    let reader = match harmless(BundleReader::open(file))? {
        Ok(reader) => reader,
        Err(fault) => {
            verdict.note("zip", false, fault);
            return Ok(verdict);
        }
    };
    verdict.note("zip", true, format!("{} files", reader.entries().len()));
    let manifest = reader.manifest_bytes().and_then(|bytes| Manifest::parse(&bytes));
    let manifest = match harmless(manifest)? {
        Ok(manifest) if manifest.run.id == expected.id => manifest,
        Ok(manifest) => {
            verdict.note("manifest", false, format!("it is that of backup {}", manifest.run.id));
            return Ok(verdict);
        }
        Err(fault) => {
            verdict.note("manifest", false, fault);
            return Ok(verdict);
        }
    };
    verdict.note("manifest", true, format!("format {}, {} sheets", manifest.format_version, manifest.sheets.len()));
    contents(&mut verdict, &reader, &manifest, abort)?;
    catalog(&mut verdict, &manifest, expected);
    Ok(verdict)
}

/// What a bundle says of itself, once it is found whole.
#[derive(Debug)]
pub struct Proven {
    /// Its manifest.
    pub manifest: Manifest,
    /// Bytes of the file.
    pub size: u64,
    /// Of the file, lower-case hex.
    pub sha256: String,
}

/// Reads the whole of a bundle that no catalog knows: passes what would pass every check of [`verify`] but those of the catalog.
///
/// # Errors
/// [`BundleError::Damaged`] with the first fault; [`BundleError::UnknownFormat`]; [`BundleError::Aborted`] after `abort`.
pub fn prove(file: File, abort: &Abort) -> Result<Proven> {
    let (size, sha256) = hash(&file, abort)?;
    let reader = BundleReader::open(file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    let found = Found::in_contents(&reader, &manifest, abort)?;
    match found.faults.contents.into_iter().chain(found.faults.checksums).chain(found.wrong_rows).next() {
        Some(fault) => Err(BundleError::Damaged(fault)),
        None => Ok(Proven { manifest, size, sha256 }),
    }
}

/// What is wrong with a bundle's contents: every entry's CRC-32 and SHA-256, SHA256SUMS, and the rows of csv and json.
struct Found {
    faults: Faults,
    wrong_rows: Vec<String>,
}

impl Found {
    fn in_contents(reader: &BundleReader, manifest: &Manifest, abort: &Abort) -> Result<Found> {
        let (faults, counters) = reader.examine(&manifest.files(), abort, RowCounter::for_path, |counter, chunk| {
            if let Some(counter) = counter {
                counter.see(chunk);
            }
        })?;
        let counters: BTreeMap<&str, RowCounter> = reader
            .entries()
            .iter()
            .zip(counters)
            .filter_map(|(entry, counter)| Some((entry.path.as_str(), counter?)))
            .collect();
        let mut wrong_rows = Vec::new();
        for sheet in &manifest.sheets {
            for file in sheet.files.csv.iter().chain(&sheet.files.json) {
                let found = counters.get(file.path.as_str()).and_then(RowCounter::rows);
                if found != Some(sheet.row_count) {
                    let found = found.map_or_else(|| "no countable".to_owned(), |rows| rows.to_string());
                    wrong_rows.push(format!("{} has {found} rows, the manifest says {}", file.path, sheet.row_count));
                }
            }
        }
        Ok(Found { faults, wrong_rows })
    }
}

fn contents(verdict: &mut Verdict, reader: &BundleReader, manifest: &Manifest, abort: &Abort) -> Result<()> {
    let Found { faults, wrong_rows } = match harmless(Found::in_contents(reader, manifest, abort))? {
        Ok(found) => found,
        Err(fault) => {
            verdict.note("contents", false, fault);
            return Ok(());
        }
    };
    let first = |faults: &[String], good: String| faults.first().cloned().unwrap_or(good);
    let count = reader.entries().len();
    verdict.note("contents", faults.contents.is_empty(), first(&faults.contents, format!("{count} files are whole")));
    verdict.note(
        "checksums",
        faults.checksums.is_empty(),
        first(&faults.checksums, format!("{CHECKSUMS} names every file")),
    );
    let total: u64 = manifest.sheets.iter().map(|sheet| sheet.row_count).sum();
    let good = format!("{total} rows in {} sheets", manifest.sheets.len());
    verdict.note("rows", wrong_rows.is_empty(), first(&wrong_rows, good));
    Ok(())
}

/// What the catalog says of the sheets is what the manifest says.
fn catalog(verdict: &mut Verdict, manifest: &Manifest, expected: &Expected) {
    let counts: BTreeMap<String, u64> =
        manifest.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.row_count)).collect();
    let differing = counts.iter().find(|(name, rows)| expected.row_counts.get(*name) != Some(rows));
    let missing = expected.row_counts.keys().find(|name| !counts.contains_key(*name));
    match (differing, missing) {
        (None, None) => verdict.note(CATALOG, true, "the catalog's row counts are the manifest's"),
        (Some((name, rows)), _) => {
            let said = expected.row_counts.get(name).map_or_else(|| "nothing".to_owned(), u64::to_string);
            verdict.note(CATALOG, false, format!("sheet {name} has {rows} rows, the catalog says {said}"));
        }
        (None, Some(name)) => verdict.note(CATALOG, false, format!("sheet {name} of the catalog is not in the bundle")),
    }
}

/// Damage, and reads that the operating system refuses, as their text.
fn harmless<T>(result: Result<T>) -> Result<std::result::Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(BundleError::Aborted) => Err(BundleError::Aborted),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn compared<T: std::fmt::Display + PartialEq>(what: &str, found: &T, expected: &T) -> String {
    if found == expected { format!("{what}: {found}") } else { format!("{what}: {found}, the catalog says {expected}") }
}

/// Copies what is left of `source` to `out`; returns the number of bytes.
///
/// # Errors
/// Those of either; [`BundleError::Aborted`] after `abort`.
pub fn copy(source: &mut impl Read, out: &mut impl Write, abort: &Abort) -> Result<u64> {
    let mut copied = 0;
    for_each_chunk(source, abort, |chunk| {
        copied += chunk.len() as u64;
        Ok(out.write_all(chunk)?)
    })?;
    Ok(copied)
}

/// Size and SHA-256 of a file, wherever its position is.
pub fn hash(file: &File, abort: &Abort) -> Result<(u64, String)> {
    let mut sha256 = Sha256::new();
    let mut size = 0;
    for_each_chunk(&mut FromStart { file, position: 0 }, abort, |chunk| {
        sha256.update(chunk);
        size += chunk.len() as u64;
        Ok(())
    })?;
    Ok((size, hex(sha256.finalize())))
}

/// Reads a file without moving its position, which others may use meanwhile.
struct FromStart<'a> {
    file: &'a File,
    position: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read_at(out, self.position)?;
        self.position += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
