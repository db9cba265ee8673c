//! Who may read a sheet: its owner, with the rights it has.

use super::discover::Found;
use crate::error::{Error, Result};

/// A table's owner may have taken rights from itself, or from the schema: never fall back to a superuser's.
///
/// # Errors
/// [`Error::Rights`] with the GRANT that helps.
pub fn check_rights(tables: &[&Found]) -> Result<()> {
    for table in tables {
        let quoted_owner = pgrx::spi::quote_identifier(&table.owner_name);
        if !table.owner_may_use_schema {
            return Err(Error::Rights {
                message: format!("owner {} of table {} may not use its schema", table.owner_name, table.qualified()),
                hint: format!(
                    "GRANT USAGE ON SCHEMA {} TO {quoted_owner};",
                    pgrx::spi::quote_identifier(&table.schema)
                ),
            });
        }
        if !table.owner_may_select {
            return Err(Error::Rights {
                message: format!("owner {} of table {} may not read it", table.owner_name, table.qualified()),
                hint: format!("GRANT SELECT ON {} TO {quoted_owner};", table.qualified()),
            });
        }
    }
    Ok(())
}
