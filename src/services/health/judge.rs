//! What was found means: how well that is, in which words, and what mends it. Pure.

use std::time::{Duration, Instant};

use crate::{
    access::limiter,
    api::{
        Fault, amount,
        backup::{Backup, LastRun, Schedule, Verified},
        fleet::CacheFigures,
        health::{BreakerState, Check, Level, Part},
        jobs::Room,
    },
    otlp::Standing,
    store::{
        look::Sizes,
        system::{
            Moment,
            health::{JobsStanding, Round},
        },
    },
    tasks::Running,
};

const MIB: u64 = 1024 * 1024;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A write-ahead log is folded in when it has 4 MiB; one this large means that something keeps it from that.
const LOG_GROWN: u64 = 64 * MIB;
/// 2026: before this program was written.
const LONG_AGO: i64 = 1_767_225_600_000;
/// Failures within a day that are more than a mistyped name.
const MANY_FAILED: u32 = 3;

fn warn(part: Part, reason: &str, text: impl Into<String>) -> Check {
    Check::new(part, Level::Warning, reason, text)
}

fn bad(part: Part, reason: &str, text: impl Into<String>) -> Check {
    Check::new(part, Level::Bad, reason, text)
}

/// A part that did not answer in its time.
pub(super) fn silent(part: Part, after: Duration) -> Check {
    let text = match after.as_secs() {
        seconds @ 0..120 => format!("no answer within {} s", seconds.max(1)),
        seconds => format!("no answer for {} min", seconds / 60),
    };
    let level = match part {
        Part::Ollama | Part::Store | Part::Disk => Level::Bad,
        Part::Jobs | Part::Backup | Part::Clock | Part::Breakers | Part::Cache | Part::Tasks | Part::Traces => {
            Level::Warning
        }
    };
    let fix = match part {
        Part::Disk | Part::Backup => "A disk or a network mount hangs; see which: df -h",
        Part::Ollama => "See what it is at: ollama ps, and its log: journalctl -u ollama -n 50",
        Part::Store | Part::Jobs | Part::Clock | Part::Breakers | Part::Cache | Part::Tasks | Part::Traces => {
            "The database is busy or its disk hangs; look through it: ollamanet doctor"
        }
    };
    Check::new(part, level, "silent", text).fix(fix)
}

/// A part of which it could not be read how it stands.
pub(super) fn unread(part: Part, why: &Fault) -> Check {
    let check = warn(part, "unread", format!("how it stands could not be read: {}", why.message));
    match &why.hint {
        Some(hint) => check.fix(hint.clone()),
        None => check.fix("See what is wrong with the database: ollamanet doctor"),
    }
}

/// How the store stands. On a network file system it works, and a person should know what that costs them.
pub(super) fn store(looked: Result<(), Fault>, sizes: &Sizes, network_file_system: Option<&str>) -> Check {
    let check = match (looked, network_file_system) {
        (Err(why), _) => {
            let check = bad(Part::Store, "damaged", why.message);
            check.fix(why.hint.unwrap_or_else(|| "See what is wrong: ollamanet doctor".to_owned()))
        }
        (Ok(()), Some(name)) => warn(
            Part::Store,
            "network_file_system",
            format!(
                "The data lies on {name}: one window at a time, and slower. A directory on a local disk (--data-dir) is \
                 safer."
            ),
        )
        .fix("Use a directory on a local disk: ollamanet --data-dir DIR"),
        (Ok(()), None) if sizes.log > LOG_GROWN => warn(
            Part::Store,
            "log_grown",
            format!("A write-ahead log has grown to {}: something has been reading for long.", amount::bytes(sizes.log)),
        )
        .fix("Close the windows that are not needed; the last one that closes folds it in."),
        (Ok(()), None) => Check::good(
            Part::Store,
            format!(
                "open, and sound as far as looked at; system.db {}, {} {}",
                amount::bytes(sizes.system),
                amount::many(sizes.vaults_count, "vault"),
                amount::bytes(sizes.vaults)
            ),
        ),
    };
    check
        .figure("system_bytes", sizes.system)
        .figure("vaults_bytes", sizes.vaults)
        .figure("vaults", sizes.vaults_count)
        .figure("log_bytes", sizes.log)
}

/// The disk with the data, and where it is known the one with Ollama's models.
pub(super) fn disk(free: Result<u64, String>, models: &Room) -> Check {
    let free = match free {
        Ok(free) => free,
        Err(error) => {
            return warn(Part::Disk, "unread", format!("The free space cannot be read: {error}.")).fix("See: df -h");
        }
    };
    let told = format!("{} free", amount::bytes(free));
    let for_models = models.free.filter(|_| models.unknown_because.is_none());
    let beside = match for_models {
        Some(room) if room / MIB != free / MIB => format!(", {} for Ollama's models", amount::bytes(room)),
        Some(_) | None => String::new(),
    };
    let check = match free / MIB {
        0..100 => {
            bad(Part::Disk, "full", format!("Only {told}. Free some space, or messages will soon not be stored."))
                .fix("Free some space; nothing that was acknowledged is lost. What takes it: du -xh ~ | sort -h | tail")
        }
        100..1024 => warn(Part::Disk, "low", format!("Only {told}{beside}."))
            .fix("Free some space before it runs out. What takes it: du -xh ~ | sort -h | tail"),
        _ => match for_models {
            Some(room) if room / MIB < 1024 => {
                warn(Part::Disk, "models_low", format!("Only {} free for Ollama's models.", amount::bytes(room)))
                    .fix("Remove models that nobody needs: ollamanet models list, then ollamanet models rm NAME")
            }
            Some(_) | None => Check::good(Part::Disk, format!("{told}{beside}.")),
        },
    };
    let check = check.figure("free_bytes", free);
    match for_models {
        Some(room) => check.figure("models_free_bytes", room),
        None => check,
    }
}

/// A name as it is typed in a shell.
fn typed(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    if name.chars().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

/// Work that goes on by itself.
pub(super) fn jobs(standing: &JobsStanding) -> Check {
    let JobsStanding { running, stuck, waiting, waits_ms, failed, failing, paused } = standing;
    let check = if let [(name, because), rest @ ..] = paused.as_slice() {
        // It does nothing any more until somebody sees to it; what it began and what failed is told by its reason.
        let more = if rest.is_empty() { String::new() } else { format!(" {} more are paused.", rest.len()) };
        warn(Part::Jobs, "rule_paused", format!("The rule {name} is paused: {because}{more}"))
            .fix(format!("When the reason is gone: ollamanet rules enable {}", typed(name)))
    } else if let [first, rest @ ..] = failing.as_slice() {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        warn(Part::Jobs, "rule_failing", format!("What a rule begins keeps failing: {first}{more}."))
            .fix("See why: ollamanet jobs list, then ollamanet jobs show ID")
    } else if *stuck > 0 {
        warn(Part::Jobs, "stuck", format!("Not moved for ten minutes: {}.", amount::many(*stuck, "job")))
            .fix("See which: ollamanet jobs list, then ollamanet jobs cancel ID or ollamanet jobs retry ID")
    } else if *waiting > 0 && *running == 0 && *waits_ms > HOUR_MS {
        let waits = amount::many(*waiting, "job");
        warn(Part::Jobs, "nobody_works", format!("Nobody works on what waits: {waits}."))
            .fix("Open a window: ollamanet")
    } else if *failed >= MANY_FAILED {
        warn(Part::Jobs, "many_failed", format!("{failed} jobs failed within a day."))
            .fix("See why: ollamanet jobs list, then ollamanet jobs show ID")
    } else {
        let parts = [(*running, "running"), (*waiting, "waiting"), (*failed, "failed within a day")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let text = if parts.is_empty() { "none under way".to_owned() } else { parts.join(", ") };
        Check::good(Part::Jobs, text)
    };
    [("running", running), ("stuck", stuck), ("waiting", waiting), ("failed", failed)]
        .into_iter()
        .fold(check, |check, (name, count)| check.figure(name, u64::from(*count)))
}

/// What is known of the backups.
#[derive(Clone, Debug, Default)]
pub(super) struct Backups {
    /// Newest first.
    pub kept: Vec<Backup>,
    pub schedule: Schedule,
    pub last_run: Option<LastRun>,
    /// When the first account was made.
    pub since: Option<i64>,
}

/// Whether yesterday could be brought back.
pub(super) fn backup(found: &Backups, now: i64) -> Check {
    const MAKE: &str = "Make one and prove it: ollamanet backup create && ollamanet backup verify";
    let Some(newest) = found.kept.first() else {
        let is_new = found.since.is_none_or(|since| now - since < 7 * DAY_MS);
        return if is_new {
            Check::new(Part::Backup, Level::Good, "none_yet", "none yet")
        } else {
            warn(Part::Backup, "none", "There is no backup.")
                .fix("Have one made every day: ollamanet backup schedule --at 3")
        };
    };
    let age = (now - newest.made_at).max(0);
    let damage = newest
        .damage
        .clone()
        .or_else(|| newest.verified.as_ref().filter(|found| !found.is_sound()).map(Verified::damage_words));
    let is_late = match found.schedule.hour {
        Some(_) => age > 2 * DAY_MS,
        None => age > 30 * DAY_MS,
    };
    let check = if let Some(damage) = damage {
        bad(Part::Backup, "damaged", format!("The newest backup ({}) is damaged: {damage}.", newest.name)).fix(MAKE)
    } else if let Some(why) = found.last_run.as_ref().and_then(|run| run.failed.as_ref()) {
        warn(Part::Backup, "failed", format!("The last scheduled backup failed: {why}")).fix(MAKE)
    } else if is_late {
        warn(Part::Backup, "old", format!("The newest backup is {} old.", span(age))).fix(MAKE)
    } else {
        let checked = if newest.verified.is_some() { "checked and sound" } else { "not checked yet" };
        Check::good(Part::Backup, format!("the newest is {} old, {checked}", span(age)))
    };
    check.figure("age_seconds", age.unsigned_abs() / 1000).figure("backups", found.kept.len() as u64)
}

/// `3 h`, `2 days`: the largest unit only.
fn span(ms: i64) -> String {
    match ms {
        ms if ms >= 2 * DAY_MS => format!("{} days", ms / DAY_MS),
        ms if ms >= 2 * HOUR_MS => format!("{} h", ms / HOUR_MS),
        ms if ms >= 2 * MINUTE_MS => format!("{} min", ms / MINUTE_MS),
        ms => format!("{} s", ms / 1000),
    }
}

/// Whether the wall clock went with the clock that nobody sets since the last look, whichever process took it.
pub(super) fn clock(last: Option<&Round>, here: &Moment) -> Check {
    const KEEP: &str = "Have the time kept: timedatectl set-ntp true. What is stored keeps its order all the same.";
    if here.now < LONG_AGO {
        return bad(Part::Clock, "past", "The clock stands at a time before this program was written.").fix(KEEP);
    }
    let last = last.and_then(|round| Some((round, round.ended_at?)));
    let Some((round, ended_at)) = last else { return Check::good(Part::Clock, "looked at for the first time") };
    let went = here.now - ended_at;
    let drift = if round.boot_id == here.boot_id && !here.boot_id.is_empty() {
        went - (here.boot_ms - round.boot_ms)
    } else {
        // Of another boot only this is known, that it was before.
        went.min(0)
    };
    // A clock that is kept is set by so much in small steps.
    let tolerated = went.abs() / 1000;
    let check = if drift < -5000 - tolerated {
        warn(Part::Clock, "set_back", format!("The clock went back by {} since the last look.", span(-drift))).fix(KEEP)
    } else if drift > 2 * MINUTE_MS + tolerated {
        warn(Part::Clock, "leapt", format!("The clock leapt ahead by {} since the last look.", span(drift))).fix(KEEP)
    } else {
        Check::good(Part::Clock, "in step with the machine's other clock")
    };
    check.figure("drift_ms", drift.unsigned_abs())
}

/// Calls to Ollama that this process holds back.
pub(super) fn breakers(states: &[(String, BreakerState)]) -> Check {
    let held: Vec<String> = states
        .iter()
        .filter_map(|(kind, state)| match state {
            BreakerState::Closed => None,
            BreakerState::Open { retry_in_ms } => {
                Some(format!("{kind} calls wait {} s after repeated failures", retry_in_ms.div_ceil(1000)))
            }
            BreakerState::HalfOpen => Some(format!("{kind} calls are being tried again after failures")),
        })
        .collect();
    if held.is_empty() {
        return Check::good(Part::Breakers, "all calls go through");
    }
    let kinds: Vec<&str> =
        states.iter().filter(|(_, state)| *state != BreakerState::Closed).map(|(kind, _)| kind.as_str()).collect();
    warn(Part::Breakers, &["held_", &kinds.join("_")].concat(), held.join("; "))
        .fix("They are tried again on their own. What Ollama says: journalctl -u ollama -n 50")
        .figure("held", held.len() as u64)
}

/// What is kept in memory.
pub(super) fn cache(figures: &CacheFigures) -> Check {
    let entries: u64 = figures.kinds.iter().map(|kind| kind.entries).sum();
    let (hits, misses) =
        figures.kinds.iter().fold((0, 0), |(hits, misses), kind| (hits + kind.hits, misses + kind.misses));
    let at_hand = figures.hit_percent().map_or_else(|| "not asked yet".to_owned(), |part| format!("{part} % at hand"));
    let text = format!(
        "{}, {} of {}, {at_hand}",
        amount::many(entries, "entry"),
        amount::bytes(figures.bytes),
        amount::bytes(figures.most_bytes)
    );
    let is_small = figures.bytes.saturating_mul(10) >= figures.most_bytes.saturating_mul(9)
        && hits + misses >= 200
        && figures.hit_percent().is_some_and(|part| part < 30);
    let check = if is_small {
        warn(Part::Cache, "too_small", format!("The cache is too small for what is asked of it: {text}."))
            .fix("Give it more, in the settings file: [cache] bytes = 33554432")
    } else {
        Check::good(Part::Cache, text)
    };
    check.figure("entries", entries).figure("bytes", figures.bytes).figure("hits", hits).figure("misses", misses)
}

/// Counting this very call is no news of the machine.
pub(super) fn told(mut running: Vec<Running>) -> Vec<Running> {
    running.retain(|task| task.name != limiter::COUNTING);
    running
}

/// What runs in this window, and what of it broke off.
pub(super) fn tasks(running: &[Running], broken: &[String], now: Instant) -> Check {
    if let [first, rest @ ..] = broken {
        let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
        let text = format!("Broke off because of a mistake in the program: {first}{more}.");
        return warn(Part::Tasks, "broke_off", text)
            .fix("Close this window and open it anew; where it happened stands in the log: ollamanet doctor")
            .figure("running", running.len() as u64);
    }
    let text = match running {
        [] => "Nothing runs in the background.".to_owned(),
        [oldest, rest @ ..] => {
            let seconds = now.saturating_duration_since(oldest.since).as_secs();
            format!("{} in the background, the oldest ({}) for {seconds} s.", rest.len() + 1, oldest.name)
        }
    };
    Check::good(Part::Tasks, text).figure("running", running.len() as u64)
}

/// Whether traces get to where they are sent. That they do not costs nobody anything but the traces.
pub(super) fn traces(standing: Option<&Standing>) -> Check {
    let Some(Standing { to, sent, dropped, waiting, error, .. }) = standing else {
        return Check::good(Part::Traces, "kept in memory only, sent nowhere");
    };
    let lost = if *dropped == 0 { String::new() } else { format!(", {dropped} dropped") };
    let check = match error {
        None => Check::good(Part::Traces, format!("{sent} sent to {to}{lost}")),
        Some(why) => warn(
            Part::Traces,
            "not_taken",
            format!("{to} does not take traces: {why}. {sent} sent{lost}, {waiting} wait."),
        )
        .fix("See that the collector runs; or send none: take export away under [trace] (ollamanet config path)"),
    };
    check.figure("sent", *sent).figure("dropped", *dropped).figure("waiting", *waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{backup::MadeBy, fleet::CacheKind};

    fn told_as(check: &Check) -> (Level, &str) {
        (check.level, check.reason.as_str())
    }

    /// Whatever is not well has a way to mend it.
    fn mended(check: &Check) {
        assert_eq!(check.fix.is_some(), check.level != Level::Good, "{check:?}");
    }

    #[test]
    fn a_network_file_system_is_pointed_out_and_damage_comes_with_its_remedy() {
        let sizes = Sizes { system: 5 * MIB, log: MIB, vaults: 20 * MIB, vaults_count: 2 };
        let good = store(Ok(()), &sizes, None);
        assert_eq!(good.text, "open, and sound as far as looked at; system.db 5.2 MB, 2 vaults 21.0 MB");
        let far = store(Ok(()), &sizes, Some("NFS"));
        assert_eq!(told_as(&far), (Level::Warning, "network_file_system"));
        assert!(far.text.contains("lies on NFS"));
        let grown = store(Ok(()), &Sizes { log: 100 * MIB, ..sizes }, None);
        assert_eq!(told_as(&grown), (Level::Warning, "log_grown"));
        let fault = Fault::new(crate::api::FaultKind::Store, "It is damaged.").hint("Put a copy back.");
        let damaged = store(Err(fault), &sizes, Some("NFS"));
        assert_eq!((told_as(&damaged), damaged.fix.as_deref()), ((Level::Bad, "damaged"), Some("Put a copy back.")));
        [good, far, grown, damaged].iter().for_each(mended);
    }

    #[test]
    fn little_space_is_told_before_it_is_none_for_the_data_and_for_the_models() {
        let nowhere = Room { unknown_because: Some("It is elsewhere.".into()), ..Room::default() };
        let models = |free| Room { free: Some(free), ..Room::default() };
        for (free, room, expected) in [
            (50 * MIB, &nowhere, (Level::Bad, "full")),
            (500 * MIB, &nowhere, (Level::Warning, "low")),
            (50 * 1024 * MIB, &nowhere, (Level::Good, "good")),
            (50 * 1024 * MIB, &models(90 * MIB), (Level::Warning, "models_low")),
        ] {
            let check = disk(Ok(free), room);
            assert_eq!(told_as(&check), expected);
            mended(&check);
        }
        assert_eq!(
            disk(Ok(50 * 1024 * MIB), &models(9 * MIB * 1024)).text,
            "53.7 GB free, 9.7 GB for Ollama's models."
        );
        assert_eq!(disk(Err("gone".into()), &nowhere).level, Level::Warning);
    }

    #[test]
    fn a_clock_that_leaps_is_noticed_by_the_one_that_nobody_sets() {
        let start = 1_790_000_000_000;
        let moment = |now: i64, boot: &str, ms: i64| Moment { now, boot_id: boot.to_owned(), boot_ms: ms, os_uid: 0 };
        let round = Round {
            begun_at: start,
            ended_at: Some(start),
            boot_id: "a".to_owned(),
            boot_ms: 1000,
            report: String::new(),
        };
        let told = |here: &Moment| {
            let check = clock(Some(&round), here);
            mended(&check);
            (check.level, check.reason)
        };
        let good = || (Level::Good, "good".to_owned());
        let warns = |reason: &str| (Level::Warning, reason.to_owned());
        assert_eq!(told(&moment(start + 60_000, "a", 61_000)), good());
        // Asleep for a night: both clocks went on.
        assert_eq!(told(&moment(start + 8 * HOUR_MS, "a", 8 * HOUR_MS + 1000)), good());
        assert_eq!(told(&moment(start - HOUR_MS, "a", 61_000)), warns("set_back"));
        assert_eq!(told(&moment(start + 2 * HOUR_MS, "a", 61_000)), warns("leapt"));
        // After another boot only going back shows.
        assert_eq!(told(&moment(start + 9 * DAY_MS, "b", 5)), good());
        assert_eq!(told(&moment(start - DAY_MS, "b", 5)), warns("set_back"));
        assert_eq!(told(&moment(0, "b", 5)).0, Level::Bad);
        assert_eq!(clock(None, &moment(start, "a", 1)).level, Level::Good);
    }

    #[test]
    fn jobs_that_need_somebody_are_told_and_a_mistyped_name_is_not() {
        let fine = JobsStanding { running: 1, waiting: 2, waits_ms: 9 * HOUR_MS, failed: 1, ..JobsStanding::default() };
        assert_eq!(jobs(&fine).text, "1 running, 2 waiting, 1 failed within a day");
        for (standing, reason) in [
            (fine.clone(), "good"),
            (JobsStanding { stuck: 1, ..fine.clone() }, "stuck"),
            (JobsStanding { running: 0, ..fine.clone() }, "nobody_works"),
            (JobsStanding { failed: 3, ..fine.clone() }, "many_failed"),
            (JobsStanding { failing: vec!["update a".into()], stuck: 1, ..fine.clone() }, "rule_failing"),
            (
                JobsStanding {
                    paused: vec![("tidy up".into(), "it failed 5 times in a row.".into())],
                    failing: vec!["update a".into()],
                    ..fine
                },
                "rule_paused",
            ),
        ] {
            let check = jobs(&standing);
            assert_eq!(check.reason, reason);
            mended(&check);
        }
    }

    #[test]
    fn a_backup_that_is_missing_old_or_damaged_is_told() {
        let now = 100 * DAY_MS;
        let made = |days: i64, damage: Option<Vec<String>>| Backup {
            name: "2026".into(),
            made_at: now - days * DAY_MS,
            made_by: MadeBy::Person,
            bytes: 1,
            accounts: 1,
            vaults: 1,
            program: "1".into(),
            left_out: Vec::new(),
            verified: damage.map(|damage| Verified { at: now, opened: 1, compared: 0, damage }),
            damage: None,
        };
        let daily = Schedule { hour: Some(3), ..Schedule::default() };
        let with = |kept: Vec<Backup>| Backups { kept, since: Some(0), ..Backups::default() };
        let failed = LastRun { at: now, failed: Some("No room.".into()) };
        for (found, expected) in [
            (Backups { since: Some(now - DAY_MS), ..Backups::default() }, (Level::Good, "none_yet")),
            (with(vec![]), (Level::Warning, "none")),
            (with(vec![made(3, None)]), (Level::Good, "good")),
            (with(vec![made(40, None)]), (Level::Warning, "old")),
            (Backups { schedule: daily, ..with(vec![made(3, None)]) }, (Level::Warning, "old")),
            (with(vec![made(0, Some(vec!["a page".into()])), made(1, None)]), (Level::Bad, "damaged")),
            (Backups { last_run: Some(failed), ..with(vec![made(1, None)]) }, (Level::Warning, "failed")),
        ] {
            let check = backup(&found, now);
            assert_eq!(told_as(&check), expected, "{found:?}");
            mended(&check);
        }
        assert_eq!(backup(&with(vec![made(3, Some(vec![]))]), now).text, "the newest is 3 days old, checked and sound");
    }

    #[test]
    fn a_cache_that_is_too_small_is_told_from_one_that_is_new() {
        let kind = |hits, misses| CacheKind { name: "details".into(), hits, misses, entries: 3, bytes: 95 };
        let figures = |hits, misses| CacheFigures { kinds: vec![kind(hits, misses)], most_bytes: 100, bytes: 95 };
        assert_eq!(cache(&figures(1, 9)).level, Level::Good);
        assert_eq!(cache(&figures(900, 100)).level, Level::Good);
        assert_eq!(told_as(&cache(&figures(10, 500))), (Level::Warning, "too_small"));
    }

    #[test]
    fn calls_that_are_held_back_are_named() {
        let states = |chat| vec![("chat".to_owned(), chat), ("embed".to_owned(), BreakerState::Closed)];
        assert_eq!(breakers(&states(BreakerState::Closed)).level, Level::Good);
        let held = breakers(&states(BreakerState::Open { retry_in_ms: 1500 }));
        assert_eq!(told_as(&held), (Level::Warning, "held_chat"));
        assert_eq!(held.text, "chat calls wait 2 s after repeated failures");
        mended(&held);
    }

    #[test]
    fn running_tasks_are_counted() {
        assert_eq!(tasks(&[], &[], Instant::now()).text, "Nothing runs in the background.");
        let running = Running { name: "title".into(), since: Instant::now(), is_job: true, step: String::new() };
        assert_eq!(
            tasks(std::slice::from_ref(&running), &[], Instant::now()).text,
            "1 in the background, the oldest (title) for 0 s."
        );
        let broken = tasks(&[running], &["an import".to_owned(), "a title".to_owned()], Instant::now());
        assert_eq!(told_as(&broken), (Level::Warning, "broke_off"));
        assert!(broken.text.contains("an import, and 1 more"), "{broken:?}");
        mended(&broken);
    }

    #[test]
    fn a_part_that_does_not_answer_is_told_with_the_time_it_was_waited_for() {
        let check = silent(Part::Disk, Duration::from_secs(3));
        assert_eq!((told_as(&check), check.text.as_str()), ((Level::Bad, "silent"), "no answer within 3 s"));
        assert_eq!(silent(Part::Jobs, Duration::from_mins(5)).text, "no answer for 5 min");
        mended(&check);
    }

    #[test]
    fn traces_that_get_nowhere_are_told_with_what_was_lost() {
        assert_eq!(traces(None).level, Level::Good);
        let well =
            Standing { to: "http://127.0.0.1:4318".to_owned(), sent: 12, was_asked: true, ..Standing::default() };
        assert_eq!((traces(Some(&well)).level, traces(Some(&well)).fix), (Level::Good, None));
        let ill = traces(Some(&Standing { dropped: 3, waiting: 5, error: Some("it hangs".to_owned()), ..well }));
        assert_eq!(
            (ill.level, ill.text.as_str()),
            (Level::Warning, "http://127.0.0.1:4318 does not take traces: it hangs. 12 sent, 3 dropped, 5 wait.")
        );
        assert!(ill.fix.is_some() && ill.figures["dropped"] == 3);
    }
}
