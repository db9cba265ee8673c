//! What README.md says: its blocks and the rows of its tables. Included beside `support` by the tests of the page.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::collections::BTreeMap;
use std::fs;

use crate::support::repository;

/// A fenced block of README.md.
pub struct Block {
    /// Of its first fence, from 1.
    pub line: usize,
    pub language: String,
    pub text: String,
    /// The SQLSTATE that the comment on the line before it names: `<!-- fails: 55000 -->`.
    pub fails: Option<String>,
}

/// The page.
pub fn readme() -> String {
    fs::read_to_string(repository("README.md")).expect("README.md")
}

/// Its fenced blocks, in its order.
pub fn blocks() -> Vec<Block> {
    let page = readme();
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let text = text.collect::<Vec<_>>().join("\n");
            let fails = before.strip_prefix("<!-- fails: ").and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block {
                line: number + 1,
                language: language.to_owned(),
                text,
                fails: fails.map(str::to_owned),
            });
        }
        before = line;
    }
    assert!(blocks.iter().filter(|block| block.language == "sql").count() > 10, "README.md has sql blocks");
    blocks
}

/// The tables under a heading, up to the next one: each name in code of the first column, and the second column.
pub fn rows(heading: &str) -> BTreeMap<String, String> {
    let page = readme();
    let section = page.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('#'));
    let mut rows = BTreeMap::new();
    for line in section.filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        for name in code_spans(cells[0]) {
            let twice = rows.insert(name.to_owned(), cells[1].to_owned());
            assert!(twice.is_none(), "{name} is listed twice under {heading}");
        }
    }
    rows
}

/// What stands between backquotes. Fences are pairs of empty spans and one backquote: the blocks count as spans too.
pub fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
