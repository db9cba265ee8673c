//! Which table each sheet goes to, and whether it fits: said before anything is touched.

use std::collections::{BTreeSet, HashMap, HashSet};

use pgrx::pg_sys::Oid;

use super::RestoreRequest;
use super::create::Created;
use super::fit::{columns_of, misfits};
use super::source::Source;
use crate::bundle::BundleError;
use crate::bundle::manifest::SheetEntry;
use crate::bundle::sheet::Relation;
use crate::catalog::audit::AuditTable;
use crate::catalog::registry;
use crate::catalog::settings::Settings;
use crate::command::plan::{self, Found};
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, oid_array, oids, select};

/// All that a restore writes into.
#[derive(Debug, PartialEq, Eq)]
pub struct Targets {
    /// In the bundle's order.
    pub tables: Vec<Target>,
    /// Sheets that no rows are loaded from, and why.
    pub skipped: Vec<(SheetEntry, String)>,
    /// The chosen sheets' names, in the bundle's order.
    pub order: Vec<String>,
}

/// A table that gets a sheet's rows.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// What the bundle says.
    pub sheet: SheetEntry,
    /// The table.
    pub oid: Oid,
    /// Its name, quoted.
    pub qualified: String,
    /// A partitioned table.
    pub is_partitioned: bool,
    /// Who loads it.
    pub owner: Oid,
    /// The columns of the csv file.
    pub columns: Vec<String>,
    /// The table and its partitions.
    pub members: BTreeSet<u32>,
    /// Partitions among them whose rows are not in bundles.
    pub excluded: BTreeSet<u32>,
    /// This restore has made it, so that there are no rows to replace or to keep.
    pub made: bool,
    /// Why the sheet doesn't fit.
    pub problems: Vec<String>,
}

impl Target {
    /// It belongs to the sheet; restore_sheet() may have another one.
    pub fn is_origin(&self) -> bool {
        self.sheet.relation.as_ref().is_some_and(|relation| {
            pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table) == self.qualified
        })
    }

    /// The table and its partitions, without those whose rows are not in bundles.
    pub fn own_members(&self) -> Vec<u32> {
        self.members.difference(&self.excluded).copied().collect()
    }

    /// About how many rows the first `bytes` of the csv file are, for progress.
    pub fn rows_in(&self, bytes: u64) -> u64 {
        let size = self.sheet.files.csv.as_ref().map_or(1, |file| file.size.max(1));
        (u128::from(self.sheet.row_count) * u128::from(bytes) / u128::from(size)).min(self.sheet.row_count.into())
            as u64
    }

    /// The table as a query names it: without its inheritance children, but with its partitions.
    pub fn only(&self) -> String {
        format!("{}{}", if self.is_partitioned { "" } else { "ONLY " }, self.qualified)
    }
}

impl Targets {
    /// Matches the chosen sheets with the tables that a run would export.
    ///
    /// # Errors
    /// [`Error::UnknownObject`] for unknown sheets, [`Error::WrongState`] for a bundle without csv, damage.
    pub fn find(source: &Source, request: &RestoreRequest, settings: &Settings, created: &Created) -> Result<Targets> {
        let chosen = source.chosen(request.sheets.as_deref(), request.scope)?;
        let registered = registry::sheets()?;
        let forbidden: HashSet<u32> = plan::forbidden(&registry::exclusions()?)?.into_iter().collect();
        let audit_table = AuditTable::resolve(settings)?.oid();
        let known = plan::tables(settings, &registered)?;
        let by_name: HashMap<(&str, &str), &Found> =
            known.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table)).collect();
        let elsewhere = request.target.map(plan::table).transpose()?;
        let mut targets = Targets { tables: Vec::new(), skipped: Vec::new(), order: Vec::new() };
        let mut seen: BTreeSet<&Relation> = BTreeSet::new();
        for sheet in chosen {
            targets.order.push(sheet.name.clone());
            if let Some(relation) = &sheet.relation
                && !seen.insert(relation)
            {
                return Err(BundleError::Damaged(format!("two sheets are of one table: {}", sheet.name)).into());
            }
            if let Some(reason) = sheet.has_no_table() {
                targets.skipped.push((sheet.clone(), reason.to_owned()));
                continue;
            }
            let found = elsewhere.as_ref().or_else(|| {
                sheet.relation.as_ref().and_then(|at| by_name.get(&(at.schema.as_str(), at.table.as_str())).copied())
            });
            match found {
                Some(table) if forbidden.contains(&table.oid) => {
                    targets.skipped.push((sheet.clone(), "excluded in paliad_backup.exclusions".into()));
                }
                Some(table) => {
                    let made = sheet.relation.as_ref().is_some_and(|relation| created.has(relation));
                    targets.tables.push(Target { made, ..target(sheet, table) });
                }
                None => targets.tables.push(gone(sheet)),
            }
        }
        if targets.tables.iter().any(|target| target.sheet.files.csv.is_none()) {
            return Err(Error::WrongState {
                message: format!("backup {} has no csv files", request.backup_id),
                hint: "Rows are restored from csv: make backups with formats => '{csv, …}'.".into(),
            });
        }
        targets.complete(source, &forbidden, request)?;
        targets.leave_out(audit_table);
        Ok(targets)
    }

    /// What was found before the locks is what is there with them.
    ///
    /// # Errors
    /// [`Error::ChangedAfterSnapshot`].
    pub fn still_hold(
        &self,
        source: &Source,
        request: &RestoreRequest,
        settings: &Settings,
        created: &Created,
    ) -> Result<()> {
        if *self == Targets::find(source, request, settings, created)? {
            return Ok(());
        }
        Err(Error::ChangedAfterSnapshot { message: "a table was changed while the restore waited for its lock".into() })
    }

    /// All tables and partitions that rows go into.
    pub fn members(&self) -> BTreeSet<u32> {
        self.tables.iter().flat_map(|target| &target.members).copied().collect()
    }

    /// The audit table may be one partition of a target.
    fn leave_out(&mut self, audit_table: u32) {
        let (with, without) =
            std::mem::take(&mut self.tables).into_iter().partition(|target| target.members.contains(&audit_table));
        self.tables = without;
        let with: Vec<Target> = with;
        self.skipped.extend(with.into_iter().map(|target| (target.sheet, AUDIT_LOG.to_owned())));
    }

    fn complete(&mut self, source: &Source, forbidden: &HashSet<u32>, request: &RestoreRequest) -> Result<()> {
        let there = self.tables.iter().map(|target| target.oid.to_u32()).filter(|oid| *oid != 0).collect::<Vec<_>>();
        let trees = plan::members(&there)?;
        let columns = columns_of(&there)?;
        let keyed: HashSet<u32> = if request.overwrite { HashSet::new() } else { with_primary_key(&there)? };
        let foreign = foreign_tables(trees.values().flatten().copied())?;
        for target in self.tables.iter_mut().filter(|target| target.oid != Oid::INVALID) {
            let oid = target.oid.to_u32();
            target.members = trees.get(&oid).cloned().unwrap_or_else(|| [oid].into());
            target.excluded = target.members.iter().copied().filter(|member| forbidden.contains(member)).collect();
            target.problems = misfits(&target.sheet, columns.get(&oid).map(Vec::as_slice).unwrap_or_default());
            if target.members.iter().any(|member| foreign.contains(member)) {
                target.problems.push("it has partitions that are foreign tables".into());
            }
            if let Some(name) = excluded_since(source, &target.excluded)? {
                target.problems.push(format!("its partition {name} is excluded by now, and the bundle has its rows"));
            }
            if !request.overwrite && !target.made && !keyed.contains(&oid) {
                target.problems.push(
                    "it has no primary key to tell which rows are there: overwrite => true replaces them all".into(),
                );
            }
        }
        Ok(())
    }
}

/// Why the audit table in force is no target.
const AUDIT_LOG: &str = "the audit log is evidence and is not restored";

/// One of the excluded partitions that the bundle does not say it has left out.
fn excluded_since(source: &Source, excluded: &BTreeSet<u32>) -> Result<Option<String>> {
    if excluded.is_empty() {
        return Ok(None);
    }
    let rows = select(
        Snapshot::Latest,
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.oid = ANY ($1::oid[]) ORDER BY c.oid",
        &[Some(&oid_array(excluded.iter().copied()))],
    )?;
    let names: Vec<(String, String)> =
        rows.into_iter().map(|row| (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default())).collect();
    let is_listed = |(schema, table): &(String, String)| {
        source.manifest.excluded.iter().any(|entry| {
            (entry.schema == "*" || entry.schema == *schema) && (entry.table == "*" || entry.table == *table)
        })
    };
    // Of what is below an excluded partition, that one alone is listed.
    Ok(if names.iter().any(is_listed) {
        None
    } else {
        names.into_iter().next().map(|(schema, table)| format!("{schema}.{table}"))
    })
}

fn target(sheet: &SheetEntry, table: &Found) -> Target {
    Target {
        sheet: sheet.clone(),
        oid: Oid::from(table.oid),
        qualified: table.qualified(),
        is_partitioned: table.kind == 'p',
        owner: table.owner,
        columns: sheet.csv_columns().map(|column| column.name.clone()).collect(),
        members: BTreeSet::new(),
        excluded: BTreeSet::new(),
        made: false,
        problems: Vec::new(),
    }
}

fn gone(sheet: &SheetEntry) -> Target {
    let relation = sheet.relation.clone().unwrap_or(Relation { schema: String::new(), table: String::new() });
    Target {
        sheet: sheet.clone(),
        oid: Oid::INVALID,
        qualified: pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table),
        is_partitioned: false,
        owner: Oid::INVALID,
        columns: Vec::new(),
        members: BTreeSet::new(),
        excluded: BTreeSet::new(),
        made: false,
        problems: vec![
            "there is no such table among those that are backed up (create_missing => true makes it)".into(),
        ],
    }
}

fn with_primary_key(tables: &[u32]) -> Result<HashSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT indrelid FROM pg_catalog.pg_index WHERE indisprimary AND indrelid = ANY ($1::oid[])",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

fn foreign_tables(relations: impl Iterator<Item = u32>) -> Result<HashSet<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'f' AND oid = ANY ($1::oid[])",
        &[Some(&oid_array(relations))],
    )?;
    Ok(oids(&rows).collect())
}
