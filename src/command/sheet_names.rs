//! Which sheet of a bundle a name means, and what helps where it means none.

use crate::bundle::manifest::{Manifest, SheetEntry};
use crate::bundle::sheet::Relation;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, select};

/// The sheet of the table of this name (`schema.table`), or of this name itself. A table's name as SQL writes it comes first, and can't
/// mean any other: [`undo`](super::restore::undo) relies on it.
pub fn named<'a>(manifest: &'a Manifest, name: &str) -> Option<&'a SheetEntry> {
    let of_table = |is_it: &dyn Fn(&Relation) -> bool| {
        manifest.sheets.iter().find(|sheet| sheet.relation.as_ref().is_some_and(is_it))
    };
    of_table(&|at| pgrx::spi::quote_qualified_identifier(&at.schema, &at.table) == name)
        .or_else(|| manifest.sheets.iter().find(|sheet| sheet.name == name))
        .or_else(|| of_table(&|at| format!("{}.{}", at.schema, at.table) == name))
}

/// The error for names that mean no sheet.
///
/// # Errors
/// The server's.
pub fn unknown(manifest: &Manifest, names: &[&str]) -> Result<Error> {
    let id = &manifest.run.id;
    let mut hint = String::new();
    for name in names {
        if let Some(told) = why_not(manifest, name)? {
            hint += &format!("{told} ");
        }
    }
    hint += &format!("SELECT jsonb_object_keys(row_counts) FROM paliad_backup.get('{id}'); shows all sheets.");
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    Ok(Error::UnknownObject { message: format!("there is no sheet {} in backup {id}", names.join(", ")), hint })
}

/// What the database has under this name, or which sheets have one like it.
fn why_not(manifest: &Manifest, name: &str) -> Result<Option<String>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), \
           CASE WHEN c.relispartition THEN 'a partition' WHEN c.relkind = 'v' THEN 'a view' \
                WHEN c.relkind = 'm' THEN 'a materialized view' ELSE 'a foreign table' END, \
           pg_catalog.quote_ident(r_n.nspname) || '.' || pg_catalog.quote_ident(r.relname) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(c.oid) AND c.relispartition \
         LEFT JOIN pg_catalog.pg_namespace AS r_n ON r_n.oid = r.relnamespace \
         WHERE (c.relispartition AND c.relkind IN ('r', 'p', 'f') OR c.relkind IN ('v', 'm', 'f')) \
         AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         AND $1 IN (c.relname::text, pg_catalog.format('%s.%s', n.nspname, c.relname), pg_catalog.format('%I.%I', n.nspname, c.relname)) \
         ORDER BY c.oid LIMIT 1",
        &[Some(name)],
    )?;
    if let Some([Some(relation), Some(kind), root]) = rows.first().map(Vec::as_slice) {
        let Some(root) = root else {
            let registered = "it is exported when it is registered in paliad_backup.sheets.";
            return Ok(Some(format!("{relation} is {kind}: {registered}")));
        };
        let sheet = named(manifest, root);
        return Ok(sheet.map(|sheet| format!("{relation} is {kind} of {root}: sheet \"{}\" has its rows.", sheet.name)));
    }
    let alike: Vec<String> = manifest
        .sheets
        .iter()
        .filter(|sheet| is_like(sheet, name))
        .take(MOST_ALIKE)
        .map(|sheet| format!("\"{}\"", sheet.name))
        .collect();
    Ok(match alike.as_slice() {
        [] => None,
        [one] => Some(format!("There is a sheet {one}.")),
        more => Some(format!("There are sheets {}.", more.join(", "))),
    })
}

/// Most sheets that are named in a hint.
const MOST_ALIKE: usize = 5;

fn is_like(sheet: &SheetEntry, name: &str) -> bool {
    let name = name.to_lowercase();
    let table = sheet.relation.as_ref().map(|Relation { schema, table }| format!("{schema}.{table}"));
    let unqualified = sheet.relation.as_ref().map(|relation| relation.table.clone());
    let own = [Some(sheet.name.clone()), table, unqualified];
    own.into_iter().flatten().any(|own| are_close(&own.to_lowercase(), &name))
}

/// At most two characters are wrong, and no more than a third of them.
fn are_close(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let most = 2.min(a.len().min(b.len()) / 3);
    a.len().abs_diff(b.len()) <= most && distance(&a, &b) <= most
}

/// How many characters must be put in, taken out or replaced (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, wanted) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (place, found) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(wanted != found);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
