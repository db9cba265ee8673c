//! What a restore tells: of sheets that it would not try, and of what a table that it makes has lost.

use crate::restores::{FILL_IN, OVERWRITE, Outcome, call, refusal, restore};
use crate::runs::exported;
use crate::support::column;

fn message(outcome: &Outcome) -> &str {
    outcome.message.as_deref().unwrap_or_default()
}

/// A table that does not fit stops all of them: nothing may look as if it were back.
#[test]
fn a_dry_run_says_what_was_not_tried() {
    let (_database, mut client, id) = exported(
        "CREATE TABLE keyed (id int PRIMARY KEY); INSERT INTO keyed SELECT generate_series(1, 7);
         CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more VALUES (1); CREATE TABLE unkeyed (n int);
         CREATE VIEW seen AS SELECT * FROM keyed;
         INSERT INTO paliad_backup.sheets (relation_schema, relation_name, order_by) VALUES ('public', 'seen', '{id}')",
    );
    client.batch_execute("DELETE FROM keyed WHERE id > 2").unwrap();
    let dry = call(&mut client, &format!("paliad_backup.restore('{id}')")).unwrap();
    assert_eq!(dry.names("not tried"), ["keyed", "more"], "{dry:#?}");
    assert_eq!((dry.names("failed"), dry.names("skipped")), (vec!["unkeyed"], vec!["seen"]));
    for outcome in ["keyed", "more", "unkeyed"].map(|name| dry.sheet(name)).into_iter().chain([&dry.total]) {
        assert_eq!((outcome.restored, outcome.skipped, outcome.removed), (None, None, None), "{outcome:?}");
    }
    let told = "a restore would be refused; sheets restored: 0, skipped: 1, failed: 1, not tried: 2; dry run: nothing was changed";
    assert_eq!(message(&dry.total), told);
    assert_eq!(refusal(restore(&mut client, &id, FILL_IN)).0, "55000");
    // What fails only while it is tried is counted, and refused as well.
    client.batch_execute("ALTER TABLE more ADD CHECK (id > 1) NOT VALID; DELETE FROM more").unwrap();
    let dry = restore(&mut client, &id, "overwrite => true").unwrap();
    assert_eq!((dry.names("failed"), dry.sheet("keyed").restored), (vec!["more"], Some(7)), "{dry:#?}");
    assert!(message(&dry.total).starts_with("a restore would be refused; sheets restored: 2, "), "{dry:#?}");
    let dry = restore(&mut client, &id, "sheets => '{keyed}'").unwrap();
    assert_eq!(message(&dry.total), "sheets restored: 1, skipped: 0, failed: 0; dry run: nothing was changed");
}

/// There are no rows to tell apart in a table that the restore has made.
#[test]
fn a_table_that_is_made_needs_no_key() {
    let (_database, mut client, id) = exported(
        "CREATE SCHEMA app; CREATE TABLE app.log (n int, at date) PARTITION BY RANGE (at);
         CREATE TABLE app.log_all PARTITION OF app.log DEFAULT; INSERT INTO app.log VALUES (1), (1), (NULL);
         CREATE TABLE app.stays (id int PRIMARY KEY); INSERT INTO app.stays VALUES (1), (2)",
    );
    client.batch_execute("DROP TABLE app.log; DELETE FROM app.stays WHERE id = 1").unwrap();
    for arguments in ["dry_run => true", FILL_IN] {
        let told = restore(&mut client, &id, &format!("{arguments}, create_missing => true")).unwrap();
        let counts = |name: &str| (told.sheet(name).restored, told.sheet(name).skipped);
        assert_eq!((counts("log"), counts("stays")), ((Some(3), Some(0)), (Some(1), Some(1))), "{told:#?}");
    }
    assert_eq!(column(&mut client, "SELECT coalesce(n, 0)::text FROM app.log ORDER BY n"), ["1", "1", "0"]);
    // It is there now.
    assert_eq!(refusal(restore(&mut client, &id, &format!("{FILL_IN}, create_missing => true"))).0, "55000");
}

/// DROP … CASCADE takes more along than comes back.
#[test]
fn what_a_table_that_is_made_has_lost_is_named() {
    let (_database, mut client, id) = exported(
        "CREATE SCHEMA app; CREATE TABLE app.kunden (id int PRIMARY KEY, chef int CONSTRAINT chef REFERENCES app.kunden);
         CREATE TABLE app.auftraege (id int PRIMARY KEY, kunde int CONSTRAINT \"von Kunde\" REFERENCES app.kunden);
         CREATE TABLE app.belege (id int PRIMARY KEY, kunde int CONSTRAINT beleg REFERENCES app.kunden, auftrag int REFERENCES app.auftraege);
         INSERT INTO app.kunden VALUES (1, NULL), (2, 1); INSERT INTO app.auftraege VALUES (1, 2); INSERT INTO app.belege VALUES (1, 2, 1)",
    );
    client.batch_execute("DROP TABLE app.kunden CASCADE; DROP TABLE app.belege").unwrap();
    let arguments = format!("{OVERWRITE}, create_missing => true").replace("checkpoint => false", "checkpoint => true");
    let dry = restore(&mut client, &id, "overwrite => true, create_missing => true").unwrap();
    let done = restore(&mut client, &id, &arguments).unwrap();
    let made = "the table was made; triggers, policies and grants are not part of a bundle";
    let key =
        "ALTER TABLE ONLY app.auftraege ADD CONSTRAINT \"von Kunde\" FOREIGN KEY (kunde) REFERENCES app.kunden(id)";
    let lost = format!("{made}; foreign key \"von Kunde\" of app.auftraege is not there any more: {key};");
    for told in [&dry, &done] {
        assert_eq!(message(told.sheet("kunden")), lost);
        assert_eq!(message(told.sheet("belege")), made, "its own keys are made again");
        assert_eq!(told.sheet("auftraege").message, None);
    }
    client.batch_execute(key).expect("what is told can be typed");

    // The checkpoint has the tables that the restore had made, and none of their rows.
    client.batch_execute("ALTER TABLE app.auftraege DROP CONSTRAINT \"von Kunde\"").unwrap();
    let undone = call(
        &mut client,
        &format!("paliad_backup.undo_restore('{}', dry_run => false, checkpoint => false)", done.audit_id()),
    );
    let undone = undone.unwrap();
    let stays = |table: &str| format!("the table was made by the restore and stays, without rows: DROP TABLE {table};");
    assert_eq!(message(undone.sheet("kunden")), stays("app.kunden"));
    assert_eq!(message(undone.sheet("belege")), stays("app.belege"));
    assert_eq!(undone.sheet("auftraege").message, None);
    assert_eq!(column(&mut client, "SELECT count(*)::text FROM app.kunden"), ["0"]);
}
