//! The rules of the house. A service consumes the gate's proof, decides, and runs one transaction.
//!
//! Architecture invariant: no service calls another service; what two of them need is a rule in the store's
//! transaction or a pure function.

pub mod accounts;
mod anchor;
pub mod attachments;
pub mod audit;
pub mod backups;
pub mod branches;
pub mod context;
pub mod conversations;
pub mod feedback;
pub mod health;
pub mod house;
pub mod hub;
pub mod insights;
pub mod jobs;
pub mod lanes;
pub mod library;
pub mod measures;
pub mod model_work;
pub mod models;
pub mod notes;
pub mod own_jobs;
pub mod profiles;
pub mod reports;
pub mod retention;
pub mod roles;
pub mod rulebook;
mod rules;
pub mod search;
pub mod telemetry;
pub mod transfer;
pub mod turns;
pub mod users;
