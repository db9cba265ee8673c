"""The workbook, read twice: by our own reading of its XML (ECMA-376 part 1, section 18) and by openpyxl."""

import datetime
import io
import re
import zipfile
from xml.etree import ElementTree

import openpyxl

from rules import EMPTY, Cell

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
# Section 18.8.30: number formats that need no definition, those of dates and times.
BUILT_IN = {
    14: "mm-dd-yy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm",
    19: "h:mm:ss",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yy h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
}
TALLEST = 150  # points: ten lines
EPOCH = datetime.datetime(1899, 12, 30)


class WorkbookError(Exception):
    """The workbook is not what ECMA-376 or the bundle format demand."""


def unescape(text):
    """`_xHHHH_` as the UTF-16 unit it stands for (section 22.9.2.19, ST_Xstring)."""
    if "_x" not in text:
        return text
    text = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def column_number(reference):
    """3 for `C7`."""
    number = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number):
    """`C` for 3; nothing for 0."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def shown_parts(code):
    """Which parts a number format shows: "date", "time", "date time", or None for a plain number."""
    code = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', "", code.lower()).split(";")[0]
    parts = [name for name, letters in (("date", "[yd]"), ("time", "[hs]")) if re.search(letters, code)]
    return " ".join(parts) or None


class Workbook:
    """Our own reading of the XML, as strict as Excel is and stricter where the format's rules are."""

    def __init__(self, data):
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        book = self._parse("xl/workbook.xml")
        properties = book.find(MAIN + "workbookPr")
        if properties is not None and properties.get("date1904") in ("1", "true"):
            raise WorkbookError("the workbook uses the 1904 date system")
        targets = {part.get("Id"): part.get("Target") for part in self._parse("xl/_rels/workbook.xml.rels")}
        self.sheets = {}
        for sheet in book.find(MAIN + "sheets"):
            target = targets[sheet.get(RELATION_ID)]
            self.sheets[sheet.get("name")] = target[1:] if target.startswith("/") else "xl/" + target
        names = list(self.sheets)
        self.titles = {
            names[int(defined.get("localSheetId"))]: defined.text.rpartition("!")[2]
            for defined in book.iter(MAIN + "definedName")
            if defined.get("name") == "_xlnm.Print_Titles"
        }
        self._read_styles()
        self.strings = []
        if "xl/sharedStrings.xml" in self.zip.namelist():
            self.strings = [_rich_text(item) for item in self._parse("xl/sharedStrings.xml")]

    def _parse(self, path):
        return ElementTree.fromstring(self.zip.read(path))

    def _read_styles(self):
        styles = self._parse("xl/styles.xml")
        codes = dict(BUILT_IN)
        codes.update((int(f.get("numFmtId")), f.get("formatCode")) for f in styles.iter(MAIN + "numFmt"))
        fonts = [
            next((name for name, tag in (("bold", "b"), ("italic", "i")) if _is_on(font.find(MAIN + tag))), "plain")
            for font in styles.find(MAIN + "fonts")
        ]
        formats = styles.find(MAIN + "cellXfs")
        self.shown = [shown_parts(codes.get(int(xf.get("numFmtId", 0)), "General")) for xf in formats]
        self.fonts = [fonts[int(xf.get("fontId", 0))] for xf in formats]
        alignments = [xf.find(MAIN + "alignment") for xf in formats]
        self.top = [alignment is not None and alignment.get("vertical") == "top" for alignment in alignments]
        self.wrapped = [alignment is not None and alignment.get("wrapText") == "1" for alignment in alignments]

    def rows(self, name, layout):
        """The sheet's rows as (number, {column: Cell}); `layout` is filled with what else is to be seen.

        fonts: of the first rows, "mixed" where cells differ; frozen, autofilter: as they stand there; and counts: links, cells
        not_top, cells with a line break that are not_wrapped, rows too_tall.
        """
        layout.update(fonts=[], frozen=None, autofilter=None, links=0, not_top=0, not_wrapped=0, too_tall=0)
        last_row = 0
        data = None
        with self.zip.open(self.sheets[name]) as stream:
            for event, element in ElementTree.iterparse(stream, ("start", "end")):
                tag = element.tag.removeprefix(MAIN)
                if event == "start":
                    data = element if tag == "sheetData" else data
                elif tag == "pane" and element.get("state") in ("frozen", "frozenSplit"):
                    layout["frozen"] = element.get("topLeftCell")
                elif tag == "autoFilter":
                    layout["autofilter"] = element.get("ref")
                elif tag == "hyperlink":
                    layout["links"] += 1
                elif tag == "row":
                    row = int(element.get("r", last_row + 1))
                    if row <= last_row:
                        raise WorkbookError(f"row {row} of {name} follows row {last_row}")
                    last_row = row
                    layout["too_tall"] += float(element.get("ht", 0)) > TALLEST
                    yield row, self._cells(element, row, layout)
                    data.clear()

    def _cells(self, row_element, row, layout):
        cells, last, fonts = {}, 0, set()
        for element in row_element:
            reference = element.get("r")
            column = column_number(reference) if reference else last + 1
            if column <= last or (reference and reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != str(row)):
                raise WorkbookError(f"cell {reference} is out of order in row {row}")
            last = column
            style = int(element.get("s", 0))
            cell = cells[column] = self._cell(element, style)
            fonts.add(self.fonts[style])
            layout["not_top"] += not self.top[style]
            layout["not_wrapped"] += cell.kind == "text" and "\n" in cell.value and not self.wrapped[style]
        if row <= 2:
            layout["fonts"].append(fonts.pop() if len(fonts) == 1 else "mixed")
        return cells

    def _cell(self, element, style):
        if element.find(MAIN + "f") is not None:
            return Cell("formula", element.findtext(MAIN + "f"))
        kind, value = element.get("t", "n"), element.findtext(MAIN + "v")
        if kind == "inlineStr":
            return Cell("text", _rich_text(element.find(MAIN + "is")))
        if kind == "str":
            return Cell("text", unescape(_kept(element.find(MAIN + "v"))))
        if value is None:
            return EMPTY
        if kind == "s":
            return Cell("text", self.strings[int(value)])
        if kind == "b":
            return Cell("bool", {"1": True, "0": False}[value])
        if kind != "n":
            return Cell("error", value)
        shown = self.shown[style]
        return Cell("serial", float(value), shown) if shown else Cell("number", float(value))


def _is_on(element):
    """Whether a property of a font is there and not switched off."""
    return element is not None and element.get("val", "1") in ("1", "true")


def _kept(element):
    """An element's text as Excel keeps it: blanks at the edges only under xml:space="preserve"."""
    text = "" if element is None else element.text or ""
    return text if element is None or element.get(XML_SPACE) == "preserve" else text.strip(" \t\r\n")


def _rich_text(element):
    """The text of `is` or `si`: its own, or that of its runs (phonetic ones apart)."""
    parts = [child for child in element if child.tag == MAIN + "t"]
    parts += [part for run in element if run.tag == MAIN + "r" for part in run.findall(MAIN + "t")]
    return unescape("".join(_kept(part) for part in parts))


class OpenpyxlWorkbook:
    """The same cells through openpyxl, which has no say on xml:space, `''` against NULL, and number formats."""

    def __init__(self, data):
        self.book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)

    def rows(self, name):
        """The sheet's rows as (number, {column: Cell}), blank rows and cells left out."""
        sheet = self.book[name]
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(), 1):
            cells = {cell.column: _from_openpyxl(cell) for cell in row if cell.value is not None}
            if cells:
                yield number, cells


def _from_openpyxl(cell):
    value = cell.value
    if cell.data_type in ("f", "e"):
        return Cell("formula" if cell.data_type == "f" else "error", value)
    if isinstance(value, bool):
        return Cell("bool", value)
    if isinstance(value, (int, float)):
        return Cell("number", float(value))
    if isinstance(value, str):
        return Cell("text", unescape(value))
    if isinstance(value, datetime.time):
        value = datetime.datetime.combine(EPOCH.date(), value)
    span = value if isinstance(value, datetime.timedelta) else value - EPOCH
    return Cell("serial", span / datetime.timedelta(days=1))
