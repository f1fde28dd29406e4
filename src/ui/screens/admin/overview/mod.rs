//! The first tab: the whole house in figures. Who is here, what runs, how fast, what failed; use over time, by account, by
//! model; errors; storage. Enter looks behind a row, Escape leads back.
//!
//! It draws what it was told and counts nothing.

mod tables;
mod view;
mod words;

use jiff::civil::Date;
use ratatui::{Frame, layout::Rect};

use self::words::Measure;
use super::{
    Step,
    dialog::{Fill, Out, Purpose},
    part::{House, Part},
    table::Drawn,
};
use crate::{
    api::{
        Fault, FaultKind,
        insights::{Grain, Sheet},
        reports::{FailedAs, Failing, Over, Overview as Shown, Question, Report, Subject},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, OverviewCall},
        widgets::{form::Form, rows::Cursor, toast::Toast},
    },
};

/// What of the house is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    #[default]
    Time,
    Accounts,
    Models,
    Errors,
    Storage,
    /// What failed within seven days.
    Failed,
}

impl Page {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Time, "Over time"),
        (Self::Accounts, "Accounts"),
        (Self::Models, "Models"),
        (Self::Errors, "Errors"),
        (Self::Storage, "Storage"),
        (Self::Failed, "This week"),
    ];

    /// What is written to a file from here.
    fn subject(self) -> Subject {
        match self {
            Self::Time => Subject::Days,
            Self::Accounts => Subject::Accounts,
            Self::Models => Subject::Models,
            Self::Errors | Self::Failed => Subject::Errors,
            Self::Storage => Subject::Storage,
        }
    }
}

/// Where Escape leads back to.
#[derive(Clone, Debug)]
struct Place {
    page: Page,
    question: Question,
    kind: Option<(FailedAs, FaultKind)>,
    at: usize,
}

#[derive(Debug, Default)]
pub struct Overview {
    page: Page,
    question: Question,
    /// On the page of errors: the kind whose course is shown.
    kind: Option<(FailedAs, FaultKind)>,
    back_to: Vec<Place>,
    shown: Option<Box<Shown>>,
    fault: Option<Fault>,
    asked: u64,
    loading: bool,
    measure: Measure,
    /// The chosen stretch of time, counted from the last: new days come in at that end.
    back: usize,
    cursor: Cursor,
    /// Where the names of the pages were drawn, and the measures below the chart.
    names: Drawn,
    measures: Drawn,
}

/// What a form of this tab is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Filter(Question),
    Export(Question, Subject),
}

impl Wanted {
    /// What was typed, read; or what is wrong with it and where.
    pub fn filled(&self, form: &Form) -> Result<Out, (Fault, usize)> {
        let text = |row: usize| Some(form.value(row).trim().to_owned()).filter(|text| !text.is_empty());
        match self {
            Self::Filter(before) => {
                let day = |row: usize| -> Result<Option<Date>, (Fault, usize)> {
                    let wrong = || Fault::invalid("That is no day.").hint("Write it like 2026-11-24.");
                    text(row).map(|text| text.parse().map_err(|_| (wrong(), row))).transpose()
                };
                let over = match (day(0)?, day(1)?) {
                    (None, None) => match before.over {
                        Over::Between(..) => Over::default(),
                        Over::Today | Over::Week | Over::Month | Over::Year => before.over,
                    },
                    (since, until) => Over::Between(since, until),
                };
                let question = Question { over, by: before.by, account: text(2), role: text(3), model: text(4) };
                if question.account.is_some() && (question.model.is_some() || question.role.is_some()) {
                    let why = "With an account neither a role nor a model is told.";
                    return Err((Fault::invalid(why).hint("Leave the account away, or the others."), 2));
                }
                Ok(Out::Question(question))
            }
            Self::Export(question, of) => {
                let path = text(0).ok_or((Fault::invalid("Something is missing here."), 0))?;
                let ending = std::path::Path::new(&path).extension().map(std::ffi::OsStr::to_ascii_lowercase);
                let what = match ending.as_ref().and_then(|ending| ending.to_str()) {
                    Some("csv") => Sheet::Csv,
                    Some("json") => Sheet::Json,
                    Some(_) | None => {
                        return Err((Fault::invalid("The file ends neither in .csv nor in .json."), 0));
                    }
                };
                let call = OverviewCall::Export { question: question.clone(), of: *of, what, path: path.into() };
                Ok(Out::Send(AdminCall::Overview(call)))
            }
        }
    }
}

impl Overview {
    pub fn on_shown(&mut self, asked: u64, shown: Result<Box<Shown>, Fault>) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        self.loading = false;
        match shown {
            Ok(shown) => {
                self.fault = None;
                self.back = self.back.min(shown.report.stretches.len().saturating_sub(1));
                self.shown = Some(shown);
                self.put(self.cursor.at());
            }
            Err(fault) => self.fault = Some(fault),
        }
        Vec::new()
    }

    fn ask(&mut self) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        let call = OverviewCall::Read { asked: self.asked, question: self.question.clone() };
        vec![Effect::Admin(AdminCall::Overview(call))]
    }

    /// Another question; what is shown stays until it is answered.
    pub fn ask_for(&mut self, question: Question) -> Vec<Effect> {
        if question == self.question && self.fault.is_none() {
            return Vec::new();
        }
        self.back = 0;
        self.question = question;
        self.ask()
    }

    /// Looks behind what was chosen, so that Escape leads back here.
    fn behind(&mut self, page: Page, question: Question) -> Vec<Effect> {
        let place = Place { page: self.page, question: self.question.clone(), kind: self.kind, at: self.cursor.at() };
        self.back_to.push(place);
        self.page = page;
        self.put(0);
        self.ask_for(question)
    }

    fn lead_back(&mut self) -> Option<Vec<Effect>> {
        if let Some(Place { page, question, kind, at }) = self.back_to.pop() {
            (self.page, self.kind) = (page, kind);
            // What is there now may be less than what was; what comes may be as much again.
            self.cursor.put(at, usize::MAX);
            return Some(self.ask_for(question));
        }
        let plain = Question { over: self.question.over, by: self.question.by, ..Question::default() };
        (plain != self.question).then(|| self.ask_for(plain))
    }

    fn report(&self) -> Option<&Report> {
        self.shown.as_ref().map(|shown| &shown.report)
    }

    /// Rows that can be chosen.
    fn rows(&self) -> usize {
        let Some(shown) = &self.shown else { return 0 };
        match self.page {
            Page::Time => 0,
            Page::Accounts | Page::Storage => shown.report.accounts.len(),
            Page::Models => shown.report.models.len(),
            Page::Errors if self.kind.is_some() => 0,
            Page::Errors => shown.report.errors.len(),
            Page::Failed => shown.now.failed.len(),
        }
    }

    /// The place of the chosen stretch.
    fn stretch(&self) -> usize {
        self.report().map_or(0, |report| report.stretches.len().saturating_sub(1).saturating_sub(self.back))
    }

    /// Whether days are chosen, and not rows.
    fn is_over_time(&self) -> bool {
        self.page == Page::Time || self.page == Page::Errors && self.kind.is_some()
    }

    fn turn(&mut self, forward: bool) -> Vec<Effect> {
        let at = Page::ALL.iter().position(|(page, _)| *page == self.page).unwrap_or(0);
        let step = if forward { 1 } else { Page::ALL.len() - 1 };
        self.show_page(Page::ALL[(at + step) % Page::ALL.len()].0);
        Vec::new()
    }

    fn show_page(&mut self, page: Page) {
        (self.page, self.kind) = (page, None);
        self.put(0);
    }

    fn go(&mut self, action: Action) {
        if self.is_over_time() {
            let last = self.report().map_or(0, |report| report.stretches.len().saturating_sub(1));
            let measures = self.report().map(Measure::told).unwrap_or_default();
            let here = measures.iter().position(|measure| *measure == self.measure).unwrap_or(0);
            let measure = |at: usize| measures.get(at).copied().unwrap_or_default();
            match action {
                Action::AdminUp => self.measure = measure(here.saturating_sub(1)),
                Action::AdminDown => self.measure = measure((here + 1).min(measures.len().saturating_sub(1))),
                Action::AdminLeft => self.back = (self.back + 1).min(last),
                Action::AdminRight => self.back = self.back.saturating_sub(1),
                Action::AdminPageUp => self.back = (self.back + 7).min(last),
                Action::AdminPageDown => self.back = self.back.saturating_sub(7),
                Action::AdminTop => self.back = last,
                Action::AdminBottom => self.back = 0,
                _ => {}
            }
            return;
        }
        let many = self.rows();
        self.cursor.go(action, many);
    }

    fn put(&mut self, at: usize) {
        let many = self.rows();
        self.cursor.put(at, many);
    }

    /// What is behind the chosen row or column.
    fn open_chosen(&mut self) -> Vec<Effect> {
        let Some(shown) = &self.shown else { return Vec::new() };
        let (report, at) = (&shown.report, self.cursor.at());
        match self.page {
            Page::Time => {
                let stretch = report.stretches.get(self.stretch()).filter(|_| report.stretches.len() > 1);
                match stretch.map(|stretch| (stretch.first, stretch.last)) {
                    Some((first, last)) if first < last => {
                        let over = Over::Between(Some(first), Some(last));
                        self.behind(Page::Time, Question { over, by: Some(Grain::Day), ..self.question.clone() })
                    }
                    Some((day, _)) if report.question.account.is_none() && report.question.model.is_none() => {
                        let over = Over::Between(Some(day), Some(day));
                        self.behind(Page::Accounts, Question { over, ..self.question.clone() })
                    }
                    Some(_) | None => Vec::new(),
                }
            }
            Page::Accounts => match report.accounts.get(at).map(|row| row.name.clone()) {
                Some(name) => self.behind_account(name, Measure::Answers),
                None => Vec::new(),
            },
            Page::Storage => match tables::by_size(report).get(at).map(|row| row.name.clone()) {
                Some(name) => self.behind_account(name, Measure::Storage),
                None => Vec::new(),
            },
            Page::Models => match report.models.get(at).map(|row| row.model.clone()) {
                Some(model) => self.behind(Page::Time, Question { model: Some(model), ..self.question.clone() }),
                None => Vec::new(),
            },
            Page::Errors => {
                match report.errors.get(at).map(|row| (row.failed_as, row.kind)).filter(|_| self.kind.is_none()) {
                    Some(kind) => {
                        let question = self.question.clone();
                        let effects = self.behind(Page::Errors, question);
                        self.kind = Some(kind);
                        effects
                    }
                    None => Vec::new(),
                }
            }
            Page::Failed => match shown.now.failed.get(at).map(|failure| failure.what.clone()) {
                Some(Failing::Question(kind)) => self.behind_error((FailedAs::Question, kind)),
                Some(Failing::Answer(kind)) => self.behind_error((FailedAs::Answer, kind)),
                // The list of jobs has them with what each met.
                Some(Failing::Job(_)) => {
                    vec![Effect::Act(Action::ScreenModels), Effect::Act(Action::ModelsDownloads)]
                }
                Some(Failing::Trail { .. }) => vec![Effect::Act(Action::AdminAudit)],
                None => Vec::new(),
            },
        }
    }

    /// The course of what failed in the week that is told of.
    fn behind_error(&mut self, kind: (FailedAs, FaultKind)) -> Vec<Effect> {
        let effects = self.behind(Page::Errors, Question { over: Over::Week, ..Question::default() });
        self.kind = Some(kind);
        effects
    }

    fn behind_account(&mut self, name: String, measure: Measure) -> Vec<Effect> {
        self.measure = measure;
        self.behind(Page::Time, Question { account: Some(name), role: None, ..self.question.clone() })
    }

    fn period(&mut self, forward: bool) -> Vec<Effect> {
        let each = Over::EACH;
        let step = if forward { 1 } else { each.len() - 1 };
        let over = match each.iter().position(|over| *over == self.question.over) {
            Some(at) => each[(at + step) % each.len()],
            None => Over::default(),
        };
        self.ask_for(Question { over, by: None, ..self.question.clone() })
    }

    /// Days, weeks, months; then again as fits the days.
    fn grain(&mut self) -> Vec<Effect> {
        let by = match self.question.by {
            None => Some(Grain::Day),
            Some(Grain::Day) => Some(Grain::Week),
            Some(Grain::Week) => Some(Grain::Month),
            Some(Grain::Month | Grain::Year) => None,
        };
        self.ask_for(Question { by, ..self.question.clone() })
    }

    fn filter(&self) -> Step {
        let mut form = Form::default()
            .text("Since: a day like 2026-11-24; empty = the chosen period")
            .text("Until, that day included")
            .text("Only this account")
            .text("Only those who have this role")
            .text("Only this model");
        let (since, until) = match self.question.over {
            Over::Between(since, until) => (since, until),
            Over::Today | Over::Week | Over::Month | Over::Year => (None, None),
        };
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        form.fill(4, self.question.model.as_deref().unwrap_or_default());
        form.fill(3, self.question.role.as_deref().unwrap_or_default());
        form.fill(2, self.question.account.as_deref().unwrap_or_default());
        form.fill(1, &day(until));
        form.fill(0, &day(since));
        let note = "Empty = all. What one person asked which model is told to nobody else.";
        Fill::of("Which figures", note, Purpose::Overview(Wanted::Filter(self.question.clone())), form).into()
    }

    fn export(&self) -> Step {
        let Some(report) = self.report() else {
            return vec![Effect::Toast(Toast::notice("The figures are not read yet; try again."))].into();
        };
        let of = self.page.subject();
        let mut form = Form::default().text("File, ending in .csv or .json");
        form.fill(0, &format!("~/ollamanet-{}-{}.csv", of.as_str(), report.last));
        let note = "What is on view, for these days and filters. Only you can read the file; one that is there is not \
                    replaced.";
        let question = match self.page {
            Page::Failed => Question { over: Over::Week, ..Question::default() },
            Page::Time | Page::Accounts | Page::Models | Page::Errors | Page::Storage => report.question.clone(),
        };
        let wanted = Wanted::Export(question, of);
        Fill::of("Write the figures to a file", note, Purpose::Overview(wanted), form).into()
    }
}

impl Part for Overview {
    fn open(&mut self) -> Vec<Effect> {
        self.ask()
    }

    fn context(&self) -> Context {
        Context::Overview
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        let effects = match action {
            Action::AdminUp
            | Action::AdminDown
            | Action::AdminLeft
            | Action::AdminRight
            | Action::AdminTop
            | Action::AdminBottom
            | Action::AdminPageUp
            | Action::AdminPageDown => {
                self.go(action);
                Vec::new()
            }
            Action::FocusNext => self.turn(true),
            Action::FocusPrevious => self.turn(false),
            Action::OverviewOpen => self.open_chosen(),
            Action::OverviewPeriod => self.period(true),
            Action::OverviewPeriodBack => self.period(false),
            Action::OverviewGrain => self.grain(),
            Action::OverviewFilter => return Some(self.filter()),
            Action::OverviewExport => return Some(self.export()),
            Action::Escape => return self.lead_back().map(Step::from),
            _ => return None,
        };
        Some(effects.into())
    }

    /// Opens the page whose name was drawn there; selects the measure or the row, or opens the row where it is selected
    /// already.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if let Some((page, _)) = self.names.at(at).and_then(|page| Page::ALL.get(page)) {
            self.show_page(*page);
            return Vec::new();
        }
        let measures = self.report().map(Measure::told).unwrap_or_default();
        if let Some(measure) = self.measures.at(at).and_then(|row| measures.get(row)) {
            self.measure = *measure;
            return Vec::new();
        }
        let many = self.rows();
        if self.cursor.click(at, many) == Some(true) { self.open_chosen() } else { Vec::new() }
    }

    fn is_busy(&self) -> bool {
        self.loading
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = cx.hints(&[
            (Action::OverviewOpen, "look behind"),
            (Action::FocusNext, "next page"),
            (Action::OverviewPeriod, "period"),
            (Action::OverviewFilter, "filter"),
            (Action::OverviewExport, "to a file"),
        ]);
        if !self.back_to.is_empty() {
            hints.splice(0..0, cx.hint(Action::Escape, "back"));
        }
        hints
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        self.draw(frame, area, cx, focused);
    }
}
