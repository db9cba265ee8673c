//! Many cases: they run in threads, those that fail are told, and together they must hold every feature.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Catalogs that grow make each case slower.
const PER_DATABASE: usize = 50;

/// Has all seeds worked on, in several threads; `work` makes a database for those that it gets.
pub fn in_databases<T: Send>(seeds: &[u64], work: impl Fn(&[u64]) -> T + Sync) -> Vec<T> {
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(4)).min(seeds.len());
    let work = &work;
    std::thread::scope(|scope| {
        let shares = seeds.chunks(seeds.len().div_ceil(workers));
        let threads: Vec<_> =
            shares.map(|share| scope.spawn(move || share.chunks(PER_DATABASE).map(work).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a failing case is told, not panicked")).collect()
    })
}

/// Fails where there are failures: seeds, and what was wrong. `sql` is the script of a seed's case.
pub fn assert_none_failed(test: &str, cases: usize, failures: &[(u64, String)], sql: impl Fn(u64) -> String) {
    let failed: Vec<String> = failures.iter().map(|(seed, _)| format!("{seed:#x}")).collect();
    // A bug that is everywhere needs no hundred reports.
    let told: Vec<String> =
        failures.iter().take(5).map(|(seed, what)| report(test, *seed, &sql(*seed), what)).collect();
    assert!(failures.is_empty(), "of {cases} cases failed: {}\n\n{}", failed.join(" "), told.join("\n"));
}

/// How to see it again.
fn report(test: &str, seed: u64, sql: &str, what: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    let script = folder.join(format!("{seed:#x}.sql"));
    std::fs::create_dir_all(&folder).expect("target/tmp can be written");
    std::fs::write(&script, format!("{sql};\n")).expect("target/tmp can be written");
    let rerun = format!("PALIAD_BACKUP_SEED={seed:#x} make test SUITE=client FILTER={test}");
    format!("seed {seed:#x}: rerun with {rerun}\nits SQL: {}\n{}\n", script.display(), what.trim_end())
}

/// Fails unless the first hundred cases have these features and no others, or a change of the generator could make them test little.
/// `case` gives a seed's script, always the same, and what it has.
pub fn assert_every_feature<S: PartialEq>(features: &[&str], case: impl Fn(u64) -> (S, BTreeSet<&'static str>)) {
    let mut found: HashMap<&str, usize> = HashMap::new();
    for seed in 1..=100 {
        let (sql, has) = case(seed);
        assert!(sql == case(seed).0, "seed {seed:#x} makes two scripts");
        has.into_iter().for_each(|feature| *found.entry(feature).or_default() += 1);
    }
    let is_rare = |feature: &&&str| found.get(**feature).is_none_or(|count| *count < 3);
    let rare: Vec<&&str> = features.iter().filter(is_rare).collect();
    assert!(rare.is_empty() && found.len() == features.len(), "{rare:?} in {found:?}");
}
