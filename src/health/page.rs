//! Whether a heap page's structure holds: looked at before the server follows its offsets, which a damaged page would lead anywhere.

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

/// How a column's values lie in a row: pg_attribute's attlen, and attalign in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// -1 for varlena, -2 for cstring, else bytes.
    pub length: i16,
    /// 1, 2, 4 or 8.
    pub alignment: usize,
}

/// The first thing that is wrong with a heap page; `None` for a sound one, and for one that was never used.
pub fn fault(page: &[u8; PAGE], columns: &[Column]) -> Option<String> {
    let [lower, upper, special] = [12, 14, 16].map(|at| usize::from(u16_at(page, at)));
    if upper == 0 {
        return None;
    }
    if lower < HEADER || lower > upper || upper > special || special > PAGE {
        return Some(format!("the page's bounds {lower}, {upper}, {special} are impossible"));
    }
    let count = (lower - HEADER) / LINE_POINTER;
    (0..count).find_map(|index| {
        let pointer = u32_at(page, HEADER + LINE_POINTER * index);
        let (offset, flags, length) = ((pointer & 0x7FFF) as usize, pointer >> 15 & 3, (pointer >> 17) as usize);
        let wrong = match flags {
            // LP_NORMAL, LP_REDIRECT; the others point nowhere.
            1 if offset % ALIGNMENT != 0 || offset < upper || offset + length > special => {
                Some(format!("points to {length} bytes at {offset}, outside of the page's rows"))
            }
            1 => row_fault(&page[offset..offset + length], columns),
            2 if offset == 0 || offset > count => Some(format!("is redirected to line {offset} of {count}")),
            _ => None,
        };
        wrong.map(|wrong| format!("line {} {wrong}", index + 1))
    })
}

/// As verify_heapam.c goes through a row.
fn row_fault(row: &[u8], columns: &[Column]) -> Option<String> {
    if row.len() < TUPLE_HEADER {
        return Some(format!("has {} bytes, less than a row's header", row.len()));
    }
    let count = usize::from(u16_at(row, 18) & COLUMNS);
    let has_nulls = u16_at(row, 20) & HAS_NULLS != 0;
    let start = usize::from(row[22]);
    let bitmap = if has_nulls { count.div_ceil(8) } else { 0 };
    if count > columns.len() {
        return Some(format!("has {count} columns, where the table has {}", columns.len()));
    }
    if start % ALIGNMENT != 0 || start < TUPLE_HEADER + bitmap || start > row.len() {
        return Some(format!("has its values at byte {start} of {}", row.len()));
    }
    let mut at = 0;
    let values = &row[start..];
    for (index, column) in columns.iter().enumerate().take(count) {
        let is_null = has_nulls && row[TUPLE_HEADER + index / 8] >> (index % 8) & 1 == 0;
        if is_null {
            continue;
        }
        match value_end(values, at, column) {
            Some(end) => at = end,
            None => return Some(format!("has a value in column {} that reaches beyond the row", index + 1)),
        }
    }
    None
}

/// Where the value that begins at or after `at` ends; `None` where it reaches beyond the row, or is none.
fn value_end(values: &[u8], at: usize, column: &Column) -> Option<usize> {
    let aligned = at.next_multiple_of(column.alignment);
    let end = match column.length {
        -1 => {
            // A header of one byte is never zero, and needs no alignment (tupmacs.h, att_align_pointer).
            let begin = if *values.get(at)? != 0 { at } else { aligned };
            let first = *values.get(begin)?;
            begin
                + match first {
                    1 if *values.get(begin + 1)? == ON_DISK => EXTERNAL,
                    1 => return None,
                    short if short & 1 == 1 => usize::from(short >> 1),
                    _ => {
                        let size = (u32_at(values.get(begin..begin + 4)?, 0) >> 2) as usize;
                        if size < 4 {
                            return None;
                        }
                        size
                    }
                }
        }
        -2 => at + values.get(at..)?.iter().position(|byte| *byte == 0)? + 1,
        length => aligned + usize::try_from(length).ok()?,
    };
    (end <= values.len()).then_some(end)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
