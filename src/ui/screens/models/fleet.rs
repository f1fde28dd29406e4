//! The tab of all models, installed or not: a list read page by page, and the model under the cursor in full.
//!
//! Invariants: what is done to “the marked” is done to those that were marked, wherever the filter has gone since. A key
//! in the filter never waits for Ollama: it asks for what is at hand.

mod acts;
mod benchmarks;
#[cfg(test)]
mod benchmarks_tests;
mod complete;
mod detail;
mod dialogs;
mod read;
mod replies;
#[cfg(test)]
mod tests;
mod updates;
#[cfg(test)]
mod updates_tests;
mod view;

use std::{collections::BTreeMap, time::Duration};

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use self::{complete::Completion, detail::Shown, dialogs::Dialog, updates::Updates};
use super::{Step, Tab, Target, is_admin};
use crate::{
    api::{
        Fault,
        fleet::{Column, Freshness, Match, Page, Row, SavedFilter, Sort},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, ModelsCall},
        widgets::{field::Field, table::Drawn},
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
    /// When it came, milliseconds since 1970: what it says of its age was so then.
    page_at: i64,
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
