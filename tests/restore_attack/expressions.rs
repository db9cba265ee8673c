//! What is asked for each row.

use crate::Attack;

#[test]
fn p4_check_constraint() {
    Attack { since: "ALTER TABLE m.t ADD CHECK (m.f(a) IS NOT NULL)", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_default_of_a_column_added_since() {
    Attack {
        since: "ALTER TABLE m.t ADD c int DEFAULT m.g()",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_default_of_a_domain() {
    Attack {
        since: "CREATE DOMAIN m.d AS int; ALTER TABLE m.t ADD c m.d; ALTER DOMAIN m.d SET DEFAULT m.g()",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_generated_column() {
    Attack {
        since: "ALTER TABLE m.t ADD c int GENERATED ALWAYS AS (m.f(a)) STORED",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

/// What a type's input function calls.
#[test]
fn p4_domain_check() {
    Attack {
        before:
            "CREATE DOMAIN m.d AS int; CREATE TYPE m.pair AS (one m.d); CREATE TABLE m.typed (v m.d, w m.pair, x m.d[]);
                 INSERT INTO m.typed VALUES (1, '(2)', '{3}')",
        since: "ALTER DOMAIN m.d ADD CHECK (m.f(VALUE) > 0) NOT VALID",
        naive: "INSERT INTO m.typed VALUES (1)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_index_expression() {
    Attack { since: "CREATE INDEX ON m.t ((a + m.f(1)))", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_index_predicate() {
    Attack { since: "CREATE INDEX ON m.t (a) WHERE m.f(b) > 0", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_extended_statistics() {
    Attack {
        since: "CREATE STATISTICS m.s ON (a + m.f(1)), b FROM m.t; ANALYZE m.t",
        naive: "SELECT a FROM m.t ORDER BY a",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_partition_key() {
    Attack {
        before: "CREATE TABLE m.p (a int) PARTITION BY RANGE ((a + m.f(1)));
                 CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM (0) TO (100); INSERT INTO m.p VALUES (1), (2)",
        naive: "INSERT INTO m.p VALUES (3)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_deferrable_exclusion_constraint() {
    Attack {
        since: "ALTER TABLE m.t ADD EXCLUDE ((a + m.f(0)) WITH =) WHERE (m.f(b) > 0) DEFERRABLE INITIALLY DEFERRED",
        ..Attack::default()
    }
    .assert_fails();
}
