-- Roles, schemas, types and the functions that table definitions need.

-- Roles are the server's: another database's demo may be loaded at the same moment.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['paliad_owner NOLOGIN', 'paliad_app LOGIN'] LOOP
        BEGIN
            EXECUTE 'CREATE ROLE ' || wanted;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END
$$;

CREATE SCHEMA auth AUTHORIZATION paliad_owner;
CREATE SCHEMA paliad AUTHORIZATION paliad_owner;
COMMENT ON SCHEMA auth IS 'Who is calling: the part of Supabase''s auth schema that Paliad relies on.';
COMMENT ON SCHEMA paliad IS 'Paliad – Kanzleisoftware für Patentanwälte / practice tool for patent lawyers';
GRANT USAGE ON SCHEMA auth, paliad TO paliad_app;

SET LOCAL ROLE paliad_owner;

-- The subject of the caller's token, as PostgREST hands it over; null without one.
CREATE FUNCTION auth.uid() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('request.jwt.claim.sub', true), '')::uuid;
COMMENT ON FUNCTION auth.uid() IS 'Id of the signed-in user (request.jwt.claim.sub), or null';

CREATE TYPE paliad.global_role AS ENUM ('global_admin', 'partner', 'associate', 'paralegal', 'secretary', 'client');
CREATE TYPE paliad.matter_kind AS ENUM ('prosecution', 'opposition', 'nullity', 'infringement', 'freedom to operate',
  'Gutachten', 'licensing');
CREATE TYPE paliad.matter_status AS ENUM ('open', 'on hold', 'closed', 'archived');
CREATE TYPE paliad.application_status AS ENUM ('pending', 'granted', 'refused', 'withdrawn', 'lapsed', 'expired');
CREATE TYPE paliad.deadline_status AS ENUM ('open', 'done', 'missed', 'cancelled');
CREATE TYPE paliad.party_role AS ENUM ('client', 'applicant', 'opponent', 'licensee', 'billing address');
CREATE TYPE paliad.document_kind AS ENUM ('specification', 'office action', 'response', 'power of attorney', 'search report',
  'invoice', 'Vermerk');
CREATE TYPE paliad.invoice_status AS ENUM ('draft', 'sent', 'paid', 'überfällig', 'cancelled');
CREATE TYPE paliad.postal_address AS (street text, postal_code text, city text, country character(2));
COMMENT ON TYPE paliad.postal_address IS 'Anschrift, wie sie im Rubrum und auf dem Umschlag steht';

CREATE DOMAIN paliad.email_address AS text
  CONSTRAINT email_address_has_at CHECK (VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$');
CREATE DOMAIN paliad.share AS numeric(6, 5) DEFAULT 0 NOT NULL
  CONSTRAINT share_is_fraction CHECK (VALUE BETWEEN 0 AND 1);
CREATE DOMAIN paliad.currency_code AS character(3) CHECK (VALUE ~ '^[A-Z]{3}$');

-- ISO 13616: the country code and check digits go to the end, letters count from A = 10, the whole modulo 97 is 1.
CREATE FUNCTION paliad.is_valid_iban(iban text) RETURNS boolean
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'
      AND (SELECT string_agg(CASE WHEN c BETWEEN '0' AND '9' THEN c ELSE (ascii(c) - 55)::text END, '' ORDER BY n)
             FROM string_to_table(substr(iban, 5) || left(iban, 4), NULL) WITH ORDINALITY AS t (c, n))::numeric % 97 = 1
  $$;

-- Filing references look like P-2024-00173: kind, year of filing, running number.
CREATE FUNCTION paliad.is_valid_reference(reference text) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  RETURN reference ~ '^[A-Z]-(19|20)[0-9]{2}-[0-9]{5,}$';
END
  $$;
