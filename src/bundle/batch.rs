//! Rows on their way from the scan to the encoders: one arena of text per batch, no allocation per value.

use std::sync::Arc;

use super::sheet::Sheet;

/// Set in an end position whose value is NULL. PostgreSQL's values stay under 1 GB, so no position ever needs this bit.
const NULL: usize = 1 << (usize::BITS - 1);

/// Some rows of one sheet as UTF-8 text values.
#[derive(Debug)]
pub struct Batch {
    sheet: Arc<Sheet>,
    rows: usize,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// An empty batch for rows of `sheet`, with room for `capacity` bytes.
    pub fn new(sheet: Arc<Sheet>, capacity: usize) -> Self {
        Batch { sheet, rows: 0, bytes: Vec::with_capacity(capacity), ends: Vec::new() }
    }

    /// Appends the next value of the row under way; `None` is NULL. A row has [`Sheet::slots`] values.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(text) => {
                self.bytes.extend_from_slice(text);
                self.ends.push(self.bytes.len());
            }
            None => self.ends.push(self.bytes.len() | NULL),
        }
    }

    /// Ends the row under way (a table without columns has rows too).
    pub fn end_row(&mut self) {
        self.rows += 1;
        debug_assert_eq!(self.ends.len(), self.rows * self.sheet.slots);
    }

    /// The sheet whose rows these are.
    pub fn sheet(&self) -> &Arc<Sheet> {
        &self.sheet
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of text held.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<usize>()
    }

    /// The value in `slot` of `row`; `None` is NULL.
    pub fn value(&self, row: usize, slot: usize) -> Option<&[u8]> {
        let index = row * self.sheet.slots + slot;
        let end = self.ends[index];
        if end & NULL != 0 {
            return None;
        }
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] & !NULL);
        Some(&self.bytes[start..end])
    }
}
