//! Files of vaults that are nobody's: of purged accounts, and of accounts whose making was cut off. Noted before they are
//! needed, so that a file outlives neither a power cut nor a directory that could not be written for a while.
//!
//! Invariant: a file that is not noted here is never removed, whoever it seems to belong to: a system database that was
//! restored from a backup does not know the newest vaults.

use std::{fs, io, path::Path};

use rusqlite::{Transaction, named_params};
use uuid::Uuid;

use super::{Moment, empty_log};
use crate::store::{Db, StoreError, While};

/// How long making an account may take before its vault counts as abandoned, milliseconds.
const MAKING: i64 = 10 * 60 * 1000;

/// A vault is about to be made, and nobody's until `keep`.
pub fn expect(tx: &Transaction<'_>, vault: Uuid, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR REPLACE INTO vaults_to_remove (vault, not_before) VALUES (:vault, :then)",
        named_params! { ":vault": vault, ":then": now + MAKING },
    )
    .while_("noting a new vault")?;
    Ok(())
}

/// The vault is somebody's now.
pub fn keep(tx: &Transaction<'_>, vault: Uuid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM vaults_to_remove WHERE vault = :vault", named_params! { ":vault": vault })
        .while_("keeping a vault")?;
    Ok(())
}

/// The vault was given up: its files can go at once.
pub fn give_up(tx: &Transaction<'_>, vault: Uuid) -> Result<(), StoreError> {
    tx.execute("UPDATE vaults_to_remove SET not_before = 0 WHERE vault = :vault", named_params! { ":vault": vault })
        .while_("giving a new vault up")?;
    Ok(())
}

/// After keys were forgotten: out of the log too, and then the files that they opened.
///
/// # Errors
/// As `sweep`, or that the log cannot be emptied.
pub async fn remove(system: &Db, vaults: &Path) -> Result<(), StoreError> {
    let emptied = empty_log(system).await;
    sweep(system, vaults, Moment::clock()).await.and(emptied)
}

/// Removes what can be removed now. What cannot stays noted for the next time.
///
/// # Errors
/// The last file that could not be removed, or that the database cannot be read or written.
pub async fn sweep(system: &Db, vaults: &Path, now: i64) -> Result<(), StoreError> {
    // Nobody whose file this is may be among those who are known: the list is only ever a list of strangers.
    let due: Vec<Uuid> = system
        .read(move |tx| {
            tx.prepare_cached(
                "SELECT vault FROM vaults_to_remove r WHERE not_before <= :now
                 AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.vault = r.vault)
                 AND NOT EXISTS (SELECT 1 FROM sealed_vaults s WHERE s.vault = r.vault)",
            )
            .and_then(|mut select| select.query_map(named_params! { ":now": now }, |row| row.get(0))?.collect())
            .while_("looking for files to remove")
        })
        .await?;
    if due.is_empty() {
        return Ok(());
    }
    let vaults = vaults.to_path_buf();
    let removed = tokio::task::spawn_blocking(move || {
        let mut gone = Vec::new();
        let mut failed = None;
        for vault in due {
            match remove_files(&vaults, vault) {
                Ok(()) => gone.push(vault),
                Err(why) => failed = Some(why),
            }
        }
        (gone, failed)
    })
    .await;
    let Ok((gone, failed)) = removed else { return Err(StoreError::Closed) };
    system.write(move |tx| gone.into_iter().try_for_each(|vault| keep(tx, vault))).await?;
    failed.map_or(Ok(()), Err)
}

/// Everything that carries the vault's number: the database, its log, copies before an upgrade, what was set aside.
fn remove_files(vaults: &Path, vault: Uuid) -> Result<(), StoreError> {
    let number = vault.to_string();
    for entry in fs::read_dir(vaults).while_("looking through the vaults")? {
        let entry = entry.while_("looking through the vaults")?;
        let name = entry.file_name();
        let is_its =
            name.to_str().and_then(|name| name.strip_prefix(&number)).is_some_and(|rest| rest.starts_with('.'));
        if !is_its {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why).while_("removing a vault's file"),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{AccountId, auth::Role},
        store::system::{accounts, scratch, sealed},
    };

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn only_files_that_are_nobodys_and_were_noted_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let vaults = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let [anns, sealed_one, gone, making, unknown] = [(); 5].map(|()| Uuid::now_v7());
        for vault in [anns, sealed_one, gone, making, unknown] {
            fs::write(vaults.path().join(format!("{vault}.db")), "x").unwrap();
        }
        for ending in ["db-wal", "db-shm", "v1.bak", "db.corrupt-5"] {
            fs::write(vaults.path().join(format!("{gone}.{ending}")), "x").unwrap();
        }
        let ann = AccountId::new();
        db.write(move |tx| {
            accounts::insert(tx, ann, "ann", Role::User, sealed_one, 0)?;
            sealed::seal_current(tx, ann, 0)?;
            accounts::set_vault(tx, ann, anns)?;
            for vault in [anns, sealed_one, gone] {
                expect(tx, vault, 0)?;
                give_up(tx, vault)?;
            }
            expect(tx, making, 100)
        })
        .await
        .unwrap();
        sweep(&db, vaults.path(), 200).await.unwrap();
        let mut left = [anns, sealed_one, making, unknown].map(|vault| format!("{vault}.db"));
        left.sort();
        assert_eq!(names(vaults.path()), left);
        sweep(&db, vaults.path(), 100 + MAKING).await.unwrap();
        assert!(!names(vaults.path()).contains(&format!("{making}.db")));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_removed_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let vaults = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let vault = Uuid::now_v7();
        // A directory is no file, and not removed as one.
        let obstacle = vaults.path().join(format!("{vault}.db"));
        fs::create_dir(&obstacle).unwrap();
        db.write(move |tx| expect(tx, vault, -MAKING)).await.unwrap();
        sweep(&db, vaults.path(), 0).await.unwrap_err();
        fs::remove_dir(&obstacle).unwrap();
        fs::write(&obstacle, "x").unwrap();
        sweep(&db, vaults.path(), 0).await.unwrap();
        assert!(!obstacle.exists());
    }
}
