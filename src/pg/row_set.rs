//! The set of rows that a function returns, of a named row type: values are made from texts by their types' own input functions.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use pgrx::pg_sys;

use super::text::from_server;

/// A set under construction. It is filled within the call that returns it, as one role.
pub struct RowSet {
    store: *mut pg_sys::Tuplestorestate,
    relation: pg_sys::Relation,
    slot: *mut pg_sys::TupleTableSlot,
    state: *mut pg_sys::EState,
    expressions: *mut pg_sys::ExprContext,
    /// Reset after each row.
    row_context: pg_sys::MemoryContext,
    inputs: Vec<Input>,
    generated: Vec<(usize, *mut pg_sys::ExprState)>,
}

/// How a column's texts become values.
struct Input {
    /// Of the row type.
    attribute: usize,
    /// Of the texts.
    source: usize,
    function: pg_sys::FmgrInfo,
    parameter: pg_sys::Oid,
    modifier: i32,
}

/// The relation whose row type the first argument of a polymorphic function has; none for any other type.
pub fn relation_of_row_type(fcinfo: pg_sys::FunctionCallInfo) -> Option<pg_sys::Oid> {
    // SAFETY: the server's fcinfo of the present call; both functions look into its expression tree and into pg_type.
    let relation = unsafe {
        let row_type = pg_sys::get_fn_expr_argtype((*fcinfo).flinfo, 0);
        pg_sys::get_typ_typrelid(row_type)
    };
    (relation != pg_sys::InvalidOid).then_some(relation)
}

/// Fills the set that the present call returns with rows of `relation`'s type, which is locked; returns the names of its columns that get
/// no text. `columns` are the names of the texts; `work` puts the rows.
///
/// Generated columns without a text are computed. Code of the types and of the generated columns runs as the present role.
///
/// # Errors
/// What `work` returns; the server's own errors are raised by the server.
pub fn return_rows<E>(
    fcinfo: pg_sys::FunctionCallInfo,
    relation: pg_sys::Oid,
    columns: &[&str],
    work: impl FnOnce(&mut RowSet) -> Result<(), E>,
) -> Result<(), E> {
    // SAFETY: the server's fcinfo of the present call, of a function that returns a set, which InitMaterializedSRF checks.
    let mut set = unsafe { RowSet::begin(fcinfo, relation, columns) };
    work(&mut set)?;
    set.finish();
    Ok(())
}

/// The names of a relation's columns, in their order.
pub fn column_names(relation: pg_sys::Oid) -> Vec<String> {
    let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
    // SAFETY: the caller holds a lock on the relation, which is closed again; its descriptor has `natts` attributes.
    unsafe {
        let relation = pg_sys::relation_open(relation, no_lock);
        let names = attributes((*relation).rd_att).filter(|(_, attribute)| !attribute.attisdropped);
        let names = names.map(|(_, attribute)| name(attribute)).collect();
        pg_sys::relation_close(relation, no_lock);
        names
    }
}

impl RowSet {
    /// # Safety
    /// `fcinfo` is the present call's.
    unsafe fn begin(fcinfo: pg_sys::FunctionCallInfo, relation: pg_sys::Oid, columns: &[&str]) -> RowSet {
        // SAFETY: all of it lives in the current memory context, which outlives the call, or is released by `finish`; after an error the
        // transaction's abort does that.
        unsafe {
            pg_sys::InitMaterializedSRF(fcinfo, 0);
            let result = (*fcinfo).resultinfo as *mut pg_sys::ReturnSetInfo;
            let relation = pg_sys::relation_open(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
            let state = pg_sys::CreateExecutorState();
            let mut inputs = Vec::new();
            let mut generated = Vec::new();
            for (index, attribute) in attributes((*relation).rd_att).filter(|(_, attribute)| !attribute.attisdropped) {
                let name = name(attribute);
                if let Some(source) = columns.iter().position(|column| *column == name) {
                    inputs.push(Input::of(attribute, index, source));
                } else if attribute.attgenerated != 0 {
                    let expression = pg_sys::build_column_default(relation, index as i32 + 1);
                    generated.push((index, pg_sys::ExecPrepareExpr(expression.cast(), state)));
                }
            }
            RowSet {
                store: (*result).setResult,
                relation,
                slot: pg_sys::MakeSingleTupleTableSlot((*result).setDesc, &raw const pg_sys::TTSOpsVirtual),
                state,
                expressions: pg_sys::CreateExprContext(state),
                row_context: pg_sys::AllocSetContextCreateInternal(
                    pg_sys::CurrentMemoryContext,
                    c"paliad_backup row".as_ptr(),
                    pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
                ),
                inputs,
                generated,
            }
        }
    }

    /// Adds a row. `text` gives the columns' texts in UTF-8, by the order of their names; `None` is NULL.
    ///
    /// # Errors
    /// Raised by the server: texts that a type does not take, or that the database's encoding has no characters for.
    pub fn put<'a>(&mut self, text: impl Fn(usize) -> Option<Cow<'a, [u8]>>) {
        // SAFETY: the slot has a value for each attribute of its descriptor; the values live in the two contexts until the tuplestore has
        // copied them; the contexts are reset after that.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(self.row_context);
            if let Some(clear) = (*(*self.slot).tts_ops).clear {
                clear(self.slot);
            }
            let count = (*(*self.slot).tts_tupleDescriptor).natts as usize;
            let values = std::slice::from_raw_parts_mut((*self.slot).tts_values, count);
            let nulls = std::slice::from_raw_parts_mut((*self.slot).tts_isnull, count);
            nulls.fill(true);
            for input in &mut self.inputs {
                let text = text(input.source);
                nulls[input.attribute] = text.is_none();
                let text = text.map_or(std::ptr::null_mut(), |text| server_text(&text));
                values[input.attribute] =
                    pg_sys::InputFunctionCall(&mut input.function, text, input.parameter, input.modifier);
            }
            pg_sys::ExecStoreVirtualTuple(self.slot);
            (*self.expressions).ecxt_scantuple = self.slot;
            for (attribute, expression) in &self.generated {
                values[*attribute] =
                    pg_sys::ExecEvalExprSwitchContext(*expression, self.expressions, &mut nulls[*attribute]);
            }
            pg_sys::tuplestore_puttupleslot(self.store, self.slot);
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::MemoryContextReset(self.row_context);
            pg_sys::MemoryContextReset((*self.expressions).ecxt_per_tuple_memory);
        }
    }

    fn finish(self) {
        // SAFETY: made in `begin`; the relation's lock stays until the transaction's end.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.slot);
            pg_sys::FreeExecutorState(self.state);
            pg_sys::MemoryContextDelete(self.row_context);
            pg_sys::relation_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }
}

impl Input {
    /// # Safety
    /// `attribute` is not dropped. In a memory context that outlives the input.
    unsafe fn of(attribute: &pg_sys::FormData_pg_attribute, index: usize, source: usize) -> Input {
        let (mut oid, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        let mut function = MaybeUninit::<pg_sys::FmgrInfo>::zeroed();
        // SAFETY: the type is there as long as the relation is locked; fmgr_info fills what it is given.
        let function = unsafe {
            pg_sys::getTypeInputInfo(attribute.atttypid, &mut oid, &mut parameter);
            pg_sys::fmgr_info(oid, function.as_mut_ptr());
            function.assume_init()
        };
        Input { attribute: index, source, function, parameter, modifier: attribute.atttypmod }
    }
}

/// # Safety
/// `descriptor` is alive.
unsafe fn attributes<'a>(
    descriptor: pg_sys::TupleDesc,
) -> impl Iterator<Item = (usize, &'a pg_sys::FormData_pg_attribute)> {
    // SAFETY: the caller's promise; a descriptor has `natts` attributes.
    unsafe { (*descriptor).attrs.as_slice((*descriptor).natts as usize) }.iter().enumerate()
}

/// # Safety
/// Of a relation or row type, whose names end with a NUL.
unsafe fn name(attribute: &pg_sys::FormData_pg_attribute) -> String {
    // SAFETY: the caller's promise.
    from_server(unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) }.to_bytes())
}

/// A copy of a text in the database's encoding, in the current memory context. What is no UTF-8, or has a NUL, is 22021; what the
/// encoding has no characters for is 22P05: both are raised by the server.
fn server_text(text: &[u8]) -> *mut c_char {
    let given: *const c_char = text.as_ptr().cast();
    // SAFETY: the conversion reads as many bytes as it is told and returns its argument or a string of its own, which ends with a NUL.
    unsafe {
        let converted = pg_sys::pg_any_to_server(given, text.len() as i32, pg_sys::pg_enc::PG_UTF8 as i32);
        if converted.cast_const() == given { pg_sys::pnstrdup(given, text.len()) } else { converted }
    }
}
