//! Columns of a table as the texts that csv has of them.

use std::sync::Arc;

use pgrx::pg_sys::Oid;
use pgrx::spi::quote_identifier;

use super::SCAN_SETTINGS;
use crate::bundle::batch::Batch;
use crate::bundle::manifest::{ColumnEntry, SheetEntry};
use crate::bundle::sheet::{Captions, Column, Shape, Sheet};
use crate::error::Result;
use crate::pg::identity::{As, act_as};
use crate::pg::scan::{Scan, scan};
use crate::pg::session;

/// A table that is read like a sheet of a run.
pub struct TableTexts {
    /// What the batches' rows are: the wanted columns, in their order.
    pub sheet: Arc<Sheet>,
    table: Oid,
    owner: Oid,
}

impl TableTexts {
    /// These columns of `table`, which has what `sheet` is of, or something like it.
    pub fn new<'a>(
        sheet: &SheetEntry,
        columns: impl Iterator<Item = &'a ColumnEntry>,
        table: Oid,
        owner: Oid,
    ) -> TableTexts {
        let columns: Vec<Column> = columns.enumerate().map(|(slot, column)| described(column, slot)).collect();
        let sheet = Sheet {
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
        };
        TableTexts { sheet: Arc::new(sheet), table, owner }
    }

    /// Reads the rows as the table's owner. `source` follows FROM, and names the table alone, as `t`.
    ///
    /// # Errors
    /// Of `see` and of the scan.
    pub fn read(&self, source: &str, mut see: impl FnMut(Batch) -> Result<()>) -> Result<()> {
        let values: Vec<String> = self.sheet.columns.iter().map(|column| value(&column.name)).collect();
        let what = Scan {
            sql: &format!("SELECT {} FROM {source}", values.join(", ")),
            names: &[self.table.to_u32()],
            sheet: &self.sheet,
            encoding: session::encoding(),
            time_zone: "UTC",
        };
        act_as(As::Reader(self.owner), &SCAN_SETTINGS, || {
            scan(&what, &mut |batch| {
                session::check_settings(&SCAN_SETTINGS)?;
                see(batch)
            })
        })
        .map(drop)
    }
}

/// A column of the table that is read, in SQL.
pub fn value(column: &str) -> String {
    format!("t.{}", quote_identifier(column))
}

fn described(column: &ColumnEntry, slot: usize) -> Column {
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
