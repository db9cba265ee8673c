-- Values of the types that oracle/zoo.sql has not (TRAPS V2 to V5, V7, X3, X5, X6).
CREATE SCHEMA types; SET search_path = types, public;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hstore') THEN
        CREATE EXTENSION hstore SCHEMA public; CREATE EXTENSION citext SCHEMA public;
        CREATE TABLE types.contrib (h hstore, hs hstore[], c citext, cs citext[]);
        INSERT INTO types.contrib VALUES ('a=>1, "b c"=>NULL, "d\"e"=>"ü"', ARRAY['x=>"1"'::hstore, ''], 'Große', '{A,a,NULL}'),
            ('', '{}', '', NULL);
    END IF;
END $$;

CREATE TYPE mood AS ENUM ('glad', 'traurig "ß"', '');
CREATE TYPE pair AS (n numeric, "odd, ""name""" text);
CREATE TYPE nested AS (id int, pairs pair[], at timestamptz, j json, b bytea, f float8);
CREATE DOMAIN cents AS numeric(30,2); CREATE DOMAIN more_cents AS cents CHECK (VALUE >= 0);
CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN flag AS boolean; CREATE DOMAIN doc AS json; CREATE DOMAIN pairs AS pair[];
CREATE DOMAIN whole AS bigint; CREATE DOMAIN word AS text; CREATE DOMAIN day AS date; CREATE DOMAIN real_n AS float4;

CREATE TABLE domains (c more_cents, m moment, f flag, d doc, p pairs, w whole, t word, dy day, r real_n, cs more_cents[], ms moment[]);
INSERT INTO domains VALUES
    (1.5, '2024-02-29 12:00+00', true, '{"a": 1,  "a":2}', ARRAY[(1.50, 'x')::pair], 9223372036854775807, ' ', '2024-02-29', '-0',
     '{1.5,NULL}', '{2024-02-29 12:00+00,infinity}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE composites (p pair, n nested, ns nested[], whole domains);
INSERT INTO composites
SELECT (1.00, 'a "b", \c')::pair, n, ARRAY[n, NULL], d.*::domains
FROM (SELECT (1, ARRAY[(NULL, '')::pair, NULL, ('NaN', E'line\nbreak')::pair], '2024-07-01 00:30+02', '{"k": [1,  2]}', '\x00ff',
    'Infinity')::nested AS n) AS x, domains AS d;
INSERT INTO composites VALUES ((NULL, NULL), NULL, '{}', NULL), (NULL, (NULL, NULL, NULL, NULL, NULL, NULL), NULL, NULL);

CREATE TABLE arrays (i int[], b bool[], t text[], m mood[], j json[], jb jsonb[], f float8[], n numeric[], ts timestamp[], iv interval[],
    by bytea[], d date[], u uuid[]);
INSERT INTO arrays VALUES
    ('[-1:1]={1,NULL,3}', '{t,f,NULL}', '{"",NULL,"NULL","a,b","\"q\"","\\","{}","ä"}', '{glad,"traurig \"ß\"","",NULL}',
     ARRAY['{"a":  1}', 'null', NULL]::json[], ARRAY['{"b":1,"a":2}', 'null', NULL]::jsonb[], '{NaN,-Infinity,-0,0.1,1e-320}', '{NaN,1.00,1e50}',
     '{-infinity,2024-02-29 13:14:15.5}', '{1 mon -2 days,-00:00:01.5}', ARRAY['\x00'::bytea, ''], '{0044-03-15 BC,infinity}',
     '{00000000-0000-0000-0000-000000000000}'),
    ('{{1,2},{3,4}}', '{}', '{{a,b},{c,NULL}}', '{}', '{}', '{}', '{{1},{2}}', '[5:6][2:2]={{1},{2}}', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE ranges (i int4range, b int8range, n numrange, d daterange, ts tsrange, tz tstzrange, im int4multirange, tm tstzmultirange, ra int4range[]);
INSERT INTO ranges VALUES ('[1,5)', '(,5]', '[1.0,2.00]', '[2024-01-01,infinity)', '["2024-01-01 00:00","2024-01-02 00:00")',
    '[2024-07-01 00:30+02,)', '{[1,3),[5,)}', '{[2024-07-01 00:30+02,2024-07-02 00:00+00)}', '{"[1,2)",empty}'),
    ('empty', NULL, '(,)', 'empty', NULL, 'empty', '{}', '{}', '{}');

CREATE TABLE others (c char(5), vc varchar(3), nm name, ch "char", bt bit(3), vb varbit, ip inet, ci cidr, mac macaddr, mac8 macaddr8, u uuid,
    x xml, tv tsvector, tq tsquery, pt point, ln line, ls lseg, bx box, pa path, po polygon, ci2 circle, lsn pg_lsn, cls regclass, ty regtype,
    pr regprocedure, ns regnamespace, o oid, xi xid8, snap pg_snapshot, jp jsonpath, iv interval, ttz timetz, m money, v int2vector);
INSERT INTO others VALUES
    ('ab', 'abc', 'Name', 'x', '101', '1010', '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '<a b="1">ü &amp; x</a>', 'a:1A fat:2B,4C', 'a & (b | !c)', '(1.5,-0)', '{1,-1,0}', '[(0,0),(1,1)]',
     '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),1e-320>', '16/B374D848', 'types.domains', 'types.mood[]',
     'pg_catalog.upper(text)', 'types', 4294967295, '18446744073709551615', '10:20:10,14,15', '$."a"[*] ? (@ > 1)',
     '-1 year -2 mons +3 days -04:05:06.789', '23:59:59.999999-15:59', '-92233720368547758.08', '1 2 3'),
    ('', '', '', '', '000', '', '::1', '::/0', NULL, NULL, NULL, '', '', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '0/0', 'pg_catalog.pg_class',
     'text', NULL, NULL, 0, '0', NULL, 'lax $', '0', '24:00:00+15:59', '0', '');

CREATE TABLE texts (id int PRIMARY KEY, t text, u text);
INSERT INTO texts VALUES (1, NULL, ''), (2, '', NULL), (3, '\N', '\.'), (4, 'NULL', '"'), (5, E'\r', E'\n'), (6, E'\r\n', E'a\r\n\r\nb'),
    (7, ' lead', 'trail '), (8, E'\ttab\t', ','), (9, '=cmd|''/c calc''!A1', '+1'), (10, '@x', '-1+1'), (11, 'https://example.org', 'mailto:a@example.org'),
    (12, E'\u00A0nbsp\u00A0', E'\u202Eright to left'), (13, E'\u0001\u0002\u001F\u007F\u0085', E'\u2028\u2029\uFFFE\uFFFF'), (14, '_x000D_', '_x0041_x0042_'),
    (15, 'שלום عليكم', '👩‍👩‍👧‍👦'), (16, repeat('x', 32767), repeat('x', 32768)), (17, repeat('😀', 16383) || 'x', repeat('😀', 16384)),
    (18, 'x' || repeat('😀', 16383), 'xx' || repeat('😀', 16383)), (19, '<a>&amp;"''</a>', ']]>'), (20, '\x41', E'\\'), (21, 'true', '2024-02-29'),
    (22, '00123', '1e5'), (23, '''quoted', '#REF!');
CREATE TABLE lone (t text); INSERT INTO lone VALUES ('\.'), (NULL), (''), (' '), (E'\n'), ('t');

CREATE TABLE numbers (id int PRIMARY KEY, n numeric, s numeric(20,4), f4 float4, f8 float8, i8 bigint, i2 smallint);
INSERT INTO numbers VALUES (1, ('1' || repeat('0', 999))::numeric, 1234567890123456.7891, '-0', '-0', -9223372036854775808, -32768),
    (2, repeat('9', 1000)::numeric / 7, 0.0001, 'NaN', '-Infinity', 9223372036854775807, 32767),
    (3, '-Infinity', -99999999999.9999, 3.4028235e38, 1.7976931348623157e308, 999999999999999, 0),
    (4, '1e307', 0, 1e-45, 5e-324, 1000000000000000, 1), (5, '1e308', NULL, 0.1, 0.30000000000000004, -999999999999999, -1),
    (6, '9.99999999999999e307', 1, 16777216, 9007199254740993, 1e15, 0), (7, '1e-307', 1, 0, 0, 0, 0), (8, '2.22507385850721e-308', 1, 0, 0, 0, 0),
    (9, '2.22507385850720e-308', 1, 0, 0, 0, 0), (10, '1e-308', 1, 0, 0, 0, 0), (11, 0.1 + 0.2, 1, 0, 1e15, 0, 0), (12, 100.000000000000000000000, 1, 0, 1e16, 0, 0),
    (13, 123456789012345.0, 1, 0, 1e-7, 0, 0), (14, 1234567890123456.0, 1, 0, 123456789012345680, 0, 0), (15, '-1e-400', 1, 0, 0, 0, 0);

-- Around both ends of Excel's calendar and of PostgreSQL's, in any time zone.
CREATE TABLE times (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, tm time);
INSERT INTO times VALUES (1, '4713-01-01 BC', '4713-01-01 00:00 BC', '4714-11-24 00:00+00 BC', '00:00'),
    (2, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '24:00'), (3, 'infinity', 'infinity', 'infinity', '12:00'),
    (4, '-infinity', '-infinity', '-infinity', '23:59:59.999999'), (5, '0001-01-01', '0001-01-01', '0001-01-01 00:00+00', '00:00:00.0005'),
    (6, '1900-02-28', '1900-02-28 23:59:59.9996', '1900-02-28 12:00+00', '00:00:00.0004'), (7, '1900-03-01', '1900-03-01', '1900-02-28 23:30+00', '00:00:00.001'),
    (8, '1899-12-31', '1900-01-01', '1900-03-01 00:30+00', '06:00'), (9, '9999-12-31', '9999-12-31 23:59:59.9996', '9999-12-31 23:30+00', '18:30:30.123456'),
    (10, '10000-01-01', '10000-01-01', '10000-01-01 00:30+00', '01:02:03'), (11, '2024-02-29', '2024-03-31 02:30', '2024-03-31 01:30+00', '01:02:03.4'),
    (12, '2024-10-27', '2024-10-27 02:30', '2024-10-27 00:30:00.123456+00', '04:05:06.789'), (13, '2024-02-29', '2024-02-29 23:59:59.9996', '2024-12-31 23:59:59.9999+00', NULL);
