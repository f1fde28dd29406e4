//! The audit trail, for those who may see it.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault,
        admin::{AuditFilter, AuditPage, AuditVerdict},
        auth::Session,
    },
};

const LIST: Op = Op {
    name: "audit.list",
    permission: Permission::SeeAudit,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(20),
    fresh: false,
};
// A million entries take a while to hash.
const VERIFY: Op = Op { name: "audit.verify", class: Class::Admin, deadline: Duration::from_mins(2), ..LIST };
const PRUNE: Op = Op { name: "audit.prune", fresh: true, ..VERIFY };

impl Gateway {
    /// Entries, newest first, from before `before` (a number). `limit` 1–100.
    pub async fn audit(
        &self,
        session: &Session,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<AuditPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.audit.list(by, filter, before, limit)).await
    }

    /// Hashes the whole trail anew and holds it against what the caller's vault remembers, then remembers its end.
    pub async fn verify_audit(&self, session: &Session) -> Result<AuditVerdict, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &VERIFY, |by| self.0.audit.verify(by)).await
    }

    /// Removes what the policy no longer keeps; the trail stays verifiable from the hash before its new beginning.
    /// Gives the number of entries removed.
    pub async fn prune_audit(&self, session: &Session) -> Result<u64, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PRUNE, |by| self.0.audit.prune(by)).await
    }
}
