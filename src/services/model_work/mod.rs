//! The work on models: what a job of each kind does, and what is told before one is begun.
//!
//! Downloads are in `transfer`, what is over in a moment in `small`, making a model in `make`. Invariant: every step can be
//! done twice, because a job may be broken off at any moment and begun anew by another process.

pub mod benchmark;
pub mod hardware;
mod list_file;
mod make;
mod meter;
mod modelfile;
pub mod room;
mod small;
#[cfg(test)]
mod tests;
mod transfer;
mod updates;

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};

use self::{benchmark::Bench, modelfile::Modelfile, room::Places};
use super::{
    attachments::resolve,
    jobs::{Attempt, Runner, Setback},
};
use crate::{
    access::{Admin, Caller},
    api::{
        Fault, FaultKind, amount,
        jobs::{Download, DownloadSize, Layer, MODELFILE_MAX, ModelfileSummary, NewModel, Room, Work, registry_of},
        models::Model,
    },
    cache::{Build, ModelCache},
    config::live::Live,
    ollama::{
        ModelName, Ollama, OllamaError,
        name::{key, same_model},
        registry::{Manifest, Registry, RegistryError},
    },
};

/// How patient it is. Tests are less so.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Without a byte for so long, a download is connected anew.
    pub stall: Duration,
    /// Digests, conversions: nothing is told of how far they are.
    pub quiet: Duration,
    /// How often it is looked whether something came.
    pub look: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_mins(1), quiet: Duration::from_mins(30), look: Duration::from_secs(1) }
    }
}

#[derive(Debug)]
pub struct ModelWork {
    ollama: Ollama,
    registry: Registry,
    places: Places,
    patience: Patience,
    /// What relative paths and `~` mean.
    cwd: PathBuf,
    home: Option<PathBuf>,
    /// Where benchmarks are kept.
    bench: Option<Bench>,
    /// What registries said a moment ago.
    cache: Option<ModelCache>,
    /// Says how long a download may stand still; without it, `patience` does.
    live: Option<Live>,
}

impl ModelWork {
    #[must_use]
    pub fn new(ollama: Ollama, cwd: PathBuf, home: Option<PathBuf>) -> Self {
        let places = Places::of_this_machine(home.as_deref());
        Self {
            ollama,
            registry: Registry::new(),
            places,
            patience: Patience::default(),
            cwd,
            home,
            bench: None,
            cache: None,
            live: None,
        }
    }

    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    #[must_use]
    pub fn with_bench(self, bench: Bench) -> Self {
        Self { bench: Some(bench), ..self }
    }

    #[must_use]
    pub fn with_cache(self, cache: ModelCache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// What the model's registry says it consists of; asked once in a while, however often somebody wants to know.
    async fn manifest(&self, name: &ModelName, insecure: bool) -> Result<Manifest, RegistryError> {
        // What came in the clear must not stand for what did not.
        let kept = [key(name.as_str()).as_str(), if insecure { " in the clear" } else { "" }].concat();
        if let Some(build) = self.cache.as_ref().and_then(|cache| cache.manifest(&kept)) {
            return Ok(Manifest { digest: build.digest.clone(), layers: build.layers.clone() });
        }
        let manifest = self.registry.manifest(name, insecure).await?;
        if let Some(cache) = &self.cache {
            let build = Build { digest: manifest.digest.clone(), layers: manifest.layers.clone() };
            cache.keep_manifest(&kept, build);
        }
        Ok(manifest)
    }

    #[must_use]
    pub fn with_live(self, live: Live) -> Self {
        Self { live: Some(live), ..self }
    }

    /// Without a byte for so long, a transfer is connected anew.
    fn stall(&self) -> Duration {
        let said = self.live.as_ref().map(|live| live.config().house.stall_seconds);
        said.map_or(self.patience.stall, Duration::from_secs)
    }

    #[must_use]
    pub fn with_places(self, places: Places) -> Self {
        Self { places, ..self }
    }

    /// Asks the model's registry, because somebody wants to know.
    pub async fn download_size(&self, _by: Caller<Admin>, download: Download) -> Result<DownloadSize, Fault> {
        let name = agreed(&download)?;
        let manifest = self.manifest(&name, download.insecure).await.map_err(|error| unasked(&error))?;
        let layers = manifest.layers.iter().map(|(digest, bytes)| Layer {
            digest: digest.trim_start_matches("sha256:").chars().take(12).collect(),
            done: 0,
            of: *bytes,
        });
        Ok(DownloadSize {
            registry: name.parts().host.to_owned(),
            bytes: manifest.bytes(),
            layers: layers.take(64).collect(),
            digest: manifest.digest,
            room: self.room().await,
            model: download.model,
        })
    }

    /// How much room there is for models, as far as it can be told.
    pub async fn room_for_models(&self, _by: Caller<Admin>) -> Result<Room, Fault> {
        Ok(self.room().await)
    }

    /// Reads a Modelfile as making a model would, and asks nobody.
    pub fn check_modelfile(&self, _by: &Caller<Admin>, text: &str) -> Result<ModelfileSummary, Fault> {
        Ok(modelfile_of(text)?.summary())
    }

    /// Reads a list of models from a file.
    pub async fn read_list(&self, _by: Caller<Admin>, path: &Path) -> Result<Vec<Work>, Fault> {
        self.list_at(path).await
    }

    /// The same for a rule, which somebody has set up who may.
    pub async fn list_at(&self, path: &Path) -> Result<Vec<Work>, Fault> {
        let path = resolve(path, &self.cwd, self.home.as_deref());
        let text = tokio::task::spawn_blocking(move || read_text(&path, list_file::LONGEST)).await;
        list_file::parse(&text.map_err(|_| Fault::new(FaultKind::Internal, "The list could not be read."))??)
    }

    async fn room(&self) -> Room {
        let (places, is_here) = (self.places.clone(), self.ollama.address().is_loopback());
        tokio::task::spawn_blocking(move || places.room(is_here)).await.unwrap_or_default()
    }

    async fn installed(&self) -> Result<Vec<Model>, OllamaError> {
        self.ollama.tags().await
    }

    /// The installed model of this name, or a fault that offers what is near.
    async fn find(&self, name: &str) -> Result<Model, Fault> {
        let models = self.installed().await?;
        match models.iter().find(|model| same_model(&model.name, name)) {
            Some(model) => Ok(model.clone()),
            None => Err(absent(name, &models)),
        }
    }

    async fn looked_at(&self, work: &Work) -> Result<String, Fault> {
        match work {
            Work::Install(download) => {
                agreed(download)?;
                let there = self.installed().await?;
                Ok(if there.iter().any(|model| same_model(&model.name, &download.model)) {
                    "it is installed; what is missing of it would be fetched".to_owned()
                } else {
                    match download.bytes {
                        Some(bytes) => format!("would be installed, {}", amount::bytes(bytes)),
                        None => "would be installed".to_owned(),
                    }
                })
            }
            Work::Update(download) => {
                agreed(download)?;
                let model = self.find(&download.model).await?;
                if model.remote {
                    return Err(Fault::invalid(format!(
                        "{} runs at ollama.com; there is nothing to update.",
                        model.name
                    )));
                }
                Ok("would be fetched again where the registry has another".to_owned())
            }
            Work::Remove { model, forget } => {
                named(model)?;
                let found = self.find(model).await?;
                let with = if *forget { ", with what the house wrote on it" } else { "" };
                Ok(format!("would be removed, {}{with}", amount::bytes(found.bytes)))
            }
            Work::Copy { from, to } | Work::Rename { from, to } => {
                let (_, to) = (named(from)?, named(to)?);
                if same_model(from, to.as_str()) {
                    return Err(Fault::invalid("Both names mean the same model.")
                        .hint("Case does not count, nor does :latest."));
                }
                let models = self.installed().await?;
                if !models.iter().any(|model| same_model(&model.name, from)) {
                    return Err(absent(from, &models));
                }
                if models.iter().any(|model| same_model(&model.name, to.as_str())) {
                    return Err(taken(to.as_str()));
                }
                Ok(format!("would be there as {to}"))
            }
            Work::Create(new) => {
                named(&new.model)?;
                let read = modelfile_of(&new.modelfile)?;
                make::check_quantize(new.quantize.as_deref())?;
                self.sources(&read, new).await?;
                Ok(format!("would be made from {}", read.from))
            }
            Work::Push { model, .. } => {
                let name = named(model)?;
                if name.parts().namespace == "library" && name.foreign_registry().is_none() {
                    return Err(Fault::invalid(format!("{name} has no namespace, so nobody may upload it."))
                        .hint("Copy it to a name of yours first, such as you/model, and upload that."));
                }
                self.find(model).await?;
                Ok(format!("would be uploaded to {}", name.parts().host))
            }
            Work::Load { model, keep } => {
                named(model)?;
                if let Some(keep) = keep {
                    small::check_keep(keep)?;
                }
                self.find(model).await?;
                Ok("would be loaded".to_owned())
            }
            Work::Unload { model } => {
                named(model)?;
                self.find(model).await?;
                Ok("would be unloaded".to_owned())
            }
            Work::Benchmark { model, repeats } => {
                named(model)?;
                benchmark::check(&self.find(model).await?, *repeats)
            }
            Work::Backup { .. }
            | Work::VerifyBackup { .. }
            | Work::PruneBackups
            | Work::Restore { .. }
            | Work::Check
            | Work::Rule(_)
            | Work::Export(_)
            | Work::Import { .. }
            | Work::PutAway
            | Work::Index => Err(not_ours(work)),
        }
    }
}

impl Runner for ModelWork {
    fn check<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<String, Fault>> {
        self.looked_at(work).boxed()
    }

    fn run(&self, attempt: Attempt) -> BoxFuture<'_, Result<String, Setback>> {
        async move {
            let work = attempt.work.clone();
            match work {
                Work::Install(download) => self.install(&attempt, &download).await,
                Work::Update(download) => self.update(&attempt, &download).await,
                Work::Remove { model, forget } => self.remove(&attempt, &model, forget).await,
                Work::Copy { from, to } => self.copy(&attempt, &from, &to).await,
                Work::Rename { from, to } => self.rename(&attempt, &from, &to).await,
                Work::Create(new) => self.create(&attempt, &new).await,
                Work::Push { model, insecure } => self.push(&attempt, &model, insecure).await,
                Work::Load { model, keep } => self.load(&model, keep.as_deref()).await,
                Work::Unload { model } => self.unload(&model).await,
                Work::Benchmark { model, repeats } => self.benchmark(&attempt, &model, repeats).await,
                other @ (Work::Backup { .. }
                | Work::VerifyBackup { .. }
                | Work::PruneBackups
                | Work::Restore { .. }
                | Work::Check
                | Work::Rule(_)
                | Work::Export(_)
                | Work::Import { .. }
                | Work::PutAway
                | Work::Index) => Err(Setback::for_good(not_ours(&other))),
            }
        }
        .boxed()
    }

    fn deadline(&self, work: &Work) -> Option<Duration> {
        match work {
            // They are watched for whether something moves; a benchmark may wait for hours until nobody chats; and of the
            // rest others know how long it takes.
            Work::Install(_)
            | Work::Update(_)
            | Work::Create(_)
            | Work::Push { .. }
            | Work::Benchmark { .. }
            | Work::Backup { .. }
            | Work::VerifyBackup { .. }
            | Work::PruneBackups
            | Work::Restore { .. }
            | Work::Check
            | Work::Rule(_)
            | Work::Export(_)
            | Work::Import { .. }
            | Work::PutAway
            | Work::Index => None,
            Work::Load { .. } => Some(Duration::from_mins(30)),
            Work::Remove { .. } | Work::Copy { .. } | Work::Rename { .. } | Work::Unload { .. } => {
                Some(Duration::from_mins(5))
            }
        }
    }
}

/// Work that is somebody else's: the line was put together wrongly.
fn not_ours(work: &Work) -> Fault {
    Fault::new(FaultKind::Internal, format!("“{work}” is no work on models."))
}

/// The name, by Ollama's grammar.
fn named(model: &str) -> Result<ModelName, Fault> {
    ModelName::parse(model).map_err(|why| {
        let mut why = why.to_string();
        // The sentence begins with it.
        why[..1].make_ascii_uppercase();
        Fault::invalid(format!("{why}.")).hint("A name looks like llama3.2:3b, user/model:tag or hf.co/user/model.")
    })
}

/// The same for what is downloaded: from elsewhere only where somebody agreed to that.
fn agreed(download: &Download) -> Result<ModelName, Fault> {
    let name = named(&download.model)?;
    match registry_of(name.as_str()) {
        Some(host) if !download.foreign => {
            Err(Fault::invalid(format!("{name} comes from {host} and not from Ollama's own library."))
                .hint("If you trust that registry, confirm it: --foreign on the command line."))
        }
        Some(_) | None => Ok(name),
    }
}

fn modelfile_of(text: &str) -> Result<Modelfile, Fault> {
    if text.len() > MODELFILE_MAX {
        return Err(Fault::invalid(format!("The Modelfile is longer than {} KiB.", MODELFILE_MAX / 1024)));
    }
    Modelfile::parse(text)
}

/// It is not installed; with the names that look like it.
fn absent(name: &str, models: &[Model]) -> Fault {
    // The tag that nobody types would make short names unlike.
    let plain = |name: &str| name.to_lowercase().trim_end_matches(":latest").to_owned();
    let wanted = plain(name);
    let mut near: Vec<(f64, &str)> = models
        .iter()
        .map(|model| (strsim::jaro_winkler(&plain(&model.name), &wanted), model.name.as_str()))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, name)| name).collect();
    let hint = if near.is_empty() {
        "`ollamanet models list` names those that are.".to_owned()
    } else {
        format!("Is one of these meant: {}?", near.join(", "))
    };
    Fault::new(FaultKind::ModelMissing, format!("{name} is not installed.")).hint(hint)
}

fn taken(name: &str) -> Fault {
    Fault::new(FaultKind::Conflict, format!("There is a model named {name} already."))
        .hint("Choose another name, or remove that one first.")
}

fn unasked(error: &RegistryError) -> Fault {
    let (kind, hint) = match error {
        RegistryError::Unreachable { .. } | RegistryError::Silent { .. } => {
            (FaultKind::Ollama, "See that the machine is online. The size is then told while it is downloaded.")
        }
        RegistryError::Missing { .. } => (
            FaultKind::ModelMissing,
            "Look for the exact name and tag on ollama.com/library; private models tell nothing.",
        ),
        RegistryError::Redirected { .. } | RegistryError::Refused { .. } | RegistryError::Garbage { .. } => {
            (FaultKind::Ollama, "The size is then told while it is downloaded.")
        }
    };
    Fault::new(kind, format!("The size is not known: {error}.")).hint(hint)
}

fn read_text(path: &Path, longest: u64) -> Result<String, Fault> {
    let refuse = |why: &str| Fault::invalid(format!("{} cannot be read: {why}.", path.display()));
    let file = std::fs::File::open(path).map_err(|error| refuse(&error.kind().to_string()))?;
    let mut text = String::new();
    file.take(longest + 1).read_to_string(&mut text).map_err(|error| refuse(&error.kind().to_string()))?;
    if text.len() as u64 > longest {
        return Err(refuse("it is too long"));
    }
    Ok(text)
}

/// A new model as it is meant by whoever asks.
fn base_of(new: &NewModel, cwd: &Path) -> PathBuf {
    new.base.as_ref().map_or_else(|| cwd.to_owned(), |base| cwd.join(base))
}
