//! The one funnel: who → may they → too fast → is there any point; then a proof for the service.
//!
//! ```text
//! session      signed out           resolved at every call
//! permission   denied, audited      rank by type, the rest by table
//! rate         slow, retry-after    buckets in the system database
//! quota        full, or slow        the vault's bytes and the day's tokens, before what makes them grow
//! breaker      upstream             accounting is the Ollama client's
//! deadline     timeout              a write that is already queued finishes
//! ```
//!
//! Locking, leaving and stopping (`Class::Free`) are refused for nothing but a handle that is nobody's: not for pace, and
//! not because the system database cannot be read.
//!
//! A proof cannot be made anywhere else, not even of the parts of a good one:
//!
//! ```compile_fail,E0451
//! # use std::marker::PhantomData;
//! # use ollamanet::access::{Admin, Member};
//! use ollamanet::access::Caller;
//! fn forged(by: ollamanet::access::Caller<Member>) -> Caller<Admin> {
//!     let ollamanet::access::Caller { account, session, request, vault, ended, .. } = by;
//!     Caller::<Admin> { account, session, request, vault, ended, _rank: PhantomData }
//! }
//! ```
//!
//! which the compiler would let pass for a type whose parts are all open:
//!
//! ```
//! # use std::marker::PhantomData;
//! # use ollamanet::access::{Admin, Member};
//! use own::Caller;
//! # mod own {
//! #     use ollamanet::{api::{AccountId, RequestId, SessionId}, store::Vault};
//! #     pub struct Caller<R> {
//! #         pub account: AccountId, pub session: SessionId, pub request: RequestId, pub vault: Vault,
//! #         pub ended: tokio_util::sync::CancellationToken, pub _rank: std::marker::PhantomData<R>,
//! #     }
//! # }
//! fn forged(by: ollamanet::access::Caller<Member>) -> Caller<Admin> {
//!     let ollamanet::access::Caller { account, session, request, vault, ended, .. } = by;
//!     Caller::<Admin> { account, session, request, vault, ended, _rank: PhantomData }
//! }
//! ```
//!
//! It cannot be kept by copying it, as what it tells can:
//!
//! ```compile_fail,E0308
//! use ollamanet::access::{Caller, Member};
//! fn kept(by: &Caller<Member>) -> Caller<Member> {
//!     by.clone()
//! }
//! ```
//!
//! ```
//! use ollamanet::{access::{Caller, Member}, api::AccountId};
//! fn told(by: &Caller<Member>) -> AccountId {
//!     by.account.clone()
//! }
//! ```
//!
//! And a member's proof is not an administrator's:
//!
//! ```compile_fail,E0308
//! use ollamanet::access::{Admin, Caller, Member};
//! fn only_for_administrators(_by: Caller<Admin>) {}
//! fn as_member(by: Caller<Member>) {
//!     only_for_administrators(by);
//! }
//! ```
//!
//! ```
//! use ollamanet::access::{Admin, Caller};
//! fn only_for_administrators(_by: Caller<Admin>) {}
//! fn as_administrator(by: Caller<Admin>) {
//!     only_for_administrators(by);
//! }
//! ```

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Instant,
};

use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty};

use super::{
    breaker::Breakers,
    limiter::Limiter,
    live::{LiveSessions, Resolved},
    op::{Class, Op, Permission, Rank},
    rules::Rules,
};
use crate::{
    api::{
        AccountId, Fault, FaultKind, RequestId, SessionId,
        auth::{Account, Role, Session},
        reports::FailedAs,
    },
    metrics::Metrics,
    store::{
        Db, StoreError, Vault,
        system::{Moment, audit, buckets::Who, usage_days},
        thread::Of,
    },
    trace,
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
    /// When it came to the gate.
    pub since: tokio::time::Instant,
    pub vault: Vault,
    /// Limits, and which models exist for this account.
    pub rules: Arc<Rules>,
    /// Fires on sign-out, expiry or being disabled. Long work runs under a child of it.
    pub ended: CancellationToken,
    /// Once it has fired: why.
    pub why: Arc<OnceLock<Fault>>,
    /// What may go on behind a locked screen for a while runs under this: it fires with `ended`, and when that while is
    /// over.
    pub work: CancellationToken,
    _rank: PhantomData<R>,
}

/// Proof of a live session whose vault may be closed: for what a locked screen may do.
#[derive(Debug)]
pub struct Holder {
    pub account: Account,
    pub session: SessionId,
    pub is_locked: bool,
    pub request: RequestId,
    _gate: PhantomData<Gate>,
}

impl Holder {
    /// # Errors
    /// `Locked`, for what is not to be done behind a locked screen though it needs no open vault.
    pub fn require_unlocked(&self) -> Result<(), Fault> {
        if self.is_locked { Err(locked()) } else { Ok(()) }
    }
}

/// Proof that somebody unknown came through the front door: for signing in.
#[derive(Debug)]
pub struct Visitor {
    pub request: RequestId,
    _gate: PhantomData<Gate>,
}

impl Caller<()> {
    /// With the rank that was asked for when it was let in.
    fn of_rank<R>(self) -> Caller<R> {
        let Self { account, session, request, since, vault, rules, ended, why, work, _rank } = self;
        Caller { account, session, request, since, vault, rules, ended, why, work, _rank: PhantomData }
    }
}

/// What is done for whoever is let in; it keeps its own outcome. Boxed, and without a word of what comes out: so the gate
/// stands in the program once, and not once for each of two hundred operations.
type Work<'a, By> = Box<dyn FnOnce(By) -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>> + Send + 'a>;

/// The work as the gate knows it; what comes out is kept in `done`.
fn keeping<'a, By: Send + 'a, T: Send, F>(
    done: &'a mut Option<T>,
    work: impl FnOnce(By) -> F + Send + 'a,
) -> Work<'a, By>
where
    F: Future<Output = Result<T, Fault>> + Send + 'a,
{
    Box::new(move |by| {
        Box::pin(async move {
            *done = Some(work(by).await?);
            Ok(())
        })
    })
}

#[derive(Debug)]
pub struct Gate {
    live: Arc<LiveSessions>,
    limiter: Limiter,
    breakers: Breakers,
    system: Db,
    metrics: Metrics,
}

impl Gate {
    #[must_use]
    pub fn new(live: Arc<LiveSessions>, limiter: Limiter, breakers: Breakers, system: Db, metrics: Metrics) -> Self {
        Self { live, limiter, breakers, system, metrics }
    }

    /// Lets `work` run for the caller of `session`, or says why not.
    ///
    /// # Errors
    /// The refusals in the table above, or what `work` says.
    pub async fn call<R: Rank, T, F>(
        &self,
        session: &Session,
        op: &'static Op,
        work: impl FnOnce(Caller<R>) -> F + Send,
    ) -> Result<T, Fault>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let mut done = None;
        let work = keeping(&mut done, |by: Caller<()>| work(by.of_rank()));
        self.called(session, op, R::ROLE, work).await?;
        done.ok_or_else(undone)
    }

    /// The same for what may be done while the vault is closed.
    ///
    /// # Errors
    /// The refusals in the table above, or what `work` says.
    pub async fn hold<T, F>(
        &self,
        session: &Session,
        op: &'static Op,
        work: impl FnOnce(Holder) -> F + Send,
    ) -> Result<T, Fault>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let mut done = None;
        self.held(session, op, keeping(&mut done, work)).await?;
        done.ok_or_else(undone)
    }

    /// For the few operations that come before any session. They draw on the allowance of the OS user, so that trying ever
    /// new names is bounded too.
    ///
    /// # Errors
    /// `Slow`, `Upstream` or `Timeout`, or what `work` says.
    pub async fn knock<T, F>(&self, op: &'static Op, work: impl FnOnce(Visitor) -> F + Send) -> Result<T, Fault>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let mut done = None;
        self.knocked(op, keeping(&mut done, work)).await?;
        done.ok_or_else(undone)
    }

    async fn called(
        &self,
        session: &Session,
        op: &'static Op,
        rank: Role,
        work: Work<'_, Caller<()>>,
    ) -> Result<(), Fault> {
        let (request, since) = (trace::current(), tokio::time::Instant::now());
        let work = async {
            let found = self.admit(session, op, rank).await?;
            let vault = found.vault.ok_or_else(locked)?;
            vault.db.measure(Of::Vault, &self.metrics);
            self.limiter.admit_growth(op, &vault, &found.rules).await?;
            let (ended, why) = (found.ended, found.why);
            let caller = Caller {
                account: found.account.id,
                session: session.id,
                request,
                since,
                vault,
                rules: found.rules,
                ended: ended.clone(),
                why: Arc::clone(&why),
                work: found.work,
                _rank: PhantomData,
            };
            tokio::select! {
                biased;
                () = ended.cancelled() => Err(why.get().cloned().unwrap_or_else(Fault::signed_out)),
                out = work(caller) => out,
            }
        };
        let done = self.within(op, request, work).await;
        if let (Class::Chat, Err(fault)) = (op.class, &done) {
            self.note_question(session, fault.kind).await;
        }
        done
    }

    async fn held(&self, session: &Session, op: &'static Op, work: Work<'_, Holder>) -> Result<(), Fault> {
        let request = trace::current();
        let work = async {
            let found = self.admit(session, op, Role::User).await?;
            let is_locked = found.vault.is_none();
            work(Holder { account: found.account, session: session.id, is_locked, request, _gate: PhantomData }).await
        };
        self.within(op, request, work).await
    }

    async fn knocked(&self, op: &'static Op, work: Work<'_, Visitor>) -> Result<(), Fault> {
        let request = trace::current();
        let work = async {
            self.admit_pace(Who::this_os_user(), op, &Rules::default()).await?;
            work(Visitor { request, _gate: PhantomData }).await
        };
        self.within(op, request, work).await
    }

    /// Gives `work` its deadline, its place in the log and in the figures. The log never holds what was said, only what was
    /// asked for.
    async fn within(
        &self,
        op: &'static Op,
        request: RequestId,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let span = tracing::info_span!(target: trace::CALLS, "call", %request, what = op.name, outcome = Empty);
        let start = Instant::now();
        let outcome = tokio::time::timeout(op.deadline, work.instrument(span.clone())).await.unwrap_or_else(|_| {
            Err(Fault::new(FaultKind::Timeout, format!("That took longer than {} s.", op.deadline.as_secs()))
                .hint("Try again; what was already being written is kept."))
        });
        let took = start.elapsed();
        if !trace::is_looking(op.name) {
            self.metrics.call(op.class, outcome.as_ref().err().map(|fault| fault.kind), took);
        }
        let _entered = span.enter();
        let took_us = took.as_micros();
        match outcome {
            Ok(()) => {
                span.record("outcome", "ok");
                tracing::debug!(took_us, "done");
                Ok(())
            }
            Err(mut fault) => {
                span.record("outcome", fault.kind.as_str());
                fault.report_id.get_or_insert(request);
                tracing::info!(took_us, kind = ?fault.kind, "refused or failed");
                Err(fault)
            }
        }
    }

    /// Order matters: who → may they → too fast → is there any point.
    async fn admit(&self, session: &Session, op: &'static Op, rank: Role) -> Result<Resolved, Fault> {
        if op.class == Class::Free {
            return self.live.held(session);
        }
        let found = self.live.resolve(session)?;
        if found.account.role < rank || !found.may(op.permission) {
            self.note_denial(found.account.id, op).await;
            return Err(Fault::new(FaultKind::Denied, "Your account may not do that.")
                .hint("An administrator can change what your role may do."));
        }
        // One's own account is where a second factor is added.
        if found.wants_second_factor && op.permission != Permission::Own {
            return Err(Fault::new(FaultKind::SecondFactorWanted, "This installation asks for a second factor.")
                .hint("Add one to your account first: `ollamanet account second-factor add`."));
        }
        if op.fresh && !found.is_fresh(Instant::now()) {
            return Err(Fault::new(FaultKind::Unconfirmed, "This needs your passphrase once more.")
                .hint("Type it again; then it is not asked for during five minutes."));
        }
        self.admit_pace(Who::Account(found.account.id), op, &found.rules).await?;
        Ok(found)
    }

    /// The part that is the same for those whom nobody knows: too fast → is there any point.
    async fn admit_pace(&self, who: Who, op: &'static Op, rules: &Rules) -> Result<(), Fault> {
        self.limiter.take(who, op.class, rules).await?;
        if let Some(kind) = op.needs_ollama {
            self.breakers.admit(kind, Instant::now())?;
        }
        Ok(())
    }

    /// Counts a question that was refused before an answer began, whoever refused it; once there is an answer, that counts for
    /// itself.
    async fn note_question(&self, session: &Session, kind: FaultKind) {
        match kind {
            // Nobody has failed whom nobody knows, or who thought better of it; and the trail tells who may not ask.
            FaultKind::SignedOut
            | FaultKind::Locked
            | FaultKind::Denied
            | FaultKind::WrongCredentials
            | FaultKind::Unconfirmed
            | FaultKind::SecondFactorWanted
            | FaultKind::Cancelled => return,
            FaultKind::Slow
            | FaultKind::Upstream
            | FaultKind::Ollama
            | FaultKind::Model
            | FaultKind::ModelMissing
            | FaultKind::Overflow
            | FaultKind::Invalid
            | FaultKind::Conflict
            | FaultKind::NotFound
            | FaultKind::Timeout
            | FaultKind::DiskFull
            | FaultKind::ReadOnly
            | FaultKind::Unsafe
            | FaultKind::Store
            | FaultKind::Internal => {}
        }
        self.metrics.failed(FailedAs::Question, kind);
        let Ok(found) = self.live.held(session) else { return };
        let (account, now) = (found.account.id, Moment::clock());
        let noted =
            self.system.write::<_, StoreError>(move |tx| usage_days::note_question(tx, account, kind, now)).await;
        if let Err(why) = noted {
            tracing::warn!(%why, "a question that was refused was not counted");
        }
    }

    async fn note_denial(&self, account: AccountId, op: &'static Op) {
        let moment = Moment::here();
        let noted = self.system.write(move |tx| audit::append(tx, &moment, Some(account), op.name, "", "denied")).await;
        if let Err(why) = noted {
            tracing::warn!(op = op.name, %why, "a denial could not be written to the audit trail");
        }
    }
}

/// Of work that went well and left nothing, which there is not.
fn undone() -> Fault {
    Fault::new(FaultKind::Internal, "What was asked for came to nothing.").hint("Try again.")
}

fn locked() -> Fault {
    Fault::new(FaultKind::Locked, "The screen is locked.").hint("Enter your passphrase to unlock it.")
}
