//! Whether the exported tables and their indexes can be read, page by page.
//!
//! amcheck finds more, and is never called: on damaged pages it can take the server down, and it runs operator classes' functions.

use pgrx::pg_sys::Oid;
use pgrx::spi::quote_literal;

use super::failed;
use crate::catalog::registry;
use crate::catalog::settings::Settings;
use crate::command::plan;
use crate::error::{Error, Result, Told};
use crate::health::{Finding, Level, bytes, unread};
use crate::pg::identity::with_settings;
use crate::pg::locks::{self, Locked, Mode};
use crate::pg::query::{Row, Snapshot, number, oid_array, scalar, select};
use crate::pg::readable;
use crate::pg::subtransaction::{Then, attempt};

const CHECK: &str = "tables";
/// Somebody who holds ACCESS EXCLUSIVE is not waited for: the table is said to be locked.
const PATIENCE: [(&str, &str); 1] = [("lock_timeout", "1s")];

/// A table with storage, or an index of one.
struct Relation {
    oid: u32,
    name: String,
    /// Of the exported table: the root of its partitions.
    sheet: String,
    is_index: bool,
}

/// Reads tables up to `budget` bytes, in no fixed order: check after check comes around. A row for each relation that is not sound, and one
/// about the rest.
///
/// # Errors
/// The server's, where the tables cannot be found.
pub fn check(budget: u64, good: Option<&str>) -> Result<Vec<Finding>> {
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
        findings.extend(check_one(&table, good));
        match attempt(Then::RollBack, || indexes(&table)) {
            Ok(indexes) => findings.extend(indexes.iter().filter_map(|index| check_one(index, good))),
            Err(told) => findings.push(failed(CHECK, &told).about(&table.name)),
        }
    }
    if findings.is_empty() {
        findings.push(summary(read, size, left_out, left_size));
    }
    Ok(findings)
}

fn summary(read: u64, size: u64, left_out: u64, left_size: u64) -> Finding {
    let message = format!("{read} tables with their indexes are readable ({})", bytes(size));
    if left_out == 0 {
        return Finding::ok(CHECK, message);
    }
    Finding::ok(CHECK, format!("{message}; {left_out} were not read ({})", bytes(left_size)))
        .next("SELECT * FROM paliad_backup.check_health(deep => true);")
}

/// What is wrong with one relation. Each is looked at in a subtransaction, which also gives its lock back.
fn check_one(relation: &Relation, good: Option<&str>) -> Option<Finding> {
    let looked = attempt(Then::RollBack, || {
        with_settings(&PATIENCE, || {
            if lock(relation)? { readable::first_fault(Oid::from(relation.oid)) } else { Ok(None) }
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
        Some(Relation { oid: number(&oid)?, name, sheet, is_index: false })
    };
    Ok(rows.into_iter().filter_map(table).collect())
}

/// The indexes in use of a table and of its values out of line.
fn indexes(table: &Relation) -> Result<Vec<Relation>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS t \
         JOIN pg_catalog.pg_index AS i ON i.indrelid IN (t.oid, t.reltoastrelid) \
         JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE t.oid = $1::oid AND i.indisvalid AND i.indisready AND c.relkind = 'i' ORDER BY c.oid",
        &[Some(&table.oid.to_string())],
    )?;
    let index = |row: Row| {
        let [oid, name] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some(Relation { oid: number(&oid)?, name: name?, sheet: table.sheet.clone(), is_index: true })
    };
    Ok(rows.into_iter().filter_map(index).collect())
}
