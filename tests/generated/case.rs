//! One generated case: schemas with types, tables and rows, told by a seed alone.

use std::collections::{BTreeSet, HashSet};

use crate::names::{literal, odd_name, quoted};
use crate::rng::Rng;
use crate::tables::TableMaker;
use crate::types::TypeMaker;

/// What the cases of a run must have between them, or the generator has become poorer.
pub const FEATURES: [&str; 32] = [
    "INCLUDE",
    "array",
    "attached partition",
    "composite",
    "composite key",
    "contrib type",
    "domain",
    "dropped column",
    "enum",
    "generated column",
    "hash partitions",
    "identity",
    "inheritance",
    "late column",
    "list partitions",
    "materialized view",
    "multirange",
    "no key",
    "no rows",
    "range",
    "range partitions",
    "ref sheet",
    "same name in two schemas",
    "scalar",
    "serial",
    "single key",
    "sub-partitions",
    "unique",
    "unlogged",
    "view",
    "zero columns",
    "several tables",
];

/// A case.
pub struct Case {
    pub seed: u64,
    /// Of no other seed.
    pub schemas: Vec<String>,
    pub sql: String,
    pub features: BTreeSet<&'static str>,
}

impl Case {
    /// The case of this seed: always the same.
    pub fn of(seed: u64) -> Case {
        let rng = &mut Rng::new(seed);
        let mut used = HashSet::new();
        let mut features = BTreeSet::new();
        let schemas: Vec<String> =
            (0..1 + rng.below(2)).map(|_| format!("{}_{seed:x}", odd_name(rng, &mut used, 40))).collect();
        let mut types = TypeMaker::new(&schemas[0]);
        types.sql.extend(schemas.iter().map(|schema| format!("CREATE SCHEMA {}", quoted(schema))));

        let mut used: Vec<HashSet<String>> = schemas.iter().map(|_| HashSet::new()).collect();
        let count = 1 + rng.below(6);
        if count > 1 {
            features.insert("several tables");
        }
        let mut tables: Vec<(usize, String, String)> = Vec::new();
        for _ in 0..count {
            let at = rng.below(schemas.len());
            let twin = tables.iter().find(|(other, name, _)| *other != at && !used[at].contains(name));
            let name = match twin {
                Some((_, name, _)) if rng.chance(40) => {
                    features.insert("same name in two schemas");
                    used[at].insert(name.clone());
                    name.clone()
                }
                _ => types.unused_name(rng, &mut used[at]),
            };
            let spare_names = (0..8)
                .map(|_| {
                    let at = rng.below(schemas.len());
                    format!("{}.{}", quoted(&schemas[at]), quoted(&types.unused_name(rng, &mut used[at])))
                })
                .collect();
            let table = format!("{}.{}", quoted(&schemas[at]), quoted(&name));
            TableMaker::new(rng, &mut types, &mut features, table.clone(), spare_names).make();
            tables.push((at, name, table));
        }
        let register = |at: usize, name: &str, kind: &str| {
            let values = [&schemas[at], name, kind].map(literal).join(", ");
            format!("INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind) VALUES ({values})")
        };
        for (at, name, table) in &tables {
            match rng.below(8) {
                0 => {
                    features.insert("ref sheet");
                    types.sql.push(register(*at, name, "ref"));
                }
                1 | 2 => {
                    let (feature, kind) = *rng.pick(&[("view", "VIEW"), ("materialized view", "MATERIALIZED VIEW")]);
                    features.insert(feature);
                    let view = types.unused_name(rng, &mut used[*at]);
                    let place = format!("{}.{}", quoted(&schemas[*at]), quoted(&view));
                    types.sql.push(format!("CREATE {kind} {place} AS SELECT * FROM {table}"));
                    types.sql.push(register(*at, &view, "entity"));
                }
                _ => {}
            }
        }
        Case { seed, schemas, sql: types.sql.join(";\n"), features }
    }
}
