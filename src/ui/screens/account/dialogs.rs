//! What opens in front of the tabs: questions, forms, lists, the second factor's code, codes that are shown once.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::layout::Rect;

use super::{
    AccountScreen,
    forms::{Asked, Wanted},
    preferences::{keys_picker, theme_picker},
    rows::Row,
    sealed::{SealedAct, sealed_picker},
};
use crate::{
    api::{admin::SessionRow, auth::Secret, profile::Preferences},
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AccountCall, Effect, ShellCall},
        screens::sign_in::CodeStage,
        widgets::{
            composer::{Composer, Typed},
            form::{Form, FormOut},
            options_panel::{OptionsPanel, PanelOut},
            picker::{Picker, PickerOut},
            toast::Toast,
        },
    },
};

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful at a time, one on top of the other")]
pub enum Dialog {
    Form(Asked, Form),
    Model(Picker<Option<String>>),
    SystemPrompt(Composer),
    Options(OptionsPanel),
    Theme(Picker<Option<&'static str>>),
    Keys(Picker<Action>),
    /// Recovery codes of the second factor, shown once.
    Codes(Vec<Secret>),
    /// A new recovery code of the vault, shown once and confirmed.
    Recovery(CodeStage),
    /// What to do with which sealed vault.
    Sealed(Picker<SealedAct>),
    Question {
        title: &'static str,
        text: String,
        /// What the second answer says; the first one leaves everything as it is.
        yes: &'static str,
        says_yes: bool,
        call: AccountCall,
    },
}

impl Dialog {
    pub fn recovery(code: Secret, seed: i64) -> Self {
        Self::Recovery(CodeStage::new(code, seed))
    }

    pub fn asks(&self, wanted: Wanted) -> bool {
        matches!(self, Self::Form(asked, _) if asked.wanted() == wanted)
    }

    pub fn form(&self) -> Option<&Form> {
        match self {
            Self::Form(_, form) => Some(form),
            Self::Recovery(code) => code.asking(),
            Self::Model(_)
            | Self::SystemPrompt(_)
            | Self::Options(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Sealed(_)
            | Self::Question { .. } => None,
        }
    }

    pub fn form_mut(&mut self) -> Option<&mut Form> {
        match self {
            Self::Form(_, form) => Some(form),
            Self::Recovery(code) => code.form(),
            Self::Model(_)
            | Self::SystemPrompt(_)
            | Self::Options(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Sealed(_)
            | Self::Question { .. } => None,
        }
    }

    pub fn context(&self) -> Context {
        match self {
            Self::Form(..) | Self::Options(_) | Self::Recovery(_) => Context::Form,
            Self::SystemPrompt(_) => Context::Composer,
            Self::Model(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Sealed(_)
            | Self::Question { .. } => Context::List,
        }
    }

    /// What it waits for is not done: its form can be used again.
    pub fn given_up(&mut self) {
        if let Some(form) = self.form_mut() {
            form.busy = false;
        }
    }

    pub fn is_busy(&self) -> bool {
        self.form().is_some_and(|form| form.busy)
    }

    pub fn hints(&self, cx: &Cx) -> Vec<Hint> {
        let actions = match self {
            Self::Form(asked, _) => vec![(Action::Submit, asked.spec().does), (Action::Cancel, "back")],
            Self::Recovery(code) => code.footer(),
            Self::Options(_) => {
                vec![(Action::NextField, "next"), (Action::PreviousField, "back"), (Action::Cancel, "close")]
            }
            Self::SystemPrompt(_) => {
                let (done, line) = cx.writing();
                vec![(done, "keep"), (line, "new line"), (Action::Editor, "editor"), (Action::Escape, "back")]
            }
            Self::Codes(_) => vec![(Action::ListAccept, "I have written them down")],
            Self::Model(_) | Self::Theme(_) | Self::Keys(_) | Self::Sealed(_) | Self::Question { .. } => {
                vec![(Action::ListAccept, "choose"), (Action::ListDown, "down"), (Action::ListClose, "back")]
            }
        };
        cx.hints(&actions)
    }
}

/// What a dialog decided; done after the borrow of it has ended.
enum Out {
    Stay,
    Close,
    Submit,
    Model(Option<String>),
    Theme(Option<&'static str>),
    Key(Action),
    SystemPrompt,
    /// To an editor outside.
    Edit(String),
    Panel(PanelOut),
    Sealed(SealedAct),
    Answer,
}

impl AccountScreen {
    /// Opens what changes or does this.
    pub(super) fn open_row(&mut self, row: Row, cx: &Cx) -> Vec<Effect> {
        let Some(own) = self.preferences.clone().or_else(|| (!Row::PROFILE.contains(&row)).then(Preferences::default))
        else {
            return vec![Effect::Toast(Toast::notice("Your profile is still being read."))];
        };
        let dialog = match row {
            Row::DisplayName => {
                let known = self.profile.as_ref().and_then(|known| known.display_name.as_deref());
                Asked::DisplayName.dialog(known.unwrap_or_default())
            }
            Row::Model => {
                self.dialogs.push(Dialog::Model(self.model_picker(&own)));
                return vec![Effect::Account(AccountCall::Models)];
            }
            Row::SystemPrompt => {
                let mut composer = Composer::new(cx.config.ui.vim);
                composer.edited_elsewhere(own.system_prompt.as_deref().unwrap_or_default());
                Dialog::SystemPrompt(composer)
            }
            Row::Options => {
                let (model, prompt) = (own.model.as_deref(), own.system_prompt.as_deref());
                Dialog::Options(OptionsPanel::new(&own.options, model, prompt))
            }
            Row::Theme => Dialog::Theme(theme_picker(&own)),
            Row::Keys => Dialog::Keys(keys_picker(&own, cx)),
            Row::AddFactor => return self.call(AccountCall::BeginSecondFactor),
            Row::NewCodes | Row::RemoveFactor => Asked::Code(row).dialog(""),
            Row::Export => Asked::Export.dialog(&export_name(cx)),
            Row::RecoveryCode => return self.call(AccountCall::NewRecoveryCode),
            Row::Passphrase => return vec![Effect::Act(Action::ChangePassphrase)],
            Row::Sealed => Dialog::Sealed(sealed_picker(self.sealed.as_deref().unwrap_or_default(), cx)),
            Row::Delete => Asked::DeleteName.dialog(""),
        };
        self.dialogs.push(dialog);
        Vec::new()
    }

    /// Asks before one of the sessions is ended.
    pub(super) fn ask_to_end(&mut self) -> Vec<Effect> {
        let Some(session) = self.sessions.as_ref().and_then(|all| all.get(self.selected())) else { return Vec::new() };
        if session.is_own {
            let toast = Toast::notice("This is the session you are in.");
            return vec![Effect::Toast(toast.hint("Sign out ends it: it is in the palette."))];
        }
        let text = format!("End the session at {}? Its window goes back to the sign-in screen.", place(session));
        let call = AccountCall::EndSession(session.id);
        self.ask("End a session", text, "End it", call)
    }

    pub(super) fn ask_to_end_others(&mut self) -> Vec<Effect> {
        let text = "End every session of yours but this one? “Stay signed in” ends with them, here too.".to_owned();
        self.ask("End all other sessions", text, "End them", AccountCall::EndOthers)
    }

    pub(super) fn ask(
        &mut self,
        title: &'static str,
        text: String,
        yes: &'static str,
        call: AccountCall,
    ) -> Vec<Effect> {
        self.dialogs.push(Dialog::Question { title, text, yes, says_yes: false, call });
        Vec::new()
    }

    /// `None` = not used.
    pub(super) fn dialog_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let out = match self.dialogs.last_mut()? {
            Dialog::Model(picker) => picked(picker.on_action(action, cx), Out::Model)?,
            Dialog::Theme(picker) => picked(picker.on_action(action, cx), Out::Theme)?,
            Dialog::Keys(picker) => picked(picker.on_action(action, cx), Out::Key)?,
            Dialog::Sealed(picker) => picked(picker.on_action(action, cx), Out::Sealed)?,
            Dialog::Options(panel) => Out::Panel(panel.on_action(action)?),
            Dialog::SystemPrompt(composer) => match action {
                Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => {
                    Out::SystemPrompt
                }
                Action::Send | Action::Newline => {
                    composer.newline();
                    Out::Stay
                }
                Action::Escape if composer.vim_mode() == Some("INSERT") => {
                    composer.on_key(KeyCode::Esc.into());
                    Out::Stay
                }
                Action::Editor => Out::Edit(composer.text()),
                Action::Escape | Action::Interrupt => Out::Close,
                _ => return None,
            },
            // They are never shown again, so only a clear word closes them.
            Dialog::Codes(_) if action == Action::ListAccept => Out::Close,
            Dialog::Codes(_) => return None,
            Dialog::Recovery(code) => match code.on_action(action) {
                (_, true) => Out::Close,
                (true, false) => Out::Stay,
                (false, false) => return None,
            },
            Dialog::Question { says_yes, .. } => match action {
                Action::ListUp | Action::ListDown => {
                    *says_yes = !*says_yes;
                    Out::Stay
                }
                Action::ListAccept => Out::Answer,
                Action::ListClose | Action::Escape | Action::Interrupt => Out::Close,
                _ => return None,
            },
            Dialog::Form(_, form) => match action {
                Action::Interrupt => Out::Close,
                action => match form.on_action(action).ok()? {
                    Some(FormOut::Submitted) => Out::Submit,
                    Some(FormOut::Cancelled) => Out::Close,
                    Some(FormOut::Changed(_)) | None => Out::Stay,
                },
            },
        };
        Some(self.dialog_out(out, cx))
    }

    pub(super) fn dialog_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        let out = match self.dialogs.last_mut()? {
            Dialog::Model(picker) => typed(picker.on_key(key), Out::Model),
            Dialog::Theme(picker) => typed(picker.on_key(key), Out::Theme),
            Dialog::Keys(picker) => typed(picker.on_key(key), Out::Key),
            Dialog::Sealed(picker) => typed(picker.on_key(key), Out::Sealed),
            Dialog::Options(panel) => Out::Panel(panel.on_key(key)?),
            Dialog::SystemPrompt(composer) => {
                if composer.on_key(key) == Typed::Unused {
                    return None;
                }
                Out::Stay
            }
            Dialog::Question { says_yes, .. } => match key.code {
                KeyCode::Char('y') => {
                    *says_yes = true;
                    Out::Stay
                }
                KeyCode::Char('n') => Out::Close,
                _ => return None,
            },
            dialog => {
                dialog.form_mut()?.on_key(key)?;
                Out::Stay
            }
        };
        Some(self.dialog_out(out, cx))
    }

    pub(super) fn dialog_paste(&mut self, text: &str, cx: &Cx) -> Vec<Effect> {
        let Some(dialog) = self.dialogs.last_mut() else { return Vec::new() };
        let out = match dialog {
            Dialog::Model(picker) => typed(picker.on_paste(text), Out::Model),
            Dialog::Theme(picker) => typed(picker.on_paste(text), Out::Theme),
            Dialog::Keys(picker) => typed(picker.on_paste(text), Out::Key),
            Dialog::Sealed(picker) => typed(picker.on_paste(text), Out::Sealed),
            Dialog::Options(panel) => {
                panel.on_paste(text);
                Out::Stay
            }
            Dialog::SystemPrompt(composer) => {
                composer.paste(text.to_owned());
                Out::Stay
            }
            dialog => {
                if let Some(form) = dialog.form_mut() {
                    form.on_paste(text);
                }
                Out::Stay
            }
        };
        self.dialog_out(out, cx)
    }

    pub(super) fn dialog_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        let Some(dialog) = self.dialogs.last_mut() else { return Vec::new() };
        let out = match dialog {
            Dialog::Model(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Model),
            Dialog::Theme(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Theme),
            Dialog::Keys(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Key),
            Dialog::Sealed(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Sealed),
            dialog => {
                if let Some(form) = dialog.form_mut() {
                    form.on_mouse(mouse);
                }
                Out::Stay
            }
        };
        self.dialog_out(out, cx)
    }

    fn dialog_out(&mut self, out: Out, cx: &Cx) -> Vec<Effect> {
        match out {
            Out::Stay => Vec::new(),
            Out::Close => self.close_top(),
            Out::Submit => self.submit(cx),
            Out::Model(model) => {
                self.dialogs.pop();
                self.change(|own| own.model = model)
            }
            Out::Theme(theme) => {
                self.dialogs.pop();
                self.change(|own| own.theme = theme.map(str::to_owned))
            }
            Out::Key(action) => {
                let known = self.own_keys(action).unwrap_or_default();
                self.dialogs.push(Asked::KeysOf(action).dialog(&known));
                Vec::new()
            }
            Out::SystemPrompt => {
                let Some(Dialog::SystemPrompt(composer)) = self.dialogs.pop() else { return Vec::new() };
                let text = composer.text();
                self.change(|own| own.system_prompt = (!text.trim().is_empty()).then_some(text))
            }
            Out::Edit(text) => vec![Effect::Shell(ShellCall::Edit(text))],
            Out::Panel(out) => self.panel_out(out, cx),
            Out::Sealed(act) => self.sealed_act(act, cx),
            Out::Answer => match self.dialogs.pop() {
                Some(Dialog::Question { says_yes: true, call, .. }) => self.call(call),
                Some(_) | None => Vec::new(),
            },
        }
    }

    fn panel_out(&mut self, out: PanelOut, cx: &Cx) -> Vec<Effect> {
        match out {
            PanelOut::Nothing | PanelOut::ChoosePreset => Vec::new(),
            PanelOut::Changed(options) => self.change(|own| own.options = *options),
            PanelOut::ChooseModel => self.open_row(Row::Model, cx),
            PanelOut::EditSystemPrompt => self.open_row(Row::SystemPrompt, cx),
            PanelOut::Leave { .. } => self.close_top(),
        }
    }

    /// Whether a text is on view that an editor may have been given.
    #[must_use]
    pub fn edits_text(&self) -> bool {
        matches!(self.dialogs.last(), Some(Dialog::SystemPrompt(_)))
    }

    /// The text as the editor left it.
    pub fn edited_elsewhere(&mut self, text: &str) {
        if let Some(Dialog::SystemPrompt(composer)) = self.dialogs.last_mut() {
            // Editors end a file with a newline that nobody typed.
            composer.edited_elsewhere(text.strip_suffix('\n').unwrap_or(text));
        }
    }

    /// Esc. What is asked for meanwhile goes on.
    fn close_top(&mut self) -> Vec<Effect> {
        self.dialogs.pop();
        Vec::new()
    }
}

fn export_name(cx: &Cx) -> String {
    let name = cx.account.as_ref().map_or("account", |account| account.name.as_str());
    let day = jiff::Timestamp::from_millisecond(cx.now_ms)
        .map(|at| at.to_zoned(cx.zone.clone()).strftime("%Y-%m-%d").to_string())
        .unwrap_or_default();
    format!("~/ollamanet-{name}-{day}.tar.gz")
}

/// Where a session is, in a few words.
pub fn place(session: &SessionRow) -> String {
    let place = SafeText::line(&session.place).into_string();
    match place.strip_prefix("/dev/") {
        Some(terminal) => terminal.to_owned(),
        None if place.is_empty() => "an unknown place".to_owned(),
        None => place,
    }
}

/// `None` = the action is not the list's.
fn picked<T>(out: Result<Option<PickerOut<T>>, Action>, chosen: impl Fn(T) -> Out) -> Option<Out> {
    out.ok().map(|out| typed(out, chosen))
}

fn typed<T>(out: Option<PickerOut<T>>, chosen: impl Fn(T) -> Out) -> Out {
    match out {
        Some(PickerOut::Chosen(value)) => chosen(value),
        Some(PickerOut::Closed) => Out::Close,
        Some(PickerOut::Typed(_)) | None => Out::Stay,
    }
}
