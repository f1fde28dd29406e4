//! Accounts: names, roles, which vault is theirs.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

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

pub fn set_last_sign_in(tx: &Transaction<'_>, id: AccountId, now: i64) -> Result<(), StoreError> {
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

/// When a second factor was added, and how many of its recovery codes are still good.
pub fn second_factor(tx: &Transaction<'_>, id: AccountId) -> Result<(Option<i64>, u32), StoreError> {
    tx.query_row(
        "SELECT (SELECT added_at FROM second_factors WHERE account = :id),
                (SELECT count(*) FROM second_factor_codes WHERE account = :id AND used_at IS NULL)",
        named_params! { ":id": id.0 },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .while_("looking up a second factor")
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
        deleted_at,
        locked_until: row.get("locked_until")?,
        vault: row.get("vault")?,
        epoch: row.get("epoch")?,
        last_sign_in: row.get("last_sign_in")?,
        created_at: row.get("created_at")?,
    })
}
