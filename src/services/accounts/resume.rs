//! "Stay signed in": coming in by the token file, and keeping the file fresh.
//!
//! The first screen waits for reads only. The token is rotated and the session recorded right after, in the background,
//! while the file is still held against other processes; if that fails (a full disk), the old token stays good and
//! the session goes on, as long as the token's family and the account stand.

use super::{
    Accounts, Opened, key_fault,
    token_file::{Token, TokenFile},
};
use crate::{
    access::live::Beginning,
    api::{
        AccountId, Fault, FaultKind, SessionId,
        auth::{Account, Role, SignedIn},
    },
    store::{
        StoreError,
        keys::{self, Slot, SlotKind},
        open::RawKey,
        system::{
            Moment,
            accounts::{self, AccountRow},
            audit, sessions, slots,
            tokens::{self, Presented},
            usage_days::Came,
        },
    },
};

/// What a token file turned out to be worth.
enum Worth {
    Good {
        account: Box<AccountRow>,
        slot: Box<Slot>,
        generation: i64,
    },
    /// Of no use any more, or never was: the file can go.
    Nothing,
    /// Somebody used a copy. The family must go, and the person must hear of it.
    Copied(AccountId),
}

impl Accounts {
    /// The session that the token file opens, if it opens one.
    pub(super) async fn resume(&self) -> Result<Option<SignedIn>, Fault> {
        let Some((file, token)) = self.held_token().await else { return Ok(None) };
        let (selector, hash) = (token.selector, token.hash());
        let worth = self
            .0
            .system
            .read(move |tx| {
                let moment = Moment::here();
                Ok::<_, StoreError>(match tokens::present(tx, &selector, &hash, moment.os_uid, moment.now)? {
                    Presented::Good { account, slot, generation } => {
                        let account = accounts::by_id(tx, account)?.filter(|account| {
                            account.is_active && account.locked_until.is_none_or(|until| until <= moment.now)
                        });
                        match (account, slots::by_id(tx, slot)?) {
                            (Some(account), Some(slot)) => {
                                Worth::Good { account: Box::new(account), slot: Box::new(slot), generation }
                            }
                            (_, _) => Worth::Nothing,
                        }
                    }
                    Presented::Expired | Presented::Unknown => Worth::Nothing,
                    Presented::Reused { account } => Worth::Copied(account),
                })
            })
            .await?;
        let (row, slot, generation) = match worth {
            Worth::Good { account, slot, generation } => (account, slot, generation),
            Worth::Nothing => {
                forget(&file);
                return Ok(None);
            }
            Worth::Copied(account) => {
                forget(&file);
                self.end_family(token.selector, account).await?;
                return Ok(None);
            }
        };
        let Ok(data_key) = keys::unseal(&slot, token.secret.as_slice()) else {
            forget(&file);
            return Ok(None);
        };
        let Opened { vault, notice } = self.open_vault(row.id, row.vault, data_key.clone()).await?;
        let account = Account { id: row.id, name: row.name.clone(), role: row.rank };
        let unwritten = sessions::Unwritten { account: row.id, epoch: row.epoch, selector: Some(token.selector) };
        let is_admin = account.role == Role::Admin;
        let trail = is_admin.then(|| vault.clone());
        let session = self.0.live.begin(account.clone(), vault, data_key.clone(), Beginning::Resumed(unwritten))?;
        let new = Self::session_row(&session, row.id, row.epoch);
        let this = self.clone();
        self.0.tasks.spawn("keeping you signed in", async move {
            if let Err(why) = this.rotate(file, &token, generation, &row, &data_key, new).await {
                tracing::warn!(%why, "the token was not rotated; the old one stays good");
            }
            if let Some(vault) = trail {
                this.remember_the_trail(vault);
            }
        });
        Ok(Some(SignedIn { session, account, recovery_code: None, notice, message: None }))
    }

    async fn rotate(
        &self,
        file: TokenFile,
        token: &Token,
        generation: i64,
        account: &AccountRow,
        data_key: &RawKey,
        session: sessions::NewSession,
    ) -> Result<(), Fault> {
        let next = token.successor().map_err(key_fault)?;
        let slot = keys::seal(account.id, account.vault, SlotKind::Session, next.secret.as_slice(), data_key)
            .map_err(key_fault)?;
        let (selector, hash, name, id) = (token.selector, next.hash(), account.name.clone(), session.id);
        let pending = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                sessions::insert(tx, &session, &moment)?;
                accounts::set_last_sign_in(tx, session.account, Came::Back, moment.now)?;
                audit::append(tx, &moment, Some(session.account), "auth.resume", &name, "ok")?;
                slots::insert(tx, &slot, moment.now)?;
                tokens::prepare(tx, &selector, generation, &hash, slot.id)
            })
            .await?;
        // From here on it can be ended from elsewhere, whatever becomes of the file.
        self.0.live.recorded(id);
        tokio::task::spawn_blocking(move || file.write(&next))
            .await
            .map_err(|_| Fault::new(FaultKind::Internal, "The token could not be written."))?
            .map_err(|why| Fault::new(FaultKind::Store, format!("The token file cannot be written: {why}.")))?;
        self.0.system.write(move |tx| tokens::confirm(tx, &selector, pending, Moment::clock())).await?;
        Ok(())
    }

    /// Begins a new family for this OS account.
    pub(super) async fn issue_token(&self, account: AccountId, session: SessionId) -> Result<(), Fault> {
        let data_key = self.0.live.data_key(session).ok_or_else(Fault::signed_out)?;
        let file = self.hold_file().await?;
        let known = self.0.system.read(move |tx| accounts::by_id(tx, account)).await?.ok_or_else(Fault::signed_out)?;
        let token = Token::new().map_err(key_fault)?;
        let slot = keys::seal(account, known.vault, SlotKind::Session, token.secret.as_slice(), &data_key)
            .map_err(key_fault)?;
        let (selector, hash) = (token.selector, token.hash());
        let lasts = i64::from(self.0.config.config().auth.stay_signed_in_days) * 24 * 60 * 60 * 1000;
        let old = file.read();
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                if let Some(old) = old {
                    tokens::revoke(tx, &old.selector)?;
                }
                slots::insert(tx, &slot, moment.now)?;
                let new = tokens::NewFamily {
                    account,
                    slot: slot.id,
                    os_uid: moment.os_uid,
                    now: moment.now,
                    expires_at: moment.now + lasts,
                };
                tokens::begin(tx, &selector, &hash, new)?;
                audit::append(tx, &moment, Some(account), "auth.stay_signed_in", &known.name, "ok")
            })
            .await?;
        file.write(&token)
            .map_err(|why| Fault::new(FaultKind::Store, format!("The token file cannot be written: {why}.")))
    }

    /// Removes the token file, if it is this account's, and ends its family. Without the file the token is nowhere, so a
    /// family that could not be ended (a full disk) is no reason to keep it.
    pub(super) async fn forget_token(&self, account: AccountId) -> Result<(), Fault> {
        let Some((file, token)) = self.held_token().await else { return Ok(()) };
        let (selector, hash) = (token.selector, token.hash());
        let owner = self
            .0
            .system
            .read(move |tx| {
                let moment = Moment::here();
                Ok::<_, StoreError>(match tokens::present(tx, &selector, &hash, moment.os_uid, moment.now)? {
                    Presented::Good { account, .. } | Presented::Reused { account } => account,
                    Presented::Expired | Presented::Unknown => account,
                })
            })
            .await?;
        if owner != account {
            return Ok(());
        }
        file.remove().map_err(|why| {
            Fault::new(FaultKind::Store, format!("The “stay signed in” file cannot be removed: {why}."))
                .hint("Remove the file signed-in in the state directory yourself.")
        })?;
        if let Err(why) = self.0.system.write(move |tx| tokens::revoke(tx, &selector)).await {
            tracing::warn!(%why, "a token whose file is gone could not be revoked");
        }
        Ok(())
    }

    async fn end_family(&self, selector: [u8; 16], account: AccountId) -> Result<(), Fault> {
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                tokens::revoke(tx, &selector)?;
                accounts::add_notice(
                    tx,
                    account,
                    "A copy of your “stay signed in” token was used, so it was revoked: sign in with your passphrase.",
                    moment.now,
                )?;
                audit::append(tx, &moment, Some(account), "auth.token_reused", "", "revoked")
            })
            .await?;
        Ok(())
    }

    async fn held_token(&self) -> Option<(TokenFile, Token)> {
        let file = self.hold_file().await.ok()?;
        let token = file.read()?;
        Some((file, token))
    }

    async fn hold_file(&self) -> Result<TokenFile, Fault> {
        let state = self.0.paths.state.clone();
        tokio::task::spawn_blocking(move || TokenFile::hold(&state))
            .await
            .map_err(|_| Fault::new(FaultKind::Internal, "The token file could not be looked at."))?
            .map_err(|why| Fault::new(FaultKind::Store, format!("The token file cannot be used: {why}.")))
    }
}

fn forget(file: &TokenFile) {
    if let Err(why) = file.remove() {
        tracing::warn!(%why, "a useless token file could not be removed");
    }
}
