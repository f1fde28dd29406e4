//! Reads the configuration file, the environment and the flags, and checks them against the table.
//!
//! Not here: where the file is (the caller says), and what a key name means (`ui::keymap` knows). Nothing is read
//! from the working directory, and no `.env` file, ever: a project that was merely cloned must not configure us.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    io::Read,
    ops::Range,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    Config,
    table::{Kind, SECTIONS, SETTINGS, Setting},
};
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

/// A checked configuration and where each value came from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub config: Config,
    origins: BTreeMap<String, Origin>,
    pub key_places: KeyPlaces,
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
    let config = match std::mem::take(&mut merge.table).try_into::<Config>() {
        Ok(config) => config,
        // Each value was checked by the table, so this is a row that says less than its field; better told than hidden.
        Err(error) => {
            merge.problem("settings", error.message(), None);
            Config::default()
        }
    };
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

#[derive(Default)]
struct Merge {
    table: toml::Table,
    origins: BTreeMap<String, Origin>,
    key_places: KeyPlaces,
    problems: Vec<Problem>,
}

impl Merge {
    fn file(&mut self, path: &Path, bytes: &[u8]) {
        let place = Place { path, bytes };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let message = "This byte is not UTF-8 text.";
                self.problem(place.at(error.valid_up_to()), message, Some("Save the file as UTF-8.".to_owned()));
                return;
            }
        };
        let place = Place { path, bytes: text.as_bytes() };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let at = error.span().map_or(0, |span: Range<usize>| span.start);
                self.problem(place.at(at), sentence(error.message()), None);
                return;
            }
        };
        for (section, value) in table.get_ref() {
            let name = section.get_ref().as_ref();
            let at = place.at(section.span().start);
            match (name, value.get_ref()) {
                ("keys", DeValue::Table(contexts)) => self.keys(&place, contexts),
                (_, DeValue::Table(settings)) if is_section(name) => self.section(&place, name, settings),
                (_, _) if is_section(name) || name == "keys" => {
                    let hint = format!("Write a line with [{name}], and its settings on the lines below.");
                    self.problem(at, format!("`{name}` is a section, not a setting."), Some(hint));
                }
                (_, _) => {
                    let (message, hint) = unknown_section(name);
                    self.problem(at, message, Some(hint));
                }
            }
        }
        // The parser hands the sections out by name; people read from the top.
        self.problems.sort_by_key(|problem| problem.at);
    }

    fn section(&mut self, place: &Place<'_>, section: &str, settings: &DeTable<'_>) {
        for (key, value) in settings {
            let name = key.get_ref().as_ref();
            let Some(setting) = find(section, name) else {
                self.problem(place.at(key.span().start), unknown(section, name), Some(unknown_hint(section, name)));
                continue;
            };
            let start = value.span().start;
            if let Some(value) = plain(value.get_ref()).and_then(|value| accept(setting, value)) {
                self.put(setting, value, Origin::File(place.line_column(start).0));
            } else {
                let given = shortened(&place.text(value.span()));
                self.problem(place.at(start), refused(setting, &given), None);
            }
        }
    }

    fn keys(&mut self, place: &Place<'_>, contexts: &DeTable<'_>) {
        let mut all = toml::Table::new();
        for (context, actions) in contexts {
            let name = context.get_ref().as_ref();
            let DeValue::Table(actions) = actions.get_ref() else {
                let hint = "Write [keys.composer] (or tree, transcript, global, list, form), and the actions below it.";
                let message = format!("`{name}` under [keys] must be a part of the screen.");
                self.problem(place.at(context.span().start), message, Some(hint.to_owned()));
                continue;
            };
            self.key_places.contexts.insert(name.to_owned(), place.at(context.span().start));
            let mut bound = toml::Table::new();
            for (action, keys) in actions {
                let texts: Option<Vec<toml::Value>> = match keys.get_ref() {
                    DeValue::String(key) => Some(vec![toml::Value::from(key.as_ref())]),
                    DeValue::Array(keys) => keys
                        .iter()
                        .map(|key| match key.get_ref() {
                            DeValue::String(key) => Some(toml::Value::from(key.as_ref())),
                            _ => None,
                        })
                        .collect(),
                    _ => None,
                };
                let named_at = place.at(action.span().start);
                let action = action.get_ref().as_ref();
                match texts {
                    Some(texts) => {
                        let each = match keys.get_ref() {
                            DeValue::Array(keys) => keys.iter().map(|key| place.at(key.span().start)).collect(),
                            _ => vec![place.at(keys.span().start)],
                        };
                        self.key_places.actions.insert((name.to_owned(), action.to_owned()), (named_at, each));
                        bound.insert(action.to_owned(), texts.into());
                    }
                    None => self.problem(
                        place.at(keys.span().start),
                        format!("`{action}` takes a list of keys, such as [\"ctrl+j\", \"alt+enter\"]."),
                        None,
                    ),
                }
            }
            all.insert(name.to_owned(), bound.into());
        }
        self.table.insert("keys".to_owned(), all.into());
    }

    /// Variables of a known section; any other `OLLAMANET_…` belongs to something else.
    fn environment(&mut self, variables: &[(OsString, OsString)]) {
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some((section, key)) = name.strip_prefix("OLLAMANET_").and_then(|rest| rest.split_once('_')) else {
                continue;
            };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            if !is_section(&section) {
                continue;
            }
            let Some(setting) = find(&section, &key) else {
                let hint = nearest(&key, SETTINGS.iter().filter(|s| s.section == section).map(|s| s.key))
                    .and_then(|near| find(&section, near))
                    .map(|near| format!("Did you mean {}?", near.variable()));
                self.problem(name, "There is no such setting.".to_owned(), hint);
                continue;
            };
            match value.to_str().and_then(|text| accept(setting, from_text(setting, text))) {
                Some(value) => self.put(setting, value, Origin::Variable(name.to_owned())),
                None => self.problem(name, refused(setting, &shortened(&value.to_string_lossy())), None),
            }
        }
    }

    fn flag(&mut self, flag: &str) {
        let place = "--set";
        let Some(((section, key), value)) =
            flag.split_once('=').and_then(|(name, value)| Some((name.trim().split_once('.')?, value)))
        else {
            let hint = "Write --set section.key=value, such as --set ui.theme=light.".to_owned();
            self.problem(place, format!("“{}” is not a setting and its value.", shortened(flag)), Some(hint));
            return;
        };
        match find(section, key) {
            None if is_section(section) => {
                self.problem(place, unknown(section, key), Some(unknown_hint(section, key)));
            }
            None => {
                let (message, hint) = unknown_section(section);
                self.problem(place, message, Some(hint));
            }
            Some(setting) => match accept(setting, from_text(setting, value.trim())) {
                Some(value) => self.put(setting, value, Origin::Flag),
                None => self.problem(place, refused(setting, &shortened(value)), None),
            },
        }
    }

    fn put(&mut self, setting: &Setting, value: toml::Value, origin: Origin) {
        if let Some(section) = self.table.get_mut(setting.section).and_then(toml::Value::as_table_mut) {
            section.insert(setting.key.to_owned(), value);
            self.origins.insert(setting.name(), origin);
        }
    }

    fn problem(&mut self, spot: impl Into<Spot>, message: impl Into<String>, hint: Option<String>) {
        let Spot { place, at } = spot.into();
        self.problems.push(Problem { place, at, message: message.into(), hint });
    }
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

/// Turns byte offsets into lines and columns.
struct Place<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl Place<'_> {
    fn at(&self, offset: usize) -> Spot {
        let (line, column) = self.line_column(offset);
        Spot { place: format!("{}:{line}:{column}", self.path.display()), at: Some((line, column)) }
    }

    /// Both from 1; columns count characters, as editors do.
    fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
    }

    fn text(&self, span: Range<usize>) -> String {
        String::from_utf8_lossy(self.bytes.get(span).unwrap_or_default()).into_owned()
    }
}

fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| *section == name)
}

fn find(section: &str, key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.section == section && setting.key == key)
}

fn unknown_section(name: &str) -> (String, String) {
    let sections = || SECTIONS.iter().map(|(section, _)| *section).chain(["keys"]);
    let hint = if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == name) {
        format!("`{name}` belongs under [{}].", setting.section)
    } else if let Some(near) = nearest(name, sections()) {
        format!("Did you mean [{near}]?")
    } else {
        format!("The sections are {}.", sections().collect::<Vec<_>>().join(", "))
    };
    (format!("There is no section `{}`.", shortened(name)), hint)
}

fn unknown(section: &str, key: &str) -> String {
    format!("There is no setting `{}` in [{section}].", shortened(key))
}

fn unknown_hint(section: &str, key: &str) -> String {
    if let Some(elsewhere) = SETTINGS.iter().find(|setting| setting.key == key) {
        return format!("It belongs under [{}].", elsewhere.section);
    }
    let here = || SETTINGS.iter().filter(|setting| setting.section == section).map(|setting| setting.key);
    match nearest(key, here()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None => format!("It has {}.", here().collect::<Vec<_>>().join(", ")),
    }
}

/// The one that is most like it, if any is like it at all.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .map(|word| (strsim::damerau_levenshtein(&given, word), word))
        .min()
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(2))
        .map(|(_, word)| word)
}

fn refused(setting: &Setting, given: &str) -> String {
    format!("`{}` takes {}, not {given}.", setting.name(), setting.takes())
}

/// Enough of a wrong value to find it again.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// The parser's words as a sentence of ours.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    match value {
        DeValue::String(text) => Some(toml::Value::from(text.as_ref())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(toml::Value::from),
        DeValue::Boolean(flag) => Some(toml::Value::from(*flag)),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// What a variable or flag says, as the type its setting has; a text where it cannot be that.
fn from_text(setting: &Setting, text: &str) -> toml::Value {
    let text = text.to_owned();
    match setting.kind {
        Kind::Bool => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true.into(),
            "false" | "no" | "off" | "0" => false.into(),
            _ => text.into(),
        },
        Kind::Whole { .. } => text.trim().parse::<i64>().map_or_else(|_| text.into(), toml::Value::from),
        Kind::Text { .. } | Kind::OneOf(_) => text.into(),
    }
}

/// The value, if it is one that the setting takes.
fn accept(setting: &Setting, value: toml::Value) -> Option<toml::Value> {
    let good = match (setting.kind, &value) {
        (Kind::Bool, toml::Value::Boolean(_)) => true,
        (Kind::Whole { low, high }, toml::Value::Integer(number)) => (low..=high).contains(number),
        (Kind::Text { most }, toml::Value::String(text)) => text.len() <= most,
        (Kind::OneOf(words), toml::Value::String(text)) => words.contains(&text.as_str()),
        (Kind::Bool | Kind::Whole { .. } | Kind::Text { .. } | Kind::OneOf(_), _) => false,
    };
    good.then_some(value)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::config::ThemeName;

    fn in_file(text: impl AsRef<[u8]>) -> (tempfile::TempDir, Sources) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        (dir, Sources { file: Some(path), ..Sources::default() })
    }

    /// The mistakes in a file, with the directory's name taken away.
    fn mistakes(text: impl AsRef<[u8]>) -> Vec<String> {
        let (dir, sources) = in_file(text);
        let (_, problems) = check(&sources).unwrap();
        let home = format!("{}/", dir.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&home, "")).collect()
    }

    #[test]
    fn later_sources_win_and_say_so() {
        let (_dir, mut sources) = in_file("[ui]\ntheme = \"dark\"\nvim = true\n[chat]\nsilence_seconds = 30\n");
        sources.variables = vec![
            ("OLLAMANET_UI_THEME".into(), "light".into()),
            ("OLLAMANET_LOG".into(), "debug".into()),
            ("OLLAMANET_DATA_DIR".into(), "/x".into()),
            ("HOME".into(), "/root".into()),
        ];
        sources.flags = vec!["chat.silence_seconds=60".to_owned()];
        let loaded = load(&sources).unwrap();
        let mut expected = Config::default();
        expected.ui.theme = ThemeName::Light;
        expected.ui.vim = true;
        expected.chat.silence_seconds = 60;
        assert_eq!(loaded.config, expected);
        let origin = |section, key| loaded.origin(find(section, key).unwrap());
        assert_eq!(origin("ui", "theme"), Origin::Variable("OLLAMANET_UI_THEME".to_owned()));
        assert_eq!(origin("ui", "vim"), Origin::File(3));
        assert_eq!(origin("chat", "silence_seconds"), Origin::Flag);
        assert_eq!(origin("chat", "model"), Origin::Default);
    }

    #[test]
    fn no_file_is_fine_unless_it_was_named() {
        let missing = |file_must_exist| Sources {
            file: Some("/nowhere/config.toml".into()),
            file_must_exist,
            ..Sources::default()
        };
        assert_eq!(load(&missing(false)).unwrap().config, Config::default());
        assert_eq!(load(&missing(true)).unwrap_err().kind, FaultKind::Invalid);
    }

    #[test]
    fn each_mistake_has_its_line_its_column_and_the_nearest_name() {
        assert_eq!(
            mistakes(
                "[ui]\ntheme = \"drak\"\n  colour = true\nsidebar_width = 5\ntitles = 1\n[caht]\nmodel = 3\n\
                 [chat]\ntitels = false\nmouse = true\nsilence_seconds = 4.5\n"
            ),
            [
                "config.toml:2:9: `ui.theme` takes auto, dark, light or plain, not \"drak\".",
                "config.toml:3:3: There is no setting `colour` in [ui]. It has theme, mouse, vim, enter_sends, sidebar_width, show_thinking.",
                "config.toml:4:17: `ui.sidebar_width` takes a whole number from 16 to 80, not 5.",
                "config.toml:5:1: There is no setting `titles` in [ui]. It belongs under [chat].",
                "config.toml:6:2: There is no section `caht`. Did you mean [chat]?",
                "config.toml:9:1: There is no setting `titels` in [chat]. Did you mean `titles`?",
                "config.toml:10:1: There is no setting `mouse` in [chat]. It belongs under [ui].",
                "config.toml:11:19: `chat.silence_seconds` takes a whole number from 5 to 86400, not 4.5.",
            ]
        );
    }

    #[test]
    fn a_file_that_is_not_toml_or_not_text_is_one_mistake_with_its_place() {
        let [syntax] = &mistakes("[ui]\ntheme = dark\n")[..] else { panic!("one mistake") };
        assert!(syntax.starts_with("config.toml:2:9: "), "{syntax}");
        let bytes = b"[ui]\nvim = \"\xff\"\n";
        assert_eq!(mistakes(bytes), ["config.toml:2:8: This byte is not UTF-8 text. Save the file as UTF-8."]);
        let [twice] = &mistakes("[ui]\nvim = true\nvim = false\n")[..] else { panic!("one mistake") };
        assert!(twice.starts_with("config.toml:3:1: "), "{twice}");
        assert_eq!(mistakes("\u{feff}[ui]\r\nvim = true\r\n"), [""; 0]);
        assert_eq!(mistakes("ui = 3\nvim = true\n").len(), 2);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(
            mistakes("[chat]\nmodel = \"漢字\" \nsystem_prompt = 1\n[\"ü\"]\n"),
            [
                "config.toml:3:17: `chat.system_prompt` takes a text of at most 32768 bytes, not 1.",
                "config.toml:4:2: There is no section `ü`. Did you mean [ui]?",
            ]
        );
    }

    #[test]
    fn keys_are_lists_of_texts_by_part_and_action() {
        let (_dir, sources) = in_file("[keys.composer]\nsend = [\"ctrl+s\"]\neditor = []\nnewline = \"ctrl+j\"\n");
        let keys = load(&sources).unwrap().config.keys;
        assert_eq!(keys["composer"]["send"], ["ctrl+s"]);
        assert!(keys["composer"]["editor"].is_empty());
        assert_eq!(keys["composer"]["newline"], ["ctrl+j"]);
        assert_eq!(mistakes("[keys.composer]\nsend = 3\n").len(), 1);
        assert_eq!(mistakes("[keys]\nsend = \"a\"\n").len(), 1);
        assert_eq!(mistakes("keys = 1\n").len(), 1);
    }

    #[test]
    fn variables_and_flags_are_checked_like_the_file() {
        let wrong = |variables: &[(&str, &str)], flags: &[&str]| -> Vec<String> {
            let sources = Sources {
                variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                ..Sources::default()
            };
            check(&sources).unwrap().1.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            wrong(
                &[("OLLAMANET_UI_THEM", "dark"), ("OLLAMANET_CHAT_TITLES", "maybe"), ("OLLAMANET_UI_VIM", "on")],
                &["ui.vim", "ui.vmi=on", "uu.vim=on", "ui.sidebar_width=wide"],
            ),
            [
                "OLLAMANET_UI_THEM: There is no such setting. Did you mean OLLAMANET_UI_THEME?",
                "OLLAMANET_CHAT_TITLES: `chat.titles` takes true or false, not maybe.",
                "--set: “ui.vim” is not a setting and its value. Write --set section.key=value, such as --set ui.theme=light.",
                "--set: There is no setting `vmi` in [ui]. Did you mean `vim`?",
                "--set: There is no section `uu`. Did you mean [ui]?",
                "--set: `ui.sidebar_width` takes a whole number from 16 to 80, not wide.",
            ]
        );
    }

    #[test]
    fn the_first_mistake_stops_the_program_and_tells_of_the_rest() {
        let (_dir, sources) = in_file("[ui]\nvim = 1\nmouse = 1\ntheme = 1\n");
        let fault = load(&sources).unwrap_err();
        assert_eq!(fault.exit_code(), 2);
        assert!(fault.message.ends_with("config.toml:2:7: `ui.vim` takes true or false, not 1."), "{fault}");
        assert_eq!(fault.hint.as_deref(), Some("There are 2 more; `ollamanet config check` names all."));
    }

    #[test]
    fn a_file_that_others_can_change_is_refused_with_the_fix() {
        for mode in [0o602, 0o660] {
            let (_dir, sources) = in_file("[ui]\nvim = true\n");
            let path = sources.file.clone().unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let fault = load(&sources).unwrap_err();
            assert_eq!((fault.kind, fault.exit_code()), (FaultKind::Unsafe, 78));
            assert_eq!(fault.hint, Some(format!("Close it: chmod go-w {}", path.display())));
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let (_dir, sources) = in_file("[ui]\nvim = true\n");
        let path = sources.file.clone().unwrap();
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
            println!("skipped: only root may give files away");
            return;
        }
        // Only where we are root does the file become somebody else's who is not root.
        assert_eq!(load(&sources).unwrap_err().kind, FaultKind::Unsafe);
    }

    #[test]
    fn what_is_not_a_file_is_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources { file: Some(dir.path().to_owned()), ..Sources::default() };
        assert_eq!(load(&sources).unwrap_err().kind, FaultKind::Invalid);
        let endless = Sources { file: Some("/dev/zero".into()), ..Sources::default() };
        assert_eq!(load(&endless).unwrap_err().kind, FaultKind::Invalid);
    }
}
