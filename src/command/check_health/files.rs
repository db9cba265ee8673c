//! The directory, and what lies in it.

use std::collections::{HashMap, HashSet};

use super::{failed, guarded};
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::catalog::health::{self, Cataloged};
use crate::command::cleanup::{Leftover, leftovers};
use crate::command::verify;
use crate::error::{Error, Result};
use crate::health::{Bundle, Finding, Level, Stray, bundles, bytes, free_space, stray_files};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::subtransaction::{Then, attempt};
use crate::storage;
use crate::store::{Listed, LocalDisk, Store, StoreError};

const DIRECTORY: &str = "directory";

/// All checks of files; without a directory that can be read there is but one to tell of.
pub fn checks(extension: Extension, budget: u64, last_size: Option<u64>, actor: &Actor) -> Vec<Finding> {
    let mut store = None;
    let mut findings = guarded(DIRECTORY, || match storage::look() {
        Ok(Some(found)) => {
            let finding = directory(&found);
            store = Some(found);
            Ok(vec![finding])
        }
        Ok(None) => Ok(vec![
            Finding::ok(DIRECTORY, "the first run will make it").about(storage::directory()?.display().to_string()),
        ]),
        Err(error) => Ok(vec![unusable(&error)?]),
    });
    let Some(store) = store else { return findings };
    findings.extend(guarded("free_space", || Ok(vec![free_space(store.free_bytes()?, last_size)])));
    let (listed, cataloged) = match attempt(Then::RollBack, || look(&store)) {
        Ok(looked) => looked,
        Err(told) => {
            findings.push(failed("bundles", &told));
            return findings;
        }
    };
    let published = |file: &&Listed| !file.partial;
    let sizes: HashMap<String, u64> =
        listed.iter().filter(published).map(|file| (store.uri(&file.key), file.size)).collect();
    findings.extend(bundles(&cataloged.iter().map(|known| seen(known, &sizes)).collect::<Vec<_>>()));
    findings.extend(contents(extension, budget, &cataloged, &sizes, actor));
    findings.extend(guarded("stray_files", || stray(&store)));
    findings
}

/// The folder is listed behind the catalog: a bundle is there before its row says so. What was deleted between the two is left out.
fn look(store: &LocalDisk) -> Result<(Vec<Listed>, Vec<Cataloged>)> {
    let before = health::bundles(&store.folder_uri())?;
    let listed = store.list()?;
    let there: HashSet<String> = listed.iter().filter(|file| !file.partial).map(|file| store.uri(&file.key)).collect();
    if before.iter().all(|known| there.contains(&known.storage_uri)) {
        return Ok((listed, before));
    }
    let still: HashSet<String> = health::bundles(&store.folder_uri())?.into_iter().map(|known| known.id).collect();
    Ok((listed, before.into_iter().filter(|known| still.contains(&known.id)).collect()))
}

fn seen(known: &Cataloged, sizes: &HashMap<String, u64>) -> Bundle {
    Bundle {
        id: known.id.clone(),
        size: known.size_bytes,
        found: sizes.get(&known.storage_uri).copied(),
        noted_missing: known.missing,
        damaged: known.damaged,
    }
}

/// Whether the next run may write there.
fn directory(store: &LocalDisk) -> Finding {
    let path = store.folder_uri().trim_start_matches("file://").to_owned();
    let finding = match store.check_writable() {
        Ok(()) => Finding::ok(DIRECTORY, "it can be written to, and is this database's"),
        Err(error) => unfit(&error),
    };
    finding.about(path)
}

/// Why there is no store to look at.
fn unusable(error: &Error) -> Result<Finding> {
    Ok(match error {
        Error::NotConfigured { .. } => {
            let command = scalar(select(
                Snapshot::Latest,
                "SELECT format('ALTER DATABASE %I SET paliad_backup.directory = ''/var/lib/postgresql/paliad_backup'';', \
                 current_database())",
                &[],
            )?);
            let message = "no backup directory is configured: there will be no backup. Reconnect once it is set";
            Finding { next: command, ..Finding::new(DIRECTORY, Level::Critical, message) }
        }
        Error::Store(error) => unfit(error),
        other => failed(DIRECTORY, &other.told()),
    })
}

fn unfit(error: &StoreError) -> Finding {
    let next = match error {
        StoreError::ForeignFolder { .. } => "SELECT paliad_backup.adopt_directory();",
        _ => "SHOW paliad_backup.directory;",
    };
    let advice = match error {
        StoreError::ForeignFolder { .. } => ". Adopt it if this server now owns the files, and no other uses them",
        StoreError::Lost { .. } => {
            ". Is its file system mounted? If it is gone for good: SELECT paliad_backup.adopt_directory()"
        }
        _ => "",
    };
    Finding::new(DIRECTORY, Level::Critical, format!("{error}{advice}")).next(next)
}

/// Reads the bundles that were not looked into for the longest time.
fn contents(
    extension: Extension,
    budget: u64,
    cataloged: &[Cataloged],
    sizes: &HashMap<String, u64>,
    actor: &Actor,
) -> Vec<Finding> {
    const CHECK: &str = "bundle_contents";
    let deep = budget == u64::MAX;
    let mut findings = Vec::new();
    let (mut read, mut whole, mut left, mut too_large) = (0, 0, budget, 0);
    for known in cataloged {
        // Of what is damaged or not as long as it was, `bundles` tells.
        if known.damaged || sizes.get(&known.storage_uri) != Some(&known.size_bytes) {
            continue;
        }
        if known.size_bytes > budget {
            too_large += 1;
            continue;
        }
        if !deep && (known.verified_lately || known.size_bytes > left) {
            continue;
        }
        left -= known.size_bytes.min(left);
        match attempt(Then::RollBack, || verify::verify(extension, &known.id, actor)) {
            Ok(verdict) => {
                read += 1;
                whole += known.size_bytes;
                if let Some(fault) = verdict.checks.iter().find(|check| check.ok != Some(true)) {
                    let next = format!("SELECT * FROM paliad_backup.verify('{}');", known.id);
                    let message = format!("{}: {}", fault.name, fault.detail);
                    findings.push(Finding::new(CHECK, Level::Critical, message).about(&known.id).next(next));
                }
            }
            Err(told) => findings.push(failed(CHECK, &told).about(&known.id)),
        }
    }
    if findings.is_empty() {
        let skipped = if too_large == 0 {
            String::new()
        } else {
            format!("; {too_large} of more than {} not: check_health(deep => true) reads them", bytes(budget))
        };
        let message =
            format!("{read} of {} bundles were read now ({}) and are whole{skipped}", cataloged.len(), bytes(whole));
        findings.push(Finding::ok(CHECK, message));
    }
    findings
}

/// What cleanup() would say of the folder.
fn stray(store: &LocalDisk) -> Result<Vec<Finding>> {
    let stray = leftovers(store)?.into_iter().filter(|leftover| leftover.path.exists());
    let file = |leftover: Leftover| Stray {
        name: leftover.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        size: leftover.bytes,
        kept: leftover.is_kept(),
        reason: leftover.reason,
    };
    Ok(stray_files(&stray.map(file).collect::<Vec<_>>()))
}
