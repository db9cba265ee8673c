//! As many columns as the server lets a table or a query have.

use crate::compare::compare;
use crate::runs::{run, run_with};
use crate::support::{Cluster, Database, sqlstate};
use crate::unzips;

/// Of a table; a query may have 64 more, of which one orders the rows.
const COLUMNS: usize = 1600;

/// A table `name` of [`COLUMNS`] columns of one type, with a row for each part of them that a page of the table can hold.
fn create_wide(database: &Database<'_>, name: &str, type_name: &str, value: impl Fn(usize) -> String) {
    let columns: Vec<String> = (1..=COLUMNS).map(|n| format!("c{n} {type_name}")).collect();
    let mut sql = format!("CREATE TABLE {name} ({});", columns.join(", "));
    for part in (1..=COLUMNS).collect::<Vec<_>>().chunks(COLUMNS / 4) {
        let names: Vec<String> = part.iter().map(|n| format!("c{n}")).collect();
        let values: Vec<String> = part.iter().map(|n| value(*n)).collect();
        sql += &format!("INSERT INTO {name} ({}) VALUES ({});", names.join(", "), values.join(", "));
    }
    database.connect().batch_execute(&sql).unwrap();
}

/// S15: each format and both readers of the workbook have every cell as the server has it; with two values in a row for each column
/// where json or the workbook need one of their own, and ordered by the text of a row of all columns.
#[test]
fn s15_tables_of_1600_columns_are_exported() {
    let database = Cluster::shared().database();
    create_wide(&database, "numbers", "int", |n| n.to_string());
    create_wide(&database, "arrays", "text[]", |n| format!("ARRAY['{n}', NULL, 'a\"b']"));
    create_wide(&database, "moments", "timestamptz", |n| {
        format!("'2026-07-01 12:00+00'::timestamptz + interval '{n} h'")
    });
    database.psql(&["-c", "UPDATE paliad_backup.settings SET xlsx_time_zone = 'Europe/Berlin'"]);
    let backup = run(&mut database.connect()).unwrap();
    unzips(&backup);
    for sheet in backup.manifest().sheets {
        assert_eq!((sheet.columns.len(), sheet.row_count), (COLUMNS, 4), "{}", sheet.name);
        assert_eq!(sheet.order_by, ["ROW(t.*)::pg_catalog.text COLLATE pg_catalog.\"C\""]);
    }
    let compared = compare(&database, &backup, &["--time-zone", "Europe/Berlin"]);
    assert_eq!(compared, "compare: 3 sheets, 0 differences");
}

/// X2: the 16,385 columns that Excel cannot hold do not exist. A target list has at most 1664 entries, and one is the row's text that
/// orders the rows.
#[test]
fn x2_a_query_has_at_most_1663_columns() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let register = "INSERT INTO paliad_backup.sheets (sheet_name, query, run_as) VALUES ('wide', $1, 'postgres')";
    let query = |columns: usize| {
        let values: Vec<String> = (1..=columns).map(|n| format!("{n} AS c{n}")).collect();
        format!("SELECT {}", values.join(", "))
    };
    client.execute(register, &[&query(1663)]).unwrap();
    let backup = run(&mut client).unwrap();
    unzips(&backup);
    assert_eq!(backup.csv("wide")[0].split(',').next_back(), Some("1663"));
    assert_eq!(backup.manifest().sheets[0].xlsx_sheets, ["wide"]);
    assert_eq!(backup.warnings, serde_json::json!([]));

    client.execute("UPDATE paliad_backup.sheets SET query = $1", &[&query(1664)]).unwrap();
    let Err(error) = run_with(&mut client, "formats => '{csv}'") else { panic!("a column too many") };
    assert_eq!(sqlstate(&error), "54011");
}
