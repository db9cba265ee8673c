//! The client tests, by behaviour: one program, so that they share the time of waiting and are linked once.
//!
//! Larger ones that are made of several files are programs of their own, in folders beside.

#[path = "support/attack.rs"]
mod attack;
#[path = "support/cleanups.rs"]
mod cleanups;
#[path = "support/compare.rs"]
mod compare;
#[path = "support/definitions.rs"]
mod definitions;
#[path = "support/digest.rs"]
mod digest;
#[path = "support/imports.rs"]
mod imports;
#[path = "support/page.rs"]
mod page;
#[path = "support/restores.rs"]
mod restores;
#[path = "support/runs.rs"]
mod runs;
#[path = "support/security.rs"]
mod security;
#[path = "support/spreadsheet.rs"]
mod spreadsheet;
mod support;

mod audit;
mod audit_table;
mod audit_trail;
mod backtraces;
mod bundle_equals_database;
mod bundle_readme;
mod catalog_dump;
mod catalog_truth;
mod catalog_uri;
mod cleanup;
mod comes_back;
mod content_digest;
mod damage;
mod deterministic;
mod diff;
mod digest_sees_changes;
mod directory;
mod estimate;
mod exclusions;
mod export_attack;
mod forged_definitions;
mod full_disk;
mod health;
mod hostile_sql;
mod import;
mod locks;
mod look_inside;
mod not_configured;
mod notify;
mod opens_elsewhere;
mod pg_cron;
mod privileges;
mod read_as;
mod readme;
mod readme_examples;
mod recorder;
mod rehearsal;
mod replaced_during_the_run;
mod restore;
mod restore_audit;
mod restore_constraints;
mod restore_fill_in;
mod restore_indexes;
mod restore_refused;
mod restore_rights;
mod restore_session;
mod restore_sheet;
mod restore_told;
mod restore_triggers;
mod retention;
mod schedule;
mod snapshot;
mod test_script;
mod tick;
mod tick_due;
mod type_zoo;
mod verification;
mod workbook_comfort;
