//! Checks that somebody else wrote, of domains and partitions that values of a superuser's table go through.

use pgrx::pg_sys::Oid;

use crate::error::{Error, Result};
use crate::pg::check::calls_what_is_not_immutable;
use crate::pg::query::{Snapshot, number, oid_array, select};

/// The CHECK constraints, not written by superusers, of the relations in `$1` and of the domains that their columns and expressions lead
/// to, at any depth. None where `$2`, as whose the rows are put in, is no superuser.
const OF_OTHERS: &str = "WITH RECURSIVE reached (class, oid) AS (\
       SELECT 'pg_class'::regclass::oid, r.oid FROM pg_catalog.unnest($1::oid[]) AS r (oid) \
         WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS s WHERE s.oid = $2::oid AND s.rolsuper) \
     UNION SELECT n.class, n.oid FROM reached AS r CROSS JOIN LATERAL (\
       SELECT 'pg_type'::regclass::oid, a.atttypid FROM pg_catalog.pg_attribute AS a \
         WHERE r.class = 'pg_class'::regclass AND a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped \
       UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_catalog.pg_index AS i \
         WHERE r.class = 'pg_class'::regclass AND r.oid = ANY ($1::oid[]) AND i.indrelid = r.oid \
       UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_catalog.pg_attrdef AS d \
         WHERE r.class = 'pg_class'::regclass AND r.oid = ANY ($1::oid[]) AND d.adrelid = r.oid \
       UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_catalog.pg_constraint AS k \
         WHERE r.class = 'pg_class'::regclass AND r.oid = ANY ($1::oid[]) AND k.conrelid = r.oid \
       UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_catalog.pg_constraint AS k \
         WHERE r.class = 'pg_type'::regclass AND k.contypid = r.oid \
       UNION ALL SELECT 'pg_type'::regclass, o.oid FROM pg_catalog.pg_type AS t CROSS JOIN LATERAL (\
           SELECT t.typbasetype UNION ALL SELECT t.typelem \
           UNION ALL SELECT g.rngsubtype FROM pg_catalog.pg_range AS g WHERE t.oid IN (g.rngtypid, g.rngmultitypid) \
           UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute AS a \
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS o (oid) \
         WHERE r.class = 'pg_type'::regclass AND t.oid = r.oid AND o.oid <> 0 \
       UNION ALL SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend AS d \
         WHERE d.classid = r.class AND d.objid = r.oid AND d.refclassid = 'pg_type'::regclass) AS n (class, oid)) \
     SELECT k.oid, pg_catalog.pg_describe_object('pg_constraint'::regclass, k.oid, 0) || coalesce(' of domain ' || t.oid::regtype, ''), o.rolname \
     FROM reached AS r JOIN pg_catalog.pg_constraint AS k ON k.oid = r.oid AND k.contype = 'c' \
     LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid \
     JOIN pg_catalog.pg_roles AS o ON o.oid IN (c.relowner, t.typowner) \
     WHERE r.class = 'pg_constraint'::regclass AND NOT o.rolsuper ORDER BY k.oid";

/// Values that go into `relations` as `owner` are checked by code of others. Where `owner` is a superuser it would run as a role that may
/// read everything, and a sequence or an error would carry out what it read: so it must be immutable. Functions of others are refused
/// anyway ([`crate::pg::function_guard`]).
///
/// # Errors
/// [`Error::Rights`] naming the constraint.
pub fn refuse(table: &str, owner: Oid, relations: impl IntoIterator<Item = u32>) -> Result<()> {
    let parameters = [oid_array(relations), owner.to_u32().to_string()];
    let parameters: Vec<Option<&str>> = parameters.iter().map(|text| Some(text.as_str())).collect();
    for row in select(Snapshot::Latest, OF_OTHERS, &parameters)? {
        let [oid, Some(constraint), Some(author)] = &row[..] else { continue };
        if number(oid).is_some_and(|oid| calls_what_is_not_immutable(oid.into())) {
            return Err(Error::Rights {
                message: format!(
                    "{table} belongs to a superuser, but {constraint}, of role {author}, calls what is not immutable"
                ),
                hint: format!("ALTER TABLE {table} OWNER TO the role that owns the application."),
            });
        }
    }
    Ok(())
}
