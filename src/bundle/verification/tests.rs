use std::io::Write;
use std::os::unix::fs::FileExt;

use super::*;
use crate::bundle::archive::{BundleWriter, Spool, described, sha256sums};
use crate::bundle::encoder::FileInfo;
use crate::bundle::manifest::tests::sample;

/// A bundle of the sample manifest: two sheets of two rows. `change` may falsify what the manifest says.
fn bundle(change: impl Fn(&mut Manifest)) -> (Vec<u8>, Expected) {
    let mut manifest = sample();
    manifest.formats.remove(0);
    let mut spools = Vec::new();
    for (format, text) in [("csv", "id,\"Ti\"\"tle\"\n1,\"a\nb\"\n2,\n"), ("json", "[\n{\"id\":1},\n{\"id\":2}\n]\n")] {
        let mut spool = Spool::new(tempfile::tempfile().unwrap(), 1, Abort::default());
        for sheet in &manifest.sheets {
            spool.begin(format!("{format}/{}.{format}", sheet.name)).unwrap();
            spool.text().extend_from_slice(text.as_bytes());
            spool.end().unwrap();
        }
        spools.push(spool.finish().unwrap());
    }
    let [csv, json] = &spools[..] else { unreachable!() };
    for (index, sheet) in manifest.sheets.iter_mut().enumerate() {
        sheet.row_count = 2;
        (sheet.files.csv, sheet.files.json) = (Some(csv.files[index].clone()), Some(json.files[index].clone()));
    }
    let mut writer = BundleWriter::new(tempfile::tempfile().unwrap(), Abort::default());
    manifest.run.files = vec![writer.add_bytes("README.txt", b"read me").unwrap()];
    let scripts = [("schema.sql", "CREATE TABLE …;\n"), ("restore.sql", "BEGIN;\n")];
    manifest.scripts = scripts.iter().map(|(path, text)| described(path, text.as_bytes())).collect();
    change(&mut manifest);
    let own: FileInfo = writer.add_bytes("manifest.json", &manifest.to_bytes().unwrap()).unwrap();
    spools.iter_mut().for_each(|spool| writer.append_spool(&mut spool.spool).unwrap());
    scripts.iter().for_each(|(path, text)| drop(writer.add_bytes(path, text.as_bytes()).unwrap()));
    let summed: Vec<_> = manifest.files().into_iter().chain([own]).collect();
    writer.add_bytes("SHA256SUMS", sha256sums(&summed).as_bytes()).unwrap();
    let finished = writer.finish().unwrap();
    let mut bytes = vec![0; finished.size as usize];
    finished.file.read_exact_at(&mut bytes, 0).unwrap();
    let row_counts = sample().sheets.iter().map(|sheet| (sheet.name.clone(), 2)).collect();
    (bytes, Expected { id: sample().run.id, size: finished.size, sha256: finished.sha256, row_counts })
}

fn stored(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn judged(bytes: &[u8], expected: &Expected) -> Verdict {
    verify(stored(bytes), expected, &Abort::default()).unwrap()
}

/// The checks that failed, and the first detail.
fn faults(verdict: &Verdict) -> (Vec<&str>, String) {
    let failed = verdict.checks.iter().filter(|check| check.ok == Some(false));
    let detail = failed.clone().next().map(|check| check.detail.clone()).unwrap_or_default();
    (failed.map(|check| check.name).collect(), detail)
}

#[test]
fn a_good_bundle_passes_every_check() {
    let (bytes, expected) = bundle(|_| {});
    let verdict = judged(&bytes, &expected);
    assert!(verdict.is_good() && verdict.proves_itself(), "{verdict:?}");
    let names: Vec<_> = verdict.checks.iter().map(|check| check.name).collect();
    assert_eq!(names, [CHECKS.as_slice(), &[CATALOG]].concat());
    let rows = verdict.checks.iter().find(|check| check.name == "rows").unwrap();
    assert_eq!(rows.detail, "4 rows in 2 sheets");
}

#[test]
fn every_check_fails_by_itself() {
    let (bytes, good) = bundle(|_| {});
    let size = Expected { size: 1, ..good.clone() };
    assert_eq!(faults(&judged(&bytes, &size)).0, ["size"]);
    let sha256 = Expected { sha256: "0".repeat(64), ..good.clone() };
    assert_eq!(faults(&judged(&bytes, &sha256)).0, ["sha256"]);
    let id = Expected { id: "another".into(), ..good.clone() };
    assert_eq!(faults(&judged(&bytes, &id)).0, ["manifest"]);
    let mut counts = good.clone();
    counts.row_counts.insert("matters".into(), 3);
    assert_eq!(
        faults(&judged(&bytes, &counts)),
        (vec!["catalog"], "sheet matters has 2 rows, the catalog says 3".into())
    );
    counts = good.clone();
    counts.row_counts.insert("more".into(), 0);
    assert_eq!(faults(&judged(&bytes, &counts)).0, ["catalog"]);

    let (bytes, expected) = bundle(|manifest| manifest.sheets[0].row_count = 3);
    let verdict = judged(&bytes, &expected);
    let wrong = "csv/matters.csv has 2 rows, the manifest says 3".to_owned();
    assert_eq!(faults(&verdict), (vec!["rows", "catalog"], wrong));
    let (bytes, expected) = bundle(|manifest| manifest.sheets[1].files.json.as_mut().unwrap().sha256 = "0".repeat(64));
    assert_eq!(faults(&judged(&bytes, &expected)).0, ["contents", "checksums"]);
}

/// All entries of a bundle, unpacked.
fn unpacked(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let reader = BundleReader::open(stored(bytes))?;
    let content = |path: &str| {
        let mut text = Vec::new();
        reader.copy(path, &mut text)?;
        Ok((path.to_owned(), text))
    };
    reader.entries().iter().map(|entry| content(&entry.path)).collect()
}

/// A bundle that says of itself that it is whole is refused as damaged, or is the same in content (deflate leaves bits unused):
/// where no hash of the catalog helps, as for a file to import.
fn assert_refused_or_equal(damaged: &[u8], whole: &[u8], expected: &Expected, what: &str) {
    let proven = prove(stored(damaged), &Abort::default());
    match &proven {
        Err(BundleError::Damaged(_)) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(proven) => {
            assert_eq!(unpacked(damaged).unwrap(), unpacked(whole).unwrap(), "{what}");
            assert_eq!(proven.manifest.run.id, expected.id, "{what}");
        }
    }
    assert_eq!(judged(damaged, expected).proves_itself(), proven.is_ok(), "{what}");
}

#[test]
fn every_flipped_byte_is_found_without_the_catalog() {
    let (bytes, expected) = bundle(|_| {});
    assert_eq!(prove(stored(&bytes), &Abort::default()).unwrap().sha256, expected.sha256);
    for at in 0..bytes.len() {
        for flip in [1 << (at % 8), 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            assert_refused_or_equal(&damaged, &bytes, &expected, &format!("byte {at} ^ {flip:#x}"));
        }
    }
}

#[test]
fn a_byte_too_many_or_too_few_is_found_wherever_it_is() {
    let (bytes, _) = bundle(|_| {});
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        for damaged in [[before, b"\0", after].concat(), [before, after.get(1..).unwrap_or(b"\0")].concat()] {
            assert!(matches!(prove(stored(&damaged), &Abort::default()), Err(BundleError::Damaged(_))), "byte {at}");
        }
    }
}

#[test]
fn a_file_cut_at_any_length_is_found() {
    let (bytes, expected) = bundle(|_| {});
    for length in 0..bytes.len() {
        let verdict = judged(&bytes[..length], &expected);
        assert_eq!(faults(&verdict).0, ["size", "sha256", "zip"], "{length} bytes");
        assert_eq!(verdict.checks.iter().filter(|check| check.ok.is_none()).count(), 5);
        let proven = prove(stored(&bytes[..length]), &Abort::default());
        assert!(matches!(proven, Err(BundleError::Damaged(_))), "{length} bytes: {proven:?}");
    }
}

/// Wrong in what no zip and no checksum tells.
#[test]
fn what_the_manifest_says_is_compared_with_the_contents() {
    let refused = |change: fn(&mut Manifest)| match prove(stored(&bundle(change).0), &Abort::default()) {
        Err(BundleError::Damaged(fault)) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(|manifest| manifest.sheets[0].row_count = 3), "csv/matters.csv has 2 rows, the manifest says 3");
    let sha256 = |manifest: &mut Manifest| manifest.sheets[1].files.json.as_mut().unwrap().sha256 = "0".repeat(64);
    assert_eq!(refused(sha256), "json/deadlines.json is not what the manifest says");
    assert_eq!(refused(|manifest| drop(manifest.sheets.pop())), "the manifest does not list csv/deadlines.csv");
}
