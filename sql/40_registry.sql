-- What is exported beyond, or otherwise than, what the catalogs say: sheets and exclusions. Superusers only write here.

CREATE TABLE paliad_backup.sheets (
    id bigint GENERATED ALWAYS AS IDENTITY,
    relation_schema name,
    relation_name name,
    query text,
    run_as name,
    sheet_name text,
    kind text NOT NULL DEFAULT 'entity',
    position integer,
    label text,
    column_labels jsonb,
    label_column name,
    enabled boolean NOT NULL DEFAULT true,
    order_by text[],
    note text,
    CONSTRAINT sheets_pkey PRIMARY KEY (id),
    CONSTRAINT sheets_relation_key UNIQUE (relation_schema, relation_name),
    CONSTRAINT sheets_relation_or_query CHECK (
        (relation_schema IS NULL) = (relation_name IS NULL) AND (relation_name IS NULL) = (query IS NOT NULL)),
    CONSTRAINT sheets_query_named CHECK (query IS NULL OR sheet_name IS NOT NULL),
    CONSTRAINT sheets_query_run_as CHECK ((query IS NULL) = (run_as IS NULL)),
    CONSTRAINT sheets_query_not_blank CHECK (query ~ '[^[:space:]]'),
    CONSTRAINT sheets_sheet_name_not_blank CHECK (sheet_name ~ '[^[:space:]]'),
    CONSTRAINT sheets_kind_known CHECK (kind IN ('entity', 'ref')),
    CONSTRAINT sheets_column_labels_strings CHECK (
        pg_catalog.jsonb_typeof(column_labels) = 'object'
        AND NOT pg_catalog.jsonb_path_exists(column_labels, 'strict $.* ? (@.type() != "string")')),
    CONSTRAINT sheets_label_column_relation CHECK (label_column IS NULL OR relation_name IS NOT NULL),
    CONSTRAINT sheets_order_by_columns CHECK (
        pg_catalog.cardinality(order_by) > 0 AND pg_catalog.array_position(order_by, NULL) IS NULL)
);
CREATE UNIQUE INDEX sheets_query_sheet_name_key ON paliad_backup.sheets (sheet_name) WHERE query IS NOT NULL;

COMMENT ON TABLE paliad_backup.sheets IS
    'Sheets that differ from what the catalogs say: overrides for tables, registered views, foreign tables and queries. '
    'Tables without a row here are exported all the same';
COMMENT ON COLUMN paliad_backup.sheets.id IS 'Identifies the row';
COMMENT ON COLUMN paliad_backup.sheets.relation_schema IS 'Schema of the table, view or foreign table; NULL for a query';
COMMENT ON COLUMN paliad_backup.sheets.relation_name IS 'Name of the table, view or foreign table; NULL for a query';
COMMENT ON COLUMN paliad_backup.sheets.query IS 'SELECT that makes the sheet; NULL for a relation';
COMMENT ON COLUMN paliad_backup.sheets.run_as IS
    'Role as which the query is planned and executed; a relation is always read as its owner';
COMMENT ON COLUMN paliad_backup.sheets.sheet_name IS 'Name of the sheet; NULL: the relation''s name';
COMMENT ON COLUMN paliad_backup.sheets.kind IS 'entity, or ref: reference data, scope config, named ref__...';
COMMENT ON COLUMN paliad_backup.sheets.position IS 'Place among the sheets, ascending; those without one follow by name';
COMMENT ON COLUMN paliad_backup.sheets.label IS
    'Name for people, in the workbook''s contents; NULL: with settings.xlsx_labels the table''s comment';
COMMENT ON COLUMN paliad_backup.sheets.column_labels IS
    'Labels for people, an object: column name to label; shown with settings.xlsx_labels, as are the comments of other columns';
COMMENT ON COLUMN paliad_backup.sheets.label_column IS
    'Column of this table that tells people what a row is: the workbook shows it beside foreign keys to this table; NULL: nothing';
COMMENT ON COLUMN paliad_backup.sheets.enabled IS 'false leaves the sheet out';
COMMENT ON COLUMN paliad_backup.sheets.order_by IS
    'Columns to order by, before the primary key or the row''s text; NULL: by that alone';
COMMENT ON COLUMN paliad_backup.sheets.note IS 'Free text';
COMMENT ON INDEX paliad_backup.sheets_query_sheet_name_key IS 'One query a sheet name';

-- They are the HINTs of explain_checks().
COMMENT ON CONSTRAINT sheets_relation_or_query ON paliad_backup.sheets IS
    'Give either relation_schema and relation_name, or query with sheet_name and run_as.';
COMMENT ON CONSTRAINT sheets_query_named ON paliad_backup.sheets IS
    'A query needs a sheet_name.';
COMMENT ON CONSTRAINT sheets_query_run_as ON paliad_backup.sheets IS
    'A query needs run_as, the role that it runs as; a relation has none, it is read as its owner.';
COMMENT ON CONSTRAINT sheets_query_not_blank ON paliad_backup.sheets IS
    'query is the text of a SELECT.';
COMMENT ON CONSTRAINT sheets_sheet_name_not_blank ON paliad_backup.sheets IS
    'sheet_name is a name, or NULL for the relation''s.';
COMMENT ON CONSTRAINT sheets_kind_known ON paliad_backup.sheets IS
    'kind is ''entity'' or ''ref'', reference data.';
COMMENT ON CONSTRAINT sheets_column_labels_strings ON paliad_backup.sheets IS
    'column_labels is an object of strings, column to label: {"due_on": "Due date"}.';
COMMENT ON CONSTRAINT sheets_label_column_relation ON paliad_backup.sheets IS
    'Only a relation has a label_column.';
COMMENT ON CONSTRAINT sheets_order_by_columns ON paliad_backup.sheets IS
    'order_by is an array of columns without NULLs, as ''{due_on,id}'', or NULL.';
CREATE TRIGGER sheets_explain_checks BEFORE INSERT OR UPDATE ON paliad_backup.sheets
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.explain_checks();
COMMENT ON TRIGGER sheets_explain_checks ON paliad_backup.sheets IS 'Says how to correct what a CHECK constraint refuses';

CREATE TABLE paliad_backup.exclusions (
    schema_name text NOT NULL DEFAULT '*',
    relation_name text NOT NULL,
    reason text NOT NULL,
    seeded boolean NOT NULL DEFAULT false,
    excluded boolean NOT NULL DEFAULT true,
    CONSTRAINT exclusions_pkey PRIMARY KEY (schema_name, relation_name),
    CONSTRAINT exclusions_names_not_empty CHECK (schema_name <> '' AND relation_name <> ''),
    CONSTRAINT exclusions_not_everything CHECK (schema_name <> '*' OR relation_name <> '*'),
    CONSTRAINT exclusions_reason_not_blank CHECK (reason ~ '[^[:space:]]')
);

COMMENT ON TABLE paliad_backup.exclusions IS
    'Relations that are never exported, neither as a sheet nor read by a view or query. A relation is excluded when '
    'any row that names it says so';
COMMENT ON COLUMN paliad_backup.exclusions.schema_name IS 'Exact name of the schema; *: any schema';
COMMENT ON COLUMN paliad_backup.exclusions.relation_name IS 'Exact name of the relation; *: any relation of the schema';
COMMENT ON COLUMN paliad_backup.exclusions.reason IS 'Why, for the manifest';
COMMENT ON COLUMN paliad_backup.exclusions.seeded IS
    'The row came with the extension: it cannot be deleted, so that a dump carries the decision to switch it off';
COMMENT ON COLUMN paliad_backup.exclusions.excluded IS 'false switches the row off';

-- They are the HINTs of explain_checks().
COMMENT ON CONSTRAINT exclusions_names_not_empty ON paliad_backup.exclusions IS
    'schema_name is the exact name of a schema or * for any, relation_name that of a relation or * for any of the schema.';
COMMENT ON CONSTRAINT exclusions_not_everything ON paliad_backup.exclusions IS
    'Name the schema or the relation: what is exported is chosen by settings.schemas.';
COMMENT ON CONSTRAINT exclusions_reason_not_blank ON paliad_backup.exclusions IS
    'reason tells people why; it is shown in the manifest.';
CREATE TRIGGER exclusions_explain_checks BEFORE INSERT OR UPDATE ON paliad_backup.exclusions
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.explain_checks();
COMMENT ON TRIGGER exclusions_explain_checks ON paliad_backup.exclusions IS 'Says how to correct what a CHECK constraint refuses';

-- pg_dump writes the seeded rows too, and the database that reads the dump has them already.
CREATE FUNCTION paliad_backup.exclusions_replace() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM paliad_backup.exclusions e
    WHERE e.schema_name = NEW.schema_name AND e.relation_name = NEW.relation_name AND e.seeded;
    IF FOUND THEN
        NEW.seeded := true;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.exclusions_replace() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.exclusions_replace() IS
    'Trigger: an inserted row takes the place of a seeded one of that name';

CREATE FUNCTION paliad_backup.exclusions_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;  -- exclusions_replace() makes room
    END IF;
    RAISE object_not_in_prerequisite_state USING
        MESSAGE = 'exclusions that came with the extension can be neither removed nor renamed',
        HINT = 'Switch them off: UPDATE paliad_backup.exclusions SET excluded = false WHERE relation_name = ...';
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.exclusions_keep() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.exclusions_keep() IS 'Trigger: seeded rows stay';

CREATE TRIGGER exclusions_replace BEFORE INSERT ON paliad_backup.exclusions
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.exclusions_replace();
CREATE TRIGGER exclusions_keep BEFORE DELETE ON paliad_backup.exclusions
    FOR EACH ROW WHEN (OLD.seeded) EXECUTE FUNCTION paliad_backup.exclusions_keep();
CREATE TRIGGER exclusions_keep_name BEFORE UPDATE ON paliad_backup.exclusions
    FOR EACH ROW WHEN (OLD.seeded AND (NEW.schema_name <> OLD.schema_name OR NEW.relation_name <> OLD.relation_name
                                       OR NOT NEW.seeded))
    EXECUTE FUNCTION paliad_backup.exclusions_keep();
CREATE TRIGGER exclusions_keep_truncate BEFORE TRUNCATE ON paliad_backup.exclusions
    FOR EACH STATEMENT EXECUTE FUNCTION paliad_backup.exclusions_keep();
-- Also under session_replication_role = replica, which some tools set while they load a dump.
ALTER TABLE paliad_backup.exclusions ENABLE ALWAYS TRIGGER exclusions_replace;
ALTER TABLE paliad_backup.exclusions ENABLE ALWAYS TRIGGER exclusions_keep;
ALTER TABLE paliad_backup.exclusions ENABLE ALWAYS TRIGGER exclusions_keep_name;
ALTER TABLE paliad_backup.exclusions ENABLE ALWAYS TRIGGER exclusions_keep_truncate;
COMMENT ON TRIGGER exclusions_replace ON paliad_backup.exclusions IS 'Lets a dump''s row replace the seeded one';
COMMENT ON TRIGGER exclusions_keep ON paliad_backup.exclusions IS 'Seeded rows cannot be deleted';
COMMENT ON TRIGGER exclusions_keep_name ON paliad_backup.exclusions IS 'Seeded rows cannot be renamed';
COMMENT ON TRIGGER exclusions_keep_truncate ON paliad_backup.exclusions IS 'Seeded rows cannot be truncated away';

INSERT INTO paliad_backup.exclusions (relation_name, reason, seeded) VALUES
    ('paliadin_turns', 'AI chat is never exported', true),
    ('paliadin_aichat_conversation', 'AI chat is never exported', true);

SELECT pg_catalog.pg_extension_config_dump('paliad_backup.sheets', '');
SELECT pg_catalog.pg_extension_config_dump('paliad_backup.sheets_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('paliad_backup.exclusions', '');
