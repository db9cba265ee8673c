//! Rows of linked tables.

use crate::linked::{Column, Fill, Linked};
use crate::names::literal;
use crate::references::Reference;
use crate::rng::Rng;

/// The statement that adds `count` rows to a table, none for no rows. `first` is the number of the first one; what they refer to is
/// among the rows that the other tables have from the beginning.
pub fn insert(rng: &mut Rng, tables: &[Linked], at: usize, first: usize, count: usize) -> Option<String> {
    let table = &tables[at];
    let filled: Vec<&Column> = table.columns.iter().filter(|column| column.fill.is_some()).collect();
    let names: Vec<&str> = filled.iter().map(|column| column.name.as_str()).collect();
    let rows: Vec<String> = (first..first + count)
        .map(|number| {
            let referred: Vec<Referred> = table.references.iter().map(|one| choose(rng, tables, one, number)).collect();
            let values: Vec<String> = filled.iter().map(|column| value(rng, column, number, &referred)).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    let (name, names, rows) = (&table.name, names.join(", "), rows.join(",\n"));
    (count > 0).then(|| format!("INSERT INTO {name} ({names}) VALUES {rows}"))
}

/// The values of a reference's columns in one row.
type Referred = Vec<String>;

fn choose(rng: &mut Rng, tables: &[Linked], reference: &Reference, number: usize) -> Referred {
    let target = &tables[reference.to];
    // The row that is missing has a number of which there is none.
    let row = if reference.broken && number == 1 { 500 } else { 1 + rng.below(target.rows) };
    let known = |at: &usize| target.columns[*at].known(row).expect("the values of keys are known");
    let mut values: Referred = reference.columns.iter().map(known).collect();
    if rng.chance(20) && !(reference.broken && number == 1) {
        // Without MATCH FULL a single NULL is enough, whatever the others are.
        let kept = if reference.match_full { 0 } else { rng.below(values.len()) };
        values[kept..].fill("NULL".into());
    }
    values
}

fn value(rng: &mut Rng, column: &Column, number: usize, referred: &[Referred]) -> String {
    match column.fill.as_ref().expect("only these are inserted") {
        Fill::Refers { reference, column } => referred[*reference][*column].clone(),
        Fill::Any(of) => of.nullable(rng, true).map_or("NULL".into(), |value| literal(&value)),
        Fill::Note => literal(&format!("note {}", rng.below(1000))),
        known => known.known(number).expect("it depends on the number alone"),
    }
}
