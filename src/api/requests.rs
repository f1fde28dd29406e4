//! Requests of a moment ago, each with the spans it went through: names and times, never what it was about.

use serde::Serialize;

use super::RequestId;

/// One stretch of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// What kind of stretch: `call`, `store`, `ollama` …
    pub name: &'static str,
    /// Which operation, thread or kind of call. One of this program's own words.
    pub what: String,
    /// The place of the span around it.
    pub parent: Option<u32>,
    /// When it began, microseconds since the request did.
    pub from_us: u64,
    pub took_us: u64,
    /// Of that: waiting until it could begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One request that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Traced {
    pub request: Option<RequestId>,
    /// When it began, milliseconds since 1970, UTC.
    pub began_at: i64,
    pub took_us: u64,
    /// In the order in which they began; the first is the request itself.
    pub spans: Vec<Span>,
    /// How many spans there were beyond those.
    pub left_out: u32,
}

impl Traced {
    /// What it was, in one of this program's own words: the first operation in it.
    #[must_use]
    pub fn what(&self) -> &str {
        let call = self.spans.iter().find(|span| span.name == "call").or(self.spans.first());
        call.map_or("", |span| span.what.as_str())
    }
}
