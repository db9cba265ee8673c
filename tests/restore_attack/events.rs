//! What is set off by rows that come and go.

use crate::{Attack, End};

#[test]
fn p4_trigger_enabled_always() {
    Attack {
        since: "CREATE TRIGGER x BEFORE INSERT ON m.t FOR EACH ROW EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE ALWAYS TRIGGER x",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_trigger_enabled_for_replicas() {
    Attack {
        since: "CREATE TRIGGER x AFTER INSERT ON m.t FOR EACH STATEMENT EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE REPLICA TRIGGER x",
        naive: "SET session_replication_role = replica; INSERT INTO m.t VALUES (10, 10)",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_truncate_trigger() {
    for state in ["ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA"] {
        let since = format!(
            "CREATE TRIGGER x BEFORE TRUNCATE ON m.t FOR EACH STATEMENT EXECUTE FUNCTION m.fire(); ALTER TABLE m.t {state} TRIGGER x"
        );
        let naive = if state == "ENABLE REPLICA" {
            "SET session_replication_role = replica; TRUNCATE m.t"
        } else {
            "TRUNCATE m.t"
        };
        Attack { since: since.leak(), naive, end: End::Untouched, ..Attack::default() }.assert_fails();
    }
}

/// Where a table outside of the restore refers to it, rows are deleted.
#[test]
fn p4_delete_trigger_and_rule() {
    Attack {
        before: "ALTER TABLE m.t ADD PRIMARY KEY (a)",
        since: "CREATE TRIGGER x BEFORE DELETE ON m.t FOR EACH ROW EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE ALWAYS TRIGGER x;
                CREATE RULE r AS ON DELETE TO m.t DO ALSO SELECT m.f(1)",
        lend: "CREATE TABLE public.outside (a int REFERENCES m.t)",
        naive: "DELETE FROM m.t",
        end: End::Untouched,
    }
    .assert_fails();
}

#[test]
fn p4_insert_rule() {
    Attack {
        since: "CREATE RULE r AS ON INSERT TO m.t DO ALSO SELECT m.g()",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

/// It fires when the transaction is committed, as whoever commits.
#[test]
fn p4_deferred_trigger() {
    Attack {
        since: "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON m.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.fire();
                ALTER TABLE m.t ENABLE ALWAYS TRIGGER x",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

/// A check that leaves an event behind for a deferred trigger of another table.
#[test]
fn p4_deferred_trigger_of_a_table_that_a_check_writes_to() {
    Attack {
        since: "CREATE TABLE m.bait (a int);
                CREATE CONSTRAINT TRIGGER x AFTER INSERT ON m.bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.fire();
                ALTER TABLE m.bait ENABLE ALWAYS TRIGGER x;
                CREATE FUNCTION m.leave() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO m.bait VALUES (1); RETURN true; END';
                ALTER TABLE m.t ADD CHECK (m.leave()) NOT VALID",
        end: End::Stopped,
        ..Attack::default()
    }
    .assert_fails();
}
