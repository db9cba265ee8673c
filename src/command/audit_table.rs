//! Tries whether a table can be the audit log, before a setting makes it so.

use pgrx::pg_sys::Oid;

use crate::catalog::audit::{Actor, AuditTable, EVENT_TYPES};
use crate::catalog::settings::Settings;
use crate::error::Result;

/// Inserts and patches one row of each event type as the table's owner. The caller rolls back.
///
/// # Errors
/// What the table's columns, checks, triggers and rights say is raised by the server.
pub fn check(table: Oid) -> Result<()> {
    let table = AuditTable::by_oid(table, &Settings::read()?)?;
    let actor = Actor { id: None, email: Some("paliad_backup@check".into()) };
    for event in EVENT_TYPES {
        let metadata = serde_json::json!({ "check": true });
        let id = table.insert(event, &actor, &metadata, "requested_at")?;
        table.patch(&id, event, &metadata, "completed_at")?;
    }
    Ok(())
}
