//! Beside a foreign key, the label of the row that it refers to: a column that only the workbook has.
//!
//! Which column of a table is its label is registered with that table (`sheets.label_column`). The label is read by the sheet's own
//! query, so it needs a table that the run has locked and that belongs to who reads the sheet.

use std::collections::HashMap;

use super::columns::Description;
use super::discover::Found;
use crate::bundle::encoder::Warning;
use crate::bundle::manifest::Scope;
use crate::bundle::sheet::{Reference, Relation, SheetKind};
use crate::catalog::registry::Registered;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, number, oid_array, select};

/// What one query can give (`MaxTupleAttributeNumber`).
const MOST_VALUES: usize = 1664;

/// A foreign key of one column.
#[derive(Debug, PartialEq)]
struct ForeignKey {
    table: u32,
    column: String,
    target: u32,
    target_schema: String,
    target_name: String,
    /// That the row `l` of the target is the one that `t` refers to, as the constraint compares them.
    condition: String,
    /// Who reads the table may use what stands in `condition`; for superusers that is `paliad_backup_scan`, with their functions alone.
    comparable: bool,
}

/// Adds the labels to the tables' queries; `skipped` are the partitions of a table whose rows nobody may see.
///
/// # Errors
/// The server's.
pub fn add(
    tables: &[&Found],
    registered: &[Registered],
    scope: Scope,
    skipped: &dyn Fn(u32) -> Vec<u32>,
    described: &mut HashMap<u32, Description>,
) -> Result<()> {
    if registered.iter().all(|entry| entry.label_column.is_none()) {
        return Ok(());
    }
    let keys = foreign_keys(tables)?;
    let found = |oid: u32| tables.iter().copied().find(|table| table.oid == oid);
    for of_one_table in keys.chunk_by(|a, b| a.table == b.table) {
        let Some(table) = found(of_one_table[0].table) else { continue };
        let mut labels = Vec::new();
        let mut warnings = Vec::new();
        for key in of_one_table {
            let Some((entry, label)) = label_of(registered, key) else { continue };
            let target = found(key.target);
            match why_not(table, key, target, (entry, label), scope, described) {
                None => labels.extend(target.map(|target| (key, target, label))),
                Some(reason) => warnings.push(warning(
                    Some(&key.column),
                    1,
                    format!("The workbook shows no label beside the column: {reason}."),
                )),
            }
        }
        let Some(description) = described.get(&table.oid) else { continue };
        // Without a primary key the row's text, which orders the rows, is one value more.
        let others = description.values.len() + usize::from(description.primary_key.is_empty());
        if others + labels.len() > MOST_VALUES {
            let detail = "The workbook shows no labels beside the foreign keys: a query has at most 1,664 values.";
            warnings.push(warning(None, labels.len() as u64, detail.to_owned()));
            labels.clear();
        }
        let references = references(description, &labels, described);
        let Some(description) = described.get_mut(&table.oid) else { continue };
        for (number, (key, target, label)) in labels.into_iter().enumerate() {
            description.joins.push_str(&join(number, key, target, label, &skipped(target.oid)));
            description.joined.push(target.oid);
        }
        description.add_values((0..references.len()).map(|number| format!("r{number}.label")));
        description.captions.references = references;
        description.captions.warnings = warnings;
    }
    Ok(())
}

/// The row of the registry that gives the target its label, and the label's column.
fn label_of<'a>(registered: &'a [Registered], key: &ForeignKey) -> Option<(&'a Registered, &'a str)> {
    let is_target = |entry: &&Registered| {
        entry.relation_schema.as_deref() == Some(&key.target_schema)
            && entry.relation_name.as_deref() == Some(&key.target_name)
    };
    let entry = registered.iter().find(is_target)?;
    Some((entry, entry.label_column.as_deref()?))
}

/// Why the label can't be shown, if so.
fn why_not(
    table: &Found,
    key: &ForeignKey,
    target: Option<&Found>,
    (entry, label): (&Registered, &str),
    scope: Scope,
    described: &HashMap<u32, Description>,
) -> Option<String> {
    let name = pgrx::spi::quote_qualified_identifier(&key.target_schema, &key.target_name);
    let Some(target) = target else { return Some(format!("table {name} is not exported")) };
    let columns = described.get(&target.oid).map(|description| description.columns.as_slice()).unwrap_or_default();
    if scope == Scope::Config && entry.kind == SheetKind::Entity {
        // Reference data is handed around without the records; the other way round nothing is given away.
        Some(format!("table {name} holds records, and the scope is config"))
    } else if target.owner != table.owner {
        Some(format!("table {name} belongs to another owner"))
    } else if !columns.iter().any(|column| column.name == label) {
        Some(format!("table {name} has no column {}", pgrx::spi::quote_identifier(label)))
    } else if !key.comparable {
        Some(format!("who reads the sheet may not use the operator that compares it with table {name}"))
    } else {
        None
    }
}

fn warning(column: Option<&str>, count: u64, detail: String) -> Warning {
    Warning { code: "xlsx_label_not_available".into(), sheet: None, column: column.map(str::to_owned), count, detail }
}

/// Names that no other column of the sheet has: what collides gets ` (2)`, ` (3)` ….
fn references(
    description: &Description,
    labels: &[(&ForeignKey, &Found, &str)],
    described: &HashMap<u32, Description>,
) -> Vec<Reference> {
    let mut taken: Vec<String> = description.columns.iter().map(|column| column.name.clone()).collect();
    let first_slot = description.values.len();
    labels
        .iter()
        .enumerate()
        .filter_map(|(number, (key, target, label))| {
            let wanted = format!("{} ({label})", key.column);
            let mut name = wanted.clone();
            for twin in 2.. {
                if !taken.contains(&name) {
                    break;
                }
                name = format!("{wanted} ({twin})");
            }
            taken.push(name.clone());
            let shown = described.get(&target.oid)?;
            let at = shown.columns.iter().position(|column| column.name == *label)?;
            Some(Reference {
                name,
                label: shown.captions.columns.get(at).cloned().flatten(),
                column: description.columns.iter().position(|column| column.name == key.column)?,
                relation: Relation { schema: target.schema.clone(), table: target.name.clone() },
                label_column: (*label).to_owned(),
                slot: first_slot + number,
            })
        })
        .collect()
}

/// Joins the label as `r<number>.label`. With LIMIT 1 each row of this table is there once whatever the target is like, also where its
/// index is damaged and a key stands there twice; and the rows are looked up in their order, so that they need not be sorted anew.
fn join(number: usize, key: &ForeignKey, target: &Found, label: &str, skipped: &[u32]) -> String {
    // As the constraint's own check reads it: children of an ordinary table are not referred to, partitions are.
    let only = if target.kind == 'r' { "ONLY " } else { "" };
    let visible = if skipped.is_empty() {
        String::new()
    } else {
        format!(" AND l.tableoid <> ALL ('{}'::pg_catalog.oid[])", oid_array(skipped.iter().copied()))
    };
    format!(
        " LEFT JOIN LATERAL (SELECT l.{} AS label FROM {only}{} AS l WHERE {}{visible} LIMIT 1) AS r{number} ON true",
        pgrx::spi::quote_identifier(label),
        target.qualified(),
        key.condition
    )
}

/// The foreign keys of one column, by table and place. The condition is what the server's own check of the constraint says
/// (`ri_GenerateQual`): its operator, with casts where the columns' types are not the operator's, in the collation of the key.
fn foreign_keys(tables: &[&Found]) -> Result<Vec<ForeignKey>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT c.conrelid, a.attname, c.confrelid, tn.nspname, t.relname, \
         pg_catalog.format('l.%I%s OPERATOR(%I.%s) t.%I%s%s', k.attname, pg_catalog.format('::%I.%I', ln.nspname, lt.typname), \
           opn.nspname, op.oprname, a.attname, pg_catalog.format('::%I.%I', rn.nspname, rt.typname), \
           CASE WHEN co.oid IS NOT NULL THEN pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) END), \
         (SELECT pg_catalog.bool_and(pg_catalog.has_schema_privilege(reader.oid, n.oid, 'USAGE')) \
          FROM pg_catalog.pg_namespace AS n WHERE n.oid IN (opn.oid, ln.oid, rn.oid, cn.oid)) \
           AND pg_catalog.has_function_privilege(reader.oid, f.oid, 'EXECUTE') AND (fo.rolsuper OR NOT ro.rolsuper) \
         FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_class AS r ON r.oid = c.conrelid \
         JOIN pg_catalog.pg_class AS t ON t.oid = c.confrelid JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
         JOIN pg_catalog.pg_attribute AS k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1] \
         JOIN pg_catalog.pg_operator AS op ON op.oid = c.conpfeqop[1] \
         JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace \
         JOIN pg_catalog.pg_type AS lt ON lt.oid = op.oprleft JOIN pg_catalog.pg_namespace AS ln ON ln.oid = lt.typnamespace \
         JOIN pg_catalog.pg_type AS rt ON rt.oid = op.oprright JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rt.typnamespace \
         LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = k.attcollation AND co.oid <> a.attcollation \
         LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace \
         JOIN pg_catalog.pg_proc AS f ON f.oid = op.oprcode JOIN pg_catalog.pg_roles AS fo ON fo.oid = f.proowner \
         JOIN pg_catalog.pg_roles AS ro ON ro.oid = r.relowner \
         JOIN pg_catalog.pg_roles AS reader ON CASE WHEN ro.rolsuper THEN reader.rolname = 'paliad_backup_scan' \
           ELSE reader.oid = ro.oid END \
         WHERE c.contype = 'f' AND c.conparentid = 0 AND pg_catalog.cardinality(c.conkey) = 1 AND c.conrelid = ANY ($1::oid[]) \
         ORDER BY c.conrelid, a.attnum, tn.nspname, t.relname, k.attnum",
        &[Some(&oid_array(tables.iter().map(|table| table.oid)))],
    )?;
    let mut keys = rows
        .into_iter()
        .map(|row| {
            let text = |index: usize| row[index].clone().unwrap_or_default();
            let (table, target) = number(&row[0]).zip(number(&row[2]))?;
            let (column, target_schema, target_name, condition) = (text(1), text(3), text(4), text(5));
            let comparable = text(6) == "t";
            Some(ForeignKey { table, column, target, target_schema, target_name, condition, comparable })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::internal("pg_constraint row without tables"))?;
    // One label for two constraints that say the same.
    keys.dedup();
    Ok(keys)
}
