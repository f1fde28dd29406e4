//! The tab of all models, installed or not: a list read page by page, and the model under the cursor in full.
//!
//! Invariants: what is done to “the marked” is done to those that were marked, wherever the filter has gone since. A key
//! in the filter never waits for Ollama: it asks for what is at hand.

mod benchmarks;
#[cfg(test)]
mod benchmarks_tests;
mod complete;
mod detail;
mod dialogs;
#[cfg(test)]
mod tests;
mod updates;
#[cfg(test)]
mod updates_tests;
mod view;

use std::{collections::BTreeMap, time::Duration};

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use self::{
    complete::Completion,
    detail::Shown,
    dialogs::{Dialog, Out},
    updates::Updates,
};
use super::{Step, Tab, Target, for_administrators, is_admin};
use crate::{
    api::{
        Fault, FaultKind,
        fleet::{Column, Freshness, Match, Page, Per, Place, Query, Row, SavedFilter, Sort, Verdict},
        jobs::{JobNews, JobState, WorkKind},
        organise::Cursor,
    },
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Clip, Effect, ModelsCall, ModelsReply, ShellCall, TagAct, Timer},
        widgets::{field::Field, table::Drawn, toast::Toast},
    },
};

/// Models read at a time.
const PAGE: u32 = 100;
/// The next page is asked for when so few are left.
const AHEAD: usize = 20;
/// From this width on the model stands beside the list.
const WIDE: u16 = 110;
/// Somebody who walks through the list wants no model on the way.
const STILL: Duration = Duration::from_millis(120);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    List,
    Detail,
}

/// Where the page that is awaited goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Goes {
    #[default]
    InPlace,
    Behind,
    Before,
    /// In the place of the rows, with the cursor on the last one.
    ToEnd,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two of them make a state")]
pub struct FleetTab {
    field: Field,
    /// Whether the filter has the keys.
    typing: bool,
    completion: Option<Completion>,
    tags: Vec<String>,
    tags_by: Match,
    sort: Option<Sort>,
    rows: Vec<Row>,
    /// All but the rows of what was told last.
    page: Page,
    at: usize,
    marked: BTreeMap<String, Target>,
    loading: bool,
    fault: Option<Fault>,
    asked: u64,
    goes: Goes,
    /// Rows there were when they were asked for anew: as many are read again.
    wanted: usize,
    incoming: Vec<Row>,
    /// What is at hand is here; Ollama is still to be asked.
    ask_ollama: bool,
    machine_asked: bool,
    shown: Shown,
    updates: Updates,
    focus: Focus,
    filters: Vec<SavedFilter>,
    dialog: Option<Dialog>,
    drawn: Drawn,
    /// The names of the columns; which one, in the order of `Column::ALL`.
    headings: Drawn,
}

impl FleetTab {
    fn query(&self, at: Place, freshness: Freshness) -> Query {
        Query {
            text: self.field.text().trim().to_owned(),
            tags: self.tags.clone(),
            tags_by: self.tags_by,
            sort: self.sort,
            per: Per::Model,
            at,
            limit: PAGE,
            freshness,
        }
    }

    fn ask(&mut self, at: Place, freshness: Freshness, goes: Goes) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        self.goes = goes;
        let query = Box::new(self.query(at, freshness));
        vec![Effect::Models(ModelsCall::Find { asked: self.asked, query })]
    }

    /// As far as it was read before, from the beginning; the rows stay on view until the new ones are here.
    fn read(&mut self, freshness: Freshness) -> Vec<Effect> {
        self.incoming.clear();
        self.wanted = self.rows.len();
        let is_end = self.page.first > 0 && self.page.next.is_none();
        self.ask(if is_end { Place::End } else { Place::Start }, freshness, Goes::InPlace)
    }

    /// Something else is looked for: from the beginning, with what is at hand.
    fn sought(&mut self) -> Vec<Effect> {
        self.at = 0;
        self.incoming.clear();
        self.wanted = 0;
        self.ask(Place::Start, Freshness::Kept, Goes::InPlace)
    }

    fn read_on(&mut self) -> Vec<Effect> {
        if self.loading {
            return Vec::new();
        }
        if self.at + AHEAD >= self.rows.len()
            && let Some(next) = self.page.next.clone()
        {
            return self.ask(Place::After(next), Freshness::Kept, Goes::Behind);
        }
        if self.at < AHEAD
            && let Some(previous) = self.page.previous.clone()
        {
            return self.ask(Place::Before(previous), Freshness::Kept, Goes::Before);
        }
        Vec::new()
    }

    pub fn on_reply(&mut self, reply: ModelsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            ModelsReply::Found { asked, page } => self.on_page(asked, page, cx),
            ModelsReply::Detail { asked, detail } => {
                self.shown.on_detail(asked, detail);
                Vec::new()
            }
            ModelsReply::Used { asked, used } => {
                self.shown.on_used(asked, used);
                Vec::new()
            }
            ModelsReply::Benchmarks { asked, page } => {
                self.shown.on_benchmarks(asked, page);
                Vec::new()
            }
            ModelsReply::Advised { task, found } => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.on_advised(task, found);
                }
                Vec::new()
            }
            ModelsReply::Updates(checks) => self.updates.on_reply(checks, cx),
            ModelsReply::Machine(Ok(_)) => self.read(Freshness::Kept),
            // The list says of each model that it is not known whether it fits.
            ModelsReply::Machine(Err(_)) => Vec::new(),
            ModelsReply::Filters(Ok(filters)) => {
                self.set_filters(filters);
                Vec::new()
            }
            ModelsReply::FilterSaved(Ok(filters)) => {
                self.set_filters(filters);
                self.dialog = None;
                vec![Effect::Toast(Toast::good("The filter is saved."))]
            }
            ModelsReply::Filters(Err(fault))
            | ModelsReply::FilterSaved(Err(fault))
            | ModelsReply::Tagged { done: Err(fault), .. } => self.refused(fault),
            ModelsReply::Tagged { act, done: Ok(many) } => self.tagged(&act, many),
            ModelsReply::Written { name, card: Ok(_) } => {
                self.dialog = None;
                let name = SafeText::line(&name);
                let mut effects = vec![Effect::Toast(Toast::good(format!("Written on {name}.")))];
                effects.extend(self.ask_detail());
                effects.extend(self.read(Freshness::Kept));
                effects
            }
            ModelsReply::Written { card: Err(fault), .. } => {
                // The card is read anew, so that the next try is made on what is there.
                let is_conflict = fault.kind == FaultKind::Conflict;
                let mut effects = self.refused(fault);
                if is_conflict {
                    effects.extend(self.ask_detail());
                }
                effects
            }
        }
    }

    /// What a benchmark has just measured is shown at once.
    pub fn on_job_news(&mut self, news: &JobNews) -> Vec<Effect> {
        match news {
            JobNews::Changed(job)
                if job.state == JobState::Done
                    && job.work.kind() == WorkKind::Benchmark
                    && self.shown.is_of(job.work.model()) =>
            {
                self.shown.ask_benchmarks()
            }
            JobNews::Changed(_) | JobNews::Progress { .. } | JobNews::Elsewhere => Vec::new(),
        }
    }

    fn refused(&mut self, fault: Fault) -> Vec<Effect> {
        match &mut self.dialog {
            Some(dialog) if dialog.waits() => {
                dialog.refuse(fault);
                Vec::new()
            }
            Some(_) | None => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    fn set_filters(&mut self, filters: Vec<SavedFilter>) {
        self.filters = filters;
        if let Some(Dialog::Saved(picker)) = &mut self.dialog {
            picker.set_items(dialogs::saved_items(&self.filters));
        }
    }

    fn tagged(&mut self, act: &TagAct, many: u64) -> Vec<Effect> {
        let safe = |name: &String| SafeText::line(name).into_string();
        let words = match act {
            TagAct::Create { name } => format!("The tag {} is made.", safe(name)),
            TagAct::Rename { name, new } => format!("The tag {} is called {} now.", safe(name), safe(new)),
            TagAct::Category { name, category } if category.is_empty() => {
                format!("The tag {} is in no category now.", safe(name))
            }
            TagAct::Category { name, category } => {
                format!("The tag {} is in the category {} now.", safe(name), safe(category))
            }
            TagAct::Merge { from, into } => format!("What carried {} carries {} now.", safe(from), safe(into)),
            TagAct::Delete { name } => match many {
                1 => format!("The tag {} is gone; one model carried it.", safe(name)),
                many => format!("The tag {} is gone; {many} models carried it.", safe(name)),
            },
            TagAct::Put { models, .. } if models.len() == 1 => format!("The tags of {} are changed.", safe(&models[0])),
            TagAct::Put { models, .. } => format!("The tags of {} models are changed.", models.len()),
        };
        // A tag that is gone or has another name is no longer looked for under the old one.
        match act {
            TagAct::Rename { name, new } => {
                for tag in self.tags.iter_mut().filter(|tag| *tag == name) {
                    tag.clone_from(new);
                }
            }
            TagAct::Merge { from: name, .. } | TagAct::Delete { name } => self.tags.retain(|tag| tag != name),
            TagAct::Create { .. } | TagAct::Category { .. } | TagAct::Put { .. } => {}
        }
        match &mut self.dialog {
            Some(Dialog::Tags(tags)) => tags.done(),
            _ => self.dialog = None,
        }
        let mut effects = vec![Effect::Toast(Toast::good(words))];
        effects.extend(self.read(Freshness::Kept));
        if self.shown.is_there() {
            effects.extend(self.ask_detail());
        }
        effects
    }

    fn on_page(&mut self, asked: u64, page: Result<Box<Page>, Fault>, cx: &Cx) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        let mut page = match page {
            Ok(page) => *page,
            Err(fault) => {
                self.loading = false;
                self.fault = Some(fault);
                return Vec::new();
            }
        };
        self.fault = None;
        let mut rows = std::mem::take(&mut page.rows);
        self.loading = false;
        match self.goes {
            Goes::InPlace => {
                let is_first = self.incoming.is_empty();
                self.incoming.append(&mut rows);
                if !is_first {
                    (page.first, page.previous) = (self.page.first, self.page.previous.take());
                }
                self.page = page;
                if self.incoming.len() < self.wanted
                    && let Some(next) = self.page.next.clone()
                {
                    return self.ask(Place::After(next), Freshness::Kept, Goes::InPlace);
                }
                let before = self.row().map(|row| row.name.clone());
                self.rows = std::mem::take(&mut self.incoming);
                let place = self.rows.iter().position(|row| Some(&row.name) == before.as_ref());
                // After another question the cursor is at the top, whatever it was on.
                let place = place.filter(|_| self.wanted > 0);
                self.at = place.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
            }
            Goes::Behind => {
                self.rows.append(&mut rows);
                let (first, previous) = (self.page.first, self.page.previous.take());
                self.page = Page { first, previous, ..page };
            }
            Goes::Before => {
                self.at += rows.len();
                self.rows.splice(0..0, rows);
                let next: Option<Cursor> = self.page.next.take();
                self.page = Page { next, ..page };
            }
            Goes::ToEnd => {
                self.rows = rows;
                self.at = self.rows.len().saturating_sub(1);
                self.page = page;
            }
        }
        if let Some(Dialog::Tags(tags)) = &mut self.dialog {
            tags.set(&self.page.tags);
        }
        let mut effects = Vec::new();
        if !self.page.is_machine_known && !std::mem::replace(&mut self.machine_asked, true) {
            effects.push(Effect::Models(ModelsCall::Machine));
        }
        if std::mem::take(&mut self.ask_ollama) {
            effects.extend(self.read(Freshness::Usual));
        }
        effects.extend(self.look(cx));
        effects
    }

    fn row(&self) -> Option<&Row> {
        self.rows.get(self.at)
    }

    fn shows_detail(&self, cx: &Cx) -> bool {
        self.focus == Focus::Detail || cx.size.0 >= WIDE
    }

    /// The cursor stands on another model: it is shown beside the list once the cursor rests.
    fn look(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(name) = self.rows.get(self.at).map(|row| row.name.clone()) else { return Vec::new() };
        if !self.shows_detail(cx) || self.shown.is_of(&name) {
            return Vec::new();
        }
        vec![Effect::After(STILL, Timer::Settle(self.shown.turn_to(name)))]
    }

    /// By this column; the other way round, where it is sorted by that already.
    fn sort_by(&mut self, column: Column) -> Vec<Effect> {
        self.sort = Some(match self.sort {
            Some(sort) if sort.column == column => Sort { descending: !sort.descending, ..sort },
            Some(_) | None => Sort { column, descending: dialogs::begins_descending(column) },
        });
        self.sought()
    }

    fn ask_detail(&mut self) -> Vec<Effect> {
        let Some(name) = self.row().map(|row| row.name.clone()) else { return Vec::new() };
        let asked = self.shown.turn_to(name);
        self.shown.calls(asked)
    }

    fn open_detail(&mut self) -> Vec<Effect> {
        let Some(name) = self.row().map(|row| row.name.clone()) else { return Vec::new() };
        self.focus = Focus::Detail;
        if self.shown.is_of(&name) && self.shown.is_there() { Vec::new() } else { self.ask_detail() }
    }

    fn target(row: &Row) -> Target {
        Target {
            name: row.name.clone(),
            bytes: row.bytes,
            is_installed: row.installed.is_some(),
            is_loaded: row.loaded.is_some(),
            too_big_because: (row.fit.verdict == Verdict::TooBig).then(|| row.fit.because.clone()),
        }
    }

    /// Those that something is done to: the marked ones, else the one under the cursor.
    fn targets(&self) -> Vec<Target> {
        if self.focus == Focus::List && !self.marked.is_empty() {
            return self.marked.values().cloned().collect();
        }
        self.row().map(Self::target).into_iter().collect()
    }

    fn mark(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(target) = self.row().map(Self::target) else { return Vec::new() };
        if self.marked.remove(&target.name).is_none() {
            self.marked.insert(target.name.clone(), target);
        }
        self.focus = Focus::List;
        self.moved(Action::ModelsDown, cx).unwrap_or_default()
    }

    /// Moves the cursor of what has the focus.
    fn moved(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let page = usize::from(cx.size.1.saturating_sub(9)).max(1);
        if self.focus == Focus::Detail {
            return self.shown.scrolled(action, page).then(Vec::new);
        }
        let last = self.rows.len().saturating_sub(1);
        self.at = match action {
            Action::ModelsUp => self.at.saturating_sub(1),
            Action::ModelsDown => (self.at + 1).min(last),
            Action::ModelsPageUp => self.at.saturating_sub(page),
            Action::ModelsPageDown => (self.at + page).min(last),
            Action::ModelsTop if self.page.previous.is_some() => return Some(self.sought()),
            Action::ModelsBottom if self.page.next.is_some() => {
                return Some(self.ask(Place::End, Freshness::Kept, Goes::ToEnd));
            }
            Action::ModelsTop => 0,
            Action::ModelsBottom => last,
            _ => return None,
        };
        let mut effects = self.read_on();
        effects.extend(self.look(cx));
        Some(effects)
    }

    fn typing_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        match action {
            Action::NextField | Action::FocusNext => {
                let tags: Vec<String> = self.page.tags.iter().map(|tag| tag.name.clone()).collect();
                let completion = Completion::next(self.completion.take(), self.field.text(), &tags);
                let Some(completion) = completion else { return Some(Vec::new()) };
                self.field.set(&completion.text());
                self.completion = Some(completion);
                Some(self.sought())
            }
            Action::Submit => {
                self.typing = false;
                Some(Vec::new())
            }
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.typing = false;
                Some(self.unfilter())
            }
            _ => None,
        }
    }

    fn unfilter(&mut self) -> Vec<Effect> {
        self.field.clear();
        self.completion = None;
        self.sought()
    }

    fn copy(text: &str) -> Vec<Effect> {
        let safe = SafeText::new(text);
        let hidden = text.chars().count().saturating_sub(safe.as_str().chars().count());
        vec![Effect::Shell(ShellCall::Copy(Clip { text: safe.into_string(), hidden }))]
    }

    fn dialog_out(&mut self, out: Out) -> Vec<Effect> {
        match out {
            Out::Stay => Vec::new(),
            Out::Close => {
                self.dialog = None;
                Vec::new()
            }
            Out::Effects(effects) => effects,
            Out::Sort(sort) => {
                self.dialog = None;
                self.sort = sort;
                self.sought()
            }
            Out::Tags(tags, by) => {
                (self.tags, self.tags_by) = (tags, by);
                self.sought()
            }
            Out::Filter(text) => {
                self.dialog = None;
                self.field.set(&text);
                self.sought()
            }
        }
    }

    /// What only administrators do here, without a job: `None` = it is none of these.
    fn administer(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        match action {
            Action::FleetTag | Action::FleetEdit if !is_admin(cx) => Some(vec![for_administrators()].into()),
            Action::FleetAskUpdates if !is_admin(cx) => {
                let toast = Toast::notice("Only administrators ask registries for updates.");
                Some(vec![Effect::Toast(toast.hint("It leaves this machine; an administrator can do it."))].into())
            }
            Action::FleetAskUpdates => Some(self.ask_for_updates(cx).into()),
            Action::FleetTag => {
                let names: Vec<String> = self.targets().into_iter().map(|target| target.name).collect();
                let rows = self.rows.iter().filter(|row| names.contains(&row.name));
                let tags: Vec<&[String]> = rows.map(|row| row.tags.as_slice()).collect();
                if names.is_empty() {
                    return Some(nothing_there().into());
                }
                // Of those that are marked and not on view it is not known what they carry.
                let known = tags.len() == names.len();
                self.dialog = Some(Dialog::tag_models(names, if known { &tags } else { &[] }));
                Some(Vec::new().into())
            }
            Action::FleetEdit => {
                if let Some(detail) = self.row().and_then(|row| self.shown.detail(&row.name)) {
                    self.dialog = Some(Dialog::write(&detail.row.name, &detail.card));
                    return Some(Vec::new().into());
                }
                let mut effects = self.open_detail();
                effects.push(Effect::Toast(Toast::notice("Reading the model first; press it once more.")));
                Some(effects.into())
            }
            _ => None,
        }
    }

    /// About the marked ones, else about all that are installed; in the detail, about its model.
    fn ask_for_updates(&mut self, cx: &Cx) -> Vec<Effect> {
        let is_about_all = self.focus == Focus::List && self.marked.is_empty();
        let targets = if is_about_all { Vec::new() } else { self.targets() };
        let models: Vec<String> = targets.into_iter().filter(|one| one.is_installed).map(|one| one.name).collect();
        if models.is_empty() && !is_about_all {
            let toast = Toast::notice("Only what is installed can have an update.");
            return vec![Effect::Toast(toast)];
        }
        self.updates.ask(models, cx)
    }

    /// Work on what is marked, or on the model under the cursor.
    fn works(&self, action: Action) -> Option<Step> {
        let targets = self.targets();
        match action {
            // A name that no catalogue knows is typed, so installing needs no model under the cursor.
            Action::FleetUpdate
            | Action::FleetRemove
            | Action::FleetCopy
            | Action::FleetRename
            | Action::FleetLoad
            | Action::FleetUnload
            | Action::FleetKeep
            | Action::FleetPush
            | Action::FleetBenchmark
            | Action::FleetBatch
                if targets.is_empty() =>
            {
                Some(nothing_there().into())
            }
            Action::FleetInstall
            | Action::FleetUpdate
            | Action::FleetRemove
            | Action::FleetCopy
            | Action::FleetRename
            | Action::FleetLoad
            | Action::FleetUnload
            | Action::FleetKeep
            | Action::FleetPush
            | Action::FleetBenchmark
            | Action::FleetBatch
            | Action::FleetModelfile => Some(Step { effects: Vec::new(), begin: Some((action, targets)) }),
            _ => None,
        }
    }

    /// What is shown, and how.
    fn looks(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let effects = match action {
            Action::FleetFilter => {
                self.typing = true;
                self.focus = Focus::List;
                Vec::new()
            }
            Action::FocusNext | Action::FocusPrevious if self.focus == Focus::List && cx.size.0 >= WIDE => {
                self.open_detail()
            }
            Action::FocusNext | Action::FocusPrevious | Action::Escape if self.focus == Focus::Detail => {
                self.focus = Focus::List;
                Vec::new()
            }
            Action::Escape if !self.marked.is_empty() => {
                self.marked.clear();
                Vec::new()
            }
            Action::Escape if !self.field.is_empty() => self.unfilter(),
            Action::Escape if !self.tags.is_empty() => {
                self.tags.clear();
                self.sought()
            }
            Action::FleetUse => match self.row() {
                Some(row) if row.installed.is_some() => vec![Effect::UseModel(row.name.clone())],
                Some(row) => {
                    let words = format!("{} is not installed.", SafeText::line(&row.name));
                    let hint = if is_admin(cx) {
                        format!("{} installs it.", cx.key(Action::FleetInstall))
                    } else {
                        "An administrator can install it.".to_owned()
                    };
                    vec![Effect::Toast(Toast::notice(words).hint(hint))]
                }
                None => nothing_there(),
            },
            Action::FleetMark => self.mark(cx),
            Action::FleetAdvise => {
                let (dialog, effects) = Dialog::advice();
                self.dialog = Some(dialog);
                effects
            }
            Action::FleetSort => {
                self.dialog = Some(Dialog::sort(self.sort));
                Vec::new()
            }
            Action::FleetTurn => {
                if let Some(sort) = &mut self.sort {
                    sort.descending = !sort.descending;
                    return Some(self.sought());
                }
                self.dialog = Some(Dialog::sort(None));
                Vec::new()
            }
            Action::FleetTags => {
                self.dialog = Some(Dialog::tags(&self.page.tags, &self.tags, self.tags_by));
                Vec::new()
            }
            Action::FleetSaved => {
                self.dialog = Some(Dialog::saved(&self.filters));
                Vec::new()
            }
            Action::FleetSave if self.field.text().trim().is_empty() => {
                let toast = Toast::notice("There is no filter to save.");
                let key = cx.key(Action::FleetFilter);
                vec![Effect::Toast(toast.hint(format!("{key} begins one.")))]
            }
            Action::FleetSave => {
                self.dialog = Some(Dialog::save(self.field.text().trim()));
                Vec::new()
            }
            Action::FleetNextPart | Action::FleetPreviousPart if self.shows_detail(cx) => {
                self.shown.turn(action == Action::FleetNextPart);
                Vec::new()
            }
            Action::FleetOpen | Action::FleetNextPart => self.open_detail(),
            Action::FleetCopyName => self.row().map(|row| Self::copy(&row.name)).unwrap_or_default(),
            Action::FleetCopyText => match self.row().map(|row| row.name.clone()) {
                Some(name) if self.shows_detail(cx) => match self.shown.text(&name, &self.updates, cx) {
                    Some(text) => Self::copy(&text),
                    None => vec![Effect::Toast(Toast::notice("There is nothing to copy here."))],
                },
                Some(name) => Self::copy(&name),
                None => nothing_there(),
            },
            _ => return None,
        };
        Some(effects)
    }
}

fn nothing_there() -> Vec<Effect> {
    vec![Effect::Toast(Toast::notice("There is no model to do that to."))]
}

impl Tab for FleetTab {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.ask_ollama = true;
        let mut effects = self.read(Freshness::Kept);
        effects.push(Effect::Models(ModelsCall::Filters));
        effects
    }

    fn refresh(&mut self, _cx: &Cx) -> Vec<Effect> {
        let mut effects = self.read(Freshness::Fresh);
        if self.shown.is_there() {
            effects.extend(self.ask_detail());
        }
        effects
    }

    fn changed(&mut self, _cx: &Cx) -> Vec<Effect> {
        let mut effects = self.read(Freshness::Usual);
        effects.push(Effect::Models(ModelsCall::Filters));
        if self.shown.is_there() {
            effects.extend(self.ask_detail());
        }
        effects
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_action(action, cx)?;
            return Some(self.dialog_out(out).into());
        }
        if self.typing {
            return self.typing_action(action).map(Step::from);
        }
        if let Some(effects) = self.moved(action, cx) {
            return Some(effects.into());
        }
        if let Some(step) = self.administer(action, cx) {
            return Some(step);
        }
        if let Some(step) = self.works(action) {
            return Some(step);
        }
        self.looks(action, cx).map(Step::from)
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_key(key, is_admin(cx))?;
            return Some(self.dialog_out(out));
        }
        if !self.typing {
            return None;
        }
        let before = self.field.text().to_owned();
        if !self.field.on_key(key) {
            return None;
        }
        self.completion = None;
        Some(if before == self.field.text() { Vec::new() } else { self.sought() })
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        if let Some(dialog) = &mut self.dialog {
            let out = dialog.on_paste(text);
            return self.dialog_out(out);
        }
        if !self.typing {
            return Vec::new();
        }
        self.field.paste(text.lines().next().unwrap_or_default());
        self.sought()
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if self.dialog.is_some() || self.typing && mouse.kind != MouseEventKind::Down(MouseButton::Left) {
            return Vec::new();
        }
        let (list, detail) = self.areas(area);
        let place = (mouse.column, mouse.row);
        let over_detail = detail.contains(place.into());
        match mouse.kind {
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let is_up = mouse.kind == MouseEventKind::ScrollUp;
                let action = if is_up { Action::ModelsUp } else { Action::ModelsDown };
                if over_detail {
                    self.shown.scrolled(action, 1);
                    return Vec::new();
                }
                let focus = std::mem::replace(&mut self.focus, Focus::List);
                let effects = self.moved(action, cx).unwrap_or_default();
                self.focus = focus;
                effects
            }
            MouseEventKind::Down(MouseButton::Left) if over_detail => {
                if let Some(part) = self.shown.part_at(place) {
                    self.shown.show(part);
                }
                self.open_detail()
            }
            MouseEventKind::Down(MouseButton::Left) if self.headings.at(place).is_some() => {
                let column = self.headings.at(place).and_then(|at| Column::ALL.get(at).copied());
                column.map(|column| self.sort_by(column)).unwrap_or_default()
            }
            MouseEventKind::Down(MouseButton::Left) if list.contains(place.into()) => {
                let Some(row) = self.drawn.at(place).filter(|row| *row < self.rows.len()) else { return Vec::new() };
                self.typing = false;
                let is_again = row == self.at && self.focus == Focus::List;
                self.focus = Focus::List;
                if is_again {
                    return self.open_detail();
                }
                self.at = row;
                let mut effects = self.read_on();
                effects.extend(self.look(cx));
                effects
            }
            _ => Vec::new(),
        }
    }

    fn on_settled(&mut self, asked: u64) -> Vec<Effect> {
        self.shown.calls(asked)
    }

    fn on_edited(&mut self, text: &str) {
        if let Some(dialog) = &mut self.dialog {
            dialog.on_edited(text);
        }
    }

    fn context(&self) -> Context {
        match &self.dialog {
            Some(dialog) => dialog.context(),
            None if self.typing => Context::Form,
            None => Context::Fleet,
        }
    }

    fn offers(&self) -> Context {
        Context::Fleet
    }

    fn is_busy(&self) -> bool {
        self.rows.is_empty() && self.loading || self.shown.is_awaited()
    }

    fn holds(&self) -> bool {
        self.dialog.is_some() || self.typing
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        if self.dialog.is_some() {
            return Vec::new();
        }
        if self.typing {
            return cx.hints(&[
                (Action::Submit, "to the list"),
                (Action::NextField, "complete"),
                (Action::Cancel, "no filter"),
            ]);
        }
        let mut hints = if self.focus == Focus::Detail {
            cx.hints(&[
                (Action::Escape, "list"),
                (Action::FleetNextPart, "next part"),
                (Action::FleetCopyText, "copy"),
                (Action::FleetUse, "ask it"),
            ])
        } else {
            cx.hints(&[
                (Action::FleetOpen, "show"),
                (Action::FleetFilter, "filter"),
                (Action::FleetMark, "mark"),
                (Action::FleetUse, "ask it"),
            ])
        };
        if is_admin(cx) {
            hints.extend(cx.hints(&[(Action::FleetInstall, "install"), (Action::FleetRemove, "remove")]));
        }
        hints.extend(cx.hints(&[
            (Action::FleetSort, "sort"),
            (Action::FleetTags, "tags"),
            (Action::FleetSaved, "saved"),
        ]));
        if is_admin(cx) {
            hints.extend(cx.hints(&[
                (Action::FleetUpdate, "update"),
                (Action::FleetAskUpdates, "updates?"),
                (Action::FleetEdit, "write on it"),
            ]));
        }
        hints
    }

    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool) {
        let in_front = in_front && self.dialog.is_none();
        self.view_all(frame, area, cx, in_front);
        if let Some(dialog) = &self.dialog {
            dialog.view(frame, whole, is_admin(cx), cx);
        }
    }
}

#[cfg(test)]
impl FleetTab {
    fn part(&self) -> detail::Part {
        self.shown.part()
    }
}
