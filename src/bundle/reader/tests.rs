use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::*;
use crate::bundle::archive::container::directory;
use crate::bundle::archive::{BundleWriter, Spool, described, sha256sums};

fn bundle() -> (Vec<u8>, Vec<FileInfo>) {
    bundle_with_sums(|_| {})
}

/// A bundle whose SHA256SUMS is made from what `change` leaves of the list.
fn bundle_with_sums(change: impl Fn(&mut Vec<FileInfo>)) -> (Vec<u8>, Vec<FileInfo>) {
    let mut spool = Spool::new(tempfile::tempfile().unwrap(), 6, Abort::default());
    for path in ["csv/a.csv", "csv/b%20.csv"] {
        spool.begin(path.to_owned()).unwrap();
        spool.text().extend((0..300).flat_map(|row: u32| format!("{path},{}\n", row * row).into_bytes()));
        spool.spill().unwrap();
        spool.end().unwrap();
    }
    let mut encoded = spool.finish().unwrap();
    let mut workbook = tempfile::tempfile().unwrap();
    workbook.write_all(b"workbook").unwrap();
    let mut files = vec![described("paliad-backup.xlsx", b"workbook")];
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    let readme = writer.add_bytes("README.txt", b"read me").unwrap();
    let manifest = writer.add_bytes("manifest.json", b"{}").unwrap();
    writer.add_stored(&files[0], crc32fast::hash(b"workbook"), &mut workbook).unwrap();
    writer.append_spool(&mut encoded.spool).unwrap();
    files.append(&mut encoded.files);
    let mut summed: Vec<_> = [readme, manifest].into_iter().chain(files.clone()).collect();
    change(&mut summed);
    writer.add_bytes("SHA256SUMS", sha256sums(&summed).as_bytes()).unwrap();
    let finished = writer.finish().unwrap();
    let mut bytes = vec![0; finished.size as usize];
    finished.file.read_exact_at(&mut bytes, 0).unwrap();
    (bytes, files)
}

fn open(bytes: &[u8]) -> Result<BundleReader> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    BundleReader::open(file)
}

fn verify(bytes: &[u8], files: &[FileInfo]) -> Result<()> {
    open(bytes)?.verify_content(files, &Abort::default())
}

fn is_damaged<T>(result: Result<T>) -> bool {
    matches!(result, Err(BundleError::Damaged(_)))
}

#[test]
fn reads_what_was_written() {
    let (bytes, files) = bundle();
    let reader = open(&bytes).unwrap();
    let paths: Vec<_> = reader.entries().iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["README.txt", "manifest.json", "paliad-backup.xlsx", "csv/a.csv", "csv/b%20.csv", "SHA256SUMS"]);
    assert_eq!(reader.manifest_bytes().unwrap(), b"{}");
    let mut text = String::new();
    reader.read("csv/a.csv").unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("csv/a.csv,0\ncsv/a.csv,1\n") && text.ends_with("csv/a.csv,89401\n"));
    let mut copied = Vec::new();
    assert_eq!(reader.copy("paliad-backup.xlsx", &mut copied).unwrap(), 8);
    assert_eq!(copied, b"workbook");
    assert!(is_damaged(reader.read("csv/none.csv")));
    reader.verify_content(&files, &Abort::default()).unwrap();
}

#[test]
fn the_list_and_the_zip_must_agree() {
    let (bytes, files) = bundle();
    let mut other = files.clone();
    other[0].size += 1;
    assert!(is_damaged(verify(&bytes, &other)));
    other = files.clone();
    other[1].sha256 = other[0].sha256.clone();
    assert!(is_damaged(verify(&bytes, &other)));
    assert!(is_damaged(verify(&bytes, &files[..2])));
    other = files.clone();
    other.push(files[0].clone());
    assert!(is_damaged(verify(&bytes, &other)));
    other = files.clone();
    other.push(FileInfo { path: "csv/none.csv".to_owned(), ..files[0].clone() });
    assert!(is_damaged(verify(&bytes, &other)));
}

#[test]
fn the_checksums_and_the_zip_must_agree() {
    for change in [
        |sums: &mut Vec<FileInfo>| drop(sums.pop()),
        |sums: &mut Vec<FileInfo>| sums[0].sha256 = sums[1].sha256.clone(),
        |sums: &mut Vec<FileInfo>| sums.push(FileInfo { path: "csv/none.csv".to_owned(), ..sums[0].clone() }),
        |sums: &mut Vec<FileInfo>| sums.push(sums[0].clone()),
    ] {
        let (bytes, files) = bundle_with_sums(change);
        assert!(is_damaged(verify(&bytes, &files)));
    }
}

#[test]
fn truncation_at_every_length_is_refused() {
    let (bytes, _) = bundle();
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    for length in (0..bytes.len() as u64).rev() {
        file.set_len(length).unwrap();
        assert!(is_damaged(BundleReader::open(file.try_clone().unwrap())), "{length}");
    }
}

#[test]
fn bytes_before_or_behind_are_refused() {
    let (bytes, _) = bundle();
    assert!(is_damaged(open(&[&bytes[..], b"x"].concat())));
    assert!(is_damaged(open(&[b"x", &bytes[..]].concat())));
    assert!(is_damaged(open(b"")));
}

/// A zip of `contents`, all stored, in this release's form, with `change` applied to its entries.
fn forged(contents: &[(&str, &[u8])], change: impl Fn(&mut Vec<Entry>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut entries = Vec::new();
    for (path, content) in contents {
        let size = content.len() as u64;
        let entry = Entry {
            path: (*path).to_owned(),
            method: Method::Stored,
            crc32: crc32fast::hash(content),
            size,
            compressed_size: size,
            offset: bytes.len() as u64,
        };
        bytes.extend(entry.local_header(false));
        bytes.extend(*content);
        entries.push(entry);
    }
    change(&mut entries);
    bytes.extend(directory(&entries, bytes.len() as u64).unwrap());
    bytes
}

#[test]
fn hostile_zips_are_refused() {
    let same = |_: &mut Vec<Entry>| {};
    assert!(open(&forged(&[("README.txt", b"a"), ("csv/a.csv", b"b")], same)).is_ok());
    for path in ["../x", "/etc/passwd", "csv/../../x.csv", "csv/", "C:\\x", "other.txt", ""] {
        assert!(is_damaged(open(&forged(&[(path, b"a")], same))), "{path}");
    }
    let two: [(&str, &[u8]); 2] = [("README.txt", b"a"), ("csv/a.csv", b"b")];
    assert!(is_damaged(open(&forged(&[two[0], two[0]], same))), "duplicate");
    assert!(is_damaged(open(&forged(&two, |entries| entries.truncate(1)))), "gap");
    assert!(is_damaged(open(&forged(&two, |entries| entries.reverse()))), "order");
    assert!(is_damaged(open(&forged(&two, |entries| entries[1].offset = 0))), "overlap");
    assert!(is_damaged(open(&forged(&two, |entries| entries[1].crc32 ^= 1))), "header differs");
    assert!(is_damaged(open(&forged(&two, |entries| entries[1].compressed_size = u64::MAX))), "overflow");
    assert!(is_damaged(open(&forged(&two, |entries| entries[1].size = 1 << 40))), "bomb");
}

/// Deflated entries whose headers are consistent and whose contents are not.
#[test]
fn contents_must_inflate_to_what_the_headers_say() {
    let zeros = vec![0; 100_000];
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflater.write_all(&zeros).unwrap();
    let deflated = deflater.finish().unwrap();
    let crc32 = crc32fast::hash(&zeros);
    let build_as = |method: Method, size: u64, crc32: u32, data: &[u8]| {
        let entry =
            Entry { path: "csv/a.csv".to_owned(), method, crc32, size, compressed_size: data.len() as u64, offset: 0 };
        let mut bytes = [&entry.local_header(false), data].concat();
        bytes.extend(directory(std::slice::from_ref(&entry), bytes.len() as u64).unwrap());
        open(&bytes)
    };
    let build = |size: u64, crc32: u32, data: &[u8]| {
        build_as(Method::Deflated, size, crc32, data).unwrap().copy("csv/a.csv", &mut io::sink())
    };
    assert!(is_damaged(build_as(Method::Deflated, 1 << 30, crc32, &deflated)), "no deflate is that dense");
    assert!(is_damaged(build_as(Method::Stored, 100_000, crc32, &deflated)), "stored in another size");
    assert_eq!(build(100_000, crc32, &deflated).unwrap(), 100_000);
    assert!(is_damaged(build(100, crc32, &deflated)), "longer than said");
    assert!(is_damaged(build(100_001, crc32, &deflated)), "shorter than said");
    assert!(is_damaged(build(100_000, crc32 ^ 1, &deflated)), "another CRC-32");
    assert!(is_damaged(build(100_000, crc32, &[&deflated[..], b"x"].concat())), "bytes behind the stream");
    assert!(is_damaged(build(100_000, crc32, &deflated[..deflated.len() - 1])), "cut off");
}

proptest! {
    /// A flip may hit bits that deflate leaves unused; then the contents are the same and the bundle is as good as before.
    #[test]
    fn no_flip_goes_through_with_other_contents(position in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (mut bytes, files) = bundle();
        let position = position.index(bytes.len());
        bytes[position] ^= flip;
        match verify(&bytes, &files) {
            Err(BundleError::Damaged(_)) => {}
            Err(other) => prop_assert!(false, "{}", other),
            Ok(()) => {
                let reader = open(&bytes).unwrap();
                let unused_bits = reader.entries().iter().any(|entry| {
                    let end = entry.offset + entry.local_length(false) + entry.compressed_size;
                    entry.method == Method::Deflated && end - 1 == position as u64
                });
                prop_assert!(unused_bits, "byte {}", position);
            }
        }
    }
}
