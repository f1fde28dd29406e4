//! Administering accounts: making, locking, resetting, removing. Every change is one transaction with its audit entry, and
//! none of them opens a vault: what somebody wrote stays behind their own keys.
//!
//! Invariant: there is always somebody who can administer; the last administrator is not demoted, disabled or deleted.

use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, SessionId,
        admin::{ActivationCode, NewUser, UserDetail, UserFilter, UserPage},
    },
    paths::Paths,
    services::unbuilt,
    store::Db,
};

#[derive(Debug)]
pub struct Users {
    system: Db,
    paths: Paths,
}

impl Users {
    #[must_use]
    pub fn new(system: Db, paths: Paths) -> Self {
        Self { system, paths }
    }

    pub async fn list(
        &self,
        by: Caller<Admin>,
        filter: UserFilter,
        after: Option<String>,
        limit: u32,
    ) -> Result<UserPage, Fault> {
        drop((by, filter, after, limit, &self.system, &self.paths));
        Err(unbuilt().await)
    }

    pub async fn show(&self, by: Caller<Admin>, id: AccountId) -> Result<UserDetail, Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn create(&self, by: Caller<Admin>, new: NewUser) -> Result<ActivationCode, Fault> {
        drop((by, new));
        Err(unbuilt().await)
    }

    pub async fn set_role(&self, by: Caller<Admin>, id: AccountId, role: &str) -> Result<(), Fault> {
        drop((by, id, role));
        Err(unbuilt().await)
    }

    pub async fn lock(&self, by: Caller<Admin>, id: AccountId, minutes: u32) -> Result<(), Fault> {
        drop((by, id, minutes));
        Err(unbuilt().await)
    }

    pub async fn unlock(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn enable(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn disable(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn reset(&self, by: Caller<Admin>, id: AccountId) -> Result<ActivationCode, Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn delete(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn restore(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn purge(&self, by: Caller<Admin>, id: AccountId) -> Result<(), Fault> {
        drop((by, id));
        Err(unbuilt().await)
    }

    pub async fn end_session(&self, by: Caller<Admin>, id: AccountId, which: Option<SessionId>) -> Result<(), Fault> {
        drop((by, id, which));
        Err(unbuilt().await)
    }
}
