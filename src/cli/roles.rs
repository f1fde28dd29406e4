//! `ollamanet roles`: what each role may, how often, and with which models.

use serde_json::json;

use super::{
    Desk, End,
    admin_args::{Permissions, Roles, Whose},
    out::{self, print, print_json, safe},
    users,
};
use crate::api::{
    Fault,
    admin::{LimitRule, Limited, ModelRule, Permission, RoleView, Scope},
    auth::Session,
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Roles) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Roles::List => list(desk, &gateway.roles(session).await?),
        Roles::Create { name, rank } => {
            let role = desk.confirmed(session, |session| gateway.create_role(session, &name, rank.into())).await?;
            if desk.global.json {
                return print_json(&role);
            }
            print(&format!("Made: {}\n", safe(&role.name)))
        }
        Roles::Rename { role, name } => {
            desk.confirmed(session, |session| gateway.rename_role(session, &role, &name)).await?;
            done(desk, desk.latest(session), &name, "Renamed to").await
        }
        Roles::Delete { role, instead } => {
            desk.confirmed(session, |session| gateway.delete_role(session, &role, &instead)).await?;
            if desk.global.json {
                return print_json(&json!({ "deleted": role, "instead": instead }));
            }
            print(&format!("Removed: {}; its members have the role {} now.\n", safe(&role), safe(&instead)))
        }
        Roles::Allow(which) => permit(desk, session, which, Some(true)).await,
        Roles::Deny(which) => permit(desk, session, which, Some(false)).await,
        Roles::Follow(which) => permit(desk, session, which, None).await,
        Roles::Limit { whose, limits } => limit(desk, session, whose, &limits).await,
        Roles::Models { whose, rules, clear: _ } => models(desk, session, whose, &rules).await,
    }
}

async fn permit(desk: &Desk, session: &Session, which: Permissions, allowed: Option<bool>) -> Result<(), End> {
    for permission in which.permissions {
        let gateway = &desk.gateway;
        desk.confirmed(session, |session| gateway.set_permission(session, &which.role, permission, allowed)).await?;
    }
    done(desk, desk.latest(session), &which.role, "Changed").await
}

async fn limit(desk: &Desk, session: &Session, whose: Whose, limits: &[String]) -> Result<(), End> {
    // All are understood before any is set.
    let limits = limits.iter().map(|text| limit_of(text)).collect::<Result<Vec<_>, Fault>>()?;
    let scope = scope(desk, session, &whose).await?;
    for (limited, most) in limits {
        desk.confirmed(session, |session| desk.gateway.set_limit(session, scope.clone(), limited, most)).await?;
    }
    changed(desk, desk.latest(session), whose).await
}

fn limit_of(text: &str) -> Result<(Limited, Option<u32>), Fault> {
    let wrong = || {
        let names = Limited::ALL.map(Limited::as_str).join(", ");
        Fault::invalid(format!("“{}” is no limit.", safe(text))).hint(format!(
            "Write NAME=NUMBER or NAME=default; the names are {names}. Of tokens and the disk 0 is no limit."
        ))
    };
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let limited = Limited::parse(name.trim()).ok_or_else(wrong)?;
    match value.trim() {
        "default" => Ok((limited, None)),
        number => match number.parse() {
            Ok(most) if limited.range().contains(&most) => Ok((limited, Some(most))),
            Ok(_) | Err(_) => Err(wrong()),
        },
    }
}

async fn models(desk: &Desk, session: &Session, whose: Whose, rules: &[String]) -> Result<(), End> {
    let rules = rules.iter().map(|text| model_rule(text)).collect::<Result<Vec<_>, Fault>>()?;
    let scope = scope(desk, session, &whose).await?;
    desk.confirmed(session, |session| desk.gateway.set_model_access(session, scope.clone(), rules.clone())).await?;
    changed(desk, desk.latest(session), whose).await
}

fn model_rule(text: &str) -> Result<ModelRule, Fault> {
    if text.starts_with("--") {
        return Err(Fault::invalid(format!("“{}” stands after the patterns.", safe(text)))
            .hint("Options stand before them, because a pattern may begin with a hyphen."));
    }
    let (pattern, allowed) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(pattern), _) => (pattern, true),
        (None, Some(pattern)) => (pattern, false),
        (None, None) => ("", false),
    };
    if pattern.is_empty() {
        return Err(Fault::invalid(format!("“{}” neither allows nor denies.", safe(text)))
            .hint("Write +PATTERN to allow models, -PATTERN to deny them, such as +llama3* -*:70b."));
    }
    Ok(ModelRule { pattern: pattern.to_owned(), allowed })
}

async fn scope(desk: &Desk, session: &Session, whose: &Whose) -> Result<Scope, Fault> {
    if whose.account {
        return Ok(Scope::Account(users::find(desk, session, &whose.name).await?.id));
    }
    Ok(Scope::Role(whose.name.clone()))
}

async fn changed(desk: &Desk, session: &Session, whose: Whose) -> Result<(), End> {
    if !whose.account {
        return done(desk, session, &whose.name, "Changed").await;
    }
    if desk.global.json {
        return print_json(&json!({ "changed": whose.name }));
    }
    print(&format!("Changed: {}. `ollamanet users show` shows it.\n", safe(&whose.name)))
}

/// The role as it is now.
async fn done(desk: &Desk, session: &Session, name: &str, what: &str) -> Result<(), End> {
    if !desk.global.json {
        return print(&format!("{what}: {}\n", safe(name)));
    }
    let roles = desk.gateway.roles(session).await?;
    let role = roles.into_iter().find(|role| role.name.eq_ignore_ascii_case(name));
    print_json(&role.ok_or_else(|| Fault::not_found("role"))?)
}

fn list(desk: &Desk, roles: &[RoleView]) -> Result<(), End> {
    if desk.global.json {
        return print_json(&roles);
    }
    let cells: Vec<[String; 6]> = roles
        .iter()
        .map(|role| {
            let denied =
                Permission::ALL.into_iter().filter(|which| role.rank >= which.least_rank() && !role.may(*which));
            [
                safe(&role.name),
                role.rank.as_str().to_owned(),
                role.members.to_string(),
                said(&denied.map(|which| format!("-{}", which.as_str())).collect::<Vec<_>>()),
                limits_words(&role.limits),
                models_words(&role.models),
            ]
        })
        .collect();
    print(&out::table(["ROLE", "RANK", "MEMBERS", "BESIDE THE RANK", "LIMITS", "MODELS"], &cells))?;
    print(&format!("\n{}", matrix(roles)))
}

/// A line for each permission, a column for each role: yes or no as it works out, with a mark where that was said.
fn matrix(roles: &[RoleView]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for permission in Permission::ALL {
        let of = |role: &RoleView| {
            let said = role.permissions.iter().any(|(which, _)| *which == permission);
            let may = if role.may(permission) { "yes" } else { "no" };
            format!("{}: {may}{}", safe(&role.name), if said { "*" } else { "" })
        };
        let row: Vec<String> = roles.iter().map(of).collect();
        let _ = writeln!(text, "{:<16} {}", permission.as_str(), row.join("  "));
    }
    text.push_str("* said of the role; everything else follows its rank\n");
    text
}

fn said(words: &[String]) -> String {
    if words.is_empty() { "–".to_owned() } else { words.join(" ") }
}

fn limits_words(limits: &[LimitRule]) -> String {
    said(&limits.iter().map(|rule| format!("{}={}", rule.limited.as_str(), rule.most)).collect::<Vec<_>>())
}

fn models_words(models: &[ModelRule]) -> String {
    said(
        &models
            .iter()
            .map(|rule| format!("{}{}", if rule.allowed { '+' } else { '-' }, safe(&rule.pattern)))
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admin::Class;

    #[test]
    fn limits_and_rules_are_taken_as_they_are_written() {
        assert_eq!(limit_of("chat=30").unwrap(), (Limited::Calls(Class::Chat), Some(30)));
        assert_eq!(limit_of("answers=default").unwrap(), (Limited::Answers, None));
        for wrong in ["chat", "chat=0", "chat=-1", "chat=many", "free=1"] {
            assert!(limit_of(wrong).unwrap_err().hint.unwrap().contains("answers"), "{wrong}");
        }
        assert_eq!(model_rule("+llama3*").unwrap(), ModelRule { pattern: "llama3*".to_owned(), allowed: true });
        assert_eq!(model_rule("-*:70b").unwrap(), ModelRule { pattern: "*:70b".to_owned(), allowed: false });
        for wrong in ["llama3", "+", "-", "--json"] {
            assert!(model_rule(wrong).is_err(), "{wrong}");
        }
    }
}
