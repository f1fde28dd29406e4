//! What was counted, by the hour and over all processes. Each adds what came since it last did.
//!
//! Hour 0 is no hour: it holds what is older than what is kept, so that sums over everything never go back.

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::{
    api::metrics::{Hour, Kind, STEPS, Series, Snapshot, Spread, Value},
    store::{StoreError, While},
};

/// Milliseconds of an hour.
pub const HOUR: i64 = 3_600_000;

/// How many hours are kept in which something was counted: ninety days of them.
pub const KEPT: i64 = 90 * 24;

/// Where everything older goes.
const BEFORE: i64 = 0;

/// Adds what came to the hour in which `now` lies, and folds away what is too old.
pub fn add(tx: &Transaction<'_>, came: &Snapshot, now: i64) -> Result<(), StoreError> {
    let hour = now.div_euclid(HOUR);
    let is_new = is_new(tx, hour)?;
    for (series, value) in came.there() {
        add_one(tx, hour, series, value)?;
    }
    if is_new { fold(tx) } else { Ok(()) }
}

fn is_new(tx: &Transaction<'_>, hour: i64) -> Result<bool, StoreError> {
    tx.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM metrics_hours WHERE hour = :hour)")
        .and_then(|mut ask| ask.query_row(named_params! { ":hour": hour }, |row| row.get(0)))
        .while_("reading what was counted")
}

/// The kept hours from the one in which `from` lies, oldest first.
pub fn hours(tx: &Transaction<'_>, from: i64) -> Result<Vec<Hour>, StoreError> {
    let mut select = tx
        .prepare_cached(
            "SELECT hour, series, value FROM metrics_hours WHERE hour >= :from AND hour <> 0 ORDER BY hour, series",
        )
        .while_("reading what was counted")?;
    let mut rows = select.query(named_params! { ":from": from.div_euclid(HOUR) }).while_("reading what was counted")?;
    let mut hours: Vec<Hour> = Vec::new();
    while let Some(row) = rows.next().while_("reading what was counted")? {
        let hour: i64 = row.get(0).while_("reading what was counted")?;
        let began_at = hour.saturating_mul(HOUR);
        if hours.last().is_none_or(|last| last.began_at != began_at) {
            hours.push(Hour { began_at, counted: Snapshot::default() });
        }
        if let (Some(last), Some((series, value))) = (hours.last_mut(), read(row)?) {
            last.counted.add(series, &value);
        }
    }
    Ok(hours)
}

/// Everything ever counted.
pub fn total(tx: &Transaction<'_>) -> Result<Snapshot, StoreError> {
    let mut select =
        tx.prepare_cached("SELECT hour, series, value FROM metrics_hours").while_("adding up what was counted")?;
    let mut rows = select.query([]).while_("adding up what was counted")?;
    let mut total = Snapshot::default();
    while let Some(row) = rows.next().while_("adding up what was counted")? {
        if let Some((series, value)) = read(row)? {
            total.add(series, &value);
        }
    }
    Ok(total)
}

/// `None` = a newer or an older program counted it.
fn read(row: &rusqlite::Row<'_>) -> Result<Option<(Series, Value)>, StoreError> {
    let key: String = row.get("series").while_("reading what was counted")?;
    let Some(series) = Series::named(&key) else { return Ok(None) };
    let bytes: Vec<u8> = row.get("value").while_("reading what was counted")?;
    Ok(unpacked(series.spec().kind, &bytes).map(|value| (series, value)))
}

fn add_one(tx: &Transaction<'_>, hour: i64, series: Series, more: &Value) -> Result<(), StoreError> {
    let key = series.key();
    let there: Option<Vec<u8>> = tx
        .prepare_cached("SELECT value FROM metrics_hours WHERE hour = :hour AND series = :series")
        .and_then(|mut find| {
            find.query_row(named_params! { ":hour": hour, ":series": key }, |row| row.get(0)).optional()
        })
        .while_("reading what was counted")?;
    let kind = series.spec().kind;
    let mut sum = there.and_then(|bytes| unpacked(kind, &bytes)).unwrap_or(Value::nothing(kind));
    sum.add(more);
    tx.prepare_cached(
        "INSERT INTO metrics_hours (hour, series, value) VALUES (:hour, :series, :value)
         ON CONFLICT (hour, series) DO UPDATE SET value = excluded.value",
    )
    .and_then(|mut put| put.execute(named_params! { ":hour": hour, ":series": key, ":value": packed(&sum) }))
    .while_("keeping what was counted")?;
    Ok(())
}

/// What is older than the kept hours goes into one sum. Hours are counted and not dated: a clock that leaps ahead for a
/// moment adds one to them and takes none away.
fn fold(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let Some(oldest) = oldest_kept(tx)? else { return Ok(()) };
    let old: Vec<(Series, Value)> = {
        let mut select = tx
            .prepare_cached("SELECT hour, series, value FROM metrics_hours WHERE hour < :oldest AND hour <> 0")
            .while_("reading what was counted long ago")?;
        let mut rows = select.query(named_params! { ":oldest": oldest }).while_("reading what was counted long ago")?;
        let mut old = Vec::new();
        while let Some(row) = rows.next().while_("reading what was counted long ago")? {
            old.extend(read(row)?);
        }
        old
    };
    for (series, value) in &old {
        // How something stood long ago is of no use in a sum.
        if series.spec().kind != Kind::Gauge {
            add_one(tx, BEFORE, *series, value)?;
        }
    }
    tx.prepare_cached("DELETE FROM metrics_hours WHERE hour < :oldest AND hour <> 0")
        .and_then(|mut delete| delete.execute(named_params! { ":oldest": oldest }))
        .while_("folding away what was counted long ago")?;
    Ok(())
}

/// The oldest hour that stays; `None` = all do. Step by step from the newest, each a look into the index.
fn oldest_kept(tx: &Transaction<'_>) -> Result<Option<i64>, StoreError> {
    tx.prepare_cached(
        "WITH RECURSIVE kept (hour, place) AS (
             SELECT max(hour), 1 FROM metrics_hours
             UNION ALL
             SELECT (SELECT max(hour) FROM metrics_hours WHERE hour < kept.hour), place + 1
             FROM kept WHERE kept.hour IS NOT NULL AND place < :most)
         SELECT hour FROM kept WHERE place = :most AND hour <> 0",
    )
    .and_then(|mut ask| ask.query_row(named_params! { ":most": KEPT }, |row| row.get(0)).optional())
    .map(Option::flatten)
    .while_("reading what was counted long ago")
}

/// Numbers one after the other, seven bits in a byte, the lowest first (LEB128): most of a histogram's steps are empty.
fn packed(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |mut number: u64| {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    };
    match value {
        Value::Count(count) | Value::Gauge(count) => put(*count),
        Value::Spread(spread) => {
            put(spread.sum);
            spread.steps.iter().for_each(|count| put(*count));
        }
    }
    bytes
}

/// `None` = it is no such value.
fn unpacked(kind: Kind, bytes: &[u8]) -> Option<Value> {
    let mut bytes = bytes.iter();
    let mut number = || {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    };
    Some(match kind {
        Kind::Counter => Value::Count(number()?),
        Kind::Gauge => Value::Gauge(number()?),
        Kind::Histogram => {
            let sum = number()?;
            let mut steps = [0; STEPS + 1];
            for step in &mut steps {
                *step = number()?;
            }
            Value::Spread(Spread { steps, sum })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::metrics::Metric,
        store::system::{open_system, scratch},
    };

    fn counted(calls: u64, first_tokens: u64) -> Snapshot {
        let mut counted = Snapshot::default();
        counted.add(Series::of(Metric::Calls, &[0, 0]), &Value::Count(calls));
        let mut spread = Spread { sum: first_tokens * 300, ..Spread::default() };
        spread.steps[2] = first_tokens;
        counted.add(Series::of(Metric::FirstToken, &[]), &Value::Spread(spread));
        counted
    }

    #[tokio::test]
    async fn an_hour_is_the_sum_of_what_two_processes_counted() {
        let dir = tempfile::tempdir().unwrap();
        let one = scratch::system(&dir);
        let two = open_system(&dir.path().join("system.db"), false).unwrap();
        let at = 500 * HOUR;
        one.write(move |tx| add(tx, &counted(3, 200), at)).await.unwrap();
        two.write(move |tx| add(tx, &counted(4, 1), at + HOUR - 1)).await.unwrap();
        one.write(move |tx| add(tx, &counted(1, 1), at + HOUR)).await.unwrap();
        let (hours, total) = two.read(move |tx| Ok::<_, StoreError>((hours(tx, at)?, total(tx)?))).await.unwrap();
        let expected =
            vec![Hour { began_at: at, counted: counted(7, 201) }, Hour { began_at: at + HOUR, counted: counted(1, 1) }];
        assert_eq!((hours, total), (expected, counted(8, 202)));
    }

    /// Hours that lie side by side, each with one call.
    async fn hours_from(db: &crate::store::Db, first: i64, count: i64) {
        db.write(move |tx| (first..first + count).try_for_each(|hour| add(tx, &counted(1, 0), hour * HOUR)))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_old_goes_into_one_sum_that_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let first = 10_000;
        db.write(move |tx| {
            add(tx, &counted(3, 1), first * HOUR)?;
            let calls = Series::of(Metric::Calls, &[0, 0]);
            (first + 1..first + KEPT - 1).try_for_each(|hour| add_one(tx, hour, calls, &Value::Count(1)))?;
            add(tx, &counted(1, 0), (first + KEPT - 1) * HOUR)
        })
        .await
        .unwrap();
        let kept = |tx: &Transaction<'_>| {
            let hours = hours(tx, 0)?;
            Ok::<_, StoreError>((hours.len(), hours[0].began_at / HOUR, total(tx)?))
        };
        let all = u64::try_from(KEPT).unwrap() + 2;
        assert_eq!(db.read(kept).await.unwrap(), (2160, first, counted(all, 1)), "the last kept hour is still one");
        hours_from(&db, first + KEPT, 1).await;
        assert_eq!(db.read(kept).await.unwrap(), (2160, first + 1, counted(all + 1, 1)));
        hours_from(&db, first + KEPT + 1, 3).await;
        assert_eq!(db.read(kept).await.unwrap(), (2160, first + 4, counted(all + 4, 1)));
    }

    #[tokio::test]
    async fn a_clock_that_leaps_ahead_by_years_takes_no_hour_away() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        hours_from(&db, 10_000, 3).await;
        hours_from(&db, 900_000, 2).await;
        hours_from(&db, 10_003, 1).await;
        let there: Vec<i64> =
            db.read(|tx| hours(tx, 0)).await.unwrap().iter().map(|hour| hour.began_at / HOUR).collect();
        assert_eq!(there, [10_000, 10_001, 10_002, 10_003, 900_000, 900_001]);
        assert_eq!(db.read(total).await.unwrap(), counted(6, 0));
    }

    #[tokio::test]
    async fn a_series_that_no_row_has_any_more_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            tx.execute("INSERT INTO metrics_hours (hour, series, value) VALUES (9, 'gone', x'05')", [])
                .while_("planting a row")?;
            add(tx, &counted(2, 0), 9 * HOUR)
        })
        .await
        .unwrap();
        assert_eq!(db.read(total).await.unwrap(), counted(2, 0));
    }

    #[test]
    fn values_come_back_as_they_were() {
        let spread = Spread { steps: std::array::from_fn(|step| 1 << (step * 3)), sum: u64::MAX };
        for (kind, value) in [
            (Kind::Counter, Value::Count(300)),
            (Kind::Gauge, Value::Gauge(127)),
            (Kind::Histogram, Value::Spread(spread)),
        ] {
            assert_eq!(unpacked(kind, &packed(&value)), Some(value));
        }
        assert_eq!(unpacked(Kind::Histogram, &[1, 2, 3]), None);
    }
}
