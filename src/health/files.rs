//! Bundles and what else lies in the folder.

use super::{Finding, Level, RECONCILE, bytes, counted};

/// A bundle that should be there.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The backup.
    pub id: String,
    /// By the catalog.
    pub size: u64,
    /// What lies in the folder, where it was found.
    pub found: Option<u64>,
    /// The catalog says that it is missing.
    pub noted_missing: bool,
    /// The last verification found it damaged.
    pub damaged: bool,
}

/// A file in the folder that no backup accounts for.
#[derive(Clone, Debug)]
pub struct Stray {
    /// Its name.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// cleanup() leaves it.
    pub kept: bool,
    /// Why it does, or does not.
    pub reason: String,
}

/// What is wrong with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no file.
    Missing,
    /// Its content is not what was written.
    Damaged,
    /// It is shorter or longer than what was written.
    Size,
}

const CLEANUP: &str = "SELECT * FROM paliad_backup.cleanup();";

/// Room on the disk for a run whose bundle has `size` bytes: the scratch files that it is made of are given back piece by piece while they
/// are copied. (A file system that cannot do so needs the bundle's size twice, which is warned of.)
pub fn run_needs(size: u64) -> u64 {
    const PIECES: u64 = 32 << 20;
    (size + size / 10 + PIECES).min(2 * size + size / 4)
}

impl Bundle {
    /// What is wrong with it, as far as can be told without reading it.
    pub fn fault(&self) -> Option<Fault> {
        match self.found {
            None => Some(Fault::Missing),
            Some(_) if self.damaged => Some(Fault::Damaged),
            Some(size) if size != self.size => Some(Fault::Size),
            Some(_) => None,
        }
    }
}

/// Whether the bundles are there. A missing one was moved or removed by somebody; a damaged one tells of the disk.
pub fn bundles(all: &[Bundle]) -> Vec<Finding> {
    const CHECK: &str = "bundles";
    let faults: Vec<Finding> = all
        .iter()
        .filter_map(|bundle| {
            let id = &bundle.id;
            let verify = format!("SELECT * FROM paliad_backup.verify('{id}');");
            let finding = match bundle.fault()? {
                Fault::Missing if bundle.noted_missing => {
                    Finding::new(CHECK, Level::Warning, "its file is gone; deleting the backup accepts the loss")
                        .next(format!("SELECT * FROM paliad_backup.delete('{id}');"))
                }
                Fault::Missing => Finding::new(CHECK, Level::Warning, "its file is gone").next(RECONCILE),
                Fault::Damaged => {
                    Finding::new(CHECK, Level::Critical, "the last verification found it damaged").next(verify)
                }
                Fault::Size => {
                    let found = bundle.found.unwrap_or_default();
                    let message = format!("its file has {found} bytes, not the {} that were written", bundle.size);
                    Finding::new(CHECK, Level::Critical, message).next(verify)
                }
            };
            Some(finding.about(id))
        })
        .collect();
    if !faults.is_empty() {
        return faults;
    }
    let size = bytes(all.iter().map(|bundle| bundle.size).sum());
    let count = counted(all.len() as u64, "bundle", "bundles");
    vec![Finding::ok(CHECK, format!("{count} of {size} are there"))]
}

/// Files that cleanup() would remove, and those that it leaves: bundles whose rows can be made again.
pub fn stray_files(all: &[Stray]) -> Vec<Finding> {
    const CHECK: &str = "stray_files";
    let stray: Vec<Finding> = all
        .iter()
        .map(|file| {
            let next = if file.kept { "SELECT * FROM paliad_backup.rebuild_catalog();" } else { CLEANUP };
            let message = format!("{} ({})", file.reason, bytes(file.size));
            Finding::new(CHECK, Level::Warning, message).about(&file.name).next(next)
        })
        .collect();
    if stray.is_empty() { vec![Finding::ok(CHECK, "no file without a backup lies in the folder")] } else { stray }
}

/// Whether the next backups fit, if they are as large as the last.
pub fn free_space(free: u64, last_size: Option<u64>) -> Finding {
    const CHECK: &str = "free_space";
    let Some(last) = last_size else { return Finding::ok(CHECK, format!("{} are free", bytes(free))) };
    let needed = run_needs(last);
    let message = format!("{} are free, and a run like the last one needs {}", bytes(free), bytes(needed));
    let level = match free {
        free if free < needed => Level::Critical,
        free if free < 2 * needed => Level::Warning,
        _ => return Finding::ok(CHECK, message),
    };
    Finding::new(CHECK, level, message).next(CLEANUP)
}
