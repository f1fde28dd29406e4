//! When a rule is due. Decided from numbers alone, so that days of a changing clock can be tried in a test.
//!
//! A due moment is one that the wall clock shows in local time; what was taken is known by these moments and not by when
//! something ran. So a clock that leaps ahead and is set back never makes one moment due twice, and a machine that was off
//! for a week makes up the last moment and not seven.

use jiff::{Timestamp, ToSpan, civil::Weekday, tz::TimeZone};

use crate::{
    api::rules::{Day, Only, TimeOfDay, When},
    store::system::rules::Kept,
};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const DAY_MINUTES: u32 = 24 * 60;
/// The wait after the first failure; it doubles with each, up to the longest.
const FIRST_WAIT: i64 = 15 * MINUTE;
const LONGEST_WAIT: i64 = 6 * HOUR;

/// How a rule stands towards the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// No clock decides it.
    Never,
    At(i64),
    Now {
        due: i64,
        /// It was tried before, and failed.
        again: bool,
    },
    /// This moment passed while nobody was there, so long ago that it is not made up.
    Missed {
        due: i64,
    },
}

/// Until when a missed run is made up, milliseconds after its moment. A backup that comes late is better than none, so one
/// is always made up.
pub fn grace(when: When, is_backup: bool) -> i64 {
    match when {
        _ if is_backup => i64::MAX,
        When::Every { minutes } => i64::from(minutes) * MINUTE,
        When::Daily { .. } => 12 * HOUR,
        When::Weekly { .. } => 3 * 24 * HOUR,
        When::UpdateAvailable => 24 * HOUR,
        // What happened just now is not made up later.
        When::Start | When::Idle { .. } | When::DiskBelow { .. } | When::ByHand => HOUR,
    }
}

/// How long to wait after so many failures in a row.
pub fn back_off(failures: u32) -> i64 {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_WAIT)
}

/// How this rule stands at this moment.
pub fn due(kept: &Kept, is_backup: bool, now: i64, zone: &TimeZone) -> Due {
    if kept.rule.standing() != "on" {
        return Due::Never;
    }
    let when = kept.rule.when;
    let grace = grace(when, is_backup);
    // A wait that reaches further than any begins now: the clock was set back.
    let not_before = kept.again.map(|(_, at)| if at > now.saturating_add(LONGEST_WAIT) { now } else { at });
    if let (Some((due, _)), Some(at)) = (kept.again, not_before) {
        if at > now {
            return Due::At(at);
        }
        if now.saturating_sub(due) <= grace {
            return Due::Now { due, again: true };
        }
    }
    let Some(Slots { last, next }) = slots(when, kept.since, now, zone) else { return Due::Never };
    let is_new = |slot: &i64| kept.taken.is_none_or(|taken| *slot > taken);
    // Times that were before it was made, or changed, are not made up: but a house that has no backup gets one.
    let counts = |slot: &i64| *slot > kept.since || (is_backup && kept.taken.is_none());
    match last.filter(is_new).filter(counts) {
        Some(due) if now.saturating_sub(due) <= grace => Due::Now { due, again: false },
        Some(due) => Due::Missed { due },
        None => Due::At(next),
    }
}

/// The last moment at which it was due, if there was one, and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slots {
    last: Option<i64>,
    next: i64,
}

fn slots(when: When, since: i64, now: i64, zone: &TimeZone) -> Option<Slots> {
    match when {
        When::Every { minutes } => Some(every(minutes, since, now)),
        When::UpdateAvailable => Some(every(DAY_MINUTES, since, now)),
        When::Daily { at } => at_times(at, None, now, zone),
        When::Weekly { day, at } => at_times(at, Some(day), now, zone),
        When::Start | When::Idle { .. } | When::DiskBelow { .. } | When::ByHand => None,
    }
}

fn every(minutes: u32, since: i64, now: i64) -> Slots {
    let step = i64::from(minutes.max(1)) * MINUTE;
    let passed = now.saturating_sub(since).div_euclid(step);
    let last = (passed > 0).then(|| since + passed * step);
    Slots { last, next: since + (passed.max(0) + 1) * step }
}

fn at_times(at: TimeOfDay, day: Option<Day>, now: i64, zone: &TimeZone) -> Option<Slots> {
    let here = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone());
    let strikes = |days: i64| {
        let date = here.date().checked_add(days.days()).ok()?;
        // A time that the change to summer time leaves out strikes right after it; one that comes twice strikes at the
        // first.
        let struck = date.at(i8::try_from(at.hour).ok()?, i8::try_from(at.minute).ok()?, 0, 0);
        Some(struck.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
    };
    let step = if day.is_some() { 7 } else { 1 };
    let first = day.map_or(0, |day| {
        i64::from(weekday(day).to_monday_zero_offset()) - i64::from(here.weekday().to_monday_zero_offset())
    });
    let around: Vec<i64> = [-2, -1, 0, 1, 2].into_iter().filter_map(|turn| strikes(first + turn * step)).collect();
    let next = around.iter().copied().find(|slot| *slot > now)?;
    Some(Slots { last: around.into_iter().rev().find(|slot| *slot <= now), next })
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Monday => Weekday::Monday,
        Day::Tuesday => Weekday::Tuesday,
        Day::Wednesday => Weekday::Wednesday,
        Day::Thursday => Weekday::Thursday,
        Day::Friday => Weekday::Friday,
        Day::Saturday => Weekday::Saturday,
        Day::Sunday => Weekday::Sunday,
    }
}

/// What of the conditions does not hold, in words.
pub fn unmet(only: Only, now: i64, zone: &TimeZone, is_quiet: bool, free: Option<u64>) -> Option<String> {
    if let Some((from, to)) = only.between {
        let time = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone()).time();
        let minutes = |at: TimeOfDay| i64::from(at.hour) * 60 + i64::from(at.minute);
        let at = i64::from(time.hour()) * 60 + i64::from(time.minute());
        let (from_at, to_at) = (minutes(from), minutes(to));
        let holds = if from_at < to_at { (from_at..to_at).contains(&at) } else { at >= from_at || at < to_at };
        if !holds {
            return Some(format!("it may run from {from} to {to} only"));
        }
    }
    if only.while_quiet && !is_quiet {
        return Some("somebody chats".to_owned());
    }
    match (only.with_free, free) {
        (Some(_), None) => Some("the free space cannot be told".to_owned()),
        (Some(least), Some(free)) if free < least => {
            Some(format!("less than {} are free", crate::api::retention::size_text(least)))
        }
        (Some(_) | None, _) => None,
    }
}

/// The next moment of a rule, for a list.
pub fn next_at(kept: &Kept, is_backup: bool, now: i64, zone: &TimeZone) -> Option<i64> {
    match due(kept, is_backup, now, zone) {
        Due::Never => None,
        Due::At(at) => Some(at),
        Due::Now { .. } => Some(now),
        Due::Missed { .. } => {
            let taken = Kept { taken: Some(now), ..kept.clone() };
            match due(&taken, is_backup, now, zone) {
                Due::At(at) => Some(at),
                Due::Never | Due::Now { .. } | Due::Missed { .. } => None,
            }
        }
    }
}

/// The moment that was so many minutes ago.
pub fn ago(now: i64, minutes: u32) -> i64 {
    now.saturating_sub(i64::from(minutes) * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        RuleId,
        rules::{Action, Rule},
    };

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn time(text: &str) -> TimeOfDay {
        TimeOfDay::parse(text).unwrap()
    }

    fn kept(when: When, since: &str) -> Kept {
        let rule = Rule {
            id: RuleId::new(),
            name: "x".into(),
            action: Action::Check,
            when,
            only: Only::default(),
            enabled: true,
            made_by: None,
            by: None,
            created_at: 0,
            updated_at: 0,
            last: None,
            next_at: None,
            failures: 0,
            paused_because: None,
            waits_because: None,
        };
        Kept { rule, since: at(since), taken: None, again: None, seen: None, runs: false }
    }

    /// What happens to one rule while the clock shows these times one after the other.
    fn runs(mut kept: Kept, zone: &TimeZone, clock: &[&str]) -> Vec<String> {
        let mut taken: Vec<i64> = Vec::new();
        let mut told = Vec::new();
        for text in clock {
            let now = at(text);
            kept.taken = taken.iter().copied().filter(|due| *due <= now).max();
            match due(&kept, false, now, zone) {
                Due::Now { due, .. } => {
                    assert!(!taken.contains(&due), "twice for one moment, at {text}");
                    taken.push(due);
                    told.push(format!("{text} runs that of {}", Timestamp::from_millisecond(due).unwrap()));
                }
                Due::Missed { due } => {
                    taken.push(due);
                    told.push(format!("{text} misses that of {}", Timestamp::from_millisecond(due).unwrap()));
                }
                Due::At(_) | Due::Never => {}
            }
        }
        told
    }

    fn three() -> Kept {
        kept(When::Daily { at: time("3:00") }, "2026-11-20T12:00:00Z")
    }

    #[test]
    fn a_missed_run_is_made_up_once_and_one_that_was_missed_long_ago_never() {
        let told =
            runs(three(), &TimeZone::UTC, &["2026-11-20T13:00:00Z", "2026-11-25T09:00:00Z", "2026-11-25T09:01:00Z"]);
        assert_eq!(told, ["2026-11-25T09:00:00Z runs that of 2026-11-25T03:00:00Z"]);
        let told =
            runs(three(), &TimeZone::UTC, &["2026-11-25T16:00:00Z", "2026-11-25T17:00:00Z", "2026-11-26T03:00:00Z"]);
        assert_eq!(
            told,
            [
                "2026-11-25T16:00:00Z misses that of 2026-11-25T03:00:00Z",
                "2026-11-26T03:00:00Z runs that of 2026-11-26T03:00:00Z"
            ]
        );
    }

    #[test]
    fn a_clock_that_leaps_and_is_set_back_runs_each_moment_once() {
        // Ahead by years, and back.
        let told = runs(
            three(),
            &TimeZone::UTC,
            &["2026-11-21T03:00:00Z", "2030-01-01T03:30:00Z", "2026-11-21T03:05:00Z", "2026-11-22T03:00:01Z"],
        );
        assert_eq!(
            told,
            [
                "2026-11-21T03:00:00Z runs that of 2026-11-21T03:00:00Z",
                "2030-01-01T03:30:00Z runs that of 2030-01-01T03:00:00Z",
                "2026-11-22T03:00:01Z runs that of 2026-11-22T03:00:00Z"
            ]
        );
        // Back by an hour right after it ran.
        let told =
            runs(three(), &TimeZone::UTC, &["2026-11-21T03:05:00Z", "2026-11-21T02:05:00Z", "2026-11-21T03:00:00Z"]);
        assert_eq!(told.len(), 1, "{told:?}");
        // The same for one that runs every hour.
        let hourly = kept(When::Every { minutes: 60 }, "2026-11-20T12:00:00Z");
        let clock = ["2026-11-20T12:30:00Z", "2026-11-20T16:10:00Z", "2026-11-20T13:30:00Z", "2026-11-20T16:20:00Z"];
        assert_eq!(
            runs(hourly, &TimeZone::UTC, &clock),
            [
                "2026-11-20T16:10:00Z runs that of 2026-11-20T16:00:00Z",
                "2026-11-20T13:30:00Z runs that of 2026-11-20T13:00:00Z"
            ]
        );
    }

    #[test]
    fn on_the_days_on_which_the_clock_changes_it_runs_once() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // 2:30 is left out on this day: it strikes when the clock shows 3:30.
        let half_past_two = kept(When::Daily { at: time("2:30") }, "2026-03-28T12:00:00Z");
        let clock = ["2026-03-29T00:59:59Z", "2026-03-29T01:29:59Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"];
        assert_eq!(runs(half_past_two, &berlin, &clock), ["2026-03-29T01:30:00Z runs that of 2026-03-29T01:30:00Z"]);
        // And comes twice on this one.
        let half_past_two = kept(When::Daily { at: time("2:30") }, "2026-10-24T12:00:00Z");
        let clock = ["2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(
            runs(half_past_two, &berlin, &clock),
            [
                "2026-10-25T00:30:00Z runs that of 2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z runs that of 2026-10-26T01:30:00Z"
            ]
        );
        // Weekly, over the change: at the same time of the day, not after so many hours.
        let sundays = kept(When::Weekly { day: Day::Sunday, at: time("6:00") }, "2026-10-18T03:00:00Z");
        let clock = ["2026-10-18T04:00:00Z", "2026-10-25T04:00:00Z", "2026-10-25T05:00:00Z"];
        assert_eq!(
            runs(sundays, &berlin, &clock),
            [
                "2026-10-18T04:00:00Z runs that of 2026-10-18T04:00:00Z",
                "2026-10-25T05:00:00Z runs that of 2026-10-25T05:00:00Z"
            ]
        );
    }

    #[test]
    fn what_was_before_a_rule_was_made_is_not_made_up_but_a_first_backup_is() {
        let new = kept(When::Daily { at: time("3:00") }, "2026-11-25T09:00:00Z");
        let (now, utc) = (at("2026-11-25T09:01:00Z"), TimeZone::UTC);
        assert_eq!(due(&new, false, now, &utc), Due::At(at("2026-11-26T03:00:00Z")));
        assert_eq!(due(&new, true, now, &utc), Due::Now { due: at("2026-11-25T03:00:00Z"), again: false });
        let off = Kept { rule: Rule { enabled: false, ..new.rule.clone() }, ..new };
        assert_eq!(due(&off, true, now, &utc), Due::Never);
    }

    #[test]
    fn what_failed_is_tried_again_later_and_later() {
        let (now, utc) = (at("2026-11-21T03:10:00Z"), TimeZone::UTC);
        let slot = at("2026-11-21T03:00:00Z");
        let failed = |again_at: i64| Kept { taken: Some(slot), again: Some((slot, again_at)), ..three() };
        assert_eq!(due(&failed(now + 1), false, now, &utc), Due::At(now + 1));
        assert_eq!(due(&failed(now), false, now, &utc), Due::Now { due: slot, again: true });
        assert_eq!(due(&failed(now + 7 * HOUR), false, now, &utc), Due::Now { due: slot, again: true }, "set back");
        assert_eq!([1, 2, 3, 5, 40].map(|failures| back_off(failures) / MINUTE), [15, 30, 60, 240, 360]);
    }

    #[test]
    fn conditions_are_told_when_they_do_not_hold() {
        let (now, utc) = (at("2026-11-21T23:30:00Z"), TimeZone::UTC);
        let between = |from, to| Only { between: Some((time(from), time(to))), ..Only::default() };
        assert_eq!(unmet(between("22:00", "6:00"), now, &utc, true, None), None);
        assert!(unmet(between("6:00", "22:00"), now, &utc, true, None).is_some());
        let quiet = Only { while_quiet: true, ..Only::default() };
        assert_eq!(unmet(quiet, now, &utc, false, None).as_deref(), Some("somebody chats"));
        let room = Only { with_free: Some(2_000_000_000), ..Only::default() };
        assert_eq!(unmet(room, now, &utc, true, Some(1)).as_deref(), Some("less than 2GB are free"));
        assert_eq!(unmet(room, now, &utc, true, Some(3_000_000_000)), None);
    }
}
