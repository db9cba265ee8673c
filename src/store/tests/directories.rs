//! Which directories are accepted, and what is made of them.

use std::os::unix::fs::{chown, symlink};

use super::*;

#[test]
fn directory_and_folder_are_made_private_under_any_umask() {
    in_own_process("directories::directory_and_folder_are_made_private_under_any_umask", false, || {
        rustix::process::umask(rustix::fs::Mode::empty());
        for temporary in BOTH {
            let place = Place::new();
            let (store, key) = (place.store(), key());
            assert_eq!(store.scratch_with(temporary).unwrap().metadata().unwrap().mode() & 0o7777, 0o600);
            let pending = store.create_with(&key, temporary).unwrap();
            assert_eq!(pending.file().metadata().unwrap().mode() & 0o7777, 0o600);
            pending.publish().unwrap();
            assert_eq!(mode(&place.directory()), 0o700);
            assert_eq!(mode(&place.folder()), 0o700);
            assert_eq!(mode(&place.file(&key)), 0o600);
            assert_eq!(mode(&place.marker()), 0o600);
        }
    });
}

#[test]
fn a_blank_directory_is_not_configured() {
    for blank in ["", " ", "\t\n"] {
        assert!(matches!(Place::new().open_at(Path::new(blank)), Err(StoreError::NotConfigured)), "{blank:?}");
    }
}

#[test]
fn relative_dotted_and_root_paths_are_bad() {
    let place = Place::new();
    assert_error!(place.open_at(Path::new("backups")), BadDirectory, "absolute");
    assert_error!(place.open_at(&place.root.path().join("x/../backups")), BadDirectory, "\"..\"");
    assert_error!(place.open_at(&place.directory().join("..")), BadDirectory, "\"..\"");
    assert_error!(place.open_at(Path::new("/")), BadDirectory, "root directory");
    assert!(!place.directory().exists());
}

#[test]
fn another_spelling_of_the_directory_is_the_same_store() {
    let place = Place::new();
    let uri = put(&place.store(), &key(), b"x", Temporary::Unnamed);
    let odd = format!("{}//./backups/", place.root.path().display());
    assert!(place.open_at(Path::new(&odd)).unwrap().open(&uri).is_ok());
}

#[test]
fn only_the_last_component_is_made() {
    let place = Place::new();
    assert_error!(place.open_at(&place.root.path().join("missing/backups")), BadDirectory, "there is no directory");
    assert!(!place.root.path().join("missing").exists());
    fs::write(place.root.path().join("file"), "").unwrap();
    assert_error!(place.open_at(&place.root.path().join("file/backups")), BadDirectory, "there is no directory");
    assert_error!(place.open_at(&place.root.path().join("file")), BadDirectory, "not a directory");
}

#[test]
fn the_data_directory_stays_apart_both_ways() {
    let place = Place::new();
    let data = place.data();
    make_directory(&data.join("base"));
    assert_error!(place.open_at(&data), BadDirectory, "the data directory lies in it");
    for inside in [data.join("backups"), data.join("base/backups")] {
        assert_error!(place.open_at(&inside), BadDirectory, "lies in the data directory");
        assert!(!inside.exists(), "nothing was made there");
    }
    assert_error!(place.open_at(place.root.path()), BadDirectory, "the data directory lies in it");
    // Through a link on the way, from either side.
    symlink(&data, place.root.path().join("alias")).unwrap();
    assert_error!(place.open_at(&place.root.path().join("alias/backups")), BadDirectory, "in the data directory");
    make_directory(&place.directory());
    make_directory(&place.directory().join("real"));
    symlink(place.directory().join("real"), place.root.path().join("linked data")).unwrap();
    let linked = place.root.path().join("linked data");
    assert_error!(LocalDisk::open(&config(&place.directory(), &linked)), BadDirectory, "the data directory lies in it");
}

#[test]
fn a_sibling_whose_name_begins_like_the_data_directory_is_fine() {
    let place = Place::new();
    assert!(place.open_at(&place.root.path().join("pgdata-backups")).is_ok());
}

#[test]
fn a_link_as_directory_is_bad_and_as_folder_refused() {
    let place = Place::new();
    make_directory(&place.root.path().join("elsewhere"));
    symlink(place.root.path().join("elsewhere"), place.directory()).unwrap();
    assert_error!(place.open_at(&place.directory()), BadDirectory, "symbolic link");
    assert_error!(LocalDisk::open_existing(&config(&place.directory(), &place.data())), BadDirectory, "symbolic link");
    fs::remove_file(place.directory()).unwrap();
    symlink(place.root.path().join("nowhere"), place.directory()).unwrap();
    assert_error!(place.open_at(&place.directory()), BadDirectory, "symbolic link");
    fs::remove_file(place.directory()).unwrap();

    make_directory(&place.directory());
    symlink(place.root.path().join("elsewhere"), place.folder()).unwrap();
    assert_error!(place.open_at(&place.directory()), Refused, "symbolic link");
    assert_eq!(fs::read_dir(place.root.path().join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_link_among_the_parents_is_followed() {
    let place = Place::new();
    make_directory(&place.root.path().join("real"));
    symlink(place.root.path().join("real"), place.root.path().join("srv")).unwrap();
    let store = place.open_at(&place.root.path().join("srv/backups")).unwrap();
    let uri = put(&store, &key(), b"x", Temporary::Unnamed);
    assert!(store.open(&uri).is_ok());
}

#[test]
fn directories_that_others_may_write_to_are_bad() {
    let place = Place::new();
    place.store();
    for path in [place.directory(), place.folder()] {
        for bad in [0o720, 0o702, 0o777, 0o1777] {
            set_mode(&path, bad);
            assert_error!(place.open_at(&place.directory()), BadDirectory, "run: chmod 0700");
        }
        set_mode(&path, 0o755);
        assert!(place.open_at(&place.directory()).is_ok(), "being read by others is the administrator's choice");
    }
}

#[test]
fn directories_of_another_user_are_bad() {
    if !is_root() {
        return eprintln!("SKIPPED directories_of_another_user_are_bad: only root can give a directory away");
    }
    let place = Place::new();
    place.store();
    for path in [place.folder(), place.directory()] {
        chown(&path, Some(65534), None).unwrap();
        assert_error!(place.open_at(&place.directory()), BadDirectory, "its owner is user 65534");
    }
}

#[test]
fn a_directory_we_may_not_write_to_is_an_error_of_the_system() {
    let name = "directories::a_directory_we_may_not_write_to_is_an_error_of_the_system";
    in_own_process(name, true, || {
        let place = Place::new();
        make_directory(&place.directory());
        set_mode(&place.directory(), 0o500);
        assert_error!(place.open_at(&place.directory()), Io, "could not create directory");
        set_mode(&place.directory(), 0o700);
        let store = place.store();
        set_mode(&place.folder(), 0o500);
        for temporary in BOTH {
            assert_error!(store.create_with(&key(), temporary), Io, "Permission denied");
            assert_error!(store.scratch_with(temporary), Io, "Permission denied");
        }
        set_mode(&place.folder(), 0o700);
        // A parent that may be searched but not read is enough.
        set_mode(place.root.path(), 0o300);
        let opened = place.open_at(&place.root.path().join("second"));
        set_mode(place.root.path(), 0o700);
        put(&opened.unwrap(), &key(), b"x", Temporary::Unnamed);
    });
}

#[test]
fn opening_what_exists_makes_nothing() {
    let place = Place::new();
    let (directory, data, key) = (place.directory(), place.data(), key());
    let peek = || LocalDisk::open_existing(&config(&directory, &data));
    assert_error!(peek(), BadDirectory, "does not exist");
    assert!(!directory.exists());

    make_directory(&directory);
    let store = peek().unwrap();
    assert_eq!(store.list().unwrap(), []);
    assert!(store.free_bytes().unwrap() > 0);
    assert_error!(store.open(&store.uri(&key)), NotFound, "does not exist");
    assert!(!store.remove(&store.uri(&key)).unwrap());
    assert!(!store.remove_partial(&key).unwrap());
    assert_error!(store.create(&key), NotFound, "does not exist");
    assert_error!(store.scratch(), NotFound, "does not exist");
    assert_error!(store.adopt(), NotFound, "does not exist");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);

    make_directory(&place.folder());
    assert_error!(peek().unwrap().create(&key), ForeignFolder, "it has no file");
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);

    put(&place.store(), &key, b"abc", Temporary::Unnamed);
    assert_eq!(peek().unwrap().open(&store.uri(&key)).unwrap().size, 3);
}

#[test]
fn a_path_swapped_after_opening_is_noticed_and_never_followed() {
    let place = Place::new();
    let (store, key) = (place.store(), key());
    let aside = place.root.path().join("aside");
    fs::rename(place.directory(), &aside).unwrap();
    make_directory(&place.root.path().join("trap"));
    symlink(place.root.path().join("trap"), place.directory()).unwrap();
    let pending = store.create_with(&key, Temporary::Unnamed).unwrap();
    pending.file().write_all(b"x").unwrap();
    assert_error!(pending.publish(), Io, "could not find the published file");
    assert!(aside.join(format!("{SYSTEM}.{DATABASE}/{key}")).is_file());
    assert_eq!(fs::read_dir(place.root.path().join("trap")).unwrap().count(), 0);
    let uri = store.uri(&key);
    assert!(store.open(&uri).is_ok());
    assert!(store.remove(&uri).unwrap());
}
