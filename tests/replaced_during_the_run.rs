//! What has been planned is what is read, by whatever name it goes meanwhile: for truth's sake (S2), and because an attacker who owns a
//! schema can put something else under a superuser's name (P4).

use std::thread;

use crate::runs::{Gate, run};
use crate::security::{is_superuser, login};
use crate::support::{Cluster, Database, sqlstate, wait_for};
use postgres::Client;

/// What a reader of the attacker's making does.
const STRIKE: &str = "
    CREATE FUNCTION s.strike() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'ALTER ROLE $role SUPERUSER'; RETURN 666;
        EXCEPTION WHEN insufficient_privilege THEN RETURN 0; END $$;";

/// A database with a schema `s` of an attacker's, who may create others.
fn attacked() -> (Database<'static>, String) {
    let database = Cluster::shared().database();
    let role = login(&database, "mallory", &[]);
    database
        .connect()
        .batch_execute(&format!(
            "CREATE SCHEMA s AUTHORIZATION {role}; GRANT CREATE ON DATABASE {} TO {role}",
            database.name()
        ))
        .unwrap();
    (database, role)
}

/// Runs a backup, and `meanwhile` as the attacker while it stands at a gate; returns the SQLSTATE that it ended with.
fn run_while(database: &Database<'_>, role: &str, gate: i32, meanwhile: &str) -> String {
    let mut gate = Gate::close(database, gate);
    let mut attacker = database.connect_as(role);
    let result = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        gate.wait_for_run();
        attacker.batch_execute(&meanwhile.replace("$role", role)).unwrap();
        gate.open();
        run.join().unwrap()
    });
    assert!(!is_superuser(database, role), "the attacker has become a superuser");
    result.map(|_| "done".to_owned()).unwrap_or_else(|error| sqlstate(&error).to_owned())
}

/// Where a schema is replaced by another one, as some deployments do, no lock on a table stands in the way.
#[test]
fn s2_a_schema_that_is_swapped_during_the_run_is_noticed() {
    let (database, role) = attacked();
    let mut owner = database.connect_as(&role);
    owner
        .batch_execute(
            "CREATE TABLE s.a (id int PRIMARY KEY); INSERT INTO s.a VALUES (1);
             CREATE SCHEMA blue; CREATE TABLE blue.a (id int PRIMARY KEY); INSERT INTO blue.a VALUES (2), (3)",
        )
        .unwrap();
    let swap = "ALTER SCHEMA s RENAME TO green; ALTER SCHEMA blue RENAME TO s";
    assert_eq!(run_while(&database, &role, 1, swap), "40001");
    // The view's own query means what it meant, but its name is another view's.
    owner
        .batch_execute(
            "CREATE VIEW s.v AS SELECT * FROM green.a; CREATE SCHEMA red; CREATE VIEW red.v AS SELECT 7 AS id",
        )
        .unwrap();
    let register = "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('s', 'v'); DELETE FROM paliad_backup.sheets WHERE sheet_name = 'gate'";
    database.connect().batch_execute(register).unwrap();
    assert_eq!(run_while(&database, &role, 1, "ALTER SCHEMA s RENAME TO old; ALTER SCHEMA red RENAME TO s"), "40001");
}

#[test]
fn p4_a_view_in_the_place_of_a_superusers_table_is_not_read() {
    let (database, role) = attacked();
    database
        .connect()
        .batch_execute("CREATE TABLE s.t (id int PRIMARY KEY, v text); INSERT INTO s.t VALUES (1, 'real')")
        .unwrap();
    let swap = format!(
        "ALTER SCHEMA s RENAME TO s_old; CREATE SCHEMA s; {STRIKE} CREATE VIEW s.t AS SELECT s.strike() AS id, current_user::text AS v"
    );
    assert_eq!(run_while(&database, &role, 1, &swap), "40001");
}

#[test]
fn p4_a_view_in_the_place_of_a_superusers_sequence_is_not_read() {
    let (database, role) = attacked();
    database
        .connect()
        .batch_execute("CREATE TABLE s.t (id serial PRIMARY KEY); CREATE TABLE public.other (id serial PRIMARY KEY)")
        .unwrap();
    let swap = format!(
        "ALTER SCHEMA s RENAME TO s_old; CREATE SCHEMA s; {STRIKE}
         CREATE VIEW s.t_id_seq AS SELECT s.strike()::bigint AS last_value, true AS is_called"
    );
    // Behind the table, which is found to be what it was.
    let first = "INSERT INTO paliad_backup.sheets (relation_schema, relation_name, position) VALUES ('s', 't', 1)";
    database.connect().batch_execute(first).unwrap();
    assert_eq!(run_while(&database, &role, 2, &swap), "40001");
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; ALTER SEQUENCE public.other_id_seq RENAME TO renamed").unwrap();
    let mut client = database.connect();
    client.batch_execute("DROP SCHEMA s CASCADE; ALTER SCHEMA s_old RENAME TO s; DELETE FROM paliad_backup.sheets; SET lock_timeout = '100ms'").unwrap();
    let error = run(&mut client).err().expect("the sequence is locked");
    assert_eq!(sqlstate(&error), "55P03");
    assert!(error.as_db_error().unwrap().message().contains("public.other_id_seq"), "{error}");
}

#[test]
fn p4_another_table_in_the_place_of_a_superusers_audit_table_is_not_written() {
    let (database, role) = attacked();
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "CREATE TABLE s.log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type text, actor_id uuid, actor_email text,
                 scope text, scope_root uuid, metadata jsonb, created_at timestamptz, updated_at timestamptz);
             GRANT SELECT, INSERT, UPDATE, DELETE ON s.log TO {role};
             UPDATE paliad_backup.settings SET audit_table = 's.log'"
        ))
        .unwrap();
    let mut attacker = database.connect_as(&role);
    attacker.batch_execute("BEGIN; LOCK TABLE s.log IN ACCESS EXCLUSIVE MODE").unwrap();
    let result = thread::scope(|scope| {
        let run = scope.spawn(|| run(&mut database.connect()));
        let blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        wait_for("the recorder waits", || !postgres.query(blocked, &[]).unwrap().is_empty());
        let swap = format!(
            "ALTER SCHEMA s RENAME TO s_old; CREATE SCHEMA s; {STRIKE}
             CREATE FUNCTION s.strike_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM s.strike(); RETURN NEW; END';
             CREATE TABLE s.log (LIKE s_old.log INCLUDING ALL); GRANT ALL ON s.log TO PUBLIC;
             CREATE TRIGGER t BEFORE INSERT ON s.log FOR EACH ROW EXECUTE FUNCTION s.strike_trigger(); COMMIT"
        );
        attacker.batch_execute(&swap.replace("$role", &role)).unwrap();
        run.join().unwrap()
    });
    assert!(!is_superuser(&database, &role));
    assert_eq!(sqlstate(&result.err().expect("the run is refused")), "40001");
    let written: i64 = postgres.query_one("SELECT count(*) FROM s.log", &[]).unwrap().get(0);
    assert_eq!(written, 0);
}

/// A trigger that somebody with the TRIGGER right has put on a superuser's audit table.
#[test]
fn p4_a_trigger_on_a_superusers_audit_table_does_not_run_as_the_superuser() {
    let (database, role) = attacked();
    let mut postgres = database.connect();
    let set = "UPDATE paliad_backup.settings SET audit_table = 'public.log'";
    postgres
        .batch_execute(&format!(
            "CREATE TABLE public.log (LIKE paliad_backup.system_audit_log INCLUDING ALL); {set};
             GRANT TRIGGER ON public.log TO {role}"
        ))
        .unwrap();
    let trigger = format!(
        "{STRIKE} CREATE FUNCTION s.strike_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM s.strike(); RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT ON public.log FOR EACH ROW EXECUTE FUNCTION s.strike_trigger();
         CREATE TRIGGER u BEFORE INSERT ON public.log FOR EACH ROW WHEN (lo_from_bytea(4711, '') > 0)
             EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    );
    database.connect_as(&role).batch_execute(&trigger.replace("$role", &role)).unwrap();
    let mut refused = |because: String| {
        let error = run(&mut postgres).err().expect("the run is refused");
        assert_eq!(sqlstate(&error), "42501");
        assert!(!is_superuser(&database, &role));
        assert_eq!(last_error(&mut postgres), format!("audit insert: {because}"));
        let objects = "SELECT count(*) FROM pg_largeobject_metadata";
        assert_eq!(postgres.query_one(objects, &[]).unwrap().get::<_, i64>(0), 0, "a condition was evaluated");
    };
    refused(format!("audit table public.log belongs to a superuser, but {role} may create triggers on it"));
    let mut owner = database.connect();
    owner.batch_execute(&format!("REVOKE TRIGGER ON public.log FROM {role}; DROP TRIGGER u ON public.log")).unwrap();
    refused(format!("function s.strike_trigger() belongs to {role} and is not called with the rights of others"));
    // Another's domain, at any depth.
    let domain = "DROP TRIGGER t ON public.log; CREATE DOMAIN s.dom AS text; CREATE TYPE public.pair AS (a s.dom[]);
         ALTER DOMAIN s.dom OWNER TO $role; ALTER TABLE public.log ADD extra public.pair[]";
    owner.batch_execute(&domain.replace("$role", &role)).unwrap();
    refused("audit table public.log belongs to a superuser, but its type s.dom does not".into());
}

/// Somebody who may create roles could wait for the extension under its role's name.
#[test]
fn p4_a_scan_role_that_others_may_be_is_refused() {
    let cluster = Cluster::own(&[]);
    let mut postgres = cluster.connect("postgres", "postgres");
    for (lay, fault) in [
        ("CREATE ROLE paliad_backup_scan LOGIN BYPASSRLS", "may log in"),
        ("ALTER ROLE paliad_backup_scan NOLOGIN NOBYPASSRLS", "does not bypass row security"),
        (
            "ALTER ROLE paliad_backup_scan BYPASSRLS; CREATE ROLE mallory; GRANT paliad_backup_scan TO mallory",
            "has the member mallory",
        ),
    ] {
        postgres.batch_execute(lay).unwrap();
        let error = postgres.batch_execute("CREATE EXTENSION paliad_backup").unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{error:?}");
        assert!(error.as_db_error().unwrap().message().ends_with(fault), "{error}");
    }
    postgres.batch_execute("REVOKE paliad_backup_scan FROM mallory; CREATE EXTENSION paliad_backup").unwrap();
}

#[test]
fn p4_a_cast_to_json_made_during_the_run_is_not_called() {
    let (database, role) = attacked();
    database.connect_as(&role).batch_execute("CREATE TYPE s.mood AS ENUM ('glad')").unwrap();
    database
        .connect()
        .batch_execute(
            "CREATE TABLE public.t (id int PRIMARY KEY, m s.mood[]); INSERT INTO public.t VALUES (1, '{glad}')",
        )
        .unwrap();
    let cast = "CREATE FUNCTION s.to_json(s.mood) RETURNS json LANGUAGE plpgsql AS $$
            BEGIN EXECUTE 'ALTER ROLE $role SUPERUSER'; RETURN 'true'; EXCEPTION WHEN insufficient_privilege THEN RETURN 'false'; END $$;
        CREATE CAST (s.mood AS json) WITH FUNCTION s.to_json(s.mood)";
    assert_eq!(run_while(&database, &role, 1, cast), "42501");
}

/// Constraints of a domain are code as well, in a query that a superuser has written and in types that it names.
#[test]
fn p4_domains_in_a_superusers_query_do_not_run_as_the_superuser() {
    for query in ["SELECT a::s.dom FROM public.t", "SELECT (jsonb_populate_record(NULL::s.pair, '{\"a\": \"x\"}')).*"] {
        let (database, role) = attacked();
        let lay =
            format!("{STRIKE} CREATE DOMAIN s.dom AS text CHECK (s.strike() >= 0); CREATE TYPE s.pair AS (a s.dom)");
        database.connect_as(&role).batch_execute(&lay.replace("$role", &role)).unwrap();
        let mut postgres = database.connect();
        postgres.batch_execute("CREATE TABLE public.t (a text); INSERT INTO public.t VALUES ('x')").unwrap();
        postgres
            .execute(
                "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ($1, 'postgres', 'q')",
                &[&query],
            )
            .unwrap();
        let error = run(&mut postgres).err().expect("the run is refused");
        assert_eq!(sqlstate(&error), "42501", "{query}: {error:?}");
        assert!(!is_superuser(&database, &role), "{query}");
        assert!(last_error(&mut postgres).starts_with("generate: sheet q: function s.strike() belongs to "));
    }
}

/// Functions of the server's own that a superuser could call: nobody's query gets its rights.
#[test]
fn p4_a_superusers_query_reads_everything_and_does_nothing_else() {
    let (database, _) = attacked();
    let mut postgres = database.connect();
    postgres.batch_execute("CREATE TABLE public.t AS SELECT 1 AS a").unwrap();
    let register = "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ($1, 'postgres', 'q')";
    for query in [
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_export(lo_from_bytea(0, ''), '/tmp/x')",
        "SELECT pg_reload_conf()",
    ] {
        postgres.execute(register, &[&query]).unwrap();
        assert_eq!(sqlstate(&run(&mut postgres).err().expect(query)), "42501", "{query}");
        postgres.batch_execute("DELETE FROM paliad_backup.sheets").unwrap();
    }
    postgres.execute(register, &[&"SELECT a, current_user AS reader FROM public.t"]).unwrap();
    assert_eq!(run(&mut postgres).unwrap().csv("q"), ["1,paliad_backup_scan"]);
}

fn last_error(client: &mut Client) -> String {
    client.query_one("SELECT error FROM paliad_backup.list(1)", &[]).unwrap().get(0)
}
