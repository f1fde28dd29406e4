//! Whether registries have newer builds of installed models. Asked only because somebody wants to know: it leaves the
//! machine, and tells a registry which models are here.

use futures_util::{StreamExt as _, stream};

use super::{ModelWork, named};
use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        models::Model,
        updates::{ASKED_MAX, Standing, UpdateCheck},
    },
    ollama::{ModelName, name::same_model, registry::RegistryError},
    store::{StoreError, system::benchmarks::known_builds},
};

/// Registries are asked about so many models at the same time.
const AT_ONCE: usize = 4;

impl ModelWork {
    /// Asks about these models; about all that are installed where none is named. `insecure`: in the clear, because somebody
    /// has agreed to that.
    pub async fn check_updates(
        &self,
        _by: Caller<Admin>,
        models: Vec<String>,
        insecure: bool,
    ) -> Result<Vec<UpdateCheck>, Fault> {
        self.updates(models, insecure).await
    }

    /// The same for a rule, which somebody has set up who may.
    pub async fn updates(&self, models: Vec<String>, insecure: bool) -> Result<Vec<UpdateCheck>, Fault> {
        let installed = self.installed().await?;
        let mut asked: Vec<Model> = Vec::new();
        for model in &models {
            named(model)?;
            asked.push(self.find(model).await?);
        }
        if models.is_empty() {
            asked = installed;
        }
        if asked.len() > ASKED_MAX {
            return Err(Fault::invalid(format!("{} models are more than are asked about at once.", asked.len()))
                .hint(format!("Name at most {ASKED_MAX} of them.")));
        }
        asked.dedup_by(|one, other| same_model(&one.name, &other.name));
        let mut checks: Vec<UpdateCheck> =
            stream::iter(asked).map(|model| self.check(model, insecure)).buffered(AT_ONCE).collect().await;
        self.learn(&mut checks).await;
        Ok(checks)
    }

    async fn check(&self, model: Model, insecure: bool) -> UpdateCheck {
        let mut check = UpdateCheck {
            installed: bare(&model.digest),
            model: model.name,
            standing: Standing::Unknown,
            because: String::new(),
            registry: None,
            there: None,
            bytes: None,
        };
        if model.remote {
            "It runs at ollama.com, so there is nothing here to update.".clone_into(&mut check.because);
            return check;
        }
        let Ok(name) = ModelName::parse(&check.model) else {
            "Its name is none that a registry could be asked for.".clone_into(&mut check.because);
            return check;
        };
        let host = name.parts().host.to_owned();
        match self.manifest(&name, insecure).await {
            Ok(manifest) => {
                check.bytes = Some(manifest.bytes());
                let there = bare(&manifest.digest);
                (check.standing, check.because) = if there == check.installed {
                    (Standing::UpToDate, format!("{host} has the same."))
                } else {
                    (
                        Standing::Maybe,
                        format!("{host} has another, and where the installed one came from is not known."),
                    )
                };
                check.there = Some(there);
            }
            Err(RegistryError::Missing { .. }) => {
                check.because = format!("{host} has no such model for everybody; it may have been made here.");
            }
            Err(why) => check.because = format!("{why}."),
        }
        check.registry = Some(host);
        check
    }

    /// What is the registry's today is known to have come from there tomorrow. Without a memory everything else stays
    /// “maybe”.
    async fn learn(&self, checks: &mut [UpdateCheck]) {
        let Some(bench) = &self.bench else { return };
        let same: Vec<String> = checks
            .iter()
            .filter(|check| check.standing == Standing::UpToDate)
            .map(|check| check.installed.clone())
            .collect();
        let other: Vec<String> = checks
            .iter()
            .filter(|check| check.standing == Standing::Maybe)
            .map(|check| check.installed.clone())
            .collect();
        let known = bench.system.write::<_, StoreError>(move |tx| known_builds(tx, &same, &other)).await;
        match known {
            Ok(known) => {
                for check in checks.iter_mut().filter(|check| check.standing == Standing::Maybe) {
                    if known.contains(&check.installed) {
                        check.standing = Standing::Available;
                        let host = check.registry.as_deref().unwrap_or("The registry");
                        check.because = format!("{host} has another; the installed one was there before.");
                    }
                }
            }
            Err(why) => tracing::warn!(%why, "which builds came from a registry could not be looked up"),
        }
    }
}

fn bare(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_ascii_lowercase()
}
