//! Takes the rows out of the tables and loads those of the bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use pgrx::pg_sys::Oid;

use super::existing::Missing;
use super::report::{Loaded, Report};
use super::targets::{Target, Targets};
use crate::bundle::BundleError;
use crate::bundle::reader::{BundleReader, read_error};
use crate::command::feed::Feed;
use crate::command::foreign_checks;
use crate::command::{LOAD_SETTINGS, SCAN_SETTINGS};
use crate::error::{Error, Result};
use crate::pg::copy_in::copy_in;
use crate::pg::empty::{delete_all, truncate};
use crate::pg::function_guard::{Trusted, trusting};
use crate::pg::identity::{As, act_as, current_role};
use crate::pg::name_guard::naming;
use crate::pg::query::{Snapshot, number, oid_array, oids, scalar, select};
use crate::pg::session;
use crate::pg::subtransaction::{Then, attempt};

/// What COPY is fed with.
pub trait Rows {
    /// Fills a buffer from its beginning; 0 is the end.
    ///
    /// # Errors
    /// [`Error::Bundle`] for damage.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Rows that were left out.
    fn skipped(&self) -> u64 {
        0
    }
}

impl Rows for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Read::read(self, buffer).map_err(|error| read_error(error).into())
    }
}

/// Empties all tables: by truncation, which leaves no dead rows, and row by row where a table outside the restore refers to one.
/// Returns those that were truncated.
///
/// # Errors
/// The server's.
pub fn empty(targets: &Targets, report: &mut Report) -> Result<BTreeSet<u32>> {
    let all: BTreeSet<u32> =
        targets.tables.iter().flat_map(|target| target.members.difference(&target.excluded)).copied().collect();
    let truncated = not_referred_to(&all)?;
    for target in &targets.tables {
        let own = target.own_members();
        let removed = if own.iter().all(|member| truncated.contains(member)) {
            count_or_note(target, report)?
        } else {
            with_rows(&own)?.into_iter().map(|member| delete_all(Oid::from(member))).sum()
        };
        report.removed(&target.sheet.name, removed);
    }
    let tables: Vec<Oid> = truncated.iter().copied().map(Oid::from).collect();
    // Not as the owners, for tables that refer to each other are truncated together: no trigger may fire, it would have our rights. The
    // server rebuilds each index as its table's owner, who may be a superuser, and what the index calls somebody else's.
    act_as(As::ExtensionOwner(current_role()), &LOAD_SETTINGS, || {
        trusting(Trusted::SuperusersForSuperusers, || truncate(&tables));
    });
    Ok(truncated)
}

/// Those of `tables` that only others of them refer to.
fn not_referred_to(tables: &BTreeSet<u32>) -> Result<BTreeSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT DISTINCT conrelid, confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = ANY ($1::oid[])",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    let mut refers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in &rows {
        refers.entry(number(&row[1]).unwrap_or_default()).or_default().extend(number(&row[0]));
    }
    let roots = partition_trees(tables)?;
    let mut kept = tables.clone();
    loop {
        let before = kept.len();
        let outside: BTreeSet<u32> = kept
            .iter()
            .copied()
            .filter(|table| refers.get(table).is_some_and(|from| from.iter().any(|oid| !kept.contains(oid))))
            .collect();
        kept.retain(|table| !outside.contains(table));
        // The members of one tree go together: some are in the keys' clones, others are not.
        for tree in &roots {
            if !tree.is_subset(&kept) {
                kept.retain(|table| !tree.contains(table));
            }
        }
        if kept.len() == before {
            return Ok(kept);
        }
    }
}

/// The partition trees among `tables`.
fn partition_trees(tables: &BTreeSet<u32>) -> Result<Vec<BTreeSet<u32>>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.pg_partition_root(c.oid)::oid, c.oid FROM pg_catalog.pg_class AS c \
         WHERE c.oid = ANY ($1::oid[]) AND (c.relkind = 'p' OR c.relispartition)",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    let mut trees: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for row in &rows {
        trees.entry(number(&row[0]).unwrap_or_default()).or_default().extend(number(&row[1]));
    }
    Ok(trees.into_values().collect())
}

/// Those that rows can lie in.
fn with_rows(tables: &[u32]) -> Result<Vec<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[]) AND relkind = 'r' ORDER BY oid",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// What cannot be counted for its damage is truncated all the same: that heals it.
fn count_or_note(target: &Target, report: &mut Report) -> Result<u64> {
    match attempt(Then::Keep, || count(target)) {
        Err(told) if ["XX001", "XX002", "58030", "58P01"].contains(&told.sqlstate.as_str()) => {
            let message = format!("its rows could not be counted before they were removed: {}", told.message);
            report.note(&target.sheet.name, &message);
            Ok(0)
        }
        counted => counted.map_err(Error::Told),
    }
}

fn count(target: &Target) -> Result<u64> {
    let mut sql = format!("SELECT count(*) FROM {} AS t", target.only());
    if !target.excluded.is_empty() {
        sql +=
            &format!(" WHERE t.tableoid <> ALL ('{}'::pg_catalog.oid[])", oid_array(target.excluded.iter().copied()));
    }
    let rows = act_as(As::Reader(target.owner), &SCAN_SETTINGS, || {
        naming(&[target.oid.to_u32()], || select(Snapshot::Latest, &sql, &[]))
    })?;
    Ok(scalar(rows).and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// Loads one sheet's rows as the table's owner. Where the table is neither emptied before nor made by the restore, rows whose primary key is there are left out.
/// `shown` gets the bytes read since its last call.
///
/// # Errors
/// [`Error::Bundle`] for damage; the server's, of constraints and values.
pub fn load(
    target: &Target,
    reader: &Arc<BundleReader>,
    overwrite: bool,
    mut shown: impl FnMut(u64) -> Result<()>,
) -> Result<Loaded> {
    let file = target.sheet.files.csv.as_ref().ok_or_else(|| Error::internal("a sheet without csv"))?;
    foreign_checks::refuse(&target.qualified, target.owner, target.members.iter().copied())?;
    let feed = Feed::start(reader, file)?;
    // COPY asks for no right to write. A superuser's table is loaded as the role that reads it: what is built into the server can do
    // anything with a superuser's rights, also where a domain or a partition of somebody else calls it.
    let loaded = act_as(As::Reader(target.owner), &LOAD_SETTINGS, || {
        let is_empty = overwrite || target.made;
        let mut rows: Box<dyn Rows> = if is_empty { Box::new(feed) } else { Box::new(Missing::start(target, feed)?) };
        let restored = copy_in(target.oid, &target.columns, &mut |buffer| {
            // Code that the load reaches could change how values are understood.
            session::check_settings(&LOAD_SETTINGS)?;
            let length = rows.read(buffer)?;
            shown(length as u64)?;
            Ok(length)
        })?;
        Ok::<_, Error>(Loaded { restored, skipped: rows.skipped() })
    })?;
    if loaded.restored + loaded.skipped != target.sheet.row_count {
        return Err(BundleError::Damaged(format!(
            "{} has {} rows, the manifest says {}",
            file.path,
            loaded.restored + loaded.skipped,
            target.sheet.row_count
        ))
        .into());
    }
    Ok(loaded)
}
