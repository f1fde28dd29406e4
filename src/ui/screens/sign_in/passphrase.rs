//! A new passphrase: how good it is while it is typed, and the form that changes an old one.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
};

use crate::{
    api::{
        Fault,
        auth::{Secret, Strength},
    },
    safe_text::SafeText,
    ui::{
        cx::Cx,
        keymap::Action,
        msg::{AuthCall, Effect, Timer},
        widgets::{
            form::{Form, FormOut},
            modal,
        },
    },
};

/// Judging costs milliseconds; between two letters typed in a row it would be wasted.
const STILL: Duration = Duration::from_millis(120);

/// The strength of what is being typed, as last judged.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    asked: u64,
    strength: Option<Strength>,
    /// The text is one we proposed.
    proposed: bool,
}

impl Meter {
    /// The text changed. The older judgement stays on the screen until there is a new one, so that nothing flickers.
    pub fn changed(&mut self) -> Vec<Effect> {
        self.asked += 1;
        self.proposed = false;
        vec![Effect::After(STILL, Timer::Judge(self.asked))]
    }

    pub fn proposed(&mut self) -> Vec<Effect> {
        let effects = self.changed();
        self.proposed = true;
        effects
    }

    /// The text has been still: asks for a judgement unless it changed again.
    #[must_use]
    pub fn judge(&self, asked: u64, name: &str, passphrase: &str) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        let (name, passphrase) = (name.to_owned(), Secret::new(passphrase));
        vec![Effect::Auth(AuthCall::Judge { asked, name, passphrase })]
    }

    pub fn judged(&mut self, asked: u64, strength: Strength) {
        if asked == self.asked {
            self.strength = Some(strength);
        }
    }

    /// `━━━━━━━━━────── ✓ fair  Add another word.`
    pub fn view(&self, frame: &mut Frame, area: Rect, passphrase: &str, cx: &Cx) {
        let Some(strength) = self.strength.as_ref().filter(|_| !passphrase.is_empty()) else {
            let text = match cx.keymap.label(Action::Generate) {
                Some(key) => format!("Long beats odd: four or five words. {key} proposes some."),
                None => "Long beats odd: four or five words.".to_owned(),
            };
            frame.render_widget(Line::styled(text, cx.theme.dim), area);
            return;
        };
        let words = ["hopeless", "weak", "fair", "good", "strong"];
        let score = usize::from(strength.score.min(4));
        let style = match (strength.accepted, score) {
            (false, _) => cx.theme.error,
            (true, 0..=3) => cx.theme.warning,
            (true, _) => cx.theme.success,
        };
        let full = (score + 1) * 3;
        let advice = if self.proposed {
            "Keep it somewhere safe before you go on.".to_owned()
        } else {
            SafeText::line(&strength.advice).into_string()
        };
        let mark = if strength.accepted { "✓" } else { "✗" };
        let line = Line::from(vec![
            Span::styled("━".repeat(full), style),
            Span::styled("─".repeat(15 - full), cx.theme.dim),
            Span::styled(format!(" {mark} {}  ", words[score]), style),
            Span::styled(advice, cx.theme.dim),
        ]);
        frame.render_widget(line, area);
    }
}

/// Why this passphrase is not sent at all. How good it is the service judges; this only spares the wait.
#[must_use]
pub fn too_short(passphrase: &str, min_length: usize) -> Option<Fault> {
    (passphrase.chars().count() < min_length).then(|| {
        Fault::invalid(format!("A passphrase has at least {min_length} characters."))
            .hint("A generated one is long enough.")
    })
}

/// What became of the form.
#[derive(Debug)]
pub enum ChangeOut {
    Effects(Vec<Effect>),
    Closed,
}

/// A box over the chat in which one's own passphrase is changed.
#[derive(Debug)]
pub struct ChangePassphrase {
    form: Form,
    meter: Meter,
}

impl Default for ChangePassphrase {
    fn default() -> Self {
        let form = Form::default().secret("Current passphrase").secret("New passphrase");
        Self { form, meter: Meter::default() }
    }
}

impl ChangePassphrase {
    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<ChangeOut> {
        if action == Action::Generate && !self.form.busy {
            return Some(ChangeOut::Effects(vec![Effect::Auth(AuthCall::Propose)]));
        }
        match self.form.on_action(action).ok()? {
            Some(FormOut::Cancelled) => Some(ChangeOut::Closed),
            Some(FormOut::Submitted) => Some(ChangeOut::Effects(self.submit(cx))),
            Some(FormOut::Changed(_)) | None => Some(ChangeOut::Effects(Vec::new())),
        }
    }

    fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.form.value(0).is_empty() {
            self.form.ask(Fault::invalid("Type your current passphrase."), 0);
        } else if let Some(wrong) = too_short(self.form.value(1), cx.config.auth.min_length) {
            self.form.ask(wrong, 1);
        } else {
            self.form.busy = true;
            let (current, new) = (self.form.secret_value(0), self.form.secret_value(1));
            return vec![Effect::Auth(AuthCall::ChangePassphrase { current, new })];
        }
        Vec::new()
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let out = self.form.on_key(key)?;
        Some(self.changed(out))
    }

    pub fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        let out = self.form.on_paste(text);
        out.map_or_else(Vec::new, |out| self.changed(out))
    }

    pub fn on_mouse(&mut self, mouse: crossterm::event::MouseEvent) {
        self.form.on_mouse(mouse);
    }

    fn changed(&mut self, out: FormOut) -> Vec<Effect> {
        if out == FormOut::Changed(1) { self.meter.changed() } else { Vec::new() }
    }

    #[must_use]
    pub fn on_judge_due(&self, asked: u64, cx: &Cx) -> Vec<Effect> {
        let name = cx.account.as_ref().map_or("", |account| &account.name);
        self.meter.judge(asked, name, self.form.value(1))
    }

    pub fn judged(&mut self, asked: u64, strength: Strength) {
        self.meter.judged(asked, strength);
    }

    pub fn proposed(&mut self, passphrase: &str) -> Vec<Effect> {
        self.form.fill(1, passphrase);
        self.meter.proposed()
    }

    pub fn refused(&mut self, fault: Fault) {
        self.form.refuse_try(fault);
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.form.busy
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::Submit, "next"),
            (Action::Generate, "propose"),
            (Action::Reveal, "show"),
            (Action::Cancel, "cancel"),
        ]);
        let inner = modal::open(frame, area, cx, "Change your passphrase", (72, self.form.height() + 7), &hints);
        let inner = inner.inner(Margin::new(2, 1));
        let [note, fields, meter] =
            Layout::vertical([Constraint::Length(2), Constraint::Length(self.form.height()), Constraint::Length(1)])
                .areas(inner);
        frame.render_widget(Line::styled("Every other session of yours ends with this.", cx.theme.dim), note);
        self.form.view(frame, fields, cx);
        self.meter.view(frame, meter, self.form.value(1), cx);
    }
}
