-- What the application does by itself: who may see what, triggers, views, and the rights of its login.

-- Reads users with the owner's rights: the row security of users asks this very function.
CREATE FUNCTION is_global_admin() RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT EXISTS (SELECT FROM paliad.users u WHERE u.id = auth.uid() AND u.global_role = 'global_admin' AND u.active) $$;
COMMENT ON FUNCTION is_global_admin() IS 'Is the signed-in user an active global_admin?';

-- Policies do not apply to the owner, and none is forced: a backup made with the owner's rights sees every row.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_read ON users FOR SELECT TO paliad_app USING (auth.uid() IS NOT NULL);
CREATE POLICY users_own ON users FOR UPDATE TO paliad_app
  USING (id = auth.uid() OR paliad.is_global_admin())
  WITH CHECK (paliad.is_global_admin() OR global_role <> 'global_admin');
CREATE POLICY users_admin ON users TO paliad_app USING (paliad.is_global_admin());

ALTER TABLE matters ENABLE ROW LEVEL SECURITY;
CREATE POLICY matters_staff ON matters TO paliad_app
  USING (EXISTS (SELECT FROM paliad.users u WHERE u.id = auth.uid() AND u.global_role <> 'client'));
CREATE POLICY matters_not_archived ON matters AS RESTRICTIVE FOR UPDATE TO paliad_app
  USING (status <> 'archived' OR paliad.is_global_admin());

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY documents_with_matter ON documents TO paliad_app
  USING (EXISTS (SELECT FROM paliad.matters m WHERE m.id = matter_id));

ALTER TABLE user_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY user_settings_own ON user_settings TO paliad_app USING (user_id = auth.uid());

ALTER TABLE system_audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY system_audit_log_read ON system_audit_log FOR SELECT TO paliad_app USING (paliad.is_global_admin());
CREATE POLICY system_audit_log_write ON system_audit_log FOR INSERT TO paliad_app WITH CHECK (actor_id = auth.uid());

ALTER TABLE paliadin_aichat_conversation ENABLE ROW LEVEL SECURITY;
CREATE POLICY paliadin_own ON paliadin_aichat_conversation TO paliad_app USING (user_id = auth.uid());
ALTER TABLE paliadin_turns ENABLE ROW LEVEL SECURITY;
CREATE POLICY paliadin_own ON paliadin_turns TO paliad_app
  USING (EXISTS (SELECT FROM paliad.paliadin_aichat_conversation c WHERE c.id = conversation_id));

CREATE FUNCTION touch_updated_at() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END
  $$;

SELECT format('CREATE TRIGGER touch_updated_at BEFORE UPDATE ON paliad.%I FOR EACH ROW EXECUTE FUNCTION paliad.touch_updated_at()',
              table_name)
  FROM information_schema.columns
 WHERE table_schema = 'paliad' AND column_name = 'updated_at'
 ORDER BY table_name \gexec

CREATE FUNCTION audit_invoice_status() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  INSERT INTO paliad.system_audit_log (event_type, actor_id, actor_email, scope, metadata)
  SELECT 'invoice_status_changed', auth.uid(), (SELECT u.email FROM paliad.users u WHERE u.id = auth.uid()), 'org',
         jsonb_build_object('invoice', NEW.number, 'from', OLD.status, 'to', NEW.status);
  RETURN NULL;
END
  $$;
CREATE TRIGGER audit_status AFTER UPDATE OF status ON invoices
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION audit_invoice_status();
-- Also on a logical replica: the books need every change, wherever it was made.
ALTER TABLE invoices ENABLE ALWAYS TRIGGER audit_status;

CREATE FUNCTION refuse_truncate() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is never emptied' USING ERRCODE = 'insufficient_privilege';
END
  $$;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON system_audit_log EXECUTE FUNCTION refuse_truncate();

CREATE VIEW open_deadlines WITH (security_barrier) AS
  SELECT d.id, coalesce(d.extended_to, d.due_on) AS due_on, m.reference, a.jurisdiction, a.number, r.text_de, r.legal_basis,
         u.display_name AS responsible
    FROM deadlines d
    JOIN deadline_rules r ON r.code = d.rule
    JOIN applications a ON a.id = d.application_id
    JOIN matters m ON m.id = a.matter_id
    JOIN users u ON u.id = d.responsible_id
   WHERE d.status = 'open';
COMMENT ON VIEW open_deadlines IS 'Das Fristenbuch';

CREATE MATERIALIZED VIEW matter_totals AS
  SELECT m.id AS matter_id, m.reference, coalesce(t.minutes, 0) AS minutes, coalesce(t.amount, 0) AS worked,
         coalesce(i.net, 0) AS invoiced
    FROM matters m
    LEFT JOIN (SELECT matter_id, sum(minutes) AS minutes, sum(amount) AS amount FROM time_entries GROUP BY matter_id) t
           ON t.matter_id = m.id
    LEFT JOIN (SELECT matter_id, sum(net) AS net FROM invoices GROUP BY matter_id) i ON i.matter_id = m.id;
CREATE UNIQUE INDEX matter_totals_key ON matter_totals (matter_id);
COMMENT ON MATERIALIZED VIEW matter_totals IS 'Stunden und Umsatz je Akte';

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA paliad TO paliad_app;
REVOKE UPDATE, DELETE ON system_audit_log FROM paliad_app;
REVOKE INSERT, UPDATE, DELETE ON matter_totals FROM paliad_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA paliad TO paliad_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA paliad GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO paliad_app;
