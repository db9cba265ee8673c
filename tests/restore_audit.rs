//! Who restored what when, and whether it was committed; and how a restore is taken back.

use crate::digest::{Digest, assert_equal};
use crate::restores::{OVERWRITE, Restored, call, restore};
use crate::runs::exported;
use crate::security::login;
use crate::support::{Database, column, sqlstate};
use postgres::Client;

const WITH_CHECKPOINT: &str = "overwrite => true, dry_run => false";

fn changed() -> (Database<'static>, Client, String) {
    let (database, mut client, id) = exported(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b');
             CREATE TABLE other (id serial PRIMARY KEY); CREATE SEQUENCE alone; SELECT setval('alone', 5)",
    );
    client
        .batch_execute(
            "INSERT INTO t VALUES (3, 'c'); DELETE FROM t WHERE id = 1; INSERT INTO other DEFAULT VALUES; SELECT setval('alone', 3)",
        )
        .unwrap();
    (database, client, id)
}

/// Newest first, as a session of its own sees them: who, which sheets, overwrite, dry run, committed.
fn restores(database: &Database<'_>) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', by_email, coalesce(sheets::text, 'all'), overwrite, dry_run, coalesce(committed::text, 'unknown'))
               FROM paliad_backup.restores()";
    column(&mut database.connect(), sql)
}

fn undo(client: &mut Client, audit_id: &str, arguments: &str) -> Result<Restored, postgres::Error> {
    call(client, &format!("paliad_backup.undo_restore('{audit_id}', {arguments})"))
}

#[test]
fn who_restored_what_and_whether_it_was_committed() {
    let (database, mut client, id) = changed();
    let begin = client.query_one("SELECT now()::text", &[]).unwrap().get::<_, String>(0);
    // As seen while the transaction goes on, after its ROLLBACK, and after a COMMIT.
    client.batch_execute("BEGIN").unwrap();
    let rolled_back = restore(&mut client, &id, &format!("{OVERWRITE}, by_email => 'anna@example.org'")).unwrap();
    assert_eq!(restores(&database), ["anna@example.org all t f unknown"]);
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(restores(&database), ["anna@example.org all t f false"]);
    restore(&mut client, &id, "sheets => '{t}', dry_run => false, checkpoint => false, by_email => 'ben@example.org'")
        .unwrap();
    assert_eq!(restores(&database)[0], "ben@example.org {t} f f true");
    restore(&mut client, &id, "overwrite => true").unwrap();
    assert_eq!(restores(&database)[0], "postgres all t t unknown");
    // What was refused was asked for.
    client.batch_execute("ALTER TABLE t RENAME v TO w").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap_err();
    assert_eq!(restores(&database)[0], "postgres all t f false");
    assert_eq!(restores(&database).len(), 4);

    let sql = format!(
        "SELECT backup_id = '{id}' AND requested_at >= '{begin}' AND transaction_id IS NOT NULL, result::text
         FROM paliad_backup.restores() WHERE audit_id = '{}'",
        rolled_back.audit_id()
    );
    let row = client.query_one(&sql, &[]).unwrap();
    assert!(row.get::<_, bool>(0));
    let result: serde_json::Value = serde_json::from_str(row.get(1)).unwrap();
    let rows = result.as_array().expect("a row per sheet");
    assert_eq!(rows.iter().filter(|row| row["sheet"] == "t" && row["rows_restored"] == 2).count(), 1, "{result}");
    let failed = "SELECT error FROM paliad_backup.restores(1)";
    let error: String = client.query_one(failed, &[]).unwrap().get(0);
    assert!(error.contains("\"v\""), "{error}");
}

/// The row is there before anything is done, and tells what killed the restore.
#[test]
fn the_audit_survives_whatever_becomes_of_the_restore() {
    let (database, mut client, id) = changed();
    client.batch_execute("ALTER TABLE t ADD CHECK (pg_sleep(60) IS NOT NULL) NOT VALID").unwrap();
    client.batch_execute("SET statement_timeout = '1s'").unwrap();
    let before = Digest::of(&database);
    let error = restore(&mut client, &id, OVERWRITE).unwrap_err();
    assert_eq!(sqlstate(&error), "57014");
    client.batch_execute("RESET statement_timeout").unwrap();
    assert_eq!(restores(&database), ["postgres all t f false"]);
    assert_equal(&before, &Digest::of(&database), "timed out");
    let state = "SELECT in_progress::text FROM paliad_backup.progress";
    assert_eq!(client.query_one(state, &[]).unwrap().get::<_, String>(0), "false");
}

#[test]
fn a_committed_restore_is_undone() {
    let (database, mut client, id) = changed();
    let before = Digest::of(&database);
    let restored = restore(&mut client, &id, &format!("{WITH_CHECKPOINT}, checkpoint_reason => 'why not'")).unwrap();
    let checkpoint = restored.total.checkpoint_id.clone().expect("a checkpoint was made");
    let kind = format!("SELECT kind || ' ' || status FROM paliad_backup.get('{checkpoint}')");
    assert_eq!(client.query_one(&kind, &[]).unwrap().get::<_, String>(0), "checkpoint done");
    let after = Digest::of(&database);
    assert!(!before.differences(&after).is_empty());
    // To try is to change nothing.
    undo(&mut client, restored.audit_id(), "dry_run => true").unwrap();
    assert_equal(&after, &Digest::of(&database), "dry run");
    let undone = undo(&mut client, restored.audit_id(), "dry_run => false, by_email => 'anna@example.org'").unwrap();
    assert_equal(&before, &Digest::of(&database), "undone");
    // With a checkpoint of its own the undoing can be undone.
    undo(&mut client, undone.audit_id(), "dry_run => false, checkpoint => false").unwrap();
    assert_equal(&after, &Digest::of(&database), "undone twice");
    assert!(restores(&database)[1].starts_with("anna@example.org "), "{:?}", restores(&database));
}

/// Only what it has touched.
#[test]
fn undoing_leaves_other_tables_alone() {
    let (database, mut client, id) = changed();
    let restored = restore(&mut client, &id, &format!("sheets => '{{t}}', {WITH_CHECKPOINT}")).unwrap();
    client.batch_execute("INSERT INTO other DEFAULT VALUES; SELECT setval('alone', 77)").unwrap();
    let other: Vec<String> =
        ["rows of public.other", "next value of public.other_id_seq", "next value of public.alone"]
            .map(|fact| Digest::of(&database).fact(fact).to_owned())
            .to_vec();
    undo(&mut client, restored.audit_id(), "dry_run => false, checkpoint => false").unwrap();
    let now: Vec<String> = ["rows of public.other", "next value of public.other_id_seq", "next value of public.alone"]
        .map(|fact| Digest::of(&database).fact(fact).to_owned())
        .to_vec();
    assert_eq!(other, now);
    let rows = client.query("SELECT id || v FROM t ORDER BY id", &[]).unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["2b", "3c"]);
}

#[test]
fn only_a_committed_restore_with_a_checkpoint_is_undone() {
    let (database, mut client, id) = changed();
    let before = Digest::of(&database);
    let dry = restore(&mut client, &id, "overwrite => true").unwrap();
    client.batch_execute("BEGIN").unwrap();
    let rolled_back = restore(&mut client, &id, WITH_CHECKPOINT).unwrap();
    // Its own transaction has it still in hand.
    let error = undo(&mut client, rolled_back.audit_id(), "dry_run => false").unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    client.batch_execute("ROLLBACK").unwrap();
    for audit_id in [dry.audit_id(), rolled_back.audit_id()] {
        for arguments in ["dry_run => false", "dry_run => true"] {
            let error = undo(&mut client, audit_id, arguments).unwrap_err();
            assert_eq!(sqlstate(&error), "55000", "{error:?}");
        }
    }
    assert_equal(&before, &Digest::of(&database), "refused");
    let without = restore(&mut client, &id, OVERWRITE).unwrap();
    let after = Digest::of(&database);
    assert_eq!(sqlstate(&undo(&mut client, without.audit_id(), "dry_run => false").unwrap_err()), "55000");
    // The hint's command finds the one that could be.
    let error = undo(&mut client, dry.audit_id(), "dry_run => true").unwrap_err();
    let (_, last) =
        error.as_db_error().and_then(|told| told.hint()).and_then(|hint| hint.split_once(": ")).expect("a hint");
    assert_eq!(column(&mut client, &last.replace('*', "audit_id::text").replace(';', "")), [without.audit_id()]);
    let unknown = "00000000-0000-0000-0000-000000000000";
    assert_eq!(sqlstate(&undo(&mut client, unknown, "dry_run => false").unwrap_err()), "42704");
    // The audit row of something else.
    let sql = "SELECT id::text FROM paliad_backup.system_audit_log WHERE event_type = 'backup_created' LIMIT 1";
    let backup: String = client.query_one(sql, &[]).unwrap().get(0);
    assert_eq!(sqlstate(&undo(&mut client, &backup, "dry_run => false").unwrap_err()), "42704");
    assert_equal(&after, &Digest::of(&database), "refused");
}

/// A restore of an administrator who is no superuser, with the application's own audit table.
#[test]
fn an_administrators_restore_in_the_applications_log() {
    let (database, mut client, id) = changed();
    client
        .batch_execute(
            "CREATE TABLE public.audit (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type text NOT NULL, actor_id uuid,
                 actor_email text, scope text, scope_root text, metadata jsonb, created_at timestamptz DEFAULT now(),
                 updated_at timestamptz DEFAULT now());
             UPDATE paliad_backup.settings SET audit_table = 'public.audit'",
        )
        .unwrap();
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    let mut admin = database.connect_as(&admin);
    let actor = "by_email => 'anna@example.org', by_id => '11111111-1111-4111-8111-111111111111'";
    let restored = restore(&mut admin, &id, &format!("{OVERWRITE}, {actor}")).unwrap();
    let sql = "SELECT concat_ws(' ', id, event_type, actor_id, actor_email) FROM public.audit";
    let logged = column(&mut client, sql);
    let expected =
        format!("{} restore_requested 11111111-1111-4111-8111-111111111111 anna@example.org", restored.audit_id());
    assert_eq!(logged, [expected]);
    assert_eq!(restores(&database), ["anna@example.org all t f true"]);
}
