//! Real damage: bytes of a stopped cluster's files are overwritten.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use postgres::Client;

use super::rows::{Row, check, of};
use crate::support::{Cluster, bindir, checked, column};

const PAGE: u64 = 8192;

/// A cluster with a database of tables to damage; their files by name.
struct Victim {
    cluster: Cluster,
    files: Vec<(String, PathBuf)>,
}

impl Victim {
    fn new(checksums: bool) -> Victim {
        let cluster = Cluster::own(&["autovacuum = off"]);
        if checksums {
            cluster.stop("fast");
            checked(Command::new(bindir().join("pg_checksums")).arg("--enable").arg(cluster.dir().join("data")));
            cluster.start();
        }
        cluster.connect("postgres", "postgres").batch_execute("CREATE DATABASE victim").unwrap();
        let mut client = cluster.connect("victim", "postgres");
        let directory = cluster.dir().join("backups/victim").display().to_string();
        client
            .batch_execute(&format!(
                "CREATE EXTENSION paliad_backup; ALTER DATABASE victim SET paliad_backup.directory = '{directory}';
                 CREATE TABLE lines (id int, t text) WITH (fillfactor = 50); CREATE TABLE other_longer (id int, t text);
                 CREATE TABLE header (id int, t text); CREATE TABLE pointer (id int, t text); CREATE TABLE length (id int, t text);
                 CREATE TABLE longer (id int, t text); CREATE TABLE packed (id int, t text); CREATE TABLE sound (id int, t text);
                 CREATE TABLE root (id int, t text) PARTITION BY RANGE (id);
                 CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (100000);
                 CREATE INDEX of_sound ON sound (id); CREATE INDEX other_of_sound ON sound (id, t);
                 DO $$ DECLARE name text; BEGIN
                   FOREACH name IN ARRAY '{{header,pointer,length,lines,sound,root}}'::text[] LOOP
                     EXECUTE 'INSERT INTO ' || name || ' SELECT i, md5(i::text) FROM generate_series(1, 2000) AS i';
                   END LOOP;
                 END $$;
                 INSERT INTO longer SELECT i, (SELECT string_agg(md5((i * k)::text), '') FROM generate_series(1, 500) AS k)
                   FROM generate_series(1, 20) AS i;
                 INSERT INTO other_longer SELECT * FROM longer;
                 INSERT INTO packed SELECT i, repeat('abcdefghij', 300) FROM generate_series(1, 2000) AS i;
                 CHECKPOINT;"
            ))
            .unwrap();
        let mut client = cluster.connect("victim", "postgres");
        client.batch_execute("SELECT paliad_backup.run()").unwrap();
        let files = "SELECT relname::text, pg_relation_filepath(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                     AND relkind IN ('r', 'i') UNION ALL SELECT 'toast of ' || relname, pg_relation_filepath(reltoastrelid) \
                     FROM pg_class WHERE relname = 'longer' UNION ALL SELECT 'index of ' || c.relname, \
                     pg_relation_filepath(i.indexrelid) FROM pg_class AS c JOIN pg_index AS i ON i.indrelid = c.reltoastrelid \
                     WHERE c.relname = 'other_longer'";
        let data = cluster.dir().join("data");
        let files = client.query(files, &[]).unwrap();
        let files = files.iter().map(|row| (row.get(0), data.join(row.get::<_, String>(1)))).collect();
        Victim { cluster, files }
    }

    /// Overwrites bytes of a relation's second page.
    fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) {
        let path = &self.files.iter().find(|file| file.0 == name).unwrap_or_else(|| panic!("{name}")).1;
        let file = File::options().read(true).write(true).open(path).unwrap();
        assert!(file.metadata().unwrap().len() > PAGE, "{name} has two pages");
        file.write_all_at(bytes, PAGE + at).unwrap();
    }

    fn connect(&self) -> Client {
        self.cluster.connect("victim", "postgres")
    }
}

fn critical(client: &mut Client) -> Vec<Row> {
    let mut rows: Vec<Row> = of(client, "tables", "").into_iter().filter(|row| row.level == "critical").collect();
    rows.sort_by(|a, b| a.object.cmp(&b.object));
    rows
}

fn objects(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.object.as_deref().unwrap()).collect()
}

/// Bytes of a relation's second page.
fn bytes<const N: usize>(victim: &Victim, name: &str, at: u64) -> [u8; N] {
    let path = &victim.files.iter().find(|file| file.0 == name).unwrap().1;
    let mut bytes = [0; N];
    File::open(path).unwrap().read_exact_at(&mut bytes, PAGE + at).unwrap();
    bytes
}

/// Where on that page the row of its first line begins.
fn first_row(victim: &Victim, name: &str) -> u64 {
    u64::from(u32::from_ne_bytes(bytes(victim, name, 24)) & 0x7FFF)
}

#[test]
fn damaged_relations_are_named_without_checksums() {
    let victim = Victim::new(false);
    let mut client = victim.connect();
    assert_eq!(critical(&mut client), []);
    drop(client);
    victim.cluster.stop("fast");
    let [length, packed, longer] = ["length", "packed", "toast of longer"].map(|name| first_row(&victim, name));
    victim.overwrite("header", 0, &[0xFF; 24]);
    // A line that points beyond the page.
    victim.overwrite("pointer", 24, &(8000u32 | 1 << 15 | 400 << 17).to_ne_bytes());
    // A text that is longer than its row.
    victim.overwrite("length", length + 28, &[0xFF]);
    // What was packed cannot be unpacked.
    victim.overwrite("packed", packed + 36, &[0xFF; 12]);
    victim.overwrite("toast of longer", longer + 18, &[0xFF; 5]);
    victim.overwrite("leaf", 0, &[0xFF; 24]);
    // More lines than a page can have: the server would put them into arrays that are too short.
    let lower = u16::from_ne_bytes(bytes(&victim, "lines", 12));
    victim.overwrite("lines", 12, &(lower + 2048).to_ne_bytes());
    // The index of values out of line.
    victim.overwrite("index of other_longer", 0, &[0xFF; 24]);
    victim.overwrite("other_of_sound", 0, &[0xFF; 24]);
    victim.cluster.start();
    let mut client = victim.connect();
    let rows = critical(&mut client);
    let toast_index = rows.first().and_then(|row| row.object.clone()).unwrap();
    assert!(toast_index.starts_with("pg_toast.pg_toast_") && toast_index.ends_with("_index"), "{rows:#?}");
    let mut expected = vec![toast_index.as_str(), "public.header", "public.leaf", "public.length", "public.lines"];
    expected.extend(["public.longer", "public.other_of_sound", "public.packed", "public.pointer"]);
    assert_eq!(objects(&rows), expected, "{rows:#?}");
    for row in &rows {
        let next = row.next.as_ref().unwrap();
        let object = row.object.as_ref().unwrap();
        if object == &toast_index || object.ends_with("of_sound") {
            assert_eq!(next, &format!("REINDEX INDEX CONCURRENTLY {object};"));
            client.batch_execute(next).unwrap();
        } else {
            let sheet = if object == "public.leaf" { "public.root" } else { object };
            assert!(next.contains(&format!("ARRAY['{sheet}'], overwrite => true, checkpoint => false")), "{next}");
            // A dry run, then in earnest.
            client.batch_execute(next).unwrap_or_else(|error| panic!("{next}: {error:?}"));
            client.batch_execute(&next.replace("false);", "false, dry_run => false)")).unwrap();
        }
    }
    assert_eq!(critical(&mut client), [], "what was said to do has helped");
    assert_eq!(column(&mut client, "SELECT count(*)::text FROM header"), ["2000"]);
}

#[test]
fn one_flipped_bit_is_found_where_pages_have_checksums() {
    let victim = Victim::new(true);
    let mut client = victim.connect();
    assert_eq!(critical(&mut client), []);
    assert!(check(&mut client, "").iter().any(|row| row.check == "page_checksums" && row.level == "ok"));
    drop(client);
    victim.cluster.stop("fast");
    for name in ["header", "toast of longer", "leaf", "of_sound"] {
        victim.overwrite(name, 5000, b"!");
    }
    victim.cluster.start();
    let mut client = victim.connect();
    let rows = critical(&mut client);
    assert_eq!(objects(&rows), ["public.header", "public.leaf", "public.longer", "public.of_sound"], "{rows:#?}");
    assert!(
        rows.iter().all(|row| row.message.contains("invalid page in block 1") && row.message.contains("XX001")),
        "{rows:#?}"
    );
    // The server has counted them, too; statistics come a moment later.
    crate::support::wait_for("the failures are counted", || {
        let mut client = victim.connect();
        check(&mut client, "").iter().any(|row| row.check == "page_checksums" && row.level == "critical")
    });
    // What a run says of it is told as well.
    let error = client.batch_execute("SELECT paliad_backup.run()").unwrap_err();
    assert_eq!(crate::support::sqlstate(&error), "XX001");
}

/// Neither are rows pruned nor is noted whose transactions have ended: a damaged page would be the worse for it, or the server's end.
#[test]
fn looking_changes_no_page() {
    let victim = Victim::new(false);
    let mut client = victim.connect();
    client.batch_execute("DELETE FROM header WHERE id % 2 = 0; UPDATE length SET t = 'x'; CHECKPOINT").unwrap();
    let contents = || -> Vec<Vec<u8>> { victim.files.iter().map(|file| std::fs::read(&file.1).unwrap()).collect() };
    let before = contents();
    assert_eq!(of(&mut client, "tables", "deep => true")[0].level, "ok");
    client.batch_execute("CHECKPOINT").unwrap();
    assert!(contents() == before, "no file has changed");
    // The files would tell.
    client.batch_execute("SELECT count(*) FROM header; CHECKPOINT").unwrap();
    assert!(contents() != before);
}
