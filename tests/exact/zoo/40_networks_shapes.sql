CALL zoo_types.exhibit('inet', '0.0.0.0', '255.255.255.255', '192.168.0.1/24', '::', '::1', '::ffff:1.2.3.4/128', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1', '10.0.0.1/0');
CALL zoo_types.exhibit('cidr', '0.0.0.0/0', '255.255.255.255/32', '10.0.0.0/8', '::/0', '2001:db8::/32', '::1/128');
CALL zoo_types.exhibit('macaddr', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03');
CALL zoo_types.exhibit('macaddr8', '00:00:00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03:04:05');

CALL zoo_types.exhibit('point', '(0,0)', '(1.5,-0)', '(NaN,Infinity)', '(-Infinity,1e-320)', '(1.7976931348623157e308,0.1)');
CALL zoo_types.exhibit('line', '{1,-1,0}', '{0,1,-0.5}', '{1e300,1,1e-300}', '{-1,0,0}');
CALL zoo_types.exhibit('lseg', '[(0,0),(1,1)]', '[(0.1,-0),(0.1,-0)]', '[(NaN,0),(Infinity,-Infinity)]');
CALL zoo_types.exhibit('box', '(1,1),(0,0)', '(0,0),(0,0)', '(Infinity,0.1),(-Infinity,-0.1)');
CALL zoo_types.exhibit('path', '[(0,0)]', '((0,0))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((NaN,0.1),(1e308,-0))');
CALL zoo_types.exhibit('polygon', '((0,0))', '((0,0),(1,1),(2,0))', '((0.1,0.2),(0.3,1e-320))');
CALL zoo_types.exhibit('circle', '<(0,0),0>', '<(0,0),1e-320>', '<(0.1,-0.2),Infinity>', '<(NaN,NaN),NaN>');
