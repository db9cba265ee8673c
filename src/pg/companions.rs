//! What a format needs beside a column's own text: the value as JSON, or as a local time. Made from the value itself and not by the
//! query, whose target list has no room for it in a wide table.

use std::ffi::CStr;
use std::mem::MaybeUninit;

use pgrx::pg_sys;

use crate::bundle::sheet::Sheet;

/// Microseconds from 2000-01-01 to both ends of Excel's calendar, and two days more for the zones. Outside, the workbook shows the text
/// alone; at the ends of its range a timestamptz has no local time in some zones.
const EXCEL_CALENDAR: std::ops::Range<i64> = days_from_2000(-36_467)..days_from_2000(2_921_941);

const fn days_from_2000(days: i64) -> i64 {
    days * 86_400_000_000
}

/// One rendering of one column's values.
pub struct Companion {
    /// The column's place in a row.
    pub source: usize,
    function: pg_sys::FmgrInfo,
    local: Option<Local>,
}

struct Local {
    zone: pg_sys::Datum,
    output: pg_sys::FmgrInfo,
}

/// The companions of a sheet in the order of their slots, for values of the types `types`; `time_zone` is that of local times.
///
/// What they allocate for themselves lives in the current memory context.
pub fn of(sheet: &Sheet, types: &[pg_sys::Oid], time_zone: &CStr) -> Vec<Companion> {
    let mut companions: Vec<(usize, Companion)> = Vec::new();
    for column in &sheet.columns {
        if let Some(slot) = column.json_slot {
            let function = to_json(types[column.slot]);
            companions.push((slot, Companion { source: column.slot, function, local: None }));
        }
        if let Some(slot) = column.xlsx_slot {
            // SAFETY: copies the text into the current memory context.
            let zone = unsafe { pg_sys::cstring_to_text(time_zone.as_ptr()) }.into();
            let local = Some(Local { zone, output: function(pg_sys::F_TIMESTAMP_OUT) });
            let function = function(pg_sys::F_TIMEZONE_TEXT_TIMESTAMPTZ);
            companions.push((slot, Companion { source: column.slot, function, local }));
        }
    }
    companions.sort_by_key(|(slot, _)| *slot);
    companions.into_iter().map(|(_, companion)| companion).collect()
}

impl Companion {
    /// The text of `value`, in the database's encoding; none for a moment outside Excel's calendar.
    ///
    /// # Safety
    /// `value` is a value, not NULL, of the type that the companion was made for. The text lives in the current memory context.
    pub unsafe fn text<'a>(&mut self, value: pg_sys::Datum) -> Option<&'a CStr> {
        // SAFETY: the caller's promise; the functions take and return what their entries in pg_proc say.
        unsafe {
            let Some(local) = &mut self.local else {
                let json = pg_sys::FunctionCall1Coll(&mut self.function, pg_sys::InvalidOid, value);
                return Some(CStr::from_ptr(pg_sys::text_to_cstring(json.cast_mut_ptr())));
            };
            if !EXCEL_CALENDAR.contains(&(value.value() as i64)) {
                return None;
            }
            let moment = pg_sys::FunctionCall2Coll(&mut self.function, pg_sys::InvalidOid, local.zone, value);
            Some(CStr::from_ptr(pg_sys::OutputFunctionCall(&mut local.output, moment)))
        }
    }
}

/// `to_json`, told that its argument is of type `argument`, which it reads from the expression that calls it.
fn to_json(argument: pg_sys::Oid) -> pg_sys::FmgrInfo {
    let mut info = function(pg_sys::F_TO_JSON);
    // SAFETY: builds nodes in the current memory context, where they live as long as the companion.
    unsafe {
        let value = pg_sys::makeNullConst(argument, -1, pg_sys::InvalidOid);
        let arguments = pg_sys::lappend(std::ptr::null_mut(), value.cast());
        info.fn_expr = pg_sys::makeFuncExpr(
            info.fn_oid,
            pg_sys::JSONOID,
            arguments,
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast();
    }
    info
}

fn function(oid: u32) -> pg_sys::FmgrInfo {
    let mut info = MaybeUninit::<pg_sys::FmgrInfo>::zeroed();
    // SAFETY: a built-in function; fmgr_info fills the whole struct.
    unsafe {
        pg_sys::fmgr_info(pg_sys::Oid::from(oid), info.as_mut_ptr());
        info.assume_init()
    }
}
