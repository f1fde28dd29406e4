//! The façade: one method per operation, a few lines each, grouped by file. Plain data in, plain data out.
//!
//! Architecture invariant: every method passes the gate with its own `Op`. The few that need no session (in `auth.rs` and
//! `health.rs`) knock as a visitor and are counted by OS user.

mod arrange;
mod attachments;
mod audit;
mod auth;
mod backups;
mod branches;
mod fleet;
mod health;
mod house;
mod insights;
mod jobs;
mod library;
mod measures;
mod metrics;
mod models;
mod notes;
mod organise;
mod own_jobs;
mod profile;
mod reports;
mod retention;
mod roles;
mod rules;
mod search;
mod slowness;
mod transfer;
mod turns;
mod users;

use std::sync::Arc;

use crate::{
    access::Gate,
    services::{
        accounts::Accounts, audit::Audit, backups::Backups, branches::Branches, conversations::Conversations,
        feedback::Ratings, health::HealthChecks, house::House, insights::Insights, jobs::Jobs, library::Library,
        measures::Measures, model_work::ModelWork, models::Models, notes::Notes, own_jobs::Book, profiles::Profiles,
        reports::Reports, retention::Retention, roles::Roles, rulebook::Rulebook, search::Search, telemetry::Telemetry,
        transfer::Transfers, turns::Turns, users::Users,
    },
    tasks::Tasks,
};

/// The one door to everything. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Parts>);

/// What stands behind the door. The composition root fills it.
#[derive(Debug)]
pub struct Parts {
    /// Keeps other processes out, where the data lies on a network file system.
    pub alone: Option<std::fs::File>,
    pub gate: Gate,
    pub accounts: Accounts,
    pub measures: Measures,
    pub models: Arc<Models>,
    pub conversations: Conversations,
    pub library: Library,
    pub turns: Turns,
    pub health: HealthChecks,
    pub users: Users,
    pub roles: Roles,
    pub house: House,
    pub audit: Audit,
    pub backups: Backups,
    pub profiles: Profiles,
    pub reports: Reports,
    pub transfers: Transfers,
    pub notes: Notes,
    pub own_jobs: Book,
    pub ratings: Ratings,
    pub branches: Branches,
    pub insights: Insights,
    pub search: Search,
    pub telemetry: Telemetry,
    pub retention: Retention,
    pub jobs: Jobs,
    pub model_work: Arc<ModelWork>,
    pub rules: Rulebook,
}

impl Gateway {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Not an operation of anybody's, and asked of no gate: whoever began those jobs was let in by it.
    ///
    /// From now on this process takes up whatever jobs wait, also those that others have left. A window does; a command
    /// only works off its own.
    pub fn take_up_all_jobs(&self) {
        self.0.jobs.take_up_all();
    }

    /// Not an operation of anybody's, and asked of no gate: from now on this process keeps once a day how large everything
    /// is, unless another has done it. A window does; a command is over too soon.
    pub fn measure_sizes_daily(&self, tasks: &Tasks) {
        self.0.reports.measure_daily(tasks);
    }

    /// Nor is this: from now on what this process counts is written down by the hour.
    pub fn follow_hours(&self, tasks: &Tasks) {
        self.0.telemetry.follow_hours(tasks);
    }

    /// Nor this: from now on this process looks at everything on its schedule, in turn with the other windows. What it finds
    /// is asked for through the gate. A command only looks when somebody types it.
    pub fn watch_over_health(&self) {
        self.0.health.follow_schedule();
    }

    /// Nor this: what was counted and not written down yet is, because the process ends.
    pub fn write_down_counted(&self) -> impl Future<Output = ()> + '_ {
        self.0.telemetry.write_down()
    }

    /// Nor this: from now on this process looks after the rules of the house, unless another one does.
    pub fn look_after_rules(&self) {
        self.0.rules.follow();
    }
}
