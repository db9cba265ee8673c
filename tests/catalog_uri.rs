//! P5: a catalog row decides neither what the server reads nor what it removes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::runs::{Backup, run};
use crate::support::{Cluster, Database, checked, sqlstate};
use postgres::Client;

/// Every function that opens or removes the file of a row.
const CALLS: [&str; 4] =
    ["download($1, 'test@example.org')", "download_chunks($1, 'test@example.org')", "list_files($1)", "delete($1)"];

/// A database with one backup.
fn backed_up(database: &Database<'_>) -> (Client, Backup) {
    let mut client = database.connect();
    client.batch_execute("CREATE TABLE small AS SELECT 1 AS n").unwrap();
    let backup = run(&mut client).unwrap();
    (client, backup)
}

/// Lets a row point elsewhere, as a superuser can, with the size of what is there.
fn point(client: &mut Client, backup: &Backup, uri: &str, size: u64) {
    let sql = format!(
        "UPDATE paliad_backup.backups SET storage_uri = $1, size_bytes = {size}::bigint WHERE id = '{}'::uuid",
        backup.id
    );
    assert_eq!(client.execute(&sql, &[&uri]).unwrap(), 1);
}

/// One call fails with 42501 and leaves the catalog and the audit log as they are.
fn expect_refusal(client: &mut Client, backup: &Backup, call: &str, uri: &str) {
    let before = rows(client);
    let sql = format!("SELECT * FROM paliad_backup.{}", call.replace("$1", &format!("'{}'", backup.id)));
    let error = client.query(&sql, &[]).err().unwrap_or_else(|| panic!("{call}: {uri} is accepted"));
    assert_eq!(sqlstate(&error), "42501", "{call}: {uri}: {error}");
    assert_eq!(rows(client), before, "{call}: {uri}");
}

fn rows(client: &mut Client) -> String {
    let sql = "SELECT jsonb_build_array((SELECT jsonb_agg(b ORDER BY id) FROM paliad_backup.backups b), \
               (SELECT jsonb_agg(a ORDER BY id) FROM paliad_backup.system_audit_log a))::text";
    client.query_one(sql, &[]).unwrap().get(0)
}

/// P5
#[test]
fn p5_a_row_that_points_outside_the_store_is_refused() {
    let database = Cluster::shared().database();
    let (mut client, backup) = backed_up(&database);
    let (own, bundle) = (backup.storage_uri.clone(), fs::read(backup.path()).unwrap());
    let (folder, name) = own.rsplit_once('/').unwrap();
    let path = own.strip_prefix("file://").unwrap();
    // A copy of the bundle that everybody may read, so that nothing but its place speaks against it.
    let outside = format!("{}-{name}", database.name());
    let copy = Cluster::shared().dir().join("backups").join(&outside);
    fs::copy(backup.path(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    let passwd = fs::read("/etc/passwd").unwrap();

    for uri in [
        "../x".to_owned(),
        String::new(),
        "/etc/passwd".to_owned(),
        path.to_owned(),
        format!("http://example.org/{name}"),
        format!("http://{path}"),
        format!("s3://bucket/{name}"),
        format!("file://host{path}"),
        format!("file://localhost{path}"),
        "file:///etc/passwd".to_owned(),
        format!("file://{}", copy.display()),
        format!("{folder}/../../{outside}"),
        format!("{folder}/%2e%2e/%2E%2E/{outside}"),
        format!("{folder}/..%2f..%2f{outside}"),
        format!("{folder}/../{}/{name}", folder.rsplit('/').next().unwrap()),
        format!("{folder}/paliad_backup.marker"),
        format!("{own}/"),
        format!("{own}?x"),
        format!("{own}#x"),
    ] {
        let target = fs::metadata(uri.strip_prefix("file://").unwrap_or(&uri));
        point(&mut client, &backup, &uri, target.map_or(bundle.len() as u64, |metadata| metadata.len()));
        for call in CALLS {
            expect_refusal(&mut client, &backup, call, &uri);
        }
    }
    assert_eq!(fs::read(&copy).unwrap(), bundle);
    assert_eq!(fs::read("/etc/passwd").unwrap(), passwd);
    fs::remove_file(&copy).unwrap();

    point(&mut client, &backup, &own, bundle.len() as u64);
    let sql = "SELECT paliad_backup.download(id, 'test@example.org') FROM paliad_backup.backups";
    assert_eq!(client.query_one(sql, &[]).unwrap().get::<_, Vec<u8>>(0), bundle, "the row's own bundle is untouched");
}

/// P5: of what lies in the folder, only regular files are bundles.
#[test]
fn p5_a_link_or_a_special_file_in_the_folder_is_refused() {
    let database = Cluster::shared().database();
    let (mut client, backup) = backed_up(&database);
    let size = fs::metadata(backup.path()).unwrap().len();
    let folder = backup.path().parent().unwrap().to_owned();
    let directory = database.directory();

    let link = folder.join("00000000-0000-4000-8000-000000000001.zip");
    symlink(backup.path(), &link).unwrap();
    let fifo = folder.join("00000000-0000-4000-8000-000000000002.zip");
    checked(Command::new("mkfifo").arg(&fifo));
    let subdirectory = folder.join("00000000-0000-4000-8000-000000000003.zip");
    fs::create_dir(&subdirectory).unwrap();
    let dangling = folder.join("00000000-0000-4000-8000-000000000004.zip");
    symlink("nowhere", &dangling).unwrap();
    // A folder of the right form that leads back to this database's.
    symlink(&folder, directory.join("1.1")).unwrap();
    let through = directory.join("1.1").join(backup.path().file_name().unwrap());

    for path in [&link, &fifo, &subdirectory, &dangling, &through] {
        let uri = format!("file://{}", path.display());
        point(&mut client, &backup, &uri, size);
        for call in CALLS {
            expect_refusal(&mut client, &backup, call, &uri);
        }
        assert!(fs::symlink_metadata(path).is_ok(), "{uri} is still there");
    }
    backup.manifest();
}

/// P5: another database's bundle may be read, as after a restore into a new database; it is not ours to remove.
#[test]
fn p5_the_bundle_of_another_database_is_not_removed() {
    let shared = Cluster::shared();
    let (other, database) = (shared.database(), shared.database());
    let (_, theirs) = backed_up(&other);
    let (mut client, ours) = backed_up(&database);
    client.batch_execute(&format!("SET paliad_backup.directory = '{}'", other.directory().display())).unwrap();
    run(&mut client).expect("both databases may share a directory");
    point(&mut client, &ours, &theirs.storage_uri, fs::metadata(theirs.path()).unwrap().len());
    client.query(&format!("SELECT * FROM paliad_backup.list_files('{}')", ours.id), &[]).expect("it may be read");
    expect_refusal(&mut client, &ours, "delete($1)", &theirs.storage_uri);
    theirs.manifest();
}
