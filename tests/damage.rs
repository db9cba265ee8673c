//! P7: damaged and hostile files are refused as XX001, by verify() as a verdict: no row, no file, and the server goes on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::imports::{entry, forged, import_folder, put, unpacked, zipped};
use crate::runs::{Backup, run};
use crate::security::refused;
use crate::support::{Cluster, Database};
use paliad_backup::bundle::archive::container::{Entry, Method};
use paliad_backup::bundle::reader::BundleReader;
use postgres::Client;

/// A database to import into, and the small bundle of another.
struct Place {
    databases: [Database<'static>; 2],
    client: Client,
    folder: PathBuf,
    backup: Backup,
    bytes: Vec<u8>,
}

impl Place {
    fn new() -> Place {
        let databases = [Cluster::shared().database(), Cluster::shared().database()];
        let mut origin = databases[0].connect();
        origin
            .batch_execute("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x'), (2, NULL)")
            .unwrap();
        let backup = run(&mut origin).unwrap();
        let bytes = fs::read(backup.path()).unwrap();
        let mut client = databases[1].connect();
        // A file that is good makes a row, whatever was refused before.
        let folder = import_folder(&mut client);
        Place { databases, client, folder, backup, bytes }
    }

    /// SQLSTATE of importing these bytes, empty where they are taken; refused ones must leave nothing.
    fn import(&mut self, bytes: &[u8], what: &str) -> String {
        put(&self.folder, "a.zip", bytes);
        let before = self.state();
        let sql = "SELECT storage_uri FROM paliad_backup.import_bundle('a.zip')";
        match self.client.query_one(sql, &[]) {
            Ok(_) => String::new(),
            Err(error) => {
                assert_eq!(self.state(), before, "{what}");
                let error = error.as_db_error().unwrap_or_else(|| panic!("{what}: {error}"));
                assert!(error.message().len() < 2000, "{what}: {error:?}");
                error.code().code().to_owned()
            }
        }
    }

    /// What lies beside the import folder, and what the catalog has.
    fn state(&mut self) -> (Vec<PathBuf>, i64) {
        let mut files: Vec<_> =
            fs::read_dir(self.folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let sql = "SELECT (SELECT count(*) FROM paliad_backup.backups) + (SELECT count(*) FROM paliad_backup.system_audit_log)";
        (files, self.client.query_one(sql, &[]).unwrap().get(0))
    }

    /// The good file is still taken by the same session, so that what was refused was refused for what it is.
    fn takes_the_good_one(mut self) {
        let bytes = self.bytes.clone();
        assert_eq!(self.import(&bytes, "the good bundle"), "");
    }
}

/// Takes an imported bundle away again, after it was found equal in content.
fn undo(place: &mut Place, path: &Path, what: &str) {
    let imported = BundleReader::open(fs::File::open(path).unwrap()).unwrap();
    assert_eq!(unpacked(&imported), unpacked(&place.backup.open()), "{what}");
    place.client.batch_execute("DELETE FROM paliad_backup.backups").unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn damaged_files_are_not_imported() {
    let mut place = Place::new();
    let path = place.folder.parent().unwrap().join(format!("{}.zip", place.backup.id));
    let bytes = place.bytes.clone();
    let mut refusals = 0;
    for sample in 0..60 {
        let at = sample * (bytes.len() - 1) / 59;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (sample % 8);
        let what = format!("byte {at}");
        match place.import(&damaged, &what).as_str() {
            "" => undo(&mut place, &path, &what),
            "XX001" => refusals += 1,
            other => panic!("{what}: {other}"),
        }
    }
    // Deflate leaves few bits unused.
    assert!(refusals >= 55, "{refusals}");
    for sample in 0..30 {
        let length = sample * (bytes.len() - 1) / 29;
        assert_eq!(place.import(&bytes[..length], "cut"), "XX001", "{length} bytes");
    }
    place.takes_the_good_one();
}

/// What verify() says of a flipped byte or a shorter file, where the catalog's hash does not help: it is of the damaged file.
#[test]
fn damage_is_found_by_verify_without_the_catalogs_hash() {
    let place = Place::new();
    let mut client = place.databases[0].connect();
    let Backup { id, .. } = &place.backup;
    let mut found = 0;
    for sample in 0..60 {
        let at = sample * (place.bytes.len() - 1) / 59;
        let mut damaged = place.bytes.clone();
        damaged[at] ^= 1 << (sample % 8);
        fs::write(place.backup.path(), &damaged).unwrap();
        let sql = format!(
            "SELECT count(*) FILTER (WHERE NOT ok AND check_name <> 'sha256'), count(*) FROM paliad_backup.verify('{id}')"
        );
        let row = client.query_one(&sql, &[]).unwrap();
        assert_eq!(row.get::<_, i64>(1), 9, "byte {at}");
        if row.get::<_, i64>(0) == 0 {
            let damaged = BundleReader::open(fs::File::open(place.backup.path()).unwrap()).unwrap();
            fs::write(place.backup.path(), &place.bytes).unwrap();
            assert_eq!(unpacked(&damaged), unpacked(&place.backup.open()), "byte {at}");
        } else {
            found += 1;
        }
    }
    assert!(found >= 55, "{found}");
}

#[test]
fn hostile_zips_are_not_imported() {
    let mut place = Place::new();
    let good = unpacked(&place.backup.open());
    let entries = || good.iter().map(|(path, bytes)| entry(path, bytes)).collect::<Vec<_>>();
    let same = |_: &mut Vec<Entry>| {};
    let with = |more: (Entry, Vec<u8>)| {
        let mut all = entries();
        all.insert(1, more);
        zipped(all, same)
    };
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    let mut case = |what: &str, bytes: Vec<u8>| cases.push((what.to_owned(), bytes));

    for path in [
        "../evil.txt",
        "/etc/cron.d/evil",
        "csv/../../evil.csv",
        "csv/a/b.csv",
        "C:\\evil",
        "csv/",
        "evil.txt",
        "",
        "\u{202E}",
    ] {
        case(&format!("path {path}"), with(entry(path, b"x")));
    }
    case("a long path", with(entry(&"x".repeat(65_000), b"x")));
    case("a file twice", with(entry("README.txt", &good[0].1)));
    case("a csv of no sheet", with(entry("csv/evil.csv", b"a\n")));
    case("a bomb by ratio", with(entry("csv/bomb.csv", &vec![0; 64 << 20])));
    case("a long manifest", {
        let mut all = entries();
        all[1] = entry("manifest.json", &vec![b' '; 260 << 20]);
        zipped(all, same)
    });
    case("a bomb by count", {
        let many = (0..100_000).map(|n| (entry(&format!("csv/{n}.csv"), b"").0, Vec::new()));
        zipped(many.map(|(entry, packed)| (Entry { method: Method::Stored, ..entry }, packed)).collect(), same)
    });
    case("overlapping entries", zipped(entries(), |listed| listed[2].offset = listed[1].offset));
    case("entries in another order", zipped(entries(), |listed| listed.swap(1, 2)));
    case("an entry that is not listed", zipped(entries(), |listed| drop(listed.pop())));
    case("a size too large", zipped(entries(), |listed| listed[1].size += 1));
    case("a size beyond all", zipped(entries(), |listed| listed[1].size = u64::MAX));
    case("a packed size beyond all", zipped(entries(), |listed| listed[1].compressed_size = u64::MAX));
    case("an offset beyond all", zipped(entries(), |listed| listed[1].offset = u64::MAX));
    case("stored and not packed", zipped(entries(), |listed| listed[1].method = Method::Stored));
    for (what, change) in [
        ("a size in both headers", (|entry: &mut Entry| entry.size += 1) as fn(&mut Entry)),
        ("a size that no deflate has", |entry| entry.size = 1 << 40),
        ("a CRC-32 in both headers", |entry| entry.crc32 ^= 1),
        ("stored in both headers", |entry| entry.method = Method::Stored),
    ] {
        let mut all = entries();
        change(&mut all[0].0);
        case(what, zipped(all, same));
    }
    let bytes = place.bytes.clone();
    case("bytes before", [b"PK\x05\x06", &bytes[..]].concat());
    case("bytes behind", [&bytes[..], b"\0"].concat());
    case("two bundles", [&bytes[..], &bytes[..]].concat());
    // Bytes of the headers, by APPNOTE 4.3: the first record of the directory, and the end record.
    let end = bytes.len() - 22;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let central = number(end + 16);
    let patched = |at: usize, value: &[u8]| {
        let mut patched = bytes.clone();
        patched[at..at + value.len()].copy_from_slice(value);
        patched
    };
    case("a symbolic link", patched(central + 38, &(0o120_777_u32 << 16).to_le_bytes()));
    case("a device", patched(central + 38, &(0o020_666_u32 << 16).to_le_bytes()));
    case("a folder", patched(central + 38, &(0o040_755_u32 << 16 | 0x10).to_le_bytes()));
    case("encrypted", patched(central + 8, &[1, 0]));
    case("with a data descriptor", patched(central + 8, &[8, 0]));
    case("another method", patched(central + 10, &[99, 0]));
    case("another volume", patched(central + 34, &[1, 0]));
    case("more entries than there are", patched(end + 8, &[0xff, 0x7f, 0xff, 0x7f]));
    case("zip64 that is not there", patched(end + 8, &[0xff, 0xff, 0xff, 0xff]));
    case("a directory at zip64's place", patched(end + 16, &[0xff; 4]));
    case("a directory before the file", patched(end + 16, &0_u32.to_le_bytes()));
    case("a comment", patched(end + 20, &[1, 0]));
    // A zip64 end record where none is needed, that promises as many entries as a number can.
    let mut wide = bytes[..end].to_vec();
    wide.extend(0x0606_4b50_u32.to_le_bytes());
    wide.extend(44_u64.to_le_bytes());
    wide.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    wide.extend([u64::MAX, u64::MAX, (end - central) as u64, central as u64].map(u64::to_le_bytes).concat());
    wide.extend(0x0706_4b50_u32.to_le_bytes());
    wide.extend([0; 4]);
    wide.extend((end as u64).to_le_bytes());
    wide.extend(1_u32.to_le_bytes());
    wide.extend(&bytes[end..end + 8]);
    wide.extend([0xff; 4]);
    wide.extend(&bytes[end + 12..]);
    case("zip64 with entries beyond all", wide);

    for (what, bytes) in cases {
        assert_eq!(place.import(&bytes, &what), "XX001", "{what}");
    }
    // By the same means a good one: what was refused was not refused for how it was made.
    let path = place.folder.parent().unwrap().join(format!("{}.zip", place.backup.id));
    assert_eq!(place.import(&zipped(stored_workbook(entries(), &good), same), "made well"), "");
    undo(&mut place, &path, "made well");
    place.takes_the_good_one();
}

/// As a bundle holds it; it is compressed itself.
fn stored_workbook(mut entries: Vec<(Entry, Vec<u8>)>, good: &[(String, Vec<u8>)]) -> Vec<(Entry, Vec<u8>)> {
    for ((entry, packed), (path, bytes)) in entries.iter_mut().zip(good) {
        if path.ends_with(".xlsx") {
            (entry.method, *packed) = (Method::Stored, bytes.clone());
        }
    }
    entries
}

/// Whatever a bundle of a later release has, this one tells that it is one.
#[test]
fn a_later_format_is_not_taken_for_damage() {
    let mut place = Place::new();
    let later = forged(&place.backup.open(), |_| r#"{"format_version": 7, "everything": "else"}"#.to_owned());
    assert_eq!(place.import(&later, "a later format"), "0A000");
    let (_, message, _) = refused(&mut place.client, "SELECT paliad_backup.import_bundle('a.zip')");
    assert_eq!(message, "bundle format 7 is not known to this release");
    place.takes_the_good_one();
}
