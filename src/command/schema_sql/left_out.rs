//! What schema.sql does not bring back, by name: the list at its head.

use std::collections::BTreeSet;

use super::catalog::Catalog;
use super::objects::Object;
use crate::error::Result;
use crate::pg::query::{Snapshot, oid_array, scalar, select};

/// The list under construction.
#[derive(Default)]
pub struct LeftOut(BTreeSet<String>);

impl LeftOut {
    /// Adds a line.
    pub fn add(&mut self, what: impl Into<String>) {
        self.0.insert(what.into());
    }

    /// Adds a line that says on what missing object it is that the thing depends.
    ///
    /// # Errors
    /// The server's.
    pub fn add_because(&mut self, catalog: &Catalog, what: &str, missing: Object) -> Result<()> {
        let missing = if catalog.is_of_another_relation(missing) {
            "a relation that this script does not make".to_owned()
        } else {
            identity(missing)?
        };
        self.add(format!("{what}: depends on {missing}"));
        Ok(())
    }

    /// The lines, sorted.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds everything of a kind that the script never makes: what lies in these schemas, and what belongs to these relations. Names in
    /// `forbidden` are not told.
    ///
    /// # Errors
    /// The server's.
    pub fn add_kinds(&mut self, schemas: &[u32], relations: &[u32], forbidden: &[u32]) -> Result<()> {
        let rows = select(
            Snapshot::Latest,
            "WITH object (classid, objid) AS (\
               SELECT 'pg_catalog.pg_proc'::regclass::oid, oid FROM pg_catalog.pg_proc WHERE pronamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_operator'::regclass, oid FROM pg_catalog.pg_operator WHERE oprnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_opclass'::regclass, oid FROM pg_catalog.pg_opclass WHERE opcnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_opfamily'::regclass, oid FROM pg_catalog.pg_opfamily WHERE opfnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_conversion'::regclass, oid FROM pg_catalog.pg_conversion WHERE connamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_ts_config'::regclass, oid FROM pg_catalog.pg_ts_config WHERE cfgnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_ts_dict'::regclass, oid FROM pg_catalog.pg_ts_dict WHERE dictnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_ts_parser'::regclass, oid FROM pg_catalog.pg_ts_parser WHERE prsnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_ts_template'::regclass, oid FROM pg_catalog.pg_ts_template WHERE tmplnamespace IN (SELECT pg_catalog.unnest($1::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_catalog.pg_type \
                 WHERE typnamespace IN (SELECT pg_catalog.unnest($1::oid[])) AND typtype IN ('b', 'p') AND typcategory <> 'A' \
               UNION ALL SELECT 'pg_catalog.pg_cast'::regclass, oid FROM pg_catalog.pg_cast WHERE oid >= 16384 \
               UNION ALL SELECT 'pg_catalog.pg_class'::regclass, oid FROM pg_catalog.pg_class \
                 WHERE relnamespace IN (SELECT pg_catalog.unnest($1::oid[])) AND relkind IN ('v', 'm', 'f') AND NOT (relispartition AND oid IN (SELECT pg_catalog.unnest($2::oid[]))) \
                 AND oid NOT IN (SELECT pg_catalog.unnest($3::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_trigger'::regclass, oid FROM pg_catalog.pg_trigger \
                 WHERE tgrelid IN (SELECT pg_catalog.unnest($2::oid[])) AND NOT tgisinternal AND tgparentid = 0 \
               UNION ALL SELECT 'pg_catalog.pg_policy'::regclass, oid FROM pg_catalog.pg_policy WHERE polrelid IN (SELECT pg_catalog.unnest($2::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_rewrite'::regclass, oid FROM pg_catalog.pg_rewrite WHERE ev_class IN (SELECT pg_catalog.unnest($2::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::regclass, oid FROM pg_catalog.pg_statistic_ext WHERE stxrelid IN (SELECT pg_catalog.unnest($2::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_publication_rel'::regclass, oid FROM pg_catalog.pg_publication_rel WHERE prrelid IN (SELECT pg_catalog.unnest($2::oid[])) \
               UNION ALL SELECT 'pg_catalog.pg_event_trigger'::regclass, oid FROM pg_catalog.pg_event_trigger) \
             SELECT i.type || ' ' || i.identity FROM object AS o, \
             LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = o.classid AND d.objid = o.objid \
               AND (d.deptype = 'e' OR d.deptype = 'i' AND d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_cast'::regclass))) \
             UNION ALL SELECT 'row security of table ' || o.oid::regclass::text FROM pg_catalog.pg_class AS o \
             WHERE o.oid IN (SELECT pg_catalog.unnest($2::oid[])) AND o.relrowsecurity \
             UNION ALL SELECT 'privileges on ' || i.type || ' ' || i.identity FROM (\
               SELECT 'pg_catalog.pg_class'::regclass::oid AS classid, oid AS objid FROM pg_catalog.pg_class AS c WHERE oid IN (SELECT pg_catalog.unnest($2::oid[])) \
                 AND (relacl IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)) \
               UNION ALL SELECT 'pg_catalog.pg_namespace'::regclass, oid FROM pg_catalog.pg_namespace \
                 WHERE oid IN (SELECT pg_catalog.unnest($1::oid[])) AND nspacl IS NOT NULL AND oid >= 16384 \
               UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_catalog.pg_type \
                 WHERE typnamespace IN (SELECT pg_catalog.unnest($1::oid[])) AND typacl IS NOT NULL) AS o, \
             LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i",
            &[
                Some(&oid_array(schemas.iter().copied())),
                Some(&oid_array(relations.iter().copied())),
                Some(&oid_array(forbidden.iter().copied())),
            ],
        )?;
        self.0.extend(rows.into_iter().flatten().flatten());
        Ok(())
    }
}

/// Kind and name of an object, as no setting changes them.
fn identity(object: Object) -> Result<String> {
    let rows = select(
        Snapshot::Latest,
        "SELECT type || ' ' || identity FROM pg_catalog.pg_identify_object($1::oid, $2::oid, 0)",
        &[Some(&object.catalog().to_string()), Some(&object.oid.to_string())],
    )?;
    Ok(scalar(rows).unwrap_or_else(|| "an object that is gone".to_owned()))
}
