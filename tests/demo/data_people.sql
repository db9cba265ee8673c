-- The firm's people, its clients and their mandates.

INSERT INTO locations VALUES
  (1, 'München (Hauptsitz)', ('Ludwigstraße 8', '80539', 'München', 'DE'), '10.1.0.0/16', '(11.5775,48.1444)',
    '1894-05-02'),
  (2, 'Düsseldorf', ('Königsallee 61', '40215', 'Düsseldorf', 'DE'), '10.2.0.0/16', '(6.7784,51.2217)', '1987-10-01'),
  (3, 'Zürich', ('Bahnhofstrasse 17', '8001', 'Zürich', 'CH'), '10.3.0.0/16', '(8.5402,47.3700)', '2003-03-15'),
  (4, 'Heimarbeit', (NULL, NULL, 'überall', NULL), 'fd00:a1::/48', NULL, '2020-03-23');

INSERT INTO teams (id, name, location_id, lead_id, position, fields)
SELECT i,
       pg_temp.pick('{Mechanik,Chemie & Life Sciences,Elektrotechnik,Software,Litigation,Marken & Designs,Formalabteilung,Übersetzungen}',
       i, 101) || ' ' || i,
       1 + pg_temp.rnd(i, 102, 4), pg_temp.uid('user', i), i,
       CASE WHEN i % 4 = 0 THEN '{}' ELSE ARRAY[(9 + i % 5)::smallint, 26::smallint] END
  FROM generate_series(1, :n_teams) AS i;

-- Users 1 and 2 are the administrators; the first of them signs in as admin@paliad.example.
INSERT INTO users
SELECT pg_temp.uid('user', i), CASE i WHEN 1 THEN 'admin@paliad.example' ELSE 'user' || i || '@paliad.example' END,
       CASE WHEN i % 9 = 0 THEN 'Dr. ' ELSE '' END || given || ' ' || family, left(given, 1) || left(family, 1),
       (CASE WHEN i <= 2 THEN 'global_admin' WHEN i % 10 = 3 THEN 'partner' WHEN i % 10 IN (4, 5) THEN 'paralegal'
         WHEN i % 10 = 6 THEN 'secretary'
             WHEN i % 10 = 7 THEN 'client' ELSE 'associate' END)::global_role,
       CASE WHEN i % 10 <> 7 THEN 1 + i % :n_teams END,
       CASE WHEN i > 3 THEN pg_temp.uid('user', 1 + (i - 2) / 3) END,
       CASE i % 4 WHEN 0 THEN '{de,en}' WHEN 1 THEN '{de,en,fr}' WHEN 2 THEN '{de}' ELSE '{en}' END::text[],
       CASE WHEN i % 7 = 0 THEN B'1101000' ELSE B'1111100' END, CASE WHEN i % 7 = 0 THEN '24:00'
         WHEN i % 11 = 0 THEN '19:15' ELSE '40:00' END::interval,
       CASE i % 10 WHEN 3 THEN 420 WHEN 7 THEN NULL ELSE 180 + 10 * pg_temp.rnd(i, 201, 14) END,
       DATE '2002-01-01' + pg_temp.rnd(i, 202, 8400), i % 23 <> 0,
       CASE WHEN i % 5 = 0 THEN decode('89504e470d0a1a0a' || md5('photo' || i), 'hex') END,
       TIMESTAMPTZ '2019-05-06 07:00:00Z' + i * INTERVAL '1 day 37 minutes',
         TIMESTAMPTZ '2026-01-12 09:30:00.123456Z' + i * INTERVAL '1 hour 1 second'
  FROM generate_series(1, :n_users) AS i,
       LATERAL (SELECT pg_temp.pick(:'given_names', i, 203) AS given,
         pg_temp.pick(:'family_names', i, 204) AS family) AS n;

INSERT INTO team_members
SELECT DISTINCT ON (team, u) team, pg_temp.uid('user', u), DATE '2015-01-01' + pg_temp.rnd(u, 301, 4000),
       (1 + pg_temp.rnd(u, 302, 8)) / 8.0
  FROM (SELECT 1 + (u + k * 3) % :n_teams AS team, u, k FROM generate_series(1, :n_users) AS u,
         generate_series(0, 1) AS k) AS m
 WHERE k = 0 OR u % 2 = 0
 ORDER BY team, u, k;

INSERT INTO user_settings
SELECT pg_temp.uid('user', i),
       jsonb_build_object('theme', pg_temp.pick('{hell,dunkel,system}', i, 401), 'pageSize',
         25 * (1 + pg_temp.rnd(i, 402, 4)), 'columns', jsonb_build_array('Aktenzeichen', 'Frist', 'Mandant'), 'beta',
         i % 3 = 0),
       -- As the browser sent it: odd spacing and a repeated key are legal in json, and stay.
       CASE i % 4 WHEN 0 THEN '{ "name":"Meine Fristen" ,  "due" : "14d", "due":"7d" }' WHEN 1 THEN '[]'
         WHEN 2 THEN '{"q": "Größe > 5 \"mm\""}' END::json,
       CASE WHEN i % 3 = 0 THEN datemultirange(daterange(d, d + 14), daterange(d + 60, d + 75)) ELSE '{}' END,
       CASE WHEN i % 2 = 0 THEN E'Mit freundlichen Grüßen\n\nPaliad Patentanwälte PartG mbB\nLudwigstraße 8 · 80539 München' END
  FROM generate_series(1, :n_users) AS i, LATERAL (SELECT DATE '2026-02-01' + pg_temp.rnd(i, 403, 200) AS d) AS x;

INSERT INTO login_sessions (id, user_id, client_address, user_agent, token_hash, during) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.uid('user', 1 + pg_temp.skewed(i, 501, :n_users)),
       CASE WHEN i % 6 = 0 THEN '2001:db8::' || to_hex(1 + pg_temp.rnd(i, 502, 65000)) ELSE '10.'
         || 1 + pg_temp.rnd(i, 503, 3) || '.' || pg_temp.rnd(i, 504, 256) || '.'
         || 1 + pg_temp.rnd(i, 505, 250) END::inet,
       pg_temp.pick('{Firefox/142 (Windows NT 10.0),Safari/18.4 (Macintosh),Edg/139 (Windows NT 10.0),Paliad-App/3.2 (iPhone)}',
         i, 506),
       sha256(convert_to('session' || i, 'UTF8')),
       tstzrange(t, CASE WHEN i <= 1000 * :scale - 20 THEN t + pg_temp.rnd(i, 507, 32000) * INTERVAL '1 second' END)
  FROM generate_series(1, 1000 * :scale) AS i,
       LATERAL (SELECT TIMESTAMPTZ '2026-04-01 05:30:00Z' + i * (INTERVAL '182 days' / (1000 * :scale)) AS t) AS x;

INSERT INTO parties (id, number, name, is_company, address, other_addresses, email, phone, vat_id, iban, language,
  tags, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT pg_temp.uid('party', i), 9999 + i, CASE WHEN company THEN pg_temp.pick(:'firms', i, 601) || ' '
       || pg_temp.pick(:'legal_forms', i, 602) ELSE given || ' ' || family END,
       company, a, CASE i % 9 WHEN 0 THEN ARRAY[a, b] WHEN 1 THEN ARRAY[b] ELSE '{}' END,
       CASE WHEN i % 8 <> 0 THEN 'ip' || i || '@mandant.example' END,
         CASE WHEN i % 5 <> 0 THEN '+49 ' || 30 + pg_temp.rnd(i, 603, 900) || ' '
         || 100000 + pg_temp.rnd(i, 604, 899999) END,
       CASE WHEN company THEN 'DE' || 100000000 + pg_temp.rnd(i, 605, 899999999) END,
       CASE WHEN i % 3 <> 0 THEN 'DE' || lpad((98 - (bban || '131400')::numeric % 97)::text, 2, '0') || bban END,
       CASE WHEN i % 6 = 0 THEN 'en' WHEN i % 17 = 0 THEN 'fr' ELSE 'de' END,
       CASE i % 5 WHEN 0 THEN '{}' WHEN 1 THEN '{Bestandskunde,"KMU, gefördert"}' WHEN 2 THEN '{"Konzern \"A\"",NULL}'
         ELSE '{Bestandskunde}' END::text[],
       TIMESTAMPTZ '2018-01-08 08:00:00Z' + i * (INTERVAL '3000 days' / :n_parties),
         TIMESTAMPTZ '2026-03-02 10:00:00.5Z' + i * INTERVAL '17 seconds'
  FROM generate_series(1, :n_parties) AS i,
       LATERAL (SELECT i % 7 <> 0 AS company, pg_temp.pick(:'given_names', i, 606) AS given,
         pg_temp.pick(:'family_names', i, 607) AS family,
                       lpad(pg_temp.rnd(i, 608, 99999999)::text, 8, '0')
                         || lpad(pg_temp.rnd(i, 609, 999999999)::text, 10, '0') AS bban,
                       ROW(pg_temp.pick(:'streets', i, 610) || ' ' || 1 + pg_temp.rnd(i, 611, 180),
                         lpad((1000 + pg_temp.rnd(i, 612, 98000))::text, 5, '0'), pg_temp.pick(:'cities', i, 613),
                         'DE')::postal_address AS a,
                       ROW('Postfach ' || 1000 + pg_temp.rnd(i, 614, 9000) || E'\nz. Hd. Patentabteilung', NULL,
                         pg_temp.pick(:'cities', i, 615), 'DE')::postal_address AS b) AS x;

INSERT INTO contacts
SELECT i, pg_temp.uid('party', 1 + pg_temp.skewed(i, 701, :n_parties)),
       pg_temp.pick('{Frau,Herr,Dr.,Prof. Dr.,Ms,Mr}', i, 702), pg_temp.pick(:'given_names', i, 703),
       pg_temp.pick(:'family_names', i, 704), 'kontakt' || i || '@mandant.example',
         CASE WHEN i % 3 = 0 THEN '=49 89 / 12 34-' || i ELSE '+49 89 1234-' || i END,
       CASE WHEN i % 4 = 0 THEN 'en' ELSE 'de' END,
       CASE i % 10 WHEN 0 THEN 'Nur vormittags erreichbar; duzt "alle".' WHEN 5 THEN ''
         WHEN 7 THEN E'-> bitte nicht anrufen 🙅\r\n-> nur E-Mail' END
  FROM generate_series(1, 500 * :scale) AS i;

INSERT INTO foreign_associates
SELECT 500 * :scale + i, NULL, 'Ms', pg_temp.pick(:'given_names', i, 801), pg_temp.pick(:'family_names', i, 802),
       'associate' || i || '@ipfirm.example', NULL, 'en', NULL,
       pg_temp.pick(:'family_names', i, 803) || ', ' || pg_temp.pick(:'family_names', i, 804) || ' & Co.',
       CASE i % 5 WHEN 0 THEN '{US}' WHEN 1 THEN '{JP}' WHEN 2 THEN '{CN,KR}' WHEN 3 THEN '{GB,IN}'
         ELSE '{FR,IT,ES}' END::varchar(4)[], 150 + 5 * pg_temp.rnd(i, 805, 80),
       CASE i % 5 WHEN 1 THEN 'JPY' WHEN 3 THEN 'GBP' WHEN 4 THEN 'EUR' ELSE 'USD' END,
         CASE WHEN i % 4 > 0 THEN 1 + pg_temp.rnd(i, 806, 5) END
  FROM generate_series(1, 80 * :scale) AS i;

INSERT INTO mandates
SELECT pg_temp.uid('mandate', i), pg_temp.uid('party', 1 + pg_temp.skewed(i, 901, :n_parties)),
       pg_temp.uid('user', 3 + 10 * pg_temp.rnd(i, 902, :n_users / 10)),
       pg_temp.pick('{Laufende Betreuung des Portfolios,Einspruchsverfahren,Freedom-to-operate-Gutachten,"Verletzungsklage wegen \"Äquivalenz\"",Lizenzverhandlungen}',
         i, 903),
       d, CASE WHEN i % 6 = 0 THEN d + 365 + pg_temp.rnd(i, 904, 1500) ELSE 'infinity' END,
       CASE i % 3 WHEN 0 THEN '{DE}' WHEN 1 THEN '{DE,EP,WO}' ELSE '{EP,UP,US}' END::varchar(4)[],
         CASE WHEN i % 4 = 0 THEN 'AV-' || lpad(i::text, 6, '0') END,
       jsonb_build_object('payment_days', 14 + 16 * (i % 2), 'cap', CASE WHEN i % 5 = 0 THEN to_jsonb(25000.50) END,
         'reporting', pg_temp.pick('{monatlich,quarterly,je Vorgang}', i, 905))
  FROM generate_series(1, :n_mandates) AS i, LATERAL (SELECT DATE '2012-01-02' + pg_temp.rnd(i, 906, 5200) AS d) AS x;

INSERT INTO rate_agreements
SELECT pg_temp.uid('mandate', i), role, CASE WHEN i % 2 = 0 THEN daterange('2020-01-01', NULL)
       ELSE daterange('2021-07-01', '2027-01-01') END, base + 5 * pg_temp.rnd(i, 1001, 12),
       CASE WHEN i % 14 = 0 THEN 'CHF' ELSE 'EUR' END, pg_temp.rnd(i, 1002, 4) * 0.025
  FROM generate_series(1, :n_mandates) AS i, (VALUES ('partner'::global_role, 380), ('associate', 240)) AS r (role,
         base)
 WHERE i % 2 = 0 OR role = 'partner';

INSERT INTO conflict_checks
SELECT i, pg_temp.uid('party', 1 + pg_temp.rnd(i, 1101, :n_parties)),
       ARRAY[pg_temp.pick(:'firms', i, 1102), pg_temp.pick(:'firms', i, 1103)],
       pg_temp.uid('user', 1 + pg_temp.rnd(i, 1104, :n_users)),
       TIMESTAMP '2019-02-01 08:15:00' + i * (INTERVAL '2790 days' / (400 * :scale)),
         CASE WHEN i % 20 = 0 THEN true WHEN i % 33 = 0 THEN NULL ELSE false END,
       CASE WHEN i % 20 = 0 THEN E'Früheres Mandat gegen die Anfragende.\nÜbernahme nur mit schriftlicher Zustimmung beider Parteien (§ 43a BRAO).' END
  FROM generate_series(1, 400 * :scale) AS i;
