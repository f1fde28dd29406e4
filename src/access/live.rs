//! The sessions of this process: which handle stands for whom, with which open vault.
//!
//! Architecture invariant: a session is good only while its row in the system database is. Every call looks whether
//! anything was committed since the last one, by any process, and if so looks the row up again: disabling, locking,
//! demoting or ending a session elsewhere is felt at the very next call.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::op::Permission;
use crate::{
    api::{
        Fault, FaultKind, SessionId,
        auth::{Account, Role, Session},
    },
    store::{
        Vault,
        keys::random,
        open::RawKey,
        system::{Moment, sessions::Standing, watch::Watch},
    },
};

#[derive(Debug)]
pub struct LiveSessions {
    watch: Watch,
    entries: Mutex<HashMap<SessionId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    handle: [u8; 32],
    account: Account,
    /// `None` = locked: the vault's handle and the key in memory are gone.
    open: Option<(Vault, RawKey)>,
    ended: CancellationToken,
    /// Permissions taken from or given to the role, beyond its rank.
    exceptions: Vec<(Permission, bool)>,
    /// The system database's version at the last look.
    seen: Option<i64>,
    /// Milliseconds since 1970. Time passes without anybody committing.
    expires_at: i64,
    /// Whether the row is written. A session resumed at start-up is used before it is, so that the first screen does
    /// not wait for the disk.
    recorded: bool,
}

/// Who stands behind a handle at this moment.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub account: Account,
    /// `None` = locked.
    pub vault: Option<Vault>,
    pub ended: CancellationToken,
    exceptions: Vec<(Permission, bool)>,
}

impl Resolved {
    /// What the rank gives, unless the role's own table says otherwise.
    pub fn may(&self, permission: Permission) -> bool {
        match self.exceptions.iter().find(|(which, _)| *which == permission) {
            Some((_, allowed)) => *allowed,
            None => self.account.role >= permission.least_rank(),
        }
    }
}

impl LiveSessions {
    #[must_use]
    pub fn new(watch: Watch) -> Self {
        Self { watch, entries: Mutex::default() }
    }

    /// Begins a session in memory. `recorded` = its row is already written.
    pub fn begin(&self, account: Account, vault: Vault, key: RawKey, recorded: bool) -> Result<Session, Fault> {
        let handle =
            *random::<32>().map_err(|_| Fault::new(FaultKind::Internal, "The system gave no random numbers."))?;
        let session = Session::from_parts(SessionId::new(), handle);
        let entry = Entry {
            handle,
            account,
            open: Some((vault, key)),
            ended: CancellationToken::new(),
            exceptions: Vec::new(),
            seen: None,
            expires_at: i64::MAX,
            recorded,
        };
        self.lock().insert(session.id, entry);
        Ok(session)
    }

    /// The session's row is written now.
    pub fn recorded(&self, id: SessionId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.recorded = true;
        }
    }

    /// Who this handle stands for.
    ///
    /// # Errors
    /// `SignedOut` with the reason when it stands for nobody any more.
    pub fn resolve(&self, session: &Session) -> Result<Resolved, Fault> {
        let mut entries = self.lock();
        let entry = entries
            .get_mut(&session.id)
            .filter(|entry| bool::from(entry.handle.as_slice().ct_eq(session.key())))
            .ok_or_else(Fault::signed_out)?;
        if entry.recorded {
            let (version, now) = (self.watch.version().map_err(Fault::from)?, Moment::clock());
            if entry.seen != Some(version) || entry.expires_at <= now {
                let standing = self.watch.session(session.id, now).map_err(Fault::from)?;
                let over = match standing {
                    Some(Standing { over: None, rank, exceptions, expires_at }) => {
                        entry.expires_at = expires_at;
                        entry.account.role = rank;
                        entry.exceptions = exceptions
                            .iter()
                            .filter_map(|(name, allowed)| Some((Permission::parse(name)?, *allowed)))
                            .collect();
                        entry.seen = Some(version);
                        None
                    }
                    Some(Standing { over: Some(why), .. }) => Some(why),
                    None => Some("The session has ended.".to_owned()),
                };
                if let Some(why) = over {
                    entry.ended.cancel();
                    entries.remove(&session.id);
                    return Err(Fault::new(FaultKind::SignedOut, why).hint("Sign in again."));
                }
            }
        }
        Ok(Resolved {
            account: entry.account.clone(),
            vault: entry.open.as_ref().map(|(vault, _)| vault.clone()),
            ended: entry.ended.clone(),
            exceptions: entry.exceptions.clone(),
        })
    }

    /// Lets go of the vault; an answer that is running holds its own handle until it ends.
    pub fn close_vault(&self, id: SessionId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.open = None;
        }
    }

    pub fn open_vault(&self, id: SessionId, vault: Vault, key: RawKey) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.open = Some((vault, key));
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

impl Permission {
    /// The rank that has this permission where no table says otherwise.
    fn least_rank(self) -> Role {
        match self {
            Self::Own | Self::Chat | Self::Organise | Self::SeeModels | Self::SeeHealth => Role::User,
            Self::ManageModels | Self::ManageAccounts => Role::Admin,
        }
    }
}
