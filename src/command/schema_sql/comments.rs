//! COMMENT ON everything that has a comment.

use std::collections::BTreeMap;

use super::Writer;
use super::objects::{Class, Object, Unit};
use crate::error::Result;
use crate::pg::query::{Row, Snapshot, number, oid_array, select};

impl Writer<'_> {
    /// COMMENT ON everything that was made, behind the rows where it was made there.
    pub(super) fn comments(&mut self, schemas: &BTreeMap<u32, String>) -> Result<()> {
        let mut objects = std::mem::take(&mut self.constrained);
        objects.extend(schemas.keys().map(|oid| Object { class: Class::Schema, oid: *oid }));
        objects.extend(self.selection.collations().into_iter().map(|oid| Object { class: Class::Collation, oid }));
        objects.extend(self.sequences.keys().map(|oid| Object::relation(*oid)));
        for oid in self.selection.types() {
            objects.push(Object::of_type(oid));
            let relation = self.catalog.types.get(&oid).and_then(|found| found.relation);
            let stands_alone = |oid: &u32| self.catalog.relations.get(oid).is_some_and(|relation| relation.kind == 'c');
            objects.extend(relation.filter(stands_alone).map(Object::relation));
        }
        let tables = self.tables.keys().filter(|oid| self.selection.makes(Unit::Table(**oid)));
        let indexes = self.indexes.iter().map(|index| index.oid).filter(|oid| self.selection.makes(Unit::Index(*oid)));
        objects.extend(tables.copied().chain(indexes).map(Object::relation));
        let (late, early): (Vec<_>, Vec<_>) =
            read(&objects)?.into_iter().partition(|comment| self.late.contains(&comment.of));
        self.section("Comments", early.into_iter().map(|comment| comment.statement).collect());
        self.behind_rows.extend(late.into_iter().map(|comment| comment.statement));
        Ok(())
    }
}

/// A comment's statement and what it is about.
struct Comment {
    of: Object,
    statement: String,
}

/// The comments on relations of all kinds and their columns, on types, constraints, collations and schemas, sorted by their statements.
fn read(objects: &[Object]) -> Result<Vec<Comment>> {
    let catalogs = oid_array(objects.iter().map(|object| object.catalog()));
    let oids = oid_array(objects.iter().map(|object| object.oid));
    let rows = select(
        Snapshot::Latest,
        "SELECT d.classoid, d.objoid, pg_catalog.format('COMMENT ON %s IS %L;', CASE \
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
         WHERE (d.classoid, d.objoid) IN (SELECT pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[])) \
         AND NOT coalesce(a.attisdropped, false) \
         AND NOT (s.nspname = 'public' AND d.description = 'standard public schema') IS TRUE",
        &[Some(&catalogs), Some(&oids)],
    )?;
    let comment = |row: Row| {
        let of = Object { class: Class::of_catalog(number(&row[0])?), oid: number(&row[1])? };
        Some(Comment { of, statement: row.into_iter().nth(2)?? })
    };
    let mut comments: Vec<Comment> = rows.into_iter().filter_map(comment).collect();
    comments.sort_by(|one, other| one.statement.cmp(&other.statement));
    Ok(comments)
}
