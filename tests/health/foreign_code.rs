//! P4: whose code a check runs, and as whom.

use super::rows::{of, one};
use crate::runs::run;
use crate::security::{is_superuser, login};
use crate::support::{Cluster, column};

/// Comparison functions and index expressions of somebody else: as the owner of the table, and never where that is a superuser.
#[test]
fn p4_amcheck_calls_nobodys_code_with_a_superusers_rights() {
    let database = Cluster::shared().database();
    let attacker = login(&database, "attacker", &[]);
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "CREATE EXTENSION amcheck; CREATE SCHEMA app; GRANT ALL ON SCHEMA app TO {attacker};
             CREATE FUNCTION app.compare(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
             CREATE OPERATOR CLASS app.ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
               OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 app.compare(int, int);
             CREATE FUNCTION app.expression(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
             CREATE TABLE app.superusers (n int); CREATE TABLE app.theirs (n int);
             INSERT INTO app.superusers SELECT generate_series(1, 100); INSERT INTO app.theirs SELECT generate_series(1, 100);
             CREATE INDEX compared ON app.superusers (n app.ops); CREATE INDEX computed ON app.superusers (app.expression(n));
             CREATE INDEX theirs_compared ON app.theirs (n app.ops);
             CREATE INDEX theirs_computed ON app.theirs (app.expression(n));
             ALTER FUNCTION app.compare(int, int) OWNER TO {attacker}; ALTER FUNCTION app.expression(int) OWNER TO {attacker};
             ALTER TABLE app.theirs OWNER TO {attacker};
             CREATE TABLE app.seen (who name); ALTER TABLE app.seen OWNER TO {attacker}; GRANT INSERT ON app.seen TO PUBLIC;"
        ))
        .unwrap();
    let evil = format!(
        "CREATE OR REPLACE FUNCTION app.evil() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO app.seen VALUES (current_user);
             BEGIN ALTER ROLE {attacker} SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END; END $$;
         CREATE OR REPLACE FUNCTION app.compare(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             PERFORM app.evil(); RETURN $1 - $2; END $$;
         CREATE OR REPLACE FUNCTION app.expression(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             PERFORM app.evil(); RETURN $1; END $$;"
    );
    database.connect_as(&attacker).batch_execute(&evil).unwrap();
    run(&mut client).unwrap();
    let mut fresh = database.connect();
    fresh.batch_execute("BEGIN").unwrap();
    let rows = of(&mut fresh, "tables", "deep => true");
    let warned: Vec<_> = rows.iter().map(|row| (row.level.as_str(), row.object.as_deref().unwrap())).collect();
    assert_eq!(warned, [("warning", "app.compared")], "{rows:?}");
    assert!(rows[0].message.contains("belongs to") && rows[0].message.contains("42501"), "{rows:?}");
    fresh.batch_execute("COMMIT").unwrap();
    // What the checks' subtransactions did was taken back with them: nobody was even there to see.
    assert_eq!(column(&mut fresh, "SELECT who::text FROM app.seen"), Vec::<String>::new());
    assert!(!is_superuser(&database, &attacker));

    // The comparison runs as the table's owner; expressions are not computed.
    let tell = "CREATE OR REPLACE FUNCTION app.evil() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'called as %', current_user; END $$";
    client.batch_execute(tell).unwrap();
    let rows = of(&mut database.connect(), "tables", "deep => true");
    let mut told: Vec<_> = rows.iter().map(|row| (row.object.as_deref().unwrap(), row.level.as_str())).collect();
    told.sort();
    assert_eq!(told, [("app.compared", "warning"), ("app.theirs_compared", "critical")], "{rows:?}");
    let called = rows.iter().find(|row| row.level == "critical").unwrap();
    assert_eq!(called.message, format!("called as {attacker} (P0001)"));

    // Without amcheck nobody's code is called at all.
    client.batch_execute("DROP EXTENSION amcheck").unwrap();
    one(&mut database.connect(), "tables", "ok", "3 tables");
}
