//! Whether a heap page's structure holds. The server follows a damaged page's offsets anywhere, and may PANIC where it prunes one: so a copy
//! is looked at here, and every offset is compared with its bounds first.

/// The server's block size.
pub const PAGE: usize = 8192;

const HEADER: usize = 24;
const LINE_POINTER: usize = 4;
/// HeapTupleHeaderData up to the bitmap of NULLs (htup_details.h).
const TUPLE_HEADER: usize = 23;
const ALIGNMENT: usize = 8;
const HAS_NULLS: u16 = 0x0001;
const COLUMNS: u16 = 0x07FF;
/// Of a value out of line: two bytes of header and what varatt_external has (postgres.h).
const EXTERNAL: usize = 18;
const ON_DISK: u8 = 18;
/// Where such a value has the oid of its TOAST table (varatt_external.va_toastrelid).
const TOAST_TABLE: usize = 14;
/// Header and unpacked size of a packed value (VARHDRSZ_COMPRESSED).
const PACKED_HEADER: usize = 8;
/// MaxHeapTuplesPerPage (htup_details.h).
const MOST_LINES: usize = (PAGE - HEADER) / (TUPLE_HEADER.next_multiple_of(ALIGNMENT) + LINE_POINTER);

/// How a column's values lie in a row: pg_attribute's attlen, and attalign in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// -1 for varlena, -2 for cstring, else bytes.
    pub length: i16,
    /// 1, 2, 4 or 8.
    pub alignment: usize,
}

/// A table's rows.
#[derive(Clone, Debug)]
pub struct Shape {
    /// All columns, dropped ones included.
    pub columns: Vec<Column>,
    /// Oid of its table of values out of line; 0 where it has none.
    pub toast: u32,
}

/// Where on a sound page the values begin that are packed in their rows; none on a page that was never used.
///
/// # Errors
/// The first thing that is wrong with the page.
pub fn packed_values(page: &[u8; PAGE], shape: &Shape) -> Result<Vec<usize>, String> {
    let mut packed = Vec::new();
    let [lower, upper, special] = [12, 14, 16].map(|at| usize::from(u16_at(page, at)));
    if upper == 0 {
        return Ok(packed);
    }
    if lower < HEADER || lower > upper || upper > special || special > PAGE {
        return Err(format!("the page's bounds {lower}, {upper}, {special} are impossible"));
    }
    let count = (lower - HEADER) / LINE_POINTER;
    if count > MOST_LINES {
        return Err(format!("the page has {count} lines, and cannot have more than {MOST_LINES}"));
    }
    let mut filled = 0;
    for index in 0..count {
        let pointer = u32_at(page, HEADER + LINE_POINTER * index);
        let (offset, flags, length) = ((pointer & 0x7FFF) as usize, pointer >> 15 & 3, (pointer >> 17) as usize);
        let found = match flags {
            // LP_NORMAL; LP_REDIRECT; LP_UNUSED and LP_DEAD point nowhere.
            1 if offset % ALIGNMENT != 0 || offset < upper || offset + length > special => {
                Err(format!("points to {length} bytes at {offset}, outside of the page's rows"))
            }
            1 => {
                filled += length.next_multiple_of(ALIGNMENT);
                row(page, offset, length, shape, &mut packed)
            }
            _ if length != 0 => Err(format!("has {length} bytes, though it is no row")),
            2 if offset == 0 || offset > count => Err(format!("is redirected to line {offset} of {count}")),
            _ => Ok(()),
        };
        found.map_err(|wrong| format!("line {} {wrong}", index + 1))?;
    }
    if filled > special - upper {
        return Err(format!("the page's rows of {filled} bytes lie in {}", special - upper));
    }
    Ok(packed)
}

/// As verify_heapam.c goes through a row; adds the places of its packed values.
fn row(page: &[u8; PAGE], offset: usize, length: usize, shape: &Shape, packed: &mut Vec<usize>) -> Result<(), String> {
    let row = &page[offset..offset + length];
    if row.len() < TUPLE_HEADER {
        return Err(format!("has {} bytes, less than a row's header", row.len()));
    }
    let count = usize::from(u16_at(row, 18) & COLUMNS);
    let has_nulls = u16_at(row, 20) & HAS_NULLS != 0;
    let start = usize::from(row[22]);
    let bitmap = if has_nulls { count.div_ceil(8) } else { 0 };
    if count > shape.columns.len() {
        return Err(format!("has {count} columns, where the table has {}", shape.columns.len()));
    }
    if start % ALIGNMENT != 0 || start < TUPLE_HEADER + bitmap || start > row.len() {
        return Err(format!("has its values at byte {start} of {}", row.len()));
    }
    let mut at = 0;
    let values = &row[start..];
    for (index, column) in shape.columns.iter().enumerate().take(count) {
        let is_null = has_nulls && row[TUPLE_HEADER + index / 8] >> (index % 8) & 1 == 0;
        if is_null {
            continue;
        }
        let Some(value) = value(values, at, column, shape.toast) else {
            return Err(format!("has a value in column {} that reaches beyond the row, or is none", index + 1));
        };
        if value.is_packed {
            packed.push(offset + start + value.begin);
        }
        at = value.end;
    }
    Ok(())
}

/// Where a value lies among a row's.
struct Value {
    begin: usize,
    end: usize,
    is_packed: bool,
}

/// The value that begins at or after `at`; `None` where it reaches beyond the row, or is none.
fn value(values: &[u8], at: usize, column: &Column, toast: u32) -> Option<Value> {
    let aligned = at.next_multiple_of(column.alignment);
    let mut is_packed = false;
    let (begin, end) = match column.length {
        -1 => {
            // A header of one byte is never zero, and needs no alignment (tupmacs.h, att_align_pointer).
            let begin = if *values.get(at)? != 0 { at } else { aligned };
            let size = match *values.get(begin)? {
                1 => {
                    let value = values.get(begin..begin + EXTERNAL)?;
                    if value[1] != ON_DISK || toast == 0 || u32_at(value, TOAST_TABLE) != toast {
                        return None;
                    }
                    EXTERNAL
                }
                short if short & 1 == 1 => usize::from(short >> 1),
                first => {
                    is_packed = first & 3 == 2;
                    let size = (u32_at(values.get(begin..begin + 4)?, 0) >> 2) as usize;
                    if size < if is_packed { PACKED_HEADER } else { 4 } {
                        return None;
                    }
                    size
                }
            };
            (begin, begin + size)
        }
        -2 => (at, at + values.get(at..)?.iter().position(|byte| *byte == 0)? + 1),
        length => (aligned, aligned + usize::try_from(length).ok()?),
    };
    (end <= values.len()).then_some(Value { begin, end, is_packed })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
