//! An attacker who owns a schema, and hides `ALTER ROLE … SUPERUSER` wherever the server runs its code. Included beside `security` and
//! `support`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::sync::{Mutex, MutexGuard};

use crate::security::{is_superuser, login};
use crate::support::{Cluster, Database};

/// `strike` is the attack; `f` calls it once it is armed. The server runs immutable functions read-only, but not what they call.
/// `witness` tells as whom the code ran.
const FUNCTIONS: &str = "
    CREATE TABLE m.witness (id int GENERATED ALWAYS AS IDENTITY, role text);
    CREATE FUNCTION m.strike() RETURNS void VOLATILE LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO m.witness (role) VALUES (current_user);
            BEGIN
                ALTER ROLE $role SUPERUSER;
            EXCEPTION WHEN insufficient_privilege THEN NULL;
            END;
        END $$;
    CREATE FUNCTION m.f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
    CREATE FUNCTION m.g() RETURNS int VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN m.f(1); END';
    CREATE TABLE m.t (a int, b int);
    INSERT INTO m.t SELECT n, n FROM generate_series(1, 9) AS n;";

/// Makes `f` call `strike`.
pub const ARM: &str = "
    CREATE OR REPLACE FUNCTION m.f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM m.strike(); RETURN $1; END';";

/// Makes `f` harmless again, so that a test may look at the tables.
pub const DISARM: &str = "
    CREATE OR REPLACE FUNCTION m.f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'";

/// CREATE EXTENSION refuses a schema that others than superusers may create in; a role that becomes one and ceases to be one
/// meanwhile looks like that. So attacks that succeed and extensions take turns.
static TURN: Mutex<()> = Mutex::new(());

pub fn take_turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A database with the extension.
pub fn database() -> Database<'static> {
    let _turn = take_turn();
    Cluster::shared().database()
}

/// Shows that the attack is real: `naive`, run by a superuser, makes the attacker one.
pub fn assert_succeeds(lay_sql: &str, lend: &str, naive: &str) {
    let _turn = take_turn();
    let victim = Cluster::shared().empty_database("");
    let role = lay(&victim, lay_sql, lend);
    assert!(!is_superuser(&victim, &role));
    victim.connect().batch_execute(naive).unwrap();
    let succeeded = is_superuser(&victim, &role);
    victim.connect().batch_execute(&format!("ALTER ROLE {role} NOSUPERUSER")).unwrap();
    assert!(succeeded, "the attack is not real");
}

/// Lays an attack in a database, arms it, and returns the attacker's role.
pub fn lay(database: &Database<'_>, lay: &str, lend: &str) -> String {
    lay_around(database, lay, "", lend, || ())
}

/// As [`lay`], with something between what the attacker does `before` it and what it does `since`.
pub fn lay_around(database: &Database<'_>, before: &str, since: &str, lend: &str, between: impl FnOnce()) -> String {
    let role = login(database, "mallory", &[]);
    let mut postgres = database.connect();
    postgres.batch_execute(&format!("CREATE SCHEMA m AUTHORIZATION {role}")).unwrap();
    let mut attacker = database.connect_as(&role);
    for sql in [FUNCTIONS, before] {
        attacker.batch_execute(&sql.replace("$role", &role)).unwrap();
    }
    between();
    attacker.batch_execute(&since.replace("$role", &role)).unwrap();
    postgres.batch_execute(&lend.replace("$role", &role)).unwrap();
    attacker.batch_execute(ARM).unwrap();
    role
}

/// As whom the attacker's code ran.
pub fn witnesses(database: &Database<'_>) -> Vec<String> {
    let rows = database.connect().query("SELECT DISTINCT role FROM m.witness", &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
