//! What the house writes on a model: a description, links, notes. One of them at a time, in the composer's editor.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::Out;
use crate::{
    api::{
        Fault,
        fleet::{Card, CardPatch},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, ModelsCall, ShellCall},
        widgets::{composer::Composer, form::fault_text, modal, table::safe},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Notes,
    Links,
    Description,
}

const PARTS: [(Part, &str); 3] =
    [(Part::Notes, "Notes"), (Part::Links, "Links, one in a line"), (Part::Description, "Description")];

#[derive(Debug)]
pub struct CardEditor {
    name: String,
    seen: u32,
    card: Card,
    at: usize,
    composers: [Composer; 3],
    busy: bool,
    fault: Option<Fault>,
}

impl CardEditor {
    pub fn new(name: &str, card: &Card) -> Self {
        let of = |text: &str| {
            let mut composer = Composer::new(false);
            composer.set_text(text);
            composer
        };
        let composers = [
            of(card.notes.as_deref().unwrap_or_default()),
            of(&card.links.join("\n")),
            of(card.description.as_deref().unwrap_or_default()),
        ];
        Self { name: name.to_owned(), seen: card.rev, card: card.clone(), at: 0, composers, busy: false, fault: None }
    }

    pub fn waits(&self) -> bool {
        self.busy
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.busy = false;
        self.fault = Some(fault);
    }

    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        if self.busy && !matches!(action, Action::Escape | Action::Interrupt) {
            return Some(Out::Stay);
        }
        match action {
            Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => Some(self.save()),
            Action::Send | Action::Newline => {
                self.composers[self.at].newline();
                Some(Out::Stay)
            }
            Action::FocusNext => {
                self.at = (self.at + 1) % PARTS.len();
                Some(Out::Stay)
            }
            Action::FocusPrevious => {
                self.at = (self.at + PARTS.len() - 1) % PARTS.len();
                Some(Out::Stay)
            }
            Action::Editor => Some(Out::Effects(vec![Effect::Shell(ShellCall::Edit(self.composers[self.at].text()))])),
            Action::Escape | Action::Interrupt => Some(Out::Close),
            _ => None,
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Out {
        if self.busy {
            return Out::Stay;
        }
        // What many editors save with, whatever Enter means here.
        if key.code == KeyCode::Char('s') && key.modifiers == KeyModifiers::CONTROL {
            return self.save();
        }
        self.fault = None;
        self.composers[self.at].on_key(key);
        Out::Stay
    }

    pub fn on_paste(&mut self, text: String) {
        self.composers[self.at].paste(text);
    }

    pub fn on_edited(&mut self, text: &str) {
        self.composers[self.at].set_text(text);
    }

    /// Sends what is another than it was.
    fn save(&mut self) -> Out {
        let text = |part: Part| {
            let at = PARTS.iter().position(|(known, _)| *known == part).unwrap_or_default();
            self.composers[at].text().trim().to_owned()
        };
        let differs = |now: String, before: Option<&String>| {
            (now != before.map(String::as_str).unwrap_or_default().trim()).then_some(now)
        };
        let links: Vec<String> =
            text(Part::Links).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        let patch = CardPatch {
            description: differs(text(Part::Description), self.card.description.as_ref()),
            links: (links != self.card.links).then_some(links),
            notes: differs(text(Part::Notes), self.card.notes.as_ref()),
        };
        if patch == CardPatch::default() {
            return Out::Close;
        }
        self.busy = true;
        self.fault = None;
        Out::Effects(vec![Effect::Models(ModelsCall::Write { name: self.name.clone(), patch, seen: self.seen })])
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let (send, newline) = cx.writing();
        let hints = cx.hints(&[
            (send, "save"),
            (newline, "newline"),
            (Action::FocusNext, "next part"),
            (Action::Editor, "editor"),
            (Action::Escape, "back"),
        ]);
        let size = (area.width.saturating_sub(4).clamp(20, 90), (area.height * 3 / 4).clamp(8, 20));
        let title = format!("On {}", safe(&self.name));
        let inner = modal::open(frame, area, cx, &title, size, &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let foot = if self.busy || self.fault.is_some() { 2 } else { 0 };
        let [parts, text, told] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(foot)]).areas(inner);
        let mut line = Line::default();
        for (at, (_, name)) in PARTS.iter().enumerate() {
            let (open, close, style) =
                if at == self.at { ("[", "]", cx.theme.accent) } else { (" ", " ", cx.theme.dim) };
            line.push_span(Span::styled(format!("{open}{name}{close} "), style));
        }
        frame.render_widget(line, parts);
        self.composers[self.at].view(frame, text, cx.theme.text, true);
        if self.busy {
            frame.render_widget(Span::styled("Writing…", cx.theme.dim), told);
        } else if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), told);
        }
    }
}
