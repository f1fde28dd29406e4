//! Roles, what they may and how often, which models whom.
//!
//! Invariants: a denial wins over everything, nothing can be denied to the built-in role `admin`, nobody gives what they
//! have not got themselves, and there is always somebody left who can administer.

use crate::{
    access::{Admin, Caller},
    api::{
        Fault, FaultKind,
        admin::{Limited, ModelRule, Permission, RoleView, Scope},
        auth::Role,
    },
    services::rules::{beyond_own, still_administered, within_own},
    store::{
        Db, StoreError, Tx,
        system::{
            Moment, accounts, audit,
            roles::{self, BUILT_IN},
        },
    },
};

/// Longest name of a role, characters.
const NAME_MAX: usize = 50;
/// Most rules about models for one role or account.
const RULES_MAX: usize = 200;
/// Longest pattern of a model's name, bytes: a registry's host, a namespace, a name and a tag.
const PATTERN_MAX: usize = 400;

#[derive(Debug)]
pub struct Roles {
    system: Db,
}

impl Roles {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn list(&self, _by: Caller<Admin>) -> Result<Vec<RoleView>, Fault> {
        Ok(self.system.read(|tx| roles::list(tx)).await?)
    }

    /// A role of rank `admin` begins without what its maker is denied.
    pub async fn create(&self, by: Caller<Admin>, name: &str, rank: Role) -> Result<RoleView, Fault> {
        let name = checked_name(name)?;
        self.system
            .write(move |tx| {
                if roles::get(tx, &name)?.is_some() {
                    return Err(taken(&name));
                }
                let moment = Moment::here();
                roles::insert(tx, &name, rank, moment.now)?;
                let maker = roles::of_account(tx, by.account)?;
                for permission in Permission::ALL.into_iter().filter(|permission| rank >= permission.least_rank()) {
                    if !maker.may(permission) {
                        roles::permit(tx, &name, permission, Some(false))?;
                    }
                }
                audit::append(tx, &moment, Some(by.account), "roles.create", &name, "ok")?;
                Ok(roles::get(tx, &name)?.ok_or(StoreError::NotFound("role"))?)
            })
            .await
    }

    pub async fn rename(&self, by: Caller<Admin>, name: &str, new: &str) -> Result<(), Fault> {
        let (name, new) = (name.to_owned(), checked_name(new)?);
        self.system
            .write(move |tx| {
                custom(tx, &name)?;
                if name != new && roles::get(tx, &new)?.is_some() {
                    return Err(taken(&new));
                }
                roles::rename(tx, &name, &new)?;
                let told = format!("{name} → {new}");
                Ok(audit::append(tx, &Moment::here(), Some(by.account), "roles.rename", &told, "ok")?)
            })
            .await
    }

    pub async fn delete(&self, by: Caller<Admin>, name: &str, instead: &str) -> Result<(), Fault> {
        let (name, instead) = (name.to_owned(), instead.to_owned());
        self.system
            .write(move |tx| {
                custom(tx, &name)?;
                if name == instead {
                    return Err(Fault::invalid("Its members cannot get the role that goes.").hint("Name another one."));
                }
                let instead = existing(tx, &instead)?;
                within_own(tx, by.account, &instead)?;
                roles::delete(tx, &name, &instead.name)?;
                still_administered(tx)?;
                Ok(audit::append(tx, &Moment::here(), Some(by.account), "roles.delete", &name, "ok")?)
            })
            .await
    }

    pub async fn permit(
        &self,
        by: Caller<Admin>,
        role: &str,
        permission: Permission,
        allowed: Option<bool>,
    ) -> Result<(), Fault> {
        let name = role.to_owned();
        self.system
            .write(move |tx| {
                let role = existing(tx, &name)?;
                if role.name == "admin" {
                    return Err(Fault::new(FaultKind::Denied, "The role admin may everything, always.")
                        .hint("Make a role of rank admin and deny things to that."));
                }
                if permission == Permission::Own {
                    return Err(Fault::invalid("Nobody can be kept from their own account.")
                        .hint("To keep somebody out, lock or disable the account."));
                }
                if allowed == Some(true) && role.rank < permission.least_rank() {
                    return Err(Fault::invalid(format!("“{}” is for roles of rank admin.", permission.words()))
                        .hint("Make a role of that rank and deny it the rest."));
                }
                if allowed != Some(false) && !roles::of_account(tx, by.account)?.may(permission) {
                    return Err(beyond_own());
                }
                roles::permit(tx, &name, permission, allowed)?;
                still_administered(tx)?;
                let word = match allowed {
                    Some(true) => "allow",
                    Some(false) => "deny",
                    None => "by rank",
                };
                let told = format!("{name}: {} = {word}", permission.as_str());
                Ok(audit::append(tx, &Moment::here(), Some(by.account), "roles.permit", &told, "ok")?)
            })
            .await
    }

    pub async fn limit(
        &self,
        by: Caller<Admin>,
        scope: Scope,
        limited: Limited,
        most: Option<u32>,
    ) -> Result<(), Fault> {
        let range = limited.range();
        if most.is_some_and(|most| !range.contains(&most)) {
            return Err(Fault::invalid(format!("This limit is a number from {} to {}.", range.start(), range.end())));
        }
        self.system
            .write(move |tx| {
                let whose = named(tx, &scope)?;
                roles::limit(tx, &scope, limited, most)?;
                let most = most.map_or_else(|| "as configured".to_owned(), |most| most.to_string());
                let told = format!("{whose}: {} = {most}", limited.as_str());
                Ok(audit::append(tx, &Moment::here(), Some(by.account), "roles.limit", &told, "ok")?)
            })
            .await
    }

    pub async fn set_models(&self, by: Caller<Admin>, scope: Scope, rules: Vec<ModelRule>) -> Result<(), Fault> {
        let rules = checked_rules(rules)?;
        self.system
            .write(move |tx| {
                let whose = named(tx, &scope)?;
                roles::set_models(tx, &scope, &rules)?;
                let count = |allowed| rules.iter().filter(|rule| rule.allowed == allowed).count();
                let told = format!("{whose}: {} allowed, {} denied", count(true), count(false));
                Ok(audit::append(tx, &Moment::here(), Some(by.account), "roles.models", &told, "ok")?)
            })
            .await
    }
}

fn checked_name(name: &str) -> Result<String, Fault> {
    let name = name.trim().to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.chars().count() > NAME_MAX || !name.chars().all(plain) {
        return Err(Fault::invalid("That cannot be the name of a role.")
            .hint(format!("Use 1 to {NAME_MAX} letters, digits, dots, hyphens or underscores.")));
    }
    Ok(name)
}

fn checked_rules(rules: Vec<ModelRule>) -> Result<Vec<ModelRule>, Fault> {
    if rules.len() > RULES_MAX {
        return Err(Fault::invalid(format!("That is more than {RULES_MAX} rules about models."))
            .hint("A * stands for anything: llama3* is one rule."));
    }
    let mut kept: Vec<ModelRule> = Vec::with_capacity(rules.len());
    for ModelRule { pattern, allowed } in rules {
        let pattern = pattern.trim().to_owned();
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if pattern.is_empty() || pattern.len() > PATTERN_MAX || pattern.contains(odd) {
            return Err(Fault::invalid(format!("“{pattern}” cannot be the name of a model."))
                .hint("Write it as Ollama does, with * for anything: llama3.2:3b, llama3*, *:70b."));
        }
        match kept.iter_mut().find(|rule| rule.pattern == pattern) {
            // Deny wins here too.
            Some(before) => before.allowed &= allowed,
            None => kept.push(ModelRule { pattern, allowed }),
        }
    }
    Ok(kept)
}

fn existing(tx: &Tx<'_>, name: &str) -> Result<RoleView, Fault> {
    roles::get(tx, name)?.ok_or_else(|| Fault::not_found("role"))
}

fn custom(tx: &Tx<'_>, name: &str) -> Result<(), Fault> {
    existing(tx, name)?;
    if BUILT_IN.contains(&name) {
        return Err(Fault::invalid(format!("The role {name} is always there."))
            .hint("Make another one and give that to people."));
    }
    Ok(())
}

/// In words, for the audit trail; also the check that there is such a one.
fn named(tx: &Tx<'_>, scope: &Scope) -> Result<String, Fault> {
    match scope {
        Scope::Role(name) => Ok(format!("role {}", existing(tx, name)?.name)),
        Scope::Account(id) => {
            let found = accounts::by_id(tx, *id)?.ok_or_else(|| Fault::not_found("account"))?;
            Ok(format!("account {}", found.name))
        }
    }
}

fn taken(name: &str) -> Fault {
    Fault::new(FaultKind::Conflict, format!("There is a role {name} already.")).hint("Take another name.")
}
