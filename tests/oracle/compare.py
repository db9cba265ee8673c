#!/usr/bin/env python3
"""Compares a finished bundle with the live, unchanged database, without any code of the extension.

csv must be COPY's output byte for byte, json the server's row_to_json, and each cell of the workbook what rules.py
makes of COPY's text, by two readers. Order, columns and keys come from the catalogs. One line per sheet, `ok <sheet>
rows=N` or the first difference in each format; the last line is the summary. Exit status: 0 equal, 1 any difference,
2 usage.
"""

import argparse
import json
import re
import sys
from decimal import Decimal

from bundle import Bundle, check_excel_names
from captions import UNAVAILABLE, Captions, Registry, check_contents
from database import Database
from rules import EMPTY, Cell, Exactly, Text, expected
from workbook import OpenpyxlWorkbook, Workbook, column_letters

EXCEL_ROWS, EXCEL_COLUMNS = 1_048_576, 16_384
MOST_TITLED = 32
FORMATS = ("csv", "json", "xlsx")


class Report:
    """Collects the differences and prints each as it is found."""

    def __init__(self):
        self.differences = 0

    def differs(self, sheet, where, wanted, got):
        """Notes one difference; `where` says what was compared, down to row and column."""
        self.differences += 1
        wanted, got = _shortest_apart(wanted, got)
        print(f"DIFFERENCE {f'sheet={sheet!r} ' if sheet else ''}{where}: expected {wanted}, got {got}")

    def equal(self, sheet, where, wanted, got):
        """Notes a difference unless both are equal; true if they are."""
        if wanted != got:
            self.differs(sheet, where, wanted, got)
        return wanted == got


def _shortest_apart(wanted, got, width=120):
    """Both as one line each, cut to where they first differ."""
    wanted, got = repr(wanted), repr(got)
    if max(len(wanted), len(got)) <= width:
        return wanted, got
    apart = next((n for n, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
    start = max(0, apart - width // 3)
    return tuple(
        f"{'…' if start else ''}{text[start : start + width]}{'…' if len(text) > start + width else ''}"
        for text in (wanted, got)
    )


def compare_csv(report, sheet, wanted, got):
    """Byte for byte."""
    if wanted == got:
        return
    apart = next((n for n, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
    # Without what stands in quotes, line feeds end rows and commas end fields.
    before = re.sub(rb'"[^"]*"?', b"", wanted[:apart])
    row, column = before.count(b"\n"), before.rpartition(b"\n")[2].count(b",") + 1
    lines = wanted[max(0, apart - 40) : apart + 40], got[max(0, apart - 40) : apart + 40]
    report.differs(sheet, f"csv row={row} column={column} byte={apart}", *lines)


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")


# Decimals, key order and repeated keys kept; nothing that only Python takes for JSON.
EXACT = json.JSONDecoder(object_pairs_hook=tuple, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)


def compare_json(report, sheet, wanted_rows, data, strict=True):
    """One array, one object per line. Strict: each object has row_to_json's bytes, else it is equal as JSON."""
    text = data.decode()
    try:
        array = EXACT.decode(text)
    except ValueError as error:
        return report.differs(sheet, "json", "one valid array", str(error))
    if not isinstance(array, list) or not text.startswith("[\n"):
        return report.differs(sheet, "json", "one array, [ and a line feed", text[:20])
    count, position = 0, 2
    for count, wanted in enumerate(wanted_rows, 1):
        if count > len(array):
            return report.differs(sheet, f"json row={count}", wanted, "the end")
        if text.startswith(wanted, position):
            position += len(wanted)
        else:
            got, end = EXACT.raw_decode(text, position)
            if strict or EXACT.decode(wanted) != got:
                return report.differs(sheet, f"json row={count}", wanted, text[position:end])
            position = end
        after = ",\n" if count < len(array) else "\n"
        if not text.startswith(after, position):
            return report.differs(sheet, f"json after row={count}", after, text[position : position + 20])
        position += len(after)
    return report.equal(sheet, "json rows", count, len(array)) and report.equal(
        sheet, "json end", "]\n", text[position:]
    )


class Rows:
    """The rows of one worksheet in order; rows without cells may be missing."""

    def __init__(self, rows):
        self.rows = rows
        self.head = next(rows, None)

    def take(self, number):
        """The cells of that row, by column."""
        if self.head is None or self.head[0] != number:
            return {}
        cells = self.head[1]
        self.head = next(self.rows, None)
        return cells

    def rest(self):
        """The number of the next row that holds something."""
        while self.head and all(cell == EMPTY for cell in self.head[1].values()):
            self.head = next(self.rows, None)
        return self.head and self.head[0]


def compare_row(report, sheet, where, wanted, readers):
    """Compares one row of alternatives per column with what both readers found; false at the first difference."""
    raw, other = readers
    for column in sorted({*range(1, len(wanted) + 1), *raw, *other}):
        alternatives = wanted[column - 1] if column <= len(wanted) else [Exactly(EMPTY)]
        for reader, cells in (("xlsx", raw), ("openpyxl", other)):
            cell = cells.get(column, EMPTY)
            if reader == "openpyxl" and cell == EMPTY and raw.get(column) == Cell("text", ""):
                continue  # openpyxl reads '' and NULL alike
            if not any(alternative.matches(cell) for alternative in alternatives):
                wanted_cell = alternatives[0] if len(alternatives) == 1 else alternatives
                report.differs(sheet, f"{reader} {where} column={column}", wanted_cell, cell)
                return False
    return True


def header_rows(source, captions):
    """The rows of a worksheet's header as alternatives per column: the names, and the labels where there are any."""
    shown = captions.shown(source)
    header = [[[Text(name)] for name, _, _ in shown]] if shown else []
    if any(label for _, label, _ in shown):
        header.append([[Text(label) if label else Exactly(EMPTY)] for _, label, _ in shown])
    return header


def compare_xlsx(report, sheet, source, rows, excel_names, books, data_rows=None, captions=Captions()):
    """Every cell of a sheet and of its continuations, and the comfort that the format promises.

    rows: lists of COPY texts: the columns', the labels', and the timestamptz columns' local texts.
    """
    shown, total = captions.shown(source), 0
    width, values = len(shown), len(source.columns) + len(captions.references)
    if width > EXCEL_COLUMNS:
        return report.equal(sheet, "xlsx sheets of a sheet that is too wide", [], excel_names)
    local = {column: values + n for n, column in enumerate(source.zoned())}
    types = [column.base_type for column in source.columns] + ["text"] * len(captions.references)
    header = header_rows(source, captions)
    data_rows = data_rows or EXCEL_ROWS - len(header)
    rows = iter(rows)
    row = next(rows, None)
    for part, name in enumerate(excel_names):
        if name not in books[0].sheets:
            return report.differs(sheet, "xlsx", f"a worksheet {name!r}", sorted(books[0].sheets))
        layout = {}
        readers = [Rows(books[0].rows(name, layout)), Rows(books[1].rows(name))]
        for n, wanted in enumerate(header, 1):
            where = f"{name!r} header row {n}"
            if not compare_row(report, sheet, where, wanted, [reader.take(n) for reader in readers]):
                return False
        number = len(header)
        while row is not None and number - len(header) < data_rows:
            number, total = number + 1, total + 1
            wanted = [
                expected(types[n], row[n], row[local[n]] if n in local and len(row) > values else None)
                for _, _, n in shown
            ]
            where = f"{name!r} row={total}"
            if not compare_row(report, sheet, where, wanted, [reader.take(number) for reader in readers]):
                return False
            row = next(rows, None)
        if not report.equal(sheet, f"xlsx {name!r} rows past the last", [None, None], [r.rest() for r in readers]):
            return False
        if part and number == len(header):
            return report.differs(sheet, f"xlsx {name!r}", "no continuation sheet", "one without rows")
        last = column_letters(width)
        top = len(header)
        titles = f"$1:${top}" if len(books[0].sheets) - 1 <= MOST_TITLED else None
        if width and not report.equal(
            sheet,
            f"xlsx {name!r} (header's fonts, frozen at, autofilter, links, not at the top, line breaks not wrapped, printed titles)",
            (["bold", "italic"][:top], f"A{top + 1}", f"A{top}:{last}{number}", 0, 0, 0, titles),
            (
                layout["fonts"][:top],
                *(layout[what] for what in ("frozen", "autofilter", "links", "not_top", "not_wrapped")),
                books[0].titles.get(name),
            ),
        ):
            return False
        report.equal(sheet, f"xlsx {name!r}, heights of rows beyond ten lines", 0, layout["too_tall"])
    return report.equal(sheet, "xlsx worksheets", "all rows", "all rows" if row is None and excel_names else "too few")


def compare_manifest(report, entry, source):
    """What the manifest says of a sheet's columns and key, against the catalogs."""
    name = entry["name"]
    got = [(c["name"], c["type"], c["generated"], c["not_null"]) for c in entry["columns"]]
    wanted = [(c.name, c.type, c.generated, c.not_null) for c in source.columns]
    report.equal(name, "manifest columns", wanted, got)
    report.equal(name, "manifest primary_key", source.primary_key, entry["primary_key"])
    report.equal(name, "is a partition", False, source.partition)


def compare_captions(report, entry, source, captions, warnings):
    """What the manifest says of labels, against the registry and the catalogs."""
    name, excel = entry["name"], bool(entry["xlsx_sheets"])
    report.equal(
        name,
        "manifest (xlsx_header_rows, xlsx_labels)",
        (len(header_rows(source, captions)), [r.entry for r in captions.references]) if excel else (0, []),
        (entry["xlsx_header_rows"], entry["xlsx_labels"]),
    )
    told = [w["column"] for w in warnings if w["code"] == UNAVAILABLE and w["sheet"] == name]
    report.equal(name, "labels that are not available", captions.missing if excel else [], told)


def compare_sheet(report, database, bundle, books, entry, source, captions, total, options):
    """One sheet in all its formats; `total` is its number of rows by the contents sheet, if there is one."""
    name, before = entry["name"], report.differences
    compare_manifest(report, entry, source)
    compare_captions(report, entry, source, captions, bundle.manifest["warnings"])
    values = database.values(source, options.time_zone, [reference.value for reference in captions.references])
    report.equal(name, "row_count", len(values), entry["row_count"])
    if books:
        report.equal(name, "rows by the contents sheet", len(values), total)
    for kind in options.formats:
        if kind == "xlsx" and books:
            compare_xlsx(report, name, source, values, entry["xlsx_sheets"], books, captions=captions)
        elif kind not in entry["files"]:
            report.differs(name, "formats", kind, sorted(entry["files"]))
        elif kind == "csv":
            compare_csv(
                report, name, database.copy_csv(source.select_csv()), bundle.read(entry["files"]["csv"]["path"])
            )
        else:
            wanted = (row[0] for row in database.rows(source.select_json()))
            compare_json(report, name, wanted, bundle.read(entry["files"]["json"]["path"]), not options.lax_json)
    if report.differences == before:
        print(f"ok {name} rows={len(values)}")


def compare_sequences(report, database, manifest):
    """Each sequence as it stands, and none missing that a sheet's column owns."""
    listed = {(entry["schema"], entry["name"]): entry for entry in manifest["sequences"]}
    for (schema, name), entry in listed.items():
        got = str(entry["last_value"]), entry["is_called"]
        report.equal("", f"sequence {schema}.{name} (last_value, is_called)", database.sequence(schema, name), got)
    for relation in filter(None, (sheet["relation"] for sheet in manifest["sheets"])):
        for owned in database.owned_sequences(relation["schema"], relation["table"]):
            if owned not in listed:
                report.differs("", f"sequences of {relation}", owned, "nothing")


def compare_bundle(report, database, path, options):
    """One bundle; returns how many of its sheets were compared."""
    bundle = Bundle(path)
    bundle.check(report)
    entries = bundle.manifest["sheets"]
    books = None
    if "xlsx" in options.formats and bundle.workbook_path():
        data = bundle.read(bundle.workbook_path())
        books = Workbook(data), OpenpyxlWorkbook(data)
        check_excel_names(list(books[0].sheets), report)
        wanted = [name for entry in entries for name in entry["xlsx_sheets"]]
        report.equal("", "worksheets behind the contents sheet", wanted, list(books[0].sheets)[1:])
    compare_sequences(report, database, bundle.manifest)
    registry, sources, captions = Registry(database, bundle.manifest), {}, {}
    for entry in entries:
        relation = entry["relation"]
        sources[entry["name"]] = source = (
            database.relation(relation["schema"], relation["table"]) if relation else database.query(entry["query"])
        )
        captions[entry["name"]] = registry.captions(entry, source)
    totals = check_contents(report, books[0], entries, captions) if books else {}
    if options.sheets:
        report.equal("", "sheets not found", [], sorted(set(options.sheets) - {entry["name"] for entry in entries}))
        entries = [entry for entry in entries if entry["name"] in options.sheets]
    for entry in entries:
        try:
            name = entry["name"]
            source, caption, total = sources[name], captions[name], totals.get(name)
            compare_sheet(report, database, bundle, books, entry, source, caption, total, options)
        except Exception as error:  # a damaged sheet must not hide the state of the others
            report.differs(entry["name"], "comparison", "an end", f"{type(error).__name__}: {error}")
    return len(entries)


def main(arguments=None):
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True, nargs="+", help="the zip; several of one database share one psql")
    parser.add_argument("--psql", required=True, help="psql's command line with its connection options")
    parser.add_argument("--time-zone", default="UTC", help="settings.xlsx_time_zone of the run (default UTC)")
    parser.add_argument("--sheets", type=lambda text: text.split(","), help="only these, by name")
    parser.add_argument("--formats", type=lambda text: text.split(","), default=FORMATS, help="default csv,json,xlsx")
    parser.add_argument("--lax-json", action="store_true", help="equal as JSON is enough, bytes may differ")
    options = parser.parse_args(arguments)
    if set(options.formats) - set(FORMATS):
        parser.error(f"formats are {', '.join(FORMATS)}")
    report, database, sheets = Report(), Database(options.psql), 0
    for path in options.bundle:
        print(f"bundle {path}")
        try:
            sheets += compare_bundle(report, database, path, options)
        except Exception as error:  # nor a damaged bundle that of the others
            report.differs("", "comparison", "an end", f"{type(error).__name__}: {error}")
    database.close()
    print(f"compare: {sheets} sheets, {report.differences} differences")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
