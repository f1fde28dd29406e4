//! Text on the screen: wrapping, Markdown, answers as they arrive, coloured code.
//!
//! Everything here is pure: text and a width go in, lines come out. Nothing reads a clock, a file or the terminal.

mod code_box;
pub mod highlight;
pub mod markdown;
pub mod stream;
mod table;
#[cfg(test)]
mod tests;
pub mod wrap;
