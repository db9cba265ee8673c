//! Arguments as text, checked: what isn't acceptable is refused with what is.

use pgrx::Uuid;

use crate::bundle::manifest::{Format, Scope};
use crate::catalog::audit::Actor;
use crate::error::{Error, Result};
use crate::pg::text::from_server;

/// A text argument. The functions take its bytes: pgrx's `&str` refuses all but ASCII where the database's encoding is not UTF-8.
pub fn text(value: Option<&[u8]>) -> Option<String> {
    value.map(from_server)
}

/// on_demand or scheduled; checkpoints are made by restores.
pub fn kind(value: Option<&str>) -> Result<String> {
    match value {
        Some(kind @ ("on_demand" | "scheduled")) => Ok(kind.to_owned()),
        Some(other @ ("full" | "config" | "data")) => Err(Error::BadArgument {
            message: format!("\"{other}\" is not a kind of a backup, but a scope"),
            hint: format!("Name the argument: run(scope => '{other}')."),
        }),
        other => Err(not_allowed("kind", other, "on_demand, scheduled")),
    }
}

/// full, config or data.
pub fn scope(value: Option<&str>) -> Result<Scope> {
    match value {
        Some("full") => Ok(Scope::Full),
        Some("config") => Ok(Scope::Config),
        Some("data") => Ok(Scope::Data),
        other => Err(not_allowed("scope", other, "full, config, data")),
    }
}

/// Some of xlsx, json and csv, in the bundle's order and once each.
pub fn formats(values: Option<Vec<Option<String>>>) -> Result<Vec<Format>> {
    const ALLOWED: &str = "xlsx, json, csv";
    let values = values.unwrap_or_default();
    let mut formats = values
        .iter()
        .map(|value| match value.as_deref() {
            Some("xlsx") => Ok(Format::Xlsx),
            Some("csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            other => Err(not_allowed("format", other, ALLOWED)),
        })
        .collect::<Result<Vec<_>>>()?;
    formats.sort_unstable();
    formats.dedup();
    if formats.is_empty() {
        return Err(Error::BadArgument {
            message: "at least one format is needed".into(),
            hint: format!("Allowed formats: {ALLOWED}."),
        });
    }
    Ok(formats)
}

/// An email (or any name of a person or job) that isn't blank.
pub fn email(argument: &str, value: Option<&str>) -> Result<String> {
    match value.map(str::trim) {
        Some(email) if !email.is_empty() => Ok(email.to_owned()),
        _ => Err(Error::BadArgument {
            message: format!("{argument} must not be empty"),
            hint: format!("Say who it is: {argument} => 'name@example.org'."),
        }),
    }
}

/// An id that isn't NULL, as text.
pub fn id(value: Option<Uuid>) -> Result<String> {
    value.as_ref().map(uuid_text).ok_or_else(|| Error::BadArgument {
        message: "the id of a backup must not be null".into(),
        hint: "SELECT id, started_at, status FROM paliad_backup.list(); shows them.".into(),
    })
}

/// The hyphenated text of a uuid.
pub fn uuid_text(value: &Uuid) -> String {
    uuid::Uuid::from_bytes(*value.as_bytes()).to_string()
}

/// Who acts; the session's user where nobody is named.
pub fn actor(email: Option<&str>, id: Option<&Uuid>, session_user: &str) -> Actor {
    let email = email.map(str::trim).filter(|email| !email.is_empty()).unwrap_or(session_user);
    Actor { id: id.map(uuid_text), email: Some(email.to_owned()) }
}

fn not_allowed(argument: &str, value: Option<&str>, allowed: &str) -> Error {
    let message = match value {
        Some(value) => format!("\"{value}\" is not a {argument} of a backup"),
        None => format!("the {argument} of a backup must not be null"),
    };
    Error::BadArgument { message, hint: format!("Allowed values: {allowed}.") }
}
