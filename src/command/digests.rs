//! What tells that the data are as they were: digests that depend on rows and sequences alone.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::plan::Plan;
use crate::bundle::manifest::Sequence;
use crate::catalog::settings::Settings;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, select};

/// Of one backup, or of the data as they are.
#[derive(Clone, Debug)]
pub struct Digests {
    /// Sheet name → SHA-256 of its csv.
    pub sheets: Value,
    /// Of these and of the sequences. Without the audit log: each backup adds to it, and would be a reason for the next one.
    pub content: String,
}

/// From what was read by a plan: the digest of each sheet in its order, and the sequences.
///
/// # Errors
/// The server's.
pub fn of(settings: &Settings, plan: &Plan, sheets: &[String], sequences: &[Sequence]) -> Result<Digests> {
    let audit_table = audit_table(settings)?;
    let audit_relation = plan.sheets.iter().find_map(|planned| {
        let relation = planned.sheet.relation.as_ref()?;
        (planned.names.first().copied() == Some(audit_table?)).then_some(relation)
    });
    let mut named = Map::new();
    let mut content = Sha256::new();
    for (planned, digest) in plan.sheets.iter().zip(sheets) {
        named.insert(planned.sheet.name.clone(), Value::String(digest.clone()));
        if planned.sheet.relation.is_none() || planned.sheet.relation.as_ref() != audit_relation {
            content.update(format!("{}\0{digest}\n", planned.sheet.name));
        }
    }
    let owned_by_audit = |sequence: &&Sequence| {
        let owner = sequence.owned_by.as_ref().zip(audit_relation);
        owner.is_some_and(|(owner, audit)| owner.schema == audit.schema && owner.table == audit.table)
    };
    for sequence in sequences.iter().filter(|sequence| !owned_by_audit(sequence)) {
        let Sequence { schema, name, last_value, is_called, .. } = sequence;
        content.update(format!("{schema}\0{name}\0{last_value}\0{is_called}\n"));
    }
    let content = content.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Digests { sheets: Value::Object(named), content })
}

/// The application's audit table, if there is one.
///
/// # Errors
/// The server's.
pub fn audit_table(settings: &Settings) -> Result<Option<u32>> {
    let Some(name) = &settings.audit_table else { return Ok(None) };
    let rows = select(Snapshot::Latest, "SELECT pg_catalog.to_regclass($1)::oid", &[Some(name)])?;
    Ok(rows.first().and_then(|row| number(row.first()?)))
}
