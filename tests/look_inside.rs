//! read_file() and read_sheet(): what is in a bundle, from SQL.

use crate::runs;
use crate::runs::{run, run_with};
use crate::security::refused;
use crate::support::{Cluster, checked, repository};

const TABLE: &str = "
    CREATE TABLE matters (id int PRIMARY KEY, title text, fee numeric, tags text[], at timestamptz, extra json);
    INSERT INTO matters VALUES
        (1, E'a \"quoted\"\\nline \\\\ ü 😀', 12345678901234567890.1234567890, '{a,NULL}', '2026-11-21 12:00+01', E'{\"k\":\\n[\\n1,\\n{\\n}\\n]}'),
        (2, NULL, 'NaN', '{}', 'infinity', NULL), (3, '],[', 0, NULL, NULL, '\"}\"')";

#[test]
fn rows_of_a_sheet_are_those_of_the_table() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(TABLE).unwrap();
    let backup = run(&mut client).unwrap();
    client.batch_execute("SET timezone = 'UTC'").unwrap();
    let different = format!(
        "SELECT count(*) FROM (SELECT row_number() OVER () AS n, r FROM paliad_backup.read_sheet('{}', 'matters') AS r) AS b
         FULL JOIN (SELECT row_number() OVER (ORDER BY id) AS n, row_to_json(m)::jsonb AS r FROM matters AS m) AS t USING (n)
         WHERE b.r IS DISTINCT FROM t.r",
        backup.id
    );
    assert_eq!(client.query_one(&different, &[]).unwrap().get::<_, i64>(0), 0);
    client.batch_execute("UPDATE matters SET title = 'x' WHERE id = 2").unwrap();
    assert_eq!(client.query_one(&different, &[]).unwrap().get::<_, i64>(0), 1, "the comparison sees a difference");
    // LIMIT needs no more than it says, and a sheet may have no rows.
    client.batch_execute("TRUNCATE matters").unwrap();
    let empty = run(&mut client).unwrap();
    let count =
        |id: &str| format!("SELECT count(*) FROM paliad_backup.read_sheet('{id}', 'matters', 'anna@example.org')");
    assert_eq!(client.query_one(&count(&empty.id), &[]).unwrap().get::<_, i64>(0), 0);
    assert_eq!(client.query_one(&count(&backup.id), &[]).unwrap().get::<_, i64>(0), 3);
    let audited = "SELECT count(*) FROM paliad_backup.system_audit_log
                   WHERE event_type = 'backup_read' AND actor_email = 'anna@example.org' AND metadata ->> 'read' = 'matters'";
    assert_eq!(client.query_one(audited, &[]).unwrap().get::<_, i64>(0), 2);
}

#[test]
fn every_file_reads_as_it_was_written() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(&std::fs::read_to_string(repository("tests/oracle/zoo.sql")).unwrap()).unwrap();
    let backup = run(&mut client).unwrap();
    let wrong = format!(
        "SELECT path FROM paliad_backup.list_files('{0}')
         WHERE sha256 IS DISTINCT FROM encode(sha256(paliad_backup.read_file('{0}', path)), 'hex') AND sha256 IS NOT NULL",
        backup.id
    );
    assert!(client.query(&wrong, &[]).unwrap().is_empty());
    let sums = format!("SELECT convert_from(paliad_backup.read_file('{}', 'SHA256SUMS'), 'UTF8')", backup.id);
    assert_eq!(client.query_one(&sums, &[]).unwrap().get::<_, String>(0), backup.file("SHA256SUMS"));
}

#[test]
fn a_latin1_database_reads_its_own_characters() {
    let database = Cluster::shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE t (n text); INSERT INTO t VALUES ('Zürich')").unwrap();
    let backup = run(&mut client).unwrap();
    let read = format!("SELECT r ->> 'n' FROM paliad_backup.read_sheet('{}', 't') AS r", backup.id);
    assert_eq!(client.query_one(&read, &[]).unwrap().get::<_, String>(0), "Zürich");
}

/// A session that may not have the memory for a value gets an error; the server goes on.
#[test]
fn a_value_without_memory_for_it_is_an_error() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let noise = "CREATE TABLE noise AS SELECT string_agg(md5(n::text), '') AS a FROM generate_series(1, 2000000) AS n GROUP BY n % 20";
    client.batch_execute(noise).unwrap();
    let backup = run_with(&mut client, "formats => '{csv,json}'").unwrap();
    // Of a bundle of some 36 MB, and a file of 64 MB.
    let calls = [
        ("length(paliad_backup.download($, 'a@example.org'))", 10),
        ("length(chunk) FROM paliad_backup.download_chunks($, 'a@example.org', chunk_size => 300000000)", 10),
        ("length(paliad_backup.read_file($, 'csv/noise.csv'))", 10),
    ];
    for (call, megabytes) in calls {
        let mut limited = database.connect();
        limited.batch_execute("SELECT paliad_backup.list()").unwrap();
        let pid = runs::pid(&mut limited);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let size: u64 = size.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        let limit = format!("--as={}", (size << 10) + (megabytes << 20));
        let limiting = ["prlimit", "--pid", &pid.to_string(), &limit];
        // Only the process's own user may, not even root everywhere.
        let user: &[&str] =
            if rustix::process::geteuid().is_root() { &["runuser", "-u", "postgres", "--"] } else { &["env"] };
        checked(std::process::Command::new(user[0]).args(&user[1..]).args(limiting));
        let call = format!("SELECT {}", call.replace('$', &format!("'{}'", backup.id)));
        assert_eq!(refused(&mut limited, &call).0, "53200", "{call}");
        limited.batch_execute("SELECT 1").expect("the session goes on");
        client.batch_execute(&call).expect("with memory for it the value can be had");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client.batch_execute(TABLE).unwrap();
    let backup = run(&mut client).unwrap();
    let csv = run_with(&mut client, "formats => '{csv}'").unwrap();
    for (call, state) in [
        (format!("read_file('{}', 'json/none.json')", backup.id), "42704"),
        (format!("read_file('{}', '../../etc/passwd')", backup.id), "42704"),
        (format!("read_file('{}', NULL)", backup.id), "42704"),
        (format!("read_sheet('{}', 'none')", backup.id), "42704"),
        (format!("read_sheet('{}', 'matters')", csv.id), "55000"),
        ("read_sheet('00000000-0000-0000-0000-000000000000', 'matters')".to_owned(), "42704"),
        ("read_file(NULL, 'README.txt')".to_owned(), "22023"),
    ] {
        let (found, _, hint) = refused(&mut client, &format!("SELECT paliad_backup.{call}"));
        assert_eq!(found, state, "{call}");
        assert!(!hint.is_empty(), "{call}");
    }
    // A flipped byte of the packed rows: an error, whatever was read before it.
    backup.damage("json/matters.json");
    for call in ["read_sheet($, 'matters')", "read_file($, 'json/matters.json')"] {
        let call = call.replace('$', &format!("'{}'", backup.id));
        assert_eq!(refused(&mut client, &format!("SELECT paliad_backup.{call}")).0, "XX001", "{call}");
    }
}

/// Whoever knows the table need not know its sheet's name.
#[test]
fn a_sheet_goes_by_its_own_name_or_its_table_s() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE SCHEMA \"My App\"; CREATE TABLE app.protokoll (a int); INSERT INTO app.protokoll VALUES (1), (2);
             CREATE TABLE \"My App\".\"Log\" (a int); INSERT INTO \"My App\".\"Log\" VALUES (3);
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, sheet_name) VALUES ('My App', 'Log', 'app.protokoll')",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    client.batch_execute("DELETE FROM app.protokoll; DELETE FROM \"My App\".\"Log\"").unwrap();
    let calls = [
        "(r ->> 'a')::int FROM paliad_backup.read_sheet($, $$NAME$$) AS r",
        "(convert_from(r, 'UTF8')::jsonb ->> 'a')::int FROM paliad_backup.read_rows($, $$NAME$$) AS r",
        "r.a FROM paliad_backup.read_sheet_as(NULL::app.protokoll, $, $$NAME$$) AS r",
        "(r.old ->> 'a')::int FROM paliad_backup.diff($, $$NAME$$) AS r",
    ];
    for call in calls {
        let mut rows = |name: &str| -> Vec<i32> {
            let sql = format!("SELECT {}", call.replace("$, ", &format!("'{}', ", backup.id)).replace("NAME", name));
            let rows = client.query(&sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            rows.iter().map(|row| row.get(0)).collect()
        };
        assert_eq!(rows("protokoll"), [1, 2], "{call}");
        assert_eq!(rows("My App.Log"), [3], "{call}");
        assert_eq!(rows("\"My App\".\"Log\""), [3], "{call}");
        assert_eq!(rows("app.protokoll"), [1, 2], "a table's name comes before that of another's sheet: {call}");
    }
}

#[test]
fn what_is_no_sheet_is_explained() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE TABLE app.events (at int, n int) PARTITION BY RANGE (at);
             CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (n);
             CREATE TABLE app.events_2 PARTITION OF app.events_1 DEFAULT;
             CREATE TABLE app.kunden (id int PRIMARY KEY); CREATE VIEW app.offene AS SELECT * FROM app.kunden;
             CREATE MATERIALIZED VIEW app.\"Summen\" AS SELECT count(*) FROM app.kunden",
        )
        .unwrap();
    let backup = run(&mut client).unwrap();
    let registered = "it is exported when it is registered in paliad_backup.sheets.";
    for (name, told) in [
        ("events_2", "app.events_2 is a partition of app.events: sheet \"events\" has its rows.".to_owned()),
        ("app.events_1", "app.events_1 is a partition of app.events: sheet \"events\" has its rows.".to_owned()),
        ("app.offene", format!("app.offene is a view: {registered}")),
        ("Summen", format!("app.\"Summen\" is a materialized view: {registered}")),
        ("Kunden", "There is a sheet \"kunden\".".to_owned()),
        ("kunde", "There is a sheet \"kunden\".".to_owned()),
        ("app.kundn", "There is a sheet \"kunden\".".to_owned()),
        ("evens", "There is a sheet \"events\".".to_owned()),
    ] {
        for call in ["read_sheet($, #)", "read_sheet_as(NULL::app.kunden, $, #)", "diff($, #)", "restore($, ARRAY[#])"]
        {
            let call = call.replace('$', &format!("'{}'", backup.id)).replace('#', &format!("'{name}'"));
            let (state, message, hint) = refused(&mut client, &format!("SELECT paliad_backup.{call}"));
            assert_eq!((state.as_str(), hint.starts_with(&told)), ("42704", true), "{call}: {hint}");
            assert_eq!(message, format!("there is no sheet \"{name}\" in backup {}", backup.id));
        }
    }
    // What resembles nothing: the names are few, or shown by a query.
    let nothing = format!("SELECT paliad_backup.restore('{}', '{{nothing,kundn}}')", backup.id);
    let (_, message, hint) = refused(&mut client, &nothing);
    assert!(message.starts_with("there is no sheet \"nothing\", \"kundn\" in backup "), "{message}");
    assert!(hint.starts_with("There is a sheet \"kunden\". SELECT jsonb_object_keys(row_counts)"), "{hint}");
}
