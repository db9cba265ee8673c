"""A small bundle written in Python, right or with one thing wrong, to see what the comparison makes of it."""

import hashlib
import io
import json
import zipfile
from xml.sax.saxutils import escape, quoteattr

import rules
from database import Database
from workbook import MAIN, RELATION_ID, column_letters

RELATIONS = RELATION_ID[1:].partition("}")[0]
STYLES = (
    f'<styleSheet xmlns="{MAIN[1:-1]}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm:ss.000"/>'
    '<numFmt numFmtId="166" formatCode="hh:mm:ss.000"/>'
    '</numFmts><fonts count="2"><font/><font><b/></font></fonts><fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0"/>'
    '<xf numFmtId="0" fontId="1"/><xf numFmtId="164" fontId="0"/><xf numFmtId="165" fontId="0"/>'
    '<xf numFmtId="166" fontId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
BOLD, STYLE_OF = 1, {"date": 2, "date time": 3, "time": 4}


def xml_text(text):
    """Text as ST_Xstring: what XML cannot hold, and what would read as an escape, as `_xHHHH_`."""
    units = []
    for n, character in enumerate(text):
        code = ord(character)
        literal_escape = character == "_" and text[n + 1 : n + 2] == "x" and text[n + 6 : n + 7] == "_"
        hidden = (code < 32 and character not in "\t\n") or code in (0xFFFE, 0xFFFF) or literal_escape
        units.append(f"_x{code:04X}_" if hidden else escape(character))
    return "".join(units)


def cell_xml(reference, cell):
    """One `c` element for a rules.Cell; a cell given as str is taken as XML."""
    if isinstance(cell, str):
        return cell
    if cell.kind == "empty":
        return ""
    if cell.kind == "text":
        text = f'<is><t xml:space="preserve">{xml_text(cell.value)}</t></is>'
        return f'<c r="{reference}" t="inlineStr">{text}</c>'
    if cell.kind == "bool":
        return f'<c r="{reference}" t="b"><v>{int(cell.value)}</v></c>'
    return f'<c r="{reference}" s="{STYLE_OF.get(cell.format, 0)}"><v>{cell.value!r}</v></c>'


def sheet_xml(header, rows):
    """A worksheet as the format asks for it, from lists of cells."""
    lines = ["".join(cell_xml(f"{column_letters(n)}1", rules.Cell("text", name)) for n, name in enumerate(header, 1))]
    lines[0] = lines[0].replace('" t=', f'" s="{BOLD}" t=')
    for number, row in enumerate(rows, 2):
        lines.append("".join(cell_xml(f"{column_letters(n)}{number}", cell) for n, cell in enumerate(row, 1)))
    data = "".join(f'<row r="{number}">{line}</row>' for number, line in enumerate(lines, 1))
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    return (
        f'<worksheet xmlns="{MAIN[1:-1]}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        f"<sheetData>{data}</sheetData>"
        f'<autoFilter ref="A1:{column_letters(len(header)) or "A"}{len(lines)}"/></worksheet>'
    )


def workbook(sheets):
    """The bytes of a workbook with a contents sheet and then `sheets`, a list of (name, XML of the worksheet)."""
    sheets = [("Contents", f'<worksheet xmlns="{MAIN[1:-1]}"><sheetData/></worksheet>'), *sheets]
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
        + "</sheets></workbook>",
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
    database, files, entries, worksheets = Database(psql), {"README.txt": b"sample\n"}, [], []
    for name, *where in sheets:
        source = database.relation(*where) if len(where) == 2 else database.query(*where)
        values = database.values(source, time_zone)
        zoned = {column: len(source.columns) + n for n, column in enumerate(source.zoned())}
        cells = [
            [
                cell_for(
                    rules.expected(c.base_type, row[n], row[zoned[n]] if n in zoned and time_zone != "UTC" else None)
                )
                for n, c in enumerate(source.columns)
            ]
            for row in values
        ]
        worksheets.append((name, sheet_xml([column.name for column in source.columns], cells)))
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
                "relation": {"schema": where[0], "table": where[1]} if len(where) == 2 else None,
                "query": where[0] if len(where) == 1 else None,
                "xlsx_sheets": [name],
                "files": {},
            }
        )
    files["paliad-backup.xlsx"] = workbook(worksheets)
    states = []
    for schema, name in sequences:
        value, called = database.sequence(schema, name)
        states.append({"schema": schema, "name": name, "last_value": int(value), "is_called": called})
    database.close()
    return files, {"sheets": entries, "sequences": states, "run": {}}


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
