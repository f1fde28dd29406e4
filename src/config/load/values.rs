//! Which settings there are, what each takes, and how it is said that something is neither.

use toml::de::DeValue;

use crate::config::{
    collector::Collector,
    table::{Kind, SECTIONS, SETTINGS, Setting},
};

pub(super) fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| *section == name)
}

pub(super) fn find(section: &str, key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.section == section && setting.key == key)
}

pub(super) fn unknown_section(name: &str) -> (String, String) {
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

pub(super) fn unknown(section: &str, key: &str) -> String {
    format!("There is no setting `{}` in [{section}].", shortened(key))
}

pub(super) fn unknown_hint(section: &str, key: &str) -> String {
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
pub(super) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .map(|word| (strsim::damerau_levenshtein(&given, word), word))
        .min()
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(2))
        .map(|(_, word)| word)
}

pub(super) fn refused(setting: &Setting, given: &str) -> String {
    // An address with a password in it is the likeliest mistake there.
    if setting.kind == Kind::Collector {
        return format!(
            "`{}` takes {}; without a user name, a password or a question in it.",
            setting.name(),
            setting.takes()
        );
    }
    format!("`{}` takes {}, not {given}.", setting.name(), setting.takes())
}

/// Enough of a wrong value to find it again.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// The parser's words as a sentence of ours.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

pub(super) fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    match value {
        DeValue::String(text) => Some(toml::Value::from(text.as_ref())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(toml::Value::from),
        DeValue::Boolean(flag) => Some(toml::Value::from(*flag)),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// What a variable or flag says, as the type its setting has; a text where it cannot be that.
pub(super) fn from_text(setting: &Setting, text: &str) -> toml::Value {
    let text = text.to_owned();
    match setting.kind {
        Kind::Bool => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true.into(),
            "false" | "no" | "off" | "0" => false.into(),
            _ => text.into(),
        },
        Kind::Whole { .. } => text.trim().parse::<i64>().map_or_else(|_| text.into(), toml::Value::from),
        Kind::Text { .. } | Kind::OneOf(_) | Kind::Collector => text.into(),
    }
}

/// The value, if it is one that the setting takes.
pub(super) fn accept(setting: &Setting, value: toml::Value) -> Option<toml::Value> {
    let good = match (setting.kind, &value) {
        (Kind::Bool, toml::Value::Boolean(_)) => true,
        (Kind::Whole { low, high }, toml::Value::Integer(number)) => (low..=high).contains(number),
        (Kind::Text { most }, toml::Value::String(text)) => text.len() <= most,
        (Kind::OneOf(words), toml::Value::String(text)) => words.contains(&text.as_str()),
        (Kind::Collector, toml::Value::String(text)) => text.trim().is_empty() || Collector::parse(text).is_some(),
        (Kind::Bool | Kind::Whole { .. } | Kind::Text { .. } | Kind::OneOf(_) | Kind::Collector, _) => false,
    };
    good.then_some(value)
}
