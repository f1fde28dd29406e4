//! The forms of one field: what each asks, says and does. One table; what is typed becomes a call in one place.

use std::path::PathBuf;

use super::{
    AccountScreen,
    dialogs::Dialog,
    rows::Row,
    sealed::{about_opening, open_call},
};
use crate::{
    api::{
        Fault,
        auth::Secret,
        profile::{Enrolment, SealedVault},
    },
    qr::Qr,
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{AccountCall, Effect},
        widgets::{form::Form, toast::Toast},
    },
};

/// What a form in front of the tabs is for.
#[derive(Debug)]
pub enum Asked {
    DisplayName,
    KeysOf(Action),
    /// The proposed second factor, as a picture and in letters, and the code that proves it.
    Enrolment {
        secret: Secret,
        qr: Option<Qr>,
    },
    /// A code of the second factor, for what changes it.
    Code(Row),
    Export,
    DeleteName,
    /// A sealed vault's recovery code, where it needs one, and the passphrase.
    OpenSealed(SealedVault),
}

/// The same without what it is about, for the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    DisplayName,
    KeysOf,
    Enrolment,
    Code,
    Export,
    DeleteName,
    OpenSealed,
}

/// A row of the table.
pub struct Spec {
    label: &'static str,
    /// Said while the answer is awaited.
    waiting: &'static str,
    /// What Enter does, for the footer.
    pub does: &'static str,
    /// What is said when nothing was typed; `None` where that has a meaning.
    missing: Option<&'static str>,
}

const NO_CODE: &str = "Type the code that your authenticator shows.";

impl Asked {
    pub fn enrolment(proposed: Enrolment) -> Dialog {
        Self::Enrolment { qr: Qr::new(&proposed.uri), secret: proposed.secret }.dialog("")
    }

    /// With what stands in the field at first.
    pub fn dialog(self, known: &str) -> Dialog {
        let spec = self.spec();
        let mut form = Form::default().text(spec.label).waiting(spec.waiting);
        form.fill(0, known);
        Dialog::Form(self, form)
    }

    pub fn wanted(&self) -> Wanted {
        match self {
            Self::DisplayName => Wanted::DisplayName,
            Self::KeysOf(_) => Wanted::KeysOf,
            Self::Enrolment { .. } => Wanted::Enrolment,
            Self::Code(_) => Wanted::Code,
            Self::Export => Wanted::Export,
            Self::DeleteName => Wanted::DeleteName,
            Self::OpenSealed(_) => Wanted::OpenSealed,
        }
    }

    pub fn spec(&self) -> Spec {
        match self {
            Self::DisplayName => Spec { label: "Display name", waiting: "Keeping it…", does: "keep", missing: None },
            Self::KeysOf(_) => Spec { label: "Keys", waiting: "Keeping them…", does: "keep", missing: None },
            Self::Enrolment { .. } => Spec {
                label: "Code it shows now",
                waiting: "Looking whether it fits…",
                does: "add it",
                missing: Some(NO_CODE),
            },
            Self::Code(_) => {
                Spec {
                    label: "Code", waiting: "Looking whether the code fits…", does: "go on", missing: Some(NO_CODE)
                }
            }
            Self::Export => Spec {
                label: "File to write",
                waiting: "Writing everything of yours…",
                does: "export",
                missing: Some("Name the file that it should be written to."),
            },
            Self::OpenSealed(_) => {
                Spec { label: "Its recovery code", waiting: "Opening it…", does: "open it", missing: None }
            }
            // The question behind it waits, not the form.
            Self::DeleteName => Spec { label: "Your user name", waiting: "", does: "go on", missing: None },
        }
    }

    /// What stands above the form, and what is said over its field.
    pub fn words(&self, cx: &Cx) -> (&'static str, String) {
        match self {
            Self::DisplayName => ("Display name", "Empty takes it away.".into()),
            Self::KeysOf(action) => {
                let spec = action.spec();
                let now = Some(cx.keymap.labels(*action)).filter(|keys| !keys.is_empty());
                let about = format!(
                    "{}. As in the settings file: ctrl+x, alt+enter, f5; several with commas. Empty = as in the settings \
                     file, none = no key at all. Now: {}.",
                    spec.help,
                    now.unwrap_or_else(|| "no key".into()),
                );
                (spec.context.title(), about)
            }
            Self::Enrolment { .. } => (
                "Add a second factor",
                "Then the code it shows proves that it works. Nothing is kept before that.".into(),
            ),
            Self::Code(row) => (
                row.label(),
                "Type the code that your authenticator shows now, or one of the recovery codes.".into(),
            ),
            Self::Export => (
                Row::Export.label(),
                "Everything of yours in one archive that needs no program of ours to be read. It is not encrypted, so \
                 keep it where only you can read. An existing file is never written over."
                    .into(),
            ),
            Self::OpenSealed(vault) => ("Open a sealed vault", about_opening(vault).into()),
            Self::DeleteName => (
                Row::Delete.label(),
                "This deletes your account and everything in it: the keys first, then the files. Type your user name to \
                 go on."
                    .into(),
            ),
        }
    }
}

impl AccountScreen {
    pub(super) fn submit(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(Dialog::Form(asked, form)) = self.dialogs.last_mut() else { return Vec::new() };
        if let Asked::OpenSealed(vault) = asked {
            let call = open_call(vault, form);
            return call.map_or_else(Vec::new, |call| self.call(call));
        }
        let typed = form.value(0).trim().to_owned();
        let mut say = |words: &str| {
            form.ask(Fault::invalid(words), 0);
            Vec::new()
        };
        if let Some(missing) = asked.spec().missing.filter(|_| typed.is_empty()) {
            return say(missing);
        }
        let call = match asked {
            Asked::DisplayName => AccountCall::SetDisplayName((!typed.is_empty()).then_some(typed)),
            Asked::KeysOf(action) => {
                let action = *action;
                return self.set_keys(action, &typed, cx);
            }
            Asked::Enrolment { .. } => AccountCall::AddSecondFactor(form.secret_value(0)),
            Asked::Code(Row::RemoveFactor) => AccountCall::RemoveSecondFactor(form.secret_value(0)),
            Asked::Code(_) => AccountCall::NewSecondFactorCodes(form.secret_value(0)),
            Asked::Export => AccountCall::Export(PathBuf::from(typed)),
            Asked::OpenSealed(_) => return Vec::new(),
            Asked::DeleteName => {
                let name = cx.account.as_ref().map_or("", |account| &account.name);
                if typed != name {
                    return say("That is not your user name. Nothing was deleted.");
                }
                self.dialogs.pop();
                let text = format!(
                    "Delete the account {} and everything in it, for good? Nobody will be able to bring it back.",
                    SafeText::line(name)
                );
                return self.ask(Row::Delete.label(), text, "Delete it for good", AccountCall::Delete);
            }
        };
        form.busy = true;
        self.call(call)
    }

    /// The dialog has done its work.
    pub(super) fn close(&mut self, wanted: Wanted) {
        self.dialogs.retain(|dialog| !dialog.asks(wanted));
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
        match self.dialogs.iter_mut().find(|dialog| dialog.asks(wanted)).and_then(Dialog::form_mut) {
            Some(form) => {
                form.refuse_try(fault);
                Vec::new()
            }
            None => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }
}
