//! Restores into a scratch schema, compares, and takes everything back: a proof that a bundle comes back, beside the live tables.

use serde_json::json;

use super::constraints;
use super::indexes::resting;
use super::load;
use super::recount::csv_of;
use super::scratch::{Scratch, ScratchTable};
use super::source::Source;
use crate::bundle::manifest::{Scope, SheetEntry};
use crate::catalog::audit::Actor;
use crate::catalog::backups;
use crate::catalog::extension::Extension;
use crate::error::Result;
use crate::pg::files::ReservedHandles;
use crate::pg::locks::lock_extension;
use crate::pg::query::with_latest_snapshot;
use crate::pg::session;
use crate::pg::subtransaction::{Then, attempt, attempt_or_raise};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::Store;

/// Most files that a rehearsal has open at once.
const HANDLES: usize = 6;

/// What came of one sheet.
#[derive(Debug)]
pub struct Rehearsed {
    /// The sheet.
    pub sheet: String,
    /// Its table, quoted.
    pub relation: Option<String>,
    /// None where there is nothing to restore, or the order of the rows is not known and nothing but their number was compared.
    pub ok: Option<bool>,
    /// By the manifest.
    pub rows_expected: u64,
    /// Loaded.
    pub rows_found: u64,
    /// One sentence.
    pub detail: String,
}

/// Rehearses the restore of all sheets, or of some; a row per sheet, in the bundle's order.
///
/// # Errors
/// [`crate::error::Error::Bundle`] for a file that isn't the one that was made; as [`super::restore`] for ids and names.
pub fn rehearse(extension: Extension, id: &str, sheets: Option<&[String]>, actor: &Actor) -> Result<Vec<Rehearsed>> {
    session::refuse_read_only("rehearse_restore()");
    let backup = backups::find(id)?;
    let _handles = ReservedHandles::new(HANDLES);
    lock_extension(extension.oid);
    let store = storage::open()?;
    let mut source = Source::open(&backup, false)?;
    source.prove(|| Ok(()))?;
    let chosen = source.chosen(sheets, Scope::Full)?;
    let rehearsed = attempt_or_raise(Then::RollBack, || in_scratch(&source, &chosen, &store))?;
    let faults: Vec<_> = rehearsed.iter().filter(|row| row.ok == Some(false)).map(|row| &row.sheet).collect();
    let metadata = json!({ "backup_id": id, "ok": faults.is_empty(), "sheets": rehearsed.len(), "faults": faults });
    let request = Request::Audit {
        event: "restore_rehearsed".into(),
        actor: actor.clone(),
        metadata,
        stamp: "rehearsed_at".into(),
    };
    Recorder::with(extension, |recorder| recorder.ask(&request))?;
    Ok(rehearsed)
}

fn in_scratch(source: &Source, chosen: &[&SheetEntry], store: &dyn Store) -> Result<Vec<Rehearsed>> {
    let mut scratch = Scratch::create(&source.manifest.run.id)?;
    let mut rehearsed = Vec::with_capacity(chosen.len());
    for sheet in chosen {
        rehearsed.push(match sheet.has_no_table() {
            Some(reason) => row(sheet, None, 0, format!("not restored: {reason}")),
            None => one(source, sheet, &mut scratch, store),
        });
    }
    for (sheet, check) in scratch.foreign_keys()? {
        if let Err(told) = attempt(Then::Keep, || scratch.add(&check)) {
            fault(&mut rehearsed, &sheet, told.message, told.detail);
        }
    }
    Ok(rehearsed)
}

/// Creates, loads and compares one table.
fn one(source: &Source, sheet: &SheetEntry, scratch: &mut Scratch, store: &dyn Store) -> Rehearsed {
    let mut rows = 0;
    let result = attempt(Then::Keep, || {
        let table = scratch.table(sheet)?;
        let (target, reader) = (&table.target, &source.reader);
        rows =
            resting(&target.own_members(), sheet.row_count, || load::load(target, reader, true, |_| Ok(())))?.restored;
        for constraint in constraints::deferrable(&table.target.members)? {
            constraint.check()?;
        }
        let verdict = with_latest_snapshot(|| compare(sheet, &table, store))?;
        scratch.keep(table);
        Ok(verdict)
    });
    match result {
        Ok((ok, detail)) => row(sheet, ok, rows, detail),
        Err(told) => {
            // Other hints are about tables that stay.
            let hint = told.hint.filter(|_| told.sqlstate == "42704");
            let more: String = [told.detail, hint].into_iter().flatten().map(|text| format!(" {text}")).collect();
            row(sheet, Some(false), rows, format!("{}: {}.{more}", told.sqlstate, told.message))
        }
    }
}

/// The scratch table, exported anew, must give the same bytes.
fn compare(sheet: &SheetEntry, table: &ScratchTable, store: &dyn Store) -> Result<(Option<bool>, String)> {
    let made = &table.made;
    let Some(found) = csv_of(sheet, &table.target, table.is_whole, store)? else {
        return Ok((None, format!("{made}; the rows' order is not known, so only their number was compared")));
    };
    let ok = Some(&found) == sheet.files.csv.as_ref();
    let verdict = if ok { "the rows are those of the bundle, byte by byte" } else { "the rows came back as others" };
    Ok((Some(ok), format!("{made}; {verdict}")))
}

fn row(sheet: &SheetEntry, ok: Option<bool>, rows_found: u64, detail: String) -> Rehearsed {
    Rehearsed {
        sheet: sheet.name.clone(),
        relation: sheet
            .relation
            .as_ref()
            .map(|relation| pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table)),
        ok,
        rows_expected: sheet.row_count,
        rows_found,
        detail,
    }
}

fn fault(rehearsed: &mut [Rehearsed], sheet: &str, message: String, detail: Option<String>) {
    if let Some(row) = rehearsed.iter_mut().find(|row| row.sheet == sheet) {
        row.ok = Some(false);
        row.detail = format!("{message}. {}", detail.unwrap_or_default());
    }
}
