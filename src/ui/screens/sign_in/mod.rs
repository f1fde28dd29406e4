//! Coming in: first run, sign-in, the second factor, one-time codes, registration, recovery, and what follows each of them
//! until the chat can begin.
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

use self::passphrase::{Meter, too_short};
pub(super) use self::{
    code::CodeStage,
    view::{lines, prose, view_code},
};
pub use self::{
    lock::LockScreen,
    passphrase::{ChangeOut, ChangePassphrase},
    view::ollama_line,
};
use crate::{
    api::{
        Fault, FaultKind,
        auth::{Activation, HalfWay, NewAccount, Secret, SignedIn},
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
    /// Anybody may make an account here.
    registration: bool,
    /// What the administrators say to everybody who comes.
    message: Option<String>,
}

#[derive(Debug)]
enum Stage {
    /// The first account of an installation.
    FirstRun {
        form: Form,
        meter: Meter,
    },
    /// One's own account, where that is open to everybody.
    Register {
        form: Form,
        meter: Meter,
    },
    SignIn {
        form: Form,
    },
    /// The passphrase fits; a code is wanted.
    SecondFactor {
        half: HalfWay,
        form: Form,
        name: String,
        stay: bool,
    },
    /// With a one-time code, for a new account or after a reset.
    Activate {
        form: Form,
        meter: Meter,
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
/// Rows of the form for a one-time code.
const OLD_CODE: usize = 2;
const FIRST: usize = 3;

impl SignInScreen {
    #[must_use]
    pub fn first_run() -> Self {
        let stage = Stage::FirstRun { form: new_account_form(), meter: Meter::default() };
        Self { stage, reason: None, registration: false, message: None, answers: Cell::default() }
    }

    /// With the reason when a session has just ended.
    #[must_use]
    pub fn sign_in(reason: Option<Fault>) -> Self {
        Self {
            stage: Stage::SignIn { form: sign_in_form("") },
            reason,
            registration: false,
            message: None,
            answers: Cell::default(),
        }
    }

    /// Says whether anybody may make an account here.
    #[must_use]
    pub fn with_registration(mut self, open: bool) -> Self {
        self.registration = open;
        self
    }

    #[must_use]
    pub fn with_message(mut self, message: Option<String>) -> Self {
        self.message = message;
        self
    }

    pub fn set_message(&mut self, message: Option<String>) {
        self.message = message;
    }

    pub fn set_registration(&mut self, open: bool) {
        self.registration = open;
    }

    /// The better of two reasons: one that came later, and says more than that nobody is signed in.
    pub fn learn_reason(&mut self, why: Fault) {
        if self.reason.as_ref().is_some_and(|known| *known == Fault::signed_out()) {
            self.reason = Some(why);
        }
    }

    /// What was said of an ended session is no longer of interest.
    pub fn forget_reason(&mut self) {
        self.reason = None;
    }

    fn form(&mut self) -> Option<&mut Form> {
        match &mut self.stage {
            Stage::FirstRun { form, .. }
            | Stage::Register { form, .. }
            | Stage::SignIn { form }
            | Stage::SecondFactor { form, .. }
            | Stage::Activate { form, .. }
            | Stage::Recover { form, .. } => Some(form),
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
            Stage::FirstRun { form, .. }
            | Stage::Register { form, .. }
            | Stage::Activate { form, .. }
            | Stage::Recover { form, .. }
                if action == Action::Generate =>
            {
                return (!form.busy).then(|| vec![Effect::Auth(AuthCall::Propose)]);
            }
            Stage::SignIn { form } if matches!(action, Action::Recover | Action::OneTimeCode | Action::NewAccount) => {
                let (name, meter) = (form.value(NAME).to_owned(), Meter::default());
                if form.busy {
                    return Some(Vec::new());
                }
                self.stage = match action {
                    Action::Recover => Stage::Recover { form: recover_form(&name), meter },
                    Action::OneTimeCode => Stage::Activate { form: activation_form(&name), meter },
                    _ if self.registration => Stage::Register { form: new_account_form(), meter },
                    _ => {
                        let toast = Toast::notice("Here an administrator makes the accounts.");
                        return Some(vec![Effect::Toast(toast.hint("Ask for one; you get a one-time code for it."))]);
                    }
                };
                return Some(Vec::new());
            }
            Stage::FirstRun { .. }
            | Stage::Register { .. }
            | Stage::SignIn { .. }
            | Stage::SecondFactor { .. }
            | Stage::Activate { .. }
            | Stage::Recover { .. } => {}
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
            | Stage::Register { .. }
            | Stage::SecondFactor { .. }
            | Stage::Activate { .. }
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

    /// Esc: back to sign-in from what began there; elsewhere there is nowhere to go.
    fn step_back(&mut self) -> Option<Vec<Effect>> {
        let name = match &self.stage {
            Stage::SecondFactor { form, name, .. } if !form.busy => name.clone(),
            Stage::Recover { form, .. } | Stage::Activate { form, .. } if !form.busy => form.value(NAME).to_owned(),
            Stage::Register { form, .. } if !form.busy => String::new(),
            Stage::Recover { .. }
            | Stage::Activate { .. }
            | Stage::Register { .. }
            | Stage::SecondFactor { .. }
            | Stage::FirstRun { .. }
            | Stage::SignIn { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => return None,
        };
        self.stage = Stage::SignIn { form: sign_in_form(&name) };
        Some(Vec::new())
    }

    fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        let min = cx.config.auth.min_length;
        let is_first = matches!(self.stage, Stage::FirstRun { .. });
        match &mut self.stage {
            Stage::FirstRun { form, .. } | Stage::Register { form, .. } => {
                if let Some(wrong) = wrong_name(form.value(NAME)) {
                    form.ask(wrong, NAME);
                } else if let Some(wrong) = too_short(form.value(SECOND), min) {
                    form.ask(wrong, SECOND);
                } else {
                    form.busy = true;
                    let new = NewAccount { name: form.value(NAME).to_owned(), passphrase: form.secret_value(SECOND) };
                    let call = if is_first { AuthCall::CreateFirstAdmin(new) } else { AuthCall::Register(new) };
                    return vec![Effect::Auth(call)];
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
            Stage::SecondFactor { half, form, .. } => {
                if form.value(0).trim().is_empty() {
                    form.ask(Fault::invalid("Type the code that your authenticator shows."), 0);
                } else {
                    form.busy = true;
                    let (half, code) = (half.clone(), form.secret_value(0));
                    return vec![Effect::Auth(AuthCall::SecondFactor { half, code })];
                }
            }
            Stage::Activate { form, .. } => {
                if is_missing(form, &["user name", "one-time code"]) {
                } else if let Some(wrong) = too_short(form.value(FIRST), min) {
                    form.ask(wrong, FIRST);
                } else {
                    form.busy = true;
                    let old = form.value(OLD_CODE).trim();
                    return vec![Effect::Auth(AuthCall::Activate(Activation {
                        name: form.value(NAME).to_owned(),
                        code: form.secret_value(SECOND),
                        recovery_code: (!old.is_empty()).then(|| Secret::new(old)),
                        passphrase: form.secret_value(FIRST),
                    }))];
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
            Stage::FirstRun { meter, .. } | Stage::Register { meter, .. } => meter.changed(),
            Stage::Recover { meter, .. } if out == FormOut::Changed(NEW) => meter.changed(),
            Stage::Activate { meter, .. } if out == FormOut::Changed(FIRST) => meter.changed(),
            Stage::Recover { .. }
            | Stage::Activate { .. }
            | Stage::SignIn { .. }
            | Stage::SecondFactor { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => Vec::new(),
        }
    }

    pub fn on_judge_due(&mut self, asked: u64) -> Vec<Effect> {
        match &self.stage {
            Stage::FirstRun { form, meter } | Stage::Register { form, meter } => {
                meter.judge(asked, form.value(NAME), form.value(SECOND))
            }
            Stage::Recover { form, meter } => meter.judge(asked, form.value(NAME), form.value(NEW)),
            Stage::Activate { form, meter } => meter.judge(asked, form.value(NAME), form.value(FIRST)),
            Stage::SignIn { .. } | Stage::SecondFactor { .. } | Stage::Code(_) | Stage::Stay { .. } => Vec::new(),
        }
    }

    pub fn on_reply(&mut self, reply: AuthReply, cx: &Cx) -> Progress {
        match reply {
            AuthReply::Judged { asked, strength: Ok(strength) } => {
                if let Stage::FirstRun { meter, .. }
                | Stage::Register { meter, .. }
                | Stage::Activate { meter, .. }
                | Stage::Recover { meter, .. } = &mut self.stage
                {
                    meter.judged(asked, strength);
                }
                Progress::Here(Vec::new())
            }
            AuthReply::Proposed(Ok(secret)) => Progress::Here(match &mut self.stage {
                Stage::FirstRun { form, meter } | Stage::Register { form, meter } => {
                    form.fill(SECOND, secret.reveal());
                    meter.proposed()
                }
                Stage::Activate { form, meter } => {
                    form.fill(FIRST, secret.reveal());
                    meter.proposed()
                }
                Stage::Recover { form, meter } => {
                    form.fill(NEW, secret.reveal());
                    meter.proposed()
                }
                Stage::SignIn { .. } | Stage::SecondFactor { .. } | Stage::Code(_) | Stage::Stay { .. } => Vec::new(),
            }),
            AuthReply::HalfWay(half) => {
                self.half_way(half);
                Progress::Here(Vec::new())
            }
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
            | AuthReply::Registration(_)
            | AuthReply::SignedOut(_)
            | AuthReply::Locked(_)
            | AuthReply::Unlocked(_)
            | AuthReply::PassphraseChanged(_)
            | AuthReply::Confirmed(_) => Progress::Here(Vec::new()),
        }
    }

    /// The passphrase was right; what was typed besides it is kept for when the code is, too.
    fn half_way(&mut self, half: HalfWay) {
        let (name, stay) = match &self.stage {
            Stage::SignIn { form } => (form.value(NAME).to_owned(), form.is_on(STAY)),
            Stage::Recover { form, .. } | Stage::Activate { form, .. } => (form.value(NAME).to_owned(), false),
            Stage::FirstRun { .. }
            | Stage::Register { .. }
            | Stage::SecondFactor { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => return,
        };
        let form = Form::default().text("Authenticator or recovery code").waiting("Looking whether the code fits…");
        self.stage = Stage::SecondFactor { half, form, name, stay };
    }

    fn arrived(&mut self, signed_in: SignedIn, cx: &Cx) -> Progress {
        let mut effects: Vec<Effect> =
            signed_in.notice.into_iter().map(|notice| Effect::Toast(Toast::notice(notice))).collect();
        if let Some(code) = signed_in.recovery_code {
            self.stage = Stage::Code(CodeStage::new(code, cx.now_ms));
            return Progress::Here(effects);
        }
        let stays = match &self.stage {
            Stage::SignIn { form } => form.is_on(STAY),
            Stage::SecondFactor { stay, .. } => *stay,
            Stage::FirstRun { .. }
            | Stage::Register { .. }
            | Stage::Activate { .. }
            | Stage::Recover { .. }
            | Stage::Code(_)
            | Stage::Stay { .. } => false,
        };
        if stays {
            effects.push(Effect::Auth(AuthCall::StaySignedIn(true)));
            return Progress::Here(effects);
        }
        Progress::Done(effects)
    }

    fn refused(&mut self, fault: Fault) {
        // What was mistyped is emptied; after anything else, such as a full disk, it can be sent again as it is.
        let wrong = fault.kind == FaultKind::WrongCredentials;
        match &mut self.stage {
            // The codes can be read on the screen and mended, so they stay.
            Stage::FirstRun { form, .. } | Stage::Register { form, .. } | Stage::Activate { form, .. } => {
                form.refuse(fault, None);
            }
            Stage::SignIn { form } | Stage::Recover { form, .. } => form.refuse(fault, wrong.then_some(SECOND)),
            // It took too long: the passphrase is asked for again, and why is said.
            Stage::SecondFactor { name, .. } if fault.kind == FaultKind::SignedOut => {
                self.stage = Stage::SignIn { form: sign_in_form(name) };
                self.reason = Some(fault);
            }
            Stage::SecondFactor { form, .. } => form.refuse(fault, wrong.then_some(0)),
            Stage::Code(_) | Stage::Stay { .. } => {}
        }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.stage {
            Stage::FirstRun { form, .. }
            | Stage::Register { form, .. }
            | Stage::SignIn { form }
            | Stage::SecondFactor { form, .. }
            | Stage::Activate { form, .. }
            | Stage::Recover { form, .. } => form.busy,
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
            Stage::SignIn { .. } => {
                let mut actions = vec![
                    (Action::Submit, "sign in"),
                    (Action::Reveal, "show"),
                    (Action::Recover, "recovery code"),
                    (Action::OneTimeCode, "one-time code"),
                ];
                if self.registration {
                    actions.push((Action::NewAccount, "new account"));
                }
                actions
            }
            Stage::SecondFactor { .. } => vec![(Action::Submit, "sign in"), (Action::Cancel, "back")],
            Stage::Register { .. } | Stage::Activate { .. } | Stage::Recover { .. } => vec![
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

fn new_account_form() -> Form {
    Form::default().text("User name").secret("Passphrase")
}

fn sign_in_form(name: &str) -> Form {
    let form = Form::default().text("User name").secret("Passphrase").toggle("Stay signed in on this OS account");
    with_name(form, name)
}

fn activation_form(name: &str) -> Form {
    let form = Form::default()
        .text("User name")
        .text("One-time code")
        .text("Recovery code (only after a reset)")
        .secret("New passphrase");
    with_name(form, name)
}

fn recover_form(name: &str) -> Form {
    with_name(Form::default().text("User name").text("Recovery code").secret("New passphrase"), name)
}

/// A name that was typed already is not asked for again.
fn with_name(mut form: Form, name: &str) -> Form {
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
