//! Whether the caller may use the extension, beyond the right to execute its functions.

use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::identity::is_superuser;
use crate::pg::query::{Snapshot, scalar, select};

/// The configured admin function that says no for the caller; `None` means that the caller may go on.
///
/// Superusers are exempt. The function runs with the caller's rights, so this must be called before
/// the extension takes its owner's.
///
/// # Errors
/// What the function raises is raised by the server.
pub fn refusal(settings: &Settings) -> Result<Option<String>> {
    let Some(function) = &settings.admin_function else { return Ok(None) };
    if is_superuser() {
        return Ok(None);
    }
    let sql = scalar(select(
        Snapshot::Latest,
        "SELECT pg_catalog.format('SELECT %I.%I()', n.nspname, p.proname) FROM pg_catalog.pg_proc AS p \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace \
         WHERE p.oid = pg_catalog.to_regprocedure($1 || '()') AND p.prorettype = 'pg_catalog.bool'::regtype",
        &[Some(function)],
    )?);
    let sql = sql.ok_or_else(|| Error::UnknownObject {
        message: format!("admin function {function}() does not exist or doesn't return boolean"),
        hint: "A superuser corrects admin_function in paliad_backup.settings.".into(),
    })?;
    let said = scalar(select(Snapshot::Caller, &sql, &[])?);
    Ok((said.as_deref() != Some("t")).then(|| function.clone()))
}
