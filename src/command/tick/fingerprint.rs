//! A cheap look whether an exported table may have changed. It may say so without need, and must not keep silent.
//!
//! The server counts the rows that are inserted, updated and deleted in each table, rolled back ones too. A session reports what it has
//! counted after its transaction, within seconds as a rule, so that the counters are never ahead of the data. They begin again when
//! somebody resets them (the database's time of reset tells) and after a crash (that of the background writer's does). TRUNCATE and what
//! rewrites a table give it a new file; the rows of the catalogs that describe a table have the transaction that wrote them in xmin.

use pgrx::pg_sys::Oid;
use sha2::{Digest, Sha256};

use crate::bundle::archive::hex;
use crate::catalog::registry::{self, Registered};
use crate::catalog::settings::Settings;
use crate::command::{digests, plan, sequences};
use crate::error::{Error, Result};
use crate::pg::query::{Row, Snapshot, oid_array, oids, scalar, select};
use crate::pg::sequence::{Position, position};

/// What a look has seen.
pub enum Seen {
    /// Another one than before where a table may have changed.
    Fingerprint(String),
    /// A sequence that nobody may look at while another transaction is open.
    Locked(String),
}

/// The fingerprint of all tables that a backup reads, but the audit log. Where views or queries are exported: of all tables, for nobody
/// knows cheaply what they read. What lies behind foreign tables, or is computed by functions, is not seen, nor what is written by
/// sessions that count nothing.
///
/// # Errors
/// [`Error::WrongState`] where the server counts nothing.
pub fn fingerprint(settings: &Settings) -> Result<Seen> {
    if scalar(select(Snapshot::Caller, "SELECT current_setting('track_counts')", &[])?).as_deref() != Some("on") {
        return Err(Error::WrongState {
            message: "changes cannot be seen while track_counts is off".into(),
            hint: "Switch it on, or UPDATE paliad_backup.settings SET auto_on_change = false; interval_hours works without it.".into(),
        });
    }
    let registered = registry::sheets()?;
    let excluded = registry::exclusions()?;
    let roots = plan::exportable(Snapshot::Latest, settings, &registered)?;
    let mut left_out = plan::forbidden(&excluded)?;
    if let Some(audit_table) = digests::audit_table(settings)? {
        left_out.push(audit_table.oid);
        left_out.extend(plan::members(&[audit_table.oid])?.into_values().flatten());
    }
    let mut digest = Sha256::new();
    // Counters are remembered within a transaction otherwise.
    select(Snapshot::Caller, "SELECT pg_catalog.pg_stat_clear_snapshot()", &[])?;
    let configuration = serde_json::json!([settings.schemas, settings.audit_table, roots, left_out]);
    digest.update(configuration.to_string());
    let exported = exported(&roots, &left_out, reads_anything(&registered, &roots)?)?;
    let sequences = sequences::of(exported.iter().copied())?;
    let watched = exported.into_iter().chain(sequences.iter().map(|(oid, _)| *oid));
    for rows in [counting_since()?, registrations()?, types()?, relations(watched)?] {
        for value in rows.into_iter().flatten() {
            digest.update(value.unwrap_or_default());
            digest.update([0]);
        }
    }
    for (oid, name) in sequences {
        match position(Oid::from(oid)) {
            Position::At { last_value, is_called } => digest.update(format!("{oid} {last_value} {is_called}\0")),
            Position::Gone => {}
            Position::Locked => return Ok(Seen::Locked(name)),
        }
    }
    Ok(Seen::Fingerprint(hex(digest.finalize())))
}

/// Whether the counters are still those of before.
fn counting_since() -> Result<Vec<Row>> {
    select(
        Snapshot::Latest,
        "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()), \
         extract(epoch FROM pg_catalog.pg_stat_get_db_stat_reset_time(d.oid)), \
         extract(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) \
         FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()",
        &[],
    )
}

/// What is exported beyond the tables, and how.
fn registrations() -> Result<Vec<Row>> {
    select(Snapshot::Latest, "SELECT s.id, s.xmin::text FROM paliad_backup.sheets AS s ORDER BY s.id", &[])
}

/// Labels of enums and columns of composite types, whichever tables use them: values look different when these change, though no row does.
fn types() -> Result<Vec<Row>> {
    select(
        Snapshot::Latest,
        "SELECT e.enumtypid::text, e.oid::text, e.xmin::text FROM pg_catalog.pg_enum AS e \
         UNION ALL SELECT c.oid::text, a.attnum::text, a.xmin::text FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid WHERE c.relkind = 'c' ORDER BY 1, 2",
        &[],
    )
}

/// Whether a view or query is exported, which may read any table.
fn reads_anything(registered: &[Registered], roots: &[u32]) -> Result<bool> {
    if registered.iter().any(|entry| entry.enabled && entry.query.is_some()) {
        return Ok(true);
    }
    let found = select(
        Snapshot::Latest,
        "SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ($1::oid[]) AND c.relkind NOT IN ('r', 'p') LIMIT 1",
        &[Some(&oid_array(roots.iter().copied()))],
    )?;
    Ok(!found.is_empty())
}

/// The relations that are read, with their partitions and children; or all.
fn exported(roots: &[u32], left_out: &[u32], all: bool) -> Result<Vec<u32>> {
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE member AS (\
           SELECT pg_catalog.unnest($1::oid[]) AS oid \
           UNION SELECT i.inhrelid FROM member AS m JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid) \
         SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid <> ALL ($2::oid[]) AND (c.oid IN (SELECT m.oid FROM member AS m) \
           OR ($3::boolean AND c.relkind IN ('r', 'p', 'm', 'v') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' \
               AND n.nspname NOT IN ('information_schema', 'paliad_backup') \
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
                               AND d.objid = c.oid AND d.deptype = 'e')))",
        &[
            Some(&oid_array(roots.iter().copied())),
            Some(&oid_array(left_out.iter().copied())),
            Some(if all { "true" } else { "false" }),
        ],
    )?;
    Ok(oids(&rows).collect())
}

/// Files, counters and descriptions of tables; descriptions of sequences.
fn relations(watched: impl Iterator<Item = u32>) -> Result<Vec<Row>> {
    select(
        Snapshot::Latest,
        "SELECT c.oid, c.relfilenode, c.xmin::text, n.xmin::text, \
           pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), \
           pg_catalog.pg_stat_get_tuples_deleted(c.oid), \
           (SELECT pg_catalog.string_agg(a.xmin::text, ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a \
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND c.relkind <> 'S'), \
           (SELECT pg_catalog.string_agg(r.xmin::text, ' ' ORDER BY r.oid) FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = ANY ($1::oid[]) ORDER BY c.oid",
        &[Some(&oid_array(watched))],
    )
}
