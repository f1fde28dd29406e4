//! What was asked of the model server and may be asked again: the last good list, and details by digest.
//!
//! It only keeps; asking and deciding what is fresh enough is the services' business. A model's details belong to its
//! digest, so they never go stale: another content is another digest. Sized in bytes, because a licence and a template
//! can be longer than all names together.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::api::models::{Model, ModelDetail};

/// A list as it was received.
#[derive(Clone, Debug)]
pub struct Listed {
    pub models: Vec<Model>,
    pub at: Instant,
}

impl Listed {
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// Cheap to clone; clones share what they keep.
#[derive(Clone, Debug)]
pub struct ModelCache {
    list: Arc<Mutex<Option<Listed>>>,
    details: moka::sync::Cache<String, Arc<ModelDetail>>,
}

impl ModelCache {
    /// Keeps at most `bytes` of details.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let details = moka::sync::Cache::builder().max_capacity(bytes).weigher(weight).build();
        Self { list: Arc::default(), details }
    }

    #[must_use]
    pub fn list(&self) -> Option<Listed> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn keep_list(&self, listed: Listed) {
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
    }

    #[must_use]
    pub fn detail(&self, digest: &str) -> Option<Arc<ModelDetail>> {
        self.details.get(digest)
    }

    pub fn keep_detail(&self, digest: &str, detail: ModelDetail) {
        // Without a digest nothing would ever say that the content is another one now.
        if !digest.is_empty() {
            self.details.insert(digest.to_owned(), Arc::new(detail));
        }
    }
}

/// Text and a fixed overhead for the entry itself.
#[expect(clippy::ptr_arg, reason = "the shape that moka asks for")]
fn weight(digest: &String, detail: &Arc<ModelDetail>) -> u32 {
    const OVERHEAD: usize = 512;
    let ModelDetail {
        name,
        capabilities,
        family,
        parameter_size,
        quantization,
        context_length: _,
        embedding_length: _,
        parameters,
        template,
        system,
        license,
        modelfile,
    } = detail.as_ref();
    let optional = [parameters, template, system, license, modelfile];
    let text: usize = [name, family, parameter_size, quantization].iter().map(|text| text.len()).sum::<usize>()
        + capabilities.iter().map(|text| text.len() + size_of::<String>()).sum::<usize>()
        + optional.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>();
    u32::try_from(OVERHEAD + digest.len() + text).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(license: usize) -> ModelDetail {
        ModelDetail { license: Some("x".repeat(license)), ..ModelDetail::default() }
    }

    #[test]
    fn details_are_bounded_in_bytes_and_not_in_number() {
        let cache = ModelCache::new(100_000);
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
        assert!(cache.details.weighted_size() <= 100_000);
    }
}
