//! What every part of the interface may look at while it updates or draws. It decides nothing.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    keymap::{Action, Keymap},
    theme::Theme,
};
use crate::{
    api::{auth::Account, health::Health},
    config::Config,
};

/// The surroundings: how things look, what keys mean, who is here, what time it is. The root keeps it up to date.
#[derive(Clone, Debug)]
pub struct Cx {
    pub theme: Theme,
    pub keymap: Keymap,
    pub config: Config,
    /// Who is signed in.
    pub account: Option<Account>,
    /// The last report, if there was one yet.
    pub health: Option<Health>,
    /// Milliseconds since 1970, UTC.
    pub now_ms: i64,
    pub zone: TimeZone,
    /// The whole screen: columns, rows.
    pub size: (u16, u16),
    /// Counts up every 80 ms while something is busy.
    pub spinner: usize,
    /// What is under way in the chat, for the screens beside it.
    pub lane: Lane,
    /// The program runs against its built-in stand-in for Ollama.
    pub is_demo: bool,
    /// A shell started it and can bring it back, so that Ctrl+Z makes sense.
    pub has_shell: bool,
}

/// Answers of this window that run and that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    pub running: usize,
    /// Of each that waits, how many are before it.
    pub waiting: Vec<u32>,
}

/// A key and what it does, for the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub key: String,
    pub help: &'static str,
}

impl Cx {
    /// A footer entry for an action; nothing when it has no key.
    #[must_use]
    pub fn hint(&self, action: Action, help: &'static str) -> Option<Hint> {
        self.keymap.label(action).map(|key| Hint { key, help })
    }

    /// Footer entries for those of the actions that have a key.
    #[must_use]
    pub fn hints(&self, actions: &[(Action, &'static str)]) -> Vec<Hint> {
        actions.iter().filter_map(|(action, help)| self.hint(*action, help)).collect()
    }

    /// The key of an action for a sentence such as “F7 starts it”; where it has none, its row of the palette.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        self.keymap.label(action).unwrap_or_else(|| format!("“{}” in the palette", action.spec().help))
    }

    /// What sends and what starts a new line: with `enter_sends` off the two change places.
    #[must_use]
    pub fn writing(&self) -> (Action, Action) {
        if self.config.ui.enter_sends { (Action::Send, Action::Newline) } else { (Action::Newline, Action::Send) }
    }

    /// `10:02` today, `Tue 10:02` in the last six days and in the next, else the date.
    #[must_use]
    pub fn clock(&self, at_ms: i64) -> String {
        let zoned = |ms| Timestamp::from_millisecond(ms).map(|at| at.to_zoned(self.zone.clone()));
        let (Ok(at), Ok(now)) = (zoned(at_ms), zoned(self.now_ms)) else { return String::new() };
        let format = if at.date() == now.date() {
            "%H:%M"
        } else if (self.now_ms - at_ms).abs() < 6 * 86_400_000 {
            "%a %H:%M"
        } else {
            "%Y-%m-%d"
        };
        at.strftime(format).to_string()
    }

    /// `10:02:41` today, else as [`Cx::clock`] tells it: for what comes several times a minute.
    #[must_use]
    pub fn clock_to_the_second(&self, at_ms: i64) -> String {
        let zoned = |ms| Timestamp::from_millisecond(ms).map(|at| at.to_zoned(self.zone.clone()));
        match (zoned(at_ms), zoned(self.now_ms)) {
            (Ok(at), Ok(now)) if at.date() == now.date() => at.strftime("%H:%M:%S").to_string(),
            _ => self.clock(at_ms),
        }
    }

    /// The glyph of a running spinner.
    #[must_use]
    pub fn spinner(&self) -> &'static str {
        const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
        FRAMES[self.spinner % FRAMES.len()]
    }
}

#[cfg(test)]
impl Cx {
    /// For tests: the defaults, a fixed clock in UTC (2026-11-24 10:02), a dark theme, alice signed in, 80×24.
    #[must_use]
    pub fn fixed() -> Self {
        use crate::api::{AccountId, auth::Role};
        Self {
            theme: Theme::dark(),
            keymap: Keymap::default(),
            config: Config::default(),
            account: Some(Account { id: AccountId(uuid::Uuid::nil()), name: "alice".into(), role: Role::Admin }),
            health: None,
            now_ms: 1_795_514_520_000,
            zone: TimeZone::UTC,
            size: (80, 24),
            spinner: 0,
            lane: Lane::default(),
            is_demo: false,
            has_shell: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_key_that_is_bound_or_the_palette_where_none_is() {
        let mut cx = Cx::fixed();
        assert_eq!(cx.key(Action::StartOllama), "F7");
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let own = [("refresh".to_owned(), keys(&["f12"])), ("start-ollama".to_owned(), Vec::new())];
        cx.keymap = Keymap::new(&[("global".to_owned(), own.into())].into()).0;
        assert_eq!(cx.key(Action::Refresh), "F12");
        assert_eq!(cx.key(Action::StartOllama), "“Start Ollama when it is installed but not running” in the palette");
    }

    #[test]
    fn times_are_as_short_as_they_can_be_told() {
        let cx = Cx::fixed();
        assert_eq!(cx.clock(cx.now_ms), "10:02");
        assert_eq!(cx.clock(cx.now_ms - 86_400_000), "Mon 10:02");
        assert_eq!(cx.clock(cx.now_ms - 30 * 86_400_000), "2026-10-25");
        assert_eq!(cx.clock(cx.now_ms + 3 * 86_400_000), "Fri 10:02");
        assert_eq!(cx.clock(cx.now_ms + 6 * 86_400_000), "2026-11-30");
        assert_eq!(cx.clock_to_the_second(cx.now_ms + 1_000), "10:02:01");
        assert_eq!(cx.clock_to_the_second(cx.now_ms - 86_400_000), "Mon 10:02");
    }
}
