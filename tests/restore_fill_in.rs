//! Rows that are gone come back beside those that are there, which stay as they are.

use crate::digest::{Digest, assert_equal};
use crate::restores;
use crate::restores::{FILL_IN, refusal, restore};
use crate::runs::exported;
use crate::support::column;

#[test]
fn filling_in_keeps_what_is_there() {
    let (database, mut client, id) = exported(
        "CREATE TABLE t (a int, b text COLLATE \"C\", v text, u int UNIQUE, PRIMARY KEY (b, a));
         INSERT INTO t SELECT n, 'k' || n % 3, 'old', n FROM generate_series(1, 3000) AS n;
         CREATE SEQUENCE ahead; CREATE SEQUENCE behind; SELECT setval('behind', 50)",
    );
    client
        .batch_execute(
            "DELETE FROM t WHERE a % 2 = 0; UPDATE t SET v = 'changed' WHERE a = 1; INSERT INTO t VALUES (2, 'other', 'added', NULL);
             SELECT setval('ahead', 60); SELECT setval('behind', 40)",
        )
        .unwrap();
    let restored = restore(&mut client, &id, FILL_IN).unwrap();
    let t = restored.sheet("t");
    assert_eq!((t.restored, t.skipped, t.removed), (Some(1500), Some(1500), Some(0)));
    assert_eq!(column(&mut client, "SELECT count(*) || ' ' || count(DISTINCT (a, b)) FROM t"), ["3001 3001"]);
    let kept = column(&mut client, "SELECT a || b || v FROM t WHERE v <> 'old' ORDER BY a");
    assert_eq!(kept, ["1k1changed", "2otheradded"]);
    assert_eq!(column(&mut client, "SELECT nextval('ahead') || ' ' || nextval('behind')"), ["61 51"]);
    // A key that is there under another unique constraint is an error, and nothing is changed.
    client.batch_execute("DELETE FROM t WHERE a = 6; INSERT INTO t VALUES (6, 'other', 'added', 6)").unwrap();
    let before = Digest::of(&database);
    let (state, told) = refusal(restore(&mut client, &id, FILL_IN));
    assert!(state == "23505" && told.contains("t_u_key") && told.contains("(u)=(6)"), "{state} {told}");
    assert_equal(&before, &Digest::of(&database), "refused");
}

/// Keys of types whose operators are not found by their names alone.
#[test]
fn filling_in_by_keys_of_any_type() {
    let (database, mut client, id) = exported(
        "CREATE TYPE colour AS ENUM ('red', 'green'); CREATE DOMAIN paint AS colour; CREATE DOMAIN coat AS paint;
         CREATE TYPE pair AS (a int, b text); CREATE DOMAIN checked AS pair; CREATE DOMAIN span AS int4range;
         CREATE DOMAIN fixed AS char(4); CREATE DOMAIN bits AS bit(3); CREATE DOMAIN many AS text[];
         CREATE TABLE enums (k coat PRIMARY KEY); INSERT INTO enums VALUES ('red'), ('green');
         CREATE TABLE pairs (k checked PRIMARY KEY); INSERT INTO pairs VALUES ('(1,\"a,b\")'), ('(2,)');
         CREATE TABLE spans (k span PRIMARY KEY); INSERT INTO spans VALUES ('[1,3)'), ('empty');
         CREATE TABLE texts (k fixed, l many, m bits, PRIMARY KEY (k, l, m));
         INSERT INTO texts VALUES ('a', '{NULL,\"\\\\\"}', '101'), ('abcd', '{}', '000');
         CREATE TABLE cased (k text COLLATE \"C\" PRIMARY KEY); INSERT INTO cased VALUES ('ä'), ('Ä'), ('')",
    );
    let before = Digest::of(&database);
    for table in ["enums", "pairs", "spans", "texts", "cased"] {
        client.batch_execute(&format!("DELETE FROM {table} WHERE ctid = '(0,1)'")).unwrap();
    }
    let restored = restore(&mut client, &id, FILL_IN).unwrap();
    assert_eq!((restored.total.restored, restored.total.skipped), (Some(5), Some(6)));
    assert_equal(&before, &Digest::of(&database), "filled in");
}

/// Whoever types it without having read on changes nothing.
#[test]
fn without_arguments_it_is_a_dry_run_that_would_fill_in() {
    let (database, mut client, id) =
        exported("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
    client.batch_execute("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (4)").unwrap();
    let before = Digest::of(&database);
    let report = restores::call(&mut client, &format!("paliad_backup.restore('{id}')")).unwrap();
    assert_eq!((report.total.restored, report.total.skipped, report.total.removed), (Some(1), Some(2), Some(0)));
    assert!(report.total.message.as_deref().unwrap_or_default().contains("dry run"), "{report:?}");
    assert_eq!((report.total.checkpoint_id.as_deref(), report.errors().len()), (None, 0));
    assert_equal(&before, &Digest::of(&database), "dry run");
    assert_eq!(column(&mut client, "SELECT count(*)::text FROM paliad_backup.list()"), ["1"]);
}
