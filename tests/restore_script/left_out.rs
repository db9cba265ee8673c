//! What cannot be in an empty database is left out and listed by name, and the script runs all the same.

use super::{Unpacked, restored, source};
use crate::digest::Digest;

/// What the head of schema.sql lists for left_out.sql: all of it, by name.
const LIST: &[&str] = &[
    "SUBTYPE_DIFF of type app.hours: depends on function app.hour_diff(time without time zone,time without time zone)",
    "aggregate app.agg(integer)",
    "cast (app.hours AS pg_catalog.text)",
    "check \"line\\nbreak\" on app.statement: depends on function app.f(integer)",
    "check checked_check of type app.checked: depends on function app.ok(pg_catalog.text)",
    "check t_a_check on app.heir: depends on function app.f(integer)",
    "check t_a_check on app.t: depends on function app.f(integer)",
    "check t_g_check on app.heir: depends on default value for app.heir.g",
    "check t_g_check on app.t: depends on default value for app.t.g",
    "constraint t_a_excl on app.t: depends on operator class app.odd_ops USING btree",
    "constraint t_g_key on app.t: depends on default value for app.t.g",
    "default of app.heir.id: depends on function app.f(integer)",
    "default of app.refers.id: depends on a relation that this script does not make",
    "default of app.refers.s: depends on a relation that this script does not make",
    "default of app.t.id: depends on function app.f(integer)",
    "default of type app.defaulted: depends on function app.f(integer)",
    "event trigger \"on ddl\"",
    "expression of the generated column app.heir.g: depends on function app.f(integer)",
    "expression of the generated column app.searched.v: depends on text search configuration app.conf",
    "expression of the generated column app.t.g: depends on function app.f(integer)",
    "foreign key to_disabled_id_fkey on app.to_disabled: refers to a table that this script does not make",
    "foreign key to_g_g_fkey on app.to_g: depends on default value for app.t.g",
    "foreign key to_hidden on app.refers: refers to a table that this script does not make",
    "foreign key to_raw_id_fkey on app.to_raw: refers to a table that this script does not make",
    "foreign key to_thinned_k_fkey on app.to_thinned: refers to a table of which partitions are excluded",
    "foreign table app.far",
    "function app.f(integer)",
    "function app.hour_diff(time without time zone,time without time zone)",
    "function app.ok(pg_catalog.text)",
    "function app.on_ddl()",
    "function app.raw_in(pg_catalog.cstring)",
    "function app.raw_out(app.raw)",
    "function app.stamp()",
    "index app.t_f: depends on function app.f(integer)",
    "index app.t_g: depends on default value for app.t.g",
    "index app.t_ops: depends on operator class app.odd_ops USING btree",
    "index app.t_where: depends on function app.f(integer)",
    "inheritance of app.heir_of_disabled: from a table that this script does not make",
    "materialized view app.m",
    "operator app.===(integer,integer)",
    "operator class app.odd_ops USING btree",
    "operator family app.odd_ops USING btree",
    "partitions of app.by_f, which is an ordinary table here: depends on function app.f(integer)",
    "policy \"po licy\" on app.t",
    "privileges on schema app",
    "privileges on table app.t",
    "procedure app.proc()",
    "row security of table app.t",
    "rule quiet on app.t",
    "statistics object app.st",
    "table app.has_raw: depends on type app.of_raw[]",
    "table app.member and its rows: it belongs to an extension",
    "table app.of_hidden: depends on a relation that this script does not make",
    "text search configuration app.conf",
    "trigger stamp on app.t",
    "type app.disabled: only its row type is here",
    "type app.of_raw: depends on type app.raw",
    "type app.raw",
    "type app.v: only its row type is here",
    "view app.v",
];

/// What is in the digest of contents and does not come back as it was.
const DIFFERENT: &[&str] = &[
    // The script does not make them: excluded, disabled, of an extension, of types that are not here, partitions by a function.
    "constraint by_f_k_check of app.by_f_1",
    "constraint by_f_k_check of app.by_f_1_1",
    "constraint disabled_pkey of app.disabled",
    "constraint has_raw_pkey of app.has_raw",
    "constraint hidden_one_pkey of app.hidden_one",
    "next value of app.hidden_one_id_seq",
    "rows of app.disabled",
    "rows of app.has_raw",
    "rows of app.hidden_one",
    "rows of app.member",
    "rows of app.of_hidden",
    // They call functions, or depend on what does.
    "constraint \"line\nbreak\" of app.statement",
    "constraint checked_check of app.checked",
    "constraint t_a_check of app.heir",
    "constraint t_a_check of app.t",
    "constraint t_a_excl of app.t",
    "constraint t_g_check of app.heir",
    "constraint t_g_check of app.t",
    "constraint t_g_key of app.t",
    // Generated columns have no values.
    "rows of app.heir",
    "rows of app.searched",
    "rows of app.t",
    // Foreign keys to what is not here, or not all.
    "constraint to_disabled_id_fkey of app.to_disabled",
    "constraint to_g_g_fkey of app.to_g",
    "constraint to_hidden of app.refers",
    "constraint to_raw_id_fkey of app.to_raw",
    "constraint to_thinned_k_fkey of app.to_thinned",
    // A partition of it is excluded.
    "rows of app.thinned",
];

#[test]
fn what_needs_the_applications_code_is_left_out_by_name() {
    let source = source(&["tests/restore_script/left_out.sql"]);
    let was = Digest::of(&source).contents();
    let unpacked = Unpacked::of(&source);
    let target = restored(&unpacked);
    assert_eq!(unpacked.left_out(), LIST);
    let differences = was.differences(&Digest::of(&target).contents());
    let mut names: Vec<&str> = differences.iter().filter_map(|line| line.split(": ").next()).collect();
    let mut expected = DIFFERENT.to_vec();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{differences:#?}");
    // What is excluded has no name in the scripts, but where a constraint of another table was named for it.
    for script in ["schema.sql", "restore.sql"] {
        assert!(!unpacked.text(script).contains("hidden_"), "{script}");
    }
    // The tables without what they have lost hold the same values.
    let mut client = target.connect();
    for (sql, expected) in [
        ("SELECT string_agg(k || v, ' ' ORDER BY k) FROM app.by_f", "1a 5b"),
        ("SELECT count(*) || ' ' || sum(a) || ' ' || sum(kept) || ' ' || count(g) FROM ONLY app.t", "20 210 420 0"),
        ("SELECT string_agg(h::text, '') FROM app.t WHERE id = 3", "\"a\"=>\"1\""),
        ("SELECT d::text FROM app.of_disabled", "(1,x)"),
        ("SELECT concat_ws(' ', id, t, x) FROM app.heir_of_disabled", "1 t 2"),
        ("SELECT v::text FROM app.of_view", "(3)"),
        ("SELECT concat_ws(' ', c, d, h) FROM app.typed", "x 2 [10:00:00,12:00:00)"),
    ] {
        assert_eq!(client.query_one(sql, &[]).unwrap().get::<_, String>(0), expected, "{sql}");
    }
}
