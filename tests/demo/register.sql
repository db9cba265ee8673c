-- Tells paliad_backup about the demo application. Run as a superuser after CREATE EXTENSION paliad_backup.
\set ON_ERROR_STOP on
BEGIN;

UPDATE paliad_backup.settings
   SET schemas = '{paliad}', admin_function = 'paliad.is_global_admin', audit_table = 'paliad.system_audit_log';

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

-- The admin function is asked with the caller's rights, so the callers must reach it.
GRANT USAGE ON SCHEMA paliad TO paliad_backup_admin;
GRANT EXECUTE ON FUNCTION paliad.is_global_admin() TO paliad_backup_admin;

COMMIT;
