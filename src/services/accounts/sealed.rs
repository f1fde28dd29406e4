//! Sealed vaults: what a reset without the recovery code left behind, opened again when the code has turned up.
//!
//! Opening one changes it for the present vault, which is sealed in its place: nothing is mixed and nothing is lost. The
//! key of the one that is sealed is wrapped with that of the one that is opened, so that changing back takes the
//! passphrase alone; its own recovery code goes on opening it as well.
//!
//! Invariant: one transaction of the system database decides which of the two is open to the account; the files are never
//! touched. So whatever breaks off in between, it is the one or the other.

use std::{path::PathBuf, sync::Arc};

use super::{
    Accounts, Change, Entrance, Found, changed_meanwhile, end_others, key_fault, recovery_slot, second_factor,
};
use crate::{
    access::{Caller, Holder, Member},
    api::{
        AccountId, Fault, FaultKind, VaultId,
        auth::{Secret, SignedIn},
        profile::SealedVault,
    },
    store::{
        StoreError, Tx, Vault,
        keys::{self, KeyError, Slot, SlotKind},
        open::RawKey,
        system::{
            Moment,
            accounts::{self, AccountRow},
            audit, leftovers,
            sealed::{self, SealedRow, Wrapped},
            slots,
            throttle::Tried,
        },
    },
};

/// What opening a sealed vault changes.
struct Changed {
    /// As it is before.
    account: AccountRow,
    /// The vault that is open until then, and its key.
    before: RawKey,
    /// The sealed one, and its key.
    vault: uuid::Uuid,
    after: RawKey,
    passphrase: Slot,
    recovery: Slot,
}

impl Changed {
    fn store(&self, tx: &Tx<'_>, moment: &Moment) -> Result<(), Fault> {
        let (id, before, now) = (self.account.id, self.account.vault, moment.now);
        // Another window may have changed or forgotten it since it was looked at.
        sealed::get(tx, id, self.vault)?;
        // What was let in under the passphrase or a token knows only the other key; the recovery code's slot stays.
        slots::delete_others(tx, id, SlotKind::Passphrase, None)?;
        end_others(tx, id, None, "Another vault of this account was opened.", now)?;
        sealed::seal_current(tx, id, now)?;
        for row in sealed::of(tx, id)? {
            let key = if row.vault == before {
                Some(self.before.clone())
            } else {
                opened_by(&row, id, before, &self.before)?
            };
            if let Some(key) = key {
                let key = keys::seal_with(&self.after, id, &purpose(row.vault), key.as_slice()).map_err(key_fault)?;
                sealed::wrap(tx, row.vault, &Wrapped { by: self.vault, key })?;
            }
        }
        sealed::unseal(tx, self.vault)?;
        accounts::set_vault(tx, id, self.vault)?;
        slots::replace(tx, &self.passphrase, now)?;
        slots::replace(tx, &self.recovery, now)?;
        second_factor::seal_anew(tx, id, &self.before, &self.after)?;
        audit::append(tx, moment, Some(id), "account.vault_sealed", &self.account.name, "ok")?;
        let told = "The vault that was open before is sealed now, and kept: your account's data lists it.";
        Ok(accounts::add_notice(tx, id, told, now)?)
    }
}

impl Accounts {
    pub async fn sealed_vaults(&self, by: Caller<Member>) -> Result<Vec<SealedVault>, Fault> {
        let id = by.account;
        let (account, rows) = self
            .0
            .system
            .read(move |tx| {
                let account = accounts::by_id(tx, id)?.ok_or_else(Fault::signed_out)?;
                Ok::<_, Fault>((account, sealed::of(tx, id)?))
            })
            .await?;
        let listed: Vec<(SealedRow, PathBuf)> =
            rows.into_iter().map(|row| (row.clone(), self.vault_path(row.vault))).collect();
        let sized = tokio::task::spawn_blocking(move || {
            let shown = |(row, file): (SealedRow, PathBuf)| SealedVault {
                id: VaultId(row.vault),
                sealed_at: row.sealed_at,
                bytes: std::fs::metadata(file).map(|found| found.len()).ok(),
                needs_code: row.wrapped.is_none_or(|wrapped| wrapped.by != account.vault),
            };
            listed.into_iter().map(shown).collect()
        });
        sized.await.map_err(|_| Fault::new(FaultKind::Internal, "The sealed vaults could not be looked at."))
    }

    /// Changes the account's vault for a sealed one, and begins a session in that one.
    pub async fn open_sealed_vault(
        &self,
        by: Holder,
        which: VaultId,
        code: Option<Secret>,
        passphrase: &Secret,
    ) -> Result<SignedIn, Fault> {
        by.require_unlocked()?;
        let (id, vault) = (by.account.id, which.0);
        let code = code.filter(|code| !code.reveal().trim().is_empty());
        let code = code.map(|code| keys::read_recovery_code(&code).map_err(key_fault)).transpose()?;
        let find = move |tx: &Tx<'_>| {
            let row = sealed::get(tx, id, vault)?;
            Ok::<_, StoreError>((row, slots::of_vault(tx, id, vault, SlotKind::Recovery)?))
        };
        self.0.system.read(find).await?;
        let found = self.check_passphrase(&by.account.name, passphrase, "account.open_sealed").await?;
        if found.account.id != id {
            return Err(changed_meanwhile());
        }
        let Found { account, data_key: before } = found;
        let (row, slot) = self.0.system.read(find).await?;
        let tried = Tried::RecoveryCode.of(&account.name);
        let after = match (opened_by(&row, id, account.vault, &before)?, code) {
            (Some(key), _) => key,
            (None, None) => {
                return Err(Fault::invalid("This vault opens with its own recovery code only.")
                    .hint("It is the code that was shown when the vault began, or the last new one after that."));
            }
            (None, Some(code)) => {
                self.count_attempt(&tried, "account.open_sealed").await?;
                let opened = slot.and_then(|slot| keys::unseal(&slot, code.reveal().as_bytes()).ok());
                let Some(key) = opened else {
                    self.note_failure(&account.name, "account.open_sealed").await;
                    return Err(wrong_code());
                };
                key
            }
        };
        self.require_whole(id, vault, &after).await?;
        let (new_code, recovery) = recovery_slot(id, vault, &after)?;
        let passphrase = self.seal_passphrase(id, vault, passphrase, &after).await?;
        let forgives = vec![account.name.clone(), tried];
        let changed = Changed { account: account.clone(), before, vault, after: after.clone(), passphrase, recovery };
        let change: Change = Arc::new(move |tx, moment| changed.store(tx, moment));
        let entrance = Entrance {
            found: Found { account: AccountRow { vault, ..account }, data_key: after },
            action: "account.open_sealed",
            forgives,
            change: Some(change),
            begins: None,
            recovery_code: Some(new_code),
            is_inside: true,
        };
        let signed_in = self.begin_session(&entrance, None).await?;
        // Its answers in the other vault end with it, as far as they have come.
        self.0.live.end(by.session);
        self.forget_useless_token(id).await;
        Ok(signed_in)
    }

    /// Forgets the keys first: from that commit on nothing opens what the file holds.
    pub async fn forget_sealed_vault(&self, by: Caller<Member>, which: VaultId) -> Result<(), Fault> {
        let (id, vault) = (by.account, which.0);
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                sealed::get(tx, id, vault)?;
                sealed::forget(tx, vault, moment.now)?;
                let name = accounts::by_id(tx, id)?.ok_or_else(Fault::signed_out)?.name;
                audit::append(tx, &moment, Some(id), "account.forget_sealed", &name, "ok")?;
                Ok::<_, Fault>(())
            })
            .await?;
        if let Err(why) = leftovers::remove(&self.0.system, &self.0.paths.vaults()).await {
            tracing::warn!(%why, "the files of a forgotten vault stayed; nothing opens them, and they go at a later start");
        }
        Ok(())
    }

    /// A sealed vault is only taken for the present one if it is there and can be read: one that is missed would be begun
    /// anew otherwise, and one that is damaged set aside.
    async fn require_whole(&self, account: AccountId, vault: uuid::Uuid, key: &RawKey) -> Result<(), Fault> {
        let (path, key, cautious) = (self.vault_path(vault), key.clone(), self.0.cautious);
        if !path.exists() {
            return Err(Fault::new(FaultKind::Store, "The file of the sealed vault is not where it belongs.")
                .hint(format!("Put it back from a backup: {}.", crate::paths::quoted(&path))));
        }
        tokio::task::spawn_blocking(move || Vault::open(account, &path, &key, cautious).map(drop))
            .await
            .map_err(|_| Fault::new(FaultKind::Internal, "The vault could not be opened."))??;
        Ok(())
    }
}

/// The key of a sealed vault, if it is wrapped with that of the vault `by`.
fn opened_by(row: &SealedRow, account: AccountId, by: uuid::Uuid, key: &RawKey) -> Result<Option<RawKey>, Fault> {
    let Some(wrapped) = row.wrapped.as_ref().filter(|wrapped| wrapped.by == by) else { return Ok(None) };
    match keys::unseal_key_with(key, account, &purpose(row.vault), &wrapped.key) {
        Ok(key) => Ok(Some(key)),
        // The row was changed. The recovery code opens it all the same.
        Err(KeyError::Wrong) => Ok(None),
        Err(why @ (KeyError::Cost | KeyError::Random | KeyError::Mistyped)) => Err(key_fault(why)),
    }
}

/// What a sealed vault's key is wrapped for: that vault and nothing else.
fn purpose(vault: uuid::Uuid) -> String {
    format!("sealed vault {vault}")
}

fn wrong_code() -> Fault {
    Fault::new(FaultKind::WrongCredentials, "That recovery code does not open this vault.")
        .hint("Each vault has its own. Try again, or another of your codes; the vault stays as it is.")
}
