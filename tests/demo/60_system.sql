-- What the application keeps about itself, and the AI chat that stays out of every export.

-- Lines as the offices' feeds deliver them: no key, repeats happen, the JSON text is kept as it came.
CREATE TABLE docket_feed (
  source varchar(8) NOT NULL,
  received_local timestamp(0) NOT NULL,
  transmission_no numeric(30),
  codes integer[],
  payload json,
  raw_line text
);
COMMENT ON TABLE docket_feed IS 'Rohdaten der Amtsschnittstellen (no primary key on purpose)';

CREATE TABLE system_audit_log (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  event_type text NOT NULL CONSTRAINT system_audit_log_event_type_check CHECK (event_type IN (
    'user_login', 'role_changed', 'matter_opened', 'matter_closed', 'deadline_completed', 'document_deleted',
    'invoice_status_changed', 'data_exported',
    'backup_created', 'backup_failed', 'backup_downloaded', 'backup_deleted', 'backup_pinned', 'backup_unpinned',
    'backup_verified', 'backup_read', 'backup_imported', 'checksum_repaired', 'catalog_rebuilt',
    'restore_requested', 'restore_undone', 'restore_rehearsed', 'restore_staged', 'restore_staging_cancelled',
    'restore_applied', 'migration_applied', 'migration_rolled_back', 'auto_recovered', 'directory_adopted',
    'orphan_removed', 'schedule_changed')),
  actor_id uuid,
  actor_email text,
  scope text NOT NULL CHECK (scope IN ('org', 'project', 'personal')),
  scope_root uuid,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT system_audit_log_scope_root_check CHECK (scope <> 'org' OR scope_root IS NULL)
);
COMMENT ON TABLE system_audit_log IS 'Wer hat was getan. The actor is kept as text, so that the entry outlives the user';

CREATE TABLE paliadin_aichat_conversation (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  title text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE paliadin_aichat_conversation IS 'Conversations with the AI assistant; never part of an export';

CREATE TABLE paliadin_turns (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conversation_id uuid NOT NULL,
  turn_no smallint NOT NULL,
  role text NOT NULL CHECK (role IN ('user', 'assistant')),
  content text NOT NULL,
  tokens integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (conversation_id, turn_no)
);
COMMENT ON TABLE paliadin_turns IS 'Questions and answers of the AI chat; never part of an export';
