//! The tab with the rules of the house: what is done by itself and when, how it went last, what it would do now.

mod form;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

pub(super) use form::Wanted;

use super::{
    Step,
    dialog::{Ask, Chosen, Dialog, Outcome},
    part::{House, Part},
    table::{boxed, fit, instead, labelled, row_style, safe},
};
use crate::{
    api::{
        Fault, RuleId,
        rules::{ActionKind, Became, Rule, RuleRun, RuleRuns, RunResult},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect, RulesCall, RulesReply},
        widgets::{
            picker::{Item, Picker},
            rows::{Cursor, with_one_in_full},
            toast::Toast,
        },
    },
};

/// Rows of the rule under the cursor, in full.
const FULL: u16 = 11;

#[derive(Debug, Default)]
pub struct HouseRules {
    rules: Vec<Rule>,
    cursor: Cursor,
    /// Set up or changed just now.
    made: Option<RuleId>,
    loading: bool,
    fault: Option<Fault>,
    /// Dry runs that are waited for.
    trying: usize,
}

/// What an answer leads to.
#[derive(Debug)]
pub struct Answered {
    pub effects: Vec<Effect>,
    pub dialog: Option<Dialog>,
    /// A form that sent this may close.
    pub closes: bool,
    /// It was refused.
    pub refused: Option<(Fault, RulesCall)>,
    pub was_change: bool,
}

impl Answered {
    fn of(effects: Vec<Effect>, was_change: bool) -> Self {
        Self { effects, dialog: None, closes: was_change, refused: None, was_change }
    }

    fn refused(fault: Fault, call: RulesCall) -> Self {
        let was_change = call.is_change();
        Self { effects: Vec::new(), dialog: None, closes: false, refused: Some((fault, call)), was_change }
    }
}

impl HouseRules {
    pub fn on_reply(&mut self, reply: RulesReply, cx: &Cx) -> Answered {
        let told = |words: String| Effect::Toast(Toast::good(words));
        match reply {
            RulesReply::Read(read) => {
                self.loading = false;
                match read {
                    Ok(rules) => {
                        // One that was set up just now is looked at next.
                        let chosen = self.made.take().or_else(|| self.chosen().map(|rule| rule.id));
                        let there = chosen.and_then(|id| rules.iter().position(|rule| rule.id == id));
                        self.cursor.put(there.unwrap_or(self.cursor.at()), rules.len());
                        self.rules = rules;
                        self.fault = None;
                    }
                    Err(fault) => self.fault = Some(fault),
                }
                Answered::of(Vec::new(), false)
            }
            RulesReply::Saved { rule: Ok(rule), .. } => {
                let next = rule.next_at.map(|at| format!(" Next: {}.", cx.clock(at))).unwrap_or_default();
                self.made = Some(rule.id);
                let mut effects = vec![told(format!("The rule {} is kept.{next}", rule.name))];
                effects.extend(self.open());
                Answered::of(effects, true)
            }
            RulesReply::Switched { rule: Ok(rule), .. } => {
                let mut effects = vec![told(format!("The rule {} is {}.", rule.name, rule.standing()))];
                effects.extend(self.open());
                Answered::of(effects, true)
            }
            RulesReply::Removed { call: RulesCall::Remove { name, .. }, done: Ok(()) } => {
                let mut effects = vec![told(format!("The rule {name} is gone."))];
                effects.extend(self.open());
                Answered::of(effects, true)
            }
            RulesReply::Removed { done: Ok(()), .. } => Answered::of(self.open(), true),
            RulesReply::Ran { call, run } => {
                let dry = matches!(call, RulesCall::Run { dry: true, .. });
                self.trying = self.trying.saturating_sub(usize::from(dry));
                match run {
                    Ok(Some(run)) => {
                        let mut answered = Answered::of(Vec::new(), true);
                        answered.dialog = Some(report(&name_of(&call), &run));
                        answered
                    }
                    Ok(None) => {
                        let keys = cx.key(Action::ToggleJobs);
                        let words = format!("{} has begun. {keys} shows how far it is.", name_of(&call));
                        let mut effects = vec![told(words)];
                        effects.extend(self.open());
                        Answered::of(effects, true)
                    }
                    Err(fault) => Answered::refused(fault, call),
                }
            }
            RulesReply::History { call, runs: Ok(runs) } => {
                let mut answered = Answered::of(Vec::new(), false);
                answered.dialog = Some(history(&name_of(&call), &runs, cx));
                answered
            }
            RulesReply::Saved { call, rule: Err(fault) }
            | RulesReply::Switched { call, rule: Err(fault) }
            | RulesReply::Removed { call, done: Err(fault) }
            | RulesReply::History { call, runs: Err(fault) } => Answered::refused(fault, call),
        }
    }

    fn chosen(&self) -> Option<&Rule> {
        self.rules.get(self.cursor.at())
    }

    fn with(&self, act: impl FnOnce(&Rule) -> Step) -> Step {
        match self.chosen() {
            Some(rule) => act(rule),
            None => vec![Effect::Toast(Toast::notice("There is no rule yet. Set one up first.".to_owned()))].into(),
        }
    }

    fn run(&mut self, dry: bool) -> Step {
        let step = self.with(|rule| {
            let call = RulesCall::Run { id: rule.id, name: rule.name.clone(), dry };
            AdminCall::Rules(call).into()
        });
        if self.chosen().is_some() {
            self.trying += usize::from(dry);
        }
        step
    }

    fn head(&self, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if self.trying > 0 {
            lines.push(Line::from(vec![
                Span::styled(format!(" {} ", cx.spinner()), cx.theme.accent),
                Span::styled("Finding out what it would do…", cx.theme.text),
            ]));
        }
        let own = " Rules over conversations are each person's own: `ollamanet retention`.";
        lines.push(Line::styled(fit(own, room), cx.theme.dim));
        lines
    }
}

/// What a rule can be set up for, to choose from.
fn kinds() -> Dialog {
    let items = ActionKind::ALL.into_iter().map(|kind| Item::new(kind.title(), Chosen::Rule(kind))).collect();
    Dialog::Pick(Picker::new("What should be done by itself?", items))
}

fn name_of(call: &RulesCall) -> String {
    match call {
        RulesCall::Run { name, .. }
        | RulesCall::History { name, .. }
        | RulesCall::Switch { name, .. }
        | RulesCall::Remove { name, .. } => name.clone(),
        RulesCall::Save { new, .. } => new.name.clone(),
        RulesCall::Read => String::new(),
    }
}

/// A report, item by item.
fn report(name: &str, run: &RuleRun) -> Dialog {
    let mut rows: Vec<(String, Result<String, String>)> = run
        .report
        .items
        .iter()
        .map(|item| {
            let words = match item.became {
                Became::Skipped => format!("not: {}", item.words),
                Became::Would | Became::Done | Became::UnderWay => item.words.clone(),
                Became::Failed => return (item.what.clone(), Err(item.words.clone())),
            };
            (item.what.clone(), Ok(words))
        })
        .collect();
    if rows.is_empty() {
        let words = run.report.words.clone();
        rows.push((run.result.as_str().to_owned(), if run.result.is_failure() { Err(words) } else { Ok(words) }));
    }
    let title = if run.dry_run { format!("What {name} would do now") } else { format!("What {name} did") };
    Outcome::dialog(&title, rows, Vec::new())
}

fn history(name: &str, runs: &RuleRuns, cx: &Cx) -> Dialog {
    let mut rows: Vec<(String, Result<String, String>)> = Vec::new();
    for run in &runs.rows {
        let how = if run.dry_run { "dry run" } else { run.result.as_str() };
        let by = run.by.as_deref().map(|by| format!(", by {by}")).unwrap_or_default();
        let words = format!("{how}{by}: {}", run.report.words);
        rows.push((cx.clock(run.at), if run.result.is_failure() { Err(words) } else { Ok(words) }));
        let failed = run.report.items.iter().filter(|item| item.became == Became::Failed);
        rows.extend(failed.map(|item| (format!("  {}", item.what), Err(item.words.clone()))));
    }
    if rows.is_empty() {
        rows.push(("never".to_owned(), Ok("It has not run yet.".to_owned())));
    }
    Outcome::dialog(&format!("Runs of {name}, newest first"), rows, Vec::new())
}

impl Part for HouseRules {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        vec![Effect::Admin(AdminCall::Rules(RulesCall::Read))]
    }

    fn context(&self) -> Context {
        Context::Rules
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        if self.cursor.go(action, self.rules.len()) {
            return Some(Vec::new().into());
        }
        match action {
            Action::FocusNext | Action::FocusPrevious => {}
            Action::RuleAdd => return Some(kinds().into()),
            Action::RuleEdit => return Some(self.with(|rule| Wanted::change(rule).dialog().into())),
            Action::RuleTry => return Some(self.run(true)),
            Action::RuleRun => return Some(self.run(false)),
            Action::RuleSwitch => {
                return Some(self.with(|rule| {
                    let on = rule.standing() != "on";
                    AdminCall::Rules(RulesCall::Switch { id: rule.id, name: rule.name.clone(), on }).into()
                }));
            }
            Action::RuleRemove => {
                return Some(self.with(|rule| {
                    let call = RulesCall::Remove { id: rule.id, name: rule.name.clone() };
                    let words = "It does not run any more, and its history goes with it. What it did stays done.";
                    Ask::dialog(&format!("Remove the rule {}?", rule.name), words, "Remove it", AdminCall::Rules(call))
                        .into()
                }));
            }
            Action::RuleHistory => {
                return Some(self.with(|rule| {
                    AdminCall::Rules(RulesCall::History { id: rule.id, name: rule.name.clone() }).into()
                }));
            }
            _ => return None,
        }
        Some(Vec::new().into())
    }

    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        self.cursor.click(at, self.rules.len());
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.loading || self.trying > 0
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::RuleAdd, "new"),
            (Action::RuleEdit, "change"),
            (Action::RuleTry, "try dry"),
            (Action::RuleRun, "run now"),
            (Action::RuleSwitch, "on/off"),
            (Action::RuleHistory, "runs"),
            (Action::RuleRemove, "remove"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let head = self.head(usize::from(area.width), cx);
        let [top, list, pane] = with_one_in_full(area, head.len(), FULL, !self.rules.is_empty());
        frame.render_widget(Paragraph::new(head), top);
        let on = self.rules.iter().filter(|rule| rule.standing() == "on").count();
        let below = if self.rules.is_empty() { String::new() } else { format!("{on} of {} on", self.rules.len()) };
        let inner = boxed(frame, list, "Rules", &below, focused, cx);
        if self.rules.is_empty() || self.fault.is_some() {
            self.cursor.hide();
            let empty = format!(
                "Nothing is done by itself yet. {} sets up a rule: a backup each night, unloading idle models, updates.",
                cx.key(Action::RuleAdd)
            );
            return instead(frame, inner, self.fault.as_ref(), self.loading, &empty, cx);
        }
        let room = usize::from(inner.width);
        let [head, inner] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        frame.render_widget(heading(room, cx), head);
        let rules = &self.rules;
        self.cursor.view(frame, inner, rules.len(), |at, is_chosen| line(&rules[at], is_chosen, focused, room, cx));
        if let Some(rule) = self.chosen().filter(|_| !pane.is_empty()) {
            view_rule(rule, frame, pane, cx);
        }
    }
}

/// A mark and a word for how it stands.
fn standing(rule: &Rule) -> (&'static str, &'static str) {
    match rule.last.as_ref().map(|run| run.result) {
        Some(RunResult::Running) => ("↻", "runs"),
        _ => match rule.standing() {
            "on" if rule.failures > 0 => ("✗", "on"),
            "on" => ("●", "on"),
            "paused" => ("‖", "paused"),
            _ => ("○", "off"),
        },
    }
}

fn next_words(rule: &Rule, cx: &Cx) -> String {
    match (&rule.waits_because, rule.next_at) {
        (Some(_), _) => "waits".to_owned(),
        (None, Some(at)) => cx.clock(at),
        (None, None) => "—".to_owned(),
    }
}

/// Columns of the name, of when it is done, of the next time, and of the last.
fn columns(room: usize) -> [usize; 4] {
    let (name, when, next) = ((room / 4).clamp(10, 26), 23.min(room / 4), 11);
    [name, when, next, room.saturating_sub(2 + 2 + 7 + name + 1 + when + 1 + next + 1)]
}

fn heading(room: usize, cx: &Cx) -> Line<'static> {
    let [name, when, next, rest] = columns(room);
    let words = format!(
        "    {}{} {} {} {}",
        fit("is", 7),
        fit("rule", name),
        fit("when", when),
        fit("next", next),
        fit("last", rest)
    );
    Line::styled(words, cx.theme.dim)
}

fn line(rule: &Rule, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
    let base = row_style(selected, focused, cx);
    let quiet = if selected { base } else { cx.theme.dim };
    let cursor = if selected { "›" } else { " " };
    let (mark, word) = standing(rule);
    let mark_style = match mark {
        _ if selected => base,
        "✗" | "‖" => cx.theme.error,
        "●" | "↻" => cx.theme.success,
        _ => cx.theme.dim,
    };
    let [name, when, next, rest] = columns(room);
    let last = rule.last.as_ref().map(|run| format!("{} {}", run.result.as_str(), cx.clock(run.at)));
    Line::from(vec![
        Span::styled(format!("{cursor} "), base),
        Span::styled(format!("{mark} {}", fit(word, 7)), mark_style),
        Span::styled(format!("{} ", fit(&safe(&rule.name), name)), base),
        Span::styled(format!("{} ", fit(&rule.when.to_string(), when)), quiet),
        Span::styled(format!("{} ", fit(&next_words(rule, cx), next)), quiet),
        Span::styled(fit(&last.unwrap_or_else(|| "has not run yet".to_owned()), rest), quiet),
    ])
}

fn view_rule(rule: &Rule, frame: &mut Frame, area: Rect, cx: &Cx) {
    let mut rows =
        vec![("does", safe(&rule.action.to_string()), cx.theme.text), ("when", rule.when.to_string(), cx.theme.text)];
    let only = rule.only.words();
    if !only.is_empty() {
        rows.push(("only", only, cx.theme.text));
    }
    if let Some(because) = &rule.paused_because {
        rows.push(("paused", safe(because), cx.theme.error));
    }
    if let Some(because) = &rule.waits_because {
        rows.push(("waits", safe(because), cx.theme.warning));
    }
    if rule.failures > 0 && rule.paused_because.is_none() {
        rows.push(("failed", format!("{} times in a row", rule.failures), cx.theme.error));
    }
    rows.push(("next", next_words(rule, cx), cx.theme.text));
    match &rule.last {
        None => rows.push(("last", "it has not run yet".to_owned(), cx.theme.dim)),
        Some(run) => {
            let words = match run.report.words.as_str() {
                "" => String::new(),
                words => format!(": {}", safe(words)),
            };
            let words = format!("{} {}{words}", cx.clock(run.at), run.result.as_str());
            rows.push(("last", words, cx.theme.text));
            let failed = run.report.items.iter().filter(|item| item.became == Became::Failed);
            let told = failed.take(2).map(|item| format!("{}: {}", safe(&item.what), safe(&item.words)));
            rows.extend(told.map(|words| ("", words, cx.theme.error)));
        }
    }
    let by = rule.by.as_deref().map_or_else(|| "the house".to_owned(), safe);
    rows.push(("made", format!("{} by {by}", cx.clock(rule.created_at)), cx.theme.dim));
    let inner = boxed(frame, area, &safe(&rule.name), "", false, cx);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let room = usize::from(inner.width);
    let lines: Vec<Line> = rows
        .iter()
        .flat_map(|(label, text, style)| labelled(label, text, *style, room, cx).into_iter().take(2))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}
