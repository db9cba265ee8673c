//! Leaves out the rows whose primary key the table has.

use std::collections::HashSet;
use std::io::BufReader;

use super::load::Rows;
use super::targets::Target;
use crate::bundle::BundleError;
use crate::bundle::records::Records;
use crate::command::download::MAX_VALUE;
use crate::command::feed::Feed;
use crate::command::sheet_rows;
use crate::error::{Error, Result};
use crate::pg::name_guard::naming;
use crate::pg::query::{Row, Snapshot, select};

/// Records whose keys are looked up together, and their bytes.
const BATCH_ROWS: usize = 1000;
const BATCH_BYTES: usize = 4 << 20;

/// A file's records without those that are there.
pub struct Missing {
    records: Records<BufReader<Feed>>,
    /// Places of the key's columns in a record.
    key: Vec<usize>,
    table: u32,
    lookup: String,
    /// What is passed on next.
    ready: Vec<u8>,
    at: usize,
    skipped: u64,
}

impl Missing {
    /// Begins with the header, which COPY wants to see.
    ///
    /// # Errors
    /// Damage; [`Error::Internal`] for a table without a primary key.
    pub fn start(target: &Target, feed: Feed) -> Result<Missing> {
        let columns = key_columns(target)?;
        let key = columns
            .iter()
            .map(|column| target.columns.iter().position(|name| *name == column.name))
            .collect::<Option<Vec<usize>>>()
            .filter(|key| !key.is_empty())
            .ok_or_else(|| Error::WrongState {
                message: format!("the sheet has no values for the primary key of {}", target.qualified),
                hint: "Restore with overwrite => true.".into(),
            })?;
        let mut records = Records::new(BufReader::new(feed), target.columns.len(), MAX_VALUE as usize);
        let header = records.next_record().map_err(unreadable)?.map(|record| record.bytes().to_vec());
        Ok(Missing {
            key,
            table: target.oid.to_u32(),
            lookup: lookup(target, &columns),
            ready: header.unwrap_or_default(),
            at: 0,
            skipped: 0,
            records,
        })
    }

    /// Reads records until some are missing in the table, or none are left.
    fn refill(&mut self) -> Result<()> {
        (self.ready, self.at) = (Vec::new(), 0);
        while self.ready.is_empty() {
            let mut bytes: Vec<u8> = Vec::new();
            let mut ends: Vec<usize> = Vec::new();
            let mut keys: Vec<String> = vec!["{".to_owned(); self.key.len()];
            while ends.len() < BATCH_ROWS && bytes.len() < BATCH_BYTES {
                let Some(record) = self.records.next_record().map_err(unreadable)? else { break };
                bytes.extend_from_slice(record.bytes());
                ends.push(bytes.len());
                for (array, column) in keys.iter_mut().zip(&self.key) {
                    append(array, record.field(*column).as_deref())?;
                }
            }
            if ends.is_empty() {
                return Ok(());
            }
            keys.iter_mut().for_each(|array| array.push('}'));
            let there = self.there(&keys)?;
            let mut start = 0;
            for (index, end) in ends.into_iter().enumerate() {
                if there.contains(&index) {
                    self.skipped += 1;
                } else {
                    self.ready.extend_from_slice(&bytes[start..end]);
                }
                start = end;
            }
        }
        Ok(())
    }

    fn there(&self, keys: &[String]) -> Result<HashSet<usize>> {
        let parameters: Vec<Option<&str>> = keys.iter().map(|array| Some(array.as_str())).collect();
        let rows = naming(&[self.table], || select(Snapshot::Caller, &self.lookup, &parameters))?;
        let place = |row: Row| row.into_iter().next().flatten()?.parse::<usize>().ok()?.checked_sub(1);
        Ok(rows.into_iter().filter_map(place).collect())
    }
}

impl Rows for Missing {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.at == self.ready.len() {
            self.refill()?;
        }
        let length = buffer.len().min(self.ready.len() - self.at);
        buffer[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// Appends an element to the text of an array (docs: "Array Input and Output Syntax").
fn append(array: &mut String, value: Option<&[u8]>) -> Result<()> {
    if array.len() > 1 {
        array.push(',');
    }
    let Some(value) = value else {
        array.push_str("NULL");
        return Ok(());
    };
    let text = std::str::from_utf8(value).map_err(|_| BundleError::Damaged("a key is not UTF-8".into()))?;
    array.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            array.push('\\');
        }
        array.push(character);
    }
    array.push('"');
    Ok(())
}

/// A column of a primary key.
struct KeyColumn {
    name: String,
    /// Under a domain the type that it is over: operators of enums, ranges and composites are not found for domains.
    type_name: String,
    equals: String,
    is_domain: bool,
}

fn key_columns(target: &Target) -> Result<Vec<KeyColumn>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT a.attname, pg_catalog.format_type(b.base, CASE WHEN b.base = a.atttypid THEN a.atttypmod ELSE -1 END), \
           pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname), b.base <> a.atttypid \
         FROM pg_catalog.pg_index AS i \
         CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[])) \
           WITH ORDINALITY AS k (attnum, opclass, place) \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         CROSS JOIN LATERAL (\
           WITH RECURSIVE chain AS (\
             SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type AS t WHERE t.oid = a.atttypid \
             UNION ALL SELECT t.oid, t.typtype, t.typbasetype FROM chain JOIN pg_catalog.pg_type AS t ON t.oid = chain.typbasetype) \
           SELECT chain.oid FROM chain WHERE chain.typtype <> 'd') AS b (base) \
         JOIN pg_catalog.pg_opclass AS c ON c.oid = k.opclass \
         JOIN pg_catalog.pg_amop AS m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype \
           AND m.amoprighttype = c.opcintype AND m.amopstrategy = 3 \
         JOIN pg_catalog.pg_operator AS o ON o.oid = m.amopopr JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace \
         WHERE i.indisprimary AND i.indrelid = $1::oid AND k.place <= i.indnkeyatts ORDER BY k.place",
        &[Some(&target.oid.to_u32().to_string())],
    )?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut texts = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || texts.next().unwrap_or_default();
            KeyColumn { name: text(), type_name: text(), equals: text(), is_domain: text() == "t" }
        })
        .collect())
}

/// Which of the keys in `$1`, `$2` … (arrays of texts, one per column) the table has, by their places from 1.
fn lookup(target: &Target, columns: &[KeyColumn]) -> String {
    let arrays: Vec<String> = (1..=columns.len()).map(|place| format!("pg_catalog.unnest(${place}::text[])")).collect();
    let names: Vec<String> = (1..=columns.len()).map(|place| format!("k{place}")).collect();
    let equal: Vec<String> = columns
        .iter()
        .zip(&names)
        .map(|(KeyColumn { name, type_name, equals, is_domain }, key)| {
            let cast = if *is_domain { format!("::{type_name}") } else { String::new() };
            format!("t.{}{cast} {equals} k.{key}::{type_name}", pgrx::spi::quote_identifier(name))
        })
        .collect();
    format!(
        "SELECT k.place FROM ROWS FROM ({}) WITH ORDINALITY AS k ({}, place) WHERE EXISTS (SELECT FROM {} AS t WHERE {})",
        arrays.join(", "),
        names.join(", "),
        target.only(),
        equal.join(" AND ")
    )
}

fn unreadable(error: std::io::Error) -> Error {
    sheet_rows::unreadable(error, "Restore with overwrite => true.")
}
