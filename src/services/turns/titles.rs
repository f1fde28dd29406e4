//! Titles that nobody typed: the first words of the prompt at once, and a better one from the model in use when the
//! first answer has come. What a model says is foreign text, so it is made one safe line of bounded length.

use std::time::Duration;

use crate::{
    api::{
        chat::MessageRole,
        options::{ChatOptions, Think},
        organise::TITLE_MAX,
    },
    ollama::{ChatMessage, ChatRequest},
    safe_text::SafeText,
};

/// Longest wait for a title.
pub const WITHIN: Duration = Duration::from_secs(90);
/// Most tokens for a title.
const TOKENS: i64 = 32;
/// How much of prompt and answer is shown to the model, characters.
const SHOWN: usize = 600;
/// Longest title made of a prompt, characters.
const FROM_PROMPT: usize = 60;

/// The first words of a prompt, to be going on with.
#[must_use]
pub fn from_prompt(prompt: &str) -> Option<String> {
    let first = prompt.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = SafeText::line(first).into_string();
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    if line.chars().count() <= FROM_PROMPT {
        return Some(line.to_owned());
    }
    let cut: String = line.chars().take(FROM_PROMPT).collect();
    // Whole words, where the writing has words.
    let kept = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words).trim_end();
    Some(format!("{kept}…"))
}

/// Asks for a title. The window is as it is loaded: another one would make the server load the model anew.
#[must_use]
pub fn request(model: &str, options: &ChatOptions, can_think: bool, prompt: &str, answer: &str) -> ChatRequest {
    let shown = |text: &str| SafeText::line(&text.chars().take(SHOWN).collect::<String>()).into_string();
    let text = format!(
        "Give this conversation a title of at most six words, in its own language. \
         Write the title only: no quotation marks, no full stop, nothing before or after it.\n\n\
         The answer begins: {}\n\nThe question is: {}",
        shown(answer),
        shown(prompt)
    );
    ChatRequest {
        model: model.to_owned(),
        messages: vec![ChatMessage::new(MessageRole::User, text)],
        options: ChatOptions {
            num_ctx: options.num_ctx,
            keep_alive: options.keep_alive.clone(),
            num_predict: Some(TOKENS),
            temperature: Some(0.2),
            think: can_think.then_some(Think::Off),
            ..ChatOptions::default()
        },
        tools: Vec::new(),
    }
}

/// One line out of what the model said, or nothing if there is none in it.
#[must_use]
pub fn from_answer(answer: &str) -> Option<String> {
    // Some models think aloud although they were asked not to.
    let answer = answer.rsplit_once("</think>").map_or(answer, |(_, after)| after);
    if answer.contains("<think>") {
        return None;
    }
    let line = answer.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric))?;
    let safe = SafeText::line(line).into_string();
    let mut title = safe.trim_matches(|c: char| c.is_whitespace() || "\"'“”„‘’«»*#`_".contains(c));
    for label in ["Title:", "title:", "TITLE:"] {
        title = title.strip_prefix(label).unwrap_or(title);
    }
    let title = title.trim_matches(|c: char| c.is_whitespace() || "\"'“”„‘’«»*#`_.".contains(c));
    let title: String = title.chars().take(TITLE_MAX).collect();
    title.chars().any(char::is_alphanumeric).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_gives_its_first_words() {
        assert_eq!(from_prompt("\n  Why is the sky blue?\nmore").as_deref(), Some("Why is the sky blue?"));
        let long = from_prompt(&"word ".repeat(40)).unwrap();
        assert!(long.ends_with("word…") && long.chars().count() <= FROM_PROMPT + 1, "{long}");
        assert_eq!(from_prompt(&"字".repeat(100)).unwrap().chars().count(), FROM_PROMPT + 1);
        assert_eq!(from_prompt(" \n\t"), None);
    }

    #[test]
    fn what_a_model_says_becomes_one_plain_line() {
        assert_eq!(from_answer("\"Borrowing across await.\"\nHere is why").as_deref(), Some("Borrowing across await"));
        assert_eq!(from_answer("**Title: Rust and async**").as_deref(), Some("Rust and async"));
        assert_eq!(from_answer("<think>hm</think>\n\nBlue sky").as_deref(), Some("Blue sky"));
        assert_eq!(from_answer("<think>and on and on"), None);
        assert_eq!(from_answer(" \n--- \n"), None);
        assert_eq!(from_answer(&"x".repeat(500)).unwrap().len(), TITLE_MAX);
        let hostile = from_answer("Hello \u{1b}]0;owned\u{7}\u{202e}world").unwrap();
        assert!(crate::safe_text::is_clean(&hostile), "{hostile:?}");
    }

    #[test]
    fn a_title_costs_little_and_does_not_reload_the_model() {
        let options = ChatOptions { num_ctx: Some(8192), temperature: Some(1.5), ..ChatOptions::default() };
        let request = request("m", &options, true, "question", "answer");
        assert_eq!((request.options.num_ctx, request.options.think), (Some(8192), Some(Think::Off)));
        assert_eq!(request.options.num_predict, Some(TOKENS));
    }
}
