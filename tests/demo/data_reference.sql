-- Reference data: does not grow with the scale.

INSERT INTO currencies VALUES
  ('EUR', 'Euro', 'Euro', '€', 2, 1), ('USD', 'US-Dollar', 'US dollar', '$', 2, 1.08450000),
  ('GBP', 'Pfund Sterling', 'Pound sterling', '£', 2, 0.85320000), ('CHF', 'Schweizer Franken', 'Swiss franc', NULL, 2,
  0.95127500),
  ('JPY', 'Yen', 'Yen', '¥', 0, 161.33000000), ('CNY', 'Renminbi', 'Renminbi', '元', 2, 7.80560000),
  ('KRW', 'Südkoreanischer Won', 'South Korean won', '₩', 0, 1478.92000000),
  ('PLN', 'Złoty', 'Zloty', 'zł', 2, 4.26810000),
  ('SEK', 'Schwedische Krone', 'Swedish krona', 'kr', 2, 11.41900000),
  ('DKK', 'Dänische Krone', 'Danish krone', 'kr', 2, 7.45930000),
  ('TRY', 'Türkische Lira', 'Turkish lira', '₺', 2, 35.10000000), ('INR', 'Indische Rupie', 'Indian rupee', '₹', 2,
  90.55000000);

INSERT INTO languages VALUES
  ('de', 'Deutsch', 'German', 'Deutsch'), ('en', 'Englisch', 'English', 'English'),
  ('fr', 'Französisch', 'French', 'français'),
  ('it', 'Italienisch', 'Italian', 'italiano'), ('es', 'Spanisch', 'Spanish', 'español'),
  ('pl', 'Polnisch', 'Polish', 'polski'),
  ('nl', 'Niederländisch', 'Dutch', 'Nederlands'), ('da', 'Dänisch', 'Danish', 'dansk'),
  ('sv', 'Schwedisch', 'Swedish', 'svenska'),
  ('tr', 'Türkisch', 'Turkish', 'Türkçe'), ('ja', 'Japanisch', 'Japanese', '日本語'),
  ('zh', 'Chinesisch', 'Chinese', '中文'),
  ('ko', 'Koreanisch', 'Korean', '한국어'), ('hi', 'Hindi', 'Hindi', 'हिन्दी');
INSERT INTO languages VALUES ('he', 'Hebräisch', 'Hebrew', 'עברית', true),
  ('ar', 'Arabisch', 'Arabic', 'العربية', true);

INSERT INTO jurisdictions VALUES
  ('DE', 'Deutschland', 'Germany', 'EUR', '{de}', 20, '1977-10-07', '2027-01-01'),
  ('EP', 'Europäisches Patentamt', 'European Patent Office', 'EUR', '{de,en,fr}', 20, NULL, '2027-04-01'),
  ('UP', 'Einheitspatent', 'Unitary patent', 'EUR', '{de,en,fr}', 20, NULL, NULL),
  ('WO', 'Internationale Anmeldung (PCT)', 'International application (PCT)', 'CHF', '{en,fr,de,ja,zh,ko,es,ar}', NULL,
  NULL, NULL),
  ('AT', 'Österreich', 'Austria', 'EUR', '{de}', 20, '1979-05-01', NULL),
  ('CH', 'Schweiz', 'Switzerland', 'CHF', '{de,fr,it}', 20, '1977-10-07', NULL),
  ('FR', 'Frankreich', 'France', 'EUR', '{fr}', 20, '1977-10-07', NULL),
  ('GB', 'Vereinigtes Königreich', 'United Kingdom', 'GBP', '{en}', 20, '1977-10-07', NULL),
  ('IT', 'Italien', 'Italy', 'EUR', '{it}', 20, '1978-12-01', NULL), ('ES', 'Spanien', 'Spain', 'EUR', '{es}', 20,
  '1986-10-01', NULL),
  ('NL', 'Niederlande', 'Netherlands', 'EUR', '{nl,en}', 20, '1977-10-07', NULL),
  ('PL', 'Polen', 'Poland', 'PLN', '{pl}', 20, '2004-03-01', NULL),
  ('SE', 'Schweden', 'Sweden', 'SEK', '{sv}', 20, '1978-05-01', NULL),
  ('DK', 'Dänemark', 'Denmark', 'DKK', '{da}', 20, '1990-01-01', NULL),
  ('TR', 'Türkei', 'Türkiye', 'TRY', '{tr}', 20, '2000-11-01', NULL),
  ('US', 'Vereinigte Staaten', 'United States', 'USD', '{en}', 20, NULL, '2026-12-31'),
  ('CN', 'China', 'China', 'CNY', '{zh}', 20, NULL, NULL), ('JP', 'Japan', 'Japan', 'JPY', '{ja}', 20, NULL, NULL),
  ('KR', 'Republik Korea', 'Republic of Korea', 'KRW', '{ko}', 20, NULL, NULL),
  ('IN', 'Indien', 'India', 'INR', '{en,hi}', 20, NULL, NULL),
  ('IL', 'Israel', 'Israel', 'USD', '{he,ar,en}', 20, NULL, NULL);

INSERT INTO patent_offices VALUES
  ('DPMA', 'DE', 'Deutsches Patent- und Markenamt', '1877-07-01', ('Zweibrückenstraße 12', '80331', 'München', 'DE'),
  '08:00', '16:00+01', '{192.0.2.10,2001:db8:49::10}'),
  ('EPA', 'EP', 'Europäisches Patentamt', '1977-10-07', ('Bob-van-Benthem-Platz 1', '80469', 'München', 'DE'), '07:30',
  '17:30+01', '{192.0.2.20}'),
  ('WIPO', 'WO', 'Internationales Büro der WIPO', '1967-07-14', ('34, chemin des Colombettes', '1211', 'Genève 20',
  'CH'), '09:00', '18:00+01', '{}'),
  ('ÖPA', 'AT', 'Österreichisches Patentamt', '1899-01-01', ('Dresdner Straße 87', '1200', 'Wien', 'AT'), '08:00',
  '16:00+01', '{}'),
  ('IGE', 'CH', 'Eidgenössisches Institut für Geistiges Eigentum', '1888-11-15',
  ('Stauffacherstrasse 65/59g', '3003', 'Bern', 'CH'), '08:00', '17:00+01', '{}'),
  ('UKIPO', 'GB', 'UK Intellectual Property Office', '1852-10-01', ('Cardiff Road', 'NP10 8QQ', 'Newport', 'GB'),
  '09:00', '17:00+00', '{198.51.100.7}'),
  ('INPI', 'FR', 'Institut national de la propriété industrielle', '1951-04-19',
  ('15, rue des Minimes', '92677', 'Courbevoie', 'FR'), '09:30', '17:30+01', '{}'),
  ('USPTO', 'US', 'United States Patent and Trademark Office', '1836-07-04',
  ('600 Dulany Street', '22314', 'Alexandria', 'US'), '08:30', '17:00-05', '{203.0.113.5,203.0.113.6}'),
  ('CNIPA', 'CN', '国家知识产权局', '1980-01-14', NULL, '08:30', '17:00+08', '{}'),
  ('JPO', 'JP', '特許庁', '1885-04-18', ('霞が関3-4-3', '100-8915', '東京都千代田区', 'JP'), '09:00', '17:45+09', '{}'),
  ('KIPO', 'KR', '특허청', '1977-03-12', NULL, '09:00', '18:00+09', '{}'),
  ('IPI', 'IN', 'Intellectual Property India', '1912-01-01', NULL, '09:30', '18:00+05:30', '{}');

INSERT INTO courts (id, name, jurisdiction, seat, appeal_court_id, value_in_dispute) VALUES
  (1, 'Bundesgerichtshof, X. Zivilsenat', 'DE', '(8.3962,49.0069)', NULL, DEFAULT),
  (2, 'Bundespatentgericht', 'DE', '(11.5947,48.0983)', 1, DEFAULT),
  (3, 'OLG München', 'DE', '(11.5656,48.1393)', 1, '[20001,)'), (4, 'LG München I', 'DE', '(11.5643,48.1404)', 3,
  '[5001,)'),
  (5, 'OLG Düsseldorf', 'DE', '(6.7735,51.2335)', 1, '[20001,)'), (6, 'LG Düsseldorf', 'DE', '(6.7970,51.2250)', 5,
  '[5001,)'),
  (7, 'LG Mannheim', 'DE', '(8.4668,49.4867)', NULL, '[5001,)'), (8, 'EPA – Beschwerdekammern (Boards of Appeal)',
  'EP', '(11.7050,48.1090)', NULL, DEFAULT),
  (9, 'UPC Court of Appeal', 'UP', '(6.1296,49.6116)', NULL, DEFAULT),
  (10, 'UPC Lokalkammer München', 'UP', NULL, 9, '[0,100000000)'),
  (11, 'UPC Lokalkammer Düsseldorf', 'UP', NULL, 9, DEFAULT), (12, 'UPC Division centrale de Paris', 'UP',
  '(2.3522,48.8566)', 9, DEFAULT),
  (13, 'Oberster Gerichtshof', 'AT', '(16.3585,48.2070)', NULL, DEFAULT),
  (14, 'Bundespatentgericht St. Gallen', 'CH', '(9.3767,47.4245)', NULL, DEFAULT);

INSERT INTO ipc_classes (symbol, parent, title_de, title_en) VALUES
  ('A', NULL, 'Täglicher Lebensbedarf', 'Human necessities'), ('B', NULL, 'Arbeitsverfahren; Transportieren',
  'Performing operations; transporting'),
  ('C', NULL, 'Chemie; Hüttenwesen', 'Chemistry; metallurgy'), ('D', NULL, 'Textilien; Papier', 'Textiles; paper'),
  ('E', NULL, 'Bauwesen; Erdbohren; Bergbau', 'Fixed constructions'),
  ('F', NULL, 'Maschinenbau; Beleuchtung; Heizung; Waffen; Sprengen', 'Mechanical engineering'),
  ('G', NULL, 'Physik', 'Physics'), ('H', NULL, 'Elektrotechnik', 'Electricity'),
  ('A23', 'A', 'Lebensmittel', 'Foods or foodstuffs'), ('A23G', 'A23', 'Kakao; Süßwaren; Speiseeis',
  'Cocoa; confectionery; ice-cream'),
  ('A47', 'A', 'Möbel; Haushaltsgegenstände; Kaffeemühlen', 'Furniture; domestic articles; coffee mills'),
  ('A47J', 'A47', 'Küchengeräte; Kaffeemaschinen', 'Kitchen equipment'),
  ('A61', 'A', 'Medizin; Hygiene', 'Medical science; hygiene'), ('A61F', 'A61', 'Implantate; Prothesen',
  'Implants; prostheses'), ('A61K', 'A61', 'Präparate für medizinische Zwecke', 'Preparations for medical purposes'),
  ('B22', 'B', 'Gießerei', 'Casting'), ('B22C', 'B22', 'Gießformen', 'Foundry moulding'),
  ('B23', 'B', 'Werkzeugmaschinen', 'Machine tools'),
  ('B23K', 'B23', 'Löten; Schweißen', 'Soldering; welding'), ('B25', 'B', 'Handwerkzeuge; Manipulatoren',
  'Hand tools; manipulators'), ('B25J', 'B25', 'Manipulatoren; Roboter', 'Manipulators; robots'),
  ('B60', 'B', 'Fahrzeuge allgemein', 'Vehicles in general'), ('B60B', 'B60', 'Räder, Naben', 'Wheels, hubs'),
  ('B65', 'B', 'Fördern; Packen; Lagern', 'Conveying; packing; storing'), ('B65D', 'B65', 'Behältnisse', 'Containers'),
  ('C08', 'C', 'Organische makromolekulare Verbindungen', 'Organic macromolecular compounds'),
  ('C08L', 'C08', 'Massen auf Grundlage von Polymeren', 'Compositions of polymers'),
  ('C12', 'C', 'Biochemie; Mikrobiologie; Genetik', 'Biochemistry; microbiology; genetics'),
  ('C12N', 'C12', 'Mikroorganismen; Enzyme; DNA/RNA', 'Microorganisms; enzymes; DNA/RNA'),
  ('D01', 'D', 'Natürliche oder künstliche Fäden oder Fasern', 'Threads; fibres'),
  ('D01F', 'D01', 'Chemische Fasern', 'Man-made filaments'), ('E04', 'E', 'Baukonstruktion', 'Building'),
  ('E04B', 'E04', 'Allgemeine Baukonstruktion', 'General building constructions'),
  ('F03', 'F', 'Kraftmaschinen', 'Machines or engines for liquids'), ('F03D', 'F03', 'Windkraftmaschinen',
  'Wind motors'), ('F16', 'F', 'Maschinenelemente', 'Engineering elements'),
  ('F16C', 'F16', 'Wellen; Lager', 'Shafts; bearings'),
  ('F16H', 'F16', 'Getriebe', 'Gearing'), ('F25', 'F', 'Kälteerzeugung; Wärmepumpen', 'Refrigeration; heat pumps'),
  ('F25B', 'F25', 'Kältemaschinen; Wärmepumpensysteme', 'Refrigeration machines; heat pump systems'),
  ('G01', 'G', 'Messen; Prüfen', 'Measuring; testing'), ('G01N', 'G01', 'Untersuchen von Stoffen',
  'Investigating materials'), ('G02', 'G', 'Optik', 'Optics'), ('G02B', 'G02', 'Optische Elemente', 'Optical elements'),
  ('G05', 'G', 'Steuern; Regeln', 'Controlling; regulating'), ('G05B', 'G05', 'Steuer- und Regelsysteme',
  'Control systems'), ('G06', 'G', 'Datenverarbeitung', 'Computing'),
  ('G06F', 'G06', 'Elektrische digitale Datenverarbeitung', 'Electric digital data processing'),
  ('H01', 'H', 'Grundlegende elektrische Bauteile', 'Electric elements'),
  ('H01L', 'H01', 'Halbleiterbauelemente', 'Semiconductor devices'), ('H01M', 'H01', 'Batterien; Brennstoffzellen',
  'Batteries; fuel cells'),
  ('H04', 'H', 'Elektrische Nachrichtentechnik', 'Electric communication'),
  ('H04R', 'H04', 'Lautsprecher; Mikrofone; Hörgeräte', 'Loudspeakers; hearing aids');

INSERT INTO technology_fields
SELECT n, sector, de, en, string_to_array(ipc, ' ')
  FROM (VALUES
    (1, 'Electrical engineering', 'Elektrische Maschinen und Energie', 'Electrical machinery, energy', 'H01M'),
    (2, 'Electrical engineering', 'Audiovisuelle Technik', 'Audio-visual technology', 'H04R'),
    (6, 'Electrical engineering', 'Datenverarbeitung', 'Computer technology', 'G06F'),
    (8, 'Electrical engineering', 'Halbleiter', 'Semiconductors', 'H01L'),
    (9, 'Instruments', 'Optik', 'Optics', 'G02B'), (10, 'Instruments', 'Messtechnik', 'Measurement', 'G01N'),
    (12, 'Instruments', 'Steuern und Regeln', 'Control', 'G05B'),
    (13, 'Instruments', 'Medizintechnik', 'Medical technology', 'A61F'),
    (15, 'Chemistry', 'Biotechnologie', 'Biotechnology', 'C12N'), (16, 'Chemistry', 'Arzneimittel', 'Pharmaceuticals',
    'A61K'),
    (17, 'Chemistry', 'Makromolekulare Chemie, Polymere', 'Macromolecular chemistry, polymers', 'C08L D01F'),
    (18, 'Chemistry', 'Lebensmittelchemie', 'Food chemistry', 'A23G'),
    (25, 'Mechanical engineering', 'Fördertechnik', 'Handling', 'B65D B25J'),
    (26, 'Mechanical engineering', 'Werkzeugmaschinen', 'Machine tools', 'B23K B22C'),
    (27, 'Mechanical engineering', 'Motoren, Pumpen, Turbinen', 'Engines, pumps, turbines', 'F03D'),
    (30, 'Mechanical engineering', 'Thermische Prozesse', 'Thermal processes', 'F25B'),
    (31, 'Mechanical engineering', 'Maschinenelemente', 'Mechanical elements', 'F16C F16H'),
    (32, 'Mechanical engineering', 'Transport', 'Transport', 'B60B'),
    (33, 'Other fields', 'Möbel, Spiele', 'Furniture, games', 'A47J'),
    (35, 'Other fields', 'Bauwesen', 'Civil engineering', 'E04B')) AS t (n, sector, de, en, ipc);

INSERT INTO event_types VALUES
  ('filing', 'Anmeldung', 'Filing', false, '📝'), ('priority', 'Prioritätstag', 'Priority date', false, NULL),
  ('search_report', 'Recherchenbericht', 'Search report', true, '🔍'),
  ('publication', 'Veröffentlichung', 'Publication', true, '📰'), ('office_action', 'Prüfungsbescheid', 'Office action',
  true, '📬'), ('rule_71_3', 'Mitteilung nach Regel 71 (3) EPÜ', 'Communication under Rule 71(3) EPC', true, '✅'),
  ('grant', 'Erteilung', 'Grant', true, '🏅'), ('refusal', 'Zurückweisung', 'Refusal', true, '⛔'),
  ('opposition', 'Einspruch', 'Notice of opposition', true, '⚔️'),
  ('summons', 'Ladung zur mündlichen Verhandlung', 'Summons to oral proceedings', true, '🏛️'),
  ('loss_of_rights', 'Rechtsverlustmitteilung', 'Noting of loss of rights', true, '⚠️'),
  ('annuity_due', 'Fälligkeit der Jahresgebühr', 'Renewal fee due', false, '💶');

INSERT INTO deadline_rules (code, position, event_type, jurisdiction, period, extension, warn_before, legal_basis,
  text_de, text_en)
SELECT code, row_number() OVER (ORDER BY code COLLATE "C"), event, jurisdiction, period::interval, extension::interval,
       warn::interval[], basis, de, en
  FROM (VALUES
    ('PRIO-12', 'priority', 'DE', '12 months', NULL, '{"3 months","1 month","7 days"}', '§ 40 PatG, Art. 4 PVÜ',
    'Prioritätsfrist: Nachanmeldungen', 'Priority year: subsequent filings'),
    ('PCT-30', 'priority', 'WO', '30 months', NULL, '{"3 months","1 month"}', 'Art. 22 PCT',
    'Nationale Phase einleiten', 'Enter the national phase'),
    ('EP-31', 'priority', 'EP', '31 months', '2 months', '{"3 months","1 month"}', 'Regel 159 (1) EPÜ',
    'Regionale Phase vor dem EPA', 'European phase entry'),
    ('DE-EXAM-7Y', 'filing', 'DE', '7 years', NULL, '{"6 months","2 months"}', '§ 44 (2) PatG',
    'Prüfungsantrag stellen', 'Request examination'),
    ('EP-EXAM', 'publication', 'EP', '6 months', '2 months', '{"30 days","3 days"}', 'Art. 94 (1), Regel 70 (1) EPÜ',
    'Prüfungsantrag und Benennungsgebühr', 'Examination request and designation fee'),
    ('EP-R70A', 'search_report', 'EP', '6 months', NULL, '{"30 days","3 days"}', 'Regel 70a EPÜ',
    'Stellungnahme zum erweiterten Recherchenbericht', 'Response to the extended search report'),
    ('DE-OA', 'office_action', 'DE', '4 months', '2 months', '{"14 days","3 days"}', '§ 45 PatG',
    'Erwiderung auf Prüfungsbescheid', 'Response to the examination report'),
    ('EP-OA', 'office_action', 'EP', '4 months', '2 months', '{"14 days","3 days"}', 'Art. 94 (3) EPÜ',
    'Erwiderung auf Bescheid – "begründet"', 'Reasoned response to the communication'),
    ('US-OA', 'office_action', 'US', '3 months', '3 months', '{"14 days","3 days"}', '37 CFR 1.134',
    'Erwiderung auf Office Action', 'Reply to the office action'),
    ('EP-R71', 'rule_71_3', 'EP', '4 months', NULL, '{"30 days","7 days","1 day"}', 'Regel 71 (3) EPÜ',
    'Einverständnis, Übersetzungen, Gebühren', 'Approve text, file translations, pay fees'),
    ('EP-OPPO', 'grant', 'EP', '9 months', NULL, '{"2 months","14 days"}', 'Art. 99 (1) EPÜ', 'Einspruchsfrist',
    'Opposition period'),
    ('UP-REQ', 'grant', 'UP', '1 month', NULL, '{"14 days","2 days"}', 'Regel 6 DOEPS',
    'Antrag auf einheitliche Wirkung', 'Request for unitary effect'),
    ('EP-APPEAL', 'refusal', 'EP', '2 months', NULL, '{"14 days","3 days"}', 'Art. 108 S. 1 EPÜ',
    'Beschwerde einlegen', 'Notice of appeal'),
    ('EP-APPEAL-G', 'refusal', 'EP', '4 months', NULL, '{"30 days","3 days"}', 'Art. 108 S. 3 EPÜ',
    'Beschwerdebegründung', 'Statement of grounds'),
    ('DE-APPEAL', 'refusal', 'DE', '1 month', NULL, '{"14 days","3 days"}', '§ 73 (2) PatG',
    'Beschwerde zum Bundespatentgericht', 'Appeal to the Federal Patent Court'),
    ('EP-R79', 'opposition', 'EP', '4 months', '2 months', '{"14 days","3 days"}', 'Regel 79 (1) EPÜ',
    'Erwiderung auf den Einspruch', 'Reply to the opposition'),
    ('EP-R116', 'summons', 'EP', '2 months', NULL, '{"30 days"}', 'Regel 116 EPÜ', 'Letzter Tag für Schriftsätze',
    'Final date for submissions'),
    ('EP-WB', 'loss_of_rights', 'EP', '2 months', NULL, '{"14 days","1 day"}', 'Art. 121, Regel 135 EPÜ',
    'Weiterbehandlung beantragen', 'Further processing'),
    ('DE-ANN', 'annuity_due', 'DE', '2 months', '4 months', '{}', '§ 7 (1) PatKostG', 'Jahresgebühr zahlen',
    'Pay the renewal fee'))
    AS t (code, event, jurisdiction, period, extension, warn, basis, de, en);

INSERT INTO fee_schedules (id, jurisdiction, name, fee_codes, valid, amount, currency,
  annuity_years) OVERRIDING SYSTEM VALUE
SELECT row_number() OVER (ORDER BY v, code), jurisdiction, name, int4range(code, code + width),
       daterange(v_from, v_to), round(amount * factor, 2), currency, years::int4multirange
  FROM (VALUES
    ('EP', 'Anmeldegebühr online', 1, 1, 135, 'EUR', NULL), ('EP', 'Recherchengebühr', 2, 1, 1520, 'EUR', NULL),
    ('EP', 'Benennungsgebühr', 5, 1, 685, 'EUR', NULL),
    ('EP', 'Prüfungsgebühr', 6, 1, 1915, 'EUR', NULL), ('EP', 'Erteilungs- und Veröffentlichungsgebühr', 7, 1, 1080,
    'EUR', NULL), ('EP', 'Einspruchsgebühr', 10, 1, 880, 'EUR', NULL),
    ('EP', 'Beschwerdegebühr', 11, 1, 2925, 'EUR', NULL), ('EP', 'Jahresgebühren 3.–5.', 33, 3, 690, 'EUR', '{[3,6)}'),
    ('EP', 'Jahresgebühren 6.–20.', 36, 15, 1180, 'EUR', '{[6,21)}'),
    ('DE', 'Anmeldegebühr elektronisch', 311000, 1, 40, 'EUR', NULL),
    ('DE', 'Prüfungsgebühr', 311400, 1, 350, 'EUR', NULL), ('DE', 'Jahresgebühren 3.–7.', 312030, 50, 115, 'EUR',
    '{[3,8)}'),
    ('DE', 'Jahresgebühren 8.–20.', 312080, 130, 640, 'EUR', '{[8,12),[12,21)}'),
    ('US', 'Basic filing fee', 1011, 1, 350, 'USD', NULL), ('US', 'Utility issue fee', 1501, 1, 1290, 'USD', NULL),
    ('US', 'Maintenance fees', 1551, 3, 4040, 'USD', '{[3,4),[7,8),[11,12)}'),
    ('WO', 'Internationale Anmeldegebühr', 900100, 1, 1330, 'CHF', NULL),
    ('GB', 'Application fee', 700001, 1, 60, 'GBP', NULL),
    ('JP', '出願料', 800001, 1, 14000, 'JPY', NULL), ('CN', '申请费', 810001, 1, 900, 'CNY', NULL))
    AS f (jurisdiction, name, code, width, amount, currency, years)
  CROSS JOIN (VALUES (0, DATE '2020-04-01', DATE '2024-04-01', 0.945), (1, DATE '2024-04-01', NULL, 1)) AS v (v,
         v_from, v_to, factor);

INSERT INTO holidays
SELECT jurisdiction, make_date(y, m, d), name, closed
  FROM generate_series(2022, 2028) AS y
  CROSS JOIN (VALUES
    ('DE', 1, 1, 'Neujahr', true), ('DE', 1, 6, 'Heilige Drei Könige (BY)', true),
    ('DE', 5, 1, 'Tag der Arbeit', true), ('DE', 8, 15, 'Mariä Himmelfahrt (BY)', true),
    ('DE', 10, 3, 'Tag der Deutschen Einheit', true), ('DE', 11, 1, 'Allerheiligen (BY)', true),
    ('DE', 12, 25, '1. Weihnachtstag', true), ('DE', 12, 26, '2. Weihnachtstag', true),
    ('EP', 1, 1, 'New Year''s Day', true), ('EP', 5, 1, 'Labour Day', true),
    ('EP', 10, 3, 'Tag der Deutschen Einheit', true), ('EP', 12, 24, 'Heiligabend', true),
    ('EP', 12, 25, 'Christmas Day', true),
    ('EP', 12, 26, 'Boxing Day', true), ('EP', 12, 31, 'Silvester', true), ('AT', 10, 26, 'Nationalfeiertag', true),
    ('CH', 8, 1, 'Bundesfeier', true), ('FR', 7, 14, 'Fête nationale', true),
    ('GB', 12, 25, 'Christmas Day', true), ('GB', 12, 26, 'Boxing Day', true), ('US', 7, 4, 'Independence Day', true),
    ('US', 11, 11, 'Veterans Day', false), ('US', 12, 25, 'Christmas Day', true),
    ('JP', 1, 1, '元日', true), ('CN', 10, 1, '国庆节', true)) AS t (jurisdiction, m, d, name, closed);
INSERT INTO holidays
SELECT jurisdiction, easter + shift, name, true
  FROM unnest('{2022-04-17,2023-04-09,2024-03-31,2025-04-20,2026-04-05,2027-03-28,2028-04-16}'::date[]) AS easter
  CROSS JOIN unnest('{DE,EP,AT}'::text[]) AS jurisdiction
  CROSS JOIN (VALUES (-2, 'Karfreitag'), (1, 'Ostermontag'), (39, 'Christi Himmelfahrt'), (50, 'Pfingstmontag'),
         (60, 'Fronleichnam')) AS t (shift, name);

INSERT INTO billing_codes VALUES
  ('P100', 'Neuanmeldung ausarbeiten', 'Draft application'), ('P200', 'Prüfungsbescheid erwidern',
  'Respond to office action'), ('P300', 'Recherche und Bewertung', 'Search and assessment'),
  ('P400', 'Einspruch und Beschwerde', 'Opposition and appeal'), ('P500', 'Jahresgebühren überwachen', 'Renewals'),
  ('L100', 'Verletzungsverfahren', 'Infringement litigation'), ('L200', 'Nichtigkeitsverfahren', 'Nullity action'),
  ('C100', 'Besprechung mit Mandant', 'Client meeting'), ('C200', 'Telefonat', 'Telephone call'),
  ('T100', 'Übersetzung prüfen', 'Check translation');
INSERT INTO billing_codes VALUES ('X100', 'Fortbildung', 'Training', false),
  ('X200', 'Akquise', 'Business development', false), ('X300', 'Büroorganisation', 'Administration', false);
