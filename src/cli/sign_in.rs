//! The session of a command that needs one.

use super::{Desk, out, secrets::Source};
use crate::api::{
    Fault, FaultKind,
    auth::{Door, Entered, SignedIn},
};

/// Signs in as `--user`, or goes on with whoever stays signed in here.
///
/// # Errors
/// Says how to sign in when nobody is.
pub async fn session(desk: &Desk) -> Result<SignedIn, Fault> {
    if let Some(name) = &desk.global.user {
        let passphrase =
            Source::new(desk.global.passphrase_fd)?.next(&format!("Passphrase of {}", out::safe(name))).await?;
        let signed_in = whole(desk.gateway.sign_in(name, &passphrase).await?)?;
        tell(&signed_in);
        return Ok(signed_in);
    }
    if desk.global.passphrase_fd.is_some() {
        return Err(
            Fault::invalid("--passphrase-fd is there, but not whose passphrase it is.").hint("Add --user NAME.")
        );
    }
    match desk.gateway.door().await? {
        Door::Resumed(signed_in) => {
            tell(&signed_in);
            Ok(*signed_in)
        }
        Door::FirstRun => Err(Fault::new(FaultKind::SignedOut, "There is no account here yet.")
            .hint("Start `ollamanet`, or make one with `ollamanet account create NAME --stay`.")),
        Door::SignIn { .. } => Err(Fault::signed_out().hint(
            "Run `ollamanet account sign-in NAME --stay`, or add --user NAME (and --passphrase-fd N in a script).",
        )),
    }
}

/// The session, where no second factor is asked for.
///
/// # Errors
/// When one is.
pub fn whole(entered: Entered) -> Result<SignedIn, Fault> {
    match entered {
        Entered::In(signed_in) => Ok(*signed_in),
        Entered::SecondFactor(_) => Err(Fault::new(FaultKind::Internal, "This account has a second factor.")),
    }
}

fn tell(signed_in: &SignedIn) {
    if let Some(notice) = &signed_in.notice {
        out::say(&format!("ollamanet: {notice}"));
    }
}
