//! Automatic backups, by the real pg_cron: its shortest period is a minute.

use std::time::{Duration, Instant};

use super::rows::{of, one, type_next};
use crate::support::{Cluster, column, wait_for};

#[test]
fn jobs_are_there_and_tell_how_they_went() {
    let cluster = Cluster::own(&["cron.database_name = 'jobs'"]);
    let mut postgres = cluster.connect("postgres", "postgres");
    postgres.batch_execute("CREATE DATABASE jobs").unwrap();
    let directory = |database: &str| cluster.dir().join("backups").join(database).display().to_string();
    let mut client = cluster.connect("jobs", "postgres");
    client
        .batch_execute(&format!(
            "CREATE EXTENSION pg_cron; CREATE EXTENSION paliad_backup; \
             ALTER DATABASE jobs SET paliad_backup.directory = '{}'",
            directory("jobs")
        ))
        .unwrap();
    let mut client = cluster.connect("jobs", "postgres");
    one(&mut client, "schedule", "ok", "are not enabled");
    client.batch_execute("SELECT paliad_backup.schedule('* * * * *')").unwrap();
    // pg_cron looks for its database once a second.
    let mut told = || -> Vec<(String, String, String)> {
        let rows = of(&mut client, "schedule", "");
        rows.into_iter().map(|row| (row.object.unwrap_or_default(), row.level, row.message)).collect()
    };
    wait_for("pg_cron has found its database", || told().len() == 2);
    let names = ["paliad_backup_run_jobs", "paliad_backup_start_up_jobs"];
    let quiet = names.map(|name| (name.to_owned(), "ok".to_owned(), "the job has not run yet".to_owned()));
    assert_eq!(told(), quiet);

    // The run fails, the start-up succeeds.
    postgres.batch_execute("ALTER DATABASE jobs SET paliad_backup.directory = '/nonexistent/place'").unwrap();
    cluster.stop("fast");
    cluster.start();
    let mut client = cluster.connect("jobs", "postgres");
    client.batch_execute(&format!("SET paliad_backup.directory = '{}'", directory("jobs"))).unwrap();
    let begin = Instant::now();
    let ended = "SELECT DISTINCT jobid::text FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')";
    while column(&mut client, ended).len() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(100), "pg_cron runs it within a minute");
        std::thread::sleep(Duration::from_millis(500));
    }
    let rows = of(&mut client, "schedule", "");
    let short: Vec<(&str, &str)> =
        rows.iter().map(|row| (row.object.as_deref().unwrap(), row.level.as_str())).collect();
    // What start_up() finds wrong with the directory is its failure, too.
    assert_eq!(short[0], (names[0], "warning"), "{rows:?}");
    assert!(rows[0].message.contains("/nonexistent/place"), "the extension's own error: {rows:?}");
    assert_eq!(short[1].0, names[1]);
    assert_ne!(rows[1].message, "the job has not run yet");

    // Switched off, changed by hand, and gone; what is said to do helps each time.
    let harm = [
        ("SELECT cron.alter_job(jobid, active => false)", "critical", "is switched off"),
        ("SELECT cron.alter_job(jobid, schedule => '0 0 1 1 *')", "warning", "is not what settings say"),
        ("SELECT cron.unschedule(jobid)", "critical", "pg_cron does not have the job"),
    ];
    for (sql, level, text) in harm {
        client.batch_execute(&format!("{sql} FROM cron.job WHERE jobname = '{}'", names[1])).unwrap();
        let row =
            of(&mut client, "schedule", "").into_iter().find(|row| row.object.as_deref() == Some(names[1])).unwrap();
        assert!(row.level == level && row.message.contains(text), "{sql}: {row:?}");
        type_next(&mut client, &row);
        let rows = of(&mut client, "schedule", "");
        assert!(!rows.iter().any(|row| row.message.contains(text)), "{sql}: {rows:?}");
    }

    // Another database sees no jobs, but whether backups are made.
    let mut postgres = cluster.connect("postgres", "postgres");
    postgres.batch_execute("CREATE DATABASE other").unwrap();
    let mut other = cluster.connect("other", "postgres");
    other.batch_execute("CREATE EXTENSION paliad_backup").unwrap();
    other.batch_execute("SELECT paliad_backup.schedule()").unwrap();
    one(&mut other, "schedule", "warning", "the jobs are not in this database");
    let run = format!("SET paliad_backup.directory = '{}'; SELECT paliad_backup.run('scheduled')", directory("other"));
    other.batch_execute(&run).unwrap();
    one(&mut other, "schedule", "ok", "its job is in another database");
    wait_for("the launcher is gone", || {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'";
        other.query(end, &[]).unwrap();
        of(&mut other, "schedule", "")[0].message.contains("pg_cron does not run")
    });
}
