//! What the catalogs say of objects and of what they depend on (pg_depend), for all that users have made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::objects::{Class, Object, Place, Reference, Unit};
use crate::catalog::extension;
use crate::error::Result;
use crate::pg::query::{Row, Snapshot, number, select};

/// A type, by pg_type.
pub struct Type {
    /// `e`, `d`, `r`, `c` … (typtype).
    pub kind: char,
    pub schema: u32,
    /// With its schema, quoted.
    pub name: String,
    /// The relation whose rows it describes.
    pub relation: Option<u32>,
    /// What an array type is an array of, or a multirange type of.
    pub of: Option<u32>,
}

/// A relation, by pg_class.
pub struct Relation {
    pub kind: char,
    pub row_type: u32,
    pub is_temporary: bool,
}

/// An extension.
pub struct Extension {
    /// Quoted.
    pub name: String,
    pub schema: u32,
}

/// The catalogs as they are now.
pub struct Catalog {
    pub types: HashMap<u32, Type>,
    pub relations: HashMap<u32, Relation>,
    pub extensions: BTreeMap<u32, Extension>,
    /// Schemas' names.
    pub schemas: HashMap<u32, String>,
    /// Tables that the script makes.
    pub tables: BTreeSet<u32>,
    /// Tables that it leaves to extensions.
    pub of_extensions: BTreeSet<u32>,
    /// Sequences that it makes.
    pub sequences: BTreeSet<u32>,
    /// Relations that must not be named.
    pub forbidden: HashSet<u32>,
    members: HashMap<Object, u32>,
    references: HashMap<Object, Vec<Reference>>,
    own_extension: u32,
}

impl Catalog {
    /// Reads them.
    ///
    /// # Errors
    /// The server's.
    pub fn read(
        tables: BTreeSet<u32>,
        sequences: BTreeSet<u32>,
        forbidden: impl IntoIterator<Item = u32>,
    ) -> Result<Catalog> {
        let mut catalog = Catalog {
            types: types()?,
            relations: relations()?,
            extensions: extensions()?,
            schemas: schemas()?,
            tables,
            of_extensions: BTreeSet::new(),
            sequences,
            forbidden: forbidden.into_iter().collect(),
            members: HashMap::new(),
            references: HashMap::new(),
            own_extension: extension::lookup()?.oid.to_u32(),
        };
        catalog.read_dependencies()?;
        let is_member = |oid: &u32| catalog.members.contains_key(&Object::relation(*oid));
        (catalog.of_extensions, catalog.tables) = catalog.tables.iter().copied().partition(is_member);
        catalog.sequences = catalog.sequences.iter().copied().filter(|oid| !is_member(oid)).collect();
        Ok(catalog)
    }

    fn read_dependencies(&mut self) -> Result<()> {
        let rows = select(
            Snapshot::Latest,
            "SELECT DISTINCT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype = 'e' FROM pg_catalog.pg_depend \
             WHERE refobjid >= 16384 AND deptype NOT IN ('P', 'S') AND (deptype = 'e' OR classid IN ('pg_catalog.pg_class'::regclass, \
             'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_constraint'::regclass, \
             'pg_catalog.pg_extension'::regclass))",
            &[],
        )?;
        for row in &rows {
            let value = |index: usize| number(&row[index]).unwrap_or_default();
            let from = Object { class: Class::of_catalog(value(0)), oid: value(1) };
            let to = Object { class: Class::of_catalog(value(3)), oid: value(4) };
            if row[6].as_deref() == Some("t") {
                self.members.insert(from, to.oid);
            } else {
                let reference = Reference { of_column: value(2) as i32, to, column: value(5) as i32 };
                self.references.entry(from).or_default().push(reference);
            }
        }
        self.references.values_mut().for_each(|references| references.sort_unstable());
        Ok(())
    }

    /// What `object` depends on.
    pub fn references(&self, object: Object) -> &[Reference] {
        self.references.get(&object).map(Vec::as_slice).unwrap_or_default()
    }

    /// The extension that brings an object.
    pub fn extension_of(&self, object: Object) -> Option<u32> {
        self.members.get(&object).copied()
    }

    /// Whether a name says that there is a relation that the script doesn't make: one that is excluded has no name here.
    pub fn is_of_another_relation(&self, object: Object) -> bool {
        match object.class {
            Class::Relation => !self.tables.contains(&object.oid),
            Class::Type => self.types.get(&object.oid).is_some_and(|found| match found.of {
                Some(of) => self.is_of_another_relation(Object::of_type(of)),
                None => found.relation.is_some_and(|oid| {
                    let is_composite = self.relations.get(&oid).is_some_and(|relation| relation.kind == 'c');
                    !is_composite && !self.tables.contains(&oid)
                }),
            }),
            _ => false,
        }
    }

    /// Where `object` comes from.
    pub fn place(&self, object: Object) -> Place {
        if object.is_built_in() {
            return Place::Server;
        }
        match self.members.get(&object) {
            Some(extension) if *extension == self.own_extension => return Place::Nowhere,
            Some(extension) => return Place::Extension(*extension),
            None => {}
        }
        match object.class {
            Class::Schema => Place::Unit(Unit::Schema(object.oid)),
            Class::Collation => Place::Unit(Unit::Collation(object.oid)),
            Class::Type => self.place_of_type(object.oid),
            Class::Relation => self.place_of_relation(object.oid),
            Class::Extension => Place::Extension(object.oid),
            Class::Default | Class::Constraint | Class::Other(_) => Place::Nowhere,
        }
    }

    fn place_of_type(&self, oid: u32) -> Place {
        let Some(found) = self.types.get(&oid) else { return Place::Nowhere };
        if let Some(of) = found.of {
            return self.place(Object::of_type(of));
        }
        match (found.kind, found.relation) {
            _ if self.schemas.get(&found.schema).is_none_or(|name| name.starts_with("pg_")) => Place::Nowhere,
            ('c', Some(relation)) => {
                let kind = self.relations.get(&relation).map_or('?', |relation| relation.kind);
                match self.place_of_relation(relation) {
                    _ if kind == 'c' => Place::Unit(Unit::Type(oid)),
                    Place::Nowhere if !self.forbidden.contains(&relation) => Place::Unit(Unit::Type(oid)),
                    place => place,
                }
            }
            ('e' | 'd' | 'r', _) => Place::Unit(Unit::Type(oid)),
            _ => Place::Nowhere,
        }
    }

    fn place_of_relation(&self, oid: u32) -> Place {
        if let Some(extension) = self.members.get(&Object::relation(oid)) {
            let own = *extension == self.own_extension;
            return if own { Place::Nowhere } else { Place::Extension(*extension) };
        }
        let Some(relation) = self.relations.get(&oid).filter(|relation| !relation.is_temporary) else {
            return Place::Nowhere;
        };
        match relation.kind {
            'S' if self.sequences.contains(&oid) => Place::Unit(Unit::Sequence(oid)),
            'c' => Place::Unit(Unit::Type(relation.row_type)),
            'i' | 'I' => Place::Unit(Unit::Index(oid)),
            _ if self.tables.contains(&oid) => Place::Unit(Unit::Table(oid)),
            _ => Place::Nowhere,
        }
    }
}

fn types() -> Result<HashMap<u32, Type>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT t.oid, t.typtype, n.oid, pg_catalog.format('%I.%I', n.nspname, t.typname), nullif(t.typrelid, 0), \
         coalesce(e.oid, m.rngtypid) \
         FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace \
         LEFT JOIN pg_catalog.pg_type AS e ON e.typarray = t.oid LEFT JOIN pg_catalog.pg_range AS m ON m.rngmultitypid = t.oid \
         WHERE t.oid >= 16384",
        &[],
    )?;
    let described = |row: &Row| {
        let found = Type {
            kind: row[1].as_deref()?.chars().next()?,
            schema: number(&row[2])?,
            name: row[3].clone()?,
            relation: number(&row[4]),
            of: number(&row[5]),
        };
        Some((number(&row[0])?, found))
    };
    Ok(rows.iter().filter_map(described).collect())
}

fn relations() -> Result<HashMap<u32, Relation>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid, relkind, reltype, relpersistence = 't' FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind <> 't'",
        &[],
    )?;
    let described = |row: &Row| {
        let found = Relation {
            kind: row[1].as_deref()?.chars().next()?,
            row_type: number(&row[2])?,
            is_temporary: row[3].as_deref() == Some("t"),
        };
        Some((number(&row[0])?, found))
    };
    Ok(rows.iter().filter_map(described).collect())
}

fn extensions() -> Result<BTreeMap<u32, Extension>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT oid, pg_catalog.quote_ident(extname), extnamespace FROM pg_catalog.pg_extension",
        &[],
    )?;
    let described = |row: &Row| Some((number(&row[0])?, Extension { name: row[1].clone()?, schema: number(&row[2])? }));
    Ok(rows.iter().filter_map(described).collect())
}

fn schemas() -> Result<HashMap<u32, String>> {
    let rows = select(Snapshot::Latest, "SELECT oid, nspname FROM pg_catalog.pg_namespace", &[])?;
    Ok(rows.iter().filter_map(|row| Some((number(&row[0])?, row[1].clone()?))).collect())
}
