//! Coming in and going out. The methods without a session are the only ones that anybody may call; they are
//! throttled by account name and OS user instead of by session.

use super::{Gateway, unbuilt};
use crate::api::{
    Fault,
    auth::{Account, Door, NewAccount, Secret, Session, SignedIn, Strength},
};

impl Gateway {
    /// What to show first: first run, sign in, or a session resumed by its token (rotated by this).
    pub async fn door(&self) -> Result<Door, Fault> {
        unbuilt()
    }

    /// How good a passphrase would be for this name. zxcvbn takes up to 12 ms the first time.
    pub async fn judge_passphrase(&self, _name: &str, _passphrase: &Secret) -> Strength {
        Strength { guesses_log10: 0, score: 0, accepted: false, advice: String::new() }
    }

    /// Five words from a bundled list, at least 60 bits.
    #[must_use]
    pub fn propose_passphrase(&self) -> Secret {
        Secret::default()
    }

    /// The first administrator of a fresh installation; refused as soon as any account exists.
    /// The recovery code in the answer is shown once.
    pub async fn create_first_admin(&self, _new: NewAccount) -> Result<SignedIn, Fault> {
        unbuilt()
    }

    pub async fn sign_in(&self, _name: &str, _passphrase: &Secret) -> Result<SignedIn, Fault> {
        unbuilt()
    }

    /// Opens the vault with the recovery code, sets a new passphrase and makes a new code.
    pub async fn recover(&self, _name: &str, _code: &Secret, _new: &Secret) -> Result<SignedIn, Fault> {
        unbuilt()
    }

    /// Keeps this OS account signed in after the program ends: writes a token file (0600), rotated at every use.
    pub async fn stay_signed_in(&self, _session: &Session, _stay: bool) -> Result<(), Fault> {
        unbuilt()
    }

    /// Ends the session and forgets a "stay signed in" token.
    pub async fn sign_out(&self, _session: &Session) -> Result<(), Fault> {
        unbuilt()
    }

    /// Closes the vault and forgets its key; a running answer may finish first. `unlock` opens it again.
    pub async fn lock(&self, _session: &Session) -> Result<(), Fault> {
        unbuilt()
    }

    pub async fn unlock(&self, _session: &Session, _passphrase: &Secret) -> Result<(), Fault> {
        unbuilt()
    }

    /// Re-wraps the vault's key and ends every other session of the account.
    pub async fn change_passphrase(&self, _session: &Session, _current: &Secret, _new: &Secret) -> Result<(), Fault> {
        unbuilt()
    }

    pub async fn whoami(&self, _session: &Session) -> Result<Account, Fault> {
        unbuilt()
    }
}
