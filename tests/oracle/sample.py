"""A small bundle written in Python, right or with one thing wrong, to see what the comparison makes of it."""

import hashlib
import io
import json
import zipfile
from xml.sax.saxutils import escape, quoteattr

import rules
from captions import UNAVAILABLE, Registry
from database import Database
from workbook import MAIN, RELATION_ID, column_letters

RELATIONS = RELATION_ID[1:].partition("}")[0]
STYLES = (
    f'<styleSheet xmlns="{MAIN[1:-1]}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm:ss.000"/>'
    '<numFmt numFmtId="166" formatCode="hh:mm:ss.000"/>'
    '</numFmts><fonts count="3"><font/><font><b/></font><font><i/></font></fonts>'
    '<fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="7">'
    + "".join(
        f'<xf numFmtId="{number_format}" fontId="{font}"><alignment vertical="top" wrapText="{wrap}"/></xf>'
        for number_format, font, wrap in (
            (0, 0, 0),
            (0, 1, 1),
            (164, 0, 0),
            (165, 0, 0),
            (166, 0, 0),
            (0, 0, 1),
            (0, 2, 1),
        )
    )
    + "</cellXfs>"
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
BOLD, STYLE_OF, WRAPPED, ITALIC = 1, {"date": 2, "date time": 3, "time": 4}, 5, 6


def xml_text(text):
    """Text as ST_Xstring: what XML cannot hold, and what would read as an escape, as `_xHHHH_`."""
    units = []
    for n, character in enumerate(text):
        code = ord(character)
        literal_escape = character == "_" and text[n + 1 : n + 2] == "x" and text[n + 6 : n + 7] == "_"
        hidden = (code < 32 and character not in "\t\n") or code in (0xFFFE, 0xFFFF) or literal_escape
        units.append(f"_x{code:04X}_" if hidden else escape(character))
    return "".join(units)


# Stands in a worksheet with two header rows.
SECOND = 'topLeftCell="A3"'


def cell_xml(reference, cell, style=None):
    """One `c` element for a rules.Cell; a cell given as str is taken as XML."""
    if isinstance(cell, str):
        return cell
    if cell.kind == "empty":
        return f'<c r="{reference}" s="{style}"/>' if style else ""
    if cell.kind == "text":
        text = f'<is><t xml:space="preserve">{xml_text(cell.value)}</t></is>'
        style = style or (WRAPPED if "\n" in cell.value else 0)
        return f'<c r="{reference}" s="{style}" t="inlineStr">{text}</c>'
    if cell.kind == "bool":
        return f'<c r="{reference}" t="b"><v>{int(cell.value)}</v></c>'
    return f'<c r="{reference}" s="{STYLE_OF.get(cell.format, 0)}"><v>{cell.value!r}</v></c>'


def row_xml(number, cells, style=None):
    """One `row` element."""
    cells = (cell_xml(f"{column_letters(n)}{number}", cell, style) for n, cell in enumerate(cells, 1))
    return f'<row r="{number}">{"".join(cells)}</row>'


def sheet_xml(header, rows, labels=None):
    """A worksheet as the format asks for it, from lists of names, of cells and perhaps of labels."""
    texts = [[rules.Cell("text", text) if text else rules.EMPTY for text in line] for line in (header, labels or [])]
    lines = [row_xml(1, texts[0], BOLD)] + ([row_xml(2, texts[1], ITALIC)] if labels else [])
    top = len(lines)
    lines += [row_xml(number, row) for number, row in enumerate(rows, top + 1)]
    pane = f'<pane ySplit="{top}" topLeftCell="A{top + 1}" activePane="bottomLeft" state="frozen"/>'
    return (
        f'<worksheet xmlns="{MAIN[1:-1]}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        f"<sheetData>{''.join(lines)}</sheetData>"
        f'<autoFilter ref="A{top}:{column_letters(len(header)) or "A"}{len(lines)}"/></worksheet>'
    )


def contents_xml(sheets):
    """A contents sheet, from lists of name, perhaps label, worksheet and number of rows."""
    header = ["Table", "What it holds", "Sheet in this workbook", "Rows"]
    if sheets and len(sheets[0]) == 3:
        header.remove("What it holds")
    cells = [[rules.Cell("text", text) for text in header]]
    for *texts, rows in sheets:
        texts = [rules.Cell("text", text) if text else rules.EMPTY for text in texts]
        cells.append([*texts, rules.Cell("number", float(rows))])
    data = "".join(row_xml(number, row) for number, row in enumerate(cells, 1))
    return f'<worksheet xmlns="{MAIN[1:-1]}"><sheetData>{data}</sheetData></worksheet>'


def workbook(sheets, contents=()):
    """The bytes of a workbook with a contents sheet and then `sheets`, a list of (name, XML of the worksheet)."""
    sheets = [("Contents", contents_xml(contents)), *sheets]
    titles = "".join(
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{n}">{escape(name)}!$1:${1 + (SECOND in xml)}</definedName>'
        for n, (name, xml) in enumerate(sheets)
        if n
    )
    kinds = "http://schemas.openxmlformats.org/package/2006/"
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{office}sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{office}styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{kinds}relationships">'
        f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN[1:-1]}" xmlns:r="{RELATIONS}"><sheets>'
        + "".join(f'<sheet name={quoteattr(n)} sheetId="{i}" r:id="s{i}"/>' for i, (n, _) in enumerate(sheets, 1))
        + f"</sheets><definedNames>{titles}</definedNames></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{kinds}relationships">'
        f'<Relationship Id="st" Type="{RELATIONS}/styles" Target="styles.xml"/>'
        + "".join(
            f'<Relationship Id="s{i}" Type="{RELATIONS}/worksheet" Target="worksheets/{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        + "</Relationships>",
        "xl/styles.xml": STYLES,
        **{f"xl/worksheets/{i}.xml": xml for i, (_, xml) in enumerate(sheets, 1)},
    }
    return zip_bytes({name: text.encode() for name, text in parts.items()})


def zip_bytes(files):
    """A zip of {name: bytes}; a workbook is stored, the rest deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name.endswith(".xlsx") else zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def cell_for(wanted):
    """The cell that the first alternative of rules.expected asks for."""
    first = wanted[0]
    if isinstance(first, rules.Exactly):
        return first.cell
    if isinstance(first, rules.Number):
        return rules.Cell("number", float(first.value))
    if isinstance(first, rules.Serial):
        return rules.Cell("serial", first.milliseconds[0] / rules.DAY_MS, first.format)
    shown = first.value
    if rules.utf16_units(shown) > rules.MAX_UNITS:
        units = shown.encode("utf-16-le")[: 2 * (rules.MAX_UNITS - len(rules.MARKER))]
        shown = units.decode("utf-16-le", "ignore") + rules.MARKER
    return rules.Cell("text", shown)


def files_of(psql, sheets, sequences=(), time_zone="UTC"):
    """{path: bytes} of a right bundle without manifest and SHA256SUMS, and the manifest.

    sheets: (name, schema, table) or (name, query).
    """
    database, files, entries, worksheets, contents, warnings = Database(psql), {"README.txt": b"sample\n"}, [], [], [], []
    relations = {name: {"schema": where[0], "table": where[1]} if len(where) == 2 else None for name, *where in sheets}
    registry = Registry(database, {"sheets": [{"relation": relation} for relation in relations.values()]})
    for name, *where in sheets:
        source = database.relation(*where) if len(where) == 2 else database.query(*where)
        captions = registry.captions({"relation": relations[name], "query": where[0]}, source)
        values = database.values(source, time_zone, [r.value for r in captions.references])
        first_local = len(source.columns) + len(captions.references)
        zoned = {column: first_local + n for n, column in enumerate(source.zoned())}
        types = [c.base_type for c in source.columns] + ["text"] * len(captions.references)
        shown = captions.shown(source)
        cells = [
            [
                cell_for(rules.expected(types[n], row[n], row[zoned[n]] if n in zoned and time_zone != "UTC" else None))
                for _, _, n in shown
            ]
            for row in values
        ]
        labels = [label for _, label, _ in shown]
        labels = labels if any(labels) else None
        worksheets.append((name, sheet_xml([header for header, _, _ in shown], cells, labels)))
        contents.append([name, captions.table, name, len(values)])
        warnings += [{"code": UNAVAILABLE, "sheet": name, "column": column} for column in captions.missing]
        files[f"csv/{name}.csv"] = database.copy_csv(source.select_csv())
        objects = [row[0] for row in database.rows(source.select_json())]
        files[f"json/{name}.json"] = ("[\n" + ",\n".join(objects) + "\n" * bool(objects) + "]\n").encode()
        columns = [
            {"name": c.name, "type": c.type, "generated": c.generated, "not_null": c.not_null} for c in source.columns
        ]
        entries.append(
            {
                "name": name,
                "kind": "entity",
                "columns": columns,
                "primary_key": source.primary_key,
                "row_count": len(values),
                "relation": relations[name],
                "query": where[0] if len(where) == 1 else None,
                "xlsx_sheets": [name],
                "xlsx_header_rows": (2 if labels else 1) if shown else 0,
                "xlsx_labels": [reference.entry for reference in captions.references],
                "files": {},
            }
        )
    if not any(label for _, label, _, _ in contents):
        contents = [[name, part, rows] for name, _, part, rows in contents]
    files["paliad-backup.xlsx"] = workbook(worksheets, contents)
    states = []
    for schema, name in sequences:
        value, called = database.sequence(schema, name)
        states.append({"schema": schema, "name": name, "last_value": int(value), "is_called": called})
    database.close()
    return files, {"sheets": entries, "sequences": states, "warnings": warnings, "run": {}}


def seal(path, files, manifest):
    """Writes the bundle: sizes and checksums into the manifest, SHA256SUMS, all into a zip."""
    described = {
        name: {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    for entry in manifest["sheets"]:
        for kind in ("csv", "json"):
            entry["files"][kind] = described[f"{kind}/{entry['name']}.{kind}"]
    manifest["run"]["files"] = [described["README.txt"], described["paliad-backup.xlsx"]]
    files = {"manifest.json": json.dumps(manifest).encode(), **files}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    with open(path, "wb") as file:
        file.write(zip_bytes({**files, "SHA256SUMS": sums.encode()}))


def load(psql, script):
    """Runs SQL that writes, under the same settings otherwise."""
    database = Database(psql)
    database.run(f"SET default_transaction_read_only = off;\n{script}\n")
    database.close()
