//! P6: which directories a server takes for its bundles, and who may look into them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use crate::runs::{folder, run};
use crate::support::Cluster;

#[test]
fn p6_unfit_directories_are_refused_with_the_way_out() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut client = database.connect();
    let place = cluster.dir().join("backups").join(format!("{}_unfit", database.name()));
    let server = Server { owner: fs::metadata(cluster.dir().join("backups")).unwrap() };
    server.directory(&place, 0o700);
    server.directory(&place.join("open"), 0o777);
    server.directory(&place.join("group"), 0o770);
    server.directory(&place.join("real"), 0o700);
    symlink(place.join("real"), place.join("link")).unwrap();
    fs::write(place.join("file"), "").unwrap();
    let data = cluster.dir().join("data");
    let at = |name: &str| place.join(name).display().to_string();
    let mut cases = vec![
        (String::new(), "55000", "no backup directory is configured", "ALTER DATABASE"),
        ("backups".to_owned(), "55000", "must be an absolute path", "is absolute"),
        (at("real/../x"), "55000", "\"..\" is not allowed", "is absolute"),
        (at("missing/backups"), "55000", "there is no directory", "its parent exists"),
        (at("link"), "55000", "it is a symbolic link", "Correct it"),
        (at("file"), "55000", "not a directory", "Correct it"),
        (at("open"), "55000", "run: chmod 0700", "nobody else may write to it"),
        (at("group"), "55000", "run: chmod 0700", "nobody else may write to it"),
        (
            data.join("backups").display().to_string(),
            "55000",
            "lies in the data directory",
            "outside the data directory",
        ),
        (data.display().to_string(), "55000", "the data directory lies in it", "outside the data directory"),
    ];
    if rustix::process::geteuid().is_root() {
        let foreign = place.join("foreign");
        fs::create_dir(&foreign).unwrap();
        cases.push((at("foreign"), "55000", "its owner is user 0", "belongs to the server's user"));
        cases.push((at("foreign/backups"), "58030", "Permission denied", "The server's user"));
    }
    // Without any directory a run is refused before it begins.
    let tried = cases.iter().filter(|case| !case.0.is_empty()).count() as i64;
    for (directory, code, message, hint) in cases {
        client.execute("SELECT set_config('paliad_backup.directory', $1, false)", &[&directory]).unwrap();
        for call in ["run()", "reconcile()"] {
            let error = client.execute(&format!("SELECT paliad_backup.{call}"), &[]).unwrap_err();
            let error = error.as_db_error().unwrap();
            assert_eq!(error.code().code(), code, "{directory}: {error:?}");
            assert!(error.message().contains(message), "{directory}: {error:?}");
            assert!(error.hint().is_some_and(|text| text.contains(hint)), "{directory}: {error:?}");
        }
    }
    assert!(!data.join("backups").exists() && !place.join("missing").exists());
    assert_eq!(fs::read_dir(place.join("real")).unwrap().count(), 0, "nothing was written through the link");
    let rows: i64 = client.query_one("SELECT count(*) FROM paliad_backup.backups", &[]).unwrap().get(0);
    assert_eq!(rows, tried, "each failed run has its row");
    let others = "SELECT count(*) FROM paliad_backup.backups WHERE status <> 'failed' OR error NOT LIKE 'store: %'";
    assert_eq!(client.query_one(others, &[]).unwrap().get::<_, i64>(0), 0);
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn p6_the_database_folder_is_no_link_and_all_is_private() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let id = run(&mut client).unwrap().id;
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&database.directory()), 0o700);
    let own = folder(&database);
    assert_eq!(mode(&own), 0o700);
    for entry in fs::read_dir(&own).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }

    let moved = database.directory().join("moved");
    fs::rename(&own, &moved).unwrap();
    symlink(&moved, &own).unwrap();
    for call in [
        "run()".to_owned(),
        format!("download('{id}', 'a@b.c')"),
        format!("list_files('{id}')"),
        format!("delete('{id}')"),
    ] {
        let error = client.execute(&format!("SELECT paliad_backup.{call}"), &[]).unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "42501", "{call}: {error:?}");
        assert!(error.message().contains("symbolic link") && error.hint().is_some(), "{call}: {error:?}");
    }
    assert!(moved.join(format!("{id}.zip")).exists());
}

/// Makes things as the server's user would.
struct Server {
    owner: fs::Metadata,
}

impl Server {
    fn directory(&self, path: &Path, mode: u32) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        chown(path, Some(self.owner.uid()), Some(self.owner.gid())).unwrap();
    }
}
