//! How each type's values are written: which shape the text has, and where the server must render the JSON itself.

use std::collections::HashMap;

use crate::bundle::sheet::Shape;
use crate::error::Result;
use crate::pg::query::{Snapshot, select};

/// One row of pg_type, as far as encoding depends on it.
struct TypeInfo {
    is_domain_over: Option<u32>,
    element: Option<u32>,
    composite_relation: Option<u32>,
    json_cast: JsonCast,
}

impl TypeInfo {
    fn is_nested(&self) -> bool {
        self.element.is_some() || self.composite_relation.is_some()
    }
}

/// Whether a cast to json exists that row_to_json would call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonCast {
    None,
    /// A superuser owns the function, as in contrib's hstore.
    Trusted,
    /// Anybody's code: not called, the text is exported instead.
    Untrusted,
}

/// All types of the database.
pub struct Types {
    types: HashMap<u32, TypeInfo>,
    attributes: HashMap<u32, Vec<u32>>,
}

/// How a column is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// The shape of the text.
    pub shape: Shape,
    /// The server renders the JSON (`to_json`), since the text doesn't tell it.
    pub server_json: bool,
}

impl Types {
    /// Reads pg_type, and the attributes of composite types.
    ///
    /// # Errors
    /// The server's.
    pub fn read() -> Result<Types> {
        // Casts of built-in types are not looked at by row_to_json either (json.c, json_categorize_type).
        let rows = select(
            Snapshot::Latest,
            "SELECT t.oid, CASE WHEN t.typtype = 'd' THEN t.typbasetype END, \
             CASE WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc AND t.typelem <> 0 THEN t.typelem END, \
             CASE WHEN t.typtype = 'c' THEN t.typrelid END, \
             j.rolsuper FROM pg_catalog.pg_type AS t LEFT JOIN (\
               SELECT c.castsource, r.rolsuper FROM pg_catalog.pg_cast AS c JOIN pg_catalog.pg_proc AS p ON p.oid = c.castfunc \
               JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner \
               WHERE c.casttarget = 'pg_catalog.json'::regtype AND c.castmethod = 'f' AND c.castsource >= 16384) AS j ON j.castsource = t.oid",
            &[],
        )?;
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u32>().ok());
        let types = rows
            .iter()
            .filter_map(|row| {
                let info = TypeInfo {
                    is_domain_over: number(&row[1]),
                    element: number(&row[2]),
                    composite_relation: number(&row[3]),
                    json_cast: match row[4].as_deref() {
                        Some("t") => JsonCast::Trusted,
                        Some(_) => JsonCast::Untrusted,
                        None => JsonCast::None,
                    },
                };
                Some((number(&row[0])?, info))
            })
            .collect();
        let rows = select(
            Snapshot::Latest,
            "SELECT a.attrelid, a.atttypid FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384 AND c.relkind IN ('c', 'r', 'p', 'v', 'm', 'f')",
            &[],
        )?;
        let mut attributes: HashMap<u32, Vec<u32>> = HashMap::new();
        for row in &rows {
            if let (Some(relation), Some(type_oid)) = (number(&row[0]), number(&row[1])) {
                attributes.entry(relation).or_default().push(type_oid);
            }
        }
        Ok(Types { types, attributes })
    }

    /// How a column of this type is exported.
    pub fn rendering(&self, type_oid: u32) -> Rendering {
        let base = self.base(type_oid);
        let text = Rendering { shape: Shape::Text, server_json: false };
        let Some(info) = self.types.get(&base) else { return text };
        let nested = info.is_nested() || info.json_cast != JsonCast::None;
        // Rows of no named type, and arrays of them.
        if base == 2249 || base == 2287 {
            return Rendering { shape: Shape::Text, server_json: true };
        }
        if nested {
            return Rendering { shape: Shape::Text, server_json: !self.reaches_untrusted_cast(base, &mut Vec::new()) };
        }
        Rendering { shape: shape(base), server_json: false }
    }

    fn base(&self, mut type_oid: u32) -> u32 {
        while let Some(base) = self.types.get(&type_oid).and_then(|info| info.is_domain_over) {
            type_oid = base;
        }
        type_oid
    }

    fn reaches_untrusted_cast(&self, type_oid: u32, seen: &mut Vec<u32>) -> bool {
        let base = self.base(type_oid);
        if seen.contains(&base) {
            return false;
        }
        seen.push(base);
        let Some(info) = self.types.get(&base) else { return false };
        // Casts of arrays and composites are not looked at by row_to_json, only those of what is inside.
        if !info.is_nested() {
            return info.json_cast == JsonCast::Untrusted;
        }
        let inside =
            info.element.iter().chain(info.composite_relation.iter().flat_map(|c| self.attributes.get(c)).flatten());
        inside.copied().collect::<Vec<_>>().into_iter().any(|inner| self.reaches_untrusted_cast(inner, seen))
    }
}

/// The shape of a base type's text (pg_type.dat).
fn shape(type_oid: u32) -> Shape {
    match type_oid {
        16 => Shape::Bool,
        20 | 21 | 23 => Shape::Integer,
        1700 => Shape::Numeric,
        700 | 701 => Shape::Float,
        1082 => Shape::Date,
        1083 => Shape::Time,
        1114 => Shape::Timestamp,
        1184 => Shape::TimestampTz,
        114 | 3802 => Shape::Json,
        _ => Shape::Text,
    }
}
