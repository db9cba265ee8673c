//! Objects of the database, as pg_depend names them, and where they come from.

use pgrx::pg_sys;

/// Objects below come with the server (`FirstNormalObjectId` in transam.h).
const FIRST_OF_USERS: u32 = 16384;

const CLASSES: [(pg_sys::Oid, Class); 7] = [
    (pg_sys::RelationRelationId, Class::Relation),
    (pg_sys::TypeRelationId, Class::Type),
    (pg_sys::Oid::from_u32(2604), Class::Default),
    (pg_sys::Oid::from_u32(2606), Class::Constraint),
    (pg_sys::CollationRelationId, Class::Collation),
    (pg_sys::NamespaceRelationId, Class::Schema),
    (pg_sys::ExtensionRelationId, Class::Extension),
];

/// The catalogs whose objects this folder tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Relation,
    Type,
    Default,
    Constraint,
    Collation,
    Schema,
    Extension,
    /// Of all others by their oids.
    Other(u32),
}

impl Class {
    /// The class of the objects in this catalog.
    pub fn of_catalog(catalog: u32) -> Class {
        CLASSES.iter().find(|(known, _)| known.to_u32() == catalog).map_or(Class::Other(catalog), |(_, class)| *class)
    }
}

/// An object of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    pub class: Class,
    pub oid: u32,
}

impl Object {
    pub fn relation(oid: u32) -> Object {
        Object { class: Class::Relation, oid }
    }

    pub fn of_type(oid: u32) -> Object {
        Object { class: Class::Type, oid }
    }

    pub fn constraint(oid: u32) -> Object {
        Object { class: Class::Constraint, oid }
    }

    /// The oid of its catalog.
    pub fn catalog(&self) -> u32 {
        match self.class {
            Class::Other(catalog) => catalog,
            known => CLASSES.iter().find(|(_, class)| *class == known).map_or(0, |(catalog, _)| catalog.to_u32()),
        }
    }

    /// Comes with the server.
    pub fn is_built_in(&self) -> bool {
        self.oid < FIRST_OF_USERS
    }
}

/// What an object depends on. Of relations the columns are told by their numbers; 0 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Which column of the object depends.
    pub of_column: i32,
    pub to: Object,
    /// Which column of `to` is depended on.
    pub column: i32,
}

/// A statement of schema.sql makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Schema(u32),
    Collation(u32),
    /// An enum, domain, range or composite; also the row type of a relation that the script doesn't make.
    Type(u32),
    Sequence(u32),
    Table(u32),
    Index(u32),
}

/// Where an object comes from in a database that was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is there already.
    Server,
    /// CREATE EXTENSION makes it.
    Extension(u32),
    /// The script makes it, where it can.
    Unit(Unit),
    /// Nothing makes it.
    Nowhere,
}
