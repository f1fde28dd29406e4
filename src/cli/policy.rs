//! `ollamanet policy`: the rules of the house.

use super::{
    Desk, End,
    admin_args::Policy as What,
    out::{print, print_json, safe},
};
use crate::api::{
    Fault,
    admin::{Policy, SecondFactorPolicy},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: What) -> Result<(), End> {
    let session = &desk.session().await?;
    let mut policy = desk.gateway.policy(session).await?;
    match what {
        What::Show => {}
        What::Set { rules } => {
            for rule in &rules {
                set(&mut policy, rule)?;
            }
            desk.confirmed(session, |session| desk.gateway.set_policy(session, policy.clone())).await?;
        }
    }
    if desk.global.json {
        return print_json(&policy);
    }
    print(&format!(
        "registration={}\nsecond-factor={}\naudit-keep-days={}\n",
        if policy.registration { "on" } else { "off" },
        second_factor_words(policy.second_factor),
        policy.audit_keep_days.map_or_else(|| "forever".to_owned(), |days| days.to_string())
    ))
}

/// As the rules are written.
#[must_use]
pub fn second_factor_words(policy: SecondFactorPolicy) -> &'static str {
    match policy {
        SecondFactorPolicy::Voluntary => "voluntary",
        SecondFactorPolicy::Administrators => "administrators",
        SecondFactorPolicy::Everybody => "everybody",
    }
}

fn set(policy: &mut Policy, rule: &str) -> Result<(), Fault> {
    let wrong = || {
        Fault::invalid(format!("“{}” is no rule.", safe(rule))).hint(
            "The rules are registration=on|off, second-factor=voluntary|administrators|everybody and \
             audit-keep-days=NUMBER|forever.",
        )
    };
    match rule.split_once('=').ok_or_else(wrong)? {
        ("registration", "on") => policy.registration = true,
        ("registration", "off") => policy.registration = false,
        ("second-factor", "voluntary") => policy.second_factor = SecondFactorPolicy::Voluntary,
        ("second-factor", "administrators") => policy.second_factor = SecondFactorPolicy::Administrators,
        ("second-factor", "everybody") => policy.second_factor = SecondFactorPolicy::Everybody,
        ("audit-keep-days", "forever") => policy.audit_keep_days = None,
        ("audit-keep-days", days) => policy.audit_keep_days = Some(days.parse().map_err(|_| wrong())?),
        _ => return Err(wrong()),
    }
    Ok(())
}
