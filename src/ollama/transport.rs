//! How bytes get there and back: one lazily made HTTP client, bounded reading, faults told apart, outcomes reported.
//!
//! Knows no route of Ollama's beyond how it answers. Invariant: each call reports exactly one outcome, also when the
//! caller walks away in the middle.

use std::{
    error::Error,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use reqwest::{Client, Method, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tracing::{Instrument, Span, field::Empty};

use super::{
    error::{OllamaError, Unreachable, classify},
    host::Address,
    ndjson::{self, Lines},
    way::{Connects, Timed, Way},
    wire::{Last, Wire},
};
use crate::trace;

/// Longest wait for a connection.
pub const CONNECT: Duration = Duration::from_secs(3);

/// Most that a single answer that is not streamed may have.
const LONGEST_BODY: usize = 64 * 1024 * 1024;

/// Most that a streamed answer may have in all: half a million of its lines.
pub const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Most that the progress of a transfer may have in all: weeks of lines.
const LONGEST_PROGRESS: u64 = 1024 * 1024 * 1024;

/// What is handed to the connection at once of a body that is in memory, bytes.
const PIECE: usize = 64 * 1024;

/// How long and how much at most.
pub(super) struct Limits {
    pub(super) connect: Duration,
    pub(super) longest_answer: u64,
}

/// Answers as they arrive. Dropping it closes the connection, which is what stops the model.
pub type Answer<T> = Pin<Box<dyn Stream<Item = Result<T, OllamaError>> + Send>>;

/// What kind of call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Chat,
    Embed,
    Manage,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embed => "embed",
            Self::Manage => "manage",
        }
    }
}

/// How a call ended, as far as the state of the server is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server works: it gave a first piece, or refused for a good reason.
    Answered,
    /// The server is in trouble.
    Failed(Trouble),
    /// The caller walked away before either was known.
    Abandoned,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed(_) => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What kind of trouble: for telling afterwards why calls were held back. Never a word of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    NotThere,
    Silent,
    BrokeOff,
    Busy,
    RunnerDied,
    Failed { status: u16 },
}

/// Hears the outcome of each call, and how long it took until that was known.
pub type Watch = Arc<dyn Fn(Kind, Outcome, Duration) + Send + Sync>;

pub(super) struct Transport {
    pub(super) address: Address,
    bearer: Option<String>,
    limits: Limits,
    watch: Option<Watch>,
    connects: Option<Connects>,
    client: OnceLock<Result<Client, OllamaError>>,
}

/// Reports the outcome of one call, at the latest when it is dropped.
pub(super) struct Report {
    kind: Kind,
    watch: Option<Watch>,
    begun: Instant,
    /// The call as a part of the request that made it.
    span: Span,
}

impl Report {
    fn answered(&mut self) {
        self.tell(Outcome::Answered);
    }

    fn failed(&mut self, error: &OllamaError) {
        self.tell(match error.trouble() {
            Some(trouble) => Outcome::Failed(trouble),
            None => Outcome::Answered,
        });
    }

    fn ended<T>(&mut self, result: &Result<T, OllamaError>) {
        match result {
            Ok(_) => self.answered(),
            Err(error) => self.failed(error),
        }
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(watch) = self.watch.take() {
            watch(self.kind, outcome, self.begun.elapsed());
            self.span.record("outcome", outcome.as_str());
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.tell(Outcome::Abandoned);
    }
}

/// What to send.
pub(super) enum Body {
    Empty,
    Json(Value),
    /// Raw bytes of a known length.
    Stream(BoxStream<'static, io::Result<Bytes>>, u64),
}

/// When something of a body was last taken to be sent.
#[derive(Clone)]
struct Moved(Arc<Mutex<Instant>>);

impl Moved {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `work` until nothing has moved for `silence`; `None` = it was given up.
    async fn wait<T>(&self, work: impl Future<Output = T>, silence: Duration) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let until = self.last() + silence;
            match tokio::time::timeout_at(until, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if self.last() + silence > until => {}
                Err(_) => return None,
            }
        }
    }
}

impl Transport {
    pub(super) fn new(
        address: Address,
        bearer: Option<String>,
        limits: Limits,
        (watch, connects): (Option<Watch>, Option<Connects>),
    ) -> Self {
        Self { address, bearer, limits, watch, connects, client: OnceLock::new() }
    }

    /// Made at the first call and not before: with TLS it costs up to 30 ms, and the start of the program has 12.
    fn client(&self) -> Result<&Client, OllamaError> {
        let made = self.client.get_or_init(|| build(&self.address, self.limits.connect, self.connects.clone()));
        made.as_ref().map_err(Clone::clone)
    }

    pub(super) fn report(&self, kind: Kind) -> Report {
        let span = trace::part(
            || tracing::info_span!(target: trace::PARTS, "ollama", what = kind.as_str(), outcome = Empty, bytes = Empty),
        );
        Report { kind, watch: self.watch.clone(), begun: Instant::now(), span }
    }

    /// Sends and waits for the headers, at most `silence` since the last piece of the body went. Any status that is no success becomes its error.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
        silence: Duration,
        way: &Way,
    ) -> Result<Response, OllamaError> {
        let response = self.send_raw(method, path, body, silence, way).await?;
        if response.status() == StatusCode::OK || response.status() == StatusCode::CREATED {
            return Ok(response);
        }
        Err(self.refusal(response, silence).await)
    }

    pub(super) async fn send_raw(
        &self,
        method: Method,
        path: &str,
        body: Body,
        silence: Duration,
        way: &Way,
    ) -> Result<Response, OllamaError> {
        let mut request = self.client()?.request(method, self.address.at(path));
        // A key is for whoever holds the certificate, never for whoever answers in the clear.
        if let Some(bearer) = self.bearer.as_ref().filter(|_| self.address.is_https()) {
            request = request.bearer_auth(bearer);
        }
        let moved = Moved::now();
        let body = match body {
            Body::Empty => None,
            Body::Json(value) => {
                request = request
                    .header(header::ACCEPT, "application/x-ndjson, application/json")
                    .header(header::CONTENT_TYPE, "application/json");
                let whole = Bytes::from(serde_json::to_vec(&value).map_err(|_| OllamaError::Broken)?);
                Some((whole.len() as u64, pieces(whole).boxed()))
            }
            Body::Stream(bytes, length) => Some((length, bytes)),
        };
        let has_body = body.is_some();
        if let Some((length, bytes)) = body {
            let (moves, goes, mut left) = (moved.clone(), way.clone(), length);
            let bytes = bytes.inspect(move |piece| {
                moves.again();
                left = left.saturating_sub(piece.as_ref().map_or(0, |piece| piece.len() as u64));
                goes.taken(left == 0);
            });
            request = request.header(header::CONTENT_LENGTH, length).body(reqwest::Body::wrap_stream(bytes));
        }
        match way.around(has_body, moved.wait(request.send(), silence)).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(self.fault(&error)),
            None => Err(OllamaError::Silent { after: silence }),
        }
    }

    /// What a status other than success means.
    async fn refusal(&self, response: Response, silence: Duration) -> OllamaError {
        let status = response.status();
        let url = || self.address.to_string();
        if status.is_redirection() {
            return OllamaError::Redirected { url: url() };
        }
        let html = is_html(&response);
        let body = match self.body(response, silence).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        if let Ok(Value::Object(fields)) = ndjson::parse::<Value>(&body)
            && let Some(error) = fields.get("error")
        {
            return classify(Some(status.as_u16()), error);
        }
        let text = String::from_utf8_lossy(&body);
        let text = text.trim();
        match status {
            StatusCode::FORBIDDEN if text.is_empty() => OllamaError::HostRefused { url: url() },
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
                if text == "404 page not found" || text == "405 method not allowed" =>
            {
                OllamaError::NotSupportedByServer
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                OllamaError::SignInNeeded { said: String::new() }
            }
            // A proxy in front of a dead or overloaded Ollama speaks HTML or nothing.
            status if status.is_server_error() => {
                let said = if html { String::new() } else { text.chars().take(500).collect() };
                OllamaError::Server { status: status.as_u16(), said }
            }
            _ => OllamaError::NotOllama { url: url() },
        }
    }

    /// The whole body, bounded.
    pub(super) async fn body(&self, mut response: Response, silence: Duration) -> Result<Bytes, OllamaError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = next_chunk(&mut response, silence).await? {
            if whole.len() + chunk.len() > LONGEST_BODY {
                return Err(OllamaError::AnswerTooLong);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// A single JSON answer.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        kind: Kind,
        method: Method,
        path: &str,
        body: Body,
        silence: Duration,
    ) -> Result<T, OllamaError> {
        let mut report = self.report(kind);
        let result = async {
            let response = self.send(method, path, body, silence, &Way::default()).await?;
            let body = self.body(response, silence).await?;
            Span::current().record("bytes", body.len() as u64);
            match ndjson::parse::<T>(&body) {
                Ok(value) => Ok(value),
                Err(_) => match ndjson::parse::<Value>(&body) {
                    Ok(Value::Object(fields)) if fields.contains_key("error") => Err(classify(None, &fields["error"])),
                    Ok(_) | Err(_) => Err(OllamaError::NotOllama { url: self.address.to_string() }),
                },
            }
        }
        .instrument(report.span.clone())
        .await;
        report.ended(&result);
        result
    }

    /// A call whose answer is its status.
    pub(super) async fn done(
        &self,
        kind: Kind,
        method: Method,
        path: &str,
        body: Body,
        silence: Duration,
    ) -> Result<StatusCode, OllamaError> {
        let mut report = self.report(kind);
        let way = Way::default();
        let sending = self.send(method, path, body, silence, &way).instrument(report.span.clone());
        let result = sending.await.map(|response| response.status());
        report.ended(&result);
        result
    }

    /// A streamed answer. Resolves when the headers are here, which is when the model has its first token.
    pub(super) async fn stream<W>(
        &self,
        kind: Kind,
        path: &str,
        body: Value,
        silence: Duration,
        way: &Way,
    ) -> Result<Answer<W::Item>, OllamaError>
    where
        W: Wire + Send + 'static,
        W::Item: Last + Send,
    {
        let mut report = self.report(kind);
        let sending = self.send(Method::POST, path, Body::Json(body), silence, way);
        let sent = sending.instrument(report.span.clone()).await;
        let response = match sent {
            Ok(response) if is_html(&response) => {
                report.answered();
                return Err(OllamaError::NotOllama { url: self.address.to_string() });
            }
            Ok(response) => response,
            Err(error) => {
                report.failed(&error);
                return Err(error);
            }
        };
        let reading = Reading::<W> {
            response,
            silence,
            longest: match kind {
                Kind::Chat | Kind::Embed => self.limits.longest_answer,
                Kind::Manage => LONGEST_PROGRESS,
            },
            lines: Lines::default(),
            url: self.address.to_string(),
            stretch: tracing::info_span!(target: trace::PARTS, parent: &report.span, "first piece"),
            report,
            seen: 0,
            given: 0,
            over: false,
            kind: std::marker::PhantomData,
        };
        Ok(Box::pin(stream::unfold(reading, |mut reading| async move {
            let item = reading.next().await?;
            Some((item, reading))
        })))
    }

    fn fault(&self, error: &reqwest::Error) -> OllamaError {
        let url = self.address.to_string();
        if error.is_connect() {
            return OllamaError::Unreachable { url, why: why(error, self.address.is_https()) };
        }
        if chain(error).any(|cause| {
            let text = cause.to_string();
            text.contains("invalid HTTP") || text.contains("message head is too large")
        }) {
            return OllamaError::NotOllama { url };
        }
        OllamaError::Broken
    }
}

/// One stream being read.
struct Reading<W> {
    response: Response,
    silence: Duration,
    /// Most bytes in all.
    longest: u64,
    lines: Lines,
    url: String,
    /// Until the first piece; then, until the last.
    stretch: Span,
    report: Report,
    seen: u64,
    /// Items handed out.
    given: u64,
    over: bool,
    kind: std::marker::PhantomData<fn() -> W>,
}

impl<W> Reading<W>
where
    W: Wire,
    W::Item: Last,
{
    /// The next item; `None` after the last one or after an error.
    async fn next(&mut self) -> Option<Result<W::Item, OllamaError>> {
        if self.over {
            return None;
        }
        let result = self.read().await;
        if self.given == 0 && !self.over {
            self.stretch = tracing::info_span!(target: trace::PARTS, parent: &self.report.span, "stream");
        }
        self.over = match &result {
            Ok(item) => item.is_last(),
            Err(_) => true,
        };
        if self.over {
            self.report.span.record("bytes", self.seen);
            self.report.ended(&result);
        } else {
            // The first piece shows that the server works; waiting for the end would hold a breaker's probe for minutes.
            self.report.answered();
            self.given += 1;
        }
        Some(result)
    }

    async fn read(&mut self) -> Result<W::Item, OllamaError> {
        loop {
            if let Some(line) = self.lines.next_line().map_err(|_| OllamaError::LineTooLong)? {
                return self.item(&line);
            }
            match next_chunk(&mut self.response, self.silence).await? {
                Some(bytes) => {
                    self.seen += bytes.len() as u64;
                    if self.seen > self.longest {
                        return Err(OllamaError::AnswerTooLong);
                    }
                    self.lines.feed(&bytes);
                }
                None => break,
            }
        }
        // Loading and unloading answer with one object that has no newline, so a last line may be whole without one.
        let Some(rest) = self.lines.rest().map_err(|_| OllamaError::LineTooLong)? else {
            return Err(OllamaError::EndedWithoutDone);
        };
        match self.item(&rest) {
            // Half a line: the server stopped in the middle of it.
            Err(OllamaError::Garbage) if rest.starts_with(b"{") => Err(OllamaError::Broken),
            item => item,
        }
    }

    fn item(&mut self, line: &[u8]) -> Result<W::Item, OllamaError> {
        let Ok(mut parsed) = ndjson::parse::<W>(line) else {
            // If the very first line is no JSON object, we do not talk to an Ollama at all.
            let foreign = self.given == 0 && !line.trim_ascii().starts_with(b"{");
            return Err(if foreign { OllamaError::NotOllama { url: self.url.clone() } } else { OllamaError::Garbage });
        };
        match parsed.error() {
            Some(error) => Err(classify(None, &error)),
            None => Ok(parsed.item()),
        }
    }
}

/// What is in memory as pieces, so that it can be seen how much of it has gone.
fn pieces(whole: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(whole, |mut rest| async move {
        (!rest.is_empty()).then(|| (Ok(rest.split_to(rest.len().min(PIECE))), rest))
    })
}

async fn next_chunk(response: &mut Response, silence: Duration) -> Result<Option<Bytes>, OllamaError> {
    match tokio::time::timeout(silence, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(_)) => Err(OllamaError::Broken),
        Err(_) => Err(OllamaError::Silent { after: silence }),
    }
}

fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

fn build(address: &Address, connect: Duration, connects: Option<Connects>) -> Result<Client, OllamaError> {
    // The second call finds it installed; both are fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("ollamanet/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .connector_layer(Timed(connects))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true);
    if address.is_loopback() {
        // `HTTP_PROXY` would carry prompts for this very machine elsewhere.
        builder = builder.no_proxy();
    }
    if !address.is_https() {
        // Without TLS there is nothing to verify, and reading the system's certificates takes its time.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|_| OllamaError::Unreachable { url: address.to_string(), why: Unreachable::Tls })
}

/// The error and its causes. An `io::Error` that wraps another error does not name it as its source, so it is opened.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| <dyn Error>::source(*error))
    })
}

fn why(error: &reqwest::Error, https: bool) -> Unreachable {
    if error.is_dns() {
        return Unreachable::Dns;
    }
    if error.is_timeout() {
        return Unreachable::TimedOut;
    }
    for cause in chain(error) {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Unreachable::Refused,
                io::ErrorKind::TimedOut => return Unreachable::TimedOut,
                // Hanging up on the first bytes of a handshake is how a server without TLS takes them.
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset if https => return Unreachable::Tls,
                _ => {}
            }
        }
    }
    Unreachable::Network
}

fn of_tls(error: &rustls::Error) -> Unreachable {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Unreachable::Certificate,
        _ => Unreachable::Tls,
    }
}
