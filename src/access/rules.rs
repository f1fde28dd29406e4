//! What hangs on somebody's role and account beyond the rank: limits, and which models they may see and use.

use crate::api::admin::{LimitRule, Limited, ModelRule};

/// The rules of one account, read anew whenever the system database changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The account's own first, then its role's: the first that fits counts.
    pub limits: Vec<LimitRule>,
    /// Of the account and its role together.
    pub models: Vec<ModelRule>,
}

impl Rules {
    /// Another limit than the configured one.
    #[must_use]
    pub fn most(&self, limited: Limited) -> Option<u32> {
        self.limits.iter().find(|rule| rule.limited == limited).map(|rule| rule.most)
    }

    /// Whether this model exists for the account. Deny wins; as soon as anything is allowed by name, only that is.
    #[must_use]
    pub fn may_use(&self, model: &str) -> bool {
        let fits = |rule: &&ModelRule| matches(&rule.pattern, model);
        if self.models.iter().filter(|rule| !rule.allowed).any(|rule| fits(&rule)) {
            return false;
        }
        let mut allowed = self.models.iter().filter(|rule| rule.allowed).peekable();
        allowed.peek().is_none() || allowed.any(|rule| fits(&rule))
    }
}

/// Whether a model's name fits a pattern in which `*` stands for anything. Without regard to case, and with the tag
/// `latest` understood where none is named, as Ollama does it.
fn matches(pattern: &str, model: &str) -> bool {
    let whole = |name: &str| {
        let name = name.to_lowercase();
        let last = name.rsplit('/').next().unwrap_or(&name);
        if last.contains(':') { name } else { name + ":latest" }
    };
    let model = whole(model);
    // A pattern that ends in `*` may end anywhere in the tag.
    let pattern = if pattern.ends_with('*') { pattern.to_lowercase() } else { whole(pattern) };
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = model.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(models: &[(&str, bool)]) -> Rules {
        let models =
            models.iter().map(|(pattern, allowed)| ModelRule { pattern: (*pattern).to_owned(), allowed: *allowed });
        Rules { models: models.collect(), ..Rules::default() }
    }

    #[test]
    fn a_pattern_fits_a_name_as_people_mean_it() {
        for (pattern, model, fits) in [
            ("llama3.2", "llama3.2:latest", true),
            ("llama3.2", "llama3.2:3b", false),
            ("llama3.2:3b", "LLAMA3.2:3b", true),
            ("llama3*", "llama3.2:3b", true),
            ("*", "anything/at:all", true),
            ("*:70b", "llama3:70b", true),
            ("*:70b", "llama3:8b", false),
            ("hf.co/*", "hf.co/some/model:Q4", true),
            ("hf.co/*", "llama3:8b", false),
            ("q*n*:7b", "qwen:7b", true),
            ("q*n*:7b", "qwe:7b", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, model), fits, "{pattern} on {model}");
        }
    }

    #[test]
    fn deny_wins_and_a_list_of_what_is_allowed_shuts_out_the_rest() {
        assert!(rules(&[]).may_use("llama3:8b"));
        assert!(!rules(&[("llama3*", false)]).may_use("llama3:8b"));
        assert!(rules(&[("llama3*", false)]).may_use("qwen:7b"));
        assert!(rules(&[("llama3*", true)]).may_use("llama3:8b"));
        assert!(!rules(&[("llama3*", true)]).may_use("qwen:7b"));
        assert!(!rules(&[("*", true), ("*:70b", false)]).may_use("llama3:70b"));
    }
}
