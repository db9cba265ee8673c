//! D7 and D9: what is loaded without its constraints being asked is checked afterwards, and a violation changes nothing.

use crate::digest::{Digest, assert_equal};
use crate::restores::{FILL_IN, OVERWRITE, restore};
use crate::runs::{exported, run};
use crate::support::{Database, sqlstate};
use postgres::Client;

/// A bundle that no database could have: made while constraints that are deferred were violated.
fn exported_in_between(sql: &str, violation: &str) -> (Database<'static>, Client, String) {
    let (database, mut client, _) = exported(sql);
    client.batch_execute(&format!("BEGIN; SET CONSTRAINTS ALL DEFERRED; {violation}")).unwrap();
    let id = run(&mut client).unwrap().id;
    client.batch_execute("ROLLBACK").unwrap();
    (database, client, id)
}

/// Both the dry run and the real one name SQLSTATE, constraint and all `words`; nothing is changed.
fn assert_violated(
    database: &Database<'_>,
    client: &mut Client,
    id: &str,
    arguments: &str,
    expected: (&str, &str, &[&str]),
) {
    let (state, constraint, words) = expected;
    let before = Digest::of(database);
    let error = restore(client, id, &format!("{arguments}, dry_run => false, checkpoint => false")).unwrap_err();
    let told = error.as_db_error().expect("the server's error");
    assert_eq!(sqlstate(&error), state, "{error:?}");
    let text = format!("{}\n{}", told.message(), told.detail().unwrap_or_default());
    for word in words.iter().chain([&constraint]) {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_equal(&before, &Digest::of(database), "refused");
    let report = restore(client, id, arguments).unwrap();
    let errors = report.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["sqlstate"], state, "{errors:?}");
    assert_eq!(errors[0]["message"].as_str(), Some(told.message()), "{errors:?}");
    assert_eq!(errors[0]["detail"].as_str(), told.detail(), "{errors:?}");
    assert_equal(&before, &Digest::of(database), "dry run");
}

const CYCLE: &str = "
    CREATE TABLE b (id int PRIMARY KEY, a int); CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b, self int REFERENCES a);
    ALTER TABLE b ADD CONSTRAINT b_to_a FOREIGN KEY (a) REFERENCES a;
    CREATE TABLE pair (x int, y text, UNIQUE (y, x)); CREATE TABLE refers (id serial PRIMARY KEY, x int, y text,
        CONSTRAINT full_ FOREIGN KEY (x, y) REFERENCES pair (x, y) MATCH FULL DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO a VALUES (1, NULL, 2), (2, NULL, 1); INSERT INTO b VALUES (1, 2), (2, 1); UPDATE a SET b = 3 - id;
    INSERT INTO pair VALUES (1, 'k'), (NULL, 'free'); INSERT INTO refers (x, y) VALUES (1, 'k'), (NULL, NULL)";

#[test]
fn d7_cycles_and_self_references_come_back_and_hold() {
    let (database, mut client, id) = exported(CYCLE);
    let before = Digest::of(&database);
    client.batch_execute("BEGIN; SET session_replication_role = replica; DELETE FROM a; UPDATE b SET a = 77; DELETE FROM pair; COMMIT").unwrap();
    client.batch_execute("RESET session_replication_role").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    for violation in ["DELETE FROM a WHERE id = 1", "UPDATE b SET a = 77", "INSERT INTO refers (x, y) VALUES (1, NULL)"]
    {
        assert_eq!(sqlstate(&client.batch_execute(violation).unwrap_err()), "23503", "{violation}");
    }
    // In the midst of a transaction with its constraints deferred.
    client.batch_execute("BEGIN; SET CONSTRAINTS ALL DEFERRED").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    client.batch_execute("COMMIT").unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
}

#[test]
fn d7_a_row_that_refers_to_nothing_is_named() {
    let (database, mut client, id) = exported(CYCLE);
    client
        .batch_execute("UPDATE a SET self = NULL; UPDATE b SET a = NULL WHERE a = 2; UPDATE a SET b = NULL; DELETE FROM a WHERE id = 2")
        .unwrap();
    let violated: (&str, &str, &[&str]) = ("23503", "b_to_a", &["(a)=(2)", "\"a\""]);
    assert_violated(&database, &mut client, &id, "sheets => '{b}', overwrite => true", violated);
    client.batch_execute("DELETE FROM b WHERE id = 1").unwrap();
    assert_violated(&database, &mut client, &id, "sheets => '{b}'", violated);
    client.batch_execute("DELETE FROM refers; DELETE FROM pair").unwrap();
    let full: (&str, &str, &[&str]) = ("23503", "full_", &["(1, k)", "\"pair\""]);
    assert_violated(&database, &mut client, &id, "sheets => '{refers}', overwrite => true", full);
    // Together they fit.
    restore(&mut client, &id, &format!("sheets => '{{a,b}}', {OVERWRITE}")).unwrap();
}

#[test]
fn d7_also_between_partitions_and_from_children() {
    let (database, mut client, id) = exported(
        "CREATE TABLE target (id int, k text, PRIMARY KEY (k, id)) PARTITION BY LIST (k);
         CREATE TABLE ta PARTITION OF target FOR VALUES IN ('a'); CREATE TABLE td PARTITION OF target DEFAULT PARTITION BY HASH (id);
         CREATE TABLE td0 PARTITION OF td FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE source (id int, k text, n int) PARTITION BY RANGE (n); CREATE TABLE s1 PARTITION OF source DEFAULT;
         ALTER TABLE source ADD CONSTRAINT across FOREIGN KEY (id, k) REFERENCES target (id, k);
         INSERT INTO target VALUES (1, 'a'), (2, 'b'); INSERT INTO source VALUES (1, 'a', 1), (2, 'b', 2), (NULL, 'x', 3)",
    );
    let before = Digest::of(&database);
    client.batch_execute("DELETE FROM source; DELETE FROM target WHERE k = 'b'").unwrap();
    let violated: (&str, &str, &[&str]) = ("23503", "across", &["(2, b)"]);
    assert_violated(&database, &mut client, &id, "sheets => '{source}', overwrite => true", violated);
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    // The other side alone.
    client.batch_execute("INSERT INTO target VALUES (3, 'c'); INSERT INTO source VALUES (3, 'c', 9)").unwrap();
    let violated: (&str, &str, &[&str]) = ("23503", "across", &["(3, c)"]);
    assert_violated(&database, &mut client, &id, "sheets => '{target}', overwrite => true", violated);
}

/// A table that is not restored, and refers to one that is.
#[test]
fn d9_a_table_outside_of_the_restore() {
    let (database, mut client, id) = exported(
        "CREATE TABLE inside (id int PRIMARY KEY); INSERT INTO inside VALUES (1), (2);
         CREATE TABLE outside (i int, CONSTRAINT from_outside FOREIGN KEY (i) REFERENCES inside ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TABLE nulled (i int REFERENCES inside ON DELETE SET NULL); CREATE TABLE other (id int PRIMARY KEY)",
    );
    client
        .batch_execute(
            "INSERT INTO inside VALUES (3); INSERT INTO outside VALUES (1), (2); INSERT INTO nulled VALUES (1)",
        )
        .unwrap();
    let outside = Digest::of(&database).only_rows_of(&["public.outside", "public.nulled"]);
    let inside = format!("sheets => '{{inside}}', {OVERWRITE}");
    // All that they refer to comes back: nothing cascades.
    let restored = restore(&mut client, &id, &inside).unwrap();
    assert_eq!((restored.total.restored, restored.total.removed), (Some(2), Some(3)));
    assert_equal(&outside, &Digest::of(&database).only_rows_of(&["public.outside", "public.nulled"]), "outside");
    client.batch_execute("INSERT INTO inside VALUES (3); INSERT INTO outside VALUES (3)").unwrap();
    let violated: (&str, &str, &[&str]) = ("23503", "from_outside", &["\"outside\"", "(i)=(3)", "\"inside\""]);
    assert_violated(&database, &mut client, &id, "sheets => '{inside,other}', overwrite => true", violated);
    // Filling in takes no key away.
    client.batch_execute("DELETE FROM nulled").unwrap();
    restore(&mut client, &id, &format!("sheets => '{{inside}}', {FILL_IN}")).unwrap();
}

/// What was not valid before need not be afterwards.
#[test]
fn d7_a_foreign_key_that_is_not_valid_is_left_alone() {
    let (database, mut client, id) = exported(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int); INSERT INTO child VALUES (1, 99);
         ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID",
    );
    let before = Digest::of(&database);
    client.batch_execute("DELETE FROM child; INSERT INTO parent VALUES (5)").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
}

/// Filled in beside rows that have the same values under other keys.
#[test]
fn d7_unique_and_exclusion_constraints() {
    let (database, mut client, id) = exported(
        "CREATE TABLE t (id int PRIMARY KEY, u int, v text, r int4range);
         INSERT INTO t VALUES (1, 10, 'one', '[1,5)'), (2, 20, NULL, '[10,15)')",
    );
    client
        .batch_execute("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3, 10, 'one', '[4,6)'), (4, 40, NULL, NULL)")
        .unwrap();
    let mut violated = |constraint: &str, state: &str, words: &[&str]| {
        client.batch_execute(&format!("ALTER TABLE t ADD CONSTRAINT mine {constraint}")).unwrap();
        println!("{constraint}");
        assert_violated(&database, &mut client, &id, "overwrite => false", (state, "mine", words));
        client.batch_execute("ALTER TABLE t DROP CONSTRAINT mine").unwrap();
    };
    for deferrable in ["", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"] {
        violated(&format!("UNIQUE (u){deferrable}"), "23505", &["(u)=(10)"]);
        violated(&format!("UNIQUE (v, u){deferrable}"), "23505", &["(one, 10)"]);
        violated(&format!("EXCLUDE (u WITH =){deferrable}"), "23P01", &["(u)=(10)"]);
        violated(&format!("EXCLUDE USING gist (r WITH &&){deferrable}"), "23P01", &["(r)=("]);
        violated(&format!("EXCLUDE ((u / 10) WITH =, v WITH =) WHERE (id < 4){deferrable}"), "23P01", &["one"]);
    }
    // These are not violated.
    for constraint in [
        "UNIQUE (id, u) DEFERRABLE",
        "EXCLUDE (u WITH =) WHERE (id < 3) DEFERRABLE",
        "EXCLUDE USING gist (r WITH -|-) DEFERRABLE",
    ] {
        client
            .batch_execute(&format!("ALTER TABLE t ADD CONSTRAINT mine {constraint}; DELETE FROM t WHERE id = 1"))
            .unwrap();
        let restored = restore(&mut client, &id, FILL_IN).unwrap_or_else(|error| panic!("{constraint}: {error:?}"));
        assert_eq!(restored.total.restored, Some(1), "{constraint}");
        client.batch_execute("ALTER TABLE t DROP CONSTRAINT mine").unwrap();
    }
}

#[test]
fn d7_null_is_distinct_unless_said_otherwise() {
    let (database, mut client, id) =
        exported("CREATE TABLE t (id int PRIMARY KEY, u int); INSERT INTO t VALUES (1, NULL)");
    client
        .batch_execute(
            "UPDATE t SET id = 2; ALTER TABLE t ADD CONSTRAINT mine UNIQUE NULLS NOT DISTINCT (u) DEFERRABLE",
        )
        .unwrap();
    assert_violated(&database, &mut client, &id, "overwrite => false", ("23505", "mine", &["(u)=(null)"]));
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT mine, ADD UNIQUE (u) DEFERRABLE").unwrap();
    assert_eq!(restore(&mut client, &id, FILL_IN).unwrap().total.restored, Some(1));
}

#[test]
fn d7_a_bundle_that_was_made_while_constraints_were_violated() {
    let sql =
        "CREATE TABLE t (id int, u int, r int4range, PRIMARY KEY (id) DEFERRABLE, CONSTRAINT u_ UNIQUE (u) DEFERRABLE,
                   CONSTRAINT r_ EXCLUDE USING gist (r WITH &&) DEFERRABLE);
               INSERT INTO t VALUES (1, 1, '[1,2)'); CREATE TABLE parent (id int PRIMARY KEY);
               CREATE TABLE child (id int CONSTRAINT c_ REFERENCES parent DEFERRABLE);
               CREATE TABLE p (k int, u int, PRIMARY KEY (k, u) DEFERRABLE) PARTITION BY LIST (k);
               CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, 1)";
    for (violation, expected) in [
        ("INSERT INTO t VALUES (1, 2, '[5,6)')", ("23505", "t_pkey", &["(id)=(1)"] as &[&str])),
        ("INSERT INTO t VALUES (2, 1, '[5,6)')", ("23505", "u_", &["(u)=(1)"])),
        ("INSERT INTO t VALUES (2, 2, '[0,9)')", ("23P01", "r_", &["(r)=("])),
        ("INSERT INTO child VALUES (7)", ("23503", "c_", &["(id)=(7)"])),
        ("INSERT INTO p VALUES (1, 1)", ("23505", "p_pkey", &["(1, 1)"])),
    ] {
        println!("{violation}");
        let (database, mut client, id) = exported_in_between(sql, violation);
        assert_violated(&database, &mut client, &id, "overwrite => true", expected);
    }
}

/// Checks are asked row by row, as always.
#[test]
fn checks_and_not_null_are_asked() {
    let (database, mut client, id) =
        exported("CREATE TABLE t (id int PRIMARY KEY, n int, v text); INSERT INTO t VALUES (1, -1, NULL)");
    client.batch_execute("DELETE FROM t; ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").unwrap();
    assert_violated(&database, &mut client, &id, "overwrite => true", ("23514", "positive", &["(1, -1, null)"]));
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT positive, ALTER v SET NOT NULL").unwrap();
    assert_violated(&database, &mut client, &id, "overwrite => true", ("23502", "\"v\"", &["(1, -1, null)"]));
}
