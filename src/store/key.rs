//! The name of an artifact.

use std::fmt;

use uuid::Uuid;

use super::error::{Result, StoreError};

const EXTENSION: &str = ".zip";
const PARTIAL: &str = ".partial";

/// The name of an artifact within its store: `<id of the backup>.zip` and nothing else, so that it can never lead out of
/// the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Uuid);

impl Key {
    /// The key of the backup `id`.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads a key from text: a lower-case hyphenated UUID followed by `.zip`.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        Self::from_name(text)
            .ok_or_else(|| StoreError::refused(text, "the name of an artifact is <uuid>.zip, in lower case"))
    }

    /// The id of the backup.
    pub fn id(&self) -> Uuid {
        self.0
    }

    /// The name under which the artifact is written before it is published.
    pub(super) fn partial_name(&self) -> String {
        format!("{self}{PARTIAL}")
    }

    /// The inverse of [`Key::partial_name`].
    pub(super) fn from_partial_name(name: &str) -> Option<Self> {
        Self::from_name(name.strip_suffix(PARTIAL)?)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let key = Self(Uuid::try_parse(name.strip_suffix(EXTENSION)?).ok()?);
        // The parser also takes upper case, braces, URNs and missing hyphens; one artifact must have one name.
        (key.to_string() == name).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{EXTENSION}", self.0.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uuid_zip_is_a_key() {
        let id = "6f1c7a3e-0b7d-4c56-9a51-3d1f0a2b4c5d";
        assert_eq!(Key::parse(&format!("{id}.zip")).unwrap().to_string(), format!("{id}.zip"));
        for bad in [
            String::new(),
            ".zip".into(),
            id.into(),
            format!("{id}.zip\0"),
            format!("{id}\0.zip"),
            format!("{id}.ZIP"),
            format!("{id}.zip.partial"),
            format!("{id}.zip/"),
            format!("/{id}.zip"),
            format!("../{id}.zip"),
            format!("a/{id}.zip"),
            format!("a\\{id}.zip"),
            format!(" {id}.zip"),
            format!("{{{id}}}.zip"),
            format!("urn:uuid:{id}.zip"),
            format!("{}.zip", id.to_uppercase()),
            format!("{}.zip", id.replace('-', "")),
            "..".into(),
            "/etc/passwd".into(),
        ] {
            assert!(matches!(Key::parse(&bad), Err(StoreError::Refused { .. })), "{bad:?}");
        }
    }

    #[test]
    fn partial_names_lead_back_to_their_key() {
        let key = Key::new(Uuid::new_v4());
        assert_eq!(Key::from_partial_name(&key.partial_name()), Some(key));
        assert_eq!(Key::from_partial_name(&key.to_string()), None);
    }
}
