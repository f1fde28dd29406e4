//! Watches jobs from the command line until they are over. Words for whoever reads them on a terminal, with bars beside
//! them; lines of JSON where standard output is a pipe or a file, and with `--json`. What a pipe gets is described in
//! `docs/formats.md`.
//!
//! Leaving does not end a job: it goes back into the line and keeps what it has. What measures is cancelled instead, where
//! whoever began it says so, because half a measurement is worth nothing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Desk, End, Stops,
    out::{self, print, print_json, safe, say},
};
use crate::api::{
    Fault, JobId, amount,
    auth::Session,
    events::Event,
    jobs::{BatchItem, Job, JobNews, JobProgress, JobState, Start},
};

/// How often jobs that run in another process are looked at, when nothing is heard of them.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Cells of the bar.
const BAR: u64 = 24;

pub struct Following<'a> {
    desk: &'a Desk,
    session: &'a Session,
    events: mpsc::Receiver<Event>,
    /// In the order in which they were begun.
    open: BTreeMap<i64, Job>,
    /// What was said of a setback last, so that it is said once.
    said: BTreeMap<JobId, String>,
    worst: u8,
    bars: Bars,
    /// Whether standard output gets lines of JSON.
    is_lines: bool,
    /// A stop ends the jobs themselves.
    cancels: bool,
}

impl<'a> Following<'a> {
    /// Before anything is begun, or its first words would be missed.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn begin(desk: &'a Desk, session: &'a Session) -> Result<Self, Fault> {
        let events = desk.gateway.events(session).await?;
        let (open, said) = (BTreeMap::new(), BTreeMap::new());
        let is_lines = prints_lines(desk);
        // Who asks for JSON wants no bars; a pipe alone leaves the terminal beside it to whoever watches.
        let bars = Bars { is_shown: !desk.global.json && io::stderr().is_terminal(), drawn: 0 };
        Ok(Self { desk, session, events, open, said, worst: 0, bars, is_lines, cancels: false })
    }

    /// A stop cancels what is watched, in the place of leaving it in line.
    #[must_use]
    pub fn cancelled_by_a_stop(self) -> Self {
        Self { cancels: true, ..self }
    }

    pub fn track(&mut self, job: Job) {
        self.open.insert(job.seq, job);
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// What became of the pieces of a batch: jobs are watched, the rest is said.
    ///
    /// # Errors
    /// When nobody reads.
    pub fn take(&mut self, items: Vec<BatchItem>) -> Result<(), End> {
        for BatchItem { work, start } in items {
            let name = safe(&work.to_string());
            match start {
                Start::Would(words) => {
                    self.tell(
                        &json!({ "type": "would", "work": work, "words": words }),
                        &format!("{name}: {}", safe(&words)),
                    )?;
                }
                Start::Refused(fault) => {
                    self.worst = self.worst.max(fault.exit_code());
                    self.tell_fault(&json!({ "type": "refused", "work": work, "fault": fault }), &name, &fault)?;
                }
                Start::Begun(job) => {
                    self.tell(&json!({ "type": "begun", "job": job }), "")?;
                    self.track(*job);
                }
                Start::UnderWay(job) => {
                    self.tell(&json!({ "type": "under_way", "job": job }), "")?;
                    say(&format!("{name}: it is under way already."));
                    self.track(*job);
                }
            }
        }
        Ok(())
    }

    /// For jobs that were only put in line.
    ///
    /// # Errors
    /// The exit code of the worst.
    pub fn leave(self) -> Result<(), End> {
        if !self.open.is_empty() {
            say_left(self.open.len());
        }
        ended(self.worst)
    }

    /// Watches until the last is over, or somebody leaves.
    ///
    /// # Errors
    /// The exit code of the worst.
    pub async fn until_over(mut self, stops: &mut Stops) -> Result<(), End> {
        while !self.open.is_empty() {
            let event = tokio::select! {
                biased;
                code = stops.next() => {
                    self.bars.clear();
                    if self.cancels {
                        for job in self.open.values() {
                            // One that has just ended is none any more.
                            let _ = self.desk.gateway.cancel_job(self.session, job.id).await;
                        }
                        say("ollamanet: Stopped; nothing was kept of what had not ended.");
                    } else {
                        super::jobs::left(self.open.len());
                    }
                    return Err(End::Code(code));
                }
                event = tokio::time::timeout(LOOK_EVERY, self.events.recv()) => event,
            };
            match event {
                Ok(Some(Event::Job(JobNews::Changed(job)))) => self.changed(*job)?,
                Ok(Some(Event::Job(JobNews::Progress { job, progress }))) => self.progress(job, *progress)?,
                Ok(Some(Event::Job(JobNews::Elsewhere))) | Err(_) => self.look().await?,
                Ok(Some(Event::SessionEnded(fault))) => return Err(fault.into()),
                Ok(Some(
                    Event::Turn { .. }
                    | Event::Transfer { .. }
                    | Event::Changed(_)
                    | Event::Health(_)
                    | Event::PutAway(_)
                    | Event::Notice(_),
                )) => {}
                Ok(None) => return Err(Fault::signed_out().into()),
            }
        }
        self.bars.clear();
        ended(self.worst)
    }

    async fn look(&mut self) -> Result<(), End> {
        let ids: Vec<JobId> = self.open.values().map(|job| job.id).collect();
        for id in ids {
            let job = self.desk.gateway.job(self.session, id).await?;
            self.changed(job)?;
        }
        Ok(())
    }

    fn progress(&mut self, id: JobId, progress: JobProgress) -> Result<(), End> {
        let Some(job) = self.open.values_mut().find(|job| job.id == id) else { return Ok(()) };
        if self.is_lines {
            print_json(&json!({ "type": "progress", "job": id, "model": job.work.model(), "progress": progress }))?;
        }
        job.progress = progress;
        self.bars.draw(&self.open);
        Ok(())
    }

    fn changed(&mut self, job: Job) -> Result<(), End> {
        // A row of one's own vault is numbered by itself, and nobody follows it here.
        let Some(known) = self.open.get(&job.seq).filter(|known| known.id == job.id) else { return Ok(()) };
        let is_news = known.state != job.state || known.attempts != job.attempts || known.error != job.error;
        let name = safe(&job.work.to_string());
        match job.state {
            JobState::Waiting | JobState::Running => {
                if let Some(fault) = job.error.clone().filter(|_| job.state == JobState::Waiting && is_news) {
                    let words = format!("{} It is tried again.", fault.message);
                    if self.said.insert(job.id, words.clone()).as_ref() != Some(&words) {
                        self.bars.clear();
                        say(&format!("ollamanet: {name}: {words}"));
                    }
                }
                if self.is_lines && is_news {
                    print_json(&json!({ "type": "changed", "job": job }))?;
                }
                self.open.insert(job.seq, job);
                self.bars.draw(&self.open);
            }
            JobState::Paused => {
                self.tell(&json!({ "type": "changed", "job": job }), &format!("{name}: paused"))?;
                self.open.remove(&job.seq);
            }
            JobState::Done => {
                let words = job.outcome.as_deref().map(safe).unwrap_or_default();
                self.tell(&json!({ "type": "ended", "job": job }), &format!("{name}: {words}"))?;
                self.open.remove(&job.seq);
            }
            JobState::Cancelled | JobState::Interrupted => {
                self.worst = self.worst.max(1);
                self.tell(&json!({ "type": "ended", "job": job }), &format!("{name}: cancelled"))?;
                self.open.remove(&job.seq);
            }
            JobState::Failed => {
                let fault = job.error.clone().unwrap_or_else(|| Fault::not_found("reason"));
                self.worst = self.worst.max(fault.exit_code());
                self.tell_fault(&json!({ "type": "ended", "job": job }), &name, &fault)?;
                self.open.remove(&job.seq);
            }
        }
        Ok(())
    }

    fn tell(&mut self, line: &serde_json::Value, words: &str) -> Result<(), End> {
        self.bars.clear();
        if self.is_lines {
            return print_json(line);
        }
        if words.is_empty() { Ok(()) } else { print(&format!("{words}\n")) }
    }

    fn tell_fault(&mut self, line: &serde_json::Value, name: &str, fault: &Fault) -> Result<(), End> {
        self.bars.clear();
        if self.is_lines {
            print_json(line)?;
        }
        let mut text = format!("ollamanet: {name}: {}", fault.message);
        if let Some(hint) = &fault.hint {
            let _ = write!(text, "\n{hint}");
        }
        say(&text);
        Ok(())
    }
}

/// Whether what is told of jobs is read by a program: it asked for JSON, or nobody sees standard output.
#[must_use]
pub fn prints_lines(desk: &Desk) -> bool {
    desk.global.json || !io::stdout().is_terminal()
}

fn ended(worst: u8) -> Result<(), End> {
    if worst == 0 { Ok(()) } else { Err(End::Code(worst)) }
}

pub fn say_left(count: usize) {
    let what = if count == 1 { "It stays".to_owned() } else { format!("{count} stay") };
    say(&format!("{what} in line: an open window goes on with it, or `ollamanet jobs run`."));
}

/// One line for each job that has something to show, on standard error where that is a terminal.
#[derive(Debug)]
struct Bars {
    is_shown: bool,
    drawn: usize,
}

impl Bars {
    fn draw(&mut self, open: &BTreeMap<i64, Job>) {
        if !self.is_shown {
            return;
        }
        self.clear();
        let lines: Vec<String> =
            open.values().filter(|job| job.state == JobState::Running).take(8).map(|job| line(job, 79)).collect();
        let mut stderr = io::stderr().lock();
        for line in &lines {
            // Nobody to tell is no failure.
            let _ = writeln!(stderr, "{line}");
        }
        let _ = stderr.flush();
        self.drawn = lines.len();
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            let mut stderr = io::stderr().lock();
            // Up to the first of our lines, and everything from there on away.
            let _ = write!(stderr, "\x1b[{}A\x1b[J", std::mem::take(&mut self.drawn));
            let _ = stderr.flush();
        }
    }
}

/// `llama3.2:3b  [####----]  31 %  630 MB of 2.0 GB  42 MB/s  33 s`, in so many columns.
fn line(job: &Job, columns: usize) -> String {
    let progress = &job.progress;
    let name: String = safe(job.work.model()).chars().take(24).collect();
    let mut text = format!("{name:<24}");
    match progress.of.filter(|of| *of > 0) {
        Some(of) => {
            let done = progress.done.min(of);
            let filled = (u128::from(done) * u128::from(BAR) / u128::from(of)) as usize;
            let percent = u128::from(done) * 100 / u128::from(of);
            let bar = ["#".repeat(filled), "-".repeat(BAR as usize - filled)].concat();
            let _ = write!(text, " [{bar}] {percent:>3} % {}", amount::bytes(of));
            if progress.stalled_seconds > 0 {
                let _ = write!(text, " nothing for {} s", progress.stalled_seconds);
            } else if let Some(rate) = progress.rate {
                let _ = write!(text, " {}/s", amount::bytes(rate));
                if let Some(eta) = progress.eta_seconds {
                    let _ = write!(text, " {}", out::seconds(eta.saturating_mul(1000)));
                }
            }
        }
        None => {
            let _ = write!(text, " {}", safe(&progress.step));
        }
    }
    text.chars().take(columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::jobs::Work;

    #[test]
    fn a_line_tells_how_far_it_is_and_fits() {
        let mut job = Job {
            id: JobId::new(),
            seq: 1,
            work: Work::install("a-model-with-a-very-long-name:latest"),
            account: None,
            by: None,
            state: JobState::Running,
            attempts: 1,
            error: None,
            next_at: None,
            created_at: 0,
            updated_at: 0,
            progress: JobProgress {
                step: "pulling".into(),
                done: 500,
                of: Some(2000),
                rate: Some(100),
                eta_seconds: Some(15),
                ..JobProgress::default()
            },
            outcome: None,
            is_here: true,
        };
        assert_eq!(line(&job, 99), "a-model-with-a-very-long [######------------------]  25 % 2.0 kB 100 B/s 15 s");
        assert!(line(&job, 79).chars().count() <= 79);
        job.progress.stalled_seconds = 42;
        assert!(line(&job, 99).ends_with("nothing for 42 s"));
        job.progress = JobProgress { step: "verifying\u{1b}[31m".into(), ..JobProgress::default() };
        assert!(line(&job, 99).contains("verifying") && !line(&job, 99).contains('\u{1b}'));
    }
}
