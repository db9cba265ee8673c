-- References between tables. Cycles and self-references are deferrable, so that one transaction can write both ends.

ALTER TABLE jurisdictions ADD FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE patent_offices ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions;
ALTER TABLE courts
  ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions,
  ADD FOREIGN KEY (appeal_court_id) REFERENCES courts DEFERRABLE;
ALTER TABLE ipc_classes ADD FOREIGN KEY (parent) REFERENCES ipc_classes DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE deadline_rules
  ADD FOREIGN KEY (event_type) REFERENCES event_types ON UPDATE CASCADE,
  ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions;
ALTER TABLE fee_schedules
  ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions,
  ADD FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE holidays ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions;

-- teams ⇄ users
ALTER TABLE teams
  ADD FOREIGN KEY (location_id) REFERENCES locations,
  ADD FOREIGN KEY (lead_id) REFERENCES users DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users
  ADD FOREIGN KEY (team_id) REFERENCES teams DEFERRABLE INITIALLY DEFERRED,
  ADD FOREIGN KEY (supervisor_id) REFERENCES users DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE team_members
  ADD FOREIGN KEY (team_id) REFERENCES teams ON DELETE CASCADE,
  ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE user_settings ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE login_sessions ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE contacts
  ADD FOREIGN KEY (party_id) REFERENCES parties,
  ADD FOREIGN KEY (language) REFERENCES languages;
ALTER TABLE foreign_associates
  ADD FOREIGN KEY (language) REFERENCES languages,
  ADD FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE parties ADD FOREIGN KEY (language) REFERENCES languages;
ALTER TABLE mandates
  ADD FOREIGN KEY (party_id) REFERENCES parties,
  ADD FOREIGN KEY (partner_id) REFERENCES users;
ALTER TABLE rate_agreements
  ADD FOREIGN KEY (mandate_id) REFERENCES mandates ON DELETE CASCADE,
  ADD FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE conflict_checks
  ADD FOREIGN KEY (party_id) REFERENCES parties,
  ADD FOREIGN KEY (checked_by) REFERENCES users;

-- matters ⇄ applications
ALTER TABLE families
  ADD FOREIGN KEY (technology_field) REFERENCES technology_fields,
  ADD FOREIGN KEY (owner_id) REFERENCES parties;
ALTER TABLE matters
  ADD FOREIGN KEY (mandate_id) REFERENCES mandates,
  ADD FOREIGN KEY (responsible_id) REFERENCES users,
  ADD FOREIGN KEY (parent_id) REFERENCES matters DEFERRABLE INITIALLY DEFERRED,
  ADD FOREIGN KEY (lead_application_id) REFERENCES applications DEFERRABLE INITIALLY DEFERRED,
  ADD FOREIGN KEY (court_id) REFERENCES courts;
ALTER TABLE matter_parties
  ADD FOREIGN KEY (matter_id) REFERENCES matters ON DELETE CASCADE,
  ADD FOREIGN KEY (party_id) REFERENCES parties;
ALTER TABLE applications
  ADD FOREIGN KEY (matter_id) REFERENCES matters DEFERRABLE INITIALLY DEFERRED,
  ADD FOREIGN KEY (family_id) REFERENCES families,
  ADD FOREIGN KEY (jurisdiction) REFERENCES jurisdictions,
  ADD FOREIGN KEY (language) REFERENCES languages;
ALTER TABLE application_ipc_classes
  ADD FOREIGN KEY (application_id) REFERENCES applications ON DELETE CASCADE,
  ADD FOREIGN KEY (symbol) REFERENCES ipc_classes;
ALTER TABLE priority_claims
  ADD FOREIGN KEY (application_id) REFERENCES applications,
  ADD FOREIGN KEY (earlier_application_id) REFERENCES applications;
ALTER TABLE inventors ADD FOREIGN KEY (employer_id) REFERENCES parties ON DELETE SET NULL;
ALTER TABLE application_inventors
  ADD FOREIGN KEY (application_id) REFERENCES applications ON DELETE CASCADE,
  ADD FOREIGN KEY (inventor_id) REFERENCES inventors;
ALTER TABLE patents ADD FOREIGN KEY (application_id) REFERENCES applications;
ALTER TABLE annuities ADD FOREIGN KEY (application_id) REFERENCES patents;
ALTER TABLE claims
  ADD FOREIGN KEY (application_id) REFERENCES applications ON DELETE CASCADE,
  ADD FOREIGN KEY (application_id, depends_on) REFERENCES claims (application_id, claim_no) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE office_actions
  ADD FOREIGN KEY (application_id) REFERENCES applications,
  ADD FOREIGN KEY (office) REFERENCES patent_offices,
  ADD FOREIGN KEY (event_type) REFERENCES event_types ON UPDATE CASCADE;
ALTER TABLE prior_art_citations ADD FOREIGN KEY (office_action_id) REFERENCES office_actions ON DELETE CASCADE;
ALTER TABLE "Erfinder Vergütungen"
  ADD CONSTRAINT "Vergütung des Erfinders" FOREIGN KEY ("Erfinder") REFERENCES inventors,
  ADD FOREIGN KEY ("Anmeldung") REFERENCES applications;

ALTER TABLE deadlines
  ADD FOREIGN KEY (application_id) REFERENCES applications,
  ADD FOREIGN KEY (office_action_id) REFERENCES office_actions,
  ADD FOREIGN KEY (rule) REFERENCES deadline_rules,
  ADD FOREIGN KEY (responsible_id) REFERENCES users,
  ADD FOREIGN KEY (deputy_id) REFERENCES users;
ALTER TABLE deadline_reminders
  ADD FOREIGN KEY (deadline_id) REFERENCES deadlines ON DELETE CASCADE,
  ADD FOREIGN KEY (recipient_id) REFERENCES users;
ALTER TABLE documents
  ADD FOREIGN KEY (matter_id) REFERENCES matters,
  ADD FOREIGN KEY (language) REFERENCES languages,
  ADD FOREIGN KEY (uploaded_by) REFERENCES users;
ALTER TABLE correspondence
  ADD FOREIGN KEY (matter_id) REFERENCES matters,
  ADD FOREIGN KEY (in_reply_to) REFERENCES correspondence DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE tasks
  ADD FOREIGN KEY (matter_id) REFERENCES matters ON DELETE CASCADE,
  ADD FOREIGN KEY (parent_id) REFERENCES tasks,
  ADD FOREIGN KEY (assignee_id) REFERENCES users ON DELETE SET NULL;
ALTER TABLE time_entries
  ADD FOREIGN KEY (user_id) REFERENCES users,
  ADD FOREIGN KEY (matter_id) REFERENCES matters,
  ADD FOREIGN KEY (billing_code) REFERENCES billing_codes;
ALTER TABLE expenses
  ADD FOREIGN KEY (matter_id) REFERENCES matters,
  ADD FOREIGN KEY (user_id) REFERENCES users,
  ADD FOREIGN KEY (currency) REFERENCES currencies;
ALTER TABLE invoices
  ADD FOREIGN KEY (matter_id) REFERENCES matters,
  ADD FOREIGN KEY (billed_to) REFERENCES parties;
ALTER TABLE invoice_items
  ADD FOREIGN KEY (invoice_id) REFERENCES invoices ON DELETE CASCADE,
  ADD FOREIGN KEY (time_entry_id, worked_on) REFERENCES time_entries;

ALTER TABLE paliadin_aichat_conversation ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE paliadin_turns ADD FOREIGN KEY (conversation_id) REFERENCES paliadin_aichat_conversation ON DELETE CASCADE;
