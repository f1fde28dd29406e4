//! Where Ollama has no model yet: three that fit this machine, a key that installs one, and how it comes along. Once it is
//! there the chat is as always.

use ratatui::text::{Line, Span};

use super::{ChatScreen, turns::notice};
use crate::{
    api::{
        auth::Role,
        fleet::Verdict,
        jobs::{Job, JobNews, JobState, Work, WorkKind},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, JobAct, JobsCall, Offer, OffersOf},
        widgets::{
            jobs::{bar, share, told},
            size,
            table::{fit, safe},
            toast::Toast,
        },
    },
};

/// Well-known models to begin with, the strongest first. Which of them fit, the catalogue and the machine say.
const STARTERS: [&str; 9] = [
    "gpt-oss:20b",
    "gemma3:12b",
    "qwen3:8b",
    "gemma3:4b",
    "qwen3:4b",
    "llama3.2:3b",
    "llama3.2:1b",
    "gemma3:1b",
    "qwen3:0.6b",
];
const SHOWN: usize = 3;
/// Without a GPU a larger one answers slower than one reads.
const MOST_IN_MEMORY: u64 = 4_000_000_000;
/// On a machine that nothing is known of.
const MOST_UNKNOWN: u64 = 2_500_000_000;
/// Columns of the bar.
const BAR: usize = 30;

#[derive(Debug, Default)]
pub(super) struct FirstModel {
    offers: Vec<Offer>,
    at: usize,
    is_asked: bool,
    /// Of this key press nothing was told yet.
    is_sent: bool,
    job: Option<Job>,
}

/// Three of them, the strongest first, of those that run well here.
fn suitable(offers: Vec<Offer>) -> Vec<Offer> {
    let runs_well = |offer: &Offer| match (offer.verdict, offer.bytes) {
        (Verdict::Gpu, _) => true,
        (Verdict::Partly | Verdict::Ram, Some(bytes)) => bytes <= MOST_IN_MEMORY,
        (Verdict::Unknown, Some(bytes)) => bytes <= MOST_UNKNOWN,
        (Verdict::TooBig, _) | (Verdict::Partly | Verdict::Ram | Verdict::Unknown, None) => false,
    };
    offers.into_iter().filter(|offer| offer.is_known && runs_well(offer)).take(SHOWN).collect()
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
        let names = STARTERS.map(str::to_owned).to_vec();
        vec![Effect::Jobs(JobsCall::Offers { of: OffersOf::First, asked: 0, names })]
    }

    pub fn on_first_offers(&mut self, offers: Vec<Offer>) {
        self.first.offers = suitable(offers);
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
        lines.push(Line::styled("These fit this machine:", theme.dim));
        for (at, offer) in first.offers.iter().enumerate() {
            let is_on = at == first.at;
            let bytes = offer.bytes.map_or_else(|| "—".to_owned(), |bytes| format!("≈{}", size(bytes)));
            let text = format!(
                "{} {}{}{}",
                if is_on { "›" } else { " " },
                fit(&safe(&offer.name), 14),
                fit(&bytes, 10),
                offer.verdict.words()
            );
            lines.push(Line::styled(text, if is_on { theme.selection } else { theme.text }));
        }
        let keys = [(Action::InstallFirst, " installs it, "), (Action::NextFirst, " goes to the next")];
        let spans = keys
            .into_iter()
            .flat_map(|(action, words)| [Span::styled(cx.key(action), theme.key), Span::styled(words, theme.dim)]);
        lines.push(Line::from(spans.collect::<Vec<_>>()));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_strongest_that_run_well_are_offered() {
        let offer = |name: &str, bytes: u64, verdict| Offer {
            name: name.into(),
            is_known: true,
            bytes: Some(bytes),
            verdict,
            ..Offer::default()
        };
        let names = |offers| suitable(offers).into_iter().map(|offer| offer.name).collect::<Vec<_>>();
        let all = |verdict| {
            vec![
                offer("huge", 14_000_000_000, Verdict::TooBig),
                offer("large", 8_000_000_000, verdict),
                offer("middle", 3_300_000_000, verdict),
                offer("small", 2_000_000_000, verdict),
                offer("tiny", 800_000_000, verdict),
            ]
        };
        assert_eq!(names(all(Verdict::Gpu)), ["large", "middle", "small"]);
        assert_eq!(names(all(Verdict::Ram)), ["middle", "small", "tiny"], "without a GPU none that crawls");
        assert_eq!(names(all(Verdict::Unknown)), ["small", "tiny"]);
        let unknown = Offer { name: "gone".into(), ..Offer::default() };
        assert_eq!(names(vec![unknown]), Vec::<String>::new());
    }
}
