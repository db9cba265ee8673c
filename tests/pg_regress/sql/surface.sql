-- The functions with their arguments, and that everything is explained.
\pset format unaligned
SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' AS function, pg_get_function_result(p.oid) AS returns,
       p.prosecdef AS security_definer, p.proparallel AS parallel, p.proconfig AS settings
FROM pg_proc AS p WHERE p.pronamespace = 'paliad_backup'::regnamespace AND p.prorettype <> 'trigger'::regtype
ORDER BY p.proname;

SELECT event_type FROM unnest(regexp_split_to_array(pg_get_constraintdef((
    SELECT oid FROM pg_constraint WHERE conrelid = 'paliad_backup.system_audit_log'::regclass AND contype = 'c'
    AND pg_get_constraintdef(oid) LIKE '%backup_created%')), '''')) AS event_type
WHERE event_type ~ '^[a-z_]+$' AND event_type NOT IN ('text') ORDER BY 1;

SELECT c.relname, c.relkind FROM pg_class AS c WHERE c.relnamespace = 'paliad_backup'::regnamespace
AND c.relkind IN ('r', 'v') ORDER BY c.relname;

-- Without a comment: nothing.
SELECT p.oid::regprocedure FROM pg_proc AS p
WHERE p.pronamespace = 'paliad_backup'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace = 'paliad_backup'::regnamespace AND c.relkind IN ('r', 'v')
AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT a.attrelid::regclass, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'paliad_backup'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
AND col_description(a.attrelid, a.attnum) IS NULL;

-- What PUBLIC may do: nothing.
SELECT p.oid::regprocedure FROM pg_proc AS p
WHERE p.pronamespace = 'paliad_backup'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE');
SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace = 'paliad_backup'::regnamespace
AND c.relkind IN ('r', 'v') AND has_table_privilege('public', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
