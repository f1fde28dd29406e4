//! The table of jobs as a list: those that are open first, then those that have ended, page by page; the one under the
//! cursor in full beside it or below.
//!
//! It follows what is told of jobs and asks anew only where another process changed the table. Invariant: the cursor stays
//! on its job, wherever in the list that goes.

use std::{cell::Cell, collections::BTreeSet};

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::Paragraph,
};

use super::row;
use crate::{
    api::{
        Fault, JobId,
        jobs::{Job, JobNews, JobPage, JobState, PAGE_MAX, WhichJobs, WorkKind, merged},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, JobAct, JobsCall, JobsOf},
        widgets::{
            ask::{Ask, AskOut},
            table::{Drawn, first_row, instead},
            toast::Toast,
        },
    },
};

/// Ended jobs read at a time.
const PAGE: u32 = 50;
/// With fewer rows than this below the cursor the next page is asked for.
const AHEAD: usize = 10;
/// From so many columns on the detail stands beside the list.
const WIDE: u16 = 104;
/// From so many rows on it stands below.
const HIGH: u16 = 14;
/// Said where there is nothing.
fn empty(of: JobsOf) -> &'static str {
    match of {
        JobsOf::Downloads => "No jobs. Installing, updating, removing and making models shows up here.",
        JobsOf::Tray => "Nothing runs in the background. Installs, backups, rules, exports and imports show up here.",
        JobsOf::Own => "Nothing runs in the background. Answers, exports, imports and other work show up here.",
    }
}

/// What is asked before it is done.
#[derive(Debug)]
enum Then {
    Cancel(Vec<(JobId, String)>),
    Forget,
}

#[derive(Debug)]
pub struct JobList {
    of: JobsOf,
    open: Vec<Job>,
    ended: Vec<Job>,
    /// Where the ended ones go on.
    next: Option<i64>,
    at: usize,
    marked: BTreeSet<JobId>,
    asked: u64,
    /// Of the two readings, the number of the one that is awaited.
    awaits_open: Option<u64>,
    awaits_ended: Option<u64>,
    /// The page asked for goes on where the ended ones stop.
    appends: bool,
    fault: Option<Fault>,
    question: Option<(Ask, Then)>,
    /// Where there is no room for both.
    shows_detail: bool,
    /// There is room for both, as far as whoever draws it has said.
    is_beside: Cell<bool>,
    height: Cell<usize>,
    rows_drawn: Drawn,
}

impl JobList {
    #[must_use]
    pub fn new(of: JobsOf) -> Self {
        Self {
            of,
            open: Vec::new(),
            ended: Vec::new(),
            next: None,
            at: 0,
            marked: BTreeSet::new(),
            asked: 0,
            awaits_open: None,
            awaits_ended: None,
            appends: false,
            fault: None,
            question: None,
            shows_detail: false,
            is_beside: Cell::new(false),
            height: Cell::new(10),
            rows_drawn: Drawn::default(),
        }
    }

    /// Both parts from the beginning; what is on view stays until they are here.
    pub fn read(&mut self) -> Vec<Effect> {
        self.appends = false;
        let (open, ended) = (self.asked + 1, self.asked + 2);
        self.asked = ended;
        (self.awaits_open, self.awaits_ended) = (Some(open), Some(ended));
        let limit = (self.ended.len() as u32).clamp(PAGE, PAGE_MAX);
        vec![self.call(open, WhichJobs::Open, None, PAGE_MAX), self.call(ended, WhichJobs::Ended, None, limit)]
    }

    /// So many columns it will have, asked before the keys that it names are.
    pub fn expects(&self, columns: u16) {
        self.is_beside.set(columns >= WIDE);
    }

    /// Whether one job stands in the place of the list.
    #[must_use]
    pub fn is_in_detail(&self) -> bool {
        self.shows_detail && !self.is_beside.get()
    }

    /// Whose jobs these are.
    #[must_use]
    pub fn of(&self) -> JobsOf {
        self.of
    }

    fn call(&self, asked: u64, which: WhichJobs, before: Option<i64>, limit: u32) -> Effect {
        Effect::Jobs(JobsCall::Read { of: self.of, asked, which, before, limit })
    }

    /// How many are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// `2 running, 3 waiting`, in the order in which they matter; empty where nothing is open.
    #[must_use]
    pub fn summary(&self) -> String {
        let states = [(JobState::Running, "running"), (JobState::Waiting, "waiting"), (JobState::Paused, "paused")];
        let parts = states.into_iter().filter_map(|(state, word)| {
            let count = self.open.iter().filter(|job| job.state == state).count();
            (count > 0).then(|| format!("{count} {word}"))
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.awaits_open.is_some() || self.awaits_ended.is_some()
    }

    fn rows(&self) -> impl Iterator<Item = &Job> + Clone {
        self.open.iter().chain(&self.ended)
    }

    fn count(&self) -> usize {
        self.open.len() + self.ended.len()
    }

    #[must_use]
    pub fn selected(&self) -> Option<&Job> {
        self.rows().nth(self.at)
    }

    /// The job of this number, where it is among those that are here.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.rows().find(|job| job.id == id)
    }

    pub fn on_page(&mut self, asked: u64, which: WhichJobs, page: Result<JobPage, Fault>) -> Vec<Effect> {
        let awaited = match which {
            WhichJobs::Open => &mut self.awaits_open,
            WhichJobs::Ended | WhichJobs::All => &mut self.awaits_ended,
        };
        if *awaited != Some(asked) {
            return Vec::new();
        }
        *awaited = None;
        let page = match page {
            Ok(page) => page,
            Err(fault) => {
                self.fault = Some(fault);
                return Vec::new();
            }
        };
        self.fault = None;
        let on = self.selected().map(|job| job.id);
        match which {
            WhichJobs::Open => {
                // What ended between the two readings stands in the other part already.
                self.open = page.rows;
                self.open.retain(|job| job.state.is_open() && !self.ended.iter().any(|ended| ended.id == job.id));
                sort_open(&mut self.open);
            }
            WhichJobs::Ended | WhichJobs::All => {
                self.next = page.next;
                if !self.appends {
                    self.ended.clear();
                }
                let new = page.rows.into_iter().filter(|job| !self.ended.iter().any(|known| known.id == job.id));
                let new: Vec<Job> = new.collect();
                self.open.retain(|job| !new.iter().any(|ended| ended.id == job.id));
                self.ended.extend(new);
                self.ended = merged(std::mem::take(&mut self.ended));
            }
        }
        self.keep_on(on);
        let here: BTreeSet<JobId> = self.rows().map(|job| job.id).collect();
        self.marked.retain(|id| here.contains(id));
        self.more().into_iter().collect()
    }

    fn keep_on(&mut self, on: Option<JobId>) {
        let found = on.and_then(|on| self.rows().position(|job| job.id == on));
        self.at = found.unwrap_or(self.at).min(self.count().saturating_sub(1));
    }

    fn more(&mut self) -> Option<Effect> {
        if self.awaits_ended.is_some() || self.at + AHEAD < self.count() {
            return None;
        }
        let next = self.next?;
        self.asked += 1;
        self.awaits_ended = Some(self.asked);
        self.appends = true;
        Some(self.call(self.asked, WhichJobs::Ended, Some(next), PAGE))
    }

    /// What is told of jobs.
    pub fn on_news(&mut self, news: &JobNews) -> Vec<Effect> {
        match news {
            JobNews::Elsewhere => return self.read(),
            JobNews::Progress { job, progress } => {
                if let Some(job) = self.open.iter_mut().find(|known| known.id == *job) {
                    job.progress.clone_from(progress);
                }
            }
            JobNews::Changed(job) => self.put(job),
        }
        Vec::new()
    }

    fn put(&mut self, job: &Job) {
        let is_shown = match self.of {
            JobsOf::Tray => true,
            JobsOf::Own => job.work.kind().is_own(),
            JobsOf::Downloads => !job.work.kind().is_own(),
        };
        if !is_shown {
            return;
        }
        let on = self.selected().map(|job| job.id);
        self.open.retain(|known| known.id != job.id);
        self.ended.retain(|known| known.id != job.id);
        if job.state.is_open() {
            self.open.push(job.clone());
            sort_open(&mut self.open);
        } else {
            let is_own = job.work.kind().is_own();
            let has_older = self.ended.iter().any(|known| known.work.kind().is_own() == is_own && known.seq < job.seq);
            // Older than what was read: it comes with its page. One's own are here whole.
            if is_own || has_older || self.next.is_none() {
                self.ended.push(job.clone());
                self.ended = merged(std::mem::take(&mut self.ended));
            }
        }
        self.keep_on(on);
    }

    /// What was done to several: what did not work is told, and the list is read anew.
    pub fn on_each(&mut self, results: &[(String, Result<(), Fault>)]) -> Vec<Effect> {
        self.marked.clear();
        let mut effects: Vec<Effect> = results
            .iter()
            .filter_map(|(what, went)| {
                let toast = Toast::fault(went.as_ref().err()?);
                Some(Effect::Toast(Toast { text: format!("{what}: {}", toast.text), ..toast }))
            })
            .collect();
        effects.extend(self.read());
        effects
    }

    #[must_use]
    pub fn context(&self) -> Context {
        if self.question.is_some() { Context::List } else { Context::Jobs }
    }

    /// Whether a question stands before the list.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.question.is_some()
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        if let Some((ask, _)) = &mut self.question {
            let out = ask.on_action(action)?;
            return Some(self.answered(out));
        }
        let last = self.count().saturating_sub(1);
        let page = self.height.get().max(1);
        let to = match action {
            Action::JobsUp => self.at.saturating_sub(1),
            Action::JobsDown => self.at + 1,
            Action::JobsTop => 0,
            Action::JobsBottom => last,
            Action::JobsPageUp => self.at.saturating_sub(page),
            Action::JobsPageDown => self.at + page,
            Action::Escape if self.is_in_detail() => {
                self.shows_detail = false;
                return Some(Vec::new());
            }
            Action::JobsOpen => {
                self.shows_detail = !self.shows_detail && !self.is_beside.get() && self.selected().is_some();
                return Some(Vec::new());
            }
            Action::JobsMark => {
                if let Some(id) = self.selected().map(|job| job.id)
                    && !self.marked.remove(&id)
                {
                    self.marked.insert(id);
                }
                self.at + 1
            }
            Action::JobsPause => return Some(self.pause()),
            Action::JobsCancel => return Some(self.cancel()),
            Action::JobsRetry => return Some(self.retry()),
            Action::JobsForget => return Some(self.forget()),
            _ => return None,
        };
        self.at = to.min(last);
        Some(self.more().into_iter().collect())
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let (ask, _) = self.question.as_mut()?;
        let out = ask.on_key(key)?;
        Some(self.answered(out))
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        if self.question.is_some() {
            return Vec::new();
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.on_action(Action::JobsUp).unwrap_or_default(),
            MouseEventKind::ScrollDown => self.on_action(Action::JobsDown).unwrap_or_default(),
            MouseEventKind::Down(MouseButton::Left) => match self.rows_drawn.at((mouse.column, mouse.row)) {
                Some(row) if row == self.at => self.on_action(Action::JobsOpen).unwrap_or_default(),
                Some(row) => {
                    self.at = row;
                    self.more().into_iter().collect()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, out: AskOut) -> Vec<Effect> {
        match out {
            AskOut::Stay => Vec::new(),
            AskOut::No => {
                self.question = None;
                Vec::new()
            }
            AskOut::Yes => match self.question.take() {
                Some((_, Then::Cancel(jobs))) => {
                    vec![Effect::Jobs(JobsCall::Each { act: JobAct::Cancel, jobs })]
                }
                Some((_, Then::Forget)) => vec![Effect::Jobs(JobsCall::Forget { of: self.of })],
                None => Vec::new(),
            },
        }
    }

    /// The marked ones, or the one under the cursor; of those, the ones for which this holds.
    fn chosen(&self, may: impl Fn(&Job) -> bool) -> Vec<(JobId, String)> {
        let is_chosen = |job: &&Job| {
            if self.marked.is_empty() {
                self.selected().is_some_and(|on| on.id == job.id)
            } else {
                self.marked.contains(&job.id)
            }
        };
        self.rows().filter(is_chosen).filter(|job| may(job)).map(|job| (job.id, job.work.to_string())).collect()
    }

    fn pause(&self) -> Vec<Effect> {
        let may = |job: &Job| !job.work.kind().is_own() && matches!(job.state, JobState::Running | JobState::Waiting);
        let running = self.chosen(may);
        let (act, jobs) = if running.is_empty() {
            (JobAct::Resume, self.chosen(|job| job.state == JobState::Paused))
        } else {
            (JobAct::Pause, running)
        };
        if jobs.is_empty() {
            let own = self.selected().is_some_and(|job| job.work.kind().is_own() && job.state.is_open());
            return notice(if own {
                "This cannot be paused. Cancelled, it can be tried again."
            } else {
                "Only what is under way can be paused."
            });
        }
        vec![Effect::Jobs(JobsCall::Each { act, jobs })]
    }

    fn retry(&self) -> Vec<Effect> {
        let jobs = self.chosen(|job| match job.state {
            JobState::Failed | JobState::Cancelled | JobState::Interrupted => true,
            // At once, instead of when it would be due.
            JobState::Waiting => job.next_at.is_some(),
            JobState::Running | JobState::Paused | JobState::Done => false,
        });
        if jobs.is_empty() {
            return notice("Only what has failed, was cancelled or interrupted can be tried again.");
        }
        vec![Effect::Jobs(JobsCall::Each { act: JobAct::Retry, jobs })]
    }

    fn cancel(&mut self) -> Vec<Effect> {
        let jobs = self.chosen(|job| job.state.is_open());
        let text = match jobs.as_slice() {
            [] => return notice("Only what is under way can be cancelled."),
            [(_, what)] => format!("“{what}” is given up."),
            many => format!("{} jobs are given up.", many.len()),
        };
        let mut stays: Vec<&str> =
            jobs.iter().filter_map(|(id, _)| self.job(*id)).map(|job| what_stays(job.work.kind())).collect();
        stays.sort_unstable();
        stays.dedup();
        let text = std::iter::once(text.as_str()).chain(stays).collect::<Vec<_>>().join(" ");
        self.question = Some((Ask::new("Cancel?", text, "Cancel it"), Then::Cancel(jobs)));
        Vec::new()
    }

    fn forget(&mut self) -> Vec<Effect> {
        if self.ended.is_empty() {
            return notice("Nothing here has ended.");
        }
        let text = match self.of {
            JobsOf::Own => "All that is done, has failed or was cancelled goes from this list.",
            JobsOf::Tray | JobsOf::Downloads => {
                "All jobs that are done, have failed or were cancelled go from this list, for everybody. The audit trail \
                 keeps what was done."
            }
        };
        let text = text.to_owned();
        self.question = Some((Ask::new("Clear the list?", text, "Clear it"), Then::Forget));
        Vec::new()
    }

    /// The keys that mean something for the job under the cursor.
    #[must_use]
    pub fn hints(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = Vec::new();
        match self.selected().map(|job| job.state) {
            Some(JobState::Running) if self.selected().is_some_and(|job| job.work.kind().is_own()) => {
                hints.extend(cx.hints(&[(Action::JobsCancel, "cancel")]));
            }
            Some(JobState::Running) => {
                hints.extend(cx.hints(&[(Action::JobsPause, "pause"), (Action::JobsCancel, "cancel")]));
            }
            Some(JobState::Waiting) => hints.extend(cx.hints(&[
                (Action::JobsPause, "pause"),
                (Action::JobsRetry, "try now"),
                (Action::JobsCancel, "cancel"),
            ])),
            Some(JobState::Paused) => {
                hints.extend(cx.hints(&[(Action::JobsPause, "go on"), (Action::JobsCancel, "cancel")]));
            }
            Some(JobState::Failed | JobState::Cancelled | JobState::Interrupted) => {
                hints.extend(cx.hints(&[(Action::JobsRetry, "try again")]));
            }
            Some(JobState::Done) | None => {}
        }
        if self.selected().is_some() {
            if !self.is_beside.get() {
                let to = if self.shows_detail { "the list" } else { "all of it" };
                hints.extend(cx.hints(&[(Action::JobsOpen, to)]));
            }
            hints.extend(cx.hints(&[(Action::JobsMark, "mark")]));
        }
        if !self.ended.is_empty() {
            hints.extend(cx.hints(&[(Action::JobsForget, "clear ended")]));
        }
        hints
    }

    /// The list and the job under the cursor, without a frame.
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        self.rows_drawn.clear();
        if self.count() == 0 {
            return instead(frame, area, self.fault.as_ref(), self.is_loading(), empty(self.of), cx);
        }
        let (list, detail) = if area.width >= WIDE {
            let [list, _, detail] =
                Layout::horizontal([Constraint::Fill(3), Constraint::Length(2), Constraint::Fill(2)]).areas(area);
            (list, Some(detail))
        } else if self.shows_detail {
            (Rect::ZERO, Some(area))
        } else if area.height >= HIGH {
            let wanted = self.selected().map_or(0, |job| row::detail(job, usize::from(area.width), cx).len() as u16);
            let most = area.height / 2;
            let [list, _, detail] =
                Layout::vertical([Constraint::Min(3), Constraint::Length(1), Constraint::Length(wanted.min(most))])
                    .areas(area);
            (list, Some(detail))
        } else {
            (area, None)
        };
        let height = usize::from(list.height);
        self.height.set(height.max(1));
        let first = first_row(self.at, self.count(), height);
        self.rows_drawn.rows(list, first, self.count());
        let lines: Vec<Line> = self
            .rows()
            .enumerate()
            .skip(first)
            .take(height)
            .map(|(at, job)| {
                let looks = (at == self.at, focused, self.marked.contains(&job.id));
                row::line(job, looks, usize::from(list.width), cx)
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), list);
        if let (Some(job), Some(detail)) = (self.selected(), detail) {
            frame.render_widget(Paragraph::new(row::detail(job, usize::from(detail.width), cx)), detail);
        }
    }

    /// The question that stands before it, if one does. `area` is the whole screen's.
    pub fn view_question(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((ask, _)) = &self.question {
            ask.view(frame, area, cx);
        }
    }
}

/// What is left of one that is cancelled.
fn what_stays(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Install | WorkKind::Update => {
            "What was downloaded so far stays with Ollama for a while; a new try goes on from it."
        }
        WorkKind::Export => "Nothing of the file is left behind.",
        WorkKind::Import => "What has come so far stays; importing again brings the rest, and nothing twice.",
        WorkKind::PutAway => "What was put away stays where it is now.",
        WorkKind::Index => "Searching goes on with what is in the index by then, and finishes it.",
        WorkKind::Backup => "Nothing of it is left behind; the backups before it stay.",
        WorkKind::Restore => "Nothing has been changed yet, and nothing will be.",
        WorkKind::Rule => "The jobs that it began are cancelled with it, but for those that others asked for too.",
        WorkKind::Remove
        | WorkKind::Copy
        | WorkKind::Rename
        | WorkKind::Create
        | WorkKind::Push
        | WorkKind::Load
        | WorkKind::Unload
        | WorkKind::Benchmark
        | WorkKind::VerifyBackup
        | WorkKind::PruneBackups
        | WorkKind::Check => "It can be tried again from here.",
    }
}

/// Running ones first, then those that wait, in the order of their beginning.
fn sort_open(jobs: &mut [Job]) {
    let group = |state: JobState| match state {
        JobState::Running => 0,
        JobState::Waiting => 1,
        JobState::Paused => 2,
        JobState::Done | JobState::Failed | JobState::Cancelled | JobState::Interrupted => 3,
    };
    // One's own first: whoever looks waits for those.
    jobs.sort_by_key(|job| (group(job.state), !job.work.kind().is_own(), job.seq));
}

fn notice(words: &str) -> Vec<Effect> {
    vec![Effect::Toast(Toast::notice(words))]
}
