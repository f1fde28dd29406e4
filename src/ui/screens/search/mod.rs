//! The Search screen: one box over everything that was said and written, and what was found, best first.
//!
//! Each key asks at once and breaks the question before it off; what is on view stays until its successor is there, so
//! that nothing flickers. Invariant: answers to anything but the newest question are dropped.

mod view;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use crate::{
    api::{
        Fault, FaultKind,
        organise::Cursor,
        search::{Asked, FILTERS, Found, Hit, Term},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, SearchCall, SearchReply, Spot},
        screens::Screen,
        widgets::field::Field,
    },
};

/// Results read at a time.
const PAGE: u32 = 30;
/// With fewer results than this below the chosen one, more are read.
const AHEAD: usize = 12;

#[derive(Debug, Default)]
pub struct SearchScreen {
    field: Field,
    /// Numbers the questions; only the newest one's answer counts.
    asked: u64,
    /// The newest question has no answer yet.
    is_asking: bool,
    is_reading_on: bool,
    hits: Vec<Hit>,
    /// What those were found by.
    text: String,
    terms: Vec<Term>,
    count: u32,
    is_more: bool,
    next: Option<Cursor>,
    notice: Option<String>,
    fault: Option<Fault>,
    /// The chosen result.
    at: usize,
    /// The filter that is explained instead of all of them.
    filter: Option<usize>,
}

impl SearchScreen {
    pub fn on_reply(&mut self, reply: SearchReply) -> Vec<Effect> {
        let SearchReply::Found { asked, found } = reply;
        if asked != self.asked {
            return Vec::new();
        }
        let reads_on = std::mem::take(&mut self.is_reading_on);
        self.is_asking = false;
        match found {
            Ok(found) if reads_on => {
                self.hits.extend(found.hits);
                self.is_more |= found.is_more;
                self.next = found.next;
            }
            Ok(found) => self.show(*found),
            // A newer question is on its way, or the screen was left.
            Err(fault) if fault.kind == FaultKind::Cancelled => {}
            Err(fault) if reads_on => {
                self.next = None;
                return vec![Effect::Toast(crate::ui::widgets::toast::Toast::fault(&fault))];
            }
            Err(fault) => {
                self.show(Found::default());
                self.fault = Some(fault);
            }
        }
        Vec::new()
    }

    fn show(&mut self, found: Found) {
        let Found { hits, count, is_more, next, terms, notice } = found;
        self.hits = hits;
        self.count = count;
        self.is_more = is_more;
        self.next = next;
        self.terms = terms;
        self.notice = notice;
        self.fault = None;
        self.at = 0;
        self.text = self.field.text().to_owned();
    }

    /// The text is another one now.
    fn ask(&mut self) -> Vec<Effect> {
        self.asked += 1;
        self.is_reading_on = false;
        self.filter = None;
        if self.field.text().trim().is_empty() {
            self.is_asking = false;
            self.show(Found::default());
            return Vec::new();
        }
        self.is_asking = true;
        let query = Asked::typed(self.field.text(), PAGE);
        vec![Effect::Search(SearchCall::Find { asked: self.asked, query })]
    }

    fn go(&mut self, by: isize) -> Vec<Effect> {
        self.filter = None;
        let last = self.hits.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
        self.read_on()
    }

    /// Asks for what follows when the end comes near.
    fn read_on(&mut self) -> Vec<Effect> {
        if self.is_asking || self.is_reading_on || self.at + AHEAD < self.hits.len() {
            return Vec::new();
        }
        let Some(after) = self.next.clone() else { return Vec::new() };
        self.is_reading_on = true;
        self.asked += 1;
        let query = Asked { after: Some(after), ..Asked::typed(self.text.clone(), PAGE) };
        vec![Effect::Search(SearchCall::Find { asked: self.asked, query })]
    }

    fn open(&self) -> Vec<Effect> {
        let Some(hit) = self.hits.get(self.at) else { return Vec::new() };
        vec![Effect::OpenAt(Box::new(Spot {
            conversation: hit.conversation,
            message: hit.message,
            terms: self.terms.clone(),
            chars: None,
            back: Some(Action::ScreenSearch),
        }))]
    }

    /// Puts the explained filter into the box, to be given a value.
    fn take_filter(&mut self, at: usize) -> Vec<Effect> {
        self.filter = None;
        let Some(filter) = FILTERS.get(at) else { return Vec::new() };
        let text = self.field.text().trim_end();
        let space = if text.is_empty() { "" } else { " " };
        self.field.set(&format!("{text}{space}{}:", filter.name));
        self.ask()
    }

    fn explain(&mut self, forward: bool) {
        let last = FILTERS.len() - 1;
        self.filter = match (self.filter, forward) {
            (None, true) => Some(0),
            (None, false) => Some(last),
            (Some(at), true) if at < last => Some(at + 1),
            (Some(at), false) if at > 0 => Some(at - 1),
            (Some(_), _) => None,
        };
    }
}

impl Screen for SearchScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn hidden(&mut self) {
        // Its answer would come to nobody; what is on view is asked for anew when it is read on.
        self.asked += 1;
        self.is_asking = false;
        self.is_reading_on = false;
        self.filter = None;
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let page = isize::try_from(view::rows(cx.size.1)).unwrap_or(1).max(1);
        Some(match action {
            Action::SearchUp => self.go(-1),
            Action::SearchDown => self.go(1),
            Action::SearchPageUp => self.go(-page),
            Action::SearchPageDown => self.go(page),
            Action::SearchOpen => match self.filter {
                Some(at) => self.take_filter(at),
                None => self.open(),
            },
            Action::SearchNextFilter | Action::SearchPreviousFilter => {
                self.explain(action == Action::SearchNextFilter);
                Vec::new()
            }
            Action::Refresh => self.ask(),
            Action::Escape if self.filter.is_some() => {
                self.filter = None;
                Vec::new()
            }
            Action::Escape => vec![Effect::Act(Action::ScreenChat)],
            Action::Interrupt if !self.field.is_empty() => {
                self.field.clear();
                self.ask()
            }
            _ => return None,
        })
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        let before = self.field.text().to_owned();
        if !self.field.on_key(key) {
            return None;
        }
        Some(if before == self.field.text() { Vec::new() } else { self.ask() })
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        self.field.paste(&text.replace(['\r', '\n'], " "));
        self.ask()
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.go(-1),
            MouseEventKind::ScrollDown => self.go(1),
            MouseEventKind::Down(MouseButton::Left) => match view::hit(self, area, mouse.row, cx) {
                Some(at) if at == self.at => self.open(),
                Some(at) => {
                    self.at = at;
                    self.read_on()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn context(&self) -> Context {
        Context::Search
    }

    fn is_busy(&self) -> bool {
        self.is_asking || self.is_reading_on
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let open = if self.filter.is_some() { "take the filter" } else { "open" };
        cx.hints(&[(Action::SearchOpen, open), (Action::SearchNextFilter, "filters"), (Action::Escape, "back")])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        view::draw(self, frame, area, cx, in_front);
    }
}

#[cfg(test)]
mod tests;
