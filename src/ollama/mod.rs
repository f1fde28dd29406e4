//! The model server: the only place that speaks HTTP to Ollama, and the only one that knows `reqwest`.
//!
//! It turns requests into typed answers and typed errors. It does not retry, does not cache, and decides nothing about
//! people: who may ask is `access`' business. Dropping what it returns closes the connection, and that is how Ollama is
//! told to stop.
//!
//! Architecture invariant: everything read from the server is bounded, in lines, in bytes and in silence.

pub mod client;
pub mod error;
pub mod host;
pub mod name;
pub mod ndjson;
pub mod registry;
pub mod request;
pub mod way;
pub mod wire;

mod transport;

pub use client::{Ollama, Settings};
pub use error::{Capability, OllamaError, Unreachable};
pub use host::Address;
pub use name::{Digest, ModelName};
pub use request::{ChatMessage, ChatRequest, Create, EmbedRequest, GenerateRequest};
pub use transport::{Answer, Kind, Outcome, Trouble, Watch};
pub use way::{Connects, Legs, Way};
pub use wire::{Chunk, Done, DoneReason, Embeddings, Piece, Progress, Resident, Usage};
