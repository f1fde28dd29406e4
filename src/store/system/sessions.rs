//! Sessions as rows: where and when, and whether they are over. The handle that proves one is in memory only.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::Moment;
use crate::{
    api::{
        AccountId, SessionId,
        admin::{LimitRule, Limited, ModelRule, SessionRow},
        auth::Role,
    },
    store::{Db, StoreError, While},
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

/// How long a session's row stays after it is over, milliseconds: whoever still holds the session is told why it ended.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
/// With each new row so many of the oldest are looked at, so that more go than come.
const LOOKED_AT: i64 = 8;

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
        "INSERT INTO sessions (id, account, epoch, place, os_uid, pid, pid_began, boot_id, pid_space, started_at, expires_at)
         VALUES (:id, :account, :epoch, :place, :uid, :pid, :began, :boot, :space, :now, :expires)",
        named_params! {
            ":id": new.id.0, ":account": new.account.0, ":epoch": new.epoch, ":place": new.place,
            ":uid": moment.os_uid, ":pid": std::process::id(),
            ":began": super::process_began(std::process::id()).unwrap_or(0), ":boot": moment.boot_id,
            ":space": super::pid_space(), ":now": moment.now, ":expires": new.expires_at,
        },
    )
    .while_("beginning a session")?;
    forget_old(tx, moment.now)
}

/// Every command begins a session, so their rows are not kept for ever.
fn forget_old(tx: &Transaction<'_>, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions ORDER BY rowid LIMIT :some)
             AND coalesce(ended_at, expires_at) < :before",
    )
    .and_then(|mut delete| delete.execute(named_params! { ":some": LOOKED_AT, ":before": now - KEPT }))
    .while_("forgetting sessions that ended long ago")?;
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

/// Ends every session of the account but one, and says how many were ended. The account enters a new epoch, which `keep`
/// follows: a session whose row is not written yet, in whatever process, is over as well.
pub fn end_others(
    tx: &Transaction<'_>,
    account: AccountId,
    keep: Option<SessionId>,
    why: &str,
    now: i64,
) -> Result<Ended, StoreError> {
    let keep = keep.map(|id| id.0);
    let sessions = tx
        .execute(
            "UPDATE sessions SET ended_at = :now, ended_why = :why
             WHERE account = :account AND ended_at IS NULL AND id IS NOT :keep",
            named_params! { ":now": now, ":why": why, ":account": account.0, ":keep": keep },
        )
        .while_("ending sessions")?;
    let epoch = tx
        .query_row(
            "UPDATE accounts SET epoch = epoch + 1 WHERE id = :account RETURNING epoch",
            named_params! { ":account": account.0 },
            |row| row.get(0),
        )
        .while_("ending sessions")?;
    tx.execute(
        "UPDATE sessions SET epoch = :epoch WHERE id = :keep AND account = :account",
        named_params! { ":epoch": epoch, ":keep": keep, ":account": account.0 },
    )
    .while_("keeping a session")?;
    Ok(Ended { sessions: u32::try_from(sessions).unwrap_or(u32::MAX), epoch })
}

/// What `end_others` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub sessions: u32,
    pub epoch: i64,
}

/// Sessions that nobody ended and whose program is gone all the same: killed, or the machine was restarted.
/// A cheap question before `end_dead`, which writes.
pub fn dead(tx: &Transaction<'_>, moment: &Moment) -> Result<Vec<SessionId>, StoreError> {
    type Process = (uuid::Uuid, u32, u32, i64, String, String);
    let open: Vec<Process> = tx
        .prepare_cached(
            "SELECT id, os_uid, pid, pid_began, boot_id, pid_space FROM sessions
             WHERE ended_at IS NULL AND expires_at > :now",
        )
        .and_then(|mut select| {
            let process = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Process> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            };
            select.query_map(named_params! { ":now": moment.now }, process)?.collect()
        })
        .while_("looking for sessions whose program is gone")?;
    let here = super::pid_space();
    let is_dead = |(_, os_uid, pid, began, boot, space): &Process| {
        let is_known = *began != 0 && !boot.is_empty();
        let was_before_the_restart = *boot != moment.boot_id;
        // Another container's processes are not seen from here, and another OS user's may be hidden.
        let can_be_seen = *space == here && *os_uid == moment.os_uid;
        let has_ended = || can_be_seen && super::process_began(*pid) != Some(*began);
        is_known && (was_before_the_restart || has_ended())
    };
    Ok(open.into_iter().filter(is_dead).map(|(id, ..)| SessionId(id)).collect())
}

/// Writes down that these are over.
pub fn end_dead(tx: &Transaction<'_>, dead: &[SessionId], now: i64) -> Result<(), StoreError> {
    dead.iter().try_for_each(|id| end(tx, *id, "Its program has ended.", now))
}

/// Writes down which sessions are over without having been ended, if there are any.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn settle(system: &Db) -> Result<(), StoreError> {
    let found = system.read(|tx| dead(tx, &Moment::here())).await?;
    if found.is_empty() {
        return Ok(());
    }
    system.write(move |tx| end_dead(tx, &found, Moment::clock())).await
}

/// The live sessions of an account, newest first. Those whose program is gone are to be ended before.
pub fn live(
    tx: &Transaction<'_>,
    account: AccountId,
    own: Option<SessionId>,
    now: i64,
) -> Result<Vec<SessionRow>, StoreError> {
    tx.prepare_cached(
        "SELECT s.id, s.place, s.os_uid, s.pid, s.started_at, s.expires_at
         FROM sessions s JOIN accounts a ON a.id = s.account
         WHERE s.account = :account AND s.ended_at IS NULL AND s.expires_at > :now AND s.epoch = a.epoch
         ORDER BY s.started_at DESC, s.id DESC",
    )
    .and_then(|mut select| {
        select
            .query_map(named_params! { ":account": account.0, ":now": now }, |row| {
                let id = SessionId(row.get("id")?);
                Ok(SessionRow {
                    id,
                    place: row.get("place")?,
                    os_uid: row.get("os_uid")?,
                    pid: row.get("pid")?,
                    started_at: row.get("started_at")?,
                    expires_at: row.get("expires_at")?,
                    is_own: own == Some(id),
                })
            })?
            .collect()
    })
    .while_("listing sessions")
}

/// How a session stands. `None` = there is no such row.
pub fn standing(conn: &Connection, id: SessionId, now: i64) -> Result<Option<Standing>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT a.id AS account, a.role, s.ended_at, s.ended_why, s.expires_at, s.epoch = a.epoch AS same_epoch,
                    a.state, a.deleted_at, a.locked_until, r.rank,
                    EXISTS (SELECT 1 FROM second_factors f WHERE f.account = a.id) AS has_second_factor
             FROM sessions s JOIN accounts a ON a.id = s.account JOIN roles r ON r.name = a.role WHERE s.id = :id",
        )
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0 }, |row| stands(row, now)).optional())
        .while_("looking up a session")?;
    found.map(|found| with_rules(conn, found)).transpose()
}

/// What a session goes by while its row is not written: it was resumed by a token just now, or the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten {
    pub account: AccountId,
    /// The account's, when the token or the passphrase was looked at.
    pub epoch: i64,
    /// The token's family, where a token was used: ended, it takes the session along.
    pub selector: Option<[u8; 16]>,
}

/// How a session without a row stands: as its account and its token's family do. `None` = one of them is gone.
pub fn standing_unwritten(conn: &Connection, session: Unwritten, now: i64) -> Result<Option<Standing>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT a.id AS account, a.role, NULL AS ended_at, NULL AS ended_why,
                    coalesce(t.expires_at, :now + 1) AS expires_at,
                    a.epoch = :epoch AS same_epoch, a.state, a.deleted_at, a.locked_until, r.rank,
                    EXISTS (SELECT 1 FROM second_factors f WHERE f.account = a.id) AS has_second_factor
             FROM accounts a JOIN roles r ON r.name = a.role
             LEFT JOIN token_families t ON t.selector = :selector AND t.account = a.id
             WHERE a.id = :account AND (:selector IS NULL OR t.selector IS NOT NULL)",
        )
        .and_then(|mut find| {
            let named = named_params! {
                ":epoch": session.epoch, ":selector": session.selector, ":now": now, ":account": session.account.0,
            };
            find.query_row(named, |row| stands(row, now)).optional()
        })
        .while_("looking up a session")?;
    found.map(|found| with_rules(conn, found)).transpose()
}

/// Account, role, and how it stands as far as one row says.
type Stands = (uuid::Uuid, String, Standing);

fn stands(row: &Row<'_>, now: i64) -> rusqlite::Result<Stands> {
    let state: String = row.get("state")?;
    let rank: String = row.get("rank")?;
    let locked_until: Option<i64> = row.get("locked_until")?;
    let expires_at: i64 = row.get("expires_at")?;
    let over = if row.get::<_, Option<i64>>("ended_at")?.is_some() {
        Some(row.get::<_, Option<String>>("ended_why")?.unwrap_or_else(|| "The session was ended.".to_owned()))
    } else if row.get::<_, Option<i64>>("deleted_at")?.is_some() {
        Some("This account was deleted.".to_owned())
    } else if state == "invited" {
        Some("This account was reset: come in with the one-time code.".to_owned())
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
    let standing = Standing {
        rank: if rank == "admin" { Role::Admin } else { Role::User },
        over,
        exceptions: Vec::new(),
        expires_at,
        limits: Vec::new(),
        models: Vec::new(),
        wants_second_factor: !row.get::<_, bool>("has_second_factor")?,
    };
    Ok((row.get("account")?, row.get("role")?, standing))
}

fn with_rules(conn: &Connection, (account, role, mut standing): Stands) -> Result<Standing, StoreError> {
    standing.exceptions = conn
        .prepare_cached("SELECT permission, allowed FROM role_permissions WHERE role = :role")
        .and_then(|mut select| {
            select.query_map(named_params! { ":role": role }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("looking up permissions")?;
    standing.limits = limits(conn, Some(account), Some(&role))?;
    standing.models = models(conn, Some(account), Some(&role))?;
    standing.wants_second_factor &= super::policy::second_factor(conn)?.demands_from(standing.rank);
    Ok(standing)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::{accounts, pid_space, process_began, scratch};

    /// A session of this process, whose row is then changed.
    async fn session(db: &Db, account: AccountId, change: &'static str) -> SessionId {
        let id = SessionId::new();
        db.write(move |tx| {
            let row = NewSession { id, account, epoch: 1, place: "/dev/pts/1".to_owned(), expires_at: 1_000 };
            insert(tx, &row, &scratch::at(10))?;
            let sql = ["UPDATE sessions SET ", change, " WHERE id = :id"].concat();
            tx.execute(&sql, named_params! { ":id": id.0 }).while_("changing a session")
        })
        .await
        .unwrap();
        id
    }

    #[tokio::test]
    async fn what_ended_long_ago_goes_and_what_goes_on_or_ended_lately_stays() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let account = AccountId::new();
        db.write(move |tx| accounts::insert(tx, account, "ann", Role::User, uuid::Uuid::now_v7(), 0)).await.unwrap();
        let row = move |id, expires_at| NewSession { id, account, epoch: 1, place: "x".to_owned(), expires_at };
        let begin = |at: i64, expires_at: i64| {
            let (id, moment) = (SessionId::new(), scratch::at(at));
            let db = db.clone();
            async move { db.write(move |tx| insert(tx, &row(id, expires_at), &moment)).await.map(|()| id).unwrap() }
        };
        let now = 2 * KEPT;
        let expired = begin(1, now - KEPT - 1).await;
        let long = begin(2, now + 1).await;
        let ended = begin(3, now + 1).await;
        let lately = begin(4, now + 1).await;
        db.write(move |tx| {
            end(tx, ended, "left", now - KEPT - 1)?;
            end(tx, lately, "left", now - KEPT + 1)
        })
        .await
        .unwrap();
        // Far more than there is room for, all of them over at once, as commands are.
        for _ in 0..100 {
            begin(5, 6).await;
        }
        let new = begin(now, now + 1).await;
        for _ in 0..20 {
            begin(now, now + 1).await;
        }
        let there = |id: SessionId| db.read(move |tx| Ok::<_, StoreError>(standing(tx, id, now)?.is_some()));
        for (id, stays) in [(expired, false), (ended, false), (long, true), (lately, true), (new, true)] {
            assert_eq!(there(id).await.unwrap(), stays);
        }
        let count = db.read(|tx| tx.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).while_("x"));
        let count: i64 = count.await.unwrap();
        assert_eq!(count, 23, "each new one takes more away than it adds");
    }

    #[tokio::test]
    async fn a_session_whose_program_is_gone_is_over_and_one_that_cannot_be_seen_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let ann = AccountId::new();
        db.write(move |tx| accounts::insert(tx, ann, "ann", Role::User, uuid::Uuid::now_v7(), 0)).await.unwrap();
        let lives = session(&db, ann, "place = 'here'").await;
        let another_program = session(&db, ann, "pid_began = pid_began + 1").await;
        let no_program = session(&db, ann, "pid = 4194305").await;
        let before_the_restart = session(&db, ann, "boot_id = 'earlier'").await;
        let elsewhere = session(&db, ann, "pid = 4194305, pid_space = 'pid:[1]'").await;
        let expired = session(&db, ann, "pid = 4194305, expires_at = 20").await;
        let ended = session(&db, ann, "ended_at = 15").await;
        let moment = scratch::at(30);
        let (dead, left) = db
            .write(move |tx| {
                let found = dead(tx, &moment)?;
                end_dead(tx, &found, moment.now)?;
                Ok::<_, StoreError>((found, live(tx, ann, Some(lives), moment.now)?))
            })
            .await
            .unwrap();
        assert_eq!(dead, [another_program, no_program, before_the_restart]);
        let left: Vec<(SessionId, bool)> = left.into_iter().map(|row| (row.id, row.is_own)).collect();
        assert_eq!(left, [(elsewhere, false), (lives, true)]);
        assert!(!left.iter().any(|(id, _)| [expired, ended].contains(id)));
        let over = db.read(move |tx| Ok::<_, StoreError>(standing(tx, no_program, 30)?.unwrap().over)).await.unwrap();
        assert_eq!(over.as_deref(), Some("Its program has ended."));
        assert!(process_began(std::process::id()).is_some() && pid_space().starts_with("pid:["));
    }
}
