//! Rows: every type and its limits, and files that psql's \copy cannot read.

use super::{Contents, Unpacked, restored, source};
use crate::support::Cluster;

/// Types whose input functions refuse every text, also what their output functions have written.
const NOT_READ_BACK: [&str; 4] = ["pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"];

/// Types whose values name objects; some of these objects are functions and the like, which do not come back.
const NAMES: [&str; 6] = ["regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc"];

#[test]
fn every_type_and_its_limits_come_back() {
    let source = source(&["tests/exact/zoo", "tests/oracle/zoo.sql"]);
    let mut client = source.connect();
    for name in NAMES.iter().chain(&["regprocedure"]) {
        client.batch_execute(&format!("TRUNCATE zoo.{name}")).unwrap();
    }
    let was = Contents::of(&source).without("extension ");
    let unpacked = Unpacked::of(&source);
    unpacked.without_rows_of(&NOT_READ_BACK);
    let rows: Vec<String> = NOT_READ_BACK.iter().map(|name| format!("rows of zoo.{name}")).collect();
    // Extensions that no table needs; a schema without tables.
    let mut except = vec![r#"comment on schema "Zoo ""names""""#, r#"schema "Zoo ""names""""#];
    except.extend(rows.iter().map(String::as_str));
    let target = restored(&unpacked);
    was.assert_restored(&target, &except);
}

/// Where a line of a file is only `\.`, and where a name has a line break.
const UNREADABLE: &str = r#"
    CREATE SCHEMA s; CREATE TYPE s.pair AS (a int, b text);
    CREATE TABLE s.marks (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, a text[], p s.pair, n varchar(9), g int GENERATED ALWAYS AS (length(t)) STORED);
    INSERT INTO s.marks (t, a, p, n) VALUES
        (E'a\n\\.\nb', NULL, NULL, 'x'), (E'\n\\.\r\n', '{}', '(,)', ''), (E'\\.', ARRAY[E'\n\\.\n', NULL, '"', '\'], ROW(1, E'"(\n\\.\n),\\"'), NULL),
        (E'"\n\\.\n"', '{"()",")"}', ROW(NULL, ''), '()'), (NULL, NULL, NULL, NULL), ('', '{NULL}', ROW(2, NULL), E'\\'), (E'\n', NULL, NULL, E'\n\n'),
        (E',\r\n\r\\\\.\n\\.\n\\N', NULL, NULL, '\N'), ('Ä😀', NULL, NULL, '"'), (E' \n\\.\n ', NULL, NULL, ' ');
    CREATE TABLE s.alone (t text); INSERT INTO s.alone VALUES (E'x\n\\.\ny'), (NULL), (''), ('\.'), (E'\n\n\\.\n\n'), ('()'), (NULL);
    CREATE DOMAIN s.short AS text CHECK (length(VALUE) < 9); CREATE TABLE s.typed (d s.short NOT NULL, c char(4), b bytea, j json, at timestamptz(1), i interval, x xml, m numeric(5,2)[]);
    INSERT INTO s.typed VALUES (E'\n\\.\n', 'a', '\x5c2e0a', E'{"a":\n1, "a" : 2}', 'infinity', '1 mon -2 days', E'<a>\n\\.\n</a>', '{1.5,NULL}');
    CREATE TABLE s."line
\.
break" ("a
\.
b" int, "c,""d" text); INSERT INTO s."line
\.
break" VALUES (1, E'\n\\.\n'), (2, NULL);
    CREATE TABLE s."no
columns" (); INSERT INTO s."no
columns" DEFAULT VALUES; INSERT INTO s."no
columns" DEFAULT VALUES;
    CREATE TABLE s."one
column" (t text); INSERT INTO s."one
column" VALUES (NULL), (''), (NULL), ('x');
    CREATE TABLE s."all
generated" (g int GENERATED ALWAYS AS (1) STORED); INSERT INTO s."all
generated" DEFAULT VALUES; CREATE TABLE s."empty
table" (n int);
    CREATE TABLE s.parts (k int, t text) PARTITION BY LIST (k); CREATE TABLE s.parts_1 PARTITION OF s.parts FOR VALUES IN (1); CREATE TABLE s.parts_2 PARTITION OF s.parts DEFAULT; INSERT INTO s.parts VALUES (1, E'\n\\.\n'), (2, E'\n\\.\n');
    -- Longer than the pieces in which a file is read; lines on both sides of a piece's end.
    CREATE TABLE s.long (id int PRIMARY KEY, t text);
    INSERT INTO s.long SELECT i, E'\n\\.\n' || repeat('ä"(', 100000 * (i % 8)) || E'\n"' FROM generate_series(1, 20) AS i; INSERT INTO s.long SELECT i, repeat(E'ü\n', i) || E'\\.\n' FROM generate_series(100, 1500) AS i;
"#;

#[test]
fn lines_that_psql_takes_for_the_end_come_back() {
    let source = source(&[]);
    source.connect().batch_execute(UNREADABLE).unwrap();
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    let script = unpacked.text("restore.sql");
    assert_eq!(script.matches("\n\\lo_import ").count(), 10, "{script}");
    let target = restored(&unpacked);
    was.assert_restored(&target, &[]);
    let left = "SELECT (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_class WHERE relpersistence = 't')";
    assert_eq!(target.connect().query_one(left, &[]).unwrap().get::<_, i64>(0), 0);
}

/// The bundle is UTF-8, whatever the encodings of the databases are.
#[test]
fn other_encodings_come_back() {
    let cluster = Cluster::shared();
    let latin1 = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    let source = cluster.database_with(latin1);
    let sql = r#"CREATE TABLE "Größe" ("ä" text DEFAULT 'ß', CHECK ("ä" <> 'ö')); COMMENT ON TABLE "Größe" IS 'ü'; CREATE TYPE "ÿ" AS ENUM ('é');
        INSERT INTO "Größe" VALUES (DEFAULT), ('ÄÖÜ'); CREATE TABLE "Mß" (t text, e "ÿ"); INSERT INTO "Mß" VALUES (E'ä\n\\.\nß', 'é');"#;
    source.connect().batch_execute(sql).unwrap();
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    let target = cluster.empty_database(latin1);
    unpacked.restore_into(&target);
    was.assert_restored(&target, &[]);
    // The digest is of bytes.
    let target = restored(&unpacked);
    was.assert_restored(&target, &["rows of public.\"Größe\"", "rows of public.\"Mß\""]);
    let rows =
        r#"SELECT (SELECT string_agg("ä", '|' ORDER BY "ä" COLLATE "C") FROM "Größe") || (SELECT t || e FROM "Mß")"#;
    assert_eq!(target.connect().query_one(rows, &[]).unwrap().get::<_, String>(0), "ÄÖÜ|ßä\n\\.\nßé");
}
