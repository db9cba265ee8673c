//! read_file() and read_sheet(): what is in a bundle, from SQL.

#[path = "support/runs.rs"]
mod runs;
#[path = "support/security.rs"]
mod security;
mod support;

use runs::{run, run_with};
use security::refused;
use support::{Cluster, checked, repository};

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
