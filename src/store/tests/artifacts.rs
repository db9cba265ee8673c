//! Writing, publishing, reading and removing.

use std::io::{Read, Seek};
use std::os::unix::fs::symlink;

use super::*;

fn read(store: &LocalDisk, uri: &str) -> Vec<u8> {
    let mut artifact = store.open(uri).unwrap();
    let mut content = Vec::new();
    artifact.file.read_to_end(&mut content).unwrap();
    assert_eq!(artifact.size, content.len() as u64);
    content
}

#[test]
fn an_artifact_appears_whole_and_only_when_published() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        let pending = store.create_with(&key, temporary).unwrap();
        pending.file().write_all(b"content").unwrap();
        assert!(!place.file(&key).exists());
        let partial = match temporary {
            Temporary::Unnamed => vec![],
            Temporary::Named => vec![key.partial_name()],
        };
        assert_eq!(place.names(), partial, "this file system should have O_TMPFILE");
        // The bundle is read back before it is published.
        let (mut file, mut back) = (pending.file(), String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut back).unwrap();
        assert_eq!(back, "content");

        let uri = pending.publish().unwrap();
        assert_eq!(uri, store.uri(&key));
        assert!(uri.starts_with("file:///") && uri.ends_with(&key.to_string()));
        assert_eq!(read(&store, &uri), b"content");
        assert_eq!(place.names(), [key.to_string()]);
    }
}

#[test]
fn dropped_unpublished_it_leaves_nothing_and_the_older_one_intact() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        let uri = put(&store, &key, b"older", temporary);
        let pending = store.create_with(&key, temporary).unwrap();
        pending.file().write_all(b"newer").unwrap();
        drop(pending);
        assert_eq!(place.names(), [key.to_string()]);
        assert_eq!(read(&store, &uri), b"older");
    }
}

#[test]
fn publishing_replaces_an_older_artifact_of_the_key() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        let uri = put(&store, &key, b"older and longer", temporary);
        let mut reader = store.open(&uri).unwrap().file;
        assert_eq!(put(&store, &key, b"newer", temporary), uri);
        assert_eq!(read(&store, &uri), b"newer");
        let mut seen = String::new();
        reader.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "older and longer", "who has it open reads on");
    }
}

#[test]
fn a_left_partial_file_is_listed_blocks_its_key_and_can_be_removed() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        fs::write(place.folder().join(key.partial_name()), b"torn").unwrap();
        assert_error!(store.create_with(&key, temporary), Io, "create file");
        let [listed] = store.list().unwrap().try_into().unwrap();
        assert!(listed.partial && listed.key == key && listed.size == 4 && listed.name == key.partial_name());
        assert!(store.remove_partial(&key).unwrap());
        assert!(!store.remove_partial(&key).unwrap());
        put(&store, &key, b"x", temporary);
    }
}

#[test]
fn a_planted_link_under_the_partial_name_is_not_written_through() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        let victim = place.root.path().join("victim");
        fs::write(&victim, b"precious").unwrap();
        let planted = place.folder().join(key.partial_name());
        symlink(&victim, &planted).unwrap();
        assert_error!(store.create_with(&key, temporary), Io, "create file");
        assert_error!(store.remove_partial(&key), Refused, "symbolic link");
        fs::remove_file(&planted).unwrap();
        // Planted while the artifact is being written.
        let pending = store.create_with(&key, Temporary::Unnamed).unwrap();
        symlink(&victim, &planted).unwrap();
        assert_error!(pending.publish(), Io, "link file");
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(!place.file(&key).exists());
    }
}

#[test]
fn a_new_file_never_takes_over_what_has_its_name() {
    let place = Place::new();
    let directory = directory::Directory::open(place.root.path()).unwrap();
    fs::write(place.root.path().join("file"), b"precious").unwrap();
    symlink("nowhere", place.root.path().join("link")).unwrap();
    for name in ["file", "link"] {
        assert_error!(directory.create_file(name), Io, "File exists");
    }
    assert!(!place.root.path().join("nowhere").exists());
}

#[test]
fn a_failed_publication_leaves_nothing_behind() {
    for temporary in BOTH {
        let place = Place::new();
        let (store, key) = (place.store(), key());
        let pending = store.create_with(&key, temporary).unwrap();
        make_directory(&place.file(&key));
        assert_error!(pending.publish(), Io, "rename file");
        assert_eq!(place.names(), [key.to_string()]);
    }
}

#[test]
fn scratch_files_have_no_name() {
    for temporary in BOTH {
        let place = Place::new();
        let store = place.store();
        let mut scratch = store.scratch_with(temporary).unwrap();
        assert_eq!(place.names(), [""; 0]);
        assert_eq!(scratch.metadata().unwrap().nlink(), 0);
        assert_eq!(scratch.metadata().unwrap().dev(), fs::metadata(place.folder()).unwrap().dev());
        scratch.write_all(b"spooled").unwrap();
        scratch.rewind().unwrap();
        let mut back = String::new();
        scratch.read_to_string(&mut back).unwrap();
        assert_eq!(back, "spooled");
    }
}

#[test]
fn removal_is_told_apart_from_absence() {
    let place = Place::new();
    let (store, key) = (place.store(), key());
    let uri = put(&store, &key, b"x", Temporary::Unnamed);
    assert!(store.remove(&uri).unwrap());
    assert!(!store.remove(&uri).unwrap());
    assert!(!place.file(&key).exists());
    assert_error!(store.open(&uri), NotFound, "does not exist");
}

#[test]
fn another_databases_artifact_may_be_read_but_not_removed() {
    let place = Place::new();
    let (directory, data, key) = (place.directory(), place.data(), key());
    let other = LocalDisk::open(&LocalDiskConfig { database_oid: 5, ..config(&directory, &data) }).unwrap();
    let uri = put(&other, &key, b"theirs", Temporary::Unnamed);
    let store = place.store();
    assert_eq!(read(&store, &uri), b"theirs");
    assert_error!(store.remove(&uri), Refused, "another database");
    assert_eq!(read(&other, &uri), b"theirs");
    assert_eq!(store.list().unwrap(), []);
    let nobodys = uri.replace(&format!("{SYSTEM}.5"), &format!("{SYSTEM}.6"));
    assert_error!(store.open(&nobodys), NotFound, "does not exist");
    assert!(!directory.join(format!("{SYSTEM}.6")).exists());
}

#[test]
fn what_is_no_artifact_of_the_directory_is_refused_for_reading_and_removing() {
    let place = Place::new();
    let (store, key) = (place.store(), key());
    let uri = put(&store, &key, b"x", Temporary::Unnamed);
    let outside = place.root.path().join(key.to_string());
    fs::write(&outside, b"outside").unwrap();
    for bad in [
        format!("file://{}", outside.display()),
        outside.display().to_string(),
        uri.replace("file://", "file://localhost"),
        uri.replace("file://", "https://"),
        uri.replace("backups", "backups/../backups"),
        uri.replace("backups/", "backups%2F"),
        format!("{uri}/../../../{key}"),
        uri.replace(&key.to_string(), marker::NAME),
        "file:///etc/passwd".to_owned(),
        "../x".to_owned(),
    ] {
        assert_error!(store.open(&bad), Refused, "is refused");
        assert_error!(store.remove(&bad), Refused, "is refused");
    }
    assert!(outside.exists() && place.marker().exists() && place.file(&key).exists());
}

#[test]
fn links_and_other_things_under_an_artifacts_name_are_refused() {
    let place = Place::new();
    let store = place.store();
    let (link, dangling, directory, fifo, socket) = (key(), key(), key(), key(), key());
    symlink("/etc/passwd", place.file(&link)).unwrap();
    symlink("/nowhere", place.file(&dangling)).unwrap();
    make_directory(&place.file(&directory));
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, place.file(&fifo), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, place.file(&socket), rustix::fs::FileType::Socket, mode, 0).unwrap();
    for key in [link, dangling, directory, fifo, socket] {
        assert_error!(store.open(&store.uri(&key)), Refused, "symbolic link");
        assert_error!(store.remove(&store.uri(&key)), Refused, "symbolic link");
        assert!(fs::symlink_metadata(place.file(&key)).is_ok());
    }
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn another_databases_folder_that_is_a_link_is_refused() {
    let place = Place::new();
    let (store, key) = (place.store(), key());
    let elsewhere = place.root.path().join("elsewhere");
    make_directory(&elsewhere);
    fs::write(elsewhere.join(key.to_string()), b"x").unwrap();
    symlink(&elsewhere, place.directory().join("1.2")).unwrap();
    let uri = store.uri(&key).replace(&format!("{SYSTEM}.{DATABASE}"), "1.2");
    assert_error!(store.open(&uri), Refused, "symbolic link");
}

#[test]
fn the_list_holds_artifacts_and_partial_files_by_name() {
    let place = Place::new();
    let store = place.store();
    let before = SystemTime::now() - std::time::Duration::from_secs(5);
    let mut keys = [key(), key(), key()];
    keys.sort();
    for (size, key) in keys.iter().enumerate() {
        put(&store, key, &vec![0; size], Temporary::Unnamed);
    }
    fs::write(place.folder().join("notes.txt"), b"x").unwrap();
    fs::write(place.folder().join("notes.zip"), b"x").unwrap();
    let listed = store.list().unwrap();
    assert_eq!(listed.iter().map(|file| file.key).collect::<Vec<_>>(), keys);
    assert_eq!(listed.iter().map(|file| file.size).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(listed.iter().all(|file| !file.partial && file.modified > before && file.modified <= SystemTime::now()));
}

#[test]
fn an_artifact_may_be_finished_by_another_thread() {
    let place = Place::new();
    let (store, key) = (place.store(), key());
    let pending = store.create(&key).unwrap();
    let uri = std::thread::spawn(move || {
        pending.file().write_all(b"from a thread").unwrap();
        pending.publish().unwrap()
    });
    assert_eq!(read(&store, &uri.join().unwrap()), b"from a thread");
}

/// A file system of 64 KiB, unmounted when dropped.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        make_directory(&at);
        let options = ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_recognised_and_leaves_older_artifacts_alone() {
    let place = Place::new();
    let Some(disk) = TinyDisk::mount(place.directory()) else {
        return eprintln!("SKIPPED a_full_disk_is_recognised…: tmpfs cannot be mounted here");
    };
    let store = place.store();
    let older = put(&store, &key(), b"older", Temporary::Unnamed);
    let free = store.free_bytes().unwrap();
    assert!(free > 0 && free < 64 * 1024);
    for temporary in BOTH {
        let pending = store.create_with(&key(), temporary).unwrap();
        let error = pending.file().write_all(&[7; 128 * 1024]).unwrap_err();
        assert!(is_disk_full(&error), "{error:?}");
        assert_eq!(store.free_bytes().unwrap(), 0);
        drop(pending);
        assert_eq!(store.free_bytes().unwrap(), free);
        let mut scratch = store.scratch_with(temporary).unwrap();
        assert!(is_disk_full(&scratch.write_all(&[7; 128 * 1024]).unwrap_err()));
        drop(scratch);
        assert_eq!(read(&store, &older), b"older");
        assert_eq!(store.list().unwrap().len(), 1);
    }
    // Full when another database's folder is to be made and marked.
    fs::write(disk.0.join("filler"), [7; 128 * 1024]).unwrap_err();
    let data = place.data();
    let opened = LocalDisk::open(&LocalDiskConfig { database_oid: 5, ..config(&disk.0, &data) });
    assert!(opened.unwrap_err().is_disk_full());
    assert_eq!(fs::read_dir(disk.0.join(format!("{SYSTEM}.5"))).unwrap().count(), 0, "no half marker");
    fs::remove_file(disk.0.join("filler")).unwrap();
    let opened = LocalDisk::open(&LocalDiskConfig { database_oid: 5, ..config(&disk.0, &data) }).unwrap();
    put(&opened, &key(), b"x", Temporary::Unnamed);
}

#[test]
fn full_disk_and_quota_are_told_apart_from_other_errors() {
    use rustix::io::Errno;
    for (errno, full) in [(Errno::NOSPC, true), (Errno::DQUOT, true), (Errno::IO, false), (Errno::ACCESS, false)] {
        assert_eq!(is_disk_full(&errno.into()), full);
        assert_eq!(StoreError::io("write file", "/x")(errno).is_disk_full(), full);
    }
}
