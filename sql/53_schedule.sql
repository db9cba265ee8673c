-- Automatic backups: pg_cron's jobs follow the settings. As the functions of 50_functions.sql.

CREATE FUNCTION paliad_backup.next_runs(schedule text, after timestamptz DEFAULT pg_catalog.now(), max_rows integer DEFAULT 5)
    RETURNS SETOF timestamptz
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 5 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'next_runs_wrapper';
COMMENT ON FUNCTION paliad_backup.next_runs(text, timestamptz, integer) IS
    'When pg_cron would do what is scheduled by a cron expression, after a time; in cron.timezone where pg_cron has that setting, else in GMT. max_rows: up to 1000. Errors: 22023 not a cron expression, or one that never comes';

CREATE FUNCTION paliad_backup.schedule_status()
    RETURNS TABLE (
        job text, schedule text, active boolean, command text, next_run timestamptz, last_run timestamptz, last_result text,
        last_message text, backs_off_until timestamptz, in_database text, next_command text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 3 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'schedule_status_wrapper';
COMMENT ON FUNCTION paliad_backup.schedule_status() IS
    'A row for each of this database''s jobs in pg_cron: when it runs next, when it ran last, with which result (succeeded, failed, running) and message. active: NULL when the job is not there, or not to be seen from here. backs_off_until: automatic backups have failed, the next try comes then. next_command: what to type, in the database in_database, where the job is not as settings want it. No row while settings.enabled is false. Errors: 55000 pg_cron is not installed or not loaded';

CREATE FUNCTION paliad_backup.schedule(
    schedule text DEFAULT '0 3 * * *', interval_hours integer DEFAULT NULL, auto_on_change boolean DEFAULT false)
    RETURNS TABLE (
        job text, schedule text, active boolean, command text, next_run timestamptz, last_run timestamptz, last_result text,
        last_message text, backs_off_until timestamptz, in_database text, next_command text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 3 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'schedule_wrapper';
COMMENT ON FUNCTION paliad_backup.schedule(text, integer, boolean) IS
    'Has backups made automatically: enables it in settings with exactly this (schedule: a cron expression, NULL for no run at fixed times; interval_hours: when the newest good backup is so old; auto_on_change: after changes), makes the jobs of pg_cron, and returns schedule_status(). To change one of them, UPDATE settings. Transactional. Where pg_cron''s jobs are in another database, the settings are stored and next_command says what to type there. Errors: 22023 not a cron expression, or nothing to do, 23514 out of range, 55000 pg_cron is not installed or not loaded';

CREATE FUNCTION paliad_backup.unschedule()
    RETURNS TABLE (job text, action text, in_database text, next_command text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 3 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'unschedule_wrapper';
COMMENT ON FUNCTION paliad_backup.unschedule() IS
    'Ends everything automatic: settings.enabled is false, this database''s jobs are removed from pg_cron. A row for each job: removed, or left, with what to type in the database in_database, where pg_cron''s jobs are in another one. Transactional';

CREATE FUNCTION paliad_backup.sync_jobs() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'sync_jobs_wrapper';
COMMENT ON FUNCTION paliad_backup.sync_jobs() IS
    'Makes pg_cron''s jobs what settings say; a change of settings calls it at commit. Superusers only. Errors: 55000 pg_cron is not installed or not loaded';

CREATE FUNCTION paliad_backup.start_up()
    RETURNS TABLE (step text, outcome text)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    failed text[] := '{}';
    text_of text;
    state text;
    detail_of text;
    hint_of text;
    first_state text;
    first_detail text;
    first_hint text;
BEGIN
    -- One step that fails does not keep the others from being done; pg_cron shows the failure.
    FOREACH step IN ARRAY ARRAY['reconcile', 'cleanup', 'check_health'] LOOP
        BEGIN
            CASE step
                WHEN 'reconcile' THEN
                    SELECT format('%s backups put right', count(*)) INTO outcome FROM paliad_backup.reconcile();
                WHEN 'cleanup' THEN
                    SELECT format('%s removed', count(*) FILTER (WHERE c.action IN ('remove', 'remove file'))) INTO outcome
                    FROM paliad_backup.cleanup(dry_run => false) AS c;
                WHEN 'check_health' THEN
                    -- What is wrong is told and is no failure: the health of this very job would never be good again.
                    SELECT concat_ws('; ', format('%s critical, %s warnings', count(*) FILTER (WHERE h.level = 'critical'),
                                                  count(*) FILTER (WHERE h.level = 'warning')),
                                     string_agg(h.check_name || ': ' || h.message, '; ') FILTER (WHERE h.level = 'critical'))
                    INTO outcome FROM paliad_backup.check_health() AS h;
            END CASE;
        EXCEPTION
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS text_of = MESSAGE_TEXT, state = RETURNED_SQLSTATE,
                    detail_of = PG_EXCEPTION_DETAIL, hint_of = PG_EXCEPTION_HINT;
                outcome := format('failed with %s: %s', state, text_of);
                -- An operation that runs by now has put things right itself.
                IF state <> '55006' THEN
                    failed := failed || format('%s: %s', step, text_of);
                    IF first_state IS NULL THEN
                        first_state := state;
                        first_detail := detail_of;
                        first_hint := hint_of;
                    END IF;
                END IF;
        END;
        RETURN NEXT;
    END LOOP;
    IF failed <> '{}' THEN
        RAISE EXCEPTION USING MESSAGE = array_to_string(failed, '; '), ERRCODE = first_state,
            DETAIL = concat_ws(' ', nullif(first_detail, ''), 'All steps were tried.'),
            HINT = coalesce(nullif(first_hint, ''), 'SELECT * FROM paliad_backup.check_health(); tells what is wrong.');
    END IF;
END
$$;
COMMENT ON FUNCTION paliad_backup.start_up() IS
    'What pg_cron does when the server has started: reconcile(), cleanup(dry_run => false), check_health(). A row for each step. It may be called at any time: as cleanup() it removes what no retention rule keeps. Errors: those of the steps, the first one''s SQLSTATE, DETAIL and HINT, after all were tried; what check_health() finds is none';

CREATE FUNCTION paliad_backup.auto_backup_tick()
    RETURNS TABLE (action text, reason text, backup_id uuid)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'auto_backup_tick_wrapper';
COMMENT ON FUNCTION paliad_backup.auto_backup_tick() IS
    'What pg_cron calls each minute: makes a backup when the newest good one is settings.interval_hours old, or, with settings.auto_on_change, when exported tables have changed since and nothing was written to them for change_debounce; one whose contents would be the same is not made. One row: action (backup or none), the reason, the backup''s id. After failures it waits, up to an hour; an operation that is active is no error. Not transactional. Errors: as run(), 55000 track_counts is off';

REVOKE ALL ON FUNCTION
    paliad_backup.auto_backup_tick(), paliad_backup.next_runs(text, timestamptz, integer), paliad_backup.schedule_status(),
    paliad_backup.schedule(text, integer, boolean), paliad_backup.unschedule(), paliad_backup.sync_jobs(), paliad_backup.start_up()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    paliad_backup.auto_backup_tick(), paliad_backup.next_runs(text, timestamptz, integer), paliad_backup.schedule_status(),
    paliad_backup.schedule(text, integer, boolean), paliad_backup.unschedule(), paliad_backup.start_up()
    TO paliad_backup_admin;

-- At UPDATE, not at INSERT: a dump brings the row while pg_cron may not be there yet.
CREATE FUNCTION paliad_backup.settings_check_schedule() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM paliad_backup.next_runs(NEW.schedule, max_rows => 1);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.settings_check_schedule() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.settings_check_schedule() IS 'Trigger: the schedule must be a cron expression';
CREATE TRIGGER settings_check_schedule AFTER UPDATE ON paliad_backup.settings
    FOR EACH ROW WHEN (NEW.schedule IS DISTINCT FROM OLD.schedule AND NEW.schedule IS NOT NULL)
    EXECUTE FUNCTION paliad_backup.settings_check_schedule();
COMMENT ON TRIGGER settings_check_schedule ON paliad_backup.settings IS 'Refuses a schedule that pg_cron would not understand';

-- SECURITY DEFINER: pg_cron's jobs are the extension owner's, whoever of the admins changes the settings.
CREATE FUNCTION paliad_backup.settings_sync_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM paliad_backup.sync_jobs();
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.settings_sync_jobs() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.settings_sync_jobs() IS 'Trigger: pg_cron''s jobs follow the settings';
CREATE CONSTRAINT TRIGGER settings_sync_jobs AFTER UPDATE ON paliad_backup.settings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.enabled OR OLD.enabled) AND (NEW.enabled, NEW.schedule, NEW.interval_hours, NEW.auto_on_change)
          IS DISTINCT FROM (OLD.enabled, OLD.schedule, OLD.interval_hours, OLD.auto_on_change))
    EXECUTE FUNCTION paliad_backup.settings_sync_jobs();
COMMENT ON TRIGGER settings_sync_jobs ON paliad_backup.settings IS 'At commit, pg_cron''s jobs become what the settings say';
