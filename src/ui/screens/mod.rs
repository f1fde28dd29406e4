//! The screens: each a machine of its own, which the root feeds and frames.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use super::{
    actions::{Action, Context},
    cx::{Cx, Hint},
    msg::Effect,
};

pub mod account;
pub mod admin;
pub mod chat;
pub mod insights;
pub mod library;
pub mod models;
pub mod search;
pub mod sign_in;

/// What the root asks of the screen on view, whichever it is. Answers to calls are not in here: they go to the screen
/// that asked, on view or not.
pub trait Screen {
    /// Comes to view: asks for what it shows.
    fn shown(&mut self, cx: &Cx) -> Vec<Effect>;

    /// Another screen came to view, or the vault was locked.
    fn hidden(&mut self) {}

    /// An action comes here first; if that answers `None`, the key comes to [`Screen::on_key`].
    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>>;

    /// A key without a meaning of its own; `None` = not used.
    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>>;

    fn on_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect>;

    /// `area` is what `view` was last given.
    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect>;

    /// What it shows is asked for anew.
    fn refresh(&mut self, cx: &Cx) -> Vec<Effect> {
        self.on_action(Action::Refresh, cx).unwrap_or_default()
    }

    /// The text of a search or filter box has been still long enough.
    fn on_settled(&mut self, _asked: u64) -> Vec<Effect> {
        Vec::new()
    }

    /// The passphrase was typed once more and what it was asked for is done again, or it was not and nothing is.
    fn on_confirmed(&mut self, _goes_on: bool) {}

    /// Whether something in it is to be finished before a key of the chat's leads away.
    fn holds(&self) -> bool {
        false
    }

    /// Whether the palette offers the actions of this context. Only those that have no meaning but here are asked for.
    fn offers(&self, _context: Context) -> bool {
        false
    }

    /// Where keys go at the moment.
    fn context(&self) -> Context;

    /// Whether something turns: the root then sends spinner ticks through `cx.spinner`.
    fn is_busy(&self) -> bool;

    /// The keys that matter here, most useful first; the root cuts what does not fit.
    fn footer(&self, cx: &Cx) -> Vec<Hint>;

    /// `in_front`: nothing of the root's stands before it; else no cursor and no focus is shown.
    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool);
}
