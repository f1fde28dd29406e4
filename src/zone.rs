//! The zone of the clock on the wall.
//!
//! Not `TimeZone::system`: before that says anything it walks through all zones the machine knows, twenty directories of
//! them, and keeps their names. Where `TZ` is not set, the one file that everybody sets says everything.

use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;

/// What a machine's zone is read from, unless `TZ` says another.
const FILE: &str = "/etc/localtime";

/// How long it is believed: whoever travels sees the new one after this. What `jiff` allows itself, too.
const BELIEVED: Duration = Duration::from_mins(5);

static KEPT: Mutex<Option<(Instant, TimeZone)>> = Mutex::new(None);

/// The machine's own zone.
#[must_use]
pub fn local() -> TimeZone {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, zone)) = &*kept
        && read.elapsed() < BELIEVED
    {
        return zone.clone();
    }
    let is_told = std::env::var_os("TZ").is_some_and(|zone| !zone.is_empty());
    #[expect(clippy::disallowed_methods, reason = "where the one file does not do, all of them have to")]
    let zone = if is_told { None } else { of_file(Path::new(FILE)) }.unwrap_or_else(TimeZone::system);
    *kept = Some((Instant::now(), zone.clone()));
    zone
}

/// The zone in this file, named after where it lies among the others.
fn of_file(file: &Path) -> Option<TimeZone> {
    let bytes = fs::read(file).ok()?;
    let lies = fs::read_link(file).unwrap_or_default();
    let lies = lies.to_string_lossy();
    let name = lies.split_once("zoneinfo/").map_or("local", |(_, name)| name);
    TimeZone::tzif(name, &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_of_the_one_file_is_the_zone_that_all_of_them_would_have_named() {
        // A machine may have none, and a test may be told another by its environment.
        let is_told = std::env::var_os("TZ").is_some_and(|zone| !zone.is_empty());
        let Some(fast) = of_file(Path::new(FILE)).filter(|_| !is_told) else { return };
        #[expect(clippy::disallowed_methods, reason = "what it is compared with")]
        let slow = TimeZone::system();
        assert_eq!(fast.iana_name(), slow.iana_name());
        for year in [1970, 2000, 2026, 2060] {
            for month in [1, 7] {
                let at = jiff::civil::date(year, month, 1).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
                assert_eq!(fast.to_offset(at), slow.to_offset(at), "{at}");
            }
        }
    }

    #[test]
    fn a_zone_is_named_after_its_place_and_what_is_no_zone_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("zoneinfo/Far");
        fs::create_dir_all(&place).unwrap();
        // The least that RFC 8536 calls a zone: nothing but a footer.
        let mut zone = Vec::new();
        for version in 0..2 {
            zone.extend_from_slice(b"TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            zone.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4]);
            zone.extend_from_slice(b"\0\0\x0e\x10\0\0ABC\0");
            if version == 1 {
                zone.extend_from_slice(b"\nABC-1\n");
            }
        }
        fs::write(place.join("Away"), &zone).unwrap();
        let link = dir.path().join("localtime");
        std::os::unix::fs::symlink(place.join("Away"), &link).unwrap();
        let found = of_file(&link).unwrap();
        assert_eq!(found.iana_name(), Some("Far/Away"));
        assert_eq!(found.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), 3600);
        assert_eq!(of_file(&place.join("Away")).unwrap().iana_name(), Some("local"));
        fs::write(place.join("Away"), "no zone").unwrap();
        assert!(of_file(&link).is_none());
        assert!(of_file(&dir.path().join("nothing")).is_none());
    }
}
