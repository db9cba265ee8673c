//! Automatic backups, by the real pg_cron: its shortest period is a minute.

use std::time::{Duration, Instant};

use postgres::Client;

use super::rows::{of, one};
use crate::support::{Cluster, column, wait_for};

/// Without the trigger that makes jobs: these are made by hand.
fn enable(client: &mut Client) {
    client
        .batch_execute(
            "SET session_replication_role = replica; UPDATE paliad_backup.settings SET enabled = true; \
             RESET session_replication_role",
        )
        .unwrap();
}

#[test]
fn jobs_are_there_and_tell_how_they_went() {
    let cluster = Cluster::own(&["cron.database_name = 'jobs'"]);
    let directory = cluster.dir().join("backups/jobs").display().to_string();
    cluster.connect("postgres", "postgres").batch_execute("CREATE DATABASE jobs").unwrap();
    let mut client = cluster.connect("jobs", "postgres");
    client
        .batch_execute(&format!(
            "CREATE EXTENSION pg_cron; CREATE EXTENSION paliad_backup; \
             ALTER DATABASE jobs SET paliad_backup.directory = '{directory}'"
        ))
        .unwrap();
    let mut client = cluster.connect("jobs", "postgres");
    one(&mut client, "schedule", "ok", "are not enabled");
    enable(&mut client);
    // It looks for its database once a second.
    wait_for("pg_cron has found its database", || {
        of(&mut client, "schedule", "")[0].message.contains("no job for them")
    });
    client
        .batch_execute(
            "SELECT cron.schedule('somebody else''s', '* * * * *', 'SELECT 1/0'); \
             SELECT cron.schedule('paliad_backup good', '* * * * *', $$SELECT paliad_backup.run('scheduled')$$); \
             SELECT cron.schedule('paliad_backup bad', '* * * * *', $$SELECT paliad_backup.run('nightly')$$); \
             SELECT cron.schedule('paliad_backup idle', '0 0 30 2 *', $$SELECT 1$$)",
        )
        .unwrap();
    let told = |client: &mut Client| -> Vec<(String, String, String)> {
        let rows = of(client, "schedule", "");
        rows.into_iter().map(|row| (row.object.unwrap(), row.level, row.message)).collect()
    };
    assert!(told(&mut client).iter().all(|row| row.1 == "ok" && row.2 == "the job has not run yet"));
    let begin = Instant::now();
    while column(&mut client, "SELECT status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')").len()
        < 3
    {
        assert!(begin.elapsed() < Duration::from_secs(100), "pg_cron runs them within a minute");
        std::thread::sleep(Duration::from_millis(500));
    }
    let rows = told(&mut client);
    let short: Vec<(&str, &str)> = rows.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
    let expected = [("paliad_backup bad", "warning"), ("paliad_backup good", "ok"), ("paliad_backup idle", "ok")];
    assert_eq!(short, expected, "{rows:?}");
    assert!(rows[0].2.contains("\"nightly\" is not a kind"), "the extension's own error: {}", rows[0].2);
    client
        .batch_execute("SELECT cron.alter_job(jobid, active => false) FROM cron.job WHERE jobname LIKE '%good'")
        .unwrap();
    assert!(told(&mut client).iter().any(|row| row.0 == "paliad_backup good" && row.1 == "critical"));

    // Another database sees no jobs, but whether backups are made.
    cluster.connect("postgres", "postgres").batch_execute("CREATE DATABASE other").unwrap();
    let mut other = cluster.connect("other", "postgres");
    other.batch_execute("CREATE EXTENSION paliad_backup").unwrap();
    enable(&mut other);
    one(&mut other, "schedule", "warning", "the jobs are not in this database");
    let directory = cluster.dir().join("backups/other").display().to_string();
    other
        .batch_execute(&format!("SET paliad_backup.directory = '{directory}'; SELECT paliad_backup.run('scheduled')"))
        .unwrap();
    one(&mut other, "schedule", "ok", "its job is in another database");
    wait_for("the launcher is gone", || {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'";
        other.query(end, &[]).unwrap();
        of(&mut other, "schedule", "")[0].message.contains("pg_cron does not run")
    });
}
