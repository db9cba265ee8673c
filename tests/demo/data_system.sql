-- The application's own records.

-- Every twentieth line arrives twice, as offices do it.
INSERT INTO docket_feed
SELECT pg_temp.pick('{EPA,DPMA,USPTO,WIPO}', i, 3501),
       TIMESTAMP '2026-07-01 02:00:00' + i * (INTERVAL '90 days' / (800 * :scale)),
       20260000000000000000 + i::numeric * 1000003,
       CASE i % 3 WHEN 0 THEN '[0:2]={1001,1002,1003}' WHEN 1 THEN '{7,NULL}' END::integer[],
       CASE i % 4 WHEN 0 THEN '{"code" : "1703",  "amount": 1.50e2, "code": "1703"}'
         WHEN 1 THEN '{ "Vertreter": "Paliad\u00df", "pages": [1,2 ,3] }' WHEN 2 THEN 'null' END::json,
       CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN E'EP;21173456;"Prüfungsbescheid";\\N' WHEN 2 THEN E'\tDE;102021104711;;\r'
         WHEN 3 THEN 'NULL' END
  FROM generate_series(1, 800 * :scale) AS n, LATERAL (SELECT n - CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END AS i) AS x;

INSERT INTO system_audit_log
SELECT pg_temp.uid('audit', i), event, u.id, u.email, scope, CASE WHEN scope = 'project' THEN pg_temp.uid('project',
       1 + pg_temp.rnd(i, 3601, 50)) WHEN scope = 'personal' THEN u.id END,
       jsonb_build_object('ip', '10.1.0.' || 1 + pg_temp.rnd(i, 3602, 250)) || CASE event
         WHEN 'role_changed' THEN '{"from":"associate","to":"partner"}'
         WHEN 'data_exported' THEN '{"format":"xlsx","Größe":182044}' ELSE '{}' END::jsonb, t, t
  FROM generate_series(1, 600 * :scale) AS i JOIN users u ON u.id = pg_temp.uid('user', 1 + pg_temp.skewed(i, 3603,
         :n_users)),
       LATERAL (SELECT pg_temp.pick('{user_login,user_login,role_changed,matter_opened,matter_closed,deadline_completed,document_deleted,data_exported}',
         i, 3604) AS event, pg_temp.pick('{org,org,project,personal}', i, 3605) AS scope,
                       TIMESTAMPTZ '2025-01-02 06:00:00Z' + i * (INTERVAL '630 days' / (600 * :scale)) AS t) AS x
 ORDER BY i;

INSERT INTO paliadin_aichat_conversation
SELECT pg_temp.uid('chat', i), pg_temp.uid('user', 1 + pg_temp.rnd(i, 3701, :n_users)),
       pg_temp.pick('{Frage zur Frist,Zusammenfassung D1,Draft an e-mail,Vertraulich: Strategie}', i, 3702),
       TIMESTAMPTZ '2026-02-02 09:00:00Z' + i * INTERVAL '31 minutes'
  FROM generate_series(1, 120 * :scale) AS i;

INSERT INTO paliadin_turns (id, conversation_id, turn_no, role, content, tokens, created_at) OVERRIDING SYSTEM VALUE
SELECT (i - 1) * 4 + k, pg_temp.uid('chat', i), k, CASE WHEN k % 2 = 1 THEN 'user' ELSE 'assistant' END,
       CASE WHEN k % 2 = 1 THEN 'PALIADIN-SECRET ' || i || ': Wie stehen unsere Chancen gegen den Wettbewerber?'
         ELSE 'PALIADIN-SECRET ' || i || ': Ich würde zum Vergleich raten.' END,
         20 + pg_temp.rnd(i * 4 + k, 3801, 400),
         TIMESTAMPTZ '2026-02-02 09:00:00Z' + i * INTERVAL '31 minutes' + k * INTERVAL '20 seconds'
  FROM generate_series(1, 120 * :scale) AS i, generate_series(1, 4) AS k;
