//! Takes a script of definitions apart with the server's own grammar: nothing is looked up, planned or executed.

use std::ffi::{CStr, c_char};

use pgrx::pg_sys;

use super::dependencies::cells;
use super::text::{from_server, to_server};
use crate::bundle::BundleError;
use crate::error::Result;

/// Schema and name.
pub type Name = (String, String);

/// One statement of a script.
#[derive(Clone, Debug)]
pub struct Statement {
    /// As it stands there.
    pub text: String,
    /// What it makes or belongs to.
    pub subject: Subject,
    /// Tables that must have the owner of its own: parents and partitions.
    pub relatives: Vec<Name>,
    /// The table that a foreign key refers to.
    pub refers_to: Option<Name>,
    /// The name of the foreign key, where the statement makes that and nothing else.
    pub foreign_key: Option<String>,
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Makes a schema.
    Schema(String),
    /// Makes an extension.
    Extension(String),
    /// Makes a type or domain.
    Type(Name),
    /// Makes a collation.
    Collation(Name),
    /// Makes a sequence.
    Sequence(Name),
    /// Makes a table.
    Table(Name),
    /// Changes or describes a table, or makes an index or constraint of it.
    OfTable {
        /// The table.
        table: Name,
        /// The index or constraint.
        adds: Option<String>,
        /// The partition that is attached.
        attaches: Option<Name>,
    },
    /// Changes or describes an index.
    OfIndex(Name),
    /// Changes or describes a sequence.
    OfSequence(Name),
    /// Changes or describes a type or domain.
    OfType(Name),
    /// A setting, or describes something else.
    Other,
}

/// The statements of a script that only makes tables and what they need.
///
/// # Errors
/// 42601 is raised by the server; [`BundleError::Damaged`] for a statement of any other kind.
pub fn parse(script: &str) -> Result<Vec<Statement>> {
    let script = to_server(script)?;
    // SAFETY: the grammar reads the text and makes nodes in the current memory context, each of the type that its tag tells.
    unsafe {
        let statements = pg_sys::raw_parser(script.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        cells(statements)
            .iter()
            .map(|cell| {
                let raw = &*(cell.ptr_value as *const pg_sys::RawStmt);
                let rest = &script.as_bytes()[raw.stmt_location as usize..];
                // 0 means: to the end.
                let text = if raw.stmt_len == 0 { rest } else { &rest[..raw.stmt_len as usize] };
                let text = from_server(text);
                match subject(raw.stmt) {
                    Some(subject) => {
                        let (relatives, refers_to) = others(raw.stmt);
                        let foreign_key = foreign_key(raw.stmt);
                        Ok(Statement { text, subject, relatives, refers_to, foreign_key })
                    }
                    None => {
                        let shown: String = text.trim_start().chars().take(200).collect();
                        Err(BundleError::Damaged(format!("the script has an unexpected statement: {shown}")).into())
                    }
                }
            })
            .collect()
    }
}

/// # Safety
/// `node` is a raw statement of the grammar.
unsafe fn subject(node: *mut pg_sys::Node) -> Option<Subject> {
    use pg_sys::NodeTag::*;
    // SAFETY: the caller's promise; the tag tells the type.
    unsafe {
        Some(match (*node).type_ {
            T_CreateSchemaStmt => {
                let statement = &*node.cast::<pg_sys::CreateSchemaStmt>();
                let plain = statement.schemaElts.is_null() && statement.authrole.is_null();
                return plain.then(|| Subject::Schema(text(statement.schemaname)));
            }
            T_VariableSetStmt => Subject::Other,
            T_CreateExtensionStmt => Subject::Extension(text((*node.cast::<pg_sys::CreateExtensionStmt>()).extname)),
            T_CreateEnumStmt => Subject::Type(listed((*node.cast::<pg_sys::CreateEnumStmt>()).typeName)?),
            T_CompositeTypeStmt => Subject::Type(ranged((*node.cast::<pg_sys::CompositeTypeStmt>()).typevar)),
            T_CreateRangeStmt => Subject::Type(listed((*node.cast::<pg_sys::CreateRangeStmt>()).typeName)?),
            T_CreateDomainStmt => Subject::Type(listed((*node.cast::<pg_sys::CreateDomainStmt>()).domainname)?),
            T_DefineStmt => {
                let statement = &*node.cast::<pg_sys::DefineStmt>();
                match statement.kind {
                    pg_sys::ObjectType::OBJECT_COLLATION => Subject::Collation(listed(statement.defnames)?),
                    // A shell type, for a range's functions.
                    pg_sys::ObjectType::OBJECT_TYPE if statement.definition.is_null() => {
                        Subject::Type(listed(statement.defnames)?)
                    }
                    _ => return None,
                }
            }
            T_CreateSeqStmt => Subject::Sequence(ranged((*node.cast::<pg_sys::CreateSeqStmt>()).sequence)),
            T_CreateStmt => Subject::Table(ranged((*node.cast::<pg_sys::CreateStmt>()).relation)),
            T_IndexStmt => {
                let statement = &*node.cast::<pg_sys::IndexStmt>();
                // What is there would be taken for the index.
                if statement.if_not_exists {
                    return None;
                }
                let adds = (!statement.idxname.is_null()).then(|| text(statement.idxname));
                Subject::OfTable { table: ranged(statement.relation), adds, attaches: None }
            }
            T_AlterSeqStmt => Subject::OfSequence(ranged((*node.cast::<pg_sys::AlterSeqStmt>()).sequence)),
            T_AlterDomainStmt => Subject::OfType(listed((*node.cast::<pg_sys::AlterDomainStmt>()).typeName)?),
            T_AlterTableStmt => return altered(&*node.cast::<pg_sys::AlterTableStmt>()),
            T_CommentStmt => return described(&*node.cast::<pg_sys::CommentStmt>()),
            _ => return None,
        })
    }
}

/// The tables besides its own that a statement is about: [`Statement::relatives`] and [`Statement::refers_to`].
///
/// # Safety
/// `node` is a raw statement of the grammar.
unsafe fn others(node: *mut pg_sys::Node) -> (Vec<Name>, Option<Name>) {
    use pg_sys::{AlterTableType, ConstrType, NodeTag};
    let (mut relatives, mut refers_to) = (Vec::new(), None);
    // SAFETY: the caller's promise; the tag tells the type, as a command's subtype does.
    unsafe {
        match (*node).type_ {
            NodeTag::T_CreateStmt => {
                let parents = cells((*node.cast::<pg_sys::CreateStmt>()).inhRelations);
                relatives.extend(parents.iter().map(|cell| ranged(cell.ptr_value.cast())));
            }
            NodeTag::T_AlterTableStmt => {
                for cell in cells((*node.cast::<pg_sys::AlterTableStmt>()).cmds) {
                    let command = &*(cell.ptr_value as *const pg_sys::AlterTableCmd);
                    match command.subtype {
                        AlterTableType::AT_AttachPartition => {
                            relatives.push(ranged((*command.def.cast::<pg_sys::PartitionCmd>()).name));
                        }
                        AlterTableType::AT_AddInherit => relatives.push(ranged(command.def.cast())),
                        AlterTableType::AT_AddConstraint => {
                            let constraint = &*command.def.cast::<pg_sys::Constraint>();
                            let is_key = constraint.contype == ConstrType::CONSTR_FOREIGN;
                            refers_to = is_key.then(|| ranged(constraint.pktable));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    (relatives, refers_to)
}

/// [`Statement::foreign_key`].
///
/// # Safety
/// `node` is a raw statement of the grammar.
unsafe fn foreign_key(node: *mut pg_sys::Node) -> Option<String> {
    // SAFETY: the caller's promise; the tag tells the type, as a command's subtype does.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_AlterTableStmt {
            return None;
        }
        let [cell] = cells((*node.cast::<pg_sys::AlterTableStmt>()).cmds) else { return None };
        let command = &*(cell.ptr_value as *const pg_sys::AlterTableCmd);
        if command.subtype != pg_sys::AlterTableType::AT_AddConstraint {
            return None;
        }
        let constraint = &*command.def.cast::<pg_sys::Constraint>();
        let is_named_key = constraint.contype == pg_sys::ConstrType::CONSTR_FOREIGN && !constraint.conname.is_null();
        is_named_key.then(|| text(constraint.conname))
    }
}

/// # Safety
/// A statement of the grammar.
unsafe fn altered(statement: &pg_sys::AlterTableStmt) -> Option<Subject> {
    // SAFETY: the caller's promise; commands are AlterTableCmd nodes, whose definitions are what their subtypes say.
    unsafe {
        let name = ranged(statement.relation);
        if statement.objtype == pg_sys::ObjectType::OBJECT_INDEX {
            return Some(Subject::OfIndex(name));
        }
        if statement.objtype != pg_sys::ObjectType::OBJECT_TABLE {
            return None;
        }
        let (mut adds, mut attaches) = (None, None);
        for cell in cells(statement.cmds) {
            let command = &*(cell.ptr_value as *const pg_sys::AlterTableCmd);
            match command.subtype {
                pg_sys::AlterTableType::AT_AddConstraint => {
                    let constraint = &*command.def.cast::<pg_sys::Constraint>();
                    // Only that of an index is the name of a relation.
                    let has_index = matches!(
                        constraint.contype,
                        pg_sys::ConstrType::CONSTR_PRIMARY
                            | pg_sys::ConstrType::CONSTR_UNIQUE
                            | pg_sys::ConstrType::CONSTR_EXCLUSION
                    );
                    adds = (has_index && !constraint.conname.is_null()).then(|| text(constraint.conname));
                }
                pg_sys::AlterTableType::AT_AttachPartition => {
                    attaches = Some(ranged((*command.def.cast::<pg_sys::PartitionCmd>()).name));
                }
                pg_sys::AlterTableType::AT_ChangeOwner | pg_sys::AlterTableType::AT_SetTableSpace => return None,
                _ => {}
            }
        }
        Some(Subject::OfTable { table: name, adds, attaches })
    }
}

/// # Safety
/// A statement of the grammar.
unsafe fn described(statement: &pg_sys::CommentStmt) -> Option<Subject> {
    use pg_sys::ObjectType::*;
    // SAFETY: the caller's promise; the object is a TypeName for types and domains, a name for schemas and extensions, else a list.
    unsafe {
        let list = || strings(statement.object.cast());
        Some(match statement.objtype {
            OBJECT_TYPE | OBJECT_DOMAIN => {
                Subject::OfType(listed((*statement.object.cast::<pg_sys::TypeName>()).names)?)
            }
            OBJECT_TABLE | OBJECT_COLUMN | OBJECT_TABCONSTRAINT => {
                let mut names = list().into_iter();
                Subject::OfTable { table: (names.next()?, names.next()?), adds: None, attaches: None }
            }
            OBJECT_INDEX => Subject::OfIndex(listed(statement.object.cast())?),
            OBJECT_SEQUENCE => Subject::OfSequence(listed(statement.object.cast())?),
            OBJECT_DOMCONSTRAINT | OBJECT_SCHEMA | OBJECT_EXTENSION | OBJECT_COLLATION => Subject::Other,
            _ => return None,
        })
    }
}

/// # Safety
/// A RangeVar of the grammar.
unsafe fn ranged(range: *const pg_sys::RangeVar) -> Name {
    // SAFETY: the caller's promise.
    unsafe { (text((*range).schemaname), text((*range).relname)) }
}

/// A qualified name.
///
/// # Safety
/// A list of strings.
unsafe fn listed(list: *mut pg_sys::List) -> Option<Name> {
    // SAFETY: the caller's promise.
    let mut names = unsafe { strings(list) };
    let name = names.pop()?;
    Some((names.pop()?, name))
}

/// # Safety
/// A list of strings.
unsafe fn strings(list: *mut pg_sys::List) -> Vec<String> {
    // SAFETY: the caller's promise.
    unsafe { cells(list).iter().map(|cell| text((*(cell.ptr_value as *const pg_sys::String)).sval)).collect() }
}

/// # Safety
/// Null, or a NUL-terminated string of the grammar.
unsafe fn text(text: *const c_char) -> String {
    // SAFETY: the caller's promise.
    if text.is_null() { String::new() } else { from_server(unsafe { CStr::from_ptr(text) }.to_bytes()) }
}
