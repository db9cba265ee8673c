//! The rows of check_health().

use postgres::Client;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub check: String,
    pub level: String,
    pub object: Option<String>,
    pub message: String,
    pub next: Option<String>,
}

/// All rows of a call with these arguments.
pub fn check(client: &mut Client, arguments: &str) -> Vec<Row> {
    let sql =
        format!("SELECT check_name, level, object, message, next_command FROM paliad_backup.check_health({arguments})");
    let rows = client.query(&sql, &[]).unwrap_or_else(|error| panic!("{error:?}"));
    let row = |row: &postgres::Row| Row {
        check: row.get(0),
        level: row.get(1),
        object: row.get(2),
        message: row.get(3),
        next: row.get(4),
    };
    rows.iter().map(row).collect()
}

/// The rows of one check.
pub fn of(client: &mut Client, name: &str, arguments: &str) -> Vec<Row> {
    let rows: Vec<Row> = check(client, arguments).into_iter().filter(|row| row.check == name).collect();
    assert!(!rows.is_empty(), "check {name} has a row");
    rows
}

/// The one row of a check, of this level, whose message has this text.
pub fn one(client: &mut Client, name: &str, level: &str, text: &str) -> Row {
    let mut rows = of(client, name, "");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].level == level && rows[0].message.contains(text), "not {level}, {text}: {rows:?}");
    rows.remove(0)
}

/// The command that a row names, typed as it stands.
pub fn type_next(client: &mut Client, row: &Row) {
    let command = row.next.as_ref().unwrap_or_else(|| panic!("no command: {row:?}"));
    client.batch_execute(command).unwrap_or_else(|error| panic!("{command}: {error:?}"));
}
