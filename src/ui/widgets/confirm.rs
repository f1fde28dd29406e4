//! The passphrase once more, for what wants it fresh: asked in front of everything, then what was refused is done again.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::Text,
    widgets::{Paragraph, Wrap},
};

use super::{
    modal,
    passphrase::{AskPassphrase, Asked},
};
use crate::ui::{
    cx::Cx,
    keymap::Action,
    msg::{AuthCall, Effect},
};

/// What became of the question.
#[derive(Debug)]
pub enum ConfirmOut {
    Effects(Vec<Effect>),
    Closed,
}

#[derive(Debug)]
pub struct Confirm {
    pub ask: AskPassphrase,
    /// What is done once the passphrase was right.
    then: Vec<Effect>,
}

impl Confirm {
    #[must_use]
    pub fn new(then: Vec<Effect>) -> Self {
        Self { ask: AskPassphrase::new("Your passphrase"), then }
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
        Some(match self.ask.on_action(action)? {
            Asked::Given(passphrase) => ConfirmOut::Effects(vec![Effect::Auth(AuthCall::Confirm(passphrase))]),
            Asked::GivenUp => ConfirmOut::Closed,
            Asked::Nothing => ConfirmOut::Effects(Vec::new()),
        })
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "go on"), (Action::Reveal, "show"), (Action::Cancel, "leave it")]);
        let inner =
            modal::open(frame, area, cx, "Your passphrase, once more", (64, 12), &hints).inner(Margin::new(2, 1));
        let [note, fields] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(inner);
        let words = "What you are about to do wants to know that it is you. It is asked for again after five minutes.";
        frame.render_widget(Paragraph::new(Text::styled(words, cx.theme.dim)).wrap(Wrap { trim: true }), note);
        self.ask.form.view(frame, fields, cx);
    }
}
