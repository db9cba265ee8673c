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

#[path = "../generated/cases.rs"]
mod cases;
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

use case::{Case, FEATURES};
use cases::{assert_every_feature, assert_none_failed, in_databases};
use journey::{Journey, Sessions};
use seeds::seeds;
use setup::SETUP;
use support::Cluster;

#[test]
fn what_is_exported_comes_back() {
    let seeds = seeds();
    let travelled: Vec<(u64, Result<Journey, String>)> =
        in_databases(&seeds, travel_in_a_database).into_iter().flatten().collect();
    let sum = |number: fn(&Journey) -> usize| {
        travelled.iter().filter_map(|(_, journey)| journey.as_ref().ok()).map(number).sum::<usize>()
    };
    let (tables, damaged) = (sum(|journey| journey.tables), sum(|journey| journey.damaged));
    let filled_in = sum(|journey| journey.filled_in as usize);
    println!("{} cases, {tables} tables, {damaged} facts changed, {filled_in} rows filled in", seeds.len());
    let failures: Vec<(u64, String)> =
        travelled.into_iter().filter_map(|(seed, journey)| Some((seed, journey.err()?))).collect();
    assert_none_failed("what_is_exported_comes_back", seeds.len(), &failures, |seed| Case::of(seed).sql.join(";\n"));
    let enough = tables > 4 * seeds.len() && damaged > 4 * seeds.len() && filled_in > 4 * seeds.len();
    assert!(seeds.len() == 1 || enough, "{tables} tables, {damaged} facts changed, {filled_in} rows filled in");
}

fn travel_in_a_database(seeds: &[u64]) -> Vec<(u64, Result<Journey, String>)> {
    let database = Cluster::shared().database();
    database.connect().batch_execute(&format!("{} {SETUP}", journey::owners())).expect("contrib is installed");
    let mut sessions = Sessions::of(&database);
    seeds.iter().map(|seed| (*seed, journey::travel(&mut sessions, &Case::of(*seed)))).collect()
}

#[test]
fn round_trip_cases_have_every_feature() {
    assert_every_feature(&FEATURES, |seed| {
        let case = Case::of(seed);
        (case.sql, case.features)
    });
}
