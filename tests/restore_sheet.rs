//! A sheet's rows go into another table than they came from; and a checkpoint is a backup like others.

use crate::digest::{Digest, assert_equal};
use crate::restores::{FILL_IN, OVERWRITE, Restored, call, restore};
use crate::runs::exported;
use crate::security::login;
use crate::support::{column, sqlstate};
use postgres::Client;

const TABLE: &str = "
    CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, n numeric, twice numeric GENERATED ALWAYS AS (n * 2) STORED);
    INSERT INTO t (v, n) VALUES ('a', 1.50), (NULL, NULL), ('', 3)";

fn restore_sheet(client: &mut Client, id: &str, target: &str, arguments: &str) -> Result<Restored, postgres::Error> {
    call(client, &format!("paliad_backup.restore_sheet('{id}', 't', '{target}', {arguments})"))
}

fn rows(client: &mut Client, table: &str) -> Vec<String> {
    let sql = format!("SELECT r::text FROM {table} AS r ORDER BY r::text COLLATE \"C\"");
    column(client, &sql)
}

/// Columns are matched by their names.
#[test]
fn into_any_table_whose_columns_fit() {
    let (database, mut client, id) = exported(TABLE);
    client
        .batch_execute(
            "CREATE TABLE turned (n numeric, extra text DEFAULT 'new', id int, v text, ago int);
             CREATE TABLE keyed (v text, n numeric, id int PRIMARY KEY); INSERT INTO keyed VALUES ('mine', 9, 2), ('mine', 9, 7);
             CREATE TABLE parted (n numeric, v text, id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parted DEFAULT;
             CREATE SCHEMA \"Else\"; CREATE TABLE \"Else\".\"T\"\"x\" (LIKE t); UPDATE t SET v = 'since' WHERE id = 1; SELECT nextval('t_id_seq')",
        )
        .unwrap();
    let before = Digest::of(&database);
    let t = |digest: &Digest| {
        (digest.fact("rows of public.t").to_owned(), digest.fact("next value of public.t_id_seq").to_owned())
    };
    let dry = restore_sheet(&mut client, &id, "turned", "overwrite => true").unwrap();
    assert_eq!((dry.total.restored, dry.total.removed, dry.errors().len()), (Some(3), Some(0), 0));
    assert_equal(&before, &Digest::of(&database), "dry run");
    for target in ["turned", "parted", "\"Else\".\"T\"\"x\""] {
        let restored = restore_sheet(&mut client, &id, target, OVERWRITE).unwrap();
        assert_eq!((restored.total.restored, restored.sheets.len()), (Some(3), 1), "{target}");
        // Again: it replaces.
        restore_sheet(&mut client, &id, target, OVERWRITE).unwrap();
    }
    assert_eq!(rows(&mut client, "turned"), ["(,new,2,,)", "(1.50,new,1,a,)", "(3,new,3,\"\",)"]);
    assert_eq!(rows(&mut client, "parted"), ["(,,2)", "(1.50,a,1)", "(3,\"\",3)"]);
    let filled = restore_sheet(&mut client, &id, "keyed", FILL_IN).unwrap();
    assert_eq!((filled.total.restored, filled.total.skipped), (Some(2), Some(1)));
    assert_eq!(rows(&mut client, "keyed"), ["(\"\",3,3)", "(a,1.50,1)", "(mine,9,2)", "(mine,9,7)"]);
    // The table that the rows came from, and its sequence, are as they were.
    assert_eq!(t(&before), t(&Digest::of(&database)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (database, mut client, id) = exported(TABLE);
    client
        .batch_execute(
            "CREATE TABLE short (id int, v text); CREATE TABLE typed (id bigint, v text, n numeric);
             CREATE TABLE needs (LIKE t, more int NOT NULL); CREATE TABLE made (id int, v text, n numeric GENERATED ALWAYS AS (1) STORED);
             CREATE TABLE no_key (LIKE t); CREATE VIEW v AS SELECT id, v, n FROM t; CREATE MATERIALIZED VIEW m AS SELECT id, v, n FROM t;
             CREATE SEQUENCE s; CREATE INDEX i ON t (v); CREATE TYPE composite AS (id int, v text, n numeric);
             CREATE TEMPORARY TABLE temporary (LIKE t); CREATE TABLE parted (LIKE t) PARTITION BY LIST (id);
             CREATE TABLE part PARTITION OF parted DEFAULT; CREATE TABLE secret (LIKE t);
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('public', 'secret', 'test')",
        )
        .unwrap();
    let before = Digest::of(&database);
    for (target, arguments, state) in [
        ("short", OVERWRITE, "55000"),
        ("typed", OVERWRITE, "55000"),
        ("needs", OVERWRITE, "55000"),
        ("made", OVERWRITE, "55000"),
        ("no_key", FILL_IN, "55000"),
        ("v", OVERWRITE, "22023"),
        ("m", OVERWRITE, "22023"),
        ("s", OVERWRITE, "22023"),
        ("i", OVERWRITE, "22023"),
        ("composite", OVERWRITE, "22023"),
        ("temporary", OVERWRITE, "22023"),
        ("part", OVERWRITE, "22023"),
        // What is the system's, or the extension's own.
        ("pg_class", OVERWRITE, "22023"),
        ("paliad_backup.backups", OVERWRITE, "22023"),
        ("paliad_backup.system_audit_log", OVERWRITE, "22023"),
    ] {
        let error = restore_sheet(&mut client, &id, target, arguments).expect_err(target);
        assert_eq!(sqlstate(&error), state, "{target}: {error:?}");
    }
    assert_equal(&before, &Digest::of(&database), "refused");
    // What is never exported is not written to either.
    let skipped = restore_sheet(&mut client, &id, "secret", OVERWRITE).unwrap();
    assert_eq!((skipped.sheets[0].action.as_str(), rows(&mut client, "secret").len()), ("skipped", 0), "{skipped:?}");
    let unknown = call(&mut client, &format!("paliad_backup.restore_sheet('{id}', 'nowhere', 'no_key', {OVERWRITE})"));
    assert_eq!(sqlstate(&unknown.unwrap_err()), "42704");
}

/// The administrator of backups may put them back; other tables are written to by those who may.
#[test]
fn the_caller_needs_rights_on_the_target() {
    let (database, mut client, id) = exported(TABLE);
    let name = login(&database, "admin", &["paliad_backup_admin"]);
    client.batch_execute("CREATE TABLE target (LIKE t); ALTER TABLE target ADD PRIMARY KEY (id)").unwrap();
    let mut admin = database.connect_as(&name);
    for (right, arguments, allowed) in [
        ("SELECT", OVERWRITE, false),
        ("SELECT", FILL_IN, false),
        ("INSERT", OVERWRITE, false),
        ("INSERT", FILL_IN, true),
        ("TRUNCATE", OVERWRITE, true),
    ] {
        client.batch_execute(&format!("GRANT {right} ON target TO {name}")).unwrap();
        let result = restore_sheet(&mut admin, &id, "target", arguments);
        match result {
            Ok(_) => assert!(allowed, "{right} {arguments}"),
            Err(error) => assert!(!allowed && sqlstate(&error) == "42501", "{right} {arguments}: {error:?}"),
        }
    }
}

#[test]
fn it_is_undone_where_the_checkpoint_has_the_target() {
    let (database, mut client, id) = exported(TABLE);
    client.batch_execute("CREATE TABLE target (LIKE t); ALTER TABLE target ADD PRIMARY KEY (id); INSERT INTO target VALUES (8, 'mine', 1)").unwrap();
    let before = Digest::of(&database);
    let restored = restore_sheet(&mut client, &id, "target", "overwrite => true, dry_run => false").unwrap();
    assert_eq!(rows(&mut client, "target").len(), 3);
    client.batch_execute("UPDATE t SET v = 'later'").unwrap();
    let undo = format!("paliad_backup.undo_restore('{}', dry_run => false, checkpoint => false)", restored.audit_id());
    call(&mut client, &undo).unwrap();
    assert_eq!(before.fact("rows of public.target"), Digest::of(&database).fact("rows of public.target"));
    // Not the table that the sheet is of.
    assert_eq!(rows(&mut client, "t").iter().filter(|row| row.contains("later")).count(), 3);
}

#[test]
fn a_checkpoint_is_restored_like_any_backup() {
    let (database, mut client, _) = exported(TABLE);
    let before = Digest::of(&database);
    let sql = "SELECT id::text, kind || ' ' || status || ' ' || requested_by_email
               FROM paliad_backup.create_checkpoint('before the migration', by_email => 'anna@example.org')";
    let row = client.query_one(sql, &[]).unwrap();
    let (id, told): (String, String) = (row.get(0), row.get(1));
    assert_eq!(told, "checkpoint done anna@example.org");
    client.batch_execute("DELETE FROM t; ALTER SEQUENCE t_id_seq RESTART").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    let listed = "SELECT to_jsonb(l)::text FROM paliad_backup.list() AS l WHERE kind = 'checkpoint'";
    let listed: String = client.query_one(listed, &[]).unwrap().get(0);
    assert!(listed.contains("before the migration"), "{listed}");
}
