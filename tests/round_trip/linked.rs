//! Tables whose every value is known, so that foreign keys can refer to them and rows can be added that break no constraint.

use std::collections::{BTreeSet, HashSet};

use crate::names::{literal, odd_name, quoted};
use crate::references::Reference;
use crate::rng::Rng;
use crate::types::{Type, TypeMaker};

/// What a partition key of text may be.
const PARTS: [&str; 4] = ["", "a", "ß", "x,\"y\""];

/// The value of a column in the row of a number, from 1.
#[derive(Clone)]
pub enum Fill {
    /// `start + (number - 1) * step`.
    Count {
        start: i64,
        step: i64,
    },
    /// A text that no other row has.
    Word,
    /// One of [`PARTS`].
    Part,
    Uuid,
    /// A range that overlaps that of no other row.
    Span,
    /// Any value of the type, or NULL.
    Any(Type),
    /// A text that any row may have.
    Note,
    /// That column of the row which the reference of this number refers to.
    Refers {
        reference: usize,
        column: usize,
    },
}

impl Fill {
    /// The value, as SQL writes it; none where it depends on more than the number.
    pub fn known(&self, number: usize) -> Option<String> {
        let number = number as i64;
        Some(match self {
            Fill::Count { start, step } => format!("({})", start + (number - 1) * step),
            Fill::Word => literal(&format!("w\"{number}\\\n")),
            Fill::Part => literal(PARTS[number as usize % PARTS.len()]),
            Fill::Uuid => format!("'00000000-0000-4000-8000-{number:012}'"),
            Fill::Span => format!("'[{},{})'", number * 10, number * 10 + 5),
            Fill::Any(_) | Fill::Note | Fill::Refers { .. } => return None,
        })
    }
}

#[derive(Clone)]
pub struct Column {
    /// Quoted.
    pub name: String,
    /// The type, as a column that refers to this one has it.
    pub base: String,
    /// What follows the name in the declaration.
    pub declared: String,
    pub not_null: bool,
    /// None where the server makes the value; then [`Column::made`] tells it.
    pub fill: Option<Fill>,
    /// What the server makes of a key.
    pub made: Option<Fill>,
}

impl Column {
    /// The value in a row, where it is known.
    pub fn known(&self, number: usize) -> Option<String> {
        self.fill.as_ref().or(self.made.as_ref())?.known(number)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Plain,
    /// The child of the table of this number.
    Child(usize),
    List,
    Range,
    Hash,
}

#[derive(Clone)]
pub struct Linked {
    /// Schema and name, quoted.
    pub name: String,
    pub shape: Shape,
    pub unlogged: bool,
    pub columns: Vec<Column>,
    /// Where the columns of the primary key stand; empty where there is none.
    pub key: Vec<usize>,
    /// The column that partitions are made by.
    by: usize,
    /// A deferrable key cannot be referred to.
    pub deferrable_key: bool,
    /// How many rows there are before anything is added.
    pub rows: usize,
    pub references: Vec<Reference>,
    used: HashSet<String>,
    /// What refers to it, filled in by [`crate::references`].
    pub referred: bool,
}

impl Linked {
    pub fn new(
        rng: &mut Rng,
        types: &mut TypeMaker,
        features: &mut BTreeSet<&'static str>,
        name: String,
        shape: Shape,
    ) -> Linked {
        let mut table = Linked {
            name,
            shape,
            unlogged: shape == Shape::Plain && rng.chance(10),
            columns: Vec::new(),
            key: Vec::new(),
            by: 0,
            deferrable_key: false,
            rows: 1 + rng.below(12),
            references: Vec::new(),
            used: HashSet::new(),
            referred: false,
        };
        if table.unlogged {
            features.insert("unlogged");
        }
        table.key_columns(rng, features);
        for _ in 0..rng.below(4) {
            let of = types.any(rng);
            let base = of.sql.clone();
            table.add(rng, &base, Some(Fill::Any(of)));
        }
        table.add(rng, "text", Some(Fill::Note));
        table
    }

    /// A table that inherits from this one, the table of number `at`, with columns of its own. Neither keys nor identity are inherited.
    pub fn child(&self, rng: &mut Rng, name: String, at: usize) -> Linked {
        let mut child = Linked { name, shape: Shape::Child(at), referred: false, ..self.clone() };
        for column in &mut child.columns {
            column.fill = column.fill.take().or(column.made.take());
        }
        for _ in 0..rng.below(3) {
            child.add(rng, "text", Some(Fill::Note));
        }
        child
    }

    pub fn add(&mut self, rng: &mut Rng, base: &str, fill: Option<Fill>) -> usize {
        let name = quoted(&odd_name(rng, &mut self.used, 63));
        let (base, declared) = (base.to_owned(), base.to_owned());
        self.columns.push(Column { name, base, declared, not_null: false, fill, made: None });
        self.columns.len() - 1
    }

    /// A column that may not be NULL, as all that hold distinct values.
    pub fn add_distinct(&mut self, rng: &mut Rng, base: &str, fill: Fill) -> usize {
        let at = self.add(rng, base, Some(fill));
        self.columns[at].not_null = true;
        at
    }

    fn key_columns(&mut self, rng: &mut Rng, features: &mut BTreeSet<&'static str>) {
        let mut feature = |name| features.insert(name);
        let (start, step) = (rng.between(-50, 50), *rng.pick(&[1, 1, 3, -1, -7]));
        let counted = Fill::Count { start, step };
        let of = match rng.below(9) {
            0 | 1 => {
                feature("serial");
                self.made(rng, "integer", "serial", Fill::Count { start: 1, step: 1 })
            }
            2 | 3 => {
                let (word, how) = *rng.pick(&[("identity always", "ALWAYS"), ("identity by default", "BY DEFAULT")]);
                feature(word);
                let bounds = "MINVALUE -1000000 MAXVALUE 1000000";
                let declared = format!("bigint GENERATED {how} AS IDENTITY (START {start} INCREMENT {step} {bounds})");
                self.made(rng, "bigint", &declared, counted)
            }
            4 => self.add_distinct(rng, "text", Fill::Word),
            5 => self.add_distinct(rng, "uuid", Fill::Uuid),
            _ => self.add_distinct(rng, "bigint", counted),
        };
        self.by = self.partition_column(rng, of);
        if rng.chance(15) {
            feature("no key");
            return;
        }
        self.key.push(of);
        if self.by != of {
            self.key.push(self.by);
        } else if rng.chance(25) {
            let part = self.add_distinct(rng, "text", Fill::Part);
            self.key.push(part);
        }
        if self.key.len() > 1 {
            feature("composite key");
            rng.shuffle(&mut self.key);
        }
        self.deferrable_key = rng.chance(8);
        if self.deferrable_key {
            feature("deferrable key");
        }
    }

    fn made(&mut self, rng: &mut Rng, base: &str, declared: &str, made: Fill) -> usize {
        let at = self.add(rng, base, None);
        let column = &mut self.columns[at];
        (column.declared, column.not_null, column.made) = (declared.to_owned(), true, Some(made));
        at
    }

    /// The column that partitions are made by: the key's own, or another.
    fn partition_column(&mut self, rng: &mut Rng, of: usize) -> usize {
        match self.shape {
            Shape::List => self.add_distinct(rng, "text", Fill::Part),
            Shape::Range if !matches!(self.columns[of].base.as_str(), "integer" | "bigint") => {
                self.add_distinct(rng, "integer", Fill::Count { start: 1, step: 1 })
            }
            _ => of,
        }
    }

    /// The statements that make the table and its partitions, or the child, without rows and keys.
    pub fn create(&self, rng: &mut Rng, features: &mut BTreeSet<&'static str>, tables: &[Linked]) -> Vec<String> {
        let declared = |columns: &[Column], alone: bool| {
            let one = |column: &Column| {
                let of = if alone && column.made.is_some() { &column.base } else { &column.declared };
                format!("{} {of}{}", column.name, if column.not_null { " NOT NULL" } else { "" })
            };
            columns.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let (name, kind) = (&self.name, if self.unlogged { "UNLOGGED TABLE" } else { "TABLE" });
        let (strategy, bounds): (_, &[&str]) = match self.shape {
            Shape::Plain => return vec![format!("CREATE {kind} {name} ({})", declared(&self.columns, false))],
            Shape::Child(parent) => {
                features.insert("inheritance");
                let parent = &tables[parent];
                let own = declared(&self.columns[parent.columns.len()..], false);
                return vec![format!("CREATE TABLE {name} ({own}) INHERITS ({})", parent.name)];
            }
            Shape::List => ("LIST", &["FOR VALUES IN ('', 'a')", "FOR VALUES IN ('ß')", "DEFAULT"]),
            Shape::Range => ("RANGE", &["FOR VALUES FROM (MINVALUE) TO (3)", "FOR VALUES FROM (3) TO (9)", "DEFAULT"]),
            Shape::Hash => {
                ("HASH", &["FOR VALUES WITH (MODULUS 2, REMAINDER 0)", "FOR VALUES WITH (MODULUS 2, REMAINDER 1)"])
            }
        };
        features.insert(match strategy {
            "LIST" => "list partitions",
            "RANGE" => "range partitions",
            _ => "hash partitions",
        });
        let by = &self.columns[self.by].name;
        let mut sql =
            vec![format!("CREATE TABLE {name} ({}) PARTITION BY {strategy} ({by})", declared(&self.columns, false))];
        for (number, bound) in bounds.iter().enumerate() {
            let partition = self.partition(number);
            match rng.below(3) {
                0 => {
                    features.insert("attached partition");
                    let mut columns = self.columns.clone();
                    rng.shuffle(&mut columns);
                    sql.push(format!("CREATE TABLE {partition} (gone_ text, {})", declared(&columns, true)));
                    sql.push(format!("ALTER TABLE {partition} DROP COLUMN gone_"));
                    sql.push(format!("ALTER TABLE {name} ATTACH PARTITION {partition} {bound}"));
                }
                1 => {
                    features.insert("nested partitions");
                    let below =
                        format!("CREATE TABLE {partition} PARTITION OF {name} {bound} PARTITION BY HASH ({by})");
                    sql.push(below);
                    for remainder in 0..2 {
                        let bound = format!("FOR VALUES WITH (MODULUS 2, REMAINDER {remainder})");
                        let leaf = self.partition(10 + 2 * number + remainder);
                        sql.push(format!("CREATE TABLE {leaf} PARTITION OF {partition} {bound}"));
                    }
                }
                _ => sql.push(format!("CREATE TABLE {partition} PARTITION OF {name} {bound}")),
            }
        }
        sql
    }

    /// The name of a partition: the table's, cut, with a number.
    fn partition(&self, number: usize) -> String {
        let (schema, _) = self.name.split_once("\".\"").expect("a qualified name");
        let rank = self.name.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        format!("{schema}\".\"part {rank:x} {number}\"")
    }

    /// A column that any row may change.
    pub fn note(&self) -> &Column {
        let note = self.columns.iter().find(|column| matches!(column.fill, Some(Fill::Note)));
        note.expect("every table has one")
    }

    /// A condition that holds for the rows of the numbers up to `last` that [`crate::damage::work`] has not changed.
    pub fn untouched_up_to(&self, last: usize) -> String {
        // The first column is that of the key, made or not.
        let first = &self.columns[0];
        let known: Vec<String> = (1..=last).filter_map(|number| first.known(number)).collect();
        format!("q.{} IN ({}) AND q.{} NOT LIKE '%changed'", first.name, known.join(", "), self.note().name)
    }

    pub fn is_partitioned(&self) -> bool {
        matches!(self.shape, Shape::List | Shape::Range | Shape::Hash)
    }

    /// The partition key that a unique constraint must hold besides, if any.
    pub fn needed(&self) -> Vec<usize> {
        if self.is_partitioned() { vec![self.by] } else { Vec::new() }
    }

    /// Names of columns, as SQL lists them.
    pub fn list(&self, columns: &[usize]) -> String {
        columns.iter().map(|at| self.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
