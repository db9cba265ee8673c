//! Text of more than one line: when a cell breaks it, and how tall its row may become.

/// A row taller than this many lines would push the others off the screen.
pub const MOST_LINES: usize = 10;
/// Header rows are frozen: what they take is lost to the rows below.
pub const MOST_HEADER_LINES: usize = 4;
/// Points of a line of the default font.
const POINTS: usize = 15;

/// Lines that UTF-8 `text` takes in a column that is `room` characters wide; one more than `most` stands for all that exceed it.
///
/// A column is measured in digits, and letters are narrower on average: a line may be longer by an eighth.
pub fn lines(text: &[u8], room: usize, most: usize) -> usize {
    if is_short(text, room) && !text.contains(&b'\n') {
        return 1;
    }
    // What is cut off exceeds `most`: no character has more than three bytes for one of width.
    let near = &text[..text.len().min(3 * room * (most + 1))];
    let lines =
        near.split(|byte| *byte == b'\n').map(|line| width(line).saturating_sub(room / 8).div_ceil(room).max(1));
    lines.sum::<usize>().min(most + 1)
}

/// Whether `text` takes one line for certain, unless there are line breaks in it.
pub fn is_short(text: &[u8], room: usize) -> bool {
    text.len() <= room + room / 8
}

/// The width of UTF-8 `text` without line breaks, in characters. From U+3000 on most are two wide.
pub fn width(text: &[u8]) -> usize {
    let of_character = |byte: &u8| usize::from(*byte & 0xC0 != 0x80) + usize::from(*byte >= 0xE3);
    text.iter().map(of_character).sum()
}

/// Ends the tag `<row …` at the position `tag` of `out` with the height of `lines`, up to `limit` of them.
///
/// Excel chooses a better height by itself when the row is edited, unless it is over the limit. LibreOffice chooses none when it opens
/// a workbook.
pub fn push_height(out: &mut Vec<u8>, tag: usize, lines: usize, limit: usize) {
    let custom = if lines > limit { " customHeight=\"1\"" } else { "" };
    insert(out, tag, format!(" ht=\"{}\"{custom}", lines.min(limit) * POINTS).as_bytes());
}

/// Inserts `bytes` at the position `at` of `out`, near its end.
pub fn insert(out: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out[at..].rotate_right(bytes.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_width_and_by_breaks() {
        for (text, room, expected) in [
            ("", 6, 1),
            ("abcdef", 6, 1),
            ("abcdefg", 6, 2),
            ("Müller", 6, 1),
            ("東京東", 6, 1),
            ("東京東京", 6, 2),
            ("a\nb", 6, 2),
            ("a\n", 6, 2),
            ("abcdef\nabcdefg", 6, 3),
            (&"x".repeat(18), 16, 1),
            (&"x".repeat(19), 16, 2),
            (&"x".repeat(60), 6, 10),
            (&"x".repeat(61), 6, 11),
            (&"x".repeat(6000), 6, 11),
        ] {
            assert_eq!(lines(text.as_bytes(), room, MOST_LINES), expected, "{text:?}");
        }
    }

    #[test]
    fn a_height_becomes_an_attribute_of_its_row() {
        for (lines, attributes) in [(2, "ht=\"30\""), (10, "ht=\"150\""), (11, "ht=\"150\" customHeight=\"1\"")] {
            let mut out = b"<row r=\"1\"/><row r=\"2\"><c/></row>".to_vec();
            push_height(&mut out, 22, lines, MOST_LINES);
            let expected = format!("<row r=\"1\"/><row r=\"2\" {attributes}><c/></row>");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
