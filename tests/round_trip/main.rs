//! Generated schemas: what is exported comes back, whatever has happened to the tables meanwhile.
//!
//! A case is made of a seed, as in tests/generated; `PALIAD_BACKUP_SEED=0x1f` runs one case alone, `PALIAD_BACKUP_CASES=1000` the
//! first 1,000 (instead of 100).

#[path = "../support/definitions.rs"]
mod definitions;
#[path = "../support/digest.rs"]
mod digest;
#[path = "../support/restores.rs"]
mod restores;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/mod.rs"]
mod support;

#[path = "../generated/keys.rs"]
mod keys;
#[path = "../generated/names.rs"]
mod names;
#[path = "../generated/rng.rs"]
mod rng;
#[path = "../generated/scalars.rs"]
mod scalars;
#[path = "../generated/seeds.rs"]
mod seeds;
#[path = "../generated/setup.rs"]
mod setup;
#[path = "../generated/tables.rs"]
mod tables;
#[path = "../generated/types.rs"]
mod types;
#[path = "../generated/values.rs"]
mod values;

mod behaviour;
mod case;
mod damage;
mod dry_run;
mod extras;
mod journey;
mod linked;
mod references;
mod rows;
mod sequences;

use std::collections::HashMap;
use std::path::Path;

use case::{Case, FEATURES};
use journey::{Journey, Sessions};
use seeds::seeds;
use setup::SETUP;
use support::Cluster;

/// Catalogs that grow make each case slower.
const PER_DATABASE: usize = 50;

#[test]
fn what_is_exported_comes_back() {
    let seeds = seeds();
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(4)).min(seeds.len());
    let travelled: Vec<(u64, Result<Journey, String>)> = std::thread::scope(|scope| {
        let shares = seeds.chunks(seeds.len().div_ceil(workers));
        let threads: Vec<_> = shares
            .map(|share| scope.spawn(|| share.chunks(PER_DATABASE).flat_map(travel_in_a_database).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a failing case is told, not panicked")).collect()
    });
    let sum = |number: fn(&Journey) -> usize| {
        travelled.iter().filter_map(|(_, journey)| journey.as_ref().ok()).map(number).sum::<usize>()
    };
    let (tables, damaged) = (sum(|journey| journey.tables), sum(|journey| journey.damaged));
    let filled_in = sum(|journey| journey.filled_in as usize);
    println!("{} cases, {tables} tables, {damaged} facts changed, {filled_in} rows filled in", seeds.len());
    let failures: Vec<(u64, &String)> =
        travelled.iter().filter_map(|(seed, journey)| Some((*seed, journey.as_ref().err()?))).collect();
    let failed: Vec<String> = failures.iter().map(|(seed, _)| format!("{seed:#x}")).collect();
    // A bug that is everywhere needs no hundred reports.
    let told: Vec<String> = failures.iter().take(5).map(|(seed, told)| failure(*seed, told)).collect();
    assert!(failures.is_empty(), "of {} cases failed: {}\n\n{}", seeds.len(), failed.join(" "), told.join("\n"));
    let enough = tables > 4 * seeds.len() && damaged > 4 * seeds.len() && filled_in > 4 * seeds.len();
    assert!(seeds.len() == 1 || enough, "{tables} tables, {damaged} facts changed, {filled_in} rows filled in");
}

fn travel_in_a_database(seeds: &[u64]) -> Vec<(u64, Result<Journey, String>)> {
    let database = Cluster::shared().database();
    database.connect().batch_execute(&format!("{} {SETUP}", journey::owners())).expect("contrib is installed");
    let mut sessions = Sessions::of(&database);
    seeds.iter().map(|seed| (*seed, journey::travel(&mut sessions, &Case::of(*seed)))).collect()
}

/// How to see it again.
fn failure(seed: u64, what: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("round_trip");
    let script = folder.join(format!("{seed:#x}.sql"));
    std::fs::create_dir_all(&folder).expect("target/tmp can be written");
    std::fs::write(&script, format!("{};\n", Case::of(seed).sql.join(";\n"))).expect("target/tmp can be written");
    let rerun = format!("PALIAD_BACKUP_SEED={seed:#x} make test SUITE=client FILTER=what_is_exported_comes_back");
    format!("seed {seed:#x}: rerun with {rerun}\nits SQL: {}\n{}\n", script.display(), what.trim_end())
}

/// What the hundred cases hold, or a change of the generator could make them test little.
#[test]
fn round_trip_cases_have_every_feature() {
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
