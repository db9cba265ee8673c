//! Roles of a test and what a bundle gives away. Included beside `support` by the tests of security.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::io::{Cursor, Read};

use postgres::Client;
use zip::ZipArchive;

use crate::support::{Cluster, Database, sqlstate};

/// Makes a role that may log in, a member of `groups`. Roles belong to the cluster: the name is the database's own.
pub fn login(database: &Database<'_>, name: &str, groups: &[&str]) -> String {
    let role = format!("{}_{name}", database.name());
    let member = if groups.is_empty() { String::new() } else { format!(" IN ROLE {}", groups.join(", ")) };
    database.connect().batch_execute(&format!("CREATE ROLE {role} LOGIN{member}")).expect("the role can be made");
    role
}

/// A database where `owner`, who is not a superuser, has schema `app` and makes there what the SQL says; and the owner's name.
pub fn application(sql: &str) -> (Database<'static>, String) {
    let database = Cluster::shared().database();
    let owner = login(&database, "owner", &[]);
    let sql = format!("CREATE SCHEMA app AUTHORIZATION {owner}; SET ROLE {owner}; {sql}");
    database.connect().batch_execute(&sql).expect("the schema can be made");
    (database, owner)
}

/// Whether a role is a superuser, as a fresh session sees it.
pub fn is_superuser(database: &Database<'_>, role: &str) -> bool {
    let row = database.connect().query_one("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1", &[&role]);
    row.expect("the role is there").get(0)
}

/// Runs statements that must fail; returns SQLSTATE, message and hint.
pub fn refused(client: &mut Client, sql: &str) -> (String, String, String) {
    let error = client.batch_execute(sql).expect_err(sql);
    let database_error = error.as_db_error().expect("the server's error");
    let hint = database_error.hint().unwrap_or_default().to_owned();
    (sqlstate(&error).to_owned(), database_error.message().to_owned(), hint)
}

/// Makes a backup in a session of its own; returns its id.
pub fn run(client: &mut Client) -> String {
    let row = client.query_one("SELECT status, id::text FROM paliad_backup.run()", &[]).expect("the run succeeds");
    assert_eq!(row.get::<_, String>(0), "done");
    row.get(1)
}

/// All files of a bundle by path, unpacked; those of the workbook follow as `paliad-backup.xlsx/…`.
pub fn files(client: &mut Client, id: &str) -> Vec<(String, Vec<u8>)> {
    let sql = format!("SELECT paliad_backup.download('{id}', 'test@example.org')");
    let bundle: Vec<u8> = client.query_one(&sql, &[]).expect("the bundle can be downloaded").get(0);
    let mut all = Vec::new();
    unpack("", bundle, &mut all);
    all
}

fn unpack(prefix: &str, archive: Vec<u8>, all: &mut Vec<(String, Vec<u8>)>) {
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("a zip");
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("the entry can be read");
        let path = format!("{prefix}{}", entry.name().expect("a name in UTF-8"));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the entry can be unpacked");
        drop(entry);
        if path.ends_with(".xlsx") {
            unpack(&format!("{path}/"), bytes.clone(), all);
        }
        all.push((path, bytes));
    }
}

/// The text of one of [`files`].
pub fn text(files: &[(String, Vec<u8>)], path: &str) -> String {
    let paths = || files.iter().map(|(path, _)| path).collect::<Vec<_>>();
    let found = files.iter().find(|(name, _)| name == path).unwrap_or_else(|| panic!("no {path} in {:?}", paths()));
    String::from_utf8(found.1.clone()).expect("UTF-8")
}

/// The paths of [`files`] whose name or content holds `secret`.
pub fn paths_with(files: &[(String, Vec<u8>)], secret: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    files.iter().filter(|(path, bytes)| holds(path.as_bytes()) || holds(bytes)).map(|(path, _)| path.clone()).collect()
}
