-- Ranges, and types that a user makes; of all of them again arrays, domains, composites and ranges.
CALL zoo_types.exhibit('int4range', 'empty', '(,)', '[1,5)', '(,5]', '[-2147483648,2147483647)'); CALL zoo_types.exhibit('int8range', 'empty', '(,)', '(,5]', '[-9223372036854775808,)');
CALL zoo_types.exhibit('numrange', 'empty', '(,)', '[1.0,2.00]', '(-Infinity,NaN]', '[1e-400,1e400)');
CALL zoo_types.exhibit('daterange', 'empty', '(,)', '[2024-01-01,infinity)', '[4713-01-01 BC,5874897-12-31)', '(-infinity,infinity)');
CALL zoo_types.exhibit('tsrange', 'empty', '(,)', '["2024-01-01 00:00","2024-01-02 00:00:00.5"]', '[0044-03-15 BC,infinity]');
CALL zoo_types.exhibit('tstzrange', 'empty', '(,)', '[2024-07-01 00:30+02,)', '[-infinity,294276-12-31 23:59:59.999999+00]');
CALL zoo_types.exhibit('int4multirange', '{}', '{[1,3),[5,)}', '{(,)}'); CALL zoo_types.exhibit('int8multirange', '{}', '{(,1),[5,)}'); CALL zoo_types.exhibit('nummultirange', '{}', '{[1.0,1.00],(5,NaN]}');
CALL zoo_types.exhibit('datemultirange', '{}', '{[2024-01-01,2024-02-29),[2024-03-01,infinity)}'); CALL zoo_types.exhibit('tsmultirange', '{}', '{["2024-01-01 00:00","2024-01-02 00:00"]}');
CALL zoo_types.exhibit('tstzmultirange', '{}', '{[2024-07-01 00:30+02,2024-07-02 00:00+00)}');

CALL zoo_types.exhibit('information_schema.cardinal_number', '0', '2147483647'); CALL zoo_types.exhibit('information_schema.character_data', '', 'x');
CALL zoo_types.exhibit('information_schema.sql_identifier', '', 'x'); CALL zoo_types.exhibit('information_schema.time_stamp', '2024-02-29 12:00:00.999+00', 'infinity');
CALL zoo_types.exhibit('information_schema.yes_or_no', 'YES', 'NO');

CREATE TYPE zoo_types.mood AS ENUM ('glad', 'traurig "ß"', '', 'NULL', '\.', 'a,b', '{x}');
CALL zoo_types.exhibit('zoo_types.mood', 'glad', 'traurig "ß"', '', 'NULL', '\.', 'a,b', '{x}');
CREATE DOMAIN zoo_types.cents AS numeric(30,2) CHECK (VALUE >= 0); CALL zoo_types.exhibit('zoo_types.cents', '1.5', '0', '9999999999999999999999999999.99');
CREATE DOMAIN zoo_types.moment AS timestamptz; CALL zoo_types.exhibit('zoo_types.moment', '2024-02-29 12:00+00', '1900-02-28 23:30+00', 'infinity');
CREATE DOMAIN zoo_types.doc AS json; CALL zoo_types.exhibit('zoo_types.doc', '{"a": 1,  "a":2}', 'null', E'[\n]');
CREATE DOMAIN zoo_types.words AS text[] CHECK (cardinality(VALUE) < 9); CALL zoo_types.exhibit('zoo_types.words', '{}', '{"",NULL,"NULL","a,b","\"q\"","\\","{}","ä"}', '[0:1][2:2]={{a},{NULL}}');
CREATE TYPE zoo_types.pair AS (n numeric, "odd, ""name""" text); CALL zoo_types.exhibit('zoo_types.pair', '(,)', '(1.00,"")', '(NaN,"line
break")', '(-0.5,"a ""b"", \\c")');
CREATE TYPE zoo_types.nested AS (id int, pairs zoo_types.pair[], at timestamptz, j json, b bytea, f float8, m zoo_types.mood, d zoo_types.cents, r numrange, h hstore);
CALL zoo_types.exhibit('zoo_types.nested', '(,,,,,,,,,)', ((1, ARRAY[(NULL, ''), NULL, ('NaN', E'line\nbreak')]::zoo_types.pair[], '2024-07-01 00:30+02', '{"k": [1,  2]}', '\x00ff',
    'Infinity', 'a,b', 1, '[1,2)', 'a=>1,b=>NULL')::zoo_types.nested)::text);
CREATE TYPE zoo_types.nothing AS (); CALL zoo_types.exhibit('zoo_types.nothing', '()');
CREATE TYPE zoo_types.one AS (one text); CALL zoo_types.exhibit('zoo_types.one', '()', '("")', '(NULL)', '(",")');
CREATE TYPE zoo_types.texts_by_length AS RANGE (subtype = text, collation = "C", multirange_type_name = zoo_types.texts_by_lengths);
CALL zoo_types.exhibit('zoo_types.texts_by_length', 'empty', '(,)', '["",""]', '("a,b","c""d")', '[A,a]'); CALL zoo_types.exhibit('zoo_types.texts_by_lengths', '{}', '{["",b),["c d","é"]}');
CREATE TYPE zoo_types."Range, ""of"" (citext)" AS RANGE (subtype = citext); CALL zoo_types.exhibit('zoo_types."Range, ""of"" (citext)"', '[A,b)', '["",""]', '[" ",)');
-- A table's row; a system catalog's.
CREATE TABLE zoo_types.lion (id int, gone date DEFAULT '2024-02-29', name text, mane float4); INSERT INTO zoo_types.lion (id) VALUES (1); ALTER TABLE zoo_types.lion DROP gone, ADD kin int[] DEFAULT '{1,NULL}';
CALL zoo_types.exhibit('zoo_types.lion', '(,,,)', '(1,"",-0,"{}")'); CALL zoo_types.exhibit('pg_catalog.pg_am', '(2,heap,3,t)');
