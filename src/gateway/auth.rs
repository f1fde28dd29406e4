//! Coming in and going out.
//!
//! The methods without a session pass the gate as a visitor: they draw on the allowance of the OS user, and what tries a
//! passphrase or a code is throttled by the name besides.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault,
        auth::{Account, Activation, Door, Entered, HalfWay, NewAccount, Secret, Session, SignedIn, Strength},
    },
};

/// Argon2id waits its turn, and a vault on a slow disk is opened.
const SIGN_IN: Op = Op {
    name: "auth.sign_in",
    permission: Permission::Own,
    class: Class::Auth,
    needs_ollama: None,
    deadline: Duration::from_mins(1),
    fresh: false,
};
/// Every start asks it, also one that will be refused everything else. A token file holds nothing that could be guessed.
const DOOR: Op = Op { name: "auth.door", class: Class::Free, ..SIGN_IN };
/// Asked whenever somebody is back at the door.
const REGISTRATION: Op = Op { name: "auth.registration", ..DOOR };
/// Asked at every pause in typing.
const JUDGE: Op = Op { name: "auth.judge_passphrase", class: Class::Read, deadline: Duration::from_secs(5), ..SIGN_IN };
const PROPOSE: Op = Op { name: "auth.propose_passphrase", ..JUDGE };
const CREATE_FIRST: Op = Op { name: "auth.create_first_admin", ..SIGN_IN };
const REGISTER: Op = Op { name: "auth.register", ..SIGN_IN };
const ACTIVATE: Op = Op { name: "auth.activate", ..SIGN_IN };
const SECOND_FACTOR: Op = Op { name: "auth.second_factor", ..SIGN_IN };
const RECOVER: Op = Op { name: "auth.recover", ..SIGN_IN };
const STAY: Op = Op { name: "auth.stay_signed_in", ..SIGN_IN };
/// Leaving must work however many calls came before, and on a full disk.
const SIGN_OUT: Op = Op { name: "auth.sign_out", class: Class::Free, ..SIGN_IN };
const LOCK: Op = Op { name: "auth.lock", ..SIGN_OUT };
const UNLOCK: Op = Op { name: "auth.unlock", ..SIGN_IN };
const CHANGE: Op = Op { name: "auth.change_passphrase", ..SIGN_IN };
const WHOAMI: Op = Op { name: "auth.whoami", class: Class::Read, ..SIGN_IN };

impl Gateway {
    /// What to show first: first run, sign in, or a session resumed by its token (rotated right after).
    pub async fn door(&self) -> Result<Door, Fault> {
        self.0.gate.knock(&DOOR, |by| self.0.accounts.door(by)).await
    }

    /// Whether anybody may make an account here.
    pub async fn registration(&self) -> Result<bool, Fault> {
        self.0.gate.knock(&REGISTRATION, |by| self.0.accounts.registration(by)).await
    }

    /// How good a passphrase would be for this name. zxcvbn takes up to 12 ms the first time.
    pub async fn judge_passphrase(&self, name: &str, passphrase: &Secret) -> Result<Strength, Fault> {
        self.0.gate.knock(&JUDGE, |by| self.0.accounts.judge(by, name, passphrase)).await
    }

    /// Five made-up words, 63 bits.
    pub async fn propose_passphrase(&self) -> Result<Secret, Fault> {
        self.0.gate.knock(&PROPOSE, |by| std::future::ready(self.0.accounts.propose(&by))).await
    }

    /// The first administrator of a fresh installation; refused as soon as any account exists.
    /// The recovery code in the answer is shown once.
    pub async fn create_first_admin(&self, new: NewAccount) -> Result<SignedIn, Fault> {
        self.0.gate.knock(&CREATE_FIRST, |by| self.0.accounts.create_first_admin(by, new)).await
    }

    /// Another account, with the role `user`, where registration is open. The recovery code is shown once.
    pub async fn register(&self, new: NewAccount) -> Result<SignedIn, Fault> {
        self.0.gate.knock(&REGISTER, |by| self.0.accounts.register(by, new)).await
    }

    /// Comes in with a one-time code and sets the passphrase. The recovery code in the answer is shown once.
    pub async fn activate(&self, how: Activation) -> Result<Entered, Fault> {
        self.0.gate.knock(&ACTIVATE, |by| self.0.accounts.activate(by, how)).await
    }

    pub async fn sign_in(&self, name: &str, passphrase: &Secret) -> Result<Entered, Fault> {
        self.0.gate.knock(&SIGN_IN, |by| self.0.accounts.sign_in(by, name, passphrase)).await
    }

    /// The second half of a sign-in: a code of the authenticator, or one of the second factor's recovery codes.
    pub async fn second_factor(&self, half: &HalfWay, code: &Secret) -> Result<SignedIn, Fault> {
        self.0.gate.knock(&SECOND_FACTOR, |by| self.0.accounts.second_factor(by, half, code)).await
    }

    /// Opens the vault with the recovery code, sets a new passphrase and makes a new code.
    /// A second factor stays, and is asked for before the session begins.
    pub async fn recover(&self, name: &str, code: &Secret, new: &Secret) -> Result<Entered, Fault> {
        self.0.gate.knock(&RECOVER, |by| self.0.accounts.recover(by, name, code, new)).await
    }

    /// Keeps this OS account signed in after the program ends: writes a token file (0600), rotated at every use.
    pub async fn stay_signed_in(&self, session: &Session, stay: bool) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &STAY, |by| self.0.accounts.stay_signed_in(by, stay)).await
    }

    /// Ends the session and forgets a "stay signed in" token.
    pub async fn sign_out(&self, session: &Session) -> Result<(), Fault> {
        self.0.gate.hold(session, &SIGN_OUT, |by| self.0.accounts.sign_out(by)).await
    }

    /// Closes the vault and forgets its key; a running answer may finish first. `unlock` opens it again.
    pub async fn lock(&self, session: &Session) -> Result<(), Fault> {
        self.0
            .gate
            .hold(session, &LOCK, |by| {
                self.0.accounts.lock(&by);
                std::future::ready(Ok(()))
            })
            .await
    }

    pub async fn unlock(&self, session: &Session, passphrase: &Secret) -> Result<(), Fault> {
        self.0.gate.hold(session, &UNLOCK, |by| self.0.accounts.unlock(by, passphrase)).await
    }

    /// Re-wraps the vault's key and ends every other session of the account.
    pub async fn change_passphrase(&self, session: &Session, current: &Secret, new: &Secret) -> Result<(), Fault> {
        self.0.gate.hold(session, &CHANGE, |by| self.0.accounts.change_passphrase(by, current, new)).await
    }

    pub async fn whoami(&self, session: &Session) -> Result<Account, Fault> {
        self.0.gate.hold(session, &WHOAMI, |by| std::future::ready(Ok(by.account))).await
    }
}
