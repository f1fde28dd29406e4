//! What is taken as true of the clock, for whatever is forgotten because it is old: after a leap ahead (or a long absence)
//! nothing goes for a day, so that a wrong clock can be put right first. Set back, it makes everything look younger, which
//! loses nothing.

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::store::{StoreError, While};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A clock that is further ahead of the last look than this has leapt, or nobody was here for as long.
pub const LEAP_MS: i64 = 7 * DAY_MS;

/// Whether to act by this clock, and what is waited for from now on. `noted`: the latest time that is taken as true.
#[must_use]
pub fn waiting(noted: Option<i64>, waits_until: Option<i64>, now: i64) -> (bool, Option<i64>) {
    let has_leapt = noted.is_some_and(|noted| now - noted > LEAP_MS);
    match waits_until {
        _ if !has_leapt => (true, None),
        // The wait began at a time that the clock has not reached again: it was set back in between.
        Some(until) if now < until - DAY_MS => (false, Some(now + DAY_MS)),
        Some(until) if now < until => (false, Some(until)),
        // It leapt once more while it waited.
        Some(until) if now - until > LEAP_MS => (false, Some(now + DAY_MS)),
        Some(_) => (true, None),
        None => (false, Some(now + DAY_MS)),
    }
}

/// Whether what is old by this clock may be forgotten. Says `false` for a day after a leap, and notes the time where it is
/// true.
///
/// # Errors
/// When it cannot be read or noted.
pub fn may_forget(tx: &Transaction<'_>, now: i64) -> Result<bool, StoreError> {
    let kept: Option<(i64, Option<i64>)> = tx
        .prepare_cached("SELECT noted, waits_until FROM clock")
        .and_then(|mut ask| ask.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .while_("reading what is known of the clock")?;
    let (noted, waited_for) = kept.map_or((None, None), |(noted, until)| (Some(noted), until));
    let (may, waits_until) = waiting(noted, waited_for, now);
    let known = if may { noted.unwrap_or(now).max(now) } else { noted.unwrap_or(now) };
    tx.prepare_cached(
        "INSERT INTO clock (only, noted, waits_until) VALUES (1, :noted, :until)
         ON CONFLICT (only) DO UPDATE SET noted = excluded.noted, waits_until = excluded.waits_until",
    )
    .and_then(|mut note| note.execute(named_params! { ":noted": known, ":until": waits_until }))
    .while_("noting the clock")?;
    Ok(may)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::scratch::system;

    #[tokio::test]
    async fn a_leap_of_a_year_forgets_nothing_until_it_has_lasted_a_day() {
        const NOW: i64 = 2_000 * DAY_MS;
        let home = tempfile::tempdir().unwrap();
        let done: Result<(), StoreError> = system(&home)
            .write(|tx| {
                let leapt = NOW + 365 * DAY_MS;
                let told: Vec<bool> = [
                    NOW,
                    NOW + DAY_MS,
                    // Ahead, and back before the day was over.
                    leapt,
                    leapt + DAY_MS / 2,
                    NOW + DAY_MS + 1,
                    NOW - 900 * DAY_MS,
                    // Ahead, and it stays so.
                    leapt,
                    leapt + DAY_MS - 1,
                    leapt + DAY_MS,
                    leapt + 2 * DAY_MS,
                ]
                .into_iter()
                .map(|now| may_forget(tx, now))
                .collect::<Result<_, _>>()?;
                assert_eq!(told, [true, true, false, false, true, true, false, false, true, true]);
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
