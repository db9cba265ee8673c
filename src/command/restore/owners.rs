//! As whom a table is made again, and whose it is then: the roles that the manifest names.
//!
//! PostgreSQL wants one owner of a table and its partitions, or children, while they are put together, so they are made as one role and
//! handed over. Of several it is never a superuser: no code of others gets his rights.

use std::collections::{BTreeSet, HashMap};

use pgrx::pg_sys::Oid;
use pgrx::spi::{quote_identifier, quote_qualified_identifier};

use super::create::execute;
use crate::bundle::manifest::{Owner, Sequence};
use crate::catalog::extension;
use crate::error::{Error, Result};
use crate::pg::ddl::{Name, Statement, Subject};
use crate::pg::query::{Snapshot, number, scalar, select};

/// Who owned what a script makes.
#[derive(Default)]
pub struct Owners {
    known: Vec<Owner>,
    imported: bool,
    /// Tables that are put together, and their sequences; by the number of the family.
    family: HashMap<Name, usize>,
    members: Vec<BTreeSet<Name>>,
    makers: HashMap<usize, Oid>,
    /// All that the script names.
    schemas: BTreeSet<String>,
    /// Roles that may use them.
    admitted: BTreeSet<u32>,
    /// Privilege, object and role, which has it until the work is done.
    lent: Vec<[String; 3]>,
}

impl Owners {
    /// Those of a manifest, which counts for nothing in a bundle from elsewhere.
    pub fn new(known: Vec<Owner>, imported: bool) -> Owners {
        Owners { known, imported, ..Owners::default() }
    }

    /// Takes in which tables the script puts together.
    pub fn relate(&mut self, statements: &[Statement], sequences: &[Sequence]) {
        for statement in statements {
            if let Subject::Table(name) | Subject::Type(name) | Subject::Collation(name) | Subject::Sequence(name) =
                &statement.subject
            {
                self.schemas.insert(name.0.clone());
            }
            if let Subject::Table(table) | Subject::OfTable { table, .. } = &statement.subject {
                statement.relatives.iter().for_each(|relative| self.unite(table, relative));
            }
        }
        for sequence in sequences {
            if let Some(owner) = &sequence.owned_by {
                let table = (owner.schema.clone(), owner.table.clone());
                self.unite(&table, &(sequence.schema.clone(), sequence.name.clone()));
            }
        }
    }

    fn unite(&mut self, one: &Name, other: &Name) {
        let mut number = |name: &Name| {
            *self.family.entry(name.clone()).or_insert_with(|| {
                self.members.push(BTreeSet::from([name.clone()]));
                self.members.len() - 1
            })
        };
        let (one, other) = (number(one), number(other));
        if one != other {
            // The smaller goes to the larger.
            let (from, to) =
                if self.members[one].len() < self.members[other].len() { (one, other) } else { (other, one) };
            let moved = std::mem::take(&mut self.members[from]);
            self.family.extend(moved.iter().map(|name| (name.clone(), to)));
            self.members[to].extend(moved);
        }
    }

    /// As whom an object is made.
    ///
    /// # Errors
    /// [`Error::WrongState`] and [`Error::Rights`] where nobody may make it.
    pub fn maker(&mut self, object: &Name) -> Result<Oid> {
        let Some(family) = self.family.get(object) else { return self.owner_to_be(object) };
        if let Some(maker) = self.makers.get(family) {
            return Ok(*maker);
        }
        let mut maker = self.owner_to_be(object)?;
        for member in &self.members[*family] {
            if !is_superuser(maker)? {
                break;
            }
            // Not all of them need to be made, or to have a schema.
            if self.owner(&member.0, Some(&member.1)).is_some() {
                maker = self.owner_to_be(member)?;
            }
        }
        self.makers.insert(*family, maker);
        Ok(maker)
    }

    /// Executes what makes an object, as who makes it.
    ///
    /// # Errors
    /// As [`Owners::maker`]; the server's.
    pub fn make(&mut self, object: &Name, statement: &Statement) -> Result<()> {
        let maker = self.maker(object)?;
        self.lend("CREATE", format!("SCHEMA {}", quote_identifier(&object.0)), maker)?;
        self.change(maker, statement)
    }

    /// Executes what belongs to an object, as who owns that.
    ///
    /// # Errors
    /// The server's.
    pub fn change(&mut self, role: Oid, statement: &Statement) -> Result<()> {
        self.admit(role)?;
        if let Some(other) = &statement.refers_to {
            self.lend("REFERENCES", format!("TABLE {}", quoted(other)), role)?;
        }
        execute(role, &statement.text)
    }

    fn admit(&mut self, role: Oid) -> Result<()> {
        if self.admitted.insert(role.to_u32()) {
            for schema in self.schemas.clone() {
                self.lend("USAGE", format!("SCHEMA {}", quote_identifier(&schema)), role)?;
            }
        }
        Ok(())
    }

    /// Gives a privilege to who hasn't it, for the time of the work: who owned what is made had it, and grants don't come back. Not for a
    /// bundle from elsewhere, which may name anybody's tables.
    fn lend(&mut self, privilege: &str, object: String, role: Oid) -> Result<()> {
        if self.imported {
            return Ok(());
        }
        let (kind, regclass, name) = match object.split_once(' ') {
            Some(("SCHEMA", name)) => ("schema", "regnamespace", name),
            Some((_, name)) => ("table", "regclass", name),
            None => return Err(Error::internal("an object without kind")),
        };
        let sql = format!("SELECT pg_catalog.has_{kind}_privilege($1::oid, pg_catalog.to_{regclass}($2)::oid, $3)");
        let parameters = [Some(&*role.to_u32().to_string()), Some(name), Some(privilege)];
        // Neither true nor false where the schema is not there yet.
        if scalar(select(Snapshot::Latest, &sql, &parameters)?).as_deref() == Some("f") {
            let name = role_name(role)?;
            execute(extension::lookup()?.owner, &format!("GRANT {privilege} ON {object} TO {name}"))?;
            self.lent.push([privilege.to_owned(), object, name]);
        }
        Ok(())
    }

    /// Gives tables that were made as somebody else to who owned them; what was lent is theirs, too, while rows are loaded and checked.
    ///
    /// # Errors
    /// The server's.
    pub fn hand_over(&mut self, tables: &[Name]) -> Result<()> {
        for table in tables {
            if self.family.contains_key(table) {
                give(table, self.owner_to_be(table)?)?;
            }
            self.admit(of(table)?)?;
        }
        Ok(())
    }

    /// Takes back what was lent.
    ///
    /// # Errors
    /// The server's.
    pub fn call_in(&mut self) -> Result<()> {
        for [privilege, object, role] in std::mem::take(&mut self.lent) {
            execute(extension::lookup()?.owner, &format!("REVOKE {privilege} ON {object} FROM {role}"))?;
        }
        Ok(())
    }

    /// Gives them back to who made them, for what is still to be added.
    ///
    /// # Errors
    /// The server's.
    pub fn take_back(&mut self, tables: &[Name]) -> Result<()> {
        for table in tables {
            if self.family.contains_key(table) {
                let maker = self.maker(table)?;
                give(table, maker)?;
            }
        }
        Ok(())
    }

    /// Makes a schema for who owned it, in which those who had tables may make them.
    ///
    /// # Errors
    /// [`Error::WrongState`] for a bundle from elsewhere, or where a role is gone.
    pub fn make_schema(&self, name: &str, statement: &str) -> Result<()> {
        let quoted = quote_identifier(name);
        if self.imported {
            return Err(Error::WrongState {
                message: format!("schema {name} does not exist"),
                hint: format!(
                    "The bundle comes from elsewhere: make the schema for the role that shall own the tables, CREATE SCHEMA {quoted} \
                     AUTHORIZATION …;"
                ),
            });
        }
        let role = extension::lookup()?.owner;
        execute(role, statement)?;
        for Owner { name: object, owner, .. } in self.known.iter().filter(|owner| owner.schema == name) {
            existing_role(owner, name)?;
            let owner = quote_identifier(owner);
            match object {
                None => execute(role, &format!("ALTER SCHEMA {quoted} OWNER TO {owner}"))?,
                Some(_) => execute(role, &format!("GRANT USAGE, CREATE ON SCHEMA {quoted} TO {owner}"))?,
            }
        }
        Ok(())
    }

    fn owner(&self, schema: &str, name: Option<&String>) -> Option<&str> {
        let found = self.known.iter().find(|owner| owner.schema == schema && owner.name.as_ref() == name);
        found.map(|owner| owner.owner.as_str())
    }

    /// Who owned the object, if that was neither the schema's owner nor a superuser; else the schema's owner, of a superuser's schema
    /// who owned it before.
    fn owner_to_be(&self, object: &Name) -> Result<Oid> {
        let (schema, name) = object;
        let rows = select(
            Snapshot::Latest,
            "SELECT r.oid, r.rolsuper, n.nspname LIKE 'pg\\_%' OR n.nspname IN ('information_schema', 'paliad_backup') \
             FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_database AS d ON d.datname = current_database() \
             JOIN pg_catalog.pg_roles AS r ON r.oid = CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END \
             WHERE n.nspname = $1",
            &[Some(schema)],
        )?;
        let row = rows.first().filter(|row| row[2].as_deref() == Some("f")).ok_or_else(|| Error::WrongState {
            message: format!("nothing can be made in schema \"{schema}\""),
            hint: "It must exist, and be neither the system's nor this extension's.".into(),
        })?;
        let is_superusers = row[1].as_deref() == Some("t");
        if self.imported {
            if is_superusers {
                return Err(Error::WrongState {
                    message: format!("schema {schema} belongs to a superuser"),
                    hint: "The bundle comes from elsewhere, and its definitions would run with a superuser's rights: ALTER SCHEMA … \
                           OWNER TO the role that shall own the tables."
                        .into(),
                });
            }
        } else if let Some(known) = self.owner(schema, Some(name)).or_else(|| {
            // A schema that somebody else got meanwhile is for him to fill.
            self.owner(schema, None).filter(|_| is_superusers)
        }) {
            return admitted(known, schema);
        }
        number(&row[0]).map(Oid::from).ok_or_else(|| Error::internal("a schema without owner"))
    }
}

fn give(table: &Name, owner: Oid) -> Result<()> {
    if of(table)? == owner {
        return Ok(());
    }
    let alter = format!("ALTER TABLE {} OWNER TO {}", quoted(table), role_name(owner)?);
    execute(extension::lookup()?.owner, &alter)
}

fn quoted(name: &Name) -> String {
    quote_qualified_identifier(&name.0, &name.1)
}

/// A role's name, quoted.
///
/// # Errors
/// The server's.
pub fn role_name(role: Oid) -> Result<String> {
    let sql = "SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid($1::oid))";
    let name = scalar(select(Snapshot::Latest, sql, &[Some(&role.to_u32().to_string())])?);
    name.ok_or_else(|| Error::internal("a role without name"))
}

fn is_superuser(role: Oid) -> Result<bool> {
    let sql = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = $1::oid";
    Ok(scalar(select(Snapshot::Latest, sql, &[Some(&role.to_u32().to_string())])?).as_deref() == Some("t"))
}

/// The role that owned objects of a superuser's schema, if it may make them again.
fn admitted(owner: &str, schema: &str) -> Result<Oid> {
    let role = existing_role(owner, schema)?;
    let sql = "SELECT pg_catalog.has_schema_privilege($1::oid, $2, 'CREATE')";
    if scalar(select(Snapshot::Latest, sql, &[Some(&role.to_u32().to_string()), Some(schema)])?).as_deref() == Some("t")
    {
        return Ok(role);
    }
    let (owner, schema) = (quote_identifier(owner), quote_identifier(schema));
    Err(Error::Rights {
        message: format!("role {owner}, who owned tables of schema {schema}, may not create any there"),
        hint: format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner};"),
    })
}

fn existing_role(name: &str, schema: &str) -> Result<Oid> {
    let found =
        scalar(select(Snapshot::Latest, "SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1", &[Some(name)])?);
    number(&found).map(Oid::from).ok_or_else(|| Error::WrongState {
        message: format!("role \"{name}\", who owned tables of schema {schema}, does not exist"),
        hint: format!(
            "CREATE ROLE {}; or make the schema for the role that shall own the tables.",
            quote_identifier(name)
        ),
    })
}

/// Who owns what was made.
///
/// # Errors
/// [`Error::Internal`] when it is not there.
pub fn of(object: &Name) -> Result<Oid> {
    let sql = "SELECT o.owner FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL (\
         SELECT relowner FROM pg_catalog.pg_class WHERE relnamespace = n.oid AND relname = $2 \
         UNION ALL SELECT typowner FROM pg_catalog.pg_type WHERE typnamespace = n.oid AND typname = $2) AS o (owner) \
       WHERE n.nspname = $1";
    let found = scalar(select(Snapshot::Latest, sql, &[Some(&object.0), Some(&object.1)])?);
    number(&found).map(Oid::from).ok_or_else(|| Error::internal(format!("{}.{} was not made", object.0, object.1)))
}
