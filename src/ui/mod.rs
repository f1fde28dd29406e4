//! The interface: a pure machine. `update(Msg) -> Vec<Effect>` and `view(&self)`; it holds no store, no client, no channel.
//!
//! Architecture invariant: only `perform.rs` knows the gateway, only `terminal.rs` touches the terminal's modes, and
//! foreign text reaches a cell only as `SafeText`.

pub mod actions;
pub mod complete;
pub mod copy;
pub mod cx;
pub mod files;
pub mod input;
pub mod keymap;
pub mod live;
pub mod msg;
pub mod perform;
pub mod picture;
pub mod root;
pub mod run;
pub mod screens;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod widgets;

#[cfg(test)]
mod testing;
