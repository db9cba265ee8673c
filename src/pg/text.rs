//! Text between Rust, where it is UTF-8, and the server, where it is in the database's encoding.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

use super::session::{self, Encoding};
use crate::error::{Error, Result};

const UTF8: i32 = pg_sys::pg_enc::PG_UTF8 as i32;

/// The server's text, which has no NUL, in UTF-8.
///
/// # Errors
/// 22021, raised by the server, for text in an SQL_ASCII database that is not UTF-8.
pub fn from_server(text: &[u8]) -> String {
    if session::encoding() == Encoding::Utf8 {
        return String::from_utf8_lossy(text).into_owned();
    }
    let given = text.as_ptr().cast();
    // SAFETY: `text` is in the database's encoding; the result is `given` itself or a palloc'ed string in UTF-8 with a NUL.
    let utf8 = unsafe {
        match pg_sys::pg_server_to_any(given, text.len() as i32, UTF8).cast_const() {
            same if same == given => text,
            converted => CStr::from_ptr(converted).to_bytes(),
        }
    };
    String::from_utf8_lossy(utf8).into_owned()
}

/// `text` in the database's encoding. Characters that it lacks become `?`: they occur in remarks and messages alone, and those must
/// not fail the row that records them.
///
/// # Errors
/// [`Error::Internal`] for text with a NUL.
pub fn to_server(text: &str) -> Result<CString> {
    if session::encoding() != Encoding::Other || text.is_ascii() {
        return CString::new(text).map_err(Error::internal);
    }
    let mut converted = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        rest = &rest[convert(rest, &mut converted)..];
        if let Some(unknown) = rest.chars().next() {
            converted.push(b'?');
            rest = &rest[unknown.len_utf8()..];
        }
    }
    CString::new(converted).map_err(Error::internal)
}

/// Appends `text` up to the first character that the database's encoding lacks; returns how many bytes of it that is.
fn convert(text: &str, converted: &mut Vec<u8>) -> usize {
    let mut room = vec![0u8; text.len() * pg_sys::MAX_CONVERSION_GROWTH as usize + 1];
    // SAFETY: the conversion writes at most MAX_CONVERSION_GROWTH bytes per byte of `text`, and a NUL, into `room`; with noError it
    // stops where it must instead of raising, and returns how far it came.
    let done = unsafe {
        let encoding = pg_sys::GetDatabaseEncoding();
        let function = pg_sys::FindDefaultConversionProc(UTF8, encoding);
        pg_sys::pg_do_encoding_conversion_buf(
            function,
            UTF8,
            encoding,
            text.as_ptr().cast_mut(),
            text.len() as i32,
            room.as_mut_ptr(),
            room.len() as i32,
            true,
        )
    };
    let length = room.iter().position(|byte| *byte == 0).unwrap_or(0);
    converted.extend_from_slice(&room[..length]);
    done as usize
}
