use std::os::unix::fs::symlink;

use super::*;

fn refused(result: Result<Artifact>) -> bool {
    matches!(result, Err(StoreError::Refused { .. }))
}

#[test]
fn a_plain_file_of_the_import_folder_is_opened() {
    let place = Place::new();
    let store = place.store();
    let name = "Kanzlei 2026-11-21 ü.zip";
    let path = place.folder().join("import").join(name);
    assert!(matches!(store.open_import(name), Err(StoreError::NotFound { path: absent }) if absent == path));
    let mode = fs::metadata(store.import_folder()).unwrap().mode();
    assert_eq!((store.import_folder().join(name), mode & 0o7777), (path.clone(), 0o700));
    fs::write(&path, b"bundle").unwrap();
    let artifact = store.open_import(name).unwrap();
    assert_eq!((artifact.size, fs::read(&path).unwrap()), (6, b"bundle".to_vec()));
    // The folder is no artifact, and leaves the store's own as they are.
    assert_eq!(store.list().unwrap(), []);
    assert!(place.store().is_ours().unwrap());
}

#[test]
fn what_is_not_the_name_of_one_file_is_refused() {
    let place = Place::new();
    let store = place.store();
    assert!(matches!(store.open_import("x"), Err(StoreError::NotFound { .. })));
    fs::write(place.folder().join("outside.zip"), b"x").unwrap();
    let long = "x".repeat(256);
    for name in ["", ".", "..", ".x", "../outside.zip", "a/b", "/etc/passwd", "a\\b", "a\0b", "a\nb", &long] {
        assert!(refused(store.open_import(name)), "{name:?}");
    }
    assert!(matches!(store.open_import(&long[1..]), Err(StoreError::NotFound { .. })));
}

#[test]
fn only_regular_files_are_opened() {
    let place = Place::new();
    let store = place.store();
    let import = store.import_folder();
    assert!(store.open_import("x").is_err());
    let outside = place.folder().join("outside.zip");
    fs::write(&outside, b"x").unwrap();
    symlink(&outside, import.join("link.zip")).unwrap();
    make_directory(&import.join("directory.zip"));
    assert!(Command::new("mkfifo").arg(import.join("fifo.zip")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(import.join("s.zip")).unwrap();
    for name in ["link.zip", "directory.zip", "fifo.zip", "s.zip"] {
        assert!(refused(store.open_import(name)), "{name}");
    }
}

#[test]
fn nobody_else_may_write_to_the_import_folder() {
    let place = Place::new();
    let store = place.store();
    make_directory(&store.import_folder());
    fs::write(store.import_folder().join("x.zip"), b"x").unwrap();
    fs::set_permissions(store.import_folder(), Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(store.open_import("x.zip"), Err(StoreError::BadDirectory { .. })));
    fs::set_permissions(store.import_folder(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(store.open_import("x.zip").unwrap().size, 1);
    fs::rename(store.import_folder(), place.folder().join("moved")).unwrap();
    symlink(place.folder().join("moved"), store.import_folder()).unwrap();
    assert!(refused(store.open_import("x.zip")));
}
