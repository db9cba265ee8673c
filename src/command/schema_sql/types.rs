//! Statements that make types and collations.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::is_true;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, oids, select};

/// The collations in these schemas.
///
/// # Errors
/// The server's.
pub fn collations_in(schemas: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid FROM pg_catalog.pg_collation WHERE oid >= 16384 AND collnamespace IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(schemas.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// Schema, name and CREATE COLLATION, by oid.
///
/// # Errors
/// The server's.
pub fn collations(oids: &BTreeSet<u32>) -> Result<BTreeMap<u32, (u32, String, String)>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, n.oid, pg_catalog.format('%I.%I', n.nspname, c.collname), pg_catalog.format('CREATE COLLATION %I.%I (%s%s);', \
         n.nspname, c.collname, \
         CASE c.collprovider WHEN 'i' THEN pg_catalog.format('provider = icu, locale = %L', c.colliculocale) \
           WHEN 'd' THEN 'provider = default' \
           ELSE pg_catalog.format('provider = libc, lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype) END, \
         CASE WHEN c.collisdeterministic THEN '' ELSE ', deterministic = false' END) \
         FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(oids.iter().copied()))],
    )?;
    let of = |row: &Vec<Option<String>>| Some((number(&row[0])?, (number(&row[1])?, row[2].clone()?, row[3].clone()?)));
    Ok(rows.iter().filter_map(of).collect())
}

/// The body of CREATE TYPE … AS for enums, composites and ranges, and of CREATE DOMAIN … AS without its constraints, by oid.
///
/// Ranges are without their functions, which [`range_functions`] tells, and domains without their defaults.
///
/// # Errors
/// The server's.
pub fn bodies(oids: &BTreeSet<u32>) -> Result<BTreeMap<u32, String>> {
    let list = oid_array(oids.iter().copied());
    let rows = select(
        Snapshot::Latest,
        "SELECT t.oid, CASE t.typtype \
         WHEN 'e' THEN (SELECT pg_catalog.format('ENUM (%s)', pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' \
             ORDER BY e.enumsortorder)) FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid) \
         WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, \
             c.collname) FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace \
             JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype WHERE c.oid = t.typcollation AND c.oid <> b.typcollation), '') \
         WHEN 'c' THEN pg_catalog.format('(%s)', (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', a.attname, \
             pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation <> b.typcollation \
             THEN pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname) END), ', ' ORDER BY a.attnum) \
             FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS b ON b.oid = a.atttypid \
             LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation \
             LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace \
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)) \
         WHEN 'r' THEN (SELECT pg_catalog.format('RANGE (SUBTYPE = %s%s%s, MULTIRANGE_TYPE_NAME = %I.%I', \
             pg_catalog.format_type(r.rngsubtype, NULL), CASE WHEN o.opcdefault THEN '' \
             ELSE pg_catalog.format(', SUBTYPE_OPCLASS = %I.%I', opn.nspname, o.opcname) END, \
             CASE WHEN r.rngcollation <> b.typcollation THEN pg_catalog.format(', COLLATION = %I.%I', n.nspname, c.collname) END, \
             mn.nspname, m.typname) \
             FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS b ON b.oid = r.rngsubtype \
             JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc JOIN pg_catalog.pg_namespace AS opn ON opn.oid = o.opcnamespace \
             LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = r.rngcollation \
             LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace \
             JOIN pg_catalog.pg_type AS m ON m.oid = r.rngmultitypid JOIN pg_catalog.pg_namespace AS mn ON mn.oid = m.typnamespace \
             WHERE r.rngtypid = t.oid) END \
         FROM pg_catalog.pg_type AS t WHERE t.oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&list)],
    )?;
    Ok(rows.iter().filter_map(|row| Some((number(&row[0])?, row[1].clone()?))).collect())
}

/// A function that a range type calls.
pub struct RangeFunction {
    pub range: u32,
    /// SUBTYPE_DIFF or CANONICAL.
    pub role: String,
    pub oid: u32,
    /// With its schema, quoted.
    pub name: String,
}

/// The functions of ranges.
///
/// # Errors
/// The server's.
pub fn range_functions(oids: &BTreeSet<u32>) -> Result<Vec<RangeFunction>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT r.rngtypid, f.role, p.oid, pg_catalog.format('%I.%I', n.nspname, p.proname) FROM pg_catalog.pg_range AS r, \
         LATERAL (VALUES ('SUBTYPE_DIFF', r.rngsubdiff::oid), ('CANONICAL', r.rngcanonical::oid)) AS f (role, oid) \
         JOIN pg_catalog.pg_proc AS p ON p.oid = f.oid JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace \
         WHERE r.rngtypid IN (SELECT pg_catalog.unnest($1::oid[])) ORDER BY r.rngtypid, f.role DESC",
        &[Some(&oid_array(oids.iter().copied()))],
    )?;
    let of = |row: &Vec<Option<String>>| {
        Some(RangeFunction {
            range: number(&row[0])?,
            role: row[1].clone()?,
            oid: number(&row[2])?,
            name: row[3].clone()?,
        })
    };
    Ok(rows.iter().filter_map(of).collect())
}

/// NOT NULL and DEFAULT of domains, by oid.
///
/// # Errors
/// The server's.
pub fn domain_defaults(domains: &BTreeSet<u32>) -> Result<BTreeMap<u32, (bool, Option<String>)>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid, typnotnull, CASE WHEN typdefaultbin IS NOT NULL THEN pg_catalog.pg_get_expr(typdefaultbin, 0) \
         ELSE pg_catalog.quote_literal(typdefault) END FROM pg_catalog.pg_type WHERE typtype = 'd' AND oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(domains.iter().copied()))],
    )?;
    // NOT NULL that came after the snapshot may not hold for its rows.
    let nullable = select(
        Snapshot::Caller,
        "SELECT oid FROM pg_catalog.pg_type WHERE typtype = 'd' AND NOT typnotnull AND oid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&oid_array(domains.iter().copied()))],
    )?;
    let nullable: BTreeSet<u32> = oids(&nullable).collect();
    let of = |row: &Vec<Option<String>>| {
        let oid = number(&row[0])?;
        Some((oid, (is_true(&row[1]) && !nullable.contains(&oid), row[2].clone())))
    };
    Ok(rows.iter().filter_map(of).collect())
}
