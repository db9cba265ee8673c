//! Puts the sequences of the restored tables where the bundle has them.

use std::collections::HashSet;

use pgrx::pg_sys::Oid;

use super::RestoreRequest;
use super::report::Report;
use super::targets::Targets;
use crate::bundle::manifest::{Manifest, Sequence};
use crate::command::SCAN_SETTINGS;
use crate::error::{Error, Result, Told};
use crate::pg::identity::{As, act_as};
use crate::pg::locks::Mode;
use crate::pg::name_guard::naming;
use crate::pg::query::{Snapshot, number, oid_array, select};
use crate::pg::sequence;

/// A sequence of the database that the bundle has a state for.
struct Known {
    oid: u32,
    owner: Oid,
    qualified: String,
    increment: i64,
    lowest: i64,
    highest: i64,
    /// It belongs to no table.
    free: bool,
}

/// A sequence that is put back once the rows are there.
pub struct Planned {
    known: Known,
    state: Sequence,
    sheet: String,
    may_go_back: bool,
}

/// Finds and locks the sequences that columns of the tables own, and those that belong to no table in their schemas: the latter go back
/// only where everything is restored, for other tables may use them too. Without overwriting none goes back.
///
/// Right behind the tables: a session that waits for one of them to insert has locked its sequence.
///
/// # Errors
/// [`Error::LockNotAvailable`].
pub fn lock(
    manifest: &Manifest,
    targets: &Targets,
    request: &RestoreRequest,
    report: &mut Report,
) -> Result<Vec<Planned>> {
    let mut planned = Vec::new();
    let schemas: HashSet<&str> = targets
        .tables
        .iter()
        .filter(|target| target.is_origin())
        .filter_map(|target| target.sheet.relation.as_ref())
        .map(|relation| relation.schema.as_str())
        .collect();
    for state in &manifest.sequences {
        let sheet = match &state.owned_by {
            Some(column) => targets.tables.iter().filter(|target| target.is_origin()).find(|target| {
                let relation = target.sheet.relation.as_ref();
                relation.is_some_and(|relation| relation.schema == column.schema && relation.table == column.table)
            }),
            None if schemas.contains(state.schema.as_str()) => targets.tables.first(),
            None => None,
        };
        let Some(target) = sheet else { continue };
        let sheet = target.sheet.name.clone();
        let known = match &state.owned_by {
            Some(column) => owned(target.oid, &column.column)?,
            None => free(state, targets)?,
        };
        let Some(known) = known else {
            report.note(&sheet, &format!("sequence {}.{} is not there", state.schema, state.name));
            continue;
        };
        super::lock::lock(known.oid, Mode::AccessExclusive)?;
        let may_go_back = request.overwrite && (request.whole || !known.free);
        planned.push(Planned { known, state: state.clone(), sheet, may_go_back });
    }
    Ok(planned)
}

/// Sets them.
///
/// # Errors
/// 22003 for a state outside the sequence's bounds; a dry run notes it.
pub fn restore(planned: &[Planned], report: &mut Report) -> Result<()> {
    let dry_run = report.dry_run;
    for Planned { known, state, sheet, may_go_back } in planned {
        report.step(sheet, || set(known, state, *may_go_back, dry_run))?;
    }
    Ok(())
}

fn set(known: &Known, state: &Sequence, may_go_back: bool, dry_run: bool) -> Result<()> {
    let (last_value, is_called) = current(known)?;
    if (last_value, is_called) == (state.last_value, state.is_called) {
        return Ok(());
    }
    let next = |value: i64, called: bool| i128::from(value) + if called { i128::from(known.increment) } else { 0 };
    let (before, after) = (next(last_value, is_called), next(state.last_value, state.is_called));
    let goes_back = if known.increment > 0 { after < before } else { after > before };
    if !may_go_back && goes_back {
        return Ok(());
    }
    let (value, lowest, highest) = (state.last_value, known.lowest, known.highest);
    if !(lowest..=highest).contains(&value) {
        return Err(Error::Told(Told {
            sqlstate: "22003".into(),
            message: format!("value {value} is out of bounds for sequence {} ({lowest} to {highest})", known.qualified),
            detail: None,
            hint: None,
        }));
    }
    // ROLLBACK would leave the lock that setval() takes, and what currval() says.
    if !dry_run {
        sequence::set(Oid::from(known.oid), state.last_value, state.is_called);
    }
    Ok(())
}

fn current(known: &Known) -> Result<(i64, bool)> {
    let sql = format!("SELECT last_value, is_called FROM {}", known.qualified);
    let rows = act_as(As::Reader(known.owner), &SCAN_SETTINGS, || {
        naming(&[known.oid], || select(Snapshot::Latest, &sql, &[]))
    })?;
    let row = rows.first().ok_or_else(|| Error::internal(format!("sequence {} has no row", known.qualified)))?;
    Ok((row[0].as_deref().and_then(|value| value.parse().ok()).unwrap_or_default(), row[1].as_deref() == Some("t")))
}

/// The sequence of a column, whatever its name is.
fn owned(table: Oid, column: &str) -> Result<Option<Known>> {
    find(
        "d.refobjid = $1::oid AND d.refobjsubid = (SELECT a.attnum FROM pg_catalog.pg_attribute AS a \
           WHERE a.attrelid = $1::oid AND a.attname = $2 AND NOT a.attisdropped)",
        &[Some(&table.to_u32().to_string()), Some(column)],
    )
}

/// A sequence by its name that belongs to no table, in a schema of the restored ones.
fn free(state: &Sequence, targets: &Targets) -> Result<Option<Known>> {
    find(
        "d.refobjid IS NULL AND n.nspname = $1 AND c.relname = $2 AND n.oid IN (SELECT t.relnamespace \
           FROM pg_catalog.pg_class AS t WHERE t.oid = ANY ($3::oid[]))",
        &[Some(&state.schema), Some(&state.name), Some(&oid_array(targets.members()))],
    )
}

fn find(condition: &str, parameters: &[Option<&str>]) -> Result<Option<Known>> {
    let sql = format!(
        "SELECT c.oid, c.relowner, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement, s.seqmin, s.seqmax, d.refobjid IS NULL \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = c.oid \
         LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
           AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') \
         WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {condition} ORDER BY c.oid LIMIT 1"
    );
    let rows = select(Snapshot::Latest, &sql, parameters)?;
    Ok(rows.into_iter().next().and_then(|row| {
        Some(Known {
            oid: number(&row[0])?,
            owner: Oid::from(number(&row[1])?),
            qualified: row[2].clone()?,
            increment: row[3].as_deref()?.parse().ok()?,
            lowest: row[4].as_deref()?.parse().ok()?,
            highest: row[5].as_deref()?.parse().ok()?,
            free: row[6].as_deref() == Some("t"),
        })
    }))
}
