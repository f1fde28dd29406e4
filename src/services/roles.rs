//! Roles, what they may and how often, which models whom; the rules of the house.
//!
//! Invariant: a denial wins over everything, and nothing can be denied to the built-in role `admin`.

use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        admin::{Limited, ModelRule, Permission, Policy, RoleView, Scope},
        auth::Role,
    },
    services::unbuilt,
    store::Db,
};

#[derive(Debug)]
pub struct Roles {
    system: Db,
}

impl Roles {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn list(&self, by: Caller<Admin>) -> Result<Vec<RoleView>, Fault> {
        drop((by, &self.system));
        Err(unbuilt().await)
    }

    pub async fn create(&self, by: Caller<Admin>, name: &str, rank: Role) -> Result<RoleView, Fault> {
        drop((by, name, rank));
        Err(unbuilt().await)
    }

    pub async fn rename(&self, by: Caller<Admin>, name: &str, new: &str) -> Result<(), Fault> {
        drop((by, name, new));
        Err(unbuilt().await)
    }

    pub async fn delete(&self, by: Caller<Admin>, name: &str, instead: &str) -> Result<(), Fault> {
        drop((by, name, instead));
        Err(unbuilt().await)
    }

    pub async fn permit(
        &self,
        by: Caller<Admin>,
        role: &str,
        permission: Permission,
        allowed: Option<bool>,
    ) -> Result<(), Fault> {
        drop((by, role, permission, allowed));
        Err(unbuilt().await)
    }

    pub async fn limit(
        &self,
        by: Caller<Admin>,
        scope: Scope,
        limited: Limited,
        most: Option<u32>,
    ) -> Result<(), Fault> {
        drop((by, scope, limited, most));
        Err(unbuilt().await)
    }

    pub async fn set_models(&self, by: Caller<Admin>, scope: Scope, rules: Vec<ModelRule>) -> Result<(), Fault> {
        drop((by, scope, rules));
        Err(unbuilt().await)
    }

    pub async fn policy(&self, by: Caller<Admin>) -> Result<Policy, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn set_policy(&self, by: Caller<Admin>, policy: Policy) -> Result<(), Fault> {
        drop((by, policy));
        Err(unbuilt().await)
    }
}
