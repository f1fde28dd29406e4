//! What an administrator sees of the whole house, for this moment and over days. It reads sums, sizes of files and the
//! trail; it opens no vault.
//!
//! Invariant: of one account it tells how much, never with which models; where a role and a model are asked for together,
//! only sums of at least `PEOPLE_MIN` accounts. A question that joins an account and a model is refused.

mod figures;
mod read;
mod sheet;
mod sizes;

use std::path::PathBuf;

use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        insights::{Sheet, number_of},
        reports::{Now, Overview, Question, Report, Subject},
    },
    paths::Paths,
    services::{conversations::now, insights::write_new},
    store::{
        Db, StoreError,
        system::{overview, sessions, storage_days, usage_days::wall_day},
        vault::lease::Slot,
    },
};

/// What failed is told of so many days.
const WEEK: i64 = 7;
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug)]
pub struct Reports {
    system: Db,
    paths: Paths,
}

impl Reports {
    #[must_use]
    pub fn new(system: Db, paths: Paths) -> Self {
        Self { system, paths }
    }

    /// This moment, and a report.
    pub async fn overview(&self, by: Caller<Admin>, question: Question) -> Result<Overview, Fault> {
        drop(by);
        if let Err(why) = sessions::settle(&self.system).await {
            tracing::warn!(%why, "sessions whose program is gone could not be ended");
        }
        let (at, leases) = (now(), self.paths.data.join("leases"));
        let today = wall_day(&crate::zone::local(), at);
        let running = tokio::task::spawn_blocking(move || Slot::all_taken(&leases));
        let report = self.gather(question, at).await?;
        let mut now = self
            .system
            .read(move |tx| {
                let (jobs_running, jobs_waiting) = overview::jobs(tx)?;
                let mut failed = overview::failed_jobs(tx, at - WEEK * DAY_MS)?;
                let jobs_failed = failed.iter().map(|failure| failure.count).sum();
                failed.extend(read::failed_answers(tx, (today - WEEK + 1, today))?);
                failed.extend(overview::failed_by_the_trail(tx, at - WEEK * DAY_MS)?);
                failed.sort_by_key(|failure| std::cmp::Reverse(failure.count));
                Ok::<_, StoreError>(Now {
                    here: overview::here(tx, at)?,
                    answers_running: 0,
                    jobs_running,
                    jobs_waiting,
                    today: read::pace(tx, (today, today))?,
                    week: read::pace(tx, (today - WEEK, today - 1))?,
                    jobs_failed,
                    failed,
                })
            })
            .await?;
        now.answers_running = running.await.unwrap_or_default();
        Ok(Overview { now, report })
    }

    pub async fn report(&self, by: Caller<Admin>, question: Question) -> Result<Report, Fault> {
        drop(by);
        self.gather(question, now()).await
    }

    /// One table of a report as a file that spreadsheets read (RFC 4180).
    pub async fn csv(&self, by: Caller<Admin>, question: Question, subject: Subject) -> Result<String, Fault> {
        Ok(sheet::csv(&self.report(by, question).await?.table(subject)))
    }

    /// Writes one table of a report into a file, and never over an existing one.
    pub async fn export(
        &self,
        by: Caller<Admin>,
        question: Question,
        subject: Subject,
        what: Sheet,
        to: PathBuf,
    ) -> Result<PathBuf, Fault> {
        let report = self.report(by, question).await?;
        let table = report.table(subject);
        let text = match what {
            Sheet::Csv => sheet::csv(&table),
            Sheet::Json => sheet::json(&report, &table)?,
        };
        write_new(to, text).await
    }

    async fn gather(&self, question: Question, at: i64) -> Result<Report, Fault> {
        figures::check(&question)?;
        let today = wall_day(&crate::zone::local(), at);
        let asked = question.clone();
        let (span, mut found, vaults) = self
            .system
            .read(move |tx| {
                let whom = read::whom(tx, &asked)?;
                let span = figures::span(&asked, today, read::first_day(tx)?)?;
                let found = read::read(tx, &asked, whom, span)?;
                Ok::<_, Fault>((span, found, storage_days::vaults(tx)?))
            })
            .await?;
        // Days that are over are told as they were measured.
        if number_of(span.last) >= today {
            let paths = self.paths.clone();
            let sizes = tokio::task::spawn_blocking(move || sizes::look(&paths, &vaults)).await.unwrap_or_default();
            found.is_measured_now(&sizes);
        }
        Ok(figures::shown(question, span, &found, at))
    }
}
