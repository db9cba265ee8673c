//! What a backup would be like, before anyone makes it: its plan says the sheets, earlier backups what they take. No row of a table is read.

use std::collections::BTreeMap;

use super::run::scope_name;
use super::{download, plan};
use crate::bundle::manifest::{Format, Manifest, Scope};
use crate::bundle::reader::BundleReader;
use crate::catalog::backups::{self, Measured};
use crate::catalog::settings::Settings;
use crate::error::Result;
use crate::forecast::{Expected, Past, SheetNow, forecast};
use crate::health::run_needs;
use crate::pg::subtransaction::{Then, attempt, attempt_or_raise};
use crate::storage;
use crate::store::Store;

/// Earlier backups that are looked at.
const RUNS: u32 = 5;

/// One sheet.
pub struct EstimatedSheet {
    /// Its name.
    pub name: String,
    /// Schema and table; none for a query sheet.
    pub relation: Option<String>,
    /// On disk, without indexes.
    pub table_bytes: u64,
    /// What it would take.
    pub expected: Expected,
}

/// What a run would be like.
pub struct Estimate {
    /// In the order of the export.
    pub sheets: Vec<EstimatedSheet>,
    /// Where the bundle would lie; none where that cannot be told.
    pub free_bytes: Option<u64>,
    /// Whether a run would find the room that it needs.
    pub fits: Option<bool>,
    /// What the figures come from.
    pub basis: String,
}

/// Plans a run and gives all its locks back.
///
/// # Errors
/// As of [`plan::plan`].
pub fn estimate(scope: Scope, formats: &[Format]) -> Result<Estimate> {
    let sheets = attempt_or_raise(Then::RollBack, || {
        let planned = plan::plan(&Settings::read()?, scope, formats, &mut None)?;
        let sheet = |planned: &plan::PlannedSheet| {
            let relation = planned.sheet.relation.as_ref();
            let now = SheetNow {
                name: planned.sheet.name.clone(),
                // A table that was never analysed has none for the statistics.
                rows: Some(planned.sheet.estimated_rows)
                    .filter(|rows| *rows > 0 || (planned.bytes == 0 && !planned.guarded)),
                table_bytes: planned.bytes,
            };
            (now, relation.map(|relation| format!("{}.{}", relation.schema, relation.table)))
        };
        Ok(planned.sheets.iter().map(sheet).collect::<Vec<_>>())
    })?;
    let past = past(scope, formats)?;
    let (now, relations): (Vec<SheetNow>, Vec<Option<String>>) = sheets.into_iter().unzip();
    let expected = forecast(&now, formats, &past);
    let bytes: u64 = expected.iter().map(|expected| expected.bytes).sum();
    let free_bytes = attempt(Then::RollBack, || Ok(storage::look()?.map(|store| store.free_bytes()).transpose()?));
    let mut basis = match past.len() {
        0 => "no earlier backup in these formats: usual figures".to_owned(),
        1 => "from the last backup in these formats".to_owned(),
        count => format!("from the last {count} backups in these formats"),
    };
    if let Err(told) = &free_bytes {
        basis = format!("{basis}; free space is not known: {}", told.message);
    }
    let free_bytes = free_bytes.ok().flatten();
    let sheets = now.into_iter().zip(relations).zip(expected);
    let sheets = sheets.map(|((now, relation), expected)| EstimatedSheet {
        name: now.name,
        relation,
        table_bytes: now.table_bytes,
        expected,
    });
    Ok(Estimate { sheets: sheets.collect(), free_bytes, fits: free_bytes.map(|free| free >= run_needs(bytes)), basis })
}

fn past(scope: Scope, formats: &[Format]) -> Result<Vec<Past>> {
    let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    let mut measured = backups::measured(scope_name(scope), &names, RUNS)?;
    let packed =
        measured.first().and_then(|newest| attempt(Then::RollBack, || packed(&newest.id)).ok()).unwrap_or_default();
    let mut past: Vec<Past> = measured.drain(..).map(of).collect();
    if let Some(newest) = past.first_mut() {
        newest.packed = packed;
    }
    Ok(past)
}

fn of(measured: Measured) -> Past {
    let Measured { size, seconds, rows, .. } = measured;
    Past { size, seconds, rows, packed: BTreeMap::new() }
}

/// What the sheets' files take in a bundle, from its directory; a workbook's sheets have no files of their own.
fn packed(id: &str) -> Result<BTreeMap<String, u64>> {
    let reader = BundleReader::open(download::open(&backups::find(id)?)?.file)?;
    let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
    let sizes: BTreeMap<&str, u64> =
        reader.entries().iter().map(|entry| (entry.path.as_str(), entry.compressed_size)).collect();
    let of_sheet = |sheet: &crate::bundle::manifest::SheetEntry| {
        let files = [&sheet.files.csv, &sheet.files.json].into_iter().flatten();
        files.filter_map(|file| sizes.get(file.path.as_str())).sum()
    };
    Ok(manifest.sheets.iter().map(|sheet| (sheet.name.clone(), of_sheet(sheet))).collect())
}
