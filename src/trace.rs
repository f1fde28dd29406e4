//! A request and its way: the id it gets where a key or a command comes in, and the last requests with their spans.
//!
//! Spans are `tracing`'s own. Those of a request have one of two targets: [`CALLS`] for what came in and the operations it
//! became, [`PARTS`] for what those did at the databases and at Ollama. The log shows the former from `info` on, the latter
//! from `debug`. Here they are gathered, request by request, into a ring of bounded size.
//!
//! Architecture invariant: a span has no field but those that [`Fields`] names, and whatever is written into one is a word
//! or a number of this program's own. What somebody said, named or typed is in none.

use std::{
    collections::VecDeque,
    fmt::{Debug, Write as _},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use tracing::{
    Instrument, Span, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::api::{
    RequestId,
    requests::{self, Traced},
};

/// The target of what came in and of the operations it became.
pub const CALLS: &str = "ollamanet::request";
/// The target of what those did.
pub const PARTS: &str = "ollamanet::request::part";

/// Spans of one request that are kept; a stream that writes for an hour has many.
const MOST_SPANS: usize = 64;
/// Letters of a word that are kept.
const LONGEST_WORD: usize = 48;

/// Whether an operation only looks at what was counted: that is nothing to be counted or looked at itself, because whoever
/// looks every second would see little else.
#[must_use]
pub fn is_looking(operation: &str) -> bool {
    operation.starts_with("metrics.")
}

tokio::task_local! {
    static WITHIN: Within;
}

/// The request that a task works for.
#[derive(Clone)]
struct Within {
    request: RequestId,
    /// Its span, where that is not entered at each poll.
    held: Option<Span>,
}

impl Within {
    fn entered(request: RequestId) -> Self {
        Self { request, held: None }
    }
}

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Key,
    Command,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Command => "command",
        }
    }
}

/// A request at the place where it comes in.
#[derive(Clone, Debug)]
pub struct Entry {
    request: RequestId,
    span: Span,
}

impl Entry {
    #[must_use]
    pub fn new(by: By) -> Self {
        let request = RequestId::new();
        let span = tracing::info_span!(target: CALLS, parent: None, "request", %request, what = by.as_str());
        Self { request, span }
    }

    /// Does something as part of it.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.span.in_scope(|| WITHIN.sync_scope(Within::entered(self.request), work))
    }

    /// The same for work that waits.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        WITHIN.scope(Within::entered(self.request), work.instrument(self.span)).await
    }
}

/// The request that this is part of; a new one where nothing gave one.
#[must_use]
pub fn current() -> RequestId {
    WITHIN.try_with(|within| within.request).unwrap_or_else(|_| RequestId::new())
}

/// Work that will go on elsewhere, as part of the request that asks for it now.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let (within, span) = here();
    async move {
        match within {
            Some(Within { request, .. }) => WITHIN.scope(Within::entered(request), work.instrument(span)).await,
            None => work.await,
        }
    }
}

/// The same for work that is polled very often, such as a stream at each of its tokens: entering and leaving the span every
/// time costs more than all else that is traced of it. So its span is only held. What it does in [`part`]s and
/// [`entered`] is below it all the same; a line in the log is not, unless it is written in [`entered`].
pub fn held<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let (within, span) = here();
    async move {
        match within {
            Some(Within { request, .. }) => WITHIN.scope(Within { request, held: Some(span) }, work).await,
            None => work.await,
        }
    }
}

/// Enters the span that is held, for a piece of work of few polls.
pub async fn entered<T>(work: impl Future<Output = T>) -> T {
    match WITHIN.try_with(Within::clone) {
        Ok(Within { request, held: Some(span) }) => WITHIN.scope(Within::entered(request), work.instrument(span)).await,
        Ok(Within { held: None, .. }) | Err(_) => work.await,
    }
}

/// Makes a span as a part of the request, also where that is only held.
pub fn part(make: impl FnOnce() -> Span) -> Span {
    match WITHIN.try_with(|within| within.held.clone()) {
        Ok(Some(held)) => held.in_scope(make),
        Ok(None) | Err(_) => make(),
    }
}

/// The request of this moment, and the span below which its work goes.
fn here() -> (Option<Within>, Span) {
    let within = WITHIN.try_with(Within::clone).ok();
    let held = within.as_ref().and_then(|within| within.held.clone());
    (within, held.unwrap_or_else(Span::current))
}

/// The last requests. Cheap to clone; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Ring(Arc<Shared>);

type Listener = Box<dyn Fn(&Traced) + Send + Sync>;

#[derive(Default)]
struct Shared {
    most: AtomicUsize,
    kept: Mutex<VecDeque<Traced>>,
    /// Whoever else hears of each one that has ended.
    told: OnceLock<Listener>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Ring {
    /// Keeps so many requests.
    #[must_use]
    pub fn of(most: usize) -> Self {
        let ring = Self::default();
        ring.keep(most);
        ring
    }

    /// Keeps so many from now on; 0 = none.
    pub fn keep(&self, most: usize) {
        self.0.most.store(most, Ordering::Relaxed);
        self.lock().truncate(most);
    }

    /// The newest ones, newest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<Traced> {
        self.lock().iter().take(most).cloned().collect()
    }

    /// Tells each request that has ended to one other, also where none is kept. It must not wait for anything: whoever ends
    /// a request waits for it.
    pub fn also_tell(&self, hears: impl Fn(&Traced) + Send + Sync + 'static) {
        let _ = self.0.told.set(Box::new(hears));
    }

    fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }

    fn is_for_nobody(&self) -> bool {
        self.most() == 0 && self.0.told.get().is_none()
    }

    fn put(&self, traced: Traced) {
        if let Some(told) = self.0.told.get() {
            told(&traced);
        }
        let most = self.most();
        if most == 0 {
            return;
        }
        let mut kept = self.lock();
        kept.truncate(most - 1);
        kept.push_front(traced);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Traced>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What fills it from the spans that are made.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        Gathering(self.clone()).with_filter(Targets::new().with_target(CALLS, LevelFilter::INFO))
    }
}

/// A request that goes on.
#[derive(Debug)]
struct Open {
    began: Instant,
    began_at: i64,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    request: Option<RequestId>,
    spans: Vec<requests::Span>,
    left_out: u32,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The place of a span in its request; `None` where there was no room.
#[derive(Clone, Debug)]
struct Place {
    open: Arc<Open>,
    at: Option<usize>,
    is_root: bool,
}

struct Gathering(Ring);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Gathering {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if self.0.is_for_nobody() {
            return;
        }
        let Some(span) = cx.span(id) else { return };
        let around = span.parent().and_then(|parent| place_of(&parent));
        let is_root = around.is_none();
        // Plumbing that nobody asked for is no request.
        if is_root && attributes.metadata().target() == PARTS {
            return;
        }
        let open = around.as_ref().map_or_else(
            || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let began_at = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
                Arc::new(Open { began: Instant::now(), began_at, gathered: Mutex::default() })
            },
            |place| Arc::clone(&place.open),
        );
        let from_us = open.micros();
        let at = {
            let mut gathered = open.lock();
            if gathered.spans.len() < MOST_SPANS {
                let parent = around.and_then(|place| place.at).and_then(|at| u32::try_from(at).ok());
                gathered.spans.push(requests::Span {
                    name: attributes.metadata().name(),
                    what: String::new(),
                    parent,
                    from_us,
                    took_us: 0,
                    wait_us: None,
                    outcome: None,
                    bytes: None,
                });
                Some(gathered.spans.len() - 1)
            } else {
                gathered.left_out += 1;
                None
            }
        };
        let place = Place { open, at, is_root };
        place.fill(|fields| attributes.record(fields));
        span.extensions_mut().insert(place);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(place) = cx.span(id).and_then(|span| place_of(&span)) {
            place.fill(|fields| values.record(fields));
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let Some(place) = cx.span(&id).and_then(|span| span.extensions_mut().remove::<Place>()) else { return };
        let now = place.open.micros();
        let mut gathered = place.open.lock();
        if let Some(span) = place.at.and_then(|at| gathered.spans.get_mut(at)) {
            span.took_us = now.saturating_sub(span.from_us);
        }
        if !place.is_root {
            return;
        }
        // A span goes on while one below it does, so all of them have ended.
        let Gathered { request, spans, left_out } = std::mem::take(&mut *gathered);
        let is_looking = |span: &requests::Span| is_looking(&span.what);
        // A key that asked the gateway for nothing is no request.
        if spans.iter().all(|span| span.name == "request") || spans.iter().any(is_looking) {
            return;
        }
        self.0.put(Traced { request, began_at: place.open.began_at, took_us: now, spans, left_out });
    }
}

fn place_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Place> {
    span.extensions().get::<Place>().cloned()
}

impl Place {
    fn fill(&self, fill: impl FnOnce(&mut Fields<'_>)) {
        let mut gathered = self.open.lock();
        let Gathered { request, spans, .. } = &mut *gathered;
        fill(&mut Fields { request, span: self.at.and_then(|at| spans.get_mut(at)) });
    }
}

/// The fields that are taken; no other is.
struct Fields<'a> {
    request: &'a mut Option<RequestId>,
    span: Option<&'a mut requests::Span>,
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        let Some(span) = &mut self.span else { return };
        match field.name() {
            "wait_us" => span.wait_us = Some(value),
            "bytes" => span.bytes = Some(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let word = || value.chars().take(LONGEST_WORD).collect::<String>();
        match (field.name(), &mut self.span) {
            ("what", Some(span)) => span.what = word(),
            ("outcome", Some(span)) => span.outcome = Some(word()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "request" {
            let mut text = String::new();
            let _ = write!(text, "{value:?}");
            *self.request = text.parse().ok().or(*self.request);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn call(what: &'static str) -> Span {
        tracing::info_span!(target: CALLS, "call", what, outcome = tracing::field::Empty)
    }

    fn watching(ring: &Ring) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(ring.layer()))
    }

    #[test]
    fn what_a_key_led_to_is_one_request_with_its_spans_below_each_other() {
        let ring = Ring::of(10);
        let _watching = watching(&ring);
        let entry = Entry::new(By::Key);
        let request = entry.request;
        entry.scope(|| {
            assert_eq!(current(), request);
            let call = call("turns.start");
            call.in_scope(|| {
                let store = tracing::info_span!(target: PARTS, "store", what = "vault write", wait_us = 70_u64);
                store.in_scope(|| {});
            });
            call.record("outcome", "ok");
        });
        assert!(ring.newest(9).is_empty(), "it goes on as long as its entry is held");
        drop(entry);
        let [traced] = ring.newest(9).try_into().unwrap();
        let told: Vec<_> = traced
            .spans
            .iter()
            .map(|span| (span.name, span.what.as_str(), span.parent, span.wait_us, span.outcome.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("request", "key", None, None, None),
                ("call", "turns.start", Some(0), None, Some("ok")),
                ("store", "vault write", Some(1), Some(70), None),
            ]
        );
        assert_eq!((traced.request, traced.what()), (Some(request), "turns.start"));
        let [whole, call, store] = [0, 1, 2].map(|at| &traced.spans[at]);
        assert!(whole.took_us >= call.from_us + call.took_us && call.took_us >= store.took_us);
    }

    #[test]
    fn the_ring_is_bounded_in_requests_and_in_what_one_of_them_may_take() {
        let ring = Ring::of(3);
        let _watching = watching(&ring);
        for _ in 0..5 {
            drop(call("health.check"));
        }
        let long = call("models.list");
        long.in_scope(|| {
            for _ in 0..500 {
                drop(tracing::info_span!(target: PARTS, "store", what = "x".repeat(1000).as_str()));
            }
        });
        drop(long);
        let kept = ring.newest(99);
        assert_eq!(kept.len(), 3);
        assert_eq!((kept[0].spans.len(), kept[0].left_out), (MOST_SPANS, 437));
        assert!(kept[0].spans.iter().all(|span| span.what.len() <= LONGEST_WORD));
        ring.keep(0);
        drop(call("health.check"));
        assert!(ring.newest(99).is_empty());
    }

    #[test]
    fn whoever_else_hears_of_requests_hears_of_them_where_none_is_kept() {
        let (ring, heard) = (Ring::of(0), Arc::new(Mutex::new(Vec::new())));
        let hears = Arc::clone(&heard);
        ring.also_tell(move |traced| hears.lock().unwrap().push(traced.what().to_owned()));
        let _watching = watching(&ring);
        drop(call("notes.list"));
        drop(call("metrics.read"));
        assert_eq!((heard.lock().unwrap().as_slice(), ring.newest(9).len()), (["notes.list".to_owned()].as_slice(), 0));
    }

    #[test]
    fn a_key_without_a_call_plumbing_and_looking_at_the_figures_are_no_requests() {
        let ring = Ring::of(3);
        let _watching = watching(&ring);
        Entry::new(By::Key).scope(|| {});
        drop(call("metrics.read"));
        drop(tracing::info_span!(target: PARTS, "store", what = "system write"));
        assert!(ring.newest(9).is_empty());
    }

    #[test]
    fn no_other_field_and_no_other_span_is_taken() {
        let ring = Ring::of(3);
        let _watching = watching(&ring);
        let call = tracing::info_span!(target: CALLS, "call", what = "turns.start", title = "canary");
        call.in_scope(|| drop(tracing::info_span!(target: "elsewhere", "canary", what = "canary")));
        drop(call);
        let kept = ring.newest(9);
        assert_eq!(kept.len(), 1);
        assert!(!format!("{kept:?}").contains("canary"), "{kept:?}");
    }

    #[tokio::test]
    async fn work_that_goes_on_elsewhere_stays_part_of_its_request() {
        let ring = Ring::of(3);
        let _watching = watching(&ring);
        let entry = Entry::new(By::Command);
        let request = entry.request;
        let work = entry.scope(|| carried(async { (current(), drop(call("notes.list"))) }));
        drop(entry);
        assert_eq!(work.await.0, request);
        assert_eq!(ring.newest(9)[0].spans.len(), 2);
        assert_ne!(carried(async { current() }).await, request, "where nothing gave one, it is a new one");
    }

    /// Counts how often a span is entered.
    struct Entering(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Entering {
        fn on_enter(&self, _: &Id, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn work_of_many_polls_is_not_entered_at_each_and_what_it_does_is_part_of_its_request() {
        let (ring, entered_for) = (Ring::of(3), Arc::new(AtomicUsize::new(0)));
        let heard = tracing_subscriber::registry().with(ring.layer()).with(Entering(Arc::clone(&entered_for)));
        let _watching = tracing::subscriber::set_default(heard);
        let entry = Entry::new(By::Command);
        let request = entry.request;
        let store = || part(|| tracing::info_span!(target: PARTS, "store", what = "vault write"));
        let work = async {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            drop(store());
            let within = entered(async {
                // Deeper than the request itself, so that nothing is taken out of where it is.
                let call = call("turns.start");
                async { drop((part(|| tracing::info_span!(target: PARTS, "line")), current())) }.instrument(call).await;
                carried(async { current() }).await
            });
            assert_eq!((within.await, current()), (request, request));
            carried(async { drop(store()) }).await;
        };
        let work = entry.scope(|| call("chat.ask").in_scope(|| held(work)));
        drop(entry);
        let before = entered_for.load(Ordering::Relaxed);
        work.await;
        assert!(entered_for.load(Ordering::Relaxed) - before < 50, "{entered_for:?}");
        let kept = ring.newest(9).remove(0);
        let below: Vec<_> = kept.spans.iter().map(|span| (span.name, span.what.as_str(), span.parent)).collect();
        assert_eq!(
            below,
            [
                ("request", "command", None),
                ("call", "chat.ask", Some(0)),
                ("store", "vault write", Some(1)),
                ("call", "turns.start", Some(1)),
                ("line", "", Some(3)),
                ("store", "vault write", Some(1)),
            ]
        );
    }
}
