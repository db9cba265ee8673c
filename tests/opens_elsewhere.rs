//! Programs that are not ours accept bundles: archivers, checksums, a spreadsheet, a schema validator.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::runs::run;
use crate::spreadsheet::{Record, convert, records, worksheet};
use crate::support::{Cluster, Database, checked, python, repository, skip};
use paliad_backup::bundle::manifest::{Manifest, SheetEntry};

/// A bundle that outlives its database.
struct Bundle {
    zip: PathBuf,
    /// Where `unzip` has unpacked it.
    unpacked: PathBuf,
    manifest: Manifest,
    /// Oids of the types whose values are no text in the workbook, domains over them included.
    typed: HashSet<u32>,
}

impl Bundle {
    /// Of everything in `database`.
    fn of(database: &Database<'_>, name: &str) -> Bundle {
        let mut client = database.connect();
        let backup = run(&mut client).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opens_elsewhere").join(name);
        let (zip, unpacked) = (folder.join("bundle.zip"), folder.join("unpacked"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(backup.path(), &zip).unwrap();
        checked(Command::new("unzip").arg("-q").arg(&zip).arg("-d").arg(&unpacked));
        let typed = "WITH RECURSIVE base (type, oid, next) AS (
                SELECT oid, oid, typbasetype FROM pg_type
                UNION ALL SELECT b.type, t.oid, t.typbasetype FROM base AS b JOIN pg_type AS t ON t.oid = b.next)
            SELECT type FROM base WHERE oid = ANY ('{bool,int2,int4,int8,numeric,float4,float8,date,time,timestamp,timestamptz}'
                                                   ::regtype[])";
        let typed = client.query(typed, &[]).unwrap().iter().map(|row| row.get(0)).collect();
        Bundle { zip, unpacked, manifest: backup.manifest(), typed }
    }
}

/// A bundle of the demo application.
fn demo() -> &'static Bundle {
    static DEMO: OnceLock<Bundle> = OnceLock::new();
    DEMO.get_or_init(|| {
        let database = Cluster::shared().database();
        for script in ["tests/demo/load.sql", "tests/demo/register.sql"] {
            database.psql(&["-f", repository(script).to_str().unwrap()]);
        }
        Bundle::of(&database, "demo")
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
    // csv and json of each sheet, and README.txt, manifest.json, the workbook, two scripts and SHA256SUMS.
    assert_eq!(text(&output).trim(), (2 * demo().manifest.sheets.len() + 6).to_string());
}

#[test]
fn the_checksums_pass_in_the_unpacked_folder() {
    let output =
        checked(Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&demo().unpacked));
    assert_eq!(
        text(&output).lines().filter(|line| line.ends_with(": OK")).count(),
        2 * demo().manifest.sheets.len() + 5
    );
}

/// Texts that a spreadsheet may take for something else, or lose a part of.
fn hostile_texts() -> Vec<String> {
    let formulas = [
        "=1+1",
        "=SUM(A1:A9)",
        "=cmd|'/c calc'!A1",
        "=HYPERLINK(\"https://example.org\";\"x\")",
        "+49 30 1234",
        "-1+1",
        "@x",
        "{=1}",
    ];
    let values = [
        "00123",
        "1e5",
        "TRUE",
        "2024-02-29",
        "1/2",
        "12:30",
        "5,00 €",
        "50%",
        "#REF!",
        "'quoted",
        "https://example.org",
        "a@example.org",
    ];
    let escapes = [
        "_x0041_",
        "_x005F_x0041_",
        "_x0041",
        "_X0041_",
        "_x000D_",
        "__x0041__",
        "_x00e4_x0041_",
        "_x0041\u{1}",
        "<b>&amp;\"]]></b>",
        "&#65;",
    ];
    let blanks =
        [" lead", "trail ", "  ", "\ttab\t", "\u{a0}nbsp\u{a0}", "\u{3000}wide\u{3000}", "two  in  the middle"];
    let breaks = [
        "\n",
        "\r",
        "\r\n",
        "\na\n",
        "a\n\nb",
        "a\r\n\r\nb",
        "a\rb",
        "a\n\rb",
        "a\r\r\nb",
        "\u{2028}\u{2029}\u{85}\u{b}\u{c}",
    ];
    let scripts = [
        "👩‍👩‍👧‍👦 🇩🇪",
        "שלום عليكم",
        "a\u{202e}b\u{202c}c\u{200f}",
        "e\u{301}\u{fffd}\u{fffe}\u{ffff}\u{fdd0}\u{feff}",
        "東京\u{10ffff}",
    ];
    let separators = ["\"", "\"\"", ",", ";", "a\",\"b", "\\", "\\."];
    let long = [
        "x".repeat(32_767),
        "x".repeat(32_768),
        "😀".repeat(16_383) + "x",
        "😀".repeat(16_384),
        "x".to_owned() + &"😀".repeat(16_384),
        "=\n".repeat(20_000),
        "\u{1}_x0041_".repeat(5_000),
        "\n".to_owned() + &"x".repeat(32_766),
    ];
    let controls: String = ('\u{1}'..=' ').filter(|control| !"\r\n".contains(*control)).chain(['\u{7f}']).collect();
    let each = ('\u{1}'..' ').map(|control| format!("{control}a{control}b{control}"));
    let short = [&formulas[..], &values, &escapes, &blanks, &breaks, &scripts, &separators].concat();
    short.into_iter().map(str::to_owned).chain(long).chain([controls]).chain(each).collect()
}

/// As many whole characters as fit into so many UTF-16 units, and what is left.
fn split(text: &str, units: usize) -> (&str, &str) {
    let mut room = units;
    let mut fits = |character: char| room.checked_sub(character.len_utf16()).inspect(|rest| room = *rest).is_some();
    text.split_at(text.char_indices().find(|(_, character)| !fits(*character)).map_or(text.len(), |(at, _)| at))
}

/// What LibreOffice shows of a text: all of it, but for what does not fit into a cell (X3), and that in texts which have a line feed
/// it takes both ways of writing a line break with a carriage return for one. Control characters, which XML cannot hold, are escaped
/// in the workbook and come back.
fn shown(text: &str) -> String {
    const CELL: usize = 32_767;
    let cut = match split(text, CELL) {
        (whole, "") => whole.to_owned(),
        _ => split(text, CELL - 4).0.to_owned() + " […]",
    };
    if !cut.contains('\n') {
        return cut;
    }
    let mut lines = String::new();
    let mut characters = cut.chars().peekable();
    while let Some(character) = characters.next() {
        if "\r\n".contains(character) {
            characters.next_if(|next| "\r\n".contains(*next) && *next != character);
            lines.push('\n');
        } else {
            lines.push(character);
        }
    }
    lines
}

/// Whether LibreOffice adds breaks where it likes: a paragraph of its cells has at most some 16,360 UTF-16 units.
fn is_broken(text: &str) -> bool {
    text.contains('\n') && text.split('\n').any(|line| !split(line, 16_350).1.is_empty())
}

/// X7, V8, X3, X5: LibreOffice opens each workbook as it is, finds all columns and rows, and in text columns what csv has.
#[test]
fn x7_libreoffice_shows_the_text_of_csv() {
    let database = Cluster::shared().database();
    database.load("tests/exact/zoo");
    let zoo = Bundle::of(&database, "zoo");
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let table = "CREATE TABLE hostile (id int PRIMARY KEY, \"=1+1\" text, \"_x0041_ \" text[], \"a,\"\"b\" varchar NOT NULL DEFAULT '')";
    client.batch_execute(table).unwrap();
    for (text, id) in hostile_texts().iter().zip(1..) {
        client.execute("INSERT INTO hostile VALUES ($1, $2, ARRAY[$2], left($2, 9))", &[&id, text]).unwrap();
    }
    let hostile = Bundle::of(&database, "hostile");

    let place = tempfile::tempdir().unwrap();
    let bundles = [("demo", demo()), ("zoo", &zoo), ("hostile", &hostile)].map(|(name, bundle)| {
        let workbook = place.path().join(format!("{name}.xlsx"));
        std::fs::copy(bundle.unpacked.join("paliad-backup.xlsx"), &workbook).unwrap();
        (bundle, workbook)
    });
    convert(&bundles.each_ref().map(|(_, workbook)| workbook.as_path()), place.path());
    let compared = bundles.map(|(bundle, workbook)| compare_texts(bundle, &workbook, place.path()));
    println!("{compared:?} texts");
    assert!(compared.iter().all(|texts| *texts > 100), "{compared:?} texts were compared");
}

/// A column's name, and those of the columns that label it.
fn shown_columns<'a>(sheet: &'a SheetEntry, column: &'a str) -> Vec<&'a str> {
    let labels = sheet.xlsx_labels.iter().filter(|label| label.column == column).map(|label| label.name.as_str());
    std::iter::once(column).chain(labels).collect()
}

/// Compares LibreOffice's csv of a workbook in `folder` with ours; returns the number of texts compared that are not empty.
fn compare_texts(bundle: &Bundle, workbook: &Path, folder: &Path) -> usize {
    let mut compared = 0;
    for sheet in &bundle.manifest.sheets {
        let [name] = sheet.xlsx_sheets.as_slice() else { panic!("{} is on several worksheets", sheet.name) };
        let mut theirs = records(&worksheet(folder, workbook, name));
        let csv = bundle.unpacked.join(&sheet.files.csv.as_ref().unwrap().path);
        let ours = records(&std::fs::read_to_string(csv).unwrap());
        // Columns that the workbook alone has stand behind the one that they label, as does a row of labels behind the header.
        let columns: Vec<&str> = sheet.columns.iter().flat_map(|column| shown_columns(sheet, &column.name)).collect();
        assert_eq!(theirs[0], columns, "{name}");
        theirs.drain(1..usize::try_from(sheet.xlsx_header_rows).unwrap().max(1));
        // What LibreOffice sees of a sheet ends with the last row that is not empty; NULL and '' are.
        let ends_empty = |rows: &[Record]| rows.iter().flatten().all(String::is_empty);
        if ours.get(theirs.len()..).is_some_and(ends_empty) {
            theirs.resize(ours.len(), vec![String::new(); columns.len()]);
        }
        assert_eq!((theirs.len(), ours.len() as u64), (ours.len(), sheet.row_count + 1), "rows of {name}");
        let in_csv = sheet.columns.iter().filter(|column| !column.generated);
        for (ours_at, column) in in_csv.enumerate() {
            let theirs_at = columns.iter().position(|name| *name == column.name).unwrap();
            if bundle.typed.contains(&column.type_oid) {
                continue;
            }
            for (row, (ours, theirs)) in ours.iter().zip(&theirs).enumerate().skip(1) {
                let (expected, mut found) = (shown(&ours[ours_at]), theirs[theirs_at].clone());
                if is_broken(&expected) {
                    found.retain(|character| character != '\n');
                    assert_eq!(found, expected.replace('\n', ""), "{name}, {}, row {row}", column.name);
                } else {
                    assert_eq!(found, expected, "{name}, {}, row {row}", column.name);
                }
                compared += usize::from(!ours[ours_at].is_empty());
            }
        }
    }
    compared
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
