//! Which types, collations and extensions the tables need, what of all this can be made, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::objects::{Class, Object, Place, Reference, Unit};

/// What the script makes.
pub struct Selection<'a> {
    catalog: &'a Catalog,
    /// Schemas apart.
    made: BTreeSet<Unit>,
    /// What cannot be made, and the object that is missing for it.
    pub dropped: BTreeMap<Unit, Object>,
    /// Generated columns that have lost what generates them, table and number, each with its object in pg_attrdef.
    pub emptied: BTreeMap<(u32, i32), Object>,
}

impl<'a> Selection<'a> {
    /// All tables of `catalog`, the types and collations `wanted`, and what these and `expressions` need; without what cannot be made.
    pub fn of(catalog: &'a Catalog, wanted: impl IntoIterator<Item = Object>, expressions: &[Object]) -> Selection<'a> {
        let mut selection =
            Selection { catalog, made: BTreeSet::new(), dropped: BTreeMap::new(), emptied: BTreeMap::new() };
        let tables = catalog.tables.iter().map(|oid| Object::relation(*oid));
        let mut queue: Vec<Object> = tables.chain(wanted).collect();
        for expression in expressions {
            queue.extend(catalog.references(*expression).iter().map(|reference| reference.to));
        }
        while let Some(object) = queue.pop() {
            let Place::Unit(unit) = catalog.place(object) else { continue };
            let reached = matches!(unit, Unit::Table(_) | Unit::Type(_) | Unit::Collation(_));
            if reached && selection.made.insert(unit) {
                queue.extend(selection.all_needs(unit));
            }
        }
        selection.drop_what_cannot_be_made();
        selection.made.extend(catalog.sequences.iter().map(|oid| Unit::Sequence(*oid)));
        selection
    }

    /// Whether a statement makes it.
    pub fn makes(&self, unit: Unit) -> bool {
        self.made.contains(&unit)
    }

    /// Takes tables out, and what cannot be made without them.
    pub fn remove_tables(&mut self, tables: &BTreeSet<u32>) {
        tables.iter().for_each(|oid| {
            self.made.remove(&Unit::Table(*oid));
        });
        self.drop_what_cannot_be_made();
    }

    /// Notes that a statement makes it.
    pub fn add(&mut self, unit: Unit) {
        self.made.insert(unit);
    }

    /// The types that are made.
    pub fn types(&self) -> BTreeSet<u32> {
        let oid = |unit: &Unit| if let Unit::Type(oid) = unit { Some(*oid) } else { None };
        self.made.iter().filter_map(oid).collect()
    }

    /// The collations that are made.
    pub fn collations(&self) -> BTreeSet<u32> {
        let oid = |unit: &Unit| if let Unit::Collation(oid) = unit { Some(*oid) } else { None };
        self.made.iter().filter_map(oid).collect()
    }

    /// What `object` depends on and the script does not have; `table` is the one that it belongs to.
    pub fn missing(&self, object: Object, table: u32) -> Option<Object> {
        let missing = |reference: &Reference| {
            let emptied = || self.emptied.get(&(reference.to.oid, reference.column)).copied();
            match reference.to {
                to if to.class == Class::Relation && emptied().is_some() => emptied(),
                to if to == Object::relation(table) && self.makes(Unit::Table(table)) => None,
                // An index depends on the constraint that it is for.
                to if to.class == Class::Constraint || self.has(to) => None,
                to => Some(to),
            }
        };
        self.catalog.references(object).iter().find_map(missing)
    }

    /// Whether an object is there once the script has run.
    pub fn has(&self, object: Object) -> bool {
        match self.catalog.place(object) {
            Place::Server | Place::Extension(_) => true,
            Place::Unit(unit) => self.makes(unit),
            Place::Nowhere => false,
        }
    }

    /// Whether an expression needs a table to be there, itself or by a type: it cannot stand in a table's own statement.
    pub fn needs_table(&self, object: Object) -> bool {
        let mut seen = BTreeSet::new();
        let mut queue: Vec<Object> =
            self.catalog.references(object).iter().filter(|r| r.column == 0).map(|r| r.to).collect();
        while let Some(object) = queue.pop() {
            match self.catalog.place(object) {
                Place::Unit(Unit::Table(_)) => return true,
                Place::Unit(unit @ Unit::Type(_)) if seen.insert(unit) => queue.extend(self.hard_needs(unit)),
                _ => {}
            }
        }
        false
    }

    /// Types and tables so that each stands behind what it needs; `more` names what tables need besides.
    pub fn in_order(
        &self,
        name: impl Fn(Unit) -> String,
        more: impl Fn(Unit) -> Vec<Object>,
    ) -> (Vec<Unit>, Vec<Unit>) {
        let is_ordered = |unit: &Unit| matches!(unit, Unit::Type(_) | Unit::Table(_));
        let mut waiting: BTreeMap<(String, Unit), BTreeSet<Unit>> = BTreeMap::new();
        for unit in self.made.iter().copied().filter(is_ordered) {
            let needs = self.all_needs(unit).into_iter().chain(more(unit)).map(|object| self.catalog.place(object));
            let units = needs.filter_map(|place| if let Place::Unit(unit) = place { Some(unit) } else { None });
            let before = units.filter(|other| is_ordered(other) && *other != unit && self.makes(*other)).collect();
            waiting.insert((name(unit), unit), before);
        }
        let mut behind: BTreeMap<Unit, Vec<(String, Unit)>> = BTreeMap::new();
        for (key, before) in &waiting {
            before.iter().for_each(|unit| behind.entry(*unit).or_default().push(key.clone()));
        }
        // The first by name of those that wait for nothing: one at a time, so that the order depends on names alone.
        let is_ready = |(_, before): &(_, &BTreeSet<Unit>)| before.is_empty();
        let mut ready: BTreeSet<_> = waiting.iter().filter(is_ready).map(|(key, _)| key.clone()).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(key) = ready.pop_first() {
            waiting.remove(&key);
            order.push(key.1);
            for next in behind.remove(&key.1).unwrap_or_default() {
                let Some(before) = waiting.get_mut(&next) else { continue };
                before.remove(&key.1);
                if before.is_empty() {
                    ready.insert(next);
                }
            }
        }
        (order, waiting.into_keys().map(|(_, unit)| unit).collect())
    }

    /// The extensions that everything made and these expressions come from, those that others need first.
    pub fn extensions(&self, expressions: &[Object]) -> Vec<u32> {
        let itself = |unit: &Unit| match unit {
            Unit::Type(oid) => Some(Object::of_type(*oid)),
            Unit::Table(oid) | Unit::Sequence(oid) | Unit::Index(oid) => Some(Object::relation(*oid)),
            Unit::Schema(_) | Unit::Collation(_) => None,
        };
        let needs = self.made.iter().flat_map(|unit| self.all_needs(*unit));
        let objects = self.made.iter().filter_map(itself).chain(expressions.iter().copied());
        let used = objects.flat_map(|object| self.catalog.references(object)).map(|reference| reference.to);
        let mut found: BTreeSet<(&str, u32)> = BTreeSet::new();
        for object in needs.chain(used) {
            if let Place::Extension(oid) = self.catalog.place(object)
                && let Some(extension) = self.catalog.extensions.get(&oid)
            {
                found.insert((&extension.name, oid));
            }
        }
        let mut order = Vec::new();
        found.into_iter().for_each(|(_, oid)| self.push_extension(oid, &mut order));
        order
    }

    fn push_extension(&self, oid: u32, order: &mut Vec<u32>) {
        if order.contains(&oid) {
            return;
        }
        let mut needed: Vec<u32> = Vec::new();
        for reference in self.catalog.references(Object { class: Class::Extension, oid }) {
            if reference.to.class == Class::Extension {
                needed.push(reference.to.oid);
            }
        }
        needed.sort_by_key(|oid| self.catalog.extensions.get(oid).map(|extension| extension.name.clone()));
        needed.into_iter().for_each(|other| self.push_extension(other, order));
        order.push(oid);
    }

    /// The types and collations without which a type or a table can't be; of a range its operator class too.
    fn hard_needs(&self, unit: Unit) -> Vec<Object> {
        let is_hard = |object: &Object| match object.class {
            Class::Type | Class::Collation => true,
            Class::Other(catalog) => catalog == pgrx::pg_sys::OperatorClassRelationId.to_u32(),
            _ => false,
        };
        self.needs(unit, is_hard)
    }

    /// With functions that domains and ranges call.
    fn all_needs(&self, unit: Unit) -> Vec<Object> {
        self.needs(unit, |object| object.class != Class::Relation)
    }

    fn needs(&self, unit: Unit, wanted: impl Fn(&Object) -> bool) -> Vec<Object> {
        let (objects, columns_only) = match unit {
            Unit::Table(oid) => (vec![Object::relation(oid)], true),
            Unit::Type(oid) => match self.catalog.types.get(&oid).and_then(|found| found.relation) {
                Some(relation) => (vec![Object::relation(relation)], true),
                None => (vec![Object::of_type(oid)], false),
            },
            _ => return Vec::new(),
        };
        let references = objects.iter().flat_map(|object| self.catalog.references(*object));
        let counted = references.filter(|reference| !columns_only || reference.of_column > 0);
        counted.map(|reference| reference.to).filter(|object| wanted(object)).collect()
    }

    fn drop_what_cannot_be_made(&mut self) {
        loop {
            let missing: Vec<(Unit, Object)> = self
                .made
                .iter()
                .filter_map(|unit| Some((*unit, self.hard_needs(*unit).into_iter().find(|need| !self.has(*need))?)))
                .collect();
            if missing.is_empty() {
                return;
            }
            for (unit, object) in missing {
                self.made.remove(&unit);
                self.dropped.insert(unit, object);
            }
        }
    }
}
