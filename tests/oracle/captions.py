"""What the workbook shows for people beside names and values: labels of tables and columns, and of what keys refer to.

Written from docs/bundle-format.md, the registry's comments and the catalogs alone, with no look at the extension.
"""

from dataclasses import dataclass, field

from database import identifier, literal

MOST_VALUES = 1664  # of one query
UNAVAILABLE = "xlsx_label_not_available"


@dataclass(frozen=True)
class Reference:
    """A column beside the foreign key at `position`; `value` is its SQL over the alias t."""

    position: int
    name: str
    label: str | None
    value: str
    entry: dict


@dataclass(frozen=True)
class Captions:
    """A sheet's labels; `missing` are the keys whose label cannot be shown, None for all of the sheet's."""

    table: str | None = None
    columns: list = field(default_factory=list)
    references: list = field(default_factory=list)
    missing: list = field(default_factory=list)

    def shown(self, source):
        """(name, label, index of the value in a row) of each column of the worksheet; labels' values follow the columns'."""
        columns = []
        for n, column in enumerate(source.columns):
            columns.append((column.name, self.columns[n] if self.columns else None, n))
            columns += [
                (reference.name, reference.label, len(source.columns) + m)
                for m, reference in enumerate(self.references)
                if reference.position == n
            ]
        return columns


class Registry:
    """The extension's settings and registered sheets, where there is an extension."""

    def __init__(self, database, manifest):
        self.database = database
        self.exported = {
            (entry["relation"]["schema"], entry["relation"]["table"])
            for entry in manifest["sheets"]
            if entry["relation"]
        }
        self.scope = manifest.get("scope", "full")
        self.labels, self.sheets, self.column_labels = False, [], {}
        if next(database.rows("SELECT to_regclass('paliad_backup.sheets') IS NOT NULL"))[0] == "f":
            return
        self.labels = next(database.rows("SELECT xlsx_labels FROM paliad_backup.settings"))[0] == "t"
        self.sheets = [
            dict(zip(("id", "schema", "table", "query", "label", "label_column", "ref"), row))
            for row in database.rows(
                "SELECT s.id, s.relation_schema, s.relation_name, s.query, s.label, s.label_column,"
                " s.enabled AND s.kind = 'ref' AND NOT EXISTS (SELECT FROM paliad_backup.exclusions e WHERE e.excluded"
                " AND e.relation_name = s.relation_name AND e.schema_name IN ('*', s.relation_schema))"
                " FROM paliad_backup.sheets s"
            )
        ]
        for number, column, label in database.rows(
            "SELECT s.id, e.key, e.value FROM paliad_backup.sheets s CROSS JOIN jsonb_each_text(s.column_labels) e"
        ):
            self.column_labels[number, column] = label

    def captions(self, entry, source):
        """The labels of the sheet that the manifest describes by `entry`."""
        if entry["relation"] is None:
            query = entry["query"].strip().removesuffix(";")
            row = next((s for s in self.sheets if (s["query"] or "").strip().removesuffix(";").strip() == query.strip()), {})
            return Captions(_shown(row.get("label"), None), self._columns(row, source, {}))
        schema, table = entry["relation"]["schema"], entry["relation"]["table"]
        row, comments = self._row(schema, table), self._comments(schema, table)
        references, missing = self._references(schema, table, source)
        return Captions(
            _shown(row.get("label"), comments.get("")), self._columns(row, source, comments), references, missing
        )

    def _row(self, schema, table):
        return next((s for s in self.sheets if (s["schema"], s["table"]) == (schema, table)), {})

    def _comments(self, schema, table):
        """By column, the table's own by ''; none unless the setting is on."""
        if not self.labels:
            return {}
        return dict(
            self.database.rows(f"""SELECT coalesce(a.attname, ''), d.description
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE n.nspname = {literal(schema)} AND c.relname = {literal(table)}""")
        )

    def _label(self, row, column, comments):
        return _shown(self.column_labels.get((row.get("id"), column)), comments.get(column)) if self.labels else None

    def _columns(self, row, source, comments):
        labels = [self._label(row, column.name, comments) for column in source.columns]
        return labels if any(labels) else []

    def _references(self, schema, table, source):
        """The columns beside foreign keys, and the keys without one though a label is registered."""
        keys = self.database.rows(f"""SELECT a.attname, tn.nspname, t.relname, t.relkind, k.attname,
                on_.nspname, o.oprname, r.relowner = t.relowner,
                CASE WHEN k.attcollation <> a.attcollation THEN ' COLLATE ' || k.attcollation::regcollation END
            FROM pg_constraint c
            JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
            JOIN pg_class t ON t.oid = c.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
            JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = c.conkey[1]
            JOIN pg_attribute k ON k.attrelid = t.oid AND k.attnum = c.confkey[1]
            JOIN pg_operator o ON o.oid = c.conpfeqop[1] JOIN pg_namespace on_ ON on_.oid = o.oprnamespace
            WHERE c.contype = 'f' AND c.conparentid = 0 AND array_length(c.conkey, 1) = 1
            AND rn.nspname = {literal(schema)} AND r.relname = {literal(table)}
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, a.attnum, k.attnum ORDER BY a.attnum, 2, 3, k.attnum""")
        references, missing, taken = [], [], [column.name for column in source.columns]
        for column, to_schema, to_table, kind, key, operator_schema, operator, same_owner, collate in keys:
            row = self._row(to_schema, to_table)
            if row.get("label_column") is None:
                continue
            exported = (to_schema, to_table) in self.exported or (self.scope == "data" and row["ref"] == "t")
            target = self.database.relation(to_schema, to_table)
            if not exported or same_owner != "t" or row["label_column"] not in [c.name for c in target.columns]:
                missing.append(column)
                continue
            name = wanted = f"{column} ({row['label_column']})"
            while name in taken:
                name = f"{wanted} ({2 if name == wanted else int(name.rpartition('(')[2][:-1]) + 1})"
            taken.append(name)
            value = (
                f"(SELECT l.{identifier(row['label_column'])} FROM {'ONLY ' if kind == 'r' else ''}"
                f"{identifier(to_schema)}.{identifier(to_table)} AS l WHERE l.{identifier(key)}{collate or ''}"
                f" OPERATOR({identifier(operator_schema)}.{operator}) t.{identifier(column)})"
            )
            position = [c.name for c in source.columns].index(column)
            label = self._label(row, row["label_column"], self._comments(to_schema, to_table))
            relation = {"schema": to_schema, "table": to_table}
            described = {"name": name, "column": column, "relation": relation, "label_column": row["label_column"]}
            references.append(Reference(position, name, label, value, described))
        if len(source.columns) + len(references) + (not source.primary_key) > MOST_VALUES:
            return [], [*missing, None]
        return references, missing


def _shown(registered, comment):
    """The registered label where there is one, blank or not; nothing for a blank one."""
    label = comment if registered is None else registered
    return label if label and label.strip() else None


def check_contents(report, book, entries, captions):
    """The contents sheet's table: names, labels and worksheets in order. `captions` by the sheets' names.

    Returns the numbers of rows that stand there, by the sheets' names.
    """
    name = next(iter(book.sheets))
    rows = [{column: cell.value for column, cell in cells.items()} for _, cells in book.rows(name, {})]
    labelled = any(caption.table for caption in captions.values())
    header = ["Table", "What it holds", "Sheet in this workbook", "Rows"]
    if not labelled:
        header.remove("What it holds")
    at = next((n for n, row in enumerate(rows) if [row.get(c) for c in range(1, len(header) + 1)] == header), None)
    if at is None:
        report.differs("", "header of the contents sheet", header, "none like it")
        return {}
    wanted = []
    for entry in entries:
        label = [captions[entry["name"]].table] if labelled else []
        parts = entry["xlsx_sheets"] or ["left out, see the warning"]
        wanted += [[entry["name"], *label, part] for part in parts]
    table = rows[at + 1 : at + 1 + len(wanted)]
    got = [[row.get(column) for column in range(1, len(header))] for row in table]
    report.equal("", "table of the contents sheet", wanted, got)
    totals = {}
    for row in table:
        totals[row.get(1)] = totals.get(row.get(1), 0) + row.get(len(header), 0)
    return totals
