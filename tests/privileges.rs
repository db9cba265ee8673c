//! Who may do what: every function and table by role (P1), the application's admin function, pinned search paths.

use std::collections::BTreeMap;

use crate::security::{login, refused, run};
use crate::support::{Cluster, Database, sqlstate};
use postgres::Client;

/// Who may call a function, or read a relation, beside superusers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Access {
    Superuser,
    Admin,
    Reader,
}
use Access::{Admin, Reader, Superuser};

/// Every function: its arguments' types, who may call it, a call (`$id` is a backup), and the SQLSTATE of that call for those who
/// may: empty where it succeeds. The calls change nothing that a later one needs.
const FUNCTIONS: &[(&str, Access, &str, &str)] = &[
    ("is_authorized()", Reader, "is_authorized()", ""),
    ("list(integer)", Reader, "list()", ""),
    ("get(uuid)", Reader, "get('$id')", ""),
    ("latest()", Reader, "latest()", ""),
    ("run(text,uuid,text,text,text,text[],text)", Admin, "run(formats => '{csv}')", ""),
    ("list_files(uuid)", Admin, "list_files('$id')", ""),
    ("download(uuid,text,uuid)", Admin, "download('$id', 'test@example.org')", ""),
    ("download_chunks(uuid,text,uuid,integer)", Admin, "download_chunks('$id', 'test@example.org')", ""),
    ("delete(uuid,text)", Admin, "delete('00000000-0000-0000-0000-000000000000')", "42704"),
    ("pin(uuid,text)", Admin, "pin('$id')", ""),
    ("unpin(uuid,text)", Admin, "unpin('$id')", ""),
    ("read_file(uuid,text,text)", Admin, "read_file('$id', 'README.txt')", ""),
    ("read_rows(uuid,text,text)", Admin, "read_rows('$id', 't')", ""),
    ("read_sheet(uuid,text,text)", Admin, "read_sheet('$id', 't')", ""),
    ("read_sheet_as(anyelement,uuid,text,text)", Admin, "read_sheet_as(NULL::t, '$id', 't')", ""),
    ("diff(uuid,text,text)", Admin, "diff('$id', 't')", ""),
    ("verify(uuid,text)", Reader, "verify('$id')", ""),
    ("verify_all(text)", Reader, "verify_all()", ""),
    ("check_health(boolean,text)", Reader, "check_health()", ""),
    ("estimate(text,text[])", Admin, "estimate()", ""),
    ("repair_checksum(uuid,text)", Admin, "repair_checksum('$id')", ""),
    ("import_bundle(text,text)", Admin, "import_bundle('none')", "42704"),
    ("rebuild_catalog(boolean)", Admin, "rebuild_catalog()", ""),
    (
        "restore(uuid,text[],text,boolean,boolean,text,boolean,boolean,boolean,text,uuid)",
        Admin,
        "restore('$id', overwrite => true)",
        "",
    ),
    (
        "restore_sheet(uuid,text,regclass,boolean,boolean,text,boolean,boolean,text,uuid)",
        Admin,
        "restore_sheet('$id', NULL, NULL)",
        "22023",
    ),
    ("undo_restore(uuid,boolean,boolean,text,uuid)", Admin, "undo_restore('$id')", "42704"),
    ("restores(integer)", Admin, "restores()", ""),
    ("rehearse_restore(uuid,text[],text)", Admin, "rehearse_restore('$id')", ""),
    ("create_checkpoint(text,text,uuid)", Admin, "create_checkpoint('before')", ""),
    ("reconcile()", Admin, "reconcile()", ""),
    // pg_cron's jobs are in another database there: settings are stored, and what to type is told.
    ("schedule(text,integer,boolean)", Admin, "schedule('0 3 1 1 *')", ""),
    ("schedule_status()", Admin, "schedule_status()", ""),
    ("unschedule()", Admin, "unschedule()", ""),
    ("next_runs(text,timestamp with time zone,integer)", Admin, "next_runs('@daily')", ""),
    ("auto_backup_tick()", Admin, "auto_backup_tick()", ""),
    ("start_up()", Admin, "start_up()", ""),
    ("sync_jobs()", Superuser, "sync_jobs()", ""),
    ("cleanup(boolean)", Admin, "cleanup(dry_run => false)", ""),
    ("cleanup_auto_keep_latest()", Admin, "cleanup_auto_keep_latest()", ""),
    ("adopt_directory()", Superuser, "adopt_directory()", ""),
    ("check_audit_table(regclass)", Superuser, "check_audit_table('paliad_backup.system_audit_log')", ""),
    // The server refuses to call these by hand, after it has looked at the right to execute them.
    ("settings_replace()", Superuser, "settings_replace()", "0A000"),
    ("settings_keep()", Superuser, "settings_keep()", "0A000"),
    ("settings_check()", Superuser, "settings_check()", "0A000"),
    ("settings_check_schedule()", Superuser, "settings_check_schedule()", "0A000"),
    ("settings_sync_jobs()", Superuser, "settings_sync_jobs()", "0A000"),
    ("exclusions_replace()", Superuser, "exclusions_replace()", "0A000"),
    ("exclusions_keep()", Superuser, "exclusions_keep()", "0A000"),
    ("explain_checks()", Superuser, "explain_checks()", "0A000"),
];

/// Every table and view, and who may read it. Nobody but superusers may write.
const RELATIONS: [(&str, Access); 10] = [
    ("backups", Reader),
    ("run_progress", Reader),
    ("progress", Reader),
    ("status", Reader),
    ("settings", Admin),
    ("system_audit_log", Admin),
    ("sheets", Admin),
    ("exclusions", Admin),
    ("backup_list", Reader),
    ("change_watch", Superuser),
];

/// A database with a backup, and a login of each kind: the role's name and what it may do.
struct Roles<'a> {
    database: Database<'a>,
    backup: String,
    /// `None` for those who may nothing.
    logins: Vec<(String, Option<Access>)>,
}

impl Roles<'_> {
    fn new() -> Roles<'static> {
        let database = Cluster::shared().database();
        let mut postgres = database.connect();
        // The backup stays, however many are made.
        postgres
            .batch_execute(
                "CREATE TABLE t (n int); INSERT INTO t VALUES (1);
                 UPDATE paliad_backup.settings SET retention_count = NULL, checkpoint_count = NULL",
            )
            .unwrap();
        let backup = run(&mut postgres);
        let stranger = login(&database, "stranger", &[]);
        let trusted = login(&database, "trusted", &[]);
        // As a careless administrator might: the schema opened does not open what is in it.
        postgres.batch_execute(&format!("GRANT USAGE ON SCHEMA paliad_backup TO {trusted}")).unwrap();
        let logins = vec![
            (stranger, None),
            (trusted, None),
            (login(&database, "reader", &["paliad_backup_reader"]), Some(Reader)),
            (login(&database, "admin", &["paliad_backup_admin"]), Some(Admin)),
            ("postgres".to_owned(), Some(Superuser)),
        ];
        Roles { database, backup, logins }
    }

    fn login(&self, access: Access) -> &str {
        let found = self.logins.iter().find(|(_, granted)| *granted == Some(access));
        &found.expect("there is a login of each kind").0
    }
}

/// The SQLSTATE of a statement, empty where it succeeds.
fn outcome(client: &mut Client, sql: &str) -> String {
    client.batch_execute(sql).err().map_or(String::new(), |error| sqlstate(&error).to_owned())
}

/// Everything that the extension keeps: its tables' rows and the files of its store.
fn everything(database: &Database<'_>) -> (String, Vec<std::path::PathBuf>) {
    let rows = database.connect().query_one(
        "SELECT jsonb_build_array(
             (SELECT jsonb_agg(b ORDER BY b.id) FROM paliad_backup.backups b),
             (SELECT jsonb_agg(a ORDER BY a.id) FROM paliad_backup.system_audit_log a),
             (SELECT jsonb_agg(p) FROM paliad_backup.run_progress p),
             (SELECT jsonb_agg(s) FROM paliad_backup.settings s),
             (SELECT jsonb_agg(s) FROM paliad_backup.sheets s),
             (SELECT jsonb_agg(e) FROM paliad_backup.exclusions e))::text",
        &[],
    );
    let mut files = Vec::new();
    for folder in std::fs::read_dir(database.directory()).unwrap() {
        files.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    (rows.unwrap().get(0), files)
}

#[test]
fn p1_every_function_is_allowed_or_refused_by_role_and_a_refusal_writes_nothing() {
    let roles = Roles::new();
    let mut postgres = roles.database.connect();
    let listed = postgres.query_one(
        "SELECT array_agg(replace(p.oid::regprocedure::text, 'paliad_backup.', '') ORDER BY p.oid::regprocedure::text)
         FROM pg_proc p WHERE p.pronamespace = 'paliad_backup'::regnamespace",
        &[],
    );
    let mut listed: Vec<String> = listed.unwrap().get(0);
    let mut known: Vec<String> = FUNCTIONS.iter().map(|(signature, ..)| (*signature).to_owned()).collect();
    listed.sort();
    known.sort();
    assert_eq!(listed, known, "a function without an expectation, or an expectation without a function");

    for (role, granted) in &roles.logins {
        let before = everything(&roles.database);
        let mut client = roles.database.connect_as(role);
        for (signature, access, call, allowed) in FUNCTIONS {
            let sql = format!("SELECT paliad_backup.{}", call.replace("$id", &roles.backup));
            let may = granted.is_some_and(|granted| granted <= *access);
            assert_eq!(outcome(&mut client, &sql), if may { allowed } else { "42501" }, "{signature} by {role}");
        }
        if granted.is_none() {
            assert_eq!(everything(&roles.database), before, "{role} has left traces");
        }
    }
    // What a reader may call writes nothing either, but for the verdicts of verify(), which check_health() asks, too.
    let before = everything(&roles.database);
    let mut reader = roles.database.connect_as(roles.login(Reader));
    let keeps_verdicts = |signature: &str| signature.starts_with("verify") || signature.starts_with("check_health");
    for (_, _, call, _) in FUNCTIONS.iter().filter(|(signature, ..)| !keeps_verdicts(signature)) {
        outcome(&mut reader, &format!("SELECT paliad_backup.{}", call.replace("$id", &roles.backup)));
    }
    assert_eq!(everything(&roles.database), before);
}

#[test]
fn p1_every_relation_is_readable_by_role_and_writable_by_superusers_alone() {
    let roles = Roles::new();
    let listed = roles.database.connect().query(
        "SELECT relname::text, relrowsecurity OR relkind <> 'r' FROM pg_class
         WHERE relnamespace = 'paliad_backup'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')",
        &[],
    );
    let listed: BTreeMap<String, bool> = listed.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let known: Vec<String> = RELATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut sorted = known.clone();
    sorted.sort();
    assert_eq!(listed.keys().cloned().collect::<Vec<_>>(), sorted, "a relation without an expectation");
    for (name, has_row_security) in listed {
        assert!(has_row_security, "table {name} is without row security");
    }

    for (role, granted) in roles.logins.iter().filter(|(_, granted)| *granted != Some(Superuser)) {
        let mut client = roles.database.connect_as(role);
        for (name, access) in RELATIONS {
            let may = granted.is_some_and(|granted| granted <= access);
            let select = outcome(&mut client, &format!("SELECT * FROM paliad_backup.{name}"));
            assert_eq!(select, if may { "" } else { "42501" }, "SELECT from {name} by {role}");
            for write in ["INSERT INTO $t DEFAULT VALUES", "DELETE FROM $t", "TRUNCATE $t", "SELECT FROM $t FOR UPDATE"]
            {
                let sql = write.replace("$t", &format!("paliad_backup.{name}"));
                let state = outcome(&mut client, &sql);
                // Some of its columns are an admin's to change, and so its row to lock.
                let locks = name == "settings" && *granted == Some(Admin) && write.ends_with("FOR UPDATE");
                if locks {
                    assert_eq!(state, "");
                    continue;
                }
                assert!(["42501", "42809", "55000"].contains(&state.as_str()), "{sql} by {role}: {state}");
            }
        }
        for sql in [
            "UPDATE paliad_backup.settings SET schemas = NULL",
            "UPDATE paliad_backup.backups SET pinned = true",
            "UPDATE paliad_backup.system_audit_log SET actor_email = NULL",
            "CREATE TABLE paliad_backup.mine (n int)",
            "CREATE FUNCTION paliad_backup.run() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SELECT nextval('paliad_backup.sheets_id_seq')",
        ] {
            assert_eq!(outcome(&mut client, sql), "42501", "{sql} by {role}");
        }
    }
}

#[test]
fn every_function_pins_search_path() {
    let database = Cluster::shared().database();
    let unpinned = database.connect().query_one(
        "SELECT array_agg(p.oid::regprocedure::text) FROM pg_proc p
         WHERE p.pronamespace = 'paliad_backup'::regnamespace
           AND 'search_path=pg_catalog, pg_temp' <> ALL (coalesce(p.proconfig, '{}'))",
        &[],
    );
    let unpinned: Option<Vec<String>> = unpinned.unwrap().get(0);
    assert_eq!(unpinned, None);
}

/// Calls of a reader and an admin that ask the admin function, and what is refused: by 42501 for functions, without rows for
/// tables and views.
fn assert_admin_function(roles: &Roles<'_>, expected: &str) {
    for access in [Reader, Admin] {
        let mut client = roles.database.connect_as(roles.login(access));
        for &(signature, least, call, allowed) in FUNCTIONS {
            if least < access || signature == "is_authorized()" {
                continue;
            }
            let sql = format!("SELECT paliad_backup.{}", call.replace("$id", &roles.backup));
            let expected = if expected.is_empty() { allowed } else { expected };
            assert_eq!(outcome(&mut client, &sql), expected, "{signature} by {access:?}");
        }
        for relation in ["backups", "progress", "status"] {
            let rows = client.query(&format!("SELECT FROM paliad_backup.{relation}"), &[]);
            match rows {
                Ok(rows) => assert_eq!(rows.is_empty(), expected == "42501", "{relation} by {access:?}"),
                Err(error) => assert_eq!(sqlstate(&error), expected, "{relation} by {access:?}"),
            }
        }
    }
    run(&mut roles.database.connect());
}

/// Decision 4.
#[test]
fn the_admin_function_is_asked_with_the_callers_rights_and_superusers_are_exempt() {
    let roles = Roles::new();
    let mut postgres = roles.database.connect();
    let mut define = |body: &str| {
        postgres
            .batch_execute(&format!(
                "CREATE OR REPLACE FUNCTION app.is_admin() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
            ))
            .unwrap();
    };
    roles.database.connect().batch_execute("CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO PUBLIC").unwrap();
    define("RETURN true;");
    roles
        .database
        .connect()
        .batch_execute("UPDATE paliad_backup.settings SET admin_function = 'app.is_admin'")
        .unwrap();
    assert_admin_function(&roles, "");
    for no in ["RETURN false;", "RETURN NULL;"] {
        define(no);
        assert_admin_function(&roles, "42501");
    }
    // To read and to write: the hint is of both.
    let error =
        roles.database.connect_as(roles.login(Reader)).batch_execute("SELECT paliad_backup.list()").unwrap_err();
    assert_eq!(
        error.as_db_error().and_then(|told| told.hint()),
        Some(
            "Sign in to the application as somebody for whom it says true, or ask an administrator of the application."
        )
    );
    define("RAISE EXCEPTION 'not today';");
    assert_admin_function(&roles, "P0001");

    // The caller is neither the extension's owner nor the function's, and current_setting() is the session's own.
    let (reader, admin) = (roles.login(Reader), roles.login(Admin));
    define(&format!("RETURN current_user IN ('{reader}', '{admin}') AND session_user = current_user;"));
    assert_admin_function(&roles, "");
    define("RETURN EXISTS (SELECT FROM paliad_backup.settings_of_nobody);");
    assert_admin_function(&roles, "42P01");
    define("PERFORM FROM t; RETURN true;");
    assert_admin_function(&roles, "42P01");
    define("PERFORM FROM public.t; RETURN true;");
    assert_admin_function(&roles, "42501");
    define("RETURN true;");
    roles.database.connect().batch_execute("REVOKE EXECUTE ON FUNCTION app.is_admin() FROM PUBLIC").unwrap();
    assert_admin_function(&roles, "42501");
}

/// An overload with arguments, which an application may well have, is not asked and doesn't hide the one that is.
#[test]
fn the_admin_function_may_have_overloads() {
    let roles = Roles::new();
    let mut postgres = roles.database.connect();
    postgres
        .batch_execute(
            r#"CREATE SCHEMA "My App"; GRANT USAGE ON SCHEMA "My App" TO PUBLIC;
               CREATE FUNCTION "My App"."Is Admin"() RETURNS boolean LANGUAGE sql AS 'SELECT true';
               CREATE FUNCTION "My App"."Is Admin"(uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
               UPDATE paliad_backup.settings SET admin_function = '"My App"."Is Admin"'"#,
        )
        .unwrap();
    assert_admin_function(&roles, "");
    postgres.batch_execute(r#"DROP FUNCTION "My App"."Is Admin"()"#).unwrap();
    let (state, message, hint) =
        refused(&mut roles.database.connect_as(roles.login(Admin)), "SELECT paliad_backup.list()");
    assert_eq!(state, "42704");
    assert!(message.contains(r#""My App"."Is Admin"() does not exist"#), "{message}");
    assert!(hint.contains("admin_function"), "{hint}");
}

/// Whoever chose the directory would choose the files that the server writes.
#[test]
fn the_directory_is_set_by_superusers_alone() {
    let roles = Roles::new();
    let mut before_loading = roles.database.connect_as(roles.login(Admin));
    before_loading.batch_execute("SET paliad_backup.directory = '/tmp'").unwrap();
    run(&mut before_loading);
    let row = before_loading.query_one("SELECT storage_uri FROM paliad_backup.latest()", &[]).unwrap();
    let uri: String = row.get(0);
    assert!(uri.starts_with(&format!("file://{}/", roles.database.directory().display())), "{uri}");
    assert_eq!(outcome(&mut before_loading, "SET paliad_backup.directory = '/tmp'"), "42501");
    let own = format!("ALTER ROLE {} SET paliad_backup.directory = '/tmp'", roles.login(Admin));
    assert_eq!(outcome(&mut before_loading, &own), "42501");
}
