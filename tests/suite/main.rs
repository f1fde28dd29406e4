//! Journeys and boundaries, one module each, in one binary: linking the encrypted store once is dear enough.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a test that cannot go on should say where, and one of random moments which those were"
)]

mod common;

mod admin_cli;
mod admin_screen;
mod attachments;
mod authorisation;
mod backup;
mod bad_backups;
mod bad_days;
mod cli;
mod config;
mod conversations;
mod crash;
mod crash_enrolment;
mod crash_history;
mod crash_jobs;
mod day;
mod directories;
mod endings;
mod export;
mod fleet;
mod fleet_cli;
mod gate_matrix;
mod guessing;
mod health;
mod hostile_text;
mod house_settings;
mod insights;
mod installs_screen;
mod library;
mod library_cli;
mod library_screens;
mod limits;
mod lockdown;
mod measures;
mod model_jobs;
mod models_screen;
mod notes;
mod ollama_faults;
mod ollama_replay;
mod organise;
mod own_jobs;
mod own_sessions;
mod plans;
mod promises;
mod quotas;
mod reports;
mod requirements;
mod roles;
mod rule_kinds;
mod rules;
mod screens;
mod sealed;
mod search;
mod second_factor;
mod sign_in;
mod store;
mod telemetry;
mod terminal;
mod transfer;
mod turns;
mod two_windows;
mod unwritten;
mod users;
mod why_slow;
