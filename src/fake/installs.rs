//! What the stand-in has installed, and how its downloads, uploads and makings of models go.
//!
//! Its registry has every name but those that say otherwise. A word in the name or the tag tells what goes wrong, so that
//! bad days can be tried by hand: `nosuch` is not there, `slow` takes its time, `stall` stops moving at the first try,
//! `flaky` breaks off at the first try, `back` goes back a stretch, `broken` never ends well, `full` finds no room. What was
//! downloaded of a model stays when its client leaves, and the next pull goes on there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    catalogue::{MODELS, Made},
    reply::{Part, Reply},
};

/// Lines that tell of one layer.
const STEPS: u64 = 40;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Installs(Arc<Mutex<Shelf>>);

#[derive(Debug)]
struct Shelf {
    models: Vec<Made>,
    /// Lower-case name → bytes of its big layer that are here.
    partial: BTreeMap<String, u64>,
    /// Pulls that were begun, by name.
    tries: BTreeMap<String, u32>,
    blobs: BTreeSet<String>,
}

impl Default for Installs {
    fn default() -> Self {
        let models = MODELS.to_vec();
        Self(Arc::new(Mutex::new(Shelf {
            models,
            partial: BTreeMap::new(),
            tries: BTreeMap::new(),
            blobs: BTreeSet::new(),
        })))
    }
}

/// As Ollama compares names: without case, and with `latest` where no tag is said.
fn key(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let lower = lower.strip_prefix("registry.ollama.ai/").unwrap_or(&lower);
    let lower = lower.strip_prefix("library/").unwrap_or(lower);
    let has_tag = lower.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { lower.to_owned() } else { [lower, ":latest"].concat() }
}

/// Good enough for a stand-in; the real grammar is checked before anything is sent.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte))
}

impl Installs {
    /// The model of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Made> {
        let wanted = key(name);
        self.shelf().models.iter().find(|made| key(&made.name) == wanted).cloned()
    }

    /// As `/api/tags` lists them.
    #[must_use]
    pub fn tags(&self) -> Vec<Value> {
        self.shelf().models.iter().map(Made::tag).collect()
    }

    pub(super) fn copy(&self, body: &Value) -> Reply {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let (source, destination) = (text("source"), text("destination"));
        if !is_name(&destination) {
            return Reply::error(400, &format!("destination {destination:?} is invalid"));
        }
        match self.find(&source) {
            Some(made) => {
                self.put(Made { name: named(&destination).into(), ..made });
                Reply::status(200)
            }
            None => Reply::error(404, &format!("model {source:?} not found")),
        }
    }

    pub(super) fn delete(&self, body: &Value) -> Reply {
        let name = body["model"].as_str().or_else(|| body["name"].as_str()).unwrap_or_default();
        if name.is_empty() {
            return Reply::error(400, "model is required");
        }
        let wanted = key(name);
        let mut shelf = self.shelf();
        let before = shelf.models.len();
        shelf.models.retain(|made| key(&made.name) != wanted);
        if shelf.models.len() == before {
            return Reply::error(404, &format!("model '{name}' not found"));
        }
        Reply::status(200)
    }

    /// `step`: the time between two lines.
    pub(super) fn pull(&self, body: &Value, step: Duration) -> Reply {
        let name = body["model"].as_str().or_else(|| body["name"].as_str()).unwrap_or_default().to_owned();
        if !is_name(&name) {
            return Reply::error(400, "invalid model name");
        }
        let says = |word: &str| name.to_ascii_lowercase().contains(word);
        let reply = Reply::stream().line(&json!({ "status": "pulling manifest" }));
        if says("nosuch") {
            return reply.line(&json!({ "error": "pull model manifest: file does not exist" }));
        }
        let wanted = key(&name);
        let (tries, there) = {
            let mut shelf = self.shelf();
            let tries = shelf.tries.entry(wanted.clone()).or_default();
            *tries += 1;
            (*tries, shelf.partial.get(&wanted).copied().unwrap_or(0))
        };
        let made = made_for(&name);
        let layers = [made.bytes - 12_000, 11_000, 1_000];
        let digest = |number: usize| digest_of(&format!("{wanted}/{number}"));
        let step = if says("slow") { step.max(Duration::from_millis(20)) * 4 } else { step };
        let is_here = self.find(&name).is_some();
        let mut reply = reply;
        for (number, total) in layers.into_iter().enumerate() {
            let digest = digest(number);
            let line = |completed: u64| {
                let mut line = json!({
                    "status": format!("pulling {}", &digest[..12]), "digest": format!("sha256:{digest}"), "total": total,
                });
                // As Ollama leaves it out.
                if completed > 0 {
                    line["completed"] = json!(completed);
                }
                line
            };
            if is_here || number > 0 {
                reply = reply.line(&line(total));
                continue;
            }
            let begin = there.min(total);
            reply = reply.line(&line(begin));
            for at in 1..STEPS {
                let completed = begin + (total - begin) / STEPS * at;
                if says("full") && at == STEPS / 4 {
                    return reply.line(&json!({
                        "error": format!("write /models/blobs/sha256-{digest}-partial: no space left on device")
                    }));
                }
                if tries == 1 && at == STEPS / 2 {
                    if says("stall") {
                        return reply.part(Part::Stall);
                    }
                    if says("flaky") {
                        return reply.part(Part::Cut);
                    }
                }
                if says("broken") && at == STEPS / 2 {
                    return reply.line(&json!({ "error": "max retries exceeded: EOF" }));
                }
                if says("back") && at == STEPS / 2 {
                    reply = reply.line(&line(begin + (total - begin) / STEPS * (at / 2)));
                }
                if step > Duration::ZERO {
                    reply = reply.part(Part::Pause(step));
                }
                let (this, of) = (self.clone(), wanted.clone());
                // The last line of a layer stays below its total, as Ollama's does.
                reply = reply.line(&line(completed)).part(Part::then(move || {
                    this.shelf().partial.insert(of.clone(), completed);
                }));
            }
        }
        let this = self.clone();
        reply
            .line(&json!({ "status": "verifying sha256 digest" }))
            .line(&json!({ "status": "writing manifest" }))
            .part(Part::then(move || {
                this.shelf().partial.remove(&wanted);
                this.put(made.clone());
            }))
            .line(&json!({ "status": "success" }))
    }

    pub(super) fn push(&self, body: &Value, step: Duration) -> Reply {
        let name = body["model"].as_str().unwrap_or_default();
        let reply = Reply::stream().line(&json!({ "status": "retrieving manifest" }));
        let Some(made) = self.find(name) else {
            return reply.line(&json!({ "status": "couldn't retrieve manifest" })).line(&json!({
                "error": format!("open /models/manifests/registry.ollama.ai/{name}: no such file or directory")
            }));
        };
        let digest = made.hex();
        (1..=STEPS / 4)
            .fold(reply, |reply, at| {
                let reply = if step > Duration::ZERO { reply.part(Part::Pause(step)) } else { reply };
                reply.line(&json!({
                    "status": format!("pushing {}", &digest[..12]), "digest": format!("sha256:{digest}"),
                    "total": made.bytes, "completed": made.bytes / (STEPS / 4) * at,
                }))
            })
            .line(&json!({ "status": "pushing manifest" }))
            .line(&json!({ "status": "success" }))
    }

    pub(super) fn create(&self, body: &Value, step: Duration) -> Reply {
        let name = body["model"].as_str().unwrap_or_default();
        if !is_name(name) {
            return Reply::error(400, "invalid model name");
        }
        let files: Vec<&str> =
            body["files"].as_object().into_iter().flatten().filter_map(|(_, it)| it.as_str()).collect();
        let from = body["from"].as_str();
        let reply = Reply::stream();
        let made = match (from.map(|from| self.find(from)), files.first()) {
            (None, None) => return Reply::error(400, "neither 'from' or 'files' was specified"),
            // A real one would begin to download it.
            (Some(None), _) => return reply.line(&json!({ "error": "pull model manifest: file does not exist" })),
            (Some(Some(made)), _) => made,
            (None, Some(digest)) if self.shelf().blobs.contains(*digest) => made_for(name),
            (None, Some(digest)) => {
                let file = digest.replace(':', "-");
                return reply
                    .line(&json!({ "error": format!("open /models/blobs/{file}: no such file or directory") }));
            }
        };
        let made = Made { name: named(name).into(), digest: digest_of(&body.to_string()).into(), ..made };
        let this = self.clone();
        let words =
            ["parsing GGUF", "using existing layer sha256:0", "creating new layer sha256:1", "writing manifest"];
        words
            .iter()
            .fold(reply, |reply, word| {
                let reply = if step > Duration::ZERO { reply.part(Part::Pause(step * 8)) } else { reply };
                reply.line(&json!({ "status": word }))
            })
            .part(Part::then(move || this.put(made.clone())))
            .line(&json!({ "status": "success" }))
    }

    pub(super) fn blob(&self, method: &str, digest: &str, bytes: &[u8]) -> Reply {
        let is_there = self.shelf().blobs.contains(digest);
        match method {
            "HEAD" => Reply::status(if is_there { 200 } else { 404 }),
            _ if is_there => Reply::status(200),
            _ => {
                let got = ["sha256:", &hex::encode(Sha256::digest(bytes))].concat();
                if got != digest {
                    return Reply::error(400, &format!("digest mismatch, expected {digest:?}, got {got:?}"));
                }
                self.shelf().blobs.insert(digest.to_owned());
                Reply::status(201)
            }
        }
    }

    fn put(&self, made: Made) {
        let wanted = key(&made.name);
        let mut shelf = self.shelf();
        shelf.models.retain(|other| key(&other.name) != wanted);
        // Newest first, as Ollama lists them.
        shelf.models.insert(0, Made { modified_at: jiff::Timestamp::now().to_string().into(), ..made });
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(name: &str) -> String {
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { [name, ":latest"].concat() }
}

/// What the registry has under a name: one of the made-up models, the same each time.
fn made_for(name: &str) -> Made {
    let digest = digest_of(&key(name));
    let like = usize::from(digest.as_bytes()[0]) % 3;
    Made { name: named(name).into(), digest: digest.into(), ..MODELS[like].clone() }
}

fn digest_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
