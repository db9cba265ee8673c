-- Arguments that are not acceptable are refused with what is, and leave no row.
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT paliad_backup.run('nightly');
SELECT paliad_backup.run('checkpoint');
SELECT paliad_backup.run('config');
SELECT paliad_backup.run(NULL);
SELECT paliad_backup.run(requested_by_email => '');
SELECT paliad_backup.run(requested_by_email => E' \t ');
SELECT paliad_backup.run(scope => 'everything');
SELECT paliad_backup.run(scope => NULL);
SELECT paliad_backup.run(formats => '{xlsx,pdf}');
SELECT paliad_backup.run(formats => '{}');
SELECT paliad_backup.run(formats => NULL);
SELECT paliad_backup.run(formats => '{xlsx,NULL}');
SELECT count(*) AS rows_left FROM paliad_backup.backups;
SELECT paliad_backup.get(NULL);
SELECT paliad_backup.get('00000000-0000-0000-0000-000000000000');
SELECT paliad_backup.list_files('00000000-0000-0000-0000-000000000000');
SELECT paliad_backup.download('00000000-0000-0000-0000-000000000000', 'anna@example.org');
SELECT paliad_backup.delete('00000000-0000-0000-0000-000000000000');
SELECT paliad_backup.pin('00000000-0000-0000-0000-000000000000');
SELECT paliad_backup.unpin('00000000-0000-0000-0000-000000000000');
SELECT id FROM paliad_backup.latest();
SELECT count(*) FROM paliad_backup.list();
