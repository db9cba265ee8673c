//! Column widths by content.

use std::io::Write;

use super::cell::Column;
use super::styles::Style;
use super::wrap;
use crate::bundle::sheet::Shape;

/// Narrowest and widest column, in characters.
const NARROWEST: usize = 6;
pub const WIDEST: usize = 60;
/// Room for the header's filter button.
const BUTTON: usize = 3;
/// A label in the header is wrapped rather than that the column gets wider than this.
const WIDE_LABEL: usize = 24;

/// The widths that a sheet's columns need, in characters, as far as its rows were seen.
pub struct Widths(Vec<(Shape, usize)>);

impl Widths {
    /// What the headers alone need.
    pub fn of_headers(columns: &[Column]) -> Self {
        let width = |column: &Column| {
            let shown = |style| column.heading(style).map_or(0, |text| shown(text.as_bytes()));
            let (name, label) = (shown(Style::Header), shown(Style::ColumnLabel).min(WIDE_LABEL));
            (name.max(label) + BUTTON).clamp(NARROWEST, WIDEST)
        };
        Widths(columns.iter().map(|column| (column.shape(), width(column))).collect())
    }

    /// Takes a row's values into account; none is NULL.
    pub fn see<'a>(&mut self, row: impl Iterator<Item = Option<&'a [u8]>>) {
        for ((shape, width), value) in self.0.iter_mut().zip(row) {
            let needed = match shape {
                // Decimals beyond the format's are not shown, but separators are.
                Shape::Integer | Shape::Numeric | Shape::Float => {
                    value.map_or(0, |value| value.len() + value.len() / 4).min(20)
                }
                Shape::Timestamp | Shape::TimestampTz => value.map_or(0, |value| value.len().min(19)),
                _ => value.map_or(0, shown),
            };
            *width = (*width).max((needed + 1).min(WIDEST));
        }
    }

    /// One width per column.
    pub fn all(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(_, width)| *width)
    }

    /// Appends the `cols` element (ECMA-376 part 1, 18.3.1.17).
    pub fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<cols>");
        for (at, width) in self.all().enumerate() {
            let column = at + 1;
            // Writing to a Vec cannot fail. The fraction is the cell's own padding (18.3.1.13).
            let _ = write!(out, "<col min=\"{column}\" max=\"{column}\" width=\"{width}.7109375\" customWidth=\"1\"/>");
        }
        out.extend_from_slice(b"</cols>");
    }
}

/// The width of UTF-8 `text` in characters, at most [`WIDEST`]: that of its longest line near its beginning.
fn shown(text: &[u8]) -> usize {
    let near = &text[..text.len().min(8 * WIDEST)];
    near.split(|byte| *byte == b'\n').map(wrap::width).max().unwrap_or(0).min(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_seen() {
        assert_eq!(shown("Müller".as_bytes()), 6);
        assert_eq!(shown("東京".as_bytes()), 4);
        assert_eq!(shown(b"short\na longer line\nx"), 13);
        assert_eq!(shown(&[b'x'; 5000]), WIDEST);
    }
}
