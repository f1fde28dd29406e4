//! Those whose passphrase fitted, while their second factor is asked for. In this process's memory only, two minutes at
//! most, and good for nothing but the second half of that one sign-in.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use subtle::ConstantTimeEq;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Entrance, key_fault};
use crate::{
    api::{
        Fault, FaultKind, SessionId,
        auth::{HalfWay, Session},
    },
    store::keys::random,
};

/// How long a code may take.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Default)]
pub(super) struct HalfWays(Mutex<HashMap<SessionId, Waiting>>);

impl fmt::Debug for HalfWays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HalfWays")
    }
}

/// Somebody who is half way in. Dropping it wipes the vault's key, unless a session holds that as well.
pub(super) struct Waiting {
    pub entrance: Entrance,
    handle: [u8; 32],
    until: Instant,
    /// Fires when this is dropped, for whoever waits to forget it.
    _gone: DropGuard,
}

impl HalfWays {
    /// Keeps somebody until their code comes, or until the moment that is given with it. The token fires when there is
    /// nothing left to forget.
    pub fn keep(&self, entrance: Entrance) -> Result<(HalfWay, Instant, CancellationToken), Fault> {
        let handle = *random::<32>().map_err(key_fault)?;
        let (id, gone) = (SessionId::new(), CancellationToken::new());
        let until = Instant::now() + PATIENCE;
        self.lock().insert(id, Waiting { entrance, handle, until, _gone: gone.clone().drop_guard() });
        Ok((HalfWay::new(Session::from_parts(id, handle)), until, gone))
    }

    /// Takes somebody out, so that no second code is tried for them at the same time.
    ///
    /// # Errors
    /// `SignedOut` when there is nobody, or no longer.
    pub fn take(&self, half: &HalfWay) -> Result<Waiting, Fault> {
        let handle = half.handle();
        let mut all = self.lock();
        let is_theirs = |waiting: &Waiting| bool::from(waiting.handle.as_slice().ct_eq(handle.key()));
        let waiting = if all.get(&handle.id).is_some_and(is_theirs) { all.remove(&handle.id) } else { None };
        waiting.filter(|waiting| Instant::now() < waiting.until).ok_or_else(|| {
            Fault::new(FaultKind::SignedOut, "That sign-in took too long, or it is over.")
                .hint("Begin again with your name and passphrase.")
        })
    }

    /// Puts somebody back whose code was wrong; their time goes on running.
    pub fn put_back(&self, half: &HalfWay, waiting: Waiting) {
        if Instant::now() < waiting.until {
            self.lock().insert(half.handle().id, waiting);
        }
    }

    pub fn forget(&self, id: SessionId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
