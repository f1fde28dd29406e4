//! Sessions as rows: where and when, and whether they are over. The handle that proves one is in memory only.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::Moment;
use crate::{
    api::{AccountId, SessionId, auth::Role},
    store::{StoreError, While},
};

/// A new session's row.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub account: AccountId,
    pub epoch: i64,
    /// The terminal, for the person's own list.
    pub place: String,
    pub expires_at: i64,
}

/// Why a session is over that ran its course.
pub const EXPIRED: &str = "The session has expired.";

/// What the store says of a session at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub rank: Role,
    /// Why it is over, if it is: the words for the person.
    pub over: Option<String>,
    /// What the role's own table allows or denies, beyond its rank.
    pub exceptions: Vec<(String, bool)>,
    /// When it is over by itself, milliseconds since 1970.
    pub expires_at: i64,
}

pub fn insert(tx: &Transaction<'_>, new: &NewSession, moment: &Moment) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sessions (id, account, epoch, place, os_uid, pid, started_at, expires_at)
         VALUES (:id, :account, :epoch, :place, :uid, :pid, :now, :expires)",
        named_params! {
            ":id": new.id.0, ":account": new.account.0, ":epoch": new.epoch, ":place": new.place,
            ":uid": moment.os_uid, ":pid": std::process::id(), ":now": moment.now, ":expires": new.expires_at,
        },
    )
    .while_("beginning a session")?;
    Ok(())
}

pub fn end(tx: &Transaction<'_>, id: SessionId, why: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sessions SET ended_at = :now, ended_why = :why WHERE id = :id AND ended_at IS NULL",
        named_params! { ":now": now, ":why": why, ":id": id.0 },
    )
    .while_("ending a session")?;
    Ok(())
}

/// Ends every session of the account but one.
pub fn end_others(
    tx: &Transaction<'_>,
    account: AccountId,
    keep: Option<SessionId>,
    why: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sessions SET ended_at = :now, ended_why = :why
         WHERE account = :account AND ended_at IS NULL AND id IS NOT :keep",
        named_params! { ":now": now, ":why": why, ":account": account.0, ":keep": keep.map(|id| id.0) },
    )
    .while_("ending sessions")?;
    Ok(())
}

/// How a session stands. `None` = there is no such row.
pub fn standing(conn: &Connection, id: SessionId, now: i64) -> Result<Option<Standing>, StoreError> {
    let found = conn
        .prepare_cached(
        "SELECT a.role, s.ended_at, s.ended_why, s.expires_at, s.epoch = a.epoch AS same_epoch, a.state, a.locked_until, r.rank
         FROM sessions s JOIN accounts a ON a.id = s.account JOIN roles r ON r.name = a.role WHERE s.id = :id",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":id": id.0 }, |row| {
            let state: String = row.get("state")?;
            let rank: String = row.get("rank")?;
            let locked_until: Option<i64> = row.get("locked_until")?;
            let expires_at: i64 = row.get("expires_at")?;
            let over = if row.get::<_, Option<i64>>("ended_at")?.is_some() {
                Some(row.get::<_, Option<String>>("ended_why")?.unwrap_or_else(|| "The session was ended.".to_owned()))
            } else if state != "active" {
                Some("This account is disabled.".to_owned())
            } else if let Some(until) = locked_until.filter(|until| *until > now) {
                let minutes = (until - now) / 60_000 + 1;
                Some(format!("This account is locked for another {minutes} min."))
            } else if !row.get::<_, bool>("same_epoch")? {
                Some("The account was changed; sign in again.".to_owned())
            } else if expires_at <= now {
                Some(EXPIRED.to_owned())
            } else {
                None
            };
            let rank = if rank == "admin" { Role::Admin } else { Role::User };
            Ok((row.get::<_, String>("role")?, Standing { rank, over, exceptions: Vec::new(), expires_at }))
        })
        .optional()
    })
    .while_("looking up a session")?;
    let Some((role, mut standing)) = found else { return Ok(None) };
    standing.exceptions = conn
        .prepare_cached("SELECT permission, allowed FROM role_permissions WHERE role = :role")
        .and_then(|mut select| {
            select.query_map(named_params! { ":role": role }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("looking up permissions")?;
    Ok(Some(standing))
}
