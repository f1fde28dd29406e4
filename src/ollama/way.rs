//! The way of one request to the first word of its answer, in legs: connecting, sending, waiting for the headers.
//!
//! The HTTP client does not say where it is, so it is seen from what it asks for: a connection, where none is open, and the
//! pieces of the body. Each leg is a span of the request that it belongs to. Invariant: the legs follow each other without
//! a gap, so that together they are the whole time until the headers.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use crate::trace;

tokio::task_local! {
    /// The request for which a connection is wanted.
    static GOING: Way;
}

/// What each leg took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Legs {
    /// Until there was a connection, TLS included; nothing where one was open.
    pub connect: Duration,
    /// Until the last piece of the body was taken to be sent.
    pub send: Duration,
    /// Until the headers of the answer were here: all that the server does before its first word.
    pub headers: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Connecting,
    Sending,
    Waiting,
}

/// Follows one request. Cheap to clone; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Way(Arc<Mutex<Going>>);

#[derive(Debug, Default)]
struct Going {
    /// The leg that goes on, and since when.
    on: Option<(Leg, Instant)>,
    legs: Legs,
    has_body: bool,
    /// The call that it is a part of, and the leg's own.
    around: Option<Span>,
    span: Option<Span>,
}

impl Way {
    /// What it took so far.
    #[must_use]
    pub fn legs(&self) -> Legs {
        let going = self.lock();
        let mut legs = going.legs;
        if let Some((leg, since)) = going.on {
            *leg.of(&mut legs) += since.elapsed();
        }
        legs
    }

    /// Goes on its way with `work`, which is the client's own.
    pub(super) async fn around<T>(&self, has_body: bool, work: impl Future<Output = T>) -> T {
        {
            let mut going = self.lock();
            going.has_body = has_body;
            going.around = Some(Span::current());
            let first = going.after_connecting();
            going.turn(Some(first));
        }
        // Whoever gives up waiting drops this, and then nothing goes on any more.
        let _over = Over(self);
        GOING.scope(self.clone(), work).await
    }

    /// A piece of the body is taken; of the last one, the rest of the time is the server's.
    pub(super) fn taken(&self, is_last: bool) {
        let mut going = self.lock();
        // Nobody takes a piece without a connection to send it over, whatever became of the one that was wanted.
        let next = if is_last { Leg::Waiting } else { Leg::Sending };
        if going.on.is_some_and(|(leg, _)| leg != next) {
            going.turn(Some(next));
        }
    }

    fn connects(&self) {
        let mut going = self.lock();
        if going.on.is_some() {
            going.turn(Some(Leg::Connecting));
        }
    }

    fn connected(&self) {
        let mut going = self.lock();
        if going.on.is_some_and(|(leg, _)| leg == Leg::Connecting) {
            let next = going.after_connecting();
            going.turn(Some(next));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Going> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Over<'a>(&'a Way);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut going = self.0.lock();
        going.turn(None);
        going.around = None;
    }
}

impl Going {
    fn after_connecting(&self) -> Leg {
        if self.has_body { Leg::Sending } else { Leg::Waiting }
    }

    fn turn(&mut self, to: Option<Leg>) {
        let now = Instant::now();
        if let Some((leg, since)) = self.on.take() {
            *leg.of(&mut self.legs) += now - since;
        }
        self.on = to.map(|leg| (leg, now));
        self.span = to.map(|leg| leg.span(self.around.as_ref()));
    }
}

impl Leg {
    fn of(self, legs: &mut Legs) -> &mut Duration {
        match self {
            Self::Connecting => &mut legs.connect,
            Self::Sending => &mut legs.send,
            Self::Waiting => &mut legs.headers,
        }
    }

    fn span(self, around: Option<&Span>) -> Span {
        let around = around.and_then(Span::id);
        match self {
            Self::Connecting => tracing::info_span!(target: trace::PARTS, parent: around, "connect"),
            Self::Sending => tracing::info_span!(target: trace::PARTS, parent: around, "send"),
            Self::Waiting => tracing::info_span!(target: trace::PARTS, parent: around, "headers"),
        }
    }
}

/// Hears how long each new connection took.
pub type Connects = Arc<dyn Fn(Duration) + Send + Sync>;

/// Tells the request that waits for a connection, and whoever counts, how long that took.
#[derive(Clone)]
pub(super) struct Timed(pub(super) Option<Connects>);

impl<S> Layer<S> for Timed {
    type Service = Connecting<S>;

    fn layer(&self, inner: S) -> Connecting<S> {
        Connecting { inner, hears: self.0.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Connecting<S> {
    inner: S,
    hears: Option<Connects>,
}

impl<S, To> Service<To> for Connecting<S>
where
    S: Service<To>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let (way, hears, begun) = (GOING.try_with(Way::clone).ok(), self.hears.clone(), Instant::now());
        if let Some(way) = &way {
            way.connects();
        }
        let connecting = self.inner.call(to);
        Box::pin(async move {
            let connection = connecting.await?;
            if let Some(way) = &way {
                way.connected();
            }
            if let Some(hears) = &hears {
                hears(begun.elapsed());
            }
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::sleep;

    use super::*;

    /// Connects after so long.
    #[derive(Clone)]
    struct Slow(Duration);

    impl Service<()> for Slow {
        type Response = ();
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            let wait = self.0;
            Box::pin(async move {
                sleep(wait).await;
                Ok(())
            })
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn connecting_sending_and_waiting_are_told_apart() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let mut connector = Timed(Some(Arc::new(move |took| hears.lock().unwrap().push(took)))).layer(Slow(ms(700)));
        let way = Way::default();
        let pieces = way.clone();
        way.around(true, async {
            connector.call(()).await.unwrap();
            sleep(ms(20)).await;
            pieces.taken(false);
            sleep(ms(30)).await;
            pieces.taken(true);
            assert_eq!(pieces.legs().headers, Duration::ZERO);
            sleep(ms(900)).await;
            assert_eq!(pieces.legs().headers, ms(900), "also while it goes on");
            sleep(ms(100)).await;
        })
        .await;
        sleep(ms(5000)).await;
        assert_eq!(way.legs(), Legs { connect: ms(700), send: ms(50), headers: ms(1000) });
        assert_eq!(*heard.lock().unwrap(), [ms(700)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_connection_costs_no_time_to_connect() {
        let way = Way::default();
        way.around(false, sleep(ms(40))).await;
        assert_eq!(way.legs(), Legs { headers: ms(40), ..Legs::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_waited_for_any_more_counts_for_nothing() {
        let mut connector = Timed(None).layer(Slow(ms(700)));
        let way = Way::default();
        let pieces = way.clone();
        let mut late = None;
        way.around(true, async {
            // Another request gave its connection back meanwhile.
            late = Some(connector.call(()));
            sleep(ms(100)).await;
            pieces.taken(true);
            sleep(ms(50)).await;
        })
        .await;
        late.unwrap().await.unwrap();
        assert_eq!(way.legs(), Legs { connect: ms(100), send: Duration::ZERO, headers: ms(50) });
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_while_connecting_has_only_connected() {
        let mut connector = Timed(None).layer(Slow(Duration::from_hours(1)));
        let way = Way::default();
        let given_up = tokio::time::timeout(ms(300), way.around(true, async { connector.call(()).await })).await;
        assert!(given_up.is_err());
        sleep(ms(1000)).await;
        assert_eq!(way.legs(), Legs { connect: ms(300), ..Legs::default() });
    }
}
