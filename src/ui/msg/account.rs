//! What the Account screen asks for, and what it is told.

use crate::api::{
    Fault, SessionId, VaultId,
    admin::SessionRow,
    auth::{Secret, SignedIn},
    models::ModelList,
    profile::{Activity, Allowance, Enrolment, ExportReport, Preferences, Profile, SealedVault},
};

/// Calls about one's own account.
#[derive(Clone, Debug)]
pub enum AccountCall {
    Profile,
    SetDisplayName(Option<String>),
    Preferences,
    SetPreferences(Box<Preferences>),
    Allowance,
    Activity {
        before: Option<i64>,
        limit: u32,
    },
    Sessions,
    EndSession(SessionId),
    EndOthers,
    BeginSecondFactor,
    AddSecondFactor(Secret),
    RemoveSecondFactor(Secret),
    NewSecondFactorCodes(Secret),
    NewRecoveryCode,
    /// A leading `~` is the home directory's.
    Export(std::path::PathBuf),
    Sealed,
    OpenSealed(OpenSealed),
    ForgetSealed(VaultId),
    Delete,
    /// To choose the default from.
    Models,
}

/// Which sealed vault is to be opened, and with what.
#[derive(Clone, Debug)]
pub struct OpenSealed {
    pub which: VaultId,
    /// Its recovery code, where it needs one.
    pub code: Option<Secret>,
    pub passphrase: Secret,
}

#[derive(Debug)]
pub enum AccountReply {
    Profile(Result<Box<Profile>, Fault>),
    DisplayNameSet(Result<(), Fault>),
    Preferences(Result<Box<Preferences>, Fault>),
    /// With what holds from now on.
    PreferencesSet(Result<Box<Preferences>, Fault>),
    Allowance(Result<Vec<Allowance>, Fault>),
    Activity {
        before: Option<i64>,
        activity: Result<Activity, Fault>,
    },
    Sessions(Result<Vec<SessionRow>, Fault>),
    SessionEnded(Result<(), Fault>),
    OthersEnded(Result<u32, Fault>),
    Proposed(Result<Enrolment, Fault>),
    /// The recovery codes of the second factor, shown once.
    Added(Result<Vec<Secret>, Fault>),
    Removed(Result<(), Fault>),
    NewCodes(Result<Vec<Secret>, Fault>),
    RecoveryCode(Result<Secret, Fault>),
    Exported(Result<ExportReport, Fault>),
    Sealed(Result<Vec<SealedVault>, Fault>),
    /// A new session, in that vault.
    SealedOpened(Result<Box<SignedIn>, Fault>),
    SealedForgotten(Result<(), Fault>),
    Deleted(Result<(), Fault>),
    Models(Result<ModelList, Fault>),
}

impl AccountReply {
    /// Why it did not work, if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Profile(Err(fault))
            | Self::DisplayNameSet(Err(fault))
            | Self::Preferences(Err(fault))
            | Self::PreferencesSet(Err(fault))
            | Self::Allowance(Err(fault))
            | Self::Activity { activity: Err(fault), .. }
            | Self::Sessions(Err(fault))
            | Self::SessionEnded(Err(fault))
            | Self::OthersEnded(Err(fault))
            | Self::Proposed(Err(fault))
            | Self::Added(Err(fault))
            | Self::Removed(Err(fault))
            | Self::NewCodes(Err(fault))
            | Self::RecoveryCode(Err(fault))
            | Self::Exported(Err(fault))
            | Self::Sealed(Err(fault))
            | Self::SealedOpened(Err(fault))
            | Self::SealedForgotten(Err(fault))
            | Self::Deleted(Err(fault))
            | Self::Models(Err(fault)) => Some(fault),
            Self::Profile(Ok(_))
            | Self::DisplayNameSet(Ok(()))
            | Self::Preferences(Ok(_))
            | Self::PreferencesSet(Ok(_))
            | Self::Allowance(Ok(_))
            | Self::Activity { activity: Ok(_), .. }
            | Self::Sessions(Ok(_))
            | Self::SessionEnded(Ok(()))
            | Self::OthersEnded(Ok(_))
            | Self::Proposed(Ok(_))
            | Self::Added(Ok(_))
            | Self::Removed(Ok(()))
            | Self::NewCodes(Ok(_))
            | Self::RecoveryCode(Ok(_))
            | Self::Exported(Ok(_))
            | Self::Sealed(Ok(_))
            | Self::SealedOpened(Ok(_))
            | Self::SealedForgotten(Ok(()))
            | Self::Deleted(Ok(()))
            | Self::Models(Ok(_)) => None,
        }
    }
}
