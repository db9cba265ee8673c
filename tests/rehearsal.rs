//! rehearse_restore() proves that a bundle comes back, or says what would keep it from coming back, and leaves nothing behind.

use crate::support::{Cluster, sqlstate};
use postgres::Client;

/// A bundle of the database as it is, csv alone.
fn backup(client: &mut Client) -> String {
    let sql = "SELECT id::text FROM paliad_backup.run(formats => '{csv}')";
    client.query_one(sql, &[]).expect("the run succeeds").get(0)
}

/// Sheet, ok and detail of each row.
fn rehearse(client: &mut Client, id: &str) -> Vec<(String, Option<bool>, String)> {
    let sql = format!("SELECT sheet, ok, detail FROM paliad_backup.rehearse_restore('{id}')");
    let rows = client.query(&sql, &[]).expect("the rehearsal reports");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn verdict<'a>(rows: &'a [(String, Option<bool>, String)], sheet: &str) -> (Option<bool>, &'a str) {
    let row = rows.iter().find(|row| row.0 == sheet).expect("the sheet has a row");
    (row.1, &row.2)
}

/// What a rehearsal must leave as it is.
fn state(client: &mut Client) -> String {
    let sql = "SELECT concat_ws(' ', (SELECT string_agg(concat_ws(' ', oid::regclass, pg_relation_filenode(oid)), ',' ORDER BY oid) \
                 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'S')), \
               (SELECT string_agg(last_value::text, ',' ORDER BY sequencename) FROM pg_sequences), \
               (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace), \
               (SELECT count(*) FROM pg_class))";
    client.query_one(sql, &[]).unwrap().get(0)
}

#[test]
fn the_type_zoo_comes_back_byte_by_byte() {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    let mut client = database.connect();
    let id = backup(&mut client);
    let rows = rehearse(&mut client, &id);
    assert!(rows.len() > 100, "{}", rows.len());
    // The server shows values of these types and takes none (docs: "Pseudo-Types" and pg_node_tree's like).
    let shown_only = ["pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"];
    let is_wrong = |row: &&(String, Option<bool>, String)| {
        if shown_only.contains(&row.0.as_str()) {
            return row.1 != Some(false) || !row.2.starts_with("0A000: cannot accept a value of type");
        }
        row.1 != Some(true) && !row.2.starts_with("not restored: ")
    };
    let wrong: Vec<_> = rows.iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let whole = rows.iter().filter(|row| row.2.ends_with("the rows are those of the bundle, byte by byte")).count();
    assert!(whole > 100, "{whole}");
    let audited: (String, bool) = {
        let sql = "SELECT metadata ->> 'backup_id', (metadata ->> 'ok')::boolean FROM paliad_backup.system_audit_log \
                   WHERE event_type = 'restore_rehearsed'";
        let row = client.query_one(sql, &[]).unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!(audited, (id, false));
}

#[test]
fn live_tables_are_neither_changed_nor_locked_beyond_reading() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE places (id serial PRIMARY KEY, name text UNIQUE); \
             CREATE TABLE people (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, place int REFERENCES places, born date CHECK (born > '1800-01-01')); \
             INSERT INTO places (name) SELECT 'place ' || n FROM generate_series(1, 50) AS n; \
             INSERT INTO people (place, born) SELECT 1 + n % 50, '1990-01-01' FROM generate_series(1, 500) AS n",
        )
        .unwrap();
    let id = backup(&mut client);
    let before = state(&mut client);
    // A reader that holds its lock would be waited for by anything but a reader.
    let mut reader = database.connect();
    reader.batch_execute("BEGIN; LOCK TABLE places, people IN ROW EXCLUSIVE MODE").unwrap();
    client.batch_execute("SET lock_timeout = '2s'; BEGIN").unwrap();
    let rows = rehearse(&mut client, &id);
    assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<_>>(), [Some(true); 2], "{rows:?}");
    let sql = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('places'::regclass, 'people'::regclass) \
               AND mode <> 'AccessShareLock'";
    assert_eq!(client.query_one(sql, &[]).unwrap().get::<_, i64>(0), 0);
    client.batch_execute("COMMIT").unwrap();
    assert_eq!(state(&mut client), before);
}

#[test]
fn what_would_keep_a_bundle_from_coming_back_is_told() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE places (id int PRIMARY KEY, name text); \
             CREATE TABLE people (id int PRIMARY KEY, place int CONSTRAINT lives_in REFERENCES places, seat int CONSTRAINT one_seat UNIQUE DEFERRABLE); \
             CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1); \
             INSERT INTO places VALUES (1, 'here'); \
             SET session_replication_role = replica; \
             INSERT INTO people VALUES (1, 1, 1), (2, 7, 2); \
             RESET session_replication_role",
        )
        .unwrap();
    let orphan = backup(&mut client);
    let rows = rehearse(&mut client, &orphan);
    assert_eq!(verdict(&rows, "good").0, Some(true));
    let (ok, detail) = verdict(&rows, "people");
    assert!(ok == Some(false) && detail.contains("lives_in") && detail.contains("(place)=(7)"), "{detail}");

    client
        .batch_execute(
            "UPDATE people SET place = 1; SET session_replication_role = replica; \
             INSERT INTO people VALUES (3, 1, 2); RESET session_replication_role",
        )
        .unwrap();
    let twice = backup(&mut client);
    let rows = rehearse(&mut client, &twice);
    let (ok, detail) = verdict(&rows, "people");
    assert!(ok == Some(false) && detail.contains("people_seat_key") && detail.contains("(seat)=(2)"), "{detail}");

    client.batch_execute("DELETE FROM people; ALTER TABLE good ADD CONSTRAINT late CHECK (id > 5) NOT VALID").unwrap();
    let rows = rehearse(&mut client, &twice);
    let (ok, detail) = verdict(&rows, "good");
    assert!(ok == Some(false) && detail.starts_with("23514") && detail.contains("late"), "{detail}");
}

#[test]
fn a_table_that_is_gone_or_changed_is_made_by_the_manifest() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE gone (id int PRIMARY KEY, amount numeric(12, 2) NOT NULL, words text[]); \
             CREATE TABLE changed (id int PRIMARY KEY, note varchar(20), double int GENERATED ALWAYS AS (id * 2) STORED); \
             INSERT INTO gone VALUES (1, 1.50, '{a,NULL}'), (2, 2, NULL); INSERT INTO changed VALUES (1, 'x')",
        )
        .unwrap();
    let id = backup(&mut client);
    client.batch_execute("DROP TABLE gone; ALTER TABLE changed ALTER note TYPE int USING 1").unwrap();
    let rows = rehearse(&mut client, &id);
    for (sheet, why) in [("gone", "there is no live table"), ("changed", "its column \"note\" is of type integer")] {
        let (ok, detail) = verdict(&rows, sheet);
        assert!(ok == Some(true) && detail.contains(why) && detail.contains("byte by byte"), "{detail}");
    }
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1)").unwrap();
    let id = backup(&mut client);
    let sql = format!("SELECT substr(storage_uri, 8) FROM paliad_backup.get('{id}')");
    let path: String = client.query_one(&sql, &[]).unwrap().get(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = client.query(&format!("SELECT * FROM paliad_backup.rehearse_restore('{id}')"), &[]).unwrap_err();
    assert_eq!(sqlstate(&error), "XX001", "{error:?}");
}

/// That the live tables have changed is one thing, that a type is gone another: both have a way out.
#[test]
fn a_type_that_is_gone_comes_with_what_makes_it() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE DOMAIN app.plz AS text CHECK (VALUE ~ '^[0-9]{5}$');
             CREATE TABLE app.orte (id int PRIMARY KEY, plz app.plz); INSERT INTO app.orte VALUES (1, '80331');
             CREATE TABLE app.gone (plz app.plz)",
        )
        .unwrap();
    let id = backup(&mut client);
    client.batch_execute("DROP DOMAIN app.plz CASCADE; DROP TABLE app.gone").unwrap();
    let rows = rehearse(&mut client, &id);
    let help = "42704: there is no type app.plz. restore(create_missing => true) makes it by the bundle's schema.sql, \
                where that has it; else create it, or the extension that it belongs to.";
    assert_eq!(verdict(&rows, "gone"), (Some(false), help));
    let differs = format!("{help} The live table differs, and restore() would refuse it: it has no column \"plz\".");
    assert_eq!(verdict(&rows, "orte"), (Some(false), differs.as_str()));
    // As it says.
    client.batch_execute("DROP TABLE app.orte").unwrap();
    let restored = format!(
        "SELECT FROM paliad_backup.restore('{id}', create_missing => true, dry_run => false, checkpoint => false)"
    );
    client.query(&restored, &[]).unwrap();
    let rows = rehearse(&mut client, &id);
    assert_eq!((verdict(&rows, "orte").0, verdict(&rows, "gone").0), (Some(true), Some(true)), "{rows:?}");
}
