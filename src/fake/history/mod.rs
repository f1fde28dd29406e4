//! Made-up histories of any size from a seed: years of conversations for tests and benchmarks, one conversation at a time,
//! so that a million messages take no more memory than the longest of them.
//!
//! It is not for people: nothing in it means anything. The words follow Zipf's law, answers are Markdown with code, lists
//! and tables, some of it in other scripts. The same seed gives the same history everywhere and always.

mod random;
mod text;
mod words;

pub use random::Random;
pub use text::TextMaker;
pub use words::MODELS;

use crate::api::chat::MessageRole;

/// A conversation that never took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeUp {
    pub title: String,
    /// A path of folders from the top, `Work/Backend`; empty for none.
    pub folder: &'static str,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
    pub messages: Vec<Said>,
}

/// One message of it; questions and answers take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub role: MessageRole,
    pub content: String,
    /// Of answers only.
    pub model: Option<&'static str>,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
}

/// What kind of history is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub seed: u64,
    /// In all conversations together.
    pub messages: usize,
    /// In a conversation of the usual length.
    pub per_conversation: usize,
    /// How many messages the first conversation has; 0 = as many as any.
    pub first: usize,
    /// So many messages hold a word that no other has: `needle(0)`, `needle(1)`, …, spread over the whole.
    pub needles: usize,
    /// Every message is one or two sentences.
    pub short: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { seed: 42, messages: 1_000, per_conversation: 12, first: 0, needles: 100, short: false }
    }
}

/// The word that only one message has.
#[must_use]
pub fn needle(number: usize) -> String {
    format!("zqneedle{number:05}")
}

/// 1 January 2023, when the first conversation begins.
const BEGINNING: i64 = 1_672_531_200_000;

/// Conversations in the order in which they took place.
#[derive(Debug)]
pub struct History {
    wanted: Wanted,
    text: TextMaker,
    made: usize,
    planted: usize,
    now: i64,
}

impl History {
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, text: TextMaker::new(wanted.seed), made: 0, planted: 0, now: BEGINNING }
    }

    fn content(&mut self, is_question: bool) -> String {
        let mut content = match (self.wanted.short, is_question) {
            (true, _) => self.text.remark(),
            (false, true) => self.text.question(),
            (false, false) => self.text.answer(),
        };
        if let Some(every) = self.wanted.messages.checked_div(self.wanted.needles).map(|every| every.max(1))
            && self.made % every == every / 2
            && self.planted < self.wanted.needles
        {
            content.push(' ');
            content.push_str(&needle(self.planted));
            self.planted += 1;
        }
        content
    }

    fn pass(&mut self, least: usize, most: usize) {
        self.now += 1_000 * self.text.random.between(least, most) as i64;
    }
}

impl Iterator for History {
    type Item = MadeUp;

    fn next(&mut self) -> Option<MadeUp> {
        let left = self.wanted.messages - self.made;
        if left == 0 {
            return None;
        }
        let length = match self.wanted.first {
            first if self.made == 0 && first > 0 => first,
            // Even, so that the last question is answered.
            _ => self.text.random.skewed(self.wanted.per_conversation as f64, 0.9).clamp(2, 400) & !1,
        };
        let (title, folder, model, created_at) = (self.text.title(), self.text.folder(), self.text.model(), self.now);
        let messages = (0..length.min(left))
            .map(|place| {
                let is_question = place % 2 == 0;
                let content = self.content(is_question);
                self.made += 1;
                self.pass(2, 90);
                Said {
                    role: if is_question { MessageRole::User } else { MessageRole::Assistant },
                    content,
                    model: (!is_question).then_some(model),
                    created_at: self.now,
                }
            })
            .collect();
        self.pass(60, 20_000);
        Some(MadeUp { title, folder, created_at, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_history() {
        let wanted = Wanted { messages: 60, ..Wanted::default() };
        let made: Vec<MadeUp> = History::new(wanted).collect();
        assert_eq!(made, History::new(wanted).collect::<Vec<_>>());
        assert_ne!(made, History::new(Wanted { seed: 43, ..wanted }).collect::<Vec<_>>());
    }

    #[test]
    fn a_history_has_as_many_messages_and_needles_as_were_wanted() {
        let wanted = Wanted { messages: 501, needles: 7, first: 100, short: true, ..Wanted::default() };
        let made: Vec<MadeUp> = History::new(wanted).collect();
        assert_eq!(made[0].messages.len(), 100);
        assert_eq!(made.iter().map(|each| each.messages.len()).sum::<usize>(), 501);
        for number in 0..7 {
            let word = needle(number);
            let hits = made.iter().flat_map(|each| &each.messages).filter(|said| said.content.contains(&word)).count();
            assert_eq!(hits, 1, "{word}");
        }
        assert!(made.windows(2).all(|two| two[0].created_at < two[1].created_at));
    }

    /// A change here changes what every benchmark measures.
    #[test]
    fn texts_are_what_they_have_always_been() {
        let mut text = TextMaker::new(7);
        assert_eq!(text.sentence(), "Vounboubiost reabriomlio hosdrilostcut hostnoul with getvie braststendneal the.");
    }
}
