-- What the work is about: matters, families, applications, and what follows from them.

CREATE TABLE families (
  id uuid PRIMARY KEY,
  internal_title text NOT NULL,
  title_en text NOT NULL,
  technology_field smallint NOT NULL,
  owner_id uuid NOT NULL,
  first_filing_on date NOT NULL,
  estimated_value numeric(14, 2),
  strategy text
);
COMMENT ON TABLE families IS 'Patentfamilien';

CREATE TABLE matters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reference text NOT NULL UNIQUE CHECK (is_valid_reference(reference)),
  title text NOT NULL,
  kind matter_kind NOT NULL,
  status matter_status NOT NULL DEFAULT 'open',
  mandate_id uuid NOT NULL,
  responsible_id uuid NOT NULL,
  parent_id bigint CHECK (parent_id <> id),
  lead_application_id integer,
  court_id smallint,
  value_in_dispute numeric(14, 2),
  opened_on date NOT NULL,
  closed_on date,
  custom_fields jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT matters_closed_check CHECK ((closed_on IS NOT NULL) = (status IN ('closed', 'archived')))
);
COMMENT ON TABLE matters IS 'Akten. A matter leads an application; the application belongs to a matter';

CREATE TABLE matter_parties (
  matter_id bigint NOT NULL,
  party_id uuid NOT NULL,
  role party_role NOT NULL,
  share share,
  their_reference text,
  CONSTRAINT matter_parties_pkey PRIMARY KEY (matter_id, party_id, role) INCLUDE (share)
);
COMMENT ON TABLE matter_parties IS 'Beteiligte einer Akte mit Rolle und Anteil';

CREATE TABLE applications (
  id serial PRIMARY KEY,
  matter_id bigint NOT NULL,
  family_id uuid NOT NULL,
  jurisdiction varchar(4) NOT NULL,
  number text NOT NULL,
  number_normalised text GENERATED ALWAYS AS (regexp_replace(number, '[^A-Z0-9]', '', 'g')) STORED,
  title text NOT NULL,
  language character(2) NOT NULL,
  filed_on date NOT NULL,
  published_on date,
  status application_status NOT NULL,
  designated_states varchar(4)[] NOT NULL DEFAULT '{}',
  abstract text,
  claim_count smallint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (published_on > filed_on)
);
COMMENT ON TABLE applications IS 'Anmeldungen';
COMMENT ON COLUMN applications.number IS 'As the office writes it: EP 21 173 456.7, 10 2021 104 711.3, 17/342,118';

CREATE TABLE application_ipc_classes (
  application_id integer NOT NULL,
  position smallint NOT NULL,
  symbol varchar(12) NOT NULL,
  group_no text NOT NULL,
  inventive boolean NOT NULL DEFAULT true,
  PRIMARY KEY (application_id, position) INCLUDE (symbol)
);
COMMENT ON TABLE application_ipc_classes IS 'IPC-Klassen einer Anmeldung, Hauptklasse zuerst';

CREATE TABLE priority_claims (
  application_id integer NOT NULL,
  earlier_application_id integer NOT NULL,
  claimed_on date NOT NULL,
  kind text NOT NULL DEFAULT 'Paris' CHECK (kind IN ('Paris', 'innere Priorität', 'PCT')),
  PRIMARY KEY (application_id, earlier_application_id),
  CHECK (application_id <> earlier_application_id)
);
COMMENT ON TABLE priority_claims IS 'Prioritäten (Art. 87 EPÜ, § 40 PatG)';

CREATE TABLE inventors (
  id serial PRIMARY KEY,
  given_name text NOT NULL,
  family_name text NOT NULL,
  native_name text,
  address postal_address,
  employer_id uuid,
  waives_naming boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE inventors IS 'Erfinder';

CREATE TABLE application_inventors (
  application_id integer NOT NULL,
  inventor_id integer NOT NULL,
  position smallint NOT NULL,
  share share,
  PRIMARY KEY (application_id, inventor_id)
);
COMMENT ON TABLE application_inventors IS 'Erfinderbenennung mit Miterfinderanteil';

CREATE TABLE patents (
  application_id integer PRIMARY KEY,
  number text NOT NULL UNIQUE,
  granted_on date NOT NULL,
  expires_on date NOT NULL CHECK (expires_on > granted_on),
  unitary_effect boolean NOT NULL DEFAULT false,
  validated_in varchar(4)[] NOT NULL DEFAULT '{}',
  in_force daterange NOT NULL
);
COMMENT ON TABLE patents IS 'Erteilte Patente';

CREATE TABLE annuities (
  application_id integer NOT NULL,
  year smallint NOT NULL CHECK (year BETWEEN 2 AND 21),
  due_on date NOT NULL,
  fee numeric(10, 2) NOT NULL,
  surcharge numeric(10, 2) NOT NULL DEFAULT 0,
  total numeric(10, 2) GENERATED ALWAYS AS (fee + surcharge) STORED,
  instructed_at timestamptz,
  paid_on date,
  PRIMARY KEY (application_id, year)
);
COMMENT ON TABLE annuities IS 'Jahresgebühren';

CREATE TABLE claims (
  application_id integer NOT NULL,
  claim_no smallint NOT NULL CHECK (claim_no > 0),
  depends_on smallint CHECK (depends_on < claim_no),
  category text NOT NULL,
  wording text NOT NULL,
  feature_matrix integer[][],
  PRIMARY KEY (application_id, claim_no)
);
COMMENT ON TABLE claims IS 'Patentansprüche; a dependent claim names the one it refers to';
COMMENT ON COLUMN claims.feature_matrix IS 'Merkmalsanalyse: a row per feature, a column per citation; 1 = disclosed';

CREATE TABLE office_actions (
  id serial PRIMARY KEY,
  application_id integer NOT NULL,
  office varchar(8) NOT NULL,
  event_type text NOT NULL,
  dated_on date NOT NULL,
  received_at timestamptz NOT NULL,
  examiner text,
  objections text[] NOT NULL DEFAULT '{}',
  summary text,
  answered_on date
);
COMMENT ON TABLE office_actions IS 'Bescheide der Ämter';

CREATE TABLE prior_art_citations (
  id bigserial PRIMARY KEY,
  office_action_id integer NOT NULL,
  label varchar(6) NOT NULL,
  publication text NOT NULL,
  category character(1) NOT NULL CHECK (category IN ('X', 'Y', 'A', 'D', 'P')),
  against_claims int4multirange NOT NULL,
  relevance double precision,
  similarity real,
  UNIQUE (office_action_id, label)
);
COMMENT ON TABLE prior_art_citations IS 'Entgegenhaltungen D1, D2, … eines Bescheids';

CREATE TABLE "Erfinder Vergütungen" (
  "Lfd. Nr." integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  "Erfinder" integer NOT NULL,
  "Anmeldung" integer NOT NULL,
  "Jahr" smallint NOT NULL,
  "Umsatz €" numeric(16, 2) NOT NULL,
  "Lizenzsatz" numeric(7, 6) NOT NULL,
  "Vergütung €" numeric(16, 2) GENERATED ALWAYS AS (round("Umsatz €" * "Lizenzsatz" * "Anteilsfaktor", 2)) STORED,
  "Anteilsfaktor" numeric(5, 4) NOT NULL,
  "Bemerkung ""intern""" text,
  CONSTRAINT "Vergütung einmal im Jahr" UNIQUE ("Erfinder", "Anmeldung", "Jahr")
);
COMMENT ON TABLE "Erfinder Vergütungen" IS 'Arbeitnehmererfindervergütung (§ 9 ArbnErfG), taken over from the firm''s Access file';
