//! The table itself: what is counted, and in which steps.

use super::{Kind, Label, Metric, STEPS, Spec, Unit};
use crate::api::{FaultKind, reports::FailedAs};

const CLASS: Label = Label { name: "class", values: &["chat", "auth", "admin", "read", "write", "free"] };
const CALL_OUTCOME: Label = Label { name: "outcome", values: &["ok", "refused", "limited", "failed"] };
const WHY_REFUSED: Label = Label { name: "why", values: &["wrong", "too_often"] };
const LANE: Label =
    Label { name: "lane", values: &["system_write", "system_read", "vault_write", "vault_read", "search"] };
const CACHE: Label = Label { name: "cache", values: &["lists", "details", "facts"] };
const OLLAMA_KIND: Label = Label { name: "kind", values: &["chat", "embed", "manage"] };
const OLLAMA_OUTCOME: Label = Label { name: "outcome", values: &["answered", "failed", "abandoned"] };
const ANSWER_STATE: Label = Label { name: "state", values: &["done", "length", "stopped", "interrupted", "failed"] };
const TOKENS_OF: Label = Label { name: "of", values: &["prompt", "answer"] };
const JOB_OUTCOME: Label = Label { name: "outcome", values: &["done", "failed", "put", "again"] };
const FAILED_AS: Label = Label { name: "as", values: &[FailedAs::Question.as_str(), FailedAs::Answer.as_str()] };
const FAULTS: [&str; FaultKind::ALL.len()] = {
    let (mut names, mut at) = ([""; FaultKind::ALL.len()], 0);
    while at < names.len() {
        names[at] = FaultKind::ALL[at].as_str();
        at += 1;
    }
    names
};
const FAULT: Label = Label { name: "kind", values: &FAULTS };

/// All of them, in the order in which they are shown.
pub const TABLE: &[Spec] = &[
    Spec {
        metric: Metric::Calls,
        name: "ollamanet_calls_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CLASS, CALL_OUTCOME],
        help: "Calls through the gateway, by class of operation and how they ended; limited = too many in a short time.",
    },
    Spec {
        metric: Metric::CallTime,
        name: "ollamanet_call_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[CLASS],
        help: "Time of a call from the gate to its end. An answer goes on after its call.",
    },
    Spec {
        metric: Metric::SignInsRefused,
        name: "ollamanet_sign_ins_refused_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[WHY_REFUSED],
        help: "Calls that take a passphrase or a code and were refused: it was wrong, or too many were tried.",
    },
    Spec {
        metric: Metric::StoreWait,
        name: "ollamanet_store_wait_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[LANE],
        help: "Time that work for a database waited for its thread.",
    },
    Spec {
        metric: Metric::StoreRun,
        name: "ollamanet_store_run_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[LANE],
        help: "Time that work for a database ran, its commit included.",
    },
    Spec {
        metric: Metric::CacheHits,
        name: "ollamanet_cache_hits_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CACHE],
        help: "What was wanted of models and was at hand.",
    },
    Spec {
        metric: Metric::CacheMisses,
        name: "ollamanet_cache_misses_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[CACHE],
        help: "What was wanted of models and had to be asked for.",
    },
    Spec {
        metric: Metric::CacheBytes,
        name: "ollamanet_cache_bytes",
        kind: Kind::Gauge,
        unit: Unit::Bytes,
        labels: &[CACHE],
        help: "Memory that what is kept of models takes in one process.",
    },
    Spec {
        metric: Metric::OllamaCalls,
        name: "ollamanet_ollama_calls_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[OLLAMA_KIND, OLLAMA_OUTCOME],
        help: "Calls of Ollama, by kind and how they ended; abandoned = whoever asked walked away first.",
    },
    Spec {
        metric: Metric::OllamaTime,
        name: "ollamanet_ollama_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[OLLAMA_KIND],
        help: "Time from a request to Ollama leaving until its answer is there, or its first piece.",
    },
    Spec {
        metric: Metric::OllamaConnect,
        name: "ollamanet_ollama_connect_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time until a new connection to Ollama was there, TLS included. An open one is used again and is not counted.",
    },
    Spec {
        metric: Metric::Answers,
        name: "ollamanet_answers_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[ANSWER_STATE],
        help: "Answers, by how they ended.",
    },
    Spec {
        metric: Metric::FirstToken,
        name: "ollamanet_first_token_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time from the request for an answer leaving until its first token.",
    },
    Spec {
        metric: Metric::Speed,
        name: "ollamanet_tokens_per_second",
        kind: Kind::Histogram,
        unit: Unit::TokensPerSecond,
        labels: &[],
        help: "How fast answers were written, where Ollama said so.",
    },
    Spec {
        metric: Metric::Tokens,
        name: "ollamanet_tokens_total",
        kind: Kind::Counter,
        unit: Unit::Tokens,
        labels: &[TOKENS_OF],
        help: "Tokens read and written for answers, as Ollama counted them.",
    },
    Spec {
        metric: Metric::Jobs,
        name: "ollamanet_jobs_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[JOB_OUTCOME],
        help: "Attempts of jobs, by how they ended; put = paused or cancelled, again = it will be tried again.",
    },
    Spec {
        metric: Metric::Failed,
        name: "ollamanet_failed_total",
        kind: Kind::Counter,
        unit: Unit::Times,
        labels: &[FAILED_AS, FAULT],
        help: "Questions that were refused before an answer began, and answers that failed, by what went wrong.",
    },
];

const MS: u64 = 1000;
const S: u64 = 1_000_000;
/// Of seconds, in microseconds.
pub(super) const TIMES: [u64; STEPS] = [
    100,
    200,
    500,
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    S,
    2 * S,
    5 * S,
    10 * S,
    20 * S,
    50 * S,
    100 * S,
    200 * S,
];
/// Of tokens a second, in millionths.
pub(super) const SPEEDS: [u64; STEPS] = [
    S,
    2 * S,
    5 * S,
    10 * S,
    15 * S,
    20 * S,
    30 * S,
    40 * S,
    50 * S,
    60 * S,
    80 * S,
    100 * S,
    125 * S,
    150 * S,
    200 * S,
    250 * S,
    300 * S,
    400 * S,
    500 * S,
    1000 * S,
];
