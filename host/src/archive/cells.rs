//! Rows as databases give them, read into ours.

use std::borrow::Cow;

use super::Count;
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly, MeasureStats, Severity};

/// A row's values by their place.
pub(super) trait Cells {
    fn time(&self, place: usize) -> Result<EventTime, sqlx::Error>;
    fn integer(&self, place: usize) -> Result<i64, sqlx::Error>;
    fn optional_integer(&self, place: usize) -> Result<Option<i64>, sqlx::Error>;
    fn small(&self, place: usize) -> Result<Option<i32>, sqlx::Error>;
    fn number(&self, place: usize) -> Result<Option<f64>, sqlx::Error>;
    fn flag(&self, place: usize) -> Result<bool, sqlx::Error>;
    fn text(&self, place: usize) -> Result<Option<String>, sqlx::Error>;
}

/// The cells of a driver's row, but for its times.
macro_rules! cells {
    ($row:ty, $time:expr) => {
        impl crate::archive::cells::Cells for $row {
            fn time(&self, place: usize) -> Result<crate::domain::EventTime, sqlx::Error> {
                $time(self, place)
            }
            fn integer(&self, place: usize) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
            fn optional_integer(&self, place: usize) -> Result<Option<i64>, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
            fn small(&self, place: usize) -> Result<Option<i32>, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
            fn number(&self, place: usize) -> Result<Option<f64>, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
            fn flag(&self, place: usize) -> Result<bool, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
            fn text(&self, place: usize) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, place)
            }
        }
    };
}
pub(super) use cells;

/// What is not what the table's definition says.
pub(super) fn wrong(what: String) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

fn words(row: &impl Cells, place: usize) -> Result<Cow<'static, str>, sqlx::Error> {
    Ok(row.text(place)?.unwrap_or_default().into())
}

fn or_nan(row: &impl Cells, place: usize) -> Result<f64, sqlx::Error> {
    Ok(row.number(place)?.unwrap_or(f64::NAN))
}

/// A window, with so many measures: in their order building, start, end, count, revision, whether it is final, then average, smallest,
/// largest, sum and count of each measure.
pub(super) fn window(row: &impl Cells, measures: usize) -> Result<Aggregation, sqlx::Error> {
    let stats = (0..measures).map(|measure| {
        let first = 6 + 5 * measure;
        let at = |statistic| or_nan(row, first + statistic);
        let count = row.optional_integer(first + 4)?.map(i64::unsigned_abs);
        Ok(MeasureStats { avg: at(0)?, min: at(1)?, max: at(2)?, sum: at(3)?, count })
    });
    Ok(Aggregation {
        building: words(row, 0)?.into_owned(),
        window_start: row.time(1)?,
        window_end: row.time(2)?,
        count: row.integer(3)?.unsigned_abs(),
        revision: row.small(4)?.unwrap_or_default().unsigned_abs(),
        is_final: row.flag(5)?,
        measures: stats.collect::<Result<_, sqlx::Error>>()?,
    })
}

/// A finding, with so many measures, which come last.
pub(super) fn finding(row: &impl Cells, measures: usize) -> Result<Anomaly<'static>, sqlx::Error> {
    let (id, severity) = (words(row, 0)?, words(row, 8)?);
    Ok(Anomaly {
        id: id.parse().map_err(|_| wrong(format!("id `{id}`")))?,
        detected_at: row.time(1)?,
        building: words(row, 2)?,
        floor: row.small(3)?,
        meter: words(row, 4)?,
        measures: (0..measures).map(|measure| or_nan(row, 18 + measure)).collect::<Result<_, _>>()?,
        distance: row.number(5)?,
        threshold: row.number(6)?,
        cluster: row.small(7)?,
        severity: Severity::of_word(&severity).ok_or_else(|| wrong(format!("severity `{severity}`")))?,
        score: or_nan(row, 9)?,
        reason: words(row, 10)?,
        expected: row.text(11)?,
        context: row.text(12)?,
        detector: words(row, 13)?,
        detector_version: words(row, 14)?,
        detector_digest: words(row, 15)?,
        source_partition: row.small(16)?.unwrap_or_default(),
        source_offset: row.integer(17)?,
    })
}

/// Building, severity, and how many.
pub(super) fn count(row: &impl Cells) -> Result<Count, sqlx::Error> {
    Ok(Count { building: words(row, 0)?.into_owned(), severity: words(row, 1)?.into_owned(), count: row.integer(2)? })
}
