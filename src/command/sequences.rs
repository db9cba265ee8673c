//! The sequences' state, read as their owners and after the tables, so that none is behind the rows.

use pgrx::pg_sys::Oid;

use super::SCAN_SETTINGS;
use super::plan::{Plan, number};
use crate::bundle::manifest::{OwnedBy, Sequence};
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::query::{Row, Snapshot, select};

/// The sequences of the exported tables' columns and of their schemas.
///
/// # Errors
/// [`Error::Rights`] where an owner may not read its sequence.
pub fn read(plan: &Plan) -> Result<Vec<Sequence>> {
    let relations: Vec<[&str; 2]> = plan
        .sheets
        .iter()
        .filter_map(|planned| planned.sheet.relation.as_ref())
        .map(|relation| [relation.schema.as_str(), relation.table.as_str()])
        .collect();
    let rows = select(
        Snapshot::Latest,
        "WITH exported AS (SELECT e ->> 0 AS schema, e ->> 1 AS name FROM jsonb_array_elements($1::jsonb) AS e) \
         SELECT c.relowner, n.nspname, c.relname, pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE') \
           AND pg_catalog.has_sequence_privilege(c.relowner, c.oid, 'SELECT'), pg_catalog.pg_get_userbyid(c.relowner), \
           tn.nspname, t.relname, a.attname \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid \
           AND d.objsubid = 0 AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid \
         LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE c.relkind = 'S' AND c.relpersistence <> 't' \
         AND CASE WHEN t.oid IS NULL THEN n.nspname IN (SELECT schema FROM exported) \
           ELSE (tn.nspname, t.relname) IN (SELECT schema, name FROM exported) END \
         ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
        &[Some(&serde_json::to_string(&relations).map_err(Error::internal)?)],
    )?;
    rows.into_iter().map(state).collect()
}

fn state(row: Row) -> Result<Sequence> {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    let (schema, name) = (text(1), text(2));
    let qualified = pgrx::spi::quote_qualified_identifier(&schema, &name);
    if text(3) != "t" {
        return Err(Error::Rights {
            message: format!("owner {} of sequence {qualified} may not read it", text(4)),
            hint: format!("GRANT SELECT ON SEQUENCE {qualified} TO {};", pgrx::spi::quote_identifier(text(4))),
        });
    }
    // As its owner: by the time the name is parsed, it could belong to a view.
    let owner = Oid::from(number(&row[0]).unwrap_or_default());
    let values = act_as(As::TableOwner(owner), &SCAN_SETTINGS, || {
        select(Snapshot::Caller, &format!("SELECT last_value, is_called FROM {qualified}"), &[])
    })?;
    let value = values.first().ok_or_else(|| Error::internal(format!("sequence {qualified} has no row")))?;
    Ok(Sequence {
        last_value: value[0].as_deref().and_then(|text| text.parse().ok()).unwrap_or_default(),
        is_called: value[1].as_deref() == Some("t"),
        owned_by: match (&row[5], &row[6], &row[7]) {
            (Some(schema), Some(table), Some(column)) => {
                Some(OwnedBy { schema: schema.clone(), table: table.clone(), column: column.clone() })
            }
            _ => None,
        },
        schema,
        name,
    })
}
