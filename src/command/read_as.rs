//! The rows of a sheet as those of a table's row type: exact values, by the types' own input functions.

use pgrx::pg_sys;

use super::SCAN_SETTINGS;
use super::foreign_checks;
use super::sheet_rows::SheetRows;
use crate::bundle::manifest::SheetEntry;
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::locks::{Locked, Mode, lock_relation};
use crate::pg::query::{Snapshot, number, select};
use crate::pg::row_set::{column_names, relation_of_row_type, return_rows};

/// Fills the set of the present call, as the owner of the type's table: domains and generated columns may be anybody's code.
///
/// # Errors
/// [`Error::BadArgument`] for what is no row type, or has no column of the sheet's; as [`SheetRows`]. What a type does not take is
/// raised by the server.
pub fn read_sheet_as(
    extension: Extension,
    fcinfo: pg_sys::FunctionCallInfo,
    id: &str,
    sheet: &str,
    actor: &Actor,
) -> Result<()> {
    let (relation, name, owner) = locked_row_type(fcinfo)?;
    foreign_checks::refuse(&name, owner, [relation.to_u32()])?;
    let mut rows = SheetRows::open(extension, id, sheet, actor)?;
    let known = column_names(relation);
    if !rows.columns.iter().any(|column| known.contains(column)) {
        return Err(Error::BadArgument {
            message: format!("sheet \"{sheet}\" has no column of this row type"),
            hint: format!("Its columns are {}.", rows.columns.join(", ")),
        });
    }
    tell_missing(&rows.sheet, &known, &name);
    let columns = rows.columns.clone();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    act_as(As::Reader(owner), &SCAN_SETTINGS, || {
        return_rows(fcinfo, relation, &columns, |set| {
            while let Some(row) = rows.next_row()? {
                set.put(|column| row.field(column));
            }
            Ok(())
        })
    })
}

/// One column in common may be a coincidence: the table may be another than the one that was meant.
fn tell_missing(sheet: &SheetEntry, known: &[String], table: &str) {
    let is_missing = |name: &&String| !sheet.columns.iter().any(|column| column.name == **name);
    let missing: Vec<String> = known.iter().filter(is_missing).map(|name| format!("\"{name}\"")).collect();
    if !missing.is_empty() {
        pgrx::notice!(
            "sheet \"{}\" has no column {} of {table}: null, or computed where it is generated",
            sheet.name,
            missing.join(", ")
        );
    }
}

/// The type's relation, which keeps its columns until the transaction ends, its name and who owns it.
fn locked_row_type(fcinfo: pg_sys::FunctionCallInfo) -> Result<(pg_sys::Oid, String, pg_sys::Oid)> {
    let refused = || Error::BadArgument {
        message: "the first argument is not of a table's row type".into(),
        hint: "Name the type by a cast, as in read_sheet_as(NULL::paliad.projects, …).".into(),
    };
    let relation = relation_of_row_type(fcinfo).ok_or_else(refused)?;
    match lock_relation(relation, Mode::AccessShare) {
        Locked::Held => {}
        Locked::Gone => return Err(refused()),
        Locked::TimedOut => return Err(Error::LockNotAvailable { table: relation.to_u32().to_string() }),
    }
    let sql = "SELECT c.relowner, c.oid::regclass FROM pg_catalog.pg_class AS c WHERE c.oid = $1::oid";
    let rows = select(Snapshot::Latest, sql, &[Some(&relation.to_u32().to_string())])?;
    let [owner, Some(name)] = rows.first().map_or(&[][..], Vec::as_slice) else { return Err(refused()) };
    let owner = number(owner).ok_or_else(refused)?;
    Ok((relation, name.clone(), pg_sys::Oid::from(owner)))
}
