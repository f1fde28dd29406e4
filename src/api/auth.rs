//! Accounts, sessions, passphrases.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AccountId, SessionId};

/// What an account may do in general; finer permissions hang on the role's table in the system database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Admin,
}

impl Role {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// Something only its owner may know: a passphrase, a recovery code, a token. Wiped when dropped, never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, byte for byte as it was typed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The handle a signed-in caller passes with every call. Plain data: the gateway keeps what it stands for.
/// 256 random bits; valid in the process that issued it, gone with it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    key: [u8; 32],
}

impl Session {
    /// Only the session table makes these; another key opens nothing.
    #[must_use]
    pub fn from_parts(id: SessionId, key: [u8; 32]) -> Self {
        Self { id, key }
    }

    #[must_use]
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.id)
    }
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// The sign-in name: 3–50 of `[A-Za-z0-9._-]`.
    pub name: String,
    /// What the role is worth: the rank.
    pub role: Role,
}

/// An account that its own person makes: the first of an installation, which is an administrator's, or any where
/// registration is open.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: String,
    pub passphrase: Secret,
}

/// What a one-time code is used with: for a new account, or after a reset.
#[derive(Clone, Debug)]
pub struct Activation {
    pub name: String,
    /// As the administrator handed it over.
    pub code: Secret,
    /// After a reset, the recovery code opens the old vault. Without it the old one stays sealed and kept, and a new,
    /// empty one begins.
    pub recovery_code: Option<Secret>,
    pub passphrase: Secret,
}

/// What a name and a passphrase led to.
#[derive(Clone, Debug)]
pub enum Entered {
    In(Box<SignedIn>),
    /// The passphrase fits; a code of the second factor is wanted before this handle expires (2 min).
    SecondFactor(HalfWay),
}

/// Proof of a passphrase that fitted, while the second factor is asked for. Of this process only, like a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfWay(Session);

impl HalfWay {
    /// Only the session table makes these; another key opens nothing.
    #[must_use]
    pub fn new(handle: Session) -> Self {
        Self(handle)
    }

    #[must_use]
    pub fn handle(&self) -> &Session {
        &self.0
    }
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub session: Session,
    pub account: Account,
    /// A new recovery code, when this sign-in made one. Shown once, never stored in clear.
    pub recovery_code: Option<Secret>,
    /// Something the person should know (last sign-in, a revoked token family …).
    pub notice: Option<String>,
    /// What the administrators say to everybody who comes. Not told again to whoever stayed signed in.
    pub message: Option<String>,
}

/// How hard a passphrase is to guess (zxcvbn's estimate) and whether it is accepted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strength {
    /// log₁₀ of the estimated number of guesses, rounded down. 12 is the floor.
    pub guesses_log10: u8,
    /// 0 (hopeless) to 4 (strong), for the meter.
    pub score: u8,
    pub accepted: bool,
    /// Why not, or how to do better. Empty when there is nothing to say.
    pub advice: String,
}

/// What the program should show before anyone is signed in.
#[derive(Clone, Debug)]
pub enum Door {
    /// No account exists yet: make the first administrator.
    FirstRun,
    /// Accounts exist; nobody stays signed in here.
    SignIn {
        /// Whether anybody may make an account here.
        registration: bool,
        /// What the administrators say to everybody who comes.
        message: Option<String>,
    },
    /// A "stay signed in" token opened the vault.
    Resumed(Box<SignedIn>),
}
