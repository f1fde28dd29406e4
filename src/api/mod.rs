//! The contract: plain data that crosses the seam between the gateway and whoever asks it something.
//!
//! Everything here is owned, serialisable and free of behaviour beyond checking itself, so that the same
//! façade can later stand behind a socket. Nothing here knows a store, a client or a screen.

pub mod admin;
pub mod amount;
pub mod auth;
pub mod backup;
pub mod benchmarks;
pub mod branches;
pub mod chat;
pub mod documents;
pub mod events;
pub mod fault;
pub mod feedback;
pub mod fleet;
pub mod health;
pub mod ids;
pub mod insights;
pub mod jobs;
pub mod library;
pub mod measures;
pub mod metrics;
pub mod models;
pub mod notes;
pub mod options;
pub mod organise;
pub mod profile;
pub mod recommend;
pub mod report_table;
pub mod reports;
pub mod requests;
pub mod retention;
pub mod rules;
pub mod search;
pub mod settings;
pub mod slowness;
pub mod transfer;
pub mod updates;

pub use fault::{Fault, FaultKind};
pub use ids::*;
