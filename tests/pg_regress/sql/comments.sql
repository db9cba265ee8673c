-- What surface.sql doesn't look at is explained where it lies, too. Each list is of what is not.
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS extension FROM pg_extension WHERE extname = 'paliad_backup';
SELECT obj_description('paliad_backup'::regnamespace, 'pg_namespace') IS NOT NULL AS schema;
SELECT rolname AS role FROM pg_roles WHERE rolname ^@ 'paliad_backup' AND shobj_description(oid, 'pg_authid') IS NULL;
SELECT name AS setting FROM pg_settings WHERE name ^@ 'paliad_backup.' AND short_desc IS NULL;
SELECT c.relname AS view, a.attname AS column FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'paliad_backup'::regnamespace AND c.relkind = 'v'
AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL;
-- Indexes of constraints say by their name what they are for.
SELECT c.oid::regclass AS index FROM pg_class AS c
WHERE c.relnamespace = 'paliad_backup'::regnamespace AND c.relkind = 'i' AND obj_description(c.oid, 'pg_class') IS NULL
AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid);
SELECT t.tgrelid::regclass AS table, t.tgname AS trigger FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'paliad_backup'::regnamespace AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL;
SELECT p.polrelid::regclass AS table, p.polname AS policy FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
WHERE c.relnamespace = 'paliad_backup'::regnamespace AND obj_description(p.oid, 'pg_policy') IS NULL;
-- What a superuser can break by configuration is explained by the constraint's comment.
SELECT c.conrelid::regclass AS table, c.conname AS constraint FROM pg_constraint AS c
WHERE c.contype = 'c' AND obj_description(c.oid, 'pg_constraint') IS NULL
AND c.conrelid IN ('paliad_backup.settings'::regclass, 'paliad_backup.sheets'::regclass, 'paliad_backup.exclusions'::regclass);
