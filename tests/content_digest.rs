//! content_digest and sheet_digests: equal for equal data, whatever the run's formats, threads and compression are.

use std::collections::BTreeSet;

use crate::runs::{Backup, run_with};
use crate::support::{Cluster, column};
use postgres::Client;

fn digests(client: &mut Client, id: &str) -> (String, serde_json::Value) {
    let sql = "SELECT content_digest, sheet_digests FROM paliad_backup.get($1::text::uuid)";
    let row = client.query_one(sql, &[&id]).unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn digests_depend_on_the_data_alone() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text, g int GENERATED ALWAYS AS (id * 2) STORED);
             INSERT INTO t SELECT n, repeat(md5(n::text), 40) FROM generate_series(1, 20000) AS n;
             CREATE TABLE empty (n int); CREATE SEQUENCE s",
        )
        .unwrap();
    let mut all = BTreeSet::new();
    let mut csv: Option<Backup> = None;
    for formats in ["{csv}", "{json}", "{xlsx}", "{xlsx,json}", "{xlsx,json,csv}"] {
        for (threads, level) in [(1, 1), (3, 6)] {
            client
                .batch_execute(&format!(
                    "SET paliad_backup.threads = {threads}; SET paliad_backup.compression_level = {level}"
                ))
                .unwrap();
            let backup = run_with(&mut client, &format!("formats => '{formats}'")).unwrap();
            let (content, sheets) = digests(&mut client, &backup.id);
            let has_csv = backup.manifest().sheets.iter().all(|sheet| sheet.files.csv.is_some());
            assert_eq!(has_csv, formats.contains("csv"), "what is only hashed is not in the bundle");
            all.insert((content, sheets.to_string()));
            csv = csv.or(Some(backup));
        }
    }
    assert_eq!(all.len(), 1, "{all:?}");
    let (content, sheets) = all.into_iter().next().unwrap();
    assert_eq!(content.len(), 64);
    let sheets: serde_json::Value = serde_json::from_str(&sheets).unwrap();
    for sheet in csv.unwrap().manifest().sheets {
        assert_eq!(sheets[&sheet.name], serde_json::json!(sheet.files.csv.unwrap().sha256), "{}", sheet.name);
    }
    let mut before = content;
    for change in ["UPDATE t SET v = 'x' WHERE id = 17", "SELECT nextval('s')", "ALTER TABLE empty RENAME TO blank"] {
        client.batch_execute(change).unwrap();
        let id = run_with(&mut client, "formats => '{json}'").unwrap().id;
        let (after, changed) = digests(&mut client, &id);
        assert_ne!(after, before, "{change}");
        assert_eq!(changed == sheets, change.contains("nextval"), "{change}");
        before = after;
        client.batch_execute("UPDATE t SET v = repeat(md5(id::text), 40) WHERE id = 17").unwrap();
    }
    assert_eq!(
        column(&mut client, "SELECT id::text FROM paliad_backup.backups WHERE content_digest IS NULL"),
        Vec::<String>::new()
    );
}
