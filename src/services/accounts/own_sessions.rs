//! One's own sessions: seen, ended, confirmed; and one's own way out for good.

use super::{Accounts, Found, SESSION_MS, recovery_slot, this_place};
use crate::{
    access::{Caller, Member},
    api::{
        AccountId, Fault, FaultKind, SessionId,
        admin::SessionRow,
        auth::{Secret, Session},
    },
    store::{
        Tx,
        system::{
            Moment,
            accounts::{self, AccountRow},
            audit, leftovers, roles, sessions, slots,
            throttle::{self, Tried},
        },
    },
};

impl Accounts {
    pub async fn sessions(&self, by: Caller<Member>) -> Result<Vec<SessionRow>, Fault> {
        self.settle_sessions().await;
        let (account, own) = (by.account, by.session);
        let mut rows = self.0.system.read(move |tx| sessions::live(tx, account, Some(own), Moment::clock())).await?;
        // A session that a token opened is used before its row is written, and one that began on a full disk without one.
        if !rows.iter().any(|row| row.is_own)
            && let Some(started_at) = self.0.live.began_at(own)
        {
            let (os_uid, pid) = (Moment::here().os_uid, std::process::id());
            let (place, expires_at) = (this_place(), started_at + SESSION_MS);
            let row = SessionRow { id: own, place, os_uid, pid, started_at, expires_at, is_own: true };
            let at = rows.iter().position(|row| row.started_at <= started_at).unwrap_or(rows.len());
            rows.insert(at, row);
        }
        Ok(rows)
    }

    /// A process that was killed could not end its sessions itself.
    async fn settle_sessions(&self) {
        if let Err(why) = sessions::settle(&self.0.system).await {
            tracing::warn!(%why, "sessions of programs that are gone could not be ended");
        }
    }

    /// Another account's session is answered as one that does not exist.
    pub async fn end_session(&self, by: Caller<Member>, which: SessionId) -> Result<(), Fault> {
        let account = by.account;
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                if !sessions::live(tx, account, None, moment.now)?.iter().any(|row| row.id == which) {
                    return Err(Fault::not_found("session"));
                }
                sessions::end(tx, which, "You ended this session elsewhere.", moment.now)?;
                let name = own_row(tx, account)?.name;
                audit::append(tx, &moment, Some(account), "sessions.end", &name, "ok")?;
                Ok(())
            })
            .await
    }

    pub async fn end_other_sessions(&self, by: Caller<Member>) -> Result<u32, Fault> {
        self.settle_sessions().await;
        let (account, session) = (by.account, by.session);
        let ended = self
            .0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let others = sessions::live(tx, account, Some(session), moment.now)?;
                let ended = others.iter().filter(|row| !row.is_own).count();
                super::end_others(tx, account, Some(session), "You ended this session elsewhere.", moment.now)?;
                let name = own_row(tx, account)?.name;
                audit::append(tx, &moment, Some(account), "sessions.end_others", &name, "ok")?;
                Ok::<_, Fault>(u32::try_from(ended).unwrap_or(u32::MAX))
            })
            .await?;
        self.forget_useless_token(account).await;
        Ok(ended)
    }

    pub async fn confirm(&self, by: Caller<Member>, passphrase: &Secret) -> Result<Session, Fault> {
        let account = by.account;
        let name = self.0.system.read(move |tx| own_row(tx, account)).await?.name;
        let Found { account: row, .. } = self.check_passphrase(&name, passphrase, "auth.confirm").await?;
        if row.id != account {
            return Err(Fault::signed_out());
        }
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                throttle::forgive(tx, &name, &moment)?;
                audit::append(tx, &moment, Some(account), "auth.confirm", &name, "ok")
            })
            .await?;
        self.0.live.confirm(by.session)
    }

    pub async fn new_recovery_code(&self, by: Caller<Member>) -> Result<Secret, Fault> {
        let (account, session) = (by.account, by.session);
        let data_key = self.0.live.data_key(session).ok_or_else(Fault::signed_out)?;
        let vault = self.0.system.read(move |tx| own_row(tx, account)).await?.vault;
        let (code, slot) = recovery_slot(account, vault, &data_key)?;
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let name = own_row(tx, account)?.name;
                slots::replace(tx, &slot, moment.now)?;
                throttle::forgive(tx, &Tried::RecoveryCode.of(&name), &moment)?;
                audit::append(tx, &moment, Some(account), "auth.new_recovery_code", &name, "ok")?;
                Ok::<_, Fault>(())
            })
            .await?;
        Ok(code)
    }

    /// Forgets the keys first: from that commit on nothing opens what the files hold, so a file that could not be removed
    /// (or a program that was killed here) leaves noise behind and nothing else. The row stays, so that nobody else gets
    /// the name that the audit trail speaks of.
    pub async fn leave_for_good(&self, by: Caller<Member>) -> Result<(), Fault> {
        let (account, session) = (by.account, by.session);
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let row = own_row(tx, account)?;
                sessions::end_others(tx, account, None, "This account was removed by its owner.", moment.now)?;
                accounts::forget_for_good(tx, account, moment.now)?;
                if !roles::is_administered(tx, moment.now)? {
                    return Err(Fault::new(FaultKind::Denied, "You are the last administrator.")
                        .hint("Make somebody else an administrator first."));
                }
                audit::append(tx, &moment, Some(account), "profile.delete_account", &row.name, "ok")?;
                Ok(())
            })
            .await?;
        self.forget_useless_token(account).await;
        // Our own handles first: nobody is left who could write into a file that is going.
        self.0.live.close_vault(session);
        drop(by);
        if let Err(why) = leftovers::remove(&self.0.system, &self.0.paths.vaults()).await {
            tracing::warn!(%why, "the files of a removed account stayed; nothing opens them, and they go at a later start");
        }
        // Last, without waiting for anything after it: ending the session breaks off what it asked for.
        self.0.live.end(session);
        Ok(())
    }
}

fn own_row(tx: &Tx<'_>, account: AccountId) -> Result<AccountRow, Fault> {
    accounts::by_id(tx, account)?.ok_or_else(Fault::signed_out)
}
