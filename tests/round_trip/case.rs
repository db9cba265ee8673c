//! One generated case: schemas with tables that refer to each other, and with all that a restore must respect.
//!
//! What cannot be restored by design is not made: rows that break a CHECK NOT VALID, or a function in a check that has become stricter
//! since, for COPY asks all checks again. Sequences of a schema without tables are in no bundle.

use std::collections::{BTreeSet, HashSet};

use crate::behaviour;
use crate::extras;
use crate::linked::{Linked, Shape};
use crate::names::{odd_name, quoted};
use crate::references;
use crate::rng::Rng;
use crate::rows;
use crate::sequences::Sequence;
use crate::tables::TableMaker;
use crate::types::TypeMaker;

/// What the cases of a run must have between them, or the generator has become poorer.
pub const FEATURES: [&str; 47] = [
    "INCLUDE",
    "MATCH FULL",
    "NOT VALID with an orphan",
    "ON DELETE CASCADE",
    "ON DELETE RESTRICT",
    "ON DELETE SET NULL",
    "another owner",
    "attached partition",
    "check",
    "composite foreign key",
    "composite key",
    "constraint trigger",
    "cycle",
    "deferrable",
    "deferrable exclusion",
    "deferrable key",
    "deferrable unique",
    "descending sequence",
    "exclusion",
    "exhausted sequence",
    "expression index",
    "foreign keys enforced always",
    "generated column",
    "hash partitions",
    "identity always",
    "identity by default",
    "inheritance",
    "initially deferred",
    "list partitions",
    "nested partitions",
    "no key",
    "range partitions",
    "reference from partitions",
    "reference to partitions",
    "row security",
    "rule",
    "self-reference",
    "sequence",
    "sequence never called",
    "sequence with CYCLE",
    "serial",
    "trigger",
    "trigger DISABLE",
    "trigger ENABLE ALWAYS",
    "trigger ENABLE REPLICA",
    "unique",
    "unlogged",
];

/// A case.
pub struct Case {
    pub seed: u64,
    /// Of no other seed.
    pub schemas: Vec<String>,
    pub sql: Vec<String>,
    pub features: BTreeSet<&'static str>,
    pub linked: Vec<Linked>,
    pub sequences: Vec<Sequence>,
    /// Tables whose foreign keys are enforced also where triggers do not fire.
    pub enforced: Vec<usize>,
}

impl Case {
    /// The case of this seed: always the same.
    pub fn of(seed: u64) -> Case {
        // Another sequence of numbers than that of the case of this seed in tests/generated.
        let rng = &mut Rng::new(seed ^ 0x5eed_0000_0000);
        let mut names = HashSet::new();
        let schemas: Vec<String> =
            (0..1 + rng.below(2)).map(|_| format!("{}_{seed:x}", odd_name(rng, &mut names, 40))).collect();
        let types = TypeMaker::new(&schemas[0]);
        let used = schemas.iter().map(|_| HashSet::new()).collect();
        let mut maker =
            Maker { rng, types, features: BTreeSet::new(), schemas, used, linked: Vec::new(), odd: Vec::new() };
        maker.schemas();
        maker.odd_tables();
        let sequences = maker.sequences();
        maker.linked_tables();
        let enforced = maker.behaviour();
        let Maker { types, features, schemas, linked, .. } = maker;
        Case { seed, schemas, sql: types.sql, features, linked, sequences, enforced }
    }
}

struct Maker<'a> {
    rng: &'a mut Rng,
    types: TypeMaker,
    features: BTreeSet<&'static str>,
    schemas: Vec<String>,
    used: Vec<HashSet<String>>,
    linked: Vec<Linked>,
    /// The tables of any type, by name, quoted.
    odd: Vec<String>,
}

impl Maker<'_> {
    fn run(&mut self, sql: impl IntoIterator<Item = String>) {
        self.types.sql.extend(sql);
    }

    /// The schema of functions and types, quoted.
    fn home(&self) -> String {
        quoted(&self.schemas[0])
    }

    fn name(&mut self) -> String {
        let at = self.rng.below(self.schemas.len());
        format!("{}.{}", quoted(&self.schemas[at]), quoted(&self.types.unused_name(self.rng, &mut self.used[at])))
    }

    fn schemas(&mut self) {
        for schema in self.schemas.clone() {
            let schema = quoted(&schema);
            self.run([format!("CREATE SCHEMA {schema}"), format!("GRANT USAGE ON SCHEMA {schema} TO PUBLIC")]);
        }
        self.run(behaviour::functions(&self.home()));
    }

    /// Tables of any type, as tests/generated makes them, for the values.
    fn odd_tables(&mut self) {
        for _ in 0..self.rng.below(3) {
            let name = self.name();
            let spare = (0..8).map(|_| self.name()).collect();
            let mut features = BTreeSet::new();
            TableMaker::new(self.rng, &mut self.types, &mut features, name.clone(), spare).make();
            self.odd.push(name);
        }
    }

    fn sequences(&mut self) -> Vec<Sequence> {
        let mut made = Vec::new();
        for _ in 0..self.rng.below(3) {
            // Sequences of a schema without tables are in no bundle; the first one has a table always.
            let name = format!("{}.{}", self.home(), quoted(&self.types.unused_name(self.rng, &mut self.used[0])));
            let (sequence, sql) = Sequence::new(self.rng, &mut self.features, name);
            self.run(sql);
            made.push(sequence);
        }
        made
    }

    fn linked_tables(&mut self) {
        for _ in 0..2 + self.rng.below(4) {
            let name = self.name();
            let shape =
                *self.rng.pick(&[Shape::Plain, Shape::Plain, Shape::Plain, Shape::List, Shape::Range, Shape::Hash]);
            self.linked.push(Linked::new(self.rng, &mut self.types, &mut self.features, name, shape));
        }
        references::refer(self.rng, &mut self.features, &mut self.linked);
        let home = self.home();
        let mut after = Vec::new();
        let mut at = 0;
        while at < self.linked.len() {
            after.push(extras::add(self.rng, &mut self.features, &mut self.linked[at], &home));
            if self.linked[at].shape == Shape::Plain && !self.linked[at].unlogged && self.rng.chance(20) {
                let name = self.name();
                // Foreign keys know tables by number: a child stands at the end.
                let child = self.linked[at].child(self.rng, name, at);
                self.linked.push(child);
            }
            at += 1;
        }
        for (at, after) in after.into_iter().enumerate() {
            let sql = self.linked[at].create(self.rng, &mut self.features, &self.linked);
            self.run(sql);
            self.run(after);
        }
        for at in 0..self.linked.len() {
            let rows = rows::insert(self.rng, &self.linked, at, 1, self.linked[at].rows);
            self.run(rows);
        }
        for at in 0..self.linked.len() {
            self.run(references::constraints(&self.linked, at));
        }
    }

    /// Returns the tables whose foreign keys are always enforced.
    fn behaviour(&mut self) -> Vec<usize> {
        let home = self.home();
        let tables: Vec<(String, bool)> =
            self.linked.iter().map(|table| (table.name.clone(), !table.is_partitioned())).collect();
        for (name, plain) in &tables {
            let sql = behaviour::add(self.rng, &mut self.features, &home, name, *plain);
            self.run(sql);
        }
        for name in self.odd.clone() {
            // Whether it is partitioned is not known here: only what any table may have.
            let sql = behaviour::add(self.rng, &mut self.features, &home, &name, false);
            self.run(sql);
        }
        let mut enforced = Vec::new();
        for (at, (name, plain)) in tables.iter().enumerate() {
            if *plain && self.rng.chance(8) {
                self.features.insert("foreign keys enforced always");
                self.run([behaviour::always_enforced(name)]);
                enforced.push(at);
            }
        }
        enforced
    }
}
