//! Settings that are changed on the way.

use crate::attack::database;
use crate::digest::{Digest, assert_equal};
use crate::restores::{OVERWRITE, restore};
use crate::security::{self, login};
use crate::support::sqlstate;

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
                "ALTER TABLE t ADD CONSTRAINT changes CHECK (CASE WHEN {middle} THEN change('{name}', '{value}') ELSE true END)"
            );
            postgres.batch_execute(&format!("BEGIN; {check} NOT VALID; COMMIT")).unwrap();
            let mut session = database.connect();
            session.batch_execute("SELECT paliad_backup.is_authorized()").unwrap();
            let show = format!("SELECT coalesce(current_setting('{name}', true), '')");
            let setting: String = session.query_one(&show, &[]).unwrap().get(0);
            // Refused because of the setting, or because a row means nothing under it.
            if let Err(error) = restore(&mut session, &id, OVERWRITE) {
                assert!(["55000", "2200M", "57014"].contains(&sqlstate(&error)), "{name}: {error:?}");
            }
            assert_equal(&before, &Digest::of(&database).rows(), name);
            assert_eq!(session.query_one(&show, &[]).unwrap().get::<_, String>(0), setting, "{name}");
            postgres.batch_execute("ALTER TABLE t DROP CONSTRAINT changes").unwrap();
        }
    }
}
