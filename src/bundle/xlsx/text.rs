//! Text as XML: escaped so that it reopens exactly, and cut to what a cell can hold.

/// Most UTF-16 units that Excel keeps in one cell ("Excel specifications and limits").
pub const CELL_UNITS: usize = 32_767;
/// Ends a text that was cut.
const MARKER: &str = " […]";
/// [`MARKER`] in UTF-16 units: all its characters lie in the Basic Multilingual Plane.
const MARKER_UNITS: usize = 4;

/// What [`push_cell`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// The text was cut.
    pub cut: bool,
    /// It has line breaks.
    pub breaks: bool,
}

/// Appends UTF-8 `text` as the content of an element or of a double-quoted attribute. True if there is a line break in it.
///
/// What XML 1.0 cannot hold or would change when read (`Char`, section 2.2; line ends, 2.11) becomes `_xHHHH_`, the escape of
/// `ST_Xstring` (ECMA-376 part 1, 22.9.2.19); a literal text of that form has its first `_` written as `_x005F_`.
pub fn push(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let mut breaks = false;
    let mut plain = 0;
    let mut at = 0;
    while at < text.len() {
        if !SUSPECT[text[at] as usize] {
            at += 1;
            continue;
        }
        let mut escape = *b"_x0000_";
        let (replacement, length): (&[u8], usize) = match text[at] {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'"' => (b"&quot;", 1),
            b'_' if looks_escaped(&text[at..]) => (b"_x005F_", 1),
            0xEF if text[at..].starts_with("\u{FFFE}".as_bytes()) => (b"_xFFFE_", 3),
            0xEF if text[at..].starts_with("\u{FFFF}".as_bytes()) => (b"_xFFFF_", 3),
            b'_' | 0xEF | b'\n' => {
                breaks |= text[at] == b'\n';
                at += 1;
                continue;
            }
            control => {
                escape[4] = HEX[usize::from(control >> 4)];
                escape[5] = HEX[usize::from(control & 15)];
                (&escape, 1)
            }
        };
        out.extend_from_slice(&text[plain..at]);
        out.extend_from_slice(replacement);
        at += length;
        plain = at;
    }
    out.extend_from_slice(&text[plain..]);
    breaks
}

/// Appends `text` like [`push`], cut at a character and marked where it exceeds [`CELL_UNITS`].
pub fn push_cell(out: &mut Vec<u8>, text: &[u8]) -> Met {
    // No character has more UTF-16 units than UTF-8 bytes.
    let end = if text.len() <= CELL_UNITS { None } else { cut(text) };
    let breaks = push(out, &text[..end.unwrap_or(text.len())]);
    if end.is_some() {
        out.extend_from_slice(MARKER.as_bytes());
    }
    Met { cut: end.is_some(), breaks }
}

/// Whether a reader might trim `text` unless `xml:space="preserve"` stands on its element.
pub fn has_edge_blank(text: &[u8]) -> bool {
    let blank = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
    // U+00A0, U+3000 and other blanks of Unicode: none of them is white space to XML, but some readers trim them.
    let foreign = |byte: Option<&u8>| byte.is_some_and(|byte| *byte >= 0x80);
    blank(text.first()) || blank(text.last()) || foreign(text.first()) || foreign(text.last())
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Bytes at which [`push`] must look closer.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 32 {
        table[byte] = byte != b'\t' as usize;
        byte += 1;
    }
    table[b'&' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'"' as usize] = true;
    table[b'_' as usize] = true;
    table[0xEF] = true;
    table
};

/// Whether `text`, which starts with `_`, would be read as an escape: `_xHHHH` before a `_`, or before a character that is
/// written as an escape itself and so brings the closing `_`.
fn looks_escaped(text: &[u8]) -> bool {
    matches!(text, [_, b'x', a, b, c, d, next, ..]
        if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit())
            && (*next == b'_' || *next == 0xEF || *next < b' '))
}

/// Where to cut `text` so that it fits with [`MARKER`]; none if it fits whole. Reads no further than the limit.
fn cut(text: &[u8]) -> Option<usize> {
    let mut units = 0;
    let mut end = 0;
    for (at, byte) in text.iter().enumerate() {
        let width = match byte {
            0x80..0xC0 => continue,
            0xF0.. => 2,
            _ => 1,
        };
        if units + width > CELL_UNITS {
            return Some(end);
        }
        if units <= CELL_UNITS - MARKER_UNITS {
            end = at;
        }
        units += width;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a reader of ECMA-376 makes of the content of a `<t>` element.
    pub fn reopened(xml: &str) -> String {
        let text = xml.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(char) = rest.chars().next() {
            let code = (rest.len() >= 7 && rest.starts_with("_x") && rest.as_bytes()[6] == b'_')
                .then(|| rest.get(2..6).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32))
                .flatten();
            out.push(code.unwrap_or(char));
            rest = &rest[code.map_or(char.len_utf8(), |_| 7)..];
        }
        out
    }

    fn pushed(text: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_what_xml_or_a_reader_would_change() {
        assert_eq!(pushed("a & b < \"c\"\t\n"), "a &amp; b &lt; &quot;c&quot;\t\n");
        assert_eq!(pushed("\r\u{1}\u{1f}"), "_x000D__x0001__x001F_");
        assert_eq!(pushed("\u{fffe}\u{ffff}\u{fffd}"), "_xFFFE__xFFFF_\u{fffd}");
        assert_eq!(pushed("_x0041_ _x0041 snake_case"), "_x005F_x0041_ _x0041 snake_case");
        assert_eq!(pushed("_x0041\r"), "_x005F_x0041_x000D_");
    }

    #[test]
    fn line_breaks_are_seen() {
        for (text, breaks) in [("", false), ("a\tb\r", false), ("\n", true), ("a_\nb", true), ("<\n&", true)] {
            assert_eq!(push_cell(&mut Vec::new(), text.as_bytes()), Met { cut: false, breaks }, "{text:?}");
        }
    }

    #[test]
    fn counts_units_and_not_characters() {
        for (text, cut_off) in [
            ("x".repeat(CELL_UNITS), false),
            ("x".repeat(CELL_UNITS + 1), true),
            ("é".repeat(CELL_UNITS), false),
            ("é".repeat(CELL_UNITS + 1), true),
            ("😀".repeat(CELL_UNITS / 2), false),
            ("😀".repeat(CELL_UNITS / 2 + 1), true),
            (format!("x{}", "😀".repeat(CELL_UNITS / 2)), false),
        ] {
            let mut out = Vec::new();
            assert_eq!(push_cell(&mut out, text.as_bytes()), Met { cut: cut_off, breaks: false });
            let out = String::from_utf8(out).unwrap();
            assert!(out.encode_utf16().count() <= CELL_UNITS);
            assert!(out.encode_utf16().count() >= CELL_UNITS - 1);
            assert_eq!(out.ends_with(" […]"), cut_off);
        }
    }

    proptest! {
        #[test]
        fn any_text_reopens_exactly(text in "([_x0-9A-Fa-f&<>\"\r\n\t\u{1}\u{fffe}\u{ffff}\u{ff01} é😀]|_x[0-9A-F]{4}_?|&amp;){0,40}") {
            let xml = pushed(&text);
            prop_assert!(!xml.bytes().any(|byte| byte < 32 && byte != b'\t' && byte != b'\n'));
            prop_assert_eq!(reopened(&xml), text);
        }
    }
}
