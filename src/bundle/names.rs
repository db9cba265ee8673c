//! Names: of sheets (decision 11) and of the bundle's entries.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::sheet::SheetKind;

/// The workbook's path.
pub const WORKBOOK: &str = "paliad-backup.xlsx";
/// The manifest's path.
pub const MANIFEST: &str = "manifest.json";
/// The path of the script with the tables' definitions.
pub const SCHEMA: &str = "schema.sql";
/// The path of the script that brings definitions and rows back.
pub const RESTORE: &str = "restore.sql";
/// The checksum list's path.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// The paths of the files that are there once per bundle.
pub const SINGLE_FILES: [&str; 6] = ["README.txt", MANIFEST, WORKBOOK, SCHEMA, RESTORE, CHECKSUMS];

/// Longest stem in bytes: with `.json` it stays under the 255 bytes that file systems allow.
const MAX_STEM: usize = 200;
/// `~` and the first 128 bits of a SHA-256 in hex.
const HASH_SUFFIX: usize = 33;

/// The file name, without extension, of a sheet's csv and json files.
///
/// Every UTF-8 byte that is not an ASCII letter, digit, `_`, `-` or `.` becomes `%XX` in upper-case hex, so different sheet names
/// give different stems, also without regard to case if the sheet names differ without regard to case. A name of dots alone,
/// and one that Windows takes for a device (`NUL`, `com1.x`; Microsoft Learn, "Naming Files, Paths, and Namespaces"), has
/// its first character encoded too. More than 200 bytes are shortened to a beginning, `~` and a hash of the name; `~`
/// occurs in no other stem. An empty name gives `%`.
pub fn file_stem(sheet_name: &str) -> String {
    if sheet_name.is_empty() {
        return "%".to_owned();
    }
    let guarded = sheet_name.bytes().all(|byte| byte == b'.') || is_device(sheet_name);
    let mut stem = String::with_capacity(sheet_name.len() * 3);
    for (index, byte) in sheet_name.bytes().enumerate() {
        if is_plain(byte) && !(guarded && index == 0) {
            stem.push(char::from(byte));
        } else {
            push_hex(&mut stem, byte);
        }
    }
    if stem.len() > MAX_STEM {
        let mut cut = MAX_STEM - HASH_SUFFIX;
        if let Some(percent) = stem[cut - 2..cut].find('%') {
            cut = cut - 2 + percent;
        }
        stem.truncate(cut);
        stem.push('~');
        for byte in &Sha256::digest(sheet_name.as_bytes())[..16] {
            let _ = write!(stem, "{byte:02x}");
        }
    }
    stem
}

/// Whether `path` is one that a bundle of format 1 can hold: a single file's, `csv/<stem>.csv` or `json/<stem>.json`.
///
/// No such path is absolute, has a backslash or a `..` component, or leaves ASCII.
pub fn is_bundle_path(path: &str) -> bool {
    let stem = |folder: &str, extension: &str| path.strip_prefix(folder)?.strip_suffix(extension);
    match stem("csv/", ".csv").or_else(|| stem("json/", ".json")) {
        Some(stem) => {
            (1..=MAX_STEM).contains(&stem.len())
                && stem.bytes().all(|byte| is_plain(byte) || byte == b'%' || byte == b'~')
        }
        None => SINGLE_FILES.contains(&path),
    }
}

/// What a sheet's name is made from.
#[derive(Clone, Copy, Debug)]
pub struct SheetSource<'a> {
    /// The relation's schema, unquoted; not used where a name is registered.
    pub schema: &'a str,
    /// The relation's name, unquoted; not used where a name is registered.
    pub table: &'a str,
    /// Entity or ref.
    pub kind: SheetKind,
    /// The name given at registration.
    pub registered: Option<&'a str>,
}

/// The sheets' names, in the order of `sources`, unique without regard to case (decision 11).
///
/// Registered names come first, as they are. The others are named by their table where no other sheet would be called so, all
/// others by `schema.table`; ref sheets get `ref__` before either. What collides even then gets ` (2)`, ` (3)` … in the
/// order of `sources`.
pub fn sheet_names(sources: &[SheetSource<'_>]) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut names = vec![String::new(); sources.len()];
    for (name, source) in names.iter_mut().zip(sources) {
        if let Some(registered) = source.registered {
            *name = make_unique(registered, &mut taken);
        }
    }

    let derived = || sources.iter().filter(|source| source.registered.is_none());
    let mut tables = HashMap::<String, usize>::new();
    let mut short_names = HashMap::<String, usize>::new();
    for source in derived() {
        *tables.entry(fold(source.table)).or_default() += 1;
        *short_names.entry(fold(&short_name(source))).or_default() += 1;
    }
    let registered = taken.clone();
    for (name, source) in names.iter_mut().zip(sources) {
        if source.registered.is_some() {
            continue;
        }
        let short = short_name(source);
        let folded = fold(&short);
        let collides = tables.get(&fold(source.table)).is_some_and(|&count| count > 1)
            || short_names.get(&folded).is_some_and(|&count| count > 1)
            || registered.contains(&folded);
        let wanted =
            if collides { format!("{}{}.{}", prefix(source.kind), source.schema, source.table) } else { short };
        *name = make_unique(&wanted, &mut taken);
    }
    names
}

fn prefix(kind: SheetKind) -> &'static str {
    match kind {
        SheetKind::Entity => "",
        SheetKind::Ref => "ref__",
    }
}

fn short_name(source: &SheetSource<'_>) -> String {
    format!("{}{}", prefix(source.kind), source.table)
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn make_unique(wanted: &str, taken: &mut HashSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while !taken.insert(fold(&name)) {
        number += 1;
        name = format!("{wanted} ({number})");
    }
    name
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn push_hex(stem: &mut String, byte: u8) {
    let _ = write!(stem, "%{byte:02X}");
}

/// Whether Windows would open a device; an extension, or several, makes no difference to it.
fn is_device(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    match base.as_bytes() {
        b"CON" | b"PRN" | b"AUX" | b"NUL" => true,
        [b'C', b'O', b'M', digit] | [b'L', b'P', b'T', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entity<'a>(schema: &'a str, table: &'a str) -> SheetSource<'a> {
        SheetSource { schema, table, kind: SheetKind::Entity, registered: None }
    }

    fn reference<'a>(schema: &'a str, table: &'a str) -> SheetSource<'a> {
        SheetSource { kind: SheetKind::Ref, ..entity(schema, table) }
    }

    fn registered<'a>(schema: &'a str, table: &'a str, name: &'a str) -> SheetSource<'a> {
        SheetSource { registered: Some(name), ..entity(schema, table) }
    }

    #[test]
    fn stems() {
        for (name, stem) in [
            ("projects", "projects"),
            ("app.Projects-1_x", "app.Projects-1_x"),
            ("a (2)", "a%20%282%29"),
            ("T\"x/../\u{1F600}\n", "T%22x%2F..%2F%F0%9F%98%80%0A"),
            ("%41", "%2541"),
            (".", "%2E"),
            ("..", "%2E."),
            ("..a", "..a"),
            ("CON", "%43ON"),
            ("nul", "%6Eul"),
            ("Com1.log", "%43om1.log"),
            ("com10", "com10"),
            ("", "%"),
        ] {
            assert_eq!(file_stem(name), stem);
        }
    }

    #[test]
    fn long_stems_are_cut_between_characters_and_keep_apart() {
        let long = "ä".repeat(100);
        let longer = format!("{long}x");
        let (one, two) = (file_stem(&long), file_stem(&longer));
        assert_ne!(one, two);
        for stem in [&one, &two] {
            assert!(stem.len() <= MAX_STEM);
            let (kept, _) = stem.split_once('~').unwrap();
            assert_eq!(kept.len() % 3, 0, "{kept}");
        }
        assert_eq!(file_stem(&"a".repeat(200)), "a".repeat(200));
        assert_eq!(file_stem(&"a".repeat(201)).len(), 200);
    }

    #[test]
    fn paths() {
        for good in ["README.txt", "manifest.json", "csv/a.csv", "json/a.b%20.json", "csv/...csv"] {
            assert!(is_bundle_path(good), "{good}");
        }
        for bad in [
            "",
            "/README.txt",
            "readme.txt",
            "csv/",
            "csv/.csv",
            "csv/a.json",
            "csv/a/b.csv",
            "csv/a\\b.csv",
            "../csv/a.csv",
            "csv/../x.csv",
            "json/ä.json",
            "xml/a.csv",
            "csv/a.csv/",
            "csv/a b.csv",
        ] {
            assert!(!is_bundle_path(bad), "{bad}");
        }
    }

    #[test]
    fn sheets_are_named_by_table_where_that_is_unique() {
        let names = sheet_names(&[
            entity("app", "projects"),
            entity("app", "Users"),
            entity("crm", "users"),
            reference("app", "countries"),
            reference("app", "kinds"),
            entity("crm", "kinds"),
        ]);
        assert_eq!(names, ["projects", "app.Users", "crm.users", "ref__countries", "ref__app.kinds", "crm.kinds"]);
    }

    #[test]
    fn registered_names_win() {
        let names = sheet_names(&[
            entity("app", "users"),
            registered("app", "people", "Users"),
            registered("crm", "people", "USERS"),
            entity("app", "people"),
        ]);
        assert_eq!(names, ["app.users", "Users", "USERS (2)", "people"]);
    }

    #[test]
    fn what_still_collides_is_numbered() {
        let names = sheet_names(&[entity("a", "b"), entity("x", "B"), entity("s", "a.b"), entity("A", "b")]);
        assert_eq!(names, ["a.b", "x.B", "a.b (2)", "A.b (3)"]);
        let names = sheet_names(&[entity("p", "ref__x"), reference("p", "x")]);
        assert_eq!(names, ["p.ref__x", "ref__p.x"]);
    }

    proptest! {
        #[test]
        fn stems_are_harmless_and_distinct(one in "\\PC{0,90}", two in "\\PC{0,90}") {
            for name in [&one, &two] {
                let path = format!("csv/{}.csv", file_stem(name));
                prop_assert!(is_bundle_path(&path), "{}", path);
            }
            if one.to_lowercase() != two.to_lowercase() {
                prop_assert_ne!(file_stem(&one).to_ascii_lowercase(), file_stem(&two).to_ascii_lowercase());
            }
        }

        #[test]
        fn sheet_names_are_unique(sources in prop::collection::vec(
            ("[aAb.]{1,2}", "[aAb.]{1,2}|ref__a", any::<bool>(), prop::option::of("[aA](\\.a| \\(2\\))?")), 0..12)
        ) {
            let sources: Vec<_> = sources.iter().map(|(schema, table, is_ref, registered)| SheetSource {
                schema,
                table,
                kind: if *is_ref { SheetKind::Ref } else { SheetKind::Entity },
                registered: registered.as_deref(),
            }).collect();
            let names = sheet_names(&sources);
            let folded: HashSet<_> = names.iter().map(|name| fold(name)).collect();
            prop_assert_eq!(folded.len(), sources.len());
        }
    }
}
