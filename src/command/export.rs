//! Reads every sheet once and encodes it in all formats.

use super::SCAN_SETTINGS;
use super::pipeline::{MakeEncoder, Pipeline};
use super::plan::{Plan, PlannedSheet};
use crate::bundle::csv::CsvEncoder;
use crate::bundle::encoder::{Abort, Encoded, Warning};
use crate::bundle::json::JsonEncoder;
use crate::bundle::manifest::Format;
use crate::bundle::xlsx::{About, XlsxEncoder};
use crate::catalog::progress::Progress;
use crate::error::{Error, Result};
use crate::pg::function_guard::watching_volatile;
use crate::pg::identity::{As, act_as, with_settings};
use crate::pg::read_guard::ReadGuard;
use crate::pg::scan::{Scan, scan};
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::store::Store;

/// All sheets, encoded.
pub struct Exported {
    /// Rows of each sheet, in the plan's order.
    pub row_counts: Vec<u64>,
    /// What was noticed while the sheets were read.
    pub warnings: Vec<Warning>,
    /// What each format has made.
    pub formats: Vec<(Format, Encoded)>,
    /// SHA-256 of each sheet's csv, also where the bundle has none.
    pub digests: Vec<String>,
}

/// Scans the sheets in the caller's snapshot while the encoders work on threads of their own.
///
/// # Errors
/// Of the scan, of an encoder, of the store's scratch files.
pub fn export(
    plan: &Plan,
    formats: &[Format],
    about: &About,
    store: &dyn Store,
    recorder: &mut Recorder,
    progress: &mut Progress,
    abort: &Abort,
) -> Result<Exported> {
    let pipeline = Pipeline::start(encoders(formats, about, store, abort)?, crate::config::threads(), abort)?;
    let mut row_counts = Vec::with_capacity(plan.sheets.len());
    let mut warnings = Vec::new();
    // Once for all sheets; what code of one changes ends with that sheet.
    with_settings(&SCAN_SETTINGS, || {
        for planned in &plan.sheets {
            progress.sheet = Some(planned.sheet.name.clone());
            recorder.show(progress, false)?;
            pipeline.begin_sheet(&planned.sheet);
            let (rows, volatile) = watching_volatile(|| read_sheet(plan, planned, &pipeline, recorder, progress));
            match rows? {
                Some(rows) => row_counts.push(rows),
                None => break,
            }
            warnings.extend((planned.guarded && volatile).then(|| volatile_functions(&planned.sheet.name)));
            pipeline.end_sheet();
            progress.sheets_done += 1;
        }
        Ok::<_, Error>(())
    })?;
    progress.phase = "encode".into();
    progress.sheet = None;
    recorder.show(progress, true)?;
    let mut encoded = pipeline.finish(|| recorder.show(progress, false))?;
    let csv = encoded.iter().filter(|(format, _)| *format == Format::Csv).flat_map(|(_, encoded)| &encoded.files);
    let digests = csv.map(|file| file.sha256.clone()).collect();
    encoded.retain(|(format, _)| formats.contains(format));
    Ok(Exported { row_counts, warnings, formats: encoded, digests })
}

/// The rows of one sheet; `None` when an encoder has failed.
fn read_sheet(
    plan: &Plan,
    planned: &PlannedSheet,
    pipeline: &Pipeline,
    recorder: &mut Recorder,
    progress: &mut Progress,
) -> Result<Option<u64>> {
    let mut encoding = true;
    let mut sink = |batch: crate::bundle::batch::Batch| {
        progress.rows_done += batch.rows() as u64;
        progress.bytes_done += batch.size() as u64;
        // Code that the query reaches could have changed what the rows look like.
        session::check_settings(&SCAN_SETTINGS)?;
        encoding = pipeline.rows(batch);
        recorder.show(progress, false)?;
        if encoding { Ok(()) } else { Err(Error::internal("an encoder has failed")) }
    };
    let _guard = planned.guarded.then(|| ReadGuard::forbid(plan.forbidden.iter().copied()));
    let what = Scan {
        sql: &planned.sql,
        names: &planned.names,
        sheet: &planned.sheet,
        encoding: session::encoding(),
        time_zone: &plan.time_zone,
    };
    let rows = act_as(As::Reader(planned.owner), &[], || scan(&what, &mut sink));
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(_) if !encoding => Ok(None),
        Err(error) => Err(error),
    }
}

fn volatile_functions(sheet: &str) -> Warning {
    Warning {
        code: "volatile_function".into(),
        sheet: Some(sheet.to_owned()),
        column: None,
        count: 1,
        detail:
            "The view or query calls a function declared VOLATILE, which may see changes committed after the snapshot. \
                 Declared STABLE it sees the snapshot."
                .into(),
    }
}

fn encoders(formats: &[Format], about: &About, store: &dyn Store, abort: &Abort) -> Result<Vec<(Format, MakeEncoder)>> {
    let level = crate::config::compression_level();
    let hashed = (!formats.contains(&Format::Csv)).then(|| {
        let (spool, abort) = (store.scratch()?, abort.clone());
        let make: MakeEncoder = Box::new(move || Box::new(CsvEncoder::hashing(spool, abort)));
        Ok((Format::Csv, make))
    });
    formats
        .iter()
        .map(|format| {
            let (spool, abort) = (store.scratch()?, abort.clone());
            let make: MakeEncoder = match format {
                Format::Csv => Box::new(move || Box::new(CsvEncoder::new(spool, level, abort))),
                Format::Json => Box::new(move || Box::new(JsonEncoder::new(spool, level, abort))),
                Format::Xlsx => {
                    let (workbook, about) = (store.scratch()?, about.clone());
                    Box::new(move || Box::new(XlsxEncoder::new(spool, workbook, level, abort, about)))
                }
            };
            Ok((*format, make))
        })
        .chain(hashed)
        .collect()
}
