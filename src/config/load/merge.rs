//! Lays what each source says over what the ones before it said, and notes every mistake with its place.

use std::{collections::BTreeMap, ffi::OsString, ops::Range, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    KeyPlaces, Origin, Problem, Spot,
    values::{
        accept, find, from_text, is_section, nearest, plain, refused, sentence, shortened, unknown, unknown_hint,
        unknown_section,
    },
};
use crate::config::table::{FORMAT, SETTINGS, Setting};

#[derive(Default)]
pub(super) struct Merge {
    pub table: toml::Table,
    pub origins: BTreeMap<String, Origin>,
    pub key_places: KeyPlaces,
    pub problems: Vec<Problem>,
    /// Where the value that holds stands, by the setting's name.
    pub places: BTreeMap<String, Spot>,
}

/// Where a file says that it is of a format which this program does not read, and the words for that. Saying none is
/// saying 1.
fn format_of(table: &DeTable<'_>) -> Option<(usize, String)> {
    let (_, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == "format")?;
    let at = value.span().start;
    let DeValue::Integer(number) = value.get_ref() else {
        return Some((at, format!("The format is a number, such as format = {FORMAT}.")));
    };
    let known = i64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| (1..=FORMAT).contains(&number));
    let newer = || format!("The file has format {}, and this version of ollamanet reads {FORMAT}.", number.as_str());
    (!known).then(|| (at, newer()))
}

impl Merge {
    pub fn file(&mut self, path: &Path, bytes: &[u8]) {
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
        if let Some((at, message)) = format_of(table.get_ref()) {
            // What a newer program wrote may well look like mistakes; that it is newer is the one to be told.
            self.problem(
                place.at(at),
                message,
                Some("Update ollamanet, or use a file of its own: --config.".to_owned()),
            );
            return;
        }
        for (section, value) in table.get_ref() {
            let name = section.get_ref().as_ref();
            let at = place.at(section.span().start);
            match (name, value.get_ref()) {
                ("format", _) => {}
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
                self.put(setting, value, Origin::File(place.line_column(start).0), place.at(start));
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
    pub fn environment(&mut self, variables: &[(OsString, OsString)]) {
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
                Some(value) => self.put(setting, value, Origin::Variable(name.to_owned()), name.into()),
                None => self.problem(name, refused(setting, &shortened(&value.to_string_lossy())), None),
            }
        }
    }

    pub fn flag(&mut self, flag: &str) {
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
                Some(value) => self.put(setting, value, Origin::Flag, place.into()),
                None => self.problem(place, refused(setting, &shortened(value)), None),
            },
        }
    }

    /// A value that is good by itself and cannot be used here.
    pub fn unfit(&mut self, setting: &str, message: String, hint: &str) {
        let spot = self.places.get(setting).cloned().unwrap_or_else(|| setting.into());
        self.problem(spot, message, Some(hint.to_owned()));
    }

    fn put(&mut self, setting: &Setting, value: toml::Value, origin: Origin, spot: Spot) {
        if let Some(section) = self.table.get_mut(setting.section).and_then(toml::Value::as_table_mut) {
            section.insert(setting.key.to_owned(), value);
            self.origins.insert(setting.name(), origin);
            self.places.insert(setting.name(), spot);
        }
    }

    pub fn problem(&mut self, spot: impl Into<Spot>, message: impl Into<String>, hint: Option<String>) {
        let Spot { place, at } = spot.into();
        self.problems.push(Problem { place, at, message: message.into(), hint });
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
