//! The line of what waits to be sent, and the one task that sends it: a bit gathered, one message at a time, and what was
//! not taken tried again after a while that grows.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::{Client, Response, StatusCode, header, redirect};
use tokio::{
    sync::{Mutex as Held, mpsc},
    time::{sleep, timeout},
};

use super::{LAST, Standing, message::Origin};
use crate::{api::requests::Traced, config::collector::Collector};

/// Requests that may wait; of an ordinary one that is a kilobyte, of the largest ten.
pub(super) const ROOM: usize = 512;
/// Requests in one message.
const AT_ONCE: usize = 100;
/// How long the first of a message waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// Longest that one attempt takes, the answer's body included.
const WITHIN: Duration = Duration::from_secs(5);
/// The same where only somebody asks whether it is there: a health check has three seconds in all.
const LOOK: Duration = Duration::from_secs(2);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// After an attempt that failed; twice as long each time, up to the second one.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Most that is read of an answer.
const LONGEST_ANSWER: usize = 64 * 1024;
/// Letters of the collector's own words that are kept.
const LONGEST_WORDS: usize = 200;

pub(super) struct Sender {
    post: Post,
    origin: Origin,
    inbox: mpsc::WeakSender<Traced>,
    /// Requests that have left the inbox and are not sent.
    in_hand: AtomicU64,
    line: Held<Line>,
}

struct Line {
    inbox: mpsc::Receiver<Traced>,
    gathered: Vec<Traced>,
    message: Option<Written>,
}

/// A message is written once, so that a collector that got it twice can tell.
struct Written {
    bytes: Bytes,
    requests: u64,
}

/// What became of a message.
enum Answer {
    Taken,
    /// Taken but for some of it.
    InPart(String),
    /// It would not be taken another time either.
    Refused(String),
    /// Perhaps after a while, of at least so long.
    NotNow(String, Duration),
}

impl Sender {
    pub(super) fn new(collector: &Collector) -> (Self, mpsc::Sender<Traced>) {
        let (sender, inbox) = mpsc::channel(ROOM);
        let this = Self {
            post: Post::new(collector),
            origin: Origin::default(),
            inbox: sender.downgrade(),
            in_hand: AtomicU64::new(0),
            line: Held::new(Line { inbox, gathered: Vec::new(), message: None }),
        };
        (this, sender)
    }

    /// Requests that are not sent yet.
    pub(super) fn waiting(&self) -> u64 {
        let in_line = self.inbox.upgrade().map_or(0, |inbox| inbox.max_capacity() - inbox.capacity());
        in_line as u64 + self.in_hand.load(Ordering::Relaxed)
    }

    /// Sends what comes, until it is dropped.
    pub(super) async fn go_on(&self, standing: &Mutex<Standing>) {
        let mut line = self.line.lock().await;
        let mut pause = AGAIN.0;
        loop {
            if line.message.is_none() {
                if line.gathered.is_empty() {
                    let Some(first) = line.inbox.recv().await else { return };
                    line.gathered.push(first);
                    self.in_hand.fetch_add(1, Ordering::Relaxed);
                }
                sleep(GATHER).await;
            }
            match self.send_next(&mut line, standing).await {
                Some(at_least) => {
                    sleep(pause.max(at_least)).await;
                    pause = (pause * 2).min(AGAIN.1);
                }
                None => pause = AGAIN.0,
            }
        }
    }

    /// What is still there, as long as the end may take; what is left then is lost.
    pub(super) async fn end(&self, standing: &Mutex<Standing>) {
        // Its task did not end in time, and still holds it.
        let Ok(mut line) = self.line.try_lock() else { return };
        let rest = async {
            while line.message.is_some() || !line.gathered.is_empty() || !line.inbox.is_empty() {
                if self.send_next(&mut line, standing).await.is_some() {
                    break;
                }
            }
        };
        // One that does not answer is given up.
        let _ = timeout(LAST, rest).await;
        drop(line);
        let lost = self.waiting();
        if lost > 0 {
            lock(standing).dropped += lost;
            tracing::warn!(lost, "the program ended before all traces were sent");
        }
    }

    /// Asks with an empty message whether the collector is there.
    pub(super) async fn look(&self, standing: &Mutex<Standing>) {
        let asking = self.post.send(Bytes::from(self.origin.written(&[])));
        let answer = timeout(LOOK, asking)
            .await
            .unwrap_or_else(|_| Answer::NotNow(format!("no answer within {} s", LOOK.as_secs()), Duration::ZERO));
        note(standing, &answer, 0);
    }

    /// One message. `Some` = it was not taken, and is to be tried again after at least so long.
    async fn send_next(&self, line: &mut Line, standing: &Mutex<Standing>) -> Option<Duration> {
        while line.message.is_none() && line.gathered.len() < AT_ONCE {
            let Ok(next) = line.inbox.try_recv() else { break };
            line.gathered.push(next);
            self.in_hand.fetch_add(1, Ordering::Relaxed);
        }
        let written = line.message.get_or_insert_with(|| {
            let requests = std::mem::take(&mut line.gathered);
            Written { bytes: self.origin.written(&requests).into(), requests: requests.len() as u64 }
        });
        let answer = self.post.send(written.bytes.clone()).await;
        note(standing, &answer, written.requests);
        match answer {
            Answer::Taken | Answer::InPart(_) | Answer::Refused(_) => {
                self.in_hand.fetch_sub(written.requests, Ordering::Relaxed);
                line.message = None;
                None
            }
            Answer::NotNow(_, at_least) => Some(at_least),
        }
    }
}

/// Notes what became of so many requests. The log has the change only, and none of the collector's words.
fn note(standing: &Mutex<Standing>, answer: &Answer, requests: u64) {
    let mut standing = lock(standing);
    let was_well = standing.error.is_none();
    standing.was_asked = true;
    standing.error = match answer {
        Answer::Taken => None,
        Answer::InPart(why) | Answer::Refused(why) | Answer::NotNow(why, _) => Some(why.clone()),
    };
    match answer {
        Answer::Taken | Answer::InPart(_) => standing.sent += requests,
        Answer::Refused(_) => standing.dropped += requests,
        Answer::NotNow(..) => {}
    }
    match (was_well, standing.error.is_none()) {
        (true, false) => tracing::warn!("the collector does not take traces; `ollamanet health` tells why"),
        (false, true) => tracing::info!("the collector takes traces again"),
        (true, true) | (false, false) => {}
    }
}

/// How a message gets there.
struct Post {
    url: String,
    is_loopback: bool,
    is_https: bool,
    client: OnceLock<Option<Client>>,
}

impl Post {
    fn new(collector: &Collector) -> Self {
        Self {
            url: collector.traces(),
            is_loopback: collector.is_loopback(),
            is_https: collector.is_https(),
            client: OnceLock::new(),
        }
    }

    async fn send(&self, bytes: Bytes) -> Answer {
        let Some(client) = self.client.get_or_init(|| self.build()) else {
            return Answer::Refused("this machine's certificates could not be read".to_owned());
        };
        let request = client.post(&self.url).header(header::CONTENT_TYPE, "application/x-protobuf").body(bytes);
        match request.send().await {
            Ok(response) => understood(response).await,
            Err(error) => Answer::NotNow(why(&error), Duration::ZERO),
        }
    }

    fn build(&self) -> Option<Client> {
        // The second call finds it installed; both are fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("ollamanet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(WITHIN)
            // Nobody but the collector that is set gets anything.
            .redirect(redirect::Policy::none());
        if self.is_loopback {
            // `HTTP_PROXY` would carry it off this machine.
            builder = builder.no_proxy();
        }
        if !self.is_https {
            builder = builder.tls_certs_only([]);
        }
        builder.build().ok()
    }
}

async fn understood(response: Response) -> Answer {
    let status = response.status();
    if status.is_success() {
        return match said(response).await {
            None => Answer::Taken,
            Some(why) => Answer::InPart(why),
        };
    }
    let why = format!("it answered with status {}", status.as_u16());
    // Those that the protocol lets be tried again.
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let named = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = named.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
            Answer::NotNow(why, Duration::from_secs(seconds).min(AGAIN.1))
        }
        _ => Answer::Refused(why),
    }
}

/// What it did not take, in its words; a body that is none of the protocol's is no reason to doubt the status.
async fn said(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    let part = ExportTraceServiceResponse::decode(body.as_slice()).ok()?.partial_success?;
    let words: String = part.error_message.chars().take(LONGEST_WORDS).collect();
    (part.rejected_spans > 0).then(|| format!("it refused {} steps: {words}", part.rejected_spans))
}

fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        format!("no answer within {} s", WITHIN.as_secs())
    } else if error.is_connect() {
        "nothing takes connections there".to_owned()
    } else {
        "the connection broke off".to_owned()
    }
}

fn lock(standing: &Mutex<Standing>) -> std::sync::MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}
