-- Deadlines, documents, letters, tasks, time and money.

-- Odd deadlines come from an office action, even ones from the filing itself.
INSERT INTO deadlines
SELECT d, a.id, o.id, rule, triggered, due, CASE WHEN d % 10 = 0 THEN due + 61 END, outcome::deadline_status,
       pg_temp.uid('user', 1 + who), CASE WHEN d % 3 > 0 THEN pg_temp.uid('user', 1 + (who + 1) % :n_users) END,
       CASE WHEN outcome = 'done' THEN due - pg_temp.rnd(d, 2501,
         20) + TIME '15:20' + d % 3600 * INTERVAL '1 second' END,
       CASE d % 9 WHEN 0 THEN 'Mandant wünscht Verlängerung'
         WHEN 4 THEN E'Achtung:\r\nFeiertag in BY, Fristende prüfen!' WHEN 7 THEN ' ' END, triggered + TIME '11:00',
         TIMESTAMPTZ '2026-07-01 06:00:00Z' + d * INTERVAL '2 seconds'
  FROM generate_series(1, :n_deadlines) AS d
  LEFT JOIN office_actions o ON d % 2 = 1 AND o.id = 1 + pg_temp.rnd(d, 2502, :n_actions)
  JOIN applications a ON a.id = coalesce(o.application_id, 1 + pg_temp.rnd(d, 2503, :n_applications)),
       LATERAL (SELECT pg_temp.rnd(d, 2504, :n_users) AS who, coalesce(o.dated_on + 3, a.filed_on) AS triggered,
                       CASE WHEN o.id IS NULL THEN pg_temp.pick('{PRIO-12,PRIO-12,PCT-30,EP-31,EP-EXAM,DE-EXAM-7Y,DE-ANN,UP-REQ}',
                         d, 2505)
                            WHEN o.event_type = 'rule_71_3' THEN 'EP-R71' WHEN o.event_type = 'summons' THEN 'EP-R116'
                              WHEN o.event_type = 'search_report' THEN 'EP-R70A'
                            WHEN o.event_type = 'loss_of_rights' THEN 'EP-WB' WHEN a.jurisdiction = 'DE' THEN 'DE-OA'
                              WHEN a.jurisdiction = 'US' THEN 'US-OA' ELSE 'EP-OA' END AS rule) AS x
  JOIN deadline_rules r ON r.code = rule, LATERAL (SELECT (triggered + r.period)::date AS due) AS y,
       LATERAL (SELECT CASE WHEN due >= DATE :'today' THEN 'open' WHEN d % 97 = 0 THEN 'missed'
         WHEN d % 31 = 0 THEN 'cancelled' ELSE 'done' END AS outcome) AS z
 ORDER BY d;

INSERT INTO deadline_reminders
SELECT d.id, due_on - warning + TIME '06:00', pg_temp.pick('{email,email,push,Aktenvorlage}', d.id, 2601),
       responsible_id, due_on - warning < DATE :'today'
  FROM deadlines d JOIN deadline_rules r ON r.code = d.rule, unnest(r.warn_before) AS warning
 WHERE due_on >= DATE '2023-09-01'
 ORDER BY d.id, warning DESC;

-- The first specification is longer than a spreadsheet cell can be.
INSERT INTO documents (id, matter_id, kind, file_name, title, language, body, keywords, sha256, thumbnail, page_sizes,
  size_bytes, uploaded_by, created_at, updated_at)
SELECT pg_temp.uid('document', i), 1 + pg_temp.rnd(i, 2701, :n_matters), kind::document_kind,
       replace(kind, ' ', '_') || '_' || lpad(i::text, 6, '0') || CASE i % 4 WHEN 0 THEN '_endgültig (2).docx'
       ELSE '_geprüft.pdf' END,
       CASE WHEN i % 6 = 0 THEN 'Re: ' ELSE '' END || (:'inventions_de'::text[])[1 + pg_temp.rnd(i, 2702, 10)] || ' '
         || pg_temp.pick(:'things_de', i, 2703), CASE WHEN i % 3 = 0 THEN 'en' ELSE 'de' END,
       CASE WHEN i = 1 THEN repeat(E'[0001] Die Erfindung betrifft ein Verfahren zum Fügen von Bauteilen größerer Wandstärke.\n',
         450) WHEN i % 3 = 0 THEN E'Summary\n\nThe client''s "preferred embodiment" (Fig. 3, ref. 12) isn''t disclosed in D1.\n'
         WHEN i % 3 = 1 THEN E'Vermerk:\tRücksprache mit Herrn Weiß; Änderungen übernommen.\\n (so im Original)' END,
       CASE WHEN i % 4 > 0 THEN array_to_tsvector(ARRAY[pg_temp.pick('{düse,gehäuse,lager,membran}', i, 2704),
         pg_temp.pick('{druck,kühlung,schweißen,prüfung}', i, 2705), kind]) END,
       sha256(convert_to('document' || i, 'UTF8')), CASE WHEN i % 5 = 0 THEN decode('ffd8ffe0' || md5('thumb' || i),
         'hex') WHEN i % 5 = 1 THEN '' END,
       CASE i % 3 WHEN 0 THEN '{{210,297}}' WHEN 1 THEN '{{210,297},{297,420}}' END::integer[],
         20000 + pg_temp.rnd(i, 2706, 9000000), pg_temp.uid('user', 1 + pg_temp.rnd(i, 2707, :n_users)), t,
         t + i % 5 * INTERVAL '3 days 01:02:03.004005'
  FROM generate_series(1, :n_documents) AS i,
         LATERAL (SELECT pg_temp.pick('{specification,office action,response,power of attorney,search report,invoice,Vermerk}',
         i, 2708) AS kind, TIMESTAMPTZ '2019-06-03 07:30:00Z' + i * (INTERVAL '2600 days' / :n_documents) AS t) AS x;

-- Every third letter answers the one before it, in the same matter.
INSERT INTO correspondence
SELECT pg_temp.uid('letter', i), 1 + pg_temp.rnd(thread, 2801, :n_matters),
       CASE WHEN i <> thread THEN pg_temp.uid('letter', thread) END, CASE WHEN i % 2 = 0 THEN 'in' ELSE 'out' END,
       pg_temp.pick(:'given_names', i, 2802) || ' ' || pg_temp.pick(:'family_names', i, 2803),
         CASE i % 3 WHEN 0 THEN '{"Groß, Jürgen <groß@mandant.example>","cc: Sekretariat"}' WHEN 1 THEN '{DPMA}'
         ELSE '{mailbox@epo.example,ip@mandant.example}' END::text[],
       CASE WHEN i % 40 = 7 THEN '=?UTF-8?Q?R=C3=BCckfrage_zur_Frist?=' ELSE CASE WHEN i <> thread THEN 'AW: '
         ELSE '' END
         || pg_temp.pick('{Rückfrage zur Frist,Entwurf der Anmeldung,Your ref. – instructions requested,Kostenvoranschlag,Vollmacht fehlt noch,"Einladung: Besprechung, 14:00 Uhr"}',
         thread, 2804) END,
       CASE i % 4
         WHEN 0 THEN E'Sehr geehrte Frau Kollegin,\n\nanbei der Entwurf; bitte um Freigabe bis Freitag.\n\nMit besten Grüßen'
         WHEN 1 THEN E'Dear colleague,\r\n\r\nplease file the "response" by the due date. Costs: £1,250.\r\n\r\nKind regards'
         WHEN 2 THEN 'Danke, passt so 👍'
         ELSE E'> Haben Sie die Größe geändert?\n\nJa: 3,5 µm → 5 µm; siehe https://register.epo.example/?no=' || i END,
       CASE WHEN i % 5 = 0 THEN '{"Message-ID":"<' || md5('mail' || i) || '@paliad.example>",  "X-Spam-Score": '
         || i % 7 || '.10}' END::json, CASE WHEN i % 2 = 0 THEN '198.51.100.'
         || 1 + pg_temp.rnd(i, 2805, 254) END::inet,
       TIMESTAMPTZ '2020-01-02 07:00:00Z' + i * (INTERVAL '2460 days' / :n_letters)
  FROM generate_series(1, :n_letters) AS i, LATERAL (SELECT CASE WHEN i % 3 = 0 THEN i - 1 ELSE i END AS thread) AS x;

INSERT INTO tasks (id, matter_id, parent_id, title, description, assignee_id, priority, estimate, due_at, done,
  checklist) OVERRIDING SYSTEM VALUE
SELECT i, 1 + pg_temp.rnd(top, 2901, :n_matters), nullif(top, i),
       pg_temp.pick('{Zeichnungen prüfen,Übersetzung beauftragen,Call the inventor,Gebühren zahlen,Akte anlegen,Prior-art search,"Anspruchssatz überarbeiten (\"clean\" + markup)",+1 Exemplar drucken}',
       i, 2902),
       CASE WHEN i % 3 = 0 THEN E'1. lesen\n2. prüfen\n3. ablegen' END,
         CASE WHEN i % 13 > 0 THEN pg_temp.uid('user', 1 + pg_temp.rnd(i, 2903, :n_users)) END,
         1 + pg_temp.rnd(i, 2904, 4),
       CASE i % 5 WHEN 0 THEN '00:30' WHEN 1 THEN '2 days' WHEN 2 THEN '01:15:00.5'
         WHEN 3 THEN '1 mon -1 days' END::interval,
         CASE WHEN i % 6 > 0 THEN TIMESTAMP '2026-01-05 17:00' + i * (INTERVAL '400 days' / :n_tasks) END, i % 3 > 0,
       CASE WHEN i % 4 = 0 THEN '[{"text":"Unterschrift","done":true},{"text":"Prüfvermerk – 2. Augenpaar","done":false}]' END::jsonb
  FROM generate_series(1, :n_tasks) AS i, LATERAL (SELECT CASE WHEN i % 5 = 4 THEN i - 1 ELSE i END AS top) AS x;

-- The first two entries for each invoice are billed on it (invoice k bills entries 2k-1 and 2k); the rest is open.
CREATE TEMP TABLE bill ON COMMIT DROP AS
SELECT k, 1 + pg_temp.rnd(k, 3001, :n_matters) AS matter_id,
       DATE '2020-01-31' + (k * 2430::bigint / :n_invoices)::integer AS issued_on
       FROM generate_series(1, :n_invoices) AS k;

INSERT INTO time_entries (id, worked_on, user_id, matter_id, billing_code, started_at, minutes, rate, billable,
  narrative, tags)
SELECT t, pg_temp.weekday(coalesce(b.issued_on - 3 - pg_temp.rnd(t, 3101, 25),
       DATE '2020-01-02' + ((t - 2 * :n_invoices) * 2460::bigint / (:n_times - 2 * :n_invoices))::integer)),
       pg_temp.uid('user', 1 + pg_temp.rnd(t, 3102, :n_users)),
       coalesce(b.matter_id, 1 + pg_temp.skewed(t, 3103, :n_matters)),
         CASE WHEN billable THEN pg_temp.pick('{P100,P200,P200,P300,P400,L100,L200,C100,C200,T100}', t, 3104)
         ELSE pg_temp.pick('{X100,X200,X300}', t, 3105) END,
       CASE WHEN t % 4 > 0 THEN TIME '07:30' + pg_temp.rnd(t, 3106, 600) * INTERVAL '1 minute' END,
         6 * (1 + pg_temp.skewed(t, 3107, 60)), 180 + 10 * pg_temp.rnd(t, 3108, 25), billable,
       pg_temp.pick('{Bescheid analysiert und Erwiderung entworfen,Telefonat mit Erfinder,Review of D1–D3,Ansprüche überarbeitet,Recherche ausgewertet,"Besprechung: \"Strategie\"",Draft claims; amended Fig. 2,Schriftsatz geprüft}',
         t, 3109), CASE t % 5 WHEN 0 THEN '{dringend,EPA}' WHEN 1 THEN '{}' END::text[]
  FROM generate_series(1, :n_times) AS t LEFT JOIN bill b ON t <= 2 * :n_invoices AND b.k = (t + 1) / 2,
         LATERAL (SELECT t <= 2 * :n_invoices OR t % 8 > 0 AS billable) AS x
 ORDER BY t;

INSERT INTO expenses
SELECT i, 1 + pg_temp.rnd(i, 3201, :n_matters), pg_temp.uid('user', 1 + pg_temp.rnd(i, 3202, :n_users)),
       DATE '2020-02-01' + pg_temp.rnd(i, 3203, 2430),
       pg_temp.pick('{Amtsgebühr,Übersetzungskosten,Reisekosten München–Den Haag,Courier,Zeichner,Übernachtung (2 Nächte)}',
       i, 3204),
       (100 + pg_temp.rnd(i, 3205, 400000)) / 100.0, c.code, c.euro_rate,
         CASE WHEN i % 4 = 0 THEN decode('255044462d312e37' || md5('receipt' || i), 'hex') END
  FROM generate_series(1, :n_expenses) AS i JOIN currencies c ON c.code = CASE i % 6 WHEN 0 THEN 'USD'
         WHEN 1 THEN 'CHF' WHEN 2 THEN 'JPY' ELSE 'EUR' END
 ORDER BY i;

INSERT INTO invoice_items
SELECT 3 * k - 2 + (t.id + 1) % 2, pg_temp.uid('invoice', k), 1 + (t.id + 1) % 2, t.id, t.worked_on, t.narrative,
       round(t.minutes / 60.0, 3), t.rate, t.amount
  FROM bill JOIN time_entries t ON t.id IN (2 * k - 1, 2 * k)
 ORDER BY t.id;
INSERT INTO invoice_items
SELECT 3 * k, pg_temp.uid('invoice', k), 3, NULL, NULL, CASE WHEN k % 50 = 0 THEN 'Gutschrift wg. Doppelberechnung'
       ELSE 'Auslagenpauschale (§ 4, Nr. 2)' END, 1, amount, amount
  FROM bill, LATERAL (SELECT CASE WHEN k % 50 = 0 THEN -45.50 ELSE 20 + pg_temp.rnd(k, 3301, 500) END AS amount) AS x;

INSERT INTO invoices (id, number, matter_id, billed_to, issued_on, due_on, status, net, vat_rate, paid_on, reminders,
  cover_letter, created_at, updated_at)
SELECT pg_temp.uid('invoice', k), 'R' || lpad(k::text, 7, '0'), b.matter_id, md.party_id, issued_on, issued_on + 30,
       state::invoice_status, i.net, CASE WHEN k % 9 = 0 THEN 0 ELSE 0.19 END,
       CASE WHEN state = 'paid' THEN issued_on + 5 + pg_temp.rnd(k, 3401, 25) END,
         CASE WHEN state = 'überfällig' THEN ARRAY[issued_on + 35, issued_on + 50] ELSE '{}' END,
       CASE WHEN k % 6 = 0 THEN E'Sehr geehrte Damen und Herren,\n\nfür unsere Tätigkeit erlauben wir uns zu berechnen:\n' END,
         issued_on + TIME '16:00', TIMESTAMPTZ '2026-08-03 05:00:00Z' + k * INTERVAL '13 seconds'
  FROM bill b JOIN matters m ON m.id = b.matter_id JOIN mandates md ON md.id = m.mandate_id
         JOIN (SELECT invoice_id, sum(amount) AS net
         FROM invoice_items GROUP BY invoice_id) i ON i.invoice_id = pg_temp.uid('invoice', k),
       LATERAL (SELECT CASE WHEN issued_on > DATE '2026-09-20' THEN 'draft'
         WHEN issued_on > DATE '2026-08-30' THEN 'sent' WHEN k % 29 = 0 THEN 'überfällig'
         WHEN k % 71 = 0 THEN 'cancelled' ELSE 'paid' END AS state) AS x
 ORDER BY k;
