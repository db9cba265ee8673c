//! S7: the backend or its recorder is terminated; and what happens when the last word can't be recorded.

use super::cancel::Random;
use super::state::{
    assert_settled, assert_whole, create_table, files, run, run_beside, runs, wait_for_phase, wait_until_recorded,
};
use crate::runs::reconcile;
use crate::support::{Cluster, sqlstate, wait_for};

#[test]
fn s7_terminated_mid_run() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    create_table(&mut client, 300_000);
    for (number, phase) in ["scan", "seal"].into_iter().enumerate() {
        let (pid, thread) = run_beside(cluster, &database);
        wait_for_phase(&mut client, phase);
        client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
        let (result, _) = thread.join().unwrap();
        assert_terminated(&result.unwrap_err());
        wait_until_recorded(&mut client);
        let failed = assert_settled(&database, &mut client).swap_remove(number);
        assert_eq!((failed.status.as_str(), failed.event.as_deref()), ("failed", Some("backup_failed")));
        assert!(failed.error.unwrap().starts_with("interrupted: "));
        assert_eq!(failed.error_code.as_deref(), Some("57P01"));
    }
    run(&mut client).expect("the next run finds the lock free");
    assert_settled(&database, &mut client);
}

/// The moments between the rename and the row's 'done' are among them; a crash of a thread would end this session too.
#[test]
fn s7_terminated_at_random_moments() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    create_table(&mut client, 5_000);
    run(&mut client).unwrap();
    let begin = std::time::Instant::now();
    run(&mut client).unwrap();
    let whole = begin.elapsed();
    let mut random = Random::seeded();
    for moment in 0..25 {
        let delay = whole.mul_f64(1.1 * random.fraction());
        let (pid, thread) = run_beside(cluster, &database);
        std::thread::sleep(delay);
        client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
        let (result, _) = thread.join().unwrap();
        if let Err(error) = result {
            assert_terminated(&error);
        }
        // At once: it waits for the recorder's last word.
        run(&mut client).unwrap_or_else(|error| panic!("after moment {moment}, {delay:?}: {error:?}"));
        assert_settled(&database, &mut client);
    }
}

#[test]
fn s7_a_recorder_that_is_cancelled_or_terminated_records_all_the_same() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    create_table(&mut client, 300_000);
    for function in ["pg_cancel_backend", "pg_terminate_backend"] {
        let (_, thread) = run_beside(cluster, &database);
        wait_for_phase(&mut client, "scan");
        let sql = format!("SELECT {function}(recorder_pid) FROM paliad_backup.run_progress");
        assert!(client.query_one(&sql, &[]).unwrap().get::<_, bool>(0), "the recorder was there");
        thread.join().unwrap().0.unwrap_or_else(|error| panic!("{function}: {error:?}"));
    }
    let runs = assert_settled(&database, &mut client);
    assert!(runs.iter().all(|run| run.status == "done"), "{runs:?}");
}

/// The bundle is in place, and somebody locks the catalog: the run can't say so, and the bundle must not be lost for it.
#[test]
fn d13_a_bundle_whose_last_word_was_refused_is_found_by_the_next_reconcile() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    create_table(&mut client, 100_000);
    let (_, thread) = run_beside(cluster, &database);
    wait_for_phase(&mut client, "scan");
    let mut locker = database.connect();
    let mut lock = locker.transaction().unwrap();
    lock.batch_execute("LOCK TABLE paliad_backup.backups IN SHARE MODE").unwrap();
    let (result, _) = thread.join().unwrap();
    assert_eq!(sqlstate(&result.unwrap_err()), "55P03");
    lock.rollback().unwrap();

    let left = runs(&mut client).swap_remove(0);
    assert_eq!(left.status, "running");
    assert_eq!(files(&database), [format!("{}.zip", left.id)]);
    assert_eq!(reconcile(&mut client), [(left.id, "done".to_owned())]);
    let runs = assert_settled(&database, &mut client);
    assert_whole(&database, &runs[0]);
}

/// A refusal names the run; a lock that changes hands is waited for.
#[test]
fn s5_the_second_run_is_refused_while_the_first_lives_and_not_a_moment_longer() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    create_table(&mut client, 300_000);
    let (pid, thread) = run_beside(cluster, &database);
    wait_for("the lock is taken", || {
        let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND objsubid = 1 AND database = \
                   (SELECT oid FROM pg_database WHERE datname = current_database())";
        client.query_one(sql, &[]).unwrap().get::<_, i64>(0) > 0
    });
    // Also in the first milliseconds, when there is no row yet.
    let error = run(&mut client).unwrap_err();
    assert_eq!(sqlstate(&error), "55006");
    let detail = error.as_db_error().unwrap().detail().unwrap();
    assert!(detail.ends_with(&format!("runs in process {pid}.")), "{detail}");
    client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    thread.join().unwrap().0.unwrap_err();
    wait_until_recorded(&mut client);
    run(&mut client).unwrap();
}

/// The client may see the connection's end before it has read the last message.
fn assert_terminated(error: &postgres::Error) {
    assert!(error.as_db_error().is_none() || sqlstate(error) == "57P01", "{error:?}");
}
