#!/usr/bin/env python3
"""Shows that the comparison sees errors: python3 -m unittest, in this folder.

ORACLE_PSQL is psql's command line for a throwaway database; without it the tests that need a server are skipped.
"""

import contextlib
import copy
import io
import os
import tempfile
import unittest

import compare
import sample
from database import Column, Database, DatabaseError, Source
from rules import EMPTY, MARKER, Cell, expected
from workbook import OpenpyxlWorkbook, Workbook, shown_parts, unescape

PSQL = os.environ.get("ORACLE_PSQL")
DAY = "timestamp without time zone"

SHEETS = [
    ("zoo", "oracle_zoo", 'T"x/../😀'),
    ("nokey", "oracle_zoo", "nokey"),
    ("one", "oracle_zoo", "one"),
    ("none", "oracle_zoo", "none"),
    ("empty", "oracle_zoo", "empty"),
    ("parts", "oracle_zoo", "parts"),
    ("query", "SELECT 1 AS a, t AS a, '2024-07-01 12:00+00'::timestamptz AS tz FROM oracle_zoo.parts -- both;"),
]
SEQUENCES = [("oracle_zoo", 'T"x/../😀_id_seq')]


class RulesTest(unittest.TestCase):
    def accepts(self, base_type, text, *cells, local=None):
        for cell in cells:
            self.assertTrue(any(x.matches(cell) for x in expected(base_type, text, local)), (base_type, text, cell))

    def refuses(self, base_type, text, *cells, local=None):
        for cell in cells:
            self.assertFalse(any(x.matches(cell) for x in expected(base_type, text, local)), (base_type, text, cell))

    def test_null_is_not_the_empty_text(self):
        self.accepts("text", None, EMPTY)
        self.refuses("text", None, Cell("text", ""))
        self.accepts("text", "", Cell("text", ""))
        self.refuses("text", "", EMPTY)

    def test_booleans(self):
        self.accepts("boolean", "t", Cell("bool", True))
        self.refuses("boolean", "t", Cell("bool", False), Cell("number", 1.0), Cell("text", "t"))

    def test_numbers(self):
        self.accepts("integer", "42", Cell("number", 42.0))
        self.refuses("integer", "42", Cell("text", "42"), Cell("number", 43.0), Cell("serial", 42.0, "date"))
        self.accepts("bigint", "123456789012345", Cell("number", 123456789012345.0))
        self.accepts("bigint", "1234567890123456", Cell("text", "1234567890123456"))
        self.refuses("bigint", "1234567890123456", Cell("number", 1234567890123456.0))
        self.accepts("numeric", "-0.00123", Cell("number", -0.00123))
        self.accepts("numeric", "0.1000000000000001", Cell("text", "0.1000000000000001"))
        self.refuses("numeric", "0.1000000000000001", Cell("number", 0.1000000000000001))
        self.refuses("numeric", "123456789.123456", Cell("text", "123456789.123456"), Cell("number", 123456789.123455))
        for text in ("NaN", "Infinity", "-Infinity", "1" + "0" * 400, "0." + "0" * 400 + "1"):
            self.accepts("numeric", text, Cell("text", text))
            self.refuses("numeric", text, Cell("number", 0.0), Cell("number", float(text)))

    def test_floats(self):
        self.accepts("double precision", "0.30000000000000004", Cell("number", 0.30000000000000004))
        self.refuses(
            "double precision", "0.30000000000000004", Cell("text", "0.30000000000000004"), Cell("number", 0.3)
        )
        self.accepts("real", "0.1", Cell("number", 0.1))
        self.refuses("real", "0.1", Cell("number", 0.10000000149011612))
        self.accepts("real", "-0", Cell("text", "-0"))
        self.accepts("double precision", "-Infinity", Cell("text", "-Infinity"))

    def test_dates(self):
        self.accepts("date", "1900-03-01", Cell("serial", 61.0, "date"))
        self.accepts("date", "9999-12-31", Cell("serial", 2958465.0, "date"))
        self.refuses("date", "2024-02-29", Cell("serial", 45352.0, "date"), Cell("serial", 45351.0, "date time"))
        self.refuses("date", "2024-02-29", Cell("number", 45351.0), Cell("text", "2024-02-29"))
        for text in ("1900-02-28", "10000-01-01", "infinity", "2024-02-29 BC", "0001-01-01"):
            self.accepts("date", text, Cell("text", text))

    def test_timestamps(self):
        noon = Cell("serial", 45351.5, "date time")
        self.accepts(DAY, "2024-02-28 12:00:00", Cell("serial", 45350.5, "date time"))
        self.refuses(DAY, "2024-02-28 12:00:00", noon, Cell("serial", 45350.5, "date"))
        self.accepts("timestamp with time zone", "2024-02-29 12:00:00+00", noon)
        self.accepts("timestamp with time zone", "2024-02-29 11:00:00+00", noon, local="2024-02-29 12:00:00")
        self.refuses("timestamp with time zone", "2024-02-29 12:00:00+00", noon, local="2024-02-29 13:00:00")
        for ms, good in ((123, True), (124, False)):
            check = self.accepts if good else self.refuses
            check(DAY, "2024-02-29 00:00:00.123456", Cell("serial", 45351 + ms / 86_400_000, "date time"))
        last_ms = Cell("serial", 2958466 - 1 / 86_400_000, "date time")
        self.accepts(DAY, "9999-12-31 23:59:59.9996", Cell("text", "9999-12-31 23:59:59.9996"), last_ms)
        self.refuses(DAY, "9999-12-31 23:59:59.9996", Cell("serial", 2958466.0, "date time"))
        self.accepts(DAY, "2024-02-29 12:00:00 BC", Cell("text", "2024-02-29 12:00:00 BC"))

    def test_times(self):
        self.accepts("time without time zone", "18:00:00", Cell("serial", 0.75, "time"))
        self.accepts("time without time zone", "24:00:00", Cell("text", "24:00:00"))
        self.refuses("time without time zone", "24:00:00", Cell("serial", 1.0, "time"), Cell("serial", 0.0, "time"))

    def test_long_text(self):
        fits = "x" * 32_767
        self.accepts("text", fits, Cell("text", fits))
        self.refuses("text", fits, Cell("text", fits[:-4] + MARKER))
        self.accepts("text", fits + "y", Cell("text", fits[:32_763] + MARKER))
        self.refuses(
            "text", fits + "y", Cell("text", fits), Cell("text", fits + "y"), Cell("text", fits[:32_762] + MARKER)
        )
        self.accepts("text", "😀" * 16_384, Cell("text", "😀" * 16_381 + MARKER))
        self.refuses("text", "😀" * 16_384, Cell("text", "😀" * 16_380 + MARKER), Cell("text", "😀" * 16_382 + MARKER))


class WorkbookTest(unittest.TestCase):
    def cells(self, *xml):
        data = sample.workbook([("s", sample.sheet_xml(["h"] * len(xml), [xml]))])
        return tuple(dict(book)[2] for book in (Workbook(data).rows("s", {}), OpenpyxlWorkbook(data).rows("s")))

    def test_both_readers_read_alike(self):
        texts = ["a", " b ", "\x01\r\n", "_x0041_", "😀", "=1+1", "\uffff"]
        cells = [Cell("text", text) for text in texts] + [Cell("bool", False), Cell("number", 1.5)]
        cells += [Cell("serial", 45351.25, "date time"), Cell("serial", 0.5, "time")]
        raw, other = self.cells(*cells)
        self.assertEqual(raw, dict(enumerate(cells, 1)))
        self.assertEqual([(c.kind, c.value) for c in raw.values()], [(c.kind, c.value) for c in other.values()])

    def test_what_excel_reads_otherwise(self):
        raw, _ = self.cells(
            '<c r="A2" t="inlineStr"><is><t> blank </t></is></c>',
            '<c r="B2"><f>1+1</f><v>2</v></c>',
            '<c r="C2" t="inlineStr"><is><t xml:space="preserve">a\r\nb</t></is></c>',
            '<c r="D2" t="e"><v>#N/A</v></c>',
        )
        wanted = [Cell("text", "blank"), Cell("formula", "1+1"), Cell("text", "a\nb"), Cell("error", "#N/A")]
        self.assertEqual(list(raw.values()), wanted)

    def test_escapes_and_formats(self):
        self.assertEqual(unescape("_x005F_x0041_ _xD83D__xDE00_ _x41_"), "_x0041_ 😀 _x41_")
        for code, parts in (
            ("yyyy\\-mm\\-dd", "date"),
            ("h:mm AM/PM", "time"),
            ("dd/mm/yyyy hh:mm:ss.000", "date time"),
            ("#,##0.00", None),
            ("General", None),
            ('0" days"', None),
            ("[Red]0", None),
            ("[h]:mm", "time"),
        ):
            self.assertEqual(shown_parts(code), parts, code)


class JsonTest(unittest.TestCase):
    def differences(self, text, *rows, strict=True):
        with contextlib.redirect_stdout(io.StringIO()):
            compare.compare_json(report := compare.Report(), "s", rows, text.encode(), strict)
        return report.differences

    def test_right(self):
        self.assertEqual(self.differences("[\n]\n"), 0)
        self.assertEqual(self.differences('[\n{"a":1},\n{"a":2}\n]\n', '{"a":1}', '{"a":2}'), 0)
        self.assertEqual(self.differences('[\n{"a": 1.0}\n]\n', '{"a":1.0}', strict=False), 0)

    def test_wrong(self):
        for text in (
            '[\n{"a": 1}\n]\n',
            '[\n{"a":1}]]\n',
            '[\n{"a":1},\n{"a":1}\n]\n',
            "[\n]\n",
            '{"a":1}',
            '[\n{"a":1}\n',
            '[{"a":1}\n]\n',
            '[\n{"a":2}\n]\n',
            '[\n{"a":1}\n]\nx',
        ):
            self.assertEqual(self.differences(text, '{"a":1}'), 1, text)
        self.assertEqual(self.differences('[\n{"a":1}, {"a":1}\n]\n', '{"a":1}', '{"a":1}'), 1)
        self.assertEqual(self.differences("[]"), 1)
        for got, wanted in (
            ('{"a":NaN}', '{"a":"NaN"}'),
            ('{"a":1,"a":2}', '{"a":2}'),
            ('{"b":1,"a":1}', '{"a":1,"b":1}'),
            ('{"a":1.00000000000000000001}', '{"a":1}'),
        ):
            self.assertEqual(self.differences(f"[\n{got}\n]\n", wanted, strict=False), 1, got)


class ComparisonTest(unittest.TestCase):
    """A right bundle of `SHEETS`, to be spoilt. The class itself has no tests."""

    SHEETS, SEQUENCES = [], []

    @classmethod
    def setUpClass(cls):
        sample.load(PSQL, cls.script())
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.right = sample.files_of(PSQL, cls.SHEETS, cls.SEQUENCES)

    def setUp(self):
        self.files, self.manifest = copy.deepcopy(self.right)

    def compare(self, *options):
        path = os.path.join(self.folder.name, "bundle.zip")
        sample.seal(path, self.files, self.manifest)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = compare.main(["--bundle", path, "--psql", PSQL, *options])
        return status, out.getvalue()

    def sees(self, text, *options):
        status, out = self.compare(*options)
        self.assertEqual((status, out.count("DIFFERENCE")), (1, 1), out)
        self.assertIn(text, out)

    def xlsx(self, name, old, new):
        """Replaces XML in one worksheet."""
        self.part(Workbook(self.files["paliad-backup.xlsx"]).sheets[name], old, new)

    def part(self, path, old, new):
        """Replaces XML in one part of the workbook."""
        zipped = Workbook(self.files["paliad-backup.xlsx"]).zip
        parts = {entry: zipped.read(entry) for entry in zipped.namelist()}
        self.assertIn(old.encode(), parts[path])
        parts[path] = parts[path].replace(old.encode(), new.encode(), 1)
        self.files["paliad-backup.xlsx"] = sample.zip_bytes(parts)


@unittest.skipUnless(PSQL, "ORACLE_PSQL is not set")
class BundleTest(ComparisonTest):
    SHEETS, SEQUENCES = SHEETS, SEQUENCES

    @classmethod
    def script(cls):
        with open(os.path.join(os.path.dirname(__file__), "zoo.sql"), encoding="utf-8") as script:
            return script.read()

    def replace(self, path, old, new):
        self.assertIn(old, self.files[path])
        self.files[path] = self.files[path].replace(old, new, 1)

    def test_sources(self):
        database = Database(PSQL)
        zoo = database.relation("oracle_zoo", 'T"x/../😀')
        self.assertEqual(zoo.primary_key, ["id"])
        self.assertEqual(zoo.columns[2], Column("i4", "integer", "integer", generated=True, not_null=False))
        self.assertEqual(zoo.columns[5], Column("c", "oracle_zoo.cents", "numeric", generated=False, not_null=False))
        self.assertTrue(database.relation("oracle_zoo", "p1").partition)
        nokey = database.copy_csv(database.relation("oracle_zoo", "nokey").select_csv())
        self.assertEqual(nokey, b'n,t\n,""\n,\n1.0,\n1.0,b\n1.00,b\n2,\\.\n2,NULL\n')
        query = database.query("SELECT 1 AS a, '1'::numeric(3,1) AS a, now()::timestamptz(3) -- ;\n;")
        self.assertEqual([c.base_type for c in query.columns], ["integer", "numeric", "timestamp with time zone"])
        database.close()

    def test_errors_of_the_server(self):
        database = Database(PSQL)
        for _ in range(2):
            with self.assertRaisesRegex(DatabaseError, "division by zero"):
                database.run("SELECT 1/0;")
            self.assertEqual(list(database.rows("SELECT 1, NULL")), [["1", None]])
        self.assertEqual(database.run("\\echo -n x"), b"x")
        database.close()

    def test_several_bundles(self):
        paths = []
        for name in ("right", "wrong"):
            paths.append(os.path.join(self.folder.name, f"{name}.zip"))
            sample.seal(paths[-1], self.files, self.manifest)
            self.files["csv/one.csv"] = b"t\n\n\n"
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = compare.main(["--psql", PSQL, "--sheets", "one,empty", "--bundle", __file__, *paths])
        self.assertEqual((status, out.getvalue().count("DIFFERENCE")), (1, 2), out.getvalue())
        self.assertIn("DIFFERENCE comparison: expected 'an end', got 'BadZipFile", out.getvalue())
        wrong = out.getvalue().partition(f"bundle {paths[1]}\n")[2]
        self.assertIn("DIFFERENCE sheet='one' csv", wrong)
        self.assertTrue(wrong.endswith("compare: 4 sheets, 2 differences\n"), wrong)

    def test_right(self):
        status, out = self.compare()
        self.assertEqual(status, 0, out)
        self.assertIn("ok nokey rows=7\n", out)
        self.assertTrue(out.endswith("compare: 7 sheets, 0 differences\n"), out)

    def test_time_zone(self):
        self.files, self.manifest = sample.files_of(PSQL, SHEETS, SEQUENCES, time_zone="Europe/Berlin")
        self.assertEqual(self.compare("--time-zone", "Europe/Berlin")[0], 0)
        self.sees("xlsx 'zoo' row=1 column=11", "--sheets", "zoo")

    def test_csv(self):
        self.replace("csv/zoo.csv", b"traurig \xc3\x9f", b"traurig ss")
        self.sees("sheet='zoo' csv row=1 column=20", "--sheets", "zoo")

    def test_csv_null(self):
        self.replace("csv/one.csv", b'""', b"")
        self.sees("sheet='one' csv row=1 column=1", "--sheets", "one")

    def test_json(self):
        self.replace("json/zoo.json", b'"a":  1', b'"a": 1')
        self.sees("sheet='zoo' json row=1", "--sheets", "zoo")

    def test_sequence(self):
        self.manifest["sequences"][0]["is_called"] = False
        self.sees("sequence oracle_zoo", "--sheets", "empty")
        self.manifest["sequences"] = []
        self.sees("sequences of", "--sheets", "empty")

    def test_manifest(self):
        self.manifest["sheets"][0]["columns"][4]["type"] = "integer"
        self.sees("sheet='zoo' manifest columns", "--sheets", "zoo")

    def test_row_count(self):
        self.manifest["sheets"][1]["row_count"] += 1
        self.sees("sheet='nokey' row_count", "--sheets", "nokey")

    def test_missing_sheet_and_format(self):
        self.sees("sheets not found", "--sheets", "empty,elsewhere")
        self.assertEqual(self.compare("--sheets", "empty", "--formats", "csv")[0], 0)

    def test_unlisted_file(self):
        self.files["extra.txt"] = b""
        self.sees("files that the manifest does not list", "--sheets", "empty")

    def test_worksheet(self):
        self.xlsx("nokey", '<c r="A4" s="0"><v>1.0<', '<c r="A4" s="0"><v>1.5<')
        status, out = self.compare()
        self.assertEqual((status, out.count("DIFFERENCE")), (1, 1), out)
        self.assertIn("sheet='nokey' xlsx 'nokey' row=3 column=1: expected Number(value=Decimal('1.0'))", out)

    def test_worksheet_comfort(self):
        self.xlsx("empty", 'state="frozen"', "")
        self.sees("frozen at", "--sheets", "empty")

    def test_worksheet_surplus(self):
        self.xlsx("empty", "</sheetData>", '<row r="2"><c r="A2"><v>1</v></c></row></sheetData>')
        self.sees("rows past the last", "--sheets", "empty")

    def test_damage(self):
        path = os.path.join(self.folder.name, "bundle.zip")
        self.compare()
        with open(path, "rb") as file:
            data = bytearray(file.read())
        data[data.index(b"README.txt") + 12] ^= 1
        report, bundle = compare.Report(), None
        with open(path, "wb") as file:
            file.write(data)
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(Exception):
            bundle = compare.Bundle(path)
            bundle.check(report)
        self.assertIn("first damaged entry", out.getvalue())
        self.assertIn("unzip", out.getvalue())
        self.assertIn("7z", out.getvalue())


class ContinuationTest(unittest.TestCase):
    """Parts of two rows stand for parts of 1,048,575."""

    def differences(self, parts):
        sheets = [(name, sample.sheet_xml(["n"], [[Cell("number", n)] for n in numbers])) for name, numbers in parts]
        data = sample.workbook(sheets)
        source = Source("n", [Column("n", "integer", "integer", False, False)], [], partition=False, query=False)
        with contextlib.redirect_stdout(io.StringIO()):
            books = Workbook(data), OpenpyxlWorkbook(data)
            compare.compare_xlsx(
                report := compare.Report(), "s", source, [["1"], ["2"], ["3"]], [n for n, _ in parts], books, 2
            )
        return report.differences

    def test_parts(self):
        self.assertEqual(self.differences([("s", [1.0, 2.0]), ("s (2)", [3.0])]), 0)
        self.assertEqual(self.differences([("s", [1.0, 2.0])]), 1)
        self.assertEqual(self.differences([("s", [1.0, 2.0, 3.0])]), 1)
        self.assertEqual(self.differences([("s", [1.0, 2.0]), ("s (2)", [3.0]), ("s (3)", [])]), 1)


if __name__ == "__main__":
    unittest.main()
