//! restore.sql: the script that brings definitions and rows into an empty database, with psql alone.
//!
//! Rows are loaded by `\copy`, but for two kinds of files. psql 15 takes a line that is only `\.` for the end of the data, also inside a
//! quoted value, and `\copy` is one line, which a name may not be. Such a file goes to the server as a large object, by psql's
//! `\lo_import`, and is taken apart there: a record of csv is a row's text but for backslashes and parentheses.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::manifest::{Manifest, SheetEntry};
use super::names::SCHEMA;
use super::psql::{column_list, columns, copy_command, is_table, printable, quote_literal, setval, table};
use super::sheet::Relation;

/// What schema.sql defines, and what restore.sql adds to it.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// The text of schema.sql.
    pub schema: String,
    /// The tables in it.
    pub tables: BTreeSet<Relation>,
    /// The sequences in it, identity columns' included.
    pub sequences: BTreeSet<Relation>,
    /// Statements that wait for the rows: foreign keys, constraints that are NOT VALID, their comments.
    pub behind_rows: Vec<String>,
}

const HEAD: &str = r"-- Brings the tables of schema.sql and their rows into an empty database. In the unpacked folder:
--
--     psql -X -d DATABASE -v ON_ERROR_STOP=1 -f restore.sql
--
-- It is one transaction: after an error, nothing has changed. The head of schema.sql lists what is not brought back.

\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set QUIET on
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET search_path = pg_catalog;
SET standard_conforming_strings = on;
-- Values mean what they meant when they were written.
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = postgres;
SET TimeZone = 'UTC';
SET lc_monetary = 'C';
SET xmloption = content;
SET array_nulls = on;

BEGIN;
";

/// Reads the lines of a large object, in pieces of a megabyte or a line.
const LINES: &str = r"
-- \copy cannot read the files of some tables: a value has a line that psql takes for the end, or a name has a line break.
CREATE FUNCTION pg_temp.lines(file oid) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    piece CONSTANT integer := 1048576;
    begins bigint := 0;
    ends bigint;
    more bytea;
BEGIN
    LOOP
        -- A piece ends with a line feed; so does the file.
        ends := begins + piece;
        LOOP
            more := lo_get(file, ends, piece);
            EXIT WHEN more = '' OR position('\x0a'::bytea IN more) > 0;
            ends := ends + piece;
        END LOOP;
        ends := ends + position('\x0a'::bytea IN more);
        more := lo_get(file, begins, (ends - begins)::integer);
        EXIT WHEN more = '';
        RETURN QUERY SELECT * FROM string_to_table(left(convert_from(more, 'UTF8'), -1), E'\n');
        begins := ends;
    END LOOP;
END
$$;
";

/// The text of restore.sql; `end_marks` are the csv files with a line that is only `\.`.
pub fn restore_script(manifest: &Manifest, definitions: &Definitions, end_marks: &[String]) -> String {
    let mut script = format!("{HEAD}\\ir {SCHEMA}\n\n-- Rows.\n");
    let sheets = || manifest.sheets.iter().filter(|sheet| is_table(sheet));
    let defined = |sheet: &&SheetEntry| sheet.relation.as_ref().is_some_and(|of| definitions.tables.contains(of));
    for sheet in sheets().filter(|sheet| !defined(sheet)) {
        let _ = writeln!(script, "-- Not loaded: {}, which schema.sql does not have.", printable(&sheet.name));
    }
    let mut apart = String::new();
    for sheet in sheets().filter(defined) {
        let Some(file) = &sheet.files.csv else { continue };
        match copy_command(sheet).filter(|_| !end_marks.contains(&file.path)) {
            Some(command) => script += &(command + "\n"),
            None => load_apart(&mut apart, sheet, &file.path),
        }
    }
    if !apart.is_empty() {
        script += LINES;
        script += &apart;
        script += "DROP FUNCTION pg_temp.lines(oid);\n";
    }
    if !definitions.behind_rows.is_empty() {
        script += "\n-- Foreign keys, and constraints that rows may violate because they are NOT VALID.\n";
        script += "SET CONSTRAINTS ALL IMMEDIATE;\n";
        definitions.behind_rows.iter().for_each(|statement| script += &format!("{statement}\n"));
    }
    script += "\n-- Positions of the sequences.\n";
    for sequence in &manifest.sequences {
        let name = Relation { schema: sequence.schema.clone(), table: sequence.name.clone() };
        if definitions.sequences.contains(&name) {
            // \gset keeps psql from printing it.
            let _ = writeln!(script, "SELECT {} AS position \\gset", setval(sequence));
        }
    }
    script += "\nCOMMIT;\n";
    script
}

/// Loads one file by way of a large object. Records end where the quotes so far are even in number.
fn load_apart(script: &mut String, sheet: &SheetEntry, path: &str) {
    let table = table(sheet).unwrap_or_default();
    let _ = write!(
        script,
        r#"
\lo_import {path}
\set file :LASTOID
CREATE TABLE pg_temp.record AS SELECT {columns} FROM {table} LIMIT 0;
INSERT INTO {table}{list} OVERRIDING SYSTEM VALUE
SELECT (loaded.record).*
FROM (
    SELECT ('(' || replace(replace(replace(string_agg(line, E'\n' ORDER BY place),
               '\', '\\'), '(', '\('), ')', '\)') || ')')::pg_temp.record AS record
    FROM (
        SELECT line, place, count(*) FILTER (WHERE begins) OVER (ORDER BY place) AS number
        FROM (
            SELECT line, place, (sum(quotes) OVER (ORDER BY place) - quotes) % 2 = 0 AS begins
            FROM (
                SELECT line, place, octet_length(line) - octet_length(replace(line, '"', '')) AS quotes
                FROM pg_temp.lines(:file) WITH ORDINALITY AS read (line, place)
            ) AS counted
        ) AS marked
    ) AS numbered
    WHERE number > 1 -- not the header
    GROUP BY number
    ORDER BY number
    OFFSET 0
) AS loaded;
DROP TABLE pg_temp.record;
SELECT lo_unlink(:file) AS unlinked \gset
"#,
        path = quote_literal(path),
        columns = columns(sheet),
        list = column_list(sheet),
    );
}

#[cfg(test)]
mod tests;
