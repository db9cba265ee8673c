//! The use cases, one file each, named by the verb. Each top function reads as a table of contents.

pub mod adopt;
pub mod audit_table;
pub mod authorize;
pub mod check_health;
pub mod cleanup;
pub mod delete;
pub mod diff;
pub mod download;
pub mod estimate;
pub mod import;
pub mod list_files;
pub mod pin;
pub mod plan;
pub mod read;
pub mod read_as;
pub mod rebuild;
pub mod reconcile;
pub mod restore;
pub mod run;
pub mod schedule;
pub mod tick;
pub mod verify;

mod background;
mod digests;
mod export;
mod feed;
mod foreign_checks;
mod pipeline;
mod register;
mod schema_sql;
mod seal;
mod sequences;
mod sheet_names;
mod sheet_rows;
mod table_texts;

/// In force while user tables are planned and read, whatever the caller's session says: the same data gives the same bytes.
/// No parallel workers: the recorder needs a slot, and the server's other users the cores.
pub const SCAN_SETTINGS: [(&str, &str); 22] = [
    // Not empty: the caller's temporary objects would come first then, and change what regclass values look like.
    ("search_path", "pg_catalog, pg_temp"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("quote_all_identifiers", "off"),
    // For what views and queries compute.
    ("transform_null_equals", "off"),
    ("timezone_abbreviations", "Default"),
    ("gin_fuzzy_search_limit", "0"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("default_text_search_config", "pg_catalog.simple"),
    ("xmlbinary", "base64"),
    ("xmloption", "content"),
    ("array_nulls", "on"),
    ("standard_conforming_strings", "on"),
    ("row_security", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("max_parallel_maintenance_workers", "0"),
    ("jit", "off"),
];

/// In force while rows are loaded: values are understood as they were written, and neither triggers nor foreign keys are looked at.
pub const LOAD_SETTINGS: [(&str, &str); 23] = {
    let mut settings = [("session_replication_role", "replica"); 23];
    let mut at = 0;
    while at < SCAN_SETTINGS.len() {
        settings[at] = SCAN_SETTINGS[at];
        at += 1;
    }
    settings
};

/// In force while the extension reads its own tables and the system catalogs: what it finds, and names of types and columns, are the
/// same in every session, and times are texts that every session understands.
pub const CATALOG_SETTINGS: [(&str, &str); 9] = [
    ("search_path", "pg_catalog, pg_temp"),
    // Texts of times are read again, some of them in another process.
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("row_security", "off"),
    // Subqueries look dear where there are thousands of tables, though hardly any of them is executed: to compile them takes longer.
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];
