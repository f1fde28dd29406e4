//! `ollamanet sessions`: one's own sign-ins that still run.

use serde_json::{Value, json};

use super::{
    Desk, End,
    admin_args::Sessions,
    find::short,
    out::{self, moment, print, print_json, safe},
    results::Results,
};
use crate::api::{Fault, FaultKind, admin::SessionRow};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Sessions) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Sessions::List => list(desk, &desk.gateway.sessions(session).await?),
        Sessions::End { sessions } => {
            let rows = desk.gateway.sessions(session).await?;
            let mut results = Results::new(desk);
            for which in sessions {
                let done = async {
                    let row = find(&rows, &which)?;
                    desk.confirmed(session, |session| desk.gateway.end_session(session, row.id)).await?;
                    Ok::<_, Fault>(row)
                };
                match done.await {
                    Ok(row) => {
                        results.done(&row.id.to_string(), &format!("{} has ended.", short(row.id)), Value::Null)?;
                    }
                    Err(fault) => results.failed(&which, &fault),
                }
            }
            results.finish()
        }
        Sessions::EndOthers => {
            let ended = desk.confirmed(session, |session| desk.gateway.end_other_sessions(session)).await?;
            if desk.global.json {
                return print_json(&json!({ "ended": ended }));
            }
            print(&format!("Ended: {ended}. Nobody stays signed in to this account.\n"))
        }
    }
}

fn find<'a>(rows: &'a [SessionRow], which: &str) -> Result<&'a SessionRow, Fault> {
    let which = which.trim();
    let fits = |row: &&SessionRow| {
        let id = row.id.to_string();
        which.len() >= 4 && (id.starts_with(which) || id.ends_with(which))
    };
    let found: Vec<&SessionRow> = rows.iter().filter(fits).collect();
    match found[..] {
        [row] => Ok(row),
        [] => Err(Fault::new(FaultKind::NotFound, "There is no such session.")
            .hint("See which there are: ollamanet sessions list")),
        _ => Err(Fault::invalid("Several sessions are called so.").hint("Write more of the id.")),
    }
}

fn list(desk: &Desk, rows: &[SessionRow]) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            [
                short(row.id),
                moment(row.started_at),
                moment(row.expires_at),
                row.pid.to_string(),
                format!("{}{}", safe(&row.place), if row.is_own { " (this one)" } else { "" }),
            ]
        })
        .collect();
    print(&out::table(["ID", "SINCE", "UNTIL", "PROCESS", "PLACE"], &cells))
}
