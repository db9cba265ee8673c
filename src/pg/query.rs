//! Queries over the catalogs: parameters and results as text.
//!
//! pgrx's `Spi` stops being read-only once the transaction has written, and then takes a new snapshot for each query under
//! READ COMMITTED. These functions say which snapshot they read with.

use std::ffi::CStr;

use pgrx::pg_sys;

use super::text::{from_server, to_server};
use crate::error::{Error, Result};

/// A row of a result, `None` for NULL.
pub type Row = Vec<Option<String>>;

/// With which snapshot a query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// The one the calling statement runs with; the same for every query.
    Caller,
    /// One taken now, also under REPEATABLE READ: for rows that the recorder has committed meanwhile.
    Latest,
}

/// Runs one SELECT read-only and returns all rows; parameters are `$1` … of type text.
///
/// # Errors
/// The server's own errors are raised by the server (and unwind).
pub fn select(snapshot: Snapshot, sql: &str, parameters: &[Option<&str>]) -> Result<Vec<Row>> {
    match snapshot {
        Snapshot::Caller => execute(sql, parameters, true),
        Snapshot::Latest => with_latest_snapshot(|| execute(sql, parameters, true)),
    }
}

/// Runs one statement that writes, as the recorder does; `RETURNING` rows come back. Parameters as in [`select`]. A later query with
/// [`Snapshot::Latest`] sees what was written.
///
/// # Errors
/// The server's own errors are raised by the server (and unwind).
pub fn write(sql: &str, parameters: &[Option<&str>]) -> Result<Vec<Row>> {
    let rows = execute(sql, parameters, false)?;
    // SAFETY: inside a transaction, between two statements.
    unsafe { pg_sys::CommandCounterIncrement() };
    Ok(rows)
}

/// The first column of the first row.
pub fn scalar(rows: Vec<Row>) -> Option<String> {
    rows.into_iter().next()?.into_iter().next()?
}

/// An oid from a text value.
pub fn number(text: &Option<String>) -> Option<u32> {
    text.as_deref()?.parse().ok()
}

/// The oids in the first column.
pub fn oids(rows: &[Row]) -> impl Iterator<Item = u32> {
    rows.iter().filter_map(|row| number(row.first()?))
}

/// The text of an `oid[]` value.
pub fn oid_array(oids: impl IntoIterator<Item = u32>) -> String {
    let oids: Vec<String> = oids.into_iter().map(|oid| oid.to_string()).collect();
    format!("{{{}}}", oids.join(","))
}

fn execute(sql: &str, parameters: &[Option<&str>], read_only: bool) -> Result<Vec<Row>> {
    // SAFETY: `with_tuples` hands over the tuple table of the call just made, or null.
    with_tuples(sql, parameters, read_only, |table| unsafe { text_rows(table) })
}

/// Runs one statement and hands its tuple table (null where there is none) to `use_table` before SPI frees it.
fn with_tuples<R>(
    sql: &str,
    parameters: &[Option<&str>],
    read_only: bool,
    use_table: impl FnOnce(*mut pg_sys::SPITupleTable) -> R,
) -> Result<R> {
    let sql = to_server(sql)?;
    let mut types = vec![pg_sys::TEXTOID; parameters.len()];
    let mut values: Vec<pg_sys::Datum> = Vec::with_capacity(parameters.len());
    let mut nulls = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        values.push(match parameter {
            Some(text) => text_datum(text)?,
            None => pg_sys::Datum::from(0),
        });
        nulls.push(if parameter.is_some() { b' ' } else { b'n' } as std::ffi::c_char);
    }
    // SAFETY: SPI is connected and finished in pairs (an error raised in between is cleaned up by AtEOXact_SPI); the three
    // arrays have `nargs` elements and outlive the call; the tuple table is used before SPI_finish frees it.
    unsafe {
        pg_sys::SPI_connect();
        let status = pg_sys::SPI_execute_with_args(
            sql.as_ptr(),
            parameters.len() as i32,
            types.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_ptr(),
            read_only,
            0,
        );
        if status < 0 {
            return Err(Error::internal(format!("SPI status {status}")));
        }
        let result = use_table(pg_sys::SPI_tuptable);
        pg_sys::SPI_finish();
        Ok(result)
    }
}

fn text_datum(text: &str) -> Result<pg_sys::Datum> {
    let text = to_server(text)?;
    // SAFETY: copies `text` into the current memory context, as a text value.
    Ok(unsafe { pg_sys::cstring_to_text_with_len(text.as_ptr(), text.as_bytes().len() as i32) }.into())
}

/// Runs `work` with a snapshot taken now: [`Snapshot::Caller`] means it in there.
pub fn with_latest_snapshot<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: inside a transaction (every caller is a SQL function or the recorder's transaction); the snapshot pushed here is
    // popped below, and by the transaction's abort when the query raises.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot()) };
    let result = work();
    // SAFETY: pops what was pushed above; queries in between leave the stack as they found it.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

/// # Safety
/// `table` is null or the tuple table of the SPI call just made.
unsafe fn text_rows(table: *mut pg_sys::SPITupleTable) -> Vec<Row> {
    if table.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; `vals` has `numvals` tuples of shape `tupdesc`.
    unsafe {
        let descriptor = (*table).tupdesc;
        let columns = (*descriptor).natts;
        let tuples = std::slice::from_raw_parts((*table).vals, (*table).numvals as usize);
        tuples
            .iter()
            .map(|tuple| {
                (1..=columns).map(|column| owned_text(pg_sys::SPI_getvalue(*tuple, descriptor, column))).collect()
            })
            .collect()
    }
}

/// # Safety
/// `text` is null or a NUL-terminated string of the server's.
unsafe fn owned_text(text: *mut std::ffi::c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| from_server(unsafe { CStr::from_ptr(text) }.to_bytes()))
}

/// Puts the tuples of one query, read with the latest snapshot, into the caller's result set.
///
/// For a function declared `RETURNS SETOF`: fills the tuplestore of the call (docs: "Returning Sets", Materialize mode).
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn return_query(fcinfo: pg_sys::FunctionCallInfo, sql: &str, parameters: &[Option<&str>]) -> Result<()> {
    with_latest_snapshot(|| {
        with_tuples(sql, parameters, true, |table| {
            // SAFETY: called by the executor as a set-returning function, so `resultinfo` is a ReturnSetInfo, which
            // InitMaterializedSRF checks; the tuplestore copies each tuple.
            unsafe {
                pg_sys::InitMaterializedSRF(fcinfo, 0);
                let store = (*((*fcinfo).resultinfo as *mut pg_sys::ReturnSetInfo)).setResult;
                for tuple in std::slice::from_raw_parts((*table).vals, (*table).numvals as usize) {
                    pg_sys::tuplestore_puttuple(store, *tuple);
                }
            }
        })
    })
}

/// The first row of a query whose single column is a composite (`SELECT b FROM … b`), read with the latest snapshot.
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn composite(sql: &str, parameters: &[Option<&str>]) -> Result<Option<pgrx::AnyElement>> {
    with_latest_snapshot(|| {
        with_tuples(sql, parameters, true, |table| {
            // SAFETY: there is a tuple at index 0 when numvals > 0; SPI_datumTransfer copies the value to the caller's
            // context, where it outlives SPI_finish.
            unsafe {
                if (*table).numvals == 0 {
                    return None;
                }
                let mut is_null = false;
                let datum = pg_sys::SPI_getbinval(*(*table).vals, (*table).tupdesc, 1, &mut is_null);
                let oid = pg_sys::SPI_gettypeid((*table).tupdesc, 1);
                let copy = if is_null { datum } else { pg_sys::SPI_datumTransfer(datum, false, -1) };
                <pgrx::AnyElement as pgrx::FromDatum>::from_polymorphic_datum(copy, is_null, oid)
            }
        })
    })
}

/// Name, type oid and type modifier of a query's columns. The query is executed, read-only, with the caller's snapshot.
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn describe(sql: &str) -> Result<Vec<(String, u32, i32)>> {
    with_tuples(sql, &[], true, |table| {
        if table.is_null() {
            return Vec::new();
        }
        // SAFETY: the tuple table of the call just made; its descriptor has `natts` attributes.
        unsafe {
            let descriptor = (*table).tupdesc;
            let attributes = (*descriptor).attrs.as_slice((*descriptor).natts as usize);
            attributes
                .iter()
                .map(|attribute| {
                    let name = from_server(CStr::from_ptr(attribute.attname.data.as_ptr()).to_bytes());
                    (name, attribute.atttypid.to_u32(), attribute.atttypmod)
                })
                .collect()
        }
    })
}
