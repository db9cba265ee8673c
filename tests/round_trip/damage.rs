//! What may happen to the data of a case after its backup.

use postgres::Client;

use crate::case::Case;
use crate::names::literal;
use crate::rng::Rng;
use crate::rows;
use crate::sequences::Sequence;
use crate::support::sqlstate;

/// A table, or the root of partitions, as the catalog has it.
pub struct Table {
    /// Schema and name, quoted, and the same as the manifest has them.
    pub name: String,
    pub relation: (String, String),
    pub has_key: bool,
    /// Columns that may be written, quoted.
    columns: Vec<String>,
    /// `ONLY` for a table that is no root: children of inheritance are tables of their own.
    pub only: &'static str,
}

const TABLES: &str = "
    SELECT format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text,
           EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary), c.relkind = 'r',
           ARRAY(SELECT quote_ident(attname) FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/// The tables of some schemas, in a fixed order.
pub fn tables(client: &mut Client, schemas: &[String]) -> Vec<Table> {
    let rows = client.query(TABLES, &[&schemas]).expect("connected");
    let table = |row: &postgres::Row| Table {
        name: row.get(0),
        relation: (row.get(1), row.get(2)),
        has_key: row.get(3),
        columns: row.get(5),
        only: if row.get(4) { "ONLY" } else { "" },
    };
    rows.iter().map(table).collect()
}

/// A session that may break what it wants: neither triggers nor foreign keys stand in its way, unless they are always enforced.
pub fn session(client: &mut Client) {
    let sql = "SET session_replication_role = replica; SET round_trip.quiet = on";
    client.batch_execute(sql).expect("a superuser may");
}

/// Damages the tables and sequences of a case at random, constraints or not.
pub fn wreck(client: &mut Client, rng: &mut Rng, case: &Case, tables: &[Table]) {
    for _ in 0..1 + rng.below(2) {
        for table in tables {
            match rng.below(7) {
                0 => attempt(client, &format!("TRUNCATE {} CASCADE", table.name)),
                1 => attempt(client, &format!("DELETE FROM {}", table.name)),
                2 | 3 => delete_some(client, rng, table),
                4 => update(client, rng, table),
                5 => duplicate(client, table),
                _ => {}
            }
        }
    }
    add_rows(client, rng, case, 100);
    move_sequences(client, rng, case, |_| true);
}

/// Changes that break nothing: rows are added and changed, and removed where nobody refers to them.
pub fn work(client: &mut Client, rng: &mut Rng, case: &Case, tables: &[Table], first: usize) {
    add_rows(client, rng, case, first);
    for table in tables {
        let linked = case.linked.iter().find(|linked| same_name(&linked.name, table));
        if rng.chance(40) && linked.is_none_or(|linked| !linked.referred) {
            delete_some(client, rng, table);
        }
    }
    for linked in &case.linked {
        let note = &linked.note().name;
        attempt(
            client,
            &format!("UPDATE {} SET {note} = {note} || ' changed' WHERE right({note}, 1) < '5'", linked.name),
        );
    }
}

pub fn same_name(quoted: &str, table: &Table) -> bool {
    let (schema, name) = &table.relation;
    quoted == format!("{}.{}", crate::names::quoted(schema), crate::names::quoted(name))
}

/// Removes some of the rows that a condition, over the row `q`, leaves to choose from.
pub fn delete_where(client: &mut Client, rng: &mut Rng, table: &Table, condition: &str) {
    let salt = rng.below(1_000_000);
    let chosen = format!("hashtext((q.*)::text || '{salt}') % 3 <> 0");
    attempt(client, &format!("DELETE FROM {} {} AS q WHERE {chosen} AND {condition}", table.only, table.name));
}

fn delete_some(client: &mut Client, rng: &mut Rng, table: &Table) {
    delete_where(client, rng, table, "true");
}

fn update(client: &mut Client, rng: &mut Rng, table: &Table) {
    if table.columns.is_empty() {
        return;
    }
    let column = rng.pick(&table.columns);
    let (only, name) = (table.only, &table.name);
    let other = format!("(SELECT {column} FROM {only} {name} OFFSET {} LIMIT 1)", rng.below(3));
    let value = *rng.pick(&["NULL", "DEFAULT", &other]);
    attempt(client, &format!("UPDATE {only} {name} AS q SET {column} = {value} WHERE hashtext((q.*)::text) % 2 = 0"));
}

fn duplicate(client: &mut Client, table: &Table) {
    if table.columns.is_empty() {
        return attempt(client, &format!("INSERT INTO {} DEFAULT VALUES", table.name));
    }
    let (only, name, columns) = (table.only, &table.name, table.columns.join(", "));
    let rows = format!("SELECT {columns} FROM {only} {name} LIMIT 3");
    attempt(client, &format!("INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE {rows}"));
}

/// Rows whose keys are nobody else's, numbered from `first`.
fn add_rows(client: &mut Client, rng: &mut Rng, case: &Case, first: usize) {
    for at in 0..case.linked.len() {
        let count = rng.below(4);
        if let Some(sql) = rows::insert(rng, &case.linked, at, first, count) {
            attempt(client, &sql);
        }
    }
}

/// Has some sequences go on, or back.
pub fn move_sequences(client: &mut Client, rng: &mut Rng, case: &Case, which: impl Fn(&Sequence) -> bool) {
    for sequence in case.sequences.iter().filter(|sequence| which(sequence)) {
        let name = literal(&sequence.name);
        match rng.below(3) {
            0 => attempt(client, &format!("SELECT nextval({name})")),
            1 => attempt(client, &format!("SELECT setval({name}, {}, {})", rng.between(0, 5), rng.chance(50))),
            _ => attempt(client, &format!("ALTER SEQUENCE {} RESTART", sequence.name)),
        }
    }
}

/// Runs a statement that a constraint, or a sequence's end, may refuse; anything else is a mistake of this test.
fn attempt(client: &mut Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql) {
        let state = sqlstate(&error);
        let refused = state.starts_with("23") || ["428C9", "2200H"].contains(&state);
        assert!(refused, "{sql}: {error:?}");
    }
}
