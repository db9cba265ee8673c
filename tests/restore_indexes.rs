//! Many rows are loaded without indexes, which are built behind them: afterwards they are there as before, whole and valid.

use crate::digest::{Digest, assert_equal};
use crate::restores::{OVERWRITE, restore};
use crate::runs::exported;
use crate::support::sqlstate;
use postgres::Client;

const TABLES: &str = "CREATE EXTENSION amcheck;
    CREATE TABLE plain (id int PRIMARY KEY, v int, t text, UNIQUE (v) DEFERRABLE INITIALLY DEFERRED,
        EXCLUDE USING gist (int4range(id, id + 1) WITH &&));
    CREATE INDEX expression ON plain (lower(t)); CREATE INDEX part ON plain (t) WHERE v % 2 = 0; CREATE INDEX words ON plain USING gin (to_tsvector('simple', t));
    INSERT INTO plain SELECT i, -i, 'row ' || md5(i::text) FROM generate_series(1, 20000) AS i;
    CREATE TABLE tree (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF tree FOR VALUES FROM (0) TO (15000); CREATE TABLE high PARTITION OF tree DEFAULT;
    CREATE INDEX ON tree (v); CREATE INDEX low_alone ON low (v, id); INSERT INTO tree SELECT i, i % 7 FROM generate_series(1, 20000) AS i;
    CREATE TABLE refers (id int PRIMARY KEY REFERENCES plain, tree int REFERENCES tree); INSERT INTO refers SELECT i, i FROM generate_series(1, 20000) AS i";

/// Indexes by name: as they are defined, and whether they can be used. All b-trees have all rows.
fn indexes(client: &mut Client) -> Vec<String> {
    client
        .batch_execute(
            "SELECT bt_index_check(c.oid, true) FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
             JOIN pg_index AS i ON i.indexrelid = c.oid AND i.indisvalid WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace AND a.amname = 'btree'",
        )
        .unwrap();
    let sql = "SELECT pg_get_indexdef(indexrelid) || concat(indisready, indisvalid, indislive, indisprimary, indisreplident, indcheckxmin)
               FROM pg_index JOIN pg_class AS c ON c.oid = indrelid WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1";
    client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn indexes_are_whole_after_a_restore() {
    let (database, mut client, id) = exported(TABLES);
    let (before, known) = (Digest::of(&database), indexes(&mut client));
    client
        .batch_execute("DELETE FROM refers WHERE id < 5000; DELETE FROM plain WHERE id < 3000; UPDATE tree SET v = 9; DELETE FROM tree WHERE id < 100")
        .unwrap();
    let changed = Digest::of(&database);
    restore(&mut client, &id, "overwrite => true").unwrap();
    assert_equal(&changed, &Digest::of(&database), "after a dry run");
    assert_eq!(indexes(&mut client), known);
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    assert_eq!(indexes(&mut client), known);
    client.batch_execute("SET enable_seqscan = off").unwrap();
    let plan = client.query("EXPLAIN (COSTS OFF) SELECT FROM plain WHERE lower(t) = 'row a'", &[]).unwrap();
    assert!(plan.iter().any(|row| row.get::<_, &str>(0).contains("expression")), "{plan:?}");
}

/// The rows of the bundle break what was added to the tables since.
#[test]
fn what_an_index_does_not_take_changes_nothing() {
    for (constraint, expected) in [
        ("ALTER TABLE t ADD UNIQUE (v)", "23505"),
        ("CREATE UNIQUE INDEX ON t ((v / 2))", "23505"),
        ("ALTER TABLE t ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED", "23505"),
        ("ALTER TABLE t ADD EXCLUDE USING btree (v WITH =)", "23P01"),
    ] {
        let (database, mut client, id) = exported(
            "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 4 * (i % 19999) FROM generate_series(1, 20000) AS i",
        );
        client.batch_execute(&format!("DELETE FROM t WHERE id > 100; {constraint}")).unwrap();
        let before = Digest::of(&database);
        let error = restore(&mut client, &id, OVERWRITE).unwrap_err();
        assert_eq!(sqlstate(&error), expected, "{constraint}: {error:?}");
        assert!(error.as_db_error().unwrap().detail().unwrap().contains("=("), "{error:?}");
        let told = restore(&mut client, &id, "overwrite => true").unwrap().errors();
        assert_eq!(told[0]["sqlstate"], expected, "{constraint}");
        assert_equal(&before, &Digest::of(&database), constraint);
    }
}
