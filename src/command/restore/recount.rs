//! A loaded table as csv once more, to be compared with the file that it was loaded from.

use super::targets::Target;
use crate::bundle::csv::CsvEncoder;
use crate::bundle::encoder::{Abort, Encoder, FileInfo};
use crate::bundle::manifest::SheetEntry;
use crate::command::plan::ROW_TEXT;
use crate::command::table_texts::{TableTexts, value};
use crate::error::Result;
use crate::store::Store;

/// What the sheet's csv file would be; none where its order can't be made again. `is_whole`: the table has all of the sheet's columns.
///
/// # Errors
/// Of the scan and of the store's scratch file.
pub fn csv_of(sheet: &SheetEntry, target: &Target, is_whole: bool, store: &dyn Store) -> Result<Option<FileInfo>> {
    let Some(order) = order(sheet, is_whole) else { return Ok(None) };
    let texts = TableTexts::new(sheet, sheet.csv_columns(), target.oid, target.owner);
    let mut encoder = Box::new(CsvEncoder::new(store.scratch()?, 1, Abort::default()));
    encoder.begin_sheet(&texts.sheet)?;
    texts.read(&format!("{} AS t{order}", target.only()), |batch| Ok(encoder.rows(&batch)?))?;
    encoder.end_sheet()?;
    Ok(encoder.finish()?.files.pop())
}

/// ORDER BY as the run had it. What the manifest says is anybody's text: only what a run writes there is taken.
fn order(sheet: &SheetEntry, is_whole: bool) -> Option<String> {
    let known = |expression: &String| {
        (is_whole && expression == ROW_TEXT) || sheet.csv_columns().any(|column| *expression == value(&column.name))
    };
    if sheet.order_by.is_empty() {
        return Some(String::new());
    }
    sheet.order_by.iter().all(known).then(|| format!(" ORDER BY {}", sheet.order_by.join(", ")))
}
