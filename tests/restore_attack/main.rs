//! D8 and P4 on restore: a table's owner hides `ALTER ROLE … SUPERUSER` wherever the server runs its code while others write to its
//! table.
//!
//! Every attack is shown to be real: the superuser does by hand, in another database, what a naive restore would do, and the attacker
//! is a superuser. Then the same attack is laid for `restore()`.

#[path = "../support/attack.rs"]
mod attack;
#[path = "../support/digest.rs"]
mod digest;
#[path = "../support/restores.rs"]
mod restores;
#[path = "../support/security.rs"]
mod security;
#[path = "../support/mod.rs"]
mod support;

mod events;
mod expressions;
mod settings;
mod superusers;

use attack::{ARM, DISARM, assert_succeeds, database, witnesses};
use digest::Digest;
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
