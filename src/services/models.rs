//! Which models there are: the installed ones joined with those in memory, and what each can do.
//!
//! It never installs or removes. Invariant: a list once received stays until a newer one takes its place; when Ollama is
//! gone, its age and the reason say so. An Ollama that keeps failing is left alone for a while, and only what nothing is
//! kept of is refused meanwhile.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use crate::{
    access::{Breakers, Caller, Member, op::OllamaKind},
    api::{
        Fault, FaultKind,
        models::{Model, ModelDetail, ModelList},
    },
    cache::{Listed, ModelCache},
    ollama::{Ollama, OllamaError, Resident, name::same_model},
};

/// Details asked for at the same time.
const AT_ONCE: usize = 4;

/// Longest wait for the list itself: past this the last good one is worth more.
const LIST_WITHIN: Duration = Duration::from_secs(8);

/// Longest that a list waits for details; what has not come by then is as the list itself says.
const DETAILS_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Models {
    ollama: Ollama,
    breakers: Breakers,
    cache: ModelCache,
    /// How long a list counts as fresh.
    fresh: Duration,
    /// Held while asking: who comes meanwhile waits and takes that answer.
    asking: Mutex<()>,
}

impl Models {
    #[must_use]
    pub fn new(ollama: Ollama, breakers: Breakers, cache: ModelCache, fresh: Duration) -> Self {
        Self { ollama, breakers, cache, fresh, asking: Mutex::new(()) }
    }

    /// The list. `fresh` asks Ollama even if the last answer is young.
    pub async fn list(&self, by: Caller<Member>, fresh: bool) -> Result<ModelList, Fault> {
        let mut list = self.listed(fresh).await?;
        list.models.retain(|model| by.rules.may_use(&model.name));
        Ok(list)
    }

    /// Everything about one model.
    pub async fn detail(&self, by: Caller<Member>, name: &str) -> Result<ModelDetail, Fault> {
        if !by.rules.may_use(name) {
            return Err(OllamaError::missing(name).into());
        }
        self.detailed(name).await
    }

    async fn listed(&self, fresh: bool) -> Result<ModelList, Fault> {
        let since = Instant::now();
        let young = |listed: &Listed| {
            if fresh { listed.at >= since } else { listed.age(Instant::now()) < self.fresh }
        };
        if let Some(listed) = self.cache.list().filter(young) {
            return Ok(as_list(listed, None));
        }
        let _asking = self.asking.lock().await;
        if let Some(listed) = self.cache.list().filter(young) {
            return Ok(as_list(listed, None));
        }
        match self.ask().await {
            Ok(models) => {
                let listed = Listed { models, at: Instant::now() };
                self.cache.keep_list(listed.clone());
                Ok(as_list(listed, None))
            }
            Err(fault) => match self.cache.list() {
                Some(listed) => Ok(as_list(listed, Some(fault.message))),
                None => Err(fault),
            },
        }
    }

    /// Whether there is any point in asking.
    fn admit(&self) -> Result<(), Fault> {
        self.breakers.admit(OllamaKind::Manage, Instant::now())
    }

    async fn ask(&self) -> Result<Vec<Model>, Fault> {
        self.admit()?;
        let both = async { tokio::join!(self.ollama.tags(), self.ollama.ps()) };
        let (tags, resident) = tokio::time::timeout(LIST_WITHIN, both)
            .await
            .unwrap_or((Err(OllamaError::Silent { after: LIST_WITHIN }), Ok(Vec::new())));
        let mut models = tags?;
        // A list without load states is worth more than none; whether Ollama is there, `tags` has told.
        join(&mut models, &resident.unwrap_or_default());
        let unknown: Vec<(String, String)> = models
            .iter()
            .filter(|model| !model.remote && self.cache.detail(&model.digest).is_none())
            .map(|model| (model.name.clone(), model.digest.clone()))
            .collect();
        let asking = stream::iter(unknown).for_each_concurrent(AT_ONCE, |(name, digest)| async move {
            if let Ok(detail) = self.ollama.show(&name).await {
                self.cache.keep_detail(&digest, detail);
            }
        });
        // Running out of time is no failure: the next list asks for the rest.
        let _ = tokio::time::timeout(DETAILS_WITHIN, asking).await;
        for model in &mut models {
            if let Some(detail) = self.cache.detail(&model.digest) {
                correct(model, &detail);
            }
        }
        Ok(models)
    }

    async fn detailed(&self, name: &str) -> Result<ModelDetail, Fault> {
        let digest = |list: &ModelList| {
            let model = list.models.iter().find(|model| same_model(&model.name, name));
            model.map(|model| model.digest.clone()).unwrap_or_default()
        };
        // The list is what tells the digest. Where it is stale, the details kept for it are the best there is.
        let digest = match self.listed(false).await {
            Ok(list) => digest(&list),
            Err(fault) if fault.kind == FaultKind::Upstream => return Err(fault),
            Err(_) => String::new(),
        };
        if let Some(detail) = self.cache.detail(&digest) {
            return Ok(ModelDetail { name: name.to_owned(), ..(*detail).clone() });
        }
        self.admit()?;
        let detail = self.ollama.show(name).await?;
        self.cache.keep_detail(&digest, detail.clone());
        Ok(detail)
    }
}

fn as_list(listed: Listed, stale_because: Option<String>) -> ModelList {
    let age = listed.age(Instant::now());
    ModelList { models: listed.models, age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX), stale_because }
}

/// Marks the models that are in memory. By name and digest both, since two names may share one digest.
fn join(models: &mut [Model], resident: &[Resident]) {
    for model in models {
        let loaded = resident.iter().find(|resident| {
            same_model(&resident.name, &model.name) && (resident.digest.is_empty() || resident.digest == model.digest)
        });
        model.loaded = loaded.map(|resident| resident.loaded.clone());
    }
}

/// `show` knows better than the list: for models with a template of their own, the list leaves capabilities out.
fn correct(model: &mut Model, detail: &ModelDetail) {
    if !detail.capabilities.is_empty() {
        model.capabilities.clone_from(&detail.capabilities);
    }
    model.context_length = model.context_length.or(detail.context_length);
    for (field, known) in [
        (&mut model.family, &detail.family),
        (&mut model.parameters, &detail.parameter_size),
        (&mut model.quantization, &detail.quantization),
    ] {
        if field.is_empty() {
            field.clone_from(known);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        fake::{Fake, Pace, Reply, Seen, StandIn},
        ollama::{Address, Settings},
        tasks::Tasks,
    };

    async fn service(fresh: Duration) -> (Tasks, Fake, Models) {
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
        (tasks, fake, Models::new(ollama, Breakers::new(), ModelCache::new(1 << 20), fresh))
    }

    fn asked(fake: &Fake, path: &str) -> usize {
        fake.requests().iter().filter(|request| request.path == path).count()
    }

    #[tokio::test]
    async fn loaded_models_are_marked_in_the_list() {
        let (_tasks, _fake, models) = service(Duration::ZERO).await;
        assert!(models.listed(true).await.unwrap().models.iter().all(|model| model.loaded.is_none()));
        let request = crate::ollama::ChatRequest { model: "demo-chat:3b".into(), ..Default::default() };
        models.ollama.chat_whole(&request).await.unwrap();
        let list = models.listed(true).await.unwrap();
        let loaded: Vec<_> = list.models.iter().filter(|model| model.loaded.is_some()).map(|m| &m.name).collect();
        assert_eq!(loaded, ["demo-chat:3b"]);
        assert_eq!(list.models.len(), 4);
        assert_eq!(list.stale_because, None);
    }

    #[tokio::test]
    async fn a_young_list_is_not_asked_for_again_unless_it_is_wanted_fresh() {
        let (_tasks, fake, models) = service(Duration::from_hours(1)).await;
        models.listed(false).await.unwrap();
        models.listed(false).await.unwrap();
        assert_eq!(asked(&fake, "/api/tags"), 1);
        models.listed(true).await.unwrap();
        assert_eq!(asked(&fake, "/api/tags"), 2);
        assert_eq!(asked(&fake, "/api/show"), 4, "details of a digest are asked for once");
        models.detailed("demo-embed").await.unwrap();
        assert_eq!(asked(&fake, "/api/show"), 4);
    }

    #[tokio::test]
    async fn the_last_good_list_stays_when_ollama_goes() {
        let (_tasks, fake, models) = service(Duration::ZERO).await;
        let good = models.listed(true).await.unwrap();
        fake.answer(|_| None);
        let stale = models.listed(true).await.unwrap();
        assert_eq!(stale.models, good.models);
        assert_eq!(stale.stale_because.as_deref(), Some("The connection to Ollama broke off."));
        assert_eq!(models.detailed("demo-chat:3b").await.unwrap().family, "llama");
    }

    #[tokio::test]
    async fn without_any_list_the_fault_is_told() {
        let (_tasks, fake, models) = service(Duration::ZERO).await;
        fake.answer(|_| None);
        assert_eq!(models.listed(false).await.unwrap_err().kind, FaultKind::Upstream);
    }

    #[tokio::test]
    async fn show_corrects_the_capabilities_of_the_list() {
        let (_tasks, fake, models) = service(Duration::ZERO).await;
        fake.answer(|request: &Seen| {
            Some(match request.path.as_str() {
                "/api/tags" => Reply::json(
                    200,
                    &json!({"models": [{"name": "a:latest", "digest": "1", "capabilities": ["completion"]}]}),
                ),
                "/api/show" => Reply::json(
                    200,
                    &json!({
                        "capabilities": ["tools", "completion"],
                        "model_info": {"general.architecture": "x", "x.context_length": 99},
                    }),
                ),
                // An old server without load states.
                _ => Reply::text(404, "text/plain", "404 page not found"),
            })
        });
        let list = models.listed(true).await.unwrap();
        assert_eq!(list.models[0].capabilities, ["tools", "completion"]);
        assert_eq!(list.models[0].context_length, Some(99));
    }

    #[tokio::test]
    async fn a_missing_model_is_named_as_such() {
        let (_tasks, _fake, models) = service(Duration::ZERO).await;
        assert_eq!(models.detailed("nosuch").await.unwrap_err().kind, FaultKind::ModelMissing);
    }
}
