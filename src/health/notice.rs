//! What NOTIFY carries when something fails.

use serde_json::json;

/// What has happened to which backup.
#[derive(Clone, Debug)]
pub struct Notice {
    /// backup_failed, backup_damaged or backup_missing.
    pub event: &'static str,
    /// The backup.
    pub backup_id: String,
    /// SQLSTATE, where there is one.
    pub error_code: Option<String>,
    /// Why.
    pub error: String,
}

impl Notice {
    /// NOTIFY refuses payloads from this many bytes on (async.c, `NOTIFY_PAYLOAD_MAX_LENGTH`).
    pub const LIMIT: usize = 8000;

    /// The JSON text; the error is cut where `fits` says no to the whole, which the database's encoding decides.
    pub fn payload(&self, database: &str, fits: impl Fn(&str) -> bool) -> String {
        let text = |error: &str| {
            json!({
                "event": self.event,
                "backup_id": self.backup_id,
                "database": database,
                "error_code": self.error_code,
                "error": error,
            })
            .to_string()
        };
        let whole = text(&self.error);
        if fits(&whole) {
            return whole;
        }
        // The longest beginning that fits: a character may take several bytes, and its JSON more.
        let ends: Vec<usize> = self.error.char_indices().map(|(at, _)| at).collect();
        let cut = |end: usize| text(&format!("{}…", &self.error[..end]));
        let fitting = ends.partition_point(|end| fits(&cut(*end)));
        cut(fitting.checked_sub(1).map_or(0, |last| ends[last]))
    }
}
