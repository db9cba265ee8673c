//! Whether the exported tables and their indexes can be read: by amcheck where it is installed, else page by page and value by value.

use pgrx::pg_sys::Oid;
use pgrx::spi::{quote_identifier, quote_literal};

use super::failed;
use crate::catalog::registry;
use crate::catalog::settings::Settings;
use crate::command::plan;
use crate::error::{Error, Result, Told};
use crate::health::{Finding, Level, bytes, unread};
use crate::pg::function_guard::{Trusted, trusting};
use crate::pg::identity::with_settings;
use crate::pg::locks::{self, Locked, Mode};
use crate::pg::query::{Row, Snapshot, number, oid_array, scalar, select};
use crate::pg::readable;
use crate::pg::subtransaction::{Then, attempt};

const CHECK: &str = "tables";
/// Somebody who holds ACCESS EXCLUSIVE is not waited for: the table is said to be locked.
const PATIENCE: [(&str, &str); 1] = [("lock_timeout", "1s")];
/// Problems that verify_heapam() is asked for.
const MOST: usize = 100;

/// A table with storage, or an index of one.
struct Relation {
    oid: u32,
    name: String,
    /// Of the exported table: the root of its partitions.
    sheet: String,
    /// A btree index that amcheck can check.
    btree: bool,
    is_index: bool,
    /// Neither an expression nor a predicate, which would be somebody's code.
    plain: bool,
}

/// Reads tables up to `budget` bytes, in no fixed order: check after check comes around. A row for each relation that is not sound, and one
/// about the rest.
///
/// # Errors
/// The server's, where the tables cannot be found.
pub fn check(budget: u64, good: Option<&str>) -> Result<Vec<Finding>> {
    let amcheck = amcheck()?;
    let (mut findings, mut read, mut size, mut left_out, mut left_size) = (Vec::new(), 0u64, 0u64, 0u64, 0u64);
    for table in exported()? {
        let bytes = match attempt(Then::RollBack, || size_of(&table)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(told) => {
                findings.push(unreadable(&told).about(&table.name));
                continue;
            }
        };
        if size.saturating_add(bytes) > budget {
            (left_out, left_size) = (left_out + 1, left_size + bytes);
            continue;
        }
        (read, size) = (read + 1, size + bytes);
        findings.extend(check_one(&table, amcheck.as_deref(), good));
        match attempt(Then::RollBack, || indexes(&table)) {
            Ok(indexes) => {
                findings.extend(indexes.iter().filter_map(|index| check_one(index, amcheck.as_deref(), good)));
            }
            Err(told) => findings.push(failed(CHECK, &told).about(&table.name)),
        }
    }
    if findings.is_empty() {
        findings.push(summary(read, size, left_out, left_size, amcheck.is_some()));
    }
    Ok(findings)
}

fn summary(read: u64, size: u64, left_out: u64, left_size: u64, amcheck: bool) -> Finding {
    let how = if amcheck { ", checked by amcheck" } else { "; CREATE EXTENSION amcheck would find more" };
    let message = format!("{read} tables with their indexes are readable ({}{how})", bytes(size));
    if left_out == 0 {
        return Finding::ok(CHECK, message);
    }
    Finding::ok(CHECK, format!("{message}; {left_out} were not read ({})", bytes(left_size)))
        .next("SELECT * FROM paliad_backup.check_health(deep => true);")
}

/// What is wrong with one relation. Each is looked at in a subtransaction, which also gives its lock back.
fn check_one(relation: &Relation, amcheck: Option<&str>, good: Option<&str>) -> Option<Finding> {
    let looked = attempt(Then::RollBack, || {
        with_settings(&PATIENCE, || match (lock(relation)?, amcheck) {
            (false, _) => Ok(None),
            (true, Some(schema)) if relation.btree => by_bt_index_check(schema, relation).map(|()| None),
            (true, Some(schema)) if !relation.is_index => by_verify_heapam(schema, relation),
            (true, _) => readable::first_fault(Oid::from(relation.oid)),
        })
    });
    let finding = match looked {
        Ok(None) => return None,
        Ok(Some(fault)) => Finding::new(CHECK, Level::Critical, fault),
        Err(told) => unreadable(&told),
    };
    let finding = finding.about(&relation.name);
    Some(if finding.level == Level::Critical { repair(finding, relation, good) } else { finding })
}

/// What the server raised while it read.
fn unreadable(told: &Told) -> Finding {
    let level = unread(&told.sqlstate);
    let not = if level == Level::Critical { "" } else { "it was not read: " };
    Finding::new(CHECK, level, format!("{not}{} ({})", told.message, told.sqlstate))
}

/// An index is made anew; a table's rows come from the newest good backup, as a dry run until it is told to act. A checkpoint would read
/// what cannot be read.
fn repair(finding: Finding, relation: &Relation, good: Option<&str>) -> Finding {
    match good {
        _ if relation.is_index => finding.next(format!("REINDEX INDEX CONCURRENTLY {};", relation.name)),
        Some(good) => finding.next(format!(
            "SELECT * FROM paliad_backup.restore('{good}', sheets => ARRAY[{}], overwrite => true, checkpoint => false);",
            quote_literal(&relation.sheet)
        )),
        None => finding,
    }
}

/// False where the relation is gone.
fn lock(relation: &Relation) -> Result<bool> {
    match locks::lock_relation(Oid::from(relation.oid), Mode::AccessShare) {
        Locked::Held => Ok(true),
        Locked::Gone => Ok(false),
        Locked::TimedOut => Err(Error::LockNotAvailable { table: relation.name.clone() }),
    }
}

/// Size with indexes and values out of line.
fn size_of(table: &Relation) -> Result<Option<u64>> {
    with_settings(&PATIENCE, || {
        if !lock(table)? {
            return Ok(None);
        }
        let sql = "SELECT pg_catalog.pg_total_relation_size($1::oid)";
        let size = scalar(select(Snapshot::Latest, sql, &[Some(&table.oid.to_string())])?);
        Ok(size.and_then(|size| size.parse().ok()))
    })
}

/// The schema of amcheck, where it is installed and knows heaps.
fn amcheck() -> Result<Option<String>> {
    let schema = scalar(select(
        Snapshot::Latest,
        "SELECT n.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace \
         WHERE e.extname = 'amcheck' AND pg_catalog.to_regprocedure(pg_catalog.format( \
         '%I.verify_heapam(regclass, boolean, boolean, text, bigint, bigint)', n.nspname)) IS NOT NULL",
        &[],
    )?);
    Ok(schema.map(quote_identifier))
}

fn by_verify_heapam(schema: &str, table: &Relation) -> Result<Option<String>> {
    let sql = format!(
        "SELECT blkno, offnum, attnum, msg FROM {schema}.verify_heapam( \
         $1::oid::regclass, false, true, 'none'::text, NULL::bigint, NULL::bigint) LIMIT {MOST}"
    );
    let rows = guarded_select(&sql, table)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let place: Vec<String> = ["block", "line", "column"]
        .iter()
        .zip(first)
        .filter_map(|(what, value)| Some(format!("{what} {}", value.as_ref()?)))
        .collect();
    let message = first.get(3).cloned().flatten().unwrap_or_default();
    let more = match rows.len() {
        1 => String::new(),
        MOST => format!(", and more than {} other problems", MOST - 1),
        count => format!(", and {} more", count - 1),
    };
    Ok(Some(format!("{}: {message}{more}", place.join(", "))))
}

/// With the table's rows looked for in the index, where that calls nobody's code.
fn by_bt_index_check(schema: &str, index: &Relation) -> Result<()> {
    let sql = format!("SELECT {schema}.bt_index_check($1::oid::regclass, {})", index.plain);
    guarded_select(&sql, index).map(drop)
}

/// amcheck acts as the table's owner; while that is a superuser, nobody else's comparison functions may run.
fn guarded_select(sql: &str, relation: &Relation) -> Result<Vec<Row>> {
    trusting(Trusted::SuperusersForSuperusers, || select(Snapshot::Caller, sql, &[Some(&relation.oid.to_string())]))
}

/// The exported tables that have storage, in no fixed order.
fn exported() -> Result<Vec<Relation>> {
    let excluded = plan::forbidden(&registry::exclusions()?)?;
    let tables = plan::tables(&Settings::read()?, &registry::sheets()?)?;
    let roots: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let members = plan::members(&roots)?;
    let pairs: Vec<(u32, u32)> = members
        .iter()
        .flat_map(|(root, all)| all.iter().map(move |member| (*member, *root)))
        .filter(|(member, root)| !excluded.contains(member) && !excluded.contains(root))
        .collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname), rn.nspname || '.' || r.relname \
         FROM unnest($1::oid[], $2::oid[]) AS p (member, root) JOIN pg_catalog.pg_class AS c ON c.oid = p.member \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class AS r ON r.oid = p.root \
         JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace WHERE c.relkind = 'r' ORDER BY random()",
        &[Some(&oid_array(pairs.iter().map(|pair| pair.0))), Some(&oid_array(pairs.iter().map(|pair| pair.1)))],
    )?;
    let table = |row: Row| {
        let [oid, name, sheet] = <[Option<String>; 3]>::try_from(row).ok()?;
        let (name, sheet) = (name?, sheet?);
        Some(Relation { oid: number(&oid)?, name, sheet, btree: false, is_index: false, plain: false })
    };
    Ok(rows.into_iter().filter_map(table).collect())
}

/// A table's indexes that are in use.
fn indexes(table: &Relation) -> Result<Vec<Relation>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relam = (SELECT a.oid FROM pg_catalog.pg_am AS a WHERE a.amname = 'btree'), \
         i.indexprs IS NULL AND i.indpred IS NULL FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE i.indrelid = $1::oid AND i.indisvalid AND i.indisready AND c.relkind = 'i' ORDER BY c.oid",
        &[Some(&table.oid.to_string())],
    )?;
    let index = |row: Row| {
        let [oid, name, btree, plain] = <[Option<String>; 4]>::try_from(row).ok()?;
        Some(Relation {
            oid: number(&oid)?,
            name: name?,
            sheet: table.sheet.clone(),
            btree: btree.as_deref() == Some("t"),
            is_index: true,
            plain: plain.as_deref() == Some("t"),
        })
    };
    Ok(rows.into_iter().filter_map(index).collect())
}
