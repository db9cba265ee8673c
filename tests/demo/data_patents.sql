-- Families, their applications, and the matters that carry them. Application a is prosecuted in matter a; a family has
-- two or three consecutive applications, and later members claim the priority of the first.

INSERT INTO families
SELECT pg_temp.uid('family', f), (:'inventions_de'::text[])[inv] || ' ' || (:'things_de'::text[])[thing],
       (:'inventions_en'::text[])[inv] || ' ' || (:'things_en'::text[])[thing],
       ('{1,2,6,8,9,10,12,13,15,16,17,18,25,26,27,30,31,32,33,35}'::smallint[])[1 + pg_temp.rnd(f, 1201, 20)],
         pg_temp.uid('party', 1 + pg_temp.skewed(f, 1202, :n_parties)),
       DATE '1999-01-04' + greatest(pg_temp.rnd(f, 1203, 9735), pg_temp.rnd(f, 1204, 9735)),
       CASE WHEN f % 3 > 0 THEN pg_temp.rnd(f, 1205, 90000000) / 4.0 END,
       CASE f % 6 WHEN 0 THEN 'halten' WHEN 1 THEN 'Ausbauen: CN & JP prüfen 🚀'
         WHEN 2 THEN E'"Nice to have" – drop if > 5.000 € p. a.\tsiehe Vermerk' END
  FROM generate_series(1, :n_families) AS f, LATERAL (SELECT 1 + pg_temp.rnd(f, 1206, 10) AS inv, 1 + pg_temp.rnd(f,
         1207, 16) AS thing) AS x;

INSERT INTO applications (id, matter_id, family_id, jurisdiction, number, title, language, filed_on, published_on,
  status, designated_states, abstract, claim_count, created_at, updated_at)
SELECT a, a, pg_temp.uid('family', f), j,
       CASE j WHEN 'EP' THEN 'EP ' || yy || ' ' || substr(n, 1, 3) || ' ' || substr(n, 4, 3) || '.' || a % 10
         WHEN 'DE' THEN '10 ' || yyyy || ' ' || substr(n, 1, 3) || ' ' || substr(n, 4, 3) || '.' || a % 10
              WHEN 'WO' THEN 'PCT/EP' || yyyy || '/' || n WHEN 'US' THEN 12 + a % 7 || '/' || substr(n, 1, 3) || ','
                || substr(n, 4, 3) WHEN 'JP' THEN '特願' || yyyy || '-' || n
              WHEN 'KR' THEN '10-' || yyyy || '-7' || n WHEN 'CN' THEN yyyy || '8' || n || '.' || a % 10 ELSE yy
                || n END,
       CASE WHEN j IN ('DE', 'EP') THEN de ELSE en END, CASE WHEN j IN ('DE', 'EP') THEN 'de' WHEN j = 'FR' THEN 'fr'
         ELSE 'en' END, filed,
       CASE WHEN filed + 545 < DATE :'today' THEN filed + 545 + pg_temp.rnd(a, 1301, 20) END,
       (CASE WHEN age > 7305 THEN CASE WHEN j <> 'WO' AND chance < 60 THEN 'expired' ELSE 'withdrawn' END
         WHEN age < 900 THEN 'pending' WHEN chance < 12 THEN 'withdrawn' WHEN chance < 20 THEN 'refused'
             WHEN j = 'WO' THEN 'lapsed' WHEN age < 2500 THEN 'pending' WHEN chance < 85 THEN 'granted'
               ELSE 'lapsed' END)::application_status,
       CASE j WHEN 'EP' THEN '{AT,CH,DE,FR,GB,IT,NL,PL}' WHEN 'WO' THEN '{EP,US,CN,JP,KR,IN,IL}'
         ELSE '{}' END::varchar(4)[],
       CASE WHEN a % 2 = 0 THEN 'Die Erfindung betrifft: ' || de
         || E'. Ein Gehäuse (1) weist eine Öffnung (2) auf, deren Größe höchstens 3,5 mm beträgt.\n(Fig. 1)' END,
       1 + pg_temp.rnd(a, 1302, 15), filed + TIME '10:00' + a * INTERVAL '1.000001 seconds',
         TIMESTAMPTZ '2026-05-04 12:00:00Z' + a * INTERVAL '7.25 seconds'
  FROM generate_series(1, :n_applications) AS a,
       LATERAL (SELECT 1 + (a - 1) * 5 / 12 AS f) AS x1, LATERAL (SELECT a - 1 - ((f - 1) * 12 + 4) / 5 AS nth) AS x2,
       LATERAL (SELECT CASE nth WHEN 0 THEN pg_temp.pick('{DE,DE,DE,DE,EP,EP,GB,FR,US}', a, 1303)
         WHEN 1 THEN pg_temp.pick('{EP,WO,WO}', a, 1304) ELSE pg_temp.pick('{US,CN,JP,KR,US}', a, 1305) END AS j,
                       lpad(pg_temp.rnd(a, 1306, 1000000)::text, 6, '0') AS n,
                         pg_temp.rnd(a, 1307, 100) AS chance) AS x3,
       LATERAL (SELECT internal_title AS de, title_en AS en, first_filing_on + CASE nth WHEN 0 THEN 0
         ELSE 340 + pg_temp.rnd(a, 1308, 25) END AS filed
                  FROM families WHERE id = pg_temp.uid('family', f)) AS x4,
       LATERAL (SELECT DATE :'today' - filed AS age, to_char(filed, 'YYYY') AS yyyy, to_char(filed, 'YY') AS yy) AS x5
 ORDER BY a;

INSERT INTO matters (id, reference, title, kind, status, mandate_id, responsible_id, parent_id, lead_application_id,
  opened_on, closed_on, custom_fields, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT a.id, 'P-' || to_char(opened, 'YYYY') || '-' || lpad(a.id::text, 5, '0'), a.title, 'prosecution',
       CASE WHEN a.status IN ('pending', 'granted') THEN CASE WHEN a.id % 17 = 0 THEN 'on hold' ELSE 'open' END
         WHEN a.id % 2 = 0 THEN 'closed' ELSE 'archived' END::matter_status,
       pg_temp.uid('mandate', 1 + pg_temp.skewed(a.id, 1401, :n_mandates)),
         pg_temp.uid('user', 1 + pg_temp.rnd(a.id, 1402, :n_users)),
       nullif(first, a.id), a.id, opened, CASE WHEN a.status NOT IN ('pending',
         'granted') THEN least(a.filed_on + 700 + pg_temp.rnd(a.id, 1403, 2500), DATE :'today') END,
       jsonb_build_object('Kostenstelle', 'KST-' || 100 + pg_temp.rnd(a.id, 1404, 40), 'sprache', a.language,
         'vertraulich', a.id % 4 = 0, 'Umfang', jsonb_build_object('Seiten', 12 + pg_temp.rnd(a.id, 1405, 80),
         'Figuren', pg_temp.rnd(a.id, 1406, 14))),
       opened + TIME '09:15', TIMESTAMPTZ '2026-06-01 08:00:00Z' + a.id * INTERVAL '11 seconds'
  FROM applications AS a, LATERAL (SELECT a.filed_on - 10 - pg_temp.rnd(a.id, 1407, 60) AS opened,
         1 + ((a.id - 1) * 5 / 12 * 12 + 4) / 5 AS first) AS x
 ORDER BY a.id;

INSERT INTO matters (id, reference, title, kind, status, mandate_id, responsible_id, lead_application_id, court_id,
  value_in_dispute, opened_on, closed_on, custom_fields, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT m, left(upper(kind), 1) || '-' || to_char(opened, 'YYYY') || '-' || lpad(m::text, 5, '0'),
       pg_temp.pick(:'firms', m, 1411) || ' ./. ' || pg_temp.pick(:'firms', m, 1412) || ' (' || kind || ')',
       kind::matter_kind, CASE WHEN closed THEN 'closed' ELSE 'open' END::matter_status,
         pg_temp.uid('mandate', 1 + pg_temp.skewed(m, 1413, :n_mandates)),
         pg_temp.uid('user', 1 + pg_temp.rnd(m, 1414, :n_users)),
       CASE WHEN kind <> 'Gutachten' THEN 1 + pg_temp.rnd(m, 1415, :n_applications) END,
         CASE kind WHEN 'nullity' THEN 2 WHEN 'opposition' THEN 8
         WHEN 'infringement' THEN ('{4,6,7,10,11}'::smallint[])[1 + pg_temp.rnd(m, 1416, 5)] END,
       CASE WHEN kind IN ('nullity', 'infringement') THEN 250000 * (1 + pg_temp.rnd(m, 1417, 60)) END, opened,
         CASE WHEN closed THEN opened + 200 + pg_temp.rnd(m, 1418, 400) END,
       CASE WHEN m % 2 = 0 THEN '{}' ELSE '{"Gegner":"anonym","risk":0.35,"Notiz":"Vergleich \"möglich\""}' END::jsonb,
         opened + TIME '14:45', TIMESTAMPTZ '2026-06-15 08:00:00Z' + m * INTERVAL '3 seconds'
  FROM generate_series(:n_applications + 1, :n_matters) AS m,
       LATERAL (SELECT pg_temp.pick('{opposition,opposition,nullity,infringement,freedom to operate,Gutachten,licensing}',
         m, 1419) AS kind, DATE '2016-01-04' + pg_temp.rnd(m, 1420, 3900) AS opened) AS x,
       LATERAL (SELECT opened < DATE '2024-06-01' AND m % 5 > 0 AS closed) AS y;

INSERT INTO matter_parties
SELECT m.id, md.party_id, 'client', 1, CASE WHEN m.id % 3 = 0 THEN 'Unser Zeichen: ' || md5('ref' || m.id)::varchar(8)
       || '/ß' END 
  FROM matters m JOIN mandates md ON md.id = m.mandate_id
 ORDER BY m.id;
INSERT INTO matter_parties
SELECT id, pg_temp.uid('party', 1 + pg_temp.rnd(id, 1501, :n_parties)),
       CASE WHEN kind IN ('opposition', 'nullity', 'infringement') THEN 'opponent'
       WHEN kind = 'licensing' THEN 'licensee' ELSE 'applicant' END::party_role,
       CASE WHEN kind = 'prosecution' THEN round((1 + pg_temp.rnd(id, 1502, 3)) / 3.0, 5) ELSE 0 END, NULL
  FROM matters WHERE kind <> 'prosecution' OR id % 2 = 0
 ORDER BY id;

INSERT INTO application_ipc_classes
SELECT a,
       k, ('{A23G,A47J,A61F,A61K,B22C,B23K,B25J,B60B,B65D,C08L,C12N,D01F,E04B,F03D,F16C,F16H,F25B,G01N,G02B,G05B,G06F,H01L,H01M,H04R}'::text[])[1 + (pg_temp.rnd(a,
       1601, 24) + 7 * k) % 24],
       1 + pg_temp.rnd(a + k, 1602, 60) || '/' || lpad((2 * pg_temp.rnd(a + k, 1603, 49))::text, 2, '0'), k = 1
  FROM generate_series(1, :n_applications) AS a, generate_series(1, 3) AS k WHERE k <= 1 + a % 3;

INSERT INTO priority_claims
SELECT a.id, first.id, first.filed_on, CASE WHEN a.jurisdiction = 'DE' THEN 'innere Priorität'
       WHEN a.jurisdiction = 'WO' THEN 'PCT' ELSE 'Paris' END
  FROM applications a JOIN matters m ON m.id = a.matter_id JOIN applications first ON first.id = m.parent_id
 ORDER BY a.id;

INSERT INTO inventors
SELECT i, pg_temp.pick(:'given_names', i, 1701), pg_temp.pick(:'family_names', i, 1702),
       CASE i % 12 WHEN 0 THEN '田中 由紀' WHEN 5 THEN '김민준' WHEN 7 THEN 'דוד לוי' END,
       CASE WHEN i % 10 > 0 THEN ROW(pg_temp.pick(:'streets', i, 1703) || ' ' || i % 90 + 1,
         lpad((1000 + pg_temp.rnd(i, 1704, 98000))::text, 5, '0'), pg_temp.pick(:'cities', i, 1705),
         'DE')::postal_address END,
       CASE WHEN i % 4 > 0 THEN pg_temp.uid('party', 1 + pg_temp.skewed(i, 1706, :n_parties)) END, i % 41 = 0
  FROM generate_series(1, :n_inventors) AS i;

INSERT INTO application_inventors
SELECT a, 1 + (pg_temp.rnd(1 + (a - 1) * 5 / 12, 1801, :n_inventors) + 31 * k) % :n_inventors, k,
       round(1.0 / (1 + a % 3), 5)
  FROM generate_series(1, :n_applications) AS a, generate_series(1, 3) AS k WHERE k <= 1 + a % 3;

INSERT INTO patents
SELECT id, CASE jurisdiction WHEN 'EP' THEN 'EP ' || 1000000 + id || ' B1' WHEN 'DE' THEN 'DE ' || number_normalised
       || ' B4' WHEN 'US' THEN 'US ' || to_char(9000000 + id, 'FM99,999,999') || ' B2' ELSE jurisdiction || ' '
       || 5000000 + id END,
       granted, filed_on + INTERVAL '20 years', jurisdiction = 'EP' AND granted > DATE '2023-06-01' AND id % 3 > 0,
       CASE WHEN jurisdiction = 'EP' THEN CASE id % 3 WHEN 0 THEN '{DE,FR,GB}' WHEN 1 THEN '{DE,CH,AT,IT,ES}'
         ELSE '{UP,GB,CH}' END ELSE '{}' END::varchar(4)[],
       daterange(granted, CASE status WHEN 'granted' THEN NULL
         WHEN 'expired' THEN (filed_on + INTERVAL '20 years')::date ELSE granted + 365 END)
  FROM applications, LATERAL (SELECT filed_on + 900 + pg_temp.rnd(id, 1901, 1500) AS granted) AS x
 WHERE status IN ('granted', 'expired') OR (status = 'lapsed' AND jurisdiction <> 'WO')
 ORDER BY id;

INSERT INTO annuities (application_id, year, due_on, fee, surcharge, instructed_at, paid_on)
SELECT id, y, due, 70 + (y - 2) * 47.5 + CASE WHEN jurisdiction = 'EP' THEN 420 ELSE 0 END,
       CASE WHEN (id + y) % 19 = 0 THEN 50 ELSE 0 END,
       CASE WHEN due < DATE :'today' THEN due - 40 + TIME '08:30' END,
         CASE WHEN due < DATE :'today' THEN due - pg_temp.rnd(id * 32 + y, 2001, 25) END
  FROM patents p JOIN applications a ON a.id = p.application_id, generate_series(3, 20) AS y,
       LATERAL (SELECT (date_trunc('month', filed_on + make_interval(years => y - 1,
         months => 1))::date - 1) AS due) AS x
 WHERE due BETWEEN DATE '2019-01-01' AND DATE '2027-01-31' AND p.in_force @> due
 ORDER BY id, y;

INSERT INTO claims
SELECT id, c, CASE WHEN c > 1 THEN 1 + pg_temp.rnd(id * 16 + c, 2101, c - 1) END,
       CASE WHEN c = 1 THEN 'unabhängig' ELSE 'dependent' END,
       CASE WHEN c = 1 THEN title || ', gekennzeichnet durch'
         || E'\n  a) ein Gehäuse (1),\n  b) eine darin angeordnete Düse (2) und\n  c) "Mittel" zum Regeln des Drucks auf '
         || 1 + pg_temp.rnd(id, 2102, 40) || ',5 bar.'
            ELSE 'Gegenstand nach Anspruch ' || 1 + pg_temp.rnd(id * 16 + c, 2101, c - 1)
              || ', wobei die Wandstärke ≤ ' || 1 + pg_temp.rnd(id + c, 2103, 9) || ' mm beträgt.' END,
       CASE WHEN c = 1 AND id % 3 = 0 THEN '{{1,0},{0,1},{1,NULL}}' WHEN c = 1 THEN '{{1,1,0}}'
         WHEN c = 2 THEN '{}' END::integer[]
  FROM applications, generate_series(1, 15) AS c WHERE id % 5 = 0 AND c <= claim_count
 ORDER BY id, c;

INSERT INTO office_actions
SELECT o, a.id, CASE jurisdiction WHEN 'DE' THEN 'DPMA' WHEN 'EP' THEN 'EPA' WHEN 'WO' THEN 'WIPO'
       WHEN 'GB' THEN 'UKIPO' WHEN 'FR' THEN 'INPI' WHEN 'US' THEN 'USPTO' WHEN 'CN' THEN 'CNIPA' WHEN 'JP' THEN 'JPO'
       ELSE 'KIPO' END,
       pg_temp.pick('{office_action,office_action,office_action,search_report,rule_71_3,summons,loss_of_rights}', o,
         2201), dated, dated + 3 + TIME '07:45' + o % 600 * INTERVAL '1.5 seconds',
       CASE WHEN o % 4 > 0 THEN pg_temp.pick(:'family_names', o, 2202) || ', '
         || pg_temp.pick(:'given_names', o, 2203) END,
       CASE o % 4 WHEN 0 THEN '{}' WHEN 1 THEN '{"Neuheit (Art. 54 EPÜ)","erfinderische Tätigkeit"}'
         WHEN 2 THEN '{Klarheit}' ELSE '{"lack of unity","added matter, Art. 123(2)"}' END::text[],
       CASE WHEN o % 3 > 0 THEN 'D1 offenbart sämtliche Merkmale des Anspruchs 1 bis auf das Merkmal c). Der Fachmann würde jedoch ohne Weiteres …' END,
         CASE WHEN dated + 120 < DATE :'today' AND o % 8 > 0 THEN dated + 60 + pg_temp.rnd(o, 2204, 60) END
  FROM generate_series(1, :n_actions) AS o JOIN applications a ON a.id = 1 + pg_temp.rnd(o, 2205, :n_applications),
       LATERAL (SELECT least(filed_on + 300 + pg_temp.rnd(o, 2206, 2000),
         DATE :'today' - pg_temp.rnd(o, 2207, 30)) AS dated) AS x
 ORDER BY o;

INSERT INTO prior_art_citations
SELECT (o - o / 3 - 1) * 2 + k, o, 'D' || k, pg_temp.pick('{EP,US,DE,WO,JP}', o * 2 + k, 2301) || ' '
       || 1000000 + pg_temp.rnd(o * 2 + k, 2302, 9000000) || ' A' || k,
       pg_temp.pick('{X,Y,Y,A,A,D,P}', o * 2 + k, 2303),
       int4multirange(int4range(1, 3 + k), int4range(7, 7 + o % 5)), CASE WHEN o % 11 > 0 THEN pg_temp.rnd(o * 2 + k,
         2304, 1000) / 1024.0::float8 END, pg_temp.rnd(o * 2 + k, 2305, 64) / 64.0::real
  FROM generate_series(1, :n_actions) AS o, generate_series(1, 2) AS k WHERE o % 3 > 0;

INSERT INTO "Erfinder Vergütungen" ("Lfd. Nr.", "Erfinder", "Anmeldung", "Jahr", "Umsatz €", "Lizenzsatz",
  "Anteilsfaktor", "Bemerkung ""intern""")
SELECT row_number() OVER (ORDER BY p.application_id, ai.position, y), ai.inventor_id, p.application_id, y,
       5000 + pg_temp.rnd(p.application_id * 8 + y, 2401, 900000000) / 100.0,
       0.001 * (1 + p.application_id % 30) + 0.000005, 0.02 * (5 + ai.position),
       CASE p.application_id % 5 WHEN 0 THEN 'lt. Vereinbarung v. 3.3.; "Meilenstein" bezahlt'
         WHEN 1 THEN '=Umsatz*Satz*AF' END
  FROM patents p JOIN application_inventors ai ON ai.application_id = p.application_id AND ai.position <= 2,
         generate_series(2024, 2025) AS y
 WHERE p.in_force @> make_date(y, 12, 31) AND p.application_id % 2 = 0
 ORDER BY 1;
