//! RUST_BACKTRACE in the server's environment adds nothing to errors.

use crate::restores::restore;
use crate::runs::exported;
use crate::support::column;
use postgres::Client;

fn detail(client: &mut Client, sql: &str) -> Option<String> {
    let error = client.batch_execute(sql).expect_err(sql);
    error.as_db_error().expect("the server's error").detail().map(str::to_owned)
}

#[test]
fn errors_have_no_backtraces() {
    let (_database, mut client, id) = exported("CREATE TABLE t (id int PRIMARY KEY)");
    client.batch_execute("CREATE TEMP TABLE environment (line text); COPY environment FROM PROGRAM 'env'").unwrap();
    let backtraces = "SELECT line FROM environment WHERE line ^@ 'RUST_BACKTRACE'";
    assert_eq!(column(&mut client, backtraces), ["RUST_BACKTRACE=1"], "scripts/lib.sh starts servers with it");
    // An error of ours, then one of the server's that passes through our functions: what the first leaves must not show there.
    let unknown = "SELECT paliad_backup.verify('00000000-0000-0000-0000-000000000000')";
    assert_eq!(detail(&mut client, unknown), None);
    client.batch_execute("BEGIN READ ONLY").unwrap();
    let error = restore(&mut client, &id, "overwrite => true").unwrap_err();
    assert_eq!(error.as_db_error().unwrap().detail(), None);
    client
        .batch_execute(
            "ROLLBACK; INSERT INTO paliad_backup.sheets (sheet_name, query, run_as)
                          VALUES ('slow', 'SELECT pg_sleep(60)::text', current_user)",
        )
        .unwrap();
    assert_eq!(detail(&mut client, "SET statement_timeout = '500ms'; SELECT paliad_backup.run()"), None);
    client.batch_execute("RESET statement_timeout; UPDATE paliad_backup.sheets SET query = 'SELECT 1 / 0'").unwrap();
    assert_eq!(detail(&mut client, "SELECT paliad_backup.run()").as_deref(), Some("While sheet slow was read."));
}
