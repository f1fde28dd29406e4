//! Stops asking an Ollama that keeps failing, and finds out by one call at a time when it is back.
//!
//! The gate asks it for operations that are nothing without Ollama; a service that has something kept to show asks it
//! where it would call. Nothing makes embeddings yet, so that kind stays closed.
//!
//! It does not judge errors: the client does that and reports each call's outcome; a missing model, a wrong option or a
//! stop never counts. It starts no timer: time is what the caller says it is, so an open breaker costs nothing.
//!
//! Architecture invariant: whoever is let through may never report (a call refused further on makes no request), so
//! nothing here waits for a report without a limit.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::op::OllamaKind;
use crate::{
    api::{Fault, FaultKind, health::BreakerState},
    ollama::{Kind, Outcome, Trouble, Watch},
};

/// Failures in a row that open it.
const OPENS_AFTER: u32 = 3;

/// The first rest; each probe that fails doubles it.
const FIRST_REST: Duration = Duration::from_secs(5);

/// A person who has just mended Ollama should not wait longer than this.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// How long a probe that has not reported keeps others out. Longer than the connect timeout of 3 s; a model that is
/// loading may outlast it, and then a second probe does no harm.
const PROBE_PATIENCE: Duration = Duration::from_secs(15);

/// The breaker of one kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, rest: Duration },
    HalfOpen { since: Instant, rest: Duration },
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 } }
    }
}

impl Breaker {
    /// Lets a call through, or says how long to wait. The first one after a rest is the probe.
    ///
    /// # Errors
    /// The time after which trying again can help.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let (may_from, rest) = match self.state {
            State::Closed { .. } => return Ok(()),
            State::Open { until, rest } => (until, rest),
            State::HalfOpen { since, rest } => (since + PROBE_PATIENCE, rest),
        };
        if now < may_from {
            return Err(may_from - now);
        }
        self.state = State::HalfOpen { since: now, rest };
        Ok(())
    }

    /// Takes note of how a call ended. Any sign of life closes the breaker, whichever call it came from.
    pub fn report(&mut self, outcome: Outcome, now: Instant) {
        self.state = match (outcome, self.state) {
            (Outcome::Answered, _) => State::Closed { failures: 0 },
            (Outcome::Failed(_), State::Closed { failures }) if failures + 1 < OPENS_AFTER => {
                State::Closed { failures: failures + 1 }
            }
            (Outcome::Failed(_), State::Closed { .. }) => State::Open { until: now + FIRST_REST, rest: FIRST_REST },
            (Outcome::Failed(_), State::HalfOpen { rest, .. }) => {
                let rest = (rest * 2).min(LONGEST_REST);
                State::Open { until: now + rest, rest }
            }
            // The caller of the probe walked away: the next one probes, without another rest.
            (Outcome::Abandoned, State::HalfOpen { rest, .. }) => State::Open { until: now, rest },
            // Calls that were under way when it opened say nothing new, and must not prolong the rest.
            (Outcome::Failed(_), open @ State::Open { .. }) => open,
            (Outcome::Abandoned, same @ (State::Closed { .. } | State::Open { .. })) => same,
        };
    }

    /// How it stands, for the health screen.
    #[must_use]
    pub fn shown(&self, now: Instant) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until, .. } if until > now => {
                BreakerState::Open { retry_in_ms: (until - now).as_millis() as u64 }
            }
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

/// A turn that a breaker took, for the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Calls are held back from now on.
    Opened(Trouble),
    /// One call is let through as a trial.
    Trying,
    /// Calls go through again, because an answer came.
    Closed,
    /// Calls go through again, because somebody started or mended Ollama.
    Reset,
}

impl Breaker {
    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }
}

/// Hears every turn of a breaker, in the place where it happens: it must not wait.
pub type Hears = Box<dyn Fn(OllamaKind, Turned) + Send + Sync>;

/// The breakers of this process, one for each kind of call. Cheap to clone.
///
/// They are not shared between processes: each finds out for itself within three calls, and a lock on a file would cost
/// more than these.
#[derive(Clone, Default)]
pub struct Breakers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    each: Mutex<Each>,
    hears: OnceLock<Hears>,
}

#[derive(Default)]
struct Each {
    chat: Breaker,
    embed: Breaker,
    manage: Breaker,
}

impl Each {
    fn of(&mut self, kind: OllamaKind) -> &mut Breaker {
        match kind {
            OllamaKind::Chat => &mut self.chat,
            OllamaKind::Embed => &mut self.embed,
            OllamaKind::Manage => &mut self.manage,
        }
    }

    fn all(&self) -> [(OllamaKind, &Breaker); 3] {
        [(OllamaKind::Chat, &self.chat), (OllamaKind::Embed, &self.embed), (OllamaKind::Manage, &self.manage)]
    }
}

impl Breakers {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `hears` is told of every turn. The first one that is set stays.
    pub fn tell(&self, hears: Hears) {
        let _ = self.0.hears.set(hears);
    }

    fn turned(&self, kind: OllamaKind, turned: Turned) {
        if let Some(hears) = self.0.hears.get() {
            hears(kind, turned);
        }
    }

    /// # Errors
    /// `Upstream` with the time of the next try.
    pub fn admit(&self, kind: OllamaKind, now: Instant) -> Result<(), Fault> {
        let (admitted, is_trial) = {
            let mut each = self.lock();
            let breaker = each.of(kind);
            let admitted = breaker.admit(now);
            (admitted, admitted.is_ok() && !breaker.is_closed())
        };
        if is_trial {
            self.turned(kind, Turned::Trying);
        }
        admitted.map_err(|wait| {
            Fault::new(FaultKind::Upstream, "Ollama failed several times in a row, so it is left alone for a moment.")
                .hint(format!("Try again in {} s; `ollamanet health` says how it stands.", wait.as_secs_f64().ceil()))
                .retry_after(wait)
        })
    }

    /// What the Ollama client reports its outcomes to.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let breakers = self.clone();
        Arc::new(move |kind, outcome, _| breakers.report(kind, outcome, Instant::now()))
    }

    /// Forgets every failure: for somebody who has just started or mended Ollama.
    pub fn reset(&self) {
        let before = std::mem::take(&mut *self.lock());
        for (kind, breaker) in before.all() {
            if !breaker.is_closed() {
                self.turned(kind, Turned::Reset);
            }
        }
    }

    /// Every kind with its state, as health shows it.
    #[must_use]
    pub fn shown(&self, now: Instant) -> Vec<(String, BreakerState)> {
        self.lock().all().map(|(kind, breaker)| (kind.as_str().to_owned(), breaker.shown(now))).into()
    }

    fn report(&self, kind: Kind, outcome: Outcome, now: Instant) {
        let kind = match kind {
            Kind::Chat => OllamaKind::Chat,
            Kind::Embed => OllamaKind::Embed,
            Kind::Manage => OllamaKind::Manage,
        };
        let (was_closed, is_closed) = {
            let mut each = self.lock();
            let breaker = each.of(kind);
            let was_closed = breaker.is_closed();
            breaker.report(outcome, now);
            (was_closed, breaker.is_closed())
        };
        match (was_closed, is_closed, outcome) {
            (true, false, Outcome::Failed(trouble)) => self.turned(kind, Turned::Opened(trouble)),
            (false, true, _) => self.turned(kind, Turned::Closed),
            // What opens it is a failure; the rest changes nothing that is told.
            (true, false, Outcome::Answered | Outcome::Abandoned) | (true, true, _) | (false, false, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Each> {
        self.0.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Breakers")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FAILED: Outcome = Outcome::Failed(Trouble::NotThere);

    fn opened(at: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..OPENS_AFTER {
            breaker.report(FAILED, at);
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_fewer_do_not() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for outcome in [FAILED, FAILED, Outcome::Answered, FAILED, FAILED] {
            breaker.report(outcome, now);
            assert_eq!(breaker.admit(now), Ok(()));
        }
        breaker.report(FAILED, now);
        assert_eq!(breaker.admit(now + SECOND), Err(4 * SECOND));
        assert_eq!(breaker.shown(now), BreakerState::Open { retry_in_ms: 5000 });
    }

    #[test]
    fn walking_away_is_no_failure() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.report(Outcome::Abandoned, now);
        }
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn after_the_rest_one_call_probes_and_its_answer_closes() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + FIRST_REST;
        assert_eq!(breaker.shown(later), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(PROBE_PATIENCE));
        breaker.report(Outcome::Answered, later);
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn each_failed_probe_doubles_the_rest_up_to_a_minute() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        let mut rests = Vec::new();
        for _ in 0..6 {
            let rest = breaker.admit(now).unwrap_err();
            rests.push(rest.as_secs());
            now += rest;
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.report(FAILED, now);
        }
        assert_eq!(rests, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_late_failure_does_not_prolong_the_rest() {
        let start = Instant::now();
        let mut breaker = opened(start);
        breaker.report(FAILED, start + 4 * SECOND);
        assert_eq!(breaker.admit(start + FIRST_REST), Ok(()));
    }

    #[test]
    fn a_probe_that_was_stopped_makes_room_for_the_next() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + FIRST_REST;
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.report(Outcome::Abandoned, later);
        assert_eq!(breaker.admit(later), Ok(()));
    }

    #[test]
    fn a_probe_that_never_reports_does_not_shut_the_door_for_good() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + FIRST_REST;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later + PROBE_PATIENCE), Ok(()));
    }

    #[test]
    fn kinds_do_not_answer_for_each_other_and_a_reset_forgets() {
        let breakers = Breakers::new();
        let watch = breakers.watch();
        for _ in 0..OPENS_AFTER {
            watch(Kind::Chat, FAILED, Duration::ZERO);
        }
        let now = Instant::now();
        let fault = breakers.admit(OllamaKind::Chat, now).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Upstream);
        assert!(fault.retry_after.is_some_and(|wait| wait <= FIRST_REST && !wait.is_zero()));
        assert_eq!(breakers.admit(OllamaKind::Embed, now), Ok(()));
        assert_eq!(breakers.admit(OllamaKind::Manage, now), Ok(()));
        breakers.reset();
        assert_eq!(breakers.admit(OllamaKind::Chat, now), Ok(()));
    }

    #[test]
    fn every_turn_is_told_once_and_what_changes_nothing_is_not() {
        let breakers = Breakers::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        breakers.tell(Box::new(move |kind, turned| heard.lock().unwrap().push((kind, turned))));
        let (chat, start) = (OllamaKind::Chat, Instant::now());
        for _ in 0..5 {
            breakers.report(Kind::Chat, Outcome::Failed(Trouble::Silent), start);
        }
        assert!(breakers.admit(chat, start).is_err());
        breakers.admit(chat, start + FIRST_REST).unwrap();
        breakers.report(Kind::Chat, FAILED, start + FIRST_REST);
        breakers.admit(chat, start + 3 * FIRST_REST).unwrap();
        breakers.report(Kind::Chat, Outcome::Answered, start + 3 * FIRST_REST);
        breakers.report(Kind::Chat, Outcome::Answered, start + 3 * FIRST_REST);
        breakers.reset();
        for _ in 0..3 {
            breakers.report(Kind::Manage, FAILED, start);
        }
        breakers.reset();
        assert_eq!(
            *told.lock().unwrap(),
            [
                (chat, Turned::Opened(Trouble::Silent)),
                (chat, Turned::Trying),
                (chat, Turned::Trying),
                (chat, Turned::Closed),
                (OllamaKind::Manage, Turned::Opened(Trouble::NotThere)),
                (OllamaKind::Manage, Turned::Reset),
            ]
        );
    }

    proptest! {
        /// However calls come and end, whoever waits as long as was said gets in.
        #[test]
        fn waiting_as_told_always_opens_the_door(steps in proptest::collection::vec((0u8..4, 0u64..20_000), 0..60)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::default();
            for (what, pause) in steps {
                now += Duration::from_millis(pause);
                match what {
                    0 => breaker.report(Outcome::Answered, now),
                    1 => breaker.report(FAILED, now),
                    2 => breaker.report(Outcome::Abandoned, now),
                    _ => {
                        if let Err(wait) = breaker.admit(now) {
                            prop_assert!(wait <= LONGEST_REST);
                            now += wait;
                            prop_assert_eq!(breaker.admit(now), Ok(()));
                        }
                    }
                }
            }
        }
    }
}
