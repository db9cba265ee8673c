//! Which relations exist, who owns them, which partitions they have: as a snapshot shows it.

use std::collections::BTreeMap;

use pgrx::pg_sys::Oid;

use crate::bundle::encoder::Warning;
use crate::bundle::manifest::Excluded;
use crate::catalog::registry::{Exclusion, Registered};
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Row, Snapshot, select};

/// A relation that will be a sheet.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its oid, the only name that can't be swapped.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `r`, `p`, `v`, `m` or `f`, as in pg_class.
    pub kind: char,
    /// Who plans and reads it.
    pub owner: Oid,
    /// For messages.
    pub owner_name: String,
    /// USAGE on the schema.
    pub owner_may_use_schema: bool,
    /// SELECT on the relation.
    pub owner_may_select: bool,
    /// From the server's statistics.
    pub estimated_rows: u64,
    /// On disk, partitions included.
    pub bytes: u64,
}

impl Found {
    /// Schema and name, quoted.
    pub fn qualified(&self) -> String {
        pgrx::spi::quote_qualified_identifier(&self.schema, &self.name)
    }
}

/// A relation with all its partitions: oid → the storage it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The relation itself is a member.
    pub members: BTreeMap<u32, u32>,
}

/// Extension members belong to their extension; temporary tables to their session.
const EXPORTABLE: &str = "c.relpersistence <> 't' AND NOT c.relispartition \
     AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'paliad_backup')";
const NOT_OF_AN_EXTENSION: &str = "NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d \
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// A schema that is named in the settings must exist: a misspelt one would export nothing, silently.
///
/// # Errors
/// [`Error::UnknownObject`].
pub fn check_schemas(settings: &Settings) -> Result<()> {
    for schema in settings.schemas.iter().flatten() {
        let known =
            select(Snapshot::Caller, "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", &[Some(schema)])?;
        if known.is_empty() {
            return Err(Error::UnknownObject {
                message: format!("schema \"{schema}\" of paliad_backup.settings does not exist"),
                hint: "UPDATE paliad_backup.settings SET schemas = … (NULL exports all user schemas).".into(),
            });
        }
    }
    Ok(())
}

/// The relations to export, as the caller's snapshot shows them: tables and partitioned roots of the schemas in the settings,
/// and whatever else is registered by name.
///
/// # Errors
/// The server's.
pub fn relations(settings: &Settings, registered: &[Registered]) -> Result<Vec<Found>> {
    let schemas = schema_list(settings)?;
    let names = json_pairs(registered)?;
    let sql = format!(
        "SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE {EXPORTABLE} AND (\
           (c.relkind IN ('r', 'p') AND ($1 IS NULL OR n.nspname IN (SELECT jsonb_array_elements_text($1::jsonb))) \
            AND {NOT_OF_AN_EXTENSION}) \
           OR (c.relkind IN ('r', 'p', 'v', 'm', 'f') \
            AND jsonb_build_array(n.nspname, c.relname) IN (SELECT jsonb_array_elements($2::jsonb)))) ORDER BY c.oid"
    );
    let oids = select(Snapshot::Caller, &sql, &[schemas.as_deref(), Some(&names)])?;
    let oids: Vec<u32> = oids.iter().filter_map(|row| number(&row[0])).collect();
    describe(Snapshot::Caller, &oids)
}

/// The same relations by their current names and owners.
///
/// # Errors
/// The server's.
pub fn current(found: &[Found]) -> Result<Vec<Found>> {
    describe(Snapshot::Latest, &found.iter().map(|table| table.oid).collect::<Vec<_>>())
}

fn describe(snapshot: Snapshot, oids: &[u32]) -> Result<Vec<Found>> {
    // Sizes open the relations: only once they are locked.
    let size = match snapshot {
        Snapshot::Caller => "0",
        Snapshot::Latest => {
            "CASE c.relkind WHEN 'p' THEN (SELECT coalesce(sum(pg_catalog.pg_table_size(t.relid)), 0) \
             FROM pg_catalog.pg_partition_tree(c.oid) AS t) \
             WHEN 'r' THEN pg_catalog.pg_table_size(c.oid) WHEN 'm' THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END"
        }
    };
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, pg_catalog.pg_get_userbyid(c.relowner), \
         pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE'), \
         pg_catalog.has_table_privilege(c.relowner, c.oid, 'SELECT'), greatest(c.reltuples, 0)::bigint, {size} \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = ANY ($1::oid[]) ORDER BY c.oid"
    );
    let rows = select(snapshot, &sql, &[Some(&oid_array(oids.iter().copied()))])?;
    rows.into_iter().map(found).collect()
}

fn found(row: Row) -> Result<Found> {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    Ok(Found {
        oid: number(&row[0]).ok_or_else(|| Error::internal("pg_class row without oid"))?,
        schema: text(1),
        name: text(2),
        kind: text(3).chars().next().unwrap_or('r'),
        owner: Oid::from(number(&row[4]).unwrap_or_default()),
        owner_name: text(5),
        owner_may_use_schema: text(6) == "t",
        owner_may_select: text(7) == "t",
        estimated_rows: text(8).parse().unwrap_or(0),
        bytes: text(9).parse().unwrap_or(0),
    })
}

/// The partition tree of each relation.
///
/// # Errors
/// The server's.
pub fn trees(snapshot: Snapshot, found: &[Found]) -> Result<BTreeMap<u32, Tree>> {
    trees_of(snapshot, found.iter().map(|table| table.oid))
}

/// As [`trees`], by oid. A relation that is gone, or a partition of another one by now, is not among the results.
///
/// # Errors
/// The server's.
pub fn trees_of(snapshot: Snapshot, roots: impl IntoIterator<Item = u32>) -> Result<BTreeMap<u32, Tree>> {
    let rows = select(
        snapshot,
        "WITH RECURSIVE tree AS (\
           SELECT c.oid AS root, c.oid, c.relfilenode, c.relkind FROM pg_catalog.pg_class AS c \
           WHERE c.oid = ANY ($1::oid[]) AND NOT c.relispartition \
           UNION ALL \
           SELECT t.root, c.oid, c.relfilenode, c.relkind FROM tree AS t \
           JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
           WHERE t.relkind = 'p' AND NOT i.inhdetachpending) \
         SELECT root, oid, relfilenode FROM tree",
        &[Some(&oid_array(roots))],
    )?;
    let mut trees: BTreeMap<u32, Tree> = BTreeMap::new();
    for row in &rows {
        if let (Some(root), Some(oid), Some(storage)) = (number(&row[0]), number(&row[1]), number(&row[2])) {
            trees.entry(root).or_default().members.insert(oid, storage);
        }
    }
    Ok(trees)
}

/// Every relation that the exclusions name, with all that inherits from it.
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
           JOIN jsonb_array_elements($1::jsonb) AS e ON e ->> 1 = c.relname AND e ->> 0 IN ('*', n.nspname) \
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
           UNION \
           SELECT i.inhrelid FROM forbidden AS f JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.oid) \
         SELECT oid FROM forbidden ORDER BY oid",
        &[Some(&serde_json::to_string(&wanted).map_err(Error::internal)?)],
    )?;
    Ok(rows.iter().filter_map(|row| number(&row[0])).collect())
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
    Ok(rows.iter().filter_map(|row| number(&row[0])).collect())
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

/// What no sheet can hold: large objects.
///
/// # Errors
/// The server's.
pub fn warnings() -> Result<Vec<Warning>> {
    let rows = select(Snapshot::Caller, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata", &[])?;
    let count = rows.first().and_then(|row| number(&row[0])).unwrap_or(0);
    Ok((count > 0)
        .then(|| Warning {
            code: "large_objects_not_exported".into(),
            sheet: None,
            column: None,
            count: count.into(),
            detail: "Large objects (pg_largeobject) are not part of a bundle.".into(),
        })
        .into_iter()
        .collect())
}

/// An oid from a text value.
pub fn number(text: &Option<String>) -> Option<u32> {
    text.as_deref()?.parse().ok()
}

/// The text of an `oid[]` value.
pub fn oid_array(oids: impl IntoIterator<Item = u32>) -> String {
    let oids: Vec<String> = oids.into_iter().map(|oid| oid.to_string()).collect();
    format!("{{{}}}", oids.join(","))
}

fn schema_list(settings: &Settings) -> Result<Option<String>> {
    settings.schemas.as_ref().map(|schemas| serde_json::to_string(schemas).map_err(Error::internal)).transpose()
}

fn json_pairs(registered: &[Registered]) -> Result<String> {
    let pairs: Vec<[&str; 2]> = registered
        .iter()
        .filter_map(|entry| Some([entry.relation_schema.as_deref()?, entry.relation_name.as_deref()?]))
        .collect();
    serde_json::to_string(&pairs).map_err(Error::internal)
}
