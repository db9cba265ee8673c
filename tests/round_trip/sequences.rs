//! Sequences that belong to no column.

use std::collections::BTreeSet;

use crate::rng::Rng;

pub struct Sequence {
    /// Schema and name, quoted.
    pub name: String,
    pub increment: i64,
    pub cycle: bool,
}

impl Sequence {
    /// Makes one, and the statements that bring it to where it stands.
    pub fn new(rng: &mut Rng, features: &mut BTreeSet<&'static str>, name: String) -> (Sequence, Vec<String>) {
        let increment = *rng.pick(&[1, 1, 10, -1, -3]);
        let cycle = rng.chance(25);
        let (low, high) = (rng.between(-20, 0), rng.between(5, 40));
        let start = rng.between(low, high);
        let of = *rng.pick(&["smallint", "integer", "bigint"]);
        let cycled = if cycle { " CYCLE" } else { "" };
        let mut sql = vec![format!(
            "CREATE SEQUENCE {name} AS {of} START {start} INCREMENT {increment} MINVALUE {low} MAXVALUE {high}{cycled}"
        )];
        features.insert("sequence");
        if cycle {
            features.insert("sequence with CYCLE");
        }
        if increment < 0 {
            features.insert("descending sequence");
        }
        match rng.below(4) {
            0 => {
                features.insert("sequence never called");
            }
            1 => sql.push(format!("SELECT setval('{}', {}, false)", name.replace('\'', "''"), rng.between(low, high))),
            2 => {
                features.insert("exhausted sequence");
                let end = if increment > 0 { high } else { low };
                sql.push(format!("SELECT setval('{}', {end}, true)", name.replace('\'', "''")));
            }
            _ => sql.push(format!("SELECT nextval('{}')", name.replace('\'', "''"))),
        }
        (Sequence { name, increment, cycle }, sql)
    }
}
