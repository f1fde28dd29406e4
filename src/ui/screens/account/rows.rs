//! The tabs, and the rows of those that are made of rows.

use super::AccountScreen;
use crate::{
    api::profile::Preferences,
    ui::{actions::Action, cx::Cx},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    #[default]
    Profile,
    SecondFactor,
    Sessions,
    Limits,
    Activity,
    Data,
}

/// In their order, each with what opens it.
pub const TABS: [(Tab, Action, &str); 6] = [
    (Tab::Profile, Action::AccountProfile, "Profile"),
    (Tab::SecondFactor, Action::AccountFactor, "Second factor"),
    (Tab::Sessions, Action::AccountSessions, "Sessions"),
    (Tab::Limits, Action::AccountLimits, "Limits"),
    (Tab::Activity, Action::AccountActivity, "Activity"),
    (Tab::Data, Action::AccountData, "Data"),
];

/// Something that can be changed or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    DisplayName,
    Model,
    SystemPrompt,
    Options,
    Theme,
    Keys,
    AddFactor,
    NewCodes,
    RemoveFactor,
    Export,
    RecoveryCode,
    Passphrase,
    Sealed,
    Delete,
}

impl Row {
    pub const PROFILE: [Self; 6] =
        [Self::DisplayName, Self::Model, Self::SystemPrompt, Self::Options, Self::Theme, Self::Keys];
    pub const DATA: [Self; 4] = [Self::Export, Self::RecoveryCode, Self::Passphrase, Self::Delete];
    /// With sealed vaults.
    pub const DATA_AND_SEALED: [Self; 5] =
        [Self::Export, Self::RecoveryCode, Self::Passphrase, Self::Sealed, Self::Delete];

    pub fn label(self) -> &'static str {
        match self {
            Self::DisplayName => "Display name",
            Self::Model => "Model",
            Self::SystemPrompt => "System prompt",
            Self::Options => "Options",
            Self::Theme => "Theme",
            Self::Keys => "Keys",
            Self::AddFactor => "Add a second factor",
            Self::NewCodes => "New recovery codes",
            Self::RemoveFactor => "Remove the second factor",
            Self::Export => "Export all my data",
            Self::RecoveryCode => "New recovery code of my vault",
            Self::Passphrase => "Change my passphrase",
            Self::Sealed => "Sealed vaults",
            Self::Delete => "Delete my account",
        }
    }

    /// What it means, in a sentence or two.
    pub fn help(self) -> &'static str {
        match self {
            Self::DisplayName => "What administrators see beside your user name.",
            Self::Model => "The model that new conversations begin with.",
            Self::SystemPrompt => "What the model is told before everything else in new conversations.",
            Self::Options => "The generation options of new conversations: temperature, context window and so on.",
            Self::Theme => "How it looks wherever you sign in, over the settings file. It changes at once.",
            Self::Keys => "Your own keys wherever you sign in, over the settings file. They change at once.",
            Self::AddFactor => {
                "You need an authenticator, an app that shows a new code every 30 seconds. Your other \
                                sessions end with it."
            }
            Self::NewCodes => "Ten new ones for the day you have no authenticator at hand; the old ones stop working.",
            Self::RemoveFactor => "Signing in then takes your passphrase alone. Your other sessions end with it.",
            Self::Export => "One archive with everything of yours, readable without this program. It is not encrypted.",
            Self::RecoveryCode => {
                "The code that opens your vault when the passphrase is forgotten. The old one stops \
                                   working."
            }
            Self::Passphrase => "Your other sessions end with it.",
            Self::Sealed => {
                "What you had before a reset, or before you opened another vault. It is kept as it was; \
                             its recovery code brings it back."
            }
            Self::Delete => {
                "Your keys are forgotten first, so nobody can ever read your conversations again. It cannot \
                             be undone."
            }
        }
    }
}

impl AccountScreen {
    /// What a row of the profile is set to now; `None` where there is nothing to show.
    pub(super) fn value(&self, row: Row, cx: &Cx) -> Option<String> {
        let own = self.preferences.as_ref();
        let from_file = |value: String| format!("{value} (from the settings file)");
        let value = match row {
            Row::DisplayName => match &self.profile.as_ref()?.display_name {
                Some(name) => name.clone(),
                None => "none".to_owned(),
            },
            Row::Model => match &own?.model {
                Some(model) => model.clone(),
                None => "the one used last".to_owned(),
            },
            Row::SystemPrompt => match &own?.system_prompt {
                Some(text) => text.clone(),
                None => "none of your own".to_owned(),
            },
            Row::Options => options_in_words(own?),
            Row::Theme => match &own?.theme {
                Some(theme) => theme.clone(),
                None => from_file(theme_name(cx).to_owned()),
            },
            Row::Keys => match own?.keys.values().map(std::collections::BTreeMap::len).sum::<usize>() {
                0 => from_file("as usual".to_owned()),
                1 => "one changed".to_owned(),
                changed => format!("{changed} changed"),
            },
            Row::Sealed => match self.sealed.as_ref()?.len() {
                1 => "one is kept".to_owned(),
                kept => format!("{kept} are kept"),
            },
            Row::AddFactor
            | Row::NewCodes
            | Row::RemoveFactor
            | Row::Export
            | Row::RecoveryCode
            | Row::Passphrase
            | Row::Delete => return None,
        };
        Some(value)
    }
}

fn options_in_words(own: &Preferences) -> String {
    let set: Vec<String> = crate::api::options::OPTIONS
        .iter()
        .map(|spec| (spec.name, own.options.get(spec.name)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if set.is_empty() { "the model's own".to_owned() } else { set.join(", ") }
}

fn theme_name(cx: &Cx) -> &'static str {
    match cx.config.ui.theme {
        crate::config::ThemeName::Auto => "auto",
        crate::config::ThemeName::Dark => "dark",
        crate::config::ThemeName::Light => "light",
        crate::config::ThemeName::Plain => "plain",
    }
}
