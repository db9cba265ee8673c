-- What the row of settings says about automatic backups: when they are made, which are kept, when they are unwell. Here one column
-- after the other, each with its CHECK. Members of paliad_backup_admin may change these (60_grants.sql).

ALTER TABLE paliad_backup.settings
    ADD COLUMN enabled boolean NOT NULL DEFAULT false,
    ADD COLUMN schedule text DEFAULT '0 3 * * *'
        CONSTRAINT settings_schedule_not_blank CHECK (schedule ~ '[^[:space:]]'),
    ADD COLUMN interval_hours integer
        CONSTRAINT settings_interval_hours_range CHECK (interval_hours BETWEEN 1 AND 8760),
    ADD COLUMN auto_on_change boolean NOT NULL DEFAULT false,
    ADD COLUMN change_poll interval NOT NULL DEFAULT '60 seconds'
        CONSTRAINT settings_change_poll_range CHECK (change_poll BETWEEN '1 second' AND '1 day'),
    ADD COLUMN change_debounce interval NOT NULL DEFAULT '300 seconds'
        CONSTRAINT settings_change_debounce_range CHECK (change_debounce BETWEEN '0 seconds' AND '1 day'),
    ADD COLUMN formats text[] NOT NULL DEFAULT '{xlsx,json,csv}'
        CONSTRAINT settings_formats_known CHECK (
            pg_catalog.cardinality(formats) > 0 AND formats OPERATOR(pg_catalog.<@) '{xlsx,json,csv}'::text[]),
    ADD COLUMN retention_count integer DEFAULT 10
        CONSTRAINT settings_retention_count_positive CHECK (retention_count > 0),
    ADD COLUMN retention_days integer
        CONSTRAINT settings_retention_days_range CHECK (retention_days BETWEEN 1 AND 36500),
    ADD COLUMN keep_daily integer
        CONSTRAINT settings_keep_daily_positive CHECK (keep_daily > 0),
    ADD COLUMN keep_weekly integer
        CONSTRAINT settings_keep_weekly_positive CHECK (keep_weekly > 0),
    ADD COLUMN keep_monthly integer
        CONSTRAINT settings_keep_monthly_positive CHECK (keep_monthly > 0),
    ADD COLUMN keep_yearly integer
        CONSTRAINT settings_keep_yearly_positive CHECK (keep_yearly > 0),
    ADD COLUMN minimum_redundancy integer NOT NULL DEFAULT 1
        CONSTRAINT settings_minimum_redundancy_not_negative CHECK (minimum_redundancy >= 0),
    ADD COLUMN checkpoint_count integer DEFAULT 5
        CONSTRAINT settings_checkpoint_count_positive CHECK (checkpoint_count > 0),
    ADD COLUMN max_age interval NOT NULL DEFAULT '26 hours'
        CONSTRAINT settings_max_age_positive CHECK (max_age > '0 seconds'),
    ADD COLUMN notify_channel text
        -- pg_notify() takes a name of up to 63 bytes.
        CONSTRAINT settings_notify_channel_name CHECK (pg_catalog.octet_length(notify_channel) BETWEEN 1 AND 63);

COMMENT ON COLUMN paliad_backup.settings.enabled IS
    'Whether backups are made automatically; governs the jobs of pg_cron and nothing else';
COMMENT ON COLUMN paliad_backup.settings.schedule IS
    'When a backup is made whatever has changed: a cron expression (pg_cron 1.4 counts in GMT); NULL: never';
COMMENT ON COLUMN paliad_backup.settings.interval_hours IS
    'A backup is made as soon as the newest good one is this many hours old; NULL: never';
COMMENT ON COLUMN paliad_backup.settings.auto_on_change IS 'Whether a backup is made after changes, once the data are quiet';
COMMENT ON COLUMN paliad_backup.settings.change_poll IS 'Least time between two looks for changes; pg_cron looks each minute at most';
COMMENT ON COLUMN paliad_backup.settings.change_debounce IS
    'How long the data must be quiet before a backup is made of changes';
COMMENT ON COLUMN paliad_backup.settings.formats IS 'What automatic backups contain: xlsx, json, csv';
COMMENT ON COLUMN paliad_backup.settings.retention_count IS 'Keep this many of the newest backups; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.retention_days IS
    'Keep backups of this many days before the newest good one; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.keep_daily IS
    'Keep the newest backup of each of the last so many days (UTC) that have one; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.keep_weekly IS
    'Keep the newest backup of each of the last so many weeks (UTC, from Monday) that have one; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.keep_monthly IS
    'Keep the newest backup of each of the last so many months (UTC) that have one; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.keep_yearly IS
    'Keep the newest backup of each of the last so many years (UTC) that have one; NULL: rule not used';
COMMENT ON COLUMN paliad_backup.settings.minimum_redundancy IS
    'Retention never removes the last so many good backups, whatever the rules say';
COMMENT ON COLUMN paliad_backup.settings.checkpoint_count IS 'Keep this many of the newest checkpoints; NULL: all of them';
COMMENT ON COLUMN paliad_backup.settings.max_age IS 'When the newest good backup is older than this, health is critical';
COMMENT ON COLUMN paliad_backup.settings.notify_channel IS 'Channel that failures are sent to by NOTIFY; NULL: none';

-- They are the HINTs of explain_checks().
COMMENT ON CONSTRAINT settings_schedule_not_blank ON paliad_backup.settings IS
    'schedule is a cron expression, as ''0 3 * * *'', or NULL for no run at fixed times.';
COMMENT ON CONSTRAINT settings_interval_hours_range ON paliad_backup.settings IS
    'interval_hours is a number from 1 to 8760, or NULL for no backup by age.';
COMMENT ON CONSTRAINT settings_change_poll_range ON paliad_backup.settings IS
    'change_poll is from 1 second to 1 day; pg_cron looks each minute at most.';
COMMENT ON CONSTRAINT settings_change_debounce_range ON paliad_backup.settings IS
    'change_debounce is from 0 seconds to 1 day.';
COMMENT ON CONSTRAINT settings_formats_known ON paliad_backup.settings IS
    'formats is an array of at least one of xlsx, json and csv, as ''{xlsx,csv}''.';
COMMENT ON CONSTRAINT settings_retention_count_positive ON paliad_backup.settings IS
    'retention_count is at least 1, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_retention_days_range ON paliad_backup.settings IS
    'retention_days is a number from 1 to 36500, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_keep_daily_positive ON paliad_backup.settings IS
    'keep_daily is at least 1, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_keep_weekly_positive ON paliad_backup.settings IS
    'keep_weekly is at least 1, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_keep_monthly_positive ON paliad_backup.settings IS
    'keep_monthly is at least 1, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_keep_yearly_positive ON paliad_backup.settings IS
    'keep_yearly is at least 1, or NULL to leave the rule out.';
COMMENT ON CONSTRAINT settings_minimum_redundancy_not_negative ON paliad_backup.settings IS
    'minimum_redundancy is a number of backups, 0 or more.';
COMMENT ON CONSTRAINT settings_checkpoint_count_positive ON paliad_backup.settings IS
    'checkpoint_count is at least 1, or NULL to keep all checkpoints.';
COMMENT ON CONSTRAINT settings_max_age_positive ON paliad_backup.settings IS
    'max_age is an interval longer than nothing, as ''26 hours''.';
COMMENT ON CONSTRAINT settings_notify_channel_name ON paliad_backup.settings IS
    'notify_channel is a name of up to 63 bytes, as ''paliad_backup'', or NULL for no notification.';
