//! Files to import, good and forged ones. Included beside `support` by the tests of importing.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use paliad_backup::bundle::archive::container::{Entry, Method, directory};
use paliad_backup::bundle::archive::{BundleWriter, described, sha256sums};
use paliad_backup::bundle::encoder::Abort;
use paliad_backup::bundle::names::{CHECKSUMS, MANIFEST, SCHEMA};
use paliad_backup::bundle::reader::BundleReader;
use postgres::Client;
use sha2::{Digest, Sha256};

/// The folder of files to import, as the server names it; it makes it first.
pub fn import_folder(client: &mut Client) -> PathBuf {
    let error = client.batch_execute("SELECT paliad_backup.import_bundle('none.zip')").expect_err("no such file");
    let hint = error.as_db_error().expect("the server's error").hint().expect("a hint");
    let path = hint.strip_prefix("Put it into \"").and_then(|rest| rest.strip_suffix("\" on the server."));
    path.expect("the hint names the folder").into()
}

/// Puts a file into the folder, as its owner.
pub fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("the file can be written");
    let owner = fs::metadata(folder).expect("the folder is there");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("the file can be given away");
}

/// A bundle like `bundle` in everything that checksums can tell, with `change` applied to its manifest's text.
pub fn forged(bundle: &BundleReader, change: impl FnOnce(String) -> String) -> Vec<u8> {
    forged_with(bundle, change, |_| None)
}

/// The same with another schema.sql, as another backup.
pub fn forged_script(bundle: &BundleReader, script: &str) -> Vec<u8> {
    let change = |manifest: String| {
        let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
        let scripts = manifest["scripts"].as_array_mut().expect("scripts are listed");
        let file = scripts.iter_mut().find(|file| file["path"] == SCHEMA).expect("schema.sql is listed");
        let hash: String = Sha256::digest(script).iter().map(|byte| format!("{byte:02x}")).collect();
        (file["size"], file["sha256"]) = (script.len().into(), hash.into());
        manifest["run"]["id"] = uuid::Uuid::new_v4().to_string().into();
        manifest.to_string()
    };
    forged_with(bundle, change, |path| (path == SCHEMA).then(|| script.as_bytes().to_vec()))
}

/// The bundle with other rows in a sheet, as its manifest says then.
pub fn forged_rows(bundle: &BundleReader, sheet: &str, csv: &str) -> Vec<u8> {
    let path = format!("csv/{sheet}.csv");
    let change = |manifest: String| {
        let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest");
        let sheets = manifest["sheets"].as_array_mut().expect("sheets");
        let file = sheets.iter_mut().map(|sheet| &mut sheet["files"]["csv"]).find(|file| file["path"] == path.as_str());
        let file = file.expect("the sheet has csv");
        let info = described(&path, csv.as_bytes());
        (file["size"], file["sha256"]) = (info.size.into(), info.sha256.into());
        manifest.to_string()
    };
    forged_with(bundle, change, |found| (found == path).then(|| csv.as_bytes().to_vec()))
}

fn forged_with(
    bundle: &BundleReader,
    change: impl FnOnce(String) -> String,
    replaced: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let manifest = String::from_utf8(bundle.manifest_bytes().expect("there is a manifest")).expect("UTF-8");
    let manifest = change(manifest);
    let mut writer = BundleWriter::new(tempfile::tempfile().expect("a file"), Abort::default());
    let mut files = Vec::new();
    for entry in bundle.entries() {
        let mut bytes = Vec::new();
        bundle.copy(&entry.path, &mut bytes).expect("the bundle is whole");
        match entry.path.as_str() {
            CHECKSUMS => bytes = sha256sums(&files).into_bytes(),
            MANIFEST => bytes = manifest.clone().into_bytes(),
            path => bytes = replaced(path).unwrap_or(bytes),
        }
        if entry.path.ends_with(".xlsx") {
            let mut workbook = tempfile::tempfile().expect("a file");
            workbook.write_all(&bytes).expect("the file can be written");
            let info = described(&entry.path, &bytes);
            writer.add_stored(&info, entry.crc32, &mut workbook).expect("a bundle's file");
            files.push(info);
        } else {
            files.push(writer.add_bytes(&entry.path, &bytes).expect("a bundle's file"));
        }
    }
    let finished = writer.finish().expect("a bundle");
    content(finished.file)
}

/// All bytes of a file.
pub fn content(file: File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().expect("a file").len() as usize];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).expect("the file can be read");
    bytes
}

/// Path and unpacked bytes of each file of a bundle.
pub fn unpacked(bundle: &BundleReader) -> Vec<(String, Vec<u8>)> {
    let content = |path: &str| {
        let mut bytes = Vec::new();
        bundle.copy(path, &mut bytes).expect("the bundle is whole");
        (path.to_owned(), bytes)
    };
    bundle.entries().iter().map(|entry| content(&entry.path)).collect()
}

/// Deflates `bytes` as densely as can be.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflater.write_all(bytes).expect("memory takes all");
    deflater.finish().expect("memory takes all")
}

/// A zip in the form of a bundle, of entries and their packed bytes; `change` forges the directory, which nothing else agrees with.
pub fn zipped(entries: Vec<(Entry, Vec<u8>)>, change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut listed = Vec::new();
    for (mut entry, packed) in entries {
        entry.offset = bytes.len() as u64;
        entry.compressed_size = packed.len() as u64;
        bytes.extend(entry.local_header(entry.is_large()));
        bytes.extend(packed);
        listed.push(entry);
    }
    change(&mut listed);
    bytes.extend(directory(&listed, bytes.len() as u64).expect("a directory"));
    bytes
}

/// An entry as it should be.
pub fn entry(path: &str, bytes: &[u8]) -> (Entry, Vec<u8>) {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let size = bytes.len() as u64;
    let entry = Entry {
        path: path.to_owned(),
        method: Method::Deflated,
        crc32: crc.sum(),
        size,
        compressed_size: 0,
        offset: 0,
    };
    (entry, deflated(bytes))
}
