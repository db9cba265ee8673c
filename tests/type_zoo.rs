//! The type zoo, tests/exact/zoo: one table per type with its limits, NULL and empty values, arrays, domains, composites and ranges.

use crate::compare::{compare, compare_all};
use crate::runs::run_with;
use crate::support::{Cluster, Database};
use postgres::Client;

fn zoo() -> Database<'static> {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    database
}

fn texts(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
}

/// V2 to V5, V7, D1, D3 to D5.
#[test]
fn every_type_and_its_limits_are_exact() {
    let database = zoo();
    database.load("tests/oracle/zoo.sql");
    let sheets: Vec<String> =
        compare_all(&database, &[]).sheets.iter().map(|sheet| sheet.relation.as_ref().unwrap().table.clone()).collect();
    let tables = texts(
        &mut database.connect(),
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace::regnamespace::text ~ 'zoo'",
    );
    let missing: Vec<&String> = tables.iter().filter(|table| !sheets.contains(table)).collect();
    assert!(missing.is_empty() && sheets.len() == tables.len(), "{missing:?}");
}

/// Of the types that a column can have and that come with the server or with contrib, pg_cron's apart, which is not of it.
#[test]
fn no_type_is_forgotten_in_the_zoo() {
    let database = zoo();
    let mut client = database.connect();
    let absent = "SELECT name::text FROM pg_available_extensions WHERE installed_version IS NULL";
    assert_eq!(texts(&mut client, absent), ["pg_cron"]);
    // typarray tells arrays from types that only have elements, as int2vector does.
    let forgotten = "
        SELECT t.oid::regtype::text FROM pg_type AS t
        LEFT JOIN pg_depend AS d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid
            AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        WHERE (t.typtype IN ('b', 'd', 'e', 'm', 'r') AND t.typnamespace::regnamespace::text IN ('pg_catalog', 'information_schema')
            OR t.typtype <> 'p' AND d.refobjid IS NOT NULL)
        AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)
        AND NOT EXISTS (
            SELECT FROM pg_class AS c JOIN pg_attribute AS v ON v.attrelid = c.oid AND v.attname = 'v' AND v.atttypid = t.oid
            LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'a'
            WHERE c.relnamespace = 'zoo'::regnamespace AND c.relname = t.typname AND coalesce(a.atttypid, 0) = t.typarray)";
    assert_eq!(texts(&mut client, forgotten), [""; 0]);
}

/// Types that a column can have, and no value: their input functions refuse every text.
const NO_VALUE: [&str; 13] = [
    "gbtreekey16",
    "gbtreekey2",
    "gbtreekey32",
    "gbtreekey4",
    "gbtreekey8",
    "gbtreekey_var",
    "ghstore",
    "gtrgm",
    "gtsvector",
    "intbig_gkey",
    "ltree_gist",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
];

#[test]
fn every_table_of_the_zoo_has_values_of_all_shapes() {
    let database = zoo();
    let mut client = database.connect();
    let tables = |client: &mut Client, column: &str| {
        let sql = format!(
            "SELECT c.relname::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
             WHERE c.relnamespace = 'zoo'::regnamespace AND a.attname = '{column}' ORDER BY c.relname COLLATE \"C\""
        );
        texts(client, &sql)
    };
    for (column, condition, lacking) in [
        ("v", "v IS NOT DISTINCT FROM NULL", &[][..]),
        ("v", "v IS DISTINCT FROM NULL", &NO_VALUE[..]),
        ("a", "a::text = '{}'", &[]),
        ("a", "a::text = '{NULL}'", &[]),
        ("a", "array_ndims(a) = 2 AND array_lower(a, 1) = -1", &[]),
        ("da", "cardinality(da) > 1", &[]),
        ("ad", "cardinality(ad) > 1", &[]),
        ("d2", "d2 IS DISTINCT FROM NULL", &NO_VALUE[..11]),
        ("c", "c IS NOT DISTINCT FROM NULL", &[]),
        ("ca", "cardinality(ca) > 1", &[]),
        ("m", "m::text = '{}'", &["nested"]),
        ("ra", "ra::text LIKE '{%,NULL,empty}'", &["nested"]),
    ] {
        let has = |client: &mut Client, table: &str| {
            let sql = format!("SELECT '' FROM zoo.\"{}\" WHERE {condition} LIMIT 1", table.replace('"', "\"\""));
            !texts(client, &sql).is_empty()
        };
        let tables = tables(&mut client, column);
        assert!(tables.len() > 50, "{column}: {tables:?}");
        let lacks: Vec<&String> = tables.iter().filter(|table| !has(&mut client, table)).collect();
        assert_eq!(lacks, lacking, "{condition}");
    }
}

/// V3, decision 15: also where a zone has no local time at the ends of timestamptz.
#[test]
fn timestamps_are_shown_in_the_chosen_zone() {
    let database = zoo();
    let backup_in = |zone: &str| {
        database.psql(&["-c", &format!("UPDATE paliad_backup.settings SET xlsx_time_zone = '{zone}'")]);
        run_with(&mut database.connect(), "formats => '{xlsx}'").unwrap()
    };
    for zone in ["Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "UTC"] {
        let compared = compare(
            &database,
            &backup_in(zone),
            &["--time-zone", zone, "--sheets", "timestamptz,modified_times,moment", "--formats", "xlsx"],
        );
        assert_eq!(compared, "compare: 3 sheets, 0 differences", "{zone}");
    }
}
