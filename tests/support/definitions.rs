//! Everything that schema.sql should define, by name, as the catalogs show it: two databases are compared fact by fact. Shares no code
//! with the extension. Included beside `support`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::collections::BTreeMap;

use postgres::Client;

use crate::support::Database;

/// Facts by what they are about, as in `column 2 of public.t`.
pub type Definitions = BTreeMap<String, String>;

/// Objects of extensions come with them; what belongs to the server is the same everywhere.
const FACTS: &str = r#"
WITH schema AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'paliad_backup', 'cron')
    AND ($1::text[] IS NULL OR nspname = ANY ($1))),
member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
relation AS (
    SELECT c.* FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM schema)
    AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM member)),
typ AS (
    SELECT t.* FROM pg_type AS t WHERE t.typnamespace IN (SELECT oid FROM schema)
    AND ('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM member)),
fact (name, value) AS (
    SELECT 'schema ' || n.oid::regnamespace, '' FROM pg_namespace AS n
    WHERE n.oid IN (SELECT oid FROM schema) AND ('pg_namespace'::regclass, n.oid) NOT IN (SELECT classid, objid FROM member)
    UNION ALL
    SELECT 'table ' || c.oid::regclass, concat_ws(' | ', relkind, relpersistence, relhassubclass, relispartition,
        (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid),
        pg_get_partkeydef(c.oid), pg_get_expr(relpartbound, c.oid), (SELECT amname FROM pg_am WHERE oid = relam), 'of ' || nullif(reloftype, 0)::regtype,
        (SELECT array_agg(o ORDER BY o) FROM unnest(reloptions) AS o)::text,
        (SELECT reloptions::text FROM pg_class AS toast WHERE toast.oid = c.reltoastrelid))
    FROM relation AS c WHERE relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT format('column %s of %s', row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attrelid::regclass), concat_ws(' | ', quote_ident(attname),
        format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid),
        attinhcount, attstorage, col_description(attrelid, attnum))
    FROM relation AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relkind IN ('r', 'p', 'f', 'c')
    UNION ALL
    SELECT format('constraint %I of %s', conname, CASE conrelid WHEN 0 THEN contypid::regtype::text ELSE conrelid::regclass::text END),
        concat_ws(' | ', contype, pg_get_constraintdef(oid), condeferrable, condeferred, convalidated, coninhcount,
            -- Of keys it says whether they were made with ONLY.
            CASE contype WHEN 'c' THEN connoinherit END, conparentid <> 0,
            obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE contype <> 't' AND (conrelid IN (SELECT oid FROM relation) OR contypid IN (SELECT oid FROM typ))
    -- The names of what a foreign key makes for partitions are the server's choice.
    AND NOT (contype = 'f' AND conparentid <> 0)
    UNION ALL
    SELECT format('own definitions of %s', c.oid::regclass), concat_ws(' | ',
        (SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attislocal AND NOT attisdropped AND attnum > 0),
        (SELECT string_agg(conname, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid AND conislocal AND contype <> 't'))
    FROM relation AS c WHERE relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT format('inherited foreign keys of %s', conrelid::regclass), string_agg(concat_ws(' | ', pg_get_constraintdef(oid), condeferrable, convalidated), '; ' ORDER BY pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND conparentid <> 0 AND conrelid IN (SELECT oid FROM relation) GROUP BY conrelid
    UNION ALL
    SELECT 'index ' || c.oid::regclass, concat_ws(' | ', pg_get_indexdef(c.oid), indisunique, indisprimary, indimmediate, indisvalid, indisready, reloptions::text,
        (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid), obj_description(c.oid, 'pg_class'))
    FROM relation AS c JOIN pg_index ON indexrelid = c.oid
    UNION ALL
    SELECT 'sequence ' || c.oid::regclass, concat_ws(' | ', relpersistence, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle,
        (SELECT format('%s %s.%I', deptype, attrelid::regclass, attname) FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
         WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass), obj_description(c.oid, 'pg_class'))
    FROM relation AS c JOIN pg_sequence ON seqrelid = c.oid
    UNION ALL
    SELECT 'type ' || t.oid::regtype, concat_ws(' | ', typtype, typnotnull, typdefault, format_type(typbasetype, typtypmod), typcollation::regcollation, typarray::regtype,
        (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
        (SELECT concat_ws(', ', rngsubtype::regtype, rngmultitypid::regtype, rngcollation::regcollation, opcname, rngcanonical, rngsubdiff)
         FROM pg_range JOIN pg_opclass AS o ON o.oid = rngsubopc WHERE rngtypid = t.oid), obj_description(t.oid, 'pg_type'))
    FROM typ AS t WHERE typtype IN ('d', 'e', 'r') OR typrelid IN (SELECT oid FROM relation WHERE relkind = 'c')
    UNION ALL
    SELECT 'collation ' || c.oid::regcollation, concat_ws(' | ', collprovider, collcollate, collctype, colliculocale, collisdeterministic, obj_description(c.oid, 'pg_collation'))
    FROM pg_collation AS c WHERE collnamespace IN (SELECT oid FROM schema)
    UNION ALL
    SELECT 'comment on table ' || c.oid::regclass, obj_description(c.oid, 'pg_class') FROM relation AS c WHERE relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT 'comment on schema ' || oid::regnamespace, obj_description(oid, 'pg_namespace') FROM schema
    UNION ALL
    SELECT 'extension ' || extname, extnamespace::regnamespace::text FROM pg_extension WHERE extname NOT IN ('paliad_backup', 'plpgsql'))
SELECT name, coalesce(value, '') FROM fact
"#;

/// What the database defines.
pub fn of(database: &Database<'_>) -> Definitions {
    read(&mut database.connect(), None)
}

/// What is defined in these schemas. Changes the search_path of the session.
pub fn of_schemas(reader: &mut Client, schemas: &[String]) -> Definitions {
    let mut facts = read(reader, Some(schemas));
    facts.retain(|fact, _| !fact.starts_with("extension "));
    facts
}

fn read(client: &mut Client, schemas: Option<&[String]>) -> Definitions {
    client.batch_execute("SET search_path = pg_catalog").expect("connected");
    let rows = client.query(FACTS, &[&schemas]).expect("the catalogs can be read");
    let count = rows.len();
    let facts: Definitions = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(facts.len(), count, "two facts have one name");
    facts
}

/// What is not equal, a line each: the fact, what it was, what it is.
pub fn differences(was: &Definitions, is: &Definitions) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let told = |facts: &Definitions, name: &str| facts.get(name).map_or("(missing)".to_owned(), String::clone);
    let line = |name: &String| format!("{name}: {} <> {}", told(was, name), told(is, name));
    names.into_iter().filter(|name| was.get(*name) != is.get(*name)).map(line).collect()
}
