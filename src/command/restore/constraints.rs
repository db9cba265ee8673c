//! What COPY under `session_replication_role = replica` doesn't check: foreign keys, and constraints that are checked when they are
//! deferred.

use std::collections::BTreeSet;

use pgrx::pg_sys::Oid;

use super::report::Report;
use super::targets::Targets;
use crate::command::LOAD_SETTINGS;
use crate::error::{Error, Result, Told};
use crate::pg::function_guard::{Trusted, trusting};
use crate::pg::identity::{As, act_as};
use crate::pg::name_guard::naming;
use crate::pg::query::{Row, Snapshot, number, oid_array, select};
use crate::pg::referential::{self, ForeignKey};

/// Checks them all; NOT VALID foreign keys excepted, which hold for no row that was there before.
///
/// # Errors
/// 23503, 23505, 23P01 with the constraint's name and a key; a dry run notes them.
pub fn check(
    targets: &Targets,
    overwrite: bool,
    report: &mut Report,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<()> {
    let members = targets.members();
    let sheet = |table: u32| {
        let target = targets.tables.iter().find(|target| target.members.contains(&table));
        target.map(|target| target.sheet.name.clone()).unwrap_or_default()
    };
    for unique in deferrable(&members)? {
        meanwhile()?;
        report.step(&sheet(unique.table), || unique.check())?;
    }
    // What could not be loaded lacks keys that others refer to: that would be told twice.
    if report.has_problems() {
        return Ok(());
    }
    for (key, owner) in foreign_keys(&members, overwrite)? {
        meanwhile()?;
        report.step(&sheet(key.table.to_u32()), || check_foreign_key(&key, owner))?;
    }
    Ok(())
}

fn check_foreign_key(key: &ForeignKey, owner: Oid) -> Result<()> {
    if act_as(As::Reader(owner), &LOAD_SETTINGS, || referential::check(key))? {
        return Ok(());
    }
    for leaf in leaves(key)? {
        // The server looks each key up as the owner of the table referred to, who may be a superuser.
        act_as(As::Reader(leaf.owner), &LOAD_SETTINGS, || {
            trusting(Trusted::SuperusersForSuperusers, || referential::check_each_row(&leaf.key))
        })?;
    }
    Ok(())
}

/// Valid foreign keys of the tables and, where rows were taken out, those of others that refer to them; with the owner of the table that
/// has the key.
fn foreign_keys(members: &BTreeSet<u32>, overwrite: bool) -> Result<Vec<(ForeignKey, Oid)>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.conindid, c.relowner FROM pg_catalog.pg_constraint AS k \
         JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
         WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 \
         AND (k.conrelid = ANY ($1::oid[]) OR $2::boolean AND k.confrelid = ANY ($1::oid[])) ORDER BY k.conname, k.oid",
        &[Some(&oid_array(members.iter().copied())), Some(if overwrite { "true" } else { "false" })],
    )?;
    Ok(rows.iter().map(|row| (foreign_key(row), oid(&row[5]))).collect())
}

/// One table's part of a foreign key.
struct Leaf {
    key: ForeignKey,
    owner: Oid,
}

/// The key on the ordinary tables that rows lie in: itself, or its clones on partitions.
fn leaves(key: &ForeignKey) -> Result<Vec<Leaf>> {
    let rows = select(
        Snapshot::Latest,
        "WITH RECURSIVE clone AS (\
           SELECT k.* FROM pg_catalog.pg_constraint AS k WHERE k.oid = $1::oid \
           UNION ALL SELECT k.* FROM clone JOIN pg_catalog.pg_constraint AS k ON k.conparentid = clone.oid) \
         SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.conindid, c.relowner FROM clone AS k \
         JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid WHERE c.relkind = 'r' AND k.confrelid = $2::oid ORDER BY k.oid",
        &[Some(&key.oid.to_u32().to_string()), Some(&key.referenced.to_u32().to_string())],
    )?;
    Ok(rows.iter().map(|row| Leaf { key: foreign_key(row), owner: oid(&row[5]) }).collect())
}

fn foreign_key(row: &Row) -> ForeignKey {
    ForeignKey {
        oid: oid(&row[0]),
        name: row[1].clone().unwrap_or_default(),
        table: oid(&row[2]),
        referenced: oid(&row[3]),
        index: oid(&row[4]),
    }
}

fn oid(text: &Option<String>) -> Oid {
    Oid::from(number(text).unwrap_or_default())
}

/// A deferrable unique, primary key or exclusion constraint.
pub struct Deferrable {
    name: String,
    table: u32,
    owner: Oid,
    exclusion: bool,
    /// The columns as a message shows them.
    columns: String,
    /// Finds one key that breaks it.
    query: String,
    /// How often the query names the table.
    named: usize,
}

impl Deferrable {
    /// Looks for a key that breaks it.
    ///
    /// # Errors
    /// 23505, 23P01 with the key.
    pub fn check(&self) -> Result<()> {
        let names = vec![self.table; self.named];
        let rows = act_as(As::Reader(self.owner), &LOAD_SETTINGS, || {
            naming(&names, || select(Snapshot::Latest, &self.query, &[]))
        })?;
        let Some(key) = rows.into_iter().next() else { return Ok(()) };
        let key: Vec<String> = key.into_iter().map(|value| value.unwrap_or_else(|| "null".into())).collect();
        let Deferrable { name, columns, .. } = self;
        let (sqlstate, message, what) = if self.exclusion {
            (
                "23P01",
                format!("conflicting key value violates exclusion constraint \"{name}\""),
                "conflicts with another row's",
            )
        } else {
            ("23505", format!("duplicate key value violates unique constraint \"{name}\""), "is duplicated")
        };
        Err(Error::Told(Told {
            sqlstate: sqlstate.into(),
            message,
            detail: Some(format!("Key ({columns})=({}) {what}.", key.join(", "))),
            hint: None,
        }))
    }
}

/// Those of some tables.
///
/// # Errors
/// The server's.
pub fn deferrable(members: &BTreeSet<u32>) -> Result<Vec<Deferrable>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT k.conname, k.conrelid, c.relowner, k.contype = 'x', i.indnullsnotdistinct, \
         CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%I.%I', n.nspname, c.relname), \
         (SELECT pg_catalog.jsonb_agg(pg_catalog.pg_get_indexdef(k.conindid, e.place, false) ORDER BY e.place) \
            FROM pg_catalog.generate_series(1, i.indnkeyatts) AS e (place)), \
         (SELECT pg_catalog.jsonb_agg(pg_catalog.format('OPERATOR(%I.%s)', o_n.nspname, o.oprname) ORDER BY e.place) \
            FROM pg_catalog.unnest(k.conexclop) WITH ORDINALITY AS e (operator, place) \
            JOIN pg_catalog.pg_operator AS o ON o.oid = e.operator JOIN pg_catalog.pg_namespace AS o_n ON o_n.oid = o.oprnamespace), \
         pg_catalog.pg_get_expr(i.indpred, i.indrelid) \
         FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_index AS i ON i.indexrelid = k.conindid \
         WHERE k.contype IN ('u', 'p', 'x') AND k.condeferrable AND k.conparentid = 0 AND k.conrelid = ANY ($1::oid[]) \
         ORDER BY k.conname, k.oid",
        &[Some(&oid_array(members.iter().copied()))],
    )?;
    rows.iter().map(constraint).collect()
}

fn constraint(row: &Row) -> Result<Deferrable> {
    let text = |index: usize| row[index].clone().unwrap_or_default();
    let list = |index: usize| -> Result<Vec<String>> {
        row[index].as_deref().map_or(Ok(Vec::new()), |list| serde_json::from_str(list).map_err(Error::internal))
    };
    let (keys, operators) = (list(6)?, list(7)?);
    let exclusion = text(3) == "t";
    let query = if exclusion {
        excluded(&text(5), &keys, &operators, row[8].as_deref())
    } else {
        duplicated(&text(5), &keys, text(4) == "t")
    };
    Ok(Deferrable {
        name: text(0),
        table: number(&row[1]).unwrap_or_default(),
        owner: oid(&row[2]),
        exclusion,
        columns: keys.join(", "),
        query,
        named: if exclusion { 2 } else { 1 },
    })
}

fn duplicated(table: &str, keys: &[String], nulls_not_distinct: bool) -> String {
    let present: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
    let condition = if nulls_not_distinct { String::new() } else { format!("WHERE {} ", present.join(" AND ")) };
    let keys = keys.join(", ");
    format!("SELECT {keys} FROM {table} {condition}GROUP BY {keys} HAVING count(*) > 1 LIMIT 1")
}

/// Both sides are the rows that the constraint's index has; the server can look the second side up in it.
fn excluded(table: &str, keys: &[String], operators: &[String], predicate: Option<&str>) -> String {
    let named: Vec<String> = keys.iter().enumerate().map(|(place, key)| format!("{key} AS k{place}")).collect();
    let condition = predicate.map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default();
    let side = format!("(SELECT ctid AS place, {} FROM {table}{condition})", named.join(", "));
    let conflict: Vec<String> =
        operators.iter().enumerate().map(|(place, operator)| format!("a.k{place} {operator} b.k{place}")).collect();
    let shown: Vec<String> = (0..keys.len()).map(|place| format!("a.k{place}")).collect();
    format!(
        "SELECT {} FROM {side} AS a JOIN {side} AS b ON a.place <> b.place AND {} LIMIT 1",
        shown.join(", "),
        conflict.join(" AND ")
    )
}
