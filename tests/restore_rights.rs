//! What is nobody's function, or runs beside the rows: built-in functions, triggers that a function enables, and what others may read
//! while a restore or a rehearsal is at work.

use crate::restores::{OVERWRITE, restore};
use crate::security::{is_superuser, login, run};
use crate::support::{Cluster, sqlstate};
use postgres::Client;

/// A check that asks for a superuser's rights, by functions of the server alone, of everybody but `role`.
fn check(role: &str) -> String {
    format!(
        "CHECK (CASE WHEN current_user = '{role}' THEN true ELSE \
         query_to_xml('SELECT pg_read_file(''PG_VERSION'')', true, true, '') IS NOT NULL END)"
    )
}

fn admit(postgres: &mut Client, schema: &str, role: &str) {
    let sql = format!("CREATE SCHEMA {schema}; GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}");
    postgres.batch_execute(&sql).unwrap();
}

#[test]
fn a_superusers_table_with_a_partition_of_somebody_else_is_loaded_without_a_superusers_rights() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    postgres
        .batch_execute(&format!(
            "CREATE TABLE log (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF log FOR VALUES FROM (0) TO (9);
             INSERT INTO log VALUES (1); ALTER TABLE part OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role}"
        ))
        .unwrap();
    let id = run(&mut postgres);
    let attack = format!("ALTER TABLE part ADD {} NOT VALID", check(&role));
    database.connect_as(&role).batch_execute(&attack).unwrap();
    // The attack is real.
    postgres.batch_execute("BEGIN; INSERT INTO log VALUES (2); ROLLBACK").unwrap();
    let error = restore(&mut postgres, &id, OVERWRITE).unwrap_err();
    let refused = format!(
        "public.log belongs to a superuser, but constraint part_check on table public.part, of role {role}, calls what is not immutable"
    );
    assert_eq!((sqlstate(&error), error.as_db_error().unwrap().message()), ("42501", refused.as_str()));
    let told = restore(&mut postgres, &id, "overwrite => true").unwrap().errors();
    assert_eq!(told[0]["sqlstate"], "42501");
}

/// The server evaluates a domain's check when it makes a partition's bound, and an index of an expression when rows are there.
#[test]
fn what_is_made_in_a_superusers_schema_is_made_as_who_owned_it() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    admit(&mut postgres, "s", &role);
    let mut attacker = database.connect_as(&role);
    attacker
        .batch_execute(&format!(
            "CREATE DOMAIN s.d AS int {check};
             CREATE TABLE s.p (id s.d NOT NULL {check}) PARTITION BY RANGE (id); CREATE TABLE s.q PARTITION OF s.p FOR VALUES FROM (0) TO (9);
             CREATE TABLE s.t (id int PRIMARY KEY {check}, n int GENERATED ALWAYS AS IDENTITY, e s.d DEFAULT 1); CREATE INDEX i ON s.t ((id::s.d));
             INSERT INTO s.p VALUES (1); INSERT INTO s.t (id) VALUES (1)",
            check = check(&role)
        ))
        .unwrap();
    let id = run(&mut postgres);
    let gone = "DROP TABLE s.t, s.p; DROP DOMAIN s.d";
    let again = format!("create_missing => true, {OVERWRITE}");
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner)::text, ',') FROM pg_class WHERE relnamespace = 's'::regnamespace";

    postgres.batch_execute(gone).unwrap();
    assert_eq!(restore(&mut postgres, &id, &again).unwrap().total.restored, Some(2));
    assert_eq!(postgres.query_one(owners, &[]).unwrap().get::<_, String>(0), role);

    postgres.batch_execute(&format!("{gone}; REVOKE CREATE ON SCHEMA s FROM {role}")).unwrap();
    let error = restore(&mut postgres, &id, &again).unwrap_err();
    assert_eq!(sqlstate(&error), "42501");
    let hint = error.as_db_error().unwrap().hint().unwrap().to_owned();
    assert_eq!(hint, format!("GRANT USAGE, CREATE ON SCHEMA s TO {role};"));
    postgres.batch_execute(&hint).unwrap();
    assert_eq!(restore(&mut postgres, &id, &again).unwrap().total.restored, Some(2));

    postgres.batch_execute(&format!("{gone}; ALTER ROLE {role} RENAME TO gone_{role}")).unwrap();
    let error = restore(&mut postgres, &id, &again).unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    assert!(error.as_db_error().unwrap().hint().unwrap().starts_with(&format!("CREATE ROLE {role};")), "{error:?}");
    postgres.batch_execute(&format!("ALTER ROLE gone_{role} RENAME TO {role}; DROP SCHEMA s")).unwrap();

    assert_eq!(restore(&mut postgres, &id, &again).unwrap().total.restored, Some(2));
    assert_eq!(postgres.query_one(owners, &[]).unwrap().get::<_, String>(0), role);
    let sql = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 's'";
    assert_eq!(postgres.query_one(sql, &[]).unwrap().get::<_, String>(0), "postgres");
}

#[test]
fn a_schema_comes_back_as_its_owners() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let (owner, other) = (login(&database, "owner", &[]), login(&database, "other", &[]));
    postgres
        .batch_execute(&format!(
            "CREATE SCHEMA s AUTHORIZATION {owner}; SET ROLE {owner}; CREATE TABLE s.t (id int PRIMARY KEY); INSERT INTO s.t VALUES (1); RESET ROLE;
             CREATE TABLE s.u (id int PRIMARY KEY); CREATE TABLE s.v (id int PRIMARY KEY); ALTER TABLE s.v OWNER TO {other}; GRANT USAGE ON SCHEMA s TO {other}"
        ))
        .unwrap();
    let id = run(&mut postgres);
    postgres.batch_execute("DROP SCHEMA s CASCADE").unwrap();
    restore(&mut postgres, &id, &format!("create_missing => true, {OVERWRITE}")).unwrap();
    let sql = "SELECT string_agg(relname || ' ' || pg_get_userbyid(relowner), ',' ORDER BY relname) FROM pg_class
               WHERE relnamespace = 's'::regnamespace AND relkind = 'r'";
    let owners: String = postgres.query_one(sql, &[]).unwrap().get(0);
    assert_eq!(owners, format!("t {owner},u {owner},v {other}"));
}

#[test]
fn a_rehearsal_by_the_manifest_alone_has_no_superusers_rights() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    admit(&mut postgres, "s", &role);
    let mut attacker = database.connect_as(&role);
    let laid =
        format!("CREATE DOMAIN s.d AS int {}; CREATE TABLE s.t (d s.d); INSERT INTO s.t VALUES (1)", check(&role));
    attacker.batch_execute(&laid).unwrap();
    let id = run(&mut postgres);
    attacker.batch_execute("DROP TABLE s.t").unwrap();
    let sql = format!("SELECT ok, detail FROM paliad_backup.rehearse_restore('{id}')");
    let row = postgres.query_one(&sql, &[]).unwrap();
    let refused = format!(
        "42501: paliad_backup_rehearsal_{}.t belongs to a superuser, but constraint d_check of domain s.d, of role {role}, calls what is not \
         immutable.",
        &id[..8]
    );
    assert_eq!((row.get::<_, bool>(0), row.get::<_, &str>(1)), (false, refused.as_str()));
}

/// A sequence keeps what setval() gave it whatever is rolled back: a way out for all that the code may read.
#[test]
fn what_runs_beside_a_superusers_table_reads_nothing() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    admit(&mut postgres, "s", &role);
    let mut attacker = database.connect_as(&role);
    attacker
        .batch_execute(&format!(
            "CREATE SEQUENCE s.leak; GRANT ALL ON s.leak TO PUBLIC; GRANT USAGE ON SCHEMA s TO PUBLIC;
             CREATE DOMAIN s.d AS int CHECK (CASE WHEN current_user = '{role}' THEN true ELSE query_to_xml(
                 'SELECT setval(''s.leak'', (SELECT max(oid::int8) FROM pg_catalog.pg_authid))', true, true, '') IS NOT NULL END);
             CREATE TYPE s.pair AS (a int, d s.d)"
        ))
        .unwrap();
    for column in ["d s.d", "d s.d[]", "d s.pair", "d int, e text CHECK (e::s.d > 0)"] {
        attacker.batch_execute(&format!("DROP TABLE IF EXISTS s.t; CREATE TABLE s.t ({column})")).unwrap();
        postgres.batch_execute("ALTER TABLE s.t OWNER TO postgres").unwrap();
        let id = run(&mut postgres);
        let message = |error: &postgres::Error| error.as_db_error().unwrap().message().to_owned();
        let expected = format!("of role {role}");
        let error = restore(&mut postgres, &id, OVERWRITE).unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{column}: {error:?}");
        assert!(message(&error).contains("d_check of domain s.d") && message(&error).contains(&expected), "{error:?}");
        let told = restore(&mut postgres, &id, "overwrite => true").unwrap().errors();
        assert_eq!(told[0]["sqlstate"], "42501");
        let read = format!("SELECT count(*) FROM paliad_backup.read_sheet_as(NULL::s.t, '{id}', 't')");
        assert_eq!(sqlstate(&postgres.query_one(&read, &[]).unwrap_err()), "42501");
        if !column.contains("CHECK") {
            postgres.batch_execute("DROP TABLE s.t").unwrap();
            let sql = format!("SELECT ok FROM paliad_backup.rehearse_restore('{id}')");
            assert!(!postgres.query_one(&sql, &[]).unwrap().get::<_, bool>(0));
            attacker.batch_execute(&format!("CREATE TABLE s.t ({column})")).unwrap();
        }
        postgres.batch_execute(&format!("ALTER TABLE s.t OWNER TO {role}")).unwrap();
    }
    let leaked: i64 = postgres.query_one("SELECT last_value FROM s.leak", &[]).unwrap().get(0);
    assert_eq!(leaked, 1);
}

/// A pattern that a domain of somebody else checks is nothing to be afraid of.
#[test]
fn immutable_checks_of_others_hold_in_a_superusers_table() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    admit(&mut postgres, "s", &role);
    let mut other = database.connect_as(&role);
    other.batch_execute("CREATE DOMAIN s.code AS text CHECK (VALUE ~ '^[a-z]+$')").unwrap();
    postgres
        .batch_execute("CREATE TABLE s.t (id s.code PRIMARY KEY, r regclass, CHECK (now() > '2000-01-01')); INSERT INTO s.t VALUES ('a', 's.t')")
        .unwrap();
    let id = run(&mut postgres);
    assert_eq!(restore(&mut postgres, &id, OVERWRITE).unwrap().total.restored, Some(1));
    postgres.batch_execute("DELETE FROM s.t").unwrap();
    assert_eq!(restore(&mut postgres, &id, "dry_run => false").unwrap().total.restored, Some(1));
}

/// What a superuser owns is loaded as a role that may not write, and comes back all the same.
#[test]
fn a_superusers_table_comes_back() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    postgres
        .batch_execute(
            "CREATE SCHEMA closed; REVOKE ALL ON SCHEMA closed FROM PUBLIC;
             CREATE TABLE closed.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int CHECK (a > 0), b int GENERATED ALWAYS AS (a + 1) STORED)
             PARTITION BY RANGE (id);
             CREATE TABLE closed.p PARTITION OF closed.t FOR VALUES FROM (0) TO (100);
             ALTER TABLE closed.t ENABLE ROW LEVEL SECURITY; ALTER TABLE closed.t FORCE ROW LEVEL SECURITY;
             REVOKE ALL ON closed.t, closed.p FROM PUBLIC; INSERT INTO closed.t (a) VALUES (1), (2)",
        )
        .unwrap();
    let id = run(&mut postgres);
    postgres
        .batch_execute("DELETE FROM closed.t WHERE a = 1; ALTER TABLE closed.t ADD c timestamptz DEFAULT now()")
        .unwrap();
    assert_eq!(restore(&mut postgres, &id, "dry_run => false").unwrap().total.restored, Some(1));
    assert_eq!(restore(&mut postgres, &id, OVERWRITE).unwrap().total.restored, Some(2));
    let count: i64 =
        postgres.query_one("SELECT count(*) FROM closed.t WHERE b = a + 1 AND c IS NOT NULL", &[]).unwrap().get(0);
    assert_eq!(count, 2);
}

/// The planner calls an immutable function when the rows of `a` are counted; it enables a trigger of `b`, which is truncated next.
#[test]
fn a_trigger_that_is_enabled_on_the_way_does_not_fire_with_a_superusers_rights() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    postgres.batch_execute(&format!("CREATE SCHEMA m AUTHORIZATION {role}")).unwrap();
    let mut attacker = database.connect_as(&role);
    attacker
        .batch_execute(&format!(
            "CREATE TABLE m.a (id int PRIMARY KEY); CREATE TABLE m.b (id int PRIMARY KEY);
             CREATE FUNCTION m.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE {role} SUPERUSER; RETURN NULL; END';
             CREATE TRIGGER fire BEFORE TRUNCATE ON m.b FOR EACH STATEMENT EXECUTE FUNCTION m.fire();
             CREATE FUNCTION m.lay() RETURNS void LANGUAGE plpgsql AS 
                 'BEGIN ALTER TABLE m.b ENABLE ALWAYS TRIGGER fire; EXCEPTION WHEN object_in_use THEN NULL; END';
             CREATE FUNCTION m.f() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
             CREATE INDEX ON m.a (id) WHERE m.f();
             INSERT INTO m.a VALUES (1); INSERT INTO m.b VALUES (1)"
        ))
        .unwrap();
    let id = run(&mut postgres);
    let arm = "CREATE OR REPLACE FUNCTION m.f() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
               'BEGIN PERFORM m.lay(); RETURN true; END'";
    attacker.batch_execute(arm).unwrap();
    for arguments in ["overwrite => true", OVERWRITE] {
        // What a session has planned before is not asked again.
        let error = restore(&mut database.connect(), &id, arguments).unwrap_err();
        assert!(!is_superuser(&database, &role), "{arguments}");
        assert_eq!(sqlstate(&error), "55000", "{arguments}: {error:?}");
        let message = error.as_db_error().unwrap().message();
        assert_eq!(message, "trigger fire of table b was enabled during the restore", "{arguments}");
    }
}

/// The scratch tables have everybody's rows. The attacker's is made last.
#[test]
fn code_that_runs_in_a_rehearsal_reads_nobody_elses_scratch_table() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let (role, other) = (login(&database, "mallory", &[]), login(&database, "victim", &[]));
    postgres
        .batch_execute(&format!(
            "CREATE SCHEMA w AUTHORIZATION {role}; CREATE SCHEMA v AUTHORIZATION {other};
             CREATE TABLE v.secret (id int PRIMARY KEY); ALTER TABLE v.secret OWNER TO {other};
             INSERT INTO v.secret VALUES (4711); GRANT USAGE ON SCHEMA v TO {role}; GRANT REFERENCES ON v.secret TO {role}"
        ))
        .unwrap();
    database
        .connect_as(&role)
        .batch_execute(
            "CREATE SEQUENCE w.told; CREATE TABLE w.t (id int PRIMARY KEY, r int REFERENCES v.secret); INSERT INTO w.t VALUES (1, 4711);
             CREATE FUNCTION w.look() RETURNS void LANGUAGE plpgsql AS $$
                 DECLARE scratch text; id int;
                 BEGIN
                     SELECT nspname INTO scratch FROM pg_namespace WHERE nspname LIKE 'paliad_backup_rehearsal%';
                     IF scratch IS NULL OR to_regclass(format('%I.secret', scratch)) IS NULL THEN RETURN; END IF;
                     EXECUTE format('SELECT id FROM %I.secret', scratch) INTO id;
                     -- ROLLBACK does not take this back.
                     PERFORM setval('w.told', id);
                 EXCEPTION WHEN insufficient_privilege THEN PERFORM setval('w.told', 42);
                 END $$;
             CREATE FUNCTION w.f() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM w.look(); RETURN true; END';
             CREATE INDEX ON w.t (id) WHERE w.f()",
        )
        .unwrap();
    let id = run(&mut postgres);
    let sql = format!("SELECT ok, detail FROM paliad_backup.rehearse_restore('{id}')");
    for row in database.connect().query(&sql, &[]).unwrap() {
        assert!(row.get::<_, bool>(0), "{}", row.get::<_, &str>(1));
    }
    let told: i64 = postgres.query_one("SELECT last_value FROM w.told", &[]).unwrap().get(0);
    assert_eq!(told, 42, "the function ran and was refused");
    // The key is checked nevertheless.
    postgres.batch_execute("ALTER TABLE w.t DROP CONSTRAINT t_r_fkey; UPDATE w.t SET r = 1").unwrap();
    let id = run(&mut postgres);
    postgres
        .batch_execute(
            "UPDATE w.t SET r = 4711; ALTER TABLE w.t ADD CONSTRAINT t_r_fkey FOREIGN KEY (r) REFERENCES v.secret",
        )
        .unwrap();
    let sql = format!("SELECT ok, detail FROM paliad_backup.rehearse_restore('{id}') WHERE sheet = 't'");
    let row = postgres.query_one(&sql, &[]).unwrap();
    assert!(!row.get::<_, bool>(0) && row.get::<_, &str>(1).contains("t_r_fkey"), "{}", row.get::<_, &str>(1));
}
