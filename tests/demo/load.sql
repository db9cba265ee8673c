-- Paliad, the demo application: a practice tool for patent lawyers, with data.
--
--     createdb -T template0 -E UTF8 --locale=C.UTF-8 paliad && psql -d paliad -v scale=1 -f tests/demo/load.sql
--
-- Run as a superuser in a database that has no schema "paliad" or "auth" yet. `scale` is a whole number from 1
-- (about 50,000 rows, the default) upwards (20: about a million). Equal scale means equal rows, on every machine.
-- The last statement prints the row count of each table. register.sql tells paliad_backup about the application.
\set ON_ERROR_STOP on
\set QUIET on
\encoding UTF8
\if :{?scale}
\else
  \set scale 1
\endif

BEGIN;
\ir 10_foundation.sql

-- From here on everything belongs to the application's owner, not to the superuser who loads it.
SET LOCAL ROLE paliad_owner;
SET LOCAL search_path = paliad;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL client_min_messages = warning;

\ir schema.sql
\ir data.sql
-- Constraints between tables and secondary indexes are cheaper over finished tables; triggers must not see the load.
\ir 70_foreign_keys.sql
\ir 75_indexes.sql
\ir 80_behaviour.sql
\ir 90_sequences.sql
COMMIT;

ANALYZE;
\ir counts.sql
