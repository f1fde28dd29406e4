//! The chat screen: tree, transcript, composer.
//!
//! The seam with the root. How a key travels: the root asks the keymap with [`ChatScreen::context`]; an action that is
//! the root's own (help, palette, lock, theme, quit …) never arrives here. `Interrupt` and `Escape` are offered here
//! first and used by the root only when they come back as `None`. Any other action comes to [`ChatScreen::on_action`]
//! first; if that answers `None`, or the key has no meaning in this context, the key comes to [`ChatScreen::on_key`].
//! A notice is `Effect::Toast`; something only the root can do (`/help`, `/quit`) is `Effect::Act`.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use crate::{
    api::events::Event,
    ui::{
        cx::{Cx, Hint},
        keymap::{Action, Context},
        msg::{ChatReply, Effect, ShellReply, Timer},
    },
};

#[derive(Debug, Default)]
pub struct ChatScreen {}

impl ChatScreen {
    /// A fresh screen for the account in `cx`, and what it wants to know first.
    #[must_use]
    pub fn new(_cx: &Cx) -> (Self, Vec<Effect>) {
        (Self::default(), Vec::new())
    }

    /// `None` = not used.
    pub fn on_key(&mut self, _key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    /// From a key that the keymap resolved, the palette, or a click. `None` = not used.
    pub fn on_action(&mut self, _action: Action, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    pub fn on_paste(&mut self, _text: String, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    /// `area` is what `view` was last given.
    pub fn on_mouse(&mut self, _mouse: MouseEvent, _area: Rect, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    pub fn on_reply(&mut self, _reply: ChatReply, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    /// `Edited` belongs to the composer; the root shows faults of `Copied` and keeps `Health` in `cx`.
    pub fn on_shell(&mut self, _reply: &ShellReply, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    pub fn on_event(&mut self, _event: &Event, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    pub fn on_timer(&mut self, _timer: Timer, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    /// About to be locked, signed out or ended: what must be stored first (the draft). Calls are done in order.
    pub fn leave(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    pub fn view(&self, _frame: &mut Frame, _area: Rect, _cx: &Cx) {}

    /// Where keys go at the moment.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::Composer
    }

    /// The keys that matter here, most useful first; the root cuts what does not fit.
    #[must_use]
    pub fn footer(&self, _cx: &Cx) -> Vec<Hint> {
        Vec::new()
    }

    /// Whether something turns: the root then sends spinner ticks through `cx.spinner`.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        false
    }
}
