//! The workbook's styles: a fixed list, so that a table sheet's bytes depend on its data alone.

use std::fmt::Write;

use super::package::HEAD;
use crate::bundle::sheet::{Column, Shape};

/// Index of a cell format in `cellXfs` (ECMA-376 part 1, 18.8.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Excel's own default.
    General,
    /// The header row of a sheet: bold with a line below.
    Header,
    /// `yyyy-mm-dd`.
    Date,
    /// `yyyy-mm-dd hh:mm:ss`.
    Timestamp,
    /// `hh:mm:ss`.
    Time,
    /// The contents sheet's title.
    Title,
    /// A heading or label on the contents sheet.
    Label,
    /// A link to a sheet.
    Link,
    /// `TRUE` and `FALSE`. Excel shows logical values so in any format; LibreOffice loses sight of it in some rows without one.
    Boolean,
    /// [`Style::Header`] above numbers, which stand on the right.
    HeaderRight,
    /// A number with thousands separators and this many decimals, at most [`MAX_SCALE`].
    Decimals(u8),
    /// Text of more than one line.
    Wrapped,
    /// [`Style::Header`] without the line: labels stand below.
    HeaderAbove,
    /// A column's label below its name: italic with a line below.
    ColumnLabel,
}

/// More decimals than this no number cell has: it holds 15 significant digits.
const MAX_SCALE: u8 = 15;
/// First of the number formats' ids that are free for use.
const FORMAT: usize = 164;

impl Style {
    /// The value of a cell's `s` attribute; 0 may be left out.
    pub fn index(self) -> usize {
        match self {
            Style::General => 0,
            Style::Header => 1,
            Style::Date => 2,
            Style::Timestamp => 3,
            Style::Time => 4,
            Style::Title => 5,
            Style::Label => 6,
            Style::Link => 7,
            Style::HeaderRight => 8,
            Style::Boolean => 9,
            Style::Decimals(scale) => 10 + usize::from(scale.min(MAX_SCALE)),
            Style::Wrapped => 11 + usize::from(MAX_SCALE),
            Style::HeaderAbove => 12 + usize::from(MAX_SCALE),
            Style::ColumnLabel => 13 + usize::from(MAX_SCALE),
        }
    }

    /// How the values of `column` are shown that aren't text.
    pub fn of(column: &Column) -> Self {
        match column.shape {
            Shape::Bool => Style::Boolean,
            Shape::Date => Style::Date,
            Shape::Timestamp | Shape::TimestampTz => Style::Timestamp,
            Shape::Time => Style::Time,
            Shape::Numeric => match declared_scale(&column.type_name) {
                Some(scale) if scale <= MAX_SCALE => Style::Decimals(scale),
                _ => Style::General,
            },
            _ => Style::General,
        }
    }
}

/// The scale in `numeric(precision,scale)`; none where the type has none, as in `numeric`, or a negative one.
fn declared_scale(type_name: &str) -> Option<u8> {
    let modifiers = type_name.strip_prefix("numeric(")?.strip_suffix(')')?;
    modifiers.split_once(',')?.1.parse().ok()
}

/// `xl/styles.xml` (ECMA-376 part 1, 18.8.39).
pub fn part() -> String {
    let mut formats = String::from(
        "<numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/>\
         <numFmt numFmtId=\"165\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/>\
         <numFmt numFmtId=\"166\" formatCode=\"hh:mm:ss\"/>\
         <numFmt numFmtId=\"167\" formatCode=\"&quot;TRUE&quot;;&quot;TRUE&quot;;&quot;FALSE&quot;\"/>",
    );
    // In the order of the indexes: General to Boolean, the decimals, Wrapped to ColumnLabel.
    let mut cells = [
        cell(0, PLAIN, false, ""),
        cell(0, BOLD, true, WRAPPED),
        cell(164, PLAIN, false, ""),
        cell(165, PLAIN, false, ""),
        cell(166, PLAIN, false, ""),
        cell(0, LARGE, false, ""),
        cell(0, BOLD, false, ""),
        cell(0, LINK, false, ""),
        cell(0, BOLD, true, " horizontal=\"right\""),
        cell(167, PLAIN, false, ""),
    ]
    .concat();
    for scale in 0..=usize::from(MAX_SCALE) {
        let id = FORMAT + 4 + scale;
        let point = if scale > 0 { "." } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(formats, "<numFmt numFmtId=\"{id}\" formatCode=\"#,##0{point}{:0<scale$}\"/>", "");
        cells += &cell(id, PLAIN, false, "");
    }
    cells += &cell(0, PLAIN, false, WRAPPED);
    cells += &cell(0, BOLD, false, WRAPPED);
    cells += &cell(0, ITALIC, true, WRAPPED);
    let scales = usize::from(MAX_SCALE) + 1;
    let font = "<name val=\"Calibri\"/><family val=\"2\"/>";
    format!(
        "{HEAD}<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
         <numFmts count=\"{}\">{formats}</numFmts>\
         <fonts count=\"5\"><font><sz val=\"11\"/>{font}</font><font><b/><sz val=\"11\"/>{font}</font>\
         <font><b/><sz val=\"16\"/>{font}</font><font><u/><sz val=\"11\"/><color rgb=\"FF0563C1\"/>{font}</font>\
         <font><i/><sz val=\"11\"/>{font}</font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"2\"><border><left/><right/><top/><bottom/><diagonal/></border>\
         <border><left/><right/><top/><bottom style=\"thin\"><color auto=\"1\"/></bottom><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"><alignment vertical=\"top\"/></xf></cellStyleXfs>\
         <cellXfs count=\"{}\">{cells}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>",
        4 + scales,
        Style::ColumnLabel.index() + 1,
    )
}

/// Indexes of the fonts.
const PLAIN: usize = 0;
const BOLD: usize = 1;
const LARGE: usize = 2;
const LINK: usize = 3;
const ITALIC: usize = 4;
const WRAPPED: &str = " wrapText=\"1\"";

/// A cell format (18.8.45). All stand at the top, as does the style Normal, which LibreOffice takes for cells that name no format: beside
/// text of several lines a value belongs to the first.
fn cell(format: usize, font: usize, line_below: bool, alignment: &str) -> String {
    let border = usize::from(line_below);
    let applied = |name: &str, applies: bool| if applies { format!(" apply{name}=\"1\"") } else { String::new() };
    format!(
        "<xf numFmtId=\"{format}\" fontId=\"{font}\" fillId=\"0\" borderId=\"{border}\" xfId=\"0\"{}{}{} applyAlignment=\"1\">\
         <alignment vertical=\"top\"{alignment}/></xf>",
        applied("NumberFormat", format > 0),
        applied("Font", font > 0),
        applied("Border", line_below),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_scale_is_shown() {
        assert_eq!(declared_scale("numeric(12,2)"), Some(2));
        assert_eq!(declared_scale("numeric(12,0)"), Some(0));
        assert_eq!(declared_scale("numeric(2,-3)"), None);
        assert_eq!(declared_scale("numeric"), None);
        assert_eq!(declared_scale("app.amount"), None);
    }

    #[test]
    fn each_style_has_its_entry() {
        let part = part();
        let cells = &part[part.find("<cellXfs").unwrap()..part.find("</cellXfs>").unwrap()];
        assert_eq!(cells.matches("<xf ").count(), Style::ColumnLabel.index() + 1);
        let all: Vec<&str> = cells.split("<xf ").skip(1).collect();
        assert!(all.iter().all(|cell| cell.contains("vertical=\"top\"")), "{cells}");
        let wrapped = [Style::Header, Style::Wrapped, Style::HeaderAbove, Style::ColumnLabel].map(Style::index);
        for (index, cell) in all.iter().enumerate() {
            assert_eq!(cell.contains("wrapText"), wrapped.contains(&index), "{index}");
        }
        assert!(all[Style::Decimals(MAX_SCALE).index()].contains("numFmtId=\"183\""));
        assert!(part.contains("<numFmt numFmtId=\"170\" formatCode=\"#,##0.00\"/>"));
        assert!(part.contains("<numFmt numFmtId=\"168\" formatCode=\"#,##0\"/>"));
    }
}
