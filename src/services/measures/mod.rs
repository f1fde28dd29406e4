//! How models do here. It reads sums of what answers cost; it never reads what was said.
//!
//! Invariant: of others it tells only sums of everybody, of at least `PEOPLE_MIN` accounts, and of models that the caller
//! may use. Whoever may not use a model does not learn from here that there is one.

mod used;

use crate::{
    access::{Caller, Member},
    api::{
        Fault,
        measures::{ModelUse, UseQuery},
    },
    ollama::OllamaError,
    services::conversations::now,
    store::{
        Db, StoreError,
        system::{usage::DAY, usage_sums},
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
        let from = query.period.days().map_or(i64::MIN, |days| at.div_euclid(DAY) - days + 1);
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
}
