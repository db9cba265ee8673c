//! Foreign keys that went with a table when it was dropped by CASCADE: those of tables that stayed.

use super::create::{Created, exists, is_relation};
use crate::error::Result;
use crate::pg::ddl::{Name, Subject};

/// A foreign key that is in the bundle and no longer in the database.
pub struct LostKey {
    /// The table that it referred to.
    pub refers_to: Name,
    /// For people, with the statement that makes it again.
    pub told: String,
}

/// Those that referred to tables that were made. They are not made again: their tables' rows may have changed meanwhile.
///
/// # Errors
/// The server's.
pub fn lost_keys(created: &Created) -> Result<Vec<LostKey>> {
    let mut lost = Vec::new();
    for statement in &created.behind {
        let Subject::OfTable { table, .. } = &statement.subject else { continue };
        let (Some(key), Some(refers_to)) = (&statement.foreign_key, &statement.refers_to) else { continue };
        if created.made(refers_to) && !created.made(table) && is_relation(table)? && !has_constraint(table, key)? {
            let told = format!(
                "foreign key {} of {} is not there any more: {};",
                pgrx::spi::quote_identifier(key),
                pgrx::spi::quote_qualified_identifier(&table.0, &table.1),
                statement.text.trim()
            );
            lost.push(LostKey { refers_to: refers_to.clone(), told });
        }
    }
    Ok(lost)
}

fn has_constraint(table: &Name, name: &String) -> Result<bool> {
    let from = "pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
                JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                WHERE n.nspname = $1 AND c.relname = $2 AND k.conname = $3";
    exists(from, &[&table.0, &table.1, name])
}
