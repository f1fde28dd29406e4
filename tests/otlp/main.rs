//! Traces that are sent to a collector: by the real program, and what becomes of them when the collector is none.
//!
//! A binary of its own, built with the feature `otel` alone: the suite would have to be built a second time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    dead_code,
    reason = "a test that cannot go on should say where, and not all that tests have in common is needed here"
)]

#[path = "../suite/common/mod.rs"]
mod common;

use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};

use common::{
    stage::{Done, Stage, finish},
    until,
};
use ollamanet::{
    api::{
        RequestId,
        requests::{self, Traced},
    },
    config::TraceConfig,
    fake::{Fake, Part, Reply, Seen},
    otlp::{Export, Standing, message::Origin},
    tasks::Tasks,
    trace::{self, Ring},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::any_value::Value,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message;
use tracing_subscriber::layer::SubscriberExt as _;

/// Said in a prompt, and nowhere but in the vault ever after.
const CANARY: &str = "canary-of-the-coal-mine";

async fn collector(tasks: &Tasks, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Fake {
    Fake::start(tasks, move |seen| Some(answer(seen))).await.unwrap()
}

/// What a collector says that took everything.
fn taken() -> Reply {
    Reply::status(200).header("Content-Type", "application/x-protobuf")
}

fn spans(seen: &[Seen]) -> Vec<Span> {
    let read = |seen: &Seen| {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/traces"));
        assert_eq!(seen.header("content-type"), Some("application/x-protobuf"));
        ExportTraceServiceRequest::decode(seen.body.as_slice()).unwrap()
    };
    let messages = seen.iter().map(read);
    let scoped = messages.flat_map(|message| message.resource_spans).flat_map(|resource| resource.scope_spans);
    scoped.flat_map(|scope| scope.spans).collect()
}

fn word(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

async fn exporting(stage: &Stage, to: &str, args: &[&str]) -> Done {
    let mut command = stage.command(args);
    command.env("OLLAMANET_TRACE_EXPORT", to);
    finish(command.stdin(Stdio::null()).spawn().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_did_is_a_trace_of_names_and_times_and_nothing_that_was_said() {
    let (stage, tasks) = (Stage::signed_in().await, Tasks::new());
    let collector = collector(&tasks, |_| taken()).await;
    let done = exporting(&stage, &collector.url(), &["ask", CANARY]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let seen = collector.requests();
    let all = spans(&seen);
    let asked = all.iter().find(|span| span.name == "call turns.start").expect("the question is there");
    let trace: Vec<&Span> = all.iter().filter(|span| span.trace_id == asked.trace_id).collect();
    let of = |name: &str| {
        trace.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} is missing: {trace:#?}"))
    };
    let (root, ollama, stream) = (of("request command"), of("ollama chat"), of("stream"));
    assert_eq!(root.parent_span_id, Vec::<u8>::new());
    assert_eq!((&asked.parent_span_id, &ollama.parent_span_id), (&root.span_id, &asked.span_id));
    assert_eq!(stream.parent_span_id, ollama.span_id);
    let mut writes = trace.iter().filter(|span| span.name == "store vault write");
    assert!(writes.any(|span| span.parent_span_id == asked.span_id), "{trace:#?}");
    assert_eq!(word(asked, "ollamanet.outcome").as_deref(), Some("ok"));
    assert_eq!(word(ollama, "ollamanet.outcome").as_deref(), Some("answered"));
    // One request's spans lie within it, and each has a number of its own.
    for span in &trace {
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano, "{span:?}");
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano && span.end_time_unix_nano > 0, "{span:?}");
    }
    assert!(asked.end_time_unix_nano > asked.start_time_unix_nano, "it took its time");
    let numbers: BTreeSet<_> = all.iter().map(|span| span.span_id.clone()).collect();
    assert_eq!((numbers.len(), numbers.iter().all(|number| number.len() == 8)), (all.len(), true));

    // The trace has the number that the answer names its request by.
    let why = stage.json(&["conversations", "why", "last"]).await;
    let request = why["request"].as_str().unwrap().replace('-', "");
    assert_eq!(hex::encode(asked.trace_id.as_slice()), request);

    for said in [CANARY, "alice", "demo-chat"] {
        let is_there = seen.iter().any(|seen| seen.body.windows(said.len()).any(|bytes| bytes == said.as_bytes()));
        assert!(!is_there, "{said} left the program");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_or_does_not_answer_is_told_and_keeps_no_command_up() {
    let (stage, tasks) = (Stage::signed_in().await, Tasks::new());
    let deaf = Fake::start(&tasks, |_| Some(Reply { before: vec![Part::Stall], ..Reply::status(200) })).await.unwrap();
    let began = Instant::now();
    let without = stage.run(&["conversations", "list"]).await;
    let usual = began.elapsed();
    let began = Instant::now();
    let with = exporting(&stage, &deaf.url(), &["conversations", "list"]).await;
    assert_eq!((with.code, &with.out, &with.err), (without.code, &without.out, &without.err));
    // The wait at the end, and a machine that is busy.
    assert!(began.elapsed() < usual * 3 + Duration::from_secs(4), "{:?} against {usual:?}", began.elapsed());
    assert!(!deaf.requests().is_empty(), "it was really asked");

    let nobody = exporting(&stage, "http://127.0.0.1:1", &["doctor"]).await;
    let line = finding(&nobody);
    assert!(line.contains("http://127.0.0.1:1 does not take traces: nothing takes connections there"), "{line}");
    let hangs = exporting(&stage, &deaf.url(), &["doctor"]).await;
    let line = finding(&hangs);
    assert!(line.contains("does not take traces: no answer within 2 s"), "{line}");
    let there = collector(&tasks, |_| taken()).await;
    let well = exporting(&stage, &there.url(), &["doctor"]).await;
    let line = finding(&well);
    assert!(line.starts_with("ok") && line.contains(&format!("sent to {}", there.url())), "{line}");
    assert!(there.requests().iter().all(|seen| seen.path == "/v1/traces"));
}

/// What a doctor says of traces.
fn finding(done: &Done) -> String {
    let is_it = |line: &&str| line.split_whitespace().nth(1) == Some("traces");
    done.out.lines().find(is_it).unwrap_or_else(|| panic!("{done:?}")).to_owned()
}

/// The export of this process, and requests made by hand.
struct Sending {
    tasks: Tasks,
    export: Export,
    ring: Ring,
}

impl Sending {
    fn to(url: &str) -> Self {
        let (tasks, ring) = (Tasks::new(), Ring::of(10));
        let config = TraceConfig { export: url.to_owned(), ..TraceConfig::default() };
        let export = Export::begin(&config, &ring, &tasks);
        Self { tasks, export, ring }
    }

    fn requests(&self, count: u64) {
        let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(self.ring.layer()));
        for _ in 0..count {
            drop(tracing::info_span!(target: trace::CALLS, "call", what = "notes.list"));
        }
    }

    fn standing(&self) -> Standing {
        self.export.standing().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_sent_again_and_what_was_not_wanted_is_not() {
    let tasks = Tasks::new();
    let fake = collector(&tasks, |_| Reply::status(503)).await;
    let traced = Sending::to(&fake.url());
    traced.requests(3);
    until("it is told", || traced.standing().error.is_some()).await;
    let standing = traced.standing();
    assert_eq!((standing.sent, standing.dropped, standing.waiting), (0, 0, 3), "{standing:?}");
    assert_eq!(standing.error.as_deref(), Some("it answered with status 503"));
    fake.answer(|_| Some(taken()));
    until("they are sent", || traced.standing().sent == 3).await;
    assert_eq!((traced.standing().error, traced.standing().waiting), (None, 0));
    let seen = fake.requests();
    assert_eq!(seen[0].body, seen.last().unwrap().body, "the same message, so that a collector sees that it is");

    fake.answer(|_| Some(Reply::status(400)));
    traced.requests(2);
    until("they are dropped", || traced.standing().dropped == 2).await;
    let part = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans: 1, error_message: "too long".to_owned() }),
    };
    fake.answer(move |_| Some(taken().part(Part::Bytes(part.encode_to_vec()))));
    traced.requests(1);
    until("it is taken in part", || traced.standing().sent == 4).await;
    assert_eq!(traced.standing().error.as_deref(), Some("it refused 1 steps: too long"));
    traced.tasks.stop(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_requests_nor_the_end_and_what_it_misses_is_counted() {
    let tasks = Tasks::new();
    let deaf = Fake::start(&tasks, |_| Some(Reply { before: vec![Part::Stall], ..Reply::status(200) })).await.unwrap();
    let traced = Sending::to(&deaf.url());
    traced.requests(1);
    deaf.requested(1).await;
    // More than wait: whoever makes them is not kept waiting, and what finds no room is counted.
    traced.requests(2000);
    let standing = traced.standing();
    assert_eq!(standing.waiting + standing.dropped, 2001, "{standing:?}");
    assert!(standing.dropped > 1000 && standing.sent == 0, "{standing:?}");
    let began = Instant::now();
    assert_eq!(traced.tasks.stop(Duration::from_secs(20)).await, Vec::<String>::new());
    traced.export.end().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(traced.standing().dropped, 2001, "{:?}", traced.standing());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_yet_is_sent_at_the_end() {
    let tasks = Tasks::new();
    let fake = collector(&tasks, |_| taken()).await;
    let traced = Sending::to(&fake.url());
    traced.requests(250);
    traced.tasks.stop(Duration::from_secs(20)).await;
    traced.export.end().await;
    assert_eq!(spans(&fake.requests()).len(), 250);
    let standing = traced.standing();
    assert_eq!((standing.sent, standing.dropped, standing.waiting), (250, 0, 0), "{standing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let tasks = Tasks::new();
    let elsewhere = collector(&tasks, |_| taken()).await;
    let to = elsewhere.url();
    let fake = collector(&tasks, move |_| Reply::status(302).header("Location", &format!("{to}/v1/traces"))).await;
    let traced = Sending::to(&fake.url());
    traced.requests(1);
    until("it is told", || traced.standing().dropped == 1).await;
    assert_eq!(elsewhere.requests().len(), 0);
    traced.tasks.stop(Duration::from_secs(20)).await;
}

fn step(name: &'static str, what: &str, parent: Option<u32>, outcome: Option<&str>) -> requests::Span {
    requests::Span {
        name,
        what: what.to_owned(),
        parent,
        from_us: 1500,
        took_us: 250,
        wait_us: None,
        outcome: outcome.map(str::to_owned),
        bytes: None,
    }
}

#[test]
fn a_request_is_a_trace_of_its_own_number_with_its_spans_below_each_other() {
    let request = RequestId::new();
    let steps = vec![
        step("request", "key", None, None),
        step("call", "turns.start", Some(0), Some("denied")),
        requests::Span { wait_us: Some(7), bytes: Some(90), ..step("ollama", "chat", Some(1), Some("answered")) },
    ];
    let traced =
        Traced { request: Some(request), began_at: 1_790_000_000_000, took_us: 2000, spans: steps, left_out: 3 };
    let bytes = Origin::default().written(&[traced.clone(), traced]);
    let read = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    let spans = &read.resource_spans[0].scope_spans[0].spans;
    assert_eq!(spans.len(), 6);
    let numbers: BTreeSet<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    assert_eq!(numbers.len(), 6, "also of two pieces of one request, each has its own");
    assert!(spans.iter().all(|span| span.trace_id == request.0.as_bytes() && span.span_id.len() == 8));
    let parents = [&spans[0], &spans[1], &spans[2]].map(|span| span.parent_span_id.clone());
    assert_eq!(parents, [Vec::new(), spans[0].span_id.clone(), spans[1].span_id.clone()]);
    assert_eq!([0, 1, 2].map(|n| spans[n].name.as_str()), ["request key", "call turns.start", "ollama chat"]);
    let begun = 1_790_000_000_001_500_000;
    assert_eq!((spans[2].start_time_unix_nano, spans[2].end_time_unix_nano), (begun, begun + 250_000));
    assert_eq!(spans[1].status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    assert_eq!((&spans[0].status, &spans[2].status), (&None, &None));
    let keys = |span: &Span| span.attributes.iter().map(|one| one.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&spans[0]), ["ollamanet.what", "ollamanet.spans_left_out"]);
    assert_eq!(keys(&spans[2]), ["ollamanet.what", "ollamanet.outcome", "ollamanet.wait_us", "ollamanet.bytes"]);
    assert!(Origin::default().written(&[]).is_empty(), "a question whether somebody is there has nothing in it");
}
