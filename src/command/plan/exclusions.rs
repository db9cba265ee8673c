//! What must not be exported, by whatever way a sheet could reach it.

use super::discover::Found;
use crate::catalog::registry::Exclusion;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, oid_array, oids, select};

/// Every relation that the exclusions name, with all that inherits from it, and the planner's statistics, which hold values of any.
///
/// # Errors
/// The server's.
pub fn forbidden(exclusions: &[Exclusion]) -> Result<Vec<u32>> {
    let wanted: Vec<[&str; 2]> =
        exclusions.iter().map(|exclusion| [exclusion.schema_name.as_str(), exclusion.relation_name.as_str()]).collect();
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE forbidden AS (\
           SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
           JOIN jsonb_array_elements($1::jsonb) AS e ON e ->> 1 IN ('*', c.relname) AND e ->> 0 IN ('*', n.nspname) \
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
           UNION \
           SELECT i.inhrelid FROM forbidden AS f JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.oid) \
         SELECT oid FROM forbidden \
         UNION SELECT 'pg_catalog.pg_statistic'::regclass UNION SELECT 'pg_catalog.pg_statistic_ext_data'::regclass ORDER BY 1",
        &[Some(&serde_json::to_string(&wanted).map_err(Error::internal)?)],
    )?;
    Ok(oids(&rows).collect())
}

/// Where rows of excluded relations lie besides: TOAST tables, and materialised views that read them, at any depth.
///
/// # Errors
/// The server's.
pub fn copies(forbidden: &[u32]) -> Result<Vec<u32>> {
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE reads AS (\
           SELECT pg_catalog.unnest($1::oid[]) AS oid \
           UNION \
           SELECT w.ev_class FROM reads AS r \
           JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.oid \
             AND d.classid = 'pg_catalog.pg_rewrite'::regclass \
           JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid) \
         SELECT pg_catalog.unnest(ARRAY[c.oid, c.reltoastrelid]) FROM reads JOIN pg_catalog.pg_class AS c ON c.oid = reads.oid \
         WHERE c.relkind = 'm' OR c.oid = ANY ($1::oid[])",
        &[Some(&oid_array(forbidden.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// Views whose definition reaches an excluded relation, at any depth, are refused before anything is read; materialised views
/// too, whose stored rows the executor's guard can't tell apart.
///
/// # Errors
/// [`Error::Rights`].
pub fn refuse_reading_excluded(kept: &[&Found], forbidden: &[u32]) -> Result<()> {
    let views = kept.iter().filter(|table| matches!(table.kind, 'v' | 'm')).map(|table| table.oid);
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE reads AS (\
           SELECT c.oid AS view, c.oid AS relation FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ($1::oid[]) \
           UNION \
           SELECT r.view, d.refobjid FROM reads AS r \
           JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.relation \
           JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid \
             AND d.refclassid = 'pg_catalog.pg_class'::regclass) \
         SELECT view::regclass::text, relation::regclass::text FROM reads WHERE relation = ANY ($2::oid[]) AND view <> relation",
        &[Some(&oid_array(views)), Some(&oid_array(forbidden.iter().copied()))],
    )?;
    match rows.first() {
        None => Ok(()),
        Some(row) => Err(Error::Rights {
            message: format!(
                "view {} reads the excluded table {}",
                row[0].as_deref().unwrap_or_default(),
                row[1].as_deref().unwrap_or_default()
            ),
            hint: "Take the view out of paliad_backup.sheets. Excluded tables never leave the database.".into(),
        }),
    }
}
