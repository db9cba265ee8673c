//! The statements that make one table with its columns.

use std::collections::BTreeMap;

use super::columns::{Columns, Settled};
use super::inheritance::{Link, inherited};
use super::tables::{Column, Table};

/// What a table's statement has beside its columns.
pub struct Parts<'a> {
    pub link: &'a Link,
    /// `CONSTRAINT … CHECK …`
    pub checks: Vec<String>,
    pub partition_key: Option<&'a str>,
    pub access_method: Option<&'a str>,
    pub of_type: Option<&'a str>,
}

/// CREATE TABLE, and the ALTER TABLEs for what it cannot say.
pub fn statements(table: &Table, parts: &Parts<'_>, tables: &BTreeMap<u32, Table>, columns: &Columns) -> Vec<String> {
    let settled = |column: &Column| columns.get(&(table.oid, column.number)).cloned().unwrap_or_default();
    let above = |column: &Column| inherited(&column.name, parts.link.parents(), tables, columns);
    let in_place = matches!(parts.link, Link::Inherits(_));
    let names = |oids: &[u32]| -> Vec<&str> {
        oids.iter().filter_map(|oid| tables.get(oid)).map(|table| table.name.as_str()).collect()
    };

    let mut lines: Vec<String> = Vec::new();
    for column in table.columns.iter().filter(|column| column.local || !in_place) {
        let mut shape = settled(column);
        // Who inherits later must have what the parents have.
        shape.not_null |= !in_place && above(column).is_some_and(|above| above.not_null);
        lines.push(definition(column, &shape));
    }
    lines.extend(parts.checks.iter().cloned());
    let unlogged = if table.unlogged { "UNLOGGED " } else { "" };
    let body = if lines.is_empty() { String::new() } else { format!("\n    {}\n", lines.join(",\n    ")) };
    let mut create = format!("CREATE {unlogged}TABLE {} ({body})", table.name);
    if let Link::Inherits(parents) = parts.link {
        create += &format!("\nINHERITS ({})", names(parents).join(", "));
    }
    create += &parts.partition_key.map(|key| format!("\nPARTITION BY {key}")).unwrap_or_default();
    create += &parts.access_method.map(|method| format!("\nUSING {method}")).unwrap_or_default();
    create += &table.options.as_ref().map(|options| format!("\nWITH ({options})")).unwrap_or_default();
    create.push(';');

    let mut statements = vec![create];
    let alter = format!("ALTER TABLE ONLY {}", table.name);
    statements.extend(parts.of_type.map(|of| format!("ALTER TABLE {} OF {of};", table.name)));
    if let Link::InheritsLater(parents) = parts.link {
        statements.extend(names(parents).into_iter().map(|parent| format!("{alter} INHERIT {parent};")));
    }
    for column in &table.columns {
        let alter = format!("{alter} ALTER COLUMN {}", column.name);
        let wanted = settled(column);
        if let Some(above) = above(column) {
            let made =
                if !in_place || column.local && wanted.default.is_some() { &wanted.default } else { &above.default };
            match &wanted.default {
                wanted if wanted == made => {}
                Some(default) => statements.push(format!("{alter} SET DEFAULT {default};")),
                None => statements.push(format!("{alter} DROP DEFAULT;")),
            }
            let has_not_null = above.not_null || wanted.not_null && (column.local || !in_place);
            match (wanted.not_null, has_not_null) {
                (true, false) => statements.push(format!("{alter} SET NOT NULL;")),
                (false, true) => statements.push(format!("{alter} DROP NOT NULL;")),
                _ => {}
            }
            if let Some(identity) = column.identity.as_ref().filter(|_| in_place && !column.local) {
                statements.push(format!("{alter} ADD {identity};"));
            }
        }
        statements.extend(column.storage.as_ref().map(|storage| format!("{alter} SET STORAGE {storage};")));
    }
    statements
}

fn definition(column: &Column, settled: &Settled) -> String {
    let mut text = format!("{} {}", column.name, column.type_name);
    text += &column.collation.as_ref().map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    text += &match (&settled.generated, &column.identity, &settled.default) {
        (Some(expression), ..) => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
        (None, Some(identity), _) => format!(" {identity}"),
        (None, None, Some(default)) => format!(" DEFAULT {default}"),
        (None, None, None) => String::new(),
    };
    text += if settled.not_null { " NOT NULL" } else { "" };
    text
}
