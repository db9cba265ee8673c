//! What has become of a table's rows since a backup.
//!
//! Both sides are read as texts, as the export makes them, into sets that go to disk above work_mem; the server joins them.

use pgrx::pg_sys;

use super::plan::{self, Found};
use super::sheet_rows::SheetRows;
use super::table_texts::{TableTexts, value};
use crate::bundle::manifest::{ColumnEntry, SheetEntry};
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::catalog::registry;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::locks::{Locked, Mode, lock_relation};
use crate::pg::query::{oid_array, with_latest_snapshot};
use crate::pg::row_set::column_names;
use crate::pg::session;
use crate::pg::text_sets::{TextSet, return_query};

/// Fills the set of the present call: rows that were removed or changed in the bundle's order, then those that were added in the
/// table's. The live table is read as its owner, as the caller's snapshot shows it.
///
/// # Errors
/// [`Error::UnknownObject`] where the table is not among those that are backed up, [`Error::WrongState`] for a sheet that is of no
/// table, [`Error::Rights`] for an excluded one; as [`SheetRows`].
pub fn diff(
    extension: Extension,
    fcinfo: pg_sys::FunctionCallInfo,
    id: &str,
    sheet: &str,
    actor: &Actor,
) -> Result<()> {
    let mut rows = SheetRows::open(extension, id, sheet, actor)?;
    let live = Live::find(&rows.sheet)?;
    let shape = Shape::of(&rows, &live)?;
    let old = read_bundle(&mut rows, &shape)?;
    let read = || live.read(&rows.sheet, &shape);
    // A snapshot that is older than the lock would show a table that was rewritten meanwhile as empty.
    let new = if session::has_fixed_snapshot() { read()? } else { with_latest_snapshot(read)? };
    act_as(As::ExtensionOwner(extension.owner), &JOIN_SETTINGS, || return_query(fcinfo, &shape.query(), vec![old, new]))
}

/// Nothing is known of the keys but their number: the planner would sort both sets, and compile a query of two simple steps.
const JOIN_SETTINGS: [(&str, &str); 5] = [
    ("search_path", "pg_catalog, pg_temp"),
    ("standard_conforming_strings", "on"),
    ("enable_mergejoin", "off"),
    ("enable_hashjoin", "on"),
    ("jit", "off"),
];

/// What of a row is compared.
struct Shape {
    /// The columns that both sides have, in the bundle's order.
    columns: Vec<ColumnEntry>,
    /// Where the bundle's rows have them.
    places: Vec<usize>,
    /// Places of the key's columns among `columns`; without a key rows are compared as a whole.
    key: Vec<usize>,
}

impl Shape {
    fn of(rows: &SheetRows, live: &Live) -> Result<Shape> {
        let sheet = &rows.sheet;
        let common: Vec<usize> =
            (0..rows.columns.len()).filter(|place| live.columns.contains(&rows.columns[*place])).collect();
        let columns: Vec<ColumnEntry> = common
            .iter()
            .filter_map(|place| sheet.columns.iter().find(|column| column.name == rows.columns[*place]).cloned())
            .collect();
        if columns.is_empty() {
            return Err(Error::BadArgument {
                message: format!("table {} has no column of sheet \"{}\"", live.table.qualified(), sheet.name),
                hint: format!("The sheet's columns are {}.", rows.columns.join(", ")),
            });
        }
        let key: Option<Vec<usize>> =
            sheet.primary_key.iter().map(|name| columns.iter().position(|column| column.name == *name)).collect();
        Ok(Shape { columns, places: common, key: key.unwrap_or_default() })
    }

    /// The query over both sets, which have a row's key and its values.
    fn query(&self) -> String {
        let names = |columns: &mut dyn Iterator<Item = &ColumnEntry>| {
            let quoted: Vec<String> = columns.map(|column| pgrx::spi::quote_literal(&column.name)).collect();
            format!("ARRAY[{}]::text[]", quoted.join(", "))
        };
        let columns = names(&mut self.columns.iter());
        if self.key.is_empty() {
            return UNKEYED.replace("$columns", &columns);
        }
        let key = names(&mut self.key.iter().map(|place| &self.columns[*place]));
        KEYED.replace("$columns", &columns).replace("$key", &key)
    }
}

/// By the primary key: a row is changed where any of its values is another text.
const KEYED: &str = "
    SELECT (SELECT jsonb_object_agg(k.name, k.value) FROM unnest($key, coalesce(b.key, l.key)) AS k (name, value)),
           CASE WHEN l.n IS NULL THEN 'removed' WHEN b.n IS NULL THEN 'added' ELSE 'changed' END,
           CASE WHEN b.n IS NOT NULL AND l.n IS NOT NULL THEN d.columns END,
           CASE WHEN b.n IS NOT NULL THEN d.old END, CASE WHEN l.n IS NOT NULL THEN d.new END
    FROM bundle AS b FULL JOIN live AS l ON b.key = l.key
    CROSS JOIN LATERAL (
        SELECT array_agg(c.name ORDER BY c.place) AS columns, jsonb_object_agg(c.name, c.old) AS old,
               jsonb_object_agg(c.name, c.new) AS new
        FROM unnest($columns, b.value, l.value) WITH ORDINALITY AS c (name, old, new, place)
        WHERE b.n IS NULL OR l.n IS NULL OR c.old IS DISTINCT FROM c.new) AS d
    WHERE b.value IS DISTINCT FROM l.value
    ORDER BY b.n, l.n";

/// Without one: equal rows are told apart by their number alone.
const UNKEYED: &str = "
    SELECT NULL::jsonb, CASE WHEN r.count > 0 THEN 'removed' ELSE 'added' END, NULL::text[],
           CASE WHEN r.count > 0 THEN d.row END, CASE WHEN r.count < 0 THEN d.row END
    FROM (SELECT u.value, sum(u.side) AS count, min(u.n) FILTER (WHERE u.side > 0) AS old_n, min(u.n) AS n
          FROM (SELECT n, value, 1 AS side FROM bundle UNION ALL SELECT n, value, -1 FROM live) AS u
          GROUP BY u.value HAVING sum(u.side) <> 0) AS r
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(c.name, c.value) AS row FROM unnest($columns, r.value) AS c (name, value)) AS d
    CROSS JOIN LATERAL generate_series(1, abs(r.count))
    ORDER BY r.count < 0, coalesce(r.old_n, r.n)";

/// The table that a sheet was read from, locked against DDL.
struct Live {
    table: Found,
    columns: Vec<String>,
    /// Partitions whose rows are not exported.
    skipped: Vec<u32>,
}

impl Live {
    fn find(sheet: &SheetEntry) -> Result<Live> {
        let relation = match (&sheet.relation, sheet.has_no_table()) {
            (Some(relation), None) => relation,
            (_, reason) => {
                return Err(Error::WrongState {
                    message: format!("sheet \"{}\" is {}", sheet.name, reason.unwrap_or("of no table")),
                    hint: "Only tables are compared; read_sheet() reads any sheet.".into(),
                });
            }
        };
        let registered = registry::sheets()?;
        let tables = plan::tables(&Settings::read()?, &registered)?;
        let is_it = |table: &Found| (&table.schema, &table.name) == (&relation.schema, &relation.table);
        // Whoever may import bundles must not read by them what no backup has.
        let is_left_out = registered.iter().any(|entry| {
            !entry.enabled
                && entry.relation_schema.as_ref() == Some(&relation.schema)
                && entry.relation_name.as_ref() == Some(&relation.table)
        });
        let name = pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table);
        let table =
            tables.into_iter().find(|table| is_it(table) && !is_left_out).ok_or_else(|| Error::UnknownObject {
                message: format!("there is no table {name} among those that are backed up"),
                hint: "read_sheet() and read_sheet_as() read the bundle alone.".into(),
            })?;
        let forbidden = plan::forbidden(&registry::exclusions()?)?;
        if forbidden.contains(&table.oid) {
            return Err(Error::Rights {
                message: format!("table {name} is excluded"),
                hint: "What is in paliad_backup.exclusions is not read.".into(),
            });
        }
        plan::check_rights(&[&table])?;
        let mut members: Vec<u32> = plan::members(&[table.oid])?.into_values().flatten().collect();
        members.sort_unstable();
        for member in &members {
            match lock_relation(pg_sys::Oid::from(*member), Mode::AccessShare) {
                Locked::Held => {}
                Locked::TimedOut => return Err(Error::LockNotAvailable { table: name }),
                Locked::Gone => {
                    return Err(Error::ChangedAfterSnapshot { message: format!("table {name} was dropped meanwhile") });
                }
            }
        }
        let columns = column_names(pg_sys::Oid::from(table.oid));
        let skipped = members.into_iter().filter(|member| forbidden.contains(member)).collect();
        Ok(Live { table, columns, skipped })
    }

    /// Its rows, in the order of the key.
    fn read(&self, sheet: &SheetEntry, shape: &Shape) -> Result<TextSet> {
        let key: Vec<String> = shape.key.iter().map(|place| value(&shape.columns[*place].name)).collect();
        let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {}", key.join(", ")) };
        let only = if self.table.kind == 'r' { "ONLY " } else { "" };
        let condition = if self.skipped.is_empty() {
            String::new()
        } else {
            format!(" WHERE t.tableoid <> ALL ('{}'::pg_catalog.oid[])", oid_array(self.skipped.iter().copied()))
        };
        let source = format!("{only}{} AS t{condition}{order}", self.table.qualified());
        let texts = TableTexts::new(sheet, shape.columns.iter(), pg_sys::Oid::from(self.table.oid), self.table.owner);
        let mut set = TextSet::new(c"live");
        texts.read(&source, |batch| {
            for row in 0..batch.rows() {
                let texts: Vec<Option<&[u8]>> = (0..shape.columns.len()).map(|slot| batch.value(row, slot)).collect();
                let key: Vec<Option<&[u8]>> = shape.key.iter().map(|place| texts[*place]).collect();
                set.put(&key, &texts);
            }
            Ok(())
        })?;
        Ok(set)
    }
}

fn read_bundle(rows: &mut SheetRows, shape: &Shape) -> Result<TextSet> {
    let mut set = TextSet::new(c"bundle");
    while let Some(row) = rows.next_row()? {
        let texts: Vec<_> = shape.places.iter().map(|place| row.field(*place)).collect();
        let key: Vec<_> = shape.key.iter().map(|place| texts[*place].clone()).collect();
        set.put(&key, &texts);
    }
    Ok(set)
}
