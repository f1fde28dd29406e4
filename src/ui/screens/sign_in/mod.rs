//! Coming in: first run, sign-in, recovery, and what follows each of them until the chat can begin.
//!
//! The lock screen and the change of a passphrase are its neighbours: they need a session, this has none. Invariant: a
//! recovery code is on the screen in one stage only, and is gone when that stage ends.

mod code;
mod lock;
mod passphrase;
mod view;

use std::cell::Cell;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use self::{
    code::CodeStage,
    passphrase::{Meter, too_short},
};
pub use self::{
    lock::LockScreen,
    passphrase::{ChangeOut, ChangePassphrase},
    view::ollama_line,
};
use crate::{
    api::{
        Fault, FaultKind,
        auth::{NewAccount, SignedIn},
    },
    ui::{
        cx::{Cx, Hint},
        keymap::Action,
        msg::{AuthCall, AuthReply, Effect},
        widgets::{
            form::{Form, FormOut},
            toast::Toast,
        },
    },
};

/// What is shown before anyone is in.
#[derive(Debug)]
pub struct SignInScreen {
    stage: Stage,
    /// Why somebody who was in is out.
    reason: Option<Fault>,
    /// Where the answers to the last question were drawn, for clicks.
    answers: Cell<Rect>,
}

#[derive(Debug)]
enum Stage {
    FirstRun {
        form: Form,
        meter: Meter,
    },
    SignIn {
        form: Form,
    },
    Recover {
        form: Form,
        meter: Meter,
    },
    Code(CodeStage),
    /// "Stay signed in here?" is asked, never assumed.
    Stay {
        yes: bool,
        sent: bool,
    },
}

/// What became of a reply.
#[derive(Debug)]
pub enum Progress {
    Here(Vec<Effect>),
    /// The person is in.
    Done(Vec<Effect>),
}

const NAME: usize = 0;
/// Row of the new passphrase at first run, of the passphrase at sign-in, of the code at recovery.
const SECOND: usize = 1;
const STAY: usize = 2;
const NEW: usize = 2;

impl SignInScreen {
    #[must_use]
    pub fn first_run() -> Self {
        let form = Form::default().text("User name").secret("Passphrase");
        Self { stage: Stage::FirstRun { form, meter: Meter::default() }, reason: None, answers: Cell::default() }
    }

    /// With the reason when a session has just ended.
    #[must_use]
    pub fn sign_in(reason: Option<Fault>) -> Self {
        Self { stage: Stage::SignIn { form: sign_in_form() }, reason, answers: Cell::default() }
    }

    fn form(&mut self) -> Option<&mut Form> {
        match &mut self.stage {
            Stage::FirstRun { form, .. } | Stage::SignIn { form } | Stage::Recover { form, .. } => Some(form),
            Stage::Code(code) => code.form(),
            Stage::Stay { .. } => None,
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        match &mut self.stage {
            Stage::Stay { .. } => return self.on_answer(action),
            Stage::Code(code) => {
                let (used, done) = code.on_action(action);
                if done {
                    self.stage = Stage::Stay { yes: false, sent: false };
                }
                return used.then(Vec::new);
            }
            Stage::FirstRun { form, .. } | Stage::Recover { form, .. } if action == Action::Generate => {
                return (!form.busy).then(|| vec![Effect::Auth(AuthCall::Propose)]);
            }
            Stage::SignIn { form } if action == Action::Recover => {
                let recover = recover_form(form.value(NAME));
                if !form.busy {
                    self.stage = Stage::Recover { form: recover, meter: Meter::default() };
                }
                return Some(Vec::new());
            }
            Stage::FirstRun { .. } | Stage::SignIn { .. } | Stage::Recover { .. } => {}
        }
        match self.form()?.on_action(action).ok()? {
            Some(FormOut::Submitted) => Some(self.submit(cx)),
            Some(FormOut::Cancelled) => self.step_back(),
            Some(FormOut::Changed(_)) | None => Some(Vec::new()),
        }
    }

    /// A click chooses a field, switches a toggle, answers the question.
    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        if let Some(form) = self.form() {
            form.on_mouse(mouse);
            return Vec::new();
        }
        let answers = self.answers.get();
        match &mut self.stage {
            Stage::Stay { yes, sent: false }
                if mouse.kind == MouseEventKind::Down(MouseButton::Left)
                    && answers.contains((mouse.column, mouse.row).into()) =>
            {
                *yes = mouse.row > answers.y;
                self.on_answer(Action::Submit).unwrap_or_default()
            }
            Stage::FirstRun { .. }
            | Stage::SignIn { .. }
            | Stage::Recover { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => Vec::new(),
        }
    }

    /// The question whether to stay signed in.
    fn on_answer(&mut self, action: Action) -> Option<Vec<Effect>> {
        let Stage::Stay { yes, sent } = &mut self.stage else { return None };
        if *sent {
            return None;
        }
        match action {
            Action::NextField | Action::PreviousField | Action::FocusNext | Action::FocusPrevious => {
                *yes = !*yes;
                return Some(Vec::new());
            }
            Action::Submit => {}
            Action::Cancel | Action::Escape => *yes = false,
            _ => return None,
        }
        *sent = true;
        Some(vec![Effect::Auth(AuthCall::StaySignedIn(*yes))])
    }

    /// Esc: out of recovery back to sign-in; elsewhere there is nowhere to go.
    fn step_back(&mut self) -> Option<Vec<Effect>> {
        match &self.stage {
            Stage::Recover { form, .. } if !form.busy => {
                self.stage = Stage::SignIn { form: sign_in_form() };
                Some(Vec::new())
            }
            Stage::Recover { .. }
            | Stage::FirstRun { .. }
            | Stage::SignIn { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => None,
        }
    }

    fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        let min = cx.config.auth.min_length;
        match &mut self.stage {
            Stage::FirstRun { form, .. } => {
                if let Some(wrong) = wrong_name(form.value(NAME)) {
                    form.ask(wrong, NAME);
                } else if let Some(wrong) = too_short(form.value(SECOND), min) {
                    form.ask(wrong, SECOND);
                } else {
                    form.busy = true;
                    let new = NewAccount { name: form.value(NAME).to_owned(), passphrase: form.secret_value(SECOND) };
                    return vec![Effect::Auth(AuthCall::CreateFirstAdmin(new))];
                }
            }
            Stage::SignIn { form } => {
                if !is_missing(form, &["user name", "passphrase"]) {
                    form.busy = true;
                    self.reason = None;
                    let (name, passphrase) = (form.value(NAME).to_owned(), form.secret_value(SECOND));
                    return vec![Effect::Auth(AuthCall::SignIn { name, passphrase })];
                }
            }
            Stage::Recover { form, .. } => {
                if is_missing(form, &["user name", "recovery code"]) {
                } else if let Some(wrong) = too_short(form.value(NEW), min) {
                    form.ask(wrong, NEW);
                } else {
                    form.busy = true;
                    let name = form.value(NAME).to_owned();
                    let (code, new) = (form.secret_value(SECOND), form.secret_value(NEW));
                    return vec![Effect::Auth(AuthCall::Recover { name, code, new })];
                }
            }
            Stage::Code(_) | Stage::Stay { .. } => {}
        }
        Vec::new()
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        if let Stage::Stay { yes, sent: false } = &mut self.stage {
            use crossterm::event::KeyCode::{Char, Left, Right};
            match key.code {
                Char('y') => *yes = true,
                Char('n') => *yes = false,
                Char(' ') | Left | Right => *yes = !*yes,
                _ => return None,
            }
            return Some(Vec::new());
        }
        let out = self.form()?.on_key(key)?;
        Some(self.changed(out))
    }

    pub fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        let out = self.form().and_then(|form| form.on_paste(text));
        out.map_or_else(Vec::new, |out| self.changed(out))
    }

    /// A changed passphrase is judged once it has been still for a moment; a changed name judges it anew.
    fn changed(&mut self, out: FormOut) -> Vec<Effect> {
        match &mut self.stage {
            Stage::FirstRun { meter, .. } => meter.changed(),
            Stage::Recover { meter, .. } if out == FormOut::Changed(NEW) => meter.changed(),
            Stage::Recover { .. } | Stage::SignIn { .. } | Stage::Code(_) | Stage::Stay { .. } => Vec::new(),
        }
    }

    pub fn on_judge_due(&mut self, asked: u64) -> Vec<Effect> {
        match &self.stage {
            Stage::FirstRun { form, meter } => meter.judge(asked, form.value(NAME), form.value(SECOND)),
            Stage::Recover { form, meter } => meter.judge(asked, form.value(NAME), form.value(NEW)),
            Stage::SignIn { .. } | Stage::Code(_) | Stage::Stay { .. } => Vec::new(),
        }
    }

    pub fn on_reply(&mut self, reply: AuthReply, cx: &Cx) -> Progress {
        match reply {
            AuthReply::Judged { asked, strength: Ok(strength) } => {
                if let Stage::FirstRun { meter, .. } | Stage::Recover { meter, .. } = &mut self.stage {
                    meter.judged(asked, strength);
                }
                Progress::Here(Vec::new())
            }
            AuthReply::Proposed(Ok(secret)) => Progress::Here(match &mut self.stage {
                Stage::FirstRun { form, meter } => {
                    form.fill(SECOND, secret.reveal());
                    meter.proposed()
                }
                Stage::Recover { form, meter } => {
                    form.fill(NEW, secret.reveal());
                    meter.proposed()
                }
                Stage::SignIn { .. } | Stage::Code(_) | Stage::Stay { .. } => Vec::new(),
            }),
            AuthReply::SignedIn(Ok(signed_in)) => self.arrived(*signed_in, cx),
            AuthReply::SignedIn(Err(fault)) => {
                self.refused(fault);
                Progress::Here(Vec::new())
            }
            AuthReply::Stayed(outcome) => Progress::Done(match outcome {
                Ok(true) => vec![Effect::Toast(Toast::good("You stay signed in on this OS account."))],
                Ok(false) => Vec::new(),
                Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
            }),
            AuthReply::Judged { strength: Err(fault), .. } | AuthReply::Proposed(Err(fault)) => {
                Progress::Here(vec![Effect::Toast(Toast::fault(&fault))])
            }
            AuthReply::Door(_)
            | AuthReply::SignedOut(_)
            | AuthReply::Locked(_)
            | AuthReply::Unlocked(_)
            | AuthReply::PassphraseChanged(_) => Progress::Here(Vec::new()),
        }
    }

    fn arrived(&mut self, signed_in: SignedIn, cx: &Cx) -> Progress {
        let mut effects: Vec<Effect> =
            signed_in.notice.into_iter().map(|notice| Effect::Toast(Toast::notice(notice))).collect();
        if let Some(code) = signed_in.recovery_code {
            self.stage = Stage::Code(CodeStage::new(code, cx.now_ms));
            return Progress::Here(effects);
        }
        if matches!(&self.stage, Stage::SignIn { form } if form.is_on(STAY)) {
            effects.push(Effect::Auth(AuthCall::StaySignedIn(true)));
            return Progress::Here(effects);
        }
        Progress::Done(effects)
    }

    fn refused(&mut self, fault: Fault) {
        // What was mistyped is emptied; after anything else, such as a full disk, it can be sent again as it is.
        let wrong = fault.kind == FaultKind::WrongCredentials;
        match &mut self.stage {
            Stage::FirstRun { form, .. } => form.refuse(fault, None),
            Stage::SignIn { form } | Stage::Recover { form, .. } => form.refuse(fault, wrong.then_some(SECOND)),
            Stage::Code(_) | Stage::Stay { .. } => {}
        }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.stage {
            Stage::FirstRun { form, .. } | Stage::SignIn { form } | Stage::Recover { form, .. } => form.busy,
            Stage::Stay { sent, .. } => *sent,
            Stage::Code(_) => false,
        }
    }

    #[must_use]
    pub fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let mut actions = match &self.stage {
            Stage::FirstRun { .. } => {
                vec![(Action::Submit, "next"), (Action::Generate, "propose a passphrase"), (Action::Reveal, "show")]
            }
            Stage::SignIn { .. } => vec![
                (Action::Submit, "sign in"),
                (Action::NextField, "next field"),
                (Action::Reveal, "show"),
                (Action::Recover, "recovery code"),
            ],
            Stage::Recover { .. } => vec![
                (Action::Submit, "next"),
                (Action::Generate, "propose a passphrase"),
                (Action::Reveal, "show"),
                (Action::Cancel, "back"),
            ],
            Stage::Code(code) => code.footer(),
            Stage::Stay { .. } => vec![(Action::Submit, "go on"), (Action::NextField, "other answer")],
        };
        actions.extend([(Action::Quit, "quit"), (Action::Help, "help")]);
        cx.hints(&actions)
    }
}

fn sign_in_form() -> Form {
    Form::default().text("User name").secret("Passphrase").toggle("Stay signed in on this OS account")
}

fn recover_form(name: &str) -> Form {
    let mut form = Form::default().text("User name").text("Recovery code").secret("New passphrase");
    if !name.is_empty() {
        form.fill(NAME, name);
        let _ = form.on_action(Action::NextField);
    }
    form
}

/// Says which of the first two fields is empty, and goes there.
fn is_missing(form: &mut Form, names: &[&str; 2]) -> bool {
    let Some(row) = (NAME..=SECOND).find(|row| form.value(*row).is_empty()) else { return false };
    form.ask(Fault::invalid(format!("Type your {}.", names[row])), row);
    true
}

/// Said before the passphrase is stretched, which takes a moment.
fn wrong_name(name: &str) -> Option<Fault> {
    let fits = (3..=50).contains(&name.chars().count())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    (!fits).then(|| {
        Fault::invalid("A user name has 3 to 50 letters, digits, dots, underscores or hyphens.")
            .hint("Letters without accents, so that it can be typed on every keyboard.")
    })
}
