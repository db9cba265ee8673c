-- Secondary indexes: plain, unique over an expression, partial, covering, GIN and GiST, and extended statistics.

CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX login_sessions_user_idx ON login_sessions (user_id);
CREATE INDEX login_sessions_during_idx ON login_sessions USING gist (during);
CREATE INDEX parties_name_idx ON parties (lower(name) text_pattern_ops);
CREATE INDEX parties_tags_idx ON parties USING gin (tags);
CREATE INDEX matters_mandate_idx ON matters (mandate_id);
CREATE INDEX matters_open_idx ON matters (responsible_id, opened_on DESC) WHERE status = 'open';
CREATE INDEX matters_custom_fields_idx ON matters USING gin (custom_fields jsonb_path_ops);
CREATE INDEX matter_parties_party_idx ON matter_parties (party_id);
CREATE INDEX applications_matter_idx ON applications (matter_id);
CREATE INDEX applications_family_idx ON applications (family_id) INCLUDE (jurisdiction, status);
CREATE INDEX applications_number_idx ON applications (jurisdiction, number_normalised);
CREATE INDEX patents_in_force_idx ON patents USING gist (in_force);
CREATE INDEX office_actions_application_idx ON office_actions (application_id, dated_on);
CREATE INDEX deadlines_application_idx ON deadlines (application_id);
CREATE INDEX deadlines_due_idx ON deadlines (due_on) WHERE status = 'open';
CREATE INDEX documents_matter_idx ON documents (matter_id);
CREATE INDEX documents_search_idx ON documents USING gin (search);
CREATE INDEX correspondence_matter_idx ON correspondence (matter_id, sent_at);
CREATE INDEX tasks_matter_idx ON tasks (matter_id);
CREATE INDEX time_entries_matter_idx ON time_entries (matter_id, worked_on);
CREATE INDEX expenses_matter_idx ON expenses (matter_id);
CREATE INDEX invoices_matter_idx ON invoices (matter_id);
CREATE INDEX invoice_items_time_entry_idx ON invoice_items (time_entry_id, worked_on) WHERE time_entry_id IS NOT NULL;
CREATE INDEX system_audit_log_created_idx ON system_audit_log (created_at DESC);
COMMENT ON INDEX deadlines_due_idx IS 'Das Fristenbuch: what is open, by due date';

CREATE STATISTICS applications_jurisdiction_status (dependencies, mcv) ON jurisdiction, status FROM applications;
