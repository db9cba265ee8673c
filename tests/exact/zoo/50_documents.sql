-- json keeps its text: spacing, repeated keys, line breaks (V5).
CALL zoo_types.exhibit('json', 'null', '{}', '[]', '""', '0', '-0', '1e400', '1.00', 'true', ' { "b" :  [ ] , "a":1,"a" : 2 } ', E'{\n\t"a":\r\n1}', '"\u0000"', '"\ud83d\ude00"',
    '"😀 _x0041_ \/"', '{"":{"":[[],{}]}}', repeat('[', 500) || repeat(']', 500), '"' || repeat('x', 32766) || '"', E'[1,\n\n2]\n');
CALL zoo_types.exhibit('jsonb', 'null', '{}', '[]', '""', '0', '-0', '1e400', '1.00', 'true', ' { "b" :  [ ] , "a":1,"a" : 2 } ', '"\ud83d\ude00"', '"😀 _x0041_ \/ \n"',
    '{"":{"":[[],{}]}}', repeat('[', 500) || repeat(']', 500), '"' || repeat('x', 32766) || '"', '{"aa":1,"b":2}');
CALL zoo_types.exhibit('jsonpath', '$', 'lax $', 'strict $."a"[*] ? (@ > 1)', '$."a b"."\u00e4".size()', '($[last] + 1.50) / -2', '$ ? (@ like_regex "^\\d" flag "i")');
CALL zoo_types.exhibit('xml', '', '<a b="1">ü &amp; x</a>', ' text &lt; only ', '<?xml version="1.0" standalone="yes"?><a/>', '<!-- c --><a><![CDATA[]]]]><![CDATA[>]]></a>',
    E'<a>\n\t&#10;</a>\n');
CALL zoo_types.exhibit('tsvector', '', 'a:1A fat:2B,4C', '''Joe''''s'' ''a b'':16383 ''\\'' ü:3', repeat('x', 2000));
CALL zoo_types.exhibit('tsquery', '', 'a & (b | !c)', '''a b'':AB <-> c:* <5> !!d', '''Joe''''s''');
