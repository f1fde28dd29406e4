//! What is over in a moment: removing, copying, renaming, loading, unloading.

use serde::{Deserialize, Serialize};

use super::{ModelWork, absent, named, taken};
use crate::{
    api::{Fault, FaultKind, options::ChatOptions},
    ollama::{
        Capability, EmbedRequest, GenerateRequest, OllamaError,
        name::{key, same_model},
    },
    services::jobs::{Attempt, Setback},
    store::{StoreError, system::fleet},
};

/// What a rename has done by the time it is broken off: the source as it was, before the copy is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Renaming {
    digest: String,
}

impl ModelWork {
    pub(super) async fn remove(&self, attempt: &Attempt, model: &str, forget: bool) -> Result<String, Setback> {
        let outcome = self.delete(attempt, model).await?;
        let (Some(bench), true) = (&self.bench, forget) else { return Ok(outcome) };
        let of = key(model);
        let forgotten = bench.system.write::<_, StoreError>(move |tx| fleet::forget_card(tx, &of)).await;
        // It is gone already, so what is left of this is done by another attempt.
        forgotten.map_err(|error| Setback::for_now(error, true))?;
        Ok("Removed, with what the house wrote on it.".to_owned())
    }

    async fn delete(&self, attempt: &Attempt, model: &str) -> Result<String, Setback> {
        match self.ollama.delete(model).await {
            Ok(()) => Ok("Removed.".to_owned()),
            // Of an attempt that was broken off: it may have been we.
            Err(OllamaError::ModelMissing { .. }) if attempt.number > 1 => Ok("It is gone.".to_owned()),
            Err(OllamaError::ModelMissing { .. }) => {
                let models = self.installed().await.unwrap_or_default();
                let fault = absent(model, &models);
                Err(Setback::for_good(match fault.hint {
                    // Whoever began it saw that it was there.
                    _ if models.iter().all(|other| !same_model(&other.name, model)) => {
                        Fault::new(FaultKind::ModelMissing, format!("{model} is not installed any more."))
                            .hint("Somebody else has removed it.")
                    }
                    hint => Fault { hint, ..Fault::new(fault.kind, fault.message) },
                }))
            }
            Err(error) => Err(Setback::for_good(error)),
        }
    }

    pub(super) async fn copy(&self, attempt: &Attempt, from: &str, to: &str) -> Result<String, Setback> {
        let target = named(to).map_err(Setback::for_good)?;
        let (source, there) = self.both(from, to).await?;
        match (source, there) {
            (None, _) => Err(Setback::for_good(absent(from, &[]))),
            (Some(source), Some(there)) if attempt.number > 1 && source == there => Ok("Copied.".to_owned()),
            (Some(_), Some(_)) => Err(Setback::for_good(taken(to))),
            (Some(source), None) => {
                self.ollama.copy(from, &target).await.map_err(Setback::for_good)?;
                self.is_copied(to, &source).await?;
                Ok("Copied.".to_owned())
            }
        }
    }

    /// Copies, compares, removes the old name. Broken off anywhere, both names are there or one of them, never none.
    pub(super) async fn rename(&self, attempt: &Attempt, from: &str, to: &str) -> Result<String, Setback> {
        let target = named(to).map_err(Setback::for_good)?;
        let begun = attempt.kept::<Renaming>();
        let (source, there) = self.both(from, to).await?;
        let digest = match (&begun, &source, &there) {
            // The last step was done and nobody came to note it.
            (Some(begun), None, Some(there)) if begun.digest == *there => return Ok("Renamed.".to_owned()),
            (_, None, _) => return Err(Setback::for_good(absent(from, &[]))),
            // The copy was made before it was broken off.
            (Some(begun), Some(source), Some(there)) if begun.digest == *there && source == there => there.clone(),
            (_, Some(_), Some(_)) => return Err(Setback::for_good(taken(to))),
            (_, Some(source), None) => {
                let begun = Renaming { digest: source.clone() };
                attempt.keep(begun).await.map_err(|fault| Setback::for_now(fault, false))?;
                attempt.step("copying");
                self.ollama.copy(from, &target).await.map_err(Setback::for_good)?;
                source.clone()
            }
        };
        attempt.step("comparing");
        self.is_copied(to, &digest).await?;
        attempt.step("removing the old name");
        match self.ollama.delete(from).await {
            Ok(()) | Err(OllamaError::ModelMissing { .. }) => Ok("Renamed.".to_owned()),
            Err(error) => Err(Setback::for_good(error)),
        }
    }

    async fn both(&self, from: &str, to: &str) -> Result<(Option<String>, Option<String>), Setback> {
        let models = self.installed().await.map_err(Setback::for_good)?;
        let digest = |name: &str| {
            let found = models.iter().find(|model| same_model(&model.name, name));
            found.map(|model| model.digest.clone())
        };
        Ok((digest(from), digest(to)))
    }

    /// The copy must be what was copied; otherwise nothing is removed.
    async fn is_copied(&self, to: &str, digest: &str) -> Result<(), Setback> {
        let there = self.digest_of(to).await.map_err(Setback::for_good)?;
        if there.as_deref() == Some(digest) {
            return Ok(());
        }
        let fault = Fault::new(FaultKind::Ollama, format!("{to} did not become what it was copied from."));
        Err(Setback::for_good(fault.hint("Nothing was removed. See both with `ollamanet models list`.")))
    }

    pub(super) async fn load(&self, model: &str, keep: Option<&str>) -> Result<String, Setback> {
        let keep_alive = keep.map(str::to_owned);
        let options = ChatOptions { keep_alive: keep_alive.clone(), ..ChatOptions::default() };
        let request = GenerateRequest { model: model.to_owned(), options, ..GenerateRequest::default() };
        let loaded = match self.ollama.generate_whole(&request).await {
            // One that makes vectors is loaded by making one.
            Err(OllamaError::Lacks(Capability::Chat)) => {
                let input = vec![".".to_owned()];
                let request = EmbedRequest { model: model.to_owned(), input, dimensions: None, keep_alive };
                self.ollama.embed(&request).await.map(drop)
            }
            other => other.map(drop),
        };
        loaded.map_err(Setback::for_good)?;
        Ok(match keep {
            Some(keep) if keep.starts_with('-') => "Loaded, and kept.".to_owned(),
            Some(keep) => format!("Loaded, for {keep} after its last use."),
            None => "Loaded.".to_owned(),
        })
    }

    pub(super) async fn unload(&self, model: &str) -> Result<String, Setback> {
        let loaded = self.ollama.ps().await.map_err(Setback::for_good)?;
        if !loaded.iter().any(|resident| same_model(&resident.name, model)) {
            return Ok("It was not loaded.".to_owned());
        }
        let options = ChatOptions { keep_alive: Some("0".to_owned()), ..ChatOptions::default() };
        let request = GenerateRequest { model: model.to_owned(), options, ..GenerateRequest::default() };
        let unloaded = match self.ollama.generate_whole(&request).await {
            Err(OllamaError::Lacks(Capability::Chat)) => {
                let (input, keep_alive) = (vec![".".to_owned()], Some("0".to_owned()));
                let request = EmbedRequest { model: model.to_owned(), input, dimensions: None, keep_alive };
                self.ollama.embed(&request).await.map(drop)
            }
            other => other.map(drop),
        };
        unloaded.map_err(Setback::for_good)?;
        Ok("Unloaded.".to_owned())
    }
}

/// As Ollama writes it: seconds, or numbers with units, a minus meaning for good.
pub(super) fn check_keep(keep: &str) -> Result<(), Fault> {
    let mut options = ChatOptions::default();
    options.set("keep_alive", keep).map_err(|_| {
        Fault::invalid(format!("“{}” is no time to keep a model.", keep.chars().take(40).collect::<String>()))
            .hint("Write 30m or 2h, or -1 to keep it for good.")
    })
}
