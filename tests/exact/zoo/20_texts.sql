-- Texts that a format could take for something else (V2, V8, X5), and around the most that a cell holds, in UTF-16 units (X3).
CALL zoo_types.exhibit('text', '', ' ', '\N', '\.', 'NULL', 'null', '"', '""', ',', ';', E'\n', E'\r', E'\r\n', E'a\r\n\r\nb', E'line\nbreak\n', ' lead', 'trail ',
    E'\ttab\t', '=cmd|''/c calc''!A1', '+1', '-1+1', '@x', '=1+1', 'https://example.org', 'mailto:a@example.org', '''quoted', '#REF!', '''''', '\', '\x41', '\\',
    E'\u00A0nbsp\u00A0', E'\u3000wide\u3000', E'\u202Eright to left', E'\u0001\u0002\u0008\u000B\u000C\u001F\u007F\u0085\u009F', E'\u2028\u2029\uFEFF\uFFFE\uFFFF\U0010FFFF',
    '_x000D_', '_x0041_x0042_', '_x005F_', '_x00e4_', '_X0041_', '_x41_', E'_x0041\r', E'_x0041\uFFFF', 'שלום عليكم', '👩‍👩‍👧‍👦', 'é', 'é', 'ﬁ', 'ß', 'İ',
    '<a>&amp;"''</a>', ']]>', '<!--', '&#10;', 'true', 'TRUE', '2024-02-29', '00123', '1e5', '1/2', '(,)', '{}', '{NULL}', '{"a": 1}', '$1', '%s', ':x',
    repeat('x', 32766), repeat('x', 32767), repeat('x', 32768), repeat('ä', 32767), repeat('ä', 32768), repeat('😀', 16383) || 'x', repeat('😀', 16384),
    'x' || repeat('😀', 16383), 'xx' || repeat('😀', 16383), repeat(E'\n', 32768), repeat('_x0041_', 4681), repeat('_x0041_', 4682), repeat('"', 32768));
CALL zoo_types.exhibit('varchar', '', ' ', ' a ', 'NULL', '\.', E'a\nb', 'ß😀', repeat('x', 32768));
CALL zoo_types.exhibit('bpchar', '', ' ', ' a ', 'NULL', '\.', E'a\nb ', 'ß😀', repeat('x ', 20000));
CALL zoo_types.exhibit('name', '', ' ', 'Name', 'NULL', '\.', '"quoted"', repeat('x', 63), 'ß😀');
CALL zoo_types.exhibit('"char"', '', ' ', 'x', '"', '\', ',', E'\n', E'\u0001', E'\u007F', '\200', '\377');
SELECT '\x' || string_agg(lpad(to_hex(n), 2, '0'), '') AS all_bytes FROM generate_series(0, 255) AS n \gset
CALL zoo_types.exhibit('bytea', '', '\x00', '\xff', '\x5c', '\x0a0d', '\x00ff', :'all_bytes');
CALL zoo_types.exhibit('refcursor', '', 'a cursor', '"', '\.');
CALL zoo_types.exhibit('bit', '0', '1', '', '101', repeat('01', 16384));
CALL zoo_types.exhibit('varbit', '', '0', '1', '1010', repeat('01', 16384));
CALL zoo_types.exhibit('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff');

-- With modifiers.
CREATE TABLE zoo.modified_texts (c char(5), vc varchar(3), b bit(3), vb varbit(4), ca char(3)[], va varchar(2)[], c1 char);
INSERT INTO zoo.modified_texts VALUES ('ab', 'abc', '101', '1010', '{a,NULL,"  "}', '{äö,""}', 'x'), ('', '', '000', '', '{}', '{}', ' '), (' ', ' ', '111', '1', '{{"a "},{b}}', '{{" "}}', '"'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Where a row of one column is a line of its own, '\.' would end the data.
CREATE TABLE zoo.lone (t text); INSERT INTO zoo.lone VALUES ('\.'), (NULL), (''), (' '), (E'\n'), ('t'), ('\N'), ('"');
CREATE TABLE zoo.lone_name (n name); INSERT INTO zoo.lone_name VALUES ('\.'), (NULL), ('');
CREATE TABLE zoo.lone_generated ("\." text, g text GENERATED ALWAYS AS ('\.') STORED); INSERT INTO zoo.lone_generated VALUES ('\.'), (NULL), ('');
