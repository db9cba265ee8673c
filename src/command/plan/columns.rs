//! The columns and primary keys of the tables, and which values a row of the scan has for each.

use std::collections::HashMap;

use super::discover::Found;
use super::types::Types;
use crate::bundle::sheet::{Captions, Column, Shape};
use crate::error::{Error, Result};
use crate::pg::query::{Row, Snapshot, number, oid_array, select};

/// One sheet's columns.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// In the table's order.
    pub columns: Vec<Column>,
    /// Key columns of the primary key.
    pub primary_key: Vec<String>,
    /// SQL of each value of a row, over the alias `t` and what `joins` adds to it.
    pub values: Vec<String>,
    /// SQL behind `t`: what labels are read from.
    pub joins: String,
    /// Oids of the relations that `joins` names, in its order.
    pub joined: Vec<u32>,
    /// What the workbook shows beside.
    pub captions: Captions,
    /// Number of values, companions included.
    pub slots: usize,
}

impl Description {
    /// Adds values behind the columns' own; the companions stand behind them all.
    pub fn add_values(&mut self, more: impl IntoIterator<Item = String>) {
        let before = self.values.len();
        self.values.extend(more);
        let added = self.values.len() - before;
        self.slots += added;
        for column in &mut self.columns {
            for companion in [&mut column.json_slot, &mut column.xlsx_slot].into_iter().flatten() {
                *companion += added;
            }
        }
    }
}

/// Describes all tables at once, by oid.
///
/// # Errors
/// The server's.
pub fn describe(tables: &[&Found], types: &Types, time_zone: &str) -> Result<HashMap<u32, Description>> {
    let oids = oid_array(tables.iter().map(|table| table.oid));
    let rows = select(
        Snapshot::Latest,
        "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid, tn.nspname, a.attnotnull, \
         a.attgenerated, a.attidentity, \
         CASE WHEN a.attcollation <> t.typcollation THEN pg_catalog.format('%I.%I', cn.nspname, co.collname) END \
         FROM pg_catalog.pg_attribute AS a \
         JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace \
         LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation \
         LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace \
         WHERE a.attrelid IN (SELECT pg_catalog.unnest($1::oid[])) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum",
        &[Some(&oids)],
    )?;
    let mut described: HashMap<u32, Description> = HashMap::new();
    for row in &rows {
        let table = number(&row[0]).ok_or_else(|| Error::internal("pg_attribute row without relation"))?;
        described.entry(table).or_default().columns.push(column(row));
    }
    for (table, key) in primary_keys(&oids)? {
        described.entry(table).or_default().primary_key.push(key);
    }
    for table in tables {
        let description = described.entry(table.oid).or_default();
        assign_slots(description, types, time_zone);
    }
    Ok(described)
}

fn column(row: &Row) -> Column {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    Column {
        name: text(1),
        type_name: text(2),
        type_oid: number(&row[3]).unwrap_or_default(),
        type_schema: text(4),
        not_null: text(5) == "t",
        generated: text(6) == "s",
        identity: match text(7).as_str() {
            "a" => Some("always"),
            "d" => Some("by default"),
            _ => None,
        },
        collation: row[8].clone(),
        shape: Shape::Text,
        slot: 0,
        json_slot: None,
        xlsx_slot: None,
    }
}

fn primary_keys(oids: &str) -> Result<Vec<(u32, String)>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT i.indrelid, a.attname FROM pg_catalog.pg_index AS i \
         CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         WHERE i.indisprimary AND i.indrelid IN (SELECT pg_catalog.unnest($1::oid[])) AND k.place <= i.indnkeyatts ORDER BY i.indrelid, k.place",
        &[Some(oids)],
    )?;
    Ok(rows.into_iter().filter_map(|mut row| Some((number(&row[0])?, row.pop()??))).collect())
}

/// First one value per column, then the places of the renderings that a format needs beside it.
pub fn assign_slots(description: &mut Description, types: &Types, time_zone: &str) {
    let Description { columns, values, slots, .. } = description;
    for (slot, column) in columns.iter_mut().enumerate() {
        column.slot = slot;
        values.push(format!("t.{}", pgrx::spi::quote_identifier(&column.name)));
    }
    *slots = values.len();
    let mut claim = |wanted: bool| {
        *slots += usize::from(wanted);
        wanted.then_some(*slots - 1)
    };
    for column in columns.iter_mut() {
        let rendering = types.rendering(column.type_oid);
        column.shape = rendering.shape;
        column.json_slot = claim(rendering.server_json);
        column.xlsx_slot = claim(rendering.shape == Shape::TimestampTz && time_zone != "UTC");
    }
}
