//! Generation options (C22): what a person may set per conversation, checked before anything is sent.
//!
//! Ollama ignores unknown option names silently and answers a wrong type with 500, so both are caught here.
//! An option left out is not sent: the model's own default holds. In particular `num_ctx` is sent only when it was
//! set, because another value than the loaded one makes Ollama load the model anew.

use serde::{Deserialize, Serialize};

use super::Fault;

/// How much a thinking model should think. Left out on a thinking model means "on" (Ollama 0.32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Think {
    Off,
    On,
    Low,
    Medium,
    High,
    Max,
}

/// The shape the answer must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Json,
    /// A JSON schema object.
    Schema(serde_json::Value),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Context window, tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_ctx: Option<u32>,
    /// Most tokens to generate; -1 = until done. (0 means unlimited to Ollama, so it is refused here.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_predict: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// How long the model stays loaded: seconds, a Go duration (`10m`), or -1 for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// One option as a form, `-o` and the documentation show it.
#[derive(Debug)]
pub struct OptionSpec {
    pub name: &'static str,
    /// What may be written, in words.
    pub range: &'static str,
    /// Ollama's default where the model sets none.
    pub default: &'static str,
    pub help: &'static str,
}

pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "temperature",
        range: "0 – 2",
        default: "0.8",
        help: "Higher is more varied, 0 always takes the likeliest token.",
    },
    OptionSpec {
        name: "top_p",
        range: "0 – 1",
        default: "0.9",
        help: "Considers the likeliest tokens up to this total probability.",
    },
    OptionSpec {
        name: "top_k",
        range: "0 – 1000",
        default: "40",
        help: "Considers this many of the likeliest tokens; 0 = all.",
    },
    OptionSpec {
        name: "min_p",
        range: "0 – 1",
        default: "0",
        help: "Leaves out tokens below this share of the likeliest one's probability.",
    },
    OptionSpec {
        name: "seed",
        range: "-1 or any whole number",
        default: "-1",
        help: "The same seed and prompt give the same answer; -1 = random.",
    },
    OptionSpec {
        name: "num_ctx",
        range: "256 – 4194304",
        default: "the server's",
        help: "Context window in tokens; changing it loads the model anew.",
    },
    OptionSpec {
        name: "num_predict",
        range: "-1 or 1 – 1048576",
        default: "-1",
        help: "Most tokens in an answer; -1 = until done.",
    },
    OptionSpec {
        name: "stop",
        range: "up to 16 texts, separated by |",
        default: "none",
        help: "The answer ends before any of these; \\n is a newline.",
    },
    OptionSpec {
        name: "keep_alive",
        range: "seconds, 10m, 24h, 0 or -1",
        default: "5m",
        help: "How long the model stays loaded after the answer.",
    },
    OptionSpec {
        name: "think",
        range: "off, on, low, medium, high, max",
        default: "the model's",
        help: "How much a thinking model thinks before it answers.",
    },
    OptionSpec {
        name: "format",
        range: "json, or a JSON schema",
        default: "free text",
        help: "The shape the answer must have.",
    },
];

impl ChatOptions {
    /// These, and what they leave open as `fallback` has it.
    #[must_use]
    pub fn or(mut self, fallback: &Self) -> Self {
        for spec in OPTIONS {
            if self.get(spec.name).is_empty() {
                // What came out of checked options goes into checked options.
                let _ = self.set(spec.name, &fallback.get(spec.name));
            }
        }
        self
    }

    /// Sets one option from text, as `-o name=value` and the form give it. An empty value clears it.
    ///
    /// # Errors
    /// Names the option, what it takes and, for an unknown name, the nearest one.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let value = value.trim();
        let spec = OPTIONS.iter().find(|spec| spec.name == name).ok_or_else(|| unknown(name))?;
        let wrong = || Fault::invalid(format!("The option {name} takes {}, not “{value}”.", spec.range));
        let clear = value.is_empty();
        match name {
            "temperature" => self.temperature = number(value, 0.0, 2.0).map_err(|()| wrong())?,
            "top_p" => self.top_p = number(value, 0.0, 1.0).map_err(|()| wrong())?,
            "min_p" => self.min_p = number(value, 0.0, 1.0).map_err(|()| wrong())?,
            "top_k" => self.top_k = whole(value, 0, 1000).map_err(|()| wrong())?,
            "seed" => self.seed = whole(value, i64::MIN, i64::MAX).map_err(|()| wrong())?,
            "num_ctx" => {
                let tokens = whole(value, 256, 4_194_304).map_err(|()| wrong())?;
                self.num_ctx = tokens.and_then(|tokens| u32::try_from(tokens).ok());
            }
            "num_predict" => {
                let tokens = whole(value, -1, 1_048_576).map_err(|()| wrong())?;
                if tokens == Some(0) {
                    return Err(wrong().hint("Ollama takes 0 for “unlimited”; write -1 for that."));
                }
                self.num_predict = tokens;
            }
            "stop" => {
                let texts: Vec<String> =
                    value.split('|').filter(|text| !text.is_empty()).map(|text| text.replace("\\n", "\n")).collect();
                if texts.len() > 16 {
                    return Err(wrong());
                }
                self.stop = texts;
            }
            "keep_alive" => {
                if !clear && !is_keep_alive(value) {
                    return Err(wrong());
                }
                self.keep_alive = (!clear).then(|| value.to_owned());
            }
            "think" => {
                self.think = match value {
                    "" => None,
                    "off" | "false" | "no" => Some(Think::Off),
                    "on" | "true" | "yes" => Some(Think::On),
                    "low" => Some(Think::Low),
                    "medium" => Some(Think::Medium),
                    "high" => Some(Think::High),
                    "max" => Some(Think::Max),
                    _ => return Err(wrong()),
                }
            }
            "format" => {
                self.format = match value {
                    "" => None,
                    "json" => Some(Format::Json),
                    schema => match serde_json::from_str::<serde_json::Value>(schema) {
                        Ok(schema @ serde_json::Value::Object(_)) => Some(Format::Schema(schema)),
                        Ok(_) | Err(_) => {
                            return Err(wrong().hint("A schema is a JSON object, such as {\"type\":\"object\"}."));
                        }
                    },
                }
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// One option as text, such that `set` gives it back. Empty = not set.
    #[must_use]
    pub fn get(&self, name: &str) -> String {
        fn text<T: ToString>(value: Option<T>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        match name {
            "temperature" => text(self.temperature),
            "top_p" => text(self.top_p),
            "min_p" => text(self.min_p),
            "top_k" => text(self.top_k),
            "seed" => text(self.seed),
            "num_ctx" => text(self.num_ctx),
            "num_predict" => text(self.num_predict),
            "stop" => self.stop.join("|").replace('\n', "\\n"),
            "keep_alive" => self.keep_alive.clone().unwrap_or_default(),
            "think" => match self.think {
                None => "",
                Some(Think::Off) => "off",
                Some(Think::On) => "on",
                Some(Think::Low) => "low",
                Some(Think::Medium) => "medium",
                Some(Think::High) => "high",
                Some(Think::Max) => "max",
            }
            .to_owned(),
            "format" => match &self.format {
                None => String::new(),
                Some(Format::Json) => "json".to_owned(),
                Some(Format::Schema(schema)) => schema.to_string(),
            },
            _ => String::new(),
        }
    }

    /// These options with the set ones of `over` in their place.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let mut merged = self.clone();
        for spec in OPTIONS {
            let value = over.get(spec.name);
            if !value.is_empty() {
                // A value that `get` wrote is one that `set` takes.
                let _ = merged.set(spec.name, &value);
            }
        }
        merged
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn unknown(name: &str) -> Fault {
    let nearest = OPTIONS
        .iter()
        .map(|spec| spec.name)
        .min_by_key(|known| strsim::levenshtein(known, name))
        .filter(|known| strsim::levenshtein(known, name) <= 3);
    let fault = Fault::invalid(format!("There is no option “{name}”."));
    match nearest {
        Some(nearest) => fault.hint(format!("Did you mean {nearest}?")),
        None => fault
            .hint(format!("The options are {}.", OPTIONS.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", "))),
    }
}

/// `None` for an empty text; an error for one that is not a number in the range.
fn number(text: &str, low: f64, high: f64) -> Result<Option<f64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().ok().filter(|value| (low..=high).contains(value)).map(Some).ok_or(())
}

fn whole(text: &str, low: i64, high: i64) -> Result<Option<i64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().ok().filter(|value| (low..=high).contains(value)).map(Some).ok_or(())
}

/// Whole seconds (also negative), or a Go duration made of `h`, `m` and `s` parts.
fn is_keep_alive(text: &str) -> bool {
    if text.parse::<i64>().is_ok() {
        return true;
    }
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            return false;
        }
        rest = &rest[digits..];
        let Some(after) = ["ms", "h", "m", "s"].iter().find_map(|unit| rest.strip_prefix(unit)) else {
            return false;
        };
        rest = after;
    }
    !text.is_empty() && text != "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_get_writes_set_takes() {
        let mut options = ChatOptions::default();
        for (name, value) in [
            ("temperature", "0.2"),
            ("top_p", "0.5"),
            ("top_k", "10"),
            ("min_p", "0.1"),
            ("seed", "-1"),
            ("num_ctx", "8192"),
            ("num_predict", "-1"),
            ("stop", "END|a\\nb"),
            ("keep_alive", "1h30m"),
            ("think", "high"),
            ("format", r#"{"type":"object"}"#),
        ] {
            options.set(name, value).unwrap();
            assert_eq!(options.get(name), value);
        }
        assert_eq!(ChatOptions::default().overlaid(&options), options);
        for spec in OPTIONS {
            options.set(spec.name, "").unwrap();
        }
        assert!(options.is_empty());
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_range() {
        let mut options = ChatOptions::default();
        for (name, value) in [
            ("temperature", "hot"),
            ("temperature", "NaN"),
            ("temperature", "2.1"),
            ("top_k", "1.5"),
            ("num_ctx", "12"),
            ("num_predict", "0"),
            ("keep_alive", "soon"),
            ("keep_alive", "-"),
            ("think", "enormous"),
            ("format", "xml"),
            ("format", "[]"),
        ] {
            let fault = options.set(name, value).unwrap_err();
            assert!(fault.message.contains(name), "{fault}");
        }
        assert!(options.is_empty());
        assert_eq!(options.set("temprature", "1").unwrap_err().hint.as_deref(), Some("Did you mean temperature?"));
    }
}
