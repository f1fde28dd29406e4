//! The Library: everything of one's own that is not a conversation, a tab each.
//!
//! A further tab is its module, a row of [`TABS`], a field, and its arm where the one on view is looked up.

mod notes;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

pub use self::notes::{NotesTab, told};
use crate::ui::{
    actions::{Action, Context},
    cx::{Cx, Hint},
    msg::{Effect, ListReply},
    screens::Screen,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TabName {
    #[default]
    Notes,
}

const TABS: [(TabName, &str); 1] = [(TabName::Notes, "Notes")];

/// What the Library asks of the tab on view.
pub trait Tab {
    /// Comes to view, or is to be read anew.
    fn shown(&mut self) -> Vec<Effect>;
    /// `None` = not used.
    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>>;
    /// `None` = not used.
    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>>;
    fn on_paste(&mut self, text: String) -> Vec<Effect>;
    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Vec<Effect>;
    /// Text that came back from `$EDITOR`.
    fn on_edited(&mut self, text: &str);
    fn context(&self) -> Context;
    fn is_busy(&self) -> bool;
    /// Something in it is to be finished first.
    fn holds(&self) -> bool;
    fn footer(&self, cx: &Cx) -> Vec<Hint>;
    /// `whole`: the screen, for what stands in front.
    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool);
}

#[derive(Debug, Default)]
pub struct LibraryScreen {
    on_view: TabName,
    notes: NotesTab,
    /// It was shown once, so that what changes is of interest.
    is_shown: bool,
}

impl LibraryScreen {
    fn current(&self) -> &dyn Tab {
        match self.on_view {
            TabName::Notes => &self.notes,
        }
    }

    fn current_mut(&mut self) -> &mut dyn Tab {
        match self.on_view {
            TabName::Notes => &mut self.notes,
        }
    }

    /// Something of the person's changed, here or in another window.
    pub fn changed(&mut self) -> Vec<Effect> {
        if self.is_shown { self.current_mut().shown() } else { Vec::new() }
    }

    pub fn on_notes(&mut self, reply: ListReply) -> Vec<Effect> {
        self.notes.on_reply(reply)
    }

    pub fn on_edited(&mut self, text: &str) {
        self.current_mut().on_edited(text);
    }

    fn step(&mut self, forward: bool) -> Vec<Effect> {
        let at = TABS.iter().position(|(name, _)| *name == self.on_view).unwrap_or_default();
        let next = if forward { at + 1 } else { at + TABS.len() - 1 } % TABS.len();
        if next == at {
            return Vec::new();
        }
        self.on_view = TABS[next].0;
        self.current_mut().shown()
    }

    fn areas(area: Rect) -> (Rect, Rect) {
        let [tabs, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        (tabs, body)
    }
}

impl Screen for LibraryScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.is_shown = true;
        self.current_mut().shown()
    }

    fn hidden(&mut self) {
        self.is_shown = false;
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(effects) = self.current_mut().on_action(action, cx) {
            return Some(effects);
        }
        if self.holds() {
            return None;
        }
        match action {
            Action::LibraryNextTab => Some(self.step(true)),
            Action::LibraryPreviousTab => Some(self.step(false)),
            Action::LibraryHelp => Some(vec![Effect::Act(Action::Help)]),
            Action::Refresh => Some(self.current_mut().shown()),
            Action::Escape => Some(vec![Effect::Act(Action::ScreenChat)]),
            _ => None,
        }
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        self.current_mut().on_key(key, cx)
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        self.current_mut().on_paste(text)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, _cx: &Cx) -> Vec<Effect> {
        let (_, body) = Self::areas(area);
        self.current_mut().on_mouse(mouse, body)
    }

    fn holds(&self) -> bool {
        self.current().holds()
    }

    fn offers(&self, context: Context) -> bool {
        context == Context::Library
    }

    fn context(&self) -> Context {
        self.current().context()
    }

    fn is_busy(&self) -> bool {
        self.current().is_busy()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        self.current().footer(cx)
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        let (tabs, body) = Self::areas(area);
        let mut line = Line::from(Span::raw(" "));
        for (name, title) in TABS {
            let style = if name == self.on_view { cx.theme.accent } else { cx.theme.dim };
            line.push_span(Span::styled(format!("{title}  "), style));
        }
        frame.render_widget(line, tabs);
        self.current().view(frame, body, area, cx, in_front);
    }
}

#[cfg(test)]
mod tests;
