//! Whose folder it is.

use std::os::unix::fs::symlink;
use std::sync::Barrier;

use super::*;

/// Writes are refused with `text`, reads work, and adopting ends it.
fn assert_foreign_until_adopted(place: &Place, store: &LocalDisk, artifact: &Key, text: &str) {
    let uri = store.uri(artifact);
    for temporary in BOTH {
        assert_error!(store.create_with(&key(), temporary), ForeignFolder, text);
        assert_error!(store.scratch_with(temporary), ForeignFolder, text);
    }
    assert_error!(store.remove(&uri), ForeignFolder, text);
    assert_error!(store.remove_partial(artifact), ForeignFolder, text);
    assert_eq!(store.open(&uri).unwrap().size, 5);
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(store.adopt().unwrap());
    assert!(!store.adopt().unwrap(), "it is ours now");
    assert_eq!(mode(&place.marker()), 0o600);
    put(store, &key(), b"x", Temporary::Unnamed);
    assert!(store.remove(&uri).unwrap());
    assert!(place.names().iter().all(|name| !name.starts_with(marker::NAME)), "no draft is left");
}

#[test]
fn the_marker_of_a_new_folder_says_whose_it_is() {
    let place = Place::new();
    place.store();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(place.marker()).unwrap()).unwrap();
    assert_eq!(json["system_identifier"], SYSTEM.to_string());
    assert_eq!(json["database_oid"], DATABASE);
    assert_eq!(json["host"], "db1.example");
    assert_eq!(json["data_directory"], place.data().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(place.names(), [""; 0]);
    assert!(!place.store().adopt().unwrap());
}

#[test]
fn a_clone_on_another_host_or_data_directory_only_reads() {
    let place = Place::new();
    let (directory, data, other_data) = (place.directory(), place.data(), place.root.path().join("clone"));
    make_directory(&other_data);
    let original = place.store();

    let artifact = key();
    put(&original, &artifact, b"older", Temporary::Unnamed);
    let clone = LocalDisk::open(&LocalDiskConfig { host: "db2".into(), ..config(&directory, &data) }).unwrap();
    assert_foreign_until_adopted(&place, &clone, &artifact, "host \"db1.example\" in its marker, \"db2\" here");
    // The tables are turned at once, for a session that was open before too.
    assert_error!(original.create(&key()), ForeignFolder, "host \"db2\"");
    assert!(original.adopt().unwrap());

    for file in original.list().unwrap() {
        original.remove(&original.uri(&file.key)).unwrap();
    }
    put(&original, &artifact, b"older", Temporary::Unnamed);
    let clone = LocalDisk::open(&config(&directory, &other_data)).unwrap();
    assert_foreign_until_adopted(&place, &clone, &artifact, "data directory");
}

#[test]
fn a_folder_lost_while_writing_is_not_published_into() {
    for temporary in BOTH {
        let place = Place::new();
        let (directory, data, key) = (place.directory(), place.data(), key());
        let pending = place.store().create_with(&key, temporary).unwrap();
        let clone = LocalDisk::open(&LocalDiskConfig { host: "db2".into(), ..config(&directory, &data) }).unwrap();
        clone.adopt().unwrap();
        assert_error!(pending.publish(), ForeignFolder, "host");
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn a_missing_damaged_or_linked_marker_is_foreign() {
    type Damage = fn(&Path);
    let damages: [(Damage, &str); 5] = [
        (|_| {}, "it has no file"),
        (|marker| fs::write(marker, b"{\"system_identifier\": ").unwrap(), "cannot be read"),
        (|marker| fs::write(marker, b"\xff\xfe").unwrap(), "cannot be read"),
        (|marker| fs::write(marker, b"").unwrap(), "cannot be read"),
        (
            |marker| {
                let copy = marker.parent().unwrap().parent().unwrap().join("copy");
                symlink(copy, marker).unwrap();
            },
            "symbolic link",
        ),
    ];
    for (damage, text) in damages {
        let place = Place::new();
        let artifact = key();
        put(&place.store(), &artifact, b"older", Temporary::Unnamed);
        fs::rename(place.marker(), place.directory().join("copy")).unwrap();
        damage(&place.marker());
        assert_foreign_until_adopted(&place, &place.store(), &artifact, text);
    }
}

#[test]
fn an_empty_folder_is_claimed_even_beside_an_unfinished_marker() {
    let place = Place::new();
    make_directory(&place.directory());
    make_directory(&place.folder());
    fs::write(place.folder().join(format!("{}.{}", marker::NAME, Uuid::new_v4())), b"{").unwrap();
    put(&place.store(), &key(), b"x", Temporary::Unnamed);
}

#[test]
fn another_spelling_of_the_data_directory_is_the_same_server() {
    let place = Place::new();
    place.store();
    let alias = place.root.path().join("alias");
    symlink(place.data(), &alias).unwrap();
    put(&LocalDisk::open(&config(&place.directory(), &alias)).unwrap(), &key(), b"x", Temporary::Unnamed);
}

#[test]
fn sessions_that_make_the_folder_at_once_all_succeed() {
    for _ in 0..50 {
        let place = Place::new();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    put(&place.store(), &key(), b"x", Temporary::Unnamed);
                });
            }
        });
        assert_eq!(place.store().list().unwrap().len(), 4);
        assert_eq!(place.names().len(), 4, "no draft of a marker is left");
    }
}
