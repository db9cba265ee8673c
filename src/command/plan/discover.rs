//! Which relations are exported, and who owns them: as a snapshot shows it.

use pgrx::pg_sys::Oid;

use crate::catalog::registry::Registered;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Row, Snapshot, number, oid_array, oids, select};

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
    /// On disk, partitions included; what is TOASTed as of the last VACUUM or ANALYZE.
    pub bytes: u64,
}

impl Found {
    /// Schema and name, quoted.
    pub fn qualified(&self) -> String {
        pgrx::spi::quote_qualified_identifier(&self.schema, &self.name)
    }
}

/// Extension members belong to their extension; temporary tables to their session; partitions to their root, but for one whose DETACH
/// CONCURRENTLY was never finalized: the root shows its rows no more.
pub(super) const EXPORTABLE: &str = "c.relpersistence <> 't' AND (NOT c.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS p \
       WHERE p.inhrelid = c.oid AND p.inhdetachpending)) \
     AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'paliad_backup')";
pub(super) const NOT_OF_AN_EXTENSION: &str = "NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d \
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
    describe(Snapshot::Caller, &exportable(Snapshot::Caller, settings, registered)?, Sizes::Unknown)
}

/// The tables among them that rows can be put into, as they are at present.
///
/// # Errors
/// The server's.
pub fn tables(settings: &Settings, registered: &[Registered]) -> Result<Vec<Found>> {
    let found = describe(Snapshot::Latest, &exportable(Snapshot::Latest, settings, registered)?, Sizes::Unknown)?;
    Ok(found.into_iter().filter(|table| matches!(table.kind, 'r' | 'p')).collect())
}

/// One table by its oid, exported or not.
///
/// # Errors
/// [`Error::BadArgument`] where it is none, or one of the system's or of this extension.
pub fn table(oid: u32) -> Result<Found> {
    let sql = format!(
        "SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = $1::oid AND c.relkind IN ('r', 'p') AND {EXPORTABLE}"
    );
    let rows = select(Snapshot::Latest, &sql, &[Some(&oid.to_string())])?;
    let found =
        rows.first().and_then(|row| number(&row[0])).map(|oid| describe(Snapshot::Latest, &[oid], Sizes::Unknown));
    found.transpose()?.and_then(|mut found| found.pop()).ok_or_else(|| Error::BadArgument {
        message: "rows cannot be restored into this relation".into(),
        hint: "It must be an ordinary or a partitioned table: no temporary one, no single partition, none of the system's.".into(),
    })
}

/// The oids of what is exported, but for exclusions.
///
/// # Errors
/// The server's.
pub fn exportable(snapshot: Snapshot, settings: &Settings, registered: &[Registered]) -> Result<Vec<u32>> {
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
    let rows = select(snapshot, &sql, &[schemas.as_deref(), Some(&names)])?;
    Ok(oids(&rows).collect())
}

/// The same relations by their current names and owners.
///
/// # Errors
/// The server's.
pub fn current(found: &[Found]) -> Result<Vec<Found>> {
    describe(Snapshot::Latest, &found.iter().map(|table| table.oid).collect::<Vec<_>>(), Sizes::Known)
}

/// Sizes open the relations: only once they are locked.
enum Sizes {
    Unknown,
    Known,
}

fn describe(snapshot: Snapshot, oids: &[u32], sizes: Sizes) -> Result<Vec<Found>> {
    let (rows, size) = match sizes {
        Sizes::Unknown => ("0", "0"),
        Sizes::Known => (
            "CASE c.relkind WHEN 'p' THEN (SELECT coalesce(sum(greatest(l.reltuples, 0)), 0)::bigint \
             FROM pg_catalog.pg_partition_tree(c.oid) AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.relid WHERE t.isleaf) \
             ELSE greatest(c.reltuples, 0)::bigint END",
            // An estimate does for TOAST, which nothing has opened yet: a size would open it.
            "CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_catalog.pg_relation_size(l.oid) \
               + coalesce(s.relpages, 0) * pg_catalog.current_setting('block_size')::bigint), 0) \
               FROM pg_catalog.pg_partition_tree(c.oid) AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.relid \
               LEFT JOIN pg_catalog.pg_class AS s ON s.oid = l.reltoastrelid WHERE l.relkind = 'r') \
             WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) \
               + coalesce(toast.relpages, 0) * pg_catalog.current_setting('block_size')::bigint \
             ELSE 0 END",
        ),
    };
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, pg_catalog.pg_get_userbyid(c.relowner), \
         pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE'), \
         pg_catalog.has_table_privilege(c.relowner, c.oid, 'SELECT'), {rows}, {size} \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = c.reltoastrelid \
         WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[])) ORDER BY c.oid"
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

/// The schemas of the settings as a JSON array; none for all.
pub(super) fn schema_list(settings: &Settings) -> Result<Option<String>> {
    settings.schemas.as_ref().map(|schemas| serde_json::to_string(schemas).map_err(Error::internal)).transpose()
}

/// Schema and name of the registered relations as a JSON array of pairs.
pub(super) fn json_pairs(registered: &[Registered]) -> Result<String> {
    let pairs: Vec<[&str; 2]> = registered
        .iter()
        .filter_map(|entry| Some([entry.relation_schema.as_deref()?, entry.relation_name.as_deref()?]))
        .collect();
    serde_json::to_string(&pairs).map_err(Error::internal)
}
