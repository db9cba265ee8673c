//! Which sheets a run exports, fixed and locked before the first row is read.

mod captions;
mod columns;
mod discover;
mod exclusions;
mod labels;
mod notes;
mod query_sheets;
mod readers;
mod sheet_sql;
mod sources;
mod trees;
mod types;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pgrx::pg_sys::Oid;

use crate::bundle::encoder::Warning;
use crate::bundle::manifest::{Excluded, Format, Scope};
use crate::bundle::names::{SheetSource, sheet_names};
use crate::bundle::sheet::{Relation, RelationKind, Sheet, SheetKind};
use crate::catalog::registry::{self, Registered};
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::locks::{self, Locked, Mode};
use crate::pg::query::Snapshot;
pub use discover::{Found, exportable, table, tables};
pub use exclusions::forbidden;
pub use readers::check_rights;
pub use sheet_sql::ROW_TEXT;
use sources::Sources;
use trees::{Tree, trees, trees_of};

/// What a run will read, with all locks held.
pub struct Plan {
    /// In the order of the export.
    pub sheets: Vec<PlannedSheet>,
    /// Relations that are left out, and why.
    pub excluded: Vec<Excluded>,
    /// What the reader of the bundle should know.
    pub warnings: Vec<Warning>,
    /// Oids that no view or query sheet may read.
    pub forbidden: Vec<u32>,
    /// Size of the tables on disk.
    pub bytes: u64,
    /// The zone of local times in the workbook.
    pub time_zone: String,
    trees: BTreeMap<u32, Tree>,
    sources: Vec<Sources>,
}

/// One sheet and how it is read.
pub struct PlannedSheet {
    /// What the encoders see.
    pub sheet: Arc<Sheet>,
    /// The query.
    pub sql: String,
    /// The relations that its names must mean when it is read.
    pub names: Vec<u32>,
    /// Who plans and executes it.
    pub owner: Oid,
    /// A view or query, whose text may reach other tables: read under the guard.
    pub guarded: bool,
    /// On disk.
    pub bytes: u64,
}

/// Finds the tables in the caller's snapshot, locks them, and makes sure they are still what the snapshot shows; `reading` is the
/// query or view that is being described.
///
/// # Errors
/// [`Error::LockNotAvailable`], [`Error::ChangedAfterSnapshot`], [`Error::Rights`], [`Error::UnknownObject`] for a schema in
/// the settings that doesn't exist.
pub fn plan(settings: &Settings, scope: Scope, formats: &[Format], reading: &mut Option<String>) -> Result<Plan> {
    let registered = registry::sheets()?;
    let excluded_names = registry::exclusions()?;
    discover::check_schemas(settings)?;
    let found = discover::relations(settings, &registered)?;
    let seen = trees(Snapshot::Caller, &found)?;
    lock(&seen, &found)?;
    let trees_now = trees(Snapshot::Latest, &found)?;
    compare(&seen, &trees_now, &found)?;
    let current = discover::current(&found)?;
    compare_names(&found, &current)?;

    let mut forbidden = forbidden(&excluded_names)?;
    let forbidden_set: HashSet<u32> = forbidden.iter().copied().collect();
    let mut excluded: Vec<Excluded> = excluded_names
        .iter()
        .map(|exclusion| Excluded {
            schema: exclusion.schema_name.clone(),
            table: exclusion.relation_name.clone(),
            reason: exclusion.reason.clone(),
        })
        .collect();
    excluded.extend(notes::left_out(settings, &registered)?);

    let kept: Vec<&Found> = current
        .iter()
        .filter(|table| !forbidden_set.contains(&table.oid))
        .filter(|table| registration(&registered, table).is_none_or(|entry| entry.enabled))
        .collect();
    exclusions::refuse_reading_excluded(&kept, &forbidden)?;
    forbidden.extend(exclusions::copies(&forbidden)?);
    readers::check_rights(&kept)?;

    let types = types::Types::read()?;
    let mut described = columns::describe(&kept, &types, &settings.xlsx_time_zone)?;
    let skipped = |table: u32| -> Vec<u32> {
        let members = trees_now.get(&table).into_iter().flat_map(|tree| tree.members.keys().copied());
        members.filter(|oid| forbidden_set.contains(oid)).collect()
    };
    if formats.contains(&Format::Xlsx) {
        captions::describe(&kept, &registered, settings, &mut described)?;
        labels::add(&kept, &registered, scope, &skipped, &mut described)?;
    }
    let mut entries = Vec::with_capacity(kept.len());
    for table in kept {
        let entry = registration(&registered, table);
        let kind = entry.map_or(SheetKind::Entity, |entry| entry.kind);
        let skipped = skipped(table.oid);
        let description = described.remove(&table.oid).unwrap_or_default();
        let built = sheet_sql::table_query(table, &description, entry.and_then(|e| e.order_by.as_deref()), &skipped)?;
        entries.push(Entry {
            names: [table.oid].iter().chain(&description.joined).copied().collect(),
            name: entry.and_then(|entry| entry.sheet_name.clone()),
            kind,
            position: entry.and_then(|entry| entry.position),
            relation: Some(Relation { schema: table.schema.clone(), table: table.name.clone() }),
            relation_kind: Some(relation_kind(table)),
            query: None,
            description,
            built,
            owner: table.owner,
            guarded: table.kind != 'r' && table.kind != 'p',
            estimated_rows: table.estimated_rows,
            bytes: table.bytes,
        });
    }
    for entry in registered.iter().filter(|entry| entry.enabled && entry.query.is_some()) {
        *reading = entry.sheet_name.clone();
        let mut described = query_sheets::describe(entry, &types, &settings.xlsx_time_zone, &forbidden)?;
        described.description.captions = captions::of_query(entry, &described.description.columns, settings);
        entries.push(described);
    }
    *reading = None;
    let sheets = name_and_order(entries, scope);
    let sources = sheets
        .iter()
        .filter(|planned| planned.guarded)
        .map(|planned| {
            *reading = Some(planned.sheet.name.clone());
            Sources::lock(&planned.sheet.name, planned.owner, &planned.sql)
        })
        .collect::<Result<Vec<Sources>>>()?;
    *reading = None;
    let mut warnings = notes::warnings(&registered, &excluded_names, &found, &trees_now)?;
    warnings.extend(sheets.is_empty().then(|| notes::no_sheets(scope)));
    let bytes = sheets.iter().map(|planned| planned.bytes).sum();
    Ok(Plan {
        sheets,
        excluded,
        warnings,
        forbidden,
        bytes,
        time_zone: settings.xlsx_time_zone.clone(),
        trees: trees_now,
        sources,
    })
}

impl Plan {
    /// Partitions attached while the run went on would have given rows of another table to a sheet: looked at again at the end.
    ///
    /// # Errors
    /// [`Error::ChangedAfterSnapshot`].
    pub fn still_holds(&self) -> Result<()> {
        let now = trees_of(Snapshot::Latest, self.trees.keys().copied())?;
        compare_trees(&self.trees, &now)?;
        self.sources.iter().try_for_each(Sources::still_hold)
    }

    /// What `digests` of the sheets, in their order, are of: name, relation, digest.
    pub fn digested<'a>(
        &'a self,
        digests: &'a [String],
    ) -> impl Iterator<Item = (&'a str, Option<&'a Relation>, &'a str)> {
        let sheets = self.sheets.iter().map(|planned| &planned.sheet);
        sheets.zip(digests).map(|(sheet, digest)| (sheet.name.as_str(), sheet.relation.as_ref(), digest.as_str()))
    }

    /// The relations of the sheets, with those of their partitions that are exported.
    pub fn relations(&self) -> BTreeSet<u32> {
        let of_sheets = self.sheets.iter().filter(|planned| planned.sheet.relation.is_some());
        let roots = of_sheets.filter_map(|planned| planned.names.first().copied());
        let members = roots.flat_map(|root| {
            let partitions = self.trees.get(&root).into_iter().flat_map(|tree| tree.members.keys().copied());
            partitions.filter(|oid| !self.forbidden.contains(oid)).chain([root])
        });
        members.collect()
    }
}

/// Tables with all their partitions, by oid.
///
/// # Errors
/// The server's.
pub fn members(tables: &[u32]) -> Result<BTreeMap<u32, BTreeSet<u32>>> {
    let trees = trees_of(Snapshot::Latest, tables.iter().copied())?;
    Ok(trees.into_iter().map(|(root, tree)| (root, tree.members.into_keys().collect())).collect())
}

/// A sheet before it has its name and place.
struct Entry {
    /// The relations that the query names.
    names: Vec<u32>,
    /// The registered name; then the name that the sheet has.
    name: Option<String>,
    kind: SheetKind,
    position: Option<i32>,
    relation: Option<Relation>,
    relation_kind: Option<RelationKind>,
    query: Option<String>,
    description: columns::Description,
    built: sheet_sql::Query,
    owner: Oid,
    guarded: bool,
    estimated_rows: u64,
    bytes: u64,
}

/// Locks everything in the order of the oids, so that two runs (or a run and a restore) never wait for each other in a circle.
fn lock(trees: &BTreeMap<u32, Tree>, found: &[Found]) -> Result<()> {
    let names: BTreeMap<u32, String> = found.iter().map(|table| (table.oid, table.qualified())).collect();
    let members = trees.iter().flat_map(|(root, tree)| tree.members.keys().map(move |oid| (*oid, *root)));
    let in_order: BTreeMap<u32, u32> = members.collect();
    for (oid, root) in in_order {
        let table = || names.get(&root).cloned().unwrap_or_else(|| oid.to_string());
        match locks::lock_relation(Oid::from(oid), Mode::AccessShare) {
            Locked::Held => {}
            Locked::Gone => {
                return Err(Error::ChangedAfterSnapshot {
                    message: format!("table {} was dropped after the snapshot", table()),
                });
            }
            Locked::TimedOut => return Err(Error::LockNotAvailable { table: table() }),
        }
    }
    Ok(())
}

fn compare(seen: &BTreeMap<u32, Tree>, now: &BTreeMap<u32, Tree>, found: &[Found]) -> Result<()> {
    let name =
        |oid: &u32| found.iter().find(|table| table.oid == *oid).map_or_else(|| oid.to_string(), Found::qualified);
    for (root, tree) in seen {
        let Some(current) = now.get(root) else {
            return Err(Error::ChangedAfterSnapshot {
                message: format!("table {} became a partition of another table after the snapshot", name(root)),
            });
        };
        if tree.members.keys().ne(current.members.keys()) {
            return Err(Error::ChangedAfterSnapshot {
                message: format!("a partition of table {} was attached or detached after the snapshot", name(root)),
            });
        }
        if tree.members != current.members {
            return Err(Error::ChangedAfterSnapshot {
                message: format!("table {} was truncated or rewritten after the snapshot", name(root)),
            });
        }
    }
    Ok(())
}

/// A table that was swapped for another one by renaming both would bring its rows under the other's name.
fn compare_names(seen: &[Found], now: &[Found]) -> Result<()> {
    for (table, current) in seen.iter().zip(now) {
        if (&table.schema, &table.name) != (&current.schema, &current.name) {
            return Err(Error::ChangedAfterSnapshot {
                message: format!(
                    "table {} was renamed to {} after the snapshot",
                    table.qualified(),
                    current.qualified()
                ),
            });
        }
    }
    Ok(())
}

fn compare_trees(planned: &BTreeMap<u32, Tree>, now: &BTreeMap<u32, Tree>) -> Result<()> {
    if planned == now {
        return Ok(());
    }
    Err(Error::ChangedAfterSnapshot { message: "a partition was attached or detached during the backup".into() })
}

fn registration<'a>(registered: &'a [Registered], table: &Found) -> Option<&'a Registered> {
    registered.iter().find(|entry| {
        entry.relation_schema.as_deref() == Some(&table.schema) && entry.relation_name.as_deref() == Some(&table.name)
    })
}

fn relation_kind(table: &Found) -> RelationKind {
    match table.kind {
        'v' => RelationKind::View,
        'm' => RelationKind::MaterializedView,
        'f' => RelationKind::ForeignTable,
        _ => RelationKind::Table,
    }
}

fn name_and_order(mut entries: Vec<Entry>, scope: Scope) -> Vec<PlannedSheet> {
    let empty = Relation { schema: String::new(), table: String::new() };
    let sources: Vec<SheetSource<'_>> = entries
        .iter()
        .map(|entry| {
            let Relation { schema, table } = entry.relation.as_ref().unwrap_or(&empty);
            SheetSource { schema, table, kind: entry.kind, registered: entry.name.as_deref() }
        })
        .collect();
    let names = sheet_names(&sources);
    for (entry, name) in entries.iter_mut().zip(names) {
        entry.name = Some(name);
    }
    entries.retain(|entry| scope.includes(entry.kind));
    entries.sort_by(|a, b| order_key(a).cmp(&order_key(b)));
    entries
        .into_iter()
        .map(|entry| PlannedSheet {
            sql: entry.built.sql,
            names: entry.names,
            owner: entry.owner,
            guarded: entry.guarded,
            bytes: entry.bytes,
            sheet: Arc::new(Sheet {
                name: entry.name.unwrap_or_default(),
                kind: entry.kind,
                relation: entry.relation,
                relation_kind: entry.relation_kind,
                query: entry.query,
                slots: entry.description.slots,
                captions: entry.description.captions,
                columns: entry.description.columns,
                primary_key: entry.description.primary_key,
                order_by: entry.built.order_by,
                estimated_rows: entry.estimated_rows,
            }),
        })
        .collect()
}

/// Registered positions first, then entities before reference data, then by name.
fn order_key(entry: &Entry) -> (bool, Option<i32>, bool, &str, &str, &str) {
    (
        entry.position.is_none(),
        entry.position,
        entry.kind == SheetKind::Ref,
        entry.relation.as_ref().map_or("", |relation| relation.schema.as_str()),
        entry.relation.as_ref().map_or("", |relation| relation.table.as_str()),
        entry.name.as_deref().unwrap_or_default(),
    )
}
