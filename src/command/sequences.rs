//! The sequences' state, read as their owners and after the tables, so that none is behind the rows.

use pgrx::pg_sys::Oid;

use super::SCAN_SETTINGS;
use super::plan::Plan;
use crate::bundle::manifest::{OwnedBy, Sequence};
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::locks::{self, Locked, Mode};
use crate::pg::name_guard::naming;
use crate::pg::query::{Row, Snapshot, number, oid_array, select};

/// A sequence that belongs to the export, locked.
pub struct Planned {
    oid: u32,
    owner: Oid,
    schema: String,
    name: String,
    owned_by: Option<OwnedBy>,
}

/// Finds and locks the sequences of the exported tables' columns (partitions' too), those of no column that are in their schemas or in
/// their defaults.
///
/// # Errors
/// [`Error::Rights`] where an owner may not read its sequence, [`Error::LockNotAvailable`], [`Error::ChangedAfterSnapshot`].
pub fn lock(plan: &Plan) -> Result<Vec<Planned>> {
    let rows = belonging(plan.relations())?;
    let planned = rows.iter().map(planned).collect::<Result<Vec<Planned>>>()?;
    let mut in_order: Vec<&Planned> = planned.iter().collect();
    in_order.sort_by_key(|sequence| sequence.oid);
    for sequence in in_order {
        match locks::lock_relation(Oid::from(sequence.oid), Mode::AccessShare) {
            Locked::Held => {}
            Locked::Gone => {
                return Err(Error::ChangedAfterSnapshot {
                    message: format!("sequence {} was dropped after the snapshot", sequence.qualified()),
                });
            }
            Locked::TimedOut => return Err(Error::LockNotAvailable { table: sequence.qualified() }),
        }
    }
    Ok(planned)
}

/// Oids and names of the sequences that [`lock`] would find for these relations; nothing is locked.
///
/// # Errors
/// The server's.
pub fn of(relations: impl IntoIterator<Item = u32>) -> Result<Vec<(u32, String)>> {
    let named = |row: &Row| {
        let (schema, name) = (row[2].as_deref()?, row[3].as_deref()?);
        Some((number(&row[0])?, pgrx::spi::quote_qualified_identifier(schema, name)))
    };
    Ok(belonging(relations)?.iter().filter_map(named).collect())
}

/// The rows of the sequences that belong to an export of these relations.
fn belonging(relations: impl IntoIterator<Item = u32>) -> Result<Vec<Row>> {
    select(
        Snapshot::Latest,
        "WITH exported AS (SELECT c.oid, c.relnamespace FROM pg_catalog.pg_class AS c WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[]))), \
         used AS (SELECT d.refobjid AS oid FROM pg_catalog.pg_attrdef AS a JOIN pg_catalog.pg_depend AS d \
           ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass \
           WHERE a.adrelid IN (SELECT oid FROM exported)) \
         SELECT c.oid, c.relowner, n.nspname, c.relname, pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE'), \
           pg_catalog.has_sequence_privilege(c.relowner, c.oid, 'SELECT'), pg_catalog.pg_get_userbyid(c.relowner), \
           tn.nspname, t.relname, a.attname \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid \
           AND d.objsubid = 0 AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid \
         LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE c.relkind = 'S' AND c.relpersistence <> 't' \
         AND CASE WHEN t.oid IS NULL THEN c.relnamespace IN (SELECT relnamespace FROM exported) OR c.oid IN (SELECT oid FROM used) \
           ELSE t.oid IN (SELECT oid FROM exported) END \
         ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
        &[Some(&oid_array(relations))],
    )
}

/// The state that the sequences are in.
///
/// # Errors
/// 40001 is raised where a sequence's name means another relation by now.
pub fn read(planned: Vec<Planned>) -> Result<Vec<Sequence>> {
    planned.into_iter().map(state).collect()
}

fn planned(row: &Row) -> Result<Planned> {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    let found = Planned {
        oid: number(&row[0]).ok_or_else(|| Error::internal("pg_class row without oid"))?,
        owner: Oid::from(number(&row[1]).unwrap_or_default()),
        schema: text(2),
        name: text(3),
        owned_by: match (&row[7], &row[8], &row[9]) {
            (Some(schema), Some(table), Some(column)) => {
                Some(OwnedBy { schema: schema.clone(), table: table.clone(), column: column.clone() })
            }
            _ => None,
        },
    };
    let (owner, qualified) = (text(6), found.qualified());
    let refused = |object: String| Error::Rights {
        message: format!("owner {owner} of sequence {qualified} may not read it"),
        hint: format!("GRANT {object} TO {};", pgrx::spi::quote_identifier(&owner)),
    };
    match (text(4) == "t", text(5) == "t") {
        (false, _) => Err(refused(format!("USAGE ON SCHEMA {}", pgrx::spi::quote_identifier(&found.schema)))),
        (_, false) => Err(refused(format!("SELECT ON SEQUENCE {qualified}"))),
        _ => Ok(found),
    }
}

impl Planned {
    /// The sequence's oid.
    pub fn oid(&self) -> u32 {
        self.oid
    }

    fn qualified(&self) -> String {
        pgrx::spi::quote_qualified_identifier(&self.schema, &self.name)
    }
}

fn state(planned: Planned) -> Result<Sequence> {
    let sql = format!("SELECT last_value, is_called FROM {}", planned.qualified());
    let values = act_as(As::Reader(planned.owner), &SCAN_SETTINGS, || {
        naming(&[planned.oid], || select(Snapshot::Caller, &sql, &[]))
    })?;
    let value =
        values.first().ok_or_else(|| Error::internal(format!("sequence {} has no row", planned.qualified())))?;
    Ok(Sequence {
        last_value: value[0].as_deref().and_then(|text| text.parse().ok()).unwrap_or_default(),
        is_called: value[1].as_deref() == Some("t"),
        owned_by: planned.owned_by,
        schema: planned.schema,
        name: planned.name,
    })
}
