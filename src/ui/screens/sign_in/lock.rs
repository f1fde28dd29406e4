//! The lock screen: somebody is signed in, the vault is closed, nothing of theirs is drawn.

use crate::ui::{
    cx::{Cx, Hint},
    keymap::Action,
    msg::{AuthCall, Effect},
    widgets::passphrase::{AskPassphrase, Asked},
};

#[derive(Debug)]
pub struct LockScreen {
    pub ask: AskPassphrase,
    /// Why, when it was not asked for.
    pub(super) reason: Option<String>,
}

impl LockScreen {
    #[must_use]
    pub fn new(reason: Option<String>) -> Self {
        Self { ask: AskPassphrase::new("Passphrase"), reason }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        Some(match self.ask.on_action(action)? {
            Asked::Given(passphrase) => vec![Effect::Auth(AuthCall::Unlock(passphrase))],
            // There is nothing behind it to go back to.
            Asked::GivenUp | Asked::Nothing => Vec::new(),
        })
    }

    #[must_use]
    pub fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::Submit, "unlock"),
            (Action::Reveal, "show"),
            (Action::Palette, "commands"),
            (Action::Quit, "quit"),
            (Action::Help, "help"),
        ])
    }
}
