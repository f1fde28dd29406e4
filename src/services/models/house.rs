//! What a rule of the house asks about models: with nobody's rights, nobody's figures and on nobody's behalf.

use std::time::Duration;

use super::{
    Models,
    filter::Filter,
    find::{self, Found, Looking},
    keep,
};
use crate::{
    api::{
        AccountId, Fault, FaultKind,
        fleet::{Freshness, Query},
        models::Model,
    },
    store::system::{Moment, audit, model_tags},
};

/// Longest wait for what this machine has; by then it is known, or is not to be known.
const LOOK: Duration = Duration::from_secs(10);

impl Models {
    /// As Ollama lists them now.
    ///
    /// # Errors
    /// Ollama does not answer.
    pub async fn installed(&self) -> Result<Vec<Model>, Fault> {
        self.admit()?;
        Ok(self.parts.ollama.tags().await?)
    }

    /// The models in memory, each with when it leaves it.
    ///
    /// # Errors
    /// Ollama does not answer.
    pub async fn in_memory(&self) -> Result<Vec<(String, String)>, Fault> {
        self.admit()?;
        let resident = self.parts.ollama.ps().await?;
        Ok(resident.into_iter().map(|resident| (resident.name, resident.loaded.expires_at)).collect())
    }

    /// The installed models that fit what is typed: by the name that is compared, and the one to show. Of use, speed and
    /// ratings only what everybody may see counts.
    ///
    /// # Errors
    /// The text cannot be read, or Ollama does not answer.
    pub async fn fitting(&self, text: &str) -> Result<Vec<(String, String)>, Fault> {
        let now = self.now(Freshness::Fresh, LOOK).await?;
        let filter = Filter::parse(text, &now.shelf.vocabulary)?;
        if let Some(why) = now.stale_because {
            return Err(Fault::new(FaultKind::Upstream, why));
        }
        let query = Query::typed(text, u32::MAX);
        let shelf = std::sync::Arc::clone(&now.shelf);
        let searched = tokio::task::spawn_blocking(move || {
            let nobody = AccountId(uuid::Uuid::nil());
            let Found { page, .. } =
                find::find(&shelf, &filter, &query, Looking { account: nobody, allowed: None, now: Moment::clock() })?;
            let entries = page.into_iter().map(|(at, _)| &shelf.entries[at]);
            let installed = entries.filter(|entry| entry.row.installed.is_some());
            Ok(installed.map(|entry| (entry.key.clone(), entry.row.name.clone())).collect())
        });
        searched.await.map_err(|_| Fault::new(FaultKind::Internal, "Looking through the models failed."))?
    }

    /// Gives models a tag, which is made at its first use. Says how many did not carry it.
    ///
    /// # Errors
    /// The tag cannot be called so, or a model carries too many.
    pub async fn tag_by_rule(&self, models: Vec<(String, String)>, tag: &str) -> Result<usize, Fault> {
        let name = keep::checked_tag(tag)?;
        let changed = self
            .parts
            .system
            .write(move |tx| {
                let changed = keep::give(tx, &models, &name)?;
                if changed > 0 {
                    let told = match models.as_slice() {
                        [(_, only)] => format!("{only}: +{name}"),
                        many => format!("{} models: +{name}", many.len()),
                    };
                    audit::append(tx, &Moment::here(), None, "model_tags.put", &told, "ok")?;
                }
                keep::not_too_many(model_tags::most_carried(tx, &models)?)?;
                Ok::<_, Fault>(changed)
            })
            .await?;
        if changed > 0 {
            self.tell();
        }
        Ok(changed)
    }
}
