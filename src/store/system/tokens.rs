//! "Stay signed in": a family of tokens, of which one at a time is good.
//!
//! A token file holds the newest. Rotating it takes three steps, each of which may be the last before a power cut: the
//! next token is stored (pending), the file is replaced, the next one is confirmed. The current and the pending one are
//! both good, so at no point is there none; the one before the current is good for ten seconds, because two windows may
//! start at once. Any other one was copied: the family dies.

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// How long the predecessor of the current token is good, milliseconds.
const GRACE: i64 = 10_000;
/// Generations whose hashes are remembered, to tell a copied token from a mistyped one.
const REMEMBERED: i64 = 64;

/// What a presented token is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Good: opens this slot.
    Good {
        account: AccountId,
        slot: Uuid,
        generation: i64,
    },
    Expired,
    /// Used before, or never issued: somebody has a copy. Revoke the family.
    Reused {
        account: AccountId,
    },
    /// No such family, or it belongs to another OS user.
    Unknown,
}

/// Looks a token up; changes nothing.
pub fn present(
    tx: &Transaction<'_>,
    selector: &[u8; 16],
    hash: &[u8; 32],
    os_uid: u32,
    now: i64,
) -> Result<Presented, StoreError> {
    type Family = (Uuid, u32, i64, i64, i64);
    let family: Option<Family> = tx
        .query_row(
            "SELECT account, os_uid, generation, rotated_at, expires_at FROM token_families WHERE selector = :selector",
            named_params! { ":selector": selector.as_slice() },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()
        .while_("looking up a token")?;
    let Some((account, owner, current, rotated_at, expires_at)) = family else { return Ok(Presented::Unknown) };
    let account = AccountId(account);
    if owner != os_uid {
        return Ok(Presented::Unknown);
    }
    if expires_at <= now {
        return Ok(Presented::Expired);
    }
    let mut known = tx
        .prepare_cached("SELECT generation, hash, slot FROM tokens WHERE selector = :selector")
        .while_("looking up a token")?;
    let rows = known
        .query_map(named_params! { ":selector": selector.as_slice() }, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<Uuid>>(2)?))
        })
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .while_("looking up a token")?;
    // Every row is compared, and each in constant time.
    let mut found = None;
    for (generation, stored, slot) in rows {
        if bool::from(subtle::ConstantTimeEq::ct_eq(stored.as_slice(), hash.as_slice())) {
            found = Some((generation, slot));
        }
    }
    let good = |generation| {
        generation == current || generation == current + 1 || (generation == current - 1 && now - rotated_at <= GRACE)
    };
    Ok(match found {
        Some((generation, Some(slot))) if good(generation) => Presented::Good { account, slot, generation },
        Some(_) | None => Presented::Reused { account },
    })
}

/// A family to be: for which account, opening which slot, for whom, until when.
#[derive(Clone, Copy, Debug)]
pub struct NewFamily {
    pub account: AccountId,
    pub slot: Uuid,
    pub os_uid: u32,
    pub now: i64,
    pub expires_at: i64,
}

/// Begins a family whose first token is good at once.
pub fn begin(tx: &Transaction<'_>, selector: &[u8; 16], hash: &[u8; 32], new: NewFamily) -> Result<(), StoreError> {
    let NewFamily { account, slot, os_uid, now, expires_at } = new;
    tx.execute(
        "INSERT INTO token_families (selector, account, os_uid, generation, rotated_at, expires_at)
         VALUES (:selector, :account, :uid, 1, :now, :expires)",
        named_params! {
            ":selector": selector.as_slice(), ":account": account.0, ":uid": os_uid, ":now": now, ":expires": expires_at,
        },
    )
    .while_("issuing a token")?;
    insert(tx, selector, 1, hash, slot)
}

/// Stores the successor of the presented token as pending and gives its generation. The presented one becomes current;
/// an older pending one is forgotten.
pub fn prepare(
    tx: &Transaction<'_>,
    selector: &[u8; 16],
    presented: i64,
    hash: &[u8; 32],
    slot: Uuid,
) -> Result<i64, StoreError> {
    let current: i64 = tx
        .query_row(
            "SELECT generation FROM token_families WHERE selector = :selector",
            named_params! { ":selector": selector.as_slice() },
            |row| row.get(0),
        )
        .while_("rotating a token")?;
    let current = current.max(presented);
    tx.execute(
        "UPDATE token_families SET generation = :current WHERE selector = :selector",
        named_params! { ":current": current, ":selector": selector.as_slice() },
    )
    .while_("rotating a token")?;
    forget_slots(tx, selector, current + 1, i64::MAX)?;
    tx.execute(
        "DELETE FROM tokens WHERE selector = :selector AND generation > :current",
        named_params! { ":selector": selector.as_slice(), ":current": current },
    )
    .while_("rotating a token")?;
    insert(tx, selector, current + 1, hash, slot)?;
    Ok(current + 1)
}

/// The token file holds this generation now: it becomes current, and what is older than its predecessor opens nothing.
pub fn confirm(tx: &Transaction<'_>, selector: &[u8; 16], generation: i64, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE token_families SET generation = :generation, rotated_at = :now
         WHERE selector = :selector AND generation < :generation",
        named_params! { ":generation": generation, ":now": now, ":selector": selector.as_slice() },
    )
    .while_("confirming a token")?;
    forget_slots(tx, selector, 0, generation - 2)?;
    tx.execute(
        "DELETE FROM tokens WHERE selector = :selector AND generation <= :old",
        named_params! { ":selector": selector.as_slice(), ":old": generation - REMEMBERED },
    )
    .while_("confirming a token")?;
    Ok(())
}

/// Ends a family: its tokens open nothing any more.
pub fn revoke(tx: &Transaction<'_>, selector: &[u8; 16]) -> Result<(), StoreError> {
    forget_slots(tx, selector, 0, i64::MAX)?;
    tx.execute(
        "DELETE FROM token_families WHERE selector = :selector",
        named_params! { ":selector": selector.as_slice() },
    )
    .while_("revoking tokens")?;
    Ok(())
}

/// Ends every family of an account. Its session slots must be forgotten as well (`slots::delete_others`).
pub fn revoke_all(tx: &Transaction<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM token_families WHERE account = :account", named_params! { ":account": account.0 })
        .while_("revoking tokens")?;
    Ok(())
}

fn insert(
    tx: &Transaction<'_>,
    selector: &[u8; 16],
    generation: i64,
    hash: &[u8; 32],
    slot: Uuid,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tokens (selector, generation, hash, slot) VALUES (:selector, :generation, :hash, :slot)",
        named_params! {
            ":selector": selector.as_slice(), ":generation": generation, ":hash": hash.as_slice(), ":slot": slot,
        },
    )
    .while_("issuing a token")?;
    Ok(())
}

fn forget_slots(tx: &Transaction<'_>, selector: &[u8; 16], from: i64, to: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM key_slots WHERE id IN
         (SELECT slot FROM tokens WHERE selector = :selector AND generation BETWEEN :from AND :to AND slot IS NOT NULL)",
        named_params! { ":selector": selector.as_slice(), ":from": from, ":to": to },
    )
    .while_("forgetting old tokens")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::auth::Role,
        store::{
            Db,
            keys::{SlotKind, new_data_key, seal},
            system::{accounts, scratch, slots},
        },
    };

    const FAMILY: [u8; 16] = [9; 16];

    async fn account_with_family(db: &Db) -> (AccountId, Uuid) {
        let (account, vault) = (AccountId::new(), Uuid::now_v7());
        let slot = seal(account, vault, SlotKind::Session, b"t1", &new_data_key().unwrap()).unwrap();
        let id = slot.id;
        db.write(move |tx| {
            accounts::insert(tx, account, "ann", Role::User, vault, 0)?;
            slots::insert(tx, &slot, 0)?;
            begin(tx, &FAMILY, &[1; 32], NewFamily { account, slot: id, os_uid: 5, now: 0, expires_at: 1_000_000 })
        })
        .await
        .unwrap();
        (account, vault)
    }

    async fn ask(db: &Db, token: u8, now: i64) -> Presented {
        db.read(move |tx| present(tx, &FAMILY, &[token; 32], 5, now)).await.unwrap()
    }

    async fn rotate(db: &Db, (account, vault): (AccountId, Uuid), from: i64, to: u8, now: i64, confirmed: bool) {
        let slot = seal(account, vault, SlotKind::Session, &[to], &new_data_key().unwrap()).unwrap();
        db.write(move |tx| {
            slots::insert(tx, &slot, now)?;
            let next = prepare(tx, &FAMILY, from, &[to; 32], slot.id)?;
            if confirmed { confirm(tx, &FAMILY, next, now) } else { Ok(()) }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_power_cut_between_two_steps_leaves_a_good_token() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let who = account_with_family(&db).await;
        rotate(&db, who, 1, 2, 100, false).await;
        // Whichever of the two the file holds now, it is good.
        assert!(matches!(ask(&db, 1, 900_000).await, Presented::Good { generation: 1, .. }));
        assert!(matches!(ask(&db, 2, 900_000).await, Presented::Good { generation: 2, .. }));
        // The file was replaced and the confirmation lost: the pending one goes on.
        rotate(&db, who, 2, 3, 200, true).await;
        assert!(matches!(ask(&db, 3, 900_000).await, Presented::Good { generation: 3, .. }));
    }

    #[tokio::test]
    async fn an_old_token_gives_a_copy_away_but_two_windows_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let who = account_with_family(&db).await;
        rotate(&db, who, 1, 2, 100, true).await;
        assert!(matches!(ask(&db, 1, 100 + GRACE).await, Presented::Good { .. }));
        assert_eq!(ask(&db, 1, 101 + GRACE).await, Presented::Reused { account: who.0 });
        rotate(&db, who, 2, 3, 200, true).await;
        assert_eq!(ask(&db, 1, 201).await, Presented::Reused { account: who.0 });
        assert_eq!(ask(&db, 77, 201).await, Presented::Reused { account: who.0 });
        assert_eq!(ask(&db, 3, 1_000_000).await, Presented::Expired);
        let other_user = db.read(move |tx| present(tx, &FAMILY, &[3; 32], 6, 201)).await.unwrap();
        assert_eq!(other_user, Presented::Unknown);
        db.write(|tx| revoke(tx, &FAMILY)).await.unwrap();
        assert_eq!(ask(&db, 3, 201).await, Presented::Unknown);
    }
}
