//! P4: whose code a check runs.

use super::rows::one;
use crate::runs::run;
use crate::security::login;
use crate::support::Cluster;

/// Comparison functions and index expressions of somebody else are never called, and so not as a superuser.
#[test]
fn p4_looking_at_tables_and_indexes_calls_nobodys_code() {
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
             ALTER TABLE app.theirs OWNER TO {attacker};"
        ))
        .unwrap();
    run(&mut client).unwrap();
    let evil = ["app.compare(int, int)", "app.expression(int)"].map(|function| {
        format!(
            "CREATE OR REPLACE FUNCTION {function} RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
             $$ BEGIN RAISE 'called as %', current_user; END $$;"
        )
    });
    database.connect_as(&attacker).batch_execute(&evil.concat()).unwrap();
    one(&mut database.connect(), "tables", "ok", "2 tables with their indexes are readable");
    // Also where this session has used the index before.
    let mut client = database.connect();
    client.batch_execute("SELECT 'app.compared'::regclass").unwrap();
    let error = client
        .batch_execute("SET enable_seqscan = off; SELECT FROM app.superusers WHERE n = 5")
        .expect_err("the index would call it");
    assert!(format!("{error:?}").contains("called as"), "{error:?}");
    one(&mut client, "tables", "ok", "2 tables with their indexes are readable");
}
