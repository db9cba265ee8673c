//! `file://` URIs of artifacts (RFC 8089), and the folder that belongs to one database.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::error::{Result, StoreError};
use super::key::Key;

const SCHEME: &str = "file://";

/// Name of the folder that holds the artifacts of one database: `<system identifier>.<database oid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FolderName {
    pub(super) system_identifier: u64,
    pub(super) database_oid: u32,
}

impl FolderName {
    fn parse(text: &str) -> Option<Self> {
        let (system, database) = text.split_once('.')?;
        let name = Self { system_identifier: system.parse().ok()?, database_oid: database.parse().ok()? };
        // Leading zeros and plus signs parse as well, but name another folder.
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.system_identifier, self.database_oid)
    }
}

/// The URI of the artifact `key` in `folder` of `directory`, an absolute path. Every byte outside RFC 3986's
/// "unreserved" set and the separator is percent-encoded.
pub(super) fn render(directory: &Path, folder: FolderName, key: &Key) -> String {
    format!("{}{key}", render_folder(directory, folder))
}

/// What the URIs of the artifacts in `folder` begin with.
pub(super) fn render_folder(directory: &Path, folder: FolderName) -> String {
    let mut uri = String::from(SCHEME);
    for &byte in directory.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{uri}/{folder}/")
}

/// Reads a URI back into folder and key.
///
/// # Errors
/// [`StoreError::Refused`] unless it names exactly `<directory>/<digits>.<digits>/<uuid>.zip`.
pub(super) fn parse(uri: &str, directory: &Path) -> Result<(FolderName, Key)> {
    let refused = |reason| StoreError::refused(uri, reason);
    let path = uri.strip_prefix(SCHEME).ok_or_else(|| refused("only file:// URIs name artifacts"))?;
    if !path.starts_with('/') {
        return Err(refused("a file:// URI with a host, or without an absolute path"));
    }
    let outside = "it does not lie in a database's folder of the backup directory";
    // The last two segments cannot hold a percent sign, so only what stands before them is decoded.
    let (rest, key) = path.rsplit_once('/').ok_or_else(|| refused(outside))?;
    let (parent, folder) = rest.rsplit_once('/').ok_or_else(|| refused(outside))?;
    let parent = decode(parent).ok_or_else(|| refused("malformed or forbidden percent-encoding, query or fragment"))?;
    // Byte equality with the configured directory leaves no room for "..", "." or doubled separators.
    if parent != directory.as_os_str().as_bytes() {
        return Err(refused(outside));
    }
    let folder = FolderName::parse(folder).ok_or_else(|| refused(outside))?;
    let key = Key::from_name(key).ok_or_else(|| refused("its last part is not <uuid>.zip"))?;
    Ok((folder, key))
}

/// Percent-decoding. None for a broken escape, an encoded separator or NUL, or a query or fragment.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => match hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)? {
                b'/' | 0 => return None,
                byte => byte,
            },
            b'?' | b'#' | 0 => return None,
            byte => byte,
        };
        decoded.push(byte);
    }
    Some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const FOLDER: FolderName = FolderName { system_identifier: 7_300_000_000_000_000_001, database_oid: 16384 };

    #[test]
    fn the_uri_of_a_plain_directory_reads_plainly() {
        let key = Key::new(Uuid::nil());
        assert_eq!(
            render(Path::new("/srv/my backups"), FOLDER, &key),
            "file:///srv/my%20backups/7300000000000000001.16384/00000000-0000-0000-0000-000000000000.zip"
        );
    }

    #[test]
    fn anything_but_an_artifact_of_the_directory_is_refused() {
        let directory = Path::new("/srv/b c");
        let file = "1.2/6f1c7a3e-0b7d-4c56-9a51-3d1f0a2b4c5d.zip";
        assert!(parse(&format!("file:///srv/b%20c/{file}"), directory).is_ok());
        assert!(
            parse(&format!("file:///srv/b c/{file}"), directory).is_ok(),
            "RFC 8089 readers are lenient with blanks"
        );
        for bad in [
            String::new(),
            "/etc/passwd".into(),
            "file:///etc/passwd".into(),
            "file://".into(),
            "file:///".into(),
            "../x".into(),
            format!("/srv/b c/{file}"),
            format!("file:/srv/b%20c/{file}"),
            format!("FILE:///srv/b%20c/{file}"),
            format!("http:///srv/b%20c/{file}"),
            format!("s3://bucket/{file}"),
            format!("file://localhost/srv/b%20c/{file}"),
            format!("file:////srv/b%20c/{file}"),
            format!("file:///srv//b%20c/{file}"),
            format!("file:///srv/./b%20c/{file}"),
            format!("file:///srv/x/../b%20c/{file}"),
            format!("file:///srv/x/%2e%2e/b%20c/{file}"),
            format!("file:///srv%2Fb%20c/{file}"),
            format!("file:///srv/b%20c%2f{file}"),
            format!("file:///srv/b%2/{file}"),
            format!("file:///srv/b%zz/{file}"),
            format!("file:///srv/b%00c/{file}"),
            format!("file:///srv/b%20c?/{file}"),
            format!("file:///srv/b%20c/{file}?x"),
            format!("file:///srv/b%20c/{file}#x"),
            format!("file:///srv/b%20c/{file}.partial"),
            format!("file:///srv/b%20c/{file}/"),
            format!("file:///srv/b%20c/sub/{file}"),
            format!("file:///srv/{file}"),
            format!("file:///srv/b%20c/0{file}"),
            format!("file:///srv/b%20c/+{file}"),
            format!("file:///srv/b%20c/99999999999999999999{file}"),
            "file:///srv/b%20c/6f1c7a3e-0b7d-4c56-9a51-3d1f0a2b4c5d.zip".into(),
            "file:///srv/b%20c/1.2/paliad_backup.marker".into(),
            "file:///srv/b%20c/1.2/..".into(),
            "file:///srv/b%20c/../6f1c7a3e-0b7d-4c56-9a51-3d1f0a2b4c5d.zip".into(),
        ] {
            assert!(matches!(parse(&bad, directory), Err(StoreError::Refused { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_host_is_named_as_the_reason() {
        let error = parse("file://host/srv/1.2/x.zip", Path::new("/srv")).unwrap_err();
        assert!(error.to_string().contains("with a host"), "{error}");
    }

    #[test]
    fn a_directory_with_uri_delimiters_is_only_known_encoded() {
        let key = Key::new(Uuid::nil());
        for directory in ["/srv/a?b", "/srv/a#b", "/srv/a%2Fb"] {
            let uri = render(Path::new(directory), FOLDER, &key);
            assert_eq!(parse(&uri, Path::new(directory)).unwrap(), (FOLDER, key));
            let raw = format!("file://{directory}/{FOLDER}/{key}");
            assert!(parse(&raw, Path::new(directory)).is_err(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn every_issued_uri_is_read_back(
            directory in "(/[^/\0]{1,8}){1,3}", raw in proptest::collection::vec(1_u8..=255, 0..8),
            system_identifier: u64, database_oid: u32, id: u128,
        ) {
            let mut bytes = directory.into_bytes();
            bytes.extend(raw.into_iter().filter(|&byte| byte != b'/'));
            let directory = Path::new(OsStr::from_bytes(&bytes));
            let (folder, key) = (FolderName { system_identifier, database_oid }, Key::new(Uuid::from_u128(id)));
            prop_assert_eq!(parse(&render(directory, folder, &key), directory).unwrap(), (folder, key));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(file://)?(/|%|\\.|[0-9a-f]|\\PC){0,60}") {
            let _ = parse(&text, Path::new("/srv"));
        }
    }
}
