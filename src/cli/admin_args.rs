//! What there is to type about accounts, roles and the audit trail.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Paging;
use crate::api::{
    admin::{AccountState, Permission},
    auth::Role,
};

#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts by name
    #[command(visible_alias = "ls")]
    List {
        /// Only names that contain this
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// Only those with this role
        #[arg(long)]
        role: Option<String>,
        /// Only those that stand so; otherwise all but the deleted ones
        #[arg(long, value_enum)]
        state: Option<StateName>,
        #[command(flatten)]
        paging: Paging,
    },
    /// All there is to know about accounts; nothing of their vaults
    Show(Names),
    /// Make an account; prints its one-time code once
    Create {
        name: String,
        #[arg(long, default_value = "user")]
        role: String,
        /// The name that others see
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
    },
    /// Give accounts another role
    Role {
        #[command(flatten)]
        names: Names,
        #[arg(long, value_name = "ROLE")]
        to: String,
    },
    /// Keep accounts out for a while; what they run is refused at once
    Lock {
        #[command(flatten)]
        names: Names,
        /// For so long
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=43_200))]
        minutes: u32,
    },
    /// Take a lock and the count of failed sign-ins away
    Unlock(Names),
    /// Let disabled accounts in again
    Enable(Names),
    /// Keep accounts out until they are enabled again
    Disable(Names),
    /// Forget the passphrase; prints a one-time code once, with which its person sets another
    Reset(Names),
    /// Take the second factor away from people who have lost it; their sessions end, and they are told
    RemoveSecondFactor(Names),
    /// Move accounts to the trash: out at once, restorable
    Delete(Names),
    /// Take accounts out of the trash
    Restore(Names),
    /// Remove deleted accounts and all that is theirs for good
    Purge {
        #[command(flatten)]
        names: Names,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// End every session of accounts
    EndSessions(Names),
}

#[derive(Args, Debug)]
pub struct Names {
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateName {
    /// Waiting for its person to come with the code
    Invited,
    Active,
    Locked,
    Disabled,
    /// In the trash
    Deleted,
}

impl From<StateName> for AccountState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Invited => Self::Invited,
            StateName::Active => Self::Active,
            StateName::Locked => Self::Locked,
            StateName::Disabled => Self::Disabled,
            StateName::Deleted => Self::Deleted,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Roles {
    /// Every role with what it may, its limits and its models
    #[command(visible_alias = "ls")]
    List,
    /// Make a role
    Create {
        name: String,
        /// What it is worth: an administrator's role needs the rank admin
        #[arg(long, value_enum, default_value_t = RankName::User)]
        rank: RankName,
    },
    /// Give a role another name
    Rename { role: String, name: String },
    /// Remove a role
    Delete {
        role: String,
        /// The role that its members get
        #[arg(long, value_name = "ROLE", default_value = "user")]
        instead: String,
    },
    /// Give a role permissions
    Allow(Permissions),
    /// Deny a role permissions; that wins over everything
    Deny(Permissions),
    /// Let permissions follow the role's rank again
    Follow(Permissions),
    /// Set limits: chat=30 (calls a minute; also auth, admin, read, write), answers=1 (at once), read=default
    Limit {
        #[command(flatten)]
        whose: Whose,
        #[arg(required = true, value_name = "WHAT=N")]
        limits: Vec<String>,
    },
    /// Set which models may be seen and used: +llama3* allows, -*:70b denies. Options stand before the patterns
    Models {
        #[command(flatten)]
        whose: Whose,
        /// In place of what was set before
        #[arg(required_unless_present = "clear", allow_hyphen_values = true, value_name = "+|-PATTERN")]
        rules: Vec<String>,
        /// Every model again
        #[arg(long, conflicts_with = "rules")]
        clear: bool,
    },
}

#[derive(Args, Debug)]
pub struct Whose {
    /// The role; with --account, the account
    #[arg(value_name = "ROLE")]
    pub name: String,
    /// For one account, not for a role; an account's own wins over its role's
    #[arg(long)]
    pub account: bool,
}

#[derive(Args, Debug)]
pub struct Permissions {
    pub role: String,
    #[arg(required = true, value_name = "PERMISSION", value_parser = permissions())]
    pub permissions: Vec<Permission>,
}

/// As the matrix writes them.
fn permissions() -> impl clap::builder::TypedValueParser<Value = Permission> {
    use clap::builder::{PossibleValuesParser, TypedValueParser as _};
    PossibleValuesParser::new(Permission::ALL.map(Permission::as_str))
        .try_map(|text| Permission::parse(&text).ok_or("there is no such permission"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RankName {
    User,
    Admin,
}

impl From<RankName> for Role {
    fn from(name: RankName) -> Self {
        match name {
            RankName::User => Self::User,
            RankName::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List entries, newest first
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        paging: Paging,
    },
    /// Check that nobody changed the trail; the exit code tells
    Verify,
    /// Write entries into a file, newest first
    Export {
        /// A file that is not there yet, or - for standard output
        file: PathBuf,
        #[arg(long, value_enum, default_value_t = AuditFormat::Csv)]
        format: AuditFormat,
        #[command(flatten)]
        which: Which,
    },
    /// Remove the entries that the rules no longer keep; the trail stays verifiable
    Prune,
}

#[derive(Args, Debug)]
pub struct Which {
    /// Only actions that contain this, such as users.lock
    #[arg(long, value_name = "TEXT")]
    pub action: Option<String>,
    /// Only where the actor or the target contains this
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    /// Only with this result, such as ok
    #[arg(long)]
    pub result: Option<String>,
    /// Not before: 2026-11-25, 2026-11-25T10:00, or an age such as 2h or 7d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Not after; a day counts whole
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    Csv,
    /// One JSON object on each line
    Jsonl,
}

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List your sessions, newest first
    #[command(visible_alias = "ls")]
    List,
    /// End sessions of yours, wherever they run
    End {
        /// Id, or the beginning or end of one
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
    },
    /// End all but this one, and every "stay signed in"
    EndOthers,
}

#[derive(Debug, Subcommand)]
pub enum Preferences {
    /// Print what is set
    Show,
    /// Set model=, system-prompt= or theme=; nothing after the sign takes it back
    Set {
        #[arg(value_name = "NAME=VALUE", required_unless_present = "options")]
        values: Vec<String>,
        /// An option such as temperature=0.2; may be repeated
        #[arg(short, long = "option", value_name = "NAME=VALUE")]
        options: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum SecondFactor {
    /// Whether there is one, and what the rules ask for
    Show,
    /// Add one: prints the secret, and at a terminal a QR code, reads a code, prints ten recovery codes once
    Add,
    /// Take it away; asks for a code
    Remove,
    /// Make ten new recovery codes and print them once; asks for a code
    NewCodes,
}
