//! Statements that make sequences. Those of identity columns come with their tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::sheet::Relation;
use crate::error::Result;
use crate::pg::query::{Row, Snapshot, number, oid_array, select};

/// A sequence that the script makes.
pub struct Sequence {
    pub relation: Relation,
    pub schema: u32,
    /// With its schema, quoted.
    pub name: String,
    /// CREATE SEQUENCE …; none for an identity column's.
    pub definition: Option<String>,
    /// Table, number and quoted name of the column that owns it.
    pub owner: Option<(u32, i32, String)>,
}

/// Describes the sequences, by oid.
///
/// # Errors
/// The server's.
pub fn read(oids: &BTreeSet<u32>) -> Result<BTreeMap<u32, Sequence>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, n.nspname, c.relname, n.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), \
         CASE WHEN d.deptype IS DISTINCT FROM 'i' THEN pg_catalog.format(\
           'CREATE %sSEQUENCE %I.%I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s;', \
           CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, n.nspname, c.relname, pg_catalog.format_type(s.seqtypid, NULL), \
           s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END) END, \
         a.attrelid, a.attnum, pg_catalog.quote_ident(a.attname) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = c.oid \
         LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
           AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(oids.iter().copied()))],
    )?;
    Ok(rows.iter().filter_map(sequence).collect())
}

fn sequence(row: &Row) -> Option<(u32, Sequence)> {
    let owner = number(&row[6])
        .zip(row[7].as_deref().and_then(|text| text.parse().ok()))
        .zip(row[8].clone())
        .map(|((table, number), name)| (table, number, name));
    let found = Sequence {
        relation: Relation { schema: row[1].clone()?, table: row[2].clone()? },
        schema: number(&row[3])?,
        name: row[4].clone()?,
        definition: row[5].clone(),
        owner,
    };
    Some((number(&row[0])?, found))
}
