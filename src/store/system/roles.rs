//! Roles: what hangs on them, who has them. Permissions are exceptions to what a role's rank may do.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::sessions;
use crate::{
    api::{
        AccountId,
        admin::{Limited, ModelRule, Permission, RoleView, Scope},
        auth::Role,
    },
    store::{StoreError, While},
};

/// The roles that are always there.
pub const BUILT_IN: [&str; 2] = ["admin", "user"];

/// Every role, the built-in ones first.
pub fn list(conn: &Connection) -> Result<Vec<RoleView>, StoreError> {
    let names: Vec<String> = conn
        .prepare_cached("SELECT name FROM roles ORDER BY name <> 'admin', name <> 'user', name")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .while_("listing roles")?;
    names.iter().map(|name| get(conn, name)?.ok_or(StoreError::NotFound("role"))).collect()
}

pub fn get(conn: &Connection, name: &str) -> Result<Option<RoleView>, StoreError> {
    let found: Option<(String, u32)> = conn
        .prepare_cached(
            "SELECT r.rank, (SELECT count(*) FROM accounts a WHERE a.role = r.name) FROM roles r WHERE r.name = :name",
        )
        .and_then(|mut find| {
            find.query_row(named_params! { ":name": name }, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .while_("reading a role")?;
    let Some((rank, members)) = found else { return Ok(None) };
    let said: Vec<(String, bool)> = conn
        .prepare_cached("SELECT permission, allowed FROM role_permissions WHERE role = :name ORDER BY permission")
        .and_then(|mut select| {
            select.query_map(named_params! { ":name": name }, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .while_("reading permissions")?;
    let known = |(name, allowed): (String, bool)| Some((Permission::parse(&name)?, allowed));
    Ok(Some(RoleView {
        name: name.to_owned(),
        rank: rank_of(&rank),
        is_builtin: BUILT_IN.contains(&name),
        permissions: said.into_iter().filter_map(known).collect(),
        limits: sessions::limits(conn, None, Some(name))?,
        models: sessions::models(conn, None, Some(name))?,
        members,
    }))
}

/// The role of an account.
pub fn of_account(conn: &Connection, account: AccountId) -> Result<RoleView, StoreError> {
    let name: String = conn
        .prepare_cached("SELECT role FROM accounts WHERE id = :id")
        .and_then(|mut find| find.query_row(named_params! { ":id": account.0 }, |row| row.get(0)).optional())
        .while_("reading a role")?
        .ok_or(StoreError::NotFound("account"))?;
    get(conn, &name)?.ok_or(StoreError::NotFound("role"))
}

/// Whether anybody is left who can administer accounts and roles and may come in.
pub fn is_administered(conn: &Connection, now: i64) -> Result<bool, StoreError> {
    conn.prepare_cached(
        "SELECT EXISTS (
             SELECT 1 FROM accounts a JOIN roles r ON r.name = a.role
             WHERE a.state = 'active' AND a.deleted_at IS NULL AND coalesce(a.locked_until, 0) <= :now
               AND r.rank = 'admin'
               AND NOT EXISTS (SELECT 1 FROM role_permissions p
                               WHERE p.role = r.name AND p.allowed = 0
                                 AND p.permission IN ('manage_accounts', 'manage_roles')))",
    )
    .and_then(|mut ask| ask.query_row(named_params! { ":now": now }, |row| row.get(0)))
    .while_("looking for an administrator")
}

pub fn insert(tx: &Transaction<'_>, name: &str, rank: Role, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO roles (name, rank, created_at) VALUES (:name, :rank, :now)",
        named_params! { ":name": name, ":rank": rank.as_str(), ":now": now },
    )
    .while_("making a role")?;
    Ok(())
}

pub fn rename(tx: &Transaction<'_>, name: &str, new: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE roles SET name = :new WHERE name = :name", named_params! { ":new": new, ":name": name })
        .while_("renaming a role")?;
    Ok(())
}

/// Removes a role; its members get `instead`.
pub fn delete(tx: &Transaction<'_>, name: &str, instead: &str) -> Result<(), StoreError> {
    let both = named_params! { ":name": name, ":instead": instead };
    tx.execute("UPDATE accounts SET role = :instead WHERE role = :name", both).while_("moving a role's members")?;
    tx.execute("DELETE FROM roles WHERE name = :name", named_params! { ":name": name }).while_("removing a role")?;
    Ok(())
}

/// `None` follows the rank again.
pub fn permit(
    tx: &Transaction<'_>,
    role: &str,
    permission: Permission,
    allowed: Option<bool>,
) -> Result<(), StoreError> {
    let permission = permission.as_str();
    match allowed {
        None => tx.execute(
            "DELETE FROM role_permissions WHERE role = :role AND permission = :permission",
            named_params! { ":role": role, ":permission": permission },
        ),
        Some(allowed) => tx.execute(
            "INSERT INTO role_permissions (role, permission, allowed) VALUES (:role, :permission, :allowed)
             ON CONFLICT (role, permission) DO UPDATE SET allowed = excluded.allowed",
            named_params! { ":role": role, ":permission": permission, ":allowed": allowed },
        ),
    }
    .while_("changing a permission")?;
    Ok(())
}

/// `None` takes the limit away.
pub fn limit(tx: &Transaction<'_>, scope: &Scope, limited: Limited, most: Option<u32>) -> Result<(), StoreError> {
    let (role, account) = parts(scope);
    tx.execute(
        "DELETE FROM limits WHERE limited = :limited AND (role = :role OR account = :account)",
        named_params! { ":limited": limited.as_str(), ":role": role, ":account": account },
    )
    .while_("changing a limit")?;
    if let Some(most) = most {
        tx.execute(
            "INSERT INTO limits (role, account, limited, most) VALUES (:role, :account, :limited, :most)",
            named_params! { ":role": role, ":account": account, ":limited": limited.as_str(), ":most": most },
        )
        .while_("changing a limit")?;
    }
    Ok(())
}

/// These rules in the place of those before.
pub fn set_models(tx: &Transaction<'_>, scope: &Scope, rules: &[ModelRule]) -> Result<(), StoreError> {
    let (role, account) = parts(scope);
    tx.execute(
        "DELETE FROM model_access WHERE role = :role OR account = :account",
        named_params! { ":role": role, ":account": account },
    )
    .while_("changing which models are allowed")?;
    for rule in rules {
        tx.execute(
            "INSERT INTO model_access (role, account, pattern, allowed) VALUES (:role, :account, :pattern, :allowed)",
            named_params! { ":role": role, ":account": account, ":pattern": rule.pattern, ":allowed": rule.allowed },
        )
        .while_("changing which models are allowed")?;
    }
    Ok(())
}

fn parts(scope: &Scope) -> (Option<&str>, Option<uuid::Uuid>) {
    match scope {
        Scope::Role(name) => (Some(name), None),
        Scope::Account(id) => (None, Some(id.0)),
    }
}

fn rank_of(text: &str) -> Role {
    if text == "admin" { Role::Admin } else { Role::User }
}
