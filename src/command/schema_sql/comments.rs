//! COMMENT ON everything that has a comment.

use std::collections::BTreeSet;

use super::catalog::{Class, Object};
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, select};

/// A comment's statement and what it is about.
pub struct Comment {
    pub of: Object,
    pub statement: String,
}

/// The comments on relations of all kinds and their columns, on types, constraints, collations and schemas, sorted by their statements.
///
/// # Errors
/// The server's.
pub fn read(objects: &[Object]) -> Result<Vec<Comment>> {
    let mut comments = Vec::new();
    let classes: BTreeSet<Class> = objects.iter().map(|object| object.class).collect();
    for class in classes {
        let oids = objects.iter().filter(|object| object.class == class).map(|object| object.oid);
        let rows = select(
            Snapshot::Latest,
            "SELECT d.objoid, pg_catalog.format('COMMENT ON %s IS %L;', CASE \
             WHEN d.objsubid > 0 THEN pg_catalog.format('COLUMN %I.%I.%I', n.nspname, c.relname, a.attname) \
             WHEN c.oid IS NOT NULL THEN pg_catalog.format('%s %I.%I', CASE WHEN c.relkind IN ('i', 'I') THEN 'INDEX' \
               WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname) \
             WHEN t.oid IS NOT NULL THEN pg_catalog.format('%s %I.%I', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, \
               tn.nspname, t.typname) \
             WHEN k.conrelid <> 0 THEN pg_catalog.format('CONSTRAINT %I ON %s', k.conname, k.conrelid::regclass) \
             WHEN k.contypid <> 0 THEN pg_catalog.format('CONSTRAINT %I ON DOMAIN %s', k.conname, k.contypid::regtype) \
             WHEN o.oid IS NOT NULL THEN pg_catalog.format('COLLATION %I.%I', cn.nspname, o.collname) \
             ELSE pg_catalog.format('SCHEMA %I', s.nspname) END, d.description) \
             FROM pg_catalog.pg_description AS d \
             LEFT JOIN pg_catalog.pg_class AS c ON d.classoid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objoid \
             LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid \
             LEFT JOIN pg_catalog.pg_type AS t ON d.classoid = 'pg_catalog.pg_type'::regclass AND t.oid = d.objoid \
             LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace \
             LEFT JOIN pg_catalog.pg_constraint AS k ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objoid \
             LEFT JOIN pg_catalog.pg_collation AS o ON d.classoid = 'pg_catalog.pg_collation'::regclass AND o.oid = d.objoid \
             LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = o.collnamespace \
             LEFT JOIN pg_catalog.pg_namespace AS s ON d.classoid = 'pg_catalog.pg_namespace'::regclass AND s.oid = d.objoid \
             WHERE d.classoid = $1::oid AND d.objoid IN (SELECT pg_catalog.unnest($2::oid[])) AND NOT coalesce(a.attisdropped, false) \
             AND NOT (s.nspname = 'public' AND d.description = 'standard public schema') IS TRUE",
            &[Some(&Object { class, oid: 0 }.catalog().to_string()), Some(&oid_array(oids))],
        )?;
        for row in rows {
            if let (Some(oid), Some(Some(statement))) = (number(&row[0]), row.into_iter().nth(1)) {
                comments.push(Comment { of: Object { class, oid }, statement });
            }
        }
    }
    comments.sort_by(|one, other| one.statement.cmp(&other.statement));
    Ok(comments)
}
