//! The small parts around the sheets: content types, relationships, workbook, properties (ECMA-376 parts 1 and 2).

use std::fmt::Write;

use super::names::CONTENTS;
use super::{About, text};

/// Opens every part.
pub const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// The namespace of SpreadsheetML.
pub const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
/// The namespace of `r:id`, and the stem of the relationships' types.
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A table sheet of the workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcelSheet {
    /// Its name.
    pub name: String,
    /// Rows below the header.
    pub rows: u64,
    /// Rows of the header, printed on each page.
    pub header_rows: u32,
    /// It is printed on several pages beside each other, each with the first column.
    pub is_wide: bool,
    /// The cells in use, as `$A$1:$C$10`; none without columns.
    pub range: Option<String>,
}

/// `text` escaped for XML.
pub fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    text::push(&mut out, text.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// `[Content_Types].xml` for the contents sheet and `sheets` table sheets.
pub fn content_types(sheets: usize) -> String {
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let mut xml = format!(
        "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/docProps/app.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.extended-properties+xml\"/>\
         <Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"{kind}.sheet.main+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{kind}.styles+xml\"/>"
    );
    for number in 1..=sheets + 1 {
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            xml,
            "<Override PartName=\"/xl/worksheets/sheet{number}.xml\" ContentType=\"{kind}.worksheet+xml\"/>"
        );
    }
    xml + "</Types>"
}

/// `_rels/.rels`.
pub fn package_relationships() -> String {
    format!(
        "{HEAD}<Relationships xmlns=\"{RELATIONSHIPS}\">\
         <Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" \
         Target=\"docProps/core.xml\"/>\
         <Relationship Id=\"rId3\" Type=\"{OFFICE}/extended-properties\" Target=\"docProps/app.xml\"/></Relationships>"
    )
}

/// `docProps/app.xml`.
pub fn application() -> String {
    format!(
        "{HEAD}<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\">\
         <Application>paliad_backup</Application></Properties>"
    )
}

/// `docProps/core.xml`; the times are the run's start.
pub fn properties(about: &About) -> String {
    let mut xml = format!(
        "{HEAD}<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>Backup of {}</dc:title><dc:creator>paliad_backup</dc:creator>",
        escaped(&about.database)
    );
    if let Some(time) = w3c_time(&about.started_at) {
        for element in ["created", "modified"] {
            let _ = write!(xml, "<dcterms:{element} xsi:type=\"dcterms:W3CDTF\">{time}</dcterms:{element}>");
        }
    }
    xml + "</cp:coreProperties>"
}

/// An RFC 3339 time in UTC as Excel writes it, `2026-11-21T03:00:00Z`: it asks to repair a workbook whose time it cannot read. None for
/// a time that isn't in UTC.
pub fn w3c_time(text: &str) -> Option<String> {
    let seconds = text.get(..19)?;
    let pattern = b"0000-00-00T00:00:00";
    let fits = seconds.bytes().zip(pattern).all(|(byte, like)| byte == *like || byte.is_ascii_digit() && *like == b'0');
    let zone = text[19..].trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    (fits && matches!(zone, "Z" | "z" | "+00:00")).then(|| format!("{seconds}Z"))
}

/// Most table sheets that have titles printed on each page. LibreOffice takes time by the third power of their number to open the
/// workbook: 4 s for 49 titled sheets, 100 s for 142.
const MOST_TITLED: usize = 32;

/// `xl/workbook.xml`: the contents sheet, then `sheets`.
pub fn workbook(sheets: &[&ExcelSheet]) -> String {
    let mut xml = format!(
        "{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><workbookPr/><bookViews><workbookView/></bookViews>\
         <sheets><sheet name=\"{CONTENTS}\" sheetId=\"1\" r:id=\"rId1\"/>"
    );
    let mut defined = String::new();
    for (at, sheet) in sheets.iter().enumerate() {
        let (position, number) = (at + 1, at + 2);
        let _ = write!(xml, "<sheet name=\"{}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>", escaped(&sheet.name));
        if let Some(range) = &sheet.range {
            let (name, last) = (escaped(&quoted(&sheet.name)), sheet.header_rows);
            // Excel keeps each filter's range under this hidden name as well.
            let _ = write!(
                defined,
                "<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{position}\" hidden=\"1\">{name}!{range}</definedName>"
            );
            if sheets.len() <= MOST_TITLED {
                let first_column = if sheet.is_wide { format!("{name}!$A:$A,") } else { String::new() };
                let _ = write!(
                    defined,
                    "<definedName name=\"_xlnm.Print_Titles\" localSheetId=\"{position}\">{first_column}{name}!$1:${last}</definedName>"
                );
            }
        }
    }
    xml += "</sheets>";
    if !defined.is_empty() {
        let _ = write!(xml, "<definedNames>{defined}</definedNames>");
    }
    xml + "</workbook>"
}

/// A sheet's name as it stands in a reference.
pub fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

/// `xl/_rels/workbook.xml.rels` for the contents sheet and `sheets` table sheets.
pub fn workbook_relationships(sheets: usize) -> String {
    let mut xml = format!("{HEAD}<Relationships xmlns=\"{RELATIONSHIPS}\">");
    for number in 1..=sheets + 1 {
        let _ = write!(
            xml,
            "<Relationship Id=\"rId{number}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
        );
    }
    let styles = sheets + 2;
    let _ = write!(
        xml,
        "<Relationship Id=\"rId{styles}\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/></Relationships>"
    );
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_such_as_excel_reads() {
        assert_eq!(w3c_time("2026-11-21T03:00:00Z").as_deref(), Some("2026-11-21T03:00:00Z"));
        assert_eq!(w3c_time("2026-11-21T03:00:00.123456+00:00").as_deref(), Some("2026-11-21T03:00:00Z"));
        assert_eq!(w3c_time("2026-11-21T03:00:00+02:00"), None);
        assert_eq!(w3c_time("yesterday, in the afternoon"), None);
    }

    #[test]
    fn names_are_quoted_and_escaped() {
        let sheet = ExcelSheet {
            name: "O'Brien & <Co>".into(),
            rows: 1,
            header_rows: 1,
            is_wide: false,
            range: Some("$A$1:$B$2".into()),
        };
        let xml = workbook(&[&sheet]);
        assert!(xml.contains("<sheet name=\"O'Brien &amp; &lt;Co&gt;\" sheetId=\"2\" r:id=\"rId2\"/>"), "{xml}");
        assert!(xml.contains(">'O''Brien &amp; &lt;Co&gt;'!$A$1:$B$2<"), "{xml}");
        assert!(xml.contains("\"_xlnm.Print_Titles\" localSheetId=\"1\">'O''Brien &amp; &lt;Co&gt;'!$1:$1<"), "{xml}");
    }
}
