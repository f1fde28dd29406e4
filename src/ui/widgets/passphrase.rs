//! The passphrase of whoever is in, asked for alone: to unlock, or once more. What it is for is its owner's business.

use crossterm::event::{KeyEvent, MouseEvent};

use super::form::{Form, FormOut};
use crate::{
    api::{Fault, auth::Secret},
    ui::actions::Action,
};

#[derive(Debug)]
pub struct AskPassphrase {
    pub form: Form,
}

/// What became of the question.
#[derive(Debug)]
pub enum Asked {
    /// An answer is awaited now; the form shows so until it is refused.
    Given(Secret),
    GivenUp,
    Nothing,
}

impl AskPassphrase {
    #[must_use]
    pub fn new(label: &'static str) -> Self {
        Self { form: Form::default().secret(label) }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Asked> {
        Some(match self.form.on_action(action).ok()? {
            Some(FormOut::Cancelled) => Asked::GivenUp,
            Some(FormOut::Submitted) if self.form.value(0).is_empty() => {
                self.form.ask(Fault::invalid("Type your passphrase."), 0);
                Asked::Nothing
            }
            Some(FormOut::Submitted) => {
                self.form.busy = true;
                Asked::Given(self.form.secret_value(0))
            }
            Some(FormOut::Changed(_)) | None => Asked::Nothing,
        })
    }

    /// Whether the key was used.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        self.form.on_key(key).is_some()
    }

    pub fn on_paste(&mut self, text: &str) {
        self.form.on_paste(text);
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        self.form.on_mouse(mouse);
    }

    pub fn refused(&mut self, fault: Fault) {
        self.form.refuse_try(fault);
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.form.busy
    }
}
