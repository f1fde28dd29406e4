//! Every setting as one row: the table behind checking, `config default` and `docs/settings.md`.
//!
//! Architecture invariant: a field of `Config` without a row here, or a row without a field, fails a test. Defaults
//! are not repeated here: they are read from `Config::default()`.

use std::fmt::Write as _;

use super::{Config, collector};

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Whole {
        low: i64,
        high: i64,
    },
    /// Up to so many bytes.
    Text {
        most: usize,
    },
    OneOf(&'static [&'static str]),
    /// The address of a collector of traces, or nothing.
    Collector,
}

/// One row.
#[derive(Debug)]
pub struct Setting {
    pub section: &'static str,
    pub key: &'static str,
    pub kind: Kind,
    /// A change in the file reaches a running interface; others count from the next start, and the interface says so.
    pub live: bool,
    pub help: &'static str,
}

/// The format of the file. A higher one is another program's, and is refused as a whole.
pub const FORMAT: i64 = 1;

/// Sections in the order of the file, each with its one sentence.
pub const SECTIONS: &[(&str, &str)] = &[
    ("chat", "Conversations and answers."),
    ("ollama", "Where Ollama is and how it is watched."),
    ("ui", "How the interface looks and feels."),
    ("auth", "Passphrases and how long a sign-in lasts."),
    ("limits", "How much one account may ask of the program; shared by all its windows."),
    ("cache", "What is kept in memory."),
    ("jobs", "Work that goes on by itself, such as downloads of models."),
    ("health", "How often it is looked whether all is well."),
    ("backup", "Backups. When they are made is set with `ollamanet backup schedule`."),
    ("trace", "What is kept of how a request went: names and times of its steps, never what it was about."),
    ("log", "The log, ollamanet.log in the state directory: what went wrong and how calls ended, never what was said."),
];

const MEBIBYTE: i64 = 1024 * 1024;

pub const SETTINGS: &[Setting] = &[
    Setting {
        section: "chat",
        key: "model",
        kind: Kind::Text { most: 400 },
        live: true,
        help: "The model for new conversations. Empty: the one used last, else the first installed.",
    },
    Setting {
        section: "chat",
        key: "system_prompt",
        kind: Kind::Text { most: crate::api::organise::SYSTEM_PROMPT_MAX },
        live: true,
        help: "The system prompt for new conversations. Empty: none.",
    },
    Setting {
        section: "chat",
        key: "titles",
        kind: Kind::Bool,
        live: true,
        help: "Whether a new conversation gets a title from the model after its first answer.",
    },
    Setting {
        section: "chat",
        key: "attachment_bytes",
        kind: Kind::Whole { low: 1024, high: 100 * MEBIBYTE },
        live: true,
        help: "The largest file that may be attached, in bytes.",
    },
    Setting {
        section: "chat",
        key: "silence_seconds",
        kind: Kind::Whole { low: 5, high: 86_400 },
        live: true,
        help: "Seconds without a byte from Ollama before an answer is given up. Loading a big model takes minutes.",
    },
    Setting {
        section: "ollama",
        key: "host",
        kind: Kind::Text { most: 1024 },
        live: false,
        help: "The address, written as in OLLAMA_HOST. Empty: OLLAMA_HOST, else 127.0.0.1:11434.",
    },
    Setting {
        section: "ollama",
        key: "allow_plaintext_remote",
        kind: Kind::Bool,
        live: false,
        help: "Whether an address off this machine may be used without TLS. Everybody on the way can then read along.",
    },
    Setting {
        section: "ui",
        key: "theme",
        kind: Kind::OneOf(&["auto", "dark", "light", "plain"]),
        live: true,
        help: "Colours. `plain` uses none, as does a set NO_COLOR.",
    },
    Setting {
        section: "ui",
        key: "mouse",
        kind: Kind::Bool,
        live: false,
        help: "Whether the mouse works. Without it, the terminal's own selection does.",
    },
    Setting {
        section: "ui",
        key: "vim",
        kind: Kind::Bool,
        live: true,
        help: "Whether the composer has vim's normal and insert modes.",
    },
    Setting {
        section: "ui",
        key: "enter_sends",
        kind: Kind::Bool,
        live: true,
        help: "Whether Enter sends and Ctrl+J starts a line, or the other way round.",
    },
    Setting {
        section: "ui",
        key: "sidebar_width",
        kind: Kind::Whole { low: 16, high: 80 },
        live: true,
        help: "Width of the conversation list, in columns.",
    },
    Setting {
        section: "ui",
        key: "show_thinking",
        kind: Kind::Bool,
        live: true,
        help: "Whether a model's thinking is shown unfolded.",
    },
    Setting {
        section: "auth",
        key: "min_length",
        kind: Kind::Whole { low: 8, high: 128 },
        live: true,
        help: "The shortest passphrase accepted, in characters. How hard it is to guess is judged besides.",
    },
    Setting {
        section: "auth",
        key: "idle_lock_minutes",
        kind: Kind::Whole { low: 0, high: 60 },
        live: true,
        help: "Minutes without a key before the screen locks; 0 = never.",
    },
    Setting {
        section: "auth",
        key: "stay_signed_in_days",
        kind: Kind::Whole { low: 1, high: 30 },
        live: true,
        help: "Days that “stay signed in” lasts.",
    },
    Setting {
        section: "limits",
        key: "chat_per_minute",
        kind: Kind::Whole { low: 1, high: 6000 },
        live: true,
        help: "Questions a minute.",
    },
    Setting {
        section: "limits",
        key: "auth_per_minute",
        kind: Kind::Whole { low: 1, high: 600 },
        live: true,
        help: "Calls a minute that take a passphrase or a code: of one account, or of one OS user who is not signed in.",
    },
    Setting {
        section: "limits",
        key: "admin_per_minute",
        kind: Kind::Whole { low: 1, high: 6000 },
        live: true,
        help: "Administrative changes a minute.",
    },
    Setting {
        section: "limits",
        key: "read_per_minute",
        kind: Kind::Whole { low: 60, high: 600_000 },
        live: true,
        help: "Looks a minute.",
    },
    Setting {
        section: "limits",
        key: "write_per_minute",
        kind: Kind::Whole { low: 60, high: 600_000 },
        live: true,
        help: "Changes to one's own conversations, folders and drafts a minute.",
    },
    Setting {
        section: "limits",
        key: "concurrent_answers",
        kind: Kind::Whole { low: 1, high: 64 },
        live: true,
        help: "Answers one account may have running at once; more wait in line.",
    },
    Setting {
        section: "limits",
        key: "tokens_per_day",
        kind: Kind::Whole { low: 0, high: 2_000_000_000 },
        live: true,
        help: "Tokens of questions and answers that one account may use in a day (UTC). 0 = as many as one likes.",
    },
    Setting {
        section: "limits",
        key: "vault_mib",
        kind: Kind::Whole { low: 0, high: 16_777_216 },
        live: true,
        help: "Mebibytes that one account's vault may take before nothing new is added to it. 0 = as much as there is.",
    },
    Setting {
        section: "cache",
        key: "bytes",
        kind: Kind::Whole { low: 64 * 1024, high: 1024 * MEBIBYTE },
        live: false,
        help: "Memory for model details, in bytes.",
    },
    Setting {
        section: "cache",
        key: "models_fresh_seconds",
        kind: Kind::Whole { low: 0, high: 3600 },
        live: true,
        help: "Seconds for which a list of models is shown without asking again.",
    },
    Setting {
        section: "jobs",
        key: "installs_at_once",
        kind: Kind::Whole { low: 1, high: 16 },
        live: true,
        help: "Downloads and uploads of models at the same time, over all windows; more wait in line.",
    },
    Setting {
        section: "jobs",
        key: "keep_days",
        kind: Kind::Whole { low: 1, high: 3650 },
        live: true,
        help: "Days for which jobs that have ended stay in the list.",
    },
    Setting {
        section: "jobs",
        key: "tries",
        kind: Kind::Whole { low: 1, high: 1_000_000 },
        live: true,
        help: "Tries of a job that go wrong, although some of it comes each time, before it is given up. Tries that bring nothing are given up after 8, or after 200 while Ollama is away.",
    },
    Setting {
        section: "health",
        key: "every_seconds",
        kind: Kind::Whole { low: 5, high: 3600 },
        live: true,
        help: "Seconds between health checks while any interface is open; of several, one looks for all.",
    },
    Setting {
        section: "backup",
        key: "directory",
        kind: Kind::Text { most: 4096 },
        live: false,
        help: "Where backups are kept, best on another disk. Empty: backups in the data directory.",
    },
    Setting {
        section: "trace",
        key: "requests",
        kind: Kind::Whole { low: 0, high: 1000 },
        live: false,
        help: "The last requests of a window that are kept in its memory with their steps, ten kilobytes each at most; 0 = none.",
    },
    Setting {
        section: "trace",
        key: "export",
        kind: Kind::Collector,
        live: false,
        help: "A collector that the same steps are sent to, by OTLP over HTTP. Empty: none. Takes a program that was built with the feature otel.",
    },
    Setting {
        section: "trace",
        key: "allow_remote",
        kind: Kind::Bool,
        live: false,
        help: "Whether that collector may be on another machine, which then learns when somebody works here.",
    },
    Setting {
        section: "log",
        key: "level",
        kind: Kind::OneOf(&["off", "error", "warn", "info", "debug", "trace"]),
        live: false,
        help: "How much is written; from `debug` on also the steps of each request. OLLAMANET_LOG is stronger.",
    },
    Setting {
        section: "log",
        key: "files",
        kind: Kind::Whole { low: 2, high: 20 },
        live: false,
        help: "Files that are kept: the newest, and those before it with .1, .2 and so on.",
    },
    Setting {
        section: "log",
        key: "file_mib",
        kind: Kind::Whole { low: 1, high: 1000 },
        live: false,
        help: "Most that one of them has, in MiB; a full one gives way to a fresh one.",
    },
];

impl Setting {
    /// `section.key`, as flags and messages write it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OLLAMANET_{}_{}", self.section, self.key).to_uppercase()
    }

    /// What it takes, for people.
    #[must_use]
    pub fn takes(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole { low, high } => format!("a whole number from {low} to {high}"),
            Kind::Text { most } => format!("a text of at most {most} bytes"),
            Kind::OneOf(words) => match words.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                Some((last, _)) => (*last).to_owned(),
                None => String::new(),
            },
            Kind::Collector => format!("an address such as {}, or nothing", collector::EXAMPLE),
        }
    }
}

/// All settings of a configuration as text, in the table's order: what `config show` prints.
#[must_use]
pub fn values(config: &Config) -> Vec<(&'static Setting, toml::Value)> {
    let written = toml::Table::try_from(config).unwrap_or_default();
    SETTINGS
        .iter()
        .filter_map(|setting| Some((setting, written.get(setting.section)?.get(setting.key)?.clone())))
        .collect()
}

/// The configuration file with every setting, its sentence, what it takes and its default, all commented out:
/// a line that is left alone follows the program's default when that changes.
#[must_use]
pub fn default_file() -> String {
    let mut file = String::from(
        "# OllamaNet's settings. Take the # before a setting away to change it.\n\
         # Weaker than this file: what an administrator has set for the house (ollamanet settings list).\n\
         # Stronger than this file: OLLAMANET_SECTION_KEY in the environment, then --set section.key=value.\n",
    );
    let _ = write!(file, "\nformat = {FORMAT}\n");
    let defaults = values(&Config::default());
    for (section, about) in SECTIONS {
        let _ = write!(file, "\n# {about}\n[{section}]\n");
        for (setting, default) in defaults.iter().filter(|(setting, _)| setting.section == *section) {
            let _ = write!(file, "# {} ({})\n#{} = {default}\n", setting.help, setting.takes(), setting.key);
        }
    }
    file.push_str(
        "\n# Keys, per part of the screen: action = [keys]. An empty list unbinds. docs/keys.md names them all.\n\
         #[keys.composer]\n#send = [\"enter\"]\n#newline = [\"ctrl+j\", \"alt+enter\"]\n",
    );
    file
}

/// `docs/settings.md`.
#[must_use]
pub fn settings_markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Every setting, its default and what it takes. `ollamanet config path` says where the file is, \
         `ollamanet config default` prints one with everything in it, `ollamanet config check` reads it and names each \
         mistake with its line and column.\n\n\
         Order of precedence: default, what an administrator has set for the house (below), `config.toml`, the environment variable, `--set section.key=value`. A change in \
         the file reaches a running interface where the last column says so, otherwise it counts from the next start.\n\n\
         `format = 1`, above the first section, says which format the file has; a file of a newer one is refused as a whole and \
         left as it is.\n",
    );
    let defaults = values(&Config::default());
    for (section, about) in SECTIONS {
        let _ = write!(
            page,
            "\n## [{section}]\n\n{about}\n\n| setting | default | takes | variable | live |\n|---|---|---|---|---|\n"
        );
        for (setting, default) in defaults.iter().filter(|(setting, _)| setting.section == *section) {
            let _ = writeln!(
                page,
                "| `{}`: {} | `{default}` | {} | `{}` | {} |",
                setting.key,
                setting.help,
                setting.takes(),
                setting.variable(),
                if setting.live { "yes" } else { "" },
            );
        }
    }
    page.push_str(
        "\n## [keys.…]\n\n\
         `[keys.composer]`, `[keys.tree]` and so on, one table for each part of the screen in `docs/keys.md`: an \
         action's name and its keys, `send = [\"enter\"]`. An empty list unbinds. `ollamanet config check` reports names \
         it does not know and keys that mean two things.\n",
    );
    page.push_str(&super::house::page::house_markdown());
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_row_and_every_row_a_field() {
        let written = toml::Table::try_from(Config::default()).unwrap();
        let mut fields: Vec<String> = written
            .iter()
            .filter(|(section, _)| *section != "keys")
            .flat_map(|(section, keys)| keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}")))
            .collect();
        let mut rows: Vec<String> = SETTINGS.iter().map(Setting::name).collect();
        fields.sort();
        rows.sort();
        assert_eq!(fields, rows);
        assert_eq!(values(&Config::default()).len(), SETTINGS.len());
        let mut sections: Vec<&str> = SETTINGS.iter().map(|setting| setting.section).collect();
        sections.dedup();
        assert_eq!(sections, SECTIONS.iter().map(|(section, _)| *section).collect::<Vec<_>>());
    }

    #[test]
    fn the_printed_file_is_the_default_with_or_without_its_marks() {
        let read = |text: &str| {
            let mut table: toml::Table = toml::from_str(text).unwrap();
            assert_eq!(table.remove("format"), Some(FORMAT.into()));
            table.try_into::<Config>().unwrap()
        };
        let file = default_file();
        assert_eq!(read(&file), Config::default());
        let unmarked: String = file
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut read = read(&unmarked);
        assert_eq!(std::mem::take(&mut read.keys).len(), 1);
        assert_eq!(read, Config::default());
        assert_eq!(
            unmarked.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count(),
            SETTINGS.len() + 3
        );
    }
}
