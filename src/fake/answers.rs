//! The texts that the stand-in gives: real Markdown of every kind, picked by words of the question.
//!
//! Each says plainly that no model wrote it.

/// What a thinking model thinks first.
pub const THINKING: &str = "The person asks something. I am the built-in stand-in, so there is nothing to work out: \
I look for a word I know in the question, pick the text that belongs to it, and say that it was prepared.\n\n\
Let me check the tone as well. Short, friendly, no claims about the world. Good.";

const ABOUT: &str = "I am the **built-in stand-in**: no model is running and nothing leaves this machine. My answers are \
prepared texts.";

const GENERAL: &str =
    "Everything around this answer is the real program, though: it streams in piece by piece, is rendered as \
it comes, and is stored encrypted before you see that it is done.

Things to try:

1. Press **Esc** while I write: the text up to there is kept.
2. Ask for *code*, a *table*, a *list*, a *long* answer or *unicode*.
3. Answer once more, and compare the two answers side by side.

> To talk to a real model, install Ollama, run `ollama pull llama3.2`, and start `ollamanet` without `demo`.";

const CODE: &str = "Here is a small function, as an example of a code block:

```rust
/// The longest run of equal items, and how long it is.
fn longest_run<T: PartialEq>(items: &[T]) -> Option<(&T, usize)> {
    let mut best: Option<(&T, usize)> = None;
    let mut from = 0;
    for at in 1..=items.len() {
        if at == items.len() || items[at] != items[from] {
            let length = at - from;
            if best.is_none_or(|(_, longest)| length > longest) {
                best = Some((&items[from], length));
            }
            from = at;
        }
    }
    best
}
```

And the same idea in Python, shorter and slower:

```python
from itertools import groupby

def longest_run(items):
    runs = ((key, sum(1 for _ in run)) for key, run in groupby(items))
    return max(runs, key=lambda run: run[1], default=None)
```

Call it with `longest_run(&[1, 1, 2])` and you get `Some((&1, 2))`.";

const TABLE: &str = "## A table

| Model | Size | Window | Good at |
|:--|--:|--:|:--|
| demo-chat:3b | 2.0 GB | 131 072 | quick answers |
| demo-think:8b | 5.2 GB | 40 960 | thinking first |
| demo-vision:4b | 3.3 GB | 131 072 | looking at pictures |
| demo-embed | 0.3 GB | 2 048 | vectors, no chat |

The figures are made up, like the models.";

const LIST: &str = "## A list in three levels

- **Fruit**
  - apples
    - Boskoop
    - Elstar
  - pears
- **Vegetables**
  1. carrots
  2. leeks
- Done already:
  - [x] buy bread
  - [ ] buy cheese

---

That was a list, and the line above is a rule.";

const UNICODE: &str = "### Text of many kinds

- Chinese 漢字, Japanese ひらがなとカタカナ, Korean 한국어: two columns each.
- Emoji: 🦙 🚀 👩‍👩‍👧 🏳️‍🌈 👍🏽 — some are made of several characters.
- Combining marks: é as e + ´, ñ, Å, q̃.
- Right to left: שלום and مرحبا inside a line.
- Symbols: ∑ ∫ ≈ ½ → ✓ “quoted” … and a very long word: Donaudampfschifffahrtsgesellschaftskapitän.";

const MATH: &str = "### A sum

The first *n* whole numbers add up to `n · (n + 1) / 2`:

1. write the numbers in a row: `1 + 2 + … + n`
2. write them once more the other way round: `n + … + 2 + 1`
3. each of the *n* columns adds up to `n + 1`
4. so both rows together are `n · (n + 1)`, and one row is half of that

For *n* = 100 this gives **5 050**.";

const PICTURE: &str =
    "You sent a picture. A real vision model would now tell what is in it; I can only tell that it arrived whole.";

const LONG: &str = "A paragraph to fill a screen. It has **bold** and *slanted* words, a `bit of code`, and enough text to wrap \
in any terminal, so that you can scroll up while it grows and see that the view stays where you put it.";

/// Words of the question and the text that answers them, in the order in which they are looked for.
const PICKS: &[(&[&str], &str)] = &[
    (&["code", "rust", "python", "function", "program"], CODE),
    (&["table", "compare", "models"], TABLE),
    (&["list", "steps", "todo"], LIST),
    (&["unicode", "emoji", "chinese", "japanese", "漢字"], UNICODE),
    (&["math", "sum", "calculate", "number"], MATH),
];

/// The whole answer to a question.
#[must_use]
pub fn answer(question: &str, images: usize) -> String {
    let lower = question.to_lowercase();
    if images > 0 {
        return format!("{ABOUT}\n\n{PICTURE}");
    }
    if lower.contains("long") || lower.contains("story") {
        let sections = (1..=40).map(|number| format!("## Section {number}\n\n{LONG}"));
        return format!("{ABOUT}\n\n{}", sections.collect::<Vec<_>>().join("\n\n"));
    }
    let picked = PICKS.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    format!("{ABOUT}\n\n{}", picked.map_or(GENERAL, |(_, text)| text))
}

/// Whether the request wants a title for a conversation.
#[must_use]
pub fn wants_title(system: &str, question: &str) -> bool {
    [system, question].iter().any(|text| {
        let lower = text.to_lowercase();
        lower.contains("title") && (lower.contains("conversation") || lower.contains("chat") || lower.contains("words"))
    })
}

/// A title out of the first words of the question: what stands behind the last colon or on the last line of the request.
#[must_use]
pub fn title(question: &str) -> String {
    let line = question.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = line.split_once(": ").map_or(line, |(_, rest)| rest);
    let words: Vec<&str> = line.split_whitespace().take(5).collect();
    let title = words.join(" ");
    let title = title.trim_matches(|c: char| !c.is_alphanumeric());
    if title.is_empty() { "A talk with the stand-in".to_owned() } else { title.to_owned() }
}

/// Cuts a text into pieces as a model gives them: a word with the blank before it.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.len() - rest.trim_start().len();
        let word = rest[begin..].find(char::is_whitespace).unwrap_or(rest.len() - begin);
        // Long words, and scripts without blanks, come in several pieces.
        let end = rest.char_indices().map(|(at, c)| at + c.len_utf8()).find(|end| *end >= begin + 6);
        let end = end.map_or(begin + word, |end| end.min(begin + word));
        let (token, later) = rest.split_at(end);
        rest = later;
        (!token.is_empty()).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_says_that_it_comes_from_the_stand_in() {
        for question in ["", "code please", "a table", "a list", "emoji", "the sum", "tell a long story"] {
            assert!(answer(question, 0).contains("built-in stand-in"), "{question}");
        }
        assert!(answer("what is this", 1).contains("built-in stand-in"));
        assert_ne!(answer("code", 0), answer("table", 0));
    }

    #[test]
    fn tokens_put_together_are_the_text() {
        for text in [UNICODE, CODE, "", "  ", "a", "漢字かなカタカナ漢字漢字", " lead", "trail \n\n"] {
            let pieces: Vec<&str> = tokens(text).collect();
            assert_eq!(pieces.concat(), text);
            assert!(pieces.iter().all(|piece| piece.trim().len() < 32), "{pieces:?}");
        }
    }

    #[test]
    fn a_title_is_short_and_about_the_question() {
        assert!(wants_title("Write a title of at most five words.", "x"));
        assert!(!wants_title("Be kind.", "what is the title of this book"));
        assert_eq!(title("Question: How do I bake good sourdough bread?"), "How do I bake good");
        assert_eq!(title(""), "A talk with the stand-in");
    }
}
