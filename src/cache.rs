//! What was asked of the model server and may be asked again: the last good list, details by digest, and what registries said
//! of models a moment ago.
//!
//! It only keeps; asking and deciding what is fresh enough is the services' business. A model's details belong to its
//! digest, so they never go stale: another content is another digest. Sized in bytes, because a licence and a template
//! can be longer than all names together. What lists need of the details is kept by itself, so that a few long licences do
//! not push it out.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::api::{
    fleet::{CacheFigures, CacheKind},
    models::{Geometry, Model, ModelDetail},
};
use crate::metrics::{Cache, Metrics};

/// A list as it was received.
#[derive(Clone, Debug)]
pub struct Listed {
    pub models: Arc<Vec<Model>>,
    pub at: Instant,
}

impl Listed {
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// What lists show of a model's details.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub capabilities: Vec<String>,
    pub family: String,
    pub parameter_size: String,
    pub quantization: String,
    pub context_length: Option<u32>,
    pub parameter_count: Option<u64>,
    pub geometry: Option<Geometry>,
}

impl Facts {
    fn of(detail: &ModelDetail) -> Self {
        Self {
            capabilities: detail.capabilities.clone(),
            family: detail.family.clone(),
            parameter_size: detail.parameter_size.clone(),
            quantization: detail.quantization.clone(),
            context_length: detail.context_length,
            parameter_count: detail.parameter_count,
            geometry: detail.geometry,
        }
    }
}

/// What a registry said that a model consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    pub digest: String,
    /// Digest and bytes of each part.
    pub layers: Vec<(String, u64)>,
}

/// How often something was at hand, and how often not.
#[derive(Debug, Default)]
struct Count {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Count {
    fn note(&self, is_hit: bool) {
        let count = if is_hit { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn kind(&self, name: &str, entries: u64, bytes: u64) -> CacheKind {
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        CacheKind { name: name.to_owned(), hits, misses, entries, bytes }
    }
}

#[derive(Debug, Default)]
struct Counts {
    lists: Count,
    details: Count,
    facts: Count,
    manifests: Count,
}

/// Cheap to clone; clones share what they keep.
#[derive(Clone, Debug)]
pub struct ModelCache {
    most_bytes: u64,
    list: Arc<Mutex<Option<Listed>>>,
    details: moka::sync::Cache<String, Arc<ModelDetail>>,
    facts: moka::sync::Cache<String, Arc<Facts>>,
    manifests: moka::sync::Cache<String, Arc<Build>>,
    counts: Arc<Counts>,
    metrics: Metrics,
}

impl ModelCache {
    /// Keeps at most `bytes`: an eighth for what registries said, a quarter for what lists need of details, the rest for
    /// the details themselves. What a registry said counts for as long as a list does, `fresh`.
    #[must_use]
    pub fn new(bytes: u64, fresh: Duration) -> Self {
        let (eighth, quarter) = (bytes / 8, bytes / 4);
        let details = moka::sync::Cache::builder().max_capacity(bytes - quarter - eighth).weigher(weight).build();
        let facts = moka::sync::Cache::builder().max_capacity(quarter).weigher(facts_weight).build();
        let manifests =
            moka::sync::Cache::builder().max_capacity(eighth).weigher(build_weight).time_to_live(fresh).build();
        Self {
            most_bytes: bytes,
            list: Arc::default(),
            details,
            facts,
            manifests,
            counts: Arc::default(),
            metrics: Metrics::new(),
        }
    }

    /// Counts what was at hand there, too.
    #[must_use]
    pub fn counted_in(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// What a registry said of this model a moment ago. Names as they are compared.
    #[must_use]
    pub fn manifest(&self, model: &str) -> Option<Arc<Build>> {
        let found = self.manifests.get(model);
        self.counts.manifests.note(found.is_some());
        found
    }

    pub fn keep_manifest(&self, model: &str, build: Build) {
        self.manifests.insert(model.to_owned(), Arc::new(build));
    }

    #[must_use]
    pub fn list(&self) -> Option<Listed> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn keep_list(&self, listed: Listed) {
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
    }

    /// Whether the list at hand was good enough for somebody.
    pub fn note_list(&self, is_hit: bool) {
        self.counts.lists.note(is_hit);
        self.metrics.cache(Cache::Lists, is_hit);
    }

    #[must_use]
    pub fn detail(&self, digest: &str) -> Option<Arc<ModelDetail>> {
        let found = self.details.get(digest);
        self.counts.details.note(found.is_some());
        self.metrics.cache(Cache::Details, found.is_some());
        found
    }

    /// What lists need of the details of this digest.
    #[must_use]
    pub fn facts(&self, digest: &str) -> Option<Arc<Facts>> {
        let found = self.facts.get(digest);
        self.counts.facts.note(found.is_some());
        self.metrics.cache(Cache::Facts, found.is_some());
        found
    }

    pub fn keep_detail(&self, digest: &str, detail: ModelDetail) {
        // Without a digest nothing would ever say that the content is another one now.
        if !digest.is_empty() {
            self.facts.insert(digest.to_owned(), Arc::new(Facts::of(&detail)));
            self.details.insert(digest.to_owned(), Arc::new(detail));
        }
    }

    /// How much of what was asked for was at hand.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        // Both count what they keep only when they tidy up.
        self.details.run_pending_tasks();
        self.facts.run_pending_tasks();
        self.manifests.run_pending_tasks();
        let list = self.list().map_or((0, 0), |listed| (1, listed.models.iter().map(model_bytes).sum()));
        let kinds = vec![
            self.counts.lists.kind("lists", list.0, list.1),
            self.counts.details.kind("details", self.details.entry_count(), self.details.weighted_size()),
            self.counts.facts.kind("facts", self.facts.entry_count(), self.facts.weighted_size()),
            self.counts.manifests.kind("manifests", self.manifests.entry_count(), self.manifests.weighted_size()),
        ];
        let bytes = kinds.iter().map(|kind| kind.bytes).sum();
        CacheFigures { kinds, most_bytes: self.most_bytes, bytes }
    }
}

/// What an entry takes beside its texts.
const OVERHEAD: usize = 512;

fn model_bytes(model: &Model) -> u64 {
    let Model { name, digest, family, parameters, quantization, capabilities, modified_at, .. } = model;
    let texts = [name, digest, family, parameters, quantization, modified_at];
    let text: usize = texts.iter().map(|text| text.len()).sum::<usize>() + list_bytes(capabilities);
    (size_of::<Model>() + text) as u64
}

fn list_bytes(list: &[String]) -> usize {
    list.iter().map(|text| text.len() + size_of::<String>()).sum()
}

/// Text and a fixed overhead for the entry itself.
#[expect(clippy::ptr_arg, reason = "the shape that moka asks for")]
fn weight(digest: &String, detail: &Arc<ModelDetail>) -> u32 {
    let ModelDetail {
        name,
        capabilities,
        family,
        parameter_size,
        quantization,
        context_length: _,
        embedding_length: _,
        parameter_count: _,
        geometry: _,
        parameters,
        template,
        system,
        license,
        modelfile,
    } = detail.as_ref();
    let optional = [parameters, template, system, license, modelfile];
    let text: usize = [name, family, parameter_size, quantization].iter().map(|text| text.len()).sum::<usize>()
        + list_bytes(capabilities)
        + optional.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>();
    u32::try_from(OVERHEAD + digest.len() + text).unwrap_or(u32::MAX)
}

#[expect(clippy::ptr_arg, reason = "the shape that moka asks for")]
fn facts_weight(digest: &String, facts: &Arc<Facts>) -> u32 {
    let texts = [&facts.family, &facts.parameter_size, &facts.quantization];
    let text = texts.iter().map(|text| text.len()).sum::<usize>() + list_bytes(&facts.capabilities);
    u32::try_from(OVERHEAD + digest.len() + text).unwrap_or(u32::MAX)
}

#[expect(clippy::ptr_arg, reason = "the shape that moka asks for")]
fn build_weight(model: &String, build: &Arc<Build>) -> u32 {
    let layers: usize = build.layers.iter().map(|(digest, _)| digest.len() + size_of::<(String, u64)>()).sum();
    u32::try_from(OVERHEAD + model.len() + build.digest.len() + layers).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(license: usize) -> ModelDetail {
        ModelDetail { license: Some("x".repeat(license)), ..ModelDetail::default() }
    }

    #[test]
    fn details_are_bounded_in_bytes_and_not_in_number() {
        let cache = ModelCache::new(100_000, Duration::from_mins(1));
        cache.keep_detail("small", detail(10));
        cache.keep_detail("too big", detail(200_000));
        cache.keep_detail("", detail(1));
        cache.details.run_pending_tasks();
        assert!(cache.detail("small").is_some());
        assert!(cache.detail("too big").is_none());
        assert!(cache.detail("").is_none());
        for number in 0..100 {
            cache.keep_detail(&number.to_string(), detail(10_000));
        }
        cache.details.run_pending_tasks();
        assert!(cache.details.weighted_size() <= 62_500);
    }

    #[test]
    fn what_lists_need_outlives_long_licences() {
        let cache = ModelCache::new(100_000, Duration::from_mins(1));
        for number in 0..30 {
            cache.keep_detail(&number.to_string(), detail(10_000));
            cache.details.run_pending_tasks();
        }
        assert_eq!((0..30).filter(|number| cache.facts(&number.to_string()).is_some()).count(), 30);
        assert!(cache.figures().kinds[1].entries < 30);
    }

    #[test]
    fn what_a_registry_said_is_kept_for_a_moment_and_counted() {
        let build = Build { digest: "a".repeat(64), layers: vec![("b".repeat(71), 9)] };
        let cache = ModelCache::new(100_000, Duration::from_mins(1));
        assert!(cache.manifest("m:latest").is_none());
        cache.keep_manifest("m:latest", build.clone());
        assert_eq!(cache.manifest("m:latest").as_deref(), Some(&build));
        let kinds = cache.figures().kinds;
        let manifests = kinds.iter().find(|kind| kind.name == "manifests").unwrap();
        assert_eq!((manifests.hits, manifests.misses, manifests.entries), (1, 1, 1));
        let cache = ModelCache::new(100_000, Duration::ZERO);
        cache.keep_manifest("m:latest", build);
        assert!(cache.manifest("m:latest").is_none(), "a moment of none is none");
    }

    #[test]
    fn the_figures_tell_hits_and_bytes() {
        let cache = ModelCache::new(100_000, Duration::from_mins(1));
        assert_eq!(cache.figures().hit_percent(), None);
        cache.keep_detail("a", detail(1000));
        assert!(cache.detail("a").is_some() && cache.detail("b").is_none());
        cache.note_list(true);
        cache.note_list(true);
        let figures = cache.figures();
        assert_eq!(figures.hit_percent(), Some(75));
        let details = &figures.kinds[1];
        assert_eq!((details.name.as_str(), details.hits, details.misses, details.entries), ("details", 1, 1, 1));
        assert!((1000..3000).contains(&details.bytes) && figures.bytes > details.bytes);
    }
}
