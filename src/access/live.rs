//! The sessions of this process: which handle stands for whom, with which open vault.
//!
//! Architecture invariant: a session is good only while its row in the system database is. Every call looks whether
//! anything was committed since the last one, by any process, and if so looks the row up again: disabling, locking,
//! demoting or ending a session elsewhere is felt at the very next call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{op::Permission, rules::Rules};
use crate::{
    api::{
        Fault, FaultKind, SessionId,
        auth::{Account, Session},
    },
    store::{
        Vault,
        keys::random,
        open::RawKey,
        system::{
            Moment,
            sessions::{Standing, Unwritten},
            watch::Watch,
        },
    },
};

/// How long the handle before the present one is still taken, by the calls that were under way when it changed. It is
/// worth what it was worth before: nothing that the passphrase was typed for.
const GRACE: Duration = Duration::from_secs(10);

/// How long a running answer may hold its vault open behind a locked screen.
const AFTER_LOCK: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub struct LiveSessions {
    watch: Arc<Watch>,
    entries: Mutex<HashMap<SessionId, Entry>>,
}

/// How the house stood when somebody looked.
#[derive(Debug, Default)]
pub struct HouseMark {
    version: Option<i64>,
    trail_end: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    handle: [u8; 32],
    /// The handle before that, and until when it is taken.
    before: Option<([u8; 32], Instant)>,
    account: Account,
    /// Milliseconds since 1970.
    began_at: i64,
    /// `None` = locked: the vault's handle and the key in memory are gone.
    open: Option<(Vault, RawKey)>,
    ended: CancellationToken,
    /// Why, where there is more to say than that it is over.
    why: Arc<OnceLock<Fault>>,
    /// What long work runs under: fires with `ended`, and some time after a lock.
    work: CancellationToken,
    /// Counts the locks.
    locks: u64,
    /// Permissions taken from or given to the role, beyond its rank.
    exceptions: Vec<(Permission, bool)>,
    rules: Arc<Rules>,
    wants_second_factor: bool,
    /// When the passphrase was typed last.
    confirmed_at: Option<Instant>,
    /// The secret of a second factor that was proposed and not proved yet.
    proposed_factor: Option<Zeroizing<[u8; 20]>>,
    /// The system database's version at the last look.
    seen: Option<i64>,
    /// It stood once, so that its row, or what it goes by instead, is there to be looked up.
    has_stood: bool,
    /// Milliseconds since 1970. Time passes without anybody committing.
    expires_at: i64,
    /// Set while the row is not written. A session resumed at start-up is used before it is, so that the first screen does
    /// not wait for the disk; until then, and for good if the write fails, it stands and falls with its token's family.
    unwritten: Option<Unwritten>,
}

/// Which of its handles somebody came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handle {
    Present,
    Before,
}

impl Entry {
    fn of<'a>(
        entries: &'a mut HashMap<SessionId, Self>,
        session: &Session,
        now: Instant,
    ) -> Result<(&'a mut Self, Handle), Fault> {
        let fits = |handle: &[u8; 32]| bool::from(handle.as_slice().ct_eq(session.key()));
        let entry = entries.get_mut(&session.id).ok_or_else(Fault::signed_out)?;
        if fits(&entry.handle) {
            return Ok((entry, Handle::Present));
        }
        match &entry.before {
            Some((handle, until)) if fits(handle) && now < *until => Ok((entry, Handle::Before)),
            Some(_) | None => Err(Fault::signed_out()),
        }
    }

    fn resolved(&self, by: Handle) -> Resolved {
        Resolved {
            account: self.account.clone(),
            vault: self.open.as_ref().map(|(vault, _)| vault.clone()),
            ended: self.ended.clone(),
            why: Arc::clone(&self.why),
            work: self.work.clone(),
            exceptions: self.exceptions.clone(),
            rules: Arc::clone(&self.rules),
            wants_second_factor: self.wants_second_factor,
            confirmed_at: match by {
                Handle::Present => self.confirmed_at,
                Handle::Before => None,
            },
        }
    }
}

/// Who stands behind a handle at this moment.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub account: Account,
    /// `None` = locked.
    pub vault: Option<Vault>,
    pub ended: CancellationToken,
    /// Once it has ended: why.
    pub why: Arc<OnceLock<Fault>>,
    pub rules: Arc<Rules>,
    /// Until one is added, nothing but one's own account answers.
    pub wants_second_factor: bool,
    pub work: CancellationToken,
    exceptions: Vec<(Permission, bool)>,
    confirmed_at: Option<Instant>,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// By a passphrase or a code, just now. Its row is written with it.
    Typed,
    /// By a token of this family. It is used before its row is written, so that the first screen does not wait for the
    /// disk.
    Resumed(Unwritten),
}

/// How long a typed passphrase is good for what asks for a fresh one (`Op::fresh`).
const FRESH: Duration = Duration::from_mins(5);

impl Resolved {
    /// What the rank gives, unless the role's own table says otherwise.
    pub fn may(&self, permission: Permission) -> bool {
        match self.exceptions.iter().find(|(which, _)| *which == permission) {
            Some((_, allowed)) => *allowed && self.account.role >= permission.least_rank(),
            None => self.account.role >= permission.least_rank(),
        }
    }

    /// Whether the passphrase was typed within the last five minutes.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.confirmed_at.is_some_and(|at| now.saturating_duration_since(at) < FRESH)
    }
}

impl LiveSessions {
    #[must_use]
    pub fn new(watch: impl Into<Arc<Watch>>) -> Self {
        Self { watch: watch.into(), entries: Mutex::default() }
    }

    /// Begins a session in memory.
    pub fn begin(&self, account: Account, vault: Vault, key: RawKey, how: Beginning) -> Result<Session, Fault> {
        let handle = new_handle()?;
        let session = Session::from_parts(SessionId::new(), handle);
        let (confirmed_at, unwritten) = match how {
            Beginning::Typed => (Some(Instant::now()), None),
            Beginning::Resumed(unwritten) => (None, Some(unwritten)),
        };
        let ended = CancellationToken::new();
        let entry = Entry {
            handle,
            before: None,
            account,
            began_at: Moment::clock(),
            open: Some((vault, key)),
            work: ended.child_token(),
            ended,
            why: Arc::default(),
            locks: 0,
            exceptions: Vec::new(),
            rules: Arc::default(),
            wants_second_factor: false,
            confirmed_at,
            proposed_factor: None,
            seen: None,
            has_stood: false,
            expires_at: i64::MAX,
            unwritten,
        };
        self.lock().insert(session.id, entry);
        Ok(session)
    }

    /// The session's row is written now.
    pub fn recorded(&self, id: SessionId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.unwritten = None;
            entry.seen = None;
        }
    }

    /// The session goes on without a row: there is no room for it.
    pub fn unrecorded(&self, id: SessionId, unwritten: Unwritten) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.unwritten = Some(unwritten);
            entry.seen = None;
        }
    }

    /// When a session of this process began, milliseconds since 1970.
    pub fn began_at(&self, id: SessionId) -> Option<i64> {
        self.lock().get(&id).map(|entry| entry.began_at)
    }

    /// Whether this session is still one of this process.
    pub fn is_here(&self, id: SessionId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Who this handle stands for.
    ///
    /// # Errors
    /// `SignedOut` with the reason when it stands for nobody any more.
    pub fn resolve(&self, session: &Session) -> Result<Resolved, Fault> {
        self.resolve_at(session, Moment::clock(), Instant::now())
    }

    /// Ends the sessions of this process that are over, whoever ended them: one read of shared memory unless somebody has
    /// committed something. A window that asks for nothing hears of its end by this.
    pub fn look(&self) {
        self.look_at(Moment::clock());
    }

    fn look_at(&self, now: i64) {
        let mut entries = self.lock();
        // Whoever calls next is told what is wrong with the database.
        let Ok(version) = self.watch.version() else { return };
        let is_due = |entry: &Entry| entry.has_stood && (entry.seen != Some(version) || entry.expires_at <= now);
        let due: Vec<SessionId> = entries.iter().filter(|(_, entry)| is_due(entry)).map(|(id, _)| *id).collect();
        for id in due {
            if let Err(why) = self.stand(&mut entries, id, version, now) {
                tracing::debug!(%id, kind = ?why.kind, "a session is over, or could not be looked up");
            }
        }
    }

    /// Whether the house was changed since `known`, which learns where it stands now. The first look finds nothing.
    pub fn house_changed(&self, known: &mut HouseMark) -> bool {
        let Ok(version) = self.watch.version() else { return false };
        if known.version.replace(version) == Some(version) {
            return false;
        }
        let Ok(end) = self.watch.trail_end() else { return false };
        known.trail_end.replace(end).is_some_and(|before| before != end)
    }

    /// Who holds this handle, without asking whether the session still stands: for what nobody is refused.
    ///
    /// # Errors
    /// `SignedOut` when it is nobody's.
    pub fn held(&self, session: &Session) -> Result<Resolved, Fault> {
        let mut entries = self.lock();
        let (entry, by) = Entry::of(&mut entries, session, Instant::now())?;
        Ok(entry.resolved(by))
    }

    fn resolve_at(&self, session: &Session, now: i64, instant: Instant) -> Result<Resolved, Fault> {
        let mut entries = self.lock();
        Entry::of(&mut entries, session, instant)?;
        let version = self.watch.version().map_err(Fault::from)?;
        self.stand(&mut entries, session.id, version, now)?;
        let (entry, by) = Entry::of(&mut entries, session, instant)?;
        Ok(entry.resolved(by))
    }

    /// Looks a session up anew if anything may have changed, and ends it if it is over.
    fn stand(
        &self,
        entries: &mut HashMap<SessionId, Entry>,
        id: SessionId,
        version: i64,
        now: i64,
    ) -> Result<(), Fault> {
        let entry = entries.get_mut(&id).ok_or_else(Fault::signed_out)?;
        if entry.seen != Some(version) || entry.expires_at <= now {
            let standing = match entry.unwritten {
                None => self.watch.session(id, now),
                Some(unwritten) => self.watch.unwritten(unwritten, now),
            };
            let over = match standing.map_err(Fault::from)? {
                Some(Standing { over: None, rank, exceptions, expires_at, limits, models, wants_second_factor }) => {
                    entry.expires_at = expires_at;
                    entry.rules = Arc::new(Rules { limits, models });
                    entry.wants_second_factor = wants_second_factor;
                    entry.account.role = rank;
                    entry.exceptions = exceptions
                        .iter()
                        .filter_map(|(name, allowed)| Some((Permission::parse(name)?, *allowed)))
                        .collect();
                    entry.seen = Some(version);
                    entry.has_stood = true;
                    None
                }
                Some(Standing { over: Some(why), .. }) => Some(why),
                None => Some("The session has ended.".to_owned()),
            };
            if let Some(why) = over {
                let why = Fault::new(FaultKind::SignedOut, why).hint("Sign in again.");
                // Said before it fires, so that whoever hears of the end knows the reason.
                entry.why.get_or_init(|| why.clone());
                entry.ended.cancel();
                entries.remove(&id);
                return Err(why);
            }
        }
        Ok(())
    }

    /// The passphrase was typed again: what it is good for hangs on a new handle from now on, so that whoever holds a copy
    /// of the old one has none of it.
    ///
    /// # Errors
    /// `SignedOut` when the session has ended meanwhile.
    pub fn confirm(&self, id: SessionId) -> Result<Session, Fault> {
        self.confirm_at(id, Instant::now())
    }

    fn confirm_at(&self, id: SessionId, now: Instant) -> Result<Session, Fault> {
        let handle = new_handle()?;
        let mut entries = self.lock();
        let entry = entries.get_mut(&id).ok_or_else(Fault::signed_out)?;
        entry.before = Some((std::mem::replace(&mut entry.handle, handle), now + GRACE));
        entry.confirmed_at = Some(now);
        Ok(Session::from_parts(id, handle))
    }

    /// Keeps the secret of a second factor to be until it is proved. One at a time: the newest.
    pub fn propose_factor(&self, id: SessionId, secret: Zeroizing<[u8; 20]>) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.proposed_factor = Some(secret);
        }
    }

    pub fn proposed_factor(&self, id: SessionId) -> Option<Zeroizing<[u8; 20]>> {
        self.lock().get(&id)?.proposed_factor.clone()
    }

    pub fn drop_proposed_factor(&self, id: SessionId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.proposed_factor = None;
        }
    }

    /// Lets go of the vault; an answer that is running holds its own handle until it ends, or until `end_work_of` says so.
    /// Gives the number of this lock.
    pub fn close_vault(&self, id: SessionId) -> u64 {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(&id) else { return 0 };
        entry.open = None;
        entry.proposed_factor = None;
        entry.locks += 1;
        entry.locks
    }

    pub fn open_vault(&self, id: SessionId, vault: Vault, key: RawKey) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.open = Some((vault, key));
            if entry.work.is_cancelled() {
                entry.work = entry.ended.child_token();
            }
        }
    }

    /// Ends what still runs `AFTER_LOCK` after this lock, unless the session was opened again in between.
    pub async fn end_work_of(&self, id: SessionId, lock: u64) {
        tokio::time::sleep(AFTER_LOCK).await;
        if let Some(entry) = self.lock().get(&id)
            && entry.open.is_none()
            && entry.locks == lock
        {
            entry.work.cancel();
        }
    }

    /// The vault's key, to wrap it once more. `None` while locked.
    pub fn data_key(&self, id: SessionId) -> Option<RawKey> {
        self.lock().get(&id)?.open.as_ref().map(|(_, key)| key.clone())
    }

    /// Forgets a session. Its token fires, which ends what runs under it.
    pub fn end(&self, id: SessionId) {
        if let Some(entry) = self.lock().remove(&id) {
            entry.ended.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_handle() -> Result<[u8; 32], Fault> {
    let handle = random::<32>().map_err(|_| Fault::new(FaultKind::Internal, "The system gave no random numbers."))?;
    Ok(*handle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{AccountId, auth::Role},
        store::{
            Db, StoreError,
            keys::new_data_key,
            system::{
                accounts, audit, scratch,
                sessions::{self, EXPIRED, NewSession},
            },
            vault,
        },
    };

    async fn signed_in(dir: &tempfile::TempDir, system: &Db, expires_at: i64) -> (LiveSessions, Session) {
        let live = LiveSessions::new(Watch::open(&dir.path().join("system.db")).unwrap());
        let account = Account { id: AccountId::new(), name: "ann".to_owned(), role: Role::User };
        let opened = vault::scratch::vault(dir);
        let session = live.begin(account.clone(), opened, new_data_key().unwrap(), Beginning::Typed).unwrap();
        let (id, place) = (session.id, String::new());
        system
            .write::<_, StoreError>(move |tx| {
                accounts::insert(tx, account.id, &account.name, account.role, uuid::Uuid::now_v7(), 0)?;
                let row = NewSession { id, account: account.id, epoch: 1, place, expires_at };
                sessions::insert(tx, &row, &scratch::at(0))
            })
            .await
            .unwrap();
        (live, session)
    }

    #[tokio::test]
    async fn a_session_is_over_when_its_time_is_though_nobody_commits_anything() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, session) = signed_in(&dir, &system, 1_000).await;
        let ended = live.resolve_at(&session, 10, Instant::now()).unwrap().ended;
        live.resolve_at(&session, 999, Instant::now()).unwrap();
        assert!(!ended.is_cancelled());
        let over = live.resolve_at(&session, 1_000, Instant::now()).unwrap_err();
        assert_eq!((over.kind, over.message.as_str()), (FaultKind::SignedOut, EXPIRED));
        assert!(ended.is_cancelled(), "what ran under it goes on");
        // It does not come back when the clock is set back.
        assert_eq!(live.resolve_at(&session, 10, Instant::now()).unwrap_err().kind, FaultKind::SignedOut);
    }

    #[tokio::test]
    async fn work_behind_a_locked_screen_ends_after_ten_minutes_and_goes_on_if_it_is_opened_before() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, session) = signed_in(&dir, &system, i64::MAX).await;
        let found = live.resolve(&session).unwrap();
        let (vault, work) = (found.vault.unwrap(), found.work);
        tokio::time::pause();
        let first = live.close_vault(session.id);
        live.open_vault(session.id, vault.clone(), new_data_key().unwrap());
        live.end_work_of(session.id, first).await;
        assert!(!work.is_cancelled(), "the screen was opened again");
        let second = live.close_vault(session.id);
        live.end_work_of(session.id, first).await;
        assert!(!work.is_cancelled(), "the time of the first lock was counted for the second");
        let before = tokio::time::Instant::now();
        live.end_work_of(session.id, second).await;
        assert!(work.is_cancelled());
        assert!(before.elapsed() >= Duration::from_mins(10));
        assert!(!found.ended.is_cancelled(), "the session itself stays");
        live.open_vault(session.id, vault, new_data_key().unwrap());
        assert!(!live.resolve(&session).unwrap().work.is_cancelled(), "new work may begin");
    }

    #[tokio::test]
    async fn typing_the_passphrase_again_changes_the_handle_and_the_old_one_is_worth_no_more_than_before() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, old) = signed_in(&dir, &system, i64::MAX).await;
        let begun = Instant::now();
        let later = begun + FRESH;
        assert!(!live.resolve_at(&old, 0, begun).unwrap().is_fresh(later));
        let new = live.confirm_at(old.id, later).unwrap();
        assert!(new.id == old.id && new.key() != old.key());
        assert!(live.resolve_at(&new, 0, later).unwrap().is_fresh(later));
        // What was under way with the old one goes on, but does nothing that the passphrase was typed for.
        assert!(!live.resolve_at(&old, 0, later).unwrap().is_fresh(later));
        let over = live.resolve_at(&old, 0, later + GRACE).unwrap_err();
        assert_eq!(over.kind, FaultKind::SignedOut);
        live.resolve_at(&new, 0, later + GRACE).unwrap();
        // The one before the last is refused at once.
        let newest = live.confirm_at(old.id, later).unwrap();
        assert_eq!(live.resolve_at(&old, 0, later).unwrap_err().kind, FaultKind::SignedOut);
        live.resolve_at(&new, 0, later).unwrap();
        live.resolve_at(&newest, 0, later).unwrap();
    }

    #[tokio::test]
    async fn a_look_ends_what_was_ended_elsewhere_with_the_reason_and_leaves_the_rest_alone() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, session) = signed_in(&dir, &system, 1_000).await;
        // Nobody has come with it yet, so that its row may still be on its way.
        live.look_at(5_000);
        let found = live.resolve_at(&session, 10, Instant::now()).unwrap();
        live.look_at(999);
        assert!(!found.ended.is_cancelled());
        let id = session.id;
        system.write(move |tx| sessions::end(tx, id, "You ended this session elsewhere.", 20)).await.unwrap();
        live.look_at(999);
        assert!(found.ended.is_cancelled());
        assert_eq!(found.why.get().unwrap().message, "You ended this session elsewhere.");
        assert!(!live.is_here(id), "its vault is held open");
    }

    #[tokio::test]
    async fn the_house_has_changed_when_its_trail_grew_and_not_with_every_commit() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, session) = signed_in(&dir, &system, i64::MAX).await;
        let mut mark = HouseMark::default();
        assert!(!live.house_changed(&mut mark), "the first look has nothing to compare with");
        let id = session.id;
        system.write(move |tx| sessions::end(tx, id, "Over.", 20)).await.unwrap();
        assert!(!live.house_changed(&mut mark), "a commit without an entry");
        system.write(|tx| audit::append(tx, &scratch::at(1), None, "users.lock", "ben", "ok")).await.unwrap();
        assert!(live.house_changed(&mut mark));
        assert!(!live.house_changed(&mut mark), "told twice");
    }

    #[tokio::test]
    async fn who_holds_a_handle_is_known_without_the_system_database() {
        let dir = tempfile::tempdir().unwrap();
        let system = scratch::system(&dir);
        let (live, session) = signed_in(&dir, &system, i64::MAX).await;
        system
            .maintain(|conn| {
                let gone = conn.execute_batch("ALTER TABLE sessions RENAME TO elsewhere");
                gone.map_err(|source| StoreError::Sql { doing: "breaking the database", source })
            })
            .await
            .unwrap();
        live.resolve(&session).unwrap_err();
        assert_eq!(live.held(&session).unwrap().account.name, "ann");
        let stranger = Session::from_parts(session.id, [0; 32]);
        assert_eq!(live.held(&stranger).unwrap_err().kind, FaultKind::SignedOut);
    }
}
