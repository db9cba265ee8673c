//! Random types: scalars, and what is made of types.

use std::collections::HashSet;

use crate::names::{literal, odd_name, quoted};
use crate::rng::Rng;
use crate::scalars::{SCALARS, Scalar};
use crate::values::backslashed;

/// A type, with what is needed to make values of it.
#[derive(Clone)]
pub struct Type {
    /// As a column declares it.
    pub sql: String,
    /// Whether a key may hold it.
    pub ordered: bool,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Scalar(&'static Scalar),
    Enum(Vec<String>),
    Array(Box<Type>),
    Composite(Vec<Type>),
    Range(&'static [&'static str]),
    Multirange(&'static [&'static str]),
    Domain(Box<Type>),
}

impl Type {
    fn scalar(scalar: &'static Scalar) -> Type {
        Type { sql: scalar.sql.into(), ordered: scalar.ordered, kind: Kind::Scalar(scalar) }
    }

    /// A built-in type of whose values others take care.
    pub fn named(sql: &str) -> Type {
        let text =
            SCALARS.iter().find(|scalar| scalar.sql == sql).or(SCALARS.iter().find(|scalar| scalar.sql == "text"));
        Type { sql: sql.into(), ..Type::scalar(text.expect("text is a scalar")) }
    }

    /// A value as the type's input function takes it; a short one where a key must hold it.
    pub fn value(&self, rng: &mut Rng, short: bool) -> String {
        match &self.kind {
            Kind::Scalar(scalar) => (scalar.value)(rng, short),
            Kind::Enum(labels) => rng.pick(labels).clone(),
            Kind::Domain(base) => base.value(rng, short),
            Kind::Array(element) => array(rng, element, short),
            Kind::Composite(attributes) => {
                let attribute = |of: &Type| match of.nullable(rng, short) {
                    Some(value) => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\"\"")),
                    None => String::new(),
                };
                format!("({})", attributes.iter().map(attribute).collect::<Vec<_>>().join(","))
            }
            Kind::Range(bounds) => range(rng, bounds),
            Kind::Multirange(bounds) => {
                let ranges: Vec<String> = (0..rng.below(4)).map(|_| range(rng, bounds)).collect();
                format!("{{{}}}", ranges.join(","))
            }
        }
    }

    /// As [`Type::value`], or none for NULL.
    pub fn nullable(&self, rng: &mut Rng, short: bool) -> Option<String> {
        (!rng.chance(20)).then(|| self.value(rng, short))
    }

    fn delimiter(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.sql == "box" => ";",
            Kind::Domain(inner) | Kind::Array(inner) => inner.delimiter(),
            _ => ",",
        }
    }

    fn is_single(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_) | Kind::Enum(_))
    }

    /// The word for this kind of type in [`crate::case::FEATURES`].
    pub fn feature(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.sql.starts_with("public.") => "contrib type",
            Kind::Scalar(_) => "scalar",
            Kind::Enum(_) => "enum",
            Kind::Array(_) => "array",
            Kind::Composite(_) => "composite",
            Kind::Range(_) => "range",
            Kind::Multirange(_) => "multirange",
            Kind::Domain(_) => "domain",
        }
    }
}

fn array(rng: &mut Rng, element: &Type, short: bool) -> String {
    if rng.chance(15) {
        return "{}".into();
    }
    let list = |rng: &mut Rng, length: usize, inner: Option<usize>| {
        let item = |rng: &mut Rng| element.nullable(rng, short).map_or("NULL".into(), |value| backslashed(&value));
        let items: Vec<String> = (0..length)
            .map(|_| match inner {
                Some(inner) => {
                    format!("{{{}}}", (0..inner).map(|_| item(rng)).collect::<Vec<_>>().join(element.delimiter()))
                }
                None => item(rng),
            })
            .collect();
        format!("{{{}}}", items.join(element.delimiter()))
    };
    let (length, inner) = (1 + rng.below(3), 1 + rng.below(2));
    let lower = rng.between(-3, 3);
    match rng.below(4) {
        0 => list(rng, length, Some(inner)),
        1 => format!("[{lower}:{}]={}", lower + length as i64 - 1, list(rng, length, None)),
        2 => format!("[{lower}:{}][7:{}]={}", lower + length as i64 - 1, 6 + inner, list(rng, length, Some(inner))),
        _ => list(rng, length, None),
    }
}

fn range(rng: &mut Rng, bounds: &[&str]) -> String {
    if rng.chance(10) {
        return "empty".into();
    }
    let (one, other) = (rng.below(bounds.len()), rng.below(bounds.len()));
    let bound = |rng: &mut Rng, at: usize| if rng.chance(15) { String::new() } else { backslashed(bounds[at]) };
    let (open, close) = (*rng.pick(&["[", "("]), *rng.pick(&["]", ")"]));
    let (lower, upper) = (bound(rng, one.min(other)), bound(rng, one.max(other)));
    format!("{open}{lower},{upper}{close}")
}

/// Makes types, and collects the SQL that creates them.
pub struct TypeMaker {
    /// The schema, quoted.
    schema: String,
    /// Statements in their order, those of the tables included.
    pub sql: Vec<String>,
    used: HashSet<String>,
    made: Vec<Type>,
}

impl TypeMaker {
    pub fn new(schema: &str) -> TypeMaker {
        TypeMaker { schema: quoted(schema), sql: Vec::new(), used: HashSet::new(), made: Vec::new() }
    }

    /// A type for a column: one that is there, or another one.
    pub fn any(&mut self, rng: &mut Rng) -> Type {
        if !self.made.is_empty() && rng.chance(15) {
            return rng.pick(&self.made).clone();
        }
        self.make(rng, 3)
    }

    /// A type that a key may hold.
    pub fn ordered(&mut self, rng: &mut Rng) -> Type {
        loop {
            let made = self.any(rng);
            if made.ordered {
                return made;
            }
        }
    }

    fn make(&mut self, rng: &mut Rng, depth: usize) -> Type {
        let dice = rng.below(100);
        match dice {
            60..75 if depth > 0 => self.array(rng, depth),
            75..82 if depth > 0 => self.domain(rng, depth),
            82..88 if depth > 0 => self.composite(rng, depth),
            88..92 => self.labels(rng),
            92..98 => self.range(rng),
            _ => Type::scalar(rng.pick(SCALARS)),
        }
    }

    /// A name for a table that no type of this maker has: a table is a type.
    pub fn unused_name(&mut self, rng: &mut Rng, used: &mut HashSet<String>) -> String {
        loop {
            let name = odd_name(rng, used, 60);
            if self.used.insert(name.clone()) {
                return name;
            }
        }
    }

    /// A name in this schema. An array type's name is made of it: one byte is left for that.
    fn name(&mut self, rng: &mut Rng) -> String {
        let name = odd_name(rng, &mut self.used, 60);
        self.used.insert(format!("_{name}"));
        format!("{}.{}", self.schema, quoted(&name))
    }

    fn array(&mut self, rng: &mut Rng, depth: usize) -> Type {
        let element = self.make(rng, depth - 1);
        if let Kind::Array(_) = element.kind {
            return element;
        }
        let (name, collation) = element.sql.split_once(" COLLATE ").unwrap_or((&element.sql, ""));
        let collation = if collation.is_empty() { String::new() } else { format!(" COLLATE {collation}") };
        // An entry of an index must not become too long.
        let ordered = element.ordered && element.is_single();
        Type { sql: format!("{name}[]{collation}"), ordered, kind: Kind::Array(Box::new(element)) }
    }

    fn domain(&mut self, rng: &mut Rng, depth: usize) -> Type {
        let base = self.make(rng, depth - 1);
        let check = if rng.chance(30) { " CHECK (VALUE IS NULL OR true)" } else { "" };
        let name = self.name(rng);
        self.sql.push(format!("CREATE DOMAIN {name} AS {}{check}", base.sql));
        self.keep(Type { sql: name, ordered: base.ordered, kind: Kind::Domain(Box::new(base)) })
    }

    fn composite(&mut self, rng: &mut Rng, depth: usize) -> Type {
        let attributes: Vec<Type> = (0..rng.below(4)).map(|_| self.make(rng, depth - 1)).collect();
        let (name, mut used) = (self.name(rng), HashSet::from(["gone".to_owned()]));
        let mut declared: Vec<String> =
            attributes.iter().map(|of| format!("{} {}", quoted(&odd_name(rng, &mut used, 63)), of.sql)).collect();
        let dropped = rng.chance(30);
        if dropped {
            declared.insert(rng.below(declared.len() + 1), "gone date".into());
        }
        self.sql.push(format!("CREATE TYPE {name} AS ({})", declared.join(", ")));
        if dropped {
            self.sql.push(format!("ALTER TYPE {name} DROP ATTRIBUTE gone"));
        }
        let ordered = !attributes.is_empty() && attributes.iter().all(|of| of.ordered && of.is_single());
        self.keep(Type { sql: name, ordered, kind: Kind::Composite(attributes) })
    }

    fn labels(&mut self, rng: &mut Rng) -> Type {
        let mut used = HashSet::new();
        let labels: Vec<String> = (0..1 + rng.below(4)).map(|_| odd_name(rng, &mut used, 63)).collect();
        let name = self.name(rng);
        let list: Vec<String> = labels.iter().map(|label| literal(label)).collect();
        self.sql.push(format!("CREATE TYPE {name} AS ENUM ({})", list.join(", ")));
        self.keep(Type { sql: name, ordered: true, kind: Kind::Enum(labels) })
    }

    fn range(&mut self, rng: &mut Rng) -> Type {
        const BUILT_IN: [(&str, &str, &str); 6] = [
            ("integer", "int4range", "int4multirange"),
            ("bigint", "int8range", "int8multirange"),
            ("numeric", "numrange", "nummultirange"),
            ("date", "daterange", "datemultirange"),
            ("timestamp", "tsrange", "tsmultirange"),
            ("timestamptz", "tstzrange", "tstzmultirange"),
        ];
        let subtype = loop {
            let scalar = rng.pick(SCALARS);
            if !scalar.bounds.is_empty() {
                break scalar;
            }
        };
        let built_in = BUILT_IN.iter().find(|(of, ..)| *of == subtype.sql).filter(|_| rng.chance(50));
        let (range, multirange) = match built_in {
            Some((_, range, multirange)) => (range.to_string(), multirange.to_string()),
            None => {
                let (range, multirange) = (self.name(rng), self.name(rng));
                let options = format!("SUBTYPE = {}, MULTIRANGE_TYPE_NAME = {multirange}", subtype.sql);
                self.sql.push(format!("CREATE TYPE {range} AS RANGE ({options})"));
                (range, multirange)
            }
        };
        let of = |sql: String, kind: Kind| Type { sql, ordered: true, kind };
        let range = self.keep(of(range, Kind::Range(subtype.bounds)));
        let multirange = self.keep(of(multirange, Kind::Multirange(subtype.bounds)));
        if rng.chance(50) { multirange } else { range }
    }

    fn keep(&mut self, made: Type) -> Type {
        self.made.push(made.clone());
        made
    }
}
