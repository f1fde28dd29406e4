//! The lock screen: somebody is signed in, the vault is closed, nothing of theirs is drawn.

use crossterm::event::{KeyEvent, MouseEvent};

use crate::{
    api::{Fault, FaultKind},
    ui::{
        cx::{Cx, Hint},
        keymap::Action,
        msg::{AuthCall, Effect},
        widgets::form::{Form, FormOut},
    },
};

#[derive(Debug)]
pub struct LockScreen {
    pub(super) form: Form,
    /// Why, when it was not asked for.
    pub(super) reason: Option<String>,
}

impl LockScreen {
    #[must_use]
    pub fn new(reason: Option<String>) -> Self {
        Self { form: Form::default().secret("Passphrase"), reason }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        match self.form.on_action(action).ok()? {
            Some(FormOut::Submitted) if self.form.value(0).is_empty() => {
                self.form.ask(Fault::invalid("Type your passphrase."), 0);
                Some(Vec::new())
            }
            Some(FormOut::Submitted) => {
                self.form.busy = true;
                Some(vec![Effect::Auth(AuthCall::Unlock(self.form.secret_value(0)))])
            }
            Some(FormOut::Cancelled | FormOut::Changed(_)) | None => Some(Vec::new()),
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        self.form.on_key(key).map(|_| Vec::new())
    }

    pub fn on_paste(&mut self, text: &str) {
        self.form.on_paste(text);
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        self.form.on_mouse(mouse);
    }

    pub fn refused(&mut self, fault: Fault) {
        let wrong = fault.kind == FaultKind::WrongCredentials;
        self.form.refuse(fault, wrong.then_some(0));
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.form.busy
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
