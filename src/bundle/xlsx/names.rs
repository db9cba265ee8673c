//! Excel's names for sheets: at most 31 UTF-16 units, some characters forbidden, unique without regard to case.

use std::collections::HashSet;

/// The name of the first sheet.
pub const CONTENTS: &str = "Contents";
/// Excel keeps this name for itself, in any case.
const RESERVED: &str = "History";
/// Most UTF-16 units of a name.
const UNITS: usize = 31;

/// The names given out so far. The same requests in the same order get the same names.
pub struct Names {
    taken: HashSet<String>,
}

impl Default for Names {
    fn default() -> Self {
        Names { taken: [CONTENTS, RESERVED].map(folded).into() }
    }
}

impl Names {
    /// A name for the `part`-th Excel sheet (from 1) of the sheet `wanted`: `wanted`, `wanted (2)` and so on, changed no more than the
    /// rules ask for; `~2`, `~3` … tell apart what would collide.
    pub fn claim(&mut self, wanted: &str, part: usize) -> String {
        let clean = allowed(wanted);
        let part = if part > 1 { format!(" ({part})") } else { String::new() };
        let mut twin = 1;
        loop {
            let suffix = if twin > 1 { format!("{part}~{twin}") } else { part.clone() };
            let name = fitted(&clean, &suffix);
            if self.taken.insert(folded(&name)) {
                return name;
            }
            twin += 1;
        }
    }
}

/// `wanted` with `_` for what must not stand in a name. `_xHHHH_` loses its first `_`, since readers disagree whether it is an escape.
fn allowed(wanted: &str) -> String {
    let mut name: String = wanted
        .chars()
        .map(|char| match char {
            '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\u{fffe}' | '\u{ffff}' => '_',
            char if char.is_control() => '_',
            char => char,
        })
        .collect();
    if name.trim().is_empty() {
        return "_".to_owned();
    }
    while let Some(at) = name.match_indices("_x").map(|(at, _)| at).find(|at| is_escape(&name.as_bytes()[*at..])) {
        name.replace_range(at..=at, "-");
    }
    name
}

fn is_escape(text: &[u8]) -> bool {
    matches!(text, [b'_', b'x', a, b, c, d, b'_', ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()))
}

/// `name` cut at a character so that `suffix` fits behind it, without an apostrophe at either edge.
fn fitted(name: &str, suffix: &str) -> String {
    let mut room = UNITS.saturating_sub(suffix.len());
    let cut = name.chars().take_while(|char| {
        let width = char.len_utf16();
        let fits = width <= room;
        room = if fits { room - width } else { 0 };
        fits
    });
    let mut fitted: String = cut.collect::<String>() + suffix;
    if fitted.starts_with('\'') {
        fitted.replace_range(..1, "_");
    }
    if fitted.ends_with('\'') {
        fitted.pop();
        fitted.push('_');
    }
    fitted
}

/// `name` in a form that is equal for names that differ in case alone. Upper case first: it joins `ς` with `σ`, which lower case keeps.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_is_allowed_and_changes_the_rest() {
        let mut names = Names::default();
        let long = "a_table_with_a_rather_long_name_and_more";
        for (wanted, part, name) in [
            ("matter", 1, "matter"),
            ("Matter", 1, "Matter~2"),
            ("matter", 2, "matter (2)"),
            ("matter (2)", 1, "matter (2)~2"),
            ("history", 1, "history~2"),
            ("contents", 1, "contents~2"),
            ("T\"x/../😀", 1, "T\"x_.._😀"),
            ("'quoted'", 1, "_quoted_"),
            ("a\nb", 1, "a_b"),
            ("", 1, "_"),
            ("  ", 1, "_~2"),
            (long, 1, "a_table_with_a_rather_long_name"),
            (long, 2, "a_table_with_a_rather_long_ (2)"),
            (&format!("{long}2"), 1, "a_table_with_a_rather_long_na~2"),
            ("_x0041_x0042_", 1, "-x0041-x0042_"),
            ("ΟΔΟΣ", 1, "ΟΔΟΣ"),
            ("οδος", 1, "οδος~2"),
        ] {
            assert_eq!(names.claim(wanted, part), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_obeys_excel(wanted in prop::collection::vec("[a-cA-C'\\[\\]:*?/\\\\ é😀_x0\n]{0,40}|history|contents", 1..20)) {
            let mut names = Names::default();
            let mut seen = HashSet::new();
            for wanted in &wanted {
                for part in 1..4 {
                    let name = names.claim(wanted, part);
                    prop_assert!(name.encode_utf16().count() <= 31);
                    prop_assert!(!name.trim().is_empty() && !name.starts_with('\'') && !name.ends_with('\''));
                    prop_assert!(!name.contains(|char: char| "[]:*?/\\".contains(char) || char.is_control()));
                    prop_assert!(!["history", "contents"].contains(&name.to_lowercase().as_str()));
                    prop_assert!(seen.insert(name.to_lowercase()), "{} twice", name);
                }
            }
        }
    }
}
