//! Sets of rows of texts that a query can join: in memory up to work_mem, on disk above.

use std::ffi::CStr;
use std::mem::MaybeUninit;

use pgrx::{pg_guard, pg_sys};

use super::text::to_server;
use crate::error::{Error, Result};

/// A set with the columns `n` (from 1, in the order of the rows), `key` and `value` (arrays of texts).
pub struct TextSet {
    name: &'static CStr,
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    rows: u64,
    /// Reset after each row.
    row_context: pg_sys::MemoryContext,
}

impl TextSet {
    /// An empty set, as queries name it. It is of use within the present call of a SQL function.
    pub fn new(name: &'static CStr) -> TextSet {
        // SAFETY: all of it lives in the current memory context, which outlives the call, or is released by `return_query`; after an
        // error the transaction's abort does that.
        unsafe {
            let descriptor = pg_sys::CreateTemplateTupleDesc(3);
            let columns = [(c"n", pg_sys::INT8OID), (c"key", pg_sys::TEXTARRAYOID), (c"value", pg_sys::TEXTARRAYOID)];
            for (number, (name, oid)) in (1..).zip(columns) {
                pg_sys::TupleDescInitEntry(descriptor, number, name.as_ptr(), oid, -1, 0);
            }
            TextSet {
                name,
                store: pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem),
                descriptor,
                rows: 0,
                row_context: pg_sys::AllocSetContextCreateInternal(
                    pg_sys::CurrentMemoryContext,
                    c"paliad_backup row".as_ptr(),
                    pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
                ),
            }
        }
    }

    /// Adds a row of texts in UTF-8; `None` is NULL.
    ///
    /// # Errors
    /// Raised by the server: 22021 for what is no UTF-8, 22P05 for what the database's encoding has no characters for, 54000 for a row
    /// of 1 GB or more.
    pub fn put<T: AsRef<[u8]>>(&mut self, key: &[Option<T>], value: &[Option<T>]) {
        self.rows += 1;
        // SAFETY: the values are of the descriptor's types, and live until the tuplestore has copied them.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(self.row_context);
            let mut values = [pg_sys::Datum::from(self.rows as i64), array(key), array(value)];
            let mut nulls = [false; 3];
            pg_sys::tuplestore_putvalues(self.store, self.descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::MemoryContextReset(self.row_context);
        }
    }
}

/// A DestReceiver that puts rows into the set that the present call returns. The executor only knows its first member.
#[repr(C)]
struct SetReceiver {
    receiver: pg_sys::DestReceiver,
    store: *mut pg_sys::Tuplestorestate,
}

/// Puts the rows of a query over `sets` into the set that the present call returns, which has its columns.
///
/// # Errors
/// The server's own errors are raised by the server.
pub fn return_query(fcinfo: pg_sys::FunctionCallInfo, sql: &str, sets: Vec<TextSet>) -> Result<()> {
    let sql = to_server(sql)?;
    // SAFETY: the server's fcinfo of the present call, of a function that returns a set, which InitMaterializedSRF checks. `receiver` and
    // the relations outlive the query; connect and finish are paired, an error in between is cleaned up by AtEOXact_SPI.
    let status = unsafe {
        pg_sys::InitMaterializedSRF(fcinfo, 0);
        let result = (*fcinfo).resultinfo as *mut pg_sys::ReturnSetInfo;
        let mut receiver = SetReceiver {
            receiver: pg_sys::DestReceiver {
                receiveSlot: Some(receive_slot),
                rStartup: Some(start),
                rShutdown: Some(shutdown),
                rDestroy: Some(shutdown),
                // As in the scan: any but DestNone and DestSPI.
                mydest: pg_sys::CommandDest::DestCopyOut,
            },
            store: (*result).setResult,
        };
        let mut relations: Vec<_> = sets.iter().map(TextSet::relation).collect();
        pg_sys::SPI_connect();
        for relation in &mut relations {
            pg_sys::SPI_register_relation(relation);
        }
        let mut options: pg_sys::SPIExecuteOptions = MaybeUninit::zeroed().assume_init();
        options.read_only = true;
        options.must_return_tuples = true;
        options.dest = (&raw mut receiver).cast();
        let status = pg_sys::SPI_execute_extended(sql.as_ptr(), &options);
        pg_sys::SPI_finish();
        for set in sets {
            pg_sys::tuplestore_end(set.store);
            pg_sys::MemoryContextDelete(set.row_context);
        }
        status
    };
    if status == pg_sys::SPI_OK_SELECT as i32 { Ok(()) } else { Err(Error::internal(format!("SPI status {status}"))) }
}

impl TextSet {
    /// As the parser and the planner see it.
    fn relation(&self) -> pg_sys::EphemeralNamedRelationData {
        pg_sys::EphemeralNamedRelationData {
            md: pg_sys::EphemeralNamedRelationMetadataData {
                name: self.name.as_ptr().cast_mut(),
                reliddesc: pg_sys::InvalidOid,
                tupdesc: self.descriptor,
                enrtype: pg_sys::EphemeralNameRelationType::ENR_NAMED_TUPLESTORE,
                enrtuples: self.rows as f64,
            },
            reldata: self.store.cast(),
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn start(
    _receiver: *mut pg_sys::DestReceiver,
    _operation: std::ffi::c_int,
    _descriptor: pg_sys::TupleDesc,
) {
}

#[pg_guard]
unsafe extern "C-unwind" fn receive_slot(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the executor passes back the receiver that `return_query` gave it, and a slot that the tuplestore copies.
    unsafe { pg_sys::tuplestore_puttupleslot((*receiver.cast::<SetReceiver>()).store, slot) };
    true
}

#[pg_guard]
unsafe extern "C-unwind" fn shutdown(_receiver: *mut pg_sys::DestReceiver) {}

/// An array of one dimension, in the current memory context.
fn array<T: AsRef<[u8]>>(texts: &[Option<T>]) -> pg_sys::Datum {
    let mut nulls: Vec<bool> = texts.iter().map(Option::is_none).collect();
    let mut values: Vec<pg_sys::Datum> =
        texts.iter().map(|text| text.as_ref().map_or(pg_sys::Datum::null(), |text| datum(text.as_ref()))).collect();
    let (mut length, mut lower) = (texts.len() as i32, 1);
    // SAFETY: both lists have `length` elements, which are texts; text is passed by reference and aligned to int.
    unsafe {
        if length == 0 {
            return pg_sys::construct_empty_array(pg_sys::TEXTOID).into();
        }
        pg_sys::construct_md_array(
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
            1,
            &mut length,
            &mut lower,
            pg_sys::TEXTOID,
            -1,
            false,
            b'i' as std::ffi::c_char,
        )
        .into()
    }
}

/// A text in the database's encoding, in the current memory context.
fn datum(text: &[u8]) -> pg_sys::Datum {
    let given = text.as_ptr().cast();
    // SAFETY: the conversion reads as many bytes as it is told and returns its argument or a string of its own, which ends with a NUL.
    unsafe {
        let converted = pg_sys::pg_any_to_server(given, text.len() as i32, pg_sys::pg_enc::PG_UTF8 as i32);
        let length = if converted.cast_const() == given { text.len() } else { CStr::from_ptr(converted).count_bytes() };
        pg_sys::cstring_to_text_with_len(converted, length as i32).into()
    }
}
