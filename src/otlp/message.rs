//! Requests as the protocol writes them. Pure.
//!
//! The trace's number is the request's own, so that a fault, a line of the log and a trace are found by the same one.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message;
use uuid::Uuid;

use crate::api::requests::{self, Traced};

/// What sends: the program, its version, and which of its windows.
#[derive(Clone, Debug)]
pub struct Origin(Uuid);

impl Default for Origin {
    fn default() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Origin {
    /// All of them in one message. One without any asks only whether somebody is there.
    #[must_use]
    pub fn written(&self, requests: &[Traced]) -> Vec<u8> {
        let spans: Vec<Span> = requests.iter().flat_map(spans).collect();
        let resource_spans = if spans.is_empty() { Vec::new() } else { vec![self.resource(spans)] };
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    fn resource(&self, spans: Vec<Span>) -> ResourceSpans {
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource {
            attributes: vec![
                word("service.name", "ollamanet"),
                word("service.version", version),
                word("service.instance.id", &self.0.to_string()),
            ],
            ..Resource::default()
        };
        let scope = InstrumentationScope {
            name: "ollamanet".to_owned(),
            version: version.to_owned(),
            ..InstrumentationScope::default()
        };
        let scoped = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
        ResourceSpans { resource: Some(resource), scope_spans: vec![scoped], ..ResourceSpans::default() }
    }
}

fn spans(traced: &Traced) -> Vec<Span> {
    let trace = traced.request.map_or_else(Uuid::now_v7, |request| request.0);
    // Several pieces of work may belong to one request, so a span is not numbered by its place alone. The second half of
    // such a number is random.
    let base = Uuid::now_v7().as_u64_pair().1;
    let number = |place: usize| base.wrapping_add(place as u64).to_be_bytes().to_vec();
    let began = u64::try_from(traced.began_at).unwrap_or(0).saturating_mul(1_000_000);
    let at = |micros: u64| began.saturating_add(micros.saturating_mul(1000));
    let written = |(place, span): (usize, &requests::Span)| {
        let mut attributes = Vec::new();
        attributes.extend(Some(&span.what).filter(|what| !what.is_empty()).map(|what| word("ollamanet.what", what)));
        attributes.extend(span.outcome.as_ref().map(|outcome| word("ollamanet.outcome", outcome)));
        attributes.extend(span.wait_us.map(|micros| whole("ollamanet.wait_us", micros)));
        attributes.extend(span.bytes.map(|bytes| whole("ollamanet.bytes", bytes)));
        if place == 0 && traced.left_out > 0 {
            attributes.push(whole("ollamanet.spans_left_out", u64::from(traced.left_out)));
        }
        Span {
            trace_id: trace.as_bytes().to_vec(),
            span_id: number(place),
            parent_span_id: span.parent.map(|parent| number(parent as usize)).unwrap_or_default(),
            name: if span.what.is_empty() { span.name.to_owned() } else { format!("{} {}", span.name, span.what) },
            kind: if span.name == "ollama" { SpanKind::Client } else { SpanKind::Internal }.into(),
            start_time_unix_nano: at(span.from_us),
            end_time_unix_nano: at(span.from_us.saturating_add(span.took_us)),
            attributes,
            status: failed(span),
            ..Span::default()
        }
    };
    traced.spans.iter().enumerate().map(written).collect()
}

/// A call that was refused or failed, or one of Ollama that did.
fn failed(span: &requests::Span) -> Option<Status> {
    let outcome = span.outcome.as_deref()?;
    (!matches!(outcome, "ok" | "answered" | "abandoned"))
        .then(|| Status { code: StatusCode::Error.into(), message: outcome.to_owned() })
}

fn word(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn whole(key: &str, value: u64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
