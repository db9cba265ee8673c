-- Tells paliad_backup about the demo application. Run as a superuser after CREATE EXTENSION paliad_backup.
\set ON_ERROR_STOP on
BEGIN;

UPDATE paliad_backup.settings
   SET schemas = '{paliad}', admin_function = 'paliad.is_global_admin', audit_table = 'paliad.system_audit_log',
       xlsx_labels = true;

INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind) VALUES
  ('paliad', 'billing_codes', 'ref'),
  ('paliad', 'courts', 'ref'),
  ('paliad', 'currencies', 'ref'),
  ('paliad', 'deadline_rules', 'ref'),
  ('paliad', 'event_types', 'ref'),
  ('paliad', 'fee_schedules', 'ref'),
  ('paliad', 'holidays', 'ref'),
  ('paliad', 'ipc_classes', 'ref'),
  ('paliad', 'jurisdictions', 'ref'),
  ('paliad', 'languages', 'ref'),
  ('paliad', 'patent_offices', 'ref'),
  ('paliad', 'technology_fields', 'ref');

-- What tells people which row a foreign key means. Codes such as DE and EUR need no label.
INSERT INTO paliad_backup.sheets (relation_schema, relation_name, label_column) VALUES
  ('paliad', 'applications', 'number'),
  ('paliad', 'families', 'internal_title'),
  ('paliad', 'inventors', 'family_name'),
  ('paliad', 'invoices', 'number'),
  ('paliad', 'locations', 'name'),
  ('paliad', 'mandates', 'subject'),
  ('paliad', 'parties', 'name'),
  ('paliad', 'patents', 'number'),
  ('paliad', 'teams', 'name'),
  ('paliad', 'users', 'display_name');
UPDATE paliad_backup.sheets AS s SET label_column = v.label_column
  FROM (VALUES ('billing_codes', 'name_de'), ('courts', 'name'), ('event_types', 'name_de'), ('technology_fields', 'name_de'))
       AS v (relation_name, label_column)
 WHERE s.relation_schema = 'paliad' AND s.relation_name = v.relation_name;

-- The tables that the partners open, in their own words.
INSERT INTO paliad_backup.sheets (relation_schema, relation_name, label, label_column, column_labels) VALUES
  ('paliad', 'matters', 'Akten', 'reference', '{
    "id": "Nr.", "reference": "Aktenzeichen", "title": "Bezeichnung", "kind": "Art", "status": "Stand",
    "mandate_id": "Mandat", "responsible_id": "Sachbearbeitung", "parent_id": "Hauptakte",
    "lead_application_id": "Führende Anmeldung", "court_id": "Gericht", "value_in_dispute": "Streitwert in Euro",
    "opened_on": "Angelegt am", "closed_on": "Abgelegt am", "custom_fields": "Eigene Felder",
    "created_at": "Erfasst", "updated_at": "Zuletzt geändert"}'),
  ('paliad', 'deadlines', 'Fristen', NULL, '{
    "id": "Nr.", "application_id": "Anmeldung", "office_action_id": "Bescheid", "rule": "Fristenregel",
    "triggered_on": "Auslösendes Ereignis am", "due_on": "Fällig am", "extended_to": "Verlängert bis",
    "status": "Stand", "responsible_id": "Zuständig", "deputy_id": "Vertretung", "completed_at": "Erledigt",
    "note": "Vermerk", "created_at": "Erfasst", "updated_at": "Zuletzt geändert"}');

-- The admin function is asked with the caller's rights, so the callers must reach it.
GRANT USAGE ON SCHEMA paliad TO paliad_backup_admin;
GRANT EXECUTE ON FUNCTION paliad.is_global_admin() TO paliad_backup_admin;

COMMIT;
