//! Options in one line: `temperature=0.2 stop="the end" format={"type":"object"}`.

use serde_json::{Deserializer, Value};

use crate::{
    api::{
        Fault,
        options::{ChatOptions, OPTIONS},
    },
    safe_text::SafeText,
};

/// Those that are set, such that `read_options` gives them back.
#[must_use]
pub fn written_options(options: &ChatOptions) -> String {
    let set = OPTIONS.iter().map(|spec| (spec.name, options.get(spec.name))).filter(|(_, value)| !value.is_empty());
    let pair = |(name, value): (&str, String)| {
        let is_plain = value.starts_with('{') || !(value.contains(char::is_whitespace) || value.starts_with('"'));
        if is_plain { format!("{name}={value}") } else { format!("{name}={}", Value::String(value)) }
    };
    set.map(pair).collect::<Vec<_>>().join(" ")
}

/// A value ends at the next space, unless it stands in quotes as in JSON, or is a JSON object.
pub fn read_options(text: &str) -> Result<ChatOptions, Fault> {
    let mut options = ChatOptions::default();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let (name, behind) = rest.split_once('=').filter(|_| word.contains('=')).ok_or_else(|| {
            Fault::invalid(format!("“{}” is no option and its value.", SafeText::line(word)))
                .hint("Write name=value, such as temperature=0.2.")
        })?;
        let (value, after) = if behind.starts_with(['"', '{']) {
            in_json(name, behind)?
        } else {
            let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
            (behind[..end].to_owned(), &behind[end..])
        };
        options.set(name, &value)?;
        rest = after.trim_start();
    }
    Ok(options)
}

/// The value at the beginning, and what stands behind it.
fn in_json<'a>(name: &str, text: &'a str) -> Result<(String, &'a str), Fault> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(value)) = values.next() else {
        let name = SafeText::line(name);
        return Err(Fault::invalid(format!("The value of {name} begins with a quote or a brace that does not end."))
            .hint("Close it, as in stop=\"the end\" or format={\"type\":\"object\"}."));
    };
    let end = values.byte_offset();
    let value = value.as_str().map_or_else(|| text[..end].to_owned(), str::to_owned);
    Ok((value, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        let mut options = ChatOptions::default();
        let given = [
            ("temperature", "0.2"),
            ("stop", "the \"end\" seed=9|a\\nb"),
            ("format", r#"{"type": "object", "title": "a } seed=3"}"#),
            ("think", "high"),
        ];
        for (name, value) in given {
            options.set(name, value).unwrap();
        }
        assert_eq!(read_options(&written_options(&options)), Ok(options));
        assert_eq!(read_options("  "), Ok(ChatOptions::default()));
        let both = ChatOptions { seed: Some(7), top_k: Some(3), ..ChatOptions::default() };
        assert_eq!(read_options(" seed=7   top_k=3 "), Ok(both));
    }

    #[test]
    fn what_is_no_option_is_said_with_its_word() {
        assert!(read_options("seed=7 hot").unwrap_err().message.contains("“hot”"));
        assert!(read_options("temprature=1").unwrap_err().hint.unwrap().contains("temperature"));
        assert!(read_options("stop=\"the end").unwrap_err().message.contains("stop"));
        assert!(read_options("seed=7 temperature=hot").is_err());
    }
}
