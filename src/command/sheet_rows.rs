//! The csv rows of one sheet of a bundle, as texts.

use std::io::BufReader;
use std::sync::Arc;

use super::download::MAX_VALUE;
use super::feed::Feed;
use super::read::{open, sheet_of};
use crate::bundle::BundleError;
use crate::bundle::manifest::{Manifest, SheetEntry};
use crate::bundle::reader::read_error;
use crate::bundle::records::{Record, Records};
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};

/// A sheet, its columns and what is left of its rows.
pub struct SheetRows {
    /// As the manifest describes it.
    pub sheet: SheetEntry,
    /// The names of the texts in a row.
    pub columns: Vec<String>,
    records: Records<BufReader<Feed>>,
}

impl SheetRows {
    /// Opens the csv of a sheet; the read is audited. What it gives may be damaged until it has ended without an error.
    ///
    /// # Errors
    /// [`Error::UnknownObject`] for a sheet that the bundle hasn't, [`Error::WrongState`] for a bundle without csv, damage; as
    /// [`super::download::open`].
    pub fn open(extension: Extension, id: &str, sheet: &str, actor: &Actor) -> Result<SheetRows> {
        let reader = open(extension, id, sheet, actor)?;
        let manifest = Manifest::parse(&reader.manifest_bytes()?)?;
        let sheet = sheet_of(&manifest, sheet)?;
        let Some(file) = &sheet.files.csv else {
            return Err(Error::WrongState {
                message: format!("backup {id} has no csv files"),
                hint: "Exact values are read from csv: make backups with formats => '{csv, …}'.".into(),
            });
        };
        let columns: Vec<String> = sheet.csv_columns().map(|column| column.name.clone()).collect();
        let feed = Feed::start(&Arc::new(reader), file)?;
        let mut records = Records::new(BufReader::new(feed), columns.len(), MAX_VALUE as usize);
        let header = records.next_record().map_err(|error| unreadable(error, DOWNLOAD))?;
        let is_right = header.is_some_and(|header| {
            let names = header.fields().map(Option::unwrap_or_default);
            names.eq(columns.iter().map(|name| name.as_bytes()))
        });
        if !is_right {
            return Err(BundleError::Damaged(format!("{} has another header than its sheet", file.path)).into());
        }
        Ok(SheetRows { sheet, columns, records })
    }

    /// The next row's texts, by [`SheetRows::columns`].
    ///
    /// # Errors
    /// Damage; [`Error::Unsupported`] for a row of 1 GB or more.
    pub fn next_row(&mut self) -> Result<Option<Record<'_>>> {
        self.records.next_record().map_err(|error| unreadable(error, DOWNLOAD))
    }
}

const DOWNLOAD: &str = "Download the bundle: its csv and json files hold rows of any size.";

/// What a record that cannot be read means; `hint` helps where it is too long.
pub fn unreadable(error: std::io::Error, hint: &str) -> Error {
    match error.kind() {
        std::io::ErrorKind::FileTooLarge => Error::Unsupported {
            message: "a row of the bundle is larger than one value may be (1 GB)".into(),
            hint: hint.into(),
        },
        _ => read_error(error).into(),
    }
}
