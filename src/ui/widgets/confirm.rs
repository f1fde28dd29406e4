//! The passphrase once more, for what wants it fresh: asked in front of everything, then what was refused is done again.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::Text,
    widgets::{Paragraph, Wrap},
};

use super::{
    form::{Form, FormOut},
    modal,
};
use crate::{
    api::{Fault, FaultKind},
    ui::{
        cx::Cx,
        keymap::Action,
        msg::{AuthCall, Effect},
    },
};

/// What became of the question.
#[derive(Debug)]
pub enum ConfirmOut {
    Effects(Vec<Effect>),
    Closed,
}

#[derive(Debug)]
pub struct Confirm {
    form: Form,
    /// What is done once the passphrase was right.
    then: Vec<Effect>,
}

impl Confirm {
    #[must_use]
    pub fn new(then: Vec<Effect>) -> Self {
        Self { form: Form::default().secret("Your passphrase"), then }
    }

    /// Something else was refused for the same reason meanwhile.
    pub fn also(&mut self, then: Vec<Effect>) {
        self.then.extend(then);
    }

    /// The passphrase was right: what is to be done again.
    #[must_use]
    pub fn into_effects(self) -> Vec<Effect> {
        self.then
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<ConfirmOut> {
        Some(match self.form.on_action(action).ok()? {
            Some(FormOut::Cancelled) => ConfirmOut::Closed,
            Some(FormOut::Submitted) if self.form.value(0).is_empty() => {
                self.form.ask(Fault::invalid("Type your passphrase."), 0);
                ConfirmOut::Effects(Vec::new())
            }
            Some(FormOut::Submitted) => {
                self.form.busy = true;
                ConfirmOut::Effects(vec![Effect::Auth(AuthCall::Confirm(self.form.secret_value(0)))])
            }
            Some(FormOut::Changed(_)) | None => ConfirmOut::Effects(Vec::new()),
        })
    }

    pub fn on_key(&mut self, key: KeyEvent) {
        let _ = self.form.on_key(key);
    }

    pub fn on_paste(&mut self, text: &str) {
        let _ = self.form.on_paste(text);
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        self.form.on_mouse(mouse);
    }

    pub fn refused(&mut self, fault: Fault) {
        // What was not wrong is not typed again, such as when it only came too soon.
        let wrong = fault.kind == FaultKind::WrongCredentials;
        self.form.refuse(fault, wrong.then_some(0));
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.form.busy
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "go on"), (Action::Reveal, "show"), (Action::Cancel, "leave it")]);
        let inner =
            modal::open(frame, area, cx, "Your passphrase, once more", (64, 12), &hints).inner(Margin::new(2, 1));
        let [note, fields] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(inner);
        let words = "What you are about to do wants to know that it is you. It is asked for again after five minutes.";
        frame.render_widget(Paragraph::new(Text::styled(words, cx.theme.dim)).wrap(Wrap { trim: true }), note);
        self.form.view(frame, fields, cx);
    }
}
