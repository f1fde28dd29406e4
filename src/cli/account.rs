//! `ollamanet account`: making the first account, signing in and out, passphrases.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    args::{Account as What, Stay},
    out::{print, print_json, safe, say},
    own, sealed, second_factor,
    secrets::Source,
    sign_in::enter,
    typed,
};
use crate::api::{
    Fault, FaultKind,
    auth::{Account, Activation, Door, NewAccount, Secret, SignedIn},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: What) -> Result<(), End> {
    match what {
        What::Create { name, stay, generate } => create(desk, &name, stay, generate).await,
        What::SignIn { name, stay } => {
            let source = desk.secrets()?;
            let passphrase = source.next("Passphrase").await?;
            let signed_in = enter(desk, desk.gateway.sign_in(&name, &passphrase).await?).await?;
            let stays = stay_if_wanted(desk, &signed_in, stay, source).await?;
            tell(desk, &signed_in, stays, None)
        }
        What::SignOut => sign_out(desk).await,
        What::Whoami => {
            let session = desk.session().await?;
            let account = desk.gateway.whoami(&session).await?;
            if desk.global.json {
                return print_json(&account);
            }
            print(&format!("{} · {}\n", safe(&account.name), account.role.as_str()))
        }
        What::ChangePassphrase => change_passphrase(desk).await,
        What::Recover { name, stay } => {
            let source = desk.secrets()?;
            let code = source.next("Recovery code").await?;
            let new = accepted(desk, &name, source, "New passphrase").await?;
            let signed_in = enter(desk, desk.gateway.recover(&name, &code, &new).await?).await?;
            let stays = stay_if_wanted(desk, &signed_in, stay, source).await?;
            tell(desk, &signed_in, stays, None)
        }
        What::Register { name, stay } => register(desk, &name, stay).await,
        What::Activate { name, recovery_code, stay } => activate(desk, name, recovery_code, stay).await,
        What::Profile => own::profile(desk).await,
        What::DisplayName { name, clear: _ } => own::display_name(desk, name).await,
        What::Preferences(what) => own::preferences(desk, what).await,
        What::SecondFactor(what) => second_factor::run(desk, what).await,
        What::RecoveryCode => own::recovery_code(desk).await,
        What::Sealed(what) => sealed::run(desk, what).await,
        What::Limits => own::limits(desk).await,
        What::Activity { paging } => own::activity(desk, paging).await,
        What::Export { file } => own::export(desk, &file).await,
        What::Delete { yes } => own::delete(desk, yes).await,
    }
}

async fn register(desk: &Desk, name: &str, stay: Stay) -> Result<(), End> {
    // Asked first, because nobody should think of a passphrase for nothing.
    if let Door::SignIn { registration: false, .. } = desk.gateway.door().await? {
        return Err(Fault::new(FaultKind::Denied, "Nobody can make an account for themselves here.")
            .hint("Ask an administrator for one.")
            .into());
    }
    let source = desk.secrets()?;
    let passphrase = accepted(desk, name, source, "Passphrase").await?;
    let signed_in = desk.gateway.register(NewAccount { name: name.to_owned(), passphrase }).await?;
    let stays = stay_if_wanted(desk, &signed_in, stay, source).await?;
    tell(desk, &signed_in, stays, None)
}

async fn activate(desk: &Desk, name: String, with_recovery: bool, stay: Stay) -> Result<(), End> {
    let source = desk.secrets()?;
    let code = source.next("One-time code").await?;
    // A vault that stays sealed because nobody asked for the code would be a bad surprise.
    let recovery_code = if with_recovery || source.is_terminal() {
        let typed = source.next("Recovery code, if the account was reset and you have it (else nothing)").await?;
        Some(typed).filter(|typed| !typed.reveal().trim().is_empty())
    } else {
        None
    };
    let passphrase = accepted(desk, &name, source, "New passphrase").await?;
    let how = Activation { name, code, recovery_code, passphrase };
    let signed_in = enter(desk, desk.gateway.activate(how).await?).await?;
    let stays = stay_if_wanted(desk, &signed_in, stay, source).await?;
    tell(desk, &signed_in, stays, None)
}

async fn create(desk: &Desk, name: &str, stay: Stay, generate: bool) -> Result<(), End> {
    // Asked first, because nobody should think of a passphrase for nothing.
    if !matches!(desk.gateway.door().await?, Door::FirstRun) {
        return Err(Fault::new(FaultKind::Conflict, "There is an account here already.")
            .hint("Sign in: ollamanet account sign-in NAME")
            .into());
    }
    let (passphrase, source) = if generate {
        (desk.gateway.propose_passphrase().await?, None)
    } else {
        let source = desk.secrets()?;
        (accepted(desk, name, source, "Passphrase").await?, Some(source))
    };
    let new = NewAccount { name: name.to_owned(), passphrase: passphrase.clone() };
    let signed_in = desk.gateway.create_first_admin(new).await?;
    let stays = match source {
        Some(source) => stay_if_wanted(desk, &signed_in, stay, source).await?,
        None => stay_signed_in(desk, &signed_in, stay.stay).await?,
    };
    tell(desk, &signed_in, stays, generate.then_some(&passphrase))
}

/// A new passphrase that is good enough; at a terminal a weak one is asked for again.
async fn accepted(desk: &Desk, name: &str, source: &Source, prompt: &str) -> Result<Secret, Fault> {
    loop {
        let passphrase = source.next_new(prompt).await?;
        let strength = desk.gateway.judge_passphrase(name, &passphrase).await?;
        if strength.accepted {
            return Ok(passphrase);
        }
        let advice = if strength.advice.is_empty() { "Use a longer one." } else { &strength.advice };
        if !source.is_terminal() {
            return Err(Fault::invalid("This passphrase is too easy to guess.").hint(advice));
        }
        say(&format!("This passphrase is too easy to guess. {advice}"));
    }
}

async fn change_passphrase(desk: &Desk) -> Result<(), End> {
    let source = desk.secrets()?;
    // With --user the descriptor holds the old passphrase for signing in; it is read once for both.
    let current = source.next("Current passphrase").await?;
    let signed_in = match &desk.global.user {
        Some(name) => enter(desk, desk.gateway.sign_in(name, &current).await?).await?,
        None => match desk.gateway.door().await? {
            Door::Resumed(signed_in) => *signed_in,
            Door::FirstRun | Door::SignIn { .. } => {
                return Err(Fault::signed_out().hint("Say whose passphrase it is: --user NAME").into());
            }
        },
    };
    let new = accepted(desk, &signed_in.account.name, source, "New passphrase").await?;
    desk.gateway.change_passphrase(&signed_in.session, &current, &new).await?;
    if desk.global.json {
        return print_json(&json!({ "changed": signed_in.account.name }));
    }
    print("The passphrase is changed; your other sessions have ended.\n")
}

async fn sign_out(desk: &Desk) -> Result<(), End> {
    match desk.gateway.door().await? {
        Door::Resumed(signed_in) => {
            desk.gateway.sign_out(&signed_in.session).await?;
            if desk.global.json {
                return print_json(&json!({ "signed_out": signed_in.account.name }));
            }
            print(&format!("{} is signed out.\n", safe(&signed_in.account.name)))
        }
        Door::FirstRun | Door::SignIn { .. } if desk.global.json => print_json(&json!({ "signed_out": null })),
        Door::FirstRun | Door::SignIn { .. } => print("Nobody was signed in.\n"),
    }
}

/// Staying signed in is asked for or said, never assumed.
pub(super) async fn stay_if_wanted(
    desk: &Desk,
    signed_in: &SignedIn,
    stay: Stay,
    source: &Source,
) -> Result<bool, Fault> {
    let wanted = stay.stay || (source.is_terminal() && ask_to_stay().await);
    stay_signed_in(desk, signed_in, wanted).await
}

async fn stay_signed_in(desk: &Desk, signed_in: &SignedIn, wanted: bool) -> Result<bool, Fault> {
    if wanted {
        desk.gateway.stay_signed_in(&signed_in.session, true).await?;
    }
    Ok(wanted)
}

async fn ask_to_stay() -> bool {
    let question = "Stay signed in on this OS account? Whoever uses it can then read along. [y/N] ";
    typed::line(question).await.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"))
}

pub(super) fn tell(desk: &Desk, signed_in: &SignedIn, stays: bool, generated: Option<&Secret>) -> Result<(), End> {
    let SignedIn { account, recovery_code, notice, message, .. } = signed_in;
    if desk.global.json {
        let mut told = json!({ "account": account, "stays_signed_in": stays });
        if let (Some(code), Some(map)) = (recovery_code, told.as_object_mut()) {
            map.insert("recovery_code".to_owned(), json!(code.reveal()));
        }
        if let (Some(passphrase), Some(map)) = (generated, told.as_object_mut()) {
            map.insert("passphrase".to_owned(), json!(passphrase.reveal()));
        }
        return print_json(&told);
    }
    for told in [message, notice].into_iter().flatten() {
        say(&format!("ollamanet: {told}"));
    }
    print(&words(account, stays, recovery_code.as_ref(), generated))
}

fn words(account: &Account, stays: bool, code: Option<&Secret>, generated: Option<&Secret>) -> String {
    let mut text = format!("Signed in as {} · {}.\n", safe(&account.name), account.role.as_str());
    if let Some(passphrase) = generated {
        let _ = writeln!(text, "Passphrase:    {}", safe(passphrase.reveal()));
    }
    if let Some(code) = code {
        let _ = writeln!(text, "Recovery code: {}", safe(code.reveal()));
        text.push_str("It is shown only now. Without it, a forgotten passphrase means that the vault stays closed.\n");
    }
    if stays {
        text.push_str("This OS account stays signed in; `ollamanet account sign-out` ends that.\n");
    } else {
        text.push_str("The sign-in ends with this command; --stay keeps it.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AccountId, auth::Role};

    #[test]
    fn the_recovery_code_is_shown_with_what_it_is_for() {
        let account = Account { id: AccountId::new(), name: "alice".to_owned(), role: Role::Admin };
        assert_eq!(
            words(&account, true, Some(&Secret::new("AAAA-BBBB")), None),
            "Signed in as alice · admin.\nRecovery code: AAAA-BBBB\n\
             It is shown only now. Without it, a forgotten passphrase means that the vault stays closed.\n\
             This OS account stays signed in; `ollamanet account sign-out` ends that.\n"
        );
    }
}
