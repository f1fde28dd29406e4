//! Sessions as rows: where and when, and whether they are over. The handle that proves one is in memory only.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::Moment;
use crate::{
    api::{
        AccountId, SessionId,
        admin::{LimitRule, Limited, ModelRule, SecondFactorPolicy},
        auth::Role,
    },
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
    /// The account's own first, then its role's.
    pub limits: Vec<LimitRule>,
    /// Of the account and its role together.
    pub models: Vec<ModelRule>,
    /// The rules of the house demand a second factor, and there is none.
    pub wants_second_factor: bool,
}

pub fn insert(tx: &Transaction<'_>, new: &NewSession, moment: &Moment) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sessions (id, account, epoch, place, os_uid, pid, pid_began, started_at, expires_at)
         VALUES (:id, :account, :epoch, :place, :uid, :pid, :began, :now, :expires)",
        named_params! {
            ":id": new.id.0, ":account": new.account.0, ":epoch": new.epoch, ":place": new.place,
            ":uid": moment.os_uid, ":pid": std::process::id(),
            ":began": super::process_began(std::process::id()).unwrap_or(0), ":now": moment.now, ":expires": new.expires_at,
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
        "SELECT a.id AS account, a.role, s.ended_at, s.ended_why, s.expires_at, s.epoch = a.epoch AS same_epoch, a.state,
                a.deleted_at, a.locked_until, r.rank,
                EXISTS (SELECT 1 FROM second_factors f WHERE f.account = a.id) AS has_second_factor
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
            } else if state != "active" || row.get::<_, Option<i64>>("deleted_at")?.is_some() {
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
            let standing = Standing {
                rank,
                over,
                exceptions: Vec::new(),
                expires_at,
                limits: Vec::new(),
                models: Vec::new(),
                wants_second_factor: !row.get::<_, bool>("has_second_factor")?,
            };
            Ok((row.get::<_, uuid::Uuid>("account")?, row.get::<_, String>("role")?, standing))
        })
        .optional()
    })
    .while_("looking up a session")?;
    let Some((account, role, mut standing)) = found else { return Ok(None) };
    standing.exceptions = conn
        .prepare_cached("SELECT permission, allowed FROM role_permissions WHERE role = :role")
        .and_then(|mut select| {
            select.query_map(named_params! { ":role": role }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("looking up permissions")?;
    standing.limits = limits(conn, Some(account), Some(&role))?;
    standing.models = models(conn, Some(account), Some(&role))?;
    standing.wants_second_factor &= match super::policy::current(conn)?.second_factor {
        SecondFactorPolicy::Voluntary => false,
        SecondFactorPolicy::Administrators => standing.rank == Role::Admin,
        SecondFactorPolicy::Everybody => true,
    };
    Ok(Some(standing))
}

/// Other limits than the configured ones: the account's own first, then its role's.
pub fn limits(
    conn: &Connection,
    account: Option<uuid::Uuid>,
    role: Option<&str>,
) -> Result<Vec<LimitRule>, StoreError> {
    let rows: Vec<(String, u32)> = conn
        .prepare_cached(
            "SELECT limited, most FROM limits WHERE account = :account OR role = :role ORDER BY account IS NULL, limited",
        )
        .and_then(|mut select| {
            let named = named_params! { ":account": account, ":role": role };
            select.query_map(named, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("looking up limits")?;
    // A limit that only a newer program knows is not this one's to hold.
    let known = |(limited, most): (String, u32)| Some(LimitRule { limited: Limited::parse(&limited)?, most });
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Which models the account and the role may see and use, together.
pub fn models(
    conn: &Connection,
    account: Option<uuid::Uuid>,
    role: Option<&str>,
) -> Result<Vec<ModelRule>, StoreError> {
    conn.prepare_cached(
        "SELECT pattern, allowed FROM model_access WHERE account = :account OR role = :role ORDER BY allowed, pattern",
    )
    .and_then(|mut select| {
        let named = named_params! { ":account": account, ":role": role };
        select.query_map(named, |row| Ok(ModelRule { pattern: row.get(0)?, allowed: row.get(1)? }))?.collect()
    })
    .while_("looking up which models are allowed")
}
