//! What tells that the data are as they were: digests that depend on rows and sequences alone.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::bundle::archive::hex;
use crate::bundle::manifest::{Manifest, Sequence};
use crate::bundle::sheet::Relation;
use crate::catalog::backups::Outcome;
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

/// The application's audit table.
#[derive(Clone, Debug)]
pub struct AuditTable {
    /// At present.
    pub oid: u32,
    /// Its name.
    pub relation: Relation,
}

/// From each sheet's name, relation and digest, in their order, and the sequences.
pub fn of<'a>(
    audit_table: Option<&AuditTable>,
    sheets: impl IntoIterator<Item = (&'a str, Option<&'a Relation>, &'a str)>,
    sequences: &[Sequence],
) -> Digests {
    let audit = audit_table.map(|table| &table.relation);
    let mut named = Map::new();
    let mut content = Sha256::new();
    for (name, relation, digest) in sheets {
        named.insert(name.to_owned(), Value::String(digest.to_owned()));
        if relation.is_none() || relation != audit {
            content.update(format!("{name}\0{digest}\n"));
        }
    }
    let owned_by_audit = |sequence: &&Sequence| {
        let owner = sequence.owned_by.as_ref().zip(audit);
        owner.is_some_and(|(owner, audit)| owner.schema == audit.schema && owner.table == audit.table)
    };
    for sequence in sequences.iter().filter(|sequence| !owned_by_audit(sequence)) {
        let Sequence { schema, name, last_value, is_called, .. } = sequence;
        content.update(format!("{schema}\0{name}\0{last_value}\0{is_called}\n"));
    }
    Digests { sheets: Value::Object(named), content: hex(content.finalize()) }
}

/// As a bundle tells them by its manifest; `None` where it has no csv.
pub fn of_manifest(audit_table: Option<&AuditTable>, manifest: &Manifest) -> Option<Digests> {
    let sheets = manifest.sheets.iter().map(|sheet| {
        let csv = sheet.files.csv.as_ref()?;
        Some((sheet.name.as_str(), sheet.relation.as_ref(), csv.sha256.as_str()))
    });
    let sheets: Vec<_> = sheets.collect::<Option<_>>()?;
    Some(of(audit_table, sheets, &manifest.sequences))
}

/// Puts them beside what else is known of a run.
pub fn record(digests: Option<Digests>, outcome: Outcome) -> Outcome {
    let (sheet_digests, content_digest) = digests.map(|digests| (digests.sheets, digests.content)).unzip();
    Outcome { sheet_digests, content_digest, ..outcome }
}

/// The application's audit table, if there is one.
///
/// # Errors
/// The server's.
pub fn audit_table(settings: &Settings) -> Result<Option<AuditTable>> {
    let Some(name) = &settings.audit_table else { return Ok(None) };
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = pg_catalog.to_regclass($1)",
        &[Some(name)],
    )?;
    Ok(rows.into_iter().next().and_then(|row| {
        let [oid, schema, table] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some(AuditTable { oid: number(&oid)?, relation: Relation { schema: schema?, table: table? } })
    }))
}
