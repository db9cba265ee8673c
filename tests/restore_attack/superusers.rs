//! Where a superuser's table, or another table than that of the sheet, is written to.

use crate::attack::{assert_succeeds, database, lay, witnesses};
use crate::restores::{self, OVERWRITE};
use crate::security::{self, is_superuser, login};
use crate::support::sqlstate;
use crate::{Attack, End};

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
