CALL zoo_types.exhibit('oid', '0', '4294967295');
CALL zoo_types.exhibit('xid', '0', '4294967295');
CALL zoo_types.exhibit('xid8', '0', '18446744073709551615');
CALL zoo_types.exhibit('cid', '0', '4294967295');
CALL zoo_types.exhibit('tid', '(0,0)', '(4294967295,65535)');
CALL zoo_types.exhibit('pg_lsn', '0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF');
CALL zoo_types.exhibit('pg_snapshot', '10:20:10,14,15', '1:1:', '9223372036854775807:9223372036854775807:');
CALL zoo_types.exhibit('txid_snapshot', '10:20:10,14,15', '1:1:');
CALL zoo_types.exhibit('int2vector', '', '1', '1 -32768 32767');
CALL zoo_types.exhibit('oidvector', '', '1', '0 4294967295');
CALL zoo_types.exhibit('aclitem', '=/postgres', '=r/postgres', 'postgres=a*r*w*d*D*x*t*/postgres', 'pg_monitor=U/pg_read_all_data');

-- Names depend on search_path; an object may be of no name any more.
CREATE TABLE zoo_types."T ""x" (a int); CREATE TYPE zoo_types."Mood .1" AS ENUM ('glad');
CREATE FUNCTION zoo_types."F"(int, zoo_types."Mood .1") RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR zoo_types.|<>| (LEFTARG = int, RIGHTARG = zoo_types."Mood .1", FUNCTION = zoo_types."F");
CREATE COLLATION zoo_types."Coll" (locale = 'C'); CREATE TEXT SEARCH CONFIGURATION zoo_types."Conf" (COPY = pg_catalog.simple);
CREATE TEXT SEARCH DICTIONARY zoo_types."Dict" (TEMPLATE = pg_catalog.simple); CREATE SCHEMA "Zoo ""names""";
CALL zoo_types.exhibit('regclass', '0', 'pg_catalog.pg_class', 'zoo_types."T ""x"', '4294967295');
CALL zoo_types.exhibit('regcollation', '0', '"C"', 'zoo_types."Coll"', '4294967295');
CALL zoo_types.exhibit('regconfig', '0', 'simple', 'zoo_types."Conf"', '4294967295');
CALL zoo_types.exhibit('regdictionary', '0', 'simple', 'zoo_types."Dict"', '4294967295');
CALL zoo_types.exhibit('regnamespace', '0', 'pg_catalog', '"Zoo ""names"""', '4294967295');
CALL zoo_types.exhibit('regoper', '0', '|/', 'zoo_types.|<>|', '4294967295');
CALL zoo_types.exhibit('regoperator', '0', '+(integer,integer)', '|/(none,double precision)', 'zoo_types.|<>|(integer,zoo_types."Mood .1")', '4294967295');
CALL zoo_types.exhibit('regproc', '0', 'now', 'zoo_types."F"', '4294967295');
CALL zoo_types.exhibit('regprocedure', '0', 'upper(text)', 'zoo_types."F"(int, zoo_types."Mood .1")', '4294967295');
CALL zoo_types.exhibit('regrole', '0', 'postgres', 'pg_monitor', '4294967295');
CALL zoo_types.exhibit('regtype', '0', 'text', 'character varying', 'zoo_types."Mood .1"[]', '4294967295');

-- What the server keeps for itself, and gives out but does not take.
CREATE TABLE zoo_types.counted (a int, b int DEFAULT 1 + 2); INSERT INTO zoo_types.counted SELECT n % 3, n % 3 FROM generate_series(1, 100) AS n;
CREATE STATISTICS zoo_types.counts (ndistinct, dependencies, mcv) ON a, b FROM zoo_types.counted; ANALYZE zoo_types.counted;
-- These have no array types; of the last two no value can be made.
SELECT format('CREATE DOMAIN zoo_types.%2$I AS %1$s; CREATE TYPE zoo_types.%3$I AS (v %1$s); CREATE TABLE zoo.%1$I (v %1$s, d zoo_types.%2$I, c zoo_types.%3$I)',
    name, name || ' domain', name || ' pair')
FROM unnest('{pg_node_tree,pg_ndistinct,pg_dependencies,pg_mcv_list,pg_brin_bloom_summary,pg_brin_minmax_multi_summary}'::text[]) AS name \gexec
SELECT format('INSERT INTO zoo.%I SELECT v, v, CASE WHEN v IS NOT NULL THEN ROW(v)::zoo_types.%I END FROM (SELECT %I FROM %s UNION ALL SELECT NULL) AS source (v)', name, name || ' pair', kept, source)
FROM (VALUES ('pg_node_tree', 'adbin', 'pg_attrdef WHERE adrelid = ''zoo_types.counted''::regclass'), ('pg_ndistinct', 'stxdndistinct', 'pg_statistic_ext_data'),
    ('pg_dependencies', 'stxddependencies', 'pg_statistic_ext_data'), ('pg_mcv_list', 'stxdmcv', 'pg_statistic_ext_data')) AS kept_by (name, kept, source) \gexec
INSERT INTO zoo.pg_brin_bloom_summary DEFAULT VALUES; INSERT INTO zoo.pg_brin_minmax_multi_summary DEFAULT VALUES;
CALL zoo_types.exhibit_null('gtsvector');
