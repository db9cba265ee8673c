//! The digest by which round trips are judged sees what it must, and nothing else.

use crate::digest;
use crate::digest::Digest;
use crate::support::Cluster;

const TABLES: &str = r#"
    CREATE TABLE plain (q int PRIMARY KEY, v text, w numeric);
    INSERT INTO plain VALUES (1, 'a', 1.0), (2, NULL, NULL), (3, '', 2);
    CREATE TABLE twice (v text); INSERT INTO twice VALUES ('a'), ('a'), ('b');
    CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2);
    CREATE TABLE parted (a int) PARTITION BY LIST (a);
    CREATE TABLE part PARTITION OF parted DEFAULT; INSERT INTO parted VALUES (1);
    CREATE TABLE "zero ""columns" (); INSERT INTO "zero ""columns" DEFAULT VALUES;
    CREATE TABLE referring (id int, q int); INSERT INTO referring VALUES (1, 1), (2, 9);
    ALTER TABLE referring ADD CONSTRAINT orphans FOREIGN KEY (q) REFERENCES plain NOT VALID;
    CREATE SEQUENCE up; CREATE SEQUENCE down INCREMENT -2 MINVALUE -5 MAXVALUE -1 CYCLE;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER t AFTER INSERT ON plain EXECUTE FUNCTION f();"#;

#[test]
fn each_change_is_a_difference_that_names_its_object() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(TABLES).unwrap();
    let begin = Digest::of(&database);
    digest::assert_equal(&begin, &Digest::of(&database), "nothing was done");
    for (change, expected) in [
        ("UPDATE plain SET w = 1.00 WHERE q = 1", "rows of public.plain"),
        ("UPDATE plain SET v = NULL WHERE q = 3", "rows of public.plain"),
        ("UPDATE plain SET v = 'b' WHERE q = 1", "rows of public.plain"),
        ("DELETE FROM twice WHERE ctid = '(0,1)'", "rows of public.twice"),
        ("UPDATE parent SET a = 3 WHERE a = 2", "rows of public.child"),
        ("UPDATE ONLY parent SET a = 3", "rows of public.parent"),
        ("INSERT INTO part VALUES (2)", "rows of public.parted"),
        (r#"INSERT INTO "zero ""columns" DEFAULT VALUES"#, r#"rows of public."zero ""columns""#),
        ("SELECT setval('up', 1, true)", "next value of public.up"),
        ("SELECT nextval('down')", "next value of public.down"),
        (
            "UPDATE pg_constraint SET convalidated = false WHERE conname = 'plain_pkey'",
            "constraint plain_pkey of public.plain",
        ),
        (
            "UPDATE pg_constraint SET convalidated = true WHERE conname = 'orphans'",
            "constraint orphans of public.referring",
        ),
        ("ALTER TABLE plain ENABLE ALWAYS TRIGGER t", "state of trigger t of public.plain"),
        ("ALTER TABLE twice ENABLE ROW LEVEL SECURITY", "state of public.twice"),
        ("ALTER TABLE twice OWNER TO pg_monitor", "state of public.twice"),
    ] {
        let before = Digest::of(&database);
        client.batch_execute(change).unwrap();
        let differences = before.differences(&Digest::of(&database));
        let named: Vec<&str> = differences.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        assert_eq!(named, [expected], "{change}: {differences:?}");
    }
    client
        .batch_execute(
            "DO $$ DECLARE t record; BEGIN
                 FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'referring'::regclass LOOP
                     EXECUTE format('ALTER TABLE referring ENABLE ALWAYS TRIGGER %I', t.tgname);
                 END LOOP; END $$",
        )
        .unwrap();
    let states = begin.differences(&Digest::of(&database));
    assert_eq!(states.iter().filter(|line| line.contains("RI_FKey_check")).count(), 2, "{states:?}");
}

/// Where a sequence stands is compared by what comes next.
#[test]
fn a_sequences_next_value_is_what_nextval_gives() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SEQUENCE up; CREATE SEQUENCE down INCREMENT -2 MINVALUE -5 MAXVALUE -1 CYCLE;
             CREATE SEQUENCE small AS smallint START 32766; CREATE SEQUENCE large INCREMENT 9223372036854775807",
        )
        .unwrap();
    for _ in 0..5 {
        for sequence in ["up", "down", "small", "large"] {
            let told = Digest::of(&database).fact(&format!("next value of public.{sequence}")).to_owned();
            let next = client.query_one(&format!("SELECT nextval('{sequence}')::text"), &[]);
            assert_eq!(told, next.map_or("none is left".to_owned(), |row| row.get(0)), "{sequence}");
        }
    }
}

#[test]
fn rows_have_the_same_digest_in_any_order_and_under_any_settings() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (a float8, d timestamptz, i interval, b bytea)").unwrap();
    let insert = "INSERT INTO t VALUES (0.1, '2024-02-29 12:00Z', '1 mon -1 day', 'x'), (1e-7, 'infinity', '1h', '')";
    client.batch_execute(insert).unwrap();
    let before = Digest::of(&database);
    client
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE kept AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM kept ORDER BY a;
             ALTER DATABASE {0} SET DateStyle = 'German'; ALTER DATABASE {0} SET IntervalStyle = sql_standard;
             ALTER DATABASE {0} SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE {0} SET extra_float_digits = -9;
             ALTER DATABASE {0} SET bytea_output = escape",
            database.name()
        ))
        .unwrap();
    digest::assert_equal(&before, &Digest::of(&database), "rewritten under other settings");
}
