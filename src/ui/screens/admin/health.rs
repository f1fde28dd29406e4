//! The tab with the health: how each part stands and stood, what was not well and for how long, when calls to Ollama were
//! held back.
//!
//! How it stands comes with the last look of the schedule and lies in `Cx`; how it stood is read when the tab is shown and
//! after each look.

mod view;

use std::time::Duration;

use ratatui::{Frame, layout::Rect};

use super::{
    Step,
    part::{House, Part as Tab},
    table::Drawn,
};
use crate::{
    api::{
        Fault, FaultKind,
        health::{BreakerOutage, FullCheck, HealthHistory, Part, Stretch},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, HealthCall, HealthReply, ShellCall, Timer},
        widgets::toast::Toast,
    },
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often the ages on the screen are drawn anew, as long as they are on view.
const AGES_EVERY: Duration = Duration::from_secs(10);

/// How far back the strips reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Period {
    #[default]
    Day,
    Week,
    Month,
}

impl Period {
    fn ms(self) -> i64 {
        match self {
            Self::Day => DAY_MS,
            Self::Week => 7 * DAY_MS,
            Self::Month => 30 * DAY_MS,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Day => Self::Week,
            Self::Week => Self::Month,
            Self::Month => Self::Day,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Parts,
    Incidents,
    Breakers,
}

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Parts => Self::Incidents,
            Self::Incidents => Self::Breakers,
            Self::Breakers => Self::Parts,
        }
    }
}

/// A list that comes in pages, newest first.
#[derive(Debug)]
struct Pages<T> {
    rows: Vec<T>,
    next: Option<i64>,
    at: usize,
    loading: bool,
    fault: Option<Fault>,
    drawn: Drawn,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), next: None, at: 0, loading: false, fault: None, drawn: Drawn::default() }
    }
}

impl<T> Pages<T> {
    fn on_page(&mut self, before: Option<i64>, page: Result<(Vec<T>, Option<i64>), Fault>) {
        self.loading = false;
        match page {
            Ok((rows, next)) => {
                // The first page again: what was loaded further down comes again when it is gone to.
                if before.is_none() {
                    self.rows.clear();
                }
                self.rows.extend(rows);
                self.at = self.at.min(self.rows.len().saturating_sub(1));
                (self.next, self.fault) = (next, None);
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// Where the next page begins, when the cursor has come to the end of what is here.
    fn wants(&mut self) -> Option<i64> {
        let next = self.next.filter(|_| !self.loading && self.at + 1 >= self.rows.len())?;
        self.loading = true;
        Some(next)
    }
}

#[derive(Debug, Default)]
pub struct HealthTab {
    period: Period,
    history: Option<HealthHistory>,
    fault: Option<Fault>,
    loading: bool,
    pane: Pane,
    at: usize,
    drawn: Drawn,
    incidents: Pages<Stretch>,
    outages: Pages<BreakerOutage>,
    /// A look by hand is on its way.
    checking: bool,
    /// A look through the whole database goes on, so far.
    full: Option<FullCheck>,
    /// The ages will be drawn anew.
    ticking: bool,
}

impl HealthTab {
    pub fn on_reply(&mut self, reply: HealthReply) -> Vec<Effect> {
        match reply {
            HealthReply::History { back, history } if back == self.period.ms() => {
                self.loading = false;
                match history {
                    Ok(history) => (self.history, self.fault) = (Some(*history), None),
                    Err(fault) => self.fault = Some(fault),
                }
            }
            HealthReply::Incidents { before, page } => {
                self.incidents.on_page(before, page.map(|page| (page.rows, page.next)));
            }
            HealthReply::Breakers { before, page } => {
                self.outages.on_page(before, page.map(|page| (page.rows, page.next)));
            }
            HealthReply::FullOn(far) => {
                if self.full.is_some() {
                    self.full = Some(far);
                }
            }
            HealthReply::FullEnded(done) => {
                self.full = None;
                return match done {
                    Ok(()) => vec![Effect::Toast(Toast::good("system.db was looked through whole and is sound."))],
                    Err(fault) if fault.kind == FaultKind::Cancelled => Vec::new(),
                    Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
                };
            }
            // Of a history: another period was chosen meanwhile.
            HealthReply::History { .. } | HealthReply::Stopped => {}
        }
        Vec::new()
    }

    /// A look has come: what was found stands in `Cx`, and is in the history by now.
    pub fn looked(&mut self) -> Vec<Effect> {
        self.checking = false;
        self.read()
    }

    /// The ages are due; they are drawn anew as long as the tab is on view.
    pub fn ages_due(&mut self, on_view: bool) -> Vec<Effect> {
        self.ticking = on_view;
        if on_view { vec![Effect::After(AGES_EVERY, Timer::HealthAges)] } else { Vec::new() }
    }

    fn read(&mut self) -> Vec<Effect> {
        self.loading = true;
        (self.incidents.loading, self.outages.loading) = (true, true);
        [
            HealthCall::History { back: self.period.ms() },
            HealthCall::Incidents { before: None },
            HealthCall::Breakers { before: None },
        ]
        .map(|call| Effect::Admin(AdminCall::Health(call)))
        .into()
    }

    /// Moves the cursor of the list in use, and asks for more where it ends.
    fn moved(&mut self, to: impl Fn(usize, usize) -> usize) -> Step {
        let last = |rows: usize| rows.saturating_sub(1);
        let more = match self.pane {
            Pane::Parts => {
                self.at = to(self.at, last(Part::ALL.len())).min(last(Part::ALL.len()));
                None
            }
            Pane::Incidents => {
                let rows = &mut self.incidents;
                rows.at = to(rows.at, last(rows.rows.len())).min(last(rows.rows.len()));
                rows.wants().map(|before| HealthCall::Incidents { before: Some(before) })
            }
            Pane::Breakers => {
                let rows = &mut self.outages;
                rows.at = to(rows.at, last(rows.rows.len())).min(last(rows.rows.len()));
                rows.wants().map(|before| HealthCall::Breakers { before: Some(before) })
            }
        };
        more.map_or_else(|| Vec::new().into(), |call| AdminCall::Health(call).into())
    }

    fn in_full(&mut self) -> Step {
        if self.full.take().is_some() {
            return vec![
                Effect::Admin(AdminCall::Health(HealthCall::StopFull)),
                Effect::Toast(Toast::notice("The look through the database is broken off.")),
            ]
            .into();
        }
        self.full = Some(FullCheck::default());
        AdminCall::Health(HealthCall::Full).into()
    }
}

impl Tab for HealthTab {
    fn open(&mut self) -> Vec<Effect> {
        let mut effects = self.read();
        if !std::mem::replace(&mut self.ticking, true) {
            effects.push(Effect::After(AGES_EVERY, Timer::HealthAges));
        }
        effects
    }

    /// Accounts and rules are nothing to it.
    fn house_changed(&mut self) -> Vec<Effect> {
        Vec::new()
    }

    fn context(&self) -> Context {
        Context::Health
    }

    fn on_action(&mut self, action: Action, _house: &House, cx: &Cx) -> Option<Step> {
        let page = usize::from(cx.size.1.saturating_sub(16)).max(1);
        Some(match action {
            Action::AdminUp => self.moved(|at, _| at.saturating_sub(1)),
            Action::AdminDown => self.moved(|at, _| at + 1),
            Action::AdminTop => self.moved(|_, _| 0),
            Action::AdminBottom => self.moved(|_, last| last),
            Action::AdminPageUp => self.moved(|at, _| at.saturating_sub(page)),
            Action::AdminPageDown => self.moved(|at, _| at + page),
            Action::FocusNext => {
                self.pane = self.pane.next();
                Vec::new().into()
            }
            Action::FocusPrevious => {
                self.pane = self.pane.next().next();
                Vec::new().into()
            }
            Action::HealthCheck => {
                self.checking = true;
                vec![Effect::Shell(ShellCall::CheckHealth)].into()
            }
            Action::HealthFull => self.in_full(),
            Action::HealthPeriod => {
                self.period = self.period.next();
                self.loading = true;
                AdminCall::Health(HealthCall::History { back: self.period.ms() }).into()
            }
            _ => return None,
        })
    }

    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if let Some(row) = self.drawn.at(at).filter(|row| *row < Part::ALL.len()) {
            (self.pane, self.at) = (Pane::Parts, row);
        } else if let Some(row) = self.incidents.drawn.at(at).filter(|row| *row < self.incidents.rows.len()) {
            (self.pane, self.incidents.at) = (Pane::Incidents, row);
        } else if let Some(row) = self.outages.drawn.at(at).filter(|row| *row < self.outages.rows.len()) {
            (self.pane, self.outages.at) = (Pane::Breakers, row);
        }
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.checking || self.full.is_some()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::HealthCheck, "check now"),
            (Action::HealthFull, if self.full.is_some() { "break it off" } else { "check in full" }),
            (Action::HealthPeriod, "period"),
            (Action::FocusNext, "next list"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        view::tab(self, frame, area, cx, focused);
    }
}
