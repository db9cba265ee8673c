//! What one sheet is: its relation, its columns and where each format finds a column's text in a row.

use serde::{Deserialize, Serialize};

use super::encoder::Warning;

/// Whether a sheet holds the application's own records or reference data (`ref__*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SheetKind {
    /// The application's own records; exported by scope `full` and `data`.
    Entity,
    /// Reference data; exported by scope `full` and `config`.
    Ref,
}

/// A table, view or foreign table by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Relation {
    /// The schema's name, unquoted.
    pub schema: String,
    /// The relation's name, unquoted.
    pub table: String,
}

/// What kind of relation a sheet was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary or a partitioned table: rows can be loaded into it.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
}

/// How the formats that have types of their own (json, xlsx) treat a column's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `t` or `f`.
    Bool,
    /// smallint, integer, bigint.
    Integer,
    /// numeric, with NaN and infinities.
    Numeric,
    /// real, double precision, with NaN and infinities.
    Float,
    /// date in ISO style, `infinity`, ` BC`.
    Date,
    /// timestamp without time zone in ISO style.
    Timestamp,
    /// timestamp with time zone in ISO style, shown in UTC (`+00`).
    TimestampTz,
    /// time without time zone.
    Time,
    /// json or jsonb: the text is JSON already.
    Json,
    /// Everything else.
    Text,
}

/// One column of a sheet.
#[derive(Clone, Debug)]
pub struct Column {
    /// The column's name, unquoted.
    pub name: String,
    /// The type as `format_type` gives it, e.g. `numeric(12,2)`.
    pub type_name: String,
    /// The type's oid.
    pub type_oid: u32,
    /// The schema of the type.
    pub type_schema: String,
    /// NOT NULL is declared.
    pub not_null: bool,
    /// A GENERATED ALWAYS AS (…) STORED column: left out of csv.
    pub generated: bool,
    /// `always` or `by default` for identity columns.
    pub identity: Option<&'static str>,
    /// The collation, schema-qualified, where it isn't the type's default.
    pub collation: Option<String>,
    /// How json and xlsx treat the text.
    pub shape: Shape,
    /// Index of the text output in a row of a [`super::batch::Batch`].
    pub slot: usize,
    /// Where the server has rendered the value as JSON itself (arrays, composites, types with a cast to json).
    pub json_slot: Option<usize>,
    /// Where a timestamptz stands as a timestamp without zone, local to the zone in which the workbook shows it; NULL where it lies
    /// outside Excel's calendar.
    pub xlsx_slot: Option<usize>,
}

/// What the workbook shows for people beside names and values. Nothing of it stands in csv and json.
#[derive(Clone, Debug, Default)]
pub struct Captions {
    /// The table's label, for the contents sheet.
    pub table: Option<String>,
    /// The columns' labels in their order, for a second header row; empty where there are none.
    pub columns: Vec<Option<String>>,
    /// Columns that tell what foreign keys refer to, in the order of [`Reference::column`].
    pub references: Vec<Reference>,
    /// Why references have no label though one is registered. The sheet's name is not known yet where these are made.
    pub warnings: Vec<Warning>,
}

/// A column of the workbook that shows, beside a foreign key, the label of the row that it refers to.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its name, different from those of the sheet's other columns.
    pub name: String,
    /// Its label in the second header row: that of `label_column` in the table referred to.
    pub label: Option<String>,
    /// Index of the foreign key in [`Sheet::columns`].
    pub column: usize,
    /// The table referred to.
    pub relation: Relation,
    /// That table's column that is shown.
    pub label_column: String,
    /// Index of the value in a row of a [`super::batch::Batch`].
    pub slot: usize,
}

/// One sheet of the bundle: a table, or a registered view, foreign table or query.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Unique in the bundle without regard to case; file names derive from it by [`super::names::file_stem`].
    pub name: String,
    /// Entity or ref.
    pub kind: SheetKind,
    /// The relation read; none for a query sheet.
    pub relation: Option<Relation>,
    /// What the relation is; none for a query sheet.
    pub relation_kind: Option<RelationKind>,
    /// The registered query; none for a relation.
    pub query: Option<String>,
    /// The columns, in the table's order.
    pub columns: Vec<Column>,
    /// Names of the primary key's key columns (not INCLUDE ones), in key order; empty without a key.
    pub primary_key: Vec<String>,
    /// The ORDER BY expressions used, as SQL.
    pub order_by: Vec<String>,
    /// What the workbook shows beside.
    pub captions: Captions,
    /// Values per row of a batch, companions included.
    pub slots: usize,
    /// The server's estimate of the number of rows; only for progress.
    pub estimated_rows: u64,
}

impl Sheet {
    /// The columns that go into csv: all but generated ones, which COPY cannot load.
    pub fn csv_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// Header rows of its worksheets: the names, then the labels where there are any. None without columns.
    pub fn header_rows(&self) -> u32 {
        let Captions { columns, references, .. } = &self.captions;
        let labelled = !columns.is_empty() || references.iter().any(|reference| reference.label.is_some());
        if self.columns.is_empty() { 0 } else { 1 + u32::from(labelled) }
    }
}
