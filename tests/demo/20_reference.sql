-- The 12 reference tables: the same for every firm, exported as ref sheets.

CREATE TABLE currencies (
  code currency_code PRIMARY KEY,
  name_de text NOT NULL,
  name_en text NOT NULL,
  symbol text,
  minor_units smallint NOT NULL CHECK (minor_units BETWEEN 0 AND 4),
  euro_rate numeric(18, 8) NOT NULL CHECK (euro_rate > 0)
);
COMMENT ON TABLE currencies IS 'Währungen mit festem Umrechnungskurs (ISO 4217)';
COMMENT ON COLUMN currencies.euro_rate IS 'Units of this currency for one euro';

CREATE TABLE languages (
  code character(2) PRIMARY KEY,
  name_de varchar(40) NOT NULL,
  name_en varchar(40) NOT NULL,
  own_name varchar(40) NOT NULL,
  right_to_left boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE languages IS 'Languages of proceedings and of clients (ISO 639-1)';

CREATE TABLE jurisdictions (
  code varchar(4) PRIMARY KEY CHECK (code = upper(code)),
  name_de text NOT NULL,
  name_en text NOT NULL,
  currency currency_code NOT NULL,
  languages text[] NOT NULL CHECK (cardinality(languages) > 0),
  term_years smallint,
  epc_since date,
  "nächste Prüfung" date
);
COMMENT ON TABLE jurisdictions IS 'Staaten und Organisationen, die Schutzrechte erteilen (WIPO ST.3)';
COMMENT ON COLUMN jurisdictions.epc_since IS 'Beitritt zum EPÜ; null for those outside it';

CREATE TABLE patent_offices (
  code varchar(8) PRIMARY KEY,
  jurisdiction varchar(4) NOT NULL,
  name text NOT NULL,
  founded_on date NOT NULL,
  address postal_address,
  opens_at time NOT NULL DEFAULT '08:00',
  closes_at time with time zone NOT NULL DEFAULT '16:00+01',
  e_filing_hosts inet[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE patent_offices IS 'Ämter; some are older than what a spreadsheet takes for a date';

CREATE TABLE courts (
  id smallserial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  jurisdiction varchar(4) NOT NULL,
  seat point,
  appeal_court_id smallint,
  value_in_dispute int8range NOT NULL DEFAULT '[0,)'
);
COMMENT ON TABLE courts IS 'Gerichte, UPC divisions and boards, each with the court above it';

CREATE TABLE ipc_classes (
  symbol varchar(12) PRIMARY KEY,
  parent varchar(12),
  title_de text NOT NULL,
  title_en text NOT NULL,
  level smallint NOT NULL GENERATED ALWAYS AS (CASE length(symbol) WHEN 1 THEN 1 WHEN 3 THEN 2 ELSE 3 END) STORED
);
COMMENT ON TABLE ipc_classes IS 'Internationale Patentklassifikation: sections, classes, subclasses (extract)';

CREATE TABLE technology_fields (
  id smallint PRIMARY KEY,
  sector text NOT NULL,
  name_de text NOT NULL,
  name_en text NOT NULL,
  ipc_symbols varchar(12)[] NOT NULL
);
COMMENT ON TABLE technology_fields IS 'Technical fields after WIPO''s concordance, with their IPC subclasses';

CREATE TABLE event_types (
  code text PRIMARY KEY,
  name_de text NOT NULL,
  name_en text NOT NULL,
  from_office boolean NOT NULL,
  icon text
);
COMMENT ON TABLE event_types IS 'Verfahrensereignisse, die Fristen auslösen';

CREATE TABLE deadline_rules (
  code text PRIMARY KEY,
  position smallint NOT NULL UNIQUE,
  event_type text NOT NULL,
  jurisdiction varchar(4) NOT NULL,
  period interval NOT NULL CHECK (period > '0'),
  extension interval,
  warn_before interval[] NOT NULL DEFAULT '{"14 days","3 days"}',
  legal_basis text NOT NULL,
  text_de text NOT NULL,
  text_en text NOT NULL
);
COMMENT ON TABLE deadline_rules IS 'Fristenregeln: event → period, extension, legal basis';

CREATE TABLE fee_schedules (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  jurisdiction varchar(4) NOT NULL,
  name text NOT NULL,
  fee_codes int4range NOT NULL,
  valid daterange NOT NULL,
  amount numeric(10, 2) NOT NULL CHECK (amount >= 0),
  currency currency_code NOT NULL,
  annuity_years int4multirange,
  CONSTRAINT fee_schedules_no_overlap EXCLUDE USING gist (fee_codes WITH &&, valid WITH &&)
    DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE fee_schedules IS 'Amtsgebühren; one code range has one amount at a time';

CREATE TABLE holidays (
  jurisdiction varchar(4) NOT NULL,
  day date NOT NULL,
  name text NOT NULL,
  office_closed boolean NOT NULL DEFAULT true,
  PRIMARY KEY (jurisdiction, day)
);
COMMENT ON TABLE holidays IS 'Feiertage, an denen eine Frist nicht abläuft (Regel 134 EPÜ, § 193 BGB)';

CREATE TABLE billing_codes (
  code character(4) PRIMARY KEY,
  name_de text NOT NULL,
  name_en text NOT NULL,
  billable boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE billing_codes IS 'Tätigkeitsschlüssel der Zeiterfassung (after UTBMS)';
