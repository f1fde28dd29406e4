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
        widgets::{
            rows::{Cursor, Keyed, Paged},
            toast::Toast,
        },
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

impl Keyed for Stretch {
    fn key(&self) -> i64 {
        self.seq
    }
}

impl Keyed for BreakerOutage {
    fn key(&self) -> i64 {
        self.seq
    }
}

#[derive(Debug, Default)]
pub struct HealthTab {
    period: Period,
    history: Option<HealthHistory>,
    fault: Option<Fault>,
    loading: bool,
    pane: Pane,
    part: Cursor,
    incidents: Paged<Stretch>,
    outages: Paged<BreakerOutage>,
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
                self.incidents.came(before, page.map(|page| (page.rows, page.next)));
            }
            HealthReply::Breakers { before, page } => {
                self.outages.came(before, page.map(|page| (page.rows, page.next)));
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
        self.incidents.anew();
        self.outages.anew();
        [
            HealthCall::History { back: self.period.ms() },
            HealthCall::Incidents { before: None },
            HealthCall::Breakers { before: None },
        ]
        .map(|call| Effect::Admin(AdminCall::Health(call)))
        .into()
    }

    /// Moves the cursor of the list in use. `false` = the action is for something else.
    fn go(&mut self, action: Action) -> bool {
        match self.pane {
            Pane::Parts => self.part.go(action, Part::ALL.len()),
            Pane::Incidents => self.incidents.go(action),
            Pane::Breakers => self.outages.go(action),
        }
    }

    /// Asks for more where the list in use ends.
    fn read_on(&mut self) -> Vec<Effect> {
        let more = match self.pane {
            Pane::Parts => None,
            Pane::Incidents => self.incidents.read_on().map(|before| HealthCall::Incidents { before: Some(before) }),
            Pane::Breakers => self.outages.read_on().map(|before| HealthCall::Breakers { before: Some(before) }),
        };
        more.map(|call| Effect::Admin(AdminCall::Health(call))).into_iter().collect()
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

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        if self.go(action) {
            return Some(self.read_on().into());
        }
        Some(match action {
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
        if self.part.click(at, Part::ALL.len()).is_some() {
            self.pane = Pane::Parts;
        } else if self.incidents.click(at).is_some() {
            self.pane = Pane::Incidents;
        } else if self.outages.click(at).is_some() {
            self.pane = Pane::Breakers;
        }
        self.read_on()
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
