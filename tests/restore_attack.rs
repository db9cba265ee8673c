//! D8 and P4 on restore: a table's owner hides `ALTER ROLE … SUPERUSER` wherever the server runs its code while others write to its
//! table.
//!
//! Every attack is shown to be real: the superuser does by hand, in another database, what a naive restore would do, and the attacker
//! is a superuser. Then the same attack is laid for `restore()`.

#[path = "support/attack.rs"]
mod attack;
#[path = "support/digest.rs"]
mod digest;
#[path = "support/restores.rs"]
mod restores;
#[path = "support/security.rs"]
mod security;
mod support;

use attack::{ARM, DISARM, assert_succeeds, database, lay, witnesses};
use digest::{Digest, assert_equal};
use restores::{OVERWRITE, restore};
use security::{is_superuser, login};
use support::{Database, sqlstate};

/// What becomes of a restore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Done, and the attacker's code did not run.
    Untouched,
    /// Done; the attacker's code ran with the attacker's rights.
    AsOwner,
    /// 42501, before any of the attacker's code ran.
    Refused,
    /// 42501 in the attacker's code, which ran with the attacker's rights.
    Stopped,
}

/// One place for the attacker's code, which is laid between the backup and the restore.
struct Attack {
    /// By the attacker before the backup. `m.t` has nine rows; see support/attack.rs.
    before: &'static str,
    /// By the attacker after it, while its functions are harmless.
    since: &'static str,
    /// By the superuser, after that.
    lend: &'static str,
    /// By the superuser in a fresh session: what makes the attacker a superuser.
    naive: &'static str,
    /// What becomes of a restore that overwrites.
    end: End,
}

impl Default for Attack {
    fn default() -> Attack {
        Attack { before: "", since: "", lend: "", naive: "INSERT INTO m.t VALUES (10, 10)", end: End::AsOwner }
    }
}

const ARMED_TRIGGER: &str =
    "CREATE FUNCTION m.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM m.f(1); RETURN NEW; END';";

impl Attack {
    fn assert_fails(&self) {
        let laid = format!("{ARMED_TRIGGER} {}; {}", self.before, self.since);
        assert_succeeds(&laid, self.lend, self.naive);
        let database = database();
        let mut postgres = database.connect();
        let rows = |database: &Database<'_>| {
            let digest = Digest::of_schemas(&mut database.connect(), &["m".to_owned()]).rows().without(&["m.witness"]);
            // A column more, and each row is another.
            if self.since.contains(" ADD c ") { digest.without(&["m.t"]) } else { digest }
        };
        // The backup is made before what may be refused is laid.
        let (mut id, mut before) = (String::new(), None);
        let first = format!("{ARMED_TRIGGER} CREATE TABLE m.plain (); {}", self.before);
        let role = attack::lay_around(&database, &first, self.since, self.lend, || {
            postgres.batch_execute("UPDATE paliad_backup.settings SET schemas = '{m}'").unwrap();
            id = security::run(&mut database.connect());
            before = Some(rows(&database));
        });
        let before = before.expect("it was exported");
        assert!(!is_superuser(&database, &role));
        let admin = login(&database, "admin", &["paliad_backup_admin"]);
        let sheets = postgres
            .query_one(
                &format!(
                    "SELECT array_agg(s) FROM jsonb_object_keys((paliad_backup.get('{id}')).row_counts) AS s WHERE s <> 'witness'"
                ),
                &[],
            )
            .unwrap()
            .get::<_, Vec<String>>(0)
            .join(",");
        for caller in ["postgres", &admin] {
            for arguments in ["overwrite => true", OVERWRITE] {
                let what = format!("{caller}'s restore with {arguments}");
                postgres.batch_execute("TRUNCATE m.witness").unwrap();
                // As a caller may have set it: the planner then looks at CHECK constraints, too.
                let mut session = database.connect_as(caller);
                session.batch_execute("SET constraint_exclusion = on").unwrap();
                let result = restore(&mut session, &id, &format!("sheets => '{{{sheets}}}', {arguments}"));
                drop(session);
                assert!(!is_superuser(&database, &role), "{what} has made the attacker a superuser");
                let ran = witnesses(&database);
                let ended = match result {
                    Ok(report) if report.errors().is_empty() => None,
                    Ok(report) => Some(report.errors()[0]["sqlstate"].as_str().unwrap_or_default().to_owned()),
                    Err(error) => Some(sqlstate(&error).to_owned()),
                };
                let is_dry = arguments != OVERWRITE;
                match self.end {
                    End::Untouched | End::AsOwner => assert_eq!(ended, None, "{what}"),
                    End::Refused | End::Stopped => assert_eq!(ended.as_deref(), Some("42501"), "{what}"),
                }
                // A dry run takes the witness back with all else, as an error does.
                let expected = if self.end == End::AsOwner && !is_dry { vec![role.clone()] } else { Vec::new() };
                assert_eq!(ran, expected, "who ran the attacker's code in {what}");
                if ended.is_none() && !is_dry {
                    // The test reads as a superuser.
                    postgres.batch_execute(DISARM).unwrap();
                    let now = rows(&database);
                    let lent = now.differences(&before).iter().all(|line| line.ends_with("| (missing)"));
                    assert!(lent, "{what}: {:?}", before.differences(&now));
                    postgres.batch_execute(ARM).unwrap();
                }
            }
        }
    }
}

#[test]
fn p4_trigger_enabled_always() {
    Attack {
        since: "CREATE TRIGGER x BEFORE INSERT ON m.t FOR EACH ROW EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE ALWAYS TRIGGER x",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_trigger_enabled_for_replicas() {
    Attack {
        since: "CREATE TRIGGER x AFTER INSERT ON m.t FOR EACH STATEMENT EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE REPLICA TRIGGER x",
        naive: "SET session_replication_role = replica; INSERT INTO m.t VALUES (10, 10)",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_truncate_trigger() {
    for state in ["ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA"] {
        let since = format!(
            "CREATE TRIGGER x BEFORE TRUNCATE ON m.t FOR EACH STATEMENT EXECUTE FUNCTION m.fire(); ALTER TABLE m.t {state} TRIGGER x"
        );
        let naive = if state == "ENABLE REPLICA" {
            "SET session_replication_role = replica; TRUNCATE m.t"
        } else {
            "TRUNCATE m.t"
        };
        Attack { since: since.leak(), naive, end: End::Untouched, ..Attack::default() }.assert_fails();
    }
}

/// Where a table outside of the restore refers to it, rows are deleted.
#[test]
fn p4_delete_trigger_and_rule() {
    Attack {
        before: "ALTER TABLE m.t ADD PRIMARY KEY (a)",
        since: "CREATE TRIGGER x BEFORE DELETE ON m.t FOR EACH ROW EXECUTE FUNCTION m.fire(); ALTER TABLE m.t ENABLE ALWAYS TRIGGER x;
                CREATE RULE r AS ON DELETE TO m.t DO ALSO SELECT m.f(1)",
        lend: "CREATE TABLE public.outside (a int REFERENCES m.t)",
        naive: "DELETE FROM m.t",
        end: End::Untouched,
    }
    .assert_fails();
}

#[test]
fn p4_insert_rule() {
    Attack {
        since: "CREATE RULE r AS ON INSERT TO m.t DO ALSO SELECT m.g()",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

/// It fires when the transaction is committed, as whoever commits.
#[test]
fn p4_deferred_trigger() {
    Attack {
        since: "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON m.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.fire();
                ALTER TABLE m.t ENABLE ALWAYS TRIGGER x",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

/// A check that leaves an event behind for a deferred trigger of another table.
#[test]
fn p4_deferred_trigger_of_a_table_that_a_check_writes_to() {
    Attack {
        since: "CREATE TABLE m.bait (a int);
                CREATE CONSTRAINT TRIGGER x AFTER INSERT ON m.bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.fire();
                ALTER TABLE m.bait ENABLE ALWAYS TRIGGER x;
                CREATE FUNCTION m.leave() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO m.bait VALUES (1); RETURN true; END';
                ALTER TABLE m.t ADD CHECK (m.leave()) NOT VALID",
        end: End::Stopped,
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_check_constraint() {
    Attack { since: "ALTER TABLE m.t ADD CHECK (m.f(a) IS NOT NULL)", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_default_of_a_column_added_since() {
    Attack {
        since: "ALTER TABLE m.t ADD c int DEFAULT m.g()",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_default_of_a_domain() {
    Attack {
        since: "CREATE DOMAIN m.d AS int; ALTER TABLE m.t ADD c m.d; ALTER DOMAIN m.d SET DEFAULT m.g()",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_generated_column() {
    Attack {
        since: "ALTER TABLE m.t ADD c int GENERATED ALWAYS AS (m.f(a)) STORED",
        naive: "INSERT INTO m.t (a) VALUES (10)",
        ..Attack::default()
    }
    .assert_fails();
}

/// What a type's input function calls.
#[test]
fn p4_domain_check() {
    Attack {
        before:
            "CREATE DOMAIN m.d AS int; CREATE TYPE m.pair AS (one m.d); CREATE TABLE m.typed (v m.d, w m.pair, x m.d[]);
                 INSERT INTO m.typed VALUES (1, '(2)', '{3}')",
        since: "ALTER DOMAIN m.d ADD CHECK (m.f(VALUE) > 0) NOT VALID",
        naive: "INSERT INTO m.typed VALUES (1)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_index_expression() {
    Attack { since: "CREATE INDEX ON m.t ((a + m.f(1)))", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_index_predicate() {
    Attack { since: "CREATE INDEX ON m.t (a) WHERE m.f(b) > 0", ..Attack::default() }.assert_fails();
}

#[test]
fn p4_extended_statistics() {
    Attack {
        since: "CREATE STATISTICS m.s ON (a + m.f(1)), b FROM m.t; ANALYZE m.t",
        naive: "SELECT a FROM m.t ORDER BY a",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_partition_key() {
    Attack {
        before: "CREATE TABLE m.p (a int) PARTITION BY RANGE ((a + m.f(1)));
                 CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM (0) TO (100); INSERT INTO m.p VALUES (1), (2)",
        naive: "INSERT INTO m.p VALUES (3)",
        ..Attack::default()
    }
    .assert_fails();
}

#[test]
fn p4_deferrable_exclusion_constraint() {
    Attack {
        since: "ALTER TABLE m.t ADD EXCLUDE ((a + m.f(0)) WITH =) WHERE (m.f(b) > 0) DEFERRABLE INITIALLY DEFERRED",
        ..Attack::default()
    }
    .assert_fails();
}

/// The check of a superuser's foreign key reads the attacker's table.
#[test]
fn p4_superusers_foreign_key_to_the_attackers_table() {
    Attack {
        before: "ALTER TABLE m.t ADD PRIMARY KEY (a)",
        since: "CREATE INDEX ON m.t ((a + m.f(1)))",
        lend: "CREATE TABLE m.referring (a int REFERENCES m.t); INSERT INTO m.referring VALUES (1)",
        naive: "SELECT a FROM m.t ORDER BY a",
        end: End::AsOwner,
    }
    .assert_fails();
}

/// What a superuser owns is written with a superuser's rights: others' functions are refused there.
#[test]
fn p4_superusers_table_with_the_attackers_functions() {
    const LEND: &str = "ALTER TABLE m.t OWNER TO postgres";
    for since in [
        "ALTER TABLE m.t ADD CHECK (m.f(a) IS NOT NULL)",
        "ALTER TABLE m.t ADD c int DEFAULT m.g()",
        "ALTER TABLE m.t ADD c int GENERATED ALWAYS AS (m.f(a)) STORED",
        "CREATE INDEX ON m.t ((a + m.f(1)))",
        "CREATE INDEX ON m.t (a) WHERE m.f(b) > 0",
        "CREATE DOMAIN m.d AS int DEFAULT 1 CHECK (m.f(VALUE) > 0); ALTER TABLE m.t ADD c m.d",
        "CREATE INDEX ON m.t ((a + m.f(1))); ALTER TABLE m.t ADD EXCLUDE ((a + m.f(0)) WITH =) DEFERRABLE",
    ] {
        println!("{since}");
        Attack {
            since,
            lend: LEND,
            naive: "INSERT INTO m.t (a, b) VALUES (10, 10)",
            end: End::Refused,
            ..Attack::default()
        }
        .assert_fails();
    }
}

#[test]
fn p4_superusers_table_with_the_attackers_trigger() {
    Attack {
        since: "CREATE TRIGGER x BEFORE INSERT OR TRUNCATE ON m.t FOR EACH STATEMENT EXECUTE FUNCTION m.fire();
                ALTER TABLE m.t ENABLE ALWAYS TRIGGER x",
        lend: "ALTER TABLE m.t OWNER TO postgres",
        end: End::Untouched,
        ..Attack::default()
    }
    .assert_fails();
}

/// Another table than the rows came from, and who may write to it.
#[test]
fn p4_restore_sheet_into_the_attackers_table() {
    const LAID: &str = "CREATE TABLE m.u (a int, b int); ALTER TABLE m.u ADD CHECK (m.f(a) IS NOT NULL)";
    assert_succeeds(LAID, "", "INSERT INTO m.u VALUES (1, 1)");
    let database = database();
    let (role, mut id) = (lay(&database, LAID, ""), String::new());
    let admin = login(&database, "admin", &["paliad_backup_admin"]);
    id.push_str(&security::run(&mut database.connect()));
    let call = format!("paliad_backup.restore_sheet('{id}', 't', 'm.u', {OVERWRITE})");
    // The role is for the backup's own tables.
    let error = restores::call(&mut database.connect_as(&admin), &call).unwrap_err();
    assert_eq!(sqlstate(&error), "42501");
    let restored = restores::call(&mut database.connect(), &call).unwrap();
    assert_eq!(restored.total.restored, Some(9));
    assert!(!is_superuser(&database, &role));
    assert_eq!(witnesses(&database), [role]);
}

/// A function that changes what values mean: exact, or refused; never wrong, and nothing outlives the call.
#[test]
fn settings_changed_on_the_way_do_no_harm() {
    let database = database();
    let role = login(&database, "owner", &[]);
    let mut postgres = database.connect();
    postgres
        .batch_execute(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, d date, i interval, a text[], z timestamp with time zone, x xml, m money);
             INSERT INTO t SELECT n, '2024-02-03', '-1 day -02:03:04', '{{NULL,a}}', '2024-02-03 04:05:06Z', 'a<b/>', '-1.5'
             FROM generate_series(1, 5000) AS n;
             CREATE FUNCTION change(text, text) RETURNS boolean LANGUAGE plpgsql AS
                 'BEGIN PERFORM set_config($1, $2, false); RETURN true; END';
             GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}; ALTER FUNCTION change OWNER TO {role}"
        ))
        .unwrap();
    let id = security::run(&mut postgres);
    let before = Digest::of(&database).rows();
    for (name, value) in [
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("array_nulls", "off"),
        ("xmloption", "document"),
        ("TimeZone", "Asia/Tokyo"),
        ("lc_monetary", "C.UTF-8"),
        ("search_path", "public"),
        ("statement_timeout", "1"),
        ("row_security", "on"),
        ("mine.own", "x"),
    ] {
        for middle in ["true", "id = 2500"] {
            let check = format!(
                "ALTER TABLE t ADD CONSTRAINT changes CHECK ({middle} AND change('{name}', '{value}') OR true)"
            );
            postgres.batch_execute(&format!("BEGIN; {check} NOT VALID; COMMIT")).unwrap();
            let mut session = database.connect();
            session.batch_execute("SELECT paliad_backup.is_authorized()").unwrap();
            let show = format!("SELECT coalesce(current_setting('{name}', true), '')");
            let setting: String = session.query_one(&show, &[]).unwrap().get(0);
            if let Err(error) = restore(&mut session, &id, OVERWRITE) {
                assert_eq!(sqlstate(&error), "55000", "{name}: {error:?}");
            }
            assert_equal(&before, &Digest::of(&database).rows(), name);
            assert_eq!(session.query_one(&show, &[]).unwrap().get::<_, String>(0), setting, "{name}");
            postgres.batch_execute("ALTER TABLE t DROP CONSTRAINT changes").unwrap();
        }
    }
}
