//! One query's rows as batches of UTF-8 text, pushed by the executor without a copy of the tuples.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::sync::Arc;

use pgrx::pg_sys::panic::CaughtError;
use pgrx::{pg_guard, pg_sys};

use super::companions::{self, Companion};
use super::function_guard::{Trusted, trusting};
use super::identity::current_role;
use super::name_guard::naming;
use super::session::Encoding;
use super::text::{from_server, to_server};
use crate::bundle::batch::Batch;
use crate::bundle::sheet::Sheet;
use crate::error::{Error, Result, Told, caught, describe};

/// Bytes of text after which a batch goes to the encoders.
const BATCH: usize = 256 * 1024;
/// Stored bytes from which on a value's text may exceed what the server can hold (MaxAllocSize), bytea taking two characters a byte.
const LARGE: usize = 64 << 20;

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
    time_zone: CString,
    role: pg_sys::Oid,
    /// One per value of a row, looked up when the executor starts.
    outputs: Vec<Output>,
    companions: Vec<Companion>,
    /// The slot whose text the server is making, if any.
    rendering: Option<usize>,
    /// The primary key of a row with a large value, for messages.
    key: Option<String>,
    /// Reset after each row: output functions leave their strings behind.
    row_context: pg_sys::MemoryContext,
    sink: Sink<'a>,
    failure: Option<Error>,
}

/// How a column's values become text.
struct Output {
    function: pg_sys::FmgrInfo,
    is_varlena: bool,
}

/// What to read.
pub struct Scan<'a> {
    /// A query with a column for each of [`Sheet::slots`] that is no companion's.
    pub sql: &'a str,
    /// The relations that its names must mean.
    pub names: &'a [u32],
    /// What the rows are.
    pub sheet: &'a Arc<Sheet>,
    /// The database's.
    pub encoding: Encoding,
    /// Of companions that are local times.
    pub time_zone: &'a str,
}

/// Runs the query with the caller's active snapshot, as the current role, and hands its rows to `sink`; returns the number of rows.
///
/// # Errors
/// What `sink` returned, [`Error::InvalidText`] or [`Error::ValueTooLarge`]; the server's own errors are raised by the server, and 40001
/// where a name means another relation than was planned.
pub fn scan(scan: &Scan<'_>, sink: Sink<'_>) -> Result<u64> {
    let Scan { sheet, encoding, .. } = *scan;
    let sql = to_server(scan.sql)?;
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
        time_zone: to_server(scan.time_zone)?,
        role: current_role(),
        outputs: Vec::new(),
        companions: Vec::new(),
        rendering: None,
        key: None,
        row_context,
        sink,
        failure: None,
    };
    let destination: *mut pg_sys::DestReceiver = (&raw mut receiver).cast();
    // SAFETY: `receiver` outlives the call and the executor uses it only through its first member; with read_only SPI keeps the
    // active snapshot for the query; connect and finish are paired, an error in between is cleaned up by AtEOXact_SPI.
    let status = caught(|| unsafe {
        pg_sys::SPI_connect();
        let mut options: pg_sys::SPIExecuteOptions = MaybeUninit::zeroed().assume_init();
        options.read_only = true;
        options.must_return_tuples = true;
        options.dest = destination;
        let status = naming(scan.names, || pg_sys::SPI_execute_extended(sql.as_ptr(), &options));
        pg_sys::SPI_finish();
        status
    });
    let status = match status {
        Ok(status) => status,
        Err(cause) => match receiver.too_large(&cause) {
            Some(error) => return Err(error),
            None => cause.rethrow(),
        },
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
                let mut oid = pg_sys::InvalidOid;
                let mut is_varlena = false;
                pg_sys::getTypeOutputInfo(attribute.atttypid, &mut oid, &mut is_varlena);
                let mut function = MaybeUninit::<pg_sys::FmgrInfo>::zeroed().assume_init();
                pg_sys::fmgr_info(oid, &mut function);
                Output { function, is_varlena }
            })
            .collect();
        let types: Vec<pg_sys::Oid> = attributes.iter().map(|attribute| attribute.atttypid).collect();
        receiver.companions = companions::of(&receiver.sheet, &types, &receiver.time_zone);
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
        for (slot, (value, is_null)) in values.iter().zip(nulls).enumerate() {
            // SAFETY: the caller's promise.
            let text = unsafe {
                if *is_null {
                    None
                } else {
                    if self.outputs[slot].is_varlena && is_large(*value) {
                        self.key = self.primary_key(values, nulls);
                    }
                    self.rendering = Some(slot);
                    Some(CStr::from_ptr(pg_sys::OutputFunctionCall(&mut self.outputs[slot].function, *value)))
                }
            };
            self.push(slot, text)?;
        }
        for index in 0..self.companions.len() {
            let source = self.companions[index].source;
            self.rendering = Some(source);
            // A cast to json may have been made by somebody else since the plan looked.
            let text = trusting(Trusted::SuperusersAnd(self.role), || {
                // SAFETY: the caller's promise; `of` was given the types of these values.
                unsafe { if nulls[source] { None } else { self.companions[index].text(values[source]) } }
            });
            self.push(source, text)?;
        }
        self.rendering = None;
        self.key = None;
        self.batch.end_row();
        self.rows += 1;
        Ok(())
    }

    /// Appends a value, of the column at `slot`, in UTF-8.
    fn push(&mut self, slot: usize, text: Option<&CStr>) -> Result<()> {
        let Some(text) = text else {
            self.batch.push(None);
            return Ok(());
        };
        let is_long = text.count_bytes() > BATCH;
        match self.encoding {
            Encoding::Utf8 => self.batch.push(Some(text.to_bytes())),
            Encoding::SqlAscii => {
                if let Err(error) = std::str::from_utf8(text.to_bytes()) {
                    return Err(self.invalid_text(slot, &error));
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
        if is_long {
            // SAFETY: only texts that the batch has copied live there. Beside the batch, a row of several long values needs room
            // for one of them.
            unsafe { pg_sys::MemoryContextReset(self.row_context) };
        }
        Ok(())
    }

    /// The key of a row as text; none without a primary key.
    ///
    /// # Safety
    /// As [`TextReceiver::take_row`].
    unsafe fn primary_key(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) -> Option<String> {
        let sheet = Arc::clone(&self.sheet);
        let key = sheet.primary_key.iter().filter_map(|name| sheet.columns.iter().find(|column| column.name == *name));
        let parts: Vec<String> = key
            .filter(|column| !nulls[column.slot])
            .map(|column| {
                let function = &mut self.outputs[column.slot].function;
                // SAFETY: the caller's promise.
                let text = unsafe { CStr::from_ptr(pg_sys::OutputFunctionCall(function, values[column.slot])) };
                format!("{}={}", column.name, from_server(text.to_bytes()))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn flush_when_full(&mut self) -> Result<()> {
        if self.batch.size() < BATCH {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.batch, Batch::new(self.sheet.clone(), BATCH + BATCH / 4));
        (self.sink)(full)
    }

    /// What `cause` means if it came from making a text that exceeds the server's limits.
    fn too_large(&self, cause: &CaughtError) -> Option<Error> {
        let Told { sqlstate, message, detail, .. } = describe(cause);
        // Program limit, and what palloc says to a request above its own limit.
        let is_limit = sqlstate == "54000" || message.starts_with("invalid memory alloc request size");
        let Some(slot) = self.rendering else {
            // The text of a whole row is made before the first row arrives, and only to sort by it.
            let sorts = self.sheet.primary_key.is_empty() && self.rows == 0 && !self.outputs.is_empty();
            let detail = detail.map_or(message.clone(), |detail| format!("{message}: {detail}"));
            return (is_limit && sorts).then(|| Error::RowTooLarge { table: self.table(), detail });
        };
        // Also where the system had no memory for it.
        let is_limit = is_limit || sqlstate == "53200";
        is_limit.then(|| Error::ValueTooLarge {
            table: self.table(),
            column: self.column(slot),
            detail: match &self.key {
                Some(key) => format!("The row with {key}: {message}."),
                None => format!("Row {} in the order of the export: {message}.", self.rows + 1),
            },
        })
    }

    fn invalid_text(&self, slot: usize, error: &std::str::Utf8Error) -> Error {
        Error::InvalidText {
            table: self.table(),
            column: self.column(slot),
            detail: format!("Row {} in the order of the export: {error}.", self.rows + 1),
        }
    }

    fn table(&self) -> String {
        match &self.sheet.relation {
            Some(relation) => pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table),
            None => self.sheet.name.clone(),
        }
    }

    fn column(&self, slot: usize) -> String {
        let column = self.sheet.columns.iter().find(|column| column.slot == slot).map(|column| &column.name);
        let label = self.sheet.captions.references.iter().find(|label| label.slot == slot).map(|label| &label.name);
        column.or(label).cloned().unwrap_or_default()
    }
}

/// Whether the text of `value` may be too long for the server.
///
/// # Safety
/// `value` is a varlena, toasted or not.
unsafe fn is_large(value: pg_sys::Datum) -> bool {
    let pointer = value.cast_mut_ptr::<pg_sys::varlena>();
    // SAFETY: the caller's promise; only values with a header of four bytes can be large, and those out of line tell their size.
    unsafe {
        if pgrx::varatt_is_1b_e(pointer) || pgrx::varatt_is_4b_c(pointer) {
            pg_sys::toast_raw_datum_size(value) > LARGE
        } else {
            !pgrx::varatt_is_1b(pointer) && pgrx::varsize_4b(pointer) > LARGE
        }
    }
}
