//! A stand-in for Ollama: a small HTTP server on loopback that answers byte for byte as it is told.
//!
//! Tests script it (`Fake::start`), the demonstration runs it with models of its own (`stand_in`). It is not a model and
//! not a general web server: one request a connection at a time, no TLS, nothing read from disk.
//!
//! `history` has nothing to do with the server: it makes up years of conversations for tests and benchmarks.
//!
//! Architecture invariant: it listens on 127.0.0.1 only, and every text it makes up says that it is a stand-in.

pub mod answers;
pub mod catalogue;
pub mod history;
pub mod installs;
pub mod reply;
pub mod server;
pub mod stand_in;

pub use reply::{Gate, Part, Reply};
pub use server::{Fake, Seen};
pub use stand_in::{Pace, StandIn};
