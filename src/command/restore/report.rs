//! What a restore did, or would do.

use serde::Serialize;
use serde_json::{Value, json};

use super::RestoreRequest;
use super::create::Created;
use super::lost_keys::lost_keys;
use super::targets::Targets;
use crate::error::{Error, Result, Told};
use crate::pg::ddl::Name;
use crate::pg::query::{Snapshot, number, scalar, select};
use crate::pg::subtransaction::{Then, attempt};

/// Rows of one sheet.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// Put into the table.
    pub restored: u64,
    /// Left out: their keys were there.
    pub skipped: u64,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Rows {
    /// Put into the table.
    #[serde(rename = "rows_restored")]
    pub restored: u64,
    /// Of the bundle, left out: their keys were there.
    #[serde(rename = "rows_skipped")]
    pub skipped: u64,
    /// Were in the table before and were taken out.
    #[serde(rename = "rows_removed")]
    pub removed: u64,
}

/// One row of the result.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SheetReport {
    /// None for the total.
    pub sheet: Option<String>,
    /// The table, quoted.
    pub relation: Option<String>,
    /// restored, skipped, in a dry run failed or not tried, or total.
    pub action: &'static str,
    /// What became of rows; none where nothing was tried.
    #[serde(flatten)]
    pub rows: Option<Rows>,
    /// What a dry run found that would make the restore fail.
    pub errors: Vec<Told>,
    /// For people.
    pub message: Option<String>,
    /// The table was gone and was made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
}

/// What is told of a table that was made.
const MADE: &str = "the table was made; triggers, policies and grants are not part of a bundle";

/// The whole result.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the bundle's order, last the total.
    pub sheets: Vec<SheetReport>,
    /// The backup that was made before.
    pub checkpoint_id: Option<String>,
    /// The audit row.
    pub audit_id: String,
    /// Everything is taken back.
    pub dry_run: bool,
    /// Errors that belong to no sheet.
    others: Vec<Told>,
}

impl Report {
    /// Of what is going to be done.
    pub fn of(targets: &Targets, request: &RestoreRequest, audit_id: &str) -> Report {
        let row = |name: &String| {
            if let Some((sheet, reason)) = targets.skipped.iter().find(|(sheet, _)| sheet.name == *name) {
                let relation = sheet
                    .relation
                    .as_ref()
                    .map(|relation| pgrx::spi::quote_qualified_identifier(&relation.schema, &relation.table));
                let message = Some(reason.clone());
                return SheetReport {
                    sheet: Some(name.clone()),
                    relation,
                    action: "skipped",
                    rows: Some(Rows::default()),
                    message,
                    ..SheetReport::default()
                };
            }
            let target = targets.tables.iter().find(|target| target.sheet.name == *name);
            let errors = target.map(|target| target.problems.as_slice()).unwrap_or_default();
            SheetReport {
                sheet: Some(name.clone()),
                relation: target.map(|target| target.qualified.clone()),
                made: target.is_some_and(|target| target.made),
                action: "restored",
                rows: Some(Rows::default()),
                errors: if errors.is_empty() { Vec::new() } else { vec![misfit(target, errors)] },
                ..SheetReport::default()
            }
        };
        Report {
            sheets: targets.order.iter().map(row).collect(),
            checkpoint_id: None,
            audit_id: audit_id.to_owned(),
            dry_run: request.dry_run,
            others: Vec::new(),
        }
    }

    /// Something doesn't fit.
    pub fn has_problems(&self) -> bool {
        !self.others.is_empty() || self.sheets.iter().any(|sheet| !sheet.errors.is_empty())
    }

    /// The result where nothing can be done: a dry run tells, a restore raises.
    ///
    /// # Errors
    /// [`Error::Incompatible`].
    pub fn refused(mut self) -> Result<Report> {
        if self.dry_run {
            for sheet in self.sheets.iter_mut().filter(|sheet| sheet.action == "restored") {
                (sheet.action, sheet.rows) = ("not tried", None);
            }
            return Ok(self.completed());
        }
        let problems = self.sheets.iter().flat_map(|sheet| &sheet.errors).map(|error| error.message.clone());
        Err(Error::Incompatible { problems: problems.collect() })
    }

    /// Runs one step of a sheet; a dry run notes what goes wrong in it and goes on.
    ///
    /// # Errors
    /// Those of `work`, but in a dry run.
    pub fn step<R>(&mut self, sheet: &str, work: impl FnOnce() -> Result<R>) -> Result<Option<R>> {
        if !self.dry_run {
            return work().map(Some);
        }
        match attempt(Then::Keep, work) {
            Ok(value) => Ok(Some(value)),
            // Not what the data are, but what the server, the file or another session did.
            Err(told) if ["40", "53", "55", "58", "XX"].iter().any(|class| told.sqlstate.starts_with(class)) => {
                Err(Error::Told(told))
            }
            Err(told) => {
                match self.row(sheet) {
                    Some(row) => row.errors.push(told),
                    None => self.others.push(told),
                }
                Ok(None)
            }
        }
    }

    /// Adds what waited for the rows of the tables that were made, and tells what they have lost.
    ///
    /// # Errors
    /// As [`Report::step`].
    pub fn finish(&mut self, targets: &Targets, created: &mut Created) -> Result<()> {
        for target in targets.tables.iter().filter(|target| target.made) {
            self.note(&target.sheet.name, MADE);
        }
        for lost in lost_keys(created)? {
            // A partition has no sheet of its own.
            let oid = relation_oid(&lost.refers_to)?;
            let target = targets.tables.iter().find(|target| oid.is_some_and(|oid| target.members.contains(&oid)));
            if let Some(target) = target {
                self.note(&target.sheet.name, &lost.told);
            }
        }
        // What could not be loaded lacks keys that others refer to.
        if self.has_problems() {
            return Ok(());
        }
        self.step("", || created.finish()).map(drop)
    }

    /// Rows that were taken out.
    pub fn removed(&mut self, sheet: &str, rows: u64) {
        if let Some(counts) = self.row(sheet).and_then(|row| row.rows.as_mut()) {
            counts.removed = rows;
        }
    }

    /// Rows that were put in.
    pub fn loaded(&mut self, sheet: &str, loaded: Loaded) {
        if let Some(counts) = self.row(sheet).and_then(|row| row.rows.as_mut()) {
            (counts.restored, counts.skipped) = (loaded.restored, loaded.skipped);
        }
    }

    /// Something that the operator should know.
    pub fn note(&mut self, sheet: &str, message: &str) {
        if let Some(row) = self.row(sheet) {
            let before = row.message.take().map(|before| format!("{before}; ")).unwrap_or_default();
            row.message = Some(format!("{before}{message}"));
        }
    }

    /// As [`Report::note`], of the table's sheet; the table's name is quoted.
    pub fn note_of(&mut self, relation: &str, message: &str) {
        let of_relation = self.sheets.iter().find(|row| row.relation.as_deref() == Some(relation));
        if let Some(sheet) = of_relation.and_then(|row| row.sheet.clone()) {
            self.note(&sheet, message);
        }
    }

    /// With the total.
    pub fn completed(mut self) -> Report {
        // Only a dry run comes to its end with errors.
        let would_be = if self.has_problems() { "a restore would be refused; " } else { "" };
        for sheet in self.sheets.iter_mut().filter(|sheet| !sheet.errors.is_empty()) {
            sheet.action = "failed";
        }
        let count = |action: &str| self.sheets.iter().filter(|sheet| sheet.action == action).count();
        let (restored, skipped, failed) = (count("restored"), count("skipped"), count("failed"));
        let was_tried = self.sheets.iter().all(|sheet| sheet.rows.is_some());
        let not_tried = if was_tried { String::new() } else { format!(", not tried: {}", count("not tried")) };
        let dry_run = if self.dry_run { "; dry run: nothing was changed" } else { "" };
        let sum = |of: fn(&Rows) -> u64| self.sheets.iter().filter_map(|sheet| sheet.rows.as_ref()).map(of).sum();
        let total = SheetReport {
            action: "total",
            rows: was_tried.then(|| Rows {
                restored: sum(|rows| rows.restored),
                skipped: sum(|rows| rows.skipped),
                removed: sum(|rows| rows.removed),
            }),
            message: Some(format!(
                "{would_be}sheets restored: {restored}, skipped: {skipped}, failed: {failed}{not_tried}{dry_run}"
            )),
            errors: std::mem::take(&mut self.others),
            ..SheetReport::default()
        };
        self.sheets.push(total);
        self
    }

    /// As the audit row holds it.
    pub fn metadata(&self) -> Value {
        json!({ "checkpoint_id": self.checkpoint_id, "result": self.sheets })
    }

    fn row(&mut self, sheet: &str) -> Option<&mut SheetReport> {
        self.sheets.iter_mut().find(|row| row.sheet.as_deref() == Some(sheet))
    }
}

fn misfit(target: Option<&super::targets::Target>, problems: &[String]) -> Told {
    let table = target.map(|target| target.qualified.as_str()).unwrap_or_default();
    Error::Incompatible { problems: vec![format!("{table}: {}", problems.join(", "))] }.told()
}

fn relation_oid(name: &Name) -> Result<Option<u32>> {
    let quoted = pgrx::spi::quote_qualified_identifier(&name.0, &name.1);
    Ok(number(&scalar(select(Snapshot::Latest, "SELECT pg_catalog.to_regclass($1)::oid", &[Some(&quoted)])?)))
}
