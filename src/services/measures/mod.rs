//! How models do here. It reads sums of what answers cost; it never reads what was said.
//!
//! Invariant: of others it tells only sums of everybody, of at least `PEOPLE_MIN` accounts, and of models that the caller
//! may use. Whoever may not use a model does not learn from here that there is one.

pub mod used;

use crate::{
    access::{Admin, Caller, Member},
    api::{
        Fault, JobId,
        benchmarks::{BenchmarkPage, BenchmarkQuery},
        measures::{ModelUse, UseQuery},
    },
    ollama::{OllamaError, name::key},
    services::conversations::{check_limit, now},
    store::{
        Db, StoreError,
        system::{Moment, audit, benchmarks, usage_days, usage_sums},
    },
};

#[derive(Clone, Debug)]
pub struct Measures {
    system: Db,
}

impl Measures {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    /// What each model was used for, how fast it was and how it was liked.
    pub async fn used(&self, by: Caller<Member>, query: UseQuery) -> Result<ModelUse, Fault> {
        if let Some(hidden) = query.model.as_ref().filter(|model| !by.rules.may_use(model)) {
            return Err(OllamaError::missing(hidden).into());
        }
        let (account, at) = (by.account, now());
        let today = usage_days::wall_day(&crate::zone::local(), at);
        let from = query.period.days().map_or(i64::MIN, |days| today - days + 1);
        let with_days = query.model.is_some();
        let read = self
            .system
            .read(move |tx| {
                Ok::<_, StoreError>(used::Read {
                    own: usage_sums::by_model(tx, Some(account), from)?,
                    everybody: usage_sums::by_model(tx, None, from)?,
                    people: usage_sums::people(tx, from)?,
                    days: if with_days { usage_sums::by_day(tx, account, from)? } else { Vec::new() },
                })
            })
            .await?;
        let mut shown = used::shown(query, read, at);
        shown.models.retain(|used| by.rules.may_use(&used.model));
        Ok(shown)
    }

    /// What was measured, newest first, of the models that the caller may use.
    pub async fn benchmarks(&self, by: Caller<Member>, query: BenchmarkQuery) -> Result<BenchmarkPage, Fault> {
        check_limit(query.limit)?;
        if let Some(hidden) = query.model.as_ref().filter(|model| !by.rules.may_use(model)) {
            return Err(OllamaError::missing(hidden).into());
        }
        let (model, limit) = (query.model.as_deref().map(key), query.limit);
        let mut page = BenchmarkPage { rows: Vec::new(), next: query.after };
        // Hidden ones leave no gap, and do not end the list either.
        loop {
            let (model, after) = (model.clone(), page.next);
            let rows = self
                .system
                .read::<_, StoreError>(move |tx| benchmarks::page(tx, model.as_deref(), after, limit))
                .await?;
            let is_last = rows.len() < limit as usize;
            for (seq, run) in rows {
                if page.rows.len() == limit as usize {
                    return Ok(page);
                }
                page.next = Some(seq);
                if by.rules.may_use(&run.model) {
                    page.rows.push(run);
                }
            }
            if is_last {
                page.next = None;
                return Ok(page);
            }
            if page.rows.len() == limit as usize {
                return Ok(page);
            }
        }
    }

    pub async fn delete_benchmark(&self, by: Caller<Admin>, id: JobId) -> Result<(), Fault> {
        let account = by.account;
        self.system
            .write(move |tx| {
                let Some(model) = benchmarks::delete(tx, id)? else { return Err(Fault::not_found("benchmark")) };
                audit::append(tx, &Moment::here(), Some(account), "benchmarks.delete", &model, "ok")?;
                Ok(())
            })
            .await
    }
}
