//! V1, decision 9: two bundles of equal data differ only in what `run` tells, whatever the settings of the caller's session are.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek};

use crate::runs::{Backup, run};
use crate::support::{Cluster, sqlstate};
use paliad_backup::bundle::names::{CHECKSUMS, MANIFEST, WORKBOOK};
use postgres::Client;
use serde_json::Value;

/// Entries in their order: name, time and content.
type Entries = Vec<(String, String, Vec<u8>)>;

fn entries(zip: impl Read + Seek) -> Entries {
    let mut zip = zip::ZipArchive::new(zip).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), format!("{:?}", file.last_modified()), content)
        })
        .collect()
}

fn opened(backup: &Backup) -> Entries {
    entries(Cursor::new(std::fs::read(backup.path()).unwrap()))
}

/// Names and times of the entries are equal, and the content of all but `varying`.
fn assert_equal(one: &Entries, other: &Entries, varying: &[&str]) {
    let heads =
        |entries: &Entries| entries.iter().map(|(name, time, _)| (name.clone(), time.clone())).collect::<Vec<_>>();
    assert_eq!(heads(one), heads(other));
    let differing: Vec<&str> =
        one.iter().zip(other).filter(|(one, other)| one.2 != other.2).map(|(one, _)| one.0.as_str()).collect();
    let unexpected: Vec<&&str> = differing.iter().filter(|name| !varying.contains(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?} differ");
}

fn content<'a>(entries: &'a Entries, name: &str) -> &'a [u8] {
    &entries.iter().find(|entry| entry.0 == name).unwrap_or_else(|| panic!("no entry {name}")).2
}

fn manifest_without_run(entries: &Entries) -> Value {
    let mut manifest: Value = serde_json::from_slice(content(entries, MANIFEST)).unwrap();
    manifest.as_object_mut().unwrap().remove("run").expect("the manifest has a run");
    manifest
}

fn checksums(entries: &Entries) -> BTreeMap<String, String> {
    let text = String::from_utf8(content(entries, CHECKSUMS).to_vec()).unwrap();
    text.lines().map(|line| line.split_once("  ").unwrap()).map(|(sum, path)| (path.into(), sum.into())).collect()
}

fn assert_differ_in_run_alone(one: &Backup, other: &Backup) {
    let (one, other) = (opened(one), opened(other));
    let varying = ["README.txt", MANIFEST, WORKBOOK];
    assert_equal(&one, &other, &[&varying[..], &[CHECKSUMS]].concat());
    let manifests = [manifest_without_run(&one), manifest_without_run(&other)];
    let members = |manifest: &Value| manifest.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&manifests[0]), members(&manifests[1]));
    for member in members(&manifests[0]) {
        assert!(manifests[0][&member] == manifests[1][&member], "the manifest's member {member} differs");
    }
    let workbook = |entries: &Entries| self::entries(Cursor::new(content(entries, WORKBOOK).to_vec()));
    let contents_sheet = "xl/worksheets/sheet1.xml";
    assert_equal(&workbook(&one), &workbook(&other), &["docProps/core.xml", contents_sheet]);
    let (mut one, mut other) = (checksums(&one), checksums(&other));
    for path in varying {
        assert_ne!(one.remove(path), other.remove(path), "{path}");
    }
    assert_eq!(one, other);
}

/// Values whose text depends on settings.
const TEXTS: &str = r"SELECT interval '1 month -2 days 03:04:05.6'::text AS i, 1234.5::numeric::money::text AS m, date '2024-02-03'::text AS d,
    0.1::float8::text AS f, '\x00ff'::bytea::text AS b, timestamptz '2024-02-29 00:00+00'::text AS t, 'zoo_types.lion'::regclass::text AS r";

#[test]
fn v1_bundles_of_equal_data_differ_in_run_alone() {
    let database = Cluster::shared().database();
    for script in ["tests/oracle/zoo.sql", "tests/exact/zoo", "tests/exact/shapes.sql"] {
        database.load(script);
    }
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "CREATE SCHEMA texts; CREATE VIEW texts.seen AS {TEXTS}; CREATE SCHEMA pga; CREATE TABLE pga.t (n int)"
        ))
        .unwrap();
    client
        .execute(
            "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ($1, 'postgres', 'texts')",
            &[&TEXTS],
        )
        .unwrap();
    client
        .execute("INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('texts', 'seen')", &[])
        .unwrap();
    let plain = run(&mut client).unwrap();
    // A locale with other money, where the machine has one.
    let locales = ["de_DE.UTF-8", "en_US.UTF-8", "C.UTF-8"];
    let locale =
        locales.iter().find(|locale| client.batch_execute(&format!("SET LOCAL lc_monetary = '{locale}'")).is_ok());
    for settings in [
        "SET DateStyle = 'German'; SET IntervalStyle = 'iso_8601'; SET TimeZone = 'Asia/Kolkata'; SET bytea_output = 'escape';
         SET extra_float_digits = -15; SET search_path = '$user', 'Zoo \"names\"', zoo_types, pg_catalog, pg_temp; SET client_encoding = 'LATIN1';
         SET quote_all_identifiers = on",
        "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'America/St_Johns'; SET extra_float_digits = 0;
         SET search_path = ''; SET xmloption = document; SET array_nulls = off; SET standard_conforming_strings = off;
         SET escape_string_warning = off; SET backslash_quote = on; SET xmlbinary = hex; SET lc_monetary = '{locale}';
         SET enable_seqscan = off; SET enable_sort = off; SET work_mem = '64kB'; SET row_security = off",
        "SET DateStyle = 'Postgres, MDY'; SET IntervalStyle = 'postgres_verbose'; SET TimeZone = '<odd>-5:30'; SET search_path = pg_temp, one;
         SET synchronize_seqscans = on; SET force_parallel_mode = on; SET jit = on; SET jit_above_cost = 0; SET lc_time = 'C.UTF-8';
         SET lc_numeric = 'C.UTF-8'; SET lc_messages = 'C.UTF-8'; SET client_min_messages = debug1; SET quote_all_identifiers = on",
    ] {
        let mut other = database.connect();
        other.batch_execute(&settings.replace("{locale}", locale.unwrap())).unwrap();
        let texts = |client: &mut Client| client.query_one("SELECT seen::text FROM texts.seen", &[]).unwrap().get::<_, String>(0);
        let before = texts(&mut other);
        assert_ne!(before, texts(&mut client), "the settings matter");
        // Not the warnings: sheets have names that LATIN1 lacks.
        let made = other.query_one("SELECT id::text, status, storage_uri FROM paliad_backup.run()", &[]).unwrap();
        let made = Backup { id: made.get(0), status: made.get(1), storage_uri: made.get(2), warnings: Value::Null };
        assert_differ_in_run_alone(&plain, &made);
        assert_eq!(texts(&mut other), before, "the session has its settings back");
    }
}

/// The heap's order is no part of the data.
#[test]
fn v1_rows_moved_in_the_heap_make_equal_bundles() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE keyed (id int PRIMARY KEY, t text); CREATE TABLE keyless (n numeric, t text);
             INSERT INTO keyed SELECT i, 'row ' || i FROM generate_series(1, 5000) AS i;
             INSERT INTO keyless SELECT i % 7, 'row ' || i FROM generate_series(1, 5000) AS i;
             INSERT INTO keyless VALUES (1.0, 'tie'), (1.00, 'tie'), (1.0, 'tie')",
        )
        .unwrap();
    let before = run(&mut client).unwrap();
    for sql in [
        "UPDATE keyed SET t = t WHERE id % 3 = 0; UPDATE keyless SET t = t WHERE n = 3; UPDATE keyless SET t = t WHERE t = 'tie' AND n::text = '1.0'",
        "VACUUM FULL keyed",
        "VACUUM FULL keyless",
        "ANALYZE",
    ] {
        client.batch_execute(sql).unwrap();
    }
    assert_differ_in_run_alone(&before, &run(&mut client).unwrap());
}

/// Also not in how the rows are packed.
#[test]
fn the_number_of_threads_changes_nothing() {
    let packed = |backup: &Backup| -> Vec<(String, Vec<u8>)> {
        let file = std::fs::read(backup.path()).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let rows = (0..zip.len()).filter_map(|index| {
            let mut file = zip.by_index_raw(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (name.starts_with("csv/") || name.starts_with("json/")).then_some((name, content))
        });
        rows.collect()
    };
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t (id int PRIMARY KEY, t text); CREATE TABLE u (); INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 50000) AS i")
        .unwrap();
    let three = run(&mut client).unwrap();
    for threads in [1, 2] {
        client.batch_execute(&format!("SET paliad_backup.threads = {threads}")).unwrap();
        let other = run(&mut client).unwrap();
        assert_differ_in_run_alone(&three, &other);
        assert!(packed(&three) == packed(&other), "{threads} threads");
    }
}

/// Code that a sheet reaches may not change what the sheet looks like, halfway.
#[test]
fn a_function_that_changes_output_settings_fails_the_run() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION german() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('datestyle', 'German', false); END $$;
             CREATE VIEW dates AS SELECT german(), date '2026-11-21' AS day;
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'dates')",
        )
        .unwrap();
    let error = run(&mut client).err().expect("the run fails");
    assert_eq!(sqlstate(&error), "55000");
    assert!(error.as_db_error().unwrap().message().ends_with("has changed the setting DateStyle"), "{error}");
}

#[test]
fn registered_columns_order_a_table_before_its_key() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'b'), (3, 'a'), (2, 'a');
             INSERT INTO paliad_backup.sheets (relation_schema, relation_name, order_by) VALUES ('public', 't', '{name}')",
        )
        .unwrap();
    assert_eq!(run(&mut client).unwrap().csv("t"), ["2,a", "3,a", "1,b"]);
    client.batch_execute("UPDATE paliad_backup.sheets SET order_by = '{nosuch}'").unwrap();
    assert_eq!(sqlstate(&run(&mut client).err().expect("there is no such column")), "42704");
}
