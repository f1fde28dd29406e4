//! Accounts: names, roles, which vault is theirs.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::{
    changes, storage_days,
    usage_days::{self, Came},
    usage_sums,
};
use crate::{
    api::{AccountId, auth::Role},
    store::{StoreError, While},
};

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub id: AccountId,
    pub name: String,
    pub rank: Role,
    pub role: String,
    pub display_name: Option<String>,
    /// Neither invited nor disabled nor deleted.
    pub is_active: bool,
    /// Waits for its person to come with the one-time code.
    pub is_invited: bool,
    /// Shut by an administrator; also where it is deleted besides.
    pub is_disabled: bool,
    pub deleted_at: Option<i64>,
    /// Milliseconds since 1970; not before then may it sign in.
    pub locked_until: Option<i64>,
    pub vault: Uuid,
    pub epoch: i64,
    pub last_sign_in: Option<i64>,
    pub created_at: i64,
}

const COLUMNS: &str =
    "SELECT a.id, a.name, a.display_name, a.role, r.rank, a.state, a.deleted_at, a.locked_until, a.vault,
                              a.epoch, a.last_sign_in, a.created_at
                       FROM accounts a JOIN roles r ON r.name = a.role";

/// Names are compared without case.
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub fn any(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    tx.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |row| row.get(0)).while_("looking for accounts")
}

pub fn by_name(tx: &Transaction<'_>, name: &str) -> Result<Option<AccountRow>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE a.name_key = :key"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":key": name_key(name) }, from_row).optional())
        .while_("looking up an account")
}

pub fn by_id(tx: &Transaction<'_>, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
    tx.prepare_cached(&[COLUMNS, " WHERE a.id = :id"].concat())
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, from_row).optional())
        .while_("looking up an account")
}

pub fn insert(
    tx: &Transaction<'_>,
    id: AccountId,
    name: &str,
    role: Role,
    vault: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO accounts (id, name, name_key, role, vault, created_at) VALUES (:id, :name, :key, :role, :vault, :now)",
        named_params! {
            ":id": id.0, ":name": name, ":key": name_key(name), ":role": role.as_str(), ":vault": vault, ":now": now,
        },
    )
    .while_("adding an account")?;
    Ok(())
}

/// An account without a passphrase: its person comes with a one-time code. Its vault begins then.
pub fn invite(tx: &Transaction<'_>, new: &Invited<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO accounts (id, name, name_key, display_name, role, state, vault, created_at)
         VALUES (:id, :name, :key, :display, :role, 'invited', :vault, :now)",
        named_params! {
            ":id": new.id.0, ":name": new.name, ":key": name_key(new.name), ":display": new.display_name,
            ":role": new.role, ":vault": Uuid::now_v7(), ":now": new.now,
        },
    )
    .while_("adding an account")?;
    Ok(())
}

/// An account to be, as an administrator makes it.
#[derive(Clone, Copy, Debug)]
pub struct Invited<'a> {
    pub id: AccountId,
    pub name: &'a str,
    pub display_name: Option<&'a str>,
    pub role: &'a str,
    pub now: i64,
}

/// How an account stands, apart from the trash and a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Invited,
    Active,
    Disabled,
}

pub fn set_state(tx: &Transaction<'_>, id: AccountId, state: State) -> Result<(), StoreError> {
    let state = match state {
        State::Invited => "invited",
        State::Active => "active",
        State::Disabled => "disabled",
    };
    tx.execute("UPDATE accounts SET state = :state WHERE id = :id", named_params! { ":state": state, ":id": id.0 })
        .while_("changing an account")?;
    Ok(())
}

pub fn set_locked_until(tx: &Transaction<'_>, id: AccountId, until: Option<i64>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE accounts SET locked_until = :until WHERE id = :id",
        named_params! { ":until": until, ":id": id.0 },
    )
    .while_("locking an account")?;
    Ok(())
}

/// Into the trash, or out of it.
pub fn set_deleted_at(tx: &Transaction<'_>, id: AccountId, at: Option<i64>) -> Result<(), StoreError> {
    tx.execute("UPDATE accounts SET deleted_at = :at WHERE id = :id", named_params! { ":at": at, ":id": id.0 })
        .while_("deleting an account")?;
    Ok(())
}

pub fn set_role(tx: &Transaction<'_>, id: AccountId, role: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE accounts SET role = :role WHERE id = :id", named_params! { ":role": role, ":id": id.0 })
        .while_("giving another role")?;
    Ok(())
}

pub fn set_vault(tx: &Transaction<'_>, id: AccountId, vault: Uuid) -> Result<(), StoreError> {
    tx.execute("UPDATE accounts SET vault = :vault WHERE id = :id", named_params! { ":vault": vault, ":id": id.0 })
        .while_("beginning a new vault")?;
    Ok(())
}

/// Forgets an account with its keys and everything that hangs on it; what the trail says of it stays. Its vaults'
/// files are noted for `leftovers`, which removes them.
pub fn purge(tx: &Transaction<'_>, id: AccountId, now: i64) -> Result<(), StoreError> {
    note_files(tx, id, now)?;
    usage_sums::forget(tx, id)?;
    usage_days::forget(tx, id)?;
    storage_days::forget(tx, id)?;
    for table in [
        "DELETE FROM sealed_vaults WHERE account = :id",
        "DELETE FROM buckets WHERE who = :id",
        "DELETE FROM usage WHERE account = :id",
        // Its slots, sessions, tokens, codes, notices and rules go with it.
        "DELETE FROM accounts WHERE id = :id",
    ] {
        tx.execute(table, named_params! { ":id": id.0 }).while_("forgetting an account")?;
    }
    changes::bump(tx, changes::Kind::Sums)
}

/// Notes that somebody came in, also among what is counted of the day.
pub fn set_last_sign_in(tx: &Transaction<'_>, id: AccountId, came: Came, now: i64) -> Result<(), StoreError> {
    usage_days::came(tx, usage_days::wall_day(&crate::zone::local(), now), id, came)?;
    tx.execute("UPDATE accounts SET last_sign_in = :now WHERE id = :id", named_params! { ":now": now, ":id": id.0 })
        .while_("noting a sign-in")?;
    Ok(())
}

/// The name that others see; `None` takes it away.
pub fn set_display_name(tx: &Transaction<'_>, id: AccountId, name: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE accounts SET display_name = :name WHERE id = :id", named_params! { ":name": name, ":id": id.0 })
        .while_("changing a display name")?;
    Ok(())
}

/// Forgets every key of an account, and whatever else lets somebody in. Its vaults' files, those of the sealed ones included,
/// are noted for `leftovers`: nothing opens them any more. The row stays, so that nobody else gets a name that the audit
/// trail speaks of, until an administrator purges it.
pub fn forget_for_good(tx: &Transaction<'_>, id: AccountId, now: i64) -> Result<(), StoreError> {
    note_files(tx, id, now)?;
    for forget in [
        "DELETE FROM key_slots WHERE account = :id",
        "DELETE FROM token_families WHERE account = :id",
        "DELETE FROM activation_codes WHERE account = :id",
        "DELETE FROM second_factor_codes WHERE account = :id",
        "DELETE FROM second_factors WHERE account = :id",
        "DELETE FROM sealed_vaults WHERE account = :id",
        "DELETE FROM notices WHERE account = :id",
    ] {
        tx.execute(forget, named_params! { ":id": id.0 }).while_("forgetting an account's keys")?;
    }
    tx.execute(
        "UPDATE accounts SET state = 'disabled', deleted_at = coalesce(deleted_at, :now), display_name = NULL,
                             epoch = epoch + 1, vault = :none
         WHERE id = :id",
        named_params! { ":id": id.0, ":now": now, ":none": Uuid::now_v7() },
    )
    .while_("removing an account")?;
    Ok(())
}

/// Takes what there is to tell this person, once.
pub fn take_notices(tx: &Transaction<'_>, id: AccountId) -> Result<Vec<String>, StoreError> {
    let texts = tx
        .prepare_cached("SELECT text FROM notices WHERE account = :id ORDER BY seq")
        .and_then(|mut select| select.query_map(named_params! { ":id": id.0 }, |row| row.get(0))?.collect())
        .while_("reading notices")?;
    tx.execute("DELETE FROM notices WHERE account = :id", named_params! { ":id": id.0 }).while_("clearing notices")?;
    Ok(texts)
}

pub fn add_notice(tx: &Transaction<'_>, id: AccountId, text: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO notices (account, at, text) VALUES (:id, :now, :text)",
        named_params! { ":id": id.0, ":now": now, ":text": text },
    )
    .while_("leaving a notice")?;
    Ok(())
}

fn note_files(tx: &Transaction<'_>, id: AccountId, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR REPLACE INTO vaults_to_remove (vault, not_before)
         SELECT vault, :now FROM accounts WHERE id = :id UNION SELECT vault, :now FROM sealed_vaults WHERE account = :id",
        named_params! { ":id": id.0, ":now": now },
    )
    .while_("noting whose files are to go")?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    let rank: String = row.get("rank")?;
    let state: String = row.get("state")?;
    let deleted_at: Option<i64> = row.get("deleted_at")?;
    Ok(AccountRow {
        id: AccountId(row.get("id")?),
        name: row.get("name")?,
        rank: if rank == "admin" { Role::Admin } else { Role::User },
        role: row.get("role")?,
        display_name: row.get("display_name")?,
        is_active: state == "active" && deleted_at.is_none(),
        is_invited: state == "invited" && deleted_at.is_none(),
        is_disabled: state == "disabled",
        deleted_at,
        locked_until: row.get("locked_until")?,
        vault: row.get("vault")?,
        epoch: row.get("epoch")?,
        last_sign_in: row.get("last_sign_in")?,
        created_at: row.get("created_at")?,
    })
}
