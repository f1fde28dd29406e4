//! Accounts as an administrator sees them: rows of a list, and one in detail. Nothing of anybody's vault.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::{accounts::name_key, activation, sealed, sessions, throttle};
use crate::{
    api::{
        AccountId, SessionId,
        admin::{AccountState, UserDetail, UserFilter, UserPage, UserRow},
        auth::Role,
    },
    store::{StoreError, While, vault::fold::filter_key},
};

/// How an account stands, in a word; `:now` must be bound.
macro_rules! state {
    () => {
        "CASE WHEN a.deleted_at IS NOT NULL THEN 'deleted' WHEN a.state = 'disabled' THEN 'disabled'
              WHEN a.locked_until > :now THEN 'locked' ELSE a.state END"
    };
}

/// A page of accounts by name, from after `after` on. The list is looked through by name without case and accents,
/// which SQL does not know, so the names pass through here; only the rows that are shown are read in full.
pub fn list(
    tx: &Transaction<'_>,
    filter: &UserFilter,
    after: Option<&str>,
    limit: u32,
    now: i64,
) -> Result<UserPage, StoreError> {
    let wanted = filter_key(filter.text.trim());
    let after = after.map(name_key);
    let mut find = tx
        .prepare_cached(concat!(
            "SELECT a.id, a.name_key, a.name, a.display_name FROM accounts a
             WHERE (:role IS NULL OR a.role = :role)
             AND CASE WHEN :state IS NULL THEN a.deleted_at IS NULL ELSE :state = ",
            state!(),
            " END ORDER BY a.name_key"
        ))
        .while_("listing accounts")?;
    let state = filter.state.map(state_word);
    let mut names =
        find.query(named_params! { ":role": filter.role, ":state": state, ":now": now }).while_("listing accounts")?;
    let (mut ids, mut total, mut more) = (Vec::new(), 0, false);
    while let Some(row) = names.next().while_("listing accounts")? {
        let (id, key, fits) = (|| -> rusqlite::Result<_> {
            let (name, display): (String, Option<String>) = (row.get("name")?, row.get("display_name")?);
            let fits = wanted.is_empty()
                || filter_key(&name).contains(&wanted)
                || display.is_some_and(|display| filter_key(&display).contains(&wanted));
            Ok((AccountId(row.get("id")?), row.get::<_, String>("name_key")?, fits))
        })()
        .while_("listing accounts")?;
        if !fits {
            continue;
        }
        total += 1;
        if after.as_ref().is_some_and(|after| key <= *after) {
            continue;
        }
        if ids.len() < limit as usize { ids.push(id) } else { more = true }
    }
    let rows = ids.into_iter().filter_map(|id| row(tx, id, now).transpose()).collect::<Result<_, _>>()?;
    Ok(UserPage { rows, more, total })
}

/// One account's row. Sessions whose program is gone are to be ended before.
pub fn row(tx: &Transaction<'_>, id: AccountId, now: i64) -> Result<Option<UserRow>, StoreError> {
    let found = tx
        .prepare_cached(concat!(
            "SELECT a.id, a.name, a.display_name, a.role, r.rank, a.locked_until, a.last_sign_in, a.created_at, ",
            state!(),
            " AS standing,
              (SELECT count(*) FROM sessions s WHERE s.account = a.id AND s.ended_at IS NULL AND s.expires_at > :now
               AND s.epoch = a.epoch) AS live_sessions,
              EXISTS (SELECT 1 FROM second_factors f WHERE f.account = a.id) AS has_second_factor
              FROM accounts a JOIN roles r ON r.name = a.role WHERE a.id = :id"
        ))
        .and_then(|mut find| find.query_row(named_params! { ":id": id.0, ":now": now }, from_row).optional())
        .while_("looking up an account")?;
    let Some((mut row, state)) = found else { return Ok(None) };
    row.state = parse_state(&state)?;
    if row.state != AccountState::Locked {
        row.locked_until = None;
    }
    row.failures = throttle::failures(tx, &row.name)?;
    Ok(Some(row))
}

/// One account in detail; the size of its files is not the database's to know.
pub fn detail(tx: &Transaction<'_>, id: AccountId, own: SessionId, now: i64) -> Result<Option<UserDetail>, StoreError> {
    let Some(row) = row(tx, id, now)? else { return Ok(None) };
    let role: Option<&str> = None;
    Ok(Some(UserDetail {
        sessions: sessions::live(tx, id, Some(own), now)?,
        sealed_vaults: u32::try_from(sealed::of(tx, id)?.len()).unwrap_or(u32::MAX),
        vault_bytes: 0,
        code_expires_at: activation::expires_at(tx, id, now)?,
        limits: sessions::limits(tx, Some(id.0), role)?,
        models: sessions::models(tx, Some(id.0), role)?,
        row,
    }))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(UserRow, String)> {
    let rank: String = row.get("rank")?;
    let found = UserRow {
        id: AccountId(row.get("id")?),
        name: row.get("name")?,
        display_name: row.get("display_name")?,
        role: row.get("role")?,
        rank: if rank == "admin" { Role::Admin } else { Role::User },
        state: AccountState::Active,
        locked_until: row.get("locked_until")?,
        last_sign_in: row.get("last_sign_in")?,
        created_at: row.get("created_at")?,
        live_sessions: row.get("live_sessions")?,
        has_second_factor: row.get("has_second_factor")?,
        failures: 0,
    };
    Ok((found, row.get("standing")?))
}

fn state_word(state: AccountState) -> &'static str {
    match state {
        AccountState::Invited => "invited",
        AccountState::Active => "active",
        AccountState::Locked => "locked",
        AccountState::Disabled => "disabled",
        AccountState::Deleted => "deleted",
    }
}

fn parse_state(text: &str) -> Result<AccountState, StoreError> {
    const ALL: [AccountState; 5] = [
        AccountState::Invited,
        AccountState::Active,
        AccountState::Locked,
        AccountState::Disabled,
        AccountState::Deleted,
    ];
    ALL.into_iter().find(|state| state_word(*state) == text).ok_or(StoreError::Nonsense { what: "state of an account" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::{
        accounts::{self, State},
        roles, scratch,
    };

    fn names(page: &UserPage) -> Vec<&str> {
        page.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[tokio::test]
    async fn a_list_is_filtered_by_name_role_and_state_and_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            let mut ids = Vec::new();
            for (name, display) in
                [("Cleo", Some("Cléopâtre")), ("ann", None), ("Ben", Some("Benedict")), ("Dora", None), ("eve", None)]
            {
                let id = AccountId::new();
                accounts::invite(tx, &accounts::Invited { id, name, display_name: display, role: "user", now: 1 })?;
                accounts::set_state(tx, id, State::Active)?;
                ids.push(id);
            }
            let [cleo, ann, ben, dora, eve] = ids[..] else { unreachable!() };
            accounts::set_role(tx, ann, "admin")?;
            accounts::set_locked_until(tx, ben, Some(50))?;
            accounts::set_state(tx, dora, State::Disabled)?;
            accounts::set_deleted_at(tx, eve, Some(7))?;
            accounts::set_locked_until(tx, cleo, Some(9))?;

            // Somebody who has not come in yet is kept out like anybody else, and that is what the list has to say.
            let fay = AccountId::new();
            let invited = accounts::Invited { id: fay, name: "Fay", display_name: None, role: "user", now: 1 };
            accounts::invite(tx, &invited)?;
            accounts::set_locked_until(tx, fay, Some(50))?;
            assert_eq!(
                names(&list(
                    tx,
                    &UserFilter { state: Some(AccountState::Locked), ..UserFilter::default() },
                    None,
                    10,
                    10
                )?),
                ["Ben", "Fay"]
            );
            accounts::set_deleted_at(tx, fay, Some(7))?;
            accounts::set_deleted_at(tx, eve, Some(7))?;

            let all = UserFilter::default();
            let first = list(tx, &all, None, 2, 10)?;
            assert_eq!((names(&first), first.more, first.total), (vec!["ann", "Ben"], true, 4));
            let rest = list(tx, &all, Some("BEN"), 2, 10)?;
            assert_eq!((names(&rest), rest.more, rest.total), (vec!["Cleo", "Dora"], false, 4));
            let by_text = |text: &str| UserFilter { text: text.to_owned(), ..UserFilter::default() };
            for (text, found) in
                [("EN", vec!["Ben"]), ("cleopatre", vec!["Cleo"]), (" o", vec!["Cleo", "Dora"]), ("x", vec![])]
            {
                assert_eq!(names(&list(tx, &by_text(text), None, 10, 10)?), found, "{text}");
            }
            let admins = UserFilter { role: Some("admin".to_owned()), ..UserFilter::default() };
            assert_eq!(names(&list(tx, &admins, None, 10, 10)?), ["ann"]);
            for (state, found) in [
                (AccountState::Active, vec!["ann", "Cleo"]),
                (AccountState::Locked, vec!["Ben"]),
                (AccountState::Disabled, vec!["Dora"]),
                (AccountState::Deleted, vec!["eve", "Fay"]),
                (AccountState::Invited, vec![]),
            ] {
                let filter = UserFilter { state: Some(state), ..UserFilter::default() };
                let page = list(tx, &filter, None, 10, 10)?;
                assert_eq!(names(&page), found, "{state:?}");
                assert!(page.rows.iter().all(|row| row.state == state));
                let locked: Vec<Option<i64>> = page.rows.iter().map(|row| row.locked_until).collect();
                assert!(locked.iter().all(|until| until.is_some() == (state == AccountState::Locked)));
            }
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn somebody_must_be_left_who_can_come_in_and_put_everything_right() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        db.write(|tx| {
            let ann = AccountId::new();
            accounts::insert(tx, ann, "ann", Role::Admin, uuid::Uuid::now_v7(), 0)?;
            assert!(roles::is_administered(tx, 10)?);
            accounts::set_locked_until(tx, ann, Some(11))?;
            assert!(!roles::is_administered(tx, 10)? && roles::is_administered(tx, 11)?);
            accounts::set_locked_until(tx, ann, None)?;
            for state in [State::Invited, State::Disabled] {
                accounts::set_state(tx, ann, state)?;
                assert!(!roles::is_administered(tx, 10)?, "{state:?}");
            }
            accounts::set_state(tx, ann, State::Active)?;
            accounts::set_deleted_at(tx, ann, Some(1))?;
            assert!(!roles::is_administered(tx, 10)?);
            accounts::set_deleted_at(tx, ann, None)?;
            tx.execute_batch(
                "INSERT INTO roles (name, rank, created_at) VALUES ('warden', 'admin', 0);
                 INSERT INTO role_permissions (role, permission, allowed) VALUES ('warden', 'see_audit', 0)",
            )
            .while_("making a role")?;
            accounts::set_role(tx, ann, "warden")?;
            assert!(roles::is_administered(tx, 10)?);
            tx.execute_batch(
                "INSERT INTO role_permissions (role, permission, allowed) VALUES ('warden', 'manage_roles', 0)",
            )
            .while_("denying")?;
            assert!(!roles::is_administered(tx, 10)?);
            accounts::set_role(tx, ann, "user")?;
            assert!(!roles::is_administered(tx, 10)?);
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    }
}
