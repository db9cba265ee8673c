//! Who executes the script, with which settings, and what happens when it cannot end.

use postgres::IsolationLevel;

use super::{Contents, Unpacked, restored, source, told};
use crate::definitions;
use crate::digest::Digest;
use crate::runs::run_with;
use crate::support::{Cluster, checked};

/// Settings that change what values and names mean.
const SETTINGS: &str = "-c DateStyle=German -c IntervalStyle=sql_standard -c TimeZone=Asia/Kolkata -c standard_conforming_strings=off \
    -c escape_string_warning=off -c xmloption=document -c array_nulls=off -c search_path=zoo_types,public -c quote_all_identifiers=on \
    -c lc_monetary=C.UTF-8 -c session_replication_role=replica -c default_transaction_isolation=serializable -c check_function_bodies=off";

/// What somebody may have in their home. `small` is a column in the slice of an array.
const PSQLRC: &str = "\\set AUTOCOMMIT off\n\\set ON_ERROR_ROLLBACK on\n\\set ON_ERROR_STOP off\n\\set QUIET off\n\\set small nothing\n\\set x nothing\n\
    \\set file nothing\n\\set FETCH_COUNT 2\n\\timing on\n\\pset format html\n\\pset null NULL\n\\encoding LATIN1\n";

#[test]
fn settings_of_the_session_have_no_effect() {
    let source = source(&["tests/restore_script/definitions.sql", "tests/oracle/zoo.sql"]);
    source.psql(&["-c", r"CREATE TABLE marks (t text, x xml, i interval, m money); INSERT INTO marks VALUES (E'\n\\.\n\\', '<a/>x', '1 mon -1 day', '-1.50')"]);
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".psqlrc"), PSQLRC).unwrap();
    let target = Cluster::shared().empty_database("");
    let mut psql = std::process::Command::new(crate::support::bindir().join("psql"));
    let plain = unpacked.psql(&target, "postgres", "restore.sql");
    psql.args(plain.get_args().filter(|argument| *argument != "-X")).current_dir(plain.get_current_dir().unwrap());
    psql.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    psql.env("HOME", home.path()).env("PGOPTIONS", SETTINGS).env("PGCLIENTENCODING", "LATIN1");
    let output = checked(&mut psql);
    let own = ["own definitions of defs.grown", "own definitions of defs.other_order"];
    was.assert_restored(&target, &own);
    assert!(!told(&output).contains("WARNING") && !told(&output).contains("ERROR"), "{}", told(&output));
}

/// Nobody has to be a superuser but for extensions that demand it.
#[test]
fn the_databases_owner_can_restore() {
    let cluster = Cluster::shared();
    let source = source(&["tests/restore_script/definitions.sql", "tests/exact/shapes.sql"]);
    let was = Contents::of(&source);
    let unpacked = Unpacked::of(&source);
    let target = cluster.empty_database("");
    let role = format!("owner_of_{}", target.name());
    let mut postgres = cluster.connect("postgres", "postgres");
    postgres
        .batch_execute(&format!("CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}", target.name()))
        .unwrap();
    checked(&mut unpacked.psql(&target, &role, "restore.sql"));
    let own = ["own definitions of defs.grown", "own definitions of defs.other_order"];
    was.assert_restored(&target, &own);
    let others = "SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relowner <> $1::text::regrole";
    let count: i64 = target.connect().query_one(others, &[&role]).unwrap().get(0);
    assert_eq!(count, 0);
    drop(target);
    postgres.batch_execute(&format!("DROP ROLE {role}")).unwrap();
}

#[test]
fn after_an_error_nothing_has_changed() {
    let source = source(&[]);
    source.psql(&["-c", "CREATE TABLE a (n int PRIMARY KEY); INSERT INTO a VALUES (1), (2); CREATE TABLE b (n int REFERENCES a); INSERT INTO b VALUES (2)"]);
    let unpacked = Unpacked::of(&source);
    let whole = unpacked.text("csv/a.csv");
    let target = Cluster::shared().empty_database("");
    let empty = (definitions::of(&target), Digest::of(&target));
    for (damage, told_of) in [("n\n1\nx\n", "COPY a, line 3"), ("n\n1\n1\n", "a_pkey"), ("n\n1\n", "b_n_fkey")] {
        std::fs::write(unpacked.path("csv/a.csv"), damage).unwrap();
        let output = unpacked.psql(&target, "postgres", "restore.sql").output().unwrap();
        assert!(!output.status.success() && told(&output).contains(told_of), "{damage:?}: {}", told(&output));
        assert!((definitions::of(&target), Digest::of(&target)) == empty, "{damage:?}");
    }
    std::fs::write(unpacked.path("csv/a.csv"), whole).unwrap();
    unpacked.restore_into(&target);
    // A second time: the tables are there.
    let once = (definitions::of(&target), Digest::of(&target));
    let output = unpacked.psql(&target, "postgres", "restore.sql").output().unwrap();
    assert!(!output.status.success() && told(&output).contains("already exists"), "{}", told(&output));
    assert!((definitions::of(&target), Digest::of(&target)) == once);
}

/// A constraint that came after the snapshot may not hold for its rows.
#[test]
fn constraints_are_those_that_held_in_the_snapshot() {
    let source = source(&[]);
    let mut other = source.connect();
    other
        .batch_execute(
            "CREATE TABLE a (n int PRIMARY KEY, u int, c int, d int); INSERT INTO a VALUES (1, 1, 1, 1), (2, 1, -1, -1);
             CREATE DOMAIN number AS int; CREATE TABLE b (n int, m int, x int, d number); INSERT INTO b VALUES (1, 1, 1, 1), (9, 9, NULL, NULL); ALTER TABLE a ADD CONSTRAINT later CHECK (d > 0) NOT VALID;
             ALTER TABLE b ADD CONSTRAINT later FOREIGN KEY (n) REFERENCES a NOT VALID",
        )
        .unwrap();
    let mut client = source.connect();
    let mut caller = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().unwrap();
    caller.batch_execute("SELECT 1").unwrap();
    other
        .batch_execute(
            "DELETE FROM a WHERE n = 2; DELETE FROM b WHERE n = 9; ALTER TABLE a VALIDATE CONSTRAINT later; ALTER TABLE b VALIDATE CONSTRAINT later;
             ALTER TABLE b ADD CONSTRAINT too_late FOREIGN KEY (m) REFERENCES a; ALTER TABLE a ADD CHECK (c > 0); ALTER TABLE b ALTER x SET NOT NULL; ALTER DOMAIN number SET NOT NULL;
             ALTER DOMAIN number ADD CHECK (VALUE > 0); CREATE UNIQUE INDEX ON a (u); ALTER TABLE a ADD UNIQUE (u)",
        )
        .unwrap();
    let made = caller.query_one("SELECT storage_uri FROM paliad_backup.run(formats => '{csv}')", &[]).unwrap();
    let path: String = made.get(0);
    caller.commit().unwrap();
    let folder = tempfile::tempdir().unwrap();
    checked(
        std::process::Command::new("unzip")
            .arg("-q")
            .arg(path.trim_start_matches("file://"))
            .arg("-d")
            .arg(folder.path()),
    );
    let unpacked = Unpacked { folder };
    let target = restored(&unpacked);
    let rows = "SELECT (SELECT string_agg(n::text, ',' ORDER BY n) FROM a) || ' ' || (SELECT string_agg(n::text, ',' ORDER BY n) FROM b)";
    assert_eq!(target.connect().query_one(rows, &[]).unwrap().get::<_, String>(0), "1,2 1,9");
    let constraints = "SELECT string_agg(format('%s of %s%s', conname, conrelid::regclass, CASE WHEN convalidated THEN '' ELSE ' not valid' END), ', ' ORDER BY conrelid::regclass::text, conname)
        FROM pg_constraint WHERE conrelid IN ('a'::regclass, 'b'::regclass)";
    let found: String = target.connect().query_one(constraints, &[]).unwrap().get(0);
    assert_eq!(found, "a_pkey of a, later of a not valid, later of b not valid");
    // With a snapshot of its own a run has them all.
    let _ = run_with(&mut client, "formats => '{csv}'").unwrap();
    let now = restored(&Unpacked::of(&source));
    Contents::of(&source).assert_restored(&now, &[]);
}

/// P3, P10: names, comments and texts that would be commands of psql or SQL where they are not quoted.
#[test]
fn names_and_texts_are_no_commands() {
    let source = source(&[]);
    let mut client = source.connect();
    let hostile = [
        "\n\\! touch marker\n",
        "'; \\! touch marker\n--",
        "\"; CREATE ROLE marker; --",
        "*/ \\q",
        ":'HOME' :x $$ E'",
        "\\",
        "a\\'\nCOMMIT;\n\\.",
    ];
    for name in hostile {
        let (name, text) = (format!("\"{}\"", name.replace('"', "\"\"")), format!("'{}'", name.replace('\'', "''")));
        let sql = format!(
            "CREATE SCHEMA {name}; CREATE TYPE {name}.{name} AS ENUM ({text}); CREATE DOMAIN {name}.d AS text DEFAULT {text} CONSTRAINT {name} CHECK (VALUE <> {text} || 'x');
             CREATE SEQUENCE {name}.s; COMMENT ON SEQUENCE {name}.s IS {text}; CREATE FUNCTION {name}.{name}() RETURNS text LANGUAGE sql AS 'SELECT $x$$x$';
             CREATE TABLE {name}.t ({name} text DEFAULT {text}, e {name}.{name} DEFAULT {text}, d {name}.d, f text DEFAULT {name}.{name}(), CONSTRAINT {name} CHECK ({name} <> {text} || 'y'), UNIQUE ({name}));
             CREATE TABLE {name}.part (t text) PARTITION BY LIST (t); CREATE TABLE {name}.part_1 PARTITION OF {name}.part FOR VALUES IN ({text}); INSERT INTO {name}.part VALUES ({text});
             CREATE INDEX \"i\" ON {name}.t (({name} || {text})) WHERE {name} <> {text}; COMMENT ON COLUMN {name}.t.{name} IS {text}; COMMENT ON CONSTRAINT {name} ON {name}.t IS {text};
             CREATE TABLE {name}.refers (r text CONSTRAINT {name} REFERENCES {name}.t ({name})); COMMENT ON CONSTRAINT {name} ON {name}.refers IS {text};
             INSERT INTO {name}.t VALUES ({text}, {text}, {text}, {text}); INSERT INTO {name}.refers VALUES ({text})"
        );
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let was = Digest::of(&source).rows();
    let unpacked = Unpacked::of(&source);
    let target = restored(&unpacked);
    crate::digest::assert_equal(&was, &Digest::of(&target).rows(), "rows");
    let differences = definitions::differences(&definitions::of(&source), &definitions::of(&target));
    // The default that calls a function.
    let unexpected: Vec<&String> = differences.iter().filter(|line| !line.starts_with("column 4 of ")).collect();
    assert!(unexpected.is_empty() && differences.len() == hostile.len(), "{differences:#?}");
    assert!(!unpacked.path("marker").exists());
    let roles = target.connect().query("SELECT FROM pg_roles WHERE rolname = 'marker'", &[]).unwrap();
    assert!(roles.is_empty());
    // One line for the function, one for the default.
    assert_eq!(unpacked.left_out().len(), 2 * hostile.len(), "{:#?}", unpacked.left_out());
}
