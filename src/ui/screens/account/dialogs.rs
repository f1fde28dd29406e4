//! What opens in front of the tabs: questions, forms, lists, the second factor's code, codes that are shown once.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::layout::Rect;

use super::{AccountScreen, qr::Qr, rows::Row};
use crate::{
    api::{
        Fault, FaultKind,
        admin::SessionRow,
        auth::Secret,
        models::ModelList,
        profile::{Enrolment, Preferences},
    },
    config::load::KeyPlaces,
    safe_text::SafeText,
    ui::{
        actions::{ACTIONS, Action, Context},
        cx::{Cx, Hint},
        keymap::{self, Chord},
        msg::{AccountCall, Effect},
        screens::sign_in::CodeStage,
        widgets::{
            composer::{Composer, Typed},
            form::{Form, FormOut},
            options_panel::{OptionsPanel, PanelOut},
            picker::{Item, Picker, PickerOut},
            toast::Toast,
        },
    },
};

/// Unbinds, where an empty field means "as in the settings file".
const NO_KEYS: &str = "none";

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful at a time, one on top of the other")]
pub enum Dialog {
    DisplayName(Form),
    Model(Picker<Option<String>>),
    SystemPrompt(Composer),
    Options(OptionsPanel),
    Theme(Picker<Option<&'static str>>),
    Keys(Picker<Action>),
    KeysOf {
        action: Action,
        form: Form,
    },
    /// The proposed second factor, as a picture and in letters, and the code that proves it.
    Enrol {
        secret: Secret,
        qr: Option<Qr>,
        form: Form,
    },
    /// A code of the second factor, for what changes it.
    Code {
        row: Row,
        form: Form,
    },
    /// Recovery codes of the second factor, shown once.
    Codes(Vec<Secret>),
    /// A new recovery code of the vault, shown once and confirmed.
    Recovery(CodeStage),
    Export(Form),
    DeleteName(Form),
    Question {
        title: &'static str,
        text: String,
        /// What the second answer says; the first one leaves everything as it is.
        yes: &'static str,
        says_yes: bool,
        call: AccountCall,
    },
}

/// Which dialog a reply is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    DisplayName,
    KeysOf,
    Enrolment,
    Code,
    Export,
}

impl Dialog {
    pub fn enrol(enrolment: Enrolment) -> Self {
        let form = Form::default().text("Code it shows now").waiting("Looking whether it fits…");
        Self::Enrol { qr: Qr::new(&enrolment.uri), secret: enrolment.secret, form }
    }

    pub fn recovery(code: Secret, seed: i64) -> Self {
        Self::Recovery(CodeStage::new(code, seed))
    }

    fn is(&self, wanted: Wanted) -> bool {
        match self {
            Self::DisplayName(_) => wanted == Wanted::DisplayName,
            Self::KeysOf { .. } => wanted == Wanted::KeysOf,
            Self::Enrol { .. } => wanted == Wanted::Enrolment,
            Self::Code { .. } => wanted == Wanted::Code,
            Self::Export(_) => wanted == Wanted::Export,
            Self::Model(_)
            | Self::SystemPrompt(_)
            | Self::Options(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Recovery(_)
            | Self::DeleteName(_)
            | Self::Question { .. } => false,
        }
    }

    pub fn form(&self) -> Option<&Form> {
        match self {
            Self::DisplayName(form)
            | Self::KeysOf { form, .. }
            | Self::Enrol { form, .. }
            | Self::Code { form, .. }
            | Self::Export(form)
            | Self::DeleteName(form) => Some(form),
            Self::Recovery(code) => code.asking(),
            Self::Model(_)
            | Self::SystemPrompt(_)
            | Self::Options(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Question { .. } => None,
        }
    }

    fn form_mut(&mut self) -> Option<&mut Form> {
        match self {
            Self::DisplayName(form)
            | Self::KeysOf { form, .. }
            | Self::Enrol { form, .. }
            | Self::Code { form, .. }
            | Self::Export(form)
            | Self::DeleteName(form) => Some(form),
            Self::Recovery(code) => code.form(),
            Self::Model(_)
            | Self::SystemPrompt(_)
            | Self::Options(_)
            | Self::Theme(_)
            | Self::Keys(_)
            | Self::Codes(_)
            | Self::Question { .. } => None,
        }
    }

    pub fn context(&self) -> Context {
        match self {
            Self::DisplayName(_)
            | Self::Options(_)
            | Self::KeysOf { .. }
            | Self::Enrol { .. }
            | Self::Code { .. }
            | Self::Recovery(_)
            | Self::Export(_)
            | Self::DeleteName(_) => Context::Form,
            Self::SystemPrompt(_) => Context::Composer,
            Self::Model(_) | Self::Theme(_) | Self::Keys(_) | Self::Codes(_) | Self::Question { .. } => Context::List,
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
        let form = |done| vec![(Action::Submit, done), (Action::Cancel, "back")];
        let actions = match self {
            Self::DisplayName(_) | Self::KeysOf { .. } => form("keep"),
            Self::Enrol { .. } => form("add it"),
            Self::Code { .. } | Self::DeleteName(_) => form("go on"),
            Self::Export(_) => form("export"),
            Self::Recovery(code) => code.footer(),
            Self::Options(_) => {
                vec![(Action::NextField, "next"), (Action::PreviousField, "back"), (Action::Cancel, "close")]
            }
            Self::SystemPrompt(_) => {
                let (done, line) = if cx.config.ui.enter_sends {
                    (Action::Send, Action::Newline)
                } else {
                    (Action::Newline, Action::Send)
                };
                vec![(done, "keep"), (line, "new line"), (Action::Escape, "back")]
            }
            Self::Codes(_) => vec![(Action::ListAccept, "I have written them down")],
            Self::Model(_) | Self::Theme(_) | Self::Keys(_) | Self::Question { .. } => {
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
    Panel(PanelOut),
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
                let mut form = Form::default().text("Display name").waiting("Keeping it…");
                form.fill(0, self.profile.as_ref().and_then(|known| known.display_name.as_deref()).unwrap_or_default());
                Dialog::DisplayName(form)
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
            Row::Options => Dialog::Options(panel(&own)),
            Row::Theme => Dialog::Theme(theme_picker(&own)),
            Row::Keys => Dialog::Keys(keys_picker(&own, cx)),
            Row::AddFactor => return self.call(AccountCall::BeginSecondFactor),
            Row::NewCodes | Row::RemoveFactor => {
                Dialog::Code { row, form: Form::default().text("Code").waiting("Looking whether the code fits…") }
            }
            Row::Export => {
                let mut form = Form::default().text("File to write").waiting("Writing everything of yours…");
                form.fill(0, &export_name(cx));
                Dialog::Export(form)
            }
            Row::RecoveryCode => return self.call(AccountCall::NewRecoveryCode),
            Row::Passphrase => return vec![Effect::Act(Action::ChangePassphrase)],
            Row::Delete => Dialog::DeleteName(Form::default().text("Your user name")),
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

    fn ask(&mut self, title: &'static str, text: String, yes: &'static str, call: AccountCall) -> Vec<Effect> {
        self.dialogs.push(Dialog::Question { title, text, yes, says_yes: false, call });
        Vec::new()
    }

    /// `None` = not used.
    pub(super) fn dialog_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let out = match self.dialogs.last_mut()? {
            Dialog::Model(picker) => picked(picker.on_action(action, cx), Out::Model)?,
            Dialog::Theme(picker) => picked(picker.on_action(action, cx), Out::Theme)?,
            Dialog::Keys(picker) => picked(picker.on_action(action, cx), Out::Key)?,
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
            Dialog::DisplayName(form)
            | Dialog::KeysOf { form, .. }
            | Dialog::Enrol { form, .. }
            | Dialog::Code { form, .. }
            | Dialog::Export(form)
            | Dialog::DeleteName(form) => match action {
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
                let mut form = Form::default().text("Keys").waiting("Keeping them…");
                form.fill(0, &self.own_keys(action).unwrap_or_default());
                self.dialogs.push(Dialog::KeysOf { action, form });
                Vec::new()
            }
            Out::SystemPrompt => {
                let Some(Dialog::SystemPrompt(composer)) = self.dialogs.pop() else { return Vec::new() };
                let text = composer.text();
                self.change(|own| own.system_prompt = (!text.trim().is_empty()).then_some(text))
            }
            Out::Panel(out) => self.panel_out(out, cx),
            Out::Answer => match self.dialogs.pop() {
                Some(Dialog::Question { says_yes: true, call, .. }) => self.call(call),
                Some(_) | None => Vec::new(),
            },
        }
    }

    fn panel_out(&mut self, out: PanelOut, cx: &Cx) -> Vec<Effect> {
        match out {
            PanelOut::Nothing => Vec::new(),
            PanelOut::Changed(options) => self.change(|own| own.options = *options),
            PanelOut::ChooseModel => self.open_row(Row::Model, cx),
            PanelOut::EditSystemPrompt => self.open_row(Row::SystemPrompt, cx),
            PanelOut::Leave { .. } => self.close_top(),
        }
    }

    /// Esc. What is asked for meanwhile goes on.
    fn close_top(&mut self) -> Vec<Effect> {
        self.dialogs.pop();
        Vec::new()
    }

    fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(dialog) = self.dialogs.last_mut() else { return Vec::new() };
        let Some(form) = dialog.form_mut() else { return Vec::new() };
        let (typed, secret) = (form.value(0).trim().to_owned(), form.secret_value(0));
        let say = |form: &mut Form, words: &str| {
            form.ask(Fault::invalid(words), 0);
            Vec::new()
        };
        match dialog {
            Dialog::DisplayName(form) => {
                form.busy = true;
                self.call(AccountCall::SetDisplayName((!typed.is_empty()).then_some(typed)))
            }
            Dialog::Enrol { form, .. } | Dialog::Code { form, .. } if typed.is_empty() => {
                say(form, "Type the code that your authenticator shows.")
            }
            Dialog::Enrol { form, .. } => {
                form.busy = true;
                self.call(AccountCall::AddSecondFactor(secret))
            }
            Dialog::Code { row, form } => {
                form.busy = true;
                let removes = *row == Row::RemoveFactor;
                self.call(if removes {
                    AccountCall::RemoveSecondFactor(secret)
                } else {
                    AccountCall::NewSecondFactorCodes(secret)
                })
            }
            Dialog::Export(form) if typed.is_empty() => say(form, "Name the file that it should be written to."),
            Dialog::Export(form) => {
                form.busy = true;
                self.call(AccountCall::Export(PathBuf::from(typed)))
            }
            Dialog::DeleteName(form) => {
                let name = cx.account.as_ref().map_or("", |account| &account.name);
                if typed != name {
                    return say(form, "That is not your user name. Nothing was deleted.");
                }
                self.dialogs.pop();
                let text = format!(
                    "Delete the account {} and everything in it, for good? Nobody will be able to bring it back.",
                    SafeText::line(name)
                );
                self.ask("Delete my account", text, "Delete it for good", AccountCall::Delete)
            }
            Dialog::KeysOf { action, .. } => {
                let action = *action;
                self.set_keys(action, &typed, cx)
            }
            Dialog::Model(_)
            | Dialog::SystemPrompt(_)
            | Dialog::Options(_)
            | Dialog::Theme(_)
            | Dialog::Keys(_)
            | Dialog::Codes(_)
            | Dialog::Recovery(_)
            | Dialog::Question { .. } => Vec::new(),
        }
    }

    /// Sends the preferences with one of them changed.
    fn change(&mut self, edit: impl FnOnce(&mut Preferences)) -> Vec<Effect> {
        let Some(mut own) = self.preferences.clone() else { return Vec::new() };
        edit(&mut own);
        self.call(AccountCall::SetPreferences(Box::new(own)))
    }

    /// The keys that a person chose for an action, as they are written.
    fn own_keys(&self, action: Action) -> Option<String> {
        let spec = action.spec();
        let keys = self.preferences.as_ref()?.keys.get(spec.context.name())?.get(spec.name)?;
        Some(if keys.is_empty() { NO_KEYS.to_owned() } else { keys.join(", ") })
    }

    fn set_keys(&mut self, action: Action, typed: &str, cx: &Cx) -> Vec<Effect> {
        let keys: Option<Vec<String>> = match typed {
            "" => None,
            NO_KEYS => Some(Vec::new()),
            keys => Some(keys.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect()),
        };
        let wrong = keys.as_ref().and_then(|keys| wrong_keys(action, keys, cx));
        if let Some(Dialog::KeysOf { form, .. }) = self.dialogs.last_mut() {
            if let Some(wrong) = wrong {
                form.ask(wrong, 0);
                return Vec::new();
            }
            form.busy = true;
        }
        let spec = action.spec();
        self.change(|own| {
            let here = own.keys.entry(spec.context.name().to_owned()).or_default();
            match keys {
                Some(keys) => drop(here.insert(spec.name.to_owned(), keys)),
                None => drop(here.remove(spec.name)),
            }
            own.keys.retain(|_, actions| !actions.is_empty());
        })
    }

    pub(super) fn on_preferences_set(&mut self, done: Result<Box<Preferences>, Fault>) -> Vec<Effect> {
        let own = match done {
            Ok(own) => *own,
            Err(fault) => {
                // What is shown in the panel is what is kept.
                let kept = self.preferences.clone().unwrap_or_default();
                self.refresh_panel(&kept);
                return self.refused(Wanted::KeysOf, fault);
            }
        };
        self.close(Wanted::KeysOf);
        self.refresh_panel(&own);
        self.preferences = Some(own);
        Vec::new()
    }

    fn refresh_panel(&mut self, own: &Preferences) {
        for dialog in &mut self.dialogs {
            if let Dialog::Options(panel) = dialog {
                panel.refresh(&own.options, own.model.as_deref(), own.system_prompt.as_deref());
            }
        }
    }

    /// The list of keys says what holds now. Called when the keys have changed.
    pub fn keys_changed(&mut self, cx: &Cx) {
        let own = self.preferences.clone().unwrap_or_default();
        for dialog in &mut self.dialogs {
            if let Dialog::Keys(picker) = dialog {
                picker.set_items(key_items(&own, cx));
            }
        }
    }

    pub(super) fn on_models(&mut self, models: Result<ModelList, Fault>) {
        let why = models.as_ref().err().map(ToString::to_string);
        if let Ok(models) = models {
            self.models = Some(models);
        }
        let own = self.preferences.clone().unwrap_or_default();
        let mut fresh = self.model_picker(&own);
        if let Some(why) = why {
            fresh.set_note(&why);
        }
        if let Some(Dialog::Model(picker)) = self.dialogs.last_mut()
            && picker.query().is_empty()
        {
            *picker = fresh;
        }
    }

    fn model_picker(&self, own: &Preferences) -> Picker<Option<String>> {
        let mark = |on: bool| if on { "●" } else { " " };
        let mut items =
            vec![Item::new("The one used last, or the settings file's", None).mark(mark(own.model.is_none()))];
        let listed = self.models.iter().flat_map(|list| &list.models);
        for model in listed {
            let is_own = own.model.as_ref() == Some(&model.name);
            items.push(Item::new(&model.name, Some(model.name.clone())).detail(&model.parameters).mark(mark(is_own)));
        }
        // One that is not installed here stays chosen, and is shown.
        if let Some(model) = own.model.as_ref().filter(|own| !items.iter().any(|item| item.value.as_ref() == Some(own)))
        {
            items.push(Item::new(model, Some(model.clone())).detail("not installed").mark("●"));
        }
        let mut picker = Picker::new("Model of new conversations", items);
        picker.select(|value| *value == own.model);
        picker
    }

    /// The dialog has done its work.
    pub(super) fn close(&mut self, wanted: Wanted) {
        self.dialogs.retain(|dialog| !dialog.is(wanted));
    }

    /// Closes the dialog and says so, or shows in it what is wrong.
    pub(super) fn finish(&mut self, wanted: Wanted, done: Result<(), Fault>, words: &str) -> Vec<Effect> {
        match done {
            Ok(()) => {
                self.close(wanted);
                vec![Effect::Toast(Toast::good(words))]
            }
            Err(fault) => self.refused(wanted, fault),
        }
    }

    pub(super) fn refused(&mut self, wanted: Wanted, fault: Fault) -> Vec<Effect> {
        let wrong = fault.kind == FaultKind::WrongCredentials;
        match self.dialogs.iter_mut().find(|dialog| dialog.is(wanted)).and_then(Dialog::form_mut) {
            Some(form) => {
                form.refuse(fault, wrong.then_some(0));
                Vec::new()
            }
            None => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }
}

/// Why these keys cannot be those of the action: they cannot be read, or mean something else already.
fn wrong_keys(action: Action, keys: &[String], cx: &Cx) -> Option<Fault> {
    let said = |message: &str, hint: Option<String>| {
        let fault = Fault::invalid(message);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    };
    if let Some((message, hint)) = keys.iter().find_map(|key| key.parse::<Chord>().err()) {
        return Some(said(&message, hint));
    }
    let places = KeyPlaces::default();
    let before = keymap::check(&cx.config.keys, &places);
    let mut all = cx.config.keys.clone();
    let spec = action.spec();
    all.entry(spec.context.name().to_owned()).or_default().insert(spec.name.to_owned(), keys.to_vec());
    let why = keymap::check(&all, &places).into_iter().find(|problem| !before.contains(problem))?;
    Some(said(&why.message, Some("Free that key first, or take another one.".to_owned())))
}

fn panel(own: &Preferences) -> OptionsPanel {
    OptionsPanel::new(&own.options, own.model.as_deref(), own.system_prompt.as_deref())
}

fn theme_picker(own: &Preferences) -> Picker<Option<&'static str>> {
    let themes = [
        (None, "As in the settings file", ""),
        (Some("auto"), "auto", "by the terminal's background"),
        (Some("dark"), "dark", ""),
        (Some("light"), "light", ""),
        (Some("plain"), "plain", "no colours"),
    ];
    let items = themes.map(|(value, label, detail)| {
        let mark = if value == own.theme.as_deref() { "●" } else { " " };
        Item::new(label, value).detail(detail).mark(mark)
    });
    let mut picker = Picker::new("Theme", items.to_vec());
    picker.select(|value| *value == own.theme.as_deref());
    picker
}

fn keys_picker(own: &Preferences, cx: &Cx) -> Picker<Action> {
    Picker::new("Keys", key_items(own, cx)).empty("Nothing is called that.")
}

/// Every action with its keys; those with keys of one's own are marked.
fn key_items(own: &Preferences, cx: &Cx) -> Vec<Item<Action>> {
    let item = |spec: &crate::ui::actions::Spec| {
        let is_own = own.keys.get(spec.context.name()).is_some_and(|here| here.contains_key(spec.name));
        let label = format!("{}: {}", spec.context.title(), spec.help);
        Item::new(&label, spec.action).detail(&cx.keymap.labels(spec.action)).mark(if is_own { "●" } else { " " })
    };
    ACTIONS.iter().map(item).collect()
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
