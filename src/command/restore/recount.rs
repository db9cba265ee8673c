//! A loaded table as csv once more, to be compared with the file that it was loaded from.

use std::sync::Arc;

use super::targets::Target;
use crate::bundle::csv::CsvEncoder;
use crate::bundle::encoder::{Abort, Encoder, FileInfo};
use crate::bundle::manifest::{ColumnEntry, SheetEntry};
use crate::bundle::sheet::{Captions, Column, Shape, Sheet};
use crate::command::SCAN_SETTINGS;
use crate::command::plan::ROW_TEXT;
use crate::error::Result;
use crate::pg::identity::{As, act_as};
use crate::pg::scan::{Scan, scan};
use crate::pg::session;
use crate::store::Store;

/// What the sheet's csv file would be; none where its order can't be made again. `is_whole`: the table has all of the sheet's columns.
///
/// # Errors
/// Of the scan and of the store's scratch file.
pub fn csv_of(sheet: &SheetEntry, target: &Target, is_whole: bool, store: &dyn Store) -> Result<Option<FileInfo>> {
    let Some(order) = order(sheet, is_whole) else { return Ok(None) };
    let columns: Vec<Column> = sheet.csv_columns().enumerate().map(|(slot, column)| described(column, slot)).collect();
    let values: Vec<String> =
        columns.iter().map(|column| format!("t.{}", pgrx::spi::quote_identifier(&column.name))).collect();
    let sql = format!("SELECT {} FROM ONLY {} AS t{order}", values.join(", "), target.qualified);
    let sheet = Arc::new(Sheet {
        name: sheet.name.clone(),
        kind: sheet.kind,
        relation: sheet.relation.clone(),
        relation_kind: sheet.relation_kind,
        query: None,
        slots: columns.len(),
        columns,
        primary_key: sheet.primary_key.clone(),
        order_by: Vec::new(),
        captions: Captions::default(),
        estimated_rows: 0,
    });
    let mut encoder = Box::new(CsvEncoder::new(store.scratch()?, 1, Abort::default()));
    encoder.begin_sheet(&sheet)?;
    let what = Scan {
        sql: &sql,
        names: &[target.oid.to_u32()],
        sheet: &sheet,
        encoding: session::encoding(),
        time_zone: "UTC",
    };
    act_as(As::Reader(target.owner), &SCAN_SETTINGS, || {
        scan(&what, &mut |batch| {
            session::check_settings(&SCAN_SETTINGS)?;
            Ok(encoder.rows(&batch)?)
        })
    })?;
    encoder.end_sheet()?;
    Ok(encoder.finish()?.files.pop())
}

/// ORDER BY as the run had it. What the manifest says is anybody's text: only what a run writes there is taken.
fn order(sheet: &SheetEntry, is_whole: bool) -> Option<String> {
    let known = |expression: &String| {
        (is_whole && expression == ROW_TEXT)
            || sheet
                .csv_columns()
                .any(|column| *expression == format!("t.{}", pgrx::spi::quote_identifier(&column.name)))
    };
    if sheet.order_by.is_empty() {
        return Some(String::new());
    }
    sheet.order_by.iter().all(known).then(|| format!(" ORDER BY {}", sheet.order_by.join(", ")))
}

/// A column as a scan wants to know it.
pub fn described(column: &ColumnEntry, slot: usize) -> Column {
    Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        type_oid: column.type_oid,
        type_schema: column.type_schema.clone(),
        not_null: column.not_null,
        generated: false,
        identity: None,
        collation: column.collation.clone(),
        shape: Shape::Text,
        slot,
        json_slot: None,
        xlsx_slot: None,
    }
}
