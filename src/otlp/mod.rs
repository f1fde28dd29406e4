//! Requests that have ended, sent to a collector of traces as well: by OTLP over HTTP, where a setting asks for it and the
//! program was built with the feature `otel`.
//!
//! What is sent is what the ring holds, made from it after the fact: names, numbers and times of this program's own, so
//! nothing of anybody's can be in it. Whoever ends a request only puts it in a line of bounded length; one task sends.
//! Invariant: a collector that is down, slow or hangs holds nobody up, a stream and the end of the program included. What
//! it does not take is counted and said.

#[cfg(feature = "otel")]
pub mod message;
#[cfg(feature = "otel")]
mod send;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{config::TraceConfig, tasks::Tasks, trace::Ring};

/// Longest that the end of the program waits for what was not sent yet.
pub const LAST: Duration = Duration::from_millis(500);

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Where they go.
    pub to: String,
    /// Requests that the collector took, and those that it was never given or refused.
    pub sent: u64,
    pub dropped: u64,
    /// In line.
    pub waiting: u64,
    /// Why the last attempt went wrong; `None` = it did not. May hold words of the collector's: display it through
    /// `SafeText`.
    pub error: Option<String>,
    /// It was asked at all.
    pub was_asked: bool,
}

/// The export of one process. Cheap to clone; clones are the same.
#[derive(Clone, Default)]
pub struct Export(Option<Arc<Inner>>);

struct Inner {
    standing: Mutex<Standing>,
    #[cfg(feature = "otel")]
    sender: send::Sender,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Export").field(&self.standing()).finish()
    }
}

impl Export {
    /// Nothing is sent.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Sends what comes to the ring, if the settings say so. Needs a runtime.
    #[must_use]
    pub fn begin(config: &TraceConfig, ring: &Ring, tasks: &Tasks) -> Self {
        #[cfg(feature = "otel")]
        if let Some(collector) = crate::config::collector::Collector::parse(&config.export) {
            return Self::to(&collector, ring, tasks);
        }
        // The settings are refused where they ask for what this program was not built with.
        let _ = (config, ring, tasks);
        Self::none()
    }

    #[cfg(feature = "otel")]
    fn to(collector: &crate::config::collector::Collector, ring: &Ring, tasks: &Tasks) -> Self {
        let (sender, line) = send::Sender::new(collector);
        let standing = Mutex::new(Standing { to: collector.to_string(), ..Standing::default() });
        let inner = Arc::new(Inner { standing, sender });
        let hears = Arc::downgrade(&inner);
        ring.also_tell(move |traced| {
            if let Some(inner) = hears.upgrade()
                && line.try_send(traced.clone()).is_err()
            {
                inner.lock().dropped += 1;
            }
        });
        let (going, token) = (Arc::clone(&inner), tasks.token());
        tasks.spawn("sending traces", async move {
            token.run_until_cancelled(going.sender.go_on(&going.standing)).await;
        });
        Self(Some(inner))
    }

    /// `None` = nothing is sent.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let inner = self.0.as_ref()?;
        let standing = inner.lock().clone();
        #[cfg(feature = "otel")]
        let standing = Standing { waiting: inner.sender.waiting(), ..standing };
        Some(standing)
    }

    /// Asks the collector whether it is there, where nothing has shown that yet.
    pub fn look(&self) -> impl Future<Output = ()> + Send + use<> {
        let inner = self.0.clone();
        async move {
            #[cfg(feature = "otel")]
            if let Some(inner) = &inner
                && !inner.lock().was_asked
            {
                inner.sender.look(&inner.standing).await;
            }
            drop(inner);
        }
    }

    /// What is still in line, once more and not for long: the program ends. Its task must have ended before.
    pub fn end(&self) -> impl Future<Output = ()> + Send + use<> {
        let inner = self.0.clone();
        async move {
            #[cfg(feature = "otel")]
            if let Some(inner) = &inner {
                inner.sender.end(&inner.standing).await;
            }
            drop(inner);
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
