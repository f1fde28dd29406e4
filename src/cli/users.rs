//! `ollamanet users`: administering accounts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Desk, End,
    admin_args::{Names, Users},
    out::{self, moment, print, print_json, safe, say},
    results::Results,
    typed,
};
use crate::api::{
    AccountId, Fault, FaultKind,
    admin::{AccountState, ActivationCode, NewUser, UserDetail, UserFilter, UserRow},
    amount,
    auth::Session,
};

/// Rows asked for at once.
const PAGE: usize = 100;

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Users) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Users::List { filter, role, state, paging } => {
            let filter = UserFilter { text: filter.unwrap_or_default(), role, state: state.map(Into::into) };
            list(desk, session, filter, paging.most()).await
        }
        Users::Show(names) => show(desk, session, names).await,
        Users::Create { name, role, display_name } => {
            let new = NewUser { name, display_name, role };
            let code = desk.confirmed(session, |session| gateway.create_user(session, new.clone())).await?;
            if desk.global.json {
                return print_json(&code_json(&code));
            }
            print(&code_words(&code, "is made"))
        }
        Users::Role { names, to } => {
            let words = format!("has the role {} now", safe(&to));
            each(desk, session, names, &words, |session, id| gateway.set_user_role(session, id, &to)).await
        }
        Users::Lock { names, minutes } => {
            let words = format!("is locked for {minutes} min");
            each(desk, session, names, &words, |session, id| gateway.lock_user(session, id, minutes)).await
        }
        Users::Unlock(names) => {
            each(desk, session, names, "is unlocked", |session, id| gateway.unlock_user(session, id)).await
        }
        Users::Enable(names) => {
            each(desk, session, names, "is enabled", |session, id| gateway.enable_user(session, id)).await
        }
        Users::Disable(names) => {
            each(desk, session, names, "is disabled", |session, id| gateway.disable_user(session, id)).await
        }
        Users::Reset(names) => reset(desk, session, names).await,
        Users::RemoveSecondFactor(names) => {
            let words = "has no second factor any more";
            each(desk, session, names, words, |session, id| gateway.remove_user_second_factor(session, id)).await
        }
        Users::Delete(names) => {
            let words = "is in the trash; `ollamanet users restore` takes it out again";
            each(desk, session, names, words, |session, id| gateway.delete_user(session, id)).await
        }
        Users::Restore(names) => {
            each(desk, session, names, "is restored", |session, id| gateway.restore_user(session, id)).await
        }
        Users::Purge { names, yes } => purge(desk, session, names, yes).await,
        Users::EndSessions(names) => {
            let words = "has no session any more";
            each(desk, session, names, words, |session, id| gateway.end_user_session(session, id, None)).await
        }
    }
}

/// The account of this name, deleted ones included.
///
/// # Errors
/// When there is none.
pub async fn find(desk: &Desk, session: &Session, name: &str) -> Result<UserRow, Fault> {
    for state in [None, Some(AccountState::Deleted)] {
        let mut after = None;
        loop {
            let filter = UserFilter { text: name.to_owned(), role: None, state };
            let page = desk.gateway.users(session, filter, after, PAGE as u32).await?;
            if let Some(row) = page.rows.iter().find(|row| row.name.eq_ignore_ascii_case(name)) {
                return Ok(row.clone());
            }
            match page.rows.last() {
                Some(last) if page.more => after = Some(last.name.clone()),
                Some(_) | None => break,
            }
        }
    }
    Err(Fault::new(FaultKind::NotFound, "There is no such account.").hint("See which there are: ollamanet users list"))
}

async fn each<'a, F: Future<Output = Result<(), Fault>>>(
    desk: &'a Desk,
    session: &'a Session,
    names: Names,
    words: &str,
    call: impl Fn(&'a Session, AccountId) -> F,
) -> Result<(), End> {
    let mut results = Results::new(desk);
    for name in names.names {
        let done = async {
            let row = find(desk, desk.latest(session), &name).await?;
            desk.confirmed(session, |session| call(session, row.id)).await?;
            Ok(row)
        };
        match done.await {
            Ok(row) => results.done(&row.name, &format!("{} {words}.", safe(&row.name)), Value::Null)?,
            Err(fault) => results.failed(&name, &fault),
        }
    }
    results.finish()
}

async fn reset(desk: &Desk, session: &Session, names: Names) -> Result<(), End> {
    let mut results = Results::new(desk);
    for name in names.names {
        let done = async {
            let row = find(desk, desk.latest(session), &name).await?;
            desk.confirmed(session, |session| desk.gateway.reset_user(session, row.id)).await
        };
        match done.await {
            Ok(code) => results.done(&code.name, code_words(&code, "is reset").trim_end(), code_json(&code))?,
            Err(fault) => results.failed(&name, &fault),
        }
    }
    results.finish()
}

async fn purge(desk: &Desk, session: &Session, names: Names, yes: bool) -> Result<(), End> {
    let mut results = Results::new(desk);
    for name in names.names {
        let done = async {
            let row = find(desk, desk.latest(session), &name).await?;
            let warning = format!("{} and all that is theirs will be gone for good.", row.name);
            typed::name(&row.name, &warning, yes).await?;
            desk.confirmed(session, |session| desk.gateway.purge_user(session, row.id)).await?;
            Ok::<_, Fault>(row)
        };
        match done.await {
            Ok(row) => results.done(&row.name, &format!("{} is gone for good.", safe(&row.name)), Value::Null)?,
            Err(fault) => results.failed(&name, &fault),
        }
    }
    results.finish()
}

fn code_json(code: &ActivationCode) -> Value {
    json!({ "account": code.account, "name": code.name, "code": code.code.reveal(), "expires_at": code.expires_at })
}

fn code_words(code: &ActivationCode, what: &str) -> String {
    let name = safe(&code.name);
    format!(
        "{name} {what}.\nOne-time code: {}\nIt is shown only now and good until {}. Hand it over; with it, {name} comes \
         in:\n  ollamanet account activate {name}\n",
        safe(code.code.reveal()),
        moment(code.expires_at)
    )
}

async fn list(desk: &Desk, session: &Session, filter: UserFilter, most: usize) -> Result<(), End> {
    let mut rows: Vec<UserRow> = Vec::new();
    let (more, total) = loop {
        let wanted = most.saturating_sub(rows.len()).min(PAGE) as u32;
        let after = rows.last().map(|row| row.name.clone());
        let page = desk.gateway.users(session, filter.clone(), after, wanted).await?;
        let is_last = page.rows.is_empty() || !page.more;
        rows.extend(page.rows);
        if is_last || rows.len() >= most {
            break (!is_last, page.total);
        }
    };
    if desk.global.json {
        print_json(&rows)?;
    } else {
        let cells: Vec<[String; 7]> = rows
            .iter()
            .map(|row| {
                [
                    safe(&row.name),
                    safe(&row.role),
                    state(row),
                    row.last_sign_in.map_or_else(|| "never".to_owned(), moment),
                    row.live_sessions.to_string(),
                    if row.has_second_factor { "yes" } else { "no" }.to_owned(),
                    safe(row.display_name.as_deref().unwrap_or_default()),
                ]
            })
            .collect();
        let headings = ["NAME", "ROLE", "STATE", "LAST SIGN-IN", "SESSIONS", "2ND FACTOR", "DISPLAY NAME"];
        print(&out::table(headings, &cells))?;
        if rows.is_empty() {
            say("There is no such account.");
        }
    }
    if more {
        say(&format!("There are more, {total} in all: --limit N, or --all."));
    }
    Ok(())
}

fn state(row: &UserRow) -> String {
    match row.state {
        AccountState::Invited => "invited".to_owned(),
        AccountState::Active => "active".to_owned(),
        AccountState::Locked => match row.locked_until {
            Some(until) => format!("locked until {}", moment(until)),
            None => "locked".to_owned(),
        },
        AccountState::Disabled => "disabled".to_owned(),
        AccountState::Deleted => "deleted".to_owned(),
    }
}

async fn show(desk: &Desk, session: &Session, names: Names) -> Result<(), End> {
    let mut results = Results::new(desk);
    for name in names.names {
        let done = async {
            let row = find(desk, desk.latest(session), &name).await?;
            desk.gateway.user(session, row.id).await
        };
        match done.await {
            Ok(detail) => {
                results.done(&detail.row.name, detail_words(&detail).trim_end(), json!({ "account": detail }))?;
            }
            Err(fault) => results.failed(&name, &fault),
        }
    }
    results.finish()
}

fn detail_words(detail: &UserDetail) -> String {
    let row = &detail.row;
    let mut text = format!("{} · {} · {}\n", safe(&row.name), safe(&row.role), state(row));
    if let Some(name) = &row.display_name {
        let _ = writeln!(text, "display name   {}", safe(name));
    }
    let _ = writeln!(text, "id             {}", row.id);
    let _ = writeln!(text, "made           {}", moment(row.created_at));
    let _ = writeln!(text, "last sign-in   {}", row.last_sign_in.map_or_else(|| "never".to_owned(), moment));
    let _ = writeln!(text, "failures       {}", row.failures);
    let _ = writeln!(text, "second factor  {}", if row.has_second_factor { "yes" } else { "no" });
    let _ = writeln!(text, "vault          {}", amount::bytes(detail.vault_bytes));
    if detail.sealed_vaults > 0 {
        let _ = writeln!(text, "sealed vaults  {}", detail.sealed_vaults);
    }
    if let Some(until) = detail.code_expires_at {
        let _ = writeln!(text, "one-time code  good until {}", moment(until));
    }
    for rule in &detail.limits {
        let _ = writeln!(text, "limit          {} {}", rule.limited.as_str(), rule.most);
    }
    for rule in &detail.models {
        let _ = writeln!(text, "models         {}{}", if rule.allowed { '+' } else { '-' }, safe(&rule.pattern));
    }
    for session in &detail.sessions {
        let _ = writeln!(
            text,
            "session        {} since {}, {}",
            super::find::short(session.id),
            moment(session.started_at),
            safe(&session.place)
        );
    }
    text
}
