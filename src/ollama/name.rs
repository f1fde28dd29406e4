//! Names of models and blobs, checked against Ollama's own grammar before they are sent anywhere.
//!
//! Path traversal in names and digests has been Ollama's most frequent hole, so what a person types or a file says is
//! parsed here first. One invariant: no `ModelName` or `Digest` holds a byte that means something in a path, beyond the
//! slashes between its parts.

use std::fmt;

/// `[host/][namespace/]model[:tag]`, valid; written as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelName(String);

/// The parts of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    pub host: &'a str,
    pub namespace: &'a str,
    pub model: &'a str,
    pub tag: &'a str,
}

/// Why a text is no name of a model, as one sentence without its full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("a model name cannot be empty")]
    Empty,
    #[error("a model name has at most a host, a namespace and a name, separated by slashes")]
    TooManyParts,
    #[error("each part of a model name has 1 to 80 characters, the host up to 350")]
    Length,
    #[error("a model name takes letters, digits, “_”, “-” and “.”, and begins with a letter, a digit or “_”")]
    Characters,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Namespace,
    Model,
    Tag,
}

impl ModelName {
    /// # Errors
    /// The text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let name = text.trim();
        if name.is_empty() {
            return Err(BadName::Empty);
        }
        let (path, tag) = match tag_at(name) {
            Some(at) => (&name[..at], Some(&name[at + 1..])),
            None => (name, None),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let kinds: &[Part] = match parts.len() {
            1 => &[Part::Model],
            2 => &[Part::Namespace, Part::Model],
            3 => &[Part::Host, Part::Namespace, Part::Model],
            _ => return Err(BadName::TooManyParts),
        };
        for (part, kind) in parts.iter().zip(kinds) {
            check(part, *kind)?;
        }
        if let Some(tag) = tag {
            check(tag, Part::Tag)?;
        }
        Ok(Self(name.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All parts, with Ollama's defaults for what is not said.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        let tag_at = self.0.rfind(':').filter(|at| self.0.rfind('/').is_none_or(|slash| slash < *at));
        let (path, tag) = tag_at.map_or((self.0.as_str(), "latest"), |at| (&self.0[..at], &self.0[at + 1..]));
        let mut rest = path.rsplit('/');
        let model = rest.next().unwrap_or_default();
        let namespace = rest.next().unwrap_or("library");
        Parts { host: rest.next().unwrap_or("registry.ollama.ai"), namespace, model, tag }
    }

    /// The registry it names, if it names another than Ollama's own.
    #[must_use]
    pub fn foreign_registry(&self) -> Option<&str> {
        let mut parts = self.0.split('/');
        let host = parts.next()?;
        (parts.count() == 2 && !host.eq_ignore_ascii_case("registry.ollama.ai")).then_some(host)
    }
}

/// Whether two names mean one model: case does not count, nor do the default host, namespace and tag.
#[must_use]
pub fn same_model(a: &str, b: &str) -> bool {
    short(a).eq_ignore_ascii_case(&short(b))
}

/// A name as it is compared: lower case, without what is Ollama's own (host and namespace), and always with its tag.
#[must_use]
pub fn key(name: &str) -> String {
    let short = short(name);
    if tag_at(&short).is_some() { short } else { short + ":latest" }
}

/// A name without its tag, as it was written.
#[must_use]
pub fn without_tag(name: &str) -> &str {
    tag_at(name).map_or(name, |at| &name[..at])
}

/// The last colon begins a tag only behind the last slash; before it, it is the host's port.
fn tag_at(name: &str) -> Option<usize> {
    name.rfind(':').filter(|at| name.rfind('/').is_none_or(|slash| slash < *at))
}

fn short(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("registry.ollama.ai/").unwrap_or(&lower);
    let bare = bare.strip_prefix("library/").unwrap_or(bare);
    bare.strip_suffix(":latest").unwrap_or(bare).to_owned()
}

fn check(part: &str, kind: Part) -> Result<(), BadName> {
    let longest = if kind == Part::Host { 350 } else { 80 };
    if part.is_empty() || part.len() > longest {
        return Err(BadName::Length);
    }
    let good = part.bytes().enumerate().all(|(at, byte)| match byte {
        b'_' => true,
        b'-' => at > 0,
        b'.' => at > 0 && kind != Part::Namespace,
        b':' => at > 0 && kind == Part::Host,
        other => other.is_ascii_alphanumeric(),
    });
    if good { Ok(()) } else { Err(BadName::Characters) }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// `None` for anything else, whatever it looks like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let good = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_ollamas_grammar() {
        for name in [
            "llama3.2",
            "llama3.2:3b",
            "_x",
            "user/model:tag",
            "localhost:5000/library/tiny",
            "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
            " padded ",
        ] {
            assert!(ModelName::parse(name).is_ok(), "{name}");
        }
        let long = "a".repeat(81);
        for (name, why) in [
            ("", BadName::Empty),
            ("a/b/c/d", BadName::TooManyParts),
            ("a//b", BadName::Length),
            ("a:", BadName::Length),
            (long.as_str(), BadName::Length),
            ("../../etc/passwd", BadName::TooManyParts),
            ("../x", BadName::Characters),
            ("-x", BadName::Characters),
            (".x", BadName::Characters),
            ("a.b/c", BadName::Characters),
            ("x:y:z", BadName::Characters),
            ("x\u{1b}[31m", BadName::Characters),
            ("x y", BadName::Characters),
            ("modèle", BadName::Characters),
            ("a\\b", BadName::Characters),
            ("x:..", BadName::Characters),
        ] {
            assert_eq!(ModelName::parse(name), Err(why), "{name:?}");
        }
    }

    #[test]
    fn another_registry_is_noticed() {
        let foreign = |name: &str| ModelName::parse(name).unwrap().foreign_registry().map(str::to_owned);
        assert_eq!(foreign("llama3"), None);
        assert_eq!(foreign("user/llama3"), None);
        assert_eq!(foreign("registry.ollama.ai/library/llama3"), None);
        assert_eq!(foreign("evil.example/library/llama3"), Some("evil.example".into()));
    }

    #[test]
    fn what_a_name_leaves_out_has_a_default() {
        let parts = |name: &str| {
            let name = ModelName::parse(name).unwrap();
            let Parts { host, namespace, model, tag } = name.parts();
            [host, namespace, model, tag].map(str::to_owned)
        };
        assert_eq!(parts("tiny"), ["registry.ollama.ai", "library", "tiny", "latest"]);
        assert_eq!(parts("user/tiny:2b"), ["registry.ollama.ai", "user", "tiny", "2b"]);
        assert_eq!(parts("localhost:5000/a/tiny"), ["localhost:5000", "a", "tiny", "latest"]);
    }

    #[test]
    fn one_model_has_many_spellings() {
        assert!(same_model("Tiny", "tiny:latest"));
        assert!(same_model("registry.ollama.ai/library/tiny:latest", "tiny"));
        assert!(!same_model("tiny:7b", "tiny"));
        for spelling in ["Tiny", "tiny:latest", "library/tiny", "registry.ollama.ai/library/TINY:latest"] {
            assert_eq!(key(spelling), "tiny:latest", "{spelling}");
        }
        assert_eq!(key("localhost:5000/a/b"), "localhost:5000/a/b:latest");
        assert_eq!((without_tag("a/b:c"), without_tag("h:1/a/b")), ("a/b", "h:1/a/b"));
    }

    #[test]
    fn a_digest_is_exactly_a_digest() {
        let good = format!("sha256:{}", "0af".repeat(21) + "0");
        assert!(Digest::parse(&good).is_some());
        for bad in
            [String::new(), good.to_uppercase(), good.replace(':', "-"), format!("{good}0"), format!("{good}/..")]
        {
            assert_eq!(Digest::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_accepted_name_climbs_out_of_its_directory(text in "[a-z./:\\\\\\x00-]{0,12}") {
            if let Ok(name) = ModelName::parse(&text) {
                prop_assert!(name.as_str().split('/').all(|part| !part.starts_with('.') && !part.is_empty()));
                prop_assert!(!name.as_str().contains(['\\', '\0']));
            }
        }
    }
}
