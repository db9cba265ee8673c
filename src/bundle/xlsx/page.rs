//! How a sheet is printed: landscape, as many pages wide as keep it readable, its name and the page below.

/// Before a sheet's views: the scale follows from the number of pages (ECMA-376 part 1, 18.3.1.65).
pub const FIT: &str = "<sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr>";
/// Behind a sheet's views: the height in points of rows that say none, that of Excel's own default font (18.3.1.81).
pub const HEIGHTS: &str = "<sheetFormatPr defaultRowHeight=\"15\"/>";
/// Characters of width on a page. A4 holds about 150 in full size.
const PAGE: usize = 250;

/// Pages beside each other for columns that are `width` characters wide together.
pub fn pages(width: usize) -> usize {
    width.div_ceil(PAGE).max(1)
}

/// After a sheet's cells, for one whose columns are `width` characters wide together; `grid` draws lines between the cells
/// (18.3.1.70, 18.3.1.62, 18.3.1.63, 18.3.1.46).
pub fn setup(width: usize, grid: bool) -> String {
    let pages = pages(width);
    let lines = if grid { "<printOptions gridLines=\"1\"/>" } else { "" };
    format!(
        "{lines}<pageMargins left=\"0.4\" right=\"0.4\" top=\"0.5\" bottom=\"0.6\" header=\"0.3\" footer=\"0.3\"/>\
         <pageSetup paperSize=\"9\" orientation=\"landscape\" fitToWidth=\"{pages}\" fitToHeight=\"0\"/>\
         <headerFooter><oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter></headerFooter>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_sheet_takes_several_pages() {
        for (width, pages) in [(0, 1), (250, 1), (251, 2), (20_000, 80)] {
            assert!(setup(width, true).contains(&format!("fitToWidth=\"{pages}\" fitToHeight=\"0\"")), "{width}");
        }
    }
}
