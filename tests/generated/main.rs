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
mod keys;
mod names;
mod rng;
mod scalars;
mod seeds;
mod setup;
mod tables;
mod types;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use case::{Case, FEATURES};
use postgres::Client;
use runs::run;
use seeds::seeds;
use setup::SETUP;
use support::{Cluster, Database};

/// Cases in one process of the comparison.
const BATCH: usize = 10;
/// Catalogs that grow make each case slower.
const PER_DATABASE: usize = 50;

#[test]
fn generated_cases_are_exact() {
    let seeds = seeds();
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(4)).min(seeds.len());
    let found: Vec<Found> = std::thread::scope(|scope| {
        let shares = seeds.chunks(seeds.len().div_ceil(workers));
        let threads: Vec<_> = shares
            .map(|share| scope.spawn(|| share.chunks(PER_DATABASE).map(work_in_a_database).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a failing case is told, not panicked")).collect()
    });
    let sum = |number: fn(&Found) -> usize| found.iter().map(number).sum::<usize>();
    let (sheets, rows) = (sum(|found| found.sheets), sum(|found| found.rows));
    println!("{} cases, {sheets} sheets, {rows} rows", seeds.len());
    let failures: Vec<&(u64, String)> = found.iter().flat_map(|found| &found.failures).collect();
    let failed: Vec<String> = failures.iter().map(|(seed, _)| format!("{seed:#x}")).collect();
    // A bug that is everywhere needs no hundred reports.
    let told: Vec<&str> = failures.iter().take(5).map(|(_, told)| told.as_str()).collect();
    assert!(failures.is_empty(), "of {} cases failed: {}\n\n{}", seeds.len(), failed.join(" "), told.join("\n"));
    assert!(seeds.len() == 1 || sheets > 2 * seeds.len() && rows > 10 * seeds.len(), "{sheets} sheets, {rows} rows");
}

/// What the hundred cases hold, or a change of the generator could make them test little.
#[test]
fn generated_cases_have_every_feature() {
    let mut found: HashMap<&str, usize> = HashMap::new();
    for seed in 1..=100 {
        let case = Case::of(seed);
        assert!(case.sql == Case::of(seed).sql, "seed {seed:#x} makes two scripts");
        case.features.iter().for_each(|feature| *found.entry(feature).or_default() += 1);
    }
    let rare: Vec<&&str> =
        FEATURES.iter().filter(|feature| found.get(*feature).is_none_or(|count| *count < 3)).collect();
    assert!(rare.is_empty() && found.len() == FEATURES.len(), "{rare:?} in {found:?}");
}

/// What the comparison of some cases found.
#[derive(Default)]
struct Found {
    sheets: usize,
    rows: usize,
    /// Seeds, and what to tell about each.
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
                Err(error) => found.failures.push((case.seed, failure(&case, &error))),
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
            let told = format!("{}\n{errors}", differences.join("\n"));
            found.failures.push((case.seed, failure(case, &told)));
        }
    }
}

/// How to see it again.
fn failure(case: &Case, what: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    let script = folder.join(format!("{:#x}.sql", case.seed));
    std::fs::create_dir_all(&folder).expect("target/tmp can be written");
    std::fs::write(&script, format!("{};\n", case.sql)).expect("target/tmp can be written");
    let rerun = format!("PALIAD_BACKUP_SEED={:#x} make test SUITE=client FILTER=generated_cases_are_exact", case.seed);
    format!("seed {:#x}: rerun with {rerun}\nits SQL: {}\n{}\n", case.seed, script.display(), what.trim_end())
}
