//! Defaults and constraints of domains.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Class, Object, Unit};
use super::{Writer, types};
use crate::error::Result;

/// What a domain's statement has behind its type.
#[derive(Default)]
pub struct Domain {
    /// DEFAULT, NOT NULL, CONSTRAINT ….
    pub rest: String,
    /// What its expressions need.
    pub needs: Vec<Object>,
    /// The constraints that it keeps, and those of them that wait for the rows.
    pub constraints: Vec<Object>,
    pub late: Vec<Object>,
    pub behind_rows: Vec<String>,
}

/// The domains among `types`, by oid.
///
/// # Errors
/// The server's.
pub fn read(writer: &mut Writer<'_>, types: &BTreeSet<u32>) -> Result<BTreeMap<u32, Domain>> {
    let mut domains = BTreeMap::new();
    for (oid, (not_null, default)) in types::domain_defaults(types)? {
        let mut domain = Domain::default();
        let name = writer.name(Unit::Type(oid));
        if let Some(default) = default {
            // All that a domain needs besides its base type and collation is its default's.
            let references = writer.catalog.references(Object::of_type(oid)).iter().map(|reference| reference.to);
            let missing = references.filter(|to| to.class != Class::Schema).find(|to| !writer.selection.has(*to));
            match missing {
                Some(missing) => {
                    writer.left_out.add_because(writer.catalog, &format!("default of type {name}"), missing)?;
                }
                None => domain.rest += &format!(" DEFAULT {default}"),
            }
        }
        if not_null {
            domain.rest += " NOT NULL";
        }
        let own: Vec<_> = writer.constraints.iter().filter(|constraint| constraint.domain == oid).cloned().collect();
        for constraint in own {
            let object = Object::constraint(constraint.oid);
            let on_itself = |to: &Object| *to == Object::of_type(oid);
            let needs =
                writer.catalog.references(object).iter().map(|reference| reference.to).filter(|to| !on_itself(to));
            let needs: Vec<Object> = needs.collect();
            if let Some(missing) = needs.iter().find(|to| !writer.selection.has(**to)) {
                let what = format!("check {} of type {name}", constraint.name);
                writer.left_out.add_because(writer.catalog, &what, *missing)?;
                continue;
            }
            let definition = format!("CONSTRAINT {} {}", constraint.name, constraint.definition);
            domain.constraints.push(object);
            if constraint.validated {
                domain.rest += &format!("\n    {definition}");
                domain.needs.extend(needs);
            } else {
                domain.late.push(object);
                domain.behind_rows.push(format!("ALTER DOMAIN {name} ADD {definition};"));
            }
        }
        domains.insert(oid, domain);
    }
    Ok(domains)
}
