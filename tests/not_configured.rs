//! Without a directory a backup is refused, and the hint's command works as it is typed.

use crate::runs::run;
use crate::support::{Cluster, sqlstate};
use postgres::Client;

/// A copy of a database under a name that needs quotes; the copy does not inherit `paliad_backup.directory`.
struct Copy {
    cluster: &'static Cluster,
    name: String,
}

impl Copy {
    fn of(cluster: &'static Cluster, original: &str) -> Copy {
        let copy = Copy { cluster, name: format!("Kanzlei's \"{original}\"") };
        copy.administer(&format!("CREATE DATABASE {} TEMPLATE {original}", copy.quoted()));
        copy
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    fn administer(&self, sql: &str) {
        self.cluster.connect("postgres", "postgres").batch_execute(sql).unwrap();
    }

    fn connect(&self) -> Client {
        self.cluster.connect(&self.name, "postgres")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.quoted()));
    }
}

/// P6
#[test]
fn p6_the_hint_for_a_missing_directory_works_as_typed() {
    let cluster = Cluster::shared();
    let original = cluster.database();
    let copy = Copy::of(cluster, original.name());
    let mut client = copy.connect();
    let mut command = String::new();
    for blank in ["RESET paliad_backup.directory", "SET paliad_backup.directory = E' \\t\\n '"] {
        client.batch_execute(blank).unwrap();
        let error = run(&mut client).err().expect("there is no directory");
        assert_eq!(sqlstate(&error), "55000", "{blank}: {error}");
        let error = error.as_db_error().unwrap();
        assert_eq!(error.message(), "no backup directory is configured", "{blank}");
        let hint = error.hint().unwrap();
        command = hint.split("; ").next().unwrap().strip_prefix("As a superuser: ").expect(hint).to_owned();
        let count = client.query_one("SELECT count(*) FROM paliad_backup.backups", &[]).unwrap();
        assert_eq!(count.get::<_, i64>(0), 0, "{blank}: a refused run leaves no row");
    }
    let path = original.directory().display().to_string();
    let typed = command.replace("/var/lib/postgresql/paliad_backup", &path);
    assert_ne!(typed, command);
    client.batch_execute(&typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
    let backup = run(&mut copy.connect()).expect("reconnected");
    assert!(backup.path().starts_with(original.directory()));
    backup.manifest();
}
