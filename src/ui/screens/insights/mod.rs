//! The Insights screen: one's own use in figures, as charts over time, by model, by folder, by hour, by rating.
//!
//! It draws what it was told and counts nothing. It reads when it comes to view, on F5, and when something ended or changed
//! while it is on view; then what was chosen stays chosen.

mod front;
#[cfg(test)]
mod tests;
mod view;
mod words;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use self::{
    front::{Days, Front, Out, opened},
    words::Measure,
};
use super::Screen;
use crate::{
    api::{
        Fault,
        chat::TurnEvent,
        events::{Changed, Event},
        insights::{By, Insights, InsightsQuery, OfModel, Period},
        organise::Folder,
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, InsightsCall, InsightsReply},
        widgets::{tabs, toast::Toast},
    },
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Overview,
    Models,
    Folders,
    Hours,
    Ratings,
}

const TABS: [(Tab, Action, &str); 5] = [
    (Tab::Overview, Action::InsightsOverview, "Overview"),
    (Tab::Models, Action::InsightsModels, "Models"),
    (Tab::Folders, Action::InsightsFolders, "Folders"),
    (Tab::Hours, Action::InsightsHours, "Hours"),
    (Tab::Ratings, Action::InsightsRatings, "Ratings"),
];

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two of them make a state")]
pub struct InsightsScreen {
    tab: Tab,
    query: InsightsQuery,
    shown: Option<Box<Insights>>,
    /// Why it could not be read, or not be read anew.
    fault: Option<Fault>,
    asked: u64,
    loading: bool,
    /// Something changed while it was read: it is read once more.
    again: bool,
    on_view: bool,
    measure: usize,
    /// The chosen stretch of time, counted from the last: new days come in at that end.
    back: usize,
    /// The chosen row of each tab.
    at: [usize; TABS.len()],
    hour: (usize, usize),
    /// Every model of the period, for the choice while one of them is chosen.
    models: Vec<OfModel>,
    folders: Vec<Folder>,
    /// A choice of folders is wanted as soon as they are told.
    wants_folders: bool,
    front: Option<Front>,
}

impl InsightsScreen {
    fn read(&mut self) -> Vec<Effect> {
        if self.loading {
            self.again = true;
            return Vec::new();
        }
        self.ask()
    }

    /// At once: what is on its way answers another question.
    fn ask(&mut self) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        self.again = false;
        vec![Effect::Insights(InsightsCall::Read { asked: self.asked, query: self.query.clone() })]
    }

    pub fn on_event(&mut self, event: &Event) -> Vec<Effect> {
        let matters = match event {
            Event::Turn { event: TurnEvent::Ended { .. }, .. }
            | Event::Changed(
                Changed::Tree | Changed::Conversation(_) | Changed::Interrupted(_) | Changed::Everything,
            ) => true,
            Event::Changed(Changed::Library | Changed::House | Changed::Models)
            | Event::Job(_)
            | Event::Turn { .. }
            | Event::Health(_)
            | Event::PutAway(_)
            | Event::Transfer { .. }
            | Event::SessionEnded(_)
            | Event::Notice(_) => false,
        };
        if matters && self.on_view { self.read() } else { Vec::new() }
    }

    pub fn on_reply(&mut self, reply: InsightsReply) -> Vec<Effect> {
        match reply {
            InsightsReply::Read { asked, shown } if asked == self.asked => {
                self.loading = false;
                match shown {
                    Ok(shown) => self.take(shown),
                    Err(fault) => self.fault = Some(fault),
                }
                if std::mem::take(&mut self.again) && self.fault.is_none() { self.ask() } else { Vec::new() }
            }
            InsightsReply::Folders(Ok(tree)) => {
                self.folders = tree.folders;
                if std::mem::take(&mut self.wants_folders) {
                    self.front = Some(Front::folders(&self.folders, self.query.folder));
                }
                Vec::new()
            }
            InsightsReply::Days { asked, page } => {
                if let Some(Front::Days(days)) = &mut self.front {
                    days.on_page(asked, page);
                }
                Vec::new()
            }
            InsightsReply::Exported(done) => self.exported(done),
            // The figures of one conversation are not for this screen.
            InsightsReply::Read { .. } | InsightsReply::Conversation { .. } => Vec::new(),
            InsightsReply::Folders(Err(fault)) => {
                self.wants_folders = false;
                vec![Effect::Toast(Toast::fault(&fault))]
            }
        }
    }

    fn exported(&mut self, done: Result<std::path::PathBuf, Fault>) -> Vec<Effect> {
        match (done, &mut self.front) {
            (Ok(path), front) => {
                if matches!(front, Some(Front::Export { .. })) {
                    *front = None;
                }
                vec![Effect::Toast(Toast::good(format!("The figures are in {}.", path.display())))]
            }
            (Err(fault), Some(Front::Export { form, .. })) => {
                form.busy = false;
                form.ask(fault, 0);
                Vec::new()
            }
            (Err(fault), _) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    fn take(&mut self, shown: Box<Insights>) {
        self.fault = None;
        if shown.query.model.is_none() {
            self.models.clone_from(&shown.models);
        }
        self.back = self.back.min(shown.stretches.len().saturating_sub(1));
        self.shown = Some(shown);
        let rows = self.rows();
        let at = &mut self.at[self.tab as usize];
        *at = (*at).min(rows.saturating_sub(1));
    }

    /// Rows of the tab that can be chosen.
    fn rows(&self) -> usize {
        let Some(shown) = &self.shown else { return 0 };
        match self.tab {
            Tab::Overview | Tab::Hours => 0,
            Tab::Models => shown.models.len(),
            Tab::Folders => shown.folders.len() + shown.longest.len(),
            Tab::Ratings => view::rated(shown).len() + shown.reasons.len(),
        }
    }

    fn selected(&self) -> usize {
        self.at[self.tab as usize].min(self.rows().saturating_sub(1))
    }

    /// The place of the chosen stretch.
    fn stretch(&self) -> usize {
        self.shown.as_ref().map_or(0, |shown| shown.stretches.len().saturating_sub(1).saturating_sub(self.back))
    }

    fn show(&mut self, tab: Tab) -> Vec<Effect> {
        self.tab = tab;
        Vec::new()
    }

    /// Another question; what is shown stays until it is answered.
    fn ask_for(&mut self, query: InsightsQuery) -> Vec<Effect> {
        if query == self.query {
            return Vec::new();
        }
        if query.period != self.query.period {
            self.back = 0;
        }
        self.query = query;
        self.ask()
    }

    fn period(&mut self, forward: bool) -> Vec<Effect> {
        let each = Period::EACH;
        let at = each.iter().position(|period| *period == self.query.period).unwrap_or(0);
        let step = if forward { 1 } else { each.len() - 1 };
        self.ask_for(InsightsQuery { period: each[(at + step) % each.len()], ..self.query.clone() })
    }

    fn go(&mut self, action: Action, cx: &Cx) {
        let page = usize::from(cx.size.1 / 2).max(1);
        match self.tab {
            Tab::Overview => {
                let last = self.shown.as_ref().map_or(0, |shown| shown.stretches.len().saturating_sub(1));
                match action {
                    Action::InsightsUp => self.measure = self.measure.saturating_sub(1),
                    Action::InsightsDown => self.measure = (self.measure + 1).min(Measure::ALL.len() - 1),
                    Action::InsightsLeft => self.back = (self.back + 1).min(last),
                    Action::InsightsRight => self.back = self.back.saturating_sub(1),
                    Action::InsightsPageUp => self.back = (self.back + 7).min(last),
                    Action::InsightsPageDown => self.back = self.back.saturating_sub(7),
                    Action::InsightsTop => self.back = last,
                    Action::InsightsBottom => self.back = 0,
                    _ => {}
                }
            }
            Tab::Hours => {
                let (day, hour) = self.hour;
                self.hour = match action {
                    Action::InsightsUp => (day.saturating_sub(1), hour),
                    Action::InsightsDown => ((day + 1).min(6), hour),
                    Action::InsightsLeft => (day, hour.saturating_sub(1)),
                    Action::InsightsRight => (day, (hour + 1).min(23)),
                    Action::InsightsTop => (0, 0),
                    Action::InsightsBottom => (6, 23),
                    _ => (day, hour),
                };
            }
            Tab::Models | Tab::Folders | Tab::Ratings => {
                let (at, last) = (self.selected(), self.rows().saturating_sub(1));
                self.at[self.tab as usize] = match action {
                    Action::InsightsUp => at.saturating_sub(1),
                    Action::InsightsDown => (at + 1).min(last),
                    Action::InsightsPageUp => at.saturating_sub(page),
                    Action::InsightsPageDown => (at + page).min(last),
                    Action::InsightsTop => 0,
                    Action::InsightsBottom => last,
                    _ => at,
                };
            }
        }
    }

    /// What is behind the chosen bar: the conversations of its days, the figures of its model or folder alone, or the
    /// conversation itself.
    fn open(&mut self) -> Vec<Effect> {
        let Some(shown) = &self.shown else { return Vec::new() };
        let at = self.selected();
        match self.tab {
            Tab::Overview => match shown.stretches.get(self.stretch()) {
                Some(stretch) if stretch.figures.messages() > 0 => {
                    self.asked += 1;
                    let days = (stretch.first, stretch.last);
                    // A number of its own; the answer to what is being read carries another.
                    let (days, effects) = Days::open(self.query.clone(), days, &words::days(stretch), self.asked);
                    self.front = Some(Front::Days(days));
                    effects
                }
                Some(_) => vec![Effect::Toast(Toast::notice("Nothing was said then."))],
                None => Vec::new(),
            },
            Tab::Models => {
                let model = shown.models.get(at).and_then(|each| each.model.clone());
                self.only_model(model)
            }
            Tab::Folders => match (shown.folders.get(at), shown.longest.get(at.saturating_sub(shown.folders.len()))) {
                (Some(folder), _) => {
                    let Some(folder) = folder.folder else {
                        return vec![Effect::Toast(Toast::notice("What lies in no folder cannot be shown alone."))];
                    };
                    self.tab = Tab::Overview;
                    self.ask_for(InsightsQuery { folder: Some(folder), ..self.query.clone() })
                }
                (None, Some(row)) => match opened(row) {
                    Out::Open(id) => vec![front::lead_to(id)],
                    Out::Stay(effects) => effects,
                    Out::Close | Out::Model(_) | Out::Folder(_) => Vec::new(),
                },
                (None, None) => Vec::new(),
            },
            Tab::Ratings => {
                let model = view::rated(shown).get(at).and_then(|each| each.model.clone());
                self.only_model(model)
            }
            Tab::Hours => Vec::new(),
        }
    }

    fn only_model(&mut self, model: Option<String>) -> Vec<Effect> {
        if model.is_none() {
            return Vec::new();
        }
        self.tab = Tab::Overview;
        self.ask_for(InsightsQuery { model, ..self.query.clone() })
    }

    fn front_out(&mut self, out: Out) -> Vec<Effect> {
        match out {
            Out::Stay(effects) => effects,
            Out::Close => {
                self.front = None;
                Vec::new()
            }
            Out::Model(model) => {
                self.front = None;
                self.ask_for(InsightsQuery { model, ..self.query.clone() })
            }
            Out::Folder(folder) => {
                self.front = None;
                self.ask_for(InsightsQuery { folder, ..self.query.clone() })
            }
            Out::Open(id) => {
                self.front = None;
                vec![front::lead_to(id)]
            }
        }
    }

    fn export(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(shown) = &self.shown else { return Vec::new() };
        let by = match self.tab {
            Tab::Overview => By::Day,
            Tab::Models => By::Model,
            Tab::Folders => By::Folder,
            Tab::Hours => By::Hour,
            Tab::Ratings => By::Reason,
        };
        let today = jiff::Timestamp::from_millisecond(cx.now_ms).map(|at| cx.zone.to_datetime(at).date());
        self.front = Some(Front::export(self.query.clone(), by, today.unwrap_or(shown.last)));
        Vec::new()
    }
}

impl Screen for InsightsScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.on_view = true;
        self.ask()
    }

    fn hidden(&mut self) {
        self.on_view = false;
        self.front = None;
    }

    fn refresh(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.ask()
    }

    fn holds(&self) -> bool {
        self.front.is_some()
    }

    fn offers(&self, context: Context) -> bool {
        context == Context::Insights
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(front) = &mut self.front {
            let out = front.on_action(action, cx)?;
            return Some(self.front_out(out));
        }
        if let Some(tab) = tabs::opened_by(&TABS, action) {
            return Some(self.show(tab));
        }
        Some(match action {
            Action::InsightsUp
            | Action::InsightsDown
            | Action::InsightsLeft
            | Action::InsightsRight
            | Action::InsightsTop
            | Action::InsightsBottom
            | Action::InsightsPageUp
            | Action::InsightsPageDown => {
                self.go(action, cx);
                Vec::new()
            }
            Action::FocusNext | Action::FocusPrevious => {
                self.show(tabs::beside(&TABS, self.tab, action == Action::FocusNext))
            }
            Action::InsightsOpen => self.open(),
            Action::InsightsPeriod => self.period(true),
            Action::InsightsPeriodBack => self.period(false),
            Action::InsightsModel => {
                self.front = Some(Front::models(&self.models, self.query.model.as_deref()));
                Vec::new()
            }
            Action::InsightsFolder => {
                self.wants_folders = true;
                vec![Effect::Insights(InsightsCall::Folders)]
            }
            Action::InsightsExport => self.export(cx),
            Action::Escape if self.query.model.is_some() || self.query.folder.is_some() => {
                self.ask_for(InsightsQuery { period: self.query.period, ..InsightsQuery::default() })
            }
            _ => return None,
        })
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        let out = self.front.as_mut()?.on_key(key)?;
        Some(self.front_out(out))
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        let Some(front) = &mut self.front else { return Vec::new() };
        let out = front.on_paste(&text);
        self.front_out(out)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if let Some(front) = &mut self.front {
            let out = front.on_mouse(mouse, area, cx);
            return self.front_out(out);
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.go(Action::InsightsUp, cx),
            MouseEventKind::ScrollDown => self.go(Action::InsightsDown, cx),
            MouseEventKind::Down(MouseButton::Left) if mouse.row == area.y => {
                let clicked = tabs::at(&TABS, self.tab, mouse.column.saturating_sub(area.x), area.width, cx);
                return clicked.map(|tab| self.show(tab)).unwrap_or_default();
            }
            _ => {}
        }
        Vec::new()
    }

    fn context(&self) -> Context {
        self.front.as_ref().map_or(Context::Insights, Front::context)
    }

    fn is_busy(&self) -> bool {
        // Reading anew is done in the time of a key press; something that turns for it would only unsettle.
        (self.loading && self.shown.is_none()) || self.front.as_ref().is_some_and(Front::is_busy)
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let opens = match self.tab {
            Tab::Overview => Some("conversations"),
            Tab::Models | Tab::Ratings => Some("only this"),
            Tab::Folders => Some("only this, open"),
            Tab::Hours => None,
        };
        let mut hints: Vec<Hint> = opens.and_then(|help| cx.hint(Action::InsightsOpen, help)).into_iter().collect();
        hints.extend(cx.hints(&[
            (Action::InsightsPeriod, "period"),
            (Action::InsightsModel, "model"),
            (Action::InsightsFolder, "folder"),
            (Action::InsightsExport, "to a file"),
            (Action::Refresh, "anew"),
            (Action::Help, "help"),
        ]));
        hints
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        self.draw(frame, area, cx, in_front && self.front.is_none());
        if let Some(front) = &self.front {
            front.view(frame, area, cx);
        }
    }
}
