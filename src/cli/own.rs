//! The parts of `ollamanet account` about what one has: profile, preferences, limits, activity, a copy, the way out.

use std::{fmt::Write as _, path::Path};

use serde_json::json;

use super::{
    Desk, End,
    admin_args::Preferences as What,
    args::Paging,
    audit,
    out::{self, moment, print, print_json, safe, safe_lines, say},
    typed,
};
use crate::api::{Fault, admin::Limited, amount, options::OPTIONS, profile::Preferences};

/// # Errors
/// When nobody is signed in.
pub async fn profile(desk: &Desk) -> Result<(), End> {
    let session = desk.session().await?;
    let profile = desk.gateway.profile(&session).await?;
    if desk.global.json {
        return print_json(&profile);
    }
    let mut text = format!("{} · {}\n", safe(&profile.name), safe(&profile.role));
    if let Some(name) = &profile.display_name {
        let _ = writeln!(text, "display name   {}", safe(name));
    }
    let _ = writeln!(text, "made           {}", moment(profile.created_at));
    let _ = writeln!(text, "last sign-in   {}", profile.last_sign_in.map_or_else(|| "never".to_owned(), moment));
    let _ = writeln!(text, "second factor  {}", if profile.second_factor.added_at.is_some() { "yes" } else { "no" });
    print(&text)
}

/// # Errors
/// When the name is not accepted.
pub async fn display_name(desk: &Desk, name: Option<String>) -> Result<(), End> {
    let session = desk.session().await?;
    desk.gateway.set_display_name(&session, name.clone()).await?;
    if desk.global.json {
        return print_json(&json!({ "display_name": name }));
    }
    match name {
        Some(name) => print(&format!("Others see: {}\n", safe(&name))),
        None => print("Others see the sign-in name.\n"),
    }
}

/// # Errors
/// When a value is not accepted; then nothing is set.
pub async fn preferences(desk: &Desk, what: What) -> Result<(), End> {
    let session = desk.session().await?;
    let mut preferences = desk.gateway.preferences(&session).await?;
    match what {
        What::Show => {}
        What::Set { values, options } => {
            for value in &values {
                set(&mut preferences, value)?;
            }
            for option in &options {
                let (name, value) = option.split_once('=').ok_or_else(|| {
                    Fault::invalid(format!("“{}” is no option.", safe(option))).hint("Write NAME=VALUE.")
                })?;
                preferences.options.set(name.trim(), value)?;
            }
            desk.gateway.set_preferences(&session, preferences.clone()).await?;
        }
    }
    if desk.global.json {
        return print_json(&preferences);
    }
    let text = words(&preferences);
    if text.is_empty() {
        say("Nothing is set; everything follows the settings file.");
    }
    print(&text)
}

fn set(preferences: &mut Preferences, text: &str) -> Result<(), Fault> {
    let wrong = || {
        Fault::invalid(format!("“{}” is no preference.", safe(text)))
            .hint("They are model=, system-prompt= and theme=; an option is written --option temperature=0.2.")
    };
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = Some(value.to_owned()).filter(|value| !value.is_empty());
    match name {
        "model" => preferences.model = value,
        "system-prompt" => preferences.system_prompt = value,
        "theme" => preferences.theme = value,
        _ => return Err(wrong()),
    }
    Ok(())
}

fn words(preferences: &Preferences) -> String {
    let mut text = String::new();
    for (name, value) in
        [("model", &preferences.model), ("system-prompt", &preferences.system_prompt), ("theme", &preferences.theme)]
    {
        if let Some(value) = value {
            let _ = writeln!(text, "{name}={}", safe_lines(value));
        }
    }
    for spec in OPTIONS {
        let value = preferences.options.get(spec.name);
        if !value.is_empty() {
            let _ = writeln!(text, "option {}={}", spec.name, safe(&value));
        }
    }
    for (context, actions) in &preferences.keys {
        for (action, keys) in actions {
            let _ = writeln!(text, "keys {}.{} = {}", safe(context), safe(action), safe(&keys.join(", ")));
        }
    }
    text
}

/// # Errors
/// When the passphrase is not confirmed.
pub async fn recovery_code(desk: &Desk) -> Result<(), End> {
    let session = &desk.session().await?;
    let code = desk.confirmed(session, |session| desk.gateway.new_recovery_code(session)).await?;
    if desk.global.json {
        return print_json(&json!({ "recovery_code": code.reveal() }));
    }
    print(&format!(
        "Recovery code: {}\nIt is shown only now, and the old one no longer works. Without it, a forgotten passphrase \
         means that the vault stays closed.\n",
        safe(code.reveal())
    ))
}

/// # Errors
/// When nobody is signed in.
pub async fn limits(desk: &Desk) -> Result<(), End> {
    let session = desk.session().await?;
    let left = desk.gateway.allowance(&session).await?;
    if desk.global.json {
        return print_json(&left);
    }
    let cells: Vec<[String; 4]> = left
        .iter()
        .map(|allowance| {
            let (what, per) = match allowance.limited {
                Limited::Calls(class) => (class.as_str(), "a minute"),
                Limited::Answers => ("answers", "at once"),
                Limited::Tokens => ("tokens", "a day"),
                Limited::Disk => ("disk", "MiB"),
            };
            if allowance.most == 0 {
                return [what.to_owned(), "none".to_owned(), String::new(), String::new()];
            }
            let full = match (allowance.limited, allowance.full_in_ms) {
                (Limited::Disk, _) => String::new(),
                (_, 0) => "now".to_owned(),
                (_, ms) => format!("in {}", out::seconds(ms)),
            };
            [what.to_owned(), format!("{} {per}", allowance.most), allowance.left.to_string(), full]
        })
        .collect();
    print(&out::table(["WHAT", "LIMIT", "LEFT", "ALL OF IT"], &cells))
}

/// # Errors
/// When nobody is signed in.
pub async fn activity(desk: &Desk, paging: Paging) -> Result<(), End> {
    let session = &desk.session().await?;
    let most = paging.most();
    let mut rows = Vec::new();
    let mut before = None;
    let more = loop {
        let wanted = most.saturating_sub(rows.len()).min(audit::PAGE) as u32;
        let page = desk.gateway.activity(session, before, wanted).await?;
        before = page.entries.last().map(|entry| entry.seq);
        let more = page.more && before.is_some();
        rows.extend(page.entries);
        if !more || rows.len() >= most {
            break more;
        }
    };
    audit::print_entries(desk, &rows, more)
}

/// # Errors
/// When the file is there already or cannot be written.
pub async fn export(desk: &Desk, file: &Path) -> Result<(), End> {
    let session = &desk.session().await?;
    let to = std::path::absolute(file)?;
    say("Everything of yours is being written; in a big vault that takes a while.");
    let report = desk.confirmed(session, |session| desk.gateway.export_my_data(session, to.clone())).await?;
    if desk.global.json {
        return print_json(&report);
    }
    print(&format!(
        "{}\n{}: {}, {}, {}. It is not encrypted; keep it where nobody else reads.\n",
        safe(&report.path.to_string_lossy()),
        amount::bytes(report.bytes),
        amount::many(report.conversations, "conversation"),
        amount::many(report.messages, "message"),
        amount::many(report.documents, "file")
    ))
}

/// # Errors
/// When it is not agreed to, or refused.
pub async fn delete(desk: &Desk, yes: bool) -> Result<(), End> {
    let session = &desk.session().await?;
    let name = desk.gateway.whoami(session).await?.name;
    typed::name(&name, "Your account and everything in its vault will be gone for good.", yes).await?;
    desk.confirmed(session, |session| desk.gateway.delete_my_account(session)).await?;
    if desk.global.json {
        return print_json(&json!({ "deleted": name }));
    }
    print(&format!("{} is gone for good.\n", safe(&name)))
}
