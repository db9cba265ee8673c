//! What a linked table has besides its key: unique, exclusion and check constraints, generated columns, indexes.

use std::collections::BTreeSet;

use crate::linked::{Fill, Linked, Shape};
use crate::rng::Rng;

/// Adds columns to a table that is not made yet; returns the statements that follow its creation. `schema` has the case's functions.
pub fn add(rng: &mut Rng, features: &mut BTreeSet<&'static str>, table: &mut Linked, schema: &str) -> Vec<String> {
    let mut extras = Extras { rng, features, table, schema, sql: Vec::new() };
    extras.primary_key();
    for _ in 0..extras.rng.below(4) {
        match extras.rng.below(7) {
            0 | 1 => extras.unique(),
            2 | 3 => extras.exclusion(),
            4 => extras.generated_column(),
            5 => extras.check(),
            _ => extras.index(),
        }
    }
    extras.sql
}

struct Extras<'a> {
    rng: &'a mut Rng,
    features: &'a mut BTreeSet<&'static str>,
    table: &'a mut Linked,
    schema: &'a str,
    sql: Vec<String>,
}

impl Extras<'_> {
    fn add_constraint(&mut self, constraint: String) {
        self.sql.push(format!("ALTER TABLE {} ADD {constraint}", self.table.name));
    }

    fn number(&mut self) -> usize {
        let step = *self.rng.pick(&[1, 5]);
        self.table.add_distinct(self.rng, "integer", Fill::Count { start: 1000, step })
    }

    fn primary_key(&mut self) {
        if self.table.key.is_empty() {
            return;
        }
        let key = self.table.list(&self.table.key.clone());
        let mut include = String::new();
        if self.rng.chance(20) {
            self.features.insert("INCLUDE");
            let payload = self.number();
            include = format!(" INCLUDE ({})", self.table.list(&[payload]));
        }
        let deferrable = if self.table.deferrable_key { " DEFERRABLE" } else { "" };
        self.add_constraint(format!("PRIMARY KEY ({key}){include}{deferrable}"));
    }

    fn unique(&mut self) {
        let mut columns = self.table.needed();
        columns.push(self.number());
        let nulls = if self.rng.chance(30) { " NULLS NOT DISTINCT" } else { "" };
        let deferrable = match self.rng.below(3) {
            0 => " DEFERRABLE INITIALLY DEFERRED",
            1 => " DEFERRABLE",
            _ => "",
        };
        self.features.insert(if deferrable.is_empty() { "unique" } else { "deferrable unique" });
        self.add_constraint(format!("UNIQUE{nulls} ({}){deferrable}", self.table.list(&columns)));
    }

    fn exclusion(&mut self) {
        if self.table.is_partitioned() {
            return;
        }
        let deferrable = *self.rng.pick(&["", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"]);
        self.features.insert(if deferrable.is_empty() { "exclusion" } else { "deferrable exclusion" });
        let constraint = if self.rng.chance(70) {
            let span = self.table.add_distinct(self.rng, "int4range", Fill::Span);
            let name = self.table.list(&[span]);
            let only = if self.rng.chance(30) { format!(" WHERE (lower({name}) > 20)") } else { String::new() };
            format!("EXCLUDE USING gist ({name} WITH &&){only}{deferrable}")
        } else {
            let number = self.number();
            format!("EXCLUDE ({} WITH =){deferrable}", self.table.list(&[number]))
        };
        self.add_constraint(constraint);
    }

    fn generated_column(&mut self) {
        let from = self.number();
        let declared = format!("bigint GENERATED ALWAYS AS ({} * 2) STORED", self.table.list(&[from]));
        let at = self.table.add(self.rng, "bigint", None);
        self.table.columns[at].declared = declared;
        self.features.insert("generated column");
    }

    fn check(&mut self) {
        let number = self.number();
        let name = self.table.list(&[number]);
        let check = if self.rng.chance(50) { format!("{name} > 0") } else { format!("{}.small({name})", self.schema) };
        let alone = !self.table.is_partitioned() && !matches!(self.table.shape, Shape::Child(_)) && self.rng.chance(30);
        self.features.insert("check");
        self.add_constraint(format!("CHECK ({check}){}", if alone { " NO INHERIT" } else { "" }));
    }

    fn index(&mut self) {
        let number = self.number();
        let name = self.table.list(&[number]);
        let schema = self.schema;
        let expression = match self.rng.below(3) {
            0 => format!("({name} + 1)"),
            1 => format!("{schema}.half({name})"),
            _ => format!("({name} % 7)) WHERE ({name} > 1003"),
        };
        self.features.insert("expression index");
        self.sql.push(format!("CREATE INDEX ON {} ({expression})", self.table.name));
    }
}
