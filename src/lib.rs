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
//!
//! # Where to look
//!
//! | to change … | look into |
//! |---|---|
//! | what crosses the seam: requests, answers, faults | `api` |
//! | who may do what, how often, with which models, and what a refusal says | `access` (gate, rules, limiter, breaker, faults) |
//! | a rule about accounts, conversations, answers, models | `services`, one file each |
//! | what leaves for files and comes from them | `services::transfer`; the own format's lines: `store::vault::portable` |
//! | what an operation is called and what it needs | `gateway`, one method each, with its `Op` |
//! | SQL, keys, migrations, the threads of a database | `store` |
//! | what is said to Ollama and understood of it | `ollama`; its stand-in for tests and the demo: `fake` |
//! | what a key does | `ui::actions`, the one table; how keys are read: `ui::keymap` |
//! | a screen or a part of one | `ui::screens`, `ui::widgets`; text on it: `ui::text`, `ui::theme` |
//! | which screens there are, who gets to see them, what leads there | `ui::root::screens`, one table |
//! | what the interface does in the world | `ui::perform` (gateway; one file for each noun), `ui::terminal` (modes), `ui::run` (when to draw) |
//! | how text is taken out of PDF and Word files, and what that may cost | `extract`; what may be attached: `services::attachments` |
//! | what a prompt template may say | `template`; presets, templates and their files: `services::library` |
//! | a command | `cli`, one file each; its words: `cli::args` |
//! | a setting | `config` (the field), `config::table` (its row) |
//! | what is done by itself and when | `services::rulebook`: `due` (when), `plan` (what), `run`, `look`; the line of jobs: `services::jobs`, its kinds: `api::jobs::kinds`; one's own: `services::own_jobs` |
//! | which models there are, what fits this machine, what may be typed over the list | `services::models`, one file each |
//! | which zone the clock on the wall is in | `zone` |
//! | which words a text is found by | `words`; the index of a vault: `store::vault::search` |
//! | what is counted | `api::metrics` (the table), `metrics` (the counting), `services::telemetry` (by the hour) |
//! | what a request did and how long | `trace`; sent to a collector: `otlp`; the time of one answer: `services::turns::phases` |
//! | how the parts find each other, and how it ends | `app` |
//!
//! # What is deliberately absent
//!
//! - Architecture invariant: no unscoped query. A service reaches content only through the vault in its `Caller`.
//! - Architecture invariant: no foreign text on a terminal but as `safe_text::SafeText`, and none in the log at all.
//! - Architecture invariant: no task that is not in `tasks`; whatever is started can be stopped, and is awaited.
//! - Architecture invariant: no tick. The interface draws when something changed; settings are followed by the kernel.
//! - Architecture invariant: nothing is read from the working directory, and no secret from an argument.

pub mod access;
pub mod api;
pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod extract;
pub mod fake;
pub mod gateway;
pub mod hardening;
pub mod logging;
pub mod metrics;
pub mod ollama;
pub mod otlp;
pub mod paths;
pub mod qr;
pub mod safe_text;
pub mod services;
pub mod store;
pub mod tasks;
pub mod template;
pub mod trace;
pub mod ui;
pub mod whole_file;
pub mod words;
pub mod zone;
