//! Who may read a sheet: its owner, with the rights it has. A superuser reads nothing that runs other people's code.

use pgrx::pg_sys::Oid;

use super::discover::{Found, number, oid_array};
use crate::command::SCAN_SETTINGS;
use crate::error::{Error, Result};
use crate::pg::dependencies::Dependencies;
use crate::pg::identity::{As, act_as};
use crate::pg::query::{Snapshot, select};

/// A table's owner may have taken rights from itself, or from the schema: never fall back to a superuser's.
///
/// # Errors
/// [`Error::Rights`] with the GRANT that helps.
pub fn check_rights(tables: &[&Found]) -> Result<()> {
    for table in tables {
        let quoted_owner = pgrx::spi::quote_identifier(&table.owner_name);
        if !table.owner_may_use_schema {
            return Err(Error::Rights {
                message: format!("owner {} of table {} may not use its schema", table.owner_name, table.qualified()),
                hint: format!(
                    "GRANT USAGE ON SCHEMA {} TO {quoted_owner};",
                    pgrx::spi::quote_identifier(&table.schema)
                ),
            });
        }
        if !table.owner_may_select {
            return Err(Error::Rights {
                message: format!("owner {} of table {} may not read it", table.owner_name, table.qualified()),
                hint: format!("GRANT SELECT ON {} TO {quoted_owner};", table.qualified()),
            });
        }
        // An ordinary table is read alone; through the others the planner reaches tables of other owners.
        if table.kind != 'r' {
            let sql = format!("SELECT FROM {}", table.qualified());
            refuse_superuser(
                table.owner,
                &sql,
                &table.qualified(),
                "Give it to the owner of what it reads: ALTER … OWNER TO.",
            )?;
        }
    }
    Ok(())
}

/// The planner folds immutable functions of index expressions, statistics and partition bounds as the role that reads. Were that a
/// superuser, the owner of a table below a view, query or partitioned table could become one.
///
/// # Errors
/// [`Error::Rights`] when `reader` is a superuser and `sql` reaches a relation or function of somebody who isn't.
pub fn refuse_superuser(reader: Oid, sql: &str, sheet: &str, hint: &str) -> Result<()> {
    let reader_is_superuser = "SELECT FROM pg_catalog.pg_roles WHERE oid = $1::oid AND rolsuper";
    if select(Snapshot::Latest, reader_is_superuser, &[Some(&reader.to_u32().to_string())])?.is_empty() {
        return Ok(());
    }
    let reached = act_as(As::TableOwner(reader), &SCAN_SETTINGS, || Dependencies::of(sql))?;
    let refused = |object: &str, owner: &str| Error::Rights {
        message: format!("{sheet} would be read as a superuser, but {object} belongs to {owner}, who is not one"),
        hint: hint.to_owned(),
    };
    let relations = select(
        Snapshot::Latest,
        "WITH RECURSIVE reached AS (\
           SELECT pg_catalog.unnest($1::oid[]) AS oid \
           UNION SELECT i.inhrelid FROM reached JOIN pg_catalog.pg_inherits AS i ON i.inhparent = reached.oid) \
         SELECT c.oid::regclass, r.rolname FROM reached JOIN pg_catalog.pg_class AS c ON c.oid = reached.oid \
         JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner WHERE NOT r.rolsuper ORDER BY c.oid LIMIT 1",
        &[Some(&oid_array(reached.relations.iter().copied()))],
    )?;
    if let Some([Some(object), Some(owner)]) = relations.first().map(Vec::as_slice) {
        return Err(refused(object, owner));
    }
    let functions = select(
        Snapshot::Latest,
        "SELECT p.oid, p.oid::regprocedure, r.rolname FROM pg_catalog.pg_proc AS p \
         JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner WHERE NOT r.rolsuper ORDER BY p.oid",
        &[],
    )?;
    for function in &functions {
        if let ([_, Some(object), Some(owner)], Some(oid)) = (function.as_slice(), number(&function[0]))
            && reached.calls(oid)
        {
            return Err(refused(object, owner));
        }
    }
    Ok(())
}
