//! restore(create_missing => true) with the schema.sql of a forger: what is there is left alone, whoever owns it.

use crate::imports::{forged_script, import_folder, put};
use crate::restores::{OVERWRITE, restore};
use crate::runs::run;
use crate::security::login;
use crate::support::{Cluster, sqlstate};

/// Statements that would reach a table that is there, by the name of something that was made.
const ATTEMPTS: [&str; 4] = [
    "ALTER TABLE s.a ADD CONSTRAINT kept CHECK (true); ALTER TABLE s.kept DROP COLUMN secret;",
    "ALTER TABLE s.a ADD CONSTRAINT kept FOREIGN KEY (id) REFERENCES s.kept; ALTER TABLE s.kept DROP COLUMN secret;",
    "CREATE INDEX IF NOT EXISTS kept ON s.a (id); ALTER TABLE s.kept DROP COLUMN secret;",
    "ALTER TABLE s.kept DROP COLUMN secret;",
];

#[test]
fn a_table_that_is_there_is_not_changed() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let owner = login(&database, "owner", &[]);
    postgres.batch_execute(&format!("CREATE SCHEMA s AUTHORIZATION {owner}")).unwrap();
    database
        .connect_as(&owner)
        .batch_execute(
            "CREATE TABLE s.a (id int PRIMARY KEY); CREATE TABLE s.kept (id int PRIMARY KEY, secret text);
             INSERT INTO s.kept VALUES (1, 'x'); INSERT INTO s.a VALUES (1)",
        )
        .unwrap();
    let backup = run(&mut postgres).unwrap();
    postgres.batch_execute("DROP TABLE s.a").unwrap();
    let folder = import_folder(&mut postgres);
    for attempt in ATTEMPTS {
        let script = format!("CREATE TABLE s.a (id integer NOT NULL);\n{attempt}\n");
        put(&folder, "forged.zip", &forged_script(&backup.open(), &script));
        let imported = "SELECT id::text FROM paliad_backup.import_bundle('forged.zip')";
        let id: String = postgres.query_one(imported, &[]).unwrap().get(0);
        postgres.batch_execute("BEGIN").unwrap();
        match restore(&mut postgres, &id, &format!("sheets => '{{s.a}}', create_missing => true, {OVERWRITE}")) {
            Ok(report) => {
                assert_eq!(report.total.restored, Some(1), "{attempt}");
                let kept = "SELECT secret FROM s.kept";
                assert_eq!(postgres.query_one(kept, &[]).expect(attempt).get::<_, &str>(0), "x");
            }
            Err(error) => assert_eq!(sqlstate(&error), "XX001", "{attempt}: {error:?}"),
        }
        postgres.batch_execute("ROLLBACK").unwrap();
    }
}

/// Its owner may not refer to the other table, and gets no right to for the time of the restore.
#[test]
fn a_foreign_key_to_somebody_elses_table_is_refused() {
    let database = Cluster::shared().database();
    let mut postgres = database.connect();
    let owner = login(&database, "owner", &[]);
    postgres
        .batch_execute(&format!(
            "CREATE SCHEMA s AUTHORIZATION {owner}; CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY);
             CREATE TABLE s.a (id int PRIMARY KEY); ALTER TABLE s.a OWNER TO {owner}"
        ))
        .unwrap();
    let backup = run(&mut postgres).unwrap();
    postgres.batch_execute(&format!("DROP TABLE s.a; GRANT USAGE ON SCHEMA closed TO {owner}")).unwrap();
    let script = "CREATE TABLE s.a (id integer NOT NULL);\nALTER TABLE s.a ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES closed.t;\n";
    put(&import_folder(&mut postgres), "forged.zip", &forged_script(&backup.open(), script));
    let imported = "SELECT id::text FROM paliad_backup.import_bundle('forged.zip')";
    let id: String = postgres.query_one(imported, &[]).unwrap().get(0);
    let error = restore(&mut postgres, &id, &format!("sheets => '{{s.a}}', create_missing => true, {OVERWRITE}"));
    assert_eq!(sqlstate(&error.unwrap_err()), "42501");
}
