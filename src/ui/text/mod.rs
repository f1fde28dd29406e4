//! Text on the screen: wrapping, Markdown, answers as they arrive, coloured code.
//!
//! Right to left: letters are written in the order in which they are stored, and turning them about is left to the
//! terminal. Those that know how (VTE's, Konsole, mlterm, Apple's) do it for the whole line; where the program did it as
//! well, their readers would see it turned about twice, and of a terminal that is not asked nobody knows which kind it
//! is. What the program owes is that widths, line breaks and the cursor's column are right, which tests hold for Hebrew
//! and Arabic. Marks that would turn about what stands beside them are taken out by `safe_text`.
//!
//! Everything here is pure: text and a width go in, lines come out. Nothing reads a clock, a file or the terminal.

mod code_box;
pub mod highlight;
pub mod markdown;
pub mod stream;
mod table;
#[cfg(test)]
mod tests;
mod trace;
pub mod wrap;
