//! What a registry tells of a model before it is downloaded: exact sizes and the digest it will have.
//!
//! It is asked only because somebody wanted to know, without credentials, for a short time, and without being sent
//! elsewhere. Downloading is Ollama's own business. The protocol is that of container registries: `GET
//! https://HOST/v2/NAMESPACE/MODEL/manifests/TAG`; what a model takes is its config and its layers together, as Ollama's
//! `manifest.Size` counts it.

use std::{sync::OnceLock, time::Duration};

use bytes::BytesMut;
use reqwest::{Client, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::name::ModelName;

/// Longest wait for the whole answer.
const WITHIN: Duration = Duration::from_secs(10);
/// A manifest is a few kilobytes.
const LONGEST: usize = 4 * 1024 * 1024;
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A model as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// SHA-256 of the manifest's bytes, hexadecimal: what Ollama lists as the model's digest.
    pub digest: String,
    /// Digest and bytes of the config and each layer, each digest once.
    pub layers: Vec<(String, u64)>,
}

impl Manifest {
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(|(_, bytes)| bytes).fold(0, |all, bytes| all.saturating_add(*bytes))
    }
}

/// Why the registry did not tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("{host} cannot be reached")]
    Unreachable { host: String },
    #[error("{host} did not answer in time")]
    Silent { host: String },
    /// Missing or private; a registry says neither.
    #[error("{host} has no such model for everybody")]
    Missing { host: String },
    #[error("{host} sends its callers elsewhere")]
    Redirected { host: String },
    #[error("{host} answered with status {status}")]
    Refused { host: String, status: u16 },
    #[error("what {host} answers is no manifest")]
    Garbage { host: String },
}

/// Asks registries. Makes its connection at the first question.
#[derive(Debug, Default)]
pub struct Registry(OnceLock<Option<Client>>);

#[derive(Deserialize)]
struct Wire {
    config: Blob,
    #[serde(default)]
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    digest: String,
    size: u64,
}

impl Registry {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `insecure`: in the clear, because somebody has agreed to that.
    ///
    /// # Errors
    /// The registry cannot be asked, or does not tell.
    pub async fn manifest(&self, model: &ModelName, insecure: bool) -> Result<Manifest, RegistryError> {
        let parts = model.parts();
        let host = || parts.host.to_owned();
        let client = self.0.get_or_init(build).as_ref().ok_or_else(|| RegistryError::Unreachable { host: host() })?;
        let scheme = if insecure { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{}/{}/manifests/{}", parts.host, parts.namespace, parts.model, parts.tag);
        let asking = async {
            let answer = client.get(url).header(header::ACCEPT, MANIFEST).send().await.map_err(|error| {
                if error.is_timeout() {
                    RegistryError::Silent { host: host() }
                } else {
                    RegistryError::Unreachable { host: host() }
                }
            })?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(RegistryError::Missing { host: host() });
                }
                status if status.is_redirection() => return Err(RegistryError::Redirected { host: host() }),
                status => return Err(RegistryError::Refused { host: host(), status: status.as_u16() }),
            }
            read(answer, parts.host).await
        };
        tokio::time::timeout(WITHIN, asking).await.unwrap_or_else(|_| Err(RegistryError::Silent { host: host() }))
    }
}

async fn read(mut answer: reqwest::Response, host: &str) -> Result<Manifest, RegistryError> {
    let garbage = || RegistryError::Garbage { host: host.to_owned() };
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| RegistryError::Unreachable { host: host.to_owned() })? {
        if body.len() + chunk.len() > LONGEST {
            return Err(garbage());
        }
        body.extend_from_slice(&chunk);
    }
    let wire: Wire = serde_json::from_slice(&body).map_err(|_| garbage())?;
    let mut layers: Vec<(String, u64)> = Vec::new();
    for Blob { digest, size } in wire.layers.into_iter().chain([wire.config]) {
        if !layers.iter().any(|(known, _)| *known == digest) {
            layers.push((digest, size));
        }
    }
    Ok(Manifest { digest: hex::encode(Sha256::digest(&body)), layers })
}

fn build() -> Option<Client> {
    // The second call finds it installed; both are fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("ollamanet/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{Fake, Reply},
        tasks::Tasks,
    };

    const BODY: &str = r#"{"schemaVersion":2,"mediaType":"x","config":{"digest":"sha256:c","size":7},
        "layers":[{"digest":"sha256:a","size":1000},{"digest":"sha256:b","size":20},{"digest":"sha256:a","size":1000}]}"#;

    async fn asked(reply: Reply) -> (Vec<String>, Result<Manifest, RegistryError>) {
        let tasks = Tasks::new();
        let fake = Fake::start(&tasks, move |_| Some(reply.clone())).await.unwrap();
        let host = fake.url().replace("http://", "");
        let name = ModelName::parse(&format!("{host}/library/tiny:2b")).unwrap();
        let told = Registry::new().manifest(&name, true).await;
        (fake.requests().into_iter().map(|seen| seen.path).collect(), told)
    }

    #[tokio::test]
    async fn a_manifest_tells_the_size_and_the_digest_that_the_model_will_have() {
        let (paths, told) = asked(Reply::text(200, "text/plain", BODY)).await;
        assert_eq!(paths, ["/v2/library/tiny/manifests/2b"]);
        let told = told.unwrap();
        assert_eq!(told.bytes(), 1027, "a layer that is there twice is fetched once");
        assert_eq!(told.digest, hex::encode(Sha256::digest(BODY.as_bytes())));
        assert_eq!(told.digest.len(), 64);
    }

    #[tokio::test]
    async fn a_registry_that_does_not_tell_says_why() {
        let kind = |told: Result<Manifest, RegistryError>| told.unwrap_err();
        let missing = |error| matches!(error, RegistryError::Missing { .. });
        assert!(missing(kind(asked(Reply::status(404)).await.1)));
        assert!(missing(kind(asked(Reply::status(401)).await.1)));
        let (paths, told) = asked(Reply::status(302).header("Location", "http://127.0.0.1:1/elsewhere")).await;
        assert!(matches!(kind(told), RegistryError::Redirected { .. }) && paths.len() == 1, "nobody follows");
        assert!(matches!(kind(asked(Reply::text(200, "x", "<html>")).await.1), RegistryError::Garbage { .. }));
        assert!(matches!(kind(asked(Reply::status(500)).await.1), RegistryError::Refused { status: 500, .. }));
    }

    #[tokio::test]
    async fn nothing_is_asked_in_the_clear_unless_somebody_agreed() {
        let tasks = Tasks::new();
        let fake = Fake::start(&tasks, |_| Some(Reply::text(200, "x", BODY))).await.unwrap();
        let host = fake.url().replace("http://", "");
        let name = ModelName::parse(&format!("{host}/library/tiny")).unwrap();
        let told = Registry::new().manifest(&name, false).await;
        assert!(matches!(told, Err(RegistryError::Unreachable { .. })), "{told:?}");
        assert!(fake.requests().is_empty());
    }
}
