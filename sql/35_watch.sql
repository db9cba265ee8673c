-- What auto_backup_tick() has seen when it last looked for changes. The recorder writes it; it means nothing to another server, so
-- that no dump has it.
CREATE TABLE paliad_backup.change_watch (
    id boolean NOT NULL DEFAULT true,
    looked_at timestamptz NOT NULL,
    fingerprint text NOT NULL,
    changed_at timestamptz NOT NULL,
    settled_fingerprint text,
    settled_backup uuid,
    attempts integer NOT NULL DEFAULT 0,
    CONSTRAINT change_watch_pkey PRIMARY KEY (id),
    CONSTRAINT change_watch_one_row CHECK (id)
) WITH (fillfactor = 50);

COMMENT ON TABLE paliad_backup.change_watch IS 'What auto_backup_tick() saw when it last looked for changes: at most one row';
COMMENT ON COLUMN paliad_backup.change_watch.id IS 'Always true: there is one row';
COMMENT ON COLUMN paliad_backup.change_watch.looked_at IS 'The last look';
COMMENT ON COLUMN paliad_backup.change_watch.fingerprint IS
    'What it saw, from the server''s counters and catalogs: another one when an exported table may have changed';
COMMENT ON COLUMN paliad_backup.change_watch.changed_at IS 'The first look that saw this fingerprint';
COMMENT ON COLUMN paliad_backup.change_watch.settled_fingerprint IS 'Fingerprint of the data that are known to be backed up';
COMMENT ON COLUMN paliad_backup.change_watch.settled_backup IS 'The backup that has them';
COMMENT ON COLUMN paliad_backup.change_watch.attempts IS
    'Comparisons of the contents that did not come to an end, one after the other: each lets the next one wait for longer';
