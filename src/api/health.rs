//! Whether backups and tables are well.

use pgrx::prelude::*;

use super::backups::session_user;
use super::{arguments, authorized};
use crate::command::check_health;
use crate::command::estimate::{self, Estimate};

/// `paliad_backup.check_health(deep, by_email)`: a row for each check that found nothing, and for each thing that is wrong.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn check_health(
    deep: Option<bool>,
    by_email: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(check_name, String),
        name!(level, String),
        name!(object, Option<String>),
        name!(message, String),
        name!(next_command, Option<String>),
    ),
> {
    let findings = authorized(|extension| {
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        Ok(check_health::check_health(extension, deep.unwrap_or(false), &actor))
    });
    TableIterator::new(findings.into_iter().map(|finding| {
        (finding.check.to_owned(), finding.level.name().to_owned(), finding.object, finding.message, finding.next)
    }))
}

/// A row of `estimate()`.
type EstimateRow =
    (Option<String>, Option<String>, Option<i64>, i64, i64, AnyNumeric, Option<i64>, Option<bool>, Option<String>);

/// `paliad_backup.estimate(scope, formats)`: a row for each sheet of a run, last the total.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn estimate(
    scope: Option<&[u8]>,
    formats: Option<Vec<Option<String>>>,
) -> TableIterator<
    'static,
    (
        name!(sheet, Option<String>),
        name!(relation, Option<String>),
        name!(estimated_rows, Option<i64>),
        name!(table_bytes, i64),
        name!(expected_bytes, i64),
        name!(expected_seconds, AnyNumeric),
        name!(free_bytes, Option<i64>),
        name!(fits, Option<bool>),
        name!(basis, Option<String>),
    ),
> {
    let estimate = authorized(|_| {
        estimate::estimate(arguments::scope(arguments::text(scope).as_deref())?, &arguments::formats(formats)?)
    });
    TableIterator::new(rows(estimate))
}

fn rows(estimate: Estimate) -> Vec<EstimateRow> {
    let mut total = (0, 0, 0, 0.0);
    let mut rows: Vec<EstimateRow> = Vec::with_capacity(estimate.sheets.len() + 1);
    for sheet in estimate.sheets {
        let expected = sheet.expected;
        total.0 += expected.rows.unwrap_or(0);
        total.1 += sheet.table_bytes;
        total.2 += expected.bytes;
        total.3 += expected.seconds;
        let figures =
            (expected.rows.map(signed), signed(sheet.table_bytes), signed(expected.bytes), seconds(expected.seconds));
        rows.push((Some(sheet.name), sheet.relation, figures.0, figures.1, figures.2, figures.3, None, None, None));
    }
    let free = estimate.free_bytes.map(signed);
    let figures = (Some(signed(total.0)), signed(total.1), signed(total.2), seconds(total.3));
    rows.push((None, None, figures.0, figures.1, figures.2, figures.3, free, estimate.fits, Some(estimate.basis)));
    rows
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// With three decimals.
fn seconds(seconds: f64) -> AnyNumeric {
    AnyNumeric::try_from(format!("{seconds:.3}").as_str()).unwrap_or_else(|_| AnyNumeric::from(0))
}
