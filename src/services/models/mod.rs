//! Which models there are: the installed ones joined with those in memory, and what each can do; the catalogue beside them,
//! whether they fit this machine, and what the house wrote on them.
//!
//! It never installs or removes. Invariant: a list once received stays until a newer one takes its place; when Ollama is
//! gone, its age and the reason say so. An Ollama that keeps failing is left alone for a while, and only what nothing is
//! kept of is refused meanwhile.
//!
//! | what | where |
//! |---|---|
//! | the list and the details of Ollama | here |
//! | one list of everything, details, fit | `fleet` |
//! | what is typed over it; in which order; the page | `filter`, `find` |
//! | all models side by side | `shelf` |
//! | which one to take, and why | `recommend` |
//! | descriptions, notes, tags, the import | `keep` |
//! | the catalogue's file | `catalogue` |
//! | the estimate; the machine | `fit`, `machine` |

mod catalogue;
mod filter;
mod find;
mod fit;
mod fleet;
mod house;
mod keep;
mod machine;
mod recommend;
mod shelf;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

pub use machine::Probe;

use crate::{
    access::{Breakers, Caller, Member, op::OllamaKind},
    api::{
        Fault, FaultKind,
        models::{Model, ModelDetail, ModelList},
    },
    cache::{Facts, Listed, ModelCache},
    config::live::Live,
    ollama::{Ollama, OllamaError, Resident, name::same_model},
    services::hub::Hub,
    store::Db,
    tasks::Tasks,
};

/// Details asked for at the same time.
const AT_ONCE: usize = 4;

/// Most details that one list asks for; the next asks for more.
const DETAILS_MAX: usize = 256;

/// Longest wait for the list itself: past this the last good one is worth more.
const LIST_WITHIN: Duration = Duration::from_secs(8);

/// Longest that a list waits for details; what has not come by then is as the list itself says.
const DETAILS_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Models {
    parts: Parts,
    /// Held while asking: who comes meanwhile waits and takes that answer.
    asking: Mutex<()>,
    fleet: fleet::Fleet,
}

/// What it works with.
#[derive(Debug)]
pub struct Parts {
    pub ollama: Ollama,
    pub breakers: Breakers,
    pub cache: ModelCache,
    /// Says how long a list counts as fresh.
    pub live: Live,
    pub system: Db,
    pub hub: Hub,
    pub tasks: Tasks,
    pub probe: Probe,
}

impl Models {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let fleet = fleet::Fleet::new(parts.probe.clone(), parts.tasks.clone());
        Self { parts, asking: Mutex::new(()), fleet }
    }

    /// The list. `fresh` asks Ollama even if the last answer is young.
    pub async fn list(&self, by: Caller<Member>, fresh: bool) -> Result<ModelList, Fault> {
        let mut list = self.listed(fresh).await?.list();
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

    /// The installed models as they are known now, asking Ollama where that is too old.
    async fn listed(&self, fresh: bool) -> Result<Known, Fault> {
        let since = Instant::now();
        let cache = &self.parts.cache;
        let young = |listed: &Listed| {
            if fresh {
                listed.at >= since
            } else {
                listed.age(Instant::now()) < Duration::from_secs(self.parts.live.config().cache.models_fresh_seconds)
            }
        };
        if let Some(listed) = cache.list().filter(young) {
            cache.note_list(true);
            return Ok(Known { listed, stale_because: None });
        }
        let _asking = self.asking.lock().await;
        if let Some(listed) = cache.list().filter(young) {
            cache.note_list(true);
            return Ok(Known { listed, stale_because: None });
        }
        cache.note_list(false);
        match self.ask().await {
            Ok(models) => {
                let listed = Listed { models: Arc::new(models), at: Instant::now() };
                cache.keep_list(listed.clone());
                Ok(Known { listed, stale_because: None })
            }
            Err(fault) => match cache.list() {
                Some(listed) => Ok(Known { listed, stale_because: Some(fault.message) }),
                None => Err(fault),
            },
        }
    }

    /// Whether there is any point in asking.
    fn admit(&self) -> Result<(), Fault> {
        self.parts.breakers.admit(OllamaKind::Manage, Instant::now())
    }

    async fn ask(&self) -> Result<Vec<Model>, Fault> {
        self.admit()?;
        let both = async { tokio::join!(self.parts.ollama.tags(), self.parts.ollama.ps()) };
        let (tags, resident) = tokio::time::timeout(LIST_WITHIN, both)
            .await
            .unwrap_or((Err(OllamaError::Silent { after: LIST_WITHIN }), Ok(Vec::new())));
        let mut models = tags?;
        // A list without load states is worth more than none; whether Ollama is there, `tags` has told.
        join(&mut models, &resident.unwrap_or_default());
        let unknown: Vec<(String, String)> = models
            .iter()
            .filter(|model| !model.remote && self.parts.cache.facts(&model.digest).is_none())
            .take(DETAILS_MAX)
            .map(|model| (model.name.clone(), model.digest.clone()))
            .collect();
        let asking = stream::iter(unknown).for_each_concurrent(AT_ONCE, |(name, digest)| async move {
            if let Ok(detail) = self.parts.ollama.show(&name).await {
                self.parts.cache.keep_detail(&digest, detail);
            }
        });
        // Running out of time is no failure: the next list asks for the rest.
        let _ = tokio::time::timeout(DETAILS_WITHIN, asking).await;
        for model in &mut models {
            if let Some(facts) = self.parts.cache.facts(&model.digest) {
                correct(model, &facts);
            }
        }
        self.remember(&models).await;
        Ok(models)
    }

    async fn detailed(&self, name: &str) -> Result<ModelDetail, Fault> {
        let digest = |known: &Known| {
            let model = known.listed.models.iter().find(|model| same_model(&model.name, name));
            model.map(|model| model.digest.clone()).unwrap_or_default()
        };
        // The list is what tells the digest. Where it is stale, the details kept for it are the best there is.
        let digest = match self.listed(false).await {
            Ok(known) => digest(&known),
            Err(fault) if fault.kind == FaultKind::Upstream => return Err(fault),
            Err(_) => String::new(),
        };
        if let Some(detail) = self.parts.cache.detail(&digest) {
            return Ok(ModelDetail { name: name.to_owned(), ..(*detail).clone() });
        }
        self.admit()?;
        let detail = self.parts.ollama.show(name).await?;
        self.parts.cache.keep_detail(&digest, detail.clone());
        Ok(detail)
    }
}

/// A list, and why it is not a newer one.
#[derive(Debug)]
struct Known {
    listed: Listed,
    stale_because: Option<String>,
}

impl Known {
    fn age_ms(&self) -> u64 {
        u64::try_from(self.listed.age(Instant::now()).as_millis()).unwrap_or(u64::MAX)
    }

    fn list(self) -> ModelList {
        let age_ms = self.age_ms();
        ModelList { models: Arc::unwrap_or_clone(self.listed.models), age_ms, stale_because: self.stale_because }
    }
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
fn correct(model: &mut Model, facts: &Facts) {
    if !facts.capabilities.is_empty() {
        model.capabilities.clone_from(&facts.capabilities);
    }
    model.context_length = model.context_length.or(facts.context_length);
    for (field, known) in [
        (&mut model.family, &facts.family),
        (&mut model.parameters, &facts.parameter_size),
        (&mut model.quantization, &facts.quantization),
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
        api::fleet::Machine,
        fake::{Fake, Pace, Reply, Seen, StandIn},
        ollama::{Address, Settings},
        store::system::scratch,
    };

    async fn service(fresh: Duration) -> (Tasks, Fake, Models) {
        let mut config = crate::config::Config::default();
        config.cache.models_fresh_seconds = fresh.as_secs();
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
        let dir = tempfile::tempdir().unwrap();
        let models = Models::new(Parts {
            ollama,
            breakers: Breakers::new(),
            cache: ModelCache::new(1 << 20, Duration::from_secs(10)),
            live: Live::fixed(config),
            system: scratch::system(&dir),
            hub: Hub::new(),
            tasks: tasks.clone(),
            probe: Probe::Known(Machine::default()),
        });
        (tasks, fake, models)
    }

    fn asked(fake: &Fake, path: &str) -> usize {
        fake.requests().iter().filter(|request| request.path == path).count()
    }

    #[tokio::test]
    async fn loaded_models_are_marked_in_the_list() {
        let (_tasks, _fake, models) = service(Duration::ZERO).await;
        assert!(models.listed(true).await.unwrap().list().models.iter().all(|model| model.loaded.is_none()));
        let request = crate::ollama::ChatRequest { model: "demo-chat:3b".into(), ..Default::default() };
        models.parts.ollama.chat_whole(&request).await.unwrap();
        let list = models.listed(true).await.unwrap().list();
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
        let good = models.listed(true).await.unwrap().list();
        fake.answer(|_| None);
        let stale = models.listed(true).await.unwrap().list();
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
        let list = models.listed(true).await.unwrap().list();
        assert_eq!(list.models[0].capabilities, ["tools", "completion"]);
        assert_eq!(list.models[0].context_length, Some(99));
    }

    #[tokio::test]
    async fn a_missing_model_is_named_as_such() {
        let (_tasks, _fake, models) = service(Duration::ZERO).await;
        assert_eq!(models.detailed("nosuch").await.unwrap_err().kind, FaultKind::ModelMissing);
    }
}
