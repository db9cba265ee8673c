//! Values of hundreds of megabytes, and those that the server cannot make into text.

use postgres::Client;

use crate::memory::{measured, run_measured};
use crate::runs::{Backup, run};
use crate::support::{Cluster, sqlstate};
use crate::{check_in_python, long, unzips};

const MIB: usize = 1 << 20;
/// What a text and a `bytea` repeat: what each format has to escape, 32 bytes; and 16 bytes.
const TEXT: &str = "Müller ./. \"Meier\" 😀\n_x0041_";
const BYTES: &str = "0123456789abcdef";

/// Repeats of [`TEXT`] or [`BYTES`] in so many MiB.
fn repeats(unit: &str, mib: usize) -> usize {
    mib * MIB / unit.len()
}

/// A table `documents` with one row, which has a `text` and a `bytea` of so many MiB.
fn create_documents(client: &mut Client, key: &str, text: usize, bytes: usize) {
    let sql = format!(
        "CREATE TABLE documents (id int {key}, t text COMPRESSION lz4, b bytea COMPRESSION lz4);
         INSERT INTO documents VALUES (7, repeat('{TEXT}', {}), convert_to(repeat('{BYTES}', {}), 'UTF8'))",
        repeats(TEXT, text),
        repeats(BYTES, bytes)
    );
    client.batch_execute(&sql).unwrap();
}

/// csv and json hold every byte, and the workbook the beginning.
const WHOLE_ROW: &str = r"
import io, json, sys, zipfile
import openpyxl

text, texts, data, datas = sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
bundle = zipfile.ZipFile(sys.argv[1])

def check(name, pieces):
    with bundle.open(name) as stream:
        for piece, times in pieces:
            while times:
                count = min(times, 50_000)
                assert stream.read(len(piece) * count) == piece * count, name
                times -= count
        assert stream.read(1) == b'', name

hexes = data.encode().hex().encode()
check('csv/documents.csv', [
    (b'id,t,b\n7,\x22', 1), (text.replace('\x22', '\x22\x22').encode(), texts), (b'\x22,\\x', 1), (hexes, datas), (b'\n', 1)])
escaped = json.dumps(text, ensure_ascii=False)[1:-1].encode()
check('json/documents.json', [
    (b'[\n{\x22id\x22:7,\x22t\x22:\x22', 1), (escaped, texts), (b'\x22,\x22b\x22:\x22\\\\x', 1), (hexes, datas), (b'\x22}\n]\n', 1)])
book = openpyxl.load_workbook(io.BytesIO(bundle.read('paliad-backup.xlsx')))
values = [cell.value for cell in book['documents'][2]]
units = lambda text: len(text.encode('utf-16-le')) // 2
whole = ['7', text * 2000, '\\x' + data.encode().hex() * 2000]
for value, whole in zip(values[1:], whole[1:]):
    value = openpyxl.utils.escape.unescape(value)
    assert value.endswith(' […]') and whole.startswith(value[:-4]), value[:100]
    assert 32_766 <= units(value) <= 32_767, units(value)
";

fn check_documents(backup: &Backup, text: usize, bytes: usize) {
    unzips(backup);
    let counts = [repeats(TEXT, text), repeats(BYTES, bytes)].map(|count| count.to_string());
    check_in_python(backup, WHOLE_ROW, &[TEXT, &counts[0], BYTES, &counts[1]]);
    let codes: Vec<_> = backup.warnings.as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
    assert_eq!(codes, ["xlsx_text_shortened", "xlsx_text_shortened"]);
}

/// V6. A row is held once as text (twice its size for a `bytea`), with the largest value beside it in the forms it goes through.
/// Without a key the server makes the text of the whole row to sort by it, and holds that in several forms at a time.
#[test]
fn v6_memory_is_a_few_times_the_largest_row() {
    let cases = [("PRIMARY KEY", 300, 200, 3), ("", 30, 20, 8), ("", 300, 200, 8)];
    for (key, text, bytes, times) in &cases[..if long() { 3 } else { 2 }] {
        let database = Cluster::shared().database();
        create_documents(&mut database.connect(), key, *text, *bytes);
        let (backup, peak) = run_measured(&mut database.connect());
        println!("{key:?}: {peak} KiB");
        assert!(peak < (times * (text + bytes)) << 10, "{key:?}: the peak is {peak} KiB");
        check_documents(&backup, *text, *bytes);
    }
}

/// The message, DETAIL and SQLSTATE of a run that fails.
fn failure(client: &mut Client) -> [String; 3] {
    let Err(error) = run(client) else { panic!("the run succeeds") };
    let told = error.as_db_error().expect("the server's error");
    [told.message(), told.detail().unwrap_or_default(), sqlstate(&error)].map(str::to_owned)
}

/// V6: PostgreSQL makes no text of 1 GB, which 600 MB of `bytea` would need.
#[test]
fn v6_a_value_too_large_is_named() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let table = format!(
        "CREATE TABLE \"Scans\" (office text, nr int, scan bytea COMPRESSION lz4, PRIMARY KEY (nr, office));
         INSERT INTO \"Scans\" VALUES ('Köln', 1, ''), ('Köln', 2, convert_to(repeat('{BYTES}', {}), 'UTF8')), ('Köln', 3, '')",
        600_000_000 / BYTES.len()
    );
    client.batch_execute(&table).unwrap();
    let ([message, detail, code], peak) = measured(&mut client, failure);
    assert_eq!(code, "54000");
    assert_eq!(message, "a value of column scan of public.\"Scans\" is too large to be exported");
    assert!(detail.starts_with("The row with nr=2, office=Köln: "), "{detail}");

    // Without a key the row's text has the same limit, and no row has come yet when it is met.
    client.batch_execute("ALTER TABLE \"Scans\" DROP CONSTRAINT \"Scans_pkey\"").unwrap();
    let [message, detail, code] = failure(&mut client);
    assert_eq!(code, "54000");
    assert_eq!(message, "a row of public.\"Scans\" is too large to be exported");
    assert!(detail.contains("ordered by their text"), "{detail}");
    println!("{peak} KiB");

    // Nothing of it stays in the session, and a key makes the rest of such a row possible.
    client.batch_execute("DELETE FROM \"Scans\" WHERE nr = 2").unwrap();
    assert_eq!(run(&mut client).unwrap().status, "done");
}

/// Each value has its text, and the row's is too long: it is exported where a key orders the rows.
#[test]
fn v6_a_row_of_more_than_1_gb_needs_a_key() {
    let database = Cluster::shared().database();
    let mut client = database.connect();
    let (text, bytes) = (540, 270);
    create_documents(&mut client, "", text, bytes);
    let [message, detail, code] = failure(&mut client);
    assert_eq!((code.as_str(), message.as_str()), ("54000", "a row of public.documents is too large to be exported"));
    assert!(detail.contains("out of memory: Cannot enlarge string buffer"), "{detail}");
    if long() {
        client.batch_execute("ALTER TABLE documents ADD PRIMARY KEY (id)").unwrap();
        let (backup, peak) = run_measured(&mut client);
        println!("{peak} KiB");
        assert!(peak < (3 * (text + bytes)) << 10, "the peak is {peak} KiB");
        check_documents(&backup, text, bytes);
    }
}
