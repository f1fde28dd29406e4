//! The session of a command that needs one.

use super::{Desk, out};
use crate::api::{
    Fault, FaultKind,
    auth::{Door, Entered, Session, SignedIn},
};

/// Signs in as `--user`, or goes on with whoever stays signed in here.
///
/// # Errors
/// Says how to sign in when nobody is.
pub async fn session(desk: &Desk) -> Result<SignedIn, Fault> {
    if let Some(name) = &desk.global.user {
        let source = desk.secrets()?;
        let passphrase = source.next(&format!("Passphrase of {}", out::safe(name))).await?;
        let signed_in = enter(desk, desk.gateway.sign_in(name, &passphrase).await?).await?;
        // A script signs in anew for every command, and has heard it.
        if let Some(message) = signed_in.message.as_ref().filter(|_| source.is_terminal() && !desk.global.json) {
            out::say(&format!("ollamanet: {message}"));
        }
        tell(&signed_in);
        return Ok(signed_in);
    }
    match desk.gateway.door().await? {
        Door::Resumed(signed_in) => {
            tell(&signed_in);
            Ok(*signed_in)
        }
        Door::SignIn { .. } if desk.global.passphrase_fd.is_some() => Err(Fault::new(
            FaultKind::SignedOut,
            "Nobody is signed in here, and it is not said whose passphrase is in --passphrase-fd.",
        )
        .hint("Add --user NAME.")),
        Door::FirstRun => Err(Fault::new(FaultKind::SignedOut, "There is no account here yet.")
            .hint("Start `ollamanet`, or make one with `ollamanet account create NAME --stay`.")),
        Door::SignIn { .. } => Err(Fault::signed_out().hint(
            "Run `ollamanet account sign-in NAME --stay`, or add --user NAME (and --passphrase-fd N in a script).",
        )),
    }
}

/// How often a person at a terminal may mistype before the command gives up.
const TRIES: u32 = 3;

/// The session; where a second factor stands before it, its code is asked for, or is the next line of the descriptor.
///
/// # Errors
/// When the code is not right.
pub async fn enter(desk: &Desk, entered: Entered) -> Result<SignedIn, Fault> {
    let half = match entered {
        Entered::In(signed_in) => return Ok(*signed_in),
        Entered::SecondFactor(half) => half,
    };
    let source = desk.secrets()?;
    let mut tries = 1;
    loop {
        let code = source.next("Code of your authenticator, or a recovery code of it").await?;
        match desk.gateway.second_factor(&half, &code).await {
            Err(fault) if may_try_again(&fault, source.is_terminal(), tries) => out::complain(&fault),
            done => return done,
        }
        tries += 1;
    }
}

/// The passphrase once more, for what wants it: asked for, or the next line of the descriptor. Gives the session's new
/// handle.
///
/// # Errors
/// When it is not right, or there is nobody to ask.
pub async fn confirm(desk: &Desk, session: &Session) -> Result<Session, Fault> {
    let source = desk.secrets().map_err(|fault| {
        // Without a descriptor, what is wrong is not how the command was written, but that nobody is there to confirm it.
        let kind = if desk.global.passphrase_fd.is_none() { FaultKind::Unconfirmed } else { fault.kind };
        Fault { kind, ..fault }
    })?;
    let mut tries = 1;
    loop {
        let passphrase = source.next("Your passphrase once more, for this").await?;
        match desk.gateway.confirm(session, &passphrase).await {
            Err(fault) if may_try_again(&fault, source.is_terminal(), tries) => out::complain(&fault),
            done => return done,
        }
        tries += 1;
    }
}

fn may_try_again(fault: &Fault, is_terminal: bool, tries: u32) -> bool {
    fault.kind == FaultKind::WrongCredentials && is_terminal && tries < TRIES
}

fn tell(signed_in: &SignedIn) {
    if let Some(notice) = &signed_in.notice {
        out::say(&format!("ollamanet: {notice}"));
    }
}
