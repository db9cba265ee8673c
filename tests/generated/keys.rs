//! Keys of a table.

use crate::tables::{Column, TableMaker};

impl TableMaker<'_> {
    /// Primary key and unique constraint, if any; both hold the columns `needed` by partitions.
    pub fn keys(&mut self, needed: &[&str]) -> String {
        let mut keys = String::new();
        let wanted = self.rng.below(4);
        if wanted == 0 {
            self.feature("no key");
        } else {
            let of = self.types.ordered(self.rng);
            self.add_column(of, |_| ());
            let key = self.key_columns(wanted - 1, needed, true);
            self.feature(if key.len() > 1 { "composite key" } else { "single key" });
            let include = self.include(&key);
            keys = format!(", PRIMARY KEY ({}){include}", key.join(", "));
        }
        if self.rng.chance(15) {
            let unique = self.key_columns(1, needed, false);
            if !unique.is_empty() {
                self.feature("unique");
                keys += &format!(", UNIQUE ({})", unique.join(", "));
            }
        }
        if self.columns.is_empty() { keys.trim_start_matches(", ").into() } else { keys }
    }

    /// The last column of those that a key may hold, `more` others, and those `needed`, in any order.
    fn key_columns(&mut self, more: usize, needed: &[&str], primary: bool) -> Vec<String> {
        let fits = |column: &Column| column.of.ordered && !column.options.contains("STORED");
        let mut fit: Vec<usize> = (0..self.columns.len()).rev().filter(|at| fits(&self.columns[*at])).collect();
        fit.truncate(1 + more);
        fit.extend((0..self.columns.len()).filter(|at| needed.contains(&self.columns[*at].name.as_str())));
        fit.sort();
        fit.dedup();
        self.rng.shuffle(&mut fit);
        for at in &fit {
            self.columns[*at].short = true;
            self.columns[*at].not_null |= primary;
        }
        fit.iter().map(|at| self.columns[*at].name.clone()).collect()
    }

    fn include(&mut self, key: &[String]) -> String {
        let Some(column) = self.columns.iter_mut().find(|column| column.of.ordered && !key.contains(&column.name))
        else {
            return String::new();
        };
        if !self.rng.chance(30) {
            return String::new();
        }
        column.short = true;
        let include = format!(" INCLUDE ({})", column.name);
        self.feature("INCLUDE");
        include
    }
}
