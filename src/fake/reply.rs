//! What the stand-in answers: a status, headers, and parts that come out one after the other.
//!
//! A part is bytes, or a way in which real servers misbehave. Nothing here does IO.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::watch;

/// Holds an answer at one place until it is released. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { reached: watch::Sender::new(false), open: watch::Sender::new(false) }
    }
}

impl Gate {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the answer go on, now and whenever it comes here.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// Waits until an answer stands at the gate.
    pub async fn reached(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.reached.subscribe().wait_for(|reached| *reached).await;
    }

    pub(super) async fn pass(&self) {
        self.reached.send_replace(true);
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

/// Something that happens at the server when an answer comes to this point.
#[derive(Clone)]
pub struct Then(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

impl Then {
    pub(super) fn happen(&self) {
        (self.0)();
    }
}

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Part {
    /// One HTTP chunk (or one write, where the body is not chunked).
    Bytes(Vec<u8>),
    /// Silence of a certain length.
    Pause(Duration),
    /// Silence until the gate is released.
    Hold(Gate),
    /// Silence for good: only the client's leaving ends it.
    Stall,
    /// The connection ends here, without the terminating chunk.
    Cut,
    /// Once what came before has gone out.
    Then(Then),
    /// These bytes again and again until the client leaves.
    Endless(Vec<u8>),
}

impl Part {
    pub fn then(what: impl Fn() + Send + Sync + 'static) -> Self {
        Self::Then(Then(Arc::new(what)))
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Chunked,
    /// `Content-Length`, counted from the parts.
    Length,
    /// By closing, as HTTP/1.0 does.
    Close,
    /// There is no body, whatever the headers say (HEAD).
    Nothing,
}

/// An answer in full.
#[derive(Clone, Debug)]
pub struct Reply {
    /// `HTTP/1.1 200 OK`
    pub status_line: String,
    pub headers: Vec<(String, String)>,
    pub framing: Framing,
    /// What happens before the first byte.
    pub before: Vec<Part>,
    pub parts: Vec<Part>,
}

impl Reply {
    #[must_use]
    pub fn status(status: u16) -> Self {
        let reason = match status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            302 => "Found",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            _ => "Status",
        };
        Self {
            status_line: format!("HTTP/1.1 {status} {reason}"),
            headers: Vec::new(),
            framing: Framing::Length,
            before: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// One JSON object.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status)
            .header("Content-Type", "application/json; charset=utf-8")
            .part(Part::Bytes(body.to_string().into_bytes()))
    }

    /// Ollama's way to say no.
    #[must_use]
    pub fn error(status: u16, text: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": text }))
    }

    #[must_use]
    pub fn text(status: u16, kind: &str, body: &str) -> Self {
        Self::status(status).header("Content-Type", kind).part(Part::Bytes(body.as_bytes().to_vec()))
    }

    /// A stream without lines yet.
    #[must_use]
    pub fn stream() -> Self {
        let mut reply = Self::status(200).header("Content-Type", "application/x-ndjson");
        reply.framing = Framing::Chunked;
        reply
    }

    /// A stream of whole lines, one chunk each.
    #[must_use]
    pub fn lines<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Self {
        lines.into_iter().fold(Self::stream(), Self::line)
    }

    #[must_use]
    pub fn line(self, line: &Value) -> Self {
        self.part(Part::Bytes(format!("{line}\n").into_bytes()))
    }

    #[must_use]
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.part(Part::Bytes(bytes.into()))
    }

    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Something that happens before the headers.
    #[must_use]
    pub fn first(mut self, part: Part) -> Self {
        self.before.push(part);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer with its bytes cut anew by `cut`, which is given each run of bytes.
    #[must_use]
    pub fn recut(mut self, mut cut: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let mut parts = Vec::new();
        let mut run = Vec::new();
        for part in self.parts.drain(..) {
            if let Part::Bytes(bytes) = part {
                run.extend(bytes);
            } else {
                parts.extend(cut(&std::mem::take(&mut run)).into_iter().map(Part::Bytes));
                parts.push(part);
            }
        }
        parts.extend(cut(&run).into_iter().map(Part::Bytes));
        parts.retain(|part| !matches!(part, Part::Bytes(bytes) if bytes.is_empty()));
        self.parts = parts;
        self
    }

    /// The same answer one byte at a time.
    #[must_use]
    pub fn byte_by_byte(self) -> Self {
        self.recut(|bytes| bytes.iter().map(|byte| vec![*byte]).collect())
    }

    pub(super) fn length(&self) -> usize {
        self.parts.iter().map(|part| if let Part::Bytes(bytes) = part { bytes.len() } else { 0 }).sum()
    }
}
