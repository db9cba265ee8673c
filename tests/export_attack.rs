//! P4 on export: a table's owner hides `ALTER ROLE … SUPERUSER` wherever the server runs its code while others read its table.
//!
//! Every attack is shown to be real: the superuser does by hand, in another database, what a naive export would do, and the
//! attacker is a superuser. Then the same attack is laid for `run()`.

use crate::attack::{assert_succeeds, database, lay, witnesses};
use crate::security;
use crate::security::{is_superuser, login};
use crate::support::sqlstate;

/// One place for the attacker's code. In the statements `$role` is the attacker.
struct Attack {
    /// By the attacker, while its functions are still harmless. Schema `m` is its own.
    lay: &'static str,
    /// By the superuser, before the attack: what it has to do with the attacker's objects.
    lend: &'static str,
    /// By the superuser in a fresh session: what makes the attacker a superuser.
    naive: &'static str,
    /// By the superuser: what tells the extension of it.
    register: &'static str,
    /// What becomes of the run.
    run: Run,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Run {
    /// Done, and the attacker's code ran, with the attacker's rights.
    Done,
    /// 42501, before any of the attacker's code ran.
    Refused,
}

const INDEX: &str = "CREATE INDEX ON m.t ((a + m.f(1)))";
const AUDIT_TABLE: &str = "CREATE TABLE m.audit (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type text, actor_id uuid, actor_email text, scope text,
        scope_root text, metadata jsonb, created_at timestamptz, updated_at timestamptz);
    CREATE FUNCTION m.strike_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM m.f(1); RETURN NEW; END';";
const REGISTER_AUDIT_TABLE: &str = "UPDATE paliad_backup.settings SET audit_table = 'm.audit'";
const NAIVE_AUDIT: &str = "INSERT INTO m.audit (event_type) VALUES ('backup_created')";

fn assert_fails(attack: &Attack) {
    assert_succeeds(attack.lay, attack.lend, attack.naive);
    let database = database();
    let role = lay(&database, attack.lay, attack.lend);
    database.connect().batch_execute(&attack.register.replace("$role", &role)).unwrap();
    // Trying an audit table runs its triggers; a fresh start for what the run does.
    database.connect().batch_execute("TRUNCATE m.witness").unwrap();
    assert!(!is_superuser(&database, &role), "registering has run the attack");
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    for caller in ["postgres", &admin] {
        // As a caller may have set it: the planner then looks at CHECK constraints, too.
        let mut session = database.connect_as(caller);
        session.batch_execute("SET constraint_exclusion = on").unwrap();
        let result = session.query_one("SELECT status FROM paliad_backup.run()", &[]);
        assert!(!is_superuser(&database, &role), "{caller}'s run has made the attacker a superuser");
        match (attack.run, result) {
            (Run::Done, Ok(row)) => assert_eq!(row.get::<_, String>(0), "done"),
            (Run::Refused, Err(error)) => assert_eq!(sqlstate(&error), "42501", "{error:?}"),
            (expected, result) => panic!("{caller}'s run should be {expected:?}: {result:?}"),
        }
        let expected = if attack.run == Run::Done { vec![role.clone()] } else { Vec::new() };
        assert_eq!(witnesses(&database), expected, "who ran the attacker's code in {caller}'s run");
    }
}

#[test]
fn p4_index_expression() {
    assert_fails(&Attack { lay: INDEX, lend: "", naive: "SELECT a FROM m.t ORDER BY a", register: "", run: Run::Done });
}

#[test]
fn p4_index_predicate() {
    assert_fails(&Attack {
        lay: "CREATE INDEX ON m.t (a) WHERE b > m.f(1)",
        lend: "",
        naive: "SELECT a FROM m.t ORDER BY a",
        register: "",
        run: Run::Done,
    });
}

#[test]
fn p4_extended_statistics() {
    assert_fails(&Attack {
        lay: "CREATE STATISTICS m.s ON (a + m.f(1)), b FROM m.t; ANALYZE m.t",
        lend: "",
        naive: "SELECT a FROM m.t ORDER BY a",
        register: "",
        run: Run::Done,
    });
}

#[test]
fn p4_partition_key() {
    assert_fails(&Attack {
        lay: "CREATE TABLE m.p (a int) PARTITION BY RANGE ((a + m.f(1)));
              CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM (0) TO (100)",
        lend: "",
        naive: "SELECT a FROM m.p ORDER BY a",
        register: "",
        run: Run::Done,
    });
}

/// A cast that its owner, who is no superuser, has created is not called at all.
#[test]
fn p4_cast_to_json() {
    let lay_cast = "CREATE TYPE m.mood AS ENUM ('calm');
        CREATE FUNCTION m.mood_json(m.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM m.f(1); RETURN '1'; END $$;
        CREATE CAST (m.mood AS json) WITH FUNCTION m.mood_json(m.mood);
        CREATE TABLE m.moods (mood m.mood, moods m.mood[], pair m.t); INSERT INTO m.moods VALUES ('calm', '{calm}', '(1,2)')";
    assert_succeeds(lay_cast, "", "SELECT row_to_json(t) FROM m.moods AS t");

    let database = database();
    let role = lay(&database, lay_cast, "");
    security::run(&mut database.connect());
    assert!(!is_superuser(&database, &role));
    assert_eq!(witnesses(&database), Vec::<String>::new());
}

#[test]
fn p4_view() {
    assert_fails(&Attack {
        lay: "CREATE VIEW m.v AS SELECT a, m.g() FROM m.t",
        lend: "",
        naive: "SELECT * FROM m.v",
        register: "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('m', 'v')",
        run: Run::Done,
    });
}

#[test]
fn p4_check_constraint_that_the_planner_looks_at() {
    assert_fails(&Attack {
        lay: "ALTER TABLE m.t ADD CHECK (a > 0 OR m.f(1) = 1); CREATE VIEW m.v AS SELECT a FROM m.t WHERE a = 1",
        lend: "",
        naive: "SET constraint_exclusion = on; SELECT * FROM m.v",
        register: "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('m', 'v')",
        run: Run::Done,
    });
}

#[test]
fn p4_query_sheet() {
    assert_fails(&Attack {
        lay: "",
        lend: "",
        naive: "SELECT a, m.g() FROM m.t",
        register: "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT a, m.g() FROM m.t', '$role', 'q')",
        run: Run::Done,
    });
}

#[test]
fn p4_query_sheet_that_a_superuser_would_read() {
    assert_fails(&Attack {
        lay: INDEX,
        lend: "CREATE VIEW public.v AS SELECT a FROM m.t",
        naive: "SELECT a FROM public.v",
        register: "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT a FROM public.v', 'postgres', 'q')",
        run: Run::Refused,
    });
}

#[test]
fn p4_function_in_a_query_sheet_that_a_superuser_would_read() {
    assert_fails(&Attack {
        lay: "",
        lend: "",
        naive: "SELECT m.f(1)",
        register: "INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT m.f(1)', 'postgres', 'q')",
        run: Run::Refused,
    });
}

#[test]
fn p4_superusers_view_over_the_attackers_table() {
    assert_fails(&Attack {
        lay: INDEX,
        lend: "CREATE VIEW public.v AS SELECT a FROM m.t",
        naive: "SELECT a FROM public.v",
        register: "INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('public', 'v')",
        run: Run::Done,
    });
}

#[test]
fn p4_attackers_partition_of_a_superusers_table() {
    assert_fails(&Attack {
        lay: "CREATE TABLE m.p1 (a int); CREATE INDEX ON m.p1 ((a + m.f(1)))",
        lend: "CREATE TABLE public.p (a int) PARTITION BY LIST (a); ALTER TABLE public.p ATTACH PARTITION m.p1 DEFAULT",
        naive: "SELECT a FROM public.p ORDER BY a",
        register: "",
        run: Run::Refused,
    });
}

#[test]
fn p4_trigger_of_the_audit_table() {
    let lay = format!(
        "{AUDIT_TABLE} CREATE TRIGGER t BEFORE INSERT OR UPDATE ON m.audit FOR EACH ROW EXECUTE FUNCTION m.strike_trigger()"
    );
    let lay = lay.leak();
    assert_fails(&Attack { lay, lend: "", naive: NAIVE_AUDIT, register: REGISTER_AUDIT_TABLE, run: Run::Done });
}

#[test]
fn p4_default_of_the_audit_table() {
    let lay = format!("{AUDIT_TABLE} ALTER TABLE m.audit ADD COLUMN extra int DEFAULT m.g()");
    let lay = lay.leak();
    assert_fails(&Attack { lay, lend: "", naive: NAIVE_AUDIT, register: REGISTER_AUDIT_TABLE, run: Run::Done });
}

/// A deferred trigger runs at commit, when nobody is the table's owner any more.
#[test]
fn p4_deferred_trigger_of_the_audit_table() {
    let lay = format!(
        "{AUDIT_TABLE} CREATE CONSTRAINT TRIGGER t AFTER INSERT ON m.audit DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION m.strike_trigger()"
    );
    let lay = lay.leak();
    assert_fails(&Attack { lay, lend: "", naive: NAIVE_AUDIT, register: REGISTER_AUDIT_TABLE, run: Run::Done });
}

/// What the server doesn't evaluate when rows are read: the run must not either.
#[test]
fn p4_generated_columns_domains_defaults_and_policies_are_not_evaluated() {
    let database = database();
    let role = lay(
        &database,
        "CREATE DOMAIN m.d AS int CHECK (m.f(VALUE) > 0);
         CREATE TABLE m.all (id int PRIMARY KEY, d m.d DEFAULT m.g(), s int GENERATED ALWAYS AS (m.f(id)) STORED);
         INSERT INTO m.all (id, d) VALUES (1, 1);
         ALTER TABLE m.all ENABLE ROW LEVEL SECURITY; ALTER TABLE m.all FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON m.all USING (m.g() > 0);
         CREATE FUNCTION m.strike_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM m.f(1); RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT OR UPDATE ON m.all FOR EACH ROW EXECUTE FUNCTION m.strike_trigger()",
        "",
    );
    let mut postgres = database.connect();
    let id = security::run(&mut postgres);
    assert_eq!(security::text(&security::files(&mut postgres, &id), "csv/all.csv"), "id,d\n1,1\n");
    assert!(!is_superuser(&database, &role));
    assert_eq!(witnesses(&database), Vec::<String>::new());
}

/// The admin function is asked with the caller's rights, and for a superuser not at all.
#[test]
fn p4_admin_function() {
    assert_admin_function("postgres", &[]);
    assert_admin_function("admin", &["admin"]);
}

/// `witnesses` are the roles as which the admin function ran, as [`login`] is given their names.
fn assert_admin_function(caller: &str, expected: &[&str]) {
    let database = database();
    let role = lay(
        &database,
        "CREATE FUNCTION m.is_admin() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM m.strike(); RETURN true; END';
         GRANT USAGE ON SCHEMA m TO PUBLIC; GRANT INSERT ON m.witness TO PUBLIC",
        "",
    );
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    database.connect().batch_execute("UPDATE paliad_backup.settings SET admin_function = 'm.is_admin'").unwrap();
    let caller = if caller == "postgres" { caller } else { &admin };
    security::run(&mut database.connect_as(caller));
    assert!(!is_superuser(&database, &role));
    let expected: Vec<String> = expected.iter().map(|name| format!("{}_{name}", database.name())).collect();
    assert_eq!(witnesses(&database), expected);
}
