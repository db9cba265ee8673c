//! Commands of psql and names in them: what README.txt and restore.sql load rows and set sequences with.

use super::manifest::{Sequence, SheetEntry};
use super::sheet::RelationKind;

/// The options under which COPY reads a csv file of the bundle.
pub const COPY_OPTIONS: &str = "(FORMAT csv, HEADER, ENCODING 'UTF8')";

/// Whether the sheet holds rows that can be loaded into a table, and has them as csv.
pub fn is_table(sheet: &SheetEntry) -> bool {
    sheet.relation_kind == Some(RelationKind::Table) && sheet.files.csv.is_some()
}

/// The sheet's table, quoted.
pub fn table(sheet: &SheetEntry) -> Option<String> {
    sheet.relation.as_ref().map(|relation| qualified(&relation.schema, &relation.table))
}

/// The columns that are in csv, as SQL lists them.
pub fn columns(sheet: &SheetEntry) -> String {
    sheet.csv_columns().map(|column| quote_identifier(&column.name)).collect::<Vec<_>>().join(", ")
}

/// The same in parentheses behind a table's name; nothing where there are none, since SQL has no empty list.
pub fn column_list(sheet: &SheetEntry) -> String {
    let columns = columns(sheet);
    if columns.is_empty() { columns } else { format!(" ({columns})") }
}

/// `\copy … FROM …` for a table; none where psql could not take it as one line.
pub fn copy_command(sheet: &SheetEntry) -> Option<String> {
    let command = format!(
        "\\copy {}{} FROM {} WITH {COPY_OPTIONS}",
        table(sheet)?,
        column_list(sheet),
        quote_literal(&sheet.files.csv.as_ref()?.path),
    );
    is_printable(&command).then_some(command)
}

/// The expression that brings a sequence to the state it had.
pub fn setval(sequence: &Sequence) -> String {
    let name = quote_literal(&qualified(&sequence.schema, &sequence.name));
    format!("pg_catalog.setval({name}, {}, {})", sequence.last_value, sequence.is_called)
}

/// A relation's name with its schema, both quoted.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// A quoted identifier (PostgreSQL documentation, 4.1.1).
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string constant under standard_conforming_strings (PostgreSQL documentation, 4.1.2.1).
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// SQL in which psql finds no variable: it takes `:name` for one outside of quotes, also in the slice of an array, `a[1:name]`.
pub fn without_variables(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql.chars().peekable();
    let mut before = [' '; 2];
    while let Some(character) = rest.next() {
        text.push(character);
        match character {
            '\'' | '"' => {
                let escapes = character == '\'' && matches!(before[1], 'E' | 'e') && !is_of_name(before[0]);
                while let Some(quoted) = rest.next() {
                    text.push(quoted);
                    match quoted {
                        '\\' if escapes => text.extend(rest.next()),
                        // A doubled quote ends the text and begins it anew.
                        end if end == character => break,
                        _ => {}
                    }
                }
            }
            '-' if before[1] == '-' => text.extend(std::iter::from_fn(|| rest.next_if(|next| *next != '\n'))),
            ':' if before[1] != ':' && rest.peek().is_some_and(|next| !matches!(next, ':' | '=')) => text.push(' '),
            _ => {}
        }
        before = [before[1], character];
    }
    text
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || !character.is_ascii()
}

/// Whether a name reads on a page as it is: no line break or other control character, no character that reorders text
/// (Unicode Standard Annex 9, explicit directional formatting).
pub fn is_printable(name: &str) -> bool {
    !name.chars().any(disturbs)
}

/// A name or a remark with such characters written as escapes (`\n`, `\u{202e}`).
pub fn printable(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for character in name.chars() {
        if disturbs(character) { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    shown
}

fn disturbs(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psql_finds_no_variable_outside_of_quotes() {
        for (sql, expected) in [
            ("a[1:small]", "a[1: small]"),
            ("a[b:\"HOST\"]", "a[b: \"HOST\"]"),
            ("x::text, a[:n]", "x::text, a[: n]"),
            ("a[b::int:c::int]", "a[b::int: c::int]"),
            ("':x' \":x\" -- :x\n:x", "':x' \":x\" -- :x\n: x"),
            ("'it''s :x' :x", "'it''s :x' : x"),
            ("E'\\':x' :x", "E'\\':x' : x"),
            ("e'\\\\' :x", "e'\\\\' : x"),
            ("'\\' :x", "'\\' : x"),
            ("name'\\' :x", "name'\\' : x"),
            ("a := 1", "a := 1"),
        ] {
            assert_eq!(without_variables(sql), expected);
        }
    }
}
