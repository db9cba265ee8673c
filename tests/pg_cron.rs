//! What takes the real pg_cron a minute, its shortest period: jobs that succeed and fail, and those of a server that starts.

use std::time::{Duration, Instant};

use crate::runs::{folder, pid};
use crate::schedule::Cron;
use crate::support::{Database, column, kill_9};
use postgres::Client;

/// Longer than a minute, which is pg_cron's shortest period.
fn wait_minutes(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(200), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The job of `database`, scheduled from there for each minute, as told.
fn each_minute(database: &Database<'_>, arguments: &str, cron: &mut Client) {
    let sql = format!("SELECT next_command FROM paliad_backup.schedule({arguments})");
    for command in column(&mut database.connect(), &sql) {
        cron.batch_execute(&command).unwrap();
    }
}

/// All that takes pg_cron a minute: databases of one server side by side.
#[test]
fn pg_cron_makes_backups_shows_failures_and_starts_up() {
    let cron = Cron::with_extension();
    let mut app = cron.app();
    let other = cron.cluster.database();
    let broken = cron.cluster.database();
    let changing = cron.cluster.database();
    let admin_only = cron.cluster.database();
    app.batch_execute(
        "UPDATE paliad_backup.settings SET formats = '{csv}'; SELECT paliad_backup.schedule('* * * * *')",
    )
    .unwrap();
    each_minute(&other, "'* * * * *'", &mut app);
    // Its directory is gone, and its parent, too.
    broken
        .connect()
        .batch_execute(&format!(
            "ALTER DATABASE {} SET paliad_backup.directory = '/nonexistent/backups'",
            broken.name()
        ))
        .unwrap();
    each_minute(&broken, "'* * * * *'", &mut app);
    changing
        .connect()
        .batch_execute(
            "CREATE TABLE t (n int); UPDATE paliad_backup.settings SET change_poll = '1 second', change_debounce = '0'",
        )
        .unwrap();
    each_minute(&changing, "NULL, auto_on_change => true", &mut app);
    // There is no user of the application whom a job could be asked for.
    admin_only
        .connect()
        .batch_execute(
            "CREATE FUNCTION never() RETURNS boolean LANGUAGE sql AS 'SELECT false';
             UPDATE paliad_backup.settings SET admin_function = 'public.never'",
        )
        .unwrap();
    each_minute(&admin_only, "'* * * * *'", &mut app);

    let made = |client: &mut Client| {
        column(
            client,
            "SELECT DISTINCT concat_ws(' ', kind, trigger, requested_by_email, formats) FROM paliad_backup.backups WHERE status = 'done'",
        )
    };
    let all = "{xlsx,csv,json}";
    let cases = [
        (cron.cluster.connect("app", "postgres"), "scheduled cron system@paliad {csv}".to_owned()),
        (other.connect(), format!("scheduled cron system@paliad {all}")),
        (changing.connect(), format!("scheduled change system@paliad {all}")),
        (admin_only.connect(), format!("scheduled cron system@paliad {all}")),
    ];
    for (mut client, expected) in cases {
        wait_minutes(&expected, || !made(&mut client).is_empty());
        assert_eq!(made(&mut client), [expected]);
    }
    let failed = "SELECT return_message FROM cron.job_run_details WHERE status = 'failed' AND database = $1";
    let mut messages = Vec::new();
    wait_minutes("the failure is shown", || {
        messages = app.query(failed, &[&broken.name()]).unwrap();
        !messages.is_empty()
    });
    let message: String = messages[0].get(0);
    assert!(message.contains("backup directory \"/nonexistent/backups\" cannot be used"), "{message}");
    let shown = column(
        &mut app,
        "SELECT concat_ws(' | ', last_result, last_run > now() - interval '5 minutes', next_run <= now() + interval '1 minute')
         FROM paliad_backup.schedule_status() WHERE job ~ '_run_'",
    );
    assert_eq!(shown, ["succeeded | t | t"]);
    // Seen from the other database by the catalog.
    let shown =
        "SELECT concat_ws(' | ', last_result, last_message) FROM paliad_backup.schedule_status() WHERE job ~ '_run_'";
    assert_eq!(column(&mut other.connect(), shown), ["succeeded"]);
    let shown = column(&mut broken.connect(), shown);
    assert!(shown[0].starts_with("failed | store: backup directory"), "{shown:?}");

    the_start_up_job_runs(&cron, &other);

    let mut app = cron.app();
    app.batch_execute("SELECT paliad_backup.unschedule()").unwrap();
    for command in column(&mut broken.connect(), "SELECT next_command FROM paliad_backup.unschedule()") {
        app.batch_execute(&command).unwrap();
    }
    let left = column(&mut app, "SELECT DISTINCT database FROM cron.job");
    assert!(!left.contains(&"app".to_owned()) && !left.contains(&broken.name().to_owned()), "{left:?}");
}

/// After a restart, and after a crash with clients connected: a file that is gone is noticed.
fn the_start_up_job_runs(cron: &Cron, other: &Database<'_>) {
    let folder = folder(other);
    let missing = "SELECT count(*) FROM paliad_backup.backups WHERE missing_at IS NOT NULL";
    for crash in [false, true] {
        let mut client = other.connect();
        client.batch_execute("SELECT paliad_backup.unschedule()").unwrap();
        let begin: String = client.query_one("SELECT clock_timestamp()::text", &[]).unwrap().get(0);
        let before: i64 = client.query_one(missing, &[]).unwrap().get(0);
        // Only the start-up job is left, so that no run notices it.
        let mut app = cron.app();
        app.execute(
            "SELECT cron.unschedule(jobid) FROM cron.job WHERE database = $1 AND jobname !~ 'start_up'",
            &[&other.name()],
        )
        .unwrap();
        client.batch_execute("SELECT paliad_backup.run(formats => '{csv}')").unwrap();
        let bundles = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let bundle = bundles.filter(|path| path.extension().is_some_and(|extension| extension == "zip")).max().unwrap();
        std::fs::remove_file(&bundle).unwrap();
        if crash {
            kill_9(pid(&mut client));
            cron.cluster.wait_until_ready();
        } else {
            drop((client, app));
            cron.cluster.stop("fast");
            cron.cluster.start();
        }
        let mut client = other.connect();
        wait_minutes("the start-up job has looked", || {
            client.query_one(missing, &[]).unwrap().get::<_, i64>(0) == before + 1
        });
        let mut app = cron.app();
        let succeeded =
            "SELECT FROM cron.job_run_details WHERE database = $1 AND command ~ 'start_up' AND status = 'succeeded'
                 AND start_time > $2::text::timestamptz";
        wait_minutes("pg_cron shows it", || !app.query(succeeded, &[&other.name(), &begin]).unwrap().is_empty());
    }
}
