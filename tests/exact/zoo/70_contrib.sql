-- All of contrib that is installed. pg_cron is not of contrib and can be in one database alone.
SELECT format('CREATE EXTENSION IF NOT EXISTS %I CASCADE', name) FROM pg_available_extensions WHERE name NOT IN ('paliad_backup', 'pg_cron') ORDER BY name \gexec
CALL zoo_types.exhibit('citext', '', ' ', 'Große', 'GROSSE', 'große', '\.', 'NULL', E'\n', repeat('ẞ', 32768));
CALL zoo_types.exhibit('hstore', '', 'a=>1, "b c"=>NULL, "d\"e"=>"ü\\"', '""=>""', E'a=>"\n"', '"NULL"=>"NULL"', 'n=>1.50, t=>t, j=>"{}"');
CALL zoo_types.exhibit('ltree', '', 'Top', 'Top.Äpfel.a_1', repeat('x', 255) || '.' || repeat('y', 255));
CALL zoo_types.exhibit('lquery', '*', 'Top.*{1,2}.!a|b@*.c%', '!x%*{,3}');
CALL zoo_types.exhibit('ltxtquery', 'Top & !(a@ | b*)', 'x%');
CALL zoo_types.exhibit('cube', '()', '(0)', '(1.5, -0),(2, NaN)', '(0.1, 1e-320, Infinity)', '(1,2),(1,2)');
CALL zoo_types.exhibit('seg', '5.0', '<5.00', '~1e10', '1.50 .. 2', '.. 6', '6.50 ..', '0.000001 .. 1e30');
CALL zoo_types.exhibit('query_int', '1', '1&(2|!3)', '-2147483648|2147483647');
CALL zoo_types.exhibit('ean13', '0000000000000', '4012345678901', '978-3-16-148410-0');
CALL zoo_types.exhibit('isbn13', '978-3-16-148410-0', '979-10-90636-07-1'); CALL zoo_types.exhibit('isbn', '3-16-148410-X', '0-00-000000-0', '979-10-90636-07-1');
CALL zoo_types.exhibit('ismn13', '979-0-2600-0043-8'); CALL zoo_types.exhibit('ismn', 'M-2600-0043-8');
CALL zoo_types.exhibit('issn13', '977-0317-847-00-1'); CALL zoo_types.exhibit('issn', '0317-8471', '2434-561X'); CALL zoo_types.exhibit('upc', '012345678905', '220356483481');
CALL zoo_types.exhibit('lo', '0', '4294967295');
CALL zoo_types.exhibit('earth', '(6378168, 0, 0)');
CALL zoo_types.exhibit('dblink_pkey_results', '(,)', '(1,id)', '(-2147483648,"a ""b"", \\c")');
CALL zoo_types.exhibit('tablefunc_crosstab_2', '(,,)', '("",NULL,"\n")'); CALL zoo_types.exhibit('tablefunc_crosstab_3', '(a,b,c,d)'); CALL zoo_types.exhibit('tablefunc_crosstab_4', '(a,b,c,d,)');
-- Keys of indexes.
CALL zoo_types.exhibit_null('gbtreekey2'); CALL zoo_types.exhibit_null('gbtreekey4'); CALL zoo_types.exhibit_null('gbtreekey8'); CALL zoo_types.exhibit_null('gbtreekey16');
CALL zoo_types.exhibit_null('gbtreekey32'); CALL zoo_types.exhibit_null('gbtreekey_var'); CALL zoo_types.exhibit_null('ghstore'); CALL zoo_types.exhibit_null('gtrgm');
CALL zoo_types.exhibit_null('intbig_gkey'); CALL zoo_types.exhibit_null('ltree_gist');
