//! The audit trail as an administrator sees it: listed, verified against what their vault remembers, pruned by rule.

use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        admin::{AuditFilter, AuditPage, AuditVerdict},
    },
    services::unbuilt,
    store::Db,
};

#[derive(Debug)]
pub struct Audit {
    system: Db,
}

impl Audit {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn list(
        &self,
        by: Caller<Admin>,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<AuditPage, Fault> {
        drop((by, filter, before, limit, &self.system));
        Err(unbuilt().await)
    }

    pub async fn verify(&self, by: Caller<Admin>) -> Result<AuditVerdict, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn prune(&self, by: Caller<Admin>) -> Result<u64, Fault> {
        drop(by);
        Err(unbuilt().await)
    }
}
