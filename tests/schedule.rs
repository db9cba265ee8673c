//! schedule(), unschedule(), schedule_status() and the settings behind them, with the real pg_cron.

use std::sync::{Arc, Mutex};

use crate::security::refused;
use crate::support::{Cluster, column, sqlstate};
use postgres::{Client, NoTls};

/// A cluster where pg_cron's jobs are in database `app`, and that database, with both extensions.
pub struct Cron {
    pub cluster: Cluster,
}

impl Cron {
    fn start() -> Cron {
        let cluster = Cluster::own(&["cron.database_name = 'app'"]);
        cluster.connect("postgres", "postgres").batch_execute("CREATE DATABASE app").unwrap();
        let directory = cluster.dir().join("backups/app").display().to_string();
        let sql =
            format!("CREATE EXTENSION paliad_backup; ALTER DATABASE app SET paliad_backup.directory = '{directory}'");
        cluster.connect("app", "postgres").batch_execute(&sql).unwrap();
        Cron { cluster }
    }

    pub fn with_extension() -> Cron {
        let cron = Cron::start();
        cron.app().batch_execute("CREATE EXTENSION pg_cron; CREATE TABLE t (id int PRIMARY KEY)").unwrap();
        cron
    }

    pub fn app(&self) -> Client {
        self.cluster.connect("app", "postgres")
    }
}

/// Name, schedule, command, database and owner of all jobs.
fn jobs(client: &mut Client) -> Vec<String> {
    column(
        client,
        "SELECT concat_ws(' | ', jobname, schedule, command, database, username, CASE WHEN NOT active THEN 'paused' END)
         FROM cron.job ORDER BY jobname COLLATE \"C\"",
    )
}

const RUN: &str = "paliad_backup_run_app | 0 3 * * * | SELECT paliad_backup.run('scheduled', formats => s.formats) FROM paliad_backup.settings AS s | app | postgres";
const START_UP: &str = "paliad_backup_start_up_app | @reboot | SELECT paliad_backup.start_up() | app | postgres";
const TICK: &str = "paliad_backup_tick_app | * * * * * | SELECT paliad_backup.auto_backup_tick() | app | postgres";

#[test]
fn jobs_follow_the_settings() {
    let cron = Cron::start();
    let mut client = cron.app();
    let (state, message, hint) = refused(&mut client, "SELECT paliad_backup.schedule()");
    assert_eq!((state.as_str(), message.as_str()), ("55000", "extension pg_cron is not created in this database"));
    assert!(hint.contains("CREATE EXTENSION pg_cron;"), "{hint}");
    // At commit.
    let (state, ..) = refused(&mut client, "UPDATE paliad_backup.settings SET enabled = true");
    assert_eq!(state, "55000");
    assert_eq!(column(&mut client, "SELECT enabled::text FROM paliad_backup.settings"), ["false"]);
    client.batch_execute("CREATE EXTENSION pg_cron").unwrap();

    let made = column(
        &mut client,
        "SELECT concat_ws(' | ', job, schedule, command, active, next_command) FROM paliad_backup.schedule()",
    );
    assert_eq!(
        made,
        [
            "paliad_backup_run_app | 0 3 * * * | SELECT paliad_backup.run('scheduled', formats => s.formats) FROM paliad_backup.settings AS s | t",
            "paliad_backup_start_up_app | @reboot | SELECT paliad_backup.start_up() | t"
        ]
    );
    assert_eq!(jobs(&mut client), [RUN, START_UP]);
    let settings =
        "SELECT concat_ws(' | ', enabled, schedule, interval_hours, auto_on_change) FROM paliad_backup.settings";
    assert_eq!(column(&mut client, settings), ["t | 0 3 * * * | f"]);
    let next = "SELECT ((next_run AT TIME ZONE 'UTC')::time = '03:00' AND next_run > now() AND next_run <= now() + interval '1 day')::text
                FROM paliad_backup.schedule_status() WHERE job ~ '_run_'";
    assert_eq!(column(&mut client, next), ["true"]);

    // The tick comes and goes; what was rolled back never was.
    client.batch_execute("UPDATE paliad_backup.settings SET interval_hours = 6").unwrap();
    assert_eq!(jobs(&mut client), [RUN, START_UP, TICK]);
    client
        .batch_execute("BEGIN; UPDATE paliad_backup.settings SET interval_hours = NULL, schedule = '@daily'; ROLLBACK")
        .unwrap();
    assert_eq!(jobs(&mut client), [RUN, START_UP, TICK]);
    client
        .batch_execute("UPDATE paliad_backup.settings SET interval_hours = NULL, schedule = '30  2 * * mon-fri'")
        .unwrap();
    let changed = RUN.replace("0 3 * * *", "30  2 * * mon-fri");
    assert_eq!(jobs(&mut client), [changed.as_str(), START_UP]);
    client.batch_execute("BEGIN; SELECT paliad_backup.schedule('0 4 * * *'); ROLLBACK").unwrap();
    assert_eq!(jobs(&mut client), [changed.as_str(), START_UP]);
    client.batch_execute("SELECT paliad_backup.schedule(NULL, auto_on_change => true)").unwrap();
    assert_eq!(jobs(&mut client), [START_UP, TICK]);
    client.batch_execute("SELECT paliad_backup.schedule(' 0\t3 * * * ', 6, true)").unwrap();
    assert_eq!(jobs(&mut client), [RUN, START_UP, TICK]);

    // Jobs that somebody has edited, paused, removed or made: told, and put right by the statement that is told.
    let told = "SELECT next_command FROM paliad_backup.schedule_status() WHERE next_command IS NOT NULL";
    for edit in [
        "SELECT cron.alter_job(jobid, schedule => '0 5 * * *') FROM cron.job WHERE jobname ~ '_run_'",
        "SELECT cron.alter_job(jobid, command => 'SELECT 1') FROM cron.job WHERE jobname ~ '_run_'",
        "SELECT cron.alter_job(jobid, active => false) FROM cron.job WHERE jobname ~ '_run_'",
        "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname ~ '_tick_'",
    ] {
        client.batch_execute(edit).unwrap();
        let commands = column(&mut client, told);
        assert_eq!(commands.len(), 1, "{edit}: {commands:?}");
        client.batch_execute(&commands[0]).unwrap();
        assert_eq!(jobs(&mut client), [RUN, START_UP, TICK], "{edit}: {commands:?}");
        assert_eq!(column(&mut client, told), Vec::<String>::new());
    }
    // A paused job stays so when something else changes; schedule() means it.
    client
        .batch_execute("SELECT cron.alter_job(jobid, active => false) FROM cron.job WHERE jobname ~ '_run_'")
        .unwrap();
    client.batch_execute("UPDATE paliad_backup.settings SET interval_hours = 7").unwrap();
    assert_eq!(jobs(&mut client), [&format!("{RUN} | paused"), START_UP, TICK]);
    client.batch_execute("SELECT paliad_backup.schedule(interval_hours => 7)").unwrap();
    assert_eq!(jobs(&mut client), [RUN, START_UP, TICK]);

    an_admin_may(&cron);
    others_jobs_stay(&mut client);
}

/// A member of paliad_backup_admin changes settings; the jobs are the extension owner's.
fn an_admin_may(cron: &Cron) {
    let mut postgres = cron.app();
    postgres.batch_execute("CREATE ROLE dba LOGIN IN ROLE paliad_backup_admin").unwrap();
    let mut dba = cron.cluster.connect("app", "dba");
    dba.batch_execute("UPDATE paliad_backup.settings SET schedule = '0 4 * * *', interval_hours = NULL").unwrap();
    assert_eq!(jobs(&mut postgres), [&RUN.replace("0 3", "0 4"), START_UP]);
    dba.batch_execute("SELECT paliad_backup.schedule()").unwrap();
    assert_eq!(jobs(&mut postgres), [RUN, START_UP]);
    assert_eq!(column(&mut dba, "SELECT job FROM paliad_backup.schedule_status()").len(), 2);
    assert_eq!(sqlstate(&dba.batch_execute("SELECT paliad_backup.sync_jobs()").unwrap_err()), "42501");
}

/// unschedule() removes this database's jobs, and those of databases that are gone.
fn others_jobs_stay(client: &mut Client) {
    for sql in [
        "CREATE DATABASE dropped",
        "SELECT cron.schedule('mine', '0 3 * * *', 'SELECT 1')",
        "SELECT cron.schedule_in_database('paliad_backup_run_postgres', '0 3 * * *', 'SELECT 1', 'postgres')",
        "SELECT cron.schedule_in_database('paliad_backup_run_dropped', '0 3 * * *', 'SELECT 1', 'dropped')",
        "DROP DATABASE dropped",
    ] {
        client.batch_execute(sql).unwrap();
    }
    client.batch_execute("BEGIN; SELECT paliad_backup.unschedule(); ROLLBACK").unwrap();
    assert_eq!(jobs(client).len(), 5);
    let removed = column(
        client,
        "SELECT concat_ws(' | ', job, action, next_command) FROM paliad_backup.unschedule() ORDER BY job COLLATE \"C\"",
    );
    assert_eq!(
        removed,
        [
            "paliad_backup_run_app | removed",
            "paliad_backup_run_dropped | removed",
            "paliad_backup_start_up_app | removed"
        ]
    );
    let left: Vec<String> = column(client, "SELECT jobname::text FROM cron.job ORDER BY jobname::text COLLATE \"C\"");
    assert_eq!(left, ["mine", "paliad_backup_run_postgres"]);
    assert_eq!(column(client, "SELECT job FROM paliad_backup.schedule_status()"), Vec::<String>::new());
    assert_eq!(column(client, "SELECT job FROM paliad_backup.unschedule()"), Vec::<String>::new());
}

#[test]
fn without_the_library_the_hint_says_what_to_load() {
    let cluster = Cluster::own(&["shared_preload_libraries = ''"]);
    let database = cluster.database();
    let mut client = database.connect();
    // A placeholder that anybody may set is no pg_cron.
    client.batch_execute("SET cron.database_name = 'postgres'").unwrap();
    for sql in ["SELECT paliad_backup.schedule()", "UPDATE paliad_backup.settings SET enabled = true"] {
        let (state, message, hint) = refused(&mut client, sql);
        assert_eq!(
            (state.as_str(), message.as_str()),
            ("55000", "pg_cron is not in shared_preload_libraries"),
            "{sql}"
        );
        for words in
            ["shared_preload_libraries = 'pg_cron'", &format!("cron.database_name = '{}'", database.name()), "restart"]
        {
            assert!(hint.contains(words), "{sql}: {hint}");
        }
    }
    // What is switched off needs no pg_cron.
    client.batch_execute("UPDATE paliad_backup.settings SET schedule = '0 4 * * *', interval_hours = 3").unwrap();
    assert_eq!(column(&mut client, "SELECT job FROM paliad_backup.unschedule()"), Vec::<String>::new());
}

#[test]
fn what_is_no_cron_expression_is_refused_before_it_is_stored() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    for (expression, message) in
        [("0 3 * *", "has 4 fields"), ("61 3 * * *", "\"61\" is no minute"), ("0 3 31 2 *", "never comes")]
    {
        for sql in [
            format!("SELECT paliad_backup.schedule('{expression}')"),
            format!("UPDATE paliad_backup.settings SET schedule = '{expression}'"),
            format!("SELECT paliad_backup.next_runs('{expression}')"),
        ] {
            let (state, told, hint) = refused(&mut client, &sql);
            assert_eq!(state, "22023", "{sql}");
            assert!(told.contains(message) && !hint.is_empty(), "{sql}: {told}, {hint}");
        }
    }
    assert_eq!(sqlstate(&client.batch_execute("SELECT paliad_backup.schedule(NULL)").unwrap_err()), "22023");
    assert_eq!(
        sqlstate(&client.batch_execute("SELECT paliad_backup.schedule(interval_hours => 0)").unwrap_err()),
        "23514"
    );
    let unchanged = "SELECT concat_ws(' | ', enabled, schedule) FROM paliad_backup.settings";
    assert_eq!(column(&mut client, unchanged), ["f | 0 3 * * *"]);
    let next =
        "SELECT (t AT TIME ZONE 'UTC')::text FROM paliad_backup.next_runs('0 3 29 2 *', '2026-11-21 12:00+01', 2) AS t";
    for zone in ["UTC", "Pacific/Auckland"] {
        client.batch_execute(&format!("SET timezone = '{zone}'")).unwrap();
        assert_eq!(column(&mut client, next), ["2028-02-29 03:00:00", "2032-02-29 03:00:00"]);
    }
}

/// What is accepted, pg_cron accepts.
#[test]
fn accepted_expressions_are_pg_crons() {
    let cron = Cron::with_extension();
    let mut client = cron.app();
    let mut state = 20_261_121_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
    let mut expressions: Vec<String> =
        ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "0 0 * JAN sun", "0 0 1-31/31 jan-dec mon-sat"]
            .map(str::to_owned)
            .into();
    for _ in 0..300 {
        let fields = bounds.map(|(low, high)| {
            let a = low + random(high - low + 1);
            let b = a + random(high - a + 1);
            match random(6) {
                0 => a.to_string(),
                1 => format!("{a}-{b}"),
                2 => format!("{a}-{b}/{}", 1 + random(high)),
                3 => format!("*/{}", 1 + random(high)),
                4 => format!("{a},{b}"),
                _ => "*".to_owned(),
            }
        });
        expressions.push(fields.join(" "));
    }
    let mut accepted = 0;
    for expression in &expressions {
        match client.query("SELECT paliad_backup.next_runs($1)", &[expression]) {
            Ok(_) => {
                let mut transaction = client.transaction().unwrap();
                let made = transaction.execute("SELECT cron.schedule('x', $1, 'SELECT 1')", &[expression]);
                assert!(made.is_ok(), "{expression}: {made:?}");
                accepted += 1;
            }
            Err(error) => {
                let told = error.as_db_error().map(postgres::error::DbError::message).unwrap_or_default();
                assert!(told.ends_with("never comes"), "{expression}: {error:?}");
            }
        }
    }
    assert!(accepted > 250, "{accepted} accepted");
    for expression in ["60 3 * * *", "5/10 3 * * *", "*/0 3 * * *", "0 3 * *", "0 3 * * monday"] {
        let made = client.execute("SELECT cron.schedule('x', $1, 'SELECT 1')", &[&expression]);
        assert!(made.is_err(), "pg_cron takes {expression}, which is refused here");
    }
}

/// In another database than pg_cron's the settings are stored, and what is told works as it is typed there.
#[test]
fn what_is_told_for_another_database_works_as_typed() {
    let cluster = Cluster::shared();
    let mut cron = cluster.connect("postgres", "postgres");
    cron.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_cron").unwrap();
    // A name that needs quotes, and so do its jobs'.
    let original = cluster.database();
    let name = format!("Kanzlei's \"{}\"", original.name());
    let quoted = name.replace('"', "\"\"");
    cron.batch_execute(&format!("CREATE DATABASE \"{quoted}\" TEMPLATE {}", original.name())).unwrap();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let told = warnings.clone();
    let mut config = cluster.config(&name, "postgres");
    config.notice_callback(move |notice| {
        told.lock().unwrap().push(format!("{notice} {}", notice.hint().unwrap_or_default()))
    });
    let mut client = config.connect(NoTls).unwrap();

    let rows = client
        .query("SELECT job, active, in_database, next_command FROM paliad_backup.schedule('0 3 1 1 *', auto_on_change => true)", &[])
        .unwrap();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert_eq!((row.get::<_, Option<bool>>(1), row.get::<_, &str>(2)), (None, "postgres"));
        cron.batch_execute(row.get(3)).unwrap();
    }
    let warned = warnings.lock().unwrap().join("\n");
    assert!(
        warned.contains("pg_cron's jobs are in database \"postgres\"") && warned.contains("schedule_status()"),
        "{warned}"
    );
    assert_eq!(column(&mut client, "SELECT enabled::text FROM paliad_backup.settings"), ["true"]);
    let made = cron
        .query(
            "SELECT concat_ws(' | ', jobname, schedule, command, username) FROM cron.job WHERE database = $1 ORDER BY jobid",
            &[&name],
        )
        .unwrap();
    let made: Vec<String> = made.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        made,
        [
            format!(
                "paliad_backup_run_{name} | 0 3 1 1 * | SELECT paliad_backup.run('scheduled', formats => s.formats) FROM paliad_backup.settings AS s | postgres"
            ),
            format!("paliad_backup_tick_{name} | * * * * * | SELECT paliad_backup.auto_backup_tick() | postgres"),
            format!("paliad_backup_start_up_{name} | @reboot | SELECT paliad_backup.start_up() | postgres"),
        ]
    );
    // Twice is as good as once.
    for row in &rows {
        cron.batch_execute(row.get(3)).unwrap();
    }
    let left = client.query("SELECT action, in_database, next_command FROM paliad_backup.unschedule()", &[]).unwrap();
    assert_eq!(left.len(), 3);
    for row in &left {
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("left", "postgres"));
        cron.batch_execute(row.get(2)).unwrap();
        cron.batch_execute(row.get(2)).unwrap();
    }
    let none = cron.query("SELECT FROM cron.job WHERE database = $1", &[&name]).unwrap();
    assert!(none.is_empty());
    drop(client);
    cron.batch_execute(&format!("DROP DATABASE \"{quoted}\" WITH (FORCE)")).unwrap();
}

/// Names of jobs that would be too long for pg_cron 1.4.
#[test]
fn long_names_of_databases_do_not_collide() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("SELECT paliad_backup.schedule('0 3 1 1 *')").unwrap();
    let long = "x".repeat(62);
    let mut postgres = Cluster::shared().connect("postgres", "postgres");
    drop(client);
    let mut names = Vec::new();
    for ending in ["a", "b"] {
        postgres.batch_execute(&format!("CREATE DATABASE {long}{ending} TEMPLATE {}", database.name())).unwrap();
        let mut client = Cluster::shared().connect(&format!("{long}{ending}"), "postgres");
        names.extend(column(
            &mut client,
            "SELECT job FROM paliad_backup.schedule_status() WHERE length(job::name::text) = length(job)",
        ));
        drop(client);
        postgres.batch_execute(&format!("DROP DATABASE {long}{ending} WITH (FORCE)")).unwrap();
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
}

/// Without a directory there is nothing to put right: the failure is told, with its SQLSTATE, DETAIL and HINT.
#[test]
fn start_up_tells_what_it_did() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (n int); UPDATE paliad_backup.settings SET formats = '{csv}', retention_count = NULL;
             SELECT paliad_backup.run(formats => '{csv}'); SELECT paliad_backup.run(formats => '{csv}');
             UPDATE paliad_backup.settings SET retention_count = 1",
        )
        .unwrap();
    let steps = column(&mut client, "SELECT concat_ws(': ', step, outcome) FROM paliad_backup.start_up()");
    assert_eq!(steps[..2], ["reconcile: 0 backups put right", "cleanup: 1 removed"]);
    assert!(steps.len() == 3 && steps[2].starts_with("check_health: 0 critical, "), "{steps:?}");
    let steps = column(&mut client, "SELECT outcome FROM paliad_backup.start_up() WHERE step = 'cleanup'");
    assert_eq!(steps, ["0 removed"]);
    client.batch_execute("SET paliad_backup.directory = ''").unwrap();
    let (_, _, reconcile_hint) = refused(&mut client, "SELECT paliad_backup.reconcile()");
    let error = client.batch_execute("SELECT paliad_backup.start_up()").unwrap_err();
    let error = error.as_db_error().expect("the server's error");
    assert_eq!((error.code().code(), error.hint()), ("55000", Some(reconcile_hint.as_str())));
    assert!(error.message().contains("reconcile: no backup directory is configured"), "{error:?}");
    assert!(error.detail().unwrap_or_default().ends_with("All steps were tried."), "{error:?}");
}
