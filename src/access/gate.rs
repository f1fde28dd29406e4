//! The one funnel: session, permission, rate, breaker, deadline, trace; then a proof for the service.

use std::marker::PhantomData;

use tokio_util::sync::CancellationToken;

use super::op::{Op, Rank};
use crate::{
    api::{AccountId, Fault, FaultKind, RequestId, SessionId, auth::Session},
    store::Vault,
};

/// Proof that a live session of at least rank `R` asked for this, and that the gate let it in.
///
/// Not `Clone`, and only the gate makes one: a service that takes it cannot be reached around the gate. The vault is
/// the caller's own; there is no way to name another's.
#[derive(Debug)]
pub struct Caller<R> {
    pub account: AccountId,
    pub session: SessionId,
    pub request: RequestId,
    pub vault: Vault,
    /// Fires on sign-out, expiry or being disabled. Long work runs under a child of it.
    pub ended: CancellationToken,
    _rank: PhantomData<R>,
}

#[derive(Debug, Default)]
pub struct Gate {}

impl Gate {
    /// Lets `work` run for the caller of `session`, or says why not.
    ///
    /// # Errors
    /// The refusals of the table in `access`, or what `work` says.
    pub async fn call<R: Rank, T, F>(
        &self,
        _session: &Session,
        _op: &'static Op,
        _work: impl FnOnce(Caller<R>) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        Err(Fault::new(FaultKind::Internal, "The gate is not wired."))
    }
}
