"""Shows that the comparison sees errors in labels: python3 -m unittest, in this folder, as test_oracle.py."""

import unittest

import sample
from test_oracle import PSQL, ComparisonTest


@unittest.skipUnless(PSQL, "ORACLE_PSQL is not set")
class CaptionsTest(ComparisonTest):
    """With labels and what keys refer to. The registry is a stand-in: nothing of the extension is here."""

    SHEETS = [
        ("person", "oracle_labels", "person"),
        ("task", "oracle_labels", "task"),
        ("plain", "SELECT 1 AS a"),
    ]

    @classmethod
    def script(cls):
        return """
        CREATE SCHEMA paliad_backup; CREATE SCHEMA oracle_labels;
        CREATE TABLE paliad_backup.settings AS SELECT true AS xlsx_labels;
        CREATE TABLE paliad_backup.exclusions AS SELECT '*' AS schema_name, 'nothing' AS relation_name, true AS excluded;
        CREATE TABLE paliad_backup.sheets (id int GENERATED ALWAYS AS IDENTITY, relation_schema text, relation_name text,
            query text, label text, column_labels jsonb, label_column name, kind text DEFAULT 'entity', enabled bool DEFAULT true);
        INSERT INTO paliad_backup.sheets (relation_schema, relation_name, column_labels, label_column)
            VALUES ('oracle_labels', 'person', '{"name": "Name"}', 'name'), ('oracle_labels', 'gone', NULL, 'name');
        CREATE TABLE oracle_labels.person (id int PRIMARY KEY, name text);
        CREATE TABLE oracle_labels.gone (id int PRIMARY KEY, name text);
        CREATE TABLE oracle_labels.task (id int PRIMARY KEY, owner int REFERENCES oracle_labels.person,
            at timestamptz, gone int REFERENCES oracle_labels.gone);
        COMMENT ON TABLE oracle_labels.task IS 'What is to be done';
        COMMENT ON COLUMN oracle_labels.task.id IS 'Number';
        INSERT INTO oracle_labels.person VALUES (1, 'Anna'), (2, E'two\\nlines');
        INSERT INTO oracle_labels.task VALUES (10, 1, '2024-07-01 12:00+00'), (11, 2, NULL), (12, NULL, 'infinity');
        """

    @classmethod
    def tearDownClass(cls):
        sample.load(PSQL, "DROP SCHEMA paliad_backup, oracle_labels CASCADE;")
        super().tearDownClass()

    def test_right(self):
        status, out = self.compare()
        self.assertEqual(status, 0, out)
        self.assertTrue(out.endswith("compare: 3 sheets, 0 differences\n"), out)
        task = next(entry for entry in self.manifest["sheets"] if entry["name"] == "task")
        self.assertEqual([label["name"] for label in task["xlsx_labels"]], ["owner (name)"])
        self.assertEqual((task["xlsx_header_rows"], len(self.manifest["warnings"])), (2, 1))

    def test_time_zone(self):
        self.files, self.manifest = sample.files_of(PSQL, self.SHEETS, time_zone="Europe/Berlin")
        self.assertEqual(self.compare("--time-zone", "Europe/Berlin")[0], 0)

    def test_label(self):
        self.xlsx("task", ">Number<", ">Nummer<")
        self.sees("'task' header row 2 column=1")

    def test_label_row(self):
        self.xlsx("task", f' s="{sample.ITALIC}" t=', ' s="0" t=')
        self.sees("header's fonts")

    def test_label_row_is_not_sorted(self):
        self.xlsx("task", '<autoFilter ref="A2:', '<autoFilter ref="A1:')
        self.sees("autofilter")

    def test_value(self):
        self.xlsx("task", ">Anna<", ">Anne<")
        self.sees("xlsx 'task' row=1 column=3")

    def test_value_of_no_key(self):
        self.xlsx("task", '</row></sheetData>', '<c r="F5" t="inlineStr"><is><t>x</t></is></c></row></sheetData>')
        self.sees("xlsx 'task' row=3 column=6")

    def test_position(self):
        self.xlsx("task", ">owner (name)<", ">owner<")
        self.sees("'task' header row 1 column=3")

    def test_wrapping(self):
        self.xlsx("person", f' s="{sample.WRAPPED}"', ' s="0"')
        self.sees("line breaks not wrapped")

    def test_height(self):
        self.xlsx("person", '<row r="4"', '<row r="4" ht="165" customHeight="1"')
        self.sees("heights of rows")

    def test_printed_titles(self):
        self.part("xl/workbook.xml", "task!$1:$2", "task!$1:$1")
        self.sees("printed titles")

    def test_contents(self):
        self.part("xl/worksheets/1.xml", "What is to be done", "What was to be done")
        self.sees("table of the contents sheet")

    def test_contents_rows(self):
        self.part("xl/worksheets/1.xml", "<v>2.0</v>", "<v>5.0</v>")
        self.sees("rows by the contents sheet")

    def test_manifest(self):
        self.manifest["sheets"][1]["xlsx_header_rows"] = 1
        self.sees("xlsx_header_rows")
        self.manifest["sheets"][1]["xlsx_header_rows"] = 2
        self.manifest["warnings"] = []
        self.sees("labels that are not available")


if __name__ == "__main__":
    unittest.main()
