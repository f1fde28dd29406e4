//! `ollamanet account second-factor`: adding, removing, new recovery codes.

use std::{
    fmt::Write as _,
    io::{IsTerminal, stdout},
};

use serde_json::json;

use super::{
    Desk, End,
    admin_args::SecondFactor,
    out::{moment, print, print_json, safe},
};
use crate::{
    api::auth::{Secret, Session},
    qr::Qr,
};

/// Light modules around the code: readers make do with two, and it stays small.
const QUIET: u16 = 2;

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: SecondFactor) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        SecondFactor::Show => show(desk, session).await,
        SecondFactor::Add => add(desk, session).await,
        SecondFactor::Remove => {
            let code = code(desk).await?;
            desk.confirmed(session, |session| gateway.remove_second_factor(session, &code)).await?;
            if desk.global.json {
                return print_json(&json!({ "removed": true }));
            }
            print("The second factor is removed; the passphrase alone signs in.\n")
        }
        SecondFactor::NewCodes => {
            let code = code(desk).await?;
            let codes = desk.confirmed(session, |session| gateway.new_second_factor_codes(session, &code)).await?;
            tell(desk, &codes, "The old recovery codes no longer work.")
        }
    }
}

async fn code(desk: &Desk) -> Result<Secret, End> {
    Ok(desk.secrets()?.next("Code of your authenticator").await?)
}

async fn add(desk: &Desk, session: &Session) -> Result<(), End> {
    let gateway = &desk.gateway;
    let proposed = desk.confirmed(session, |session| gateway.begin_second_factor(session)).await?;
    if desk.global.json {
        print_json(&json!({ "secret": proposed.secret.reveal(), "uri": proposed.uri.reveal() }))?;
    } else {
        let mut text = String::new();
        if stdout().is_terminal()
            && let Some(code) = Qr::new(&proposed.uri)
        {
            let _ = writeln!(
                text,
                "Scan this with your authenticator, or type the secret:\n\n{}",
                code.in_letters(QUIET).as_str()
            );
        }
        let _ = writeln!(text, "Secret: {}", safe(proposed.secret.reveal()));
        print(&text)?;
    }
    let code = code(desk).await?;
    let codes = desk.confirmed(session, |session| gateway.add_second_factor(session, &code)).await?;
    tell(desk, &codes, "The second factor is added: from now on a code is asked for after the passphrase.")
}

fn tell(desk: &Desk, codes: &[Secret], what: &str) -> Result<(), End> {
    let codes: Vec<&str> = codes.iter().map(Secret::reveal).collect();
    if desk.global.json {
        return print_json(&json!({ "recovery_codes": codes }));
    }
    let mut text = format!("{what}\n\nEach of these signs in once in place of a code. They are shown only now:\n\n");
    for code in codes {
        let _ = writeln!(text, "  {}", safe(code));
    }
    print(&text)
}

async fn show(desk: &Desk, session: &Session) -> Result<(), End> {
    let state = desk.gateway.profile(session).await?.second_factor;
    if desk.global.json {
        return print_json(&state);
    }
    let mut text = match state.added_at {
        Some(at) => format!("Added {}; {} recovery codes are left.\n", moment(at), state.codes_left),
        None => "There is none. Add one: ollamanet account second-factor add\n".to_owned(),
    };
    let _ = writeln!(
        text,
        "By the rules here it is {}.",
        match (state.is_required, state.policy.as_str()) {
            (true, _) => "required of you".to_owned(),
            (false, "voluntary") => "voluntary".to_owned(),
            (false, whom) => format!("required of {whom} only"),
        }
    );
    print(&text)
}
