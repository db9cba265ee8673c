//! What the reader of a bundle should know about what is not in it, or not as expected.

use std::collections::BTreeMap;

use super::discover::{EXPORTABLE, Found, NOT_OF_AN_EXTENSION, json_pairs, schema_list};
use super::trees::Tree;
use crate::bundle::encoder::Warning;
use crate::bundle::manifest::{Excluded, Scope};
use crate::catalog::registry::{Exclusion, Registered};
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, number, oid_array, select};

/// What lies in the exported schemas and isn't exported without being registered: named in the manifest, so that nobody has
/// to guess.
///
/// # Errors
/// The server's.
pub fn left_out(settings: &Settings, registered: &[Registered]) -> Result<Vec<Excluded>> {
    let sql = format!(
        "SELECT n.nspname, c.relname, CASE c.relkind WHEN 'm' THEN 'materialized view, not registered' \
         WHEN 'f' THEN 'foreign table, not registered' ELSE 'disabled in paliad_backup.sheets' END \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE {EXPORTABLE} AND {NOT_OF_AN_EXTENSION} \
         AND ($1 IS NULL OR n.nspname IN (SELECT jsonb_array_elements_text($1::jsonb))) \
         AND CASE WHEN c.relkind IN ('m', 'f') \
           THEN jsonb_build_array(n.nspname, c.relname) NOT IN (SELECT jsonb_array_elements($2::jsonb)) \
           ELSE c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM paliad_backup.sheets AS s WHERE NOT s.enabled \
             AND s.relation_schema = n.nspname AND s.relation_name = c.relname) END \
         ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
    );
    let rows = select(Snapshot::Latest, &sql, &[schema_list(settings)?.as_deref(), Some(&json_pairs(registered)?)])?;
    Ok(rows
        .into_iter()
        .map(|mut row| Excluded {
            reason: row.pop().flatten().unwrap_or_default(),
            table: row.pop().flatten().unwrap_or_default(),
            schema: row.pop().flatten().unwrap_or_default(),
        })
        .collect())
}

/// What a reader would otherwise have to find out.
///
/// # Errors
/// The server's.
pub fn warnings(
    registered: &[Registered],
    exclusions: &[Exclusion],
    found: &[Found],
    trees: &BTreeMap<u32, Tree>,
) -> Result<Vec<Warning>> {
    let missing = registered.iter().filter(|entry| entry.enabled).filter_map(|entry| {
        let (schema, name) = entry.relation_schema.as_ref().zip(entry.relation_name.as_ref())?;
        let is_there = found.iter().any(|table| (&table.schema, &table.name) == (schema, name));
        (!is_there).then(|| format!("{schema}.{name}"))
    });
    let warnings = [
        listed(
            "registered_relation_missing",
            "Registered in paliad_backup.sheets, but not there to be exported",
            missing.collect(),
        ),
        listed(
            "exclusion_matches_nothing",
            "Excluded in paliad_backup.exclusions, but there is no such relation",
            unmatched(exclusions)?,
        ),
        listed(
            "foreign_partition",
            "Partitions that are foreign tables: their rows come from another server, outside the snapshot",
            foreign_partitions(trees)?,
        ),
        large_objects()?,
    ];
    Ok(warnings.into_iter().flatten().collect())
}

/// That a bundle has no data at all.
pub fn no_sheets(scope: Scope) -> Warning {
    let detail = match scope {
        Scope::Config => "No table is registered with kind 'ref' in paliad_backup.sheets: the bundle holds no data.",
        Scope::Full | Scope::Data => "There is no table to export: the bundle holds no data.",
    };
    Warning { code: "no_sheets".into(), sheet: None, column: None, count: 1, detail: detail.into() }
}

/// One warning that names all that it is about.
fn listed(code: &str, sentence: &str, names: Vec<String>) -> Option<Warning> {
    (!names.is_empty()).then(|| Warning {
        code: code.to_owned(),
        sheet: None,
        column: None,
        count: names.len() as u64,
        detail: format!("{sentence}: {}.", names.join(", ")),
    })
}

/// Those that came with the extension need not match.
fn unmatched(exclusions: &[Exclusion]) -> Result<Vec<String>> {
    let wanted: Vec<[&str; 2]> = exclusions
        .iter()
        .filter(|exclusion| !exclusion.seeded)
        .map(|exclusion| [exclusion.schema_name.as_str(), exclusion.relation_name.as_str()])
        .collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.concat_ws('.', nullif(e.value ->> 0, '*'), e.value ->> 1) \
         FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e (value, place) \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND e.value ->> 1 IN ('*', c.relname) AND e.value ->> 0 IN ('*', n.nspname)) \
         ORDER BY e.place",
        &[Some(&serde_json::to_string(&wanted).map_err(Error::internal)?)],
    )?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

fn foreign_partitions(trees: &BTreeMap<u32, Tree>) -> Result<Vec<String>> {
    let partitions =
        trees.iter().flat_map(|(root, tree)| tree.members.keys().copied().filter(move |member| member != root));
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.concat_ws('.', n.nspname, c.relname) FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'f' ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
        &[Some(&oid_array(partitions))],
    )?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// What no sheet can hold.
fn large_objects() -> Result<Option<Warning>> {
    let rows = select(Snapshot::Caller, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata", &[])?;
    let count = rows.first().and_then(|row| number(&row[0])).unwrap_or(0);
    Ok((count > 0).then(|| Warning {
        code: "large_objects_not_exported".into(),
        sheet: None,
        column: None,
        count: count.into(),
        detail: "Large objects (pg_largeobject) are not part of a bundle.".into(),
    }))
}
