"""What is measured: made once, in databases of their own."""

from pathlib import Path

COLUMNS = """id bigint PRIMARY KEY, code text, title text, amount numeric(12, 2), ratio float8, active boolean, day date,
    changed_at timestamptz"""

ROWS = """SELECT n, 'EP' || lpad(n::text, 9, '0'), 'Verfahren zur Messung von ' || md5(n::text) || ' und ' || md5((-n)::text) ||
    ' nach Anspruch ' || n % 40, (random() * 1e6)::numeric(12, 2), random(), random() < 0.5,
    date '2000-01-01' + (random() * 9000)::int, timestamptz '2020-01-01 00:00:00Z' + random() * interval '5 years'
  FROM generate_series(1, {rows}) AS n"""


def table(server, database, rows):
    """One table of mixed columns: about 214 MB of csv for a million rows."""
    server.create(database)
    server.psql(database, f"CREATE TABLE measured ({COLUMNS}); SELECT setseed(0.5); INSERT INTO measured {ROWS.format(rows=rows)};"
                          "VACUUM (FREEZE, ANALYZE) measured")
    server.extend(database)


def empty_table(server, database):
    server.create(database)
    server.psql(database, f"CREATE TABLE measured ({COLUMNS})")


def demo(server, scale):
    """The demo application."""
    server.create("demo")
    server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"scale={scale}", "-d", "demo", "-f", Path("tests/demo/load.sql"))
    server.extend("demo")
    server.psql("demo", "UPDATE paliad_backup.settings SET schemas = '{paliad}'; VACUUM (FREEZE, ANALYZE)")


def many_tables(server, tables):
    """Tables of 100 rows."""
    server.create("many")
    server.psql("many", f"""
        SELECT format('CREATE TABLE t%s (id int PRIMARY KEY, name text, amount numeric, day date)', n) FROM generate_series(1, {tables}) AS n \\gexec
        SELECT format('INSERT INTO t%s SELECT i, md5(i::text), i / 7.0, date ''2026-01-01'' + i FROM generate_series(1, 100) AS i', n)
          FROM generate_series(1, {tables}) AS n \\gexec
        VACUUM (FREEZE, ANALYZE)""")
    server.extend("many")
