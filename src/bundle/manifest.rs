//! `manifest.json`: the bundle described for a program (`docs/bundle-format.md`, `docs/manifest.schema.json`).
//!
//! All that varies between two runs over equal data stands in the one member `run`: the files that repeat parts of it
//! (README.txt and the workbook) have their sizes and checksums there too; those of csv and json stand with the sheet.

mod check;

use serde::{Deserialize, Serialize};

use super::encoder::{FileInfo, Warning};
use super::names::MANIFEST;
use super::sheet::{Column, Reference, Relation, RelationKind, Sheet, SheetKind};
use super::{BundleError, Result, excerpt};

/// The version of the bundle format that this release writes, and the only one it reads.
pub const FORMAT_VERSION: u64 = 1;

/// Which sheets are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All sheets.
    Full,
    /// Reference data alone, [`SheetKind::Ref`].
    Config,
    /// The application's own records alone, [`SheetKind::Entity`].
    Data,
}

impl Scope {
    /// Whether sheets of this kind belong to it.
    pub fn includes(self, kind: SheetKind) -> bool {
        match self {
            Scope::Full => true,
            Scope::Config => kind == SheetKind::Ref,
            Scope::Data => kind == SheetKind::Entity,
        }
    }
}

/// A format in which the rows are exported, in the order in which the formats stand in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One Office Open XML workbook.
    Xlsx,
    /// One csv file per sheet.
    Csv,
    /// One JSON file per sheet.
    Json,
}

impl Format {
    /// In the bundle's order.
    pub const ALL: [Format; 3] = [Format::Xlsx, Format::Csv, Format::Json];

    /// As `backups.formats` and the arguments name it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Xlsx => "xlsx",
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }
}

/// The whole of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u64,
    /// Version of the extension that wrote the bundle.
    pub extension_version: String,
    /// The server's `server_version`.
    pub server_version: String,
    /// The database's encoding by PostgreSQL's name, e.g. `UTF8`; the bundle itself is always UTF-8.
    pub encoding: String,
    /// The database's name.
    pub database: String,
    /// Which sheets were asked for.
    pub scope: Scope,
    /// The formats in the bundle, without duplicates, in [`Format`]'s order.
    pub formats: Vec<Format>,
    /// All that varies between two runs over equal data.
    pub run: Run,
    /// Tables that were left out, and why.
    pub excluded: Vec<Excluded>,
    /// What the reader should know about the data; what concerns the run alone stands in `run`.
    pub warnings: Vec<Warning>,
    /// The sequences of the exported tables and schemas.
    pub sequences: Vec<Sequence>,
    /// Statements of restore.sql that wait for the rows: foreign keys, and what is NOT VALID.
    #[serde(default)]
    pub behind_rows: Vec<String>,
    /// Who owned what schema.sql makes: its schemas, and of the rest what was not their owners'. Superusers are not told.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// schema.sql and restore.sql; empty in a bundle without csv.
    #[serde(default)]
    pub scripts: Vec<FileInfo>,
    /// The newest migration that was applied; none where the application registers none.
    pub migration_version: Option<String>,
    /// The sheets, in the order of the export.
    pub sheets: Vec<SheetEntry>,
}

/// All that varies between two runs over equal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The backup's id, a UUID.
    pub id: String,
    /// `on_demand`, `scheduled` or `checkpoint`.
    pub kind: String,
    /// The application's id of who asked for the run, a UUID; none for the system itself.
    pub requested_by: Option<String>,
    /// E-mail address (or role) of who asked for the run.
    pub requested_by_email: String,
    /// A name to show for who asked for the run.
    pub requested_by_label: Option<String>,
    /// A remark given with the run.
    pub note: Option<String>,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// `pg_current_snapshot()` as text: the snapshot in which all sheets were read.
    pub snapshot: String,
    /// The write-ahead log's position when the run began, at or after the snapshot, as `pg_lsn` text.
    pub wal_lsn: String,
    /// The caller's transaction had written before: its changes are in the bundle, though not committed at the time.
    pub includes_uncommitted: bool,
    /// The newest hash of the audit log's chain; none where the log keeps no chain.
    pub audit_head: Option<String>,
    /// The files that repeat parts of `run`, in bundle order: README.txt and, where that format is in it, the workbook.
    pub files: Vec<FileInfo>,
}

/// A table that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The schema's name, unquoted.
    pub schema: String,
    /// The table's name, unquoted.
    pub table: String,
    /// Why, as one sentence for a person.
    pub reason: String,
}

/// A sequence's state (PostgreSQL documentation, CREATE SEQUENCE, Notes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The schema's name, unquoted.
    pub schema: String,
    /// The sequence's name, unquoted.
    pub name: String,
    /// `last_value` of the sequence.
    pub last_value: i64,
    /// Whether `last_value` was handed out already: the third argument of `setval`.
    pub is_called: bool,
    /// The column that owns the sequence (serial and identity columns).
    pub owned_by: Option<OwnedBy>,
}

/// Who owned a schema or an object in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The schema's name, unquoted.
    pub schema: String,
    /// Of a table, sequence, type or collation, unquoted; none for the schema itself.
    pub name: Option<String>,
    /// The role's name, unquoted.
    pub owner: String,
}

/// The column that owns a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedBy {
    /// The schema of the table, unquoted.
    pub schema: String,
    /// The table's name, unquoted.
    pub table: String,
    /// The column's name, unquoted.
    pub column: String,
}

/// One sheet as the manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetEntry {
    /// The sheet's name, unique without regard to case.
    pub name: String,
    /// Entity or ref.
    pub kind: SheetKind,
    /// The relation read; none for a query sheet.
    pub relation: Option<Relation>,
    /// What the relation is; none for a query sheet, and in bundles that do not tell.
    #[serde(default)]
    pub relation_kind: Option<RelationKind>,
    /// The registered query; none for a relation.
    pub query: Option<String>,
    /// The columns, in the table's order, generated ones included.
    pub columns: Vec<ColumnEntry>,
    /// The primary key's columns in key order; empty without a key.
    pub primary_key: Vec<String>,
    /// The ORDER BY expressions used, as SQL.
    pub order_by: Vec<String>,
    /// Number of rows.
    pub row_count: u64,
    /// The sheet's own files.
    pub files: SheetFiles,
    /// The worksheets with the sheet's rows, in order; empty when it is not in the workbook.
    pub xlsx_sheets: Vec<String>,
    /// Header rows of each of them: the columns' names, then their labels where there are any; 0 without columns.
    #[serde(default)]
    pub xlsx_header_rows: u32,
    /// Columns that they have beside those of the table, each to the right of its foreign key.
    #[serde(default)]
    pub xlsx_labels: Vec<LabelEntry>,
}

/// A column of the workbook that shows the label of what a foreign key refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelEntry {
    /// The name in the header.
    pub name: String,
    /// The foreign key's column.
    pub column: String,
    /// The table referred to.
    pub relation: Relation,
    /// That table's column which is shown.
    pub label_column: String,
}

/// One column as the manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnEntry {
    /// The column's name, unquoted.
    pub name: String,
    /// The type as `format_type` gives it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type's oid in the database exported.
    pub type_oid: u32,
    /// The schema of the type.
    pub type_schema: String,
    /// NOT NULL is declared.
    pub not_null: bool,
    /// A generated column: not in csv.
    pub generated: bool,
    /// `always` or `by default` for identity columns.
    pub identity: Option<String>,
    /// The collation, schema-qualified, where it isn't the type's default.
    pub collation: Option<String>,
}

/// The files that hold one sheet alone; a format that isn't in the bundle has no member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetFiles {
    /// `csv/<sheet>.csv`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<FileInfo>,
    /// `json/<sheet>.json`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<FileInfo>,
}

impl Manifest {
    /// Warnings about the run rather than about the data: they stand on the catalog row, and the manifest tells them in `run`.
    pub fn run_warnings(&self) -> Option<Warning> {
        self.run.includes_uncommitted.then(|| Warning {
            code: "includes_uncommitted".to_owned(),
            sheet: None,
            column: None,
            count: 1,
            detail: "The caller's transaction had written before the backup; its changes are included, though not yet committed."
                .to_owned(),
        })
    }

    /// The bytes of `manifest.json`: UTF-8, indented, members in the order of the struct, a line feed at the end.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(damaged)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads `manifest.json`. Members that this release does not know are skipped.
    ///
    /// # Errors
    /// [`BundleError::UnknownFormat`] for any other `format_version`, whatever else stands there;
    /// [`BundleError::Damaged`] when the bytes are not a manifest, or one that no run can have written.
    pub fn parse(bytes: &[u8]) -> Result<Manifest> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u64,
        }
        let Version { format_version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format_version != FORMAT_VERSION {
            return Err(BundleError::UnknownFormat(format_version));
        }
        let manifest = serde_json::from_slice(bytes).map_err(damaged)?;
        check::check(&manifest, bytes)?;
        Ok(manifest)
    }

    /// The files that the manifest vouches for, in bundle order: all but `manifest.json` itself and `SHA256SUMS`.
    pub fn files(&self) -> Vec<FileInfo> {
        let csv = self.sheets.iter().filter_map(|sheet| sheet.files.csv.as_ref());
        let json = self.sheets.iter().filter_map(|sheet| sheet.files.json.as_ref());
        self.run.files.iter().chain(csv).chain(json).chain(&self.scripts).cloned().collect()
    }
}

impl SheetEntry {
    /// Why no rows can be loaded from the sheet; none where they can.
    pub fn has_no_table(&self) -> Option<&'static str> {
        match (&self.relation, self.relation_kind) {
            (None, _) => Some("the result of a query"),
            (_, Some(RelationKind::View)) => Some("a view"),
            (_, Some(RelationKind::MaterializedView)) => Some("a materialized view"),
            (_, Some(RelationKind::ForeignTable)) => Some("a foreign table"),
            (_, Some(RelationKind::Table) | None) => None,
        }
    }

    /// The columns that are in csv: all but generated ones, which COPY cannot load.
    pub fn csv_columns(&self) -> impl Iterator<Item = &ColumnEntry> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// Describes `sheet` as it was exported: `row_count` rows into `files` and the worksheets `xlsx_sheets`.
    pub fn from_sheet(sheet: &Sheet, row_count: u64, files: SheetFiles, xlsx_sheets: Vec<String>) -> Self {
        let label = |reference: &Reference| LabelEntry {
            name: reference.name.clone(),
            column: sheet.columns[reference.column].name.clone(),
            relation: reference.relation.clone(),
            label_column: reference.label_column.clone(),
        };
        let shown = !xlsx_sheets.is_empty();
        SheetEntry {
            name: sheet.name.clone(),
            kind: sheet.kind,
            relation: sheet.relation.clone(),
            relation_kind: sheet.relation_kind,
            query: sheet.query.clone(),
            columns: sheet.columns.iter().map(ColumnEntry::from).collect(),
            primary_key: sheet.primary_key.clone(),
            order_by: sheet.order_by.clone(),
            row_count,
            files,
            xlsx_header_rows: if shown { sheet.header_rows() } else { 0 },
            xlsx_labels: sheet.captions.references.iter().filter(|_| shown).map(label).collect(),
            xlsx_sheets,
        }
    }
}

impl From<&Column> for ColumnEntry {
    fn from(column: &Column) -> Self {
        ColumnEntry {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            type_oid: column.type_oid,
            type_schema: column.type_schema.clone(),
            not_null: column.not_null,
            generated: column.generated,
            identity: column.identity.map(str::to_owned),
            collation: column.collation.clone(),
        }
    }
}

fn damaged(error: serde_json::Error) -> BundleError {
    BundleError::Damaged(format!("{MANIFEST}: {}", excerpt(&error.to_string())))
}

#[cfg(test)]
pub(in crate::bundle) mod tests;
