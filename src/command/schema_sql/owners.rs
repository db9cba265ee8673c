//! Who owns what a script makes: its code must not get other rights where it is made again.

use serde_json::json;

use crate::bundle::manifest::Owner;
use crate::error::{Error, Result};
use crate::pg::ddl::{Subject, parse};
use crate::pg::query::{Snapshot, select};

/// The schemas of the script, then of its objects those whose schema is somebody else's; none that belongs to a superuser.
///
/// # Errors
/// The server's.
pub fn of(script: &str) -> Result<Vec<Owner>> {
    let made: Vec<_> = parse(script)?
        .into_iter()
        .filter_map(|statement| match statement.subject {
            Subject::Type(name) | Subject::Collation(name) | Subject::Sequence(name) | Subject::Table(name) => {
                Some(json!({ "schema": name.0, "name": name.1 }))
            }
            _ => None,
        })
        .collect();
    let rows = select(
        Snapshot::Latest,
        "WITH made AS (\
           SELECT m.schema, m.name, n.oid AS namespace, \
             CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END AS owner \
           FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS m (schema text, name text) \
           JOIN pg_catalog.pg_namespace AS n ON n.nspname = m.schema \
           JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()), \
         owned AS (\
           SELECT schema, NULL AS name, owner FROM made \
           UNION SELECT m.schema, m.name, o.owner FROM made AS m CROSS JOIN LATERAL (\
             SELECT relowner FROM pg_catalog.pg_class WHERE relnamespace = m.namespace AND relname = m.name \
             UNION SELECT typowner FROM pg_catalog.pg_type WHERE typnamespace = m.namespace AND typname = m.name \
             UNION SELECT collowner FROM pg_catalog.pg_collation WHERE collnamespace = m.namespace AND collname = m.name) AS o (owner) \
           WHERE o.owner <> m.owner) \
         SELECT o.schema, o.name, r.rolname FROM owned AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner \
         WHERE NOT r.rolsuper ORDER BY o.name IS NOT NULL, o.schema COLLATE \"C\", o.name COLLATE \"C\", r.rolname COLLATE \"C\"",
        &[Some(&serde_json::Value::from(made).to_string())],
    )?;
    rows.into_iter()
        .map(|row| match <[Option<String>; 3]>::try_from(row) {
            Ok([Some(schema), name, Some(owner)]) => Ok(Owner { schema, name, owner }),
            _ => Err(Error::internal("an owner without name")),
        })
        .collect()
}
