//! What is nobody's function, or runs beside the rows: built-in functions, triggers that a function enables, and what others may read
//! while a restore or a rehearsal is at work.

#[path = "support/restores.rs"]
mod restores;
#[path = "support/security.rs"]
mod security;
mod support;

use postgres::Client;
use restores::{OVERWRITE, restore};
use security::{is_superuser, login, run};
use support::{Cluster, sqlstate};

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
    assert_eq!(
        (sqlstate(&error), error.as_db_error().unwrap().message()),
        ("42501", "permission denied for function pg_read_file")
    );
    let told = restore(&mut postgres, &id, "overwrite => true").unwrap().errors();
    assert_eq!(told[0]["sqlstate"], "42501");
}

#[test]
fn a_table_that_is_made_in_a_superusers_schema_is_loaded_without_a_superusers_rights() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let role = login(&database, "mallory", &[]);
    admit(&mut postgres, "s", &role);
    let mut attacker = database.connect_as(&role);
    attacker.batch_execute(&format!("CREATE TABLE s.t (id int {}); INSERT INTO s.t VALUES (1)", check(&role))).unwrap();
    let id = run(&mut postgres);
    attacker.batch_execute("DROP TABLE s.t").unwrap();
    let error = restore(&mut postgres, &id, &format!("create_missing => true, {OVERWRITE}")).unwrap_err();
    assert_eq!(sqlstate(&error), "42501", "{error:?}");
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
    assert_eq!(
        (row.get::<_, bool>(0), row.get::<_, &str>(1)),
        (false, "42501: permission denied for function pg_read_file.")
    );
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
