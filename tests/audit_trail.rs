//! The audit trail against its surroundings: the database's settings, partitions and odd names, a dump, rows that are final.

use std::sync::mpsc;

use crate::security::{login, run};
use crate::support::{Cluster, Database};
use postgres::{Client, NoTls};

/// What the recorder inherits from ALTER DATABASE must not change what a row says.
#[test]
fn times_are_rfc_3339_whatever_the_databases_settings() {
    let database = Cluster::shared().database();
    let name = database.name();
    let sql = format!(
        "ALTER DATABASE {name} SET TimeZone = 'Asia/Kolkata'; ALTER DATABASE {name} SET DateStyle = 'German';
         ALTER DATABASE {name} SET IntervalStyle = 'sql_standard'"
    );
    database.connect().batch_execute(&sql).unwrap();
    let mut client = database.connect();
    let row = client.query_one("SELECT now()::text, to_jsonb(now()) #>> '{}'", &[]).unwrap();
    let (shown, before): (String, String) = (row.get(0), row.get(1));
    assert!(shown.contains('.') && shown.ends_with(" IST"), "the settings are in force: {shown}");
    let id = run(&mut client);
    client.batch_execute(&format!("SELECT paliad_backup.download('{id}', 'anna@example.org')")).unwrap();
    // In this order between two looks at the clock: an hour or a zone that is wrong shows.
    let row = client.query_one(
        r"WITH times (step, time) AS (
              SELECT CASE key WHEN 'requested_at' THEN 1 WHEN 'completed_at' THEN 2 ELSE 3 END, value
              FROM paliad_backup.system_audit_log, jsonb_each_text(metadata) WHERE key LIKE '%\_at')
          SELECT count(*), bool_and(time ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'),
                 array_agg(time ORDER BY step) = array_agg(time ORDER BY time),
                 bool_and(time::timestamptz BETWEEN $1::text::timestamptz AND clock_timestamp()) FROM times",
        &[&before],
    );
    let row = row.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2), row.get(3)), (3_i64, true, true, true));
}

/// Makes a partitioned audit table whose names need quotes, and makes it the one in use.
fn use_odd_table(database: &Database<'_>) {
    let owner = login(database, "owner", &[]);
    let sql = format!(
        r#"CREATE SCHEMA "My App" AUTHORIZATION {owner};
           SET ROLE {owner};
           CREATE TABLE "My App"."Audit ""Log""" (
               id uuid NOT NULL DEFAULT gen_random_uuid(), event_type text NOT NULL, actor_id uuid, actor_email text,
               scope text NOT NULL, scope_root text, metadata jsonb NOT NULL, created_at timestamptz NOT NULL,
               updated_at timestamptz NOT NULL, PRIMARY KEY (id, created_at)) PARTITION BY RANGE (created_at);
           CREATE TABLE "My App".rest PARTITION OF "My App"."Audit ""Log""" DEFAULT;
           RESET ROLE;
           UPDATE paliad_backup.settings SET audit_table = '"My App"."Audit ""Log"""'"#
    );
    database.connect().batch_execute(&sql).unwrap();
}

/// The events in that table, oldest first, and whether each run's row was completed.
fn events(client: &mut Client) -> Vec<(String, bool)> {
    let sql = r#"SELECT event_type, metadata ? 'completed_at' FROM "My App"."Audit ""Log""" ORDER BY created_at"#;
    client.query(sql, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A dump brings the row of settings before the table that it names: that is looked up when it is used.
#[test]
fn a_partitioned_table_with_odd_names_is_still_used_after_a_dump() {
    let cluster = Cluster::shared();
    let source = cluster.database();
    use_odd_table(&source);
    let mut client = source.connect();
    run(&mut client);
    let completed = ("backup_created".to_owned(), true);
    assert_eq!(events(&mut client), vec![completed.clone()]);

    let target = cluster.empty_database("");
    let dump = source.directory().with_extension("sql");
    source.client_program("pg_dump", &["-f", dump.to_str().unwrap()]);
    target.psql(&["-f", dump.to_str().unwrap()]);
    std::fs::remove_file(dump).unwrap();
    let directory = target.directory().display().to_string();
    let sql = format!("ALTER DATABASE {} SET paliad_backup.directory = '{directory}'", target.name());
    target.connect().batch_execute(&sql).unwrap();
    let mut client = target.connect();
    run(&mut client);
    assert_eq!(events(&mut client), vec![completed; 2]);
    assert!(client.query("SELECT FROM paliad_backup.system_audit_log", &[]).unwrap().is_empty());
}

/// Decision 7: the catalog rules; who made the backup hears that its audit row says less.
#[test]
fn the_caller_is_warned_of_an_audit_row_that_cannot_be_completed() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    use_odd_table(&database);
    let sql = r#"CREATE FUNCTION "My App".refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
                 CREATE TRIGGER refuse BEFORE UPDATE ON "My App"."Audit ""Log"""
                     FOR EACH ROW EXECUTE FUNCTION "My App".refuse()"#;
    database.connect().batch_execute(sql).unwrap();
    let (notices, heard) = mpsc::channel();
    let mut config = cluster.config(database.name(), "postgres");
    config.notice_callback(move |notice| {
        let _ = notices.send((notice.severity().to_owned(), notice.message().to_owned()));
    });
    let mut client = config.connect(NoTls).unwrap();
    let id = run(&mut client);
    let warning = format!("the audit row of backup {id} could not be completed: append only");
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [("WARNING".to_owned(), warning)]);
    assert_eq!(events(&mut client), [("backup_created".to_owned(), false)]);
}
