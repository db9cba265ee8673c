//! What the catalog alone tells, in check_health() and in `status`.

use postgres::Client;

use super::rows::{check, of, one, type_next};
use crate::runs::{run, run_with};
use crate::security::{login, refused};
use crate::support::{Cluster, sqlstate};

/// state and state_reason.
fn status(client: &mut Client) -> (String, String) {
    let row = client.query_one("SELECT state, state_reason FROM paliad_backup.status", &[]).unwrap();
    (row.get(0), row.get(1))
}

/// What `status` says, once its level was compared with that of the checks which look at the catalog.
fn judged(client: &mut Client) -> (String, String) {
    let rows = check(client, "");
    let catalog = ["backup_age", "failures", "bundles", "interrupted_runs"];
    let level = |name: &str| rows.iter().any(|row| catalog.contains(&row.check.as_str()) && row.level == name);
    let worst = ["critical", "warning"].into_iter().find(|name| level(name)).unwrap_or("ok");
    let said = status(client);
    assert_eq!(said.0, worst, "{said:?}, {rows:?}");
    said
}

/// Without the trigger that makes jobs, which are not the matter here.
fn set(client: &mut Client, assignment: &str) {
    client
        .batch_execute(&format!(
            "SET session_replication_role = replica; UPDATE paliad_backup.settings SET {assignment}; \
             RESET session_replication_role"
        ))
        .unwrap();
}

#[test]
fn a_healthy_database_has_one_row_a_check_and_all_are_ok() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    run(&mut client).unwrap();
    for arguments in ["", "deep => true", "deep => NULL, by_email => 'anna@example.org'"] {
        let rows = check(&mut client, arguments);
        let bad: Vec<_> = rows.iter().filter(|row| row.level != "ok").collect();
        assert!(bad.is_empty(), "{bad:?}");
        let names: Vec<&str> = rows.iter().map(|row| row.check.as_str()).collect();
        assert_eq!(
            names,
            [
                "backup_age",
                "failures",
                "interrupted_runs",
                "schedule",
                "directory",
                "free_space",
                "bundles",
                "bundle_contents",
                "stray_files",
                "page_checksums",
                "tables"
            ]
        );
    }
    assert_eq!(judged(&mut client), ("ok".into(), "the newest good backup is younger than max_age".into()));
}

#[test]
fn age_is_judged_by_max_age_and_none_at_all_by_what_is_wanted() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    assert_eq!(judged(&mut client), ("warning".into(), "there is no good backup".into()));
    one(&mut client, "backup_age", "warning", "there is no good backup");
    set(&mut client, "enabled = true");
    assert_eq!(judged(&mut client).0, "critical");
    let row = one(&mut client, "backup_age", "critical", "automatic backups are enabled");
    type_next(&mut client, &row);
    assert_eq!(judged(&mut client).0, "ok");
    // Neither of these is a backup to come back to.
    run_with(&mut client, "'scheduled'").unwrap();
    client.batch_execute("SELECT paliad_backup.create_checkpoint('why')").unwrap();
    let age = "UPDATE paliad_backup.backups SET started_at = now() - interval '27 hours', \
               finished_at = now() - interval '26 hours 1 minute' WHERE kind <> 'checkpoint'";
    client.batch_execute(age).unwrap();
    assert_eq!(judged(&mut client), ("critical".into(), "the newest good backup is older than 26:00:00".into()));
    one(&mut client, "backup_age", "critical", "is 1 day 2 hours old, and settings.max_age is 1 day 2 hours");
    set(&mut client, "enabled = false");
    assert_eq!(judged(&mut client).0, "critical", "whoever asks for a younger backup wants to know");
    set(&mut client, "max_age = '2 days'");
    assert_eq!(judged(&mut client).0, "ok");
    let age = "SELECT age < max_age AND max_age = '2 days' FROM paliad_backup.status";
    assert!(client.query_one(age, &[]).unwrap().get::<_, bool>(0));
}

/// Neither is one to come back to, nor do they hide that the others fail.
#[test]
fn a_part_and_a_backup_from_the_future_are_no_success() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
    run_with(&mut client, "scope => 'data'").unwrap();
    assert_eq!(judged(&mut client), ("warning".into(), "there is no good backup".into()));
    let good = run(&mut client).unwrap();
    client.batch_execute("SET paliad_backup.directory = '/nonexistent/place'").unwrap();
    run(&mut client).err().expect("there is no such place");
    client.batch_execute("RESET paliad_backup.directory").unwrap();
    run_with(&mut client, "scope => 'data'").unwrap();
    // The clock ran ahead while this one was made.
    let ahead = run_with(&mut client, "'scheduled'").unwrap();
    let last = "SELECT last_success_id::text FROM paliad_backup.status";
    assert_eq!(client.query_one(last, &[]).unwrap().get::<_, String>(0), ahead.id);
    for started_at in ["now()", "now() + interval '1 year'"] {
        let sql = format!(
            "UPDATE paliad_backup.backups SET started_at = {started_at}, finished_at = now() + interval '1 year' \
             WHERE id = '{}'",
            ahead.id
        );
        client.batch_execute(&sql).unwrap();
        assert_eq!(client.query_one(last, &[]).unwrap().get::<_, String>(0), good.id, "{started_at}");
        assert_eq!(judged(&mut client).0, "warning", "{started_at}");
        one(&mut client, "failures", "warning", "1 run failed since");
    }
}

#[test]
fn failures_since_the_last_success_are_counted_and_the_last_is_told() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let mut levels = Vec::new();
    for _ in 0..3 {
        client.batch_execute("SET paliad_backup.directory = '/nonexistent/place'").unwrap();
        run(&mut client).err().expect("there is no such place");
        client.batch_execute("RESET paliad_backup.directory").unwrap();
        levels.push(judged(&mut client).0);
        let row = of(&mut client, "failures", "").remove(0);
        assert!(row.message.contains("the last: store: ") && row.message.contains("/nonexistent"), "{row:?}");
        type_next(&mut client, &row);
    }
    assert_eq!(levels, ["warning", "warning", "critical"]);
    assert_eq!(status(&mut client).1, "the last 3 runs failed, the last one with 55000");
    run(&mut client).unwrap();
    assert_eq!(judged(&mut client).0, "ok");
}

#[test]
fn a_run_whose_process_is_gone_is_a_warning_until_it_is_settled() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let dead = "INSERT INTO paliad_backup.backups (id, kind, status, requested_by_email, backend_pid, started_at) \
                VALUES (gen_random_uuid(), 'on_demand', 'running', 'x', 999999999, now())";
    client.batch_execute(dead).unwrap();
    let (state, reason) = judged(&mut client);
    assert!(state == "warning" && reason.ends_with(" was interrupted"), "{reason}");
    let row = one(&mut client, "interrupted_runs", "warning", "its process is gone");
    type_next(&mut client, &row);
    one(&mut client, "interrupted_runs", "ok", "");
    // Now it has failed.
    assert_eq!(judged(&mut client).0, "warning");
}

/// A run under way is nothing to warn of.
#[test]
fn a_run_under_way_is_no_interrupted_one() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let mut gate = crate::runs::Gate::close(&database, 1);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        let rows = check(&mut client, "");
        let bad: Vec<_> = rows.iter().filter(|row| row.level != "ok").collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(status(&mut client).0, "ok");
        gate.open();
        run.join().unwrap().unwrap();
    });
}

#[test]
fn without_a_directory_it_says_so_and_the_command_works_as_typed() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(&format!("ALTER DATABASE {} RESET paliad_backup.directory", database.name())).unwrap();
    let mut client = database.connect();
    let row = one(&mut client, "directory", "critical", "no backup directory is configured");
    let command = row.next.unwrap();
    let typed = command.replace("/var/lib/postgresql/paliad_backup", &database.directory().display().to_string());
    assert_ne!(command, typed);
    client.batch_execute(&typed).unwrap();
    let mut client = database.connect();
    let row = one(&mut client, "directory", "ok", "the first run will make it");
    assert_eq!(row.object, Some(database.directory().display().to_string()));
    assert!(!database.directory().exists(), "looking makes nothing");
    run(&mut client).unwrap();
    one(&mut client, "directory", "ok", "it can be written to");
}

/// Decision 4; and `status` compares with settings that a reader must not see.
#[test]
fn readers_may_look_and_see_no_more_settings() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).unwrap();
    let reader = login(&database, "reader", &["paliad_backup_reader"]);
    let mut looking = database.connect_as(&reader);
    assert_eq!(check(&mut looking, "").iter().filter(|row| row.level == "ok").count(), 11);
    assert_eq!(status(&mut looking).0, "ok");
    assert_eq!(refused(&mut looking, "SELECT audit_table FROM paliad_backup.settings").0, "42501");
    // Where the application says no there is nothing to see.
    client
        .batch_execute(&format!(
            "CREATE SCHEMA app; CREATE FUNCTION app.no() RETURNS boolean LANGUAGE sql AS 'SELECT false'; \
             GRANT USAGE ON SCHEMA app TO {reader}; UPDATE paliad_backup.settings SET admin_function = 'app.no'"
        ))
        .unwrap();
    assert_eq!(refused(&mut looking, "SELECT * FROM paliad_backup.check_health()").0, "42501");
    assert!(looking.query("SELECT state FROM paliad_backup.status", &[]).unwrap().is_empty());
    assert!(looking.query("SELECT enabled FROM paliad_backup.settings", &[]).unwrap().is_empty());
}

/// A table that somebody has locked is not waited for; a cancel is not taken for a finding.
#[test]
fn a_locked_table_is_a_warning_and_a_timeout_ends_the_call() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE a (n int); CREATE TABLE b (n int)").unwrap();
    run(&mut client).unwrap();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE a").unwrap();
    let rows = of(&mut client, "tables", "");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].level.as_str(), rows[0].object.as_deref()), ("warning", Some("public.a")));
    assert!(rows[0].message.contains("55P03"), "{rows:?}");
    client.batch_execute("SET statement_timeout = '300ms'").unwrap();
    let error = client.batch_execute("SELECT * FROM paliad_backup.check_health()").unwrap_err();
    assert_eq!(sqlstate(&error), "57014");
    client.batch_execute("RESET statement_timeout").unwrap();
    holder.batch_execute("ROLLBACK").unwrap();
    one(&mut client, "tables", "ok", "2 tables");
    // Nothing stays locked for the rest of a transaction.
    client.batch_execute("BEGIN READ ONLY; SELECT * FROM paliad_backup.check_health(deep => true)").unwrap();
    holder.batch_execute("SET lock_timeout = '1s'; BEGIN; LOCK TABLE a, b; ROLLBACK").unwrap();
    client.batch_execute("COMMIT").unwrap();
}
