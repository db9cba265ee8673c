//! What decides whether something is due: the newest backup's age, earlier failures, the last look.

use serde::Deserialize;

use crate::catalog::backups::GOOD;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::health::duration;
use crate::pg::query::{Snapshot, scalar, select};

/// Pg_cron's minutes are not of one length: a look that comes a little early is not put off to the next minute.
const NEARLY: f64 = 0.9;

/// A good backup of everything.
#[derive(Clone, Debug, Deserialize)]
pub struct Newest {
    /// Its id.
    pub id: String,
    /// Of its contents, where it is known.
    pub content_digest: Option<String>,
    /// Seconds since its start.
    age: f64,
}

/// What is known when a tick begins. Times are texts of timestamptz as jsonb writes them: any DateStyle reads these, the recorder's, too.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// The clock.
    pub now: String,
    /// The newest good backup. One that began in the future, by a clock that was wrong, is none: it would be new for too long.
    pub newest: Option<Newest>,
    /// Failed automatic backups, and comparisons of contents without an end, since it.
    failures: i64,
    error: Option<String>,
    backs_off_until: Option<String>,
    since_look: Option<f64>,
    #[serde(skip)]
    interval_hours: Option<u32>,
    #[serde(skip)]
    change_poll: f64,
}

/// Reads them. After each failure in a row the next try waits for twice as long, up to an hour.
///
/// # Errors
/// The server's.
pub fn facts(settings: &Settings) -> Result<Facts> {
    let sql = format!(
        "WITH clock AS (SELECT clock_timestamp() AS now), \
         newest AS (\
           SELECT b.id, b.content_digest, b.started_at FROM paliad_backup.backups AS b, clock AS c \
           WHERE {GOOD} AND b.scope = 'full' AND b.started_at <= c.now ORDER BY b.started_at DESC, b.id LIMIT 1), \
         failed AS (\
           SELECT count(*) AS number, max(b.finished_at) AS at, (array_agg(b.error ORDER BY b.finished_at DESC))[1] AS error \
           FROM paliad_backup.backups AS b, clock AS c \
           WHERE b.status = 'failed' AND b.kind = 'scheduled' AND b.trigger IN ('interval', 'change') AND b.finished_at <= c.now \
             AND b.started_at > coalesce((SELECT n.started_at FROM newest AS n), '-infinity') \
           UNION ALL SELECT w.attempts, w.looked_at, 'the contents could not be compared' \
           FROM paliad_backup.change_watch AS w, clock AS c WHERE w.attempts > 0 AND w.looked_at <= c.now), \
         worst AS (\
           SELECT f.number, f.error, f.at + least(power(2, least(f.number - 1, 6)), 60) * interval '1 minute' AS until \
           FROM failed AS f WHERE f.number > 0 ORDER BY 3 DESC LIMIT 1) \
         SELECT jsonb_build_object('now', c.now, \
           'newest', (SELECT jsonb_build_object('id', n.id, 'content_digest', n.content_digest, \
                                                'age', extract(epoch FROM c.now - n.started_at)) FROM newest AS n), \
           'failures', coalesce(f.number, 0), 'error', f.error, \
           'backs_off_until', CASE WHEN f.until > c.now THEN f.until END, \
           'since_look', (SELECT extract(epoch FROM c.now - w.looked_at) FROM paliad_backup.change_watch AS w)) \
         FROM clock AS c LEFT JOIN worst AS f ON true"
    );
    let row = scalar(select(Snapshot::Latest, &sql, &[])?).ok_or_else(|| Error::internal("no row of facts"))?;
    let facts: Facts = serde_json::from_str(&row).map_err(Error::internal)?;
    Ok(Facts { interval_hours: settings.interval_hours, change_poll: settings.change_poll, ..facts })
}

/// Until when failures let the next try wait.
///
/// # Errors
/// The server's.
pub fn backs_off_until() -> Result<Option<String>> {
    Ok(facts(&Settings::read()?)?.backs_off_until)
}

impl Facts {
    /// Why nothing is tried yet.
    pub fn waits(&self) -> Option<String> {
        let until = self.backs_off_until.as_ref()?;
        let error = self.error.as_deref().unwrap_or_default();
        Some(format!("{} tries in a row have failed, the next one comes after {until}: {error}", self.failures))
    }

    /// Whether the newest backup is older than it may be.
    pub fn is_overdue(&self) -> bool {
        let Some(hours) = self.interval_hours else { return false };
        self.newest.as_ref().is_none_or(|newest| newest.age >= f64::from(hours) * 3600.0)
    }

    /// For a person: why a backup was due.
    pub fn overdue(&self) -> String {
        match &self.newest {
            Some(newest) => format!("backup {} was {} old", newest.id, duration(newest.age)),
            None => "there was no good backup".into(),
        }
    }

    /// For a person: why none was.
    pub fn not_yet(&self) -> String {
        let (age, id) = self.newest.as_ref().map_or((0.0, ""), |newest| (newest.age, newest.id.as_str()));
        let hours = self.interval_hours.unwrap_or_default();
        format!("backup {id} is {} old, less than {hours} hours", duration(age))
    }

    /// Whether it is time to look for changes. A look that lies in the future, by a clock that was wrong, is none.
    pub fn looks(&self) -> bool {
        self.since_look.is_none_or(|since| since < 0.0 || since >= self.change_poll * NEARLY)
    }

    /// Seconds from a time until now.
    ///
    /// # Errors
    /// The server's.
    pub fn seconds_since(&self, time: &str) -> Result<f64> {
        let seconds = scalar(select(
            Snapshot::Caller,
            "SELECT extract(epoch FROM $1::timestamptz - $2::timestamptz)",
            &[Some(&self.now), Some(time)],
        )?);
        seconds.and_then(|seconds| seconds.parse().ok()).ok_or_else(|| Error::internal(format!("{time} is not a time")))
    }

    /// Whether that backup, or a later good one, is still there.
    ///
    /// # Errors
    /// The server's.
    pub fn has_backup_since(&self, id: Option<&str>) -> Result<bool> {
        let Some((newest, id)) = self.newest.as_ref().zip(id) else { return Ok(false) };
        let rows = select(
            Snapshot::Latest,
            "SELECT FROM paliad_backup.backups AS s, paliad_backup.backups AS b \
             WHERE s.id = $1::uuid AND b.id = $2::uuid AND s.started_at <= b.started_at",
            &[Some(id), Some(&newest.id)],
        )?;
        Ok(!rows.is_empty())
    }
}
