//! Which backups stay: the newest of each of the last days and of each of the last weeks that have one. Decided from their
//! times alone.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use super::{BackupError, Place, manifest};
use crate::api::backup::Keep;

/// Removes the backups that no longer are to be kept; gives their names. A damaged one stays until somebody has looked at
/// it: it may be the only one of its day.
///
/// # Errors
/// When the place cannot be read, or one not be removed.
pub fn prune(place: &Place, keep: Keep) -> Result<Vec<String>, BackupError> {
    let names = would_go(place, keep)?;
    names.iter().try_for_each(|name| manifest::remove(place, name))?;
    Ok(names)
}

/// The names of those that `prune` would remove.
///
/// # Errors
/// When the place cannot be read.
pub fn would_go(place: &Place, keep: Keep) -> Result<Vec<String>, BackupError> {
    let mut backups = manifest::list(place)?;
    backups
        .retain(|one| one.damage.is_none() && one.verified.as_ref().is_none_or(crate::api::backup::Verified::is_sound));
    let times: Vec<i64> = backups.iter().map(|one| one.made_at).collect();
    let going = going(&times, keep, &crate::zone::local());
    Ok(going.into_iter().map(|at| backups[at].name.clone()).collect())
}

/// The places of those that may go in a list of times, which need not be in order. The newest always stays.
#[must_use]
pub fn going(times: &[i64], keep: Keep, zone: &TimeZone) -> Vec<usize> {
    let mut newest_first: Vec<usize> = (0..times.len()).collect();
    newest_first.sort_by_key(|place| std::cmp::Reverse(times[*place]));
    let (mut days, mut weeks) = (BTreeSet::new(), BTreeSet::new());
    let mut going = Vec::new();
    for (rank, place) in newest_first.into_iter().enumerate() {
        let Ok(at) = Timestamp::from_millisecond(times[place]) else { continue };
        let date = at.to_zoned(zone.clone()).date();
        let week = date.iso_week_date();
        let is_of_day = days.len() < keep.daily as usize && days.insert(date);
        let is_of_week = weeks.len() < keep.weekly as usize && weeks.insert((week.year(), week.week()));
        if rank > 0 && !is_of_day && !is_of_week {
            going.push(place);
        }
    }
    going.sort_unstable();
    going
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn seven_days_and_four_weeks_stay_however_many_there_are() {
        let day = 24 * 60 * 60 * 1000;
        let newest = at("2026-11-25T03:00:00Z");
        // One each night for sixty nights, and a second one at noon.
        let times: Vec<i64> = (0..60).flat_map(|back| [newest - back * day, newest - back * day + day / 3]).collect();
        let going = going(&times, Keep::default(), &TimeZone::UTC);
        let mut stay: Vec<String> = (0..times.len())
            .filter(|place| !going.contains(place))
            .map(|place| Timestamp::from_millisecond(times[place]).unwrap().strftime("%m-%d %H").to_string())
            .collect();
        stay.sort();
        assert_eq!(
            stay,
            // The last of each of four weeks (a Wednesday, and Sundays), and the last of each of seven days.
            [
                "11-08 11", "11-15 11", "11-19 11", "11-20 11", "11-21 11", "11-22 11", "11-23 11", "11-24 11",
                "11-25 11"
            ]
        );
    }

    #[test]
    fn the_newest_stays_whatever_the_rule_says() {
        let times = [at("2026-11-24T03:00:00Z"), at("2026-11-25T03:00:00Z")];
        assert_eq!(going(&times, Keep { daily: 0, weekly: 0 }, &TimeZone::UTC), [0]);
        assert_eq!(going(&times[..1], Keep { daily: 0, weekly: 0 }, &TimeZone::UTC), Vec::<usize>::new());
        assert_eq!(going(&[], Keep::default(), &TimeZone::UTC), Vec::<usize>::new());
    }
}
