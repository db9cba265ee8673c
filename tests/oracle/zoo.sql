-- Tables of many types and shapes, with values at their limits.
DROP SCHEMA IF EXISTS oracle_zoo CASCADE; CREATE SCHEMA oracle_zoo;
CREATE DOMAIN oracle_zoo.cents AS numeric(30,2);
CREATE TYPE oracle_zoo.mood AS ENUM ('glad', 'traurig ß');
CREATE TABLE oracle_zoo."T""x/../😀" (
  b bool, i2 int2, i4 int4 GENERATED ALWAYS AS (i2 * 2) STORED, i8 bigint,
  n numeric, c oracle_zoo.cents, f4 real, f8 float8,
  d date, ts timestamp, tz timestamptz, tm time, ttz timetz, iv interval, j json, jb jsonb, a text[], ba bytea, t text,
  m money, mood oracle_zoo.mood, r int4range, id serial, "odd "" name
here" text, PRIMARY KEY (id) INCLUDE (t));
INSERT INTO oracle_zoo."T""x/../😀" VALUES
 (true, 1, DEFAULT, 9223372036854775807, 12345678901234567890.123, 1.5,
  0.1, 1e308, '2024-02-29', '2024-02-29 13:14:15.1234567',
  '2024-07-01 00:30+02', '23:59:59.9994', '10:00+02', '1 mon 3 days', '{"a":  1, "a": 2,
 "b": [ ]}', '{"z":1,"a":null}', '{a,NULL,"x y","\""}', '\x00ff',
  E'line\r\nbreak\ttab \\N', 12.5, 'traurig ß', '[1,5)'),
 (false, -32768, DEFAULT, 123456789012345, 'NaN', 0, '-0', 'NaN',
  'infinity', '-infinity', '0044-03-15 12:00:00+00 BC', '24:00',
  NULL, NULL, 'null', '"x"', '{}', '', '', 0, 'glad', 'empty'),
 (NULL, 0, DEFAULT, 1000000000000000, 0.000000000000000000, 100, 'Infinity',
  5e-324, '1900-02-28', '9999-12-31 23:59:59.9999',
  '294276-12-31 23:59:59.999999+00', '00:00:00.0005', NULL, NULL, NULL, NULL, '[0:1]={1,2}',
  NULL, '  blank ', 0, NULL, NULL),
 (NULL, 0, DEFAULT, -1, 1e-400, 7, '3.4e38', -1.5, '1900-03-01', '1900-03-01 00:00', '1900-03-01 00:00+00', '00:00',
  NULL, NULL, NULL, NULL, NULL, NULL, E'\u0001\u0008 _x0041_ \uFFFF =1+1 😀', NULL, NULL, NULL),
 (NULL, 5, DEFAULT, 0, 1e400, 7, 1e-45, 123456789.123456789, '10000-01-01', '0001-01-01', '2024-01-01', '12:34:56',
  NULL, NULL, NULL, NULL, NULL, NULL, repeat('😀', 20000), NULL, NULL, NULL);
CREATE TABLE oracle_zoo.nokey (n numeric, t text);
INSERT INTO oracle_zoo.nokey VALUES (1.00, 'b'), (1.0, 'b'), (1.0, NULL), (NULL, NULL), (NULL, ''),
  (2, '\.'), (2, 'NULL');
CREATE TABLE oracle_zoo.heir (x int) INHERITS (oracle_zoo.nokey); INSERT INTO oracle_zoo.heir VALUES (9, 'heir', 1);
CREATE TABLE oracle_zoo.one (t text); INSERT INTO oracle_zoo.one VALUES (NULL), ('');
CREATE TABLE oracle_zoo.none (); INSERT INTO oracle_zoo.none DEFAULT VALUES; INSERT INTO oracle_zoo.none DEFAULT VALUES;
CREATE TABLE oracle_zoo.empty (a int, t text);
CREATE TABLE oracle_zoo.parts (k int, t text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE oracle_zoo.p1 PARTITION OF oracle_zoo.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE oracle_zoo.p2 PARTITION OF oracle_zoo.parts DEFAULT;
INSERT INTO oracle_zoo.parts VALUES (11, 'p2'), (3, 'p1');
