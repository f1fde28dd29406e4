//! OllamaNet: a terminal home for local models.
//!
//! # Bird's-eye view
//!
//! One program, three parts. The **interface** (`ui`, `cli`) is a pure machine that turns messages into effects. The
//! **gateway** is the one door to everything behind it: each call passes `access::Gate`, which mints a proof that the
//! **services** consume. Services decide; `store` keeps, `ollama` talks to the model server.
//!
//! # Who may import whom
//!
//! ```text
//!             main ── app  (composition root: sees everything, contains no logic)
//!                      │
//!    ui ──(perform.rs only)──▶ gateway ──▶ services ──▶ access ──▶ store ─┐
//!    cli ─────────────────────▶   │           │  └────▶ ollama ───────────┤
//!     └──────────▶ api ◀──────────┴───────────┴────────── (everyone) ◀────┘
//! ```
//!
//! `tests/architecture.rs` reads the sources and holds this.

pub mod access;
pub mod api;
pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod fake;
pub mod gateway;
pub mod hardening;
pub mod logging;
pub mod ollama;
pub mod paths;
pub mod safe_text;
pub mod services;
pub mod store;
pub mod tasks;
pub mod ui;
