//! What a dry run says is what the real run then does, errors included; and a dry run leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;

use crate::case::Case;
use crate::damage;
use crate::digest::Digest;
use crate::journey::{self, Sessions, Traveller, told};
use crate::restores::{Outcome, Restored, restore};
use crate::setup::SETUP;
use crate::support::{Cluster, sqlstate};

const CASES: u64 = 50;
/// Other cases than those of the round trips.
const FIRST: u64 = 0x10_0000;

/// How often which end was seen.
#[derive(Default, Debug)]
struct Seen {
    done: BTreeMap<bool, usize>,
    refused: BTreeMap<String, usize>,
}

#[test]
fn a_dry_run_tells_what_the_real_run_does() {
    let database = Cluster::shared().database();
    database.connect().batch_execute(&format!("{} {SETUP}", journey::owners())).expect("contrib is installed");
    let mut sessions = Sessions::of(&database);
    let mut seen = Seen::default();
    for seed in FIRST..FIRST + CASES {
        let case = Case::of(seed);
        let result = journey::build(&mut sessions, &case).and_then(|traveller| try_out(traveller, &mut seen));
        journey::remove(&mut sessions, &case).expect("schemas can be dropped");
        result.unwrap_or_else(|told| panic!("seed {seed:#x}: {told}"));
    }
    println!("{seen:?}");
    let refused: usize = seen.refused.values().sum();
    assert!(seen.done.values().all(|count| *count > 4) && seen.done.len() == 2, "{seen:?}");
    assert!(refused > 10 && seen.refused.len() > 2, "{seen:?}");
}

fn try_out(mut traveller: Traveller<'_>, seen: &mut Seen) -> Result<(), String> {
    let rng = &mut traveller.rng;
    let (overwrite, some, wrecked) = (rng.chance(50), rng.chance(60), rng.chance(50));
    let vandal = &mut traveller.sessions.vandal;
    if wrecked {
        damage::wreck(vandal, rng, traveller.case, &traveller.tables);
    } else {
        damage::work(vandal, rng, traveller.case, &traveller.tables, 200);
        damage::move_sequences(vandal, rng, traveller.case, |_| true);
    }
    let manifest = traveller.backup.manifest();
    let chosen: Vec<String> = manifest
        .sheets
        .iter()
        .filter(|sheet| {
            let keyed = !sheet.primary_key.is_empty();
            !some || if overwrite { rng.chance(60) } else { keyed && rng.chance(80) }
        })
        .map(|sheet| crate::names::literal(&sheet.name))
        .collect();
    let chosen = if chosen.is_empty() { "NULL".into() } else { format!("ARRAY[{}]", chosen.join(", ")) };
    let arguments = format!("sheets => {chosen}, overwrite => {overwrite}");

    let caller = &mut traveller.sessions.caller;
    let before = state(&mut traveller.sessions.reader, traveller.case);
    caller.batch_execute("BEGIN").map_err(|error| told("BEGIN", &error))?;
    let locks = locks(caller);
    let report = restore(caller, &traveller.backup.id, &arguments).map_err(|error| told("the dry run", &error))?;
    let left: Vec<String> = self::locks(caller).difference(&locks).cloned().collect();
    caller.batch_execute("COMMIT").map_err(|error| told("COMMIT", &error))?;
    let after = state(&mut traveller.sessions.reader, traveller.case);
    let changed: Vec<&String> = after.difference(&before).chain(before.difference(&after)).collect();
    if !changed.is_empty() || !left.is_empty() {
        return Err(format!("a dry run ({arguments}) has changed {changed:?}, and kept the locks {left:?}"));
    }

    let counts = Counts::of(&mut traveller);
    let real = restore(
        &mut traveller.sessions.caller,
        &traveller.backup.id,
        &format!("{arguments}, dry_run => false, checkpoint => false"),
    );
    match real {
        Ok(real) => {
            *seen.done.entry(overwrite).or_default() += 1;
            if !report.errors().is_empty() {
                return Err(format!("the dry run told {:?}, and the real run succeeded", report.errors()));
            }
            compare(&report, &real)?;
            counts.compare(&Counts::of(&mut traveller), &real, overwrite)
        }
        Err(error) => {
            *seen.refused.entry(sqlstate(&error).to_owned()).or_default() += 1;
            let raised = error.as_db_error().ok_or_else(|| error.to_string())?;
            let is_told = |told: &serde_json::Value| {
                told["sqlstate"] == sqlstate(&error)
                    && raised.message().contains(told["message"].as_str().unwrap_or("?"))
                    && (told["detail"].as_str() == raised.detail() || told["detail"].is_null())
            };
            if report.errors().iter().any(is_told) {
                return Ok(());
            }
            Err(format!("{}\nwas not told by the dry run: {:?}", told("the real run", &error), report.errors()))
        }
    }
}

/// Rows, constraints and triggers as ever, and besides each relation's file and each sequence's row.
fn state(reader: &mut Client, case: &Case) -> BTreeSet<String> {
    let mut state: BTreeSet<String> = Digest::of_schemas(reader, &case.schemas).facts().collect();
    let files = "SELECT c.oid::regclass || ' lies in ' || coalesce(pg_relation_filenode(c.oid)::text, 'nothing')
                 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1)";
    state.extend(reader.query(files, &[&case.schemas]).expect("connected").iter().map(|row| row.get::<_, String>(0)));
    for sequence in &case.sequences {
        let sql = format!("SELECT concat_ws(' ', 'sequence', last_value, is_called) FROM {}", sequence.name);
        let row: String = reader.query_one(&sql, &[]).expect("it is there").get(0);
        state.insert(format!("{} {row}", sequence.name));
    }
    state
}

/// Locks of the session on relations; on its own tables and on catalogs reading ones are no harm.
fn locks(client: &mut Client) -> BTreeSet<String> {
    let sql = "SELECT l.mode || ' on ' || c.oid::regclass FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
               WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                 AND (l.mode <> 'AccessShareLock' OR c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'paliad_backup'))";
    client.query(sql, &[]).expect("connected").iter().map(|row| row.get(0)).collect()
}

/// All but who and when.
fn compare(dry: &Restored, real: &Restored) -> Result<(), String> {
    let facts = |outcome: &Outcome| {
        (
            outcome.sheet.clone(),
            outcome.relation.clone(),
            outcome.action.clone(),
            outcome.restored,
            outcome.skipped,
            outcome.removed,
        )
    };
    let all = |report: &Restored| report.sheets.iter().chain([&report.total]).map(facts).collect::<Vec<_>>();
    let messages = |report: &Restored| report.sheets.iter().map(|outcome| outcome.message.clone()).collect::<Vec<_>>();
    if all(dry) == all(real) && messages(dry) == messages(real) {
        return Ok(());
    }
    Err(format!("the dry run told {dry:#?}\nthe real run did {real:#?}"))
}

/// Rows of each table by its name, quoted; counted without the extension.
struct Counts(BTreeMap<String, i64>);

impl Counts {
    fn of(traveller: &mut Traveller<'_>) -> Counts {
        let mut counts = BTreeMap::new();
        for table in &traveller.tables {
            let sql = format!(
                "SELECT count(*), {}::regclass::text FROM {} {}",
                crate::names::literal(&table.name),
                table.only,
                table.name
            );
            let row = traveller.sessions.reader.query_one(&sql, &[]).expect("it is there");
            counts.insert(row.get(1), row.get(0));
        }
        Counts(counts)
    }

    /// What is told of the sheets agrees with what is there.
    fn compare(&self, after: &Counts, real: &Restored, overwrite: bool) -> Result<(), String> {
        for outcome in real.sheets.iter().filter(|outcome| outcome.action == "restored") {
            let (restored, removed) = (outcome.restored.unwrap_or(-1), outcome.removed.unwrap_or(-1));
            let relation = outcome.relation.as_ref().ok_or("a sheet without a relation")?;
            let (was, is) = (self.0[relation], after.0[relation]);
            let agrees =
                if overwrite { (removed, restored) == (was, is) } else { (removed, was + restored) == (0, is) };
            if !agrees {
                return Err(format!("{relation} had {was} rows and has {is}, and {outcome:?} was told"));
            }
        }
        Ok(())
    }
}
