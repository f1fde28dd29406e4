//! The screens: each a machine of its own, which the root feeds and frames.

pub mod account;
pub mod admin;
pub mod chat;
pub mod sign_in;
