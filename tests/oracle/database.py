"""The live database, asked through psql: COPY for values, the catalogs for columns, keys and order."""

import re
import secrets
import shlex
import subprocess
import tempfile
from dataclasses import dataclass

# "Values, once for all formats" of the bundle format, and what lets this script be read as it is meant.
SETTINGS = """
SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;
SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET extra_float_digits = 3;
SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET quote_all_identifiers = off; SET search_path = '';
SET row_security = off; SET default_transaction_read_only = on;
"""

ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}


class DatabaseError(Exception):
    """psql ended with an error; the text is its own."""


def identifier(name):
    """`name` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    """`text` as a string literal (standard_conforming_strings is on)."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Column:
    """A column as the catalogs have it; `base_type` is without modifier, domains looked through."""

    name: str
    type: str
    base_type: str
    generated: bool
    not_null: bool


@dataclass(frozen=True)
class Source:
    """What a sheet reads, derived from the catalogs."""

    from_item: str
    columns: list[Column]
    primary_key: list[str]
    partition: bool
    query: bool

    def _select(self, targets, alias="t"):
        keys = [f"t.{identifier(name)}" for name in self.primary_key]
        order = ", ".join(keys) or '(t.*)::text COLLATE "C"'
        return f"SELECT {targets} FROM {self.from_item} AS {alias} ORDER BY {order}"

    def select_csv(self):
        """All but generated columns, which COPY cannot load."""
        if not any(column.generated for column in self.columns):
            return self._select("t.*")
        return self._select(", ".join(f"t.{identifier(c.name)}" for c in self.columns if not c.generated))

    def select_json(self):
        """One text per row, as the server renders the row."""
        return self._select("row_to_json(t.*)::text")

    def select_values(self, more=()):
        """All columns, then the values `more`."""
        return self._select(", ".join(["t.*", *more]))

    def select_local(self, time_zone):
        """Each timestamptz without zone in `time_zone`; None where that is UTC, or the sheet has no such column."""
        zoned = [] if time_zone == "UTC" else self.zoned()
        if not zoned:
            return None
        # A query's columns may share a name; numbered ones do not.
        names = [f"c{n}" if self.query else column.name for n, column in enumerate(self.columns)]
        zone = literal(time_zone)
        local = []
        for field in (f"t.{identifier(names[n])}" for n in zoned):
            # At the ends of timestamptz's range the local time may be out of timestamp's.
            inside = f"{field} BETWEEN '4712-01-01 00:00+00 BC' AND '294275-12-31 00:00+00'"
            local.append(f"CASE WHEN {inside} THEN ({field} AT TIME ZONE {zone})::text END")
        return self._select(", ".join(local), f"t({', '.join(names)})" if self.query else "t")

    def zoned(self):
        """Positions of the timestamptz columns."""
        return [n for n, column in enumerate(self.columns) if column.base_type == "timestamp with time zone"]


class Database:
    """One database, asked by one psql for all scripts; `prefix` is its command line with its connection options."""

    def __init__(self, prefix):
        self.command = shlex.split(prefix) + ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        self.psql = self.errors = None

    def run(self, script):
        """What psql writes for `script`, as bytes."""
        if self.psql is None:
            self._start()
        # psql says where the output ends, by a word that no value can hold.
        end = secrets.token_hex(16)
        try:
            self.psql.stdin.write(f"{script}\n\\echo {end}\n".encode())
            self.psql.stdin.flush()
        except BrokenPipeError:
            self._fail()
        output, last = [], f"{end}\n".encode()
        for line in self.psql.stdout:
            # Values may lack a line feed at their end.
            if line.endswith(last):
                return b"".join(output) + line.removesuffix(last)
            output.append(line)
        self._fail()

    def _start(self):
        self.errors = tempfile.TemporaryFile()
        pipe = subprocess.PIPE
        self.psql = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=self.errors)
        self.run(SETTINGS)

    def _fail(self):
        raise DatabaseError(self.close().decode(errors="replace").strip())

    def close(self):
        """Ends psql and with it the session, as an error does; the next script starts another one. Returns its errors."""
        if self.psql is None:
            return b""
        self.psql.communicate()
        self.psql = None
        with self.errors as errors:
            errors.seek(0)
            return errors.read()

    def copy_csv(self, select):
        """The csv that the bundle must have for `select`."""
        return self.run(f"COPY ({select}\n) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8');\n")

    def rows(self, select):
        """The rows of `select` as lists of texts, None for NULL (COPY's text format)."""
        for line in self.run(f"COPY ({select}\n) TO STDOUT WITH (FORMAT text, ENCODING 'UTF8');\n").split(b"\n")[:-1]:
            yield [None if field == rb"\N" else _unescape(field) for field in line.split(b"\t")]

    def values(self, source, time_zone, more=()):
        """The rows of `source`: its columns, the values `more`, each timestamptz without zone in `time_zone` where that is not UTC."""
        rows = list(self.rows(source.select_values(more)))
        local = source.select_local(time_zone)
        if local is None:
            return rows
        # Apart, for a query has no room for both halves of a wide table. Rows of equal order are equal rows.
        return [row + zoned for row, zoned in zip(rows, self.rows(local), strict=True)]

    def relation(self, schema, table):
        """The source of a table, view or foreign table."""
        where = f"n.nspname = {literal(schema)} AND c.relname = {literal(table)}"
        found = list(
            self.rows(f"""SELECT c.oid, c.relkind, c.relispartition
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {where}""")
        )
        if not found:
            raise DatabaseError(f"there is no relation {schema}.{table}")
        oid, kind, partition = found[0]
        columns = self.rows(f"""SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(base.oid, NULL),
                a.attgenerated <> '', a.attnotnull
            FROM pg_attribute a CROSS JOIN LATERAL (
                WITH RECURSIVE chain(oid) AS (SELECT a.atttypid
                    UNION ALL SELECT d.typbasetype FROM chain JOIN pg_type d ON d.oid = chain.oid WHERE d.typtype = 'd')
                SELECT y.oid FROM chain JOIN pg_type y ON y.oid = chain.oid WHERE y.typtype <> 'd') AS base
            WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""")
        key = self.rows(f"""SELECT a.attname FROM pg_index i
            CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE i.indrelid = {oid} AND i.indisprimary AND k.position <= i.indnkeyatts ORDER BY k.position""")
        only = "ONLY " if kind == "r" else ""
        return Source(
            from_item=f"{only}{identifier(schema)}.{identifier(table)}",
            columns=[Column(name, of, base, gen == "t", not_null == "t") for name, of, base, gen, not_null in columns],
            primary_key=[name for (name,) in key],
            partition=partition == "t",
            query=False,
        )

    def query(self, query):
        """The source of a registered query."""
        query = query.strip().removesuffix(";")
        # The row description names a domain's base type already.
        described = self.run(
            f"\\pset format unaligned\n\\pset fieldsep_zero on\n\\pset recordsep_zero on\n{query}\n\\gdesc\n"
        )
        fields = [field.decode() for field in described.split(b"\0")]
        columns = [
            Column(name, of, re.sub(r"\([0-9,-]+\)", "", of), False, False)
            for name, of in zip(fields[::2], fields[1::2])
        ]
        return Source(f"({query}\n)", columns, [], partition=False, query=True)

    def owned_sequences(self, schema, table):
        """(schema, name) of the sequences that columns of a table own (serial, identity, OWNED BY)."""
        return [
            tuple(row)
            for row in self.rows(f"""SELECT sn.nspname, s.relname
            FROM pg_depend d
            JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
            JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
                AND d.refobjsubid > 0 AND n.nspname = {literal(schema)} AND c.relname = {literal(table)}""")
        ]

    def sequence(self, schema, name):
        """(last_value, is_called), the value as text."""
        value, called = next(self.rows(f"SELECT last_value, is_called FROM {identifier(schema)}.{identifier(name)}"))
        return value, called == "t"


def _unescape(field):
    if b"\\" in field:
        field = re.sub(rb"\\(.)", lambda match: ESCAPES[match[1]], field)
    return field.decode()
