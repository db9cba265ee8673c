//! Audit rows, in our own table or in the application's, written as the table's owner.

use pgrx::pg_sys::Oid;
use serde::{Deserialize, Serialize};

use super::NOW_RFC3339;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::identity::{As, act_as};
use crate::pg::name_guard::naming;
use crate::pg::query::{Row, Snapshot, scalar, select, write};

/// The words that stand in `event_type`; a public contract.
pub const EVENT_TYPES: [&str; 23] = [
    "backup_created",
    "backup_failed",
    "backup_downloaded",
    "backup_deleted",
    "backup_pinned",
    "backup_unpinned",
    "backup_verified",
    "backup_read",
    "backup_imported",
    "checksum_repaired",
    "catalog_rebuilt",
    "restore_requested",
    "restore_undone",
    "restore_rehearsed",
    "restore_staged",
    "restore_staging_cancelled",
    "restore_applied",
    "migration_applied",
    "migration_rolled_back",
    "auto_recovered",
    "directory_adopted",
    "orphan_removed",
    "schedule_changed",
];

/// A type among those of a table's columns whose constraints somebody else may write, at any depth: they would be checked with the rights of
/// who writes the row.
const FOREIGN_TYPE: &str = "WITH RECURSIVE used (oid) AS (\
       SELECT a.atttypid FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
       UNION SELECT o.oid FROM used AS u JOIN pg_catalog.pg_type AS t ON t.oid = u.oid \
         CROSS JOIN LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem UNION ALL \
           SELECT a.atttypid FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS o (oid) \
         WHERE o.oid <> 0) \
     SELECT 'its type ' || pg_catalog.min(t.oid::regtype::text) || ' does not' FROM used AS u JOIN pg_catalog.pg_type AS t ON t.oid = u.oid \
     JOIN pg_catalog.pg_roles AS r ON r.oid = t.typowner WHERE t.typtype = 'd' AND NOT r.rolsuper";

/// Who else may put triggers on a table: their conditions would be evaluated with the rights of who writes the row.
const FOREIGN_TRIGGERS: &str = "SELECT pg_catalog.min(coalesce(r.rolname, 'everybody')) || ' may create triggers on it' \
     FROM pg_catalog.aclexplode(c.relacl) AS g LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee \
     WHERE g.privilege_type = 'TRIGGER' AND r.rolsuper IS NOT TRUE";

/// Who did it, as the caller says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The application's user, where there is one.
    pub id: Option<String>,
    /// Kept as text, so that the row outlives the user.
    pub email: Option<String>,
}

/// An audit row as far as use cases read it.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditRow {
    /// Its id.
    pub id: String,
    /// What happened.
    pub event_type: String,
    /// Who did it.
    pub actor_email: Option<String>,
    /// The rest.
    pub metadata: serde_json::Value,
    /// When it was written.
    pub created_at: String,
}

/// The audit table that is in force.
pub struct AuditTable {
    oid: u32,
    name: String,
    owner: Oid,
    /// Names of its deferrable constraints, for SET CONSTRAINTS.
    deferrable: Option<String>,
    settings: Vec<(String, String)>,
}

impl AuditTable {
    /// The table that the settings name.
    ///
    /// # Errors
    /// [`Error::UnknownObject`] when it is gone.
    pub fn resolve(settings: &Settings) -> Result<AuditTable> {
        let wanted = settings.audit_table.as_deref().unwrap_or("paliad_backup.system_audit_log");
        let oid = scalar(select(Snapshot::Latest, "SELECT pg_catalog.to_regclass($1)::oid", &[Some(wanted)])?);
        let oid = oid.and_then(|oid| oid.parse::<u32>().ok()).ok_or_else(|| Error::UnknownObject {
            message: format!("audit table {wanted} does not exist"),
            hint: "UPDATE paliad_backup.settings SET audit_table = NULL uses the extension's own.".into(),
        })?;
        AuditTable::by_oid(Oid::from(oid), settings)
    }

    /// A table by its oid, written with the audit settings of `settings` in force.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is none.
    pub fn by_oid(table: Oid, settings: &Settings) -> Result<AuditTable> {
        let sql = format!(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner, \
             CASE WHEN c.relowner IN (SELECT s.oid FROM pg_catalog.pg_roles AS s WHERE s.rolsuper) THEN coalesce(({FOREIGN_TYPE}), \
               ({FOREIGN_TRIGGERS})) END, \
             (SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', k.nspname, o.conname), ', ') \
              FROM pg_catalog.pg_constraint AS o JOIN pg_catalog.pg_namespace AS k ON k.oid = o.connamespace \
              WHERE o.conrelid = c.oid AND o.condeferrable) \
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE c.oid = $1::oid"
        );
        let rows = select(Snapshot::Latest, &sql, &[Some(&table.to_u32().to_string())])?;
        let [Some(name), Some(owner), others, deferrable] = rows.first().map_or(&[][..], Vec::as_slice) else {
            return Err(Error::internal(format!("audit table {} is gone", table.to_u32())));
        };
        if let Some(others) = others {
            return Err(Error::Rights {
                message: format!("audit table {name} belongs to a superuser, but {others}"),
                hint: format!("ALTER TABLE {name} OWNER TO the role that owns the application."),
            });
        }
        Ok(AuditTable {
            oid: table.to_u32(),
            name: name.clone(),
            owner: Oid::from(owner.parse::<u32>().map_err(Error::internal)?),
            deferrable: deferrable.clone(),
            settings: settings.audit_settings.clone().unwrap_or_default().into_iter().collect(),
        })
    }

    /// Which table it is.
    pub fn oid(&self) -> u32 {
        self.oid
    }

    /// Inserts one row and returns its id. `stamp` is the metadata key that gets the time.
    ///
    /// # Errors
    /// [`Error::WrongState`] when a trigger or rule keeps the row out; what the table's constraints, triggers and rights say is
    /// raised by the server.
    pub fn insert(&self, event: &str, actor: &Actor, metadata: &serde_json::Value, stamp: &str) -> Result<String> {
        let sql = format!(
            "INSERT INTO {} (event_type, actor_id, actor_email, scope, scope_root, metadata, created_at, updated_at) \
             VALUES ($1, $2::uuid, $3, 'org', NULL, $4::jsonb || jsonb_build_object($5, {NOW_RFC3339}), \
             clock_timestamp(), clock_timestamp()) RETURNING id",
            self.name
        );
        let metadata = metadata.to_string();
        self.as_owner(|| {
            let rows = self.write(
                &sql,
                &[Some(event), actor.id.as_deref(), actor.email.as_deref(), Some(&metadata), Some(stamp)],
            )?;
            scalar(rows).ok_or_else(|| Error::WrongState {
                message: format!("audit table {} did not take the row", self.name),
                hint: "A trigger or rule of the table has suppressed it. UPDATE paliad_backup.settings SET audit_table = NULL uses \
                       the extension's own."
                    .into(),
            })
        })
    }

    /// Merges metadata into a row and sets its event type. `stamp` is the metadata key that gets the time.
    ///
    /// # Errors
    /// As [`AuditTable::insert`].
    pub fn patch(&self, id: &str, event: &str, metadata: &serde_json::Value, stamp: &str) -> Result<()> {
        let sql = format!(
            // The operator || would also join texts.
            "UPDATE {} SET event_type = $2, \
             metadata = jsonb_concat(metadata, $3::jsonb || jsonb_build_object($4, {NOW_RFC3339})), \
             updated_at = clock_timestamp() WHERE id = $1::uuid RETURNING id",
            self.name
        );
        let metadata = metadata.to_string();
        let rows = self.as_owner(|| self.write(&sql, &[Some(id), Some(event), Some(&metadata), Some(stamp)]))?;
        if rows.is_empty() {
            return Err(Error::UnknownObject {
                message: format!("audit row {id} is gone"),
                hint: format!("Look at {}.", self.name),
            });
        }
        Ok(())
    }

    /// The newest rows of some event types.
    ///
    /// # Errors
    /// The server's.
    pub fn newest(&self, events: &[&str], most: u32) -> Result<Vec<AuditRow>> {
        let condition = "event_type = ANY (string_to_array($1, ' ')) ORDER BY created_at DESC, id LIMIT $2::int";
        self.read(condition, &[Some(&events.join(" ")), Some(&most.to_string())])
    }

    /// One row.
    ///
    /// # Errors
    /// The server's.
    pub fn find(&self, id: &str) -> Result<Option<AuditRow>> {
        Ok(self.read("id = $1::uuid", &[Some(id)])?.pop())
    }

    fn read(&self, condition: &str, parameters: &[Option<&str>]) -> Result<Vec<AuditRow>> {
        let sql = format!(
            "SELECT jsonb_build_object('id', id, 'event_type', event_type, 'actor_email', actor_email, 'metadata', metadata, \
             'created_at', created_at) FROM {} WHERE {condition}",
            self.name
        );
        let rows = act_as(As::Reader(self.owner), &[("search_path", "pg_catalog, pg_temp")], || {
            naming(&[self.oid], || select(Snapshot::Latest, &sql, parameters))
        })?;
        rows.into_iter().flatten().flatten().map(|row| serde_json::from_str(&row).map_err(Error::internal)).collect()
    }

    /// Writes into this table and no other that has got its name. Deferred constraints are made immediate before: the server queues no
    /// deferred trigger in a security-restricted operation.
    fn write(&self, sql: &str, parameters: &[Option<&str>]) -> Result<Vec<Row>> {
        if let Some(constraints) = &self.deferrable {
            write(&format!("SET CONSTRAINTS {constraints} IMMEDIATE"), &[])?;
        }
        naming(&[self.oid], || write(sql, parameters))
    }

    fn as_owner<R>(&self, work: impl FnOnce() -> R) -> R {
        let mut settings = vec![("search_path", "pg_catalog, pg_temp")];
        settings.extend(self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        act_as(As::Writer(self.owner), &settings, work)
    }
}
