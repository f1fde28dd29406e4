//! An answer that is still arriving: its text and its thinking as streams, so that a piece costs the same at the end of
//! a long answer as at its beginning. A preview only: the stored message replaces it.

use std::cell::{Cell, RefCell};

use crate::{
    api::chat::{Delta, Message, ToolCall},
    ui::text::stream::Stream,
};

pub struct Live {
    pub content: RefCell<Stream>,
    pub thinking: RefCell<Stream>,
    pub calls: Vec<ToolCall>,
    /// Blocks of code for which colours have been asked.
    pub coloured: Cell<usize>,
    /// When the first and the last token of thinking came, milliseconds.
    pub thought: Option<(i64, i64)>,
    /// The text as it came, for copying before the end.
    raw: String,
}

impl Live {
    /// Begins with what the answer holds already, when it goes on.
    pub fn new(answer: &Message) -> Self {
        Self {
            content: RefCell::new(Stream::begun(&answer.content)),
            thinking: RefCell::new(Stream::begun(&answer.thinking)),
            calls: answer.tool_calls.clone(),
            coloured: Cell::new(0),
            thought: None,
            raw: answer.content.clone(),
        }
    }

    pub fn push(&mut self, delta: &Delta, now_ms: i64) {
        if !delta.content.is_empty() {
            self.content.get_mut().push(&delta.content);
            self.raw.push_str(&delta.content);
        }
        if !delta.thinking.is_empty() {
            self.thinking.get_mut().push(&delta.thinking);
            self.thought = Some((self.thought.map_or(now_ms, |(first, _)| first), now_ms));
        }
        self.calls.extend(delta.tool_calls.iter().cloned());
    }

    pub fn content(&self) -> &str {
        &self.raw
    }
}
