//! Registered query sheets: the query is described and read as the role it is registered with.

use pgrx::pg_sys::Oid;

use super::columns::{Description, assign_slots};
use super::types::Types;
use super::{Entry, sheet_sql};
use crate::bundle::sheet::{Column, Shape};
use crate::catalog::registry::Registered;
use crate::command::SCAN_SETTINGS;
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::name_guard::relations_named;
use crate::pg::query::{self, Snapshot, number, select};
use crate::pg::read_guard::ReadGuard;

/// The entry of one query sheet.
///
/// # Errors
/// [`Error::UnknownObject`] when its role is gone; what is wrong with the query is raised by the server.
pub fn describe(entry: &Registered, types: &Types, time_zone: &str, forbidden: &[u32]) -> Result<Entry> {
    let name = entry.sheet_name.clone().unwrap_or_default();
    let text = entry.query.as_deref().unwrap_or_default().trim().trim_end_matches(';');
    let owner = role(entry.run_as.as_deref().unwrap_or_default(), &name)?;
    let sql = format!("SELECT * FROM ({text}\n) AS t LIMIT 0");
    let described = {
        let _guard = ReadGuard::forbid(forbidden.iter().copied());
        act_as(As::Reader(owner), &SCAN_SETTINGS, || query::describe(&sql))?
    };
    let mut description = Description { columns: columns(&described)?, ..Description::default() };
    assign_slots(&mut description, types, time_zone);
    let built = sheet_sql::over_query(text, &description, entry.order_by.as_deref(), &name)?;
    let names = act_as(As::Reader(owner), &SCAN_SETTINGS, || relations_named(&built.sql))?;
    Ok(Entry {
        names,
        name: Some(name),
        kind: entry.kind,
        position: entry.position,
        relation: None,
        relation_kind: None,
        query: Some(text.to_owned()),
        description,
        built,
        owner,
        guarded: true,
        estimated_rows: 0,
        bytes: 0,
    })
}

fn role(name: &str, sheet: &str) -> Result<Oid> {
    let rows = select(Snapshot::Latest, "SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1", &[Some(name)])?;
    rows.first().and_then(|row| number(&row[0])).map(Oid::from).ok_or_else(|| Error::UnknownObject {
        message: format!("role \"{name}\", which reads sheet {sheet}, does not exist"),
        hint: "Correct run_as in paliad_backup.sheets.".into(),
    })
}

fn columns(described: &[(String, u32, i32)]) -> Result<Vec<Column>> {
    let asked: Vec<(u32, i32)> = described.iter().map(|(_, type_oid, modifier)| (*type_oid, *modifier)).collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.format_type((c.value ->> 0)::oid, (c.value ->> 1)::int), n.nspname \
         FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS c (value, place) \
         JOIN pg_catalog.pg_type AS t ON t.oid = (c.value ->> 0)::oid JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace \
         ORDER BY c.place",
        &[Some(&serde_json::to_string(&asked).map_err(Error::internal)?)],
    )?;
    Ok(described
        .iter()
        .zip(rows)
        .map(|((name, type_oid, _), row)| Column {
            name: name.clone(),
            type_name: row[0].clone().unwrap_or_default(),
            type_oid: *type_oid,
            type_schema: row[1].clone().unwrap_or_default(),
            not_null: false,
            generated: false,
            identity: None,
            collation: None,
            shape: Shape::Text,
            slot: 0,
            json_slot: None,
            xlsx_slot: None,
        })
        .collect())
}
