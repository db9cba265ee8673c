//! Databases that people know come back: over changed data, and into empty databases, by restore() alone.

use std::fs;
use std::sync::Mutex;

use crate::digest::{Digest, assert_equal};
use crate::imports::{import_folder, put};
use crate::restores::{OVERWRITE, restore};
use crate::runs::{Backup, run_with};
use crate::support::{Cluster, Database, repository, skip, sqlstate};
use postgres::Client;

/// The server shows values of these types and takes none.
const SHOWN_ONLY: [&str; 4] = ["pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"];

/// The demo's tables that are never exported, and what belongs to them.
const EXCLUDED: [&str; 3] =
    ["paliad.paliadin_turns", "paliad.paliadin_aichat_conversation", "paliad.paliadin_turns_id_seq"];

fn demo() -> Database<'static> {
    // Its script makes a role, which belongs to the whole cluster: two at a time could collide.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let database = Cluster::shared().database();
    database.psql(&["-v", "scale=1", "-f", repository("tests/demo/load.sql").to_str().unwrap()]);
    database
}

fn zoo() -> Database<'static> {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    for table in SHOWN_ONLY {
        let exclude =
            "INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('zoo', $1, 'no input')";
        database.connect().execute(exclude, &[&table]).unwrap();
    }
    database
}

fn chinook(test: &str) -> Option<Database<'static>> {
    let Ok(script) = fs::read_to_string(repository("../shared/data/chinook.sql")) else {
        skip(test, "../shared/data/chinook.sql is not there");
        return None;
    };
    let database = Cluster::shared().database();
    let makes_a_database =
        |line: &&str| ["DROP DATABASE", "CREATE DATABASE", "\\c "].iter().any(|start| line.starts_with(start));
    let contents: Vec<&str> = script.lines().filter(|line| !makes_a_database(line)).collect();
    database.connect().batch_execute(&contents.join("\n")).unwrap();
    Some(database)
}

fn backup(database: &Database<'_>) -> Backup {
    run_with(&mut database.connect(), "formats => '{csv}'").unwrap()
}

fn contents(database: &Database<'_>) -> Digest {
    let excluded: Vec<String> = SHOWN_ONLY.iter().map(|table| format!("zoo.{table}")).collect();
    let excluded: Vec<&str> = excluded.iter().map(String::as_str).chain(EXCLUDED).collect();
    Digest::of(database).without(&excluded)
}

/// Every table loses rows, every second one all of them, and every sequence goes on.
fn change(client: &mut Client) {
    client
        .batch_execute(
            "DO $$
             DECLARE
                 item record;
             BEGIN
                 SET LOCAL session_replication_role = replica;
                 FOR item IN SELECT c.oid::regclass AS name, row_number() OVER (ORDER BY c.oid) AS number FROM pg_class AS c
                     WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|paliad_backup|cron)'
                     AND c.relname NOT LIKE 'pg\\_%'
                 LOOP
                     EXECUTE format('DELETE FROM ONLY %s WHERE %s OR hashtext(ctid::text) %% 3 = 0', item.name, (item.number % 2 = 0)::text);
                 END LOOP;
                 FOR item IN SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
                     WHERE schemaname <> 'paliad_backup' AND NOT cycle LOOP
                     PERFORM nextval(item.name::regclass);
                 END LOOP;
             END
             $$",
        )
        .unwrap();
}

fn assert_comes_back_over_changes(database: &Database<'_>) {
    let was = contents(database);
    let id = backup(database).id;
    let mut client = database.connect();
    change(&mut client);
    assert!(!was.differences(&contents(database)).is_empty(), "nothing was changed");
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&was, &contents(database), "over changed data");
}

/// As somebody would who has the zip alone, and does what the hints say. `owner` shall own the tables.
fn assert_comes_back_in_an_empty_database(source: &Database<'_>, owner: &str, left_out: &[&str]) {
    let was = contents(source).contents().without_facts(left_out);
    let bytes = fs::read(backup(source).path()).unwrap();

    let target = Cluster::shared().database();
    let mut client = target.connect();
    client.batch_execute(&format!("ALTER DATABASE {} OWNER TO {owner}", target.name())).unwrap();
    put(&import_folder(&mut client), "found.zip", &bytes);
    let id: String =
        client.query_one("SELECT id::text FROM paliad_backup.import_bundle('found.zip')", &[]).unwrap().get(0);
    let arguments = format!("{OVERWRITE}, create_missing => true");
    let mut hints = Vec::new();
    while let Err(error) = restore(&mut client, &id, &arguments) {
        let told = error.as_db_error().unwrap_or_else(|| panic!("{error}"));
        let hint = told.hint().unwrap_or_default();
        let command = hint.rfind("CREATE ").map(|at| hint[at..].replace('…', owner));
        assert!(sqlstate(&error) == "55000" && !hints.contains(&command), "after {hints:?}: {told:?}");
        client.batch_execute(command.as_deref().expect("a command")).unwrap();
        hints.push(command);
    }
    assert_equal(&was, &contents(&target).contents(), "in an empty database");
    let superusers = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'S') AND oid >= 16384 \
         AND relnamespace::regnamespace::text !~ '^(pg_|paliad_backup)' AND relowner = 'postgres'::regrole \
         AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_class.oid AND d.deptype = 'e')";
    assert_eq!(client.query_one(superusers, &[]).unwrap().get::<_, i64>(0), 0);
}

fn message(error: &postgres::Error) -> &str {
    error.as_db_error().map_or("", |error| error.message())
}

/// A role that owns what is made.
fn owner(database: &Database<'_>) -> String {
    let owner = format!("owner_of_{}", database.name());
    database.connect().batch_execute(&format!("CREATE ROLE {owner}")).unwrap();
    owner
}

#[test]
fn the_demo_over_changes() {
    assert_comes_back_over_changes(&demo());
}

#[test]
fn chinook_over_changes() {
    if let Some(database) = chinook("chinook_over_changes") {
        assert_comes_back_over_changes(&database);
    }
}

#[test]
fn the_type_zoo_over_changes() {
    assert_comes_back_over_changes(&zoo());
}

#[test]
fn the_demo_in_an_empty_database() {
    // Checks that call functions of the application, which a bundle has not; schema.sql lists them.
    let left_out =
        ["constraint matters_reference_check of paliad.matters", "constraint parties_iban_check of paliad.parties"];
    assert_comes_back_in_an_empty_database(&demo(), "paliad_owner", &left_out);
}

#[test]
fn chinook_in_an_empty_database() {
    if let Some(database) = chinook("chinook_in_an_empty_database") {
        let owner = owner(&database);
        assert_comes_back_in_an_empty_database(&database, &owner, &[]);
    }
}

#[test]
fn the_type_zoo_in_an_empty_database() {
    let database = zoo();
    // Values that name functions, operators and text search objects, which a bundle has not.
    let named = ["regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure"];
    let truncate = named.map(|table| format!("TRUNCATE zoo.{table};")).join(" ");
    database.connect().batch_execute(&truncate).unwrap();
    let owner = owner(&database);
    assert_comes_back_in_an_empty_database(&database, &owner, &[]);
}

/// A bundle of one's own needs no such care: what was dropped by mistake is back as it was, in a schema that is made, too.
#[test]
fn a_dropped_schema() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE TYPE app.state AS ENUM ('open', 'done');
             CREATE TABLE app.kinds (id serial PRIMARY KEY, name text UNIQUE);
             CREATE TABLE app.things (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind int REFERENCES app.kinds, state app.state,
                 at date) ;
             CREATE TABLE app.events (at date, what text) PARTITION BY RANGE (at);
             CREATE TABLE app.events_old PARTITION OF app.events FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
             CREATE TABLE app.events_new PARTITION OF app.events DEFAULT;
             INSERT INTO app.kinds (name) VALUES ('a'), ('b'); INSERT INTO app.things (kind, state) VALUES (1, 'open'), (2, 'done');
             INSERT INTO app.events VALUES ('2019-01-01', 'x'), ('2022-01-01', 'y')",
        )
        .unwrap();
    let was = Digest::of(&database);
    let id = backup(&database).id;
    client.batch_execute("DROP SCHEMA app CASCADE").unwrap();
    let dry = restore(&mut client, &id, "overwrite => true, create_missing => true").unwrap();
    assert!(dry.errors().is_empty(), "{dry:#?}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'app'";
    assert_eq!(client.query_one(schemas, &[]).unwrap().get::<_, i64>(0), 0, "a dry run leaves nothing");
    let restored = restore(&mut client, &id, &format!("{OVERWRITE}, create_missing => true")).unwrap();
    assert!(
        restored.sheets.iter().all(|sheet| {
            sheet.message.as_deref()
                == Some("the table was made; triggers, policies and grants are not part of a bundle")
        }),
        "{restored:#?}"
    );
    assert_equal(&was, &Digest::of(&database), "after DROP SCHEMA");

    client.batch_execute("DROP TABLE app.things; DROP TABLE app.events").unwrap();
    restore(&mut client, &id, &format!("{OVERWRITE}, create_missing => true, sheets => '{{app.things}}'")).unwrap();
    let there = "SELECT to_regclass('app.things') IS NOT NULL AND to_regclass('app.events') IS NULL";
    assert!(client.query_one(there, &[]).unwrap().get::<_, bool>(0), "only what was asked for is made");
}

/// A script is code: that of a bundle from elsewhere runs with no superuser's rights, and skip_verify does not go with it.
#[test]
fn definitions_from_elsewhere_need_an_owner_that_is_no_superuser() {
    let source = Cluster::shared().database();
    source.connect().batch_execute("CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY)").unwrap();
    let bytes = fs::read(backup(&source).path()).unwrap();
    let target = Cluster::shared().database();
    let mut client = target.connect();
    put(&import_folder(&mut client), "found.zip", &bytes);
    let id: String =
        client.query_one("SELECT id::text FROM paliad_backup.import_bundle('found.zip')", &[]).unwrap().get(0);
    let arguments = "dry_run => false, create_missing => true";
    let error = restore(&mut client, &id, arguments).unwrap_err();
    assert!(sqlstate(&error) == "55000" && message(&error).contains("schema app does not exist"), "{error}");
    client.batch_execute("CREATE SCHEMA app").unwrap();
    let error = restore(&mut client, &id, arguments).unwrap_err();
    assert!(sqlstate(&error) == "55000" && message(&error).contains("belongs to a superuser"), "{error}");
    let error = restore(&mut client, &id, &format!("{arguments}, skip_verify => true")).unwrap_err();
    assert_eq!(sqlstate(&error), "22023");
    assert!(client.query_one("SELECT to_regclass('app.t') IS NULL", &[]).unwrap().get::<_, bool>(0));
}
