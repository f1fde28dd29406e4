//! The client: one method per thing Ollama can be asked.
//!
//! Cheap to clone. It is not a pool and not a cache, and it never retries: only the caller knows whether asking twice is
//! right. Chat, completions and embeddings wait as long as `Settings::silence` says, since a model may load for minutes
//! before its first byte; everything else answers at once or not at all.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::models::{Model, ModelDetail};

use super::{
    error::OllamaError,
    host::Address,
    name::{Digest, ModelName},
    request::{ChatRequest, Create, EmbedRequest, GenerateRequest},
    transport::{Answer, Body, CONNECT, Kind, LONGEST_ANSWER, Limits, Transport, Watch},
    way::{Connects, Way},
    wire::{
        ChatLine, Chunk, Embedded, Embeddings, GenerateLine, Piece, Progress, ProgressLine, Resident, Show, Status,
        Tags, Usage, Version,
    },
};

/// Longest wait for an answer that Ollama has at hand.
const AT_HAND: Duration = Duration::from_secs(30);

/// Says how long the server may be silent.
pub type Silence = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How to reach the server.
#[derive(Clone)]
pub struct Settings {
    pub address: Address,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest time without a byte while a model works. Asked when a call begins.
    pub silence: Silence,
    /// Most bytes that one streamed answer may have in all.
    pub longest_answer: u64,
    /// Whether an address off this machine may be used without TLS.
    pub allow_plaintext_remote: bool,
    /// Sent as a bearer, and only over https.
    pub api_key: Option<String>,
    /// Hears how each call ended.
    pub watch: Option<Watch>,
    /// Hears how long each new connection took.
    pub connects: Option<Connects>,
}

impl Settings {
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            connect: CONNECT,
            silence: Arc::new(|| Duration::from_mins(10)),
            longest_answer: LONGEST_ANSWER,
            allow_plaintext_remote: false,
            api_key: None,
            watch: None,
            connects: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("silence", &(self.silence)())
            .finish_non_exhaustive()
    }
}

/// A connection to one Ollama server, made at the first call.
#[derive(Clone)]
pub struct Ollama(Arc<Inner>);

struct Inner {
    transport: Transport,
    silence: Silence,
    plaintext_refused: bool,
}

impl fmt::Debug for Ollama {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ollama").field(&self.address().to_string()).finish()
    }
}

impl Ollama {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings { address, connect, silence, longest_answer, allow_plaintext_remote, api_key, watch, connects } =
            settings;
        let plaintext_refused = address.is_plaintext_remote() && !allow_plaintext_remote;
        let bearer = api_key.filter(|key| !key.is_empty());
        let transport = Transport::new(address, bearer, Limits { connect, longest_answer }, (watch, connects));
        Self(Arc::new(Inner { transport, silence, plaintext_refused }))
    }

    fn silence(&self) -> Duration {
        (self.0.silence)()
    }

    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.transport.address
    }

    /// The transport, unless prompts would cross a network in the clear and nobody allowed that.
    fn way(&self) -> Result<&Transport, OllamaError> {
        if self.0.plaintext_refused {
            return Err(OllamaError::PlaintextRefused { url: self.address().to_string() });
        }
        Ok(&self.0.transport)
    }

    /// The server's version; also the way to find out whether it is there. Carries nobody's content, so it is asked even
    /// where prompts would be refused.
    pub async fn version(&self, wait: Duration) -> Result<String, OllamaError> {
        let version: Version =
            self.0.transport.json(Kind::Manage, Method::GET, "/api/version", Body::Empty, wait).await?;
        Ok(version.version)
    }

    /// Whether cloud models are turned off at the server; `None` where it is too old to say.
    pub async fn cloud_disabled(&self) -> Result<Option<bool>, OllamaError> {
        match self.way()?.json::<Status>(Kind::Manage, Method::GET, "/api/status", Body::Empty, AT_HAND).await {
            Ok(status) => Ok(Some(status.cloud.disabled)),
            Err(OllamaError::NotSupportedByServer) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Installed models, newest first. None is marked as loaded: `ps` knows.
    pub async fn tags(&self) -> Result<Vec<Model>, OllamaError> {
        let tags: Tags = self.way()?.json(Kind::Manage, Method::GET, "/api/tags", Body::Empty, AT_HAND).await?;
        Ok(tags.installed())
    }

    /// Models in memory, the last to expire first.
    pub async fn ps(&self) -> Result<Vec<Resident>, OllamaError> {
        let tags: Tags = self.way()?.json(Kind::Manage, Method::GET, "/api/ps", Body::Empty, AT_HAND).await?;
        Ok(tags.resident())
    }

    pub async fn show(&self, model: &str) -> Result<ModelDetail, OllamaError> {
        let body = Body::Json(json!({ "model": model }));
        let show: Show = self.way()?.json(Kind::Manage, Method::POST, "/api/show", body, AT_HAND).await?;
        Ok(show.detail(model))
    }

    /// Begins an answer. Resolves with the first token: loading, waiting in line and reading the prompt come before.
    pub async fn chat(&self, request: &ChatRequest) -> Result<Answer<Chunk>, OllamaError> {
        self.chat_followed(request, &Way::default()).await
    }

    /// The same; `way` tells where it is, and what each leg of it took.
    ///
    /// # Errors
    /// As `chat`.
    pub async fn chat_followed(&self, request: &ChatRequest, way: &Way) -> Result<Answer<Chunk>, OllamaError> {
        self.way()?.stream::<ChatLine>(Kind::Chat, "/api/chat", request.body(true), self.silence(), way).await
    }

    /// A whole answer at once.
    ///
    /// # Errors
    /// As `chat`; `EndedWithoutDone` when the server broke the answer off without saying why.
    pub async fn chat_whole(&self, request: &ChatRequest) -> Result<Chunk, OllamaError> {
        let body = Body::Json(request.body(false));
        let line: ChatLine = self.way()?.json(Kind::Chat, Method::POST, "/api/chat", body, self.silence()).await?;
        let chunk = whole(line)?;
        if chunk.done.is_none() { Err(OllamaError::EndedWithoutDone) } else { Ok(chunk) }
    }

    /// Begins a completion.
    pub async fn generate(&self, request: &GenerateRequest) -> Result<Answer<Piece>, OllamaError> {
        self.way()?
            .stream::<GenerateLine>(Kind::Chat, "/api/generate", request.body(true), self.silence(), &Way::default())
            .await
    }

    /// A whole completion at once.
    pub async fn generate_whole(&self, request: &GenerateRequest) -> Result<Piece, OllamaError> {
        let body = Body::Json(request.body(false));
        let line: GenerateLine =
            self.way()?.json(Kind::Chat, Method::POST, "/api/generate", body, self.silence()).await?;
        let piece = whole(line)?;
        if piece.done.is_none() { Err(OllamaError::EndedWithoutDone) } else { Ok(piece) }
    }

    pub async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, OllamaError> {
        let body = Body::Json(request.body());
        let embedded: Embedded =
            self.way()?.json(Kind::Embed, Method::POST, "/api/embed", body, self.silence()).await?;
        let usage = Usage {
            total_ns: embedded.total_duration,
            load_ns: embedded.load_duration,
            prompt_tokens: embedded.prompt_eval_count,
            ..Usage::default()
        };
        Ok(Embeddings { vectors: embedded.embeddings, usage })
    }

    /// Downloads a model. Dropping the stream cancels; pulling again goes on where it stopped.
    /// `insecure`: its registry may be asked in the clear.
    pub async fn pull(&self, model: &ModelName, insecure: bool) -> Result<Answer<Progress>, OllamaError> {
        self.progress("/api/pull", transfer(model, insecure)).await
    }

    /// Uploads a model to its registry.
    pub async fn push(&self, model: &ModelName, insecure: bool) -> Result<Answer<Progress>, OllamaError> {
        self.progress("/api/push", transfer(model, insecure)).await
    }

    /// Makes a model.
    pub async fn create(&self, create: &Create) -> Result<Answer<Progress>, OllamaError> {
        self.progress("/api/create", create.body()).await
    }

    async fn progress(&self, path: &str, body: Value) -> Result<Answer<Progress>, OllamaError> {
        self.way()?.stream::<ProgressLine>(Kind::Manage, path, body, self.silence(), &Way::default()).await
    }

    pub async fn copy(&self, source: &str, destination: &ModelName) -> Result<(), OllamaError> {
        let body = Body::Json(json!({ "source": source, "destination": destination.as_str() }));
        self.way()?.done(Kind::Manage, Method::POST, "/api/copy", body, AT_HAND).await.map(drop)
    }

    pub async fn delete(&self, model: &str) -> Result<(), OllamaError> {
        let body = Body::Json(json!({ "model": model }));
        self.way()?.done(Kind::Manage, Method::DELETE, "/api/delete", body, AT_HAND).await.map(drop)
    }

    /// Whether a blob is at the server.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, OllamaError> {
        let way = self.way()?;
        let path = format!("/api/blobs/{}", digest.as_str());
        let response = way.send_raw(Method::HEAD, &path, Body::Empty, AT_HAND, &Way::default()).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            StatusCode::BAD_REQUEST => Err(OllamaError::BadDigest { said: String::new() }),
            StatusCode::FORBIDDEN => Err(OllamaError::HostRefused { url: self.address().to_string() }),
            status if status.is_redirection() => Err(OllamaError::Redirected { url: self.address().to_string() }),
            status => Err(OllamaError::Server { status: status.as_u16(), said: String::new() }),
        }
    }

    /// Uploads a blob of `length` bytes, for as long as something of it moves. `true` = it is new there.
    pub async fn upload_blob<S>(&self, digest: &Digest, length: u64, bytes: S) -> Result<bool, OllamaError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let path = format!("/api/blobs/{}", digest.as_str());
        let body = Body::Stream(bytes.boxed(), length);
        let status = self.way()?.done(Kind::Manage, Method::POST, &path, body, self.silence()).await?;
        Ok(status == StatusCode::CREATED)
    }
}

fn transfer(model: &ModelName, insecure: bool) -> Value {
    let mut body = json!({ "model": model.as_str(), "stream": true });
    if insecure {
        body["insecure"] = json!(true);
    }
    body
}

fn whole<W: super::wire::Wire>(mut line: W) -> Result<W::Item, OllamaError> {
    match line.error() {
        Some(error) => Err(super::error::classify(None, &error)),
        None => Ok(line.item()),
    }
}
