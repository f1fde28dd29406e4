//! Tab in the filter: the names of filters, and the values of those whose values are words.

/// The filters as they are begun.
const FILTERS: [&str; 15] = [
    "cap:",
    "size:<",
    "params:>",
    "fits:",
    "license:",
    "family:",
    "quant:",
    "ctx:>=",
    "tag:",
    "topic:",
    "installed:",
    "loaded:",
    "used:",
    "rated:>",
    "speed:>",
];

/// Values that are words, by their filter.
const VALUES: [(&str, &[&str]); 5] = [
    ("cap:", &["completion", "tools", "vision", "thinking", "embedding", "insert", "audio"]),
    ("fits:", &["gpu", "partly", "ram", "no"]),
    ("installed:", &["yes", "no"]),
    ("loaded:", &["yes", "no"]),
    ("used:", &["30d", ">30d", "never"]),
];

/// A word being completed: Tab goes on to the next proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    before: String,
    proposals: Vec<String>,
    at: usize,
}

impl Completion {
    /// The next proposal for the last word; `None` = there is none.
    pub fn next(now: Option<Self>, text: &str, tags: &[String]) -> Option<Self> {
        if let Some(mut now) = now {
            now.at = (now.at + 1) % now.proposals.len();
            return Some(now);
        }
        let start = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, word) = text.split_at(start);
        let proposals = proposals(word, tags);
        (!proposals.is_empty()).then(|| Self { before: before.to_owned(), proposals, at: 0 })
    }

    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.proposals[self.at])
    }
}

/// What the word could become.
#[must_use]
pub fn proposals(word: &str, tags: &[String]) -> Vec<String> {
    let word = word.to_lowercase();
    let Some(colon) = word.find(':') else {
        return FILTERS.iter().filter(|filter| filter.starts_with(&word)).map(|&filter| filter.to_owned()).collect();
    };
    let (filter, typed) = word.split_at(colon + 1);
    if filter == "tag:" {
        let typed = typed.trim_start_matches('"');
        let named = tags.iter().filter(|tag| tag.to_lowercase().starts_with(typed));
        return named
            .map(|tag| if tag.contains(char::is_whitespace) { format!("tag:\"{tag}\"") } else { format!("tag:{tag}") })
            .collect();
    }
    let values = VALUES.iter().find(|(known, _)| *known == filter).map_or(&[][..], |(_, values)| values);
    values.iter().filter(|value| value.starts_with(typed)).map(|value| format!("{filter}{value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_through_what_the_last_word_could_be() {
        let tags = ["Daily use".to_owned(), "work".to_owned()];
        let first = Completion::next(None, "coder f", &tags).unwrap();
        assert_eq!(first.text(), "coder fits:");
        let second = Completion::next(Some(first), "coder fits:", &tags).unwrap();
        assert_eq!(second.text(), "coder family:");
        let again = Completion::next(Some(second), "coder family:", &tags).unwrap();
        assert_eq!(again.text(), "coder fits:");
        assert_eq!(Completion::next(None, "cap:vi", &tags).unwrap().text(), "cap:vision");
        assert_eq!(Completion::next(None, "x tag:d", &tags).unwrap().text(), "x tag:\"Daily use\"");
        assert_eq!(Completion::next(None, "llama", &tags), None);
    }
}
