//! A restore that cannot be safe is refused at once: what was there stays, and the session can be used.

use std::thread;

use crate::digest::{Digest, assert_equal};
use crate::imports::forged_rows;
use crate::restores::{OVERWRITE, restore};
use crate::runs;
use crate::runs::{Gate, exported, run};
use crate::support::{Database, sqlstate};
use postgres::Client;

/// A database with a table whose rows differ from those of its backup.
fn changed() -> (Database<'static>, Client, String) {
    let (database, mut client, id) = exported(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b'); CREATE TABLE log (told text);
             CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell()",
        );
    client.batch_execute("INSERT INTO t VALUES (3, 'c')").unwrap();
    (database, client, id)
}

/// Restores after `before` in the same transaction; returns SQLSTATE and message. Nothing must be changed.
fn refused(before: &str) -> (String, String) {
    let (database, mut client, id) = changed();
    let state = Digest::of(&database);
    client.batch_execute(before).unwrap();
    let error = restore(&mut client, &id, OVERWRITE).expect_err(before);
    client.batch_execute("ROLLBACK").unwrap();
    assert_equal(&state, &Digest::of(&database), before);
    // What stood in the way was the transaction, not the tables.
    restore(&mut client, &id, OVERWRITE).unwrap();
    let message = error.as_db_error().expect("the server's error").message().to_owned();
    (sqlstate(&error).to_owned(), message)
}

/// Its snapshot would be older than its locks.
#[test]
fn a_transaction_with_one_snapshot() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        assert_eq!(refused(&format!("BEGIN ISOLATION LEVEL {level}")).0, "25001", "{level}");
        assert_eq!(refused(&format!("BEGIN ISOLATION LEVEL {level}; SELECT * FROM t")).0, "25001", "{level}");
    }
}

#[test]
fn a_read_only_transaction() {
    assert_eq!(refused("BEGIN READ ONLY").0, "25006");
    let (database, _, id) = changed();
    let mut client = database.connect();
    client.batch_execute("SET default_transaction_read_only = on").unwrap();
    // A dry run writes, too.
    for arguments in [OVERWRITE, "overwrite => true"] {
        assert_eq!(sqlstate(&restore(&mut client, &id, arguments).unwrap_err()), "25006", "{arguments}");
    }
}

#[test]
fn a_cursor_that_is_open_on_a_table() {
    let (state, message) = refused("BEGIN; DECLARE c CURSOR FOR SELECT * FROM t; FETCH c");
    assert!(state == "55006" && message.contains("\"t\""), "{state} {message}");
}

/// They are about rows that would be gone.
#[test]
fn trigger_events_that_are_pending() {
    let (state, message) = refused("BEGIN; UPDATE t SET v = 'x' WHERE id = 1");
    assert!(state == "55006" && message.contains("\"t\""), "{state} {message}");
}

#[test]
fn a_table_that_somebody_has_locked() {
    let (database, mut client, id) = changed();
    let before = Digest::of(&database);
    let mut other = database.connect();
    for mode in ["ROW EXCLUSIVE", "ACCESS EXCLUSIVE"] {
        other.batch_execute(&format!("BEGIN; LOCK TABLE t IN {mode} MODE")).unwrap();
        client.batch_execute("SET lock_timeout = '200ms'").unwrap();
        let error = restore(&mut client, &id, OVERWRITE).unwrap_err();
        assert_eq!(sqlstate(&error), "55P03", "{error:?}");
        assert!(error.as_db_error().unwrap().message().contains("public.t"), "{error:?}");
        other.batch_execute("ROLLBACK").unwrap();
        assert_equal(&before, &Digest::of(&database), mode);
    }
    // A reader is waited for, too: it must not see the table empty.
    other.batch_execute("BEGIN; SELECT * FROM t").unwrap();
    assert_eq!(sqlstate(&restore(&mut client, &id, OVERWRITE).unwrap_err()), "55P03");
    other.batch_execute("ROLLBACK").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
}

#[test]
fn another_run_is_active() {
    let (database, mut client, id) = changed();
    let before = Digest::of(&database);
    let mut gate = Gate::close(&database, 1);
    thread::scope(|scope| {
        let backup = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        for arguments in [OVERWRITE, "overwrite => true"] {
            assert_eq!(sqlstate(&restore(&mut client, &id, arguments).unwrap_err()), "55006", "{arguments}");
        }
        gate.open();
        backup.join().unwrap().unwrap();
    });
    assert_equal(&before, &Digest::of(&database), "refused");
}

#[test]
fn a_backup_that_is_not_there() {
    let (database, mut client, id) = changed();
    let before = Digest::of(&database);
    client.batch_execute(&format!("SELECT paliad_backup.delete('{id}')")).unwrap();
    assert_eq!(sqlstate(&restore(&mut client, &id, OVERWRITE).unwrap_err()), "55000");
    let other = run(&mut client).unwrap();
    std::fs::remove_file(other.path()).unwrap();
    assert_eq!(sqlstate(&restore(&mut client, &other.id, OVERWRITE).unwrap_err()), "58030");
    let json = runs::run_with(&mut client, "formats => '{json}'").unwrap();
    assert_eq!(sqlstate(&restore(&mut client, &json.id, OVERWRITE).unwrap_err()), "55000");
    assert_equal(&before, &Digest::of(&database), "refused");
}

/// A restore is for those who may make backups, and for nobody else.
/// Its rows are being loaded when the hash of the file is known; also where they led to another error.
#[test]
fn a_file_that_is_not_the_one_that_was_made() {
    let (database, mut client, _) = changed();
    client.batch_execute("CREATE SEQUENCE s").unwrap();
    let backup = run(&mut client).unwrap();
    client.batch_execute("SELECT nextval('s'); INSERT INTO t VALUES (4, 'd')").unwrap();
    let before = Digest::of(&database);
    for rows in ["1,a\n2,forged\n3,c\n", "1,a\nno number,b\n3,c\n", "1,a\n1,b\n3,c\n", "1,a,b\n2\n3,c\n"] {
        let file = forged_rows(&backup.open(), "t", &format!("id,v\n{rows}"));
        std::fs::write(backup.path(), &file).unwrap();
        // Its length alone would tell, before.
        let sql = "UPDATE paliad_backup.backups SET size_bytes = $1 WHERE id = $2::text::uuid";
        client.execute(sql, &[&(file.len() as i64), &backup.id]).unwrap();
        for arguments in [OVERWRITE, "overwrite => true", "dry_run => false", "sheets => '{t}'"] {
            let error = restore(&mut client, &backup.id, arguments).unwrap_err();
            let told = error.as_db_error().unwrap();
            assert_eq!(told.code().code(), "XX001", "{arguments} {rows}: {told:?}");
            assert!(told.message().contains("is not the one that was made"), "{told:?}");
        }
        assert_equal(&before, &Digest::of(&database), rows);
    }
}

#[test]
fn somebody_without_the_role() {
    let (database, _, id) = changed();
    let role = format!("{}_nobody", database.name());
    database.connect().batch_execute(&format!("CREATE ROLE {role} LOGIN IN ROLE paliad_backup_reader")).unwrap();
    let mut nobody = database.connect_as(&role);
    let before = Digest::of(&database);
    for call in [
        format!("SELECT paliad_backup.restore('{id}', {OVERWRITE})"),
        format!("SELECT paliad_backup.restore('{id}')"),
        format!("SELECT paliad_backup.restore_sheet('{id}', 't', 't')"),
        format!("SELECT paliad_backup.undo_restore('{id}')"),
        "SELECT paliad_backup.create_checkpoint('x')".into(),
        "SELECT paliad_backup.restores()".into(),
    ] {
        assert_eq!(sqlstate(&nobody.batch_execute(&call).unwrap_err()), "42501", "{call}");
    }
    assert_equal(&before, &Digest::of(&database), "refused");
}
