//! What is inside a bundle, and the bundle itself.

use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid, pg_sys};

use super::backups::session_user;
use super::{arguments, authorized};
use crate::command::{diff, download, list_files, read, read_as};
use crate::error::Error;

/// Large enough to be quick, small enough for any client.
const DEFAULT_CHUNK: i32 = 8 * 1024 * 1024;

/// `paliad_backup.list_files(id)`: path, size, compressed_size, sha256, in the bundle's order.
#[pg_extern(sql = false)]
fn list_files(
    id: Option<Uuid>,
) -> TableIterator<
    'static,
    (name!(path, String), name!(size, i64), name!(compressed_size, i64), name!(sha256, Option<String>)),
> {
    let files = authorized(|_| list_files::list_files(&arguments::id(id)?));
    TableIterator::new(
        files.into_iter().map(|file| (file.path, file.size as i64, file.compressed_size as i64, file.sha256)),
    )
}

/// `paliad_backup.download(id, by_email, by_id)`: the bundle's bytes.
#[pg_extern(sql = false)]
fn download(id: Option<Uuid>, by_email: Option<&[u8]>, by_id: Option<Uuid>) -> Vec<u8> {
    authorized(|extension| {
        let email = arguments::email("by_email", arguments::text(by_email).as_deref())?;
        download::download(extension, &arguments::id(id)?, &arguments::actor(Some(&email), by_id.as_ref(), ""))
    })
}

/// `paliad_backup.download_chunks(id, by_email, by_id, chunk_size)`: the bundle's bytes in pieces.
#[pg_extern(sql = false)]
fn download_chunks(
    id: Option<Uuid>,
    by_email: Option<&[u8]>,
    by_id: Option<Uuid>,
    chunk_size: Option<i32>,
) -> TableIterator<'static, (name!(chunk_offset, i64), name!(chunk, Vec<u8>))> {
    let chunks = authorized(|extension| {
        let email = arguments::email("by_email", arguments::text(by_email).as_deref())?;
        let size = chunk_size.unwrap_or(DEFAULT_CHUNK);
        if !(1024..=512 * 1024 * 1024).contains(&size) {
            return Err(Error::BadArgument {
                message: format!("chunk_size {size} is out of range"),
                hint: "Allowed: 1024 to 536870912 bytes.".into(),
            });
        }
        let actor = arguments::actor(Some(&email), by_id.as_ref(), "");
        download::chunks(extension, &arguments::id(id)?, &actor, size as usize)
    });
    TableIterator::new(chunks.map(|chunk| chunk.unwrap_or_else(|error| error.raise())))
}

/// `paliad_backup.read_file(id, path, by_email)`: one file's bytes.
#[pg_extern(sql = false)]
fn read_file(id: Option<Uuid>, path: Option<&[u8]>, by_email: Option<&[u8]>) -> Vec<u8> {
    authorized(|extension| {
        let path = arguments::text(path).unwrap_or_default();
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        read::file(extension, &arguments::id(id)?, &path, &actor)
    })
}

/// `paliad_backup.read_rows(id, sheet, by_email)`: the rows of a sheet as JSON objects, their text in UTF-8 whatever the database's
/// encoding is.
#[pg_extern(sql = false)]
fn read_rows(id: Option<Uuid>, sheet: Option<&[u8]>, by_email: Option<&[u8]>) -> SetOfIterator<'static, Vec<u8>> {
    let rows = authorized(|extension| {
        let sheet = arguments::text(sheet).unwrap_or_default();
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        read::rows(extension, &arguments::id(id)?, &sheet, &actor)
    });
    SetOfIterator::new(rows.map(|row| row.unwrap_or_else(|error| error.raise()).into_bytes()))
}

/// `paliad_backup.read_sheet_as(row_type, id, sheet, by_email)`: the rows of a sheet as those of a table's row type.
#[pg_extern(sql = false)]
fn read_sheet_as(
    _row_type: Option<AnyElement>,
    id: Option<Uuid>,
    sheet: Option<&[u8]>,
    by_email: Option<&[u8]>,
    fcinfo: pg_sys::FunctionCallInfo,
) {
    authorized(|extension| {
        let sheet = arguments::text(sheet).unwrap_or_default();
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        read_as::read_sheet_as(extension, fcinfo, &arguments::id(id)?, &sheet, &actor)
    });
}

/// `paliad_backup.diff(id, sheet, by_email)`: key, change, columns, old and new of each row that is not as it was.
#[pg_extern(sql = false)]
fn diff(id: Option<Uuid>, sheet: Option<&[u8]>, by_email: Option<&[u8]>, fcinfo: pg_sys::FunctionCallInfo) {
    authorized(|extension| {
        let sheet = arguments::text(sheet).unwrap_or_default();
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        diff::diff(extension, fcinfo, &arguments::id(id)?, &sheet, &actor)
    });
}
