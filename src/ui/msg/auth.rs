//! Coming in, going out, and the passphrase.

use crate::api::{
    Fault,
    auth::{Activation, Door, HalfWay, NewAccount, Secret, SignedIn, Strength},
};

#[derive(Debug)]
pub enum AuthCall {
    Door,
    /// Whether anybody may make an account here, for whoever is back at the door.
    Registration,
    /// The number comes back with the judgement, so that a late one is not shown for newer text.
    Judge {
        asked: u64,
        name: String,
        passphrase: Secret,
    },
    Propose,
    CreateFirstAdmin(NewAccount),
    Register(NewAccount),
    Activate(Activation),
    SignIn {
        name: String,
        passphrase: Secret,
    },
    /// The second half of a sign-in.
    SecondFactor {
        half: HalfWay,
        code: Secret,
    },
    Recover {
        name: String,
        code: Secret,
        new: Secret,
    },
    StaySignedIn(bool),
    SignOut,
    Lock,
    Unlock(Secret),
    ChangePassphrase {
        current: Secret,
        new: Secret,
    },
    /// The passphrase once more, for what wants it fresh.
    Confirm(Secret),
}

#[derive(Debug)]
pub enum AuthReply {
    Door(Result<Door, Fault>),
    Registration(Result<bool, Fault>),
    Judged {
        asked: u64,
        strength: Result<Strength, Fault>,
    },
    Proposed(Result<Secret, Fault>),
    SignedIn(Result<Box<SignedIn>, Fault>),
    /// The passphrase fits; the second factor is asked for.
    HalfWay(HalfWay),
    Stayed(Result<bool, Fault>),
    SignedOut(Result<(), Fault>),
    Locked(Result<(), Fault>),
    Unlocked(Result<(), Fault>),
    PassphraseChanged(Result<(), Fault>),
    Confirmed(Result<(), Fault>),
}
