//! One query's rows as batches of UTF-8 text, pushed by the executor without a copy of the tuples.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::Arc;

use pgrx::{pg_guard, pg_sys};

use super::session::Encoding;
use super::text::to_server;
use crate::bundle::batch::Batch;
use crate::bundle::sheet::Sheet;
use crate::error::{Error, Result};

/// Bytes of text after which a batch goes to the encoders.
const BATCH: usize = 256 * 1024;

/// Where the batches of a scan go; an error ends the scan.
pub type Sink<'a> = &'a mut dyn FnMut(Batch) -> Result<()>;

/// A DestReceiver that turns slots into text. The executor only knows its first member.
#[repr(C)]
struct TextReceiver<'a> {
    receiver: pg_sys::DestReceiver,
    sheet: Arc<Sheet>,
    batch: Batch,
    rows: u64,
    encoding: Encoding,
    /// One per value of a row, looked up when the executor starts.
    outputs: Vec<pg_sys::FmgrInfo>,
    /// Reset after each row: output functions leave their strings behind.
    row_context: pg_sys::MemoryContext,
    sink: Sink<'a>,
    failure: Option<Error>,
}

/// Runs `sql` with the caller's active snapshot and hands its rows to `sink`; returns the number of rows.
///
/// The query has as many columns as [`Sheet::slots`]. Runs as the current role.
///
/// # Errors
/// What `sink` returned, or [`Error::InvalidText`]; the server's own errors are raised by the server.
pub fn scan(sql: &str, sheet: &Arc<Sheet>, encoding: Encoding, sink: Sink<'_>) -> Result<u64> {
    let sql = to_server(sql)?;
    // SAFETY: a child of the current context; deleted below, or with its parent when an error unwinds.
    let row_context = unsafe {
        pg_sys::AllocSetContextCreateInternal(
            pg_sys::CurrentMemoryContext,
            c"paliad_backup row".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        )
    };
    let mut receiver = TextReceiver {
        receiver: pg_sys::DestReceiver {
            receiveSlot: Some(receive_slot),
            rStartup: Some(start),
            rShutdown: Some(shutdown),
            rDestroy: Some(shutdown),
            // With DestNone SPI reports a utility statement, with DestSPI it counts its own tuples: any other will do.
            mydest: pg_sys::CommandDest::DestCopyOut,
        },
        sheet: sheet.clone(),
        batch: Batch::new(sheet.clone(), BATCH + BATCH / 4),
        rows: 0,
        encoding,
        outputs: Vec::new(),
        row_context,
        sink,
        failure: None,
    };
    // SAFETY: `receiver` outlives the call and the executor uses it only through its first member; with read_only SPI keeps the
    // active snapshot for the query; connect and finish are paired, an error in between is cleaned up by AtEOXact_SPI.
    let status = unsafe {
        pg_sys::SPI_connect();
        let mut options: pg_sys::SPIExecuteOptions = MaybeUninit::zeroed().assume_init();
        options.read_only = true;
        options.must_return_tuples = true;
        options.dest = &mut receiver.receiver;
        let status = pg_sys::SPI_execute_extended(sql.as_ptr(), &options);
        pg_sys::SPI_finish();
        status
    };
    // SAFETY: made above; batches hold copies, nothing points into it any more.
    unsafe { pg_sys::MemoryContextDelete(row_context) };
    if let Some(failure) = receiver.failure {
        return Err(failure);
    }
    if status != pg_sys::SPI_OK_SELECT as i32 {
        return Err(Error::internal(format!("a sheet's query gave SPI status {status}")));
    }
    if receiver.batch.rows() > 0 {
        (receiver.sink)(receiver.batch)?;
    }
    Ok(receiver.rows)
}

#[pg_guard]
unsafe extern "C-unwind" fn start(
    receiver: *mut pg_sys::DestReceiver,
    _operation: std::ffi::c_int,
    descriptor: pg_sys::TupleDesc,
) {
    // SAFETY: the executor passes back the receiver that `scan` gave it, a TextReceiver that is alive until SPI returns, and a
    // descriptor of `natts` attributes.
    unsafe {
        let receiver = &mut *(receiver as *mut TextReceiver<'_>);
        let attributes = (*descriptor).attrs.as_slice((*descriptor).natts as usize);
        receiver.outputs = attributes
            .iter()
            .map(|attribute| {
                let mut function = pg_sys::InvalidOid;
                let mut is_varlena = false;
                pg_sys::getTypeOutputInfo(attribute.atttypid, &mut function, &mut is_varlena);
                let mut info = MaybeUninit::<pg_sys::FmgrInfo>::zeroed().assume_init();
                pg_sys::fmgr_info(function, &mut info);
                info
            })
            .collect();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn receive_slot(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: as in `start`; the slot has as many values as the descriptor of `start` attributes, all of them valid after
    // slot_getallattrs and until the next row.
    unsafe {
        let receiver = &mut *(receiver as *mut TextReceiver<'_>);
        let count = receiver.outputs.len();
        if i32::from((*slot).tts_nvalid) < count as i32 {
            pg_sys::slot_getsomeattrs_int(slot, count as i32);
        }
        let values = std::slice::from_raw_parts((*slot).tts_values, count);
        let nulls = std::slice::from_raw_parts((*slot).tts_isnull, count);
        let before = pg_sys::MemoryContextSwitchTo(receiver.row_context);
        let kept = receiver.take_row(values, nulls);
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::MemoryContextReset(receiver.row_context);
        match kept.and_then(|()| receiver.flush_when_full()) {
            Ok(()) => true,
            Err(error) => {
                receiver.failure = Some(error);
                false
            }
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn shutdown(_receiver: *mut pg_sys::DestReceiver) {}

impl TextReceiver<'_> {
    /// # Safety
    /// `values` are of the types that `outputs` were looked up for; the row context is the current one.
    unsafe fn take_row(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) -> Result<()> {
        for (index, (value, is_null)) in values.iter().zip(nulls).enumerate() {
            if *is_null {
                self.batch.push(None);
                continue;
            }
            // SAFETY: the caller's promise; the text is NUL-terminated and lives until the row context is reset.
            let text = unsafe { CStr::from_ptr(pg_sys::OutputFunctionCall(&mut self.outputs[index], *value)) };
            match self.encoding {
                Encoding::Utf8 => self.batch.push(Some(text.to_bytes())),
                Encoding::SqlAscii => {
                    if let Err(error) = std::str::from_utf8(text.to_bytes()) {
                        return Err(self.invalid_text(index, &error));
                    }
                    self.batch.push(Some(text.to_bytes()));
                }
                // SAFETY: a NUL-terminated string in the database's encoding; the result likewise, in UTF-8.
                Encoding::Other => unsafe {
                    let converted = pg_sys::pg_server_to_any(
                        text.as_ptr() as *mut _,
                        text.to_bytes().len() as i32,
                        pg_sys::pg_enc::PG_UTF8 as i32,
                    );
                    self.batch.push(Some(CStr::from_ptr(converted).to_bytes()));
                },
            }
        }
        self.batch.end_row();
        self.rows += 1;
        Ok(())
    }

    fn flush_when_full(&mut self) -> Result<()> {
        if self.batch.size() < BATCH {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.batch, Batch::new(self.sheet.clone(), BATCH + BATCH / 4));
        (self.sink)(full)
    }

    fn invalid_text(&self, slot: usize, error: &std::str::Utf8Error) -> Error {
        let column = self
            .sheet
            .columns
            .iter()
            .find(|column| column.slot == slot || column.json_slot == Some(slot) || column.xlsx_slot == Some(slot));
        let table = match &self.sheet.relation {
            Some(relation) => pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table),
            None => self.sheet.name.clone(),
        };
        Error::InvalidText {
            table,
            column: column.map(|column| column.name.clone()).unwrap_or_default(),
            detail: format!("Row {} in the order of the export: {error}.", self.rows + 1),
        }
    }
}
