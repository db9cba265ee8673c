//! What others see of a restore while it works, and what is left of it in its own session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::digest::{Digest, assert_equal};
use crate::restores::{OVERWRITE, restore};
use crate::runs::{pid, run, run_with, wait_until_blocked};
use crate::security::login;
use crate::support::{Cluster, Database, column, sqlstate, wait_for};
use postgres::Client;

/// A table whose CHECK waits for a lock: it stops a restore in the middle. The lock's key is the test's own in its database.
fn with_gate() -> (Database<'static>, Client, String) {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE first (id int PRIMARY KEY); INSERT INTO first SELECT generate_series(1, 100);
             CREATE TABLE gate (id int PRIMARY KEY); INSERT INTO gate VALUES (1), (2);
             CREATE FUNCTION passes() RETURNS boolean LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_advisory_lock_shared(7); PERFORM pg_advisory_unlock_shared(7); RETURN true; END'",
        )
        .unwrap();
    let id = run_with(&mut client, "formats => '{csv}'").unwrap().id;
    client.batch_execute("ALTER TABLE gate ADD CHECK (passes()); DELETE FROM gate; DELETE FROM first").unwrap();
    (database, client, id)
}

/// All settings of the session, and who it is.
fn session_state(client: &mut Client) -> Vec<String> {
    let sql = "SELECT name || ' ' || coalesce(setting, '(null)') || ' ' || source FROM pg_settings
               UNION ALL SELECT concat_ws(' ', 'roles', current_user, session_user, current_setting('role'), current_schemas(true)::text)
               UNION ALL SELECT 'custom ' || coalesce(current_setting('mine.own', true), '(null)') ORDER BY 1";
    column(client, sql)
}

fn assert_unchanged(before: &[String], client: &mut Client, what: &str) {
    let after = session_state(client);
    let changed: Vec<&String> = after.iter().filter(|setting| !before.contains(setting)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{what}: {changed:?}");
}

/// A table that takes some seconds, in many pieces: progress is reported now and then.
#[test]
fn others_see_where_it_stands() {
    let (database, mut client, _) = with_gate();
    client
        .batch_execute(
            "ALTER TABLE gate DROP CONSTRAINT gate_check, ADD v text;
             INSERT INTO gate SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 250) AS n",
        )
        .unwrap();
    let id = run(&mut client).unwrap().id;
    client.batch_execute("ALTER TABLE gate ADD CHECK (pg_sleep(0.01) IS NOT NULL) NOT VALID").unwrap();
    let mut other = database.connect();
    let restoring = pid(&mut client);
    let mut seen = Vec::new();
    thread::scope(|scope| {
        let restore = scope.spawn(|| restore(&mut client, &id, OVERWRITE).unwrap());
        while !restore.is_finished() {
            let sql = "SELECT concat_ws(' ', in_progress, operation, phase, sheet, sheets_done, sheets_total, rows_total, pid = $1),
                              bytes_done > 0 AND bytes_done <= bytes_total
                       FROM paliad_backup.progress";
            let row = other.query_one(sql, &[&restoring]).unwrap();
            seen.push((row.get::<_, String>(0), row.get::<_, Option<bool>>(1)));
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(seen.contains(&("t restore load gate 1 2 250 t".into(), Some(true))), "{seen:?}");
    let after = "SELECT concat_ws(' ', in_progress, coalesce(error, 'no error')) FROM paliad_backup.progress";
    assert_eq!(other.query_one(after, &[]).unwrap().get::<_, String>(0), "f no error");
}

#[test]
fn it_can_be_cancelled() {
    let (database, mut client, id) = with_gate();
    let before = Digest::of(&database);
    let mut other = database.connect();
    other.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
    let (settings, restoring) = (session_state(&mut client), pid(&mut client));
    thread::scope(|scope| {
        let restore = scope.spawn(|| {
            let result = restore(&mut client, &id, OVERWRITE);
            (client, result)
        });
        wait_for("the restore waits within a row", || {
            let waits = "SELECT FROM pg_locks WHERE pid = $1 AND locktype = 'advisory' AND NOT granted";
            !other.query(waits, &[&restoring]).unwrap().is_empty()
        });
        other.execute("SELECT pg_cancel_backend($1)", &[&restoring]).unwrap();
        let (mut client, result) = restore.join().unwrap();
        assert_eq!(sqlstate(&result.unwrap_err()), "57014");
        assert_unchanged(&settings, &mut client, "cancelled");
    });
    assert_equal(&before, &Digest::of(&database), "cancelled");
    other.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    restore(&mut database.connect(), &id, OVERWRITE).unwrap();
}

/// No Drop runs then: the recorder tells how it ended.
#[test]
fn it_can_be_terminated() {
    let (database, mut client, id) = with_gate();
    let before = Digest::of(&database);
    let mut other = database.connect();
    other.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
    let restoring = pid(&mut client);
    thread::scope(|scope| {
        let restore = scope.spawn(|| restore(&mut client, &id, OVERWRITE).map(|_| ()));
        wait_for("the restore waits within a row", || {
            let waits = "SELECT FROM pg_locks WHERE pid = $1 AND locktype = 'advisory' AND NOT granted";
            !other.query(waits, &[&restoring]).unwrap().is_empty()
        });
        other.execute("SELECT pg_terminate_backend($1)", &[&restoring]).unwrap();
        assert!(restore.join().unwrap().is_err());
    });
    assert_equal(&before, &Digest::of(&database), "terminated");
    wait_for("the recorder has told the end", || {
        let sql = "SELECT committed IS FALSE AND error IS NOT NULL FROM paliad_backup.restores(1)";
        other.query_one(sql, &[]).unwrap().get(0)
    });
    let progress = "SELECT in_progress, error IS NOT NULL FROM paliad_backup.progress";
    let row = other.query_one(progress, &[]).unwrap();
    assert_eq!((row.get(0), row.get(1)), (false, true));
    other.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    restore(&mut database.connect(), &id, OVERWRITE).unwrap();
}

/// As a caller may have set them: none of it changes what is restored, and all of it is there afterwards.
#[test]
fn settings_and_role_are_as_before() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            r#"CREATE TABLE t (id int PRIMARY KEY, d date, i interval, a text[], x xml, m money, b bytea, f float8, r regclass, z timestamptz);
               SET bytea_output = hex;
               INSERT INTO t VALUES (1, '2024-02-03', '-1 mon +3 days -04:05:06', '{NULL,"NULL",a}', 'text <a/> more', '-1234.5', '\x5c00', 1e-7,
                   'pg_class', '2024-02-03 04:05:06Z'), (2, '0044-03-15 BC', 'P1Y', '{}', '<a/>', '0', '', 'NaN', NULL, 'infinity')"#,
        )
        .unwrap();
    let id = run(&mut client).unwrap().id;
    let before = Digest::of(&database);
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    for (role, set) in [
        ("postgres", ""),
        (
            "postgres",
            "SET DateStyle = 'SQL, MDY'; SET IntervalStyle = sql_standard; SET array_nulls = off; SET xmloption = document;
             SET bytea_output = escape; SET standard_conforming_strings = off; SET extra_float_digits = -9;
             SET search_path = nowhere, pg_temp; SET TimeZone = 'Asia/Tokyo'; SET client_encoding = LATIN1; SET row_security = off;
             SET mine.own = 'x'; SET session_replication_role = local; SET default_transaction_deferrable = on; SET lock_timeout = '9s';
             SET check_function_bodies = off; SET quote_all_identifiers = on; SET transform_null_equals = on",
        ),
        ("postgres", "SET session_replication_role = replica; SET ROLE pg_monitor; RESET ROLE"),
        (&admin, "SET DateStyle = 'German'; SET array_nulls = off; SET statement_timeout = '10min'"),
    ] {
        let mut session = database.connect_as(role);
        session.batch_execute(set).unwrap();
        // The library's own settings are there from the first call on.
        session.batch_execute("SELECT paliad_backup.is_authorized()").unwrap();
        let settings = session_state(&mut session);
        client.batch_execute("TRUNCATE t").unwrap();
        restore(&mut session, &id, OVERWRITE).unwrap();
        assert_equal(&before, &Digest::of(&database), set);
        assert_unchanged(&settings, &mut session, set);
        client.batch_execute("DELETE FROM t WHERE id = 2").unwrap();
        restore(&mut session, &id, "dry_run => false, checkpoint => false").unwrap();
        assert_equal(&before, &Digest::of(&database), set);
        restore(&mut session, &id, "overwrite => true").unwrap();
        assert_unchanged(&settings, &mut session, &format!("dry run after {set}"));
        client.batch_execute("ALTER TABLE t ADD CHECK (id <> 2) NOT VALID; DELETE FROM t").unwrap();
        assert_eq!(sqlstate(&restore(&mut session, &id, OVERWRITE).unwrap_err()), "23514");
        assert_unchanged(&settings, &mut session, &format!("an error after {set}"));
        client.batch_execute("ALTER TABLE t DROP CONSTRAINT t_id_check").unwrap();
    }
}

/// To see the result, and then decide.
#[test]
fn a_restore_can_be_looked_at_and_rolled_back() {
    let (database, _, _) = with_gate();
    let mut client = database.connect();
    let id = run(&mut client).unwrap().id;
    client.batch_execute("CREATE SEQUENCE s; INSERT INTO first VALUES (7); CREATE TABLE mine (v int)").unwrap();
    let before = Digest::of(&database);
    client.batch_execute("BEGIN; INSERT INTO mine VALUES (1); SAVEPOINT s").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_eq!(client.query_one("SELECT count(*) FROM first", &[]).unwrap().get::<_, i64>(0), 0);
    client.batch_execute("ROLLBACK TO s").unwrap();
    assert_eq!(client.query_one("SELECT count(*) FROM first", &[]).unwrap().get::<_, i64>(0), 1);
    // The transaction is whole: it restores again, and what it did before is kept.
    restore(&mut client, &id, OVERWRITE).unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    client.batch_execute("ROLLBACK").unwrap();
    assert_equal(&before, &Digest::of(&database), "rolled back");
    client.batch_execute("BEGIN; INSERT INTO mine VALUES (1)").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    client.batch_execute("COMMIT").unwrap();
    let counts = "SELECT (SELECT count(*) FROM first) || ' ' || (SELECT count(*) FROM mine)";
    assert_eq!(client.query_one(counts, &[]).unwrap().get::<_, String>(0), "0 1");
}

/// Within functions, and where an error is caught.
#[test]
fn a_restore_within_a_function() {
    let (database, mut client, id) = with_gate();
    let before = Digest::of(&database);
    let caught = format!(
        "DO $$ BEGIN
             ALTER TABLE first ADD CHECK (id < 50) NOT VALID;
             BEGIN PERFORM * FROM paliad_backup.restore('{id}', {OVERWRITE});
             EXCEPTION WHEN check_violation THEN ALTER TABLE first DROP CONSTRAINT first_id_check; END;
         END $$"
    );
    client.batch_execute(&caught).unwrap();
    assert_equal(&before, &Digest::of(&database), "the error was caught");
    let counted = format!(
        "DO $$ DECLARE n bigint; BEGIN
             FOR round IN 1..2 LOOP
                 SELECT rows_restored INTO n FROM paliad_backup.restore('{id}', {OVERWRITE}) WHERE action = 'total';
                 ASSERT n = 102 AND n = (SELECT count(*) FROM first) + (SELECT count(*) FROM gate);
             END LOOP;
         END $$"
    );
    client.batch_execute(&counted).unwrap();
    assert_eq!(client.query_one("SELECT count(*) FROM first", &[]).unwrap().get::<_, i64>(0), 100);
}

/// Readers see all of the old rows or all of the new ones.
#[test]
fn others_see_it_done_or_not_at_all() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 2000)").unwrap();
    let id = run_with(&mut client, "formats => '{csv}'").unwrap().id;
    client.batch_execute("DELETE FROM t WHERE id > 1000").unwrap();
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut reader, mut seen) = (database.connect(), Vec::new());
                    while !done.load(Ordering::Relaxed) {
                        seen.push(reader.query_one("SELECT count(*) FROM t", &[]).unwrap().get::<_, i64>(0));
                    }
                    seen
                })
            })
            .collect();
        for _ in 0..5 {
            restore(&mut client, &id, "dry_run => false, checkpoint => false").unwrap();
            restore(&mut client, &id, OVERWRITE).unwrap();
            client.batch_execute("DELETE FROM t WHERE id > 1000").unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<i64>>()
    });
    let odd: Vec<&i64> = seen.iter().filter(|count| ![1000, 2000].contains(*count)).collect();
    assert!(odd.is_empty() && seen.contains(&1000) && seen.contains(&2000), "{odd:?} of {}", seen.len());
}

/// A transaction that has read a table goes on writing to it; the restore waits.
#[test]
fn a_transaction_that_reads_and_then_writes_is_waited_for() {
    let (database, mut client, id) = with_gate();
    let mut other = database.connect();
    let with_checkpoint = "overwrite => true, dry_run => false";
    for arguments in [OVERWRITE, with_checkpoint, "overwrite => true", "dry_run => false, checkpoint => false"] {
        other.batch_execute("BEGIN; SELECT count(*) FROM first").unwrap();
        let restoring = pid(&mut client);
        thread::scope(|scope| {
            let restore = scope.spawn(|| restore(&mut client, &id, arguments));
            if arguments.contains("overwrite") {
                let mut observer = database.connect();
                wait_until_blocked(&mut observer, restoring);
                // Longer than the server waits before it looks for deadlocks.
                thread::sleep(Duration::from_millis(1200));
            }
            let written = other.batch_execute("INSERT INTO first VALUES (1000) ON CONFLICT DO NOTHING; COMMIT");
            restore.join().unwrap().unwrap();
            written.unwrap();
        });
    }
}
