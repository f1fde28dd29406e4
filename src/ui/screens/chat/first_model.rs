//! Where Ollama has no model yet: three that the fleet recommends, a key that installs one, and how it comes along. Once it is
//! there the chat is as always.

use ratatui::text::{Line, Span};

use super::{ChatScreen, turns::notice};
use crate::{
    api::{
        Fault, amount,
        auth::Role,
        fleet::Verdict,
        jobs::{Job, JobNews, JobState, Work, WorkKind},
        recommend::{Recommendation, Recommended},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, JobAct, JobsCall},
        text::wrap::{clip, width},
        widgets::{
            jobs::{bar, share, told},
            table::{fit, safe},
            toast::Toast,
        },
    },
};

/// Small ones that run nearly anywhere, with about what they take on disk: for where the catalogue has nothing to propose,
/// because an administrator brought another one or this machine is too small for what is in it.
const SMALL: [(&str, u64); 3] =
    [("llama3.2:3b", 2_000_000_000), ("gemma3:1b", 815_000_000), ("qwen3:0.6b", 523_000_000)];
/// Reasons that stand below the one in question; `models recommend` tells all.
const REASONS: usize = 3;
/// Columns of the bar.
const BAR: usize = 30;

#[derive(Debug, Default)]
pub(super) struct FirstModel {
    offers: Vec<Offer>,
    /// Whether they were weighed; otherwise they are the small ones.
    is_weighed: bool,
    at: usize,
    is_asked: bool,
    /// Of this key press nothing was told yet.
    is_sent: bool,
    job: Option<Job>,
}

/// A model that is proposed.
#[derive(Debug)]
struct Offer {
    name: String,
    bytes: Option<u64>,
    verdict: Verdict,
    /// Whole sentences, the weightiest first.
    reasons: Vec<String>,
}

impl From<Recommendation> for Offer {
    fn from(of: Recommendation) -> Self {
        Self { name: of.model, bytes: of.bytes, verdict: of.verdict, reasons: of.reasons }
    }
}

fn small() -> Vec<Offer> {
    let offer = |(name, bytes): (&str, u64)| Offer {
        name: name.to_owned(),
        bytes: Some(bytes),
        verdict: Verdict::Unknown,
        reasons: Vec::new(),
    };
    SMALL.into_iter().map(offer).collect()
}

fn may_install(cx: &Cx) -> bool {
    cx.account.as_ref().is_some_and(|account| account.role == Role::Admin)
}

impl ChatScreen {
    /// Whether Ollama answered that it has none.
    pub(super) fn has_no_model(&self) -> bool {
        self.models.as_ref().is_some_and(|list| list.models.is_empty() && list.stale_because.is_none())
    }

    /// Looked up once, where it is of interest.
    pub(super) fn look_for_first_model(&mut self, cx: &Cx) -> Vec<Effect> {
        if !self.has_no_model() || !may_install(cx) || std::mem::replace(&mut self.first.is_asked, true) {
            return Vec::new();
        }
        vec![Effect::Jobs(JobsCall::First)]
    }

    /// What the fleet recommends to talk with. Where that is nothing, or cannot be told, something is proposed all the same.
    pub fn on_first_models(&mut self, found: Result<Recommended, Fault>) {
        let offers: Vec<Offer> =
            found.map(|found| found.rows.into_iter().map(Offer::from).collect()).unwrap_or_default();
        self.first.is_weighed = !offers.is_empty();
        self.first.offers = if offers.is_empty() { small() } else { offers };
        self.first.at = 0;
    }

    /// What is told of jobs: of installs the one that is under way.
    pub fn on_job_news(&mut self, news: &JobNews) {
        if !self.has_no_model() {
            return;
        }
        let first = &mut self.first;
        match news {
            JobNews::Changed(job) if job.work.kind() == WorkKind::Install => {
                if first.job.as_ref().is_none_or(|known| known.id == job.id || !known.state.is_open()) {
                    first.is_sent = false;
                    first.job = Some((**job).clone());
                }
            }
            JobNews::Progress { job, progress } => {
                if let Some(known) = first.job.as_mut().filter(|known| known.id == *job) {
                    known.progress.clone_from(progress);
                }
            }
            JobNews::Changed(_) | JobNews::Elsewhere => {}
        }
    }

    /// Whether a first model that comes along is on view.
    #[must_use]
    pub fn shows_first_model(&self) -> bool {
        self.has_no_model() && self.transcript.is_empty() && self.first.job.is_some()
    }

    /// The keys of the first model; `None` = not used.
    pub(super) fn first_model_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if !matches!(action, Action::InstallFirst | Action::NextFirst) {
            return None;
        }
        if !self.has_no_model() {
            return Some(notice("Ollama has a model already; more are on the Models screen."));
        }
        if !may_install(cx) {
            return Some(notice("Only administrators install models."));
        }
        let first = &mut self.first;
        if action == Action::NextFirst {
            first.at = (first.at + 1) % first.offers.len().max(1);
            return Some(Vec::new());
        }
        match &first.job {
            Some(job) if job.state.is_open() => return Some(notice("It is being installed already.")),
            Some(job) if matches!(job.state, JobState::Failed | JobState::Cancelled) && first.offers.is_empty() => {
                let jobs = vec![(job.id, job.work.to_string())];
                return Some(vec![Effect::Jobs(JobsCall::Each { act: JobAct::Retry, jobs })]);
            }
            Some(_) | None => {}
        }
        let Some(offer) = first.offers.get(first.at) else {
            let toast = Toast::notice("Nothing is known that fits this machine.");
            return Some(vec![Effect::Toast(toast.hint("The Models screen installs whatever you name."))]);
        };
        if std::mem::replace(&mut first.is_sent, true) {
            return Some(Vec::new());
        }
        Some(vec![Effect::Jobs(JobsCall::Begin(vec![Work::install(offer.name.clone())]))])
    }

    /// It was not begun after all.
    pub fn first_model_refused(&mut self) {
        self.first.is_sent = false;
    }

    /// Instead of an invitation to write.
    pub(super) fn first_model_lines(&self, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let theme = &cx.theme;
        let first = &self.first;
        let mut lines = Vec::new();
        if let Some(job) = first.job.as_ref().filter(|job| job.state.is_open()) {
            lines.push(Line::styled(format!("{} is being installed.", safe(job.work.model())), theme.title));
            if let Some(of) = job.progress.of.filter(|_| share(&job.progress).is_some()) {
                lines.push(Line::from(bar(job.progress.done, of, BAR.min(room), cx)));
            }
            lines.push(Line::styled(told(job, cx), theme.dim));
            lines.push(Line::styled("It goes on whatever you do; write once it is there.", theme.dim));
            return lines;
        }
        lines.push(Line::styled("Ollama has no model yet.", theme.warning));
        if let Some(error) = first.job.as_ref().and_then(|job| job.error.as_ref()) {
            lines.push(Line::styled(format!("✗ {}", safe(&error.message)), theme.error));
        }
        if !may_install(cx) {
            lines.push(Line::styled("An administrator installs one.", theme.dim));
            return lines;
        }
        if first.offers.is_empty() {
            let key = cx.key(Action::ScreenModels);
            lines.push(Line::styled(format!("The Models screen ({key}) installs one."), theme.dim));
            return lines;
        }
        let head = if first.is_weighed { "These suit this machine:" } else { "These small ones run nearly anywhere:" };
        lines.push(Line::styled(head, theme.dim));
        let name_room =
            first.offers.iter().map(|offer| width(&safe(&offer.name))).max().unwrap_or_default().clamp(14, 30);
        for (at, offer) in first.offers.iter().enumerate() {
            let is_on = at == first.at;
            let bytes = offer.bytes.map_or_else(|| "—".to_owned(), |bytes| format!("≈{}", amount::bytes(bytes)));
            let text = format!(
                "{} {}{}{}",
                if is_on { "›" } else { " " },
                fit(&safe(&offer.name), name_room),
                fit(&bytes, 10),
                if offer.verdict == Verdict::Unknown { "" } else { offer.verdict.words() }
            );
            lines.push(Line::styled(text.trim_end().to_owned(), if is_on { theme.selection } else { theme.text }));
        }
        for reason in first.offers.get(first.at).iter().flat_map(|offer| offer.reasons.iter().take(REASONS)) {
            lines.push(Line::styled(clip(&format!("· {}", safe(reason)), room), theme.dim));
        }
        let keys = [(Action::InstallFirst, " installs it, "), (Action::NextFirst, " goes to the next")];
        let spans = keys
            .into_iter()
            .flat_map(|(action, words)| [Span::styled(cx.key(action), theme.key), Span::styled(words, theme.dim)]);
        lines.push(Line::from(spans.collect::<Vec<_>>()));
        lines
    }
}
