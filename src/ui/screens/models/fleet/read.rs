//! What is read of the list, page by page, and where in it the cursor stands.

use super::{AHEAD, FleetTab, Focus, Goes, PAGE, STILL, WIDE, dialogs::Dialog};
use crate::{
    api::{
        Fault,
        fleet::{Freshness, Page, Per, Place, Query, Row},
        organise::Cursor,
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, ModelsCall, Timer},
    },
};

impl FleetTab {
    pub(super) fn query(&self, at: Place, freshness: Freshness) -> Query {
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

    pub(super) fn ask(&mut self, at: Place, freshness: Freshness, goes: Goes) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        self.goes = goes;
        let query = Box::new(self.query(at, freshness));
        vec![Effect::Models(ModelsCall::Find { asked: self.asked, query })]
    }

    /// As far as it was read before, from the beginning; the rows stay on view until the new ones are here.
    pub(super) fn read(&mut self, freshness: Freshness) -> Vec<Effect> {
        self.incoming.clear();
        self.wanted = self.rows.len();
        let is_end = self.page.first > 0 && self.page.next.is_none();
        self.ask(if is_end { Place::End } else { Place::Start }, freshness, Goes::InPlace)
    }

    /// Something else is looked for: from the beginning, with what is at hand.
    pub(super) fn sought(&mut self) -> Vec<Effect> {
        self.at = 0;
        self.incoming.clear();
        self.wanted = 0;
        self.ask(Place::Start, Freshness::Kept, Goes::InPlace)
    }

    pub(super) fn read_on(&mut self) -> Vec<Effect> {
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

    pub(super) fn on_page(&mut self, asked: u64, page: Result<Box<Page>, Fault>, cx: &Cx) -> Vec<Effect> {
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
        self.page_at = cx.now_ms;
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

    pub(super) fn row(&self) -> Option<&Row> {
        self.rows.get(self.at)
    }

    pub(super) fn shows_detail(&self, cx: &Cx) -> bool {
        self.focus == Focus::Detail || cx.size.0 >= WIDE
    }

    /// The cursor stands on another model: it is shown beside the list once the cursor rests.
    pub(super) fn look(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(name) = self.rows.get(self.at).map(|row| row.name.clone()) else { return Vec::new() };
        if !self.shows_detail(cx) || self.shown.is_of(&name) {
            return Vec::new();
        }
        vec![Effect::After(STILL, Timer::Settle(self.shown.turn_to(name)))]
    }

    pub(super) fn ask_detail(&mut self) -> Vec<Effect> {
        let Some(name) = self.row().map(|row| row.name.clone()) else { return Vec::new() };
        let asked = self.shown.turn_to(name);
        self.shown.calls(asked)
    }

    pub(super) fn open_detail(&mut self) -> Vec<Effect> {
        let Some(name) = self.row().map(|row| row.name.clone()) else { return Vec::new() };
        self.focus = Focus::Detail;
        if self.shown.is_of(&name) && self.shown.is_there() { Vec::new() } else { self.ask_detail() }
    }

    /// Moves the cursor of what has the focus.
    pub(super) fn moved(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
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
}
