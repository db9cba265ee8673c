//! The tables that the script makes, as the catalogs describe them.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::sheet::Relation;
use crate::error::Result;
use crate::pg::query::{Row, Snapshot, number, oid_array, oids, select};

/// One table: a sheet's, or a partition of such a one.
#[derive(Clone, Debug)]
pub struct Table {
    pub oid: u32,
    pub relation: Relation,
    pub schema: u32,
    /// With its schema, quoted.
    pub name: String,
    /// `r`, `p`, or `f` for a partition that is a foreign table.
    pub kind: char,
    pub unlogged: bool,
    /// The list in WITH (…).
    pub options: Option<String>,
    /// What follows PARTITION BY.
    pub partition_key: Option<String>,
    /// What follows ATTACH PARTITION.
    pub bound: Option<String>,
    /// Its access method where that isn't the server's own, with its oid.
    pub access_method: Option<(u32, String)>,
    /// What follows OF in a typed table.
    pub of_type: Option<String>,
    /// The tables that it inherits from, or is a partition of, in their order.
    pub parents: Vec<u32>,
    /// In the table's order.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    pub number: i32,
    /// Quoted.
    pub name: String,
    pub type_name: String,
    /// Where it isn't the type's own, with its schema.
    pub collation: Option<String>,
    pub not_null: bool,
    /// Oid and text of the default, or of what generates the column.
    pub default: Option<(u32, String)>,
    pub generated: bool,
    /// `GENERATED … AS IDENTITY (…)`.
    pub identity: Option<String>,
    /// The table itself defines it, whether or not it is inherited as well.
    pub local: bool,
    /// PLAIN, EXTERNAL …, where it isn't the type's own.
    pub storage: Option<String>,
}

/// The partitions of these relations at any depth, those that are excluded (`forbidden`) left out with all below them.
///
/// # Errors
/// The server's.
pub fn with_partitions(roots: &BTreeSet<u32>, forbidden: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE tree AS (\
           SELECT pg_catalog.unnest($1::oid[]) AS oid \
           UNION SELECT i.inhrelid FROM tree AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.oid AND c.relkind = 'p' \
           JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid \
           WHERE NOT i.inhdetachpending AND i.inhrelid NOT IN (SELECT pg_catalog.unnest($2::oid[]))) \
         SELECT oid FROM tree",
        &[Some(&oid_array(roots.iter().copied())), Some(&oid_array(forbidden.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// Those of `tables` of which a partition, at any depth, is excluded.
///
/// # Errors
/// The server's.
pub fn with_members_among(tables: &BTreeSet<u32>, forbidden: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE above AS (\
           SELECT i.inhparent AS oid FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
           WHERE c.relispartition AND c.oid IN (SELECT pg_catalog.unnest($2::oid[])) \
           UNION SELECT i.inhparent FROM above AS a JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.oid) \
         SELECT oid FROM above WHERE oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(tables.iter().copied())), Some(&oid_array(forbidden.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// Describes the tables, by oid.
///
/// # Errors
/// The server's.
pub fn read(oids: &BTreeSet<u32>) -> Result<BTreeMap<u32, Table>> {
    if oids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = oid_array(oids.iter().copied());
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, n.nspname, c.relname, n.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind, c.relpersistence = 'u', \
         (SELECT pg_catalog.string_agg(o.prefix || pg_catalog.quote_ident(o.option_name) || '=' || pg_catalog.quote_literal(o.option_value), \
           ', ' ORDER BY o.prefix, o.option_name COLLATE \"C\") FROM (\
             SELECT '' AS prefix, p.* FROM pg_catalog.pg_options_to_table(CASE c.relkind WHEN 'f' THEN NULL ELSE c.reloptions END) AS p \
             UNION ALL SELECT 'toast.', p.* FROM pg_catalog.pg_class AS toast, \
               LATERAL pg_catalog.pg_options_to_table(toast.reloptions) AS p WHERE toast.oid = c.reltoastrelid) AS o), \
         CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END, \
         CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END, \
         nullif(nullif(c.relam, 0), 2), (SELECT pg_catalog.quote_ident(m.amname) FROM pg_catalog.pg_am AS m WHERE m.oid = c.relam), \
         CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&list)],
    )?;
    let mut tables: BTreeMap<u32, Table> = rows.iter().filter_map(table).map(|table| (table.oid, table)).collect();
    let parents = select(
        Snapshot::Latest,
        "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits WHERE inhrelid IN (SELECT pg_catalog.unnest($1::oid[])) AND NOT inhdetachpending \
         ORDER BY inhrelid, inhseqno",
        &[Some(&list)],
    )?;
    for row in &parents {
        if let (Some(child), Some(parent)) = (number(&row[0]).and_then(|oid| tables.get_mut(&oid)), number(&row[1])) {
            child.parents.push(parent);
        }
    }
    let columns = select(
        Snapshot::Latest,
        "SELECT a.attrelid, a.attnum, pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod), \
         CASE WHEN a.attcollation <> t.typcollation THEN pg_catalog.format('%I.%I', cn.nspname, co.collname) END, a.attnotnull, \
         d.oid, pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated = 's', \
         CASE WHEN a.attidentity <> '' THEN pg_catalog.format('GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I \
           INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s)', \
           CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, sn.nspname, sc.relname, \
           s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END) END, \
         a.attislocal, \
         CASE WHEN a.attstorage <> t.typstorage \
           THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END \
         FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation \
         LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace \
         LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         LEFT JOIN pg_catalog.pg_depend AS p ON a.attidentity <> '' AND p.classid = 'pg_catalog.pg_class'::regclass AND p.deptype = 'i' \
           AND p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum \
         LEFT JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = p.objid \
         LEFT JOIN pg_catalog.pg_class AS sc ON sc.oid = s.seqrelid \
         LEFT JOIN pg_catalog.pg_namespace AS sn ON sn.oid = sc.relnamespace \
         WHERE a.attrelid IN (SELECT pg_catalog.unnest($1::oid[])) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum",
        &[Some(&list)],
    )?;
    // NOT NULL that was declared after the snapshot may not hold for its rows.
    let nullable: BTreeSet<(u32, i32)> = select(
        Snapshot::Caller,
        "SELECT attrelid, attnum FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT attnotnull \
         AND attrelid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&list)],
    )?
    .iter()
    .filter_map(|row| Some((number(&row[0])?, row[1].as_deref()?.parse().ok()?)))
    .collect();
    for row in &columns {
        if let Some(table) = number(&row[0]).and_then(|oid| tables.get_mut(&oid)) {
            let column = column(row);
            let not_null = column.not_null && !nullable.contains(&(table.oid, column.number));
            table.columns.push(Column { not_null, ..column });
        }
    }
    Ok(tables)
}

fn table(row: &Row) -> Option<Table> {
    Some(Table {
        oid: number(&row[0])?,
        relation: Relation { schema: row[1].clone()?, table: row[2].clone()? },
        schema: number(&row[3])?,
        name: row[4].clone()?,
        kind: row[5].as_deref()?.chars().next()?,
        unlogged: is_true(&row[6]),
        options: row[7].clone(),
        partition_key: row[8].clone(),
        bound: row[9].clone(),
        access_method: number(&row[10]).zip(row[11].clone()),
        of_type: row[12].clone(),
        parents: Vec::new(),
        columns: Vec::new(),
    })
}

fn column(row: &Row) -> Column {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    Column {
        number: text(1).parse().unwrap_or_default(),
        name: text(2),
        type_name: text(3),
        collation: row[4].clone(),
        not_null: is_true(&row[5]),
        default: number(&row[6]).zip(row[7].clone()),
        generated: is_true(&row[8]),
        identity: row[9].clone(),
        local: is_true(&row[10]),
        storage: row[11].clone(),
    }
}

/// A boolean as the server writes it.
pub fn is_true(value: &Option<String>) -> bool {
    value.as_deref() == Some("t")
}
