use std::io::SeekFrom;
use std::os::unix::fs::FileExt;

use super::*;

fn spool(names: impl Iterator<Item = String>) -> (File, Vec<FileInfo>) {
    let mut spool = Spool::new(tempfile::tempfile().unwrap(), 6, Abort::default());
    for (index, name) in names.enumerate() {
        spool.begin(name).unwrap();
        for row in 0..index * 100 {
            writeln!(spool.text(), "{row},{}", row * row).unwrap();
            spool.spill().unwrap();
        }
        spool.end().unwrap();
    }
    let encoded = spool.finish().unwrap();
    (encoded.spool, encoded.files)
}

fn add_workbook(writer: &mut BundleWriter) -> Result<FileInfo> {
    let bytes: Vec<u8> = (0..CHUNK * 2 + 7).map(|index| (index * index) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let info = described("paliad-backup.xlsx", &bytes);
    writer.add_stored(&info, crc32fast::hash(&bytes), &mut file)?;
    Ok(info)
}

fn bundle(sheets: usize) -> (Finished, Vec<FileInfo>) {
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    let (mut csv, csv_files) = spool((0..sheets).map(|sheet| format!("csv/t{sheet}.csv")));
    let mut files = vec![writer.add_bytes("README.txt", b"read me\n").unwrap()];
    files.push(add_workbook(&mut writer).unwrap());
    writer.append_spool(&mut csv).unwrap();
    files.extend(csv_files);
    writer.add_bytes("SHA256SUMS", sha256sums(&files).as_bytes()).unwrap();
    (writer.finish().unwrap(), files)
}

fn bytes(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_independent_reader_finds_every_entry() {
    let (finished, files) = bundle(20);
    assert_eq!(finished.size, bytes(&finished.file).len() as u64);
    assert_eq!(finished.sha256, hex(Sha256::digest(bytes(&finished.file))));
    let mut zip = zip::ZipArchive::new(finished.file).unwrap();
    assert_eq!(zip.len(), files.len() + 1);
    for (index, file) in files.iter().enumerate() {
        let mut entry = zip.by_index(index).unwrap();
        assert_eq!(entry.name().unwrap(), file.path);
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        assert_eq!(entry.last_modified(), Some(zip::DateTime::default()));
        let mut digest = Digested::default();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        digest.update(&text);
        assert_eq!(digest.into_info(&file.path), *file);
    }
    assert_eq!(zip.by_name("paliad-backup.xlsx").unwrap().compression(), zip::CompressionMethod::Stored);
}

#[test]
fn more_than_65535_entries() {
    let (mut csv, _) = spool((0..10).map(|sheet| format!("csv/t{sheet}.csv")));
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    writer.append_spool(&mut csv).unwrap();
    for sheet in 0..66_000 {
        writer.add_bytes(&format!("json/t{sheet}.json"), b"").unwrap();
    }
    let finished = writer.finish().unwrap();
    read_back(&finished.file, &finished, &Abort::default()).unwrap();
    assert_eq!(zip::ZipArchive::new(finished.file).unwrap().len(), 66_010);
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert_eq!(bytes(&bundle(3).0.file), bytes(&bundle(3).0.file));
}

#[test]
fn checksums_are_those_of_coreutils() {
    let file = FileInfo { path: "csv/a.csv".to_owned(), size: 0, sha256: hex(Sha256::digest(b"")) };
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256sums(&[file.clone(), file]), format!("{digest}  csv/a.csv\n{digest}  csv/a.csv\n"));
}

#[test]
fn foreign_and_repeated_paths_are_refused() {
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    assert!(writer.add_bytes("../x", b"").is_err());
    writer.add_bytes("README.txt", b"").unwrap();
    assert!(writer.add_bytes("README.txt", b"").is_err());
}

#[test]
fn read_back_takes_what_was_written_and_nothing_else() {
    let (finished, _) = bundle(3);
    let abort = Abort::default();
    read_back(&finished.file, &finished, &abort).unwrap();
    for position in [0, finished.size / 2, finished.size - 1] {
        let mut byte = [0];
        finished.file.read_exact_at(&mut byte, position).unwrap();
        finished.file.write_all_at(&[byte[0] ^ 1], position).unwrap();
        assert!(matches!(read_back(&finished.file, &finished, &abort), Err(BundleError::Damaged(_))));
        finished.file.write_all_at(&byte, position).unwrap();
    }
    finished.file.set_len(finished.size - 1).unwrap();
    assert!(matches!(read_back(&finished.file, &finished, &abort), Err(BundleError::Damaged(_))));
    abort.raise();
    assert!(matches!(read_back(&finished.file, &finished, &abort), Err(BundleError::Aborted)));
}

#[test]
fn abort_stops_the_copy() {
    let abort = Abort::default();
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), abort.clone());
    let (mut csv, _) = spool(std::iter::once("csv/t.csv".to_owned()));
    abort.raise();
    assert!(matches!(writer.append_spool(&mut csv), Err(BundleError::Aborted)));
    assert!(matches!(add_workbook(&mut writer), Err(BundleError::Aborted)));
}

/// `/dev/full` refuses every write with ENOSPC; the last buffer is written by `finish` alone.
#[test]
fn a_full_disk_is_an_error_and_never_lost() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let is_full = |error| matches!(error, BundleError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull);
    let mut writer = BundleWriter::new(full(), Abort::default());
    writer.add_bytes("README.txt", b"read me\n").unwrap();
    assert!(is_full(writer.finish().unwrap_err()));
    let mut spool = Spool::new(full(), 6, Abort::default());
    assert!(is_full(spool.begin("csv/t.csv".to_owned()).unwrap_err()));
}

#[test]
fn a_spool_demands_begin_and_end_in_turn() {
    let mut spool = Spool::new(tempfile::tempfile().unwrap(), 6, Abort::default());
    assert!(spool.end().is_err());
    spool.begin("csv/a.csv".to_owned()).unwrap();
    assert!(spool.begin("csv/b.csv".to_owned()).is_err());
    assert!(spool.finish().is_err());
}

#[test]
fn a_spool_that_shrinks_is_noticed() {
    let (mut csv, _) = spool((0..3).map(|sheet| format!("csv/t{sheet}.csv")));
    csv.set_len(csv.metadata().unwrap().len() - 1).unwrap();
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    assert!(matches!(writer.append_spool(&mut csv), Err(BundleError::Damaged(_))));
}

/// A sparse file of just over 4 GiB: every field that zip64 widens is in use.
#[test]
fn zip64_fields_come_back() {
    let entry = |path: &str, size, offset| Entry {
        path: path.to_owned(),
        method: Method::Stored,
        crc32: 7,
        size,
        compressed_size: size,
        offset,
    };
    let large = entry("paliad-backup.xlsx", u64::from(u32::MAX), 0);
    let second = large.local_length(true) + large.size;
    let small = entry("README.txt", 3, second);
    let start = second + small.local_length(false) + small.size;
    let mut file = tempfile::tempfile().unwrap();
    for entry in [&large, &small] {
        file.write_all_at(&entry.local_header(entry.is_large()), entry.offset).unwrap();
    }
    file.seek(SeekFrom::Start(start)).unwrap();
    let entries = [large, small];
    file.write_all(&directory(&entries, start).unwrap()).unwrap();

    assert_eq!(read_directory(&file).unwrap(), (entries.to_vec(), start));
    check_local_headers(&file, &entries, start).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    for entry in &entries {
        let found = zip.by_name(&entry.path).unwrap();
        assert_eq!((found.size(), found.header_start()), (entry.size, entry.offset));
    }
}
