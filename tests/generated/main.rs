//! Generated schemas and data sets: csv equals COPY, json equals row_to_json, the workbook equals the oracle.
//!
//! A case is made of a seed; `PALIAD_BACKUP_SEED=0x1f` runs one case alone, `PALIAD_BACKUP_CASES=1000` the first 1,000 (instead of
//! 100).

#[path = "../support/compare.rs"]
mod compare;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/mod.rs"]
mod support;

mod case;
mod cases;
mod keys;
mod names;
mod rng;
mod scalars;
mod seeds;
mod setup;
mod tables;
mod types;
mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;

use case::{Case, FEATURES};
use cases::{assert_every_feature, assert_none_failed, in_databases};
use postgres::Client;
use runs::run;
use seeds::seeds;
use setup::SETUP;
use support::{Cluster, Database};

/// Cases in one process of the comparison.
const BATCH: usize = 10;

#[test]
fn generated_cases_are_exact() {
    let seeds = seeds();
    let found = in_databases(&seeds, work_in_a_database);
    let sum = |number: fn(&Found) -> usize| found.iter().map(number).sum::<usize>();
    let (sheets, rows) = (sum(|found| found.sheets), sum(|found| found.rows));
    println!("{} cases, {sheets} sheets, {rows} rows", seeds.len());
    let failures: Vec<(u64, String)> = found.into_iter().flat_map(|found| found.failures).collect();
    assert_none_failed("generated_cases_are_exact", seeds.len(), &failures, |seed| Case::of(seed).sql);
    assert!(seeds.len() == 1 || sheets > 2 * seeds.len() && rows > 10 * seeds.len(), "{sheets} sheets, {rows} rows");
}

#[test]
fn generated_cases_have_every_feature() {
    assert_every_feature(&FEATURES, |seed| {
        let case = Case::of(seed);
        (case.sql, case.features)
    });
}

/// What the comparison of some cases found.
#[derive(Default)]
struct Found {
    sheets: usize,
    rows: usize,
    /// Seeds, and what was wrong.
    failures: Vec<(u64, String)>,
}

fn work_in_a_database(seeds: &[u64]) -> Found {
    let database = Cluster::shared().database();
    database.connect().batch_execute(SETUP).expect("contrib is installed");
    let mut found = Found::default();
    for batch in seeds.chunks(BATCH) {
        let mut client = database.connect();
        let mut bundles = Vec::new();
        for seed in batch {
            let case = Case::of(*seed);
            match back_up(&mut client, &case) {
                Ok(bundle) => bundles.push((bundle, case)),
                Err(error) => found.failures.push((case.seed, error)),
            }
        }
        compare(&database, &bundles, &mut found);
    }
    found
}

/// Makes the case's schemas and a bundle of them alone; returns where it lies.
fn back_up(client: &mut Client, case: &Case) -> Result<PathBuf, String> {
    let told = |what: &str, error: postgres::Error| {
        let told = error.as_db_error().map_or(error.to_string(), |error| format!("{error:?}"));
        format!("{what}: {told}")
    };
    client.batch_execute("DELETE FROM paliad_backup.sheets").map_err(|error| told("registry", error))?;
    client.batch_execute(&case.sql).map_err(|error| told("the case's own SQL", error))?;
    client
        .execute("UPDATE paliad_backup.settings SET schemas = $1", &[&case.schemas])
        .map_err(|error| told("settings", error))?;
    let backup = run(client).map_err(|error| told("run()", error))?;
    let sheets: BTreeSet<(String, String)> = backup
        .manifest()
        .sheets
        .into_iter()
        .filter_map(|sheet| sheet.relation)
        .map(|of| (of.schema, of.table))
        .collect();
    let sql =
        "SELECT n.nspname::text, c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition";
    let rows = client.query(sql, &[&case.schemas]).map_err(|error| told("pg_class", error))?;
    let tables: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    if sheets != tables {
        return Err(format!("sheets {sheets:?} are not the tables {tables:?}"));
    }
    Ok(backup.path())
}

/// Compares bundles with the database.
fn compare(database: &Database<'_>, bundles: &[(PathBuf, Case)], found: &mut Found) {
    if bundles.is_empty() {
        return;
    }
    let paths: Vec<PathBuf> = bundles.iter().map(|(path, _)| path.clone()).collect();
    let output = compare::command(database, &paths).output().expect("the comparison can be started");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let complete = told.lines().last().is_some_and(|line| line.starts_with("compare: "));
    for (path, case) in bundles {
        let heading = format!("bundle {}\n", path.display());
        let section = told.split_once(&heading).map(|(_, after)| after.split("\nbundle /").next().unwrap_or_default());
        let lines = || section.unwrap_or_default().lines();
        let differences: Vec<&str> = lines().filter(|line| line.starts_with("DIFFERENCE")).take(5).collect();
        let rows: Vec<usize> = lines().filter_map(|line| line.rsplit_once(" rows=")?.1.parse().ok()).collect();
        found.sheets += rows.len();
        found.rows += rows.iter().sum::<usize>();
        if !complete || rows.is_empty() || !differences.is_empty() {
            found.failures.push((case.seed, format!("{}\n{errors}", differences.join("\n"))));
        }
    }
}
