//! More rows than an Excel sheet holds.

use std::process::Command;

use crate::memory::run_measured;
use crate::runs::run;
use crate::spreadsheet::{convert, worksheet};
use crate::support::{Cluster, checked};
use crate::{check_in_python, long, unzips};

const ROWS: usize = 1_050_000;
/// What is left of them when an Excel sheet of 1,048,576 rows is full, its header included.
const CONTINUED: usize = ROWS - 1_048_575;

/// Each reader finds the header and the right row in each place; csv and json have every row in order.
const EVERY_ROW: &str = "
import io, json, sys, zipfile
import openpyxl
from workbook import Workbook

rows = int(sys.argv[2])
split = 1_048_575
bundle = zipfile.ZipFile(sys.argv[1])
book = bundle.read('paliad-backup.xlsx')
parts = {'rows': range(1, split + 1), 'rows (2)': range(split + 1, rows + 1)}

other = openpyxl.load_workbook(io.BytesIO(book), read_only=True)
assert other.sheetnames[1:] == list(parts), other.sheetnames
ours = Workbook(book)
for name, numbers in parts.items():
    layout = {}
    cells = ((cells[1].value,) for _, cells in ours.rows(name, layout))
    values = other[name].iter_rows(values_only=True)
    for reader in cells, values:
        assert next(reader) == ('n',), name
        for number in numbers:
            found = next(reader)
            assert found == (number,), (name, number, found)
        assert next(reader, None) is None, name
    assert layout['frozen'] == 'A2' and layout['autofilter'] == f'A1:A{len(numbers) + 1}', layout

expected = ''.join(f'{n}\\n' for n in range(1, rows + 1))
assert bundle.read('csv/rows.csv').decode() == 'n\\n' + expected
objects = json.loads(bundle.read('json/rows.json'))
assert len(objects) == rows and all(o == {'n': n} for n, o in enumerate(objects, 1))
";

/// X1.
#[test]
fn x1_rows_beyond_an_excel_sheet_continue_on_the_next() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    run(&mut client).expect("the first run loads the library and fills the caches");
    let table = format!(
        "CREATE TABLE rows (n int PRIMARY KEY);
         INSERT INTO rows SELECT generate_series(1, {ROWS})"
    );
    client.batch_execute(&table).unwrap();
    let (backup, peak) = run_measured(&mut client);
    unzips(&backup);
    let manifest = backup.manifest();
    assert_eq!(manifest.sheets[0].row_count, ROWS as u64);
    assert_eq!(manifest.sheets[0].xlsx_sheets, ["rows", "rows (2)"]);
    let warning = &backup.warnings[0];
    assert_eq!((&warning["code"], &warning["count"]), (&"xlsx_sheet_continued".into(), &CONTINUED.into()));
    check_in_python(&backup, EVERY_ROW, &[&ROWS.to_string()]);
    println!("{peak} KiB");
    // The workbook's XML has more than 40 MB.
    assert!(peak < 40 << 10, "the peak is {peak} KiB");

    if long() {
        let place = tempfile::tempdir().unwrap();
        let workbook = place.path().join("paliad-backup.xlsx");
        checked(
            Command::new("unzip").arg("-q").arg(backup.path()).arg("paliad-backup.xlsx").arg("-d").arg(place.path()),
        );
        convert(&[&workbook], place.path());
        for (name, rows, last) in [("rows", 1_048_575, 1_048_575), ("rows (2)", CONTINUED, ROWS)] {
            let text = worksheet(place.path(), &workbook, name);
            assert_eq!(text.lines().count(), rows + 1, "{name}");
            assert_eq!(text.lines().next_back(), Some(last.to_string().as_str()), "{name}");
        }
    }
}
