//! Sealed vaults: the list of them, and what opening or forgetting one asks for.

use super::{AccountScreen, dialogs::Dialog, forms::Asked};
use crate::{
    api::{Fault, amount, profile::SealedVault},
    ui::{
        cx::Cx,
        msg::{AccountCall, Effect, OpenSealed},
        widgets::{
            form::Form,
            picker::{Item, Picker},
        },
    },
};

/// What to do with which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedAct {
    Open(SealedVault),
    Forget(SealedVault),
}

/// Each of them twice: to be opened, and to be forgotten.
pub fn sealed_picker(sealed: &[SealedVault], cx: &Cx) -> Picker<SealedAct> {
    let when = |vault: &SealedVault| format!("sealed {}", cx.clock(vault.sealed_at));
    let opening = sealed.iter().map(|vault| {
        let needs = if vault.needs_code { "needs its recovery code" } else { "needs your passphrase" };
        let size = vault.bytes.map_or_else(|| "its file is missing".to_owned(), amount::bytes);
        Item::new(&format!("Open the one {}", when(vault)), SealedAct::Open(vault.clone()))
            .detail(&format!("{size} · {needs}"))
    });
    let forgetting = sealed.iter().map(|vault| {
        Item::new(&format!("Forget the one {}", when(vault)), SealedAct::Forget(vault.clone())).detail("for good")
    });
    Picker::new("Sealed vaults", opening.chain(forgetting).collect())
}

/// What is said above the form.
pub fn about_opening(vault: &SealedVault) -> &'static str {
    if vault.needs_code {
        "It opens in the place of the vault you have now, and that one is sealed and kept: you can change back with your \
         passphrase. Type the recovery code that belongs to the sealed one. Every session of yours ends, and a new recovery \
         code is shown."
    } else {
        "It opens in the place of the vault you have now, and that one is sealed and kept: you can change back in the same \
         way. Every session of yours ends, and a new recovery code is shown."
    }
}

/// The call, once the form is whole.
pub fn open_call(vault: &SealedVault, form: &mut Form) -> Option<AccountCall> {
    let passphrase_at = usize::from(vault.needs_code);
    if vault.needs_code && form.value(0).trim().is_empty() {
        form.ask(Fault::invalid("Type the recovery code of the sealed vault."), 0);
        return None;
    }
    if form.value(passphrase_at).is_empty() {
        form.ask(Fault::invalid("Type your passphrase."), passphrase_at);
        return None;
    }
    form.busy = true;
    let code = vault.needs_code.then(|| form.secret_value(0));
    let passphrase = form.secret_value(passphrase_at);
    Some(AccountCall::OpenSealed(OpenSealed { which: vault.id, code, passphrase }))
}

impl AccountScreen {
    pub(super) fn sealed_act(&mut self, act: SealedAct, cx: &Cx) -> Vec<Effect> {
        match act {
            SealedAct::Open(vault) => {
                let form = Form::default();
                let form = if vault.needs_code { form.text("Its recovery code") } else { form };
                let form = form.secret("Your passphrase").waiting("Opening it…");
                self.dialogs.push(Dialog::Form(Asked::OpenSealed(vault), form));
                Vec::new()
            }
            SealedAct::Forget(vault) => {
                self.dialogs.pop();
                let text = format!(
                    "Forget the vault that was sealed {}, and everything in it? Nobody will be able to bring it back, \
                     with no code.",
                    cx.clock(vault.sealed_at)
                );
                self.ask("Forget a sealed vault", text, "Forget it for good", AccountCall::ForgetSealed(vault.id))
            }
        }
    }
}
