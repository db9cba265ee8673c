//! Names that are easily got wrong.

use std::collections::HashSet;

use crate::rng::Rng;

/// Longest name in bytes (NAMEDATALEN).
const LONGEST: usize = 63;

const ODD: [&str; 62] = [
    "select",
    "user",
    "order",
    "table",
    "t",
    "x",
    "v",
    "row",
    "id",
    "a b",
    "a.b",
    "..",
    ".",
    "../../etc/passwd",
    "100%",
    "%41",
    "%",
    "-rf *",
    "--",
    "-",
    "'quoted'",
    "\"",
    "a\"b",
    "\\",
    "\\.",
    "a\\nb",
    "\ttab",
    "line\nbreak",
    "cr\rlf\r\n",
    "=1+1",
    "+1",
    "@x",
    "_x0041_",
    "_x000D_",
    "nul",
    "CON.txt",
    "History",
    "Contents",
    "[a]:*?/\\",
    "$1",
    "{a}",
    "a,b",
    ";",
    "' OR 1=1; --",
    " lead",
    "trail ",
    " ",
    "é",
    "é",
    "Übermäßig",
    "日本語",
    "😀",
    "👩‍👩‍👧",
    "שלום",
    "\u{202e}rtl",
    "\u{200b}",
    "\u{1}",
    "null",
    "NULL",
    "?column?",
    "Σς",
    "İi",
];

/// A name that is not in `used`, at most `longest` bytes, and puts it there.
pub fn odd_name(rng: &mut Rng, used: &mut HashSet<String>, longest: usize) -> String {
    let mut name = match rng.below(10) {
        0 => rng.pick(&ODD).repeat(LONGEST),
        1 | 2 => format!("{}{}", rng.pick(&ODD), rng.pick(&ODD)),
        3 if !used.is_empty() => case_twin(rng, used),
        4 | 5 => rng.pick(&["plain", "second_name", "Third", "deadline_rules"]).to_string(),
        _ => rng.pick(&ODD).to_string(),
    };
    truncate(&mut name, longest);
    for number in 2.. {
        if used.insert(name.clone()) {
            break;
        }
        truncate(&mut name, longest - 4);
        name.push_str(&number.to_string());
    }
    name
}

/// Another name's letters in the other case.
fn case_twin(rng: &mut Rng, used: &HashSet<String>) -> String {
    let mut names: Vec<&String> = used.iter().collect();
    names.sort();
    let flip = |char: char| {
        if char.is_lowercase() { char.to_uppercase().to_string() } else { char.to_lowercase().to_string() }
    };
    rng.pick(&names).chars().map(flip).collect()
}

/// At most `longest` bytes, at a character's end.
pub fn truncate(name: &mut String, longest: usize) {
    let end = (0..=longest.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name.truncate(end);
}

/// A name as SQL writes it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
