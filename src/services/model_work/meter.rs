//! What the lines of a transfer add up to: bytes, rate, time left, and whether anything moves.
//!
//! Ollama repeats a line many times a second whether it moves or not, leaves `completed` out while it is 0, ends a layer
//! below its total, goes back where a part came damaged, and begins a resumed layer where it stopped. So what moved is
//! counted from differences within one connection, never from where a layer stands.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    api::jobs::{JobProgress, Layer},
    ollama::Progress,
};

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// A rate over less time says nothing.
const LEAST: Duration = Duration::from_millis(900);
/// Layers that are told; a model has a handful.
const TOLD: usize = 64;
/// Layers that are counted.
const COUNTED: usize = 4096;

#[derive(Debug)]
pub struct Meter {
    layers: Vec<Counted>,
    /// The size in all, where somebody has asked the registry.
    whole: Option<u64>,
    step: String,
    /// Bytes that came while we looked.
    moved: u64,
    samples: VecDeque<(Instant, u64)>,
    /// When something was other than before.
    advanced_at: Instant,
    fetched_again: u64,
    is_finishing: bool,
}

#[derive(Debug)]
struct Counted {
    digest: String,
    done: u64,
    of: u64,
    /// Where it stood at the line before, in this connection.
    last: Option<u64>,
}

impl Meter {
    pub fn new(whole: Option<u64>, now: Instant) -> Self {
        Self {
            layers: Vec::new(),
            whole,
            step: String::new(),
            moved: 0,
            samples: VecDeque::new(),
            advanced_at: now,
            fetched_again: 0,
            is_finishing: false,
        }
    }

    /// A connection begins: where its first lines stand was there before.
    pub fn connected(&mut self, now: Instant) {
        for layer in &mut self.layers {
            layer.last = None;
        }
        self.advanced_at = now;
    }

    /// `true` = a layer that was not known before.
    pub fn line(&mut self, line: &Progress, now: Instant) -> bool {
        if self.step != line.status {
            self.step.clone_from(&line.status);
            self.advanced_at = now;
        }
        let (Some(digest), Some(of)) = (&line.digest, line.total) else {
            self.is_finishing = self.layers.iter().any(|layer| layer.of > 0) && line.digest.is_none();
            if self.is_finishing {
                self.fill();
            }
            return false;
        };
        self.is_finishing = false;
        let known = self.layers.iter().position(|layer| layer.digest == *digest);
        let at = match known {
            Some(at) => at,
            None if self.layers.len() >= COUNTED => return false,
            None => {
                self.layers.push(Counted { digest: digest.clone(), done: 0, of, last: None });
                self.layers.len() - 1
            }
        };
        let layer = &mut self.layers[at];
        let done = line.completed.min(of);
        match layer.last {
            Some(last) if done > last => {
                self.moved += done - last;
                self.advanced_at = now;
            }
            Some(last) => self.fetched_again += last - done,
            // Its first line: what is there was there.
            None => {}
        }
        layer.of = of;
        layer.last = Some(done);
        layer.done = done;
        self.sample(now);
        known.is_none()
    }

    /// Its last line stops short of the total; that other things come shows that all are here.
    fn fill(&mut self) {
        for layer in &mut self.layers {
            layer.done = layer.of;
        }
    }

    fn sample(&mut self, now: Instant) {
        if self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= Duration::from_millis(200)) {
            self.samples.push_back((now, self.moved));
        }
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Whether anything came while we looked.
    pub fn has_moved(&self) -> bool {
        self.moved > 0
    }

    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// How long nothing has been other than before.
    pub fn still_for(&self, now: Instant) -> Duration {
        now.duration_since(self.advanced_at)
    }

    /// Whether bytes are to come, and not a digest to be computed or a model to be converted.
    pub fn is_transferring(&self) -> bool {
        !self.is_finishing
    }

    /// Bytes that must still come, of what is known.
    pub fn missing(&self) -> u64 {
        self.of().unwrap_or(0).saturating_sub(self.done())
    }

    fn done(&self) -> u64 {
        self.layers.iter().map(|layer| layer.done).fold(0, u64::saturating_add)
    }

    fn of(&self) -> Option<u64> {
        let known = self.layers.iter().map(|layer| layer.of).fold(0, u64::saturating_add);
        match self.whole {
            Some(whole) => Some(whole.max(known)),
            None => (known > 0).then_some(known),
        }
    }

    fn rate(&self, now: Instant) -> Option<u64> {
        let (at, then) = self.samples.iter().find(|(at, _)| now.duration_since(*at) <= WINDOW)?;
        let time = now.duration_since(*at);
        (time >= LEAST).then(|| ((self.moved - then) as f64 / time.as_secs_f64()) as u64)
    }

    pub fn progress(&self, now: Instant) -> JobProgress {
        let (done, of, rate) = (self.done(), self.of(), self.rate(now));
        let left = of.map(|of| of.saturating_sub(done));
        let still = self.still_for(now).as_secs();
        let from = self.layers.len().saturating_sub(TOLD);
        let layers = self.layers[from..].iter().map(|layer| Layer {
            digest: layer.digest.trim_start_matches("sha256:").chars().take(12).collect(),
            done: layer.done,
            of: layer.of,
        });
        JobProgress {
            step: self.step.chars().take(200).collect(),
            done,
            of,
            of_is_whole: self.whole.is_some() || self.is_finishing,
            rate,
            eta_seconds: left.zip(rate.filter(|rate| *rate > 0)).map(|(left, rate)| left.div_ceil(rate)),
            // A few seconds without a byte are nothing to speak of.
            stalled_seconds: if self.is_transferring() && still >= 5 { still } else { 0 },
            fetched_again: self.fetched_again,
            layers: layers.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        meter: Meter,
        begun: Instant,
    }

    impl Desk {
        fn new(whole: Option<u64>) -> Self {
            let begun = Instant::now();
            let mut meter = Meter::new(whole, begun);
            meter.connected(begun);
            Self { meter, begun }
        }

        fn at(&self, seconds: f64) -> Instant {
            self.begun + Duration::from_secs_f64(seconds)
        }

        fn line(&mut self, seconds: f64, digest: &str, completed: u64, total: u64) {
            let line = Progress {
                status: format!("pulling {digest}"),
                digest: Some(format!("sha256:{digest}")),
                total: Some(total),
                completed,
            };
            self.meter.line(&line, self.at(seconds));
        }

        fn word(&mut self, seconds: f64, status: &str) {
            let line = Progress { status: status.to_owned(), ..Progress::default() };
            self.meter.line(&line, self.at(seconds));
        }

        fn told(&self, seconds: f64) -> JobProgress {
            self.meter.progress(self.at(seconds))
        }
    }

    #[test]
    fn the_rate_counts_what_came_and_not_what_was_there() {
        let mut desk = Desk::new(None);
        desk.word(0.0, "pulling manifest");
        // Resumed at 600.
        desk.line(0.0, "a", 600, 1000);
        desk.line(1.0, "a", 650, 1000);
        desk.line(2.0, "a", 700, 1000);
        let told = desk.told(2.0);
        assert_eq!((told.done, told.of, told.of_is_whole), (700, Some(1000), false));
        assert_eq!((told.rate, told.eta_seconds), (Some(50), Some(6)));
        // A layer that is here already comes at once: nothing of it has moved.
        desk.line(2.0, "b", 5000, 5000);
        assert_eq!(desk.told(2.0).rate, Some(50));
        assert_eq!(desk.told(2.0).of, Some(6000));
        // And what stands still slows down to nothing.
        assert_eq!(desk.told(30.0).rate, None);
    }

    #[test]
    fn a_layer_that_ends_below_its_total_is_whole_when_others_come() {
        let mut desk = Desk::new(None);
        desk.line(0.0, "a", 10, 100);
        desk.line(1.0, "a", 97, 100);
        desk.word(1.1, "verifying sha256 digest");
        let told = desk.told(1.1);
        assert_eq!((told.done, told.of_is_whole, told.step.as_str()), (100, true, "verifying sha256 digest"));
        assert!(!desk.meter.is_transferring());
    }

    #[test]
    fn going_back_is_told_and_is_no_progress() {
        let mut desk = Desk::new(Some(100));
        desk.line(0.0, "a", 0, 80);
        desk.line(1.0, "a", 60, 80);
        desk.line(9.0, "a", 20, 80);
        let told = desk.told(9.0);
        assert_eq!((told.done, told.fetched_again, told.of), (20, 40, Some(100)));
        assert_eq!(desk.meter.still_for(desk.at(9.0)), Duration::from_secs(8));
        assert_eq!(told.stalled_seconds, 8);
        desk.line(10.0, "a", 30, 80);
        assert_eq!(desk.told(10.0).stalled_seconds, 0);
        assert_eq!(desk.meter.moved(), 70, "what came twice came twice");
    }

    #[test]
    fn the_same_line_again_and_again_is_standing_still() {
        let mut desk = Desk::new(None);
        for tenth in 0..700_u32 {
            desk.line(f64::from(tenth) / 10.0, "a", 50, 100);
        }
        assert!(desk.meter.still_for(desk.at(70.0)) >= Duration::from_secs(69));
        desk.meter.connected(desk.at(70.0));
        assert_eq!(desk.meter.still_for(desk.at(70.0)), Duration::ZERO, "a new connection has its own time");
    }
}
