//! Reads the configuration file, the environment and the flags, and checks them against the table.
//!
//! Not here: where the file is (the caller says), and what a key name means (`ui::keymap` knows). Nothing is read
//! from the working directory, and no `.env` file, ever: a project that was merely cloned must not configure us.

mod merge;
mod values;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use self::merge::Merge;
use super::{Config, collector, table::Setting};
use crate::api::{Fault, FaultKind};

/// Nobody writes a megabyte of settings; a device or a wrong path does not end.
const MOST_BYTES: u64 = 1024 * 1024;

/// Where settings come from besides their defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; `None` = there is none to read.
    pub file: Option<PathBuf>,
    /// The file was named by the person, so it must exist.
    pub file_must_exist: bool,
    /// The environment. Everything that is not one of our variables is passed over.
    pub variables: Vec<(OsString, OsString)>,
    /// `section.key=value`, in order.
    pub flags: Vec<String>,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The line of the file, from 1.
    File(usize),
    Variable(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(line) => write!(f, "config.toml, line {line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// Where each value that is not a default comes from, by the setting's name.
pub type Origins = BTreeMap<String, Origin>;

/// A checked configuration and where each value came from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub config: Config,
    pub origins: Origins,
    pub key_places: KeyPlaces,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// `config.toml:3:5`, a variable's name, or `--set`.
    pub place: String,
    /// In the file: its line and column, both from 1.
    pub at: Option<(usize, usize)>,
}

impl From<&str> for Spot {
    fn from(place: &str) -> Self {
        Self { place: place.to_owned(), at: None }
    }
}

/// Where the file says what about keys, each as `config.toml:3:5`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPlaces {
    contexts: BTreeMap<String, Spot>,
    /// By part of the screen and action: its name, then each of its keys.
    actions: BTreeMap<(String, String), (Spot, Vec<Spot>)>,
}

impl KeyPlaces {
    /// The key of the action, else the action, else the part of the screen; `None` when the file says nothing of it.
    #[must_use]
    pub fn find(&self, context: &str, action: Option<&str>, key: Option<usize>) -> Option<&Spot> {
        match action {
            None => self.contexts.get(context),
            Some(action) => {
                let (name, keys) = self.actions.get(&(context.to_owned(), action.to_owned()))?;
                key.and_then(|key| keys.get(key)).or(Some(name))
            }
        }
    }
}

impl Loaded {
    #[must_use]
    pub fn origin(&self, setting: &Setting) -> Origin {
        self.origins.get(&setting.name()).cloned().unwrap_or(Origin::Default)
    }
}

/// One mistake: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `config.toml:3:5`, a variable's name, or `--set`.
    pub place: String,
    /// In the file: its line and column, both from 1.
    pub at: Option<(usize, usize)>,
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    fn fault(&self, more: usize) -> Fault {
        let fault = Fault::invalid(format!("{}: {}", self.place, self.message));
        let hint = match (&self.hint, more) {
            (hint, 0) => hint.clone(),
            (hint, more) => Some(format!(
                "{}There {} {more} more; `ollamanet config check` names all.",
                hint.as_ref().map(|hint| format!("{hint} ")).unwrap_or_default(),
                if more == 1 { "is" } else { "are" },
            )),
        };
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything merged in order of precedence.
///
/// # Errors
/// The first mistake, with how many more there are; an unsafe or unreadable file.
pub fn load(sources: &Sources) -> Result<Loaded, Fault> {
    let (loaded, problems) = check(sources)?;
    match problems.split_first() {
        None => Ok(loaded),
        Some((first, rest)) => Err(first.fault(rest.len())),
    }
}

/// As `load`, but with every mistake. What is mistaken keeps its default.
///
/// # Errors
/// When the file cannot be read, or is not safe to read.
pub fn check(sources: &Sources) -> Result<(Loaded, Vec<Problem>), Fault> {
    let mut merge = Merge { table: toml::Table::try_from(Config::default()).unwrap_or_default(), ..Merge::default() };
    if let Some(path) = &sources.file
        && let Some(bytes) = read(path, sources.file_must_exist)?
    {
        merge.file(path, &bytes);
    }
    merge.environment(&sources.variables);
    for flag in &sources.flags {
        merge.flag(flag);
    }
    let mut config = match std::mem::take(&mut merge.table).try_into::<Config>() {
        Ok(config) => config,
        // Each value was checked by the table, so this is a row that says less than its field; better told than hidden.
        Err(error) => {
            merge.problem("settings", error.message(), None);
            Config::default()
        }
    };
    if let Some((message, hint)) = collector::unfit(&config.trace, collector::IS_BUILT) {
        merge.unfit("trace.export", message, hint);
        config.trace.export.clear();
    }
    Ok((Loaded { config, origins: merge.origins, key_places: merge.key_places }, merge.problems))
}

/// The file's bytes; `None` when there is none and none was asked for.
fn read(path: &Path, must_exist: bool) -> Result<Option<Vec<u8>>, Fault> {
    let shown = path.display();
    // A symbolic link is followed (dotfiles are kept that way); what it leads to is what is checked.
    // Non-blocking, so that a FIFO in its place cannot hold the program up.
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Fault::invalid(format!("There is no settings file {shown}."))
                .hint("Leave --config away, or write one with `ollamanet config default > FILE`."));
        }
        Err(error) => {
            return Err(Fault::invalid(format!("The settings file {shown} cannot be read: {error}."))
                .hint(format!("Check its permissions: ls -l {shown}")));
        }
    };
    let unreadable =
        |error: std::io::Error| Fault::invalid(format!("The settings file {shown} cannot be read: {error}."));
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(Fault::invalid(format!("The settings file {shown} is not a regular file.")));
    }
    let own = rustix::process::geteuid().as_raw();
    if meta.uid() != own && meta.uid() != 0 {
        return Err(Fault::new(
            FaultKind::Unsafe,
            format!(
                "The settings file {shown} belongs to another user (uid {}), who could send your prompts elsewhere.",
                meta.uid()
            ),
        )
        .hint(format!("Make it yours: chown {own} {shown}")));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(Fault::new(
            FaultKind::Unsafe,
            format!("The settings file {shown} can be changed by other users, who could send your prompts elsewhere."),
        )
        .hint(format!("Close it: chmod go-w {shown}")));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Fault::invalid(format!("The settings file {shown} is larger than 1 MiB.")));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
