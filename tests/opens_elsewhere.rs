//! Programs that are not ours accept a bundle of the demo application: archivers, checksums, a spreadsheet, a schema validator.

#[path = "support/runs.rs"]
mod runs;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use paliad_backup::bundle::manifest::Manifest;
use runs::run;
use support::{Cluster, checked, python, repository, skip};

/// A bundle of the demo application.
struct Demo {
    zip: PathBuf,
    /// Where `unzip` has unpacked it.
    unpacked: PathBuf,
    manifest: Manifest,
}

fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let database = Cluster::shared().database();
        for script in ["tests/demo/load.sql", "tests/demo/register.sql"] {
            database.psql(&["-f", repository(script).to_str().unwrap()]);
        }
        let backup = run(&mut database.connect()).unwrap();
        // The database goes, and the bundle with it.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opens_elsewhere");
        let (zip, unpacked) = (folder.join("bundle.zip"), folder.join("unpacked"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(backup.path(), &zip).unwrap();
        checked(Command::new("unzip").arg("-q").arg(&zip).arg("-d").arg(&unpacked));
        Demo { zip, unpacked, manifest: backup.manifest() }
    })
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn unzip_accepts_the_bundle() {
    let output = checked(Command::new("unzip").arg("-t").arg(&demo().zip));
    assert!(text(&output).contains("No errors detected"), "{}", text(&output));
}

#[test]
fn seven_zip_accepts_the_bundle_and_the_workbook_in_it() {
    for archive in [demo().zip.clone(), demo().unpacked.join("paliad-backup.xlsx")] {
        let output = text(&checked(Command::new("7z").arg("t").arg(archive)));
        assert!(output.contains("Everything is Ok") && !output.contains("Warnings"), "{output}");
    }
}

#[test]
fn python_reads_every_entry() {
    let script = "import sys, zipfile
bundle = zipfile.ZipFile(sys.argv[1])
assert bundle.testzip() is None
assert zipfile.ZipFile(bundle.open('paliad-backup.xlsx')).testzip() is None
print(len(bundle.namelist()))";
    let output = checked(python().arg("-c").arg(script).arg(&demo().zip));
    // csv and json of each sheet, and README.txt, manifest.json, the workbook and SHA256SUMS.
    assert_eq!(text(&output).trim(), (2 * demo().manifest.sheets.len() + 4).to_string());
}

#[test]
fn the_checksums_pass_in_the_unpacked_folder() {
    let output =
        checked(Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&demo().unpacked));
    assert_eq!(
        text(&output).lines().filter(|line| line.ends_with(": OK")).count(),
        2 * demo().manifest.sheets.len() + 3
    );
}

/// X7: LibreOffice opens the workbook and finds each sheet's rows.
#[test]
fn x7_libreoffice_converts_every_sheet() {
    let place = tempfile::tempdir().unwrap();
    // Without a display, with a profile of its own; every sheet (-1) as csv: comma, quote, UTF-8, as shown.
    checked(
        Command::new("soffice")
            .arg(format!("-env:UserInstallation=file://{}", place.path().join("profile").display()))
            .args([
                "--headless",
                "--convert-to",
                "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1",
            ])
            .arg("--outdir")
            .arg(place.path())
            .arg(demo().unpacked.join("paliad-backup.xlsx"))
            .env("HOME", place.path()),
    );
    for sheet in &demo().manifest.sheets {
        let [name] = sheet.xlsx_sheets.as_slice() else { panic!("{} has several sheets", sheet.name) };
        let converted = std::fs::read(place.path().join(format!("paliad-backup-{name}.csv"))).expect(name);
        let (header, rows) = shape(&converted);
        let columns: Vec<String> = sheet.columns.iter().map(|column| field(&column.name)).collect();
        assert_eq!(header, columns.join(","), "{name}");
        assert_eq!(rows, sheet.row_count, "{name}");
    }
}

/// A csv field, quoted where it must be.
fn field(text: &str) -> String {
    let must = text.contains(['"', ',', '\n']);
    if must { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The first line of a csv file, and the number of rows after it: line feeds outside quotes.
fn shape(csv: &[u8]) -> (String, u64) {
    let mut quoted = false;
    let ends = csv.iter().filter(|byte| {
        quoted ^= **byte == b'"';
        **byte == b'\n' && !quoted
    });
    let rows = ends.count() as u64 - 1;
    (String::from_utf8_lossy(csv).lines().next().unwrap_or_default().to_owned(), rows)
}

/// docs/manifest.schema.json.
#[test]
fn the_manifest_is_valid_by_its_json_schema() {
    let candidates = [python(), Command::new("python3"), Command::new("/usr/bin/python3")];
    let has_validator = |python: &mut Command| {
        python.args(["-c", "import jsonschema"]).output().is_ok_and(|done| done.status.success())
    };
    let Some(found) = candidates
        .into_iter()
        .find_map(|mut python| has_validator(&mut python).then(|| python.get_program().to_owned()))
    else {
        return skip("the_manifest_is_valid_by_its_json_schema", "Python's jsonschema is not installed");
    };
    let script = "import json, sys, jsonschema
schema, manifest = (json.load(open(path, encoding='utf-8')) for path in sys.argv[1:])
validator = jsonschema.Draft202012Validator
validator.check_schema(schema)
validator(schema, format_checker=validator.FORMAT_CHECKER).validate(manifest)
del manifest['sheets'][0]['row_count']
assert not validator(schema).is_valid(manifest)";
    let schema = repository("docs/manifest.schema.json");
    let manifest: &Path = &demo().unpacked.join("manifest.json");
    checked(Command::new(found).args(["-c", script]).args([&schema, manifest]));
}
