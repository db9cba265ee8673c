//! Verdicts against an oracle and by their laws, over histories made at random.

mod oracle;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

const HOUR: Moment = DAY / 24;

/// 100,000 histories by `make test-long`.
fn histories() -> Config {
    let long = std::env::var("PALIAD_BACKUP_TEST_LONG").is_ok_and(|value| value == "1");
    Config { cases: if long { 100_000 } else { 2_000 }, failure_persistence: None, ..Config::default() }
}

/// A moment in the 2020s, and a history around it.
fn now_and_history() -> impl Strategy<Value = (Moment, Vec<Backup>)> {
    let now = (18_262 * 24..22_000i64 * 24).prop_map(|hour| hour * HOUR);
    (now, prop::collection::vec(backup(), 0..25)).prop_map(|(now, mut backups)| {
        for (index, backup) in backups.iter_mut().enumerate() {
            // Ids are different, and their order is none of anything.
            backup.id = Uuid::from_u128(backup.id.as_u128() << 8 | index as u128);
            backup.started_at += now;
        }
        (now, backups)
    })
}

/// Its start is told from now.
fn backup() -> impl Strategy<Value = Backup> {
    // Whole hours, so that many fall together, or at a period's first moment; the clock may have been ahead.
    let ago = prop_oneof![
        4 => -48..=72i64,
        4 => (0..=24i64).prop_map(|quarters| quarters * 6),
        3 => 0..=24 * 70i64,
        2 => 0..=24 * 800i64,
        1 => 0..=24 * 4_000i64,
    ];
    let kind = prop_oneof![3 => Just(Kind::OnDemand), 3 => Just(Kind::Scheduled), 2 => Just(Kind::Checkpoint)];
    let standing = prop_oneof![
        12 => Just(Standing::Good),
        3 => Just(Standing::Doubtful),
        1 => Just(Standing::Running),
        2 => Just(Standing::Failed),
        1 => Just(Standing::Imported),
        1 => Just(Standing::Elsewhere),
    ];
    let series = prop_oneof![5 => Just("full"), 1 => Just("config")];
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (any::<u64>(), kind, series, standing, flags, ago).prop_map(
        |(id, kind, series, standing, (pinned, guards_open_restore), ago)| Backup {
            id: Uuid::from_u128(u128::from(id % 16)),
            kind,
            series: series.to_owned(),
            standing,
            pinned,
            guards_open_restore: guards_open_restore && kind == Kind::Checkpoint,
            started_at: -ago * HOUR,
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    // Also what an i64 of microseconds cannot hold, and the most that a column can.
    let extreme = || prop_oneof![Just(106_751_991u32), Just(106_751_992), Just(213_503_983), Just(i32::MAX as u32)];
    let number = || prop::option::weighted(0.4, prop_oneof![30 => 1..6u32, 1 => extreme()]);
    let days = prop::option::weighted(0.4, prop_oneof![9 => 1..60u32, 1 => extreme()]);
    (number(), days, number(), number(), number(), number(), number(), 0..4u32).prop_map(
        |(
            retention_count,
            retention_days,
            keep_daily,
            keep_weekly,
            keep_monthly,
            keep_yearly,
            checkpoint_count,
            least,
        )| {
            Policy {
                retention_count,
                retention_days,
                keep_daily,
                keep_weekly,
                keep_monthly,
                keep_yearly,
                checkpoint_count,
                minimum_redundancy: least,
            }
        },
    )
}

/// Those that stay.
fn kept(backups: &[Backup], policy: &Policy, now: Moment) -> Vec<Backup> {
    let verdicts = select(backups, policy, now);
    assert!(verdicts.iter().map(|(id, _)| id).eq(backups.iter().map(|backup| &backup.id)), "a verdict for each");
    let stays = backups.iter().zip(verdicts).filter(|(_, (_, verdict))| matches!(verdict, Verdict::Keep(_)));
    stays.map(|(backup, _)| backup.clone()).collect()
}

fn ids(backups: &[Backup]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = backups.iter().map(|backup| backup.id).collect();
    ids.sort();
    ids
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn verdicts_are_those_of_the_oracle((now, backups) in now_and_history(), policy in policy()) {
        let expected: Vec<Uuid> =
            backups.iter().filter(|backup| oracle::keeps(&backups, backup, &policy, now)).map(|backup| backup.id).collect();
        let found: Vec<Uuid> = kept(&backups, &policy, now).iter().map(|backup| backup.id).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn automatic_verdicts_are_those_of_the_oracle((now, backups) in now_and_history(), policy in policy()) {
        let automatic = backups.iter().filter(|backup| backup.kind == Kind::Scheduled);
        let expected: Vec<(Uuid, bool)> =
            automatic.map(|backup| (backup.id, oracle::keeps_automatic(&backups, backup, &policy, now))).collect();
        let found = all_but_newest_automatic(&backups, &policy, now);
        let found: Vec<(Uuid, bool)> =
            found.into_iter().map(|(id, verdict)| (id, matches!(verdict, Verdict::Keep(_)))).collect();
        prop_assert_eq!(found, expected);
    }

    /// Pinned, running, imported, out of reach, guarding, in the future; and as many of the last good ones as are to be there.
    #[test]
    fn what_is_protected_stays((now, backups) in now_and_history(), policy in policy()) {
        let stays = ids(&kept(&backups, &policy, now));
        for backup in backups.iter().filter(|backup| oracle::protected(backup, now)) {
            prop_assert!(stays.contains(&backup.id), "{backup:?}");
        }
        let mut good: Vec<&Backup> = backups.iter()
            .filter(|backup| backup.standing == Standing::Good && backup.kind != Kind::Checkpoint && backup.started_at <= now)
            .filter(|backup| backup.series == "full")
            .collect();
        good.sort_by(|a, b| b.started_at.cmp(&a.started_at).then(a.id.cmp(&b.id)));
        for backup in good.iter().take(policy.minimum_redundancy as usize) {
            prop_assert!(stays.contains(&backup.id), "{backup:?}");
        }
    }

    #[test]
    fn what_stays_stays_when_the_rest_has_gone((now, backups) in now_and_history(), policy in policy()) {
        let once = kept(&backups, &policy, now);
        prop_assert_eq!(ids(&kept(&once, &policy, now)), ids(&once));
    }

    /// Where a rule has a number, a greater one; where it has none, and another rule has, any.
    #[test]
    fn a_more_generous_policy_keeps_all_that_a_stricter_one_does(
        (now, backups) in now_and_history(), strict in policy(), more in prop::collection::vec(0..3u32, 8),
    ) {
        let unused = strict.rules(Kind::OnDemand).is_empty();
        let add = |number: Option<u32>, more: u32| number.map(|number| number + more).or((more > 0 && !unused).then_some(more));
        let generous = Policy {
            retention_count: add(strict.retention_count, more[0]),
            retention_days: add(strict.retention_days, more[1]),
            keep_daily: add(strict.keep_daily, more[2]),
            keep_weekly: add(strict.keep_weekly, more[3]),
            keep_monthly: add(strict.keep_monthly, more[4]),
            keep_yearly: add(strict.keep_yearly, more[5]),
            checkpoint_count: strict.checkpoint_count.map(|number| number + more[6]),
            minimum_redundancy: strict.minimum_redundancy + more[7],
        };
        let stays = ids(&kept(&backups, &generous, now));
        for backup in kept(&backups, &strict, now) {
            prop_assert!(stays.contains(&backup.id), "{backup:?} is kept by {strict:?} and not by {generous:?}");
        }
    }

    /// Failed, damaged, missing, imported, unfinished ones and those of the future push nothing out.
    #[test]
    fn what_is_not_good_takes_no_place((now, backups) in now_and_history(), policy in policy()) {
        let counts = |backup: &&Backup| backup.standing == Standing::Good && backup.started_at <= now;
        let good: Vec<Backup> = backups.iter().filter(counts).cloned().collect();
        let stays: Vec<Backup> = kept(&backups, &policy, now).iter().filter(counts).cloned().collect();
        prop_assert_eq!(ids(&stays), ids(&kept(&good, &policy, now)));
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter((now, backups) in now_and_history(), policy in policy()) {
        let mut reversed = backups.clone();
        reversed.reverse();
        prop_assert_eq!(ids(&kept(&reversed, &policy, now)), ids(&kept(&backups, &policy, now)));
    }

    #[test]
    fn without_a_rule_nothing_goes((now, backups) in now_and_history(), minimum_redundancy in 0..4u32) {
        let policy = Policy { minimum_redundancy, ..Policy::default() };
        prop_assert_eq!(ids(&kept(&backups, &policy, now)), ids(&backups));
    }
}

/// Every day from 1887 to 2112, at its first and last microsecond.
#[test]
fn periods_are_those_of_the_calendar() {
    for day in -30_000..52_000 {
        for moment in [day * DAY, (day + 1) * DAY - 1] {
            let date = oracle::date(moment);
            assert_eq!(Period::Day.number(moment), day);
            assert_eq!(Period::Week.number(moment) * 7 - 3, date.monday);
            assert_eq!(Period::Month.number(moment), date.year * 12 + date.month - 1, "{date:?}");
            assert_eq!(Period::Year.number(moment), date.year);
        }
    }
}

/// Backups of everything, this many hours old, all good.
fn hourly(ages: impl IntoIterator<Item = i64>, now: Moment) -> Vec<Backup> {
    let backup = |(index, age): (usize, i64)| Backup {
        id: Uuid::from_u128(index as u128),
        kind: Kind::OnDemand,
        series: "full".into(),
        standing: Standing::Good,
        pinned: false,
        guards_open_restore: false,
        started_at: now - age * HOUR,
    };
    ages.into_iter().enumerate().map(backup).collect()
}

/// 2026-11-21, a Saturday, at noon.
const NOON: Moment = 20_778 * DAY + 12 * HOUR;

/// Index and reason of those that a policy keeps.
fn reasons(backups: &[Backup], policy: &Policy) -> Vec<(usize, String)> {
    let verdicts = select(backups, policy, NOON).into_iter().enumerate();
    verdicts
        .filter(|(_, (_, verdict))| matches!(verdict, Verdict::Keep(_)))
        .map(|(i, (_, v))| (i, v.to_string()))
        .collect()
}

#[test]
fn the_eleventh_goes() {
    let policy = Policy { retention_count: Some(10), minimum_redundancy: 1, ..Policy::default() };
    let verdicts = select(&hourly(0..11, NOON), &policy, NOON);
    assert_eq!(verdicts[9].1, Verdict::Keep(Rule::RetentionCount(10)));
    assert_eq!(verdicts[10].1.to_string(), "not kept by retention_count 10");
}

#[test]
fn each_period_keeps_its_newest() {
    // Today at noon and at 11, yesterday, last Sunday (another week), in October twice, and last year.
    let backups = hourly([0, 1, 24, 24 * 6, 24 * 30, 24 * 31, 24 * 400], NOON);
    let kept = |policy: Policy| reasons(&backups, &policy).iter().map(|(index, _)| *index).collect::<Vec<_>>();
    assert_eq!(kept(Policy { keep_daily: Some(3), ..Policy::default() }), [0, 2, 3]);
    assert_eq!(kept(Policy { keep_weekly: Some(2), ..Policy::default() }), [0, 3]);
    assert_eq!(kept(Policy { keep_monthly: Some(2), ..Policy::default() }), [0, 4]);
    assert_eq!(kept(Policy { keep_yearly: Some(5), ..Policy::default() }), [0, 6]);
    assert_eq!(kept(Policy { retention_days: Some(1), ..Policy::default() }), [0, 1, 2]);
    let both = Policy { keep_daily: Some(1), keep_yearly: Some(2), ..Policy::default() };
    assert_eq!(reasons(&backups, &both), [(0, "keep_daily 1".into()), (6, "keep_yearly 2".into())]);
}

#[test]
fn however_many_days_are_kept_none_is_too_many() {
    for days in [36_500, 106_751_992, 213_503_983, u32::MAX] {
        let policy = Policy { retention_days: Some(days), ..Policy::default() };
        assert_eq!(reasons(&hourly([0, 24 * 400], NOON), &policy).len(), 2, "{days}");
    }
}

/// Nothing was backed up for a year, or the clock says so.
#[test]
fn days_are_counted_from_the_newest_good_backup() {
    let policy = Policy { retention_days: Some(2), minimum_redundancy: 0, ..Policy::default() };
    let kept = |backups: &[Backup]| reasons(backups, &policy).iter().map(|(index, _)| *index).collect::<Vec<_>>();
    let year = 24 * 365;
    let mut backups = hourly([year, year + 24, year + 48, year + 49], NOON);
    assert_eq!(kept(&backups), [0, 1, 2]);
    // What is not good is no beginning, and a checkpoint is none for backups.
    backups[0].standing = Standing::Doubtful;
    assert_eq!(kept(&backups), [0, 1, 2, 3]);
    backups[0] = Backup { kind: Kind::Checkpoint, standing: Standing::Good, ..backups[0].clone() };
    assert_eq!(kept(&backups), [0, 1, 2, 3]);
}

/// The clock was ahead, or is behind.
#[test]
fn a_start_in_the_future_neither_takes_a_place_nor_costs_one() {
    let policy = Policy { retention_count: Some(1), minimum_redundancy: 1, ..Policy::default() };
    let future = "its start lies in the future".to_owned();
    let kept = reasons(&hourly([-1_000, -1, 0, 1], NOON), &policy);
    assert_eq!(kept, [(0, future.clone()), (1, future), (2, "retention_count 1".into())]);
}

#[test]
fn a_damaged_backup_is_not_removed_for_being_damaged() {
    let policy = Policy { retention_count: Some(2), ..Policy::default() };
    let mut backups = hourly(0..5, NOON);
    backups[0].standing = Standing::Doubtful;
    backups[2].standing = Standing::Doubtful;
    // The second would be among the newest two, were it good; and the good ones have two places in spite of it.
    let kept: Vec<usize> = reasons(&backups, &policy).into_iter().map(|(index, _)| index).collect();
    assert_eq!(kept, [0, 1, 2, 3]);
}
