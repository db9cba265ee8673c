//! README.md's examples do what the text around them says, where that a command succeeds proves too little.

use std::collections::BTreeSet;

use crate::page::{blocks, code_spans, rows};
use crate::restores::restore;
use crate::runs::exported;
use crate::support::{column, sqlstate};

/// The statement of README.md's one block that has this text.
fn example(text: &str) -> String {
    let all: Vec<String> = blocks().into_iter().map(|block| block.text).filter(|block| block.contains(text)).collect();
    assert_eq!(all.len(), 1, "blocks with {text}: {all:?}");
    all.into_iter().next().expect("one")
}

/// Its own dry run is a restore, too, and the newest.
#[test]
fn undoing_is_tried_as_often_as_wanted_before_it_is_done() {
    let (_database, mut client, id) = exported("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    client.batch_execute("INSERT INTO t VALUES (2)").unwrap();
    restore(&mut client, &id, "overwrite => true, dry_run => false").unwrap();
    let example = example("paliad_backup.undo_restore(");
    client.batch_execute(&example).unwrap();
    client.batch_execute(&example).unwrap();
    client.batch_execute(&example.replace("(r.audit_id)", "(r.audit_id, dry_run => false)")).unwrap();
    assert_eq!(column(&mut client, "SELECT id::text FROM t ORDER BY id"), ["1", "2"]);
}

/// What each function needs, `$` for the id of a backup; `!` for that of an audit row.
const CALLS: [&str; 35] = [
    "run()",
    "create_checkpoint()",
    "list()",
    "get($)",
    "latest()",
    "list_files($)",
    "read_file($, 'README.txt')",
    "read_sheet($, 't')",
    "read_sheet_as(NULL::public.t, $, 't')",
    "read_rows($, 't')",
    "diff($, 't')",
    "download($, 'a@example.org')",
    "download_chunks($, 'a@example.org')",
    "pin($)",
    "unpin($)",
    "verify($)",
    "verify_all()",
    "repair_checksum($)",
    "restore($)",
    "restore_sheet($, 't', 'public.t')",
    "undo_restore(!)",
    "restores()",
    "rehearse_restore($)",
    "rebuild_catalog()",
    "reconcile()",
    "cleanup(dry_run => false)",
    "cleanup_auto_keep_latest()",
    "is_authorized()",
    "schedule()",
    "schedule_status()",
    "unschedule()",
    "next_runs('@daily')",
    "auto_backup_tick()",
    "start_up()",
    "delete($)",
];

#[test]
fn errors_table_names_what_is_refused_in_a_read_only_transaction() {
    let (_database, mut client, id) = exported("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let restored = restore(&mut client, &id, "overwrite => true, dry_run => false").unwrap();
    let mut refused = BTreeSet::new();
    for call in CALLS {
        let with_ids = call.replace('$', &format!("'{id}'")).replace('!', &format!("'{}'", restored.audit_id()));
        client.batch_execute("BEGIN READ ONLY").unwrap();
        let answer = client.batch_execute(&format!("SELECT * FROM paliad_backup.{with_ids}"));
        client.batch_execute("ROLLBACK").unwrap();
        match answer {
            Err(error) if sqlstate(&error) == "25006" => {
                refused.insert(format!("{}()", call.split('(').next().expect("a name")));
            }
            // There is nothing to repair.
            Err(error) if sqlstate(&error) == "55000" && call.starts_with("repair_checksum") => {}
            other => other.unwrap_or_else(|error| panic!("{call}: {error}")),
        }
    }
    let listed = rows("### Errors").remove("25006").expect("the table has it");
    assert_eq!(code_spans(&listed).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), refused);
}
